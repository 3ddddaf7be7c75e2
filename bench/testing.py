"""What a test case holds in its hand: the bench it runs scenarios on, and the judge of what it measured.

One `TestBench` is one test's run from opening the instruments to the bench verdict. The pytest plugin makes it; it
knows nothing of pytest, so that a script can use it as well.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from threading import Event
from typing import SupportsFloat

from bench.clock import utc_now
from bench.pack import PackFile
from bench.recording import sources
from bench.recording.past import PastRun
from bench.recording.run import Run, RunRecord, TestIdentity
from bench.running import lastwords, preflight
from bench.running.engine import Adviser, Engine, nobody_doubts
from bench.running.lifecycle import OpenBench, Opening
from bench.running.resume import MISMATCH, Resumption, pack_state
from bench.running.setup import Setup, setup_manifest
from bench.safety import safestate
from bench.safety.benchverdict import BenchVerdict
from bench.safety.faults import fault
from bench.safety.heartbeat import Supervised, Unwatched, Watch
from bench.safety.lease import BenchLease
from bench.scenario import Step
from bench.station import StationFile
from bench.verdicts import (
    FAILED,
    FAILURES,
    BenchFault,
    Cause,
    Failure,
    Inconclusive,
    InputError,
    Measurement,
    Subject,
    TestError,
    Verdict,
    blame_of,
    fault_of,
    sentence_of,
    worst,
)
from instruments.roles import Identity


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a run ended, and what the test must raise to say so (None: passed)."""

    verdict: Verdict
    bench: BenchVerdict | None
    error: Exception | None


