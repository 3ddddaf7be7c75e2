"""Who carries out a power at the AC side of a car: the box that plays the charger, or source and sink in its place.

What the BMS allows cuts it in both directions, and so does a cell that nears its limits: whatever a grid or a manager
asks for, the pack's own limits win. What was asked for stands in the record beside what came of it.
"""

from collections.abc import Callable
from math import inf, isnan

from bench import columns
from bench.columns import INDEX
from bench.running.declared import Place
from bench.running.procedures.base import Envelope, Extremes, Stage
from bench.running.procedures.charge import charging
from bench.running.procedures.discharge import FLOOR
from bench.running.sampling import Row
from models.grid.charger import Charger, Plug

FADE = 0.03
"""V of room above its lowest voltage within which the lowest cell's current fades to nothing."""
_VOLTAGE, _DISCHARGE_LIMIT = INDEX[columns.VOLTAGE], INDEX[columns.DISCHARGE_LIMIT]
_CELL_VOLTAGE_MIN = INDEX[columns.CELL_VOLTAGE_MIN]

Follow = Callable[[float, Row, float], float]
"""Asks for a power (W, AC) by the newest row at a time of the step (s); returns what the charger does of it now."""
NO_CHARGER = (
    "it needs a charger at the AC side, and station {station} names none: give it the section `charger:`, for which "
    "its source and sink stand, or an instrument that plays the role charger."
)


def charger_of(place: Place) -> Charger | None:
    """What the station's source and sink stand for; None where nobody has said."""
    settings = place.station.charger
    return None if settings is None else settings.made()


def envelope(charger: Charger, place: Place, charge: float, discharge: float) -> Envelope:
    """What source and sink are asked for, for so many W at the AC side each way, at most."""
    pack, found = place.pack, dict[tuple[str, str], Extremes]()
    into, out = charger.ac_to_dc(min(charge, charger.charge)), -charger.ac_to_dc(-min(discharge, charger.discharge))
    for role, power, low, most in (
        ("source", into, 0.0, pack.limits.charge_current),
        ("sink", out, FLOOR * pack.voltage_min, pack.limits.discharge_current),
    ):
        if power > 0:
            found[role, "current"] = Extremes(0.0, min(power / pack.voltage_min, most))
            found[role, "voltage"] = Extremes(low, pack.voltage_max)
            found[role, "power"] = Extremes(0.0, power)
    return found


class Direct:
    """Source and sink as the charger; `plug` is the model of it, whose time is that of the step."""

    def __init__(self, charger: Charger, stage: Stage) -> None:
        self.plug = Plug(charger)
        self._stage, self._asked, self._time = stage, 0.0, 0.0
        pack = stage.place.pack
        self._lowest, self._most = pack.voltage_min, pack.limits
        self._cell_min = pack.limits.cell_voltage.min
        self._into = 0.0
        self._charge = charging(self._amperes, None, stage)
        self._allowed = 0.0 if "bms" in stage.place.roles else inf

    def follow(self, asked: float, row: Row, time: float) -> float:
        """See `Follow`."""
        # What was asked until now has acted until now; what is asked now does so from now on.
        self.plug.follow(self._asked, max(time - self._time, 0.0))
        self._asked, self._time = asked, time
        power = self.plug.follow(asked, 0.0)
        self._stage.sampler.note(columns.SET_GRID_POWER, asked)
        self.terminals(self.plug.charger.ac_to_dc(power), row, time)
        return power

    def terminals(self, power: float, row: Row, time: float) -> None:
        """So many W at the pack's terminals, positive charges."""
        self._stage.sampler.command(power)
        if power > 0:
            self._into = power
            self._charge(row, time)
        elif power < 0:
            if not isnan(row[_DISCHARGE_LIMIT]):
                self._allowed = max(0.0, row[_DISCHARGE_LIMIT])
            current = min(-power / max(row[_VOLTAGE], self._lowest), self._allowed, self._most.discharge_current)
            room = (row[_CELL_VOLTAGE_MIN] - self._cell_min) / FADE
            self._stage.flow.discharge(current * min(max(room, 0.0), 1.0), FLOOR * self._lowest)
        else:
            self._stage.flow.off()

    def stop(self) -> None:
        """0 W at once."""
        self.plug.stop()

    def _amperes(self, row: Row, _time: float) -> float:
        return min(self._into / max(row[_VOLTAGE], self._lowest), self._most.charge_current)
