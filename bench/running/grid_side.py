"""Who carries out a power at the AC side of a car: the box that plays the charger, or source and sink in its place.

What the BMS allows cuts it in both directions, and so does a cell that nears its limits: whatever a grid or a manager
asks for, the pack's own limits win. What was asked for stands in the record beside what came of it.
"""

from math import inf, isnan, nan
from typing import Literal, Protocol

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile
from bench.running.declared import Place
from bench.running.procedures.base import Envelope, Extremes, Stage
from bench.running.procedures.charge import charging, voltage_of
from bench.running.procedures.discharge import FLOOR
from bench.running.sampling import Row
from bench.verdicts import TestError
from models.grid.charger import Charger, Plug

FADE = 0.03
"""V of room above its lowest voltage within which the lowest cell's current fades to nothing."""
_VOLTAGE, _DISCHARGE_LIMIT = INDEX[columns.VOLTAGE], INDEX[columns.DISCHARGE_LIMIT]
_CHARGE_LIMIT, _CELL_VOLTAGE_MIN = INDEX[columns.CHARGE_LIMIT], INDEX[columns.CELL_VOLTAGE_MIN]

NO_CHARGER = (
    "it needs a charger at the AC side, and station {station} names none: give it the section `charger:`, for which "
    "its source and sink stand, or an instrument that plays the role charger."
)


def charger_of(place: Place) -> Charger | None:
    """The box that plays the charger, as it is rated, or what source and sink stand for; None where nobody has said."""
    if "charger" in place.roles:
        rated = place.roles.charger.charger_ratings
        return Charger(
            charge=rated.charge, discharge=rated.discharge, least=rated.least, standby=0.0, quadratic=0.0, idle=0.0,
            proportional=1 - rated.efficiency, dead_time=rated.dead_time, ramp=rated.ramp,
        )  # fmt: skip
    settings = place.station.charger
    return None if settings is None else settings.made()


def side_of(charger: Charger, stage: Stage) -> "GridSide":
    """Who carries it out on this bench."""
    return Box(charger, stage) if "charger" in stage.place.roles else Direct(charger, stage)


def envelope(charger: Charger, place: Place, charge: float, discharge: float) -> Envelope:
    """What box, or source and sink, are asked for, for so many W at the AC side each way, at most."""
    if "charger" in place.roles:
        return {("charger", "power"): Extremes(-discharge, charge)}
    into, out = charger.ac_to_dc(min(charge, charger.charge)), -charger.ac_to_dc(-min(discharge, charger.discharge))
    return {**at_terminals("source", into, place.pack), **at_terminals("sink", out, place.pack)}


def at_terminals(role: Literal["source", "sink"], power: float, pack: PackFile) -> Envelope:
    """What source or sink is asked for, for so many W at the pack's terminals, at most; nothing for none."""
    limits, lowest = pack.limits, pack.voltage_min
    low, most = (0.0, limits.charge_current) if role == "source" else (FLOOR * lowest, limits.discharge_current)
    if not power > 0:
        return {}
    return {
        (role, "current"): Extremes(0.0, min(power / lowest, most)),
        (role, "voltage"): Extremes(low, pack.voltage_max),
        (role, "power"): Extremes(0.0, power),
    }


class GridSide(Protocol):
    """Asked for a power at the AC side."""

    def follow(self, asked: float, row: Row, time: float) -> None:
        """Ask for a power (W, AC, positive charges) by the newest row at a time of the step, s."""
        ...

    def terminals(self, power: float, row: Row, time: float) -> None:
        """So many W at the pack's terminals, past the charger; positive charges."""
        ...

    def stop(self) -> None:
        """0 W at once."""
        ...

    def off(self) -> None:
        """Outputs off, until it is asked for something again; may be called with each scan."""
        ...


