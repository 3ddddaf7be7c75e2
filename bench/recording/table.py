"""The table that a finished journal becomes: Parquet, written in row groups and read by the column.

Invariant: a value is read as it was written, or not at all. Every page carries a checksum that every reader of ours
verifies; what pages do not hold (names, types, where pages lie) is covered by the SHA-256 of the whole file, which the
run's manifest keeps. Memory does not depend on the length of a run: a row group is written, a few are read, at a time.
"""

import os
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from hashlib import file_digest, sha256
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.columns import STEP
from bench.recording.manifest import DamagedError, RecordingError
from bench.recording.rewritten import refused
from bench.recording.rows import Floats, Rows, Table, batches_of

NAME = "samples.parquet"
LARGE = 64_000_000
"""Bytes of a table from which on its columns have checksums of their own: below, all of it is read in no time."""
KEPT = 256
"""Columns of row groups that are kept in memory: half a megabyte each, for what reads a step after the other."""
FEW_BYTES, ALIKE = 4096, 64
"""Bytes up to which a column of a row group is one value, or a few, over and over; and how many such are remembered.

Of 50 columns a bench fills in half: nobody measures the rest, and a set point stands for hours. Bytes that were decoded
before are what they were then.
"""
AT_ONCE, SEVERAL = 16, 4
"""Row groups that are read at once, for memory does not depend on the length; and from how many on by several threads:
a quarter of a million rows."""
_UNREADABLE = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)


