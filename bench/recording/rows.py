"""Samples that stay on the disk: a table that is indexed like a numpy array and reads what it is asked for.

Invariant: what a run needs of memory does not depend on its length. A column costs 8 bytes a row while somebody holds
it; the rest of the table is never loaded, unless somebody asks for all of it (`numpy.asarray`). Where the rows lie, and
whether they are intact, is their store's business.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BATCH = 2**16
"""Rows that are in memory at once where all of them are gone through; also a row group of the table on disk."""


class Values(Protocol):
    """Values, one per record: an array, or what is read like one, by the value and by the slice."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, key: Any, /) -> Any:
        """One of them, or an array."""
        ...

    def __array__(self) -> npt.NDArray[Any]:
        """All of them, in memory."""
        ...


class Store(Protocol):
    """Rows on a disk, `width` values each."""

    width: int

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        """Read rows `start` to `stop`, of them the values at `positions`, as an array of that shape.

        Raises `RecordingError` when what is on the disk is not what was written.
        """
        ...


class Rows:
    """The rows `span` of a store. `rows[-1]`, `rows[5:9, 3]`, `rows[:, 3]` read just that; `rows[5:9]` reads nothing.

    Any other index, and `numpy.asarray`, loads the whole span.
    """

    ndim = 2

    def __init__(self, store: Store, span: range | None = None) -> None:
        self._store = store
        self._span = range(len(store)) if span is None else span

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self._span), self._store.width

    def __len__(self) -> int:
        return len(self._span)

    def __iter__(self) -> Iterator[Floats]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[Floats]:
        """All rows in order, `BATCH` at a time."""
        for start in range(0, len(self), BATCH):
            yield np.asarray(self[start : start + BATCH])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Everything, in memory; numpy asks for it."""
        return self._read(self._span, range(self._store.width)).astype(dtype or np.float64, copy=False)

    def holds_a_value(self, position: int) -> bool:
        """Whether a column holds a value that is not missing, found out with as little reading as its store can."""
        told = getattr(self._store, "holds_a_value", None)
        if told is not None and len(self._span) == len(self._store):
            return bool(told(position))
        return bool(np.isfinite(self[:, position]).any())

    def copy(self) -> Floats:
        """Everything, in memory, to be changed at will."""
        return np.asarray(self)

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        if isinstance(rows, int | np.integer):
            return self._read(self._one(int(rows)), range(self._store.width))[0][columns]
        if isinstance(rows, slice) and (rows.step or 1) == 1:
            span = self._span[rows]
            if columns == slice(None):
                return Rows(self._store, span)
            if isinstance(columns, int | np.integer):
                return self._read(span, [range(self._store.width)[int(columns)]])[:, 0]
            if isinstance(columns, list):
                return self._read(span, columns)
        return np.asarray(self)[key]

    def _one(self, row: int) -> range:
        place = self._span[row]
        return range(place, place + 1)

    def _read(self, span: range, positions: Sequence[int]) -> Floats:
        return self._store.read(span.start, span.start + len(span), positions)


Table = Rows | Floats
"""What holds samples, one row per scan: on the disk, or in memory."""


class Columns:
    """Columns as the rows of a store: nothing is copied, or read, before it is asked for."""

    def __init__(self, columns: Sequence[Values]) -> None:
        self._columns = columns
        self.width = len(columns)

    def __len__(self) -> int:
        return len(self._columns[0]) if self._columns else 0

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        """See `Store`."""
        if len(positions) == 1:
            return np.asarray(self._columns[positions[0]][start:stop])[:, np.newaxis]
        return np.column_stack([self._columns[position][start:stop] for position in positions])

    def holds_a_value(self, position: int) -> bool:
        """Whether a column has a value that is not missing."""
        column = self._columns[position]
        return any(bool(np.isfinite(column[at : at + BATCH]).any()) for at in range(0, len(column), BATCH))


class Renumbered:
    """The rows of another store, in which one number of a column is read as another: the disk is not touched."""

    def __init__(self, rows: Table, column: int, old: float, new: float) -> None:
        self.width = rows.shape[1]
        self._rows, self._column, self._old, self._new = rows, column, old, new

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        """Read as the other store does, the number exchanged."""
        found = self._rows[start:stop, list(positions)]
        for place, position in enumerate(positions):
            if position == self._column:
                found[found[:, place] == self._old, place] = self._new
        return np.asarray(found)


def batches_of(rows: Table) -> Iterator[Floats]:
    """All rows in order, `BATCH` at a time, wherever they are."""
    for start in range(0, len(rows), BATCH):
        yield np.asarray(rows[start : start + BATCH])
