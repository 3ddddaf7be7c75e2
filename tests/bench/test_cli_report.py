"""`packbench report`: the page of the last session, and its verdict as the exit status."""

import json
from pathlib import Path

import pytest

from bench.cli import _counts
from bench.recording.session_log import SessionLog
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


def leave_session(workplace: Path, verdicts: dict[str, int], exit_status: int) -> None:
    log = SessionLog(workplace / "runs")
    log.begin_once("virtual-module", "lfp-24s")
    log.end({"verdicts": verdicts, "exit_status": exit_status})


def report(workplace: Path, *arguments: str) -> Answer:
    return packbench("report", *arguments, cwd=workplace)


@pytest.mark.parametrize("status", [0, 1, 3])
def test_the_verdict_of_the_last_session_is_the_exit_status(workplace: Path, status: int) -> None:
    leave_session(workplace, {"PASS": 3, "FAIL": 1, "BENCH FAULT": 2}, status)
    answer = report(workplace)
    assert answer.status == status, answer.err
    assert "6 tests: 3 passed, 1 pack failed, 2 bench failed." in answer.out
    assert f"Open {Path('allure-report') / 'index.html'}" in answer.out
    assert (workplace / "allure-report" / "index.html").is_file()


def test_the_machine_readable_answer_says_where_and_how_it_went(workplace: Path) -> None:
    leave_session(workplace, {"PASS": 1}, 0)
    told = json.loads(report(workplace, "--json").out)
    assert (told["state"], told["exit_status"], told["verdicts"]) == ("ended", 0, {"PASS": 1})
    assert (workplace / told["index"]).is_file()


def test_a_session_that_never_ended_is_reported_and_is_a_bench_fault(workplace: Path) -> None:
    SessionLog(workplace / "runs").begin_once("virtual-module", "lfp-24s")
    answer = report(workplace)
    assert answer.status == 3
    assert "never ended" in answer.out
    assert (workplace / "allure-report" / "index.html").is_file()


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


def test_a_folder_with_something_else_in_it_is_not_replaced(workplace: Path) -> None:
    leave_session(workplace, {"PASS": 1}, 0)
    (workplace / "thesis.txt").write_text("years of work", encoding="utf-8")
    answer = report(workplace, "--output", ".")
    assert answer.status == 2
    assert (workplace / "thesis.txt").is_file()


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ({"PASS": 1}, "1 test: 1 passed, 0 pack failed, 0 bench failed."),
        ({}, "0 tests: 0 passed, 0 pack failed, 0 bench failed."),
        (
            {"INCONCLUSIVE": 2, "ABORTED": 1, "INPUT": 1, "PASS": 4},
            "8 tests: 4 passed, 0 pack failed, 0 bench failed, 2 inconclusive, 1 aborted, 1 wrong input.",
        ),
    ],
)
def test_pack_and_bench_are_counted_apart(verdicts: dict[str, int], sentence: str) -> None:
    assert _counts(verdicts) == sentence
