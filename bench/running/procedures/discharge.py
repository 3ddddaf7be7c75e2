"""Discharging at a constant current, programmed once: in full, or in the short pulse that shows a resistance."""

from bench.running.declared import Place
from bench.running.procedures.base import Control, Direction, Envelope, Extremes, Procedure, Stage
from bench.running.sampling import Row
from bench.scenario import Discharge, Pulse, amperes

FLOOR = 0.9
"""Fraction of the pack's lowest voltage below which the sink itself stops: the end condition comes first."""
PULSE_SCAN_PERIOD = 0.1
"""s; ISO 12405-4, 7.3 wants the resistance from 0.1 s on."""


class _ConstantCurrent(Procedure[Discharge | Pulse]):
    """What both have in common."""

    direction: Direction = "discharge"

    def __init__(self, step: Discharge | Pulse, place: Place) -> None:
        super().__init__(step, place)
        self._current = amperes(step.rate, place.pack)

    def envelope(self) -> Envelope:
        """See `Procedure`."""
        pack = self.place.pack
        return {
            ("sink", "current"): Extremes(0.0, self._current),
            ("sink", "voltage"): Extremes(FLOOR * pack.voltage_min, pack.voltage_max),
            ("sink", "power"): Extremes(0.0, self._current * pack.voltage_max),
        }

    def mean_current(self) -> float:
        """See `Procedure`."""
        return self._current

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        return {"current": -self._current}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        floor, discharge, current = FLOOR * self.place.pack.voltage_min, stage.flow.discharge, self._current
        programmed = False

        def control(_row: Row, _time: float) -> None:
            nonlocal programmed
            if not programmed:
                discharge(current, floor)
                programmed = True

        return control


class DischargeProcedure(_ConstantCurrent):
    """Until a condition ends it."""

    kind = Discharge


class PulseProcedure(_ConstantCurrent):
    """Over before whatever disturbs it could recover: it is never paused, what follows it waits."""

    kind = Pulse
    may_pause = False
    resumable = False

    @property
    def scan_period(self) -> float:
        """See `Procedure`."""
        return PULSE_SCAN_PERIOD
