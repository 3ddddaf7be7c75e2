"""Tables in Parquet, of the Battery Data Format or of any make: read by the column, with the checksums of its pages."""

from typing import Any

from bench.verdicts import InputError
from reports.foreign.head import Head
from reports.foreign.source import Source
from reports.foreign.tables import TableFormat, by_headers

MAGIC = b"PAR1"


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
            cells = {each.position: _column(file, each.position) for each in places.values()}
            source = form.made_of(head, places, cells)
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(f"{head.path} is damaged, nothing in it is believed: {reason}.") from error
        source.format = f"{_without_kind(form)} (Parquet)"
        return source


def _without_kind(form: TableFormat) -> str:
    return form.title.removesuffix(" text")


def _column(file: Any, position: int) -> Any:
    """One column as numbers or words: durations in s, moments in s since 1970."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = file.read([file.schema_arrow.names[position]], use_threads=True).column(0)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.timestamp("us", kind.tz)), pa.int64()), 1e6)
    if pa.types.is_duration(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.duration("us")), pa.int64()), 1e6)
    return column


FORMAT = Parquet()
