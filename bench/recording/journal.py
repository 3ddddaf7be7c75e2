"""The journal's frames: how they lie in the file, and how they are found again behind damage.

A journal is a header (magic, length, the column names as JSON, their CRC-32) and one frame per row: little-endian
doubles and their CRC-32. All frames are equally long.

Invariant: a row is read exactly as it was appended, or it is counted as lost and its place told. A damaged frame costs
that frame; where bytes were lost or came in between, the next frame is looked for byte by byte. A last frame that is
not complete is what a killed process leaves, and is no damage.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from weakref import finalize

import numpy as np
import numpy.typing as npt

from bench.recording.manifest import RecordingError
from bench.recording.rows import Floats, Rows

NAME = "samples.journal"
MAGIC = b"PBJ1"
NUMBER = struct.Struct("<I")
_BLOCK = 2**22
"""Bytes that are read at once."""


class JournalError(ValueError):
    """A file is not a journal of samples, or its header is damaged."""


class Stretch(NamedTuple):
    """Intact frames that follow each other: where the first one begins in the file, its row, and how many they are."""

    offset: int
    row: int
    length: int


class Hole(NamedTuple):
    """Damaged bytes between (or behind) intact frames: how many rows they held, and from which row on they are missing.

    `exact` is False where bytes were lost or came in: then at least `lost` rows are missing.
    """

    row: int
    lost: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Where frames begin in a journal, and how many columns they hold."""

    start: int
    width: int

    @property
    def size(self) -> int:
        """Bytes of a frame."""
        return 8 * self.width + NUMBER.size

    @property
    def frame(self) -> np.dtype[np.void]:
        """A frame for numpy."""
        return np.dtype([("row", "<f8", (self.width,)), ("crc", "<u4")])


def header_of(columns: Sequence[str]) -> bytes:
    """What a journal of these columns begins with."""
    names = json.dumps(columns).encode()
    return MAGIC + NUMBER.pack(len(names)) + names + NUMBER.pack(zlib.crc32(names))


