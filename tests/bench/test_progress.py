"""The progress of a run: lines for a log, a live display for a terminal, and never a difference to the run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import progress
from bench.columns import DERIVED
from bench.durations import spell
from bench.progress import FinishedTest, LiveDisplay
from bench.scenario import Rest, elapsed
from tests.bench.cli_support import ROOT

SUITE = """
import warnings
import pytest
from bench.scenario import Rest, elapsed
from bench.testing import TestBench

REST = Rest(until=elapsed(minutes=5), name="settle")

def test_passes(bench: TestBench) -> None:
    bench.run(REST)

def test_fails(bench: TestBench, verify) -> None:
    verify("capacity", 1.5, unit="Ah", at_least=1.9)

def test_doubtful(bench: TestBench, verify) -> None:
    verify("capacity", 1.9, unit="Ah", at_least=1.9, uncertainty=0.1)

def test_breaks(bench: TestBench) -> None:
    raise RuntimeError("the cat sat\\non the supply")

def test_without_a_bench() -> None:
    pass

@pytest.fixture
def stumbling():
    yield
    raise RuntimeError("stumbled at the end")

def test_stumbles(stumbling, bench: TestBench) -> None:
    pass
"""
UNFORESEEN = """
from bench.scenario import Rest, cell_voltage_above, elapsed

def test_charges(bench):
    bench.run(
        Rest(until=elapsed(minutes=5), name="wait"), Rest(until=cell_voltage_above(2.6)), Rest(until=elapsed(hours=2))
    )
"""
CONFTEST = """
import pytest
from bench import progress
pytest_plugins = ["bench.plugin"]

