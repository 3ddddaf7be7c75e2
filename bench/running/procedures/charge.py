"""Charging: constant current, or as much as the BMS allows, then constant voltage held on the highest cell."""

from collections.abc import Callable, Iterable
from math import inf, isnan

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile
from bench.running.declared import Place
from bench.running.emulation import cell_of
from bench.running.procedures import bounds
from bench.running.procedures.base import Control, Direction, Envelope, Extremes, Procedure, Stage
from bench.running.procedures.leading import AHEAD, Leading, conditioner
from bench.running.sampling import Row
from bench.scenario import Charge, FastRecharge, amperes
from bench.strategies import rate_of
from models.cell import CellParameters

NEAR_THE_LIMIT = 0.1
"""V of head-room of the highest cell below which the voltage is held on it."""

Wanted = Callable[[Row, float], float]
"""A, by the newest row and the time (s) that the step has had."""

_VOLTAGE, _CELL_VOLTAGE_MAX = INDEX[columns.VOLTAGE], INDEX[columns.CELL_VOLTAGE_MAX]
_CHARGE_LIMIT, _SOC = INDEX[columns.CHARGE_LIMIT], INDEX[columns.SOC]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


class ChargeProcedure(Procedure[Charge]):
    """At the rate of the step, within what the BMS allows."""

    kind = Charge
    direction: Direction = "charge"

    def __init__(self, step: Charge, place: Place) -> None:
        super().__init__(step, place)
        self._current = amperes(step.rate, place.pack)

    def envelope(self) -> Envelope:
        """See `Procedure`."""
        highest = self.place.pack.voltage_max
        return {
            ("source", "current"): Extremes(0.0, self._current),
            ("source", "voltage"): Extremes(0.0, highest),
            ("source", "power"): Extremes(0.0, self._current * highest),
        }

    def problems(self) -> Iterable[str]:
        """See `Procedure`."""
        cell, wanted = self.place.pack.limits.cell_voltage, self.step.cell_voltage
        if wanted is not None and not cell.min <= wanted <= cell.max:
            yield f"{wanted:.4g} V per cell, the pack allows {cell.min:.4g} to {cell.max:.4g} V."

    def mean_current(self) -> float:
        """See `Procedure`."""
        return self._current

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        return {"current": self._current, "voltage": self.place.pack.voltage_max}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        return charging(lambda _row, _time: self._current, self.step.cell_voltage, stage)


class FastRechargeProcedure(Procedure[FastRecharge]):
    """As fast as strategy and BMS allow, up to whatever pack, source and wiring all carry: bounded, never refused."""

    kind = FastRecharge
    direction: Direction = "charge"

    def envelope(self) -> Envelope:
        """See `Procedure`."""
        found = {
            ("source", "current"): Extremes(0.0, bounds.charge_bound(self.place).value),
            ("source", "voltage"): Extremes(0.0, self.place.pack.voltage_max),
        }
        return found if self.step.condition is None else {**found, **self._leading(self.step.condition).envelope}

    def _leading(self, target: float) -> Leading:
        return Leading.around(self.place, conditioner(self.place), target)

    def problems(self) -> Iterable[str]:
        """See `Procedure`: a strategy that does not get there."""
        ends = [each.resolve(self.place.pack) for each in self.step.conditions if each.column == columns.SOC]
        if self.step.strategy.asks:
            yield from self.step.strategy.problems(min(ends, default=0.0), self._cell)

    def mean_current(self) -> float:
        """See `Procedure`."""
        return self.place.pack.limits.charge_current

    def set_points(self) -> dict[str, float]:
        """See `Procedure`; what a model has promised of the charge is one."""
        found = {"current": bounds.charge_bound(self.place).value, "voltage": self.place.pack.voltage_max}
        promised = self.step.strategy.promised
        if self.step.condition is not None:
            found["conditioned to"] = self.step.condition
        return found if isnan(promised) else {**found, "promised time": promised}

    def words(self) -> dict[str, str]:
        """See `Procedure`."""
        found = {"strategy": self.step.strategy.name}
        return found if self.step.condition is None else {**found, "conditioned by": conditioner(self.place)}

    @property
    def _cell(self) -> CellParameters:
        return cell_of(self.place.pack)

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        charge, target = self._charging(stage), self.step.condition
        if target is None:
            return charge
        leading = self._leading(target)

        def control(row: Row, time: float) -> None:
            charge(row, time)
            leading.lead(stage, row, target, ahead=AHEAD)

        return control

    def _charging(self, stage: Stage) -> Control:
        largest = bounds.charge_bound(self.place).value
        if not self.step.strategy.asks:
            return charging(lambda _row, _time: largest, None, stage)
        strategy, cell, capacity = self.step.strategy, self._cell, self.place.pack.rated_capacity
        command, asked = stage.sampler.command, 0.0

        def wanted(row: Row, _time: float) -> float:
            nonlocal asked
            # Cells whose temperature nobody knows in this scan were as warm in the last one.
            if not isnan(row[_COLDEST] + row[_HOTTEST]):
                asked = capacity * rate_of(strategy, row[_SOC], row[_COLDEST], row[_HOTTEST], cell)
            command(asked * row[_VOLTAGE])
            return min(asked, largest)

        return charging(wanted, None, stage)


def voltage_of(row: Row, pack: PackFile) -> float:
    """V by which a power becomes a current: the pack's lowest at least, and its highest where nobody knows it.

    That is the least current that makes this power at any voltage of the pack.
    """
    voltage = row[_VOLTAGE]
    # Written so that no number (nan) is one that nobody knows as well.
    return max(voltage, pack.voltage_min) if voltage > 0 else pack.voltage_max


def charging(wanted: Wanted, cell_voltage: float | None, stage: Stage) -> Control:
    """The `wanted` current within what the BMS allows, then constant voltage held on the highest cell.

    The supply holds the terminal voltage. Near the limit its set point is the measured voltage plus the head-room of
    the highest cell, counted for half the string: the cell closes on its limit from below and never passes it by more
    than a scan's worth. Further away the set point stays at the pack's limit and nothing is sent. Where a scan lacks
    what that is worked out from, the one before holds: at the pack's limit its highest cell may pass its own.
    """
    pack, charge = stage.place.pack, stage.flow.charge
    limit = cell_voltage if cell_voltage is not None else pack.limits.cell_voltage.max
    gain, highest = pack.series / 2, pack.series * limit

    # What the BMS allows is what it said last; before it has said anything it allows nothing. Where there is none, the
    # step and the pack's limits are all there is.
    allowed, held = 0.0 if "bms" in stage.place.roles else inf, highest

    def control(row: Row, time: float) -> None:
        nonlocal allowed, held
        if not isnan(row[_CHARGE_LIMIT]):
            allowed = row[_CHARGE_LIMIT]
        current = wanted(row, time)
        current = allowed if allowed < current else current
        headroom = limit - row[_CELL_VOLTAGE_MAX]
        if headroom > NEAR_THE_LIMIT:
            held = highest
        elif not isnan(closing := row[_VOLTAGE] + gain * headroom):
            held = min(closing, highest)
        charge(current, held)

    return control
