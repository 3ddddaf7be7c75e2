"""Runs a scenario: scan, guard, record, control, sleep, until a step's condition holds.

The engine alone knows time and order. It never leaves a step that carried a current without switching the outputs
off, whatever ended the step.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import isnan, nan

from bench import columns, preflight, safestate
from bench.columns import INDEX
from bench.guard import Guard
from bench.lifecycle import OpenBench
from bench.run import Run, RunRecord
from bench.scenario import ELAPSED, Charge, Discharge, FastRecharge, Pulse, Rest, Soak, Step, amperes
from bench.verdicts import BenchFault, Cause, InputError, PackFailure, Verdict
from instruments.roles import BmsMode, BmsState, InstrumentFault

Row = list[float]

_TIME, _UNIX, _STEP = INDEX[columns.TEST_TIME], INDEX[columns.UNIX_TIME], INDEX[columns.STEP]
_VOLTAGE, _CURRENT, _POWER = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT], INDEX[columns.POWER]
_CHARGE_AH, _DISCHARGE_AH = INDEX[columns.CHARGE_AH], INDEX[columns.DISCHARGE_AH]
_CHARGE_WH, _DISCHARGE_WH = INDEX[columns.CHARGE_WH], INDEX[columns.DISCHARGE_WH]
_SET_CURRENT, _SET_VOLTAGE = INDEX[columns.SET_CURRENT], INDEX[columns.SET_VOLTAGE]
_SET_TEMPERATURE, _AMBIENT = INDEX[columns.SET_TEMPERATURE], INDEX[columns.AMBIENT]
_CELL_V_MAX, _CELL_T_MIN, _CELL_T_MAX = (
    INDEX[columns.CELL_VOLTAGE_MAX], INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]
)  # fmt: skip
_CHARGE_LIMIT, _BMS_STATE, _SCAN_DURATION = INDEX[columns.CHARGE_LIMIT], INDEX[columns.BMS_STATE], INDEX[columns.SCAN_DURATION]

PULSE_SCAN_PERIOD = 0.1
CONTACTOR_TIMEOUT = 15.0
"""s from the request to closed contactors: a foxBMS node precharges within 3 s, gives up after 5."""
DRIFT_WINDOW = 600.0
"""s over which a drift of 1 K/h is told from the resolution of a sensor (0.17 K)."""
TIMEOUT_FACTOR, TIMEOUT_EXTRA = 4.0, 3600.0
"""A step that takes this many times what was expected, and an hour, is the bench's fault."""


