"""Gathers what a run that did not pass has left of its last minute.

Whatever is missing is said and keeps nothing else from being shown: a process that was killed, a table that was cut
off, a folder without a manifest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.recording.eventlog import NAME as EVENTS
from bench.recording.reading import read_events
from reports.forensics import frames, wire
from reports.forensics.moment import Moment, moment_of
from reports.recording import Event, Floats, Recording, RecordingError, read_manifest

if TYPE_CHECKING:
    from can import Message

FEWEST = 2
"""Rows that are shown at least: in a rest they may be farther apart than a minute."""
TOLD = frozenset((
    "set point", "trip", "warning", "hold started", "hold ended", "message", "step started", "step ended",
))  # fmt: skip
"""Events that say what the bench did or found."""


@dataclass(frozen=True)
class Evidence:
    """Everything of the last minute; `missing` has a sentence on each thing that there is not."""

    moment: Moment
    ended: bool
    columns: Sequence[str] = ()
    rows: Floats = field(default_factory=lambda: np.empty((0, 0)))
    events: Sequence[Event] = ()
    wire: Sequence[str] = ()
    frames: "Sequence[Message]" = ()
    queues: Sequence[Mapping[str, Any]] = ()
    missing: Sequence[str] = ()


def gather(folder: Path, recording: Recording | None = None) -> Evidence | None:
    """What there is of a run in its folder; None for one that passed. `recording` is that of it, if it is known."""
    missing: list[str] = []
    manifest = _manifest(folder, missing)
    if manifest.get("verdict") == "PASS":
        return None
    recording = recording or _recording(folder, missing)
    events = recording.events if recording is not None else _events(folder, missing)
    missing += recording.damage if recording is not None else ()
    last = float(recording.time[-1]) if recording is not None and len(recording.rows) else None
    # Where there is no manifest the events may know it: nobody is told of a process that died and did not.
    ended = manifest.get("state") == "ended" or any(event["type"] == "run ended" for event in events)
    moment = moment_of(manifest, events, last)
    columns, rows = _channels(recording, moment)
    end = _end(manifest, events, last)
    said = wire.cut(folder, moment.start, moment.stop, ended=ended, last=end)
    bus = frames.cut(folder, manifest, moment, end)
    queues = [event for event in events if event["type"] == "error queue"]
    if recording is not None and not len(rows):
        missing.append("No sample was taken.")
    if not queues:
        missing.append(_why_no_queue(events, ended=ended))
    shown = [event for event in events if event["type"] in TOLD and moment.start <= event["time"] <= moment.stop]
    return Evidence(
        moment, ended, columns, rows, shown, said.lines, bus.frames, queues, (*missing, *said.missing, *bus.missing)
    )


def _manifest(folder: Path, missing: list[str]) -> Mapping[str, Any]:
    try:
        return read_manifest(folder)
    except RecordingError as error:
        missing.append(str(error))
        return {}


def _recording(folder: Path, missing: list[str]) -> Recording | None:
    try:
        return Recording.load(folder)
    except RecordingError as error:
        if str(error) not in missing:
            missing.append(str(error))
        return None


def _events(folder: Path, missing: list[str]) -> Sequence[Event]:
    try:
        log = read_events(folder / EVENTS, None)
    except (OSError, RecordingError) as error:
        missing.append(f"{EVENTS} cannot be read: {error}")
        return ()
    missing += log.damage
    return log.events


def _channels(recording: Recording | None, moment: Moment) -> tuple[Sequence[str], Floats]:
    """Rows of the last minute, up to the moment itself."""
    if recording is None or not len(recording.rows):
        return (), np.empty((0, 0))
    time = recording.time
    stop = int(np.searchsorted(time, moment.time, side="right"))
    start = min(int(np.searchsorted(time, moment.start, side="left")), max(0, stop - FEWEST))
    return recording.columns, np.asarray(recording.rows[start:stop, :], dtype=np.float64)


def _end(manifest: Mapping[str, Any], events: Sequence[Event], last: float | None) -> float:
    """Test time at which a run ends, as far as it is known."""
    told = (manifest.get("duration"), events[-1]["time"] if events else None, last)
    return max((float(each) for each in told if each is not None), default=0.0)


def _why_no_queue(events: Sequence[Event], *, ended: bool) -> str:
    if not ended:
        return "No error queue was read: the process that ran the test died before it could ask."
    if not any(event["type"] == "run started" for event in events):
        return "No error queue was read: the bench was never open."
    return "No error queue was read: no instrument of this bench has one, or the run is older than that they are read."