class Box:
    """The instrument that plays the charger: it is asked anew only where something else is wanted of it."""

    def __init__(self, charger: Charger, stage: Stage) -> None:
        self._charger, self._player = charger, stage.place.roles.charger
        self._bms, self._asked, self._off = "bms" in stage.place.roles, nan, False
        self._into, self._out = (0.0, 0.0) if self._bms else (inf, inf)

    def follow(self, asked: float, row: Row, time: float) -> None:
        """See `GridSide`; within what the BMS allowed when limit and voltage were known last."""
        if not isnan(row[_CHARGE_LIMIT] * row[_VOLTAGE]):
            self._into = max(0.0, row[_CHARGE_LIMIT]) * row[_VOLTAGE]
        if not isnan(row[_DISCHARGE_LIMIT] * row[_VOLTAGE]):
            self._out = max(0.0, row[_DISCHARGE_LIMIT]) * row[_VOLTAGE]
        through = self._charger.ac_to_dc(asked)
        if not -self._out <= through <= self._into:
            asked = self._charger.dc_to_ac(self._into if through > 0 else -self._out)
        wanted = float(round(self._charger.allowed(asked)))
        if wanted != self._asked:
            self._asked, self._off = wanted, False
            self._player.set_grid_power(wanted)

    def terminals(self, power: float, row: Row, time: float) -> None:
        """See `GridSide`; raises `TestError`: a box knows no other side than the grid's. Pre-flight has said so."""
        if power:
            raise TestError("a box at the AC side cannot drive a car: it needs a source and a sink.")

    def stop(self) -> None:
        """See `GridSide`."""
        if self._asked and not self._off:
            self._asked = 0.0
            self._player.set_grid_power(0.0)

    def off(self) -> None:
        """See `GridSide`: a box that is at rest is still the bench's, and would be started by a set point."""
        if not self._off:
            self._asked, self._off = nan, True
            self._player.charger_off()


class Direct:
    """Source and sink as the charger; `plug` is the model of it, whose time is that of the step."""

    def __init__(self, charger: Charger, stage: Stage) -> None:
        self.plug = Plug(charger)
        self._stage, self._asked, self._time = stage, 0.0, 0.0
        pack = stage.place.pack
        self._pack, self._floor, self._most = pack, FLOOR * pack.voltage_min, pack.limits
        self._cell_min = pack.limits.cell_voltage.min
        self._into, self._room = 0.0, 1.0
        self._charge = charging(self._amperes, None, stage)
        self._allowed = 0.0 if "bms" in stage.place.roles else inf

    def follow(self, asked: float, row: Row, time: float) -> None:
        """See `GridSide`."""
        # What was asked until now has acted until now; what is asked now does so from now on.
        self.plug.follow(self._asked, max(time - self._time, 0.0))
        self._asked, self._time = asked, time
        power = self.plug.follow(asked, 0.0)
        self._stage.sampler.note(columns.SET_GRID_POWER, asked)
        self.terminals(self.plug.charger.ac_to_dc(power), row, time)

    def terminals(self, power: float, row: Row, time: float) -> None:
        """See `GridSide`."""
        self._stage.sampler.command(power)
        if power > 0:
            self._into = power
            self._charge(row, time)
        elif power < 0:
            if not isnan(row[_DISCHARGE_LIMIT]):
                self._allowed = max(0.0, row[_DISCHARGE_LIMIT])
            current = min(-power / voltage_of(row, self._pack), self._allowed, self._most.discharge_current)
            # A cell that nobody knows now has the room that it had: what is missing has a limit of its own.
            if not isnan(row[_CELL_VOLTAGE_MIN]):
                self._room = min(max((row[_CELL_VOLTAGE_MIN] - self._cell_min) / FADE, 0.0), 1.0)
            self._stage.flow.discharge(current * self._room, self._floor)
        else:
            self._stage.flow.off()

    def stop(self) -> None:
        """See `GridSide`."""
        self.plug.stop()
        self._stage.sampler.note(columns.SET_GRID_POWER, 0.0)
        self._asked = 0.0  # or what was asked before it would act on for as long as it stood

    def off(self) -> None:
        """See `GridSide`."""
        self.stop()
        self._stage.sampler.command(0.0)
        self._stage.flow.off()

    def _amperes(self, row: Row, _time: float) -> float:
        return min(self._into / voltage_of(row, self._pack), self._most.charge_current)
