"""What is as expected and what is not; some things are never forgiven."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campaign import outcome, table
from campaign.catalogue import USUAL, Injection, Second
from campaign.outcome import CaseOutcome

SENSOR = Injection(
    level="instrument", words="a sensor breaks", dangerous=True, defects=("open-sensor:3",), expect="ends",
    named=("value-missing",), blame="bench",
)  # fmt: skip
FOUND = CaseOutcome(
    "sensor", "instrument", "a sensor breaks", "charge", dangerous=True, expected="ends", injected=60.0,
    noticed="ended", named="value-missing", layer="guard", blame="bench", off=True, off_after=2.0, current=0.0,
    verified=True, verdict="BENCH FAULT",
)  # fmt: skip


def problems(expected_of: Injection = SENSOR, **changes: object) -> str:
    return "; ".join(outcome.judged(replace(FOUND, **changes), expected_of).problems)  # type: ignore[arg-type]


def test_what_is_as_expected_has_no_problems() -> None:
    assert problems() == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"injected": None}, "it was never injected"),
        ({"noticed": "no", "named": ""}, "nobody noticed; it should be named value-missing"),
        ({"noticed": "warned"}, "value-missing was only a warning"),
        ({"named": "cell-spread"}, "it was named cell-spread"),
        ({"blame": "pack"}, "pack was blamed, not bench"),
        ({"off": False}, "the bench verdict says off, and an output is on"),
        ({"off": False, "verified": None}, "an output is on and nobody is told"),
        ({"bench": "source off: no answer", "verified": False}, "which this fault is no reason for"),
        ({"bench": "source off: no answer", "status": 1}, "not be verified safe, and the exit status is 1"),
        ({"verdict": "INCONCLUSIVE"}, "the verdict is INCONCLUSIVE, not BENCH FAULT"),
        ({"status": 1}, "the exit status is 1, not 3"),
        ({"touched": True}, "something was sent to the instruments of a bench that somebody else holds"),
    ],
)
def test_what_is_not_is_told(changes: dict[str, object], problem: str) -> None:
    assert problem in problems(**changes)


@pytest.mark.parametrize("noticed", ["ended", "told"])
def test_a_false_alarm_is_no_pass(noticed: str) -> None:
    assert f"it should do no harm, and the run was {noticed}" in problems(expected="passes", noticed=noticed)


def test_a_run_that_asked_for_less_current_than_flowed_is_no_pass() -> None:
    changes = {"expected": "passes", "noticed": "no", "verdict": "PASS"}
    assert problems(**changes) == ""
    assert "far longer than the test asked for" in problems(**changes, overran=True)
    assert "the run ended as FAIL" in problems(**{**changes, "verdict": "FAIL"})


CELL = Injection(
    level="physics", words="a cell is weak", dangerous=True, defects=("weak-cell:7:0.1",), expect="ends",
    named=("cell-under-voltage",), blame="pack", locates="cell 7",
)  # fmt: skip
WEAK = {"named": "cell-under-voltage", "blame": "pack", "text": "cell 7 is empty", "verdict": "FAIL", "status": 1}


def test_a_pack_is_failed_with_its_cell_or_not_at_all() -> None:
    assert problems(CELL, **WEAK) == ""
    assert problems(CELL, **{**WEAK, "text": "at cell 7 of module 1"}) == ""
    assert "should say 'cell 7' and says 'a cell is empty'" in problems(CELL, **{**WEAK, "text": "a cell is empty"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("4.05 V at cell 85", True),
        ("4.05 V at cell 1 of module 8", True),
        ("66 degC at sensor 1 of module 8", True),
        ("66 degC at sensor 8", True),  # of the scanner's eight
        ("4.05 V at cell 8", False),
        ("4.05 V at cell 851", False),
        ("4.05 V at cell 1 of module 80", False),
        ("66 degC at sensor 8 of module 1", False),
        ("66 degC at sensor 1", False),
    ],
)
def test_a_cell_may_be_named_as_whoever_has_measured_it_counts(text: str, named: bool) -> None:
    last = CELL.model_copy(update={"locates": "cell 85", "station": "virtual-pack"})
    assert ("should say 'cell 85'" not in problems(last, **{**WEAK, "text": text})) is named


def test_a_pack_is_not_failed_on_a_bench_that_nobody_could_verify() -> None:
    unsafe = WEAK | {"bench": "source off: still on", "verified": False, "status": 3}
    told = CELL.model_copy(update={"told": "source off: "})
    assert "the verdict is FAIL, not BENCH FAULT" in problems(told, **unsafe)
    assert problems(told, **{**unsafe, "verdict": "BENCH FAULT"}) == ""


LATER = Second(defects=("insulation:1000",), after=1, named=("insulation",))
DOUBLE = SENSOR.model_copy(update={"also": LATER})
BOTH = {"second": 61.0, "listed": ("value-missing", "insulation")}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"second": None}, "the second fault was never injected"),
        ({"listed": ("value-missing",)}, "should be listed as insulation; listed is value-missing"),
        ({"named": "insulation", "blame": "pack"}, "it was named insulation"),
    ],
)
def test_of_two_faults_the_first_leads_and_both_are_listed(changes: dict[str, object], problem: str) -> None:
    assert problems(DOUBLE, **BOTH) == ""
    assert problem in problems(DOUBLE, **{**BOTH, **changes})


def test_a_second_fault_can_be_what_the_bench_verdict_tells_of() -> None:
    told = SENSOR.model_copy(update={"also": Second(defects=("contactor-welded",), told="V remain")})
    unsafe = {"second": 61.0, "bench": "bus discharged: 80 V remain", "verified": False, "status": 3}
    assert problems(told, **unsafe) == ""
    assert "should read 'V remain'" in problems(told, **{**unsafe, "bench": "source off: no answer"})


@pytest.mark.parametrize(
    ("left", "problem"),
    [
        ({}, ""),
        ({"off": False, "current": 0.0, "bench": "may be on still: load (input)"}, ""),
        ({"off": False, "current": 0.0}, "an output is on and nobody is told"),
        ({"off": False, "current": 2.0, "bench": "may be on still: load (input)"}, "a current flows on"),
        ({"off": False, "current": None}, "a current flows on"),
    ],
)
def test_nobody_is_left_to_say_anything_and_no_current_may_go_on(left: dict[str, Any], problem: str) -> None:
    dead = {"expected": "alone", "noticed": "no", "named": "", "blame": "", "verdict": "never ended", "verified": None}
    assert problem in problems(**{**dead, **left})
    assert bool(problem) is bool(problems(**{**dead, **left}))
    assert replace(FOUND, **{**dead, **left}).undetected is ("current" in problem)


def test_every_cause_and_warning_is_listed_once_in_the_order_of_time() -> None:
    manifest = {"cause": {"fault": "a"}, "causes": [{"fault": "a"}, {"fault": "b"}]}
    warned = [{"type": "warning", "time": time, "fault": fault} for time, fault in ((1.0, "early"), (9.0, "c"))]
    assert outcome.listed_in(manifest, [*warned, {"type": "message", "time": 9.0}], since=5.0) == ("a", "b", "c")
    assert outcome.listed_in({"cause": {"fault": "a"}}, [], since=5.0) == ("a",)
    assert outcome.listed_in({"cause": None}, [], since=5.0) == ()


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    full = replace(FOUND, problems=("one",), kinds=("double",), listed=("a", "b"))
    outcome.write(full, tmp_path)
    assert outcome.read(tmp_path) == [full]


def test_the_line_that_counts_counts() -> None:
    blamed, missed, on = (
        outcome.judged(replace(FOUND, **changes), SENSOR)  # type: ignore[arg-type]
        for changes in ({"blame": "pack"}, {"noticed": "no", "phase": "soak"}, {"off": False, "phase": "discharge"})
    )
    line = table.summary([FOUND, blamed, missed, on])
    assert line == (
        "1 faults (0 double, 0 intermittent, 0 of how the bench is found or left, 0 of the pack, 0 of which failed it "
        "and named the place) in 4 cases, 4 of them dangerous: dangerous and undetected 1, wrong blame 1, "
        "inconclusive 0, an output still on 1 (1 without a word to the operator), bench not verified safe 0, "
        "not as expected 3."
    )


def test_faults_are_counted_by_kind_and_a_pack_fault_counts_when_every_case_of_it_failed_the_pack() -> None:
    pack = replace(FOUND, fault="weak", kinds=("pack fault",), verdict="FAIL", blame="pack")
    both = replace(FOUND, fault="both", kinds=("double", "found or left", "intermittent"))
    cases = [pack, replace(pack, phase="soak"), replace(pack, fault="leak"), both]
    assert "3 faults (1 double, 1 intermittent, 1 of how the bench is found or left, 2 of the pack, 2 of" in (
        table.summary(cases)
    )
    undecided = replace(pack, phase="soak", verdict="INCONCLUSIVE", problems=("the verdict is INCONCLUSIVE",))
    line = table.summary([pack, undecided])
    assert "1 of the pack, 0 of which failed it" in line
    assert "inconclusive 1," in line


def test_a_fault_that_was_never_injected_counts_as_undetected() -> None:
    assert replace(FOUND, injected=None).undetected
    assert not FOUND.undetected


def test_phases_with_the_same_outcome_share_a_line() -> None:
    later = replace(FOUND, phase="discharge", off_after=3.0, lost=0.5)
    other = replace(FOUND, phase="soak", noticed="no", named="", layer="", blame="", verdict="PASS")
    cells = [line.cells for line in table.lines([FOUND, later, other])]
    assert [cell[1] for cell in cells] == ["soak", "charge, discharge"]
    assert cells[1][2:] == ("ended", "guard", "value-missing", "3.0 s", "bench", "0.5 s", "BENCH FAULT")


def test_every_file_of_the_catalogue_has_a_table_of_its_own() -> None:
    page = table.markdown([replace(FOUND, group="found"), replace(FOUND, group="double", fault="two")], seed=3)
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## Double", "## Found"]
    assert page.count("| Fault | Phase |") == 2
    bad = table.markdown([replace(FOUND, group="found", problems=("nobody noticed",))], seed=3)
    assert "## Not as expected\n\n- sensor, charge: nobody noticed." in bad


def warning(fault: str, time: float, kind: str = "warning") -> dict[str, object]:
    return {"type": kind, "time": time, "fault": fault, "blame": "bench", "text": f"{fault} at {time:g} s"}


ENDED = {"cause": {"fault": "value-missing", "blame": "bench", "text": "no value"}, "bench_verdict": {"safe": True}}
UNSAFE = {"fault": "not-verified-safe", "blame": "bench", "text": "source off: no answer"}


@pytest.mark.parametrize(
    ("manifest", "events", "noticed"),
    [
        (ENDED, [warning("cell-spread", 9.0)], ("ended", "value-missing")),
        ({}, [warning("cell-spread", 9.0), warning("value-missing", 9.5)], ("warned", "value-missing")),
        ({}, [warning("cell-spread", 9.0), warning("insulation", 9.5)], ("warned", "cell-spread")),
        ({}, [warning("value-missing", 9.0, "hold started")], ("warned", "value-missing")),
        ({}, [warning("value-missing", 5.0)], ("warned", "value-missing")),
        ({}, [warning("value-missing", 4.9), warning("value-missing", 9.0, "message")], None),
        ({"cause": UNSAFE, "bench_verdict": {"safe": False}}, [], ("told", "not-verified-safe")),
        ({"cause": UNSAFE, "bench_verdict": {"safe": False}}, [warning("x", 9.0)], ("warned", "x")),
        ({"bench_verdict": {"safe": False}}, [], ("told", "not-verified-safe")),
        ({"cause": None, "bench_verdict": None}, [], None),
    ],
)
def test_a_cause_goes_before_a_warning_and_that_before_what_the_bench_verdict_says(
    manifest: dict[str, Any], events: list[dict[str, Any]], noticed: tuple[str, str] | None
) -> None:
    """And of warnings the fault's own name, of those that came after it was injected, at 5 s."""
    found = outcome.noticed_in(manifest, events, 5.0, ("value-missing",))
    assert (found["noticed"], found["named"]) == noticed if noticed else found == {}


