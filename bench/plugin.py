"""The pytest plugin: options, the fixtures `station`, `pack`, `bench` and `verify`, verdicts and exit statuses.

Order of one test: the fixture opens the bench (a run begins), the test runs scenarios, and as soon as it returns or
raises the bench is made safe and the run closed *inside* the call phase, so that the outcome pytest reports already
knows what the safe state found. The fixture's own end only catches what never reached the call.
"""

import sys
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bench import hooks, progress, resuming
from bench.context import DEFAULT_STATION, PAST, BenchContext
from bench.pack import PackFile, load_pack
from bench.recording import table
from bench.recording.run import TestIdentity
from bench.recording.session_log import SessionLog
from bench.safety import interrupts
from bench.safety.lease import BenchLease
from bench.station import StationFile
from bench.testing import Conclusion, TestBench, Verify
from bench.verdicts import (
    WRONG,
    BenchFault,
    BenchInUse,
    ExitStatus,
    Inconclusive,
    InputError,
    PackFailure,
    blame_of,
    fault_of,
)
from instruments.roles import InstrumentFault

DEFAULT_TEMPERATURES = "-10,0,25,45"
VERDICTS_IN_WORDS = (PackFailure, BenchFault, InstrumentFault, InputError)
VERDICT_PROPERTY = "packbench.verdict"
TIMED_OUT = "from pytest-timeout"
"""How pytest-timeout's failure of a test that hung ends."""

_bench_key = pytest.StashKey[TestBench]()
_context_key = pytest.StashKey[BenchContext]()
_refusal_key = pytest.StashKey[InputError]()