class TableStore:
    """A table of samples on disk. `sha256` is what its manifest says of the file; without it the pages speak alone.

    Raises `RecordingError` when the file is not what was written.
    """

    def __init__(self, path: Path, sha256: str | None = None, parts: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._parts: Mapping[str, str] = (parts or {}).get("columns", {})
        self._believed: set[int] = set()
        if not (_tail_digest(path) == parts["tail"] if parts else sha256 in (None, digest_of(path))):
            raise self._damaged()
        try:
            self._bytes = pa.OSFile(str(path))
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            metadata = self._file.metadata
            groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        except _UNREADABLE as error:
            raise RecordingError(f"{path} is not a table of samples: {_sentence(error)}.") from error
        self.columns: list[str] = list(self._file.schema_arrow.names)
        self.width = len(self.columns)
        self._starts: list[int] = list(accumulate(groups, initial=0))
        self._chunks: OrderedDict[tuple[int, int], Floats] = OrderedDict()
        self._alike: OrderedDict[tuple[int, bytes], Floats] = OrderedDict()
        self._readers = [self._file]
        """Those that no thread reads with at the moment: none is made for two at once."""

    def _damaged(self) -> RecordingError:
        return DamagedError(
            f"{self._path} is damaged: it does not fit the checksum in the run's manifest. Restore it from a copy; "
            "nothing in it is believed."
        )

    @property
    def rows(self) -> Rows:
        """Every row, in order."""
        return Rows(self)

    def __len__(self) -> int:
        return self._starts[-1]

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        """Read rows `start` to `stop`, of them the values at `positions`.

        Raises `RecordingError` when a page does not fit its checksum.
        """
        found = np.empty((max(0, stop - start), len(positions)))
        first = max(bisect_right(self._starts, start) - 1, 0)
        groups = range(first, bisect_left(self._starts, stop, lo=first, hi=len(self._starts) - 1))
        at_once = max(min(AT_ONCE, KEPT // max(len(positions), 1)), 1)
        for some in (groups[at : at + at_once] for at in range(0, len(groups), at_once)):
            self._load(some, positions)
            for group in some:
                first, last = self._starts[group : group + 2]
                begin, end = max(start, first), min(stop, last)
                for place, position in enumerate(positions):
                    piece = self._chunks[group, position][begin - first : end - first]
                    found[begin - start : end - start, place] = piece
            while len(self._chunks) > max(KEPT, len(positions)):
                self._chunks.popitem(last=False)
        return found

    def holds_a_value(self, position: int) -> bool:
        """Whether a column has a value that is not missing; read is as much as it takes to find one."""
        # Not by the statistics in the footer: arrow ends the process over those of a damaged file.
        empty = set[bytes]()
        for group, (start, stop) in enumerate(pairwise(self._starts)):
            few = self._few_bytes(group, position)
            if few in empty:  # most of what is not measured: the same few bytes in each row group
                continue
            if np.isfinite(self.read(start, stop, [position])).any():
                return True
            if few:
                empty.add(few)
        return False

    def _load(self, groups: Sequence[int], positions: Sequence[int]) -> None:
        """Have these columns of these row groups in memory, as those that were wanted last."""
        try:
            for position in set(positions) - self._believed:
                self._believe(position)
            wanted = {group: self._unknown(group, positions) for group in groups}
            wanted = {group: unknown for group, unknown in wanted.items() if unknown}
            by_turns = map if len(wanted) < SEVERAL else _threads().map
            for group, columns in zip(wanted, by_turns(self._decoded, wanted, wanted.values()), strict=True):
                for (position, few), column in zip(wanted[group].items(), columns, strict=True):
                    self._chunks[group, position] = column
                    if few:
                        self._alike[position, few] = column
            while len(self._alike) > ALIKE:
                self._alike.popitem(last=False)
        except _UNREADABLE as error:
            raise DamagedError(f"{self._path} is damaged, nothing in it is believed: {_sentence(error)}.") from error

    def _unknown(self, group: int, positions: Sequence[int]) -> dict[int, bytes]:
        """Which of these columns are to be decoded, each with its few bytes; what is in memory is the newest there."""
        unknown: dict[int, bytes] = {}
        for position in positions:
            key = group, position
            if key not in self._chunks:
                few = self._few_bytes(group, position)
                alike = self._alike.get((position, few))
                if alike is None:
                    unknown[position] = few
                    continue
                self._chunks[key] = alike
            self._chunks.move_to_end(key)
        return unknown

    def _few_bytes(self, group: int, position: int) -> bytes:
        """A column of a row group as it is in the file, where that is little; else nothing."""
        start, size = _place(self._file.metadata, group, position)
        try:
            return bytes(self._bytes.read_at(size, start)) if size <= FEW_BYTES else b""
        except _UNREADABLE:
            return b""  # what reads all of it says so

    def _decoded(self, group: int, positions: Iterable[int]) -> list[Floats]:
        """Columns of a row group, in any thread."""
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = pq.ParquetFile(self._path, metadata=self._file.metadata, page_checksum_verification=True)
        try:
            names = [self.columns[position] for position in positions]
            table = reader.read_row_group(group, columns=names, use_threads=False)
            return [_values(table.column(name)) for name in names]
        finally:
            self._readers.append(reader)

    def _believe(self, position: int) -> None:
        """Hold a column's bytes against its checksum, before the first of them is used."""
        told = self._parts.get(self.columns[position])
        if told is not None and _column_digest(self._path, self._file.metadata, position) != told:
            raise self._damaged()
        self._believed.add(position)


def parts_of(path: Path) -> dict[str, Any]:
    """Checksums of a large table's parts, so that who reads a column need not read them all; nothing of a small one.

    `tail` is the SHA-256 of what stands behind the columns (names, types, places, statistics), `columns` that of each.
    """
    try:
        if path.stat().st_size < LARGE:
            return {}
        metadata = pq.read_metadata(path)
        names = metadata.schema.to_arrow_schema().names
        columns = {name: _column_digest(path, metadata, place) for place, name in enumerate(names)}
        return {"parts": {"tail": _tail_digest(path), "columns": columns}}
    except (*_UNREADABLE, RecordingError):
        return {}  # the checksum of the whole stands, and a run must end whatever its disk does


def _column_digest(path: Path, metadata: Any, position: int) -> str:
    digest = sha256()
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            start, size = _place(metadata, group, position)
            file.seek(start)
            digest.update(file.read(size))
    return digest.hexdigest()


def _place(metadata: Any, group: int, position: int) -> tuple[int, int]:
    """Where a column of a row group begins in the file, and its length."""
    column = metadata.row_group(group).column(position)
    first = column.dictionary_page_offset or column.data_page_offset
    return min(first, column.data_page_offset), column.total_compressed_size


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(os.cpu_count() or 1, 4), "table")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a child has none of them, and would wait for ever


def _tail_digest(path: Path) -> str:
    """Of the footer with its length and the last four bytes, as the format has them."""
    try:
        with path.open("rb") as file:
            file.seek(-8, os.SEEK_END)
            length = int.from_bytes(file.read(4), "little")
            file.seek(-min(8 + length, path.stat().st_size), os.SEEK_END)
            return sha256(file.read()).hexdigest()
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error


def _sentence(error: Exception) -> str:
    """What a library says in several lines."""
    return " ".join(str(error).split()).rstrip(".")


def digest_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error


def write_parquet(path: Path, columns: Sequence[str], rows: Table, *, fsync: bool = False) -> str:
    """Write a table, all of it or nothing; returns its SHA-256. The same rows give the same bytes.

    `fsync`: it is on the disk when this returns, so that the journal may go. Raises `BenchFault` when the disk
    refuses it.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            sink = _Hashed(file)
            _write(sink, columns, rows)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, pa.ArrowException, MemoryError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise refused(path, error) from error
    return sink.digest.hexdigest()


def _write(sink: "_Hashed", columns: Sequence[str], rows: Table) -> None:
    schema = pa.schema([(name, pa.int32() if name == STEP else pa.float64()) for name in columns])
    writer = pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True)
    try:
        for batch in batches_of(rows):
            arrays = [_array(batch[:, place], field.type) for place, field in enumerate(schema)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    except BaseException:
        # Its footer would say that the table is whole; and closing writes once more where writing has just failed.
        with suppress(Exception):
            writer.close()
        raise
    writer.close()


# Both ways go past `pyarrow.array` and `to_numpy`: the first call of either imports pandas, a second of start-up; and
# where a test has frozen `datetime` by then, that crashes the interpreter.


def _array(values: Floats, kind: pa.DataType) -> pa.Array:
    held = np.ascontiguousarray(values, dtype=kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(held), [None, pa.py_buffer(held)])


def _values(column: pa.ChunkedArray) -> Floats:
    """One column of a row group; raises `ValueError` for one that holds anything but numbers."""
    if column.null_count:
        column = column.fill_null(np.nan)
    chunks: list[Any] = [np.from_dlpack(chunk) for chunk in column.chunks]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


class _Hashed:
    """A file that knows the checksum of what was meant to be in it, whatever the disk makes of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = sha256()
        self.closed = False

    def write(self, data: Any) -> int:
        """Write and take into account."""
        self.digest.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """The file is closed by whoever has opened it."""
        self.closed = True

    def readable(self) -> bool:
        """It is only written."""
        return False

    def writable(self) -> bool:
        """It is written."""
        return True

    def seekable(self) -> bool:
        """It is written from its first byte to its last."""
        return False
