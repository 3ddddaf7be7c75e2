"""Columns of a long Parquet file that stay in it: each is gone through once, in a task of its own, and nothing is held.

What a check or a figure asks of all of a column was found out then (`Facts`); where it looks at single records, or at
those of a step, their row groups are read again. So memory does not depend on the length of a recording, but for the
time and the current, which are held: what flowed is an integral over all of both.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from bench.recording.rows import BATCH, Floats, Values
from bench.verdicts import InputError
from reports.foreign.facts import Facts, Survey

KEPT = 2**22
"""Values of row groups that are kept in memory, 32 MB: a figure of a step reads several columns of it."""
LARGEST = 2**21
"""Rows of a group from which on a column is held: to read one of its records is to read all of the group."""
ALL = "all"
"""Where a column is that was read as a whole."""
Plain = Callable[[Any], Floats]
"""From an arrow column to numbers, in SI units."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A column to be read: its name in the file, what makes numbers of it, and whether it is held.

    `steps`: it has few different values, whose changes are looked for.
    """

    name: str
    plain: Plain
    held: bool = False
    steps: bool = False


def read(path: Path, asked: Mapping[str, Asked]) -> dict[str, Values]:
    """Columns of a file, by the keys of `asked`; raises `ArrowException` or `OSError` for one that is damaged.

    Every page is held against its checksum, and a processor has a column at a time.
    """
    if not asked:
        return {}
    groups = Groups(path)
    with ThreadPoolExecutor(cpu_count()) as pool:
        found = pool.map(lambda each: _gone_through(groups, each), asked.values())
        return dict(zip(asked, found, strict=True))


def _gone_through(groups: "Groups", asked: Asked) -> Values:
    survey = Survey(len(groups), steps=asked.steps)
    held = np.empty(len(groups)) if asked.held or groups.largest > LARGEST else None
    for numbers in groups.pieces(asked):
        if held is not None:
            held[survey.count : survey.count + len(numbers)] = numbers
        survey.add(numbers)
    return OnFile(groups, asked, survey.facts(), {} if held is None else {ALL: held})


class Groups:
    """The row groups of a Parquet file; of each column those that were looked at last are kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = self._opened()
        metadata = self._file.metadata
        sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self.largest = max(sizes, default=0)
        self.bounds: Sequence[int] = list(accumulate(sizes, initial=0))
        """Rows with which the groups begin, and the number of all."""
        self._kept: OrderedDict[tuple[int, str], Floats] = OrderedDict()

    def __len__(self) -> int:
        return self.bounds[-1]

    def pieces(self, asked: Asked) -> Any:
        """A column in pieces, in order, by a file of their own: several are read at a time."""
        for piece in self._opened().iter_batches(BATCH, columns=[asked.name], use_threads=False):
            yield asked.plain(piece.column(0))

    def read(self, asked: Asked, start: int, stop: int) -> Floats:
        """Values `start` to `stop` of a column. Raises `InputError` where the file is not what it was."""
        first = int(np.searchsorted(self.bounds, start, side="right")) - 1
        found = []
        while start < stop:
            begin, end = self.bounds[first], min(self.bounds[first + 1], stop)
            found.append(self._group(first, asked)[start - begin : end - begin])
            start, first = end, first + 1
        return found[0] if len(found) == 1 else np.concatenate([np.empty(0), *found])

    def _opened(self) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.path, page_checksum_verification=True)

    def _group(self, number: int, asked: Asked) -> Floats:
        key = number, asked.name
        if key not in self._kept:
            self._kept[key] = self._loaded(number, asked)
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _loaded(self, number: int, asked: Asked) -> Floats:
        import pyarrow as pa

        try:
            table = self._file.read_row_group(number, columns=[asked.name], use_threads=False)
            return asked.plain(table.column(0))
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"{self.path} has changed while it was read, nothing in it is believed: {reason}."
            ) from error


@dataclass(frozen=True, eq=False)
class OnFile:
    """One column of a file: a value, a slice, or all of it, where somebody wants an array."""

    groups: Groups
    asked: Asked
    facts: Facts
    whole: dict[str, Floats] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, key: Any) -> Any:
        if self.whole:
            return self.whole[ALL][key]
        if isinstance(key, slice) and (key.step or 1) == 1:
            start, stop, _ = key.indices(len(self))
            return self.groups.read(self.asked, start, max(start, stop))
        if isinstance(key, int | np.integer):
            place = range(len(self))[key]
            return self.groups.read(self.asked, place, place + 1)[0]
        return np.asarray(self)[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """All of it; it is kept, because who needs it once needs it again."""
        if not self.whole:
            found = np.empty(len(self))
            for begin, end in pairwise(self.groups.bounds):
                found[begin:end] = self[begin:end]
            self.whole[ALL] = found
        return self.whole[ALL].astype(dtype or np.float64, copy=bool(copy))
