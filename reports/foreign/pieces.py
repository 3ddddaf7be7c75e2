"""Long columns gone through in pieces: what is derived from one stays in the processor's cache.

Fresh memory costs more than any arithmetic on it: of ten million rows a difference in one piece takes 70 ms, in pieces
4. What was found out of a column while it was read (`Facts`) is not looked for again.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.recording.rows import BATCH, Floats, Values
from reports.foreign.facts import Places, changed, facts_of, stride

Test = Callable[[Floats], NDArray[np.bool_]]


def pieces(count: int) -> Iterator[slice]:
    """All of `count` places in order, `BATCH` at a time."""
    return (slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def in_pieces(values: Values) -> Iterator[Floats]:
    """All values in order, `BATCH` at a time."""
    return (values[each] for each in pieces(len(values)))


def all_finite(values: Values) -> bool:
    """Whether no value is missing."""
    facts = facts_of(values)
    if facts is not None:
        return facts.finite == len(values)
    return all(bool(np.isfinite(each).all()) for each in in_pieces(values))


def any_finite(values: Values) -> bool:
    """Whether a value is there."""
    facts = facts_of(values)
    if facts is not None:
        return facts.finite > 0
    return any(bool(np.isfinite(each).any()) for each in in_pieces(values))


def missing(values: Values) -> int:
    """How many values are missing."""
    facts = facts_of(values)
    return facts.missing if facts is not None else sum(int(np.isnan(each).sum()) for each in in_pieces(values))


def never_falls(values: Values) -> bool:
    """Whether no value is below the one before it."""
    facts = facts_of(values)
    if facts is not None:
        return facts.never_falls
    return not any(bool((each < 0).any()) for each in in_pieces(Differences(values)))


def extremes(values: Values) -> tuple[float, float]:
    """The lowest and the highest of the values that are there; `nan` where none is."""
    facts = facts_of(values)
    if facts is not None:
        return facts.extremes
    lowest = highest = np.nan
    for each in in_pieces(values):
        lowest, highest = np.fmin(lowest, np.fmin.reduce(each)), np.fmax(highest, np.fmax.reduce(each))
    return float(lowest), float(highest)


def sampled(values: Values) -> Floats:
    """Of many values so many, evenly, that what is typical of them is found at once."""
    facts = facts_of(values)
    return facts.sampled if facts is not None else np.asarray(values[:: stride(len(values))])


def changes(values: Values) -> Places:
    """Places with which another value begins, or values begin or end to be missing."""
    facts = facts_of(values)
    if facts is not None and facts.changes is not None:
        return facts.changes
    found = [each.start + 1 + changed(values[each.start : each.stop + 1]) for each in pieces(len(values) - 1)]
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)


def places(values: Values, test: Test) -> Places:
    """Where a test holds."""
    found = [each.start + np.flatnonzero(test(values[each])) for each in pieces(len(values))]
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)


def sampled_where(values: Values, test: Test) -> Floats:
    """Of those values for which a test holds so many as `sampled` takes of a column."""
    every, seen = stride(sum(int(np.count_nonzero(test(each))) for each in in_pieces(values))), 0
    found = [np.empty(0)]
    for each in in_pieces(values):
        good = each[test(each)]
        found.append(good[-seen % every :: every])
        seen += len(good)
    return np.concatenate(found)


class Differences:
    """From each value to the next: computed where somebody looks."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def __len__(self) -> int:
        return max(len(self._values) - 1, 0)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            start, stop, _ = key.indices(len(self))
            return np.diff(self._values[start : stop + 1]) if stop > start else np.empty(0)
        if isinstance(key, int):
            key = range(len(self))[key]
        return self._values[key + 1] - self._values[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """All of them."""
        return np.diff(np.asarray(self._values)).astype(dtype or np.float64, copy=False)
