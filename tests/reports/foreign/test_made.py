"""Columns that are computed where somebody looks are the arrays that they stand for, however they are looked at."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reports.foreign.made import Numbered, Without

Column = np.ndarray[Any, Any]
VALUES = st.floats(-5, 5) | st.sampled_from([0.0, 1.0, float("nan")])
COLUMNS = arrays(np.float64, st.integers(0, 30), elements=VALUES)


def same(one: object, other: object) -> bool:
    return bool(np.array_equal(np.asarray(one, dtype=float), np.asarray(other, dtype=float), equal_nan=True))


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[int], int]:
    rows = draw(st.integers(1, 30))
    return [0, *sorted(draw(st.sets(st.integers(1, rows - 1))) if rows > 1 else ())], rows


@settings(max_examples=50)
@given(steps(), st.slices(30))
def test_the_step_of_each_record_is_the_one_that_began_last(made: tuple[list[int], int], cut: slice) -> None:
    starts, rows = made
    whole = np.array([float(sum(start <= row for start in starts)) for row in range(rows)])
    column = Numbered(starts, rows)
    assert len(column) == rows
    assert same(column, whole)
    assert same(column[cut], whole[cut])
    assert [column[row] for row in (0, -1)] == [whole[0], whole[-1]]
    assert same(column[whole > 1], whole[whole > 1])


@settings(max_examples=50)
@given(COLUMNS, st.sets(st.integers(0, 29)), st.slices(30))
def test_what_nobody_knows_is_missing_and_everything_else_as_it_was(values: Column, rows: set[int], cut: slice) -> None:
    lost = sorted(row for row in rows if row < len(values))
    kept, whole = values.copy(), values.copy()
    whole[lost] = np.nan
    column = Without(values, lost)
    assert len(column) == len(values)
    assert same(column, whole)
    assert same(column[cut], whole[cut])
    assert all(same(column[row], whole[row]) for row in range(len(values)))
    assert same(values, kept), "the column itself stays as it is"