@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    progress.register(session.config)
"""
LINE = re.compile(
    r"^\[ ?(\d+)/(\d+)\] (PASS|FAIL|INCONCLUSIVE|TEST ERROR|BENCH FAULT|ABORTED) +(\S+) \(([^)]*)\)(?:: (.*))?$"
)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small suite on the virtual bench."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_small.py").write_text(SUITE, encoding="utf-8")
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:allure_pytest", *arguments]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "FORCE_COLOR", "PY_COLORS")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "TERM": "xterm", **changes}


def run_suite(suite: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(*arguments),
        cwd=suite,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert "INTERNALERROR" not in done.stdout + done.stderr
    return done.stdout


def lines_of(output: str) -> dict[str, re.Match[str]]:
    found = (LINE.match(line) for line in output.splitlines())
    return {match[4]: match for match in found if match}


@pytest.fixture(scope="module")
def log(suite: Path) -> str:
    """What the small suite prints where nobody watches."""
    return run_suite(suite)


# --- lines for a log ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "verdict", "cause"),
    [
        ("test_passes", "PASS", None),
        ("test_fails", "FAIL", "capacity: 1.5 Ah (allowed: at least 1.9 Ah)"),
        ("test_doubtful", "INCONCLUSIVE", "capacity: 1.9 ± 0.1 Ah (allowed: at least 1.9 Ah)"),
        ("test_breaks", "TEST ERROR", "RuntimeError: the cat sat (test_small.py:19)"),
    ],
)
def test_every_test_on_the_bench_gets_one_line(log: str, test: str, verdict: str, cause: str | None) -> None:
    line = lines_of(log)[test]
    assert line[3] == verdict
    assert (cause or "") in (line[6] or "")
    assert (line[6] is None) is (cause is None)


def test_the_lines_count_through_all_tests(log: str) -> None:
    assert [(int(line[1]), int(line[2])) for line in lines_of(log).values()] == [(n, 6) for n in (1, 2, 3, 4, 6)]


def test_a_test_that_used_no_bench_keeps_its_dot(log: str) -> None:
    assert "test_without_a_bench" not in lines_of(log)
    assert log.splitlines().count(".") == 1


def test_what_fails_after_a_good_run_is_not_told_as_a_pass(log: str) -> None:
    line = lines_of(log)["test_stumbles"]
    assert line[3] == "TEST ERROR"
    assert "stumbled at the end" in line[6]


def test_pytests_own_summary_stays(log: str) -> None:
    assert re.search(r"^FAILED .*::test_fails", log, re.MULTILINE)
    for name in ("test_breaks", "test_stumbles"):
        assert re.search(rf"^ERROR .*::{name}", log, re.MULTILINE)
    assert re.search(r"1 failed, 3 passed, 2 errors, 1 inconclusive", log)


def test_the_last_words_count_every_end_and_say_how_the_bench_was_left(log: str) -> None:
    assert log.rstrip().splitlines()[-2:] == [
        "6 tests: 2 passed, 1 inconclusive, 1 pack failed, 2 test error, 0 bench failed, 0 aborted, 0 not run.",
        "Bench: verified safe after each of 5 runs.",
    ]


def test_no_terminal_no_escape_sequences(log: str) -> None:
    assert "\x1b" not in log


def test_distributed_tests_get_their_lines_from_the_controller(suite: Path) -> None:
    lines = lines_of(run_suite(suite, "-n", "2", "-k", "passes or fails"))
    assert {name: line[3] for name, line in lines.items()} == {"test_passes": "PASS", "test_fails": "FAIL"}
    assert sorted(int(line[1]) for line in lines.values()) == [1, 2]
    assert {int(line[2]) for line in lines.values()} == {2}


# --- a terminal ---------------------------------------------------------------------------------------------------


def on_a_terminal(suite: Path, *arguments: str, **changes: str) -> str:
    """Run the suite on a pseudo-terminal and return every byte that it was sent."""
    pty = pytest.importorskip("pty", reason="a pseudo-terminal needs POSIX")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        cwd=suite,
        env=environment(COLUMNS="120", **changes),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    sent = bytearray()
    # The end of a terminal is an error on Linux, an empty read elsewhere.
    try:
        while chunk := os.read(master, 65536):
            sent += chunk
    except OSError:
        pass
    os.close(master)
    process.wait(timeout=60)
    return sent.decode("utf-8", "replace")


HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture(scope="module")
def screen(suite: Path) -> str:
    """What a terminal is sent for a good test and then a broken one."""
    return on_a_terminal(suite, "-k", "passes or breaks")


def test_a_terminal_shows_the_running_step_with_live_values(screen: str) -> None:
    live = screen[screen.index(HIDE) : screen.index(SHOW)]
    assert "test 1 of 2" in live
    assert "step 'settle'" in live
    assert re.search(r"\d+ s left|min \d+ s left|longer than expected", live)
    assert re.search(r"\d+\.\d{3} V +[+-]\d+\.\d{3} A +cells +\d+\.\d °C +SoC +(?:\d+ %|unknown)", live)


def test_the_whole_run_has_a_least_where_nobody_can_foresee_a_step(tmp_path: Path) -> None:
    (tmp_path / "test_small.py").write_text(UNFORESEEN, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    screen = on_a_terminal(tmp_path)
    assert re.search(r"whole run: .* at least \d+ h \d\d min left", screen)
    assert "step 'wait'" in screen


def test_the_display_makes_room_for_the_line_of_the_test(screen: str) -> None:
    after = screen[screen.index(SHOW) :]
    assert "PASS" in after
    assert "step 'settle'" not in after


def test_the_cursor_is_given_back_after_every_test(screen: str) -> None:
    assert screen.count(HIDE) == screen.count(SHOW) >= 1
    assert "TEST ERROR" in screen


def test_ci_is_not_redrawn_even_on_a_terminal(suite: Path) -> None:
    screen = on_a_terminal(suite, "-k", "passes", CI="true")
    assert HIDE not in screen
    assert "PASS" in screen


@pytest.mark.parametrize(
    ("surroundings", "watched"),
    [
        ({}, True),
        ({"terminal": False}, False),
        ({"CI": "true"}, False),
        ({"TERM": "dumb"}, False),
        ({"capture": "no"}, False),
        ({"numprocesses": 2}, False),
    ],
)
def test_only_a_terminal_that_can_be_redrawn_is_watched(
    monkeypatch: pytest.MonkeyPatch, surroundings: dict[str, Any], watched: bool
) -> None:
    given = {"terminal": True, "CI": "", "TERM": "xterm", "capture": "fd", "numprocesses": None, **surroundings}
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: given["terminal"]))
    monkeypatch.setenv("CI", given["CI"])
    monkeypatch.setenv("TERM", given["TERM"])
    config: Any = SimpleNamespace(getoption=lambda name, _default=None: given[name])
    assert progress.is_watched(config) is watched


# --- the live display itself --------------------------------------------------------------------------------------


class Terminal:
    """Stands in for pytest's capture manager, and counts how often the real terminal is asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked, self._error = 0, error

    @contextmanager
    def global_and_fixture_disabled(self) -> Iterator[None]:
        self.asked += 1
        if self._error is not None:
            raise self._error
        yield


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The wall clock of the display, moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def show(terminal: Terminal, left: tuple[float, bool] = (60.0, True)) -> tuple[LiveDisplay, Any]:
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=lambda _name: terminal))
    step = Rest(until=elapsed(minutes=1))
    sampler = SimpleNamespace(observers=[])
    engine = SimpleNamespace(
        sampler=sampler, step=step, step_started=0.0, left=lambda _now: left, bench=SimpleNamespace(pack=None)
    )
    return LiveDisplay(config), SimpleNamespace(engine=engine, test=SimpleNamespace(title="A test"))


