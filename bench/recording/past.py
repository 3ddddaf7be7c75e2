"""A run that ended too early, as its continuation needs it: what was done, where it stopped, and since when.

It is read and never written: the continuation is a run of its own that begins with a copy of these rows and events.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any, Self

import numpy as np

from bench import columns as labels
from bench.clock import utc_text
from bench.durations import spell
from bench.recording.eventlog import NAME as EVENTS
from bench.recording.life import is_alive
from bench.recording.reading import Event, RecordingError, holds_samples, read_events, read_manifest, read_run
from bench.recording.rows import Renumbered, Rows, Table
from bench.verdicts import InputError, Verdict

RESUMABLE = (Verdict.ABORTED, Verdict.BENCH_FAULT, Verdict.TEST_ERROR)
"""What a run may have ended with: the pack was not judged."""
NOT_CONTINUED = frozenset({"measurement", "safe state", "run ended"})
"""Events that the continuation writes anew, or that are no longer true of it."""
BEGUN_ANEW = frozenset({"Pulse"})
"""Kinds of steps that mean nothing in two halves, in recordings of schema 1; later ones say so themselves."""


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step that was started; `ended` is None for the one in which the run stopped. Times are s of test time."""

    index: int
    name: str
    fingerprint: str
    started: float
    ended: float | None


@dataclass(frozen=True)
class PastRun:
    """What is continued: manifest, events and rows without what the continuation does anew."""

    manifest: Mapping[str, Any]
    events: Sequence[Event]
    columns: Sequence[str]
    rows: Table
    steps: tuple[PastStep, ...]
    reason: str
    """Why it stopped, one sentence."""
    damage: tuple[str, ...] = ()
    """What of its files was damaged and is left out, one sentence each."""

    @classmethod
    def load(cls, folder: Path, supervisor: str = "") -> Self:
        """Read a run folder; `supervisor` is what it said afterwards.

        Raises `InputError` when it cannot be continued.
        """
        try:
            manifest = read_manifest(folder)
            run_id = manifest["run_id"]
            _check_stopped(manifest, run_id, alive=is_alive(folder))
            if not (folder / "samples.parquet").exists() and not (folder / "samples.journal").exists():
                raise _never_begun(run_id)
            stored = read_run(folder)
        except RecordingError as error:
            raise InputError(f"--resume: {error}") from error
        if not len(stored.rows):
            raise _never_begun(run_id)
        steps = tuple(_steps(stored.events))
        if not steps:
            raise _never_begun(run_id)
        died = f"its process died{supervisor.rstrip('.').replace(' The', '; the', 1)}."
        reason = (manifest.get("cause") or {}).get("text") or died
        past = cls(manifest, stored.events, stored.columns, stored.rows, steps, reason, stored.damage)
        return past._without_halves()

    @property
    def run_id(self) -> str:
        """Its id below the folder of runs."""
        return str(self.manifest["run_id"])

    @property
    def interrupted(self) -> PastStep | None:
        """The step in which it stopped; None when it stopped between two."""
        return self.steps[-1] if self.steps and self.steps[-1].ended is None else None

    @property
    def stopped(self) -> float:
        """Test time of the last row, s."""
        return float(self.rows[-1, list(self.columns).index(labels.TEST_TIME)])

    @property
    def elapsed(self) -> float:
        """S that the interrupted step has had, pauses left out; 0 between steps."""
        step = self.interrupted
        if step is None:
            return 0.0
        stop = max(self.stopped, step.started)
        return stop - step.started - sum(end - begin for begin, end in self._pauses_of(step, stop))

    def had(self) -> Iterator[tuple[float, list[float]]]:
        """Rows of the interrupted step, each with the s of it that had passed; those of its pauses are left out.

        Whatever a step counts for itself is counted anew from them: no process has to leave it to another.
        """
        step = self.interrupted
        if step is None:
            return
        names = list(self.columns)
        time, index = names.index(labels.TEST_TIME), names.index(labels.STEP)
        pauses = deque(self._pauses_of(step, max(self.stopped, step.started)))
        paused = 0.0
        for each in self.rows:
            if each[index] != step.index:
                continue
            row = each.tolist()
            while pauses and pauses[0][1] <= row[time]:
                begin, end = pauses.popleft()
                paused += end - begin
            if not pauses or row[time] < pauses[0][0]:
                yield row[time] - step.started - paused, row

    def _pauses_of(self, step: PastStep, stop: float) -> Iterator[tuple[float, float]]:
        """From when to when of a step that went on until `stop` it was paused, s of test time."""
        for begin, end in _pauses(self.events, stop):
            first, last = max(begin, step.started), min(end, stop)
            if last > first:
                yield first, last

    def last(self, column: str) -> float:
        """The last sample of a column that is not missing: what ended a run may have been a sensor; nan without any."""
        values = self.rows[:, list(self.columns).index(column)]
        known = np.flatnonzero(np.isfinite(values))
        return float(values[known[-1]]) if len(known) else nan

    def silence(self, now: datetime) -> float:
        """S of civil time since the last row; 0 on a virtual clock, or when the clock of the computer was set back."""
        told = next((event for event in reversed(self.events) if "utc" in event), None)
        if told is None:
            return 0.0
        since = (now - datetime.fromisoformat(told["utc"])).total_seconds()
        # The last row may be older than the last event, or younger; test time runs `speed` times as fast.
        return max(0.0, since - (self.stopped - float(told["time"])) / self._speed)

    def resumes_at(self, now: datetime) -> float:
        """Test time at which the continuation begins: the gap is part of it."""
        newest = max(self.stopped, *(float(event["time"]) for event in self.events))
        return max(newest, self.stopped + self.silence(now) * self._speed)

    @property
    def _speed(self) -> float:
        return float(self.manifest["clock"].get("speed") or 1.0)

    def _without_halves(self) -> Self:
        """What the continuation keeps: events that stay true, and no half of a step that must be whole."""
        half = self.interrupted
        events = [event for event in self.events if event["type"] not in NOT_CONTINUED]
        if half is None:
            return replace(self, events=[*events, *_closed_hold(events, self.stopped)])
        events = [event for event in events if not (event["type"] == "step ended" and event["index"] == half.index)]
        kept = replace(self, events=[*events, *_closed_hold(events, self.stopped)])
        started = [event for event in events if event["type"] == "step started"]
        whole = not started[-1].get("resumable", started[-1]["kind"] not in BEGUN_ANEW)
        return kept._without(half) if whole else kept

    def _without(self, half: PastStep) -> Self:
        """Leave a step out that is begun anew; its rows stay, outside all steps."""
        step = list(self.columns).index(labels.STEP)
        rows = Rows(Renumbered(self.rows, step, half.index, 0))
        mine = ("step started", "step resumed")
        events = [event for event in self.events if not (event["type"] in mine and event["index"] == half.index)]
        return replace(self, events=events, rows=rows, steps=self.steps[:-1])


