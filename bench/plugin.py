"""What pytest does for a session that is the bench's: opens the bench for each test, verdicts, exit statuses.

`packbench.plugin` has the options and the fixtures, and decides whether a session is the bench's: nothing of this is
imported by any other one. PYTEST_DONT_REWRITE: nothing is asserted here.

Order of one test: the fixture opens the bench (a run begins), the test runs scenarios, and as soon as it returns or
raises the bench is made safe and the run closed *inside* the call phase, so that the outcome pytest reports already
knows what the safe state found. The fixture's own end only catches what never reached the call.
"""

import gc
import sys
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from inspect import iscoroutinefunction
from pathlib import Path
from traceback import extract_tb
from typing import Any, NoReturn

import pytest

from bench import accepted, ends, progress, resuming, roles
from bench.accepted import Accepted
from bench.asking import DESK, Terminal
from bench.clock import utc_now
from bench.context import PAST, SESSION, BenchContext, runs_nothing
from bench.ends import identity_of
from bench.keeping import NAME as KEEPER
from bench.keeping import STUMBLES, WITH_BENCH, SessionKeeper, uses_the_bench
from bench.pack import PackFile, load_pack
from bench.plain import plain
from bench.planned import Planned
from bench.recording.aftermath import aftermath
from bench.recording.sources import about_test
from bench.safety import interrupts, powercut
from bench.safety.lease import BenchLease
from bench.station import StationFile
from bench.testing import Conclusion, TestBench
from bench.unheard import outlive_the_reader
from bench.verdicts import (
    BenchFault,
    BenchInUse,
    ExitStatus,
    Failure,
    Inconclusive,
    InputError,
    PackFailure,
    TestError,
    UnsuitedError,
    Verdict,
    blame_of,
    fault_of,
    sentence_of,
)
from instruments.roles import InstrumentFault
from instruments.wording import nearest

VERDICTS_IN_WORDS = (Failure, BenchFault, InstrumentFault, InputError, TestError)
TIMED_OUT = "from pytest-timeout"
"""How pytest-timeout's failure of a test that hung ends."""

_bench_key = pytest.StashKey[TestBench]()
_told_key = pytest.StashKey[Verdict]()
"""The verdict of a run that was concluded in the phase that is going on."""
_context_key = pytest.StashKey[BenchContext]()
_refusal_key = pytest.StashKey[InputError]()


# --- the session -----------------------------------------------------------------------------------------------------


def choose_past(config: pytest.Config) -> None:
    """Choose the test of the run to resume; called before anybody looks at what is to be run."""
    try:
        config.stash[PAST] = resuming.choose(config)
    except InputError as refusal:
        config.stash[_refusal_key] = refusal


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin with the session, where it was the bench's from the start."""
    begin(session)


def begin(session: pytest.Session) -> None:
    """Begin the record, read station and pack, take the lease, turn a request to terminate into an orderly end.

    Raises `pytest.exit.Exception` for what keeps every test from running; it has been recorded then.
    """
    config = session.config
    progress.register(config)
    outlive_the_reader(config)
    keeper = None if _is_worker(config) or runs_nothing(config) else SessionKeeper(config)
    if keeper is not None:
        other = keeper.log.before
        if other is not None and other.lives:
            # It is not ours to record: the record of the other one lies in that very place.
            _refuse(None, keeper.in_use_by(other), ExitStatus.BENCH_FAULT)
    try:
        if keeper is not None:
            keeper.begin()
        context = config.stash[_context_key] = _context(config, keeper)
    except InputError as error:
        _refuse(keeper, error, ExitStatus.WRONG_INPUT)
    except BenchInUse as error:
        _refuse(keeper, error, ExitStatus.BENCH_FAULT)
    if keeper is not None and context.station.clock == "wall" and progress.is_watched(config):
        with suppress(OSError):  # a terminal of another kind: then the live page is where to answer
            DESK.ways = [Terminal()]
    DESK.promised = bool(config.getoption("--attended"))
    if keeper is not None:
        keeper.choose(context)
        config.pluginmanager.register(keeper, KEEPER)
    interrupts.end_in_order()


