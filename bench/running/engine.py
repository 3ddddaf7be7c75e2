"""Runs a scenario: scan, guard, record, control, sleep, until a step's condition holds.

The engine alone knows time and order. It never leaves a step that carried a current without switching the outputs
off, whatever ended the step.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import isfinite
from typing import Any

from bench import columns
from bench.columns import INDEX
from bench.durations import spell
from bench.planned import Planned
from bench.recording.past import PastStep
from bench.recording.run import Run, RunRecord
from bench.running import preflight
from bench.running.declared import Workplace
from bench.running.flow import Flow
from bench.running.lifecycle import OpenBench
from bench.running.procedures import Control, Procedure, Stage, contract, procedure_for
from bench.running.resume import Resumption, fingerprint
from bench.running.sampling import Row, Sampler
from bench.running.undisturbed import undisturbed
from bench.safety import livebus, safestate
from bench.safety.faults import fault
from bench.scenario import Step
from bench.verdicts import BenchFault, Cause, InputError, Verdict, blame_of, fault_of, sentence_of
from instruments.roles import BmsMode, BmsState, KeepsAsking

CONTACTOR_TIMEOUT = 15.0
"""s from the request to closed contactors.

A foxBMS 2 does not precharge again within 10 s (BMS_OSCILLATION_TIMEOUT in its bms_cfg.h), and has three tries of 2 s,
3 s apart, before it gives up (BMS_PRECHARGE_TRIES, BMS_MAXIMUM_PRECHARGE_DURATION_ms and
BMS_TIME_WAIT_AFTER_PRECHARGE_FAIL there).
"""
DETOUR_AFTER = 2.0
"""s in the other mode after which a node is taken to change only by way of STANDBY, as a foxBMS does (its bms.c)."""
_STATES_OF = {
    BmsMode.CHARGE: (BmsState.CHARGE, BmsState.CLOSED), BmsMode.DISCHARGE: (BmsState.DISCHARGE, BmsState.CLOSED),
}  # fmt: skip
"""What a mode is reached in: a foxBMS 2 with closed contactors is in neither of the two ways in particular."""
_OTHER = {BmsMode.CHARGE: BmsState.DISCHARGE, BmsMode.DISCHARGE: BmsState.CHARGE}

_TIME, _CURRENT, _BMS_STATE = INDEX[columns.TEST_TIME], INDEX[columns.CURRENT], INDEX[columns.BMS_STATE]
_BMS_AGE = INDEX[columns.BMS_AGE]
_SOC, _COLDEST = INDEX[columns.SOC], INDEX[columns.CELL_TEMPERATURE_MIN]
Adviser = Callable[[Sequence[Planned], tuple[float, float]], list[str]]
"""Says what a bench is not expected to decide of a scenario that begins at a state of charge (0 to 1) and degC."""


def nobody_doubts(_planned: Sequence[Planned], _state: tuple[float, float]) -> list[str]:
    """Nobody is there who could say."""
    return []


_REACHED = (
    columns.VOLTAGE,
    columns.CURRENT,
    columns.CELL_VOLTAGE_MIN,
    columns.CELL_VOLTAGE_MAX,
    columns.AMBIENT,
    columns.SURFACE,
    columns.CELL_TEMPERATURE_MIN,
    columns.CELL_TEMPERATURE_MAX,
    columns.SOC,
    columns.CHARGE_AH,
    columns.DISCHARGE_AH,
    columns.CHARGE_WH,
    columns.DISCHARGE_WH,
)

SLOW = 0.2
"""s that an answer takes where set points are waited for: those of faster instruments fit into a heartbeat."""
ANSWERS_TO_PROGRAM = 12
"""Answers at most to a change of set points: an output's owner, four of them, its state, and as many once more where
the connection was made anew meanwhile."""


class Engine:
    """Drives one open bench for one run.

    `alive` is told before each scan how long (real s) it will be until that scan: whoever watches the test may take a
    longer silence for its end. `resumption` is what is left of the run that this one continues. `adviser` is asked
    before a scenario begins, what of it this bench is not expected to decide.
    """

    def __init__(
        self,
        bench: OpenBench,
        run: Run,
        alive: Callable[[float], None],
        resumption: Resumption | None,
        adviser: Adviser,
    ) -> None:
        self.bench, self.log, self.alive, self.adviser = bench, run, alive, adviser
        self.clock = bench.clock
        self.sampler = Sampler(bench, run, alive)
        self.resumption = resumption
        if resumption is not None:
            self.sampler.go_on(resumption.past.rows)
        self._had = self._step_time = 0.0
        self.step: Step | None = None
        self.step_started: float
        """Bench time at which `step` began, s, without the time that another process has had of it."""
        self._chamber_alarm = ""
        self._takes_time = bench.station.clock == "wall"
        """Whether answers do."""
        # Found out once: to look whether a driver has a verb costs as much as to use it.
        bms = bench.roles.bms if "bms" in bench.roles else None
        self._asked = bms if isinstance(bms, KeepsAsking) else None
        self._ahead: tuple[float | None, ...] = ()
        """How long the step that runs, and each behind it, takes, s; None where nobody can foresee it."""

    def run(self, *steps: Step) -> RunRecord:
        """Run `steps` in order and return everything recorded so far.

        In a run that continues another one, steps that were finished there are not run again: their rows are there.
        Raises `InputError` before anything is switched on when a step cannot be, `PackFailure` when the pack
        violated a limit, `BenchFault` when the bench failed.
        """
        preflight.check(steps, self.bench)
        if self.resumption is not None:
            done = self.resumption.skip(steps)
            if done == len(steps):
                return self.resumption.record(self.log.manifest, self.log.events)
            steps = steps[done:]
            self.sampler.step_index = max(self.sampler.step_index, self.resumption.index)
        outlook = preflight.check(steps, self.bench)
        foreseen = [procedure.step.foreseen_duration(self.bench.pack) for procedure in outlook.procedures]
        hours = sum(each or 0.0 for each in foreseen) / 3600
        least = "at least " if None in foreseen else ""
        self.log.event(
            "message",
            level="info",
            text=f"{len(steps)} steps, expected to take {least}{hours:.1f} h and to move {outlook.energy:.0f} Wh.",
        )
        self._tell_plan(outlook)
        self._tell_doubts(outlook)
        for at, procedure in enumerate(outlook.procedures):
            self._ahead = tuple(foreseen[at:])
            with undisturbed():
                self._run_step(procedure)
        self._ahead = ()
        # Outputs are off: until the test goes on, a closed contactor does no harm, and one that opens is no answer.
        self._keep_asking(self.bench.station.supervisor.idle)
        return self.log.record()

    def left(self, now: float) -> tuple[float, bool]:
        """How long the scenario still takes at a bench time `now`, s, and whether somebody can foresee all of it.

        Where nobody can, it is what it takes at least: a step that ends when a battery wants it to counts nothing.
        """
        running = [max(each - (now - self.step_started), 0.0) for each in self._ahead[:1] if each is not None]
        return sum(running) + sum(each or 0.0 for each in self._ahead[1:]), None not in self._ahead

    def _tell_plan(self, outlook: preflight.Outlook) -> None:
        """Say which steps will come: who watches the run sees no others before they begin."""
        first = self.sampler.step_index + 1
        steps = [
            {
                "index": index, "name": each.step.name, "kind": each.step.kind, "until": each.until(),
                "expected_duration": each.step.foreseen_duration(self.bench.pack),
            }
            for index, each in enumerate(outlook.procedures, first)
        ]  # fmt: skip
        self.log.event("scenario planned", steps=steps)

    def _tell_doubts(self, outlook: preflight.Outlook) -> None:
        """Keep what the bench is not expected to decide; raise it where the station wants that.

        Whoever gives advice and fails at it costs nothing but that.
        """
        told: list[str] = []
        try:
            told = self.adviser(preflight.plan(outlook.procedures), self._state())
        except Exception as error:  # noqa: BLE001 - see above
            text = f"Pre-flight could not foresee the scenario ({type(error).__name__}: {error})."
            self.log.event("message", level="warning", text=text)
        for text in told:
            self.log.event("message", level="warning", text=f"Pre-flight: {text}")
        if told:
            self.log.manifest["doubts"] = [*self.log.manifest.get("doubts", ()), *told]
        if told and self.bench.station.undecidable == "refuse":
            raise InputError(f"Scenario refused before it started: {' '.join(told)}")

    def _state(self) -> tuple[float, float]:
        """State of charge (0 to 1) and temperature (degC) that a scenario begins with, as far as anybody knows."""
        row, start = self.sampler.last, self.bench.begins_with
        known = row is not None and isfinite(row[_SOC]) and isfinite(row[_COLDEST])
        return (row[_SOC], row[_COLDEST]) if row is not None and known else (start.soc, start.temperature)

    # --- one step -----------------------------------------------------------------------------------------------------

    def _run_step(self, procedure: Procedure[Any]) -> None:
        before = self.resumption.interrupted_in() if self.resumption else None
        self._had = 0.0
        if before is None:
            self._recover(procedure)
        with self._recorded(procedure, before) as ended:
            if before is not None:
                self._recover(procedure)
            self._look_at_chamber()
            ended(self._carry_out(procedure))
            # Once more, so that an alarm of the last step is told as well.
            self._look_at_chamber()

    @contextmanager
    def _recorded(self, procedure: Procedure[Any], before: PastStep | None) -> Iterator[Callable[[str], None]]:
        """Mark the step in the event log, from its start (in another process, if `before`) to whatever ended it."""
        step, sampler, start = procedure.step, self.sampler, self.clock.now() if before is None else before.started
        sampler.step_index += 1
        sampler.step_name = self.log.step = step.name
        self.step, self.step_started = step, start
        if before is None:
            self.log.event(
                "step started",
                index=sampler.step_index,
                name=step.name,
                kind=step.kind,
                step_type=step.step_type,
                direction=procedure.direction,
                resumable=procedure.resumable,
                set_points=procedure.set_points(),
                words=procedure.words(),
                until=procedure.until(),
                expected_duration=step.foreseen_duration(self.bench.pack),
                scan_period=procedure.steady_pace,
                fingerprint=fingerprint(step),
                reached=self._reached(),
            )
        ended_by: str
        verdict = Verdict.PASS

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

    def _carry_out(self, procedure: Procedure[Any], at_least: float = 0.0) -> str:
        """Until something ends the step, as a sentence; whatever that is, its outputs are off then."""
        bench, sampler = self.bench, self.sampler
        envelope, place = procedure.envelope(), procedure.place
        if isinstance(place, Workplace):
            place.allow(envelope)
        flow = Flow(bench.roles, envelope, sampler.ask, procedure.step.name)
        had = self.resumption.past.had if self.resumption is not None and self._had else tuple
        stage = Stage(place, flow, sampler, self.log, self._had, had)
        try:
            self._prepare(procedure, stage)
            if procedure.mode is None:
                ended_by = self._loop(procedure, lambda: contract.begun(procedure, stage), at_least)
            else:
                ended_by = self._move_current(procedure, stage)
        except BaseException:
            # A test may catch this and go on with other steps.
            with suppress(BenchFault):
                self.alive(safestate.STEP_LIMIT)
            with suppress(Exception):
                procedure.abandoned(stage)
            raise
        procedure.ended(stage)
        return ended_by

    def _prepare(self, procedure: Procedure[Any], stage: Stage) -> None:
        if procedure.preparation:
            self.alive(procedure.preparation)
            self._keep_asking(procedure.preparation)
        procedure.prepare(stage)

    def _move_current(self, procedure: Procedure[Any], stage: Stage) -> str:
        assert procedure.mode is not None  # noqa: S101 - the caller looked
        mode = procedure.mode

        def begin() -> Control:
            row = self._close_contactors(mode)
            control = contract.begun(procedure, stage)
            self._allow_programming()
            control(row, self._step_time)
            return control

        try:
            ended_by = self._loop(procedure, begin)
        except BaseException:
            # The first cause is already on its way up; an output that will not switch off is the safe state's to tell.
            with suppress(BenchFault):
                self.alive(2 * safestate.STEP_LIMIT)
            with suppress(Exception):
                safestate.outputs_off(self.bench.roles)
            raise
        safestate.outputs_off(self.bench.roles)
        return ended_by

    def _loop(self, procedure: Procedure[Any], begin: Callable[[], Control], at_least: float = 0.0) -> str:
        """Begin, then scan until something ends the step; returns that as a sentence."""
        if self._must_pause(procedure):
            self._hold(procedure)
        self._step_time = self._had
        control = begin()
        start = self.sampler.step_began = self.clock.now() - self._had
        ending = contract.ending_of(procedure, start, at_least)

        def period(due: float) -> float:
            # From when it was due, not from when it was there: a scan that takes its time makes no later one late.
            return contract.period(procedure, due - self.sampler.step_began)

        while True:
            for row in self._scans(period):
                if self._must_pause(procedure):
                    break
                ended_by = contract.reason(procedure, ending.reached(row, self.sampler.guard.distrusted))
                if ended_by is not None:
                    return ended_by
                self._step_time = row[_TIME] - start
                self._allow_programming()
                control(row, self._step_time)
            paused = self.clock.now()
            # What flowed until then has had its time: a point that became due in it is the one to go on from.
            self._step_time = paused - start
            self._hold(procedure)
            control = begin()
            pause = self.clock.now() - paused
            start = self.sampler.step_began = start + pause
            ending.postpone(pause)

    def _allow_programming(self) -> None:
        """Let set points take what they take: an instrument that answers each within its time is no test that hangs."""
        if not self._takes_time:
            return
        drivers = self.bench.drivers.values()
        slowest = max((getattr(driver, "slowest_answer", 0.0) for driver in drivers), default=0.0)
        if slowest >= SLOW:
            self.alive(ANSWERS_TO_PROGRAM * slowest)

    def _scans(self, period: float | Callable[[float], float]) -> Iterator[Row]:
        """One row each `period` s, or so many behind when the last one was due, on a grid that does not drift."""
        due = self.clock.now()
        while True:
            due += period(due) if callable(period) else period
            left = due - self.clock.now()
            silence = left / self.bench.station.speed if left > 0.0 else 0.0
            self.alive(silence)
            self._keep_asking(silence)
            self.clock.sleep(due - self.clock.now())
            yield self.sampler.take()

    def _keep_asking(self, silence: float) -> None:
        """Let the BMS hear its request for `silence` s (real time) more: as long as the test counts as alive."""
        if self._asked is not None:
            self._asked.keep_asking(silence)

    # --- after a gap --------------------------------------------------------------------------------------------------

    def _recover(self, procedure: Procedure[Any]) -> None:
        """Before the first step that is not skipped: the temperature as it was, a rest, and a look at the pack.

        Outputs are off throughout. Raises `InputError` when the pack is not as it was left.
        """
        resumption, step = self.resumption, procedure.step
        if resumption is None or not resumption.pending:
            return
        self._had = resumption.past.elapsed
        index = self.sampler.step_index
        # Between two steps the rows of the rest belong to neither.
        self.sampler.step_index = index if self.step else 0
        # A step that brings the temperature itself needs no other one before.
        soak = None if ("chamber", "temperature") in procedure.envelope() else resumption.soak
        if soak is not None:
            had, self._had = self._had, 0.0
            self._carry_out(procedure_for(soak, self.bench), at_least=resumption.rest)
            self._had = had
        else:
            self._rest(resumption.rest)
        assert self.sampler.last is not None  # noqa: S101 - a rest leaves rows
        resumption.check_pack(self.sampler.last)
        self.sampler.step_index = index
        self.step_started = self.clock.now() - self._had
        self.log.event("step resumed", index=index if self.step else index + 1, name=step.name, elapsed=self._had)

    def _rest(self, seconds: float) -> None:
        start = self.clock.now()
        for row in self._scans(self.bench.station.rest_scan_period):
            if row[_TIME] - start >= seconds:
                return

    # --- holds --------------------------------------------------------------------------------------------------------

    def _must_pause(self, procedure: Procedure[Any]) -> bool:
        return self.sampler.guard.hold is not None and procedure.may_pause

    def _hold(self, procedure: Procedure[Any]) -> None:
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
            self._wait_for_recovery(procedure, began)
            recovered = True
        finally:
            self.log.event(
                "hold ended",
                limit=excursion.limit.name,
                step=self.sampler.step_name,
                duration=round(self.clock.now() - began, 6),
                recovered=recovered,
            )

    def _wait_for_recovery(self, procedure: Procedure[Any], began: float) -> None:
        longest = 3600 * self.bench.station.guard.longest_hold
        for row in self._scans(self.bench.station.rest_scan_period):
            excursion = self.sampler.guard.hold
            if excursion is None:
                return
            procedure.held(row)
            if row[_TIME] - began > longest:
                alarm = self._alarm()
                hint = f"the chamber reports {alarm!r}" if alarm else "check the chamber, its door and its supply"
                raise BenchFault(
                    f"Cycling was paused for {excursion.limit.name} and has not recovered within "
                    f"{spell(longest)}: {hint}.",
                    "hold-too-long",
                )

    # --- temperatures and contactors ----------------------------------------------------------------------------------

    def _look_at_chamber(self) -> None:
        """Tell an alarm of the chamber once; what it does to the air is the guard's to see."""
        alarm = self._alarm()
        if alarm and alarm != self._chamber_alarm:
            entry, step = fault("chamber-alarm"), self.sampler.step_name
            text = f"{entry.name}: it reports {alarm!r} in step {step!r}."
            self.log.event(
                "warning", fault="chamber-alarm", action=entry.action, blame=entry.blame, step=step, text=text
            )
        self._chamber_alarm = alarm

    def _alarm(self) -> str:
        return self.bench.roles.chamber.alarm() if "chamber" in self.bench.roles else ""

    def _close_contactors(self, mode: BmsMode) -> Row:
        """Ask for a mode until the BMS is in it; a BMS that gives up meanwhile is the guard's to tell.

        Where there is no BMS there is no contactor of its own either.
        """
        if "bms" not in self.bench.roles:
            return next(self._scans(self.bench.station.scan_period))
        livebus.refuse(self.bench.roles, self.bench.station, self.bench.pack, self.clock, self.alive)
        bms, clock = self.bench.roles.bms, self.clock
        wanted, other = _STATES_OF[mode], _OTHER[mode]
        began, detour = clock.now(), False
        closed: float | None = None
        state: float
        self.sampler.asked_mode = mode.name
        bms.request_mode(mode)
        try:
            for row in self._scans(self.bench.station.scan_period):
                state = row[_BMS_STATE]
                if state in wanted:
                    closed = clock.now() if closed is None else closed
                    if self._is_news(row, closed) or clock.now() - began > CONTACTOR_TIMEOUT:
                        return row
                if state == other and not detour and clock.now() - began > DETOUR_AFTER:
                    detour = True
                    bms.request_mode(BmsMode.STANDBY)
                elif detour and state == BmsState.STANDBY:
                    bms.request_mode(mode)
                if clock.now() - began > CONTACTOR_TIMEOUT:
                    break
        finally:
            self.sampler.asked_mode = ""
        raise BenchFault(
            f"The BMS did not reach {mode.name} within {CONTACTOR_TIMEOUT:g} s: it reports "
            f"{BmsState(int(state)).name}; check the CAN wiring, its 12 V supply and the emergency-stop chain.",
            "contactor-not-closed",
        )

    def _is_news(self, row: Row, closed: float) -> bool:
        """Whether everything that the BMS says in a row was received since it was seen to be closed (`closed`, s).

        A frame from before shows what was then: no charge, since no string was connected, or a limit of another
        temperature; and a first charge that comes while a current flows has nothing to be compared with. On a virtual
        clock a node has said everything by the next scan.
        """
        return self.clock.kind == "virtual" or row[_BMS_AGE] < self.clock.now() - closed

    # --- words --------------------------------------------------------------------------------------------------------

    def _keep_cause(self, error: BaseException) -> tuple[str, Verdict]:
        """Keep the first cause; say how the step ended."""
        blame, verdict = blame_of(error)
        text = str(error) or sentence_of(error)
        if self.log.cause is None:
            self.log.fault(Cause(blame, text, self.sampler.step_name, self.clock.now(), fault=fault_of(error)))
            self.sampler.tell_pending()
        return text, verdict

    def _reached(self) -> dict[str, float]:
        row = self.sampler.last
        return {} if row is None else {name: round(row[INDEX[name]], 6) for name in _REACHED}