def test_a_fault_that_no_catalogue_has_is_of_no_known_layer() -> None:
    assert outcome.words("ended", "nobodys", "bench", "it broke")["layer"] == "?"
    assert outcome.words("ended", "value-missing", "bench", "no value")["layer"] == "guard"


def test_what_could_not_be_verified_is_told_step_by_step_and_what_was_not_asked_is_not() -> None:
    steps = [
        {"name": "source off", "detail": "no answer", "verified": False},
        {"name": "sink off", "detail": "reads off", "verified": True},
        {"name": "chamber", "detail": "nobody can say", "verified": None},
        {"name": "contactors", "detail": "welded", "verified": False},
    ]
    assert outcome.unsafe_words({"steps": steps}) == "source off: no answer; contactors: welded"
    assert outcome.unsafe_words({"steps": steps[1:3]}) == ""
    assert outcome.unsafe_words(None) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "2.0 s"),
        ({"off_after": 0.0}, "were off"),
        ({"off_after": None}, "were off"),
        ({"off_after": 99.96}, "100.0 s"),
        ({"off_after": 100.0}, "100 s"),
        ({"noticed": "warned"}, "at the end"),
        ({"off": False, "current": 5.0, "bench": "source off: on"}, "ON, told"),
        ({"off": False, "current": 0.01, "bench": "source off: on"}, "ON, no current, told"),
        ({"off": False, "current": None}, "ON"),
        ({"bench": "chamber: no answer"}, "2.0 s, told"),
    ],
)
def test_a_line_says_how_long_outputs_were_on_or_that_they_are(changes: dict[str, Any], words: str) -> None:
    (line,) = table.lines([replace(FOUND, **changes)])
    assert line.cells[5] == words


