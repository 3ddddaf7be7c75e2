"""Writes a run's samples for other programs: Battery Data Format, plain CSV or Parquet.

It changes no value and no name; what is missing stays missing. Where the samples come from is not its business.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bench import columns as labels
from bench.plain import csv_cell
from bench.verdicts import InputError
from bench.whole import replacing

if TYPE_CHECKING:  # `packbench --help` must not wait for numpy
    import pyarrow as pa

    from bench.recording.rows import Floats, Table

_NOT_IN_NAMES = re.compile(r"[/\\\x00-\x1f\x7f]|[^\x00-\uffff]|[\ud800-\udfff]")
"""What a file name cannot have, or should not: a manifest says what a run is called."""
LONGEST_NAME = 200
"""Bytes; with its suffix a name fits into the 255 of the usual file systems."""

BDF_LABELS = (
    labels.TEST_TIME, labels.VOLTAGE, labels.CURRENT, labels.UNIX_TIME, labels.STEP, labels.AMBIENT, labels.POWER,
    labels.SURFACE, labels.CHARGE_AH, labels.DISCHARGE_AH, labels.CHARGE_WH, labels.DISCHARGE_WH,
)  # fmt: skip
"""The recorded columns that the Battery Data Format names (ontology 1.3.0, preferred labels)."""


class Format(StrEnum):
    """What `packbench export --to` can write."""

    BDF = "bdf"
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def suffix(self) -> str:
        """End of the file name; the Battery Data Format asks for `.bdf.csv`."""
        return {Format.BDF: ".bdf.csv", Format.CSV: ".csv", Format.PARQUET: ".parquet"}[self]


def destination(output: Path | None, run_id: str, to: Format) -> Path:
    """The file to write: `output`, or in the folder `output` (default: here) one named after the run."""
    name = _NOT_IN_NAMES.sub("_", run_id).encode()[:LONGEST_NAME].decode(errors="ignore") + to.suffix
    if output is None:
        return Path(name)
    return output / name if output.is_dir() else output


def export(columns: Sequence[str], rows: "Table", to: Format, path: Path, *, force: bool = False) -> None:
    """Write `rows` (scans x columns) to `path`, all of it or nothing, a batch at a time.

    Raises `InputError` when `path` exists and `force` is not given, when it is no file, or when it cannot be written.
    """
    if path.exists() and not force:
        raise InputError(f"{path} exists already: choose another file with --output, or replace it with --force.")
    wanted = [name for name in columns if to is not Format.BDF or name in BDF_LABELS]
    batches = _batches(columns, rows, wanted)
    write = _write_parquet if to is Format.PARQUET else _write_csv
    try:
        with replacing(path) as partial:
            write(wanted, batches, partial)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}): choose another place with --output."
        ) from error


def _batches(columns: Sequence[str], rows: "Table", wanted: Sequence[str]) -> "Iterator[pa.Table]":
    """What is wanted of the rows, so many at a time that memory does not depend on their number."""
    import numpy as np
    import pyarrow as pa

    from bench.recording.rows import BATCH

    positions = [list(columns).index(name) for name in wanted]

    def column(name: str, values: "Floats") -> "pa.Array":
        if name == labels.STEP:
            return pa.array(values.astype(np.int32))
        # Null, not nan: other programs read an empty field as missing, and many stumble over the word.
        return pa.array(values, mask=np.isnan(values))

    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH, positions]
        arrays = [column(name, batch[:, at]) for at, name in enumerate(wanted)]
        yield pa.Table.from_arrays(arrays, schema=_schema(wanted))


def _schema(names: Sequence[str]) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(name, pa.int32() if name == labels.STEP else pa.float64()) for name in names])


def _write_csv(names: Sequence[str], batches: "Iterator[pa.Table]", path: Path) -> None:
    """Header of bare labels, then the shortest digits that read back as the same number.

    A label has the name of an instrument in it, which a station file chooses: as a cell it is neither several nor a
    formula. Numbers are numbers.
    """
    from pyarrow import csv

    with path.open("wb") as file:
        file.write((",".join(map(csv_cell, names)) + "\n").encode())
        for batch in batches:
            csv.write_csv(batch, file, csv.WriteOptions(include_header=False, quoting_style="none"))


def _write_parquet(names: Sequence[str], batches: "Iterator[pa.Table]", path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, _schema(names), compression="zstd", write_page_checksum=True) as writer:
        for batch in batches:
            writer.write_table(batch)