def has_begun(config: pytest.Config) -> bool:
    """Whether the options of this session have been read, and what they name."""
    return _context_key in config.stash


def _context(config: pytest.Config, keeper: SessionKeeper | None) -> BenchContext:
    """What the options chose; raises `InputError` or `BenchInUse` before any test begins."""
    if _refusal_key in config.stash:
        raise config.stash[_refusal_key]
    context = BenchContext(config)
    several = bool(config.getoption("numprocesses", None))
    if context.past is not None and several:
        raise InputError("--resume continues one test: run it without -n.")
    if several and config.getoption("dist", "") == "each":
        raise InputError(
            "--dist=each runs every test once for each worker, and a session tells one end of each: leave it out, "
            "-n alone shares the tests."
        )
    if context.station.clock == "wall" and (_is_worker(config) or several):
        raise InputError(
            f"Station {context.station.name} is one bench: run it without -n, "
            "which would drive it several times at once."
        )
    if keeper is not None:
        context.session = keeper.session.id
        context.check()
        if context.station.lease is not None:
            lease, take_over = context.station.lease, bool(config.getoption("--take-over"))
            context.lease = BenchLease(lease.file, context.station.name, expiry=lease.expiry, take_over=take_over)
    return context


def _refuse(keeper: SessionKeeper | None, error: Exception, status: ExitStatus) -> NoReturn:
    if keeper is not None:
        keeper.refuse(str(error), status)
    pytest.exit(f"packbench: {error}", returncode=status)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of a distributed session to which one its runs belong."""
    context = node.config.stash.get(_context_key, None)
    node.workerinput[SESSION] = context.session if context is not None else ""


def pytest_unconfigure() -> None:
    """Whoever runs a session in a process of his own gets his signals back, and is asked nothing any more."""
    interrupts.as_before()
    DESK.ways, DESK.promised = [], False


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# --- collection ---------------------------------------------------------------------------------------------------


def parametrize(metafunc: pytest.Metafunc, fixtures: Collection[str]) -> None:
    """One test per temperature and manager, and per pack where a test asks for the others.

    `fixtures` are those that are ours.
    """
    context = metafunc.config.stash[_context_key]
    marks = {mark.name: mark for mark in metafunc.definition.iter_markers()}
    if "temperature" in fixtures and not _parametrized(metafunc, "temperature"):
        metafunc.parametrize("temperature", context.temperatures, ids=lambda value: f"{value:g}C")
    if "manager" in metafunc.fixturenames and not _parametrized(metafunc, "manager"):
        metafunc.parametrize("manager", context.managers)
    if "other_packs" in marks and "pack" in fixtures:
        metafunc.parametrize("pack", context.other_packs, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A test that is marked with what nobody knows is a mistake of its file, whatever fixtures it uses."""
    report = yield
    context = collector.config.stash.get(_context_key, None)
    if context is None:
        return report
    try:
        for item in (each for each in report.result or () if isinstance(each, pytest.Item)):
            _refuse_unknown_marks(item, context)
    except InputError as error:
        return pytest.CollectReport(report.nodeid, "failed", f"packbench: {error}", [])
    return report


def _refuse_unknown_marks(item: pytest.Item, context: BenchContext) -> None:
    """Raise `InputError` for a role that there is not, and for a requirement that is not in the list."""
    _refuse_unknown_roles(item)
    context.requirements.refuse_unknown(item.nodeid, ends.requirements_of(item))


def _parametrized(metafunc: pytest.Metafunc, name: str) -> bool:
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize") if mark.args]
    return any(name in (names.replace(",", " ").split() if isinstance(names, str) else names) for names in named)


