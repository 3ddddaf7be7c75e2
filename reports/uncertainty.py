"""How far a KPI may be from the truth, by the accuracies that the station file states."""

from math import hypot

from bench import roles
from bench.accuracies import Quantities
from bench.station import StationFile
from instruments.accuracy import unstated
from reports.kpi import Kpi


def uncertainty(measured: Kpi, station: StationFile) -> float:
    """Half-width of the interval that the station's accuracies give a KPI, in its unit.

    Gain errors of the same meter cancel in ratios of energies and of capacities; a resistance is a difference of
    voltages over a current, whose offsets count twice. Of several meters the worst counts. What is measured as a
    resistance, by an instrument whose role is another package's, is as good as that.
    """
    ohmmeters = _of_others(measured, station) if measured.unit.startswith("Ω") else []
    if ohmmeters:
        return abs(measured.value) * max(_share(each, "resistance") for each in ohmmeters)
    # What the cells' meters tell of a spread is taken for as good as the source, which was the rule so far.
    meters = [role for role in ("source", "sink") if role in measured.meters] or ["source"]
    accuracies = [station.instruments[station.player(role) or ""].accuracy for role in meters]
    voltage, current = (max(_share(each, of) for each in accuracies) for of in ("voltage", "current"))
    sensor = _share(station.instruments[station.player("temperatures") or ""].accuracy, "temperature")
    relative = {
        "Ah": current, "Wh": hypot(voltage, current), "W": hypot(voltage, current), "Ω": hypot(2 * voltage, current),
        "V": voltage,
    }  # fmt: skip
    absolute = {"K": sensor, "s": station.scan_period}
    return absolute.get(measured.unit, abs(measured.value) * relative.get(measured.unit, 0.0))


def _of_others(measured: Kpi, station: StationFile) -> list[Quantities]:
    """Accuracies of the meters whose role is none of ours."""
    foreign = [role for role in measured.meters if role not in roles.own_names()]
    return [station.instruments[name].accuracy for role in foreign for name in station.players(role)]


def _share(stated: Quantities, quantity: str) -> float:
    """Expanded uncertainty of a reading of 1 V, 1 A or 1 Ohm, or of any temperature."""
    found = stated.of(quantity)
    return (found[0].accuracy("") if found else unstated(quantity)).expanded(0.0 if quantity == "temperature" else 1.0)
