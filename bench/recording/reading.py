"""Reads a run back from its folder, also one whose process died: see docs/run-format.md.

Invariant: what is read is what was written, or what is damaged is told: a sentence each in `StoredRun.damage` where the
rest can be used, a `RecordingError` where it cannot. What it means is for whoever asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.columns import STEP, TEST_TIME
from bench.recording.eventlog import NAME as EVENTS
from bench.recording.eventlog import Event, read_events
from bench.recording.journal import NAME as JOURNAL
from bench.recording.journal import Journal, JournalError, journal_has_rows
from bench.recording.manifest import RecordingError, read_manifest
from bench.recording.rows import Rows
from bench.recording.table import NAME as TABLE
from bench.recording.table import TableStore
from instruments.wording import nearest

__all__ = ["Event", "RecordingError", "read_events", "read_manifest", "read_run", "read_samples"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """Everything in a run's folder. `damage` has a sentence on everything that was left out; none: it is whole."""

    manifest: dict[str, Any]
    events: Sequence[Event]
    columns: Sequence[str]
    rows: Rows
    damage: tuple[str, ...]


class Samples(NamedTuple):
    """Column names, the rows on disk, and a sentence on everything that was left out of them."""

    columns: list[str]
    rows: Rows
    damage: tuple[str, ...]


def read_run(folder: Path) -> StoredRun:
    """Read a run; raises `RecordingError` when it is none, or when its manifest or its table cannot be believed."""
    manifest = read_manifest(folder)
    columns, rows, damage = read_samples(folder, manifest)
    log = read_events(folder / EVENTS, (manifest.get("events") or {}).get("count"))
    return StoredRun(manifest, log.events, columns, rows, (*damage, *log.damage))


def read_samples(folder: Path, manifest: Mapping[str, Any]) -> Samples:
    """The samples of a run: from the table of one that ended, or from the journal of one that died."""
    kept: Mapping[str, Any] = manifest.get("samples") or {}
    try:
        columns, rows, damage = _open(folder, kept)
    except (OSError, JournalError) as error:
        raise RecordingError(f"The samples in {folder} cannot be read: {error}.") from error
    missing = [name for name in (TEST_TIME, STEP) if name not in columns]
    if missing:
        raise RecordingError(f"The samples in {folder} have no column {missing[0]!r}; {nearest(missing[0], columns)}.")
    return Samples(columns, rows, (*damage, *_lost(kept, len(rows), damage)))


def holds_samples(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether there is a row to read, as far as that can be told without reading any."""
    kept: Mapping[str, Any] = manifest.get("samples") or {}
    if isinstance(kept.get("rows"), int):
        return int(kept["rows"]) > 0
    table = folder / TABLE
    return _table_has_rows(table) if table.exists() else journal_has_rows(folder / JOURNAL)


def _table_has_rows(table: Path) -> bool:
    """Of a run that was recorded before manifests counted."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(table).num_rows) > 0
    except (OSError, pa.ArrowException):
        return False


def _open(folder: Path, kept: Mapping[str, Any]) -> Samples:
    """The journal, if the manifest says so or there is no table; for a moment both of them exist."""
    table, journal = folder / TABLE, folder / JOURNAL
    if journal.exists() and (kept.get("file") == JOURNAL or not table.exists()):
        found = Journal(journal, kept.get("columns"))
        return Samples(found.columns, found.rows, found.told())
    if table.exists():
        store = TableStore(table, kept.get("sha256"), kept.get("parts"))
        return Samples(store.columns, store.rows, tuple(kept.get("damage", ())))
    raise RecordingError(f"{folder} holds no samples: neither {TABLE} nor {JOURNAL}.")


def _lost(kept: Mapping[str, Any], found: int, told: Sequence[str]) -> Iterator[str]:
    """A journal that was cut off after its run had ended."""
    count = kept.get("rows")
    if isinstance(count, int) and found < count and not told:
        yield f"{kept['file']}: {count - found} of {count} samples are missing."