def _needed(item: pytest.Item) -> Iterator[str]:
    """The roles without which a test has nothing to run on."""
    for mark in item.iter_markers("needs"):
        yield from mark.args


def _refuse_unknown_roles(item: pytest.Item) -> None:
    for name in _needed(item):
        if name not in roles.names():
            what = f"{item.nodeid} needs {name!r}, and there is no such role; {nearest(name, roles.names())}."
            raise InputError(what)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Of a session without a bench nothing is told.

    What has been imported by then stays to the end of one with a bench: nobody looks through it again for garbage.
    """
    session.config.stash[WITH_BENCH] = uses_the_bench(session.items)
    if session.config.stash[WITH_BENCH] and not runs_nothing(session.config):
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What has nothing to run on: tests of the other packs where one is named by hand, and of roles nobody plays."""
    context = config.stash.get(_context_key, None)
    if context is None:
        return
    for item in items:  # those that were collected before the session became the bench's
        try:
            _refuse_unknown_marks(item, context)
        except InputError as error:
            _refuse(config.pluginmanager.get_plugin(KEEPER), error, ExitStatus.WRONG_INPUT)
    named, played = not context.other_packs, set(context.station.played)
    dropped = [
        item for item in items
        if (named and item.get_closest_marker("other_packs")) or not set(_needed(item)) <= played
    ]  # fmt: skip
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


# --- what the fixtures give -------------------------------------------------------------------------------------------


def station_of(config: pytest.Config) -> StationFile:
    """The station file."""
    return config.stash[_context_key].station


def pack_of(request: pytest.FixtureRequest) -> PackFile:
    """The pack under test."""
    return load_pack(_pack_name(request))[0]


def accepted_of(request: pytest.FixtureRequest) -> Accepted:
    """What was accepted of the specimen under test."""
    return accepted.load(request.config.stash[_context_key].accepted_in, pack_of(request))


def _pack_name(request: pytest.FixtureRequest) -> str:
    context = request.config.stash[_context_key]
    callspec = getattr(request.node, "callspec", None)
    return str(callspec.params.get("pack", context.pack_name)) if callspec else context.pack_name


def opened(request: pytest.FixtureRequest) -> Iterator[TestBench]:
    """An open bench, made safe when the test ends, however it ends."""
    context = request.config.stash[_context_key]
    item = request.node
    if context.broken is not None:
        pytest.skip(f"NOT RUN: the bench is broken: {context.broken}")
    setup = context.setup(*load_pack(_pack_name(request)))
    under_test = TestBench(
        setup, context.runs, replace(identity_of(item), origin=about_test(item.path, item.config.rootpath)),
        lease=context.lease, supervised=context.supervised, past=context.past, session=context.session,
        operator=context.operator,
    )  # fmt: skip
    item.stash[_bench_key] = under_test
    with interrupts.bench_open():
        try:
            _announce(item, under_test)
            under_test.open()
            _tell_power_cut(item, context, under_test)
            yield under_test
        finally:
            _conclude(item, sys.exception() or KeyboardInterrupt("The test was stopped before its call."))


def _announce(item: pytest.Item, under_test: TestBench) -> None:
    hook = item.ihook
    under_test.adviser = lambda planned, state: _advised(item, under_test, planned, state)
    under_test.run_log.listeners.append(lambda event: hook.pytest_packbench_event(item=item, event=event))
    hook.pytest_packbench_run_started(item=item, folder=under_test.run_log.folder)


def _advised(
    item: pytest.Item, under_test: TestBench, planned: Sequence[Planned], state: tuple[float, float]
) -> list[str]:
    """What somebody says that this bench is not expected to decide: on the terminal as well, each once a session."""
    answers = item.ihook.pytest_packbench_scenario(
        item=item, planned=planned, manifest=under_test.run_log.manifest, pack=under_test.pack, state=state,
        accepted=accepted.load(item.config.stash[_context_key].accepted_in, under_test.pack),
    )  # fmt: skip
    told = [text for answer in answers for text in answer]
    news = [text for text in told if text not in item.config.stash[_context_key].doubts_told]
    item.config.stash[_context_key].doubts_told.update(news)
    if news:
        _tell_doubts(item.config, news)
    return told


