"""Hangs recorded runs into Allure while pytest runs, and sees to it that no result is lost or too good.

It writes results only; `reports.site` makes the HTML of them. Where allure-pytest tells less than the truth
(an interrupted test passes, a crashed one vanishes, a timeout blames the pack) the result is put right here,
through the listener of the pinned version.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from allure_commons import plugin_manager
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Label, Link, Status, StatusDetails, TestResult
from allure_commons.utils import md5
from allure_pytest.listener import AllureListener
from allure_pytest.utils import allure_full_name, allure_labels, get_history_id

from bench import ends
from bench.accepted import Accepted
from bench.clock import monotonic
from bench.context import runs_nothing
from bench.ends import identity_of
from bench.keeping import uses_the_bench
from bench.pack import PackFile
from bench.planned import Planned
from bench.recording.session_log import Session, TestEnd
from bench.verdicts import ExitStatus, Verdict
from reports import allure, lost, lost_results, requirements, results
from reports.recording import RecordingError
from reports.results import CollectedTest

PRESENTER, ALLURE = "packbench_presenter", "allure_pytest"
DEFAULT_RESULTS = "allure-results"
TIMED_OUT = "Timeout (>"  # how pytest-timeout's signal method begins its failure


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Present where `--alluredir` says; else, and where other processes collect, in the folder that is the default.

    In any other session the default waits for a test that uses the bench.
    """
    option = config.option
    if not config.pluginmanager.has_plugin(ALLURE):
        return
    if not option.allure_report_dir and (_is_worker(config) or getattr(option, "numprocesses", None)):
        _choose_default(config)
    if option.allure_report_dir:
        _present(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave results in the default folder, now that there is a test that uses the bench."""
    if config.pluginmanager.has_plugin(PRESENTER) or runs_nothing(config):
        return
    if not uses_the_bench(items) or not config.pluginmanager.has_plugin(ALLURE):
        return
    _choose_default(config)
    presenter = _present(config, failed_to_collect=session.testsfailed > 0)
    # allure-pytest was configured when nobody knew: it writes from here on as if it had been asked to.
    listener = AllureListener(config)
    writer = AllureFileLogger(str(presenter.folder))  # type: ignore[no-untyped-call]
    config.pluginmanager.register(listener, "allure_listener")
    for each in (listener, writer):
        plugin_manager.register(each)
        config.add_cleanup(partial(plugin_manager.unregister, each))
    # pytest asks only those who were there when it began to ask.
    presenter.pytest_collection_modifyitems(items)


def _choose_default(config: pytest.Config) -> None:
    config.option.allure_report_dir = DEFAULT_RESULTS
    config.option.clean_alluredir = True


def _present(config: pytest.Config, *, failed_to_collect: bool = False) -> "Presenter":
    option = config.option
    folder = config.invocation_params.dir / option.allure_report_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        # allure-pytest would make it next, and end the session with a traceback.
        text = f"--alluredir={option.allure_report_dir}: cannot hold results ({error.strerror}); name another folder."
        pytest.exit(f"packbench: {text}", returncode=ExitStatus.WRONG_INPUT)
    to_be_cleaned = option.clean_alluredir and not runs_nothing(config) and not _is_worker(config)
    # allure-pytest would clean before anybody knows whether there will be anything new.
    option.clean_alluredir = False
    presenter = Presenter(config, folder, to_be_cleaned, failed_to_collect)
    config.pluginmanager.register(presenter, PRESENTER)
    return presenter


@pytest.hookimpl(optionalhook=True)
def pytest_packbench_pack_chosen(pack: PackFile, file: Path) -> None:
    """Refuse a pack whose requirements name no KPI that is installed."""
    requirements.check(pack, file)


@pytest.hookimpl(optionalhook=True)
def pytest_packbench_scenario(
    planned: Sequence[Planned], manifest: dict[str, Any], pack: PackFile, state: tuple[float, float], accepted: Accepted
) -> list[str]:
    """Say which limits of the pack this bench is not expected to decide, and what it cannot measure at all."""
    from reports.decidable import Bench, doubts

    return doubts(planned, Bench(manifest, pack, *state, accepted))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@dataclass
class _Test:
    """A test on its way through pytest: its Allure result, and the runs it has left so far."""

    item: pytest.Item
    result: TestResult
    runs: list[Path]
    finished: bool = False
    began: float = field(default_factory=monotonic)
    """By a clock that nobody sets: Allure's own begins and ends by one that may be set meanwhile, or frozen."""


class Presenter:
    """Shows the runs of a session in Allure. One per process; under xdist every worker has its own."""

    def __init__(self, config: pytest.Config, folder: Path, to_be_cleaned: bool, failed_to_collect: bool) -> None:
        self._config = config
        self.folder = self._results = folder
        self._runs = config.invocation_params.dir / str(getattr(config.option, "runs", "runs"))
        self._to_be_cleaned = to_be_cleaned
        self._failed_to_collect, self._begun = failed_to_collect, False
        self._tests: dict[str, _Test] = {}
        self._ends: dict[str, TestEnd] = {}
        self._started: set[str] = set()
        self._session: Session | None = None
        self._lost = lost_results.stand_by(config)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Label by marks: labels given in a test's body are lost when its setup fails."""
        for item in items:
            chosen = {mark.kwargs.get("label_type") for mark in item.iter_markers("allure_label")}
            for kind, value in (label for label in _labels(item) if label[0] not in chosen):
                item.add_marker(pytest.mark.allure_label(value, label_type=kind))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A session that cannot be collected leaves the results of the last one alone."""
        self._failed_to_collect |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Note what is meant to run, so that a result that never comes is missed: only now was all of it collected."""
        if not session.items or runs_nothing(self._config) or self._failed_to_collect:
            return
        with self._lost.counted():
            self._make_room()
            if not (self._continues() and (self._results / results.SESSION).exists()):
                results.remember_collected(self._results, [_collected(item) for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The workers collect; the first of them that has done it says that there is something to run."""
        if ids and not self._failed_to_collect:
            self._make_room()

    def _make_room(self) -> None:
        """Remove what an earlier session left, once; what is resumed belongs to the session that died."""
        if self._to_be_cleaned and not self._continues():
            results.clean(self._results)
        self._to_be_cleaned, self._begun = False, True

    def _continues(self) -> bool:
        """Whether this session continues a run: of its test the last result counts, the others stay."""
        return getattr(self._config.option, "resume", None) is not None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict: Allure's own idea of it knows no bench."""
        end = ends.read(report) if ends.has_verdict(report) else None
        if end is not None:
            known = self._ends.get(report.nodeid)
            self._ends[report.nodeid] = end if known is None else known.joined(end)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note which tests began; xdist relays this to the controlling process."""
        self._started.add(nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Hold on to the result, inside allure-pytest's own wrapper; an interrupted test has not passed."""
        listener: Any = self._config.pluginmanager.get_plugin("allure_listener")
        result = listener.allure_logger.get_test(listener._cache.get(item.nodeid))
        test = self._tests[item.nodeid] = _Test(item, result, [])
        try:
            return (yield)
        except (KeyboardInterrupt, pytest.exit.Exception) as stop:
            result.status = Status.BROKEN
            reason = str(stop) or "the operator stopped the session."
            result.statusDetails = StatusDetails(message=f"ABORTED: {reason}")
            self._finish(test)
            raise

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Complete the result; allure-pytest writes it right after this."""
        if nodeid in self._tests:
            self._finish(self._tests[nodeid])

    def pytest_packbench_run_ended(self, item: pytest.Item, folder: Path) -> None:
        """Take a run that is on disk; after Ctrl-C it comes when the result has already been written."""
        test = self._tests.get(item.nodeid)
        if test is None:
            return
        test.runs.append(folder)
        if test.finished:
            self._present(test, folder)
            with self._lost.counted():
                self._rewrite(test.result)

    def pytest_packbench_session_ended(self, summary: dict[str, Any]) -> None:
        """Keep the record of the session: results that are missing are told from it."""
        self._session = Session.from_dict(summary)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Complete the folder once everybody has written: lost results, categories, environment."""
        result = yield
        if self._begun and not _is_worker(self._config) and self._results.is_dir():
            told = self._session.tests if self._session is not None else None
            with self._lost.counted():
                lost.complete(self._results, self._runs, told, self._started)
                results.write_environment(self._results)
        return result

    def _finish(self, test: _Test) -> None:
        result, item = test.result, test.item
        result.stop = result.start + round(1000 * (monotonic() - test.began))
        _blame_the_bench_for_hanging(result)
        _agree(result, self._ends.get(item.nodeid))
        if not result.fullName:
            result.fullName = allure_full_name(item)
        if not result.historyId:
            result.historyId = get_history_id(result.fullName, result.parameters, _parameters(item))
        if not any(entry.name == "feature" for entry in result.labels):
            result.labels.extend(Label(name=kind, value=value) for kind, value in allure_labels(item))
        result.labels.append(Label(name="nodeid", value=item.nodeid))
        result.links.extend(_links(item))
        result.name = _title(item)
        for folder in test.runs:
            self._present(test, folder)
        test.finished = True

    def _present(self, test: _Test, folder: Path) -> None:
        """Show one run; a run that cannot be shown must cost the report a figure, never the result."""
        try:
            allure.present(test.result, folder, self._results)
        except (RecordingError, OSError, KeyError, TypeError, ValueError) as error:
            text = f"The run in {folder} could not be shown: {type(error).__name__}: {error}"
            with self._lost.counted():
                allure.attach(test.result, self._results, text.encode(), "Report problem", "text/plain", "txt")

    def _rewrite(self, result: TestResult) -> None:
        """Replace the file of a result that had already been written."""
        for path in self._results.glob("*-result.json"):
            with suppress(OSError, ValueError):
                if json.loads(path.read_text(encoding="utf-8")).get("uuid") == result.uuid:
                    path.unlink()
        plugin_manager.hook.report_result(result=result)


def _blame_the_bench_for_hanging(result: TestResult) -> None:
    """Turn pytest-timeout's failure into a bench fault: a pack cannot make a test hang, a bench can."""
    details = result.statusDetails
    if result.status == Status.FAILED and details and TIMED_OUT in (details.message or ""):
        result.status = Status.BROKEN
        details.message = f"BENCH FAULT: the test hung and was stopped: {details.message}"


def _agree(result: TestResult, end: TestEnd | None) -> None:
    """Give a result the status of its verdict, and a message that says it: Allure's categories look for that."""
    if end is None or end.verdict == Verdict.PASS:
        return
    result.status = allure.STATUS[end.verdict]
    details = result.statusDetails or StatusDetails(message=end.cause)
    if f"{end.verdict}:" not in (details.message or ""):
        details.message = f"{end.verdict}: {details.message or end.cause}"
    result.statusDetails = details


def _labels(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Feature from the file, story from the function, a tag for every requirement."""
    yield "feature", item.path.stem.removeprefix("test_").replace("_", " ").capitalize()
    yield "story", _story(item)
    for requirement in requirement_ids(item):
        yield "requirement", requirement
        yield "tag", requirement


def requirement_ids(item: pytest.Item) -> list[str]:
    """List the requirement ids that a test is marked with."""
    return [str(argument) for mark in item.iter_markers("requirement") for argument in mark.args]


def _links(item: pytest.Item) -> list[Link]:
    """Link requirements as `--allure-link-pattern=requirement:https://…/{}` says; the tag must do without."""
    patterns = dict(item.config.option.allure_link_pattern)
    pattern = patterns.get("requirement")
    if not pattern:
        return []
    return [Link(type="requirement", url=pattern.format(name), name=name) for name in requirement_ids(item)]


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def _title(item: pytest.Item) -> str:
    """Say in words what a test is, as its run would."""
    title = identity_of(item).title
    return _story(item) if title == item.name else title


def _story(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", item.name)).removeprefix("test_").replace("_", " ").capitalize()


def _collected(item: pytest.Item) -> CollectedTest:
    full_name = allure_full_name(item)
    values = _parameters(item)
    history = str(md5(full_name, *(values[name] for name in sorted(values))))  # type: ignore[no-untyped-call]
    return CollectedTest(item.nodeid, _title(item), full_name, history, sorted(allure_labels(item)))
