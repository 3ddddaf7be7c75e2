"""A run that was exported to the Battery Data Format, put together again from the table and its companion."""

from pathlib import Path

import numpy as np

from bench.recording import companion
from bench.recording.manifest import RecordingError
from reports.foreign.source import Floats
from reports.recording import Recording


def read_back(table: Path) -> Recording | None:
    """The run that `table` was exported from; None where no companion stands beside it.

    Raises `RecordingError` where the two do not belong together any more.
    """
    beside = companion.read(table)
    if beside is None:
        return None
    found = _numbers(table) | beside.rest
    missing = [name for name in beside.columns if name not in found]
    if missing or len({len(values) for values in found.values()}) != 1:
        raise RecordingError(f"{table} and {companion.path_beside(table).name} are not of one run.")
    rows = np.column_stack([found[name] for name in beside.columns])
    return Recording(beside.manifest, beside.events, tuple(beside.columns), rows)


def _numbers(table: Path) -> dict[str, Floats]:
    """Every column of a table of ours: an empty field is missing, all else are numbers as Python writes them."""
    import pyarrow as pa
    from pyarrow import csv

    with table.open("rb") as file:
        names = file.readline().decode().rstrip("\n").split(",")
    types = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64()))
    read = csv.read_csv(table, csv.ReadOptions(column_names=names, skip_rows=1), convert_options=types)
    return {name: _floats(read.column(name)) for name in names}


def _floats(column: "pa.ChunkedArray") -> Floats:  # type: ignore[name-defined]  # noqa: F821 - arrow is imported late
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), dtype=np.float64)
