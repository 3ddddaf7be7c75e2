"""`packbench report`: the page of the last session, and its verdict as the exit status."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.recording.owner import Owner
from bench.recording.session_log import Session, SessionLog, TestEnd
from tests.bench.cli_support import Answer, packbench


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder in which a suite has left one result."""
    results = tmp_path / "allure-results"
    results.mkdir()
    result = {
        "uuid": "1", "historyId": "1", "name": "A test", "fullName": "test_cases.test_a#test_a", "status": "passed",
        "stage": "finished", "start": 1_800_000_000_000, "stop": 1_800_000_001_000, "labels": [], "links": [],
        "parameters": [], "steps": [], "attachments": [],
    }  # fmt: skip
    (results / "1-result.json").write_text(json.dumps(result), encoding="utf-8")
    return tmp_path


NODEID = "test_cases/test_a.py::test_a"


def leave_session(
    workplace: Path, *ends: TestEnd, exit_status: int | None = 0, begun: tuple[str, ...] = (), lives: bool = False
) -> None:
    """Leave the record of a session; without an `exit_status` its process died, or it `lives` (it is this one)."""
    log = SessionLog(workplace / "runs", Session.new({"station": "virtual-module", "pack": "lfp-24s"}))
    if exit_status is None and not lives:
        log.session.process = replace(Owner.this_process(), began="before")
    log.session.begun += begun
    for end in ends:
        log.session.note(end)
    log.begin()
    if exit_status is not None:
        log.end(exit_status)


def ends(**counts: int) -> list[TestEnd]:
    words = [(verdict.replace("_", " "), number) for verdict, count in counts.items() for number in range(count)]
    return [TestEnd(f"test_cases/test_a.py::test_{verdict}_{number}", verdict) for verdict, number in words]


def report(workplace: Path, *arguments: str) -> Answer:
    return packbench("report", *arguments, cwd=workplace)


@pytest.mark.parametrize("status", [0, 130])
def test_the_verdict_of_the_last_session_is_the_exit_status(workplace: Path, status: int) -> None:
    leave_session(workplace, *ends(PASS=3, FAIL=1, BENCH_FAULT=2), exit_status=status)
    answer = report(workplace)
    assert answer.status == status, answer.err
    counts = "6 tests: 3 passed, 0 inconclusive, 1 pack failed, 0 test error, 2 bench failed, 0 aborted, 0 not run."
    assert counts in answer.out
    assert counts in (workplace / "allure-report" / "index.html").read_text(encoding="utf-8")
    assert f"Open {Path('allure-report') / 'index.html'}" in answer.out
    assert (workplace / "allure-report" / "index.html").is_file()


def test_the_machine_readable_answer_says_where_and_how_it_went(workplace: Path) -> None:
    leave_session(workplace, *ends(PASS=1))
    told = json.loads(report(workplace, "--json").out)
    assert (told["state"], told["exit_status"], told["verdicts"]) == ("ended", 0, {"PASS": 1})
    assert (workplace / told["index"]).is_file()


def test_a_session_that_never_ended_is_a_bench_fault_and_has_a_page_without_any_results(tmp_path: Path) -> None:
    leave_session(tmp_path, *ends(PASS=1), exit_status=None, begun=(NODEID,))
    answer = report(tmp_path)
    assert answer.status == 3, answer.err
    assert "The last session never ended" in answer.out
    assert "2 tests: 1 passed" in answer.out
    assert "1 bench failed" in answer.out
    page = (tmp_path / "allure-report" / "index.html").read_text(encoding="utf-8")
    assert page.index("The last session never ended") < page.index("<h1>")


def test_of_a_session_that_is_still_running_nobody_says_that_it_died_and_no_night_is_kept(tmp_path: Path) -> None:
    leave_session(tmp_path, *ends(PASS=1), exit_status=None, begun=(NODEID,), lives=True)
    answer = report(tmp_path)
    assert answer.status == 1, answer.err
    assert "The session is still running: what has not ended yet is told as not run." in answer.out
    assert "0 bench failed, 0 aborted, 1 not run." in answer.out
    assert "still running" in (tmp_path / "allure-report" / "index.html").read_text(encoding="utf-8")
    # Its own results are written there when it ends.
    assert not (tmp_path / "allure-results").exists()


def test_a_session_that_could_not_begin_says_why(tmp_path: Path) -> None:
    log = SessionLog(tmp_path / "runs", Session.new({}))
    log.session.trouble = "--temperatures='warm': write degrees Celsius."
    log.end(2)
    answer = report(tmp_path)
    assert answer.status == 2
    assert "--temperatures='warm'" in answer.out
    assert "--temperatures=" in (tmp_path / "allure-report" / "index.html").read_text(encoding="utf-8")


def test_a_bench_that_is_not_verified_safe_is_the_last_word(workplace: Path) -> None:
    left = "NOT VERIFIED SAFE (source off: output still reads on). Switch the bench off by hand."
    unsafe = TestEnd(NODEID, "BENCH FAULT", "A test", "the output stayed on", "not verified", left)
    leave_session(workplace, *ends(PASS=2), unsafe, exit_status=3)
    answer = report(workplace)
    assert answer.status == 3
    assert answer.out.splitlines()[-1] == f"{left} It was left so by {NODEID}."


def test_a_record_of_0_1_0_is_read_as_it_was(workplace: Path) -> None:
    old = {"state": "ended", "verdicts": {"PASS": 1, "INPUT": 1}, "exit_status": 2, "started": "2026-01-01T00:00:00Z"}
    (workplace / "runs").mkdir()
    (workplace / "runs" / "session.json").write_text(json.dumps(old), encoding="utf-8")
    answer = report(workplace)
    assert answer.status == 2, answer.err
    assert "2 tests: 1 passed, 0 inconclusive, 0 pack failed, 1 test error" in answer.out


def test_without_a_session_there_is_nothing_to_report(workplace: Path) -> None:
    answer = report(workplace)
    assert answer.status == 2
    assert "no session has been recorded" in answer.err
    assert not (workplace / "allure-report").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"state": "ended"', '{"state": "ended"}'])
def test_a_damaged_session_is_one_sentence(workplace: Path, content: str) -> None:
    (workplace / "runs").mkdir()
    (workplace / "runs" / "session.json").write_text(content, encoding="utf-8")
    answer = report(workplace)
    assert answer.status == 2
    assert len(answer.err.splitlines()) == 1


def test_a_place_that_takes_no_folder_is_one_sentence(workplace: Path) -> None:
    leave_session(workplace, *ends(PASS=1))
    (workplace / "file").write_text("", encoding="utf-8")
    answer = report(workplace, "--output=file/report")
    assert answer.status == 2
    assert answer.err == (
        "packbench: The report cannot be written to file/report (Not a directory); name another folder.\n"
    )


def test_a_folder_with_something_else_in_it_is_not_replaced(workplace: Path) -> None:
    leave_session(workplace, *ends(PASS=1))
    (workplace / "thesis.txt").write_text("years of work", encoding="utf-8")
    answer = report(workplace, "--output", ".")
    assert answer.status == 2
    assert (workplace / "thesis.txt").is_file()


def test_the_page_can_be_had_as_one_file_and_a_place_that_takes_none_is_one_sentence(workplace: Path) -> None:
    leave_session(workplace, *ends(PASS=1))
    assert report(workplace, "--single-file=mail.html").status == 0
    assert "<h1>" in (workplace / "mail.html").read_text(encoding="utf-8")
    answer = report(workplace, "--single-file=nowhere/mail.html")
    assert answer.status == 2
    assert answer.err.startswith("packbench: --single-file=nowhere")
