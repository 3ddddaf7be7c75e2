"""The record of a session: every test has one end, the worst of its phases, and no older session speaks for it."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recording.owner import Owner, beginning_of
from bench.recording.session_log import (
    GOES_ON,
    LEFT_OUT,
    STOPPED,
    VANISHED,
    Session,
    SessionLog,
    TestEnd,
    last_session,
    runs_of,
    settled,
)
from bench.verdicts import FAILED, NOT_RUN, Cause, ExitStatus, Verdict
from tests.bench.cli_support import edit, record

A, B = "test_cases/test_a.py::test_a", "test_cases/test_b.py::test_b"
RECORDED = "test_cases/test_discharge.py::test_it"
"""Node id of what `record` leaves of `test_it`."""


def session(*ends: TestEnd, **changed: Any) -> Session:
    found = replace(Session.new({"command": ["-q"], "station": "little"}), **changed)
    for end in ends:
        found.note(end)
    return found


def left_by(of: Session, root: Path, verdict: Verdict | None = Verdict.PASS, **changed: Any) -> Path:
    """A run of `test_it` that a session left on the disk."""
    folder = record(root, name="test_it", verdict=verdict, cause=Cause("pack", "too weak"))
    edit(folder, session=of.id, **changed)
    return folder


# --- phases of a test -------------------------------------------------------------------------------------------------

WORDS = st.sampled_from([*map(str, Verdict), NOT_RUN])


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_the_end_of_a_test_is_the_worst_of_its_phases_in_any_order(words: list[str]) -> None:
    worst = max(words, key=lambda word: -1 if word == NOT_RUN else Verdict(word).severity)
    for order in permutations(words):
        assert session(*(TestEnd(A, word) for word in order)).tests[A].verdict == worst


def test_a_later_phase_that_is_no_worse_leaves_the_cause_and_tells_how_the_bench_was_left() -> None:
    called = TestEnd(A, Verdict.FAIL, "A title", "too weak", run="2026-11-26/120000-a")
    ended = session(called, TestEnd(A, Verdict.FAIL, "", "too weak as well", bench="not verified", left="Look!"))
    assert ended.tests[A] == TestEnd(
        A, Verdict.FAIL, "A title", "too weak", "not verified", "Look!", "2026-11-26/120000-a"
    )


@pytest.mark.parametrize("states", [("verified", "not verified"), ("not verified", "verified"), ("", "verified")])
def test_of_several_phases_the_last_says_how_the_bench_was_left(states: tuple[str, str]) -> None:
    ended = session(*(TestEnd(A, Verdict.PASS, bench=state, left=f"{state}!") for state in states)).tests[A]
    assert (ended.bench, ended.left) == (states[-1], f"{states[-1]}!")
    assert session(TestEnd(A, Verdict.PASS, bench="verified"), TestEnd(A, Verdict.PASS)).tests[A].bench == "verified"


def test_a_worse_phase_tells_its_own_cause_of_the_same_run() -> None:
    ended = session(
        TestEnd(A, Verdict.PASS, "A title", run="r", bench="verified"), TestEnd(A, "BENCH FAULT", "", "dead")
    )
    assert ended.tests[A] == TestEnd(A, "BENCH FAULT", "A title", "dead", "verified", run="r")


@pytest.mark.parametrize(
    ("later", "waived"),
    [
        (TestEnd(A, Verdict.PASS), True), (TestEnd(A, Verdict.INCONCLUSIVE), True), (TestEnd(A, Verdict.FAIL), False),
        (TestEnd(A, Verdict.TEST_ERROR), False), (TestEnd(A, Verdict.FAIL, waived=True), True),
    ],
)  # fmt: skip
def test_a_waiver_covers_a_test_only_while_no_other_phase_failed_as_well(later: TestEnd, waived: bool) -> None:
    ended = session(TestEnd(A, Verdict.FAIL, waived=True, waiver="Waived: capacity"), later).tests[A]
    assert (ended.waived, ended.waiver) == (waived, "Waived: capacity")


# --- the exit status --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "pytest_status", "status"),
    [
        ([TestEnd(A, Verdict.PASS)], 0, 0),
        ([TestEnd(A, Verdict.FAIL)], 1, 1),
        ([TestEnd(A, Verdict.FAIL, waived=True)], 1, 0),
        ([TestEnd(A, Verdict.INCONCLUSIVE, waived=True)], 1, 0),
        ([TestEnd(A, Verdict.FAIL, waived=True), TestEnd(B, Verdict.FAIL)], 1, 1),
        ([TestEnd(A, Verdict.FAIL, waived=True), TestEnd(B, Verdict.INCONCLUSIVE)], 1, 1),
        ([TestEnd(A, Verdict.FAIL, waived=True), TestEnd(B, Verdict.TEST_ERROR)], 1, 2),
        ([TestEnd(A, Verdict.FAIL, waived=True, bench="not verified")], 1, 3),
        ([TestEnd(A, Verdict.PASS, bench="not verified")], 0, 3),
        ([TestEnd(A, Verdict.PASS), TestEnd(B, NOT_RUN, cause=LEFT_OUT)], 0, 1),
        ([TestEnd(A, Verdict.BENCH_FAULT), TestEnd(B, NOT_RUN, cause=LEFT_OUT)], 1, 3),
        ([TestEnd(A, Verdict.PASS), TestEnd(B, NOT_RUN, cause="not on this bench")], 0, 0),
        ([TestEnd(A, Verdict.ABORTED), TestEnd(B, Verdict.BENCH_FAULT)], 1, 3),
        ([TestEnd(A, Verdict.FAIL, waived=True)], 130, 130),
        ([], 5, 5),
    ],
)  # fmt: skip
def test_a_session_exits_by_its_worst_news_and_a_waived_failure_is_none(
    ends: list[TestEnd], pytest_status: int, status: int
) -> None:
    assert session(*ends).status(pytest_status) == status


@pytest.mark.parametrize("verdict", [*FAILED.values(), Verdict.INCONCLUSIVE])
def test_what_was_waived_is_counted_as_what_it_is(verdict: Verdict) -> None:
    found = session(TestEnd(A, verdict, waived=True, waiver="Waived: it"), TestEnd(B, Verdict.PASS))
    assert found.counts == {verdict: 1, "PASS": 1}
    assert found.waiver_lines() == ["Waived, and not counted by the exit status: 1 of these failures."]


def test_a_waiver_that_did_not_cover_is_told_with_its_test_and_one_that_is_over_by_itself() -> None:
    found = session(TestEnd(A, Verdict.FAIL, waiver="Not waived: capacity"))
    found.facts["waivers_expired"] = ["waiver of PB-1"]
    assert found.waiver_lines() == [f"{A}: Not waived: capacity", "WAIVER EXPIRED: waiver of PB-1"]


# --- how the bench was left -------------------------------------------------------------------------------------------


def bench_lines(*states: str) -> list[str]:
    ends = (TestEnd(f"t.py::{number}", Verdict.PASS, bench=state) for number, state in enumerate(states))
    return session(*ends).bench_lines()


@pytest.mark.parametrize(
    ("states", "line"),
    [
        ((), "Bench: none was opened."), (("",), "Bench: none was opened."),
        (("verified",), "Bench: verified safe after its only run."),
        (("verified", "", "verified"), "Bench: verified safe after each of 2 runs."),
        (("verified", "reported"), "Bench: off after each of 2 runs. After 1 of them only the instruments themselves "
                                   "say so: `packbench check` names what has no witness."),
        (("gone",), "Bench: off after its only run. 1 died with its process, and its simulators with it."),
    ],
)  # fmt: skip
def test_one_line_says_how_the_bench_was_left_by_all_runs(states: tuple[str, ...], line: str) -> None:
    assert bench_lines(*states) == [line]


def test_a_bench_that_is_not_verified_safe_hides_behind_no_other_run() -> None:
    found = session(
        TestEnd(A, Verdict.PASS, bench="not verified", left="NOT VERIFIED SAFE (it)."),
        TestEnd(B, Verdict.PASS, bench="verified"),
    )
    assert found.bench_lines() == [f"NOT VERIFIED SAFE (it). It was left so by {A}."]
    assert [end.nodeid for end in found.unsafe] == [A]


# --- tests that told no end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begun", "stopped", "verdict", "cause"),
    [
        ([], False, NOT_RUN, LEFT_OUT), ([], True, NOT_RUN, LEFT_OUT), ([A], True, Verdict.ABORTED, STOPPED),
        ([A], False, Verdict.BENCH_FAULT, VANISHED),
    ],
)  # fmt: skip
def test_a_test_that_told_no_end_gets_one(
    tmp_path: Path, begun: list[str], stopped: bool, verdict: str, cause: str
) -> None:
    found = session(TestEnd(B, Verdict.PASS), collected={A: "A title", B: "B"}, begun=[B, *begun])
    found.settle(tmp_path, stopped=stopped)
    assert found.tests == {A: TestEnd(A, verdict, "A title", cause), B: TestEnd(B, Verdict.PASS)}
    before = dict(found.tests)
    found.settle(tmp_path, stopped=not stopped)
    assert found.tests == before, "an end that was found is one"


def test_a_test_that_began_without_having_been_collected_is_settled_as_well(tmp_path: Path) -> None:
    found = session(begun=[A])
    found.settle(tmp_path, stopped=False)
    assert found.tests[A].verdict == Verdict.BENCH_FAULT


@pytest.mark.parametrize(
    ("verdict", "told", "cause"),
    [(Verdict.FAIL, "FAIL", "too weak"), (None, "BENCH FAULT", VANISHED)],
)
def test_the_run_that_a_test_left_tells_its_end(tmp_path: Path, verdict: Verdict | None, told: str, cause: str) -> None:
    found = session(begun=[RECORDED])
    folder = left_by(found, tmp_path, verdict)
    found.settle(tmp_path, stopped=True)
    end = found.tests[RECORDED]
    assert (end.verdict, end.cause, end.title) == (told, cause, "Title of test_it")
    assert end.run == folder.relative_to(tmp_path).as_posix()
    assert end.bench == ("" if verdict else "gone")


def test_a_run_of_another_session_or_of_an_earlier_day_tells_nothing(tmp_path: Path) -> None:
    found = session(begun=[RECORDED])
    folder = left_by(session(), tmp_path)
    assert runs_of(found, tmp_path) == {}
    edit(folder, session=found.id)
    assert set(runs_of(found, tmp_path)) == {RECORDED}
    assert runs_of(replace(found, started="9999-01-01T00:00:00.000Z"), tmp_path) == {}


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", "{}", '{"session": 1}', pytest.param("[" * 100_000, id="nested without an end")]
)
def test_a_manifest_that_cannot_be_read_leaves_the_others_told(tmp_path: Path, damage: str) -> None:
    found = session(begun=[RECORDED])
    left_by(found, tmp_path)
    broken = record(tmp_path, name="test_other") / "run.json"
    broken.write_text(damage, encoding="utf-8")
    assert set(runs_of(found, tmp_path)) == {RECORDED}


def test_a_process_that_crashed_says_how_its_run_left_the_bench(tmp_path: Path) -> None:
    """Its crash is all that is known of it where nobody looks for its run."""
    found = session(TestEnd(RECORDED, Verdict.BENCH_FAULT, cause="worker crashed"), begun=[RECORDED])
    folder = left_by(found, tmp_path, None)
    found.settle(tmp_path, stopped=False)
    end = found.tests[RECORDED]
    assert (end.verdict, end.cause, end.bench) == (Verdict.BENCH_FAULT, "worker crashed", "gone")
    assert end.run == folder.relative_to(tmp_path).as_posix()


def test_a_session_that_never_ended_is_told_with_the_ends_that_its_runs_tell(tmp_path: Path) -> None:
    running = session(TestEnd(A, Verdict.PASS), begun=[A, B], collected={A: "", B: ""})
    told = settled(running, tmp_path)
    assert (told.exit_status, told.tests[B].verdict) == (ExitStatus.BENCH_FAULT, Verdict.BENCH_FAULT)
    over = session(begun=[A], state="ended", exit_status=0)
    assert settled(over, tmp_path) is over
    assert (over.tests, over.exit_status) == ({}, 0)


@pytest.fixture
def somebody_else() -> Iterator[Owner]:
    """Another process of this computer, which lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield Owner(socket.gethostname(), process.pid, beginning_of(process.pid))
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="nobody says when a process began")
def test_what_a_session_that_is_still_running_has_not_ended_is_not_judged_and_nothing_died(
    tmp_path: Path, somebody_else: Owner
) -> None:
    running = session(TestEnd(A, Verdict.PASS), begun=[A, RECORDED], collected={A: "", B: ""}, process=somebody_else)
    left_by(running, tmp_path, None)
    told = settled(running, tmp_path)
    assert {nodeid: end.verdict for nodeid, end in told.tests.items()} == {A: "PASS", B: NOT_RUN, RECORDED: NOT_RUN}
    assert (told.exit_status, told.unfinished) == (ExitStatus.FAILED, GOES_ON)


