"""A recorded run, read back: manifest, events, steps and samples as arrays.

It reads what docs/run-format.md describes, from a folder or from memory while the run is still open, so that
a test case and a reviewer compute with the same functions. It judges nothing and writes nothing.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.recording.past import BEGUN_ANEW
from bench.recording.reading import Event, RecordingError, read_manifest, read_run
from bench.recording.rows import BATCH, Table
from instruments.wording import nearest

__all__ = ["Event", "Floats", "Gap", "Hold", "Recording", "RecordingError", "Step", "read_manifest"]

Floats = NDArray[np.float64]

TIME = "Test Time / s"
STEP = "Step Count / 1"


LONG, FEW = 1_000_000, 1000
"""Rows from which on a column is read by the step and not as a whole, and of which one more is soon read."""
CUTS = 8_000_000
"""Values of pieces of columns that are kept in memory: 64 MB."""
DIRECTIONS = {"Charge": "charge", "FastRecharge": "charge", "Discharge": "discharge", "Pulse": "discharge"}
"""By kind, in recordings of schema 1; later ones say it themselves."""


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
    direction: str = "none"
    """Which way it moves energy through the pack: `charge`, `discharge`, `both` or `none`."""
    resumable: bool = True
    """Whether its halves mean something; a pulse's do not."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Choices of the step that are no quantity, such as the strategy of a fast recharge."""

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


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a test: its process had ended at `start`, another one recorded from `seen` and went on at `stop`.

    All in s of test time. Between `seen` and `stop` there are samples of a bench that rests; `step` is where the run
    had stopped (empty: between two steps).
    """

    start: float
    seen: float
    stop: float
    step: str
    text: str


@dataclass(frozen=True)
class Recording:
    """Everything of one run. `rows` has one row per scan and one column per name in `columns`.

    Rows on the disk are read by the column, and a column is read once. `damage` has a sentence on everything of the
    run's files that was damaged and is left out.
    """

    manifest: Mapping[str, Any]
    events: Sequence[Event]
    columns: Sequence[str]
    rows: Table
    damage: Sequence[str] = ()
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Columns that are not believed, and why, in a sentence: they are there, and no KPI is computed from them."""

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or self.rows.shape[1] != len(self.columns):
            raise RecordingError(
                f"The samples have the shape {self.rows.shape}, but {len(self.columns)} columns are named: "
                "one row per scan and one value per column are needed."
            )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a run folder, also one whose process died; raises `RecordingError` when it is not a run."""
        run = read_run(folder)
        return cls(run.manifest, run.events, run.columns, run.rows, run.damage)

    @property
    def late(self) -> float:
        """By what part of a scan that was later, which is only known to lie between two samples: 0, see `Moved`."""
        return 0.0

    @property
    def origin(self) -> "Recording | None":
        """What this one differs from by what a meter may be off; None: it is as it was recorded, see `Moved`."""
        return None

    @property
    def time(self) -> Floats:
        """Test time of every row, s."""
        return self.column(TIME)

    def has(self, column: str) -> bool:
        """Whether the column was recorded, is believed and holds at least one value."""
        return column in self._positions and column not in self.withheld and self._holds_a_value(column)

    def _holds_a_value(self, column: str) -> bool:
        told = getattr(self.rows, "holds_a_value", None)
        if told is not None and column not in self._read:
            return bool(told(self._positions[column]))
        return bool(np.isfinite(self.column(column)).any())

    def at(self, column: str, row: int) -> float:
        """One sample. Raises `RecordingError` for a column that was not recorded."""
        place = range(len(self.rows))[row]
        return float(self.cut(column, slice(place, place + 1))[0])

    def column(self, name: str) -> Floats:
        """All samples of one column. Raises `RecordingError` for a column that was not recorded."""
        if name not in self._positions:
            raise RecordingError(f"The run has no column {name!r}; {nearest(name, self.columns)}.")
        if name not in self._read:
            self._read[name] = self.rows[:, self._positions[name]]
        return self._read[name]

    def refuse_withheld(self, columns: Sequence[str]) -> None:
        """Raise `RecordingError` with the reason where one of the columns is not believed."""
        for name in columns:
            if name in self.withheld:
                raise RecordingError(f"{name!r} is not believed: {self.withheld[name]}")

    def step(self, which: str | int | Step) -> Step:
        """Find a step by its name or its index (from 1). Raises `RecordingError` unless exactly one fits."""
        if isinstance(which, Step):
            return which
        found = [step for step in self.steps if which in (step.name, step.index)]
        if not found:
            raise RecordingError(
                f"The run has no step {which!r}; {nearest(str(which), [step.name for step in self.steps])}."
            )
        if len(found) > 1:
            indices = ", ".join(str(step.index) for step in found)
            raise RecordingError(f"{len(found)} steps are called {which!r}: say which by its index, one of {indices}.")
        return found[0]

    def cut(self, column: str, rows: slice) -> Floats:
        """Cut one column to some rows; of a long recording nothing else of the column is read.

        Raises `RecordingError` for a column that was not recorded.
        """
        if column in self._read or column not in self._positions or len(self.rows) < LONG:
            return self.column(column)[rows]
        key = column, rows.start, rows.stop
        if key not in self._cuts:
            found = np.asarray(self.rows[rows, self._positions[column]])
            if not FEW < len(found) <= CUTS:
                return found
            self._cuts[key] = found
            while sum(map(len, self._cuts.values())) > CUTS:
                self._cuts.popitem(last=False)
        self._cuts.move_to_end(key)
        return self._cuts[key]

    def values(self, column: str, step: str | int | Step) -> Floats:
        """Cut one column to the samples of one step."""
        return self.cut(column, self.step(step).rows)

    def beginning(self, step: Step, seconds: float) -> Step:
        """A step as if it had ended with the first sample that is `seconds` or more behind its first one."""
        first, end = step.rows.start, step.rows.stop
        began = self.at(TIME, first) if first < end else step.start
        while first < end:
            piece = slice(first, min(first + FEW, end))
            late = np.flatnonzero(self.cut(TIME, piece) - began >= seconds)
            if len(late):
                return replace(step, rows=slice(step.rows.start, first + int(late[0]) + 1))
            first = piece.stop
        return step

    def of_type(self, *types: str) -> list[Event]:
        """Events of the given types, in order."""
        return [event for event in self.events if event["type"] in types]

    def of_step(self, step: Step, *types: str) -> list[Event]:
        """Events of the given types that were logged in a step, in order.

        By their order and not by their time: a moment may end one step and begin the next.
        """
        found: list[Event] = []
        inside = False
        for event in self.events:
            if event["type"] in {"step started", "step ended"} and event["index"] == step.index:
                inside = event["type"] == "step started"
            elif inside and event["type"] in types:
                found.append(event)
        return found

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the scenario that were started, in order."""
        ends = {event["index"]: event for event in self.of_type("step ended")}
        return tuple(self._step(event, ends.get(event["index"])) for event in self.of_type("step started"))

    @cached_property
    def _read(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _cuts(self) -> OrderedDict[tuple[str, int, int], Floats]:
        """Pieces of columns of a long recording that were read last: the next figure of a step wants the same."""
        return OrderedDict()

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.columns)}

    def _step(self, started: Event, ended: Event | None) -> Step:
        rows = self._rows_of(started["index"])
        last = self.at(TIME, rows.stop - 1) if rows.stop > rows.start else float(started["time"])
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
            # JSON has no nan: a BMS with open contactors may show no charge.
            reached={name: nan if value is None else value for name, value in (ended or {}).get("reached", {}).items()},
            verdict=ended.get("verdict") if ended else None,
            direction=started.get("direction", DIRECTIONS.get(started["kind"], "none")),
            resumable=started.get("resumable", started["kind"] not in BEGUN_ANEW),
            words=started.get("words", {}),
        )

    @cached_property
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

    @cached_property
    def gaps(self) -> list[Gap]:
        """Gaps in order; one after which the run never went on lasts until the last sample."""
        found: list[Gap] = []
        for event in self.of_type("gap", "step resumed"):
            if event["type"] == "gap":
                seen = float(event["start"]) + float(event["duration"])
                last = max(float(self.time[-1]) if len(self.rows) else 0.0, seen)
                found.append(Gap(float(event["start"]), seen, last, event.get("step") or "", event["text"]))
            elif found:
                found[-1] = replace(found[-1], stop=float(event["time"]))
        return found

    def held(self, start: float, stop: float) -> float:
        """How much of the time from `start` to `stop` (s) was spent in holds and gaps, s."""
        pauses = [(hold.start, hold.stop) for hold in self.holds] + [(gap.start, gap.stop) for gap in self.gaps]
        return sum(max(0.0, min(end, stop) - max(begin, start)) for begin, end in pauses)

    def _rows_of(self, index: int) -> slice:
        """Rows of a step; they follow each other because steps do."""
        return self._spans.get(index, slice(0, 0))

    def _batches_of(self, name: str) -> Iterator[tuple[int, Floats]]:
        """A column in pieces, with the row that each begins with: none of it stays in memory."""
        if name not in self._positions:
            self.column(name)  # says which columns there are
        for start in range(0, len(self.rows), BATCH):
            yield start, np.asarray(self.rows[start : start + BATCH, self._positions[name]])

    @cached_property
    def _spans(self) -> dict[int, slice]:
        """First to last row of each step, found in one pass: a recording of years has thousands of steps."""
        spans: dict[int, slice] = {}
        for start, column in self._batches_of(STEP):
            changes = [0, *(np.flatnonzero(column[1:] != column[:-1]) + 1).tolist(), len(column)]
            for first, last in pairwise(changes):
                index = int(column[first]) if np.isfinite(column[first]) else 0
                begun = spans[index].start if index in spans else start + first
                spans[index] = slice(begun, start + last)
        return spans