def test_of_several_phases_the_longest_counts_and_every_usual_one_is_every() -> None:
    cases = [replace(FOUND, phase=phase, off_after=float(at)) for at, phase in enumerate(USUAL, 1)]
    (line,) = table.lines(reversed(cases))
    assert (line.cells[1], line.cells[5], line.bad) == ("every", f"{len(USUAL)}.0 s", False)
    bad = table.lines([*cases, replace(FOUND, fault="another", problems=("nobody noticed",))])
    assert [each.bad for each in bad] == [True, False]


def test_an_output_that_is_on_is_counted_with_those_that_nobody_was_told_of() -> None:
    on = replace(FOUND, off=False, verified=False, bench="source off: on")
    assert "an output still on 2 (operator told each time), bench not verified safe 2" in table.summary([on, on])
    silent = replace(on, bench="")
    assert "an output still on 2 (1 without a word to the operator), bench not verified safe 1" in (
        table.summary([on, silent])
    )


def test_outcomes_of_other_faults_and_phases_are_kept_beside_each_other(tmp_path: Path) -> None:
    cases = [FOUND, replace(FOUND, phase="fast recharge"), replace(FOUND, fault="other"), replace(FOUND, level="CAN")]
    for case in cases:
        outcome.write(case, tmp_path / "outcomes")
    outcome.write(replace(FOUND, text="again"), tmp_path / "outcomes")  # of the same case the last one counts
    kept = outcome.read(tmp_path / "outcomes")
    assert len(kept) == len(cases)
    assert replace(FOUND, text="again") in kept
    assert outcome.read(tmp_path) == []


def test_who_was_blamed_for_what_another_did_is_counted_by_what_the_judgement_says() -> None:
    blamed = outcome.judged(replace(FOUND, blame="pack"), SENSOR)
    late = outcome.judged(replace(FOUND, noticed="warned"), SENSOR)
    assert late.problems
    assert outcome.wrongly_blamed([FOUND, blamed, late]) == [blamed]