@pytest.mark.parametrize("verdict", [Verdict.BENCH_FAULT, Verdict.TEST_ERROR])
def test_what_went_wrong_is_told_also_while_a_session_is_still_running(
    tmp_path: Path, verdict: Verdict, somebody_else: Owner
) -> None:
    running = session(TestEnd(A, verdict), collected={A: "", B: ""}, process=somebody_else)
    assert settled(running, tmp_path).exit_status == ExitStatus.of(verdict)


def test_a_run_is_found_where_the_clock_was_set_back_over_midnight(tmp_path: Path) -> None:
    found = session(begun=[RECORDED])
    left_by(found, tmp_path, None)
    (folder,) = tmp_path.glob("*/*/run.json")
    day = folder.parents[1]
    found.started = f"{date.fromisoformat(day.name) + timedelta(days=1)}T00:10:00.000Z"
    assert set(runs_of(found, tmp_path)) == {RECORDED}


def test_a_session_that_goes_on_knows_what_the_one_before_had_told(tmp_path: Path) -> None:
    before = session(TestEnd(A, Verdict.FAIL), collected={A: "A", B: "B"}, begun=[A, B])
    found = session()
    found.go_on_from(before, tmp_path)
    assert found.collected == {A: "A", B: "B"}
    assert {nodeid: end.verdict for nodeid, end in found.tests.items()} == {A: "FAIL", B: "BENCH FAULT"}