def _tell_doubts(config: pytest.Config, news: Sequence[str]) -> None:
    """Write past whatever captures the test's own output: a test is running."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None:
        return
    with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
        for text in news:
            reporter.ensure_newline()
            reporter.write_line(plain(f"PRE-FLIGHT: {text}"), yellow=True)


def _tell_power_cut(item: pytest.Item, context: BenchContext, under_test: TestBench) -> None:
    """Once a session, before the first output is on: what goes on when this computer loses power."""
    warning = powercut.warning(under_test.run_log.manifest["power_cut"])
    reporter = item.config.pluginmanager.get_plugin("terminalreporter")
    if warning and reporter is not None and not context.power_cut_told:
        context.power_cut_told = True
        reporter.ensure_newline()
        reporter.write_line(plain(f"POWER CUT: {warning}"), yellow=True, bold=True)


# --- requests to end ----------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A request to end is raised in the test's own code or after the test; and no test leaves its bench open."""
    with interrupts.deferred():
        try:
            return (yield)
        finally:
            _conclude(item, sys.exception())


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """A fixture is code of the test."""
    with interrupts.at_once():
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """The test itself. One that pytest fails because nobody can call it has not failed a pack: it has not begun."""
    with interrupts.at_once():
        try:
            return (yield)
        except UnsuitedError as error:
            if pyfuncitem.get_closest_marker("skip_unsuited") is None:
                raise
            under_test = pyfuncitem.stash.get(_bench_key, None)
            pytest.skip(f"{under_test.pack.name if under_test else 'the pack'} is not made for it: {error}")
        except pytest.fail.Exception as error:
            if not iscoroutinefunction(pyfuncitem.obj) or _has_begun(pyfuncitem, error):
                raise
            file, line, _ = pyfuncitem.location
            sentence = str(error).partition("\n")[0]
            raise TestError(f"{sentence} ({file}:{(line or 0) + 1})") from None


def _has_begun(item: pytest.Function, error: BaseException) -> bool:
    """Whether an exception comes from code of the test's own file."""
    return any(Path(frame.filename) == item.path for frame in extract_tb(error.__traceback__))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """What fixtures do at their end is code of the test; a bench that is still open is made safe there, undisturbed."""
    with nullcontext() if _bench_key in item.stash else interrupts.at_once():
        return (yield)


def pytest_keyboard_interrupt() -> None:
    """The session has caught a request to end."""
    interrupts.arrived()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Finish the session whatever is asked or fails meanwhile, and say by its status that it was asked."""
    interrupts.finish()
    try:
        result = yield
    except STUMBLES as error:
        keeper: SessionKeeper | None = session.config.pluginmanager.get_plugin(KEEPER)
        if keeper is None:
            raise
        keeper.stumbled(session, error)
        result = []
    if interrupts.waiting() and session.exitstatus != ExitStatus.BENCH_FAULT:
        session.exitstatus = ExitStatus.INTERRUPTED
    return result


# --- verdicts -----------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """A fixture that fails while the bench is open ends its run, and not its own tidying up: nobody aborted it."""
    __tracebackhide__ = True
    try:
        yield
    except BaseException as error:
        _conclude(item, _meaning(error, in_test=False))
        raise


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
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say a verdict in its own words: a traceback through the engine explains nothing about a pack or a bench."""
    report = yield
    told = item.stash.get(_told_key, Verdict.PASS)
    item.stash[_told_key] = Verdict.PASS
    if call.excinfo is None:
        return report
    error = call.excinfo.value
    if isinstance(error, VERDICTS_IN_WORDS):
        words = sentence_of(error) if isinstance(error, InputError | TestError) else str(error)
        report.longrepr = f"{type(error).__name__}: {words}"
    if report.failed and told is Verdict.PASS and item.config.stash.get(WITH_BENCH, False):
        meant = _meaning(error, in_test=call.when == "call") or error
        properties = ends.of_error(blame_of(meant)[1], sentence_of(meant))
        item.user_properties += properties
        report.user_properties += properties
    return report


