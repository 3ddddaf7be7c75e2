"""Whose word a cause rests on: what stands behind a violation, which meters are not believed, what else there was."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan

import pytest

from bench.safety.guard import Evidence, Guard, Limit, Violation

LAYOUT = ("Test Time / s", "cell", "terminals", "current", "difference", "count")
PACK = Limit("cell-over-voltage", "cell", "V", at_most=4.0, debounce=1.0)
STRING = Limit("pack-over-voltage", "terminals", "V", at_most=40.0, debounce=1.0)
DISAGREE = Limit("voltage-disagreement", "difference", "V", at_most=1.0, debounce=3.0, contradiction=True)
UNASKED = Limit("unasked-current", "current", "A", at_most=1.0, debounce=5.0, explains=frozenset({"cell-over-voltage"}))
COUNTED = Limit("contactor-opened", "count", "", at_most=0.0, label="contactor opened (counted)", advisory=True)
METERS = {
    "cell": (("bms", "cell voltage"),),
    "terminals": (("supply", "voltage"),),
    "difference": (("supply", "voltage"), ("bms", "pack voltage")),
}
NORMAL = {"cell": 3.5, "terminals": 35.0, "current": 0.0, "difference": 0.0, "count": 0.0}


def row(time: float, **values: float) -> list[float]:
    """A normal row, but for `values`."""
    return [time, *(NORMAL | values).values()]


def ended(guard: Guard, *rows: Sequence[float]) -> list[tuple[str, str]]:
    """Fault and blame of everything that a guard ended the run for, the first first."""
    for each in rows:
        guard.check(each)
    return [(cause.fault, cause.blame) for cause in guard.causes]


def guarded(*limits: Limit, suspects: tuple[str, ...] | None = None) -> Guard:
    """A guard that knows its meters, and which of the two voltmeters is wrong (None: it cannot tell)."""
    known = {} if suspects is None else {"difference": lambda _values: suspects}
    return Guard(limits, LAYOUT, evidence=Evidence(METERS, known, {"cell": lambda _values: "cell 7"}))


# --- what stands behind a violation -----------------------------------------------------------------------------------


def test_a_pack_is_blamed_by_meters_that_nobody_contradicts() -> None:
    assert ended(guarded(DISAGREE, STRING), row(0, terminals=50.0), row(1, terminals=50.0)) == [
        ("pack-over-voltage", "pack")
    ]


@pytest.mark.parametrize("suspects", [None, ("supply",), ("supply", "bms")])
def test_a_pack_is_not_blamed_by_a_meter_that_is_contradicted_now(suspects: tuple[str, ...] | None) -> None:
    rows = [row(time, terminals=50.0, difference=15.0) for time in (0, 1)]
    assert ended(guarded(DISAGREE, STRING, suspects=suspects), *rows) == [
        ("voltage-disagreement", "bench"), ("pack-over-voltage", "bench"),
    ]  # fmt: skip


def test_a_pack_is_blamed_by_the_meter_that_the_majority_confirms() -> None:
    rows = [row(time, terminals=50.0, difference=15.0) for time in (0, 1)]
    assert ended(guarded(DISAGREE, STRING, suspects=("bms",)), *rows)[0] == ("pack-over-voltage", "pack")


def test_a_pack_is_blamed_by_meters_that_the_other_fault_does_not_touch() -> None:
    # Two faults at once: the voltmeters part, and a cell is too high as a meter of its own has seen.
    rows = [row(time, cell=4.5, difference=15.0) for time in (0, 1)]
    found = ended(guarded(DISAGREE, PACK), *rows)
    assert found[0] == ("cell-over-voltage", "pack")


def test_a_contradiction_of_a_moment_ago_is_over() -> None:
    guard = guarded(DISAGREE, STRING)
    guard.check(row(0, difference=15.0))
    assert ended(guard, row(1, terminals=50.0), row(2, terminals=50.0)) == [("pack-over-voltage", "pack")]


def test_what_brings_a_violation_about_is_its_cause_even_while_it_is_forgiven() -> None:
    rows = [row(0, current=2.0), row(1, current=2.0, cell=4.5), row(2, current=2.0, cell=4.5)]
    guard = guarded(UNASKED, PACK)
    assert ended(guard, *rows) == [("unasked-current", "bench"), ("cell-over-voltage", "bench")]
    assert guard.trip is not None
    assert guard.trip.cause("rest").text.startswith("unasked current: 2 A is above the allowed 1 A")
    assert "(not believed because of unasked current)" in guard.causes[1].cause("rest").text


def test_a_consequence_outlasts_what_has_brought_it_about() -> None:
    rows = [*(row(time, current=2.0) for time in range(4)), row(5, cell=4.5), row(6, cell=4.5)]
    guard = guarded(UNASKED, PACK)
    assert ended(guard, *rows)[0] == ("unasked-current", "bench")
    assert guard.trip is not None
    assert guard.trip.value == 2.0


def test_nothing_is_the_consequence_of_what_has_leaked_away() -> None:
    rows = [row(0, current=2.0), *(row(time) for time in range(1, 14)), row(14, cell=4.5), row(15, cell=4.5)]
    assert ended(guarded(UNASKED, PACK), *rows) == [("cell-over-voltage", "pack")]


def test_nothing_is_the_consequence_of_a_value_that_is_missing() -> None:
    guard = guarded(UNASKED, PACK)
    assert ended(guard, *(row(time, current=nan, cell=4.5) for time in (0, 1))) == [("cell-over-voltage", "pack")]


def test_nothing_is_the_consequence_of_what_is_only_told() -> None:
    told = replace(UNASKED, advisory=True)
    assert ended(guarded(told, PACK), *(row(time, current=2.0, cell=4.5) for time in (0, 1))) == [
        ("cell-over-voltage", "pack")
    ]


@pytest.mark.parametrize(("difference", "advisory"), [(nan, False), (15.0, True)], ids=["missing", "only told"])
def test_no_meter_is_contradicted_by_what_is_missing_or_only_told(difference: float, advisory: bool) -> None:
    rows = [row(time, terminals=50.0, difference=difference) for time in (0, 1)]
    assert ended(guarded(replace(DISAGREE, advisory=advisory), STRING), *rows)[0] == ("pack-over-voltage", "pack")


def test_a_cause_may_have_one_of_its_own() -> None:
    why = Limit(
        "current-disagreement", "difference", "A", at_most=1.0, debounce=9.0, explains=frozenset({"unasked-current"})
    )
    rows = [row(time, current=2.0, cell=4.5, difference=2.0) for time in (0, 1)]
    assert ended(guarded(PACK, UNASKED, why), *rows)[0] == ("current-disagreement", "bench")


def test_a_missing_value_is_itself_the_cause() -> None:
    guard = guarded(UNASKED, PACK)
    assert ended(guard, *(row(time, current=2.0, cell=nan) for time in (0, 1))) == [("value-missing", "bench")]
    assert guard.trip is not None
    assert guard.trip.instrument == "bms"


# --- the first cause leads, the others are listed ---------------------------------------------------------------------


def test_of_two_that_latch_in_one_row_the_older_one_leads() -> None:
    rows = [row(0, current=2.0), *(row(time, current=2.0, terminals=50.0) for time in (4, 5))]
    assert ended(guarded(STRING, UNASKED), *rows) == [("unasked-current", "bench"), ("pack-over-voltage", "pack")]
    assert ended(guarded(UNASKED, STRING), *rows) == [("unasked-current", "bench"), ("pack-over-voltage", "pack")]


def test_after_a_trip_the_guard_notes_what_else_there_is() -> None:
    guard = guarded(STRING, UNASKED)
    rows = [row(time, terminals=50.0, current=2.0) for time in range(6)]
    found = [guard.check(each) for each in rows]
    assert guard.trip is not None
    assert guard.trip.time == 1
    assert [each[0] for each in found[1:]] == [guard.trip] * 5
    assert ended(guard) == [("pack-over-voltage", "pack"), ("unasked-current", "bench")]


def test_each_cause_is_listed_once() -> None:
    guard = guarded(STRING)
    rows = [row(time, terminals=50.0 if time % 4 < 2 else 35.0) for time in range(40)]
    assert ended(guard, *rows) == [("pack-over-voltage", "pack")]


def test_what_is_still_forgiven_is_pending_the_oldest_first() -> None:
    guard = guarded(DISAGREE, UNASKED)
    guard.check(row(0, current=2.0))
    guard.check(row(1, current=2.0, difference=9.0))
    assert [(each.fault, each.since) for each in guard.pending()] == [
        ("unasked-current", 0), ("voltage-disagreement", 1),
    ]  # fmt: skip
    guard.check(row(2, difference=9.0))
    assert [each.fault for each in guard.pending()] == ["voltage-disagreement"]


# --- meters that are not believed -------------------------------------------------------------------------------------


def disagreeing(guard: Guard, rows: int) -> frozenset[str]:
    """Whom a guard does not believe any more after so many rows of a disagreement, and one without."""
    for time in range(rows):
        guard.check(row(time, difference=9.0))
    guard.check(row(rows))
    return guard.discredited


def test_two_meters_that_disagree_are_both_discredited_once_that_is_not_forgiven_any_more() -> None:
    assert disagreeing(guarded(DISAGREE), 3) == frozenset()
    assert disagreeing(guarded(DISAGREE), 4) == {"supply", "bms"}


def test_a_third_meter_tells_which_of_them_is() -> None:
    assert disagreeing(guarded(DISAGREE, suspects=("supply",)), 4) == {"supply"}


def test_a_contradiction_that_stands_behind_a_trip_discredits_at_once() -> None:
    guard = guarded(DISAGREE, STRING)
    ended(guard, *(row(time, terminals=50.0, difference=15.0) for time in (0, 1)))
    assert guard.discredited == {"supply", "bms"}


def test_a_contradiction_beside_a_trip_that_it_does_not_touch_discredits_nobody_yet() -> None:
    guard = guarded(DISAGREE, PACK)
    ended(guard, *(row(time, cell=4.5, difference=15.0) for time in (0, 1)))
    assert guard.discredited == frozenset()


def test_a_value_that_is_missing_contradicts_nobody() -> None:
    guard = guarded(DISAGREE)
    guard.check(row(0, difference=nan))
    assert (guard.discredited, guard.distrusted) == (frozenset(), frozenset())


def test_columns_of_a_contradicted_meter_are_not_trusted_in_that_row() -> None:
    guard = guarded(DISAGREE, suspects=("supply",))
    guard.check(row(0, difference=9.0))
    assert guard.distrusted == {"terminals", "difference"}
    guard.check(row(1))
    assert guard.distrusted == frozenset()


def test_a_meter_is_not_distrusted_for_what_it_measures_of_the_pack() -> None:
    guard = guarded(PACK)
    guard.check(row(0, cell=4.5))
    assert (guard.discredited, guard.distrusted) == (frozenset(), frozenset())


# --- who and where ----------------------------------------------------------------------------------------------------


def cause_of(guard: Guard, *rows: Sequence[float]) -> tuple[str, str | None]:
    """Sentence and instrument of a trip."""
    ended(guard, *rows)
    assert guard.trip is not None
    cause = guard.trip.cause(None)
    return cause.text, cause.instrument


def test_a_disagreement_names_both_meters() -> None:
    text, instrument = cause_of(guarded(DISAGREE), *(row(time, difference=9.0) for time in range(4)))
    assert text == "voltage disagreement: 9 V is above the allowed 1 V (supply or bms is wrong) after 3 s."
    assert instrument == "supply or bms"


def test_a_disagreement_names_the_one_that_is_wrong() -> None:
    rows = [row(time, difference=9.0) for time in range(4)]
    text, instrument = cause_of(guarded(DISAGREE, suspects=("supply",)), *rows)
    assert "(supply is wrong)" in text
    assert instrument == "supply"


def test_a_pack_fault_names_the_cell_and_no_instrument() -> None:
    text, instrument = cause_of(guarded(PACK), row(0, cell=4.5), row(1, cell=4.5))
    assert text == "cell over-voltage: 4.5 V is above the allowed 4 V at cell 7 after 1 s."
    assert instrument is None


def test_a_limit_of_one_instrument_names_it() -> None:
    limit = Limit("chamber-over-temperature", "count", "°C", at_most=3.0, instrument="chamber")
    text, instrument = cause_of(guarded(limit), row(0, count=3.5))
    assert text == "chamber over-temperature: 3.5 °C is above the allowed 3 °C (chamber) after 0 s."
    assert instrument == limit.as_dict()["instrument"] == "chamber"


def test_an_event_holds_instrument_and_place() -> None:
    guard = guarded(PACK)
    ended(guard, row(0, cell=4.5), row(1, cell=4.5))
    assert guard.trip is not None
    event = guard.trip.as_event("charge")
    assert (event["place"], event["instrument"], event["blame"]) == ("cell 7", None, "pack")


# --- told each time ---------------------------------------------------------------------------------------------------


def test_an_advisory_limit_tells_each_rise_and_ends_nothing() -> None:
    guard = guarded(COUNTED)
    counts = [0.0, 1.0, 1.0, 2.0, 2.0, 4.0]
    told = [guard.check(row(time, count=count)) for time, count in enumerate(counts)]
    assert [[violation.value for violation in each] for each in told] == [[], [1.0], [], [2.0], [], [4.0]]
    assert {violation.action for each in told for violation in each} == {"warn"}
    assert guard.trip is None


def test_an_advisory_limit_whose_value_is_missing_protects_nobody_and_trips() -> None:
    guard = guarded(COUNTED)
    guard.check(row(0, count=nan))
    assert guard.trip is not None
    assert isnan(guard.trip.value)


def test_a_doubted_violation_blames_the_bench_whatever_its_fault() -> None:
    assert Violation(PACK, 0.0, 4.5, doubted="something").blame == "bench"
    assert Violation(PACK, 0.0, 4.5).blame == "pack"


def test_where_a_value_was_is_noted_in_the_row_in_which_it_is_beyond_its_limit() -> None:
    guard = guarded(PACK)
    for each in (row(0), row(1, cell=4.5), row(2)):
        guard.check(each)
    assert guard.causes == ()
    assert guard.located == {"cell": (4.5, "cell 7")}


# --- a suspicion ------------------------------------------------------------------------------------------------------


SUSPECTED = Limit("outside-heat", "count", "K", at_most=5.0, explains=frozenset({"cell-over-voltage"}), suspicion=True)


def test_a_suspicion_ends_nothing_and_is_not_told() -> None:
    guard = guarded(SUSPECTED, PACK)
    assert [guard.check(row(time, count=9.0)) for time in range(100)] == [()] * 100
    assert guard.pending() == ()
    guard.end_early(None, ())
    assert guard.causes == ()


def test_what_it_explains_is_not_the_packs() -> None:
    rows = [row(0, count=9.0), row(1, count=9.0, cell=4.5), row(2, count=9.0, cell=4.5)]
    assert ended(guarded(SUSPECTED, PACK), *rows) == [("outside-heat", "bench"), ("cell-over-voltage", "bench")]


def test_and_what_comes_without_it_is() -> None:
    rows = [row(0, count=9.0), row(1), row(2, cell=4.5), row(3, cell=4.5)]
    assert ended(guarded(SUSPECTED, PACK), *rows) == [("cell-over-voltage", "pack")]


# --- two good meters at the ends of an open path ----------------------------------------------------------------------


OPEN = Limit("path-open", "count", "", at_most=0.0, debounce=3.0, explains=frozenset({"voltage-disagreement"}))


def test_an_open_path_parts_two_meters_and_discredits_neither() -> None:
    guard = guarded(DISAGREE, OPEN)
    assert ended(guard, *[row(time, difference=15.0, count=1.0) for time in range(4)]) == [
        ("path-open", "bench"), ("voltage-disagreement", "bench"),
    ]  # fmt: skip
    assert guard.discredited == frozenset()


def test_without_it_one_of_them_is_wrong() -> None:
    guard = guarded(DISAGREE, OPEN)
    assert ended(guard, *[row(time, difference=15.0) for time in range(4)]) == [("voltage-disagreement", "bench")]
    assert guard.discredited == {"supply", "bms"}


def test_a_suspicion_that_is_over_explains_nothing() -> None:
    rows = [*[row(time, count=9.0) for time in range(5)], row(5), row(6, cell=4.5), row(7, cell=4.5)]
    assert ended(guarded(SUSPECTED, PACK), *rows) == [("cell-over-voltage", "pack")]


def test_what_explains_a_fault_can_be_asked_for() -> None:
    guard = guarded(SUSPECTED, PACK)
    assert guard.explanation("cell-over-voltage") is None
    guard.check(row(0, count=9.0))
    found = guard.explanation("cell-over-voltage")
    assert found is not None
    assert (found.fault, found.value) == ("outside-heat", 9.0)
    assert guard.explanation("pack-over-voltage") is None


def test_a_reading_that_is_missing_discredits_nobody() -> None:
    guard = guarded(DISAGREE)
    assert ended(guard, *[row(time, difference=nan) for time in range(4)]) == [("value-missing", "bench")]
    assert guard.discredited == frozenset()


# --- a run that ends early --------------------------------------------------------------------------------------------


def ended_early(
    guard: Guard, *rows: Sequence[float], told: str | None = None, at_once: Sequence[str] = ()
) -> list[str]:
    """Faults of what a run ends for that ends in the last row anyway."""
    ended(guard, *rows)
    guard.end_early(told, at_once)
    return [cause.fault for cause in guard.causes]


def test_a_run_that_ends_early_ends_for_what_was_still_forgiven_then() -> None:
    assert ended_early(guarded(UNASKED), row(0, current=2.0), row(1, current=2.0)) == ["unasked-current"]


def test_meters_may_part_in_the_very_row_in_which_a_current_stops() -> None:
    assert ended_early(guarded(DISAGREE), row(0), row(1, difference=15.0)) == []
    assert ended_early(guarded(DISAGREE), row(0), row(1, difference=15.0), at_once=["voltage-disagreement"]) == [
        "voltage-disagreement"
    ]


def test_of_what_is_forgiven_what_would_have_tripped_first_leads_and_not_the_oldest() -> None:
    rows = row(0, current=2.0), row(1, current=2.0, terminals=50.0), row(1.5, current=2.0, terminals=50.0)
    assert ended_early(guarded(UNASKED, STRING), *rows)[0] == "pack-over-voltage", "due after 2 s, the current after 5"


def test_a_fault_that_somebody_has_named_since_the_row_is_what_the_run_ends_for() -> None:
    assert ended_early(guarded(PACK, STRING), row(0), told="pack-over-voltage", at_once=["pack-over-voltage"]) == [
        "pack-over-voltage"
    ]


def test_a_run_that_ends_early_with_nothing_violated_ends_for_nothing_of_the_guards() -> None:
    assert ended_early(guarded(UNASKED, STRING), row(0, current=2.0), row(1)) == []
