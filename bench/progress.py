"""Tells whoever watches a run how far it is: one line per finished test, and in a terminal a live display before it.

It only listens: to pytest's reports, and in a terminal to the rows of the running test. What it shows is recorded
elsewhere, and a run is the same without it.
"""

import os
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import pytest

from bench import columns, ends
from bench.clock import monotonic
from bench.columns import INDEX
from bench.durations import spell
from bench.plain import plain
from bench.recording.aftermath import UNSAFE
from bench.recording.session_log import CONTRADICTIONS, Session
from bench.testing import TestBench
from bench.verdicts import FAILED, Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from bench.running.engine import Engine
    from bench.running.sampling import Row

NAME = "packbench-progress"
REFRESH_PERIOD = 0.25
"""Wall seconds between two refreshes of the display: a virtual bench takes thousands of rows in one."""

_TIME, _VOLTAGE, _CURRENT = INDEX[columns.TEST_TIME], INDEX[columns.VOLTAGE], INDEX[columns.CURRENT]
_SURFACE, _SOC = INDEX[columns.SURFACE], INDEX[columns.SOC]
_COLOURS: Mapping[str, str] = {
    Verdict.PASS: "green", Verdict.INCONCLUSIVE: "yellow", Verdict.TEST_ERROR: "cyan",
    **dict.fromkeys(FAILED.values(), "red"),
}  # fmt: skip
_OTHER_COLOUR = "purple"
_WIDEST_VERDICT = max(len(verdict) for verdict in Verdict)

_OF_PYTEST = frozenset({"failed", "error", "skipped"})
"""What pytest makes of a test that is no pass; the verdict knows better which of them it is."""
_CATEGORIES: Mapping[str, str] = {
    **dict.fromkeys(FAILED.values(), "failed"),
    Verdict.TEST_ERROR: "error", Verdict.BENCH_FAULT: "error", Verdict.ABORTED: "error",
    Verdict.INCONCLUSIVE: "inconclusive",
}  # fmt: skip
_WORDS = {"failed": "FAILED", "error": "ERROR", "inconclusive": "INCONCLUSIVE"}

TestStatus = tuple[str, str, str | tuple[str, dict[str, bool]]]


def register(config: pytest.Config) -> None:
    """Show the progress of this session; a worker of a distributed one has nothing to show it on."""
    manager = config.pluginmanager
    if hasattr(config, "workerinput") or not manager.has_plugin("terminalreporter") or manager.has_plugin(NAME):
        return
    manager.register(ProgressDisplay(config), NAME)


def is_watched(config: pytest.Config) -> bool:
    """Whether somebody sits before a terminal that can be redrawn: no CI, no file, no output of tests in between."""
    if os.environ.get("CI") or os.environ.get("TERM") == "dumb" or config.getoption("capture", "no") == "no":
        return False
    return sys.stdout.isatty() and not config.getoption("numprocesses", None)


@dataclass(frozen=True, slots=True)
class FinishedTest:
    """What is said about a test that has ended; times in s."""

    verdict: str
    title: str
    bench_time: float | None
    wall_time: float
    cause: str
    left: str = ""
    """What a person has to do about the bench, where it is not verified safe."""

    @classmethod
    def of(
        cls, report: pytest.TestReport, wall_time: float, failure: pytest.TestReport | None
    ) -> "FinishedTest | None":
        """Read what the test's process attached to its last report; None for a test that used no bench.

        `failure` is the first report of the test that was no pass: it stands in for a cause that nobody recorded.
        """
        end = ends.read(report)
        if end is None or not ends.has_verdict(report):
            return None
        cause = end.cause or (ends.reason(failure) if failure is not None else "")
        title = end.title or report.nodeid.rpartition("::")[2]
        bench_time = _as_float(dict(report.user_properties).get(ends.DURATION))
        return cls(end.verdict, title, bench_time, wall_time, _one_line(cause), end.left)

    def __str__(self) -> str:
        times = f"{self.wall_time:.1f} s"
        if self.bench_time is not None:
            times = f"{spell(self.bench_time)} on the bench, {times}"
        return f"{self.title} ({times})" + (f": {self.cause}" if self.cause else "")


def _as_float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


