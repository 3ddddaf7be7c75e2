"""Long columns that are gone through in pieces: what is found does not depend on where the pieces meet."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reports.foreign import facts, pieces
from reports.foreign.facts import Facts, Survey
from tests.reports.foreign.test_made import COLUMNS, Column, same

BATCHES = st.sampled_from([1, 2, 3, 7, 1000])


@settings(max_examples=50)
@given(COLUMNS, st.slices(29))
def test_differences_are_those_from_each_value_to_the_next(values: Column, cut: slice) -> None:
    whole = np.diff(values) if len(values) else np.empty(0)
    column = pieces.Differences(values)
    assert len(column) == len(whole)
    assert same(column[slice(cut.start, cut.stop)], whole[slice(cut.start, cut.stop)])
    if len(values):
        assert same(column, whole)
    for row in (0, -1) if len(whole) else ():
        assert same(column[row], whole[row])


@settings(max_examples=50)
@given(COLUMNS, BATCHES)
def test_what_is_asked_of_a_column_does_not_depend_on_its_pieces(values: Column, batch: int) -> None:
    known = values[~np.isnan(values)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pieces, "BATCH", batch)
        assert pieces.all_finite(values) is bool(np.isfinite(values).all())
        assert pieces.any_finite(values) is bool(np.isfinite(values).any())
        assert pieces.missing(values) == len(values) - len(known)
        assert pieces.never_falls(values) is not bool((values[1:] < values[:-1]).any())
        assert same(pieces.extremes(values), (known.min(), known.max()) if len(known) else (np.nan, np.nan))
        assert pieces.places(values, lambda each: each > 0).tolist() == np.flatnonzero(values > 0).tolist()
        assert pieces.changes(values).tolist() == changed(values)


def changed(values: Column) -> list[int]:
    """Places with which another value begins; one missing value behind another is no other one."""
    here = [None if np.isnan(value) else value for value in values]
    return [row for row in range(1, len(here)) if here[row] != here[row - 1]]


class _Known:
    """A column of which everything was found out while it was read."""

    def __init__(self, values: Column, found: Facts) -> None:
        self.facts, self._rows = found, len(values)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, key: object) -> Any:
        raise AssertionError("it is not gone through again")


@example(np.array([1.0, 0.0]), [1, 1], 100)  # nothing in the middle
@settings(max_examples=50)
@given(COLUMNS, st.lists(st.integers(0, 30), max_size=4), st.sampled_from([4, 100]))
def test_what_was_found_out_while_a_column_was_read_is_what_it_would_tell(
    values: Column, cuts: list[int], many: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(facts, "MANY", many)
        survey = Survey(len(values), steps=True)
        for piece in np.split(values, sorted(min(cut, len(values)) for cut in cuts)):
            survey.add(piece)
        known: Any = _Known(values, survey.facts())
        for asked in (pieces.all_finite, pieces.any_finite, pieces.missing, pieces.never_falls):
            assert asked(known) == asked(values), asked.__name__
        for told in (pieces.extremes, pieces.sampled, pieces.changes):
            assert same(told(known), told(values)), told.__name__


@settings(max_examples=50)
@given(COLUMNS, BATCHES, st.sampled_from([1, 4, 100]))
def test_of_values_that_pass_a_test_as_many_are_sampled_as_of_a_column(values: Column, batch: int, many: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(facts, "MANY", many)
        patched.setattr(pieces, "BATCH", batch)
        passed = values[values > 0]
        assert same(pieces.sampled_where(values, lambda each: each > 0), passed[:: facts.stride(len(passed))])
