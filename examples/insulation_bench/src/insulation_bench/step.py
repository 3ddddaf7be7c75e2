"""The kind of step, and the procedure that carries it out.

Declared in `pyproject.toml`, group `packbench.steps`, under the name of the class of the step. The envelope of the
procedure is bounded here as well: importing this file registers what the test voltage may be.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from math import isnan
from typing import ClassVar

from packbench import (
    BenchFault,
    BmsMode,
    BmsState,
    Control,
    Ending,
    Envelope,
    Extremes,
    PackFile,
    Place,
    Procedure,
    Row,
    Stage,
    Step,
    bound,
)

from insulation_bench.role import NAME, RESISTANCE, TEST_VOLTAGE, TOUCHABLE, InsulationTester

OPENS_WITHIN = 15.0
"""s from the request to open contactors: a BMS opens within one, or does not."""
DISCHARGED_WITHIN = 30.0
"""s: the Y capacitors of a pack discharge over the tester's resistor within one."""
STABLE, STABLE_FOR = 0.05, 10.0
"""Share by which two readings may differ that are so many s apart, to be called stable."""
PATIENCE = 3.0
"""Times the dwell after which a reading that is not stable will not become so."""
_STATE, _BUS = "BMS State / 1", "Voltage / V"


@dataclass(frozen=True)
class InsulationTest(Step):
    """Contactors open, `voltage` V (d.c.) between the poles and the case for `dwell` s, then off and discharged.

    ISO 6469-3, measurement of isolation resistance (8.2 of the edition of 2011): a d.c. voltage of at least the highest
    working voltage, applied for a time long enough to obtain a stable reading. It ends when the dwell is over and the
    reading is stable, and less than 60 V d.c. are left.
    """

    voltage: float
    dwell: float = 60.0
    name: str = field(default="insulation test", kw_only=True)

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`."""
        return self.dwell + OPENS_WITHIN


@bound(NAME, "voltage")
def _what_may_be_put_on(wanted: Extremes, place: Place) -> Iterable[str]:
    """No more than tester, leads and pack may see; for the rest see `InsulationTestProcedure.problems`."""
    highest = place.roles[NAME].highest_test_voltage
    if not 0 <= wanted.low <= wanted.high <= highest:
        yield f"a test voltage of {wanted.high:g} V, the {NAME} takes 0 to {highest:g} V."


class InsulationTestProcedure(Procedure[InsulationTest]):
    """Moves no current through the pack; its contactors are open and stay so."""

    kind = InsulationTest
    # A reading that was interrupted has not dwelt, and what was charged is discharged before anything else goes on.
    may_pause: ClassVar[bool] = False
    resumable: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = (RESISTANCE, TEST_VOLTAGE)

    def __init__(self, step: InsulationTest, place: Place) -> None:
        super().__init__(step, place)
        self._sequence: _Sequence | None = None

    @property
    def scan_period(self) -> float:
        """As while a current flows: a breakdown is over within seconds."""
        return self.place.station.scan_period

    def envelope(self) -> Envelope:
        """See `Procedure`."""
        return {(NAME, "voltage"): Extremes(0.0, self.step.voltage)}

    def problems(self) -> Iterable[str]:
        """See `Procedure`."""
        least = self.place.pack.voltage_max
        if not self.step.voltage >= least:
            yield (
                f"a test voltage of {self.step.voltage:g} V is less than the {least:.4g} V of the pack; ISO 6469-3 "
                "asks for at least its highest working voltage."
            )
        if not STABLE_FOR <= self.step.dwell <= 3600:
            yield f"a dwell of {self.step.dwell:g} s; allowed: {STABLE_FOR:g} to 3600 s, for the reading to be stable."

    def set_points(self) -> dict[str, float]:
        """With what the figure is over: the highest working voltage of the pack."""
        return {
            "test voltage": self.step.voltage,
            "dwell": self.step.dwell,
            "working voltage": self.place.pack.voltage_max,
        }

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        self._sequence = _Sequence(self.step, stage)
        return self._sequence

    def ending(self, start: float, at_least: float = 0.0) -> Ending:
        """See `Procedure`."""
        assert self._sequence is not None  # noqa: S101 - the engine begins before it asks for the end
        return self._sequence

    def abandoned(self, stage: Stage) -> None:
        """Whatever has ended the step: the test voltage first, before a test can go on with anything else."""
        stage.place.roles[NAME].test_voltage_off()

    def until(self) -> list[str]:
        """See `Procedure`."""
        return [f"{self.step.dwell:g} s at {self.step.voltage:g} V, a stable reading, less than {TOUCHABLE:g} V left"]


class _Sequence:
    """What the step does from row to row, and when it is over: opening, testing, discharging."""

    def __init__(self, step: InsulationTest, stage: Stage) -> None:
        self._step, self._log = step, stage.log
        self._tester: InsulationTester = stage.place.roles[NAME]
        index = stage.place.index
        self._ohms, self._volts = index[RESISTANCE], index[TEST_VOLTAGE]
        self._state = index[_STATE] if "bms" in stage.place.roles else None
        self._bus = None if stage.place.station.safe_state.bus_meter is None else index[_BUS]
        self._readings: list[tuple[float, float]] = []
        self._does: Control = self._open
        self._since = 0.0
        self._text = ""
        if self._state is not None:
            stage.place.roles.bms.request_mode(BmsMode.STANDBY)

    def __call__(self, row: Row, time: float) -> None:
        """Go on; `time` is that of the step, s."""
        self._does(row, time)

    def reached(self, row: Row, _distrusted: Container[str] = ()) -> str | None:
        """Over once less than 60 V are left, and the tester says so itself. See `Ending`."""
        if self._does != self._discharge or not abs(row[self._volts]) < TOUCHABLE:
            return None
        return self._text if self._tester.test_voltage_is_off() else None

    def postpone(self, seconds: float) -> None:
        """It is never paused. See `Ending`."""

    def _go_on_with(self, next_: Control, time: float) -> None:
        self._does, self._since = next_, time

    def _open(self, row: Row, time: float) -> None:
        """Wait until the contactors are open, then put the test voltage on."""
        if self._is_isolated(row):
            self._tester.apply_test_voltage(self._step.voltage)
            self._log.event(
                "set point", instrument=NAME, quantity="voltage", value=self._step.voltage, unit="V"
            )  # fmt: skip
            self._go_on_with(self._test, time)
        elif time - self._since > OPENS_WITHIN:
            raise BenchFault(
                f"Step {self._step.name!r}: after {OPENS_WITHIN:g} s {self._still_closed(row)}, and no test voltage "
                "was put on; look for a welded contactor.",
                "contactor-not-open",
            )

    def _is_isolated(self, row: Row) -> bool:
        """Whether the BMS says that its contactors are open, and the meter behind them reads nothing of the pack."""
        # Written so that a voltage that cannot be read (nan) is not taken for none.
        dead = self._bus is None or abs(row[self._bus]) < TOUCHABLE
        return dead and (self._state is None or row[self._state] == BmsState.STANDBY)

    def _still_closed(self, row: Row) -> str:
        if self._state is not None and row[self._state] != BmsState.STANDBY:
            return "the BMS has not opened its contactors"
        return f"the BMS says that its contactors are open and {row[self._bus or 0]:.4g} V are on the bus"

    def _test(self, row: Row, time: float) -> None:
        """Dwell, and until the reading is stable; then take the test voltage off."""
        volts, ohms = row[self._volts], row[self._ohms]
        if isnan(ohms):
            raise BenchFault(
                f"Step {self._step.name!r}: the tester has switched its test voltage off, {volts:.3g} V are left after "
                f"{time - self._since:.0f} s; look at its interlock and its panel.",
                "test-voltage-lost",
            )
        self._readings.append((time, ohms))
        if time - self._since < self._step.dwell - 1e-6:
            return
        if self._is_stable(time):
            self._tester.test_voltage_off()
            self._text = f"{ohms:.4g} Ohm after {time - self._since:.0f} s at {volts:.4g} V, discharged"
            self._go_on_with(self._discharge, time)
        elif time - self._since > PATIENCE * self._step.dwell:
            raise BenchFault(
                f"Step {self._step.name!r}: the reading is {ohms:.4g} Ohm and goes on moving by more than "
                f"{STABLE:.0%} in {STABLE_FOR:g} s; look at the test leads, and whether the pack is wet.",
                "insulation-not-settled",
            )

    def _discharge(self, row: Row, time: float) -> None:
        """`reached` ends the step; this is for when it does not."""
        if time - self._since > DISCHARGED_WITHIN:
            raise BenchFault(
                f"Step {self._step.name!r}: {row[self._volts]:.4g} V are left on the pack's insulation "
                f"{DISCHARGED_WITHIN:g} s after the test voltage was taken off, less than {TOUCHABLE:g} V are safe to "
                "touch.",
                "not-discharged",
            )

    def _is_stable(self, now: float) -> bool:
        recent = [ohms for time, ohms in self._readings if time >= now - STABLE_FOR - 1e-6]
        # What is more than can be measured (inf) throughout is stable as well.
        return min(recent) == max(recent) or max(recent) - min(recent) <= STABLE * min(recent)
