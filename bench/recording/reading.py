"""Reads events and samples of a run back, also of one whose process died: see docs/run-format.md.

Each file is read as far as it is intact. What they mean is for whoever asks.
"""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.columns import STEP, TEST_TIME
from bench.recording.recorder import JournalError, journal_has_rows, read_journal

Event = Mapping[str, Any]


class RecordingError(ValueError):
    """A run on disk cannot be used: one sentence with where, what was found and what is allowed."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read `run.json`; raises `RecordingError` when there is none or it is of another schema."""
    path = folder / "run.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordingError(f"{folder} is not a run: it holds no run.json; name a folder under runs/.") from error
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("schema") != 1:
        found = manifest.get("schema") if isinstance(manifest, dict) else type(manifest).__name__
        raise RecordingError(f"{path} has the schema {found!r}; this version reads schema 1.")
    return manifest


def read_events(path: Path) -> list[Event]:
    """Every complete line; a last line that was cut off when the process died is left out."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(_event(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise RecordingError(f"{path} line {number} is not an event: {error}.") from error
    return events


def _event(line: bytes) -> Event:
    event = json.loads(line)
    if not isinstance(event, dict) or not {"time", "type"} <= event.keys():
        raise ValueError("an object with time and type is needed")
    return event


def holds_samples(folder: Path) -> bool:
    """Whether there is a row to read, as far as that can be told without reading any."""
    table, journal = folder / "samples.parquet", folder / "samples.journal"
    if not table.exists():
        return journal_has_rows(journal)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(table).num_rows) > 0
    except (OSError, pa.ArrowException):
        return False


def read_samples(folder: Path) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Columns and rows, from the table of a run that ended or from the journal of one that died."""
    table, journal = folder / "samples.parquet", folder / "samples.journal"
    try:
        if table.exists():
            columns, rows = _read_table(table)
        elif journal.exists():
            columns, rows = read_journal(journal)
        else:
            raise RecordingError(f"{folder} holds no samples: neither samples.parquet nor samples.journal.")
    except (OSError, JournalError) as error:
        raise RecordingError(f"The samples in {folder} cannot be read: {error}.") from error
    missing = [name for name in (TEST_TIME, STEP) if name not in columns]
    if missing:
        raise RecordingError(f"The samples in {folder} have no column {missing[0]!r}{nearest(missing[0], columns)}.")
    return columns, rows


def _read_table(path: Path) -> tuple[list[str], npt.NDArray[np.float64]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        arrays = [column.to_numpy().astype(np.float64) for column in table.columns]
    except (pa.ArrowException, ValueError) as error:
        raise RecordingError(f"{path} is not a table of samples: {error}.") from error
    rows = np.column_stack(arrays) if arrays else np.empty((0, 0))
    return list(table.column_names), rows


def nearest(name: str, allowed: Sequence[str]) -> str:
    """`; the nearest is 'x'`, to be put at the end of an error sentence."""
    near = get_close_matches(name, allowed, n=1, cutoff=0.4)
    return f"; the nearest is {near[0]!r}" if near else f"; it has {', '.join(map(repr, allowed)) or 'none'}"
