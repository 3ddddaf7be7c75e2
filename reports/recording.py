"""A recorded run, read back: manifest, events, steps and samples as arrays.

It reads what docs/run-format.md describes, from a folder or from memory while the run is still open, so that
a test case and a reviewer compute with the same functions. It judges nothing and writes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Event = Mapping[str, Any]

TIME = "Test Time / s"
STEP = "Step Count / 1"


class RecordingError(ValueError):
    """A run on disk cannot be used: one sentence with where, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scenario and the rows it left.

    `start` and `stop` are s of test time; `rows` are the samples taken while it ran. `ended_by` is None while
    the step is running, and stays so when the process died in it.
    """

    index: int
    name: str
    kind: str
    step_type: str
    start: float
    stop: float
    rows: slice
    set_points: Mapping[str, float] = field(default_factory=dict)
    until: tuple[str, ...] = ()
    ended_by: str | None = None
    reached: Mapping[str, float] = field(default_factory=dict)
    verdict: str | None = None

    @property
    def duration(self) -> float:
        """Bench time the step took, s."""
        return self.stop - self.start

    @property
    def sample_count(self) -> int:
        """Rows recorded while the step ran."""
        return int(self.rows.stop - self.rows.start)


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause of cycling until an excursion had recovered: from `start` to `stop` s of test time, in `step`."""

    limit: str
    start: float
    stop: float
    step: str
    text: str
    recovered: bool


@dataclass(frozen=True)
class Recording:
    """Everything of one run. `rows` has one row per scan and one column per name in `columns`."""

    manifest: Mapping[str, Any]
    events: Sequence[Event]
    columns: Sequence[str]
    rows: Floats

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or self.rows.shape[1] != len(self.columns):
            raise RecordingError(
                f"The samples have the shape {self.rows.shape}, but {len(self.columns)} columns are named: "
                "one row per scan and one value per column are needed."
            )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a run folder, also one whose process died; raises `RecordingError` when it is not a run."""
        manifest = read_manifest(folder)
        columns, rows = _read_samples(folder)
        return cls(manifest, _read_events(folder / "events.jsonl"), columns, rows)

    @property
    def time(self) -> Floats:
        """Test time of every row, s."""
        return self.column(TIME)

    def has(self, column: str) -> bool:
        """Whether the column was recorded and holds at least one value."""
        return column in self._positions and bool(np.isfinite(self.column(column)).any())

    def column(self, name: str) -> Floats:
        """All samples of one column. Raises `RecordingError` for a column that was not recorded."""
        if name not in self._positions:
            raise RecordingError(f"The run has no column {name!r}{_nearest(name, self.columns)}.")
        return self.rows[:, self._positions[name]]

    def step(self, which: str | int | Step) -> Step:
        """Find a step by its name or its index (from 1). Raises `RecordingError` unless exactly one fits."""
        if isinstance(which, Step):
            return which
        found = [step for step in self.steps if which in (step.name, step.index)]
        if not found:
            raise RecordingError(
                f"The run has no step {which!r}{_nearest(str(which), [step.name for step in self.steps])}."
            )
        if len(found) > 1:
            indices = ", ".join(str(step.index) for step in found)
            raise RecordingError(f"{len(found)} steps are called {which!r}: say which by its index, one of {indices}.")
        return found[0]

    def values(self, column: str, step: str | int | Step) -> Floats:
        """Cut one column to the samples of one step."""
        return self.column(column)[self.step(step).rows]

    def of_type(self, *types: str) -> list[Event]:
        """Events of the given types, in order."""
        return [event for event in self.events if event["type"] in types]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the scenario that were started, in order."""
        ends = {event["index"]: event for event in self.of_type("step ended")}
        return tuple(self._step(event, ends.get(event["index"])) for event in self.of_type("step started"))

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.columns)}

    def _step(self, started: Event, ended: Event | None) -> Step:
        rows = self._rows_of(started["index"])
        last = float(self.time[rows][-1]) if rows.stop > rows.start else float(started["time"])
        return Step(
            index=started["index"],
            name=started["name"],
            kind=started["kind"],
            step_type=started.get("step_type", ""),
            start=float(started["time"]),
            stop=float(ended["time"]) if ended else last,
            rows=rows,
            set_points=started.get("set_points", {}),
            until=tuple(started.get("until", ())),
            ended_by=ended["ended_by"] if ended else None,
            reached=ended.get("reached", {}) if ended else {},
            verdict=ended.get("verdict") if ended else None,
        )

    @property
    def holds(self) -> list[Hold]:
        """Pauses in order; one that never ended lasts until the last sample."""
        found: list[Hold] = []
        for event in self.of_type("hold started", "hold ended"):
            if event["type"] == "hold started":
                last = max(float(self.time[-1]) if len(self.rows) else 0.0, event["time"])
                found.append(
                    Hold(event["limit"], event["time"], last, event.get("step") or "", event["text"], recovered=False)
                )
            elif found:
                found[-1] = replace(found[-1], stop=event["time"], recovered=event["recovered"])
        return found

    def held(self, start: float, stop: float) -> float:
        """How much of the time from `start` to `stop` (s) was spent in holds, s."""
        return sum(max(0.0, min(hold.stop, stop) - max(hold.start, start)) for hold in self.holds)

    def _rows_of(self, index: int) -> slice:
        """Rows of a step; they follow each other because steps do."""
        rows = np.flatnonzero(self.column(STEP) == index)
        return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


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


def _read_events(path: Path) -> list[Event]:
    """Every complete line; a last line that was cut off when the process died is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
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


def _event(line: str) -> Event:
    event = json.loads(line)
    if not isinstance(event, dict) or not {"time", "type"} <= event.keys():
        raise ValueError("an object with time and type is needed")
    return event


def _read_samples(folder: Path) -> tuple[list[str], Floats]:
    """Columns and rows, from the table of a run that ended or from the journal of one that died."""
    table, journal = folder / "samples.parquet", folder / "samples.journal"
    try:
        if table.exists():
            columns, rows = _read_table(table)
        elif journal.exists():
            from bench.recording.recorder import read_journal

            columns, rows = read_journal(journal)
        else:
            raise RecordingError(f"{folder} holds no samples: neither samples.parquet nor samples.journal.")
    except OSError as error:
        raise RecordingError(f"The samples in {folder} cannot be read: {error}.") from error
    missing = [name for name in (TIME, STEP) if name not in columns]
    if missing:
        raise RecordingError(f"The samples in {folder} have no column {missing[0]!r}{_nearest(missing[0], columns)}.")
    return columns, rows


def _read_table(path: Path) -> tuple[list[str], Floats]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        arrays = [column.to_numpy().astype(np.float64) for column in table.columns]
    except (pa.ArrowException, ValueError) as error:
        raise RecordingError(f"{path} is not a table of samples: {error}.") from error
    rows = np.column_stack(arrays) if arrays else np.empty((0, 0))
    return list(table.column_names), rows


def _nearest(name: str, allowed: Sequence[str]) -> str:
    """`; the nearest is 'x'`, to be put at the end of an error sentence."""
    near = get_close_matches(name, allowed, n=1, cutoff=0.4)
    return f"; the nearest is {near[0]!r}" if near else f"; it has {', '.join(map(repr, allowed)) or 'none'}"
