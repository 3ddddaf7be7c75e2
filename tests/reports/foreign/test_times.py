"""Test time of a file that has none, or writes it backwards or by the day: what is made of it, and that it is told."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.verdicts import InputError
from reports.foreign import source as labels
from reports.foreign.source import Finding, Source
from reports.foreign.times import DAY, directed, ensure_time

NAN = float("nan")
LABELS = {
    "time": labels.TIME, "step_time": labels.STEP_TIME, "wall": labels.WALL, "current": labels.CURRENT,
    "way": labels.WAY,
}  # fmt: skip


def source(**columns: list[float]) -> Source:
    """Records with a number each, so that it can be seen which of them are left."""
    rows = len(next(iter(columns.values())))
    measured = {labels.VOLTAGE: np.arange(rows) + 3.0, labels.CURRENT: np.ones(rows)}
    named = {LABELS[name]: np.array(values, dtype=np.float64) for name, values in columns.items()}
    return Source(Path("cell.csv"), "a table", {**measured, **named})


def timed(**columns: list[float]) -> Source:
    found = source(**columns)
    ensure_time(found)
    return found


def said(found: Source) -> str:
    return " ".join(each.text for each in found.told)


def test_a_time_that_runs_is_left_as_it_is_and_nothing_is_told() -> None:
    found = timed(time=[5.0, 6.0, 6.0, 9.0])
    assert found.columns[labels.TIME].tolist() == [5.0, 6.0, 6.0, 9.0]
    assert found.told == []


def test_the_time_of_the_steps_is_added_up_where_there_is_no_other() -> None:
    found = timed(step_time=[0.0, 10.0, 20.0, 0.0, 10.0, 5.0])
    assert found.columns[labels.TIME].tolist() == [0.0, 10.0, 20.0, 20.0, 30.0, 35.0]
    assert "that within the steps is added up" in said(found)


@given(
    lengths=st.lists(st.integers(2, 20), min_size=1, max_size=6), lost=st.sets(st.integers(0, 120)),
)  # fmt: skip
def test_a_record_that_does_not_say_when_moves_none_of_the_others(lengths: list[int], lost: set[int]) -> None:
    within = np.concatenate([np.arange(0.0, 10.0 * length, 10.0) for length in lengths])
    whole = timed(step_time=within.tolist()).columns[labels.TIME]
    # The first and the last record of a step carry its length: without them it is another one.
    ends = np.cumsum(lengths)
    edges = {0, *(int(end) for end in ends), *(int(end) - 1 for end in ends)}
    missing = sorted(place for place in lost - edges if place < len(within))
    holey = within.copy()
    holey[missing] = NAN
    found = timed(step_time=holey.tolist())
    assert np.asarray(found.columns[labels.TIME]).tolist() == np.delete(whole, missing).tolist()
    assert len(found) == len(within) - len(missing)


def test_records_that_do_not_say_when_are_counted() -> None:
    found = timed(step_time=[0.0, NAN, 20.0, NAN])
    assert "2 records without a time are left out." in said(found)
    assert found.columns[labels.VOLTAGE].tolist() == [3.0, 5.0]


def test_civil_time_is_taken_where_there_is_no_other_and_begins_at_zero() -> None:
    found = timed(wall=[NAN, 1.7e9, 1.7e9 + 30, NAN, 1.7e9 + 90])
    assert found.columns[labels.TIME].tolist() == [0.0, 30.0, 90.0]
    assert found.columns[labels.VOLTAGE].tolist() == [4.0, 5.0, 7.0]
    assert "civil time is taken for it" in said(found)


def test_the_time_in_a_step_counts_before_civil_time() -> None:
    found = timed(step_time=[0.0, 10.0, 20.0], wall=[1.7e9, 1.7e9 + 60, 1.7e9 + 120])
    assert found.columns[labels.TIME].tolist() == [0.0, 10.0, 20.0]


@pytest.mark.parametrize(("name", "first"), [("time", 1.7e9), ("wall", 0.0)])
def test_a_file_with_the_newest_record_first_is_turned_round_in_all_of_its_columns(name: str, first: float) -> None:
    found = timed(**{name: [1.7e9 + 90, 1.7e9 + 30, 1.7e9 + 30, 1.7e9]})
    assert (np.asarray(found.columns[labels.TIME]) - first).tolist() == [0.0, 30.0, 30.0, 90.0]
    assert np.asarray(found.columns[labels.VOLTAGE]).tolist() == [6.0, 5.0, 4.0, 3.0]
    assert "The newest record stands first" in said(found)


@pytest.mark.parametrize("time", [[0.0, 10.0, 5.0, 20.0], [7.0, 7.0, 7.0], [7.0]])
def test_a_time_that_falls_once_or_stands_is_nothing_to_turn_round(time: list[float]) -> None:
    found = timed(time=time)
    assert found.columns[labels.TIME].tolist() == time
    assert found.told == []


def test_times_of_day_are_joined_at_every_midnight() -> None:
    found = timed(time=[DAY - 20, DAY - 10, 5.0, DAY - 5, 10.0])
    assert found.columns[labels.TIME].tolist() == [DAY - 20, DAY - 10, DAY + 5, 2 * DAY - 5, 2 * DAY + 10]
    assert "at midnight, 2 times: it is joined" in said(found)


@pytest.mark.parametrize(
    "time",
    [
        [DAY - 7200, 5.0, 10.0],
        [DAY - 20, 7200.0, 7300.0],
        [DAY + 20, DAY + 30, 5.0, 40.0],
        [-5.0, DAY - 10, 5.0],
        [DAY - 20, 5.0, 10.0, 4.0],
    ],
    ids=["falls in the evening", "to the morning", "longer than a day", "before zero", "falls once more"],
)
def test_a_time_that_falls_at_any_other_hour_is_no_midnight(time: list[float]) -> None:
    found = timed(time=time)
    assert found.columns[labels.TIME].tolist() == time
    assert "midnight" not in said(found)


def test_records_without_a_time_are_left_out_and_counted() -> None:
    found = timed(time=[0.0, NAN, float("inf"), 30.0])
    assert found.columns[labels.TIME].tolist() == [0.0, 30.0]
    assert found.columns[labels.VOLTAGE].tolist() == [3.0, 6.0]
    assert "2 records without a time are left out." in said(found)


@pytest.mark.parametrize("name", ["time", "step_time", "wall"])
def test_a_column_of_time_without_a_value_is_none(name: str) -> None:
    with pytest.raises(InputError, match=r"cell\.csv has no time that can be read: neither since the start, nor"):
        timed(**{name: [NAN, NAN]})


def test_why_a_time_was_not_read_is_told_instead_of_that_there_is_none() -> None:
    found = source(time=[NAN])
    found.told.append(Finding(labels.UNCLEAR_TIME, "It may be minutes, or hours."))
    with pytest.raises(InputError, match=r"^It may be minutes, or hours\.$"):
        ensure_time(found)


@pytest.mark.parametrize(
    ("current", "way", "expected"),
    [
        ([2.0, 2.0, 0.0], [1.0, -1.0, 0.0], [2.0, -2.0, 0.0]),
        ([2.0, 2.0, 2.0], [NAN, -1.0, NAN], [2.0, -2.0, 2.0]),
        ([2.0, -2.0, 1.0], [-1.0, 1.0, -1.0], [2.0, -2.0, 1.0]),
    ],
    ids=["by the word", "where nothing is said it charges", "a sign of its own counts"],
)
def test_a_magnitude_has_the_sign_that_the_file_says_elsewhere(
    current: list[float], way: list[float], expected: list[float]
) -> None:
    found = source(current=current, way=way)
    directed(found)
    assert np.asarray(found.columns[labels.CURRENT]).tolist() == expected
