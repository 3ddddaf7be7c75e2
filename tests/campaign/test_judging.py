"""What is as expected and what is not; two things are never forgiven."""

from dataclasses import replace

import pytest

from campaign import outcome, table
from campaign.catalogue import Injection
from campaign.outcome import Outcome

SENSOR = Injection(
    level="instrument", words="a sensor breaks", dangerous=True, defects=("open-sensor:3",), expect="ends",
    named=("value-missing",), blame="bench",
)  # fmt: skip
FOUND = Outcome(
    "sensor", "instrument", "a sensor breaks", "charge", dangerous=True, expected="ends", injected=60.0,
    noticed="ended", named="value-missing", layer="guard", blame="bench", off=True, off_after=2.0, current=0.0,
    verified=True, verdict="BENCH FAULT",
)  # fmt: skip


def problems(**changes: object) -> str:
    return "; ".join(outcome.judged(replace(FOUND, **changes), SENSOR).problems)  # type: ignore[arg-type]


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
    ],
)
def test_what_is_not_is_told(changes: dict[str, object], problem: str) -> None:
    assert problem in problems(**changes)


@pytest.mark.parametrize("noticed", ["ended", "told"])
def test_a_false_alarm_is_no_pass(noticed: str) -> None:
    assert f"it should do no harm, and the run was {noticed}" in problems(expected="passes", noticed=noticed)


def test_the_line_that_counts_counts() -> None:
    blamed, missed, on = (
        outcome.judged(replace(FOUND, **changes), SENSOR)  # type: ignore[arg-type]
        for changes in ({"blame": "pack"}, {"noticed": "no", "phase": "soak"}, {"off": False, "phase": "discharge"})
    )
    line = table.summary([FOUND, blamed, missed, on])
    assert line == (
        "1 faults in 4 cases, 4 of them dangerous: dangerous and undetected 1, wrong blame 1, an output still on 1 "
        "(1 without a word to the operator), bench not verified safe 0, not as expected 3."
    )


def test_a_fault_that_was_never_injected_counts_as_undetected() -> None:
    assert replace(FOUND, injected=None).undetected
    assert not FOUND.undetected


def test_phases_with_the_same_outcome_share_a_line() -> None:
    later = replace(FOUND, phase="discharge", off_after=3.0, lost=0.5)
    other = replace(FOUND, phase="soak", noticed="no", named="", layer="", blame="", verdict="PASS")
    cells = [line.cells for line in table.lines([FOUND, later, other])]
    assert [cell[2] for cell in cells] == ["soak", "charge, discharge"]
    assert cells[1][3:] == ("ended", "guard", "value-missing", "3.0 s", "bench", "0.5 s", "BENCH FAULT")
