"""Supplying a load from the car (V2L): its inverter has no ramp, it switches off by what it cannot carry.

The load is what it is, and the inverter follows it at once: what the bench adds is one scan. A load that is more than
the inverter's power is carried for a while, a short circuit is not carried at all.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import IntEnum

from bench import columns
from bench.columns import INDEX
from bench.grid.steps import Supply
from bench.profile import Playback
from bench.running.declared import Place
from bench.running.grid_side import Direct
from bench.running.procedures.base import Control, Direction, Stage
from bench.running.procedures.grid import OnTheGrid
from bench.running.procedures.pointwise import ROUNDING, Pointwise
from bench.running.sampling import Row
from models.grid.charger import Charger

_SOC, _CELL_VOLTAGE_MIN = INDEX[columns.SOC], INDEX[columns.CELL_VOLTAGE_MIN]


class SupplyState(IntEnum):
    """What the inverter does: supplies, has switched off for too much load, or because the pack is at its minimum."""

    EMPTY = -2
    TRIPPED = -1
    ON = 1


class SupplyProcedure(Pointwise[Supply], OnTheGrid[Supply]):
    """Supplies."""

    kind = Supply
    direction: Direction = "discharge"

    def __init__(self, step: Supply, place: Place) -> None:
        super().__init__(step, place)
        self._survey = found = step.survey
        if found.low < 0:
            raise ValueError(f"a load of {found.low:g} W gives something back: give W that it takes, positive.")
        if not found.high:
            raise ValueError("the load is 0 throughout: a rest asks for nothing as well.")
        if not 0 <= step.minimum < 1:
            raise ValueError(f"a minimum of {step.minimum:g}: give a state of charge from 0 to 1.")
        self.discharge = min(found.high, step.short * self.charger.discharge)

    @property
    def scan_period(self) -> float:
        """See `Procedure`."""
        return self.step.period

    @property
    def longest(self) -> float:
        """See `Pointwise`."""
        return self.scan_period

    @property
    def able(self) -> Charger:
        """See `OnTheGrid`; an overload is carried for a while."""
        return replace(self.charger, discharge=max(self.charger.discharge, self.discharge))

    def problems(self) -> Iterable[str]:
        """See `Procedure`: a box has no socket."""
        yield from super().problems()
        if "charger" in self.place.roles:
            yield "a box at a grid carries no load of its own: use a station whose source and sink are the charger."

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        return {**super().set_points(), "minimum": self.step.minimum, "restart": self.step.restart}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        playback, side = Playback(self.step.load, "power", "previous"), Direct(self.charger, stage)
        self.coming = playback.coming
        inverter = Inverter(self.step, self.charger.discharge, self.place.pack.limits.cell_voltage.min)

        def control(row: Row, time: float) -> None:
            load = playback.at(time + ROUNDING)
            before = inverter.state
            given = inverter.gives(load, row, time)
            if inverter.state is not before:
                text = f"The inverter is {inverter.state.name.lower()} at {load:.4g} W, {time:.4g} s into the step."
                stage.log.event("message", level="info", text=text)
            stage.sampler.note(columns.SET_GRID_POWER, -load)
            stage.sampler.note(columns.SUPPLY_STATE, float(inverter.state))
            side.terminals(self.charger.ac_to_dc(-given), row, time)

        return control


class Inverter:
    """What an inverter of `rated` W gives of a load."""

    def __init__(self, step: Supply, rated: float, cell_voltage_min: float) -> None:
        self.state = SupplyState.ON
        self._step, self._rated, self._lowest = step, rated, cell_voltage_min
        self._over_since: float | None = None
        self._tripped = 0.0

    def gives(self, load: float, row: Row, time: float) -> float:
        """W to a load of so many, at a time of the step (s)."""
        if self.state is SupplyState.EMPTY or self._is_empty(row):
            self.state = SupplyState.EMPTY
        elif self.state is SupplyState.TRIPPED and time - self._tripped >= self._step.restart - ROUNDING:
            self.state, self._over_since = SupplyState.ON, None
        if self.state is SupplyState.ON and self._is_too_much(load, time):
            self.state, self._tripped = SupplyState.TRIPPED, time
        return load if self.state is SupplyState.ON else 0.0

    def _is_empty(self, row: Row) -> bool:
        return row[_SOC] <= self._step.minimum or row[_CELL_VOLTAGE_MIN] <= self._lowest

    def _is_too_much(self, load: float, time: float) -> bool:
        if load <= self._rated:
            self._over_since = None
            return False
        if self._over_since is None:
            self._over_since = time
        return load > self._step.short * self._rated or time - self._over_since > self._step.overload + ROUNDING
