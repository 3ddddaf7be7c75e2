"""Runs a scenario: scan, guard, record, control, sleep, until a step's condition holds.

The engine alone knows time and order. It never leaves a step that carried a current without switching the outputs
off, whatever ended the step.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile
from bench.recording.run import Run, RunRecord
from bench.running import preflight
from bench.running.control import Control, control_of
from bench.running.lifecycle import OpenBench
from bench.running.sampling import Row, Sampler
from bench.running.settling import Settling
from bench.safety import safestate
from bench.safety.faults import fault
from bench.scenario import ELAPSED, Charge, Discharge, FastRecharge, Pulse, Rest, Soak, Step, Until, amperes
from bench.verdicts import BenchFault, Cause, PackFailure, Verdict, blame_of, fault_of
from instruments.roles import BmsMode, BmsState

PULSE_SCAN_PERIOD = 0.1
"""s; ISO 12405-4, 7.3 wants the resistance from 0.1 s on."""
CONTACTOR_TIMEOUT = 15.0
"""s from the request to closed contactors: a foxBMS node precharges within seconds or gives up."""
TIMEOUT_FACTOR, TIMEOUT_EXTRA = 4.0, 3600.0
"""A step that takes this many times what was expected, and an hour, is the bench's fault."""

_TIME, _CURRENT, _BMS_STATE = INDEX[columns.TEST_TIME], INDEX[columns.CURRENT], INDEX[columns.BMS_STATE]
_REACHED = (
    columns.VOLTAGE,
    columns.CURRENT,
    columns.CELL_VOLTAGE_MIN,
    columns.CELL_VOLTAGE_MAX,
    columns.AMBIENT,
    columns.SURFACE,
    columns.SOC,
)


