"""Keeps the record of a session while pytest runs it: begun before anything is read, ended after everybody else.

It hears what every process of the session reports, counts, and says with what status the session exits. How a test
ends is not decided here.
"""

import os
import traceback
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import ends, junit
from bench.clock import utc_now
from bench.context import BenchContext
from bench.recording.session_log import CONTRADICTIONS, Session, SessionLog, TestEnd
from bench.safety import interrupts
from bench.verdicts import BenchInUse, ExitStatus, InputError, Verdict

NAME = "packbench-session"
WITH_BENCH = pytest.StashKey[bool]()
"""Whether a test of this session asks for the bench: of other sessions nothing is said or kept."""
STUMBLES = (Exception, pytest.exit.Exception)
"""What somebody's end of a session may raise: a full disk, a mistake, or a wish for another exit status."""


def uses_the_bench(items: Sequence[pytest.Item]) -> bool:
    """Whether any of these tests asks for the bench."""
    return any("bench" in getattr(item, "fixturenames", ()) for item in items)


class SessionKeeper:
    """One per session, in the process that owns it."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.runs = Path(config.option.runs)
        self.log = SessionLog(self.runs, Session.new(_facts(config)))
        self.session = self.log.session
        self._context: BenchContext | None = None
        self._trouble_at_the_end = self._finished = False
        self._interrupted = self._collected = self._unknown = self._bench_used = False

    def begin(self) -> None:
        """Put this session in the place of the last one: from now on that one's verdict is nobody's.

        Raises `InputError` where an earlier record stays in the way: a report would take it for this session's.
        """
        self.log.begin()
        if self.log.refused and self.log.path.exists():
            raise InputError(
                f"--runs={self.runs}: {self.log.path}, the record of an earlier session, can be neither replaced nor "
                f"removed ({self.log.refused}) and would speak for this one; name another folder."
            )

    def in_use_by(self, other: Session) -> BenchInUse:
        """What to say where a session that still runs records in the same folder: one record cannot tell of two."""
        number = other.process.number if other.process is not None else "unknown"
        return BenchInUse(
            f"--runs={self.runs}: the session of {other.started} (process {number}) still records there; wait until it "
            "has ended, or name another folder, and one for --alluredir."
        )

    def refuse(self, text: str, status: ExitStatus) -> None:
        """Mark the session as ended before it began."""
        self.session.trouble = text
        self.log.end(status)

    def choose(self, context: BenchContext) -> None:
        """Take note of what the options chose; a session that continues a run of the last one continues that one."""
        self._context = context
        self.session.facts |= {"station": context.station.name, "pack": context.pack_name}
        self.session.facts |= {"waivers_expired": [str(each) for each in context.waivers.expired(utc_now().date())]}
        self.session.facts |= {"requirements": context.requirements.as_facts()}
        self.session.facts |= {CONTRADICTIONS: context.contradictions} if context.contradictions else {}
        before = self.log.before
        if context.past is not None and before is not None and context.past.manifest.get("session") == before.id:
            self.session.go_on_from(before, self.runs)
        self.log.write()

    # --- what is meant to run -----------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which tests are meant to run."""
        if self.config.getoption("numprocesses", None):
            return  # the workers collect
        self._plan({item.nodeid: ends.identity_of(item).title for item in session.items})
        self._bench_used |= uses_the_bench(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Every worker collects the same tests."""
        self._plan(dict.fromkeys(ids, ""))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported is a mistake in it."""
        if report.failed:
            self._unknown, cause = True, _last_line(report)
            self.session.note(TestEnd(report.nodeid, Verdict.TEST_ERROR, report.nodeid, cause))
            self.session.trouble = self.session.trouble or f"{report.nodeid} cannot be collected: {cause}"

    def _plan(self, titles: dict[str, str]) -> None:
        self._collected = True
        self.session.collected |= titles
        self.log.write()

    # --- what becomes of it -------------------------------------------------------------------------------------------

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test that began and tells no end has had one all the same."""
        self.session.begun.append(nodeid)
        # What it was said to have ended with before is over: it is run again.
        self.session.tests.pop(nodeid, None)
        self.log.write()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what the process of a test says about its end."""
        end = ends.read(report)
        if end is not None:
            self.session.note(end)
        self._bench_used |= ends.used_a_bench(report)
        if report.when in ("teardown", ends.CRASHED):
            self.log.write()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Somebody asked the session to end; interruptions of pytest's own (a failed import) are of other types."""
        self._interrupted = excinfo.type is KeyboardInterrupt

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
        """Settle the session behind whoever writes at its end, also where one of them fails.

        The innermost wrapper: those around it, pytest's summary among them, tell what comes of it.
        """
        try:
            result = yield
        except STUMBLES as error:
            self.stumbled(session, error)
            result = []
        finally:
            self.finish(session, exitstatus)
        return result

    def stumbled(self, session: pytest.Session, error: BaseException) -> None:
        """Take what somebody's end of the session has raised for trouble: it must not stand in the place of verdicts.

        Raises it again in a session that was none of the bench's: there pytest alone says how it ends.
        """
        if self._is_none_of_the_bench():
            raise error
        self._trouble_at_the_end = True
        place = traceback.extract_tb(error.__traceback__)[-1]
        self._tell(
            f"A part of this session's end failed ({Path(place.filename).name}, line {place.lineno}: "
            f"{type(error).__name__}: {error}); what it was to write is missing or old. The verdicts told here stand."
        )
        if self._finished:
            session.exitstatus = self._with_trouble(session.exitstatus)
            self._end(session)

    def finish(self, session: pytest.Session, exitstatus: int) -> None:
        """Give the bench back, settle the record, and let everything that is told come from it; once."""
        if self._finished:
            return
        self._finished = True
        if self._context is not None and self._context.lease is not None:
            self._context.lease.release()
        stopped = self._interrupted or interrupts.waiting()
        status = ExitStatus.INTERRUPTED if stopped else self._without_enough(exitstatus)
        self.session.settle(self.runs, stopped=stopped)
        if self._is_none_of_the_bench():
            self.log.withdraw()
            session.exitstatus = ExitStatus.of_session({}, status)
            return
        session.exitstatus = self._with_trouble(self.session.status(status))
        self._agree_in_junit()
        self._end(session)

    def _without_enough(self, status: int) -> int:
        """What pytest makes of the session; with -n, it calls one that had enough failures (`-x`) interrupted."""
        distributed = self.config.pluginmanager.get_plugin("dsession")
        enough = "stopping after" in str(getattr(distributed, "shouldstop", ""))
        return ExitStatus.FAILED if enough and status == pytest.ExitCode.INTERRUPTED else status

    def _end(self, session: pytest.Session) -> None:
        self.log.end(session.exitstatus)
        if self.log.refused:
            self._disk_is_full(session)
        summary = self.session.as_dict()
        session.config.hook.pytest_packbench_session_ended(session=session, summary=summary)

    def _with_trouble(self, status: int) -> int:
        """The exit status, no better than that of a mistake where somebody's end of the session failed."""
        return ExitStatus.of_session({Verdict.TEST_ERROR: 1}, status) if self._trouble_at_the_end else status

    def _tell(self, trouble: str) -> None:
        self.session.trouble = f"{self.session.trouble} {trouble}".strip()

    def _is_none_of_the_bench(self) -> bool:
        """Whether nothing in this session was meant for a bench; where nothing could be collected nobody knows."""
        used = self._bench_used or any(end.run for end in self.session.tests.values())
        return self._collected and not self._unknown and not used

    def _agree_in_junit(self) -> None:
        path = getattr(self.config.option, "xmlpath", None)
        if not path or not Path(path).is_file():
            return
        try:
            junit.agree(Path(path), list(self.session.tests.values()), self.config.option.junitprefix or "")
        except (OSError, ValueError) as error:
            self._tell(f"The JUnit file {path} does not tell the verdicts: {error}")

    def _disk_is_full(self, session: pytest.Session) -> None:
        """What cannot be recorded was not tested: the record on the disk says that this session never ended."""
        self.session.trouble = f"The record of this session, {self.log.path}, cannot be written: {self.log.refused}."
        session.exitstatus = self.session.exit_status = ExitStatus.BENCH_FAULT


def _facts(config: pytest.Config) -> dict[str, Any]:
    """What it takes to have this session again."""
    option = config.option
    return {
        "command": [str(argument) for argument in config.invocation_params.args],
        "chosen": [str(argument) for argument in getattr(option, "file_or_dir", None) or ()],
        "environment": {name: os.environ[name] for name in ("PYTEST_ADDOPTS",) if os.environ.get(name)},
        "folder": str(config.invocation_params.dir), "rootdir": str(config.rootpath),
        "station": option.station or "", "pack": option.pack or "", "temperatures": option.temperatures,
        "seed": option.seed, "defects": list(option.defect),
    }  # fmt: skip


def _last_line(report: pytest.CollectReport) -> str:
    lines = [line.strip() for line in report.longreprtext.splitlines() if line.strip()]
    return lines[-1].removeprefix("E ").strip() if lines else "It cannot be collected."