# --- options and session ------------------------------------------------------------------------------------------


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare what a report may implement."""
    pluginmanager.add_hookspecs(hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Choose station, pack, temperatures and where recordings go."""
    group = parser.getgroup("packbench", "battery bench")
    group.addoption(
        "--station",
        default=None,
        help=f"station file or shipped name (default: {DEFAULT_STATION})",
    )
    group.addoption("--pack", default=None, help="pack file or shipped name (default: the station's first)")
    group.addoption(
        "--temperatures",
        default=DEFAULT_TEMPERATURES,
        help="°C, with commas; write --temperatures=-10,25 (default: %(default)s)",
    )
    group.addoption("--runs", default="runs", help="folder of the recordings (default: %(default)s)")
    group.addoption("--seed", type=int, default=0, help="of the virtual pack and instruments (default: %(default)s)")
    group.addoption(
        "--defect",
        action="append",
        default=[],
        help="seed a defect, e.g. weak-cell:7:0.7 or chamber-stuck:20",
    )
    group.addoption(
        "--resume",
        metavar="RUN",
        default=None,
        help="continue a run that died or was ended by a fault: its folder, its id, or last; only its test is run",
    )
    group.addoption("--take-over", action="store_true", help="take the bench from whoever holds its lease (recorded)")
    group.addoption(
        "--supervise",
        action="store_true",
        help="let a supervisor process watch the test on a virtual bench as well; on a wall clock one always does",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Choose the test of the run to resume before anybody looks at what is to be run."""
    if config.option.resume is None:
        return
    try:
        config.stash[PAST] = resuming.choose(config)
    except InputError as refusal:
        config.stash[_refusal_key] = refusal


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register markers and the progress display; what the options name is read when the session starts."""
    progress.register(config)
    config.addinivalue_line("markers", "requirement(id): the requirement that a test case verifies")
    config.addinivalue_line(
        "markers", "other_packs: run with each of the station's other packs instead of the default one"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Read station and pack, take the lease, turn a request to terminate into an orderly end."""
    config = session.config
    try:
        if _refusal_key in config.stash:
            raise config.stash[_refusal_key]
        context = BenchContext(config)
        if context.past is not None and config.getoption("numprocesses", None):
            raise InputError("--resume continues one test: run it without -n.")
        if context.station.clock == "wall" and (_is_worker(config) or config.getoption("numprocesses", None)):
            raise InputError(
                f"Station {context.station.name} is one bench: run it without -n, "
                "which would drive it several times at once."
            )
        if context.station.lease is not None and not _is_worker(config) and not config.option.collectonly:
            lease, take_over = context.station.lease, bool(config.getoption("--take-over"))
            context.lease = BenchLease(lease.file, context.station.name, expiry=lease.expiry, take_over=take_over)
    except InputError as error:
        pytest.exit(f"packbench: {error}", returncode=ExitStatus.WRONG_INPUT)
    except BenchInUse as error:
        pytest.exit(f"packbench: {error}", returncode=ExitStatus.BENCH_FAULT)
    config.stash[_context_key] = context
    session.config.pluginmanager.register(_Outcome(session, context), "packbench-outcome")
    interrupts.end_in_order()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# --- collection ---------------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per temperature, and per pack where a test asks for the others."""
    context = metafunc.config.stash.get(_context_key, None)
    if context is None:
        return
    marks = {mark.name: mark for mark in metafunc.definition.iter_markers()}
    if "temperature" in metafunc.fixturenames and not _parametrized(metafunc, "temperature"):
        metafunc.parametrize("temperature", context.temperatures, ids=lambda value: f"{value:g}C")
    if "other_packs" in marks and "pack" in metafunc.fixturenames:
        metafunc.parametrize("pack", context.other_packs, indirect=True)


def _parametrized(metafunc: pytest.Metafunc, name: str) -> bool:
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize") if mark.args]
    return any(name in (names.replace(",", " ").split() if isinstance(names, str) else names) for names in named)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a pack named by hand, the tests of the other packs have nothing to run on."""
    context = config.stash.get(_context_key, None)
    if context is None or context.other_packs:
        return
    dropped = [item for item in items if item.get_closest_marker("other_packs")]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Import what a run's end needs while nobody has frozen anything yet; see `table.prepare`."""
    if not session.config.option.collectonly and any("bench" in getattr(i, "fixturenames", ()) for i in session.items):
        table.prepare()


# --- fixtures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def station(pytestconfig: pytest.Config) -> StationFile:
    """The station file."""
    return pytestconfig.stash[_context_key].station


@pytest.fixture
def pack(request: pytest.FixtureRequest) -> PackFile:
    """The pack under test."""
    return load_pack(_pack_name(request))[0]


def _pack_name(request: pytest.FixtureRequest) -> str:
    context = request.config.stash[_context_key]
    callspec = getattr(request.node, "callspec", None)
    return str(callspec.params.get("pack", context.pack_name)) if callspec else context.pack_name


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[TestBench]:
    """An open bench, made safe when the test ends, however it ends."""
    context = request.config.stash[_context_key]
    item = request.node
    if context.broken is not None:
        pytest.skip(f"NOT RUN: the bench is broken: {context.broken}")
    setup = context.setup(*load_pack(_pack_name(request)))
    under_test = TestBench(
        setup, context.runs, identity_of(item),
        lease=context.lease, supervised=context.supervised, past=context.past,
    )  # fmt: skip
    item.stash[_bench_key] = under_test
    with interrupts.bench_open():
        try:
            _announce(item, under_test)
            under_test.open()
            yield under_test
        finally:
            _conclude(item, sys.exception() or pytest.skip.Exception("The test was stopped before its call."))


def _announce(item: pytest.Item, under_test: TestBench) -> None:
    hook = item.ihook
    under_test.run_log.listeners.append(lambda event: hook.pytest_packbench_event(item=item, event=event))
    hook.pytest_packbench_run_started(item=item, folder=under_test.run_log.folder)


@pytest.fixture
def verify(bench: TestBench) -> Verify:
    """Judge a measurement: `verify(name, value, unit=…, at_least=…, at_most=…, uncertainty=…)`."""
    return bench.verify


def identity_of(item: pytest.Item) -> TestIdentity:
    """How the run names its test: the first line of its docstring, filled with its parameters, is the title."""
    callspec = getattr(item, "callspec", None)
    parameters: dict[str, Any] = dict(callspec.params) if callspec else {}
    shown = {key: f"{value:g}" if isinstance(value, float) else value for key, value in parameters.items()}
    doc = (getattr(getattr(item, "function", None), "__doc__", None) or item.name).strip().split("\n", maxsplit=1)[0]
    try:
        title = doc.format(**shown)
    except (LookupError, ValueError, AttributeError, TypeError):
        title = doc
    requirements = tuple(str(mark.args[0]) for mark in item.iter_markers("requirement") if mark.args)
    return TestIdentity(item.nodeid, item.name, title.rstrip("."), requirements, tuple(parameters.items()))


# --- verdicts -----------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Conclude the run before the outcome is reported."""
    __tracebackhide__ = True
    try:
        yield
    except BaseException as error:
        _conclude(item, error)
        raise
    conclusion = _conclude(item, None)
    if conclusion is None or conclusion.error is None:
        return
    if isinstance(conclusion.error, Inconclusive):
        pytest.skip(f"INCONCLUSIVE: {conclusion.error}")
    raise conclusion.error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say a verdict in its own words: a traceback through the engine explains nothing about a pack or a bench."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, VERDICTS_IN_WORDS):
        report.longrepr = f"{type(call.excinfo.value).__name__}: {call.excinfo.value}"
    return report


def _conclude(item: pytest.Item, error: BaseException | None) -> Conclusion | None:
    under_test = item.stash.get(_bench_key, None)
    if under_test is None:
        return None
    del item.stash[_bench_key]
    error = _reworded(under_test, error)
    with interrupts.held_back(under_test.hurry, asked_before=isinstance(error, KeyboardInterrupt)):
        conclusion = under_test.conclude(error)
        run = under_test.run_log
        item.user_properties += [
            (VERDICT_PROPERTY, WRONG if isinstance(error, InputError) else str(conclusion.verdict)),
            ("packbench.title", under_test.test.title),
            ("packbench.duration", run.manifest["duration"]),
            ("packbench.cause", run.cause.text if run.cause else ""),
        ]
        _keep_what_broke_the_bench(item, conclusion, under_test)
        item.ihook.pytest_packbench_run_ended(item=item, folder=run.folder)
    return conclusion


def _reworded(under_test: TestBench, error: BaseException | None) -> BaseException | None:
    """What was raised in the bench's own words, also where the run has kept it as its cause already."""
    meant, cause = _meaning(error), under_test.run_log.cause
    if meant is not None and meant is not error and cause is not None and cause.text == str(error):
        under_test.run_log.cause = replace(cause, blame=blame_of(meant)[0], text=str(meant), fault=fault_of(meant))
    return meant


def _meaning(error: BaseException | None) -> BaseException | None:
    """What was raised, in the bench's own words: `pytest.fail` in a test is its verdict on the pack.

    pytest-timeout fails a test in the same way, but a pack cannot make a test hang: a bench can.
    """
    if not isinstance(error, pytest.fail.Exception):
        return error
    text = str(error)
    if TIMED_OUT in text:
        return BenchFault(f"The test hung and was stopped: {text}", "test-hung")
    return PackFailure(text)


def _keep_what_broke_the_bench(item: pytest.Item, conclusion: Conclusion, under_test: TestBench) -> None:
    """On a real bench, what failed or could not be made safe will not be better for the next test.

    A virtual bench is another one for every test, and an exception of a test's own says nothing about the next.
    """
    context, cause = item.config.stash[_context_key], under_test.run_log.cause
    unsafe = conclusion.bench is not None and not conclusion.bench.safe
    failed = isinstance(conclusion.error, (BenchFault, InstrumentFault, OSError))
    if under_test.station.clock == "wall" and context.broken is None and (unsafe or failed):
        text = cause.text if cause is not None else str(conclusion.bench)
        context.broken = f"{text} (first seen in {item.nodeid})"


class _Outcome:
    """Counts verdicts over the session and turns them into the exit status."""

    def __init__(self, session: pytest.Session, context: BenchContext) -> None:
        self.session, self.context = session, context
        self.verdicts: dict[str, str] = {}
        self.interrupted = False
        self.log = SessionLog(context.runs) if not _is_worker(session.config) else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict that the test's process attached to its report."""
        for name, value in report.user_properties:
            if name == VERDICT_PROPERTY:
                self._first_verdict(report.nodeid, str(value))

    def _first_verdict(self, nodeid: str, verdict: str) -> None:
        if nodeid not in self.verdicts and self.log is not None:
            self.log.begin_once(self.context.station.name, self.context.pack_name)
        self.verdicts.setdefault(nodeid, verdict)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Somebody asked the session to end; interruptions of pytest's own (a failed import) are of other types."""
        self.interrupted = excinfo.type is KeyboardInterrupt

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Give the bench back, and turn the verdicts into the exit status; see `ExitStatus`."""
        if self.context.lease is not None:
            self.context.lease.release()
        if self.log is None:
            return
        counts = Counter(self.verdicts.values())
        status = ExitStatus.of_session(counts, ExitStatus.INTERRUPTED if self.interrupted else exitstatus)
        if not self.verdicts:
            session.exitstatus = status
            return
        session.exitstatus = status
        summary = {
            "station": self.context.station.name, "pack": self.context.pack_name, "seed": self.context.seed,
            "verdicts": dict(counts), "exit_status": status,
        }  # fmt: skip
        self.log.end(summary)
        session.config.hook.pytest_packbench_session_ended(session=session, summary=summary)