def _conclude(item: pytest.Item, error: BaseException | None) -> Conclusion | None:
    under_test = item.stash.get(_bench_key, None)
    if under_test is None:
        return None
    with interrupts.held_back(under_test.hurry, asked_before=isinstance(error, KeyboardInterrupt)):
        del item.stash[_bench_key]
        error = _reworded(under_test, error)
        try:
            conclusion = under_test.conclude(error)
        except BaseException as failed:
            _break_the_bench(item, under_test, f"The run could not be concluded ({type(failed).__name__}: {failed}).")
            raise
        _keep_what_broke_the_bench(item, conclusion, under_test)
        run = under_test.run_log
        item.stash[_told_key] = conclusion.verdict
        left, waivers = aftermath(run.manifest, run.folder), item.config.stash[_context_key].waivers
        waived = waivers.judge(under_test.pack.name, conclusion.verdict, run.measurements, run.causes, utc_now().date())
        item.user_properties += ends.of_run(under_test, conclusion.verdict, left, waived)
        item.ihook.pytest_packbench_run_ended(item=item, folder=run.folder)
    return conclusion


def _reworded(under_test: TestBench, error: BaseException | None) -> BaseException | None:
    """What was raised in the bench's own words, also where the run has kept it as its cause already."""
    meant, cause = _meaning(error), under_test.run_log.cause
    if meant is not None and meant is not error and cause is not None and cause.text == str(error):
        under_test.run_log.cause = replace(cause, blame=blame_of(meant)[0], text=str(meant), fault=fault_of(meant))
    return meant


def _meaning(error: BaseException | None, *, in_test: bool = True) -> BaseException | None:
    """What was raised, in the bench's own words: `pytest.fail` in a test is its verdict on the pack.

    pytest-timeout fails a test in the same way, but a pack cannot make a test hang: a bench can. What a fixture asserts
    (`in_test` is False) is about the test's own surroundings, unless it is a `Failure`.
    """
    match error:
        case pytest.fail.Exception() if TIMED_OUT in str(error):
            return BenchFault(f"The test hung and was stopped: {error}", "test-hung")
        case pytest.fail.Exception() if in_test:
            return PackFailure(str(error))
        case pytest.skip.Exception():
            return Inconclusive(str(error))
        case pytest.exit.Exception():
            return KeyboardInterrupt(str(error))
        case pytest.fail.Exception() | AssertionError() if not (in_test or isinstance(error, Failure)):
            return TestError(str(error) or "A fixture's assertion failed.").with_traceback(error.__traceback__)
        case _:
            return error


def _keep_what_broke_the_bench(item: pytest.Item, conclusion: Conclusion, under_test: TestBench) -> None:
    """On a real bench, what failed or could not be made safe will not be better for the next test.

    A virtual bench is another one for every test, and a mistake in a test says nothing about the next.
    """
    cause = under_test.run_log.cause
    unsafe = conclusion.bench is not None and not conclusion.bench.safe
    failed = conclusion.verdict is Verdict.BENCH_FAULT
    if unsafe or failed:
        _break_the_bench(item, under_test, cause.text if cause is not None else str(conclusion.bench))


def _break_the_bench(item: pytest.Item, under_test: TestBench, text: str) -> None:
    """No further test of this session uses a real bench; the first reason is kept."""
    context = item.config.stash[_context_key]
    if under_test.station.clock == "wall" and context.broken is None:
        context.broken = f"{text} (first seen in {item.nodeid})"