class Engine:
    """Drives one open bench for one run."""

    def __init__(self, bench: OpenBench, run: Run) -> None:
        self.bench, self.run_ = bench, run
        self.roles, self.clock, self.pack, self.station = bench.roles, bench.clock, bench.pack, bench.station
        self.guard = Guard(bench.limits, bench.scanner.columns)
        self.observers: list[Callable[[Row, "Engine"], None]] = []
        self.expected_end = 0.0
        self.step: Step | None = None
        self._index = 0
        self._set = (nan, nan)
        self._set_temperature = nan
        self._counters = [0.0, 0.0, 0.0, 0.0]
        self._previous: Row | None = None
        self._stepped = False
        self._epoch = bench.clock.epoch.timestamp()
        self._sensors = slice(INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX] + 1)

    def run(self, *steps: Step) -> RunRecord:
        """Run `steps` in order and return everything recorded so far.

        Raises `InputError` before anything is switched on when a step cannot be, `PackFailure` when the pack violated
        a limit, `BenchFault` when the bench failed.
        """
        plan = preflight.check(steps, self.pack, self.station, self.roles)
        self.run_.event(
            "message", level="info",
            text=f"Scenario of {len(steps)} steps, expected to take {plan.duration / 3600:.1f} h and move {plan.energy:.0f} Wh.",
        )  # fmt: skip
        remaining = plan.duration
        for step in steps:
            self.expected_end = self.clock.now() + remaining
            self._run_step(step)
            remaining -= step.expected_duration(self.pack)
        return self.run_.record()

    # --- one step -------------------------------------------------------------------------------------------------

    def _run_step(self, step: Step) -> None:
        self._index += 1
        self.step, self.run_.step = step, step.name
        self.run_.event(
            "step started", index=self._index, name=step.name, kind=step.kind, step_type=step.step_type,
            set_points=self._set_points(step), until=[str(condition) for condition in step.conditions] or [self._settled_text()],
            expected_duration=step.expected_duration(self.pack),
        )  # fmt: skip
        start = self.clock.now()
        ended_by, verdict = "", Verdict.PASS
        try:
            ended_by = self._carry_out(step, start)
        except BaseException as error:
            ended_by, verdict = self._blame(error)
            raise
        finally:
            self._set = (nan, nan)
            self.run_.event(
                "step ended", index=self._index, name=step.name, duration=round(self.clock.now() - start, 6),
                ended_by=ended_by, reached=self._reached(), verdict=verdict,
            )  # fmt: skip
            self.step, self.run_.step = None, None

    def _carry_out(self, step: Step, start: float) -> str:
        match step:
            case Soak():
                return self._soak(step, start)
            case Rest():
                return self._loop(step, start, self.station.rest_scan_period, _no_control)
            case _:
                pass
        period = PULSE_SCAN_PERIOD if isinstance(step, Pulse) else self.station.scan_period
        try:
            self._close_contactors(BmsMode.CHARGE if isinstance(step, Charge | FastRecharge) else BmsMode.DISCHARGE)
            control = self._controller(step)
            control(self._previous or self._scan())
            return self._loop(step, self.clock.now(), period, control)
        except BaseException:
            # The first cause is already on its way up; an output that will not switch off is the safe state's to tell.
            with suppress(InstrumentFault, OSError):
                safestate.outputs_off(self.roles)
            raise
        finally:
            self._stepped = True

    def _loop(self, step: Step, start: float, period: float, control: Callable[[Row], None]) -> str:
        """Scan each `period` until a condition holds; returns the condition as a sentence."""
        conditions = [
            (INDEX.get(condition.column, -1), condition, condition.resolve(self.pack), [nan]) for condition in step.conditions
        ]
        deadline = start + self._timeout(step)
        due = self.clock.now()
        while True:
            due += period
            self.clock.sleep(due - self.clock.now())
            row = self._scan()
            for position, condition, threshold, since in conditions:
                value = row[_TIME] - start if condition.column == ELAPSED else row[position]
                if _holds(condition.comparison, value, threshold, magnitude=position == _CURRENT):
                    since[0] = row[_TIME] if isnan(since[0]) else since[0]
                    # Rounding of a sum of periods must not cost one more scan.
                    if row[_TIME] - since[0] >= condition.hold - 1e-6:
                        self._outputs_off_after(step)
                        return str(condition)
                else:
                    since[0] = nan
            if row[_TIME] > deadline:
                raise BenchFault(
                    f"Step {step.name!r} did not end within {self._timeout(step) / 3600:.1f} h: none of "
                    f"({'; '.join(str(condition) for condition in step.conditions)}) came true."
                )
            control(row)

    def _outputs_off_after(self, step: Step) -> None:
        if not isinstance(step, Rest):
            safestate.outputs_off(self.roles)

    def _timeout(self, step: Step) -> float:
        return step.timeout or TIMEOUT_FACTOR * step.expected_duration(self.pack) + TIMEOUT_EXTRA

    # --- control --------------------------------------------------------------------------------------------------

    def _controller(self, step: Step) -> Callable[[Row], None]:
        match step:
            case Charge():
                cell_voltage = step.cell_voltage or self.pack.limits.cell_voltage.max
                return self._charge_control(amperes(step.rate, self.pack), cell_voltage)
            case FastRecharge():
                bound = preflight.charge_bounds(self.pack, self.station, self.roles)
                return self._charge_control(bound.value, self.pack.limits.cell_voltage.max)
            case Discharge() | Pulse():
                return self._discharge_control(amperes(step.rate, self.pack))
            case _:
                return _no_control

    def _charge_control(self, largest: float, cell_voltage: float) -> Callable[[Row], None]:
        """Constant current within what the BMS allows, then constant voltage held on the highest cell.

        The supply holds the terminal voltage; its set point is the measured one plus the head-room of the highest
        cell, counted for half the string: the cell closes on its limit from below and never passes it by more than a
        scan's worth.
        """
        gain, highest = self.pack.series / 2, self.pack.series * cell_voltage

        def control(row: Row) -> None:
            limit = row[_CHARGE_LIMIT]
            current = largest if isnan(limit) else min(largest, limit)
            voltage = min(highest, row[_VOLTAGE] + gain * (cell_voltage - row[_CELL_V_MAX]))
            self._apply(current, voltage)
            self.roles.source.charge(current, voltage)

        return control

    def _discharge_control(self, current: float) -> Callable[[Row], None]:
        floor = self.pack.voltage_min * 0.9

        def control(_row: Row) -> None:
            if self._set[0] != -current:
                self._apply(-current, floor)
                self.roles.sink.discharge(current, floor)

        return control

    def _apply(self, current: float, voltage: float) -> None:
        # A new current flows from this instant on: the next interval is not a ramp from the old one.
        self._stepped = current != self._set[0]
        self._set = (current, voltage)

    def _close_contactors(self, mode: BmsMode) -> None:
        bms, deadline = self.roles.bms, self.clock.now() + CONTACTOR_TIMEOUT
        wanted = BmsState.CHARGE if mode is BmsMode.CHARGE else BmsState.DISCHARGE
        bms.request_mode(mode)
        while self.clock.now() < deadline:
            self.clock.sleep(self.station.scan_period)
            state = self._scan()[_BMS_STATE]
            if state == wanted:
                return
            if state == BmsState.ERROR:
                names = ", ".join(fault.signal for fault in bms.faults()) or "none named"
                raise PackFailure(f"The BMS went to ERROR when asked for {mode.name}; its fault bits: {names}.")
        raise BenchFault(
            f"The BMS did not reach {wanted.name} within {CONTACTOR_TIMEOUT:g} s: it reports {_state_name(state)}; "
            "check the CAN wiring, its 12 V supply and the emergency-stop chain."
        )

    def _soak(self, step: Soak, start: float) -> str:
        limits = self.station.chamber
        self.roles.chamber.set_temperature(step.temperature, step.ramp)
        self._set_temperature = step.temperature
        self.run_.event("set point", instrument="chamber", quantity="temperature", value=step.temperature, unit="°C")
        history: deque[tuple[float, float, float]] = deque()
        deadline = start + (step.timeout or limits.settle_timeout * 3600)
        due = self.clock.now()
        while True:
            due += self.station.rest_scan_period
            self.clock.sleep(due - self.clock.now())
            row = self._scan()
            history.append((row[_TIME], row[_CELL_T_MIN], row[_CELL_T_MAX]))
            while row[_TIME] - history[0][0] > DRIFT_WINDOW:
                history.popleft()
            if self._has_settled(row, history, step.temperature):
                return self._settled_text()
            if row[_TIME] > deadline:
                raise BenchFault(self._unsettled_text(step, row))

    def _has_settled(self, row: Row, history: deque[tuple[float, float, float]], target: float) -> bool:
        limits = self.station.chamber
        span = row[_TIME] - history[0][0]
        if span < DRIFT_WINDOW - self.station.rest_scan_period or abs(row[_AMBIENT] - target) > limits.band:
            return False
        coldest, hottest = row[_CELL_T_MIN], row[_CELL_T_MAX]
        if max(abs(coldest - target), abs(hottest - target)) > limits.cell_band:
            return False
        drift = max(abs(coldest - history[0][1]), abs(hottest - history[0][2])) * 3600 / span
        return drift < limits.drift

    def _settled_text(self) -> str:
        limits = self.station.chamber
        return f"air within {limits.band:g} K, cells within {limits.cell_band:g} K and drifting less than {limits.drift:g} K/h"

    def _unsettled_text(self, step: Soak, row: Row) -> str:
        alarm = self.roles.chamber.alarm()
        hours = (step.timeout or self.station.chamber.settle_timeout * 3600) / 3600
        return (
            f"The chamber did not settle at {step.temperature:g} °C within {hours:g} h: air is at {row[_AMBIENT]:.1f} °C, cells "
            f"between {row[_CELL_T_MIN]:.1f} and {row[_CELL_T_MAX]:.1f} °C"
            + (f"; it reports {alarm!r}." if alarm else "; check that it conditions, its door and its set-point limits.")
        )

    # --- one scan -------------------------------------------------------------------------------------------------

    def _scan(self) -> Row:
        started = self.clock.now()
        row = self.bench.scanner.scan()
        now = self.clock.now()
        row[_TIME], row[_UNIX], row[_STEP], row[_SCAN_DURATION] = now, self._epoch + now, self._index, now - started
        row[_SET_CURRENT], row[_SET_VOLTAGE] = self._set
        row[_SET_TEMPERATURE] = self._set_temperature
        self._count(row)
        trip = self.guard.check(row)
        if trip is not None:
            # Off first: everything else about a violation can wait.
            with suppress(InstrumentFault, OSError):
                safestate.outputs_off(self.roles)
        if self.run_.journal is not None:
            self.run_.journal.append(row)
        self._previous = row
        if trip is not None:
            self._tripped()
        if self.bench.emulated is not None:
            self.bench.emulated.follow(row[self._sensors])
        for observer in self.observers:
            observer(row, self)
        return row

    def _count(self, row: Row) -> None:
        """Charge and energy since the start: trapezoids, except across a step of the current."""
        previous = self._previous
        if previous is not None:
            hours = (row[_TIME] - previous[_TIME]) / 3600
            current, power = row[_CURRENT], row[_POWER]
            if not self._stepped:
                current, power = (current + previous[_CURRENT]) / 2, (power + previous[_POWER]) / 2
            self._stepped = False
            offset = 0 if current >= 0 else 1
            self._counters[offset] += abs(current) * hours
            self._counters[2 + offset] += abs(power) * hours
        row[_CHARGE_AH], row[_DISCHARGE_AH], row[_CHARGE_WH], row[_DISCHARGE_WH] = self._counters

    def _tripped(self) -> None:
        trip = self.guard.trip
        assert trip is not None  # noqa: S101 - the caller saw it
        name = self.step.name if self.step else None
        cause = trip.cause(name)
        bounds = {key: value for key, value in trip.limit.as_dict().items() if key in {"at_least", "at_most"}}
        self.run_.event(
            "trip", limit=trip.limit.name, column=trip.limit.column, value=trip.value, unit=trip.limit.unit,
            blame=cause.blame, step=name, text=cause.text, **bounds,
        )  # fmt: skip
        self.run_.fault(cause)
        raise PackFailure(cause.text) if cause.blame == "pack" else BenchFault(cause.text)

    # --- words ----------------------------------------------------------------------------------------------------

    def _blame(self, error: BaseException) -> tuple[str, Verdict]:
        """Keep the first cause; say how the step ended."""
        name, now = self.step.name if self.step else None, self.clock.now()
        match error:
            case PackFailure():
                blame, verdict = "pack", Verdict.FAIL
            case InputError():
                blame, verdict = "operator", Verdict.ABORTED
            case Exception():
                blame, verdict = "bench", Verdict.BENCH_FAULT
            case _:
                blame, verdict = "operator", Verdict.ABORTED
        text = str(error) or f"interrupted ({type(error).__name__})"
        if self.run_.cause is None:
            self.run_.fault(Cause(blame, text, name, now))  # type: ignore[arg-type] # one of the three words above
        return text, verdict

    def _set_points(self, step: Step) -> dict[str, float]:
        match step:
            case Soak():
                return {"temperature": step.temperature}
            case Charge():
                return {"current": amperes(step.rate, self.pack), "voltage": self.pack.voltage_max}
            case FastRecharge():
                bound = preflight.charge_bounds(self.pack, self.station, self.roles)
                return {"current": bound.value, "voltage": self.pack.voltage_max}
            case Discharge() | Pulse():
                return {"current": -amperes(step.rate, self.pack)}
            case _:
                return {}

    def _reached(self) -> dict[str, float]:
        row = self._previous
        if row is None:
            return {}
        wanted = (
            columns.VOLTAGE, columns.CURRENT, columns.CELL_VOLTAGE_MIN, columns.CELL_VOLTAGE_MAX, columns.AMBIENT,
            columns.SURFACE, columns.SOC,
        )  # fmt: skip
        return {name: round(row[INDEX[name]], 6) for name in wanted}


def _no_control(_row: Row) -> None:
    """Nothing is asked of the instruments."""


def _holds(comparison: str, value: float, threshold: float, *, magnitude: bool) -> bool:
    value = abs(value) if magnitude else value
    return value <= threshold if comparison == "<=" else value >= threshold


def _state_name(state: float) -> str:
    return "nothing" if isnan(state) else BmsState(int(state)).name