ROW = [0.5] * len(DERIVED)


def test_however_many_rows_the_terminal_is_redrawn_four_times_a_second(tick: Callable[[float], None]) -> None:
    terminal = Terminal()
    display, bench = show(terminal)
    with display.showing(bench, "test 1 of 1"):
        (observe,) = bench.engine.sampler.observers
        for _ in range(1000):
            observe(ROW)
            tick(0.001)
        assert terminal.asked == 4
    assert bench.engine.sampler.observers == []


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("I/O operation on closed file")])
def test_a_terminal_that_went_away_does_not_touch_the_test(tick: Callable[[float], None], error: Exception) -> None:
    terminal = Terminal(error)
    display, bench = show(terminal)
    with display.showing(bench, "test 1 of 1"):
        for _ in range(10):
            display.observe(ROW)
            tick(1.0)
    assert terminal.asked == 1


def test_an_error_of_the_test_passes_through_the_display(tick: Callable[[float], None]) -> None:
    tick(0.0)
    display, bench = show(Terminal())

    def interrupted() -> None:
        with display.showing(bench, "test 1 of 1"):
            display.observe(ROW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert bench.engine.sampler.observers == []


# --- words --------------------------------------------------------------------------------------------------------


def report_with(**properties: object) -> pytest.TestReport:
    told = [(f"packbench.{name}", value) for name, value in properties.items()]
    return pytest.TestReport(
        "t.py::test_x[25C]", ("t.py", 1, "x"), {}, "passed", None, "teardown", user_properties=told
    )


def test_the_recorded_title_time_and_cause_are_what_is_said() -> None:
    report = report_with(
        verdict="FAIL", title="Capacity at 25 °C", duration=33120.0, cause="cell 7: 2.1 V\nbelow 2.5 V"
    )
    finished = FinishedTest.of(report, 4.12, None)
    assert str(finished) == "Capacity at 25 °C (9 h 12 min on the bench, 4.1 s): cell 7: 2.1 V; below 2.5 V"


def test_without_a_recorded_title_the_test_names_itself() -> None:
    assert str(FinishedTest.of(report_with(verdict="PASS"), 0.04, None)) == "test_x[25C] (0.0 s)"


def test_a_report_without_a_verdict_is_not_ours_to_tell() -> None:
    assert FinishedTest.of(report_with(title="x"), 1.0, None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (33150, "9 h 12 min"),
    ],
)
def test_a_duration_is_spelt_in_two_units(seconds: float, text: str) -> None:
    assert spell(seconds) == text
