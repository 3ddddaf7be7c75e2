"""Tables in Parquet, of the Battery Data Format or of any make: read by the column, with the checksums of its pages."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench.recording.rows import BATCH
from bench.verdicts import InputError
from reports.foreign import onfile, values
from reports.foreign import source as labels
from reports.foreign.head import Head
from reports.foreign.registry import by_headers
from reports.foreign.source import Floats, Source
from reports.foreign.tables import Place, TableFormat, cell_columns, refuse_several_cells

MAGIC = b"PAR1"
LONG = 1_000_000
"""Rows from which on columns stay in the file."""
HELD = frozenset({labels.TIME, labels.CURRENT, labels.INTO, labels.OUT})
STEPS = frozenset({labels.STEP, labels.STEP_ID, labels.CYCLE})


class Parquet:
    """See `reports.foreign.tables.Format`."""

    title = "Parquet"

    def recognises(self, head: Head) -> int:
        """By its first bytes; what is in it is said when it is read."""
        return 200 if head.start.startswith(MAGIC) else 0

    def read(self, head: Head) -> Source:
        """Only the columns that have a meaning here; raises `InputError` for a damaged file, or another table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(head.path, page_checksum_verification=True)
            form, places = by_headers(head, list(file.schema_arrow.names), "table")
            form.refuse_twins(head, file.schema_arrow.names, places)
            _refuse_two_of_a_name(head, file.schema_arrow.names, places)
            _refuse_several_cells(head, file, places)
            asked = _left_in(file, places) if file.metadata.num_rows >= LONG else {}
            cells = _cells(file, sorted(each.position for label, each in places.items() if label not in asked))
            source = form.made_of(head, places, cells, onfile.read(head.path, asked))
        except pa.ArrowNotImplementedError as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"{head.path} has a column of a kind that cannot be read ({reason}): write it as numbers or as text."
            ) from error
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(f"{head.path} is damaged, nothing in it is believed: {reason}.") from error
        source.format = f"{_without_kind(form)} (Parquet)"
        return source


def _refuse_two_of_a_name(head: Head, names: Sequence[str], places: Mapping[str, Place]) -> None:
    for name in (names[each.position] for each in places.values()):
        count = names.count(name)
        if count > 1:
            raise InputError(
                f"{head.path} has {count} columns {name!r}, and nobody knows which is meant: leave one in it."
            )


def _refuse_several_cells(head: Head, file: Any, places: Mapping[str, Place]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = file.schema_arrow.names
    for name in (names[position] for position in cell_columns(names, places)):
        pieces = [pc.unique(_plain(piece.column(0))) for piece in file.iter_batches(BATCH, columns=[name])]
        if pieces:
            refuse_several_cells(head, name, pa.chunked_array(pieces), file.metadata.num_rows)


def _left_in(file: Any, places: Mapping[str, Place]) -> dict[str, onfile.Asked]:
    """The columns of numbers that a long file can keep, by their labels."""
    schema = file.schema_arrow
    numbers = {
        label: place for label, place in places.items()
        if place.column.read is values.floats and not _is_text(schema.field(place.position).type)
    }  # fmt: skip
    return {
        label: onfile.Asked(
            schema.names[place.position], partial(_si, factor=place.factor), held=label in HELD, steps=label in STEPS
        )
        for label, place in numbers.items()
    }  # fmt: skip


def _si(column: Any, factor: float) -> Floats:
    found = values.floats(_plain(column))
    return found * factor if factor != 1 else found


def _without_kind(form: TableFormat) -> str:
    return form.title.removesuffix(" text")


def _cells(file: Any, positions: Sequence[int]) -> dict[int, Any]:
    """Columns by position, read in pieces: in memory is each column once, and of the file a piece of a row group."""
    import pyarrow as pa

    names, rows = file.schema_arrow.names, file.metadata.num_rows
    numbers = {at: np.empty(rows) for at in positions if not _is_text(file.schema_arrow.field(at).type)}
    words: dict[int, list[Any]] = {at: [] for at in positions if at not in numbers}
    start = 0
    for piece in file.iter_batches(BATCH, columns=[names[at] for at in positions]):
        for at in positions:
            column = _plain(piece.column(names[at]))
            if at in numbers:
                numbers[at][start : start + len(column)] = values.floats(column)
            else:
                words[at].append(column)
        start += len(piece)
    held = {at: pa.Array.from_buffers(pa.float64(), rows, [None, pa.py_buffer(each)]) for at, each in numbers.items()}
    return {at: pa.chunked_array([each]) for at, each in held.items()} | {
        at: pa.chunked_array(each, pa.string()) for at, each in words.items()
    }


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _plain(column: Any) -> Any:
    """A column as numbers or words: durations and times of day in s, days and moments in s since 1970."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if _is_text(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.timestamp("us", kind.tz), safe=False), pa.int64()), 1e6)
    if pa.types.is_date(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.timestamp("s")), pa.int64()), 1.0)
    if pa.types.is_time(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.time64("us"), safe=False), pa.int64()), 1e6)
    if pa.types.is_duration(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.duration("us"), safe=False), pa.int64()), 1e6)
    return column


FORMAT = Parquet()