# --- on the disk ------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ENDS = st.builds(TestEnd, TEXT, WORDS, TEXT, TEXT, TEXT, TEXT, TEXT, st.booleans(), TEXT)


@given(st.lists(ENDS, max_size=3, unique_by=lambda end: end.nodeid), st.dictionaries(TEXT, TEXT, max_size=2), TEXT)
def test_what_was_written_is_read_as_it_was(ends: list[TestEnd], titles: dict[str, str], trouble: str) -> None:
    found = session(*ends, collected=titles, begun=list(titles), trouble=trouble)
    assert Session.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_a_record_of_the_first_schema_has_counts_and_no_tests() -> None:
    old = {
        "schema": 1,
        "state": "ended",
        "started": "2026-01-01",
        "exit_status": 2,
        "verdicts": {"PASS": 3, "INPUT": 1},
    }
    found = Session.from_dict(old)
    assert (found.counts, found.knows_its_tests, found.process) == ({"PASS": 3, "TEST ERROR": 1}, False, None)
    assert session(TestEnd(A, "PASS")).knows_its_tests


def test_a_process_of_which_nobody_can_say_anything_costs_no_test() -> None:
    kept = session(TestEnd(A, Verdict.PASS)).as_dict()
    for process in (None, {}, {"host": "h"}, {"host": "h", "number": "x", "began": ""}, 7):
        found = Session.from_dict({**kept, "process": process})
        assert (found.process, set(found.tests)) == (None, {A})
    assert Session.from_dict(kept).process == Owner.this_process()


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{", "[]", "null", "7", "{}", '{"state": "ended", "verdicts": {}}',
        '{"state": "ended", "tests": [], "exit_status": null}', '{"tests": [{"nodeid": "a"}]}',
        pytest.param("[" * 100_000, id="nested without an end"),
        '{"tests": [{"nodeid": "a", "verdict": "PASS", "of tomorrow": 1}]}',
    ],
)  # fmt: skip
def test_what_is_no_record_is_no_session(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "session.json").write_text(text, encoding="utf-8")
    assert last_session(tmp_path) is None


