"""A specimen against itself: the limit that an accepted figure gives, and what may be accepted of a run."""

from dataclasses import replace
from math import hypot
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accepted import Accepted, AcceptedValue
from bench.verdicts import InputError
from reports import kpi, specimen
from reports.kpi import Kpi
from tests.reports.worked import recording

CAPACITY = kpi.capacity(recording(), "discharge")
SHARE = 0.03
"""By which a capacity may be less than that of the accepted run."""
RUN = "2026-01-01/1"


def accepted(value: float = 2.0, uncertainty: float = 0.03, **more: Any) -> Accepted:
    fields = {"kpi": CAPACITY.key, "unit": "Ah", "run": RUN, "value": value, "uncertainty": uncertainty, **more}
    return Accepted((AcceptedValue(**fields),))


def limit(measured: Kpi = CAPACITY, known: Accepted | None = None, uncertainty: float = 0.04, **asked: Any) -> Any:
    where = {"at": "", "temperature": None, **asked}
    return specimen.limits_of(measured, uncertainty, known or accepted(), **where)


def test_a_figure_may_be_worse_by_its_share_and_by_what_both_are_known_to() -> None:
    found = limit()
    assert found.at_least == pytest.approx(2.0 - SHARE * 2.0 - 0.05)
    assert found.at_most is None
    assert found.source == f"accepted run {RUN}: 2 ± 0.03 Ah, with 3 % and the uncertainty of both as room"


def test_what_must_be_small_may_be_larger_and_not_smaller() -> None:
    resistance = replace(CAPACITY, key="dc resistance 10 s", unit="Ω", sense="at_most", value=0.01)
    found = limit(resistance, accepted(0.01, 0.0, kpi=resistance.key, unit="Ω"), 0.0)
    assert found.at_most == pytest.approx(0.01 * 1.2)
    assert found.at_least is None


@pytest.mark.parametrize("value", [0.2, -0.2])
def test_what_must_be_near_nothing_may_be_further_from_it_on_neither_side(value: float) -> None:
    found = limit(replace(CAPACITY, sense="within"), accepted(value, 0.0), 0.01)
    assert (found.at_least, found.at_most) == pytest.approx((-0.216, 0.216))


@given(st.floats(-10, 10), st.floats(0, 1), st.floats(0, 1))
def test_the_accepted_figure_itself_is_never_beyond_its_own_limit(value: float, own: float, theirs: float) -> None:
    """Whatever its sign: what is good stays so, and by as much as both may be off."""
    found = limit(known=accepted(value, theirs), uncertainty=own)
    assert value - found.at_least >= hypot(own, theirs) - 1e-9


@pytest.mark.parametrize(
    ("measured", "asked"),
    [
        (replace(CAPACITY, key=""), {}),
        (replace(CAPACITY, key="mean power"), {}),
        (replace(CAPACITY, key="nobody's"), {}),
        (CAPACITY, {"at": "C/3"}),
        (CAPACITY, {"temperature": 25.0}),
        (replace(CAPACITY, temperature=40.0), {}),
    ],
    ids=["no key", "nothing to keep", "unknown", "another condition", "another temperature", "that of its chamber"],
)
def test_where_nothing_was_accepted_there_is_no_limit(measured: Kpi, asked: dict[str, Any]) -> None:
    assert limit(measured, **asked) is None


def test_what_no_specimen_has_to_keep_is_not_held_against_it() -> None:
    power = replace(CAPACITY, key="mean power", unit="W")
    assert limit(power, accepted(200.0, kpi="mean power", unit="W")) is None


def test_the_temperature_that_was_asked_for_counts_before_that_of_the_chamber() -> None:
    cold = accepted(temperature=0.0)
    assert limit(replace(CAPACITY, temperature=25.0), cold, temperature=0.0) is not None
    assert limit(replace(CAPACITY, temperature=0.0), cold) is not None
    assert limit(replace(CAPACITY, temperature=0.0), cold, temperature=25.0) is None


def test_a_figure_in_another_unit_is_not_compared() -> None:
    with pytest.raises(InputError, match=r"'discharge capacity' is in Ah, and 2 mAh was accepted: accept one anew\.$"):
        limit(known=accepted(unit="mAh"))


def test_a_figure_is_called_by_its_specimen_where_it_is_held_against_that() -> None:
    assert specimen.name_of(CAPACITY) == "discharge capacity of this specimen"


ASKED = {"key": CAPACITY.key, "at": "C/3", "temperature": 25.0}
KEPT = {"name": "discharge capacity", "value": 2.1, "unit": "Ah", "uncertainty": 0.01, "required": ASKED}


def run(*measurements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"run_id": RUN, "verdict": "PASS", "defects": [], "measurements": list(measurements), **more}


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "INCONCLUSIVE"])
def test_what_the_pack_file_asked_for_is_accepted_as_it_was_measured(verdict: str) -> None:
    (value,) = specimen.acceptable(run(KEPT, verdict=verdict))
    assert (value.place, value.value, value.uncertainty, value.unit, value.run) == (
        (CAPACITY.key, "C/3", 25.0), 2.1, 0.01, "Ah", RUN,
    )  # fmt: skip


def test_an_uncertainty_that_was_not_known_is_none() -> None:
    (value,) = specimen.acceptable(run({**KEPT, "uncertainty": None}))
    assert value.uncertainty == 0.0


@pytest.mark.parametrize(
    "changed",
    [
        {"required": None},
        {"required": {**ASKED, "key": "mean power"}},
        {"required": {**ASKED, "key": "nobody's"}},
        {"value": None},
        {"value": float("nan")},
        {"value": float("inf")},
    ],
    ids=["a limit of its own", "nothing to keep", "unknown", "nothing measured", "no number", "without end"],
)
def test_a_run_without_such_a_figure_is_refused_with_what_it_takes(changed: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=rf"^Run {RUN} has no figure .*; accept one that measures .*discharge capacity"
    ):
        specimen.acceptable(run({**KEPT, **changed}))
    assert len(specimen.acceptable(run({**KEPT, **changed}, KEPT))) == 1, "and costs no other figure"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"verdict": "BENCH FAULT"}, "ended with BENCH FAULT: it says nothing of the pack"),
        ({"verdict": "ABORTED"}, "ended with ABORTED: it says nothing of the pack"),
        ({"verdict": "TEST ERROR"}, "ended with TEST ERROR: it says nothing of the pack"),
        ({"verdict": None}, "never ended: it says nothing of the pack"),
        ({"defects": ["weak cell", "fan"]}, r"had seeded defects \(weak cell, fan\); accept one without\."),
    ],
)
def test_a_run_that_says_nothing_of_the_pack_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=f"^Run {RUN} {says}"):
        specimen.acceptable(run(KEPT, **more))