class Journal:
    """A journal on disk: its columns, its intact rows and what was damaged.

    The file stays open as long as somebody holds the journal or its rows: they can be read when it has become a table.
    `columns` are what the manifest says of them; without, they are read from the header. `count` is how many rows there
    are to be believed in a journal that is still being written. Raises `JournalError` when there are no columns, or
    nothing behind damaged ones.
    """

    def __init__(self, path: Path, columns: Sequence[str] | None = None, count: int | None = None) -> None:
        self.path = path
        self.damage: tuple[str, ...] = ()
        self._count = count
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        finalize(self, os.close, file)
        self._file = FileIO(file, closefd=False)
        self.columns, self._layout = self._known(columns)
        self.width = self._layout.width
        if self.damage and not len(self):
            raise JournalError(f"{path} is not a journal of samples: nothing in it is intact.")

    def _known(self, columns: Sequence[str] | None) -> tuple[list[str], Layout]:
        try:
            names, start = _read_header(self._file, self.path)
        except JournalError:
            if not columns:
                raise
            names, start = list(columns), len(header_of(columns))
            self.damage = (f"{self.path.name}: its column names are damaged; they are taken from the manifest.",)
        return names, Layout(start, len(names))

    @property
    def rows(self) -> Rows:
        """Every intact row, in order."""
        return Rows(self)

    @property
    def lost(self) -> int:
        """How many rows are damaged."""
        return sum(hole.lost for hole in self._found[1])

    def told(self) -> tuple[str, ...]:
        """One sentence on each kind of damage."""
        holes = self._found[1]
        if not holes:
            return self.damage
        many = f"{self.lost} samples are" if self.lost > 1 else "1 sample is"
        many = many if all(hole.exact for hole in holes) else f"at least {many}"
        where = " and ".join(self._between(hole) for hole in holes[:3])
        more = f" and in {len(holes) - 3} more places" if len(holes) > 3 else ""
        return (*self.damage, f"{self.path.name}: {many} damaged and left out, {where}{more}.")

    def _between(self, hole: Hole) -> str:
        before = [float(self.rows[hole.row - 1, 0])] if hole.row > 0 else []
        behind = [float(self.rows[hole.row, 0])] if hole.row < len(self) else []
        if before and behind:
            return f"between {before[0]:.1f} s and {behind[0]:.1f} s"
        return f"after {before[0]:.1f} s" if before else f"before {behind[0]:.1f} s" if behind else "all of them"

    def __len__(self) -> int:
        return sum(stretch.length for stretch in self._found[0])

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        """Read rows `start` to `stop`, of them the values at `positions`; raises `RecordingError` if the disk fails."""
        found = np.empty((max(0, stop - start), len(positions)))
        chosen, done = list(positions), 0
        whole = chosen == list(range(self.width))
        try:
            for offset, count in self._spans(start, stop):
                rows = _frames(self._file, offset, count, self._layout)["row"]
                found[done : done + count] = rows if whole else rows[:, chosen]
                done += count
        except (OSError, ValueError) as error:
            raise RecordingError(f"{self.path} cannot be read any more: {error}.") from error
        return found

    def _spans(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Where rows `start` to `stop` lie, in spans of one block at most: offset and number of frames."""
        size = self._layout.size
        longest = max(1, _BLOCK // size)
        for stretch in self._found[0]:
            first, last = max(start, stretch.row), min(stop, stretch.row + stretch.length)
            for row in range(first, last, longest):
                yield stretch.offset + (row - stretch.row) * size, min(longest, last - row)

    @cached_property
    def _found(self) -> tuple[list[Stretch], list[Hole]]:
        """Look at every frame, once."""
        layout, end = self._layout, self._file.seek(0, os.SEEK_END)
        if self._count is not None:
            end = min(end, layout.start + self._count * layout.size)
        return _find(self._file, layout, end)


class Tail:
    """What is appended to a journal while somebody looks: whole frames, each once; a damaged one is passed over.

    Raises `JournalError` where there are no column names yet.
    """

    def __init__(self, path: Path) -> None:
        with FileIO(path) as file:
            names, start = _read_header(file, path)
        self.columns: Sequence[str] = names
        self._path, self._layout, self._offset = path, Layout(start, len(names)), start

    def rows(self) -> Floats:
        """What has come since it was asked last; raises OSError where the journal is gone: it has become a table."""
        with FileIO(self._path) as file:
            found = _frames(file, self._offset, _BLOCK // self._layout.size, self._layout)
        self._offset += len(found) * self._layout.size
        return np.asarray(found["row"][_intact(found)], dtype=np.float64)


def read_journal(path: Path) -> tuple[list[str], Floats]:
    """Columns and every intact row of a journal, in memory; raises `JournalError` when it is none."""
    journal = Journal(path)
    return journal.columns, journal.rows.copy()


def journal_has_rows(path: Path) -> bool:
    """Whether anything stands behind the column names of a journal."""
    try:
        with path.open("rb", buffering=0) as file:
            return path.stat().st_size > _read_header(file, path)[1]
    except (OSError, ValueError):
        return False


def _read_header(file: FileIO, path: Path) -> tuple[list[str], int]:
    """Column names, and where frames begin."""
    data = file.read(8)
    if data[:4] != MAGIC or len(data) < 8:
        raise JournalError(f"{path} is not a journal of samples: it does not start with {MAGIC.decode()}.")
    (length,) = NUMBER.unpack_from(data, 4)
    data = file.read(min(length, _BLOCK) + NUMBER.size)
    names = data[:length]
    if len(data) < length + NUMBER.size or NUMBER.unpack_from(data, length)[0] != zlib.crc32(names):
        raise JournalError(f"{path}: the column names at its start are damaged.")
    return json.loads(names), 12 + length


def _frames(file: FileIO, offset: int, count: int, layout: Layout) -> npt.NDArray[np.void]:
    """Frames as they lie in the file; fewer where it ends before."""
    file.seek(offset)
    data = file.read(count * layout.size)
    return np.frombuffer(data[: len(data) // layout.size * layout.size], dtype=layout.frame)


def _intact(frames: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which frames fit their checksums."""
    size, data = frames.dtype.itemsize, memoryview(frames.tobytes())
    crc32, payload = zlib.crc32, size - NUMBER.size
    found = [crc32(data[place : place + payload]) for place in range(0, len(data), size)]
    return np.asarray(np.array(found, dtype=np.uint32) == frames["crc"])


def _find(file: FileIO, layout: Layout, end: int) -> tuple[list[Stretch], list[Hole]]:
    """Every stretch of intact frames from the header to `end`, and every hole between and behind them."""
    stretches: list[Stretch] = []
    holes: list[Hole] = []
    offset: int | None = layout.start
    row, newest, damaged_from = 0, -np.inf, -1
    while offset is not None and end - offset >= layout.size:
        frames = _frames(file, offset, min(_BLOCK, end - offset) // layout.size, layout)
        for first, count, good in _runs(_intact(frames)):
            place = offset + first * layout.size
            if not good:
                damaged_from = place if damaged_from < 0 else damaged_from
                continue
            if damaged_from >= 0:
                holes.append(_hole(row, place - damaged_from, layout.size))
                damaged_from = -1
            stretches.append(Stretch(place, row, count))
            row, newest = row + count, float(frames["row"][first + count - 1][0])
        offset += len(frames) * layout.size
        if damaged_from >= 0:
            offset = _next_frame(file, damaged_from + 1, layout, end, newest)
    if damaged_from >= 0:
        # Behind whole frames there may be what a killed process had begun to write.
        holes.append(_hole(row, (end - damaged_from) // layout.size * layout.size, layout.size))
    return stretches, holes


def _hole(row: int, length: int, size: int) -> Hole:
    return Hole(row, max(1, length // size), exact=length % size == 0)


def _runs(good: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Neighbours that are alike: where they begin, how many they are, and which."""
    edges = [0, *(np.flatnonzero(np.diff(good)) + 1).tolist(), len(good)]
    for first, last in pairwise(edges):
        if last > first:
            yield first, last - first, bool(good[first])


def _next_frame(file: FileIO, start: int, layout: Layout, end: int, newest: float) -> int | None:
    """Where the next intact frame begins, at any byte from `start` on; None when there is none before `end`.

    `newest` is the test time (s) of the last intact row: time only goes on, which rules most places out at once.
    """
    size, payload = layout.size, layout.size - NUMBER.size
    for window in range(start, end - size + 1, _BLOCK):
        file.seek(window)
        data = memoryview(file.read(min(_BLOCK + size - 1, end - window)))
        times = np.ndarray((max(0, len(data) - size + 1),), "<f8", data, strides=(1,))
        with np.errstate(invalid="ignore"):
            places = np.flatnonzero((times >= newest) & (times < np.inf))
        for place in places.tolist():
            if zlib.crc32(data[place : place + payload]) == NUMBER.unpack_from(data, place + payload)[0]:
                return int(window + place)
    return None
