"""`packbench gate` and `packbench baseline`: whether a night may pass, and what it is held against."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.recording.aftermath import NOT_VERIFIED
from bench.recording.session_log import Session, SessionLog, TestEnd
from reports import site
from reports.nights.gate import RULES
from reports.nights.store import FOLDER, History
from tests.bench.cli_support import Answer, packbench_in

NODEID = "test_cases/test_a.py::test_a"
STATUS = {"PASS": "passed", "FAIL": "failed", "BENCH FAULT": "broken"}


def manifest(value: float, run: str) -> dict[str, Any]:
    return {
        "test": {"nodeid": NODEID, "parameters": {}}, "run_id": run, "started": "2026-01-01T00:00:00Z",
        "station": {"name": "bench-1"}, "pack": {"name": "lfp-24s", "serial_number": "0001"}, "clock": {"kind": "wall"},
        "versions": {"git": "abc1234", "git_dirty": False}, "instruments": [],
        "measurements": [{"name": "capacity", "value": value, "unit": "Ah", "at_least": 2.0, "uncertainty": 0.01}],
    }  # fmt: skip


def night(folder: Path, verdict: str, value: float, *, kept: bool = True, **more: Any) -> None:
    """Leave a session of one test with one figure, and keep what it told as building its report does."""
    waived, facts = more.pop("waived", False), more.pop("facts", {})
    results = folder / "allure-results"
    results.mkdir(exist_ok=True)
    for path in results.iterdir():
        path.unlink()
    attached = [{"name": "run.json", "source": "m-attachment.json", "type": "application/json"}]
    result = {
        "uuid": "1", "name": "A test", "fullName": "test_a", "status": STATUS[verdict], "start": 1, "stop": 2,
        "labels": [{"name": "nodeid", "value": NODEID}], "attachments": attached,
    }  # fmt: skip
    (results / "1-result.json").write_text(json.dumps(result), encoding="utf-8")
    (results / "m-attachment.json").write_text(json.dumps(manifest(value, "2026-01-01/1")), encoding="utf-8")
    log = SessionLog(folder / "runs", Session.new({"station": "bench-1", **facts}))
    log.session.note(TestEnd(NODEID, verdict, "A test", "why", waived=waived, **more))
    log.begin()
    log.end(0)
    told = site.night_of(results, folder / "runs", log.session)
    assert told is not None
    if kept:
        History(folder / "runs", told.station).keep(told)


def gate(folder: Path, *arguments: str) -> Answer:
    return packbench_in(folder, "gate", *arguments)


def broken(answer: Answer) -> list[str]:
    return [line.split()[1].rstrip(":") for line in answer.out.splitlines() if line.startswith("BROKEN")]


def test_a_good_night_passes_every_rule_that_is_asked(tmp_path: Path) -> None:
    night(tmp_path, "PASS", 2.3)
    answer = gate(tmp_path)
    assert (answer.status, broken(answer)) == (0, []), answer.err
    started = json.loads(gate(tmp_path, "--json").out)["started"]
    assert f"Gate of runs, session of {started[:10]} {started[11:16]} UTC: open." in answer.out, "whose night it is"
    assert "against-baseline" not in answer.out, "nobody has asked for one"


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("verdict", "more", "rules", "status"),
    [
        ("FAIL", {}, ["pack-failure", "regression"], 1),
        ("FAIL", {"waived": True}, ["regression"], 1),
        ("BENCH FAULT", {}, ["bench-fault"], 3),
        ("PASS", {"bench": NOT_VERIFIED, "left": "NOT VERIFIED SAFE (supply)."}, ["bench-fault"], 3),
        ("PASS", {"facts": {"waivers_expired": ["W-1, until 2026-01-01"]}}, ["waiver-expired"], 1),
    ],
)
def test_what_must_not_be_breaks_its_rule(
    tmp_path: Path, verdict: str, more: dict[str, Any], rules: list[str], status: int
) -> None:
    night(tmp_path, "PASS", 2.3)
    night(tmp_path, verdict, 1.9 if verdict == "FAIL" else 2.3, kept=False, **more)
    answer = gate(tmp_path)
    assert (broken(answer), answer.status) == (rules, status), answer.out
    told = json.loads(gate(tmp_path, "--json").out)
    assert [name for name, sentences in told["rules"].items() if sentences] == rules
    assert told["status"] == status
    assert gate(tmp_path, *(f"--without={name}" for name in rules)).status == 0


def test_a_failure_that_goes_on_is_no_regression_any_more(tmp_path: Path) -> None:
    for verdict in ("PASS", "FAIL", "FAIL"):
        night(tmp_path, verdict, 2.3 if verdict == "PASS" else 1.9)
    assert broken(gate(tmp_path)) == ["pack-failure"]
    assert gate(tmp_path, "--rule=regression").status == 0


def test_a_limit_that_a_figure_drifts_to_is_told_in_time(tmp_path: Path) -> None:
    for value in (2.3, 2.2):
        night(tmp_path, "PASS", value)
    assert gate(tmp_path).status == 0
    assert gate(tmp_path, "--nights=1").status == 0
    answer = gate(tmp_path, "--nights=7")
    assert broken(answer) == ["limit-ahead"]
    assert "capacity: reaches its limit in about 2 nights (by the last 2)" in answer.out


def test_a_night_is_held_against_the_one_that_was_given_a_name(tmp_path: Path) -> None:
    night(tmp_path, "PASS", 2.3)
    said = packbench_in(tmp_path, "baseline", "release-1")
    assert (said.status, said.out) == (0, said.out)
    assert "Baseline release-1: the session of 20" in said.out
    for value in (2.29, 2.28, 2.27):
        night(tmp_path, "PASS", value)
    answer = gate(tmp_path, "--baseline=release-1")
    assert broken(answer) == ["against-baseline"]
    page = packbench_in(tmp_path, "report", "--baseline=release-1")
    assert page.status == 0
    assert "Against release-1" in (tmp_path / "allure-report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["report", "gate"])
def test_a_baseline_that_is_not_there_is_one_sentence_and_costs_no_report(tmp_path: Path, command: str) -> None:
    night(tmp_path, "PASS", 2.3)
    page = tmp_path / "allure-report" / "index.html"
    page.parent.mkdir()
    page.write_text("the last one", encoding="utf-8")
    answer = packbench_in(tmp_path, command, "--baseline=relase")
    assert answer.status == 2
    assert "There is no baseline 'relase' of bench-1" in answer.err
    assert page.read_text(encoding="utf-8") == "the last one"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--rule=against-baseline",), "--rule against-baseline compares with nothing without --baseline"),
        (("--rule=limit-ahead",), "--rule limit-ahead compares with nothing without --nights"),
        (("--rule=bench-fault", "--without=bench-fault"), "--without leaves no rule to judge by"),
    ],
)
def test_a_gate_that_judges_nothing_is_not_open(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    night(tmp_path, "PASS", 2.3)
    answer = packbench_in(tmp_path, "gate", *options)
    assert (answer.status, answer.out) == (2, "")
    assert says in answer.err


def test_a_rule_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    night(tmp_path, "PASS", 2.3)
    answer = gate(tmp_path, "--rule=regresion")
    assert answer.status == 2
    assert "did you mean 'regression'?" in answer.err


def test_every_rule_says_what_it_forbids() -> None:
    assert [name for name, rule in RULES.items() if len(rule.meaning) < 20 or rule.meaning.endswith(".")] == []


def test_without_a_session_there_is_nothing_to_judge(tmp_path: Path) -> None:
    assert gate(tmp_path).status == 2
    assert packbench_in(tmp_path, "baseline", "x").status == 2
    assert not (tmp_path / "runs" / FOLDER).exists()
