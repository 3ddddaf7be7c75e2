"""Looks at the newest run of a folder while it is written: samples as they come, steps, events, limits and their room.

Nothing is asked of the test's process: samples and events are read where the run writes them, about once a second.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from bench import columns as labels
from bench.asking import ANSWERED, ASKED
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
NEAREST = 12
"""Limits that are shown, those with the least room first."""
_CELL = re.compile(r"^(?P<who>.+) Cell (?P<number>\d+) / V$")
_HIDDEN = ("set point",)
"""Events that say what the steps say already."""


@dataclass
class Watched:
    """One run as far as it has been read. `rows` are of `SHOWN`; `number` counts all that came, for who asks anew."""

    folder: Path
    manifest: Mapping[str, Any]
    rows: deque[list[float]] = field(default_factory=lambda: deque(maxlen=KEPT))
    number: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
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
            if event.get("type") == "step started":
                run.steps.append(dict(event))
            elif event.get("type") == "step ended" and run.steps:
                run.steps[-1]["ended"] = event.get("duration")
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


# --- what a page is told ----------------------------------------------------------------------------------------------


def head(run: Watched) -> dict[str, Any]:
    """What stays the same as long as the run goes on."""
    manifest = run.manifest
    return {
        "run": run.name, "title": manifest["test"].get("title") or manifest["test"].get("name", ""),
        "station": manifest["station"].get("name", ""), "pack": manifest["pack"].get("name", ""),
        "serial": manifest["pack"].get("serial_number") or "", "columns": SHOWN,
    }  # fmt: skip


def state(run: Watched) -> dict[str, Any]:
    """What changes: the present step and how far it is, every cell, the nearest limits, and how it ended."""
    time = run.latest.get(labels.TEST_TIME, nan)
    step = run.steps[-1] if run.steps else None
    return {
        "time": _number(time), "verdict": run.manifest.get("verdict") if run.over else None, "over": run.over,
        "cause": (run.manifest.get("cause") or {}).get("text", "") if run.over else "",
        "bench": (run.manifest.get("bench_verdict") or {}).get("state", "") if run.over else "",
        "step": None if step is None else {
            "index": step.get("index"), "name": step.get("name"), "until": step.get("until"),
            "since": _number(time - _began(step)), "expected": step.get("expected_duration"),
        },
        "left": _left(run, time), "question": question(run), "cells": cells(run.latest), "limits": limits(run),
    }  # fmt: skip


def question(run: Watched) -> dict[str, Any] | None:
    """What an operator is asked just now; None where nobody is, or it has been answered."""
    asked = next((event for event in reversed(run.events) if event.get("type") in (ASKED, ANSWERED)), None)
    if asked is None or asked["type"] == ANSWERED or run.over:
        return None
    return {name: asked.get(name) for name in ("step", "text", "photo", "answers")}


def _left(run: Watched, time: float) -> float | None:
    """S that the steps begun so far are expected to take; what is not begun yet nobody has told the record of."""
    step = run.steps[-1] if run.steps else None
    if step is None or "ended" in step or step.get("expected_duration") is None:
        return None
    return _number(max(float(step["expected_duration"]) - (time - _began(step)), 0.0))


def _began(step: Mapping[str, Any]) -> float:
    """Test time, s; NaN where the record has none."""
    time = step.get("time")
    return nan if time is None else float(time)


def cells(latest: Mapping[str, float]) -> list[dict[str, Any]]:
    """Every cell that somebody measures one by one, in V; who does stands with it."""
    found = ((_CELL.match(name), value) for name, value in latest.items())
    return [
        {"who": match["who"], "cell": int(match["number"]), "voltage": _number(value)}
        for match, value in found
        if match is not None
    ]


def limits(run: Watched) -> list[dict[str, Any]]:
    """The guard's limits that are nearest, each with the room that is left, as a share of the limit."""
    found = [each for each in (_limit(limit, run.latest) for limit in run.manifest.get("limits", ())) if each]
    return sorted(found, key=lambda limit: limit["share"])[:NEAREST]


def _limit(limit: Mapping[str, Any], latest: Mapping[str, float]) -> dict[str, Any] | None:
    value = latest.get(limit.get("column", ""), nan)
    rooms = [
        (room, bound)
        for bound, room in (
            (limit.get("at_most"), (limit.get("at_most") or 0.0) - value),
            (limit.get("at_least"), value - (limit.get("at_least") or 0.0)),
        )
        if bound is not None and isfinite(room)
    ]
    if not rooms:
        return None
    room, bound = min(rooms)
    return {
        "name": limit["name"], "value": _number(value), "limit": bound, "unit": limit.get("unit", ""), "room": room,
        "share": room / abs(bound) if bound else room, "action": limit.get("action", ""),
    }  # fmt: skip


def thinned(rows: Sequence[Sequence[float]], most: int) -> list[list[float | None]]:
    """At most so many rows, evenly taken; JSON has no word for what is no number."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)).tolist() if rows else []
    return [[_number(value) for value in rows[place]] for place in places]


def _plain(value: Any) -> Any:
    """The same without what is no number: a browser takes nothing of a message that has such a word."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _number(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None
