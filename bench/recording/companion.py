"""What a Battery Data Format file has no place for, in a file beside it: a judgement of the two is the run's own.

`NAME.bdf.csv` is for every program that reads the format; `NAME.bdf.csv.run` holds manifest and events of the run and
its other columns, as a Parquet table. Invariant: it is used only with the very bytes that it was written beside, by
their SHA-256; a table that somebody has changed since is a recording like any other, and is examined.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.recording.export import BDF_LABELS
from bench.recording.manifest import RecordingError, clean
from bench.recording.rows import Floats, Table
from bench.verdicts import InputError
from bench.whole import replacing

SUFFIX = ".run"
_KEY = b"packbench"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Companion:
    """A run as it stood beside an exported table: `rest` are its columns that the table does not have."""

    manifest: dict[str, Any]
    events: list[dict[str, Any]]
    columns: list[str]
    """Names of all columns of the run, in its order."""
    rest: dict[str, Floats]


def path_beside(table: Path) -> Path:
    """Where the companion of an exported table is."""
    return table.with_name(table.name + SUFFIX)


def write(
    table: Path, manifest: Mapping[str, Any], events: Sequence[Mapping[str, Any]], columns: Sequence[str], rows: Table
) -> Path:
    """Write the companion of an exported `table`; raises `InputError` where it cannot be written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bench.recording.rows import batches_of
    from bench.recording.table import digest_of

    places = [place for place, name in enumerate(columns) if name not in BDF_LABELS]
    about = {
        "version": VERSION, "sha256": digest_of(table), "manifest": clean(dict(manifest)),
        "events": [clean(dict(event)) for event in events], "columns": list(columns),
    }  # fmt: skip
    schema = pa.schema([(columns[place], pa.float64()) for place in places], {_KEY: json.dumps(about).encode()})
    beside = path_beside(table)
    try:
        with (
            replacing(beside) as partial,
            pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as writer,
        ):
            for batch in batches_of(rows):
                writer.write_table(pa.Table.from_arrays([pa.array(batch[:, place]) for place in places], schema=schema))
    except OSError as error:
        raise InputError(f"{beside} cannot be written ({error.strerror or error}): choose another place.") from error
    return beside


def read(table: Path) -> Companion | None:
    """The companion of an exported table; None where there is none.

    Raises `RecordingError` where it cannot be read, or was written beside other bytes than the table has now.
    """
    beside = path_beside(table)
    if not beside.is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bench.recording.table import digest_of

    try:
        file = pq.ParquetFile(beside, page_checksum_verification=True)
        about = json.loads((file.schema_arrow.metadata or {})[_KEY])
        if about["version"] != VERSION or about["sha256"] != digest_of(table):
            raise RecordingError(f"{beside} was written beside another table: {table.name} has been changed since.")
        rest = {name: file.read([name]).column(0).to_numpy() for name in file.schema_arrow.names}
        return Companion(about["manifest"], about["events"], about["columns"], rest)
    except RecordingError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecordingError(f"{beside} is damaged and is not used: {reason}.") from error
