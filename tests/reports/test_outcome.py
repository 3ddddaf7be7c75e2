"""A test as its result and its run tell it: the worse of the two counts, whatever a message quotes."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.recording.session_log import TestEnd
from bench.verdicts import NOT_RUN, Verdict
from reports import results
from reports.outcome import ORDER, Outcome, outcomes
from tests.packbench.test_cli_gate import manifest


def leave(folder: Path, status: str = "passed", message: str = "", verdict: str | None = None, **more: Any) -> None:
    """A result, and the manifest of its run where that has a verdict."""
    name = str(more.pop("name", "1"))
    result = {
        "uuid": name, "name": "It, 25 °C", "status": status, "statusDetails": {"message": message}, "attachments": [],
        "labels": [{"name": "nodeid", "value": f"t.py::test_{name}"}], "start": 1, "stop": 2,
    }  # fmt: skip
    if verdict is not None:
        told = {**manifest(2.3, f"2026-01-01/{name}"), "verdict": verdict}
        (folder / f"{name}-attachment.json").write_text(json.dumps(told), encoding="utf-8")
        result["attachments"] = [{"name": "run.json", "source": f"{name}-attachment.json"}]
    (folder / f"{name}-result.json").write_text(json.dumps({**result, **more}), encoding="utf-8")


@pytest.mark.parametrize(
    ("status", "message", "verdict"),
    [
        ("passed", "", "PASS"),
        ("failed", "bench.verdicts.PackFailure: too little", "FAIL"),
        ("failed", "CHARGER FAIL: it gave too much", "CHARGER FAIL"),
        ("failed", "MANAGER FAIL: it broke its word", "MANAGER FAIL"),
        ("broken", "bench.verdicts.BenchFault: no answer", "BENCH FAULT"),
        ("broken", "ABORTED: Ctrl-C", "ABORTED"),
        ("broken", "TEST ERROR: no such step", "TEST ERROR"),
        ("broken", "NOT RUN: the session ended before", NOT_RUN),
        ("skipped", "Skipped: INCONCLUSIVE: closer to its limit than anybody can tell", "INCONCLUSIVE"),
        ("skipped", "Skipped: no such pack", NOT_RUN),
        ("unknown", "", NOT_RUN),
        ("", "", NOT_RUN),
    ],
)
def test_a_result_alone_tells_how_a_test_ended(tmp_path: Path, status: str, message: str, verdict: str) -> None:
    leave(tmp_path, status, message)
    assert [test.verdict for test in outcomes(tmp_path)] == [verdict]


@pytest.mark.parametrize("quoted", ["INCONCLUSIVE: it was open", "NOT RUN: never begun"])
@pytest.mark.parametrize(("status", "verdict"), [("failed", "FAIL"), ("broken", "BENCH FAULT")])
@pytest.mark.parametrize("recorded", [None, "FAIL"])
def test_what_a_message_quotes_makes_no_failure_better(
    tmp_path: Path, status: str, verdict: str, quoted: str, recorded: str | None
) -> None:
    leave(tmp_path, status, f"AssertionError: assert 'FAIL: low' == '{quoted}'", recorded)
    assert [test.verdict for test in outcomes(tmp_path)] == [verdict]


@pytest.mark.parametrize("status", ["passed", "skipped", ""])
@pytest.mark.parametrize("recorded", [verdict for verdict in Verdict if verdict != Verdict.PASS])
def test_no_result_is_better_than_its_run(tmp_path: Path, status: str, recorded: Verdict) -> None:
    leave(tmp_path, status, "", str(recorded))
    assert [test.verdict for test in outcomes(tmp_path)] == [recorded]


@pytest.mark.parametrize("recorded", ["PASS", "", "A VERDICT OF LATER"])
def test_no_run_is_better_than_its_result(tmp_path: Path, recorded: str) -> None:
    leave(tmp_path, "failed", "", recorded)
    leave(tmp_path, "skipped", "", recorded, name="2")
    assert [test.verdict for test in outcomes(tmp_path)] == ["FAIL", NOT_RUN]


def test_of_a_test_that_was_repeated_the_last_one_counts(tmp_path: Path) -> None:
    again = [{"name": "nodeid", "value": "t.py::test_1"}]
    leave(tmp_path, "failed", stop=10)
    leave(tmp_path, "passed", stop=30, name="2", labels=again)
    leave(tmp_path, "broken", stop=20, name="3", labels=again)
    assert [(test.nodeid, test.verdict) for test in outcomes(tmp_path)] == [("t.py::test_1", "PASS")]


def test_the_worst_is_read_first_and_what_is_alike_by_its_name(tmp_path: Path) -> None:
    for name, status in (("1", "passed"), ("4", "failed"), ("3", "failed"), ("2", "broken")):
        leave(tmp_path, status, name=name, stop=10 - int(name))
    found = outcomes(tmp_path)
    assert [test.nodeid[-1] for test in found] == ["3", "4", "2", "1"]
    assert set(ORDER) == {*map(str, Verdict), NOT_RUN}, "every verdict has its place"


def test_the_session_has_the_last_word_and_tells_of_its_own_tests_alone(tmp_path: Path) -> None:
    leave(tmp_path, "passed")
    leave(tmp_path, "failed", name="2")
    end = TestEnd("t.py::test_1", "BENCH FAULT", "It", "no answer", waived=True, waiver="W-1")
    (test,) = outcomes(tmp_path, {end.nodeid: end})
    assert (test.verdict, test.reason, test.waived, test.waiver) == ("BENCH FAULT", "no answer", True, "W-1")


def test_what_is_not_to_be_believed_passes_nothing(tmp_path: Path) -> None:
    labels = [{"name": "nodeid", "value": "t.py::test_1"}, {"name": "tag", "value": results.NOT_BELIEVED}]
    leave(tmp_path, "skipped", "INCONCLUSIVE: its run is gone", labels=labels)
    (test,) = outcomes(tmp_path, {"t.py::test_1": TestEnd("t.py::test_1", "PASS", "It", "all was well")})
    assert (test.verdict, test.reason) == ("INCONCLUSIVE", "its run is gone")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("FAIL: too little", "too little"),
        ("CHARGER FAIL: too much", "too much"),
        ("bench.verdicts.BenchFault: supply: no answer", "supply: no answer"),
        ("Skipped: INCONCLUSIVE: open", "open"),
        ("NOT RUN: left out", "left out"),
        ("too little\nTraceback (most recent call last)", "too little"),
        ("\n\n", ""),
        ("", ""),
    ],
)
def test_the_reason_is_the_sentence_without_what_the_verdict_repeats(tmp_path: Path, message: str, reason: str) -> None:
    leave(tmp_path, "broken", message)
    assert outcomes(tmp_path)[0].reason == reason


@pytest.mark.parametrize(
    ("title", "parameter", "temperature"),
    [
        ("It, 25 °C", None, 25.0), ("It, -7.5 °C", None, -7.5), ("It, 25 °C", 40, 40.0), ("It, 25 °C", "cold", 25.0),
        ("It", None, None), ("It of 25", "25", None), ("It, 25 °C", 0, 0.0),
    ],
)  # fmt: skip
def test_the_temperature_is_the_parameter_else_what_the_title_says(
    title: str, parameter: object, temperature: float | None
) -> None:
    told = {"test": {"parameters": {"temperature": parameter}}}
    assert Outcome("PASS", title, "t.py::t", "1", "", (), told).temperature == temperature


def trip(blame: str, limit: str = "cell under-voltage") -> str:
    return json.dumps({
        "type": "trip", "blame": blame, "limit": limit, "value": 2.3, "unit": "V", "at_least": 2.4, "step": "discharge",
    })  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([trip("pack"), trip("pack", "another")], "cell under-voltage"),
        ([trip("bench", "chamber"), trip("pack")], "cell under-voltage"),
        (['{"type": "trip", "blame": "pa', "not json", '"trip"', '["trip"]', trip("pack")], "cell under-voltage"),
        ([trip("bench")], None),
        ([], None),
    ],
    ids=["the first", "of the pack", "behind what was cut off", "of the bench alone", "nothing"],
)
def test_the_limit_that_the_pack_violated_first_is_told(tmp_path: Path, lines: list[str], name: str | None) -> None:
    (tmp_path / "e.txt").write_text("\n".join(lines), encoding="utf-8")
    leave(tmp_path, "failed", attachments=[{"name": results.EVENTS, "source": "e.txt"}])
    (test,) = outcomes(tmp_path)
    assert (test.trip and test.trip.name) == name
    assert [row.name for row in test.violated] == ([name] if name else [])


def test_an_event_log_that_is_no_text_costs_nobody_the_test(tmp_path: Path) -> None:
    (tmp_path / "e.txt").write_bytes(b"\xff\xfe\0" + trip("pack").encode())
    leave(tmp_path, "failed", attachments=[{"name": results.EVENTS, "source": "e.txt"}])
    assert [test.verdict for test in outcomes(tmp_path)] == ["FAIL"]
