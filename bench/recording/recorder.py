"""Keeps every sample: a crash-safe journal while the run lasts, a Parquet table once it has ended.

The journal is a header (the column names) and one checksummed frame per row, handed to the operating system once
per second of bench time: a killed process loses at most that. On a wall clock it is also forced to the disk
(`fsync`) at that pace, so a power cut loses no more. Why framed records: they cost a few microseconds a row and a
torn tail is simply ignored, where Parquet without its footer is unreadable.
"""

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.columns import STEP
from bench.verdicts import BenchFault

_MAGIC = b"PBJ1"
_LENGTH = struct.Struct("<I")
_CHUNK = 2**24
"""Bytes that are waiting at most while a whole run is copied."""
FLUSH_PERIOD = 1.0
"""Seconds of bench time that a killed process may lose."""


class JournalError(ValueError):
    """A file is not a journal of samples, or its header is damaged."""


class SampleJournal:
    """Appends rows of floats to a file; `columns` is written once, first."""

    def __init__(self, path: Path, columns: tuple[str, ...], *, fsync: bool) -> None:
        self.path = path
        self.columns = columns
        self._rows = bytearray()
        self._pack = struct.Struct(f"<{len(columns)}d").pack
        self._fsync = fsync
        self._pending = bytearray()
        self._flushed = 0.0
        header = json.dumps(columns).encode()
        self._pending += _MAGIC + _LENGTH.pack(len(header)) + header + _LENGTH.pack(zlib.crc32(header))
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise _cannot_record(path, error) from error
        self.flush()

    def append(self, row: list[float]) -> None:
        """Keep one row (its first value is the test time); raises `BenchFault` when the disk refuses it."""
        frame = self._pack(*row)
        self._pending += frame
        self._pending += _LENGTH.pack(zlib.crc32(frame))
        self._rows += frame
        if row[0] - self._flushed >= FLUSH_PERIOD:
            self.flush()
            self._flushed = row[0]

    def extend(self, rows: npt.NDArray[np.float64]) -> None:
        """Keep many rows at once: those of a run that this one continues."""
        if not len(rows):
            return
        for row in np.ascontiguousarray(rows, dtype="<f8"):
            frame = row.tobytes()
            self._rows += frame
            self._pending += frame
            self._pending += _LENGTH.pack(zlib.crc32(frame))
            if len(self._pending) > _CHUNK:
                self.flush()
        self.flush()
        self._flushed = float(rows[-1][0])

    def flush(self) -> None:
        """Hand everything to the operating system now."""
        try:
            while self._pending:
                written = self._file.write(self._pending)
                del self._pending[:written]
            if self._fsync:
                os.fsync(self._file.fileno())
            linked = os.fstat(self._file.fileno()).st_nlink
        except OSError as error:
            raise _cannot_record(self.path, error) from error
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
            finally:
                self._file.close()

    def table(self) -> npt.NDArray[np.float64]:
        """Every row so far, `rows x columns`."""
        return np.frombuffer(bytes(self._rows), dtype="<f8").reshape(-1, len(self.columns))


def _cannot_record(path: Path, error: OSError) -> BenchFault:
    return BenchFault(
        f"Samples cannot be recorded: {path} refused a write ({error.strerror}). What was recorded until then is kept; "
        "free some disk space or choose another place with --runs.",
        "recording-failed",
    )


def read_journal(path: Path) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Columns and rows of a journal, whole or torn: reading stops at the first frame that is not intact."""
    data = path.read_bytes()
    if data[:4] != _MAGIC or len(data) < 12:
        raise JournalError(f"{path} is not a journal of samples: it does not start with {_MAGIC.decode()}.")
    (length,) = _LENGTH.unpack_from(data, 4)
    header, start = data[8 : 8 + length], 12 + length
    if len(data) < start or _LENGTH.unpack_from(data, 8 + length)[0] != zlib.crc32(header):
        raise JournalError(f"{path}: the column names at its start are damaged.")
    columns = json.loads(header)
    return columns, _intact_rows(memoryview(data)[start:], len(columns))


def _intact_rows(frames: memoryview, width: int) -> npt.NDArray[np.float64]:
    size = 8 * width + 4
    rows = bytearray()
    for offset in range(0, len(frames) - size + 1, size):
        frame = frames[offset : offset + size - 4]
        if _LENGTH.unpack_from(frames, offset + size - 4)[0] != zlib.crc32(frame):
            break
        rows += frame
    return np.frombuffer(bytes(rows), dtype="<f8").reshape(-1, width)


def force_to_disk(path: Path) -> None:
    """Return once what was written to `path` would survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def prepare() -> None:
    """Import now what `write_parquet` needs, before there is a test.

    A test may freeze `datetime`, and pandas (which pyarrow imports for its first array) crashes the interpreter when
    it is first imported then.
    """
    import pandas  # noqa: F401, ICN001 - for its side effect alone
    import pyarrow.parquet  # noqa: F401


def write_parquet(
    path: Path, columns: tuple[str, ...] | list[str], rows: npt.NDArray[np.float64], *, fsync: bool = False
) -> None:
    """Write the table that replaces a finished journal: same rows, same bytes for the same rows.

    `fsync`: it is on the disk when this returns, so that the journal may go.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array(rows[:, i].astype(np.int32) if name == STEP else rows[:, i]) for i, name in enumerate(columns)]
    partial = path.with_suffix(".partial")
    try:
        pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), partial, compression="zstd")
        if fsync:
            force_to_disk(partial)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _cannot_record(path, error) from error
