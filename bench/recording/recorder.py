"""Keeps every sample while a run lasts: appended to a crash-safe journal, and to nothing else.

Rows are handed to the operating system once per second of bench time: a killed process loses at most that. On a wall
clock they are also forced to the disk (`fsync`) at that pace, so a power cut loses no more. Why framed records: they
cost a few microseconds a row and a torn tail is simply ignored, where Parquet without its footer is unreadable.

Invariant: no row is kept in memory beyond that second. Who wants to look at them reads them from the disk.
"""

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.recording.journal import NUMBER, Journal, JournalError, header_of, read_journal
from bench.recording.manifest import RecordingError
from bench.recording.rewritten import refused
from bench.recording.rows import Floats, Rows, Table, batches_of
from bench.recording.table import NAME as TABLE
from bench.recording.table import TableStore, write_parquet
from bench.verdicts import BenchFault

__all__ = ["JournalError", "SampleJournal", "read_journal", "write_parquet"]

FLUSH_PERIOD = 1.0
"""Seconds of bench time that a killed process may lose."""
FLUSHES_PER_LOOK = 16
"""How often rows are handed over until it is looked whether the file is still there: a look costs as much as a write.

On a wall clock it is always looked: there a flush waits for the disk anyway, and a run may take days.
"""


class SampleJournal:
    """Appends rows of floats to a file; `columns` is written once, first."""

    def __init__(self, path: Path, columns: tuple[str, ...], *, fsync: bool) -> None:
        self.path = path
        self.columns = columns
        self._count = 0
        self._pack = struct.Struct(f"<{len(columns)}d").pack
        self._fsync = fsync
        self._flushes = 0
        self._pending = bytearray(header_of(columns))
        self._flushed = 0.0
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise refused(path, error) from error
        self.flush()

    def append(self, row: list[float]) -> None:
        """Keep one row (its first value is the test time); raises `BenchFault` when the disk refuses it."""
        frame = self._pack(*row)
        self._pending += frame
        self._pending += NUMBER.pack(zlib.crc32(frame))
        self._count += 1
        if row[0] - self._flushed >= FLUSH_PERIOD:
            self.flush()
            self._flushed = row[0]

    def extend(self, rows: Table) -> None:
        """Keep many rows at once: those of a run that this one continues."""
        for batch in batches_of(rows):
            for row in np.ascontiguousarray(batch, dtype="<f8"):
                frame = row.tobytes()
                self._pending += frame
                self._pending += NUMBER.pack(zlib.crc32(frame))
            self._count += len(batch)
            self._flushed = float(batch[-1, 0])
            self.flush()

    def __len__(self) -> int:
        """How many rows were kept."""
        return self._count

    @property
    def rows(self) -> Rows:
        """Every row so far; they stay what they are when the run goes on, and when it ends.

        Raises `BenchFault` when the disk does not take those of the last second.
        """
        if not self._file.closed:
            self.flush()
        return Rows(_Written(self.path, self.columns, self._count))

    def flush(self) -> None:
        """Hand everything to the operating system now."""
        try:
            while self._pending:
                written = self._file.write(self._pending)
                del self._pending[:written]
            if self._fsync:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise refused(self.path, error) from error
        if self._fsync or self._flushes % FLUSHES_PER_LOOK == 0:
            self._look()
        self._flushes += 1

    def _look(self) -> None:
        """Raise `BenchFault` where the file has no name any more."""
        try:
            linked = os.fstat(self._file.fileno()).st_nlink
        except OSError as error:
            raise refused(self.path, error) from error
        if not linked:
            # It takes what is written as long as it is open, and is gone when it is closed.
            raise BenchFault(
                f"Samples cannot be recorded: {self.path} was removed by somebody while the run wrote it; keep what "
                "tidies up away from the runs, or choose another place with --runs.",
                "recording-failed",
            )

    def close(self) -> None:
        """Flush and close; may be called again."""
        if not self._file.closed:
            try:
                self.flush()
                self._look()
            finally:
                self._file.close()


class _Written:
    """The first `count` rows that this process has recorded, wherever they are now: in the journal, or in its table."""

    def __init__(self, path: Path, columns: Sequence[str], count: int) -> None:
        self.width = len(columns)
        self._path, self._columns, self._count = path, columns, count
        self._opened: Journal | TableStore | None = None

    def __len__(self) -> int:
        return self._count

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        """Read rows `start` to `stop`; raises `BenchFault` when the disk has not kept what it took."""
        try:
            return self._store().read(start, stop, positions)
        except (OSError, JournalError, RecordingError) as error:
            raise self._not_kept(str(error)) from error

    def _store(self) -> Journal | TableStore:
        if self._opened is None:
            store = self._open()
            if len(store) < self._count:
                raise self._not_kept(f"{self._count - len(store)} of {self._count} samples are damaged or gone")
            self._opened = store
        return self._opened

    def _open(self) -> Journal | TableStore:
        if self._path.exists():
            return Journal(self._path, self._columns, self._count)
        return TableStore(self._path.with_name(TABLE))

    def _not_kept(self, found: str) -> BenchFault:
        return BenchFault(
            f"Samples cannot be read back: {self._path.parent} has not kept what was recorded ({found.rstrip('.')}); "
            "check that disk, or choose another place with --runs.",
            "recording-failed",
        )