class Engine:
    """Drives one open bench for one run.

    `alive` is told before each scan how long (real s) it will be until that scan: whoever watches the test may take a
    longer silence for its end.
    """

    def __init__(self, bench: OpenBench, run: Run, alive: Callable[[float], None] = lambda _seconds: None) -> None:
        self.bench, self.log, self.alive = bench, run, alive
        self.clock = bench.clock
        self.sampler = Sampler(bench, run, alive)
        self.step: Step | None = None
        self.step_started = 0.0
        self._chamber_alarm = ""
        self.expected_end = 0.0
        """Bench time at which the scenario should be over, s."""

    def run(self, *steps: Step) -> RunRecord:
        """Run `steps` in order and return everything recorded so far.

        Raises `InputError` before anything is switched on when a step cannot be, `PackFailure` when the pack
        violated a limit, `BenchFault` when the bench failed.
        """
        plan = preflight.check(steps, self.bench.pack, self.bench.station, self.bench.roles)
        self.log.event(
            "message",
            level="info",
            text=f"{len(steps)} steps, expected to take {plan.duration / 3600:.1f} h and to move {plan.energy:.0f} Wh.",
        )
        remaining = plan.duration
        for step in steps:
            self.expected_end = self.clock.now() + remaining
            with _no_collector_pauses():
                self._run_step(step)
            remaining -= step.expected_duration(self.bench.pack)
        return self.log.record()

    # --- one step -----------------------------------------------------------------------------------------------------

    def _run_step(self, step: Step) -> None:
        settling = self._settling(step) if isinstance(step, Soak) else None
        with self._recorded(step, str(settling) if settling else None) as ended:
            self._look_at_chamber()
            if isinstance(step, Soak) and settling:
                ended(self._soak(step, settling))
            elif isinstance(step, Rest):
                ended(self._loop(step, self.bench.station.rest_scan_period, lambda: _ask_nothing))
            else:
                ended(self._move_current(step))
            # Once more, so that an alarm of the last step is told as well.
            self._look_at_chamber()

    @contextmanager
    def _recorded(self, step: Step, until: str | None) -> Iterator[Callable[[str], None]]:
        """Mark the step in the event log, from its start to whatever ended it."""
        sampler, start = self.sampler, self.clock.now()
        sampler.step_index += 1
        sampler.step_name = self.log.step = step.name
        self.step, self.step_started = step, start
        self.log.event(
            "step started",
            index=sampler.step_index,
            name=step.name,
            kind=step.kind,
            step_type=step.step_type,
            set_points=self._set_points(step),
            until=[until] if until else [str(condition) for condition in step.conditions],
            expected_duration=step.expected_duration(self.bench.pack),
        )
        ended_by, verdict = "", Verdict.PASS

        def ended(reason: str) -> None:
            nonlocal ended_by
            ended_by = reason

        try:
            yield ended
        except BaseException as error:
            ended_by, verdict = self._keep_cause(error)
            raise
        finally:
            sampler.ask_nothing()
            self.log.event(
                "step ended",
                index=sampler.step_index,
                name=step.name,
                duration=round(self.clock.now() - start, 6),
                ended_by=ended_by,
                reached=self._reached(),
                verdict=verdict,
            )
            sampler.step_name = self.log.step = self.step = None

    def _move_current(self, step: Step) -> str:
        period = PULSE_SCAN_PERIOD if isinstance(step, Pulse) else self.bench.station.scan_period
        mode = BmsMode.CHARGE if isinstance(step, Charge | FastRecharge) else BmsMode.DISCHARGE

        def begin() -> Control:
            row = self._close_contactors(mode)
            control = control_of(step, self.bench, self.sampler)
            control(row)
            return control

        try:
            ended_by = self._loop(step, period, begin)
        except BaseException:
            # The first cause is already on its way up; an output that will not switch off is the safe state's to tell.
            with suppress(BenchFault):
                self.alive(2 * safestate.STEP_LIMIT)
            with suppress(Exception):
                safestate.outputs_off(self.bench.roles)
            raise
        safestate.outputs_off(self.bench.roles)
        return ended_by

    def _loop(self, step: Step, period: float, begin: Callable[[], Control]) -> str:
        """Begin, then scan each `period` until a condition holds; returns the condition as a sentence."""
        if self._must_pause(step):
            self._hold()
        control = begin()
        ending = _Ending(step, self.bench.pack, self.clock.now())
        while True:
            for row in self._scans(period):
                if self._must_pause(step):
                    break
                ended_by = ending.reached(row)
                if ended_by is not None:
                    return ended_by
                control(row)
            paused = self.clock.now()
            self._hold()
            control = begin()
            ending.postpone(self.clock.now() - paused)

    def _scans(self, period: float) -> Iterator[Row]:
        """One row each `period` s, on a grid that does not drift."""
        due = self.clock.now()
        while True:
            due += period
            self.alive(max(0.0, due - self.clock.now()) / self.bench.station.speed)
            self.clock.sleep(due - self.clock.now())
            yield self.sampler.take()

    # --- holds --------------------------------------------------------------------------------------------------------

    def _must_pause(self, step: Step) -> bool:
        # A pulse is over before whatever disturbs it could recover; what follows it waits.
        return self.sampler.guard.hold is not None and not isinstance(step, Pulse)

    def _hold(self) -> None:
        """Outputs off, contactors as they are, until the excursion has recovered; raises `BenchFault` if it does not.

        Whatever the step measures by its own time does not count the hold.
        """
        excursion = self.sampler.guard.hold
        assert excursion is not None  # noqa: S101 - the caller looked
        began, recovered = self.clock.now(), False
        safestate.outputs_off(self.bench.roles)
        self.sampler.ask_nothing()
        text = excursion.cause(self.sampler.step_name).text
        self.log.event("hold started", **excursion.as_event(self.sampler.step_name), text=text)
        try:
            self._wait_for_recovery(began)
            recovered = True
        finally:
            self.log.event(
                "hold ended",
                limit=excursion.limit.name,
                step=self.sampler.step_name,
                duration=round(self.clock.now() - began, 6),
                recovered=recovered,
            )

    def _wait_for_recovery(self, began: float) -> None:
        longest = 3600 * self.bench.station.guard.longest_hold
        for row in self._scans(self.bench.station.rest_scan_period):
            excursion = self.sampler.guard.hold
            if excursion is None:
                return
            if row[_TIME] - began > longest:
                alarm = self.bench.roles.chamber.alarm()
                hint = f"the chamber reports {alarm!r}" if alarm else "check the chamber, its door and its supply"
                raise BenchFault(
                    f"Cycling was paused for {excursion.limit.name} and has not recovered within "
                    f"{longest / 3600:g} h: {hint}.",
                    "hold-too-long",
                )

    # --- temperatures and contactors ----------------------------------------------------------------------------------

    def _settling(self, step: Soak) -> Settling:
        station = self.bench.station
        return Settling(step.temperature, station.chamber, station.rest_scan_period)

    def _soak(self, step: Soak, settling: Settling) -> str:
        station, chamber = self.bench.station, self.bench.roles.chamber
        chamber.set_temperature(step.temperature, step.ramp)
        self.sampler.ask_temperature(step.temperature)
        self.log.event("set point", instrument="chamber", quantity="temperature", value=step.temperature, unit="°C")
        timeout = step.timeout or station.chamber.settle_timeout * 3600
        start = self.clock.now()
        for row in self._scans(station.rest_scan_period):
            if settling.settled(row):
                break
            if row[_TIME] - start > timeout:
                raise BenchFault(settling.failure(row, timeout / 3600, chamber.alarm()), "chamber-not-settled")
        self.sampler.settled()
        return str(settling)

    def _look_at_chamber(self) -> None:
        """Tell an alarm of the chamber once; what it does to the air is the guard's to see."""
        alarm = self.bench.roles.chamber.alarm()
        if alarm and alarm != self._chamber_alarm:
            entry, step = fault("chamber-alarm"), self.sampler.step_name
            text = f"{entry.name}: it reports {alarm!r} in step {step!r}."
            self.log.event(
                "warning", fault="chamber-alarm", action=entry.action, blame=entry.blame, step=step, text=text
            )
        self._chamber_alarm = alarm

    def _close_contactors(self, mode: BmsMode) -> Row:
        bms, deadline = self.bench.roles.bms, self.clock.now() + CONTACTOR_TIMEOUT
        wanted = BmsState.CHARGE if mode is BmsMode.CHARGE else BmsState.DISCHARGE
        bms.request_mode(mode)
        state = nan
        for row in self._scans(self.bench.station.scan_period):
            state = row[_BMS_STATE]
            if state == wanted:
                return row
            if state == BmsState.ERROR:
                names = ", ".join(fault.signal for fault in bms.faults()) or "none"
                raise PackFailure(
                    f"The BMS went to ERROR when asked for {mode.name}; its fault bits: {names}.", "bms-error"
                )
            if self.clock.now() > deadline:
                break
        raise BenchFault(
            f"The BMS did not reach {wanted.name} within {CONTACTOR_TIMEOUT:g} s: it reports {_state_name(state)}; "
            "check the CAN wiring, its 12 V supply and the emergency-stop chain.",
            "contactor-not-closed",
        )

    # --- words --------------------------------------------------------------------------------------------------------

    def _keep_cause(self, error: BaseException) -> tuple[str, Verdict]:
        """Keep the first cause; say how the step ended."""
        blame, verdict = blame_of(error)
        text = str(error) or f"interrupted ({type(error).__name__})"
        if self.log.cause is None:
            self.log.fault(Cause(blame, text, self.sampler.step_name, self.clock.now(), fault=fault_of(error)))
        return text, verdict

    def _set_points(self, step: Step) -> dict[str, float]:
        pack = self.bench.pack
        match step:
            case Soak():
                return {"temperature": step.temperature}
            case Charge():
                return {"current": amperes(step.rate, pack), "voltage": pack.voltage_max}
            case FastRecharge():
                bound = preflight.charge_bound(pack, self.bench.station, self.bench.roles)
                return {"current": bound.value, "voltage": pack.voltage_max}
            case Discharge() | Pulse():
                return {"current": -amperes(step.rate, pack)}
            case _:
                return {}

    def _reached(self) -> dict[str, float]:
        row = self.sampler.last
        return {} if row is None else {name: round(row[INDEX[name]], 6) for name in _REACHED}


