"""How a run left its bench, as its folder tells it: what somebody reads who is about to touch it."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.recording import life
from bench.recording.aftermath import NOBODY_LOOKED, Aftermath, aftermath, left_by, state_of
from bench.safety.benchverdict import BenchVerdict, SafeStep
from bench.safety.supervisor import REPORT

INSTRUMENTS = [
    {"name": "supply", "roles": ["source", "sink"]}, {"name": "bms", "roles": ["bms"]},
    {"name": "oven", "roles": ["chamber"]},
]  # fmt: skip


def safe(**verified: bool | None) -> dict[str, Any]:
    """A bench verdict as recorded, with how each step was verified; names are those of steps, `_` for a space."""
    steps = (SafeStep(name.replace("_", " "), True, found, "it reads on", 0.1) for name, found in verified.items())
    return BenchVerdict(tuple(steps)).as_dict()


def manifest(state: str = "ended", clock: str = "wall", **changed: Any) -> dict[str, Any]:
    return {"state": state, "clock": {"kind": clock}, "instruments": INSTRUMENTS, **changed}


def report(folder: Path, **content: Any) -> None:
    (folder / REPORT).write_text(json.dumps(content), encoding="utf-8")


def test_a_run_that_never_opened_a_bench_left_none(tmp_path: Path) -> None:
    assert aftermath(manifest(), tmp_path) == aftermath(manifest(bench_verdict=None), tmp_path) == Aftermath()
    assert not Aftermath().unsafe


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (safe(sink_off=True, source_off=True), "verified"), (safe(sink_off=None, source_off=True), "reported"),
        (safe(sink_off=True, chamber_to_rest=None), "verified"),
    ],
)  # fmt: skip
def test_a_bench_that_was_left_safe_has_nothing_that_somebody_must_do(
    tmp_path: Path, verdict: dict[str, Any], state: str
) -> None:
    assert aftermath(manifest(bench_verdict=verdict), tmp_path) == Aftermath(state)


def test_steps_that_a_recording_has_lost_verify_nothing_and_a_bench_that_has_none_is_verified(tmp_path: Path) -> None:
    """Recorded before such a bench said so itself: its manifest knows which steps there were to be."""
    nothing = {"safe": True, "state": "verified", "steps": []}
    lost = aftermath(manifest(bench_verdict=nothing, safe_state={"order": ["source off"]}), tmp_path)
    assert (lost.state, lost.unsafe) == ("not verified", True)
    assert lost.told.startswith("NOT VERIFIED SAFE (safe state: what became of its steps is lost)")
    assert lost.told.endswith(" Look first at: supply, bms, oven.")
    assert aftermath(manifest(bench_verdict=nothing), tmp_path).unsafe
    only_looks = manifest(bench_verdict=nothing, safe_state={"order": []}, instruments=[])
    assert aftermath(only_looks, tmp_path) == Aftermath("verified")


def test_a_bench_that_is_not_verified_safe_names_whom_to_look_at_first(tmp_path: Path) -> None:
    left = aftermath(manifest(bench_verdict=safe(sink_off=True, source_off=False, chamber_to_rest=False)), tmp_path)
    assert (left.state, left.unsafe, left.instruments) == ("not verified", True, ("supply", "oven"))
    assert left.told.startswith("NOT VERIFIED SAFE")
    assert left.told.endswith(" Look first at: supply, oven.")
    assert "source off: it reads on" in left.told


def test_whose_step_was_verified_is_not_named() -> None:
    assert left_by(safe(sink_off=True, chamber_to_rest=False), manifest()).instruments == ("oven",)
    assert left_by(safe(sink_off=None, chamber_to_rest=False), manifest()).instruments == ("oven",)


def test_a_bus_that_is_still_up_is_looked_for_at_who_drives_it() -> None:
    assert left_by(safe(bus_discharged=False), manifest()).instruments == ("supply",)


def test_where_the_safe_state_itself_failed_everybody_who_can_be_on_is_meant() -> None:
    assert left_by(safe(safe_state=False), manifest()).instruments == ("supply", "bms", "oven")


def test_a_step_or_a_role_that_nobody_has_any_more_is_told_without_a_name() -> None:
    gone = [{"name": "gun", "roles": ["railgun"]}]
    left = left_by(safe(gun_off=False), manifest(instruments=gone))
    assert (left.unsafe, left.instruments) == (True, ())
    assert "Look first" not in left.told


# --- a run whose process died -----------------------------------------------------------------------------------------


def test_of_a_bench_that_nobody_has_looked_at_since_everybody_is_meant(tmp_path: Path) -> None:
    left = aftermath(manifest("running"), tmp_path)
    assert left == Aftermath("not verified", NOBODY_LOOKED, ("supply", "bms", "oven"))
    assert left.unsafe


def test_simulators_end_with_their_process(tmp_path: Path) -> None:
    assert aftermath(manifest("running", clock="virtual"), tmp_path) == Aftermath("gone")


def test_a_bench_in_use_is_nobody_s_yet(tmp_path: Path) -> None:
    lock = life.claim(tmp_path)
    assert aftermath(manifest("running"), tmp_path) == Aftermath()
    life.release(lock)
    assert aftermath(manifest("running"), tmp_path).unsafe


@pytest.mark.parametrize(
    ("verdict", "state"), [(safe(source_off=True), "verified"), (safe(source_off=False), "not verified")]
)
def test_what_the_supervisor_has_read_back_counts(tmp_path: Path, verdict: dict[str, Any], state: str) -> None:
    report(tmp_path, state="done", bench_verdict=verdict)
    assert aftermath(manifest("running"), tmp_path).state == state


@pytest.mark.parametrize(
    "content",
    [
        {"state": "acting", "bench_verdict": safe(source_off=True)}, {"state": "done"},
        {"state": "done", "bench_verdict": 7}, {"state": "done", "bench_verdict": None},
        {"state": "done", "bench_verdict": {}}, {}, [], "done",
        {"state": "done", "bench_verdict": {"state": "verified"}},
        {"state": "done", "bench_verdict": {"state": "verified", "steps": [{"name": "source off"}]}},
    ],
)  # fmt: skip
def test_a_supervisor_that_is_not_done_or_says_nothing_vouches_for_nothing(tmp_path: Path, content: Any) -> None:
    (tmp_path / REPORT).write_text(json.dumps(content), encoding="utf-8")
    assert aftermath(manifest("running"), tmp_path) == Aftermath(
        "not verified", NOBODY_LOOKED, ("supply", "bms", "oven")
    )


@pytest.mark.parametrize("text", ["", "{", pytest.param("[" * 100_000, id="nested without an end")])
def test_half_a_report_vouches_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / REPORT).write_text(text, encoding="utf-8")
    assert aftermath(manifest("running"), tmp_path).unsafe


def test_the_report_of_a_supervisor_changes_nothing_of_a_run_that_ended_itself(tmp_path: Path) -> None:
    report(tmp_path, state="done", bench_verdict=safe(source_off=True))
    assert aftermath(manifest(bench_verdict=safe(source_off=False)), tmp_path).unsafe


# --- recordings of before ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verified", "state"),
    [([True, True], "verified"), ([True, None], "reported"), ([None, False, True], "not verified")],
)
def test_a_verdict_that_was_recorded_before_there_were_states_has_that_of_its_steps(
    verified: list[bool | None], state: str
) -> None:
    assert state_of({"steps": [{"verified": each} for each in verified]}, {}) == state
    assert state_of(None, {}) == ""
