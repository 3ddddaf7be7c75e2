"""Constant power: the current that it takes at the voltage of the newest row, scan by scan."""

from bench.running.declared import Place
from bench.running.procedures.base import Control, Envelope, Extremes, Procedure, Stage
from bench.running.procedures.charge import charging, voltage_of
from bench.running.procedures.discharge import FLOOR
from bench.running.sampling import Row
from bench.scenario import ConstantPower


class ConstantPowerProcedure(Procedure[ConstantPower]):
    """Charging it ends as a charge does, at the highest cell; discharging the end condition ends it."""

    kind = ConstantPower

    def __init__(self, step: ConstantPower, place: Place) -> None:
        super().__init__(step, place)
        if not abs(step.power) > 0:
            raise ValueError(f"a power of {step.power:g} W moves nothing: give W, positive to charge.")
        self.direction = "charge" if step.power > 0 else "discharge"
        self._power, self._lowest = abs(step.power), place.pack.voltage_min

    def envelope(self) -> Envelope:
        """See `Procedure`; the largest current is that of the lowest voltage."""
        role, low = ("source", 0.0) if self.direction == "charge" else ("sink", FLOOR * self._lowest)
        return {
            (role, "current"): Extremes(0.0, self._power / self._lowest),
            (role, "voltage"): Extremes(low, self.place.pack.voltage_max),
            (role, "power"): Extremes(0.0, self._power),
        }

    def mean_current(self) -> float:
        """See `Procedure`."""
        return 2 * self._power / (self._lowest + self.place.pack.voltage_max)

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        return {"power": self.step.power}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        command, power = stage.sampler.command, self.step.power
        act = charging(self._wanted, None, stage) if self.direction == "charge" else self._discharging(stage)

        def control(row: Row, time: float) -> None:
            command(power)
            act(row, time)

        return control

    def _wanted(self, row: Row, _time: float) -> float:
        return self._power / voltage_of(row, self.place.pack)

    def _discharging(self, stage: Stage) -> Control:
        floor, discharge = FLOOR * self._lowest, stage.flow.discharge
        return lambda row, time: discharge(self._wanted(row, time), floor)