class ProgressDisplay:
    """The pytest plugin; one per session, in the process that owns the terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._writer = config.get_terminal_writer()
        self._live = LiveDisplay(config) if is_watched(config) else None
        self._total = self._done = 0
        self._over = False
        self._session: Session | None = None
        self._wall: dict[str, float] = {}
        self._failures: dict[str, pytest.TestReport] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count; the name of a file before lines that name the test is only noise."""
        self._total = len(session.items)
        if any("bench" in getattr(item, "fixturenames", ()) for item in session.items):
            self._reporter.showfspath = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Every worker collects all tests, the controller none."""
        self._total = len(ids)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Show the test while it runs; pytest itself writes nothing until it has ended."""
        __tracebackhide__ = True
        bench = getattr(item, "funcargs", {}).get("bench")
        if self._live is None or not isinstance(bench, TestBench):
            return (yield)
        with self._live.showing(bench, f"test {self._done + 1} of {self._total}"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Generator[None, TestStatus, TestStatus]:
        """Leave out pytest's own letter for a test that gets a line; the summary at the end still names it."""
        category, letter, word = yield
        if not ends.has_verdict(report):
            return category, letter, word
        end = ends.read(report)
        if category in _OF_PYTEST and end is not None:
            category = _CATEGORIES.get(end.verdict, category)
            word = _WORDS.get(category, word)
        return (category, letter, word) if self._over else (category, "", "")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """What pytest asks for from now on is its summary; the last words, behind everybody else's, are ours."""
        self._over = True
        result = yield
        if self._session is not None:
            self._last_words(self._session)
        return result

    def pytest_packbench_session_ended(self, summary: dict[str, Any]) -> None:
        """The record of the session, from which every place tells the same."""
        self._session = Session.from_dict(summary)

    def _last_words(self, session: Session) -> None:
        """Counts, and how the bench was left: read from below, so what nobody may overlook comes last."""
        self._reporter.write_line(session.counts_line(), bold=True)
        if session.trouble:
            self._reporter.write_line(plain(f"packbench: {session.trouble}"), red=True, bold=True)
        for line in session.waiver_lines():
            self._reporter.write_line(plain(line), yellow=True, bold=line.startswith("WAIVER"))
        for line in session.facts.get(CONTRADICTIONS, ()):
            self._reporter.write_line(plain(f"REQUIREMENTS: {line}"), yellow=True)
        for line in session.bench_lines():
            loud = {"red": True, "bold": True} if line.startswith(UNSAFE) else {}
            self._reporter.write_line(plain(line), **loud)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the phases of a test, and write its line after the last one."""
        self._wall[report.nodeid] = self._wall.get(report.nodeid, 0.0) + report.duration
        if not report.passed:
            self._failures.setdefault(report.nodeid, report)
        if report.when not in ("teardown", ends.CRASHED):
            return
        self._done += 1
        finished = FinishedTest.of(report, self._wall.pop(report.nodeid), self._failures.pop(report.nodeid, None))
        if finished is not None:
            self._write(finished)

    def _write(self, finished: FinishedTest) -> None:
        width = len(str(self._total))
        verdict, colour = finished.verdict, _COLOURS.get(finished.verdict, _OTHER_COLOUR)
        if self._writer.width_of_current_line:  # a dot of another test
            self._writer.line()
        self._reporter.write(f"[{self._done:{width}}/{self._total}] ")
        self._reporter.write(f"{plain(verdict):{_WIDEST_VERDICT}}", bold=True, **{colour: True})
        self._reporter.write_line(f"  {plain(str(finished))}")
        if finished.left:
            self._reporter.write_line(plain(finished.left), red=True, bold=True)


class LiveDisplay:
    """Redraws a few lines below pytest's own while a test runs, and takes them away when it ends."""

    def __init__(self, config: pytest.Config) -> None:
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._live: Live | None = None
        self._scene: _Scene | None = None
        self._due = 0.0

    @contextmanager
    def showing(self, bench: TestBench, count: str) -> Iterator[None]:
        """Follow the rows of one test."""
        observers = bench.engine.sampler.observers
        self._scene = _Scene(bench.engine, bench.test.title, count)
        observers.append(self.observe)
        try:
            yield
        finally:
            observers.remove(self.observe)
            self._clear()

    def observe(self, row: "Row") -> None:
        """Called with every row: the common case is one look at the clock."""
        # Wall time, not the bench's: what is paced here is the terminal, and a virtual bench has no wall clock.
        if monotonic() >= self._due:
            self._due = monotonic() + REFRESH_PERIOD
            self._draw(row)

    def _draw(self, row: "Row") -> None:
        assert self._scene is not None  # noqa: S101 - rows come only while a test is shown
        try:
            with self._capture.global_and_fixture_disabled():
                self._started().update(self._scene.render(row), refresh=True)
        except (OSError, ValueError):
            # The terminal is gone or cannot show this: no reason to touch the test.
            self._due = float("inf")

    def _started(self) -> "Live":
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(highlight=False), auto_refresh=False, transient=True, redirect_stdout=False,
                redirect_stderr=False,
            )  # fmt: skip
            self._live.start()
        return self._live

    def _clear(self) -> None:
        live, self._live, self._scene = self._live, None, None
        if live is None:
            return
        try:
            with self._capture.global_and_fixture_disabled():
                live.stop()
        except (OSError, ValueError):
            self._due = float("inf")


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the live display shows of one test."""

    engine: "Engine"
    title: str
    count: str

    def render(self, row: "Row") -> "RenderableType":
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_row(Text(plain(self.title), style="bold"), Text(self.count, style="dim"))
        step = self.engine.step
        if step is not None:
            elapsed = row[_TIME] - self.engine.step_started
            foreseen = step.foreseen_duration(self.engine.bench.pack)
            left = "" if foreseen is None else _left(foreseen - elapsed)
            table.add_row(Text(plain(f"step {step.name!r}: {spell(elapsed)}")), Text(left))
        table.add_row(Text(f"whole run: {spell(row[_TIME])}"), Text(_left(*self.engine.left(row[_TIME]))))
        table.add_row(Text(_values(row), style="cyan"))
        return table


def _left(seconds: float, foreseen: bool = True) -> str:
    """What is left in words; where somebody cannot foresee it, the least of it, and nothing where that is nothing."""
    if seconds > 0:
        return f"{'about' if foreseen else 'at least'} {spell(seconds)} left"
    return "longer than expected" if foreseen else ""


def _values(row: "Row") -> str:
    shown = (
        f"{row[_VOLTAGE]:8.3f} V", f"{row[_CURRENT]:+8.3f} A", f"cells {row[_SURFACE]:5.1f} °C",
        f"SoC {100 * row[_SOC]:3.0f} %" if not isnan(row[_SOC]) else "SoC unknown",
    )  # fmt: skip
    return "   ".join(shown)