class TestBench:
    """A bench for the length of one test."""

    __test__ = False

    def __init__(
        self,
        setup: Setup,
        runs: Path,
        test: TestIdentity,
        *,
        lease: BenchLease | None = None,
        supervised: bool | None = None,
        past: PastRun | None = None,
        session: str = "",
        operator: str = "",
    ) -> None:
        """`supervised`: whether a process of its own watches this one; None: where time is real.

        `past` is the run that this one continues; `session` the id of the session that it belongs to, `operator` who
        answers for the bench.
        """
        self.setup = setup if past is None else replace(setup, pack_state=pack_state(past))
        self._past = past
        self.adviser: Adviser = nobody_doubts
        """See `Engine`; to be set before the bench is opened."""
        self.runs = runs
        self.test = test
        belonging = {key: value for key, value in (("session", session), ("operator", operator)) if value}
        self.run_log = Run(runs, test, {**setup_manifest(setup), **belonging}, now=lambda: 0.0)
        for file in (setup.station_file, setup.pack_file):
            sources.keep(runs, file)
        if lease is not None:
            self.run_log.manifest["lease"] = lease.as_dict()
        self._supervised = setup.station.clock == "wall" if supervised is None else supervised
        self._watch: Watch = Unwatched()
        self._lease = lease
        self._hurry = Event()
        self._opening = Opening(hurry=self._hurry)
        self._open: OpenBench | None = None
        self._engine: Engine | None = None
        self._safe: BenchVerdict | None = None

    def open(self) -> None:
        """Connect, switch off, identify, protect, start recording; raises what is wrong after keeping it in the run."""
        try:
            past, start = self._past, 0.0 if self._past is None else self._past.resumes_at(utc_now())
            opened = OpenBench(
                self.setup, self.run_log.transcript, start, permit=self._permit, opening=self._opening,
                frames=self.run_log.can_log.write,
            )  # fmt: skip
            self._open = opened
            self.run_log.now = opened.clock.now
            self.run_log.manifest |= opened.manifest()
            self.run_log.begin(opened.scanner.columns, fsync=opened.clock.kind == "wall", past=past)
            self._tell_what_was_found()
            resumption = None if past is None else Resumption(past, self.pack, past.silence(utc_now()))
            self._engine = Engine(opened, self.run_log, self.alive, resumption, self.adviser)
        except BaseException as error:
            if self._open is None:
                self._tell_what_was_found()
            # A request to end is concluded by whoever catches it, who may know more words for it.
            if isinstance(error, Exception):
                self._keep(error)
                self.conclude(error)
            raise

    def _permit(self, identities: Mapping[str, Identity]) -> None:
        """Behind OFF and identity: readings must be worth something, and somebody must watch."""
        overdue = preflight.calibration_overdue(self.setup.station)
        if overdue:
            raise BenchFault(" ".join(overdue), "calibration-overdue")
        if self._supervised:
            life = self._lease.life if self._lease is not None else None
            self._watch = Supervised(self.setup.station, self.run_log.folder, life, identities)
            self._watch.confirm()

    def _tell_what_was_found(self) -> None:
        """Whoever was here before may have left something on: it is off now, and told."""
        self.run_log.manifest["found"] = dict(self._opening.found)
        for name, (was, why) in self._opening.was.items():
            entry = fault("found-on")
            text = f"{entry.name}: {name} {was} when the bench was opened; {why}."
            self.run_log.event("found on", instrument=name)
            self.run_log.event(
                "warning", fault="found-on", action=entry.action, blame=entry.blame, step=None, text=text
            )  # fmt: skip

    def alive(self, silence: float = 0.0) -> None:
        """Say that the test is alive and will be silent for `silence` s; the engine does so with every scan.

        Raises `BenchFault` when nobody watches any more, or when somebody else has taken the bench over.
        """
        self._watch.alive(silence, None if self._open is None else self._open.clock.now())
        if self._lease is not None:
            self._lease.renew()

    def hurry(self) -> None:
        """Cut the safe state short: outputs off now, nothing else. May be called while it runs, from a signal."""
        self._hurry.set()

    @property
    def station(self) -> StationFile:
        """The station file."""
        return self.setup.station

    @property
    def pack(self) -> PackFile:
        """The pack file."""
        return self.setup.pack

    @property
    def engine(self) -> Engine:
        """The engine of the open bench."""
        if self._engine is None:
            raise TestError("The bench is not open: it was closed, or could not be opened.", "bench-not-open")
        return self._engine

    def run(self, *steps: Step) -> RunRecord:
        """Run a scenario; see `Engine.run`. Raises `InputError` for anything that is no step."""
        engine = self.engine
        for step in steps:
            if not isinstance(step, Step):
                raise InputError(
                    f"bench.run takes steps, and found {step!r}: write for example "
                    'Charge("C/3", until=current_below("C/20")).'
                )
        try:
            return engine.run(*steps)
        finally:
            # The outputs are off: what the test does next may take its time.
            self._still_alive(self.station.supervisor.idle)

    def verify(  # noqa: PLR0913 - each is part of the measurement
        self, name: str, value: float, *, unit: str = "", at_least: float | None = None, at_most: float | None = None,
        uncertainty: float = 0.0, step: str | None = None, requirement: str | None = None,
        required: Mapping[str, object] | None = None, source: str | None = None, unmeasurable: str | None = None,
        subject: Subject = "pack", unstated: str | None = None, in_limit: float | None = None,
    ) -> Verdict:  # fmt: skip
        """Judge and keep one measurement; the test goes on, and fails at its end if this failed.

        `value`, the limits and `uncertainty` (half-width of the interval) are in `unit`. A value that is nan was
        declared and never measured: that is no pass. `required` says what of the pack file the limits are,
        `source` where that has them from, `unmeasurable` why this bench cannot show it, `subject` who has failed where
        it is not what it must be, `unstated` why nobody knows what that is, `in_limit` the uncertainty where the
        limits leave room for it already. Raises `InputError` for what is no number, and limits that judge nothing.
        """
        requirement = requirement or next(iter(self.test.requirements), None)
        bounds = {key: bound for key, bound in (("at_least", at_least), ("at_most", at_most)) if bound is not None}
        _check_numbers(name, unit, value=value, uncertainty=uncertainty, **bounds)
        _check_limits(name, unit, at_least, at_most)
        measurement = Measurement(
            name,
            float(value),
            unit,
            at_least,
            at_most,
            uncertainty,
            step,
            requirement,
            required,
            source or None,
            unmeasurable or None,
            subject,
            unstated or None,
            in_limit,
        )
        self.run_log.measured(measurement)
        return measurement.verdict

    def conclude(self, error: BaseException | None = None) -> Conclusion:
        """Make the bench safe, judge, close the run. Whatever happens here, the run ends and the links close."""
        error = error or self._left_over() or self._swallowed()
        if error is not None:
            self._keep(error)
            self._settle(error)
        safe = self._make_safe()
        verdict = self._verdict(error, safe)
        raised = self._to_raise(error, verdict, safe)
        self._hear_last_words(verdict)
        self._still_alive(self.station.supervisor.idle)
        try:
            self.run_log.end(verdict, safe.as_dict() if safe else None)
        except BenchFault as full_disk:
            verdict, raised = Verdict.BENCH_FAULT, raised or full_disk
        finally:
            self._close()
        return Conclusion(verdict, safe, raised)

    def _hear_last_words(self, verdict: Verdict) -> None:
        """Keep what the links went through, and where the run did not pass what stands in the error queues."""
        bench = self._open
        if bench is None:
            return
        self.run_log.manifest["links"] = lastwords.troubles(bench.drivers)
        if verdict is Verdict.PASS:
            return
        real_time = bench.clock.kind == "wall"
        for queue in lastwords.error_queues(bench.drivers, self._hurry.is_set, real_time=real_time):
            self.run_log.event("error queue", **queue)
            self._still_alive(safestate.STEP_LIMIT)

    def _left_over(self) -> InputError | None:
        """A test that asks for less than the run before had done is another one, and has not been run."""
        left = self._engine.resumption.left if self._engine is not None and self._engine.resumption else ()
        if not left:
            return None
        return InputError(
            f"The test has changed since the run that it resumes: it ended without step {left[0].index}, "
            f"{left[0].name!r}. Run it anew.",
            MISMATCH,
        )

    def _swallowed(self) -> Failure | BenchFault | None:
        """What has ended a scenario and the test has caught: to go on is the test's right, to pass is not."""
        cause = self.run_log.cause
        if cause is None or cause.blame not in (*FAILURES, "bench"):
            return None
        kind = FAILURES.get(cause.blame, BenchFault)
        return kind(cause.text, cause.fault or "")

    def _make_safe(self) -> BenchVerdict | None:
        """How the bench was left; whoever concludes a second time is told what the first time came to."""
        if self._safe is None:
            self._safe = self._opening.left if self._open is None else self._safe_state(self._open)
        return self._safe

    def _safe_state(self, bench: OpenBench) -> BenchVerdict:
        violated, discredited = self._what_the_guard_knows()
        try:
            return bench.make_safe(
                alive=self._still_alive, hurry=self._hurry, violated=violated, discredited=discredited
            )
        except Exception as failed:  # noqa: BLE001 - the run must end and the links close, and somebody must be told
            return BenchVerdict.unknown(f"the safe state itself failed ({type(failed).__name__}: {failed})")

    def _what_the_guard_knows(self) -> tuple[str, frozenset[str]]:
        """The limit that was violated, in words, and whose meters confirm nothing any more.

        Of the contradictions only those that lasted: when a current changes, or a fuse blows, two meters differ for a
        scan, and both are right.
        """
        if self._engine is None:
            return "", frozenset()
        guard = self._engine.sampler.guard
        return "" if guard.trip is None else f"{guard.trip.limit.name} was violated", guard.discredited

    def _still_alive(self, silence: float) -> None:
        """`alive`, where nothing may keep the bench from being made safe."""
        with suppress(BenchFault):
            self.alive(silence)

    def _close(self) -> None:
        try:
            if self._open is not None:
                self._open.close()
        finally:
            self._open = self._engine = None
            self._watch.dismiss()

    def _keep(self, error: BaseException) -> None:
        if self.run_log.cause is None and not isinstance(error, Inconclusive):
            blame, _ = blame_of(error)
            where, now = self.run_log.step, self.run_log.now()
            self.run_log.fault(Cause(blame, sentence_of(error), where, now, fault=fault_of(error)))

    def _settle(self, error: BaseException) -> None:
        """Say the last word on a cause that was kept while its error was still on its way up.

        Only now is it known which of the test's own lines it came from.
        """
        cause = self.run_log.cause
        if cause is not None and cause.text in (str(error), _first_line(error), sentence_of(error)):
            blame, _ = blame_of(error)
            self.run_log.cause = replace(cause, blame=blame, text=sentence_of(error), fault=fault_of(error))

    def _verdict(self, error: BaseException | None, safe: BenchVerdict | None) -> Verdict:
        verdicts = [measurement.verdict for measurement in self.run_log.measurements]
        if error is not None:
            verdicts.append(blame_of(error)[1])
        if safe is not None and not safe.safe:
            verdicts.append(Verdict.BENCH_FAULT)
        return worst(verdicts)

    def _to_raise(self, error: BaseException | None, verdict: Verdict, safe: BenchVerdict | None) -> Exception | None:
        if error is not None:
            return error if isinstance(error, Exception) else None
        if safe is not None and not safe.safe:
            fault = BenchFault(f"The test ended, the bench was not verified safe: {safe}", "not-verified-safe")
            self._keep(fault)
            return fault
        judged = [m for m in self.run_log.measurements if m.verdict is verdict]
        text = "\n".join(str(measurement) for measurement in judged)
        if verdict in FAILED.values():
            failure = FAILURES[judged[0].subject](text)
            self._blame(judged[0], failure)
            return failure
        return Inconclusive(text) if verdict is Verdict.INCONCLUSIVE else None

    def _blame(self, first: Measurement, failure: Failure) -> None:
        """Keep the first figure that made the verdict as the run's cause, where it has none."""
        if self.run_log.cause is None:
            self.run_log.cause = Cause(
                failure.subject, str(first), first.step, self.run_log.now(), first.name, failure.fault
            )


def _check_numbers(name: str, unit: str, **given: object) -> None:
    for key, value in given.items():
        if not isinstance(value, SupportsFloat):
            raise InputError(
                f"verify {name!r}: {key} is {value!r}, which is no number; give it in {unit or 'its unit'}."
            )


def _check_limits(name: str, unit: str, at_least: float | None, at_most: float | None) -> None:
    """Raise `InputError` for limits that no value can keep, or miss: whatever is measured, nothing would be judged."""
    for key, bound in (("at_least", at_least), ("at_most", at_most)):
        if bound is not None and isnan(bound):
            raise InputError(f"verify {name!r}: {key} is nan, which no value can be held against; give a number.")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise InputError(
            f"verify {name!r}: at_least {at_least:g} lies above at_most {at_most:g} {unit}".rstrip()
            + ", so that no value can be good; exchange them, or leave one out."
        )


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]


Verify = Callable[..., Verdict]
