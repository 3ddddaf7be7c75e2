"""How far a KPI may be from the truth, by the accuracies that the station file states."""

from math import hypot

from bench import roles
from bench.station import Accuracy, StationFile
from reports.kpi import Kpi


def uncertainty(measured: Kpi, station: StationFile) -> float:
    """Half-width of the interval that the station's accuracies give a KPI, in its unit.

    Gain errors of the same meter cancel in ratios of energies and of capacities; a resistance is a difference of
    voltages over a current, whose offsets count twice. Of several meters the worst counts. What is measured as a
    resistance, by an instrument whose role is another package's, is as good as that.
    """
    ohmmeters = _of_others(measured, station) if measured.unit.startswith("Ω") else []
    if ohmmeters:
        return abs(measured.value) * max(each.resistance for each in ohmmeters)
    # What the cells' meters tell of a spread is taken for as good as the source, which was the rule so far.
    meters = [role for role in ("source", "sink") if role in measured.meters] or ["source"]
    accuracies = [station.instruments[station.player(role) or ""].accuracy for role in meters]
    voltage, current = max(each.voltage for each in accuracies), max(each.current for each in accuracies)
    sensor = station.instruments[station.player("temperatures") or ""].accuracy.temperature
    relative = {
        "Ah": current, "Wh": hypot(voltage, current), "W": hypot(voltage, current), "Ω": hypot(2 * voltage, current),
        "V": voltage,
    }  # fmt: skip
    absolute = {"K": sensor, "s": station.scan_period}
    return absolute.get(measured.unit, abs(measured.value) * relative.get(measured.unit, 0.0))


def _of_others(measured: Kpi, station: StationFile) -> list[Accuracy]:
    """Accuracies of the meters whose role is none of ours."""
    foreign = [role for role in measured.meters if role not in roles.own_names()]
    return [station.instruments[name].accuracy for role in foreign for name in station.players(role)]