@contextmanager
def _no_collector_pauses() -> Iterator[None]:
    """Keep the garbage collector out of the loop: a full collection can take 150 ms, and a scan may not wait.

    The loop makes no reference cycles; what little there is elsewhere is collected between steps.
    """
    if not gc.isenabled():
        yield
        return
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class _Watch:
    """Follows one end condition through the rows."""

    def __init__(self, condition: Until, threshold: float, start: float) -> None:
        self.condition, self._threshold, self._start = condition, threshold, start
        self._position = INDEX.get(condition.column, _TIME)
        self._rising = condition.comparison == ">="
        self._magnitude = condition.column == columns.CURRENT
        self._since = nan

    def holds(self, row: Row) -> bool:
        """Whether it has held for as long as it must."""
        value = row[self._position]
        if self.condition.column == ELAPSED:
            value -= self._start
        elif self._magnitude:
            value = abs(value)
        # Rounding of a sum of periods must not cost one more scan.
        met = value >= self._threshold - 1e-6 if self._rising else value <= self._threshold + 1e-6
        if not met:
            self._since = nan
            return False
        if isnan(self._since):
            self._since = row[_TIME]
        return row[_TIME] - self._since >= self.condition.hold - 1e-6

    def postpone(self, seconds: float) -> None:
        """Leave a pause out of the step's time; what held before it must hold anew."""
        self._start += seconds
        self._since = nan


class _Ending:
    """What ends one step: the first of its conditions, or its timeout."""

    def __init__(self, step: Step, pack: PackFile, start: float) -> None:
        self._step = step
        self._watches = [_Watch(condition, condition.resolve(pack), start) for condition in step.conditions]
        self._timeout = step.timeout or TIMEOUT_FACTOR * step.expected_duration(pack) + TIMEOUT_EXTRA
        self._latest = start + self._timeout

    def reached(self, row: Row) -> str | None:
        """The condition that holds now, as a sentence; raises `BenchFault` after the timeout."""
        for watch in self._watches:
            if watch.holds(row):
                return str(watch.condition)
        if row[_TIME] > self._latest:
            raise BenchFault(
                f"Step {self._step.name!r} did not end within {self._timeout / 3600:.1f} h: none of its conditions "
                f"came true ({'; '.join(str(condition) for condition in self._step.conditions)}).",
                "step-not-ended",
            )
        return None

    def postpone(self, seconds: float) -> None:
        """Leave a pause of `seconds` out of the step's time."""
        self._latest += seconds
        for watch in self._watches:
            watch.postpone(seconds)


def _ask_nothing(_row: Row) -> None:
    """A rest asks nothing of the instruments."""


def _state_name(state: float) -> str:
    return "nothing" if isnan(state) else BmsState(int(state)).name
