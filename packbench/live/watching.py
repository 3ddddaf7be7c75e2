"""Looks at the newest run of a folder while it is written: samples as they come, steps, events, limits and their room.

Nothing is asked of the test's process: samples and events are read where the run writes them, about once a second.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

from bench import columns as labels
from bench.recording.eventlog import NAME as EVENTS
from bench.recording.journal import NAME as JOURNAL
from bench.recording.journal import JournalError, Tail
from bench.recording.manifest import NAME as MANIFEST
from bench.recording.rows import Floats

KEPT = 3600
"""Rows of a page: an hour at one scan a second. What is older is thinned out."""
TOLD = 400
"""Events that are kept."""
SHOWN = (
    labels.TEST_TIME, labels.VOLTAGE, labels.CURRENT, labels.POWER, labels.CELL_VOLTAGE_MIN, labels.CELL_VOLTAGE_MAX,
    labels.CELL_TEMPERATURE_MIN, labels.CELL_TEMPERATURE_MAX, labels.AMBIENT, labels.SOC,
)  # fmt: skip
"""Columns of the curves."""
_HIDDEN = ("set point", "scenario planned")
"""Events that the page shows in a place of their own."""
_OF_STEPS = ("scenario planned", "step started", "step ended", "step resumed")
_SWITCH_OFF = ("step ended", "hold started", "trip", "safe state")


@dataclass
class Watched:
    """One run as far as it has been read. `rows` are of `SHOWN`; `number` counts all that came, for who asks anew."""

    folder: Path
    manifest: Mapping[str, Any]
    rows: deque[list[float]] = field(default_factory=lambda: deque(maxlen=KEPT))
    number: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)
    planned: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Steps that the scenarios begun so far will take, by index; none where the recording does not say."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    turns: int = 0
    """How often something about the steps has changed, for who asks anew."""
    set_points: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The last set point of each instrument and quantity."""
    ending: str = ""
    """What keeps outputs off or ends the run just now, in words; empty: nothing."""
    off: float = -inf
    """Test time (s) at which something has switched the outputs off; a row after it knows more."""
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=TOLD))
    told: int = 0
    over: bool = False

    @property
    def name(self) -> str:
        """Id of the run."""
        return str(self.manifest.get("run_id", self.folder.name))


class Watch:
    """Follows the newest run below a folder, and goes over to the next one when it begins."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self.run: Watched | None = None
        self._tail: Tail | None = None
        self._events_at = 0

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
        newest = _newest(self._runs)
        if newest is not None and (self.run is None or newest != self.run.folder):
            self._begin(newest)
        if self.run is None or self.run.over:
            return False
        return self._read(self.run)

    def _begin(self, folder: Path) -> None:
        manifest = _manifest(folder)
        if manifest is not None:
            self.run, self._tail, self._events_at = Watched(folder, manifest), None, 0

    def _read(self, run: Watched) -> bool:
        told = self._read_events(run)
        came = self._read_rows(run)
        manifest = _manifest(run.folder)
        if manifest is not None:
            run.manifest, run.over = manifest, manifest.get("state") == "ended"
        return told or came or run.over

    def _read_rows(self, run: Watched) -> bool:
        came = False
        while (found := self._more(run)) is not None and len(found):
            self._take(run, found)
            came = True
        return came

    def _more(self, run: Watched) -> Floats | None:
        try:
            self._tail = self._tail or Tail(run.folder / JOURNAL)
            return self._tail.rows()
        except (OSError, JournalError):  # not begun yet, or a table by now
            return None

    def _take(self, run: Watched, rows: Floats) -> None:
        if self._tail is None:
            return
        places = [self._tail.columns.index(name) if name in self._tail.columns else None for name in SHOWN]
        # Of a run that is hours old when somebody begins to look, as many rows as a page has room for.
        for row in rows[:: max(1, len(rows) // KEPT)]:
            run.rows.append([nan if place is None else float(row[place]) for place in places])
        run.number += len(rows)
        run.latest = dict(zip(self._tail.columns, rows[-1].tolist(), strict=True))

    def _read_events(self, run: Watched) -> bool:
        found = list(self._new_events(run.folder / EVENTS))
        for event in found:
            _note(run, event)
            if event.get("type") not in _HIDDEN:
                run.events.append(event)
                run.told += 1
        return bool(found)

    def _new_events(self, path: Path) -> Iterator[dict[str, Any]]:
        try:
            with path.open("rb") as file:
                file.seek(self._events_at)
                data = file.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._events_at += len(whole)
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield _plain(event)


def _note(run: Watched, event: dict[str, Any]) -> None:
    """What an event changes of what is known of the steps and of the bench."""
    kind = event.get("type")
    if kind in _OF_STEPS:
        run.turns += 1
        _note_step(run, event)
    if kind in _SWITCH_OFF:
        run.off = time_of(event)
    match kind:
        case "set point":
            run.set_points[str(event.get("instrument")), str(event.get("quantity"))] = event
        case "hold started":
            run.ending = f"on hold: {event.get('text', '')}"
        case "hold ended":
            run.ending = ""
        case "trip":
            run.ending = f"making the bench safe: {event.get('text', '')}"


def _note_step(run: Watched, event: dict[str, Any]) -> None:
    match event["type"]:
        case "scenario planned":
            run.planned |= {step["index"]: step for step in event.get("steps") or () if _has_index(step)}
        case "step started" if _has_index(event):
            run.steps.append(dict(event))
        case "step ended" if run.steps:
            run.steps[-1] |= {"ended": event.get("duration"), "verdict": event.get("verdict")}
        case "step resumed" if run.steps:
            run.steps[-1]["time"] = time_of(event) - float(event.get("elapsed") or 0.0)


def _has_index(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("index"), int)


def _newest(runs: Path) -> Path | None:
    """The newest run: days and runs are called by their times."""
    for day in sorted(runs.glob("[0-9]*-[0-9]*-[0-9]*"), reverse=True):
        found = max((path.parent for path in day.glob(f"*/{MANIFEST}")), default=None)
        if found is not None:
            return found
    return None


def _manifest(folder: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def time_of(event: Mapping[str, Any]) -> float:
    """Test time of an event, s; NaN where the record has none."""
    time = event.get("time")
    return nan if time is None else float(time)


def _plain(value: Any) -> Any:
    """The same without what is no number: a browser takes nothing of a message that has such a word."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