def test_a_session_of_no_bench_puts_the_last_one_back(tmp_path: Path) -> None:
    earlier = SessionLog(tmp_path, session(TestEnd(A, Verdict.PASS)))
    earlier.begin()
    earlier.end(0)
    kept = (tmp_path / "session.json").read_bytes()
    log = SessionLog(tmp_path, session())
    assert log.before is not None
    assert log.before.id == earlier.session.id
    log.begin()
    assert last_session(tmp_path) == log.session
    log.withdraw()
    assert (tmp_path / "session.json").read_bytes() == kept
    log.withdraw()
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


def test_the_first_session_of_a_folder_leaves_nothing_where_it_was_of_no_bench(tmp_path: Path) -> None:
    log = SessionLog(tmp_path / "runs", session())
    log.begin()
    log.withdraw()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_session_takes_back_its_own_word_and_nobody_else_s(tmp_path: Path) -> None:
    log, other = SessionLog(tmp_path, session()), SessionLog(tmp_path, session(id="another"))
    log.begin()
    other.begin()
    log.withdraw()
    assert last_session(tmp_path) == other.session


def test_an_end_is_written_with_its_status_and_gives_the_reserved_room_back(tmp_path: Path) -> None:
    log = SessionLog(tmp_path, session(TestEnd(A, Verdict.FAIL)))
    log.begin()
    assert {path.name for path in tmp_path.iterdir()} == {"session.json", "session.json.reserve"}
    log.end(ExitStatus.FAILED)
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]
    found = last_session(tmp_path)
    assert found is not None
    assert (found.state, found.exit_status, found.counts, log.refused) == ("ended", 1, {"FAIL": 1}, "")


def test_a_record_that_cannot_be_written_says_why_and_no_older_one_speaks_for_it(tmp_path: Path) -> None:
    SessionLog(tmp_path, session()).end(0)
    log = SessionLog(tmp_path, session())
    (tmp_path / "session.json.partial").mkdir()
    log.begin()
    assert "irectory" in log.refused
    assert last_session(tmp_path) is None
    (tmp_path / "session.json.partial").rmdir()
    log.write()
    assert log.refused == ""
    assert last_session(tmp_path) == log.session
