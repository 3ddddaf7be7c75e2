"""Columns that are computed where somebody looks: the step of each record, a counter without what nobody knows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.recording.rows import Floats, Values


class Numbered:
    """The number of the step, from 1, that each of `rows` records belongs to; steps begin at `starts`, from 0 on."""

    def __init__(self, starts: Sequence[int], rows: int) -> None:
        self._bounds = np.array([*starts, rows])

    def __len__(self) -> int:
        return int(self._bounds[-1])

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice) or (key.step or 1) < 0:
            return np.searchsorted(self._bounds[:-1], np.arange(len(self))[key], side="right").astype(np.float64)
        start, stop, by = key.indices(len(self))
        if start >= stop:
            return np.empty(0)
        first = int(np.searchsorted(self._bounds, start, side="right"))
        last = int(np.searchsorted(self._bounds, stop, side="left"))
        edges = np.concatenate(([start], self._bounds[first:last], [stop]))
        return np.repeat(np.arange(first, last + 1, dtype=np.float64), np.diff(edges))[::by]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """All of it."""
        return np.asarray(self[:], dtype=dtype)


class Without:
    """A column in which the values of some rows (in order) are missing; the column itself stays as it is."""

    def __init__(self, column: Values, rows: Sequence[int]) -> None:
        self._column, self._rows = column, np.array(rows)

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice) or (key.step or 1) != 1:
            return np.asarray(self)[key]
        start, stop, _ = key.indices(len(self))
        first, last = np.searchsorted(self._rows, (start, max(start, stop)))
        if first == last:
            return self._column[start:stop]
        found = np.array(self._column[start:stop], dtype=np.float64)
        found[self._rows[first:last] - start] = np.nan
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """All of it."""
        return np.asarray(self[:], dtype=dtype)