def can_be_resumed(manifest: Mapping[str, Any], folder: Path) -> bool:
    """Whether `PastRun.load` would take the run in `folder`, found out without reading its samples."""
    stopped = manifest["state"] != "ended" or manifest.get("verdict") in RESUMABLE
    if not stopped or is_alive(folder) or not holds_samples(folder, manifest):
        return False
    try:
        return any(event["type"] == "step started" for event in read_events(folder / EVENTS).events)
    except RecordingError:
        return False


def resumed_from(past: PastRun, now: float, moment: datetime) -> dict[str, Any]:
    """What the manifest of the continuation says: from which run, and every gap so far.

    `now` is the test time (s) at which the continuation begins, `moment` the civil time of it.
    """
    before = past.manifest.get("resumed_from") or {"chain": [], "gaps": []}
    step, stopped = past.interrupted, past.stopped
    where = f"in step {step.name!r} after {spell(past.elapsed)}" if step else "between two steps"
    length = spell(now - stopped)
    gap = {
        "run_id": past.run_id,
        "start": stopped,
        "duration": round(now - stopped, 6),
        "silence": round(past.silence(moment), 3),
        "resumed": utc_text(moment),
        "index": step.index if step else None,
        "step": step.name if step else None,
        "elapsed": round(past.elapsed, 6),
        "text": f"Resumed after a gap of {length}: run {past.run_id} had stopped {where}; {past.reason}",
    }
    return {"run_id": past.run_id, "chain": [*before["chain"], past.run_id], "gaps": [*before["gaps"], gap]}


def _check_stopped(manifest: Mapping[str, Any], run_id: str, *, alive: bool) -> None:
    if alive:
        raise InputError(f"--resume: run {run_id} is still running; there is nothing to resume before it has ended.")
    verdict = manifest.get("verdict")
    if manifest.get("state") == "ended" and verdict not in RESUMABLE:
        raise InputError(
            f"--resume: run {run_id} ended with {verdict}; only a run that died, or ended with "
            f"{', '.join(RESUMABLE[:-1])} or {RESUMABLE[-1]}, can be resumed. Run its test anew."
        )


def _never_begun(run_id: str) -> InputError:
    return InputError(f"--resume: run {run_id} never got to a first sample: there is nothing to resume, run it anew.")


def _steps(events: Sequence[Event]) -> Iterator[PastStep]:
    """Steps in order; a last one that did not end as it should has not ended."""
    started = [event for event in events if event["type"] == "step started"]
    ended = {event["index"]: event for event in events if event["type"] == "step ended"}
    for event in started:
        end = ended.get(event["index"])
        finished = end is not None and (event is not started[-1] or end["verdict"] == Verdict.PASS)
        when = float(end["time"]) if end is not None and finished else None
        yield PastStep(event["index"], event["name"], event.get("fingerprint", ""), float(event["time"]), when)


def _closed_hold(events: Sequence[Event], stopped: float) -> Iterator[Event]:
    """The end of a hold in which the run stopped: its outputs stay off, but it is the gap's time now."""
    last = next((event for event in reversed(events) if event["type"] in ("hold started", "hold ended")), None)
    if last is not None and last["type"] == "hold started":
        begun = float(last["time"])
        yield {
            "time": stopped, "type": "hold ended", "limit": last["limit"], "step": last["step"],
            "duration": round(max(0.0, stopped - begun), 6), "recovered": False,
        }  # fmt: skip


def _pauses(events: Sequence[Event], stop: float) -> Iterator[tuple[float, float]]:
    """From when to when nothing was asked of the pack inside a step: holds, and gaps up to their resumption."""
    begun: float | None = None
    for event in events:
        if event["type"] in ("hold started", "gap"):
            begun = float(event["start"] if event["type"] == "gap" else event["time"])
        elif event["type"] in ("hold ended", "step resumed") and begun is not None:
            yield begun, float(event["time"])
            begun = None
    if begun is not None:
        yield begun, stop
