"""When a step would have ended on a bench whose meters are never wrong, and the recording that it would have left.

A condition ends a step when the *true* quantity meets it: that is looked for in what the world was, row by row. Where
it lies behind the end of the step, a copy of the process has gone on there (`truth.behind`); behind what that has
seen, or where there is none, the truth is continued straight on. It shares nothing with how a figure's
uncertainty is found (`reports.uncertainty`): that is what is judged here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench import columns
from bench.pack import PackFile
from bench.scenario import amperes
from reports.recording import Floats, Recording, Step

_CONDITION = re.compile(
    r"(?P<name>.+) at (?P<sense>most|least) (?P<value>\S+)(?: (?P<unit>V|A|°C))?(?: for (?P<hold>[\d.]+) s)?"
)
"""As an end condition is written: `Current at most C/20 for 10 s`."""
STRAIGHT = 10.0
"""s before the end of a step by which the truth is continued behind it."""
FURTHEST = 0.5
"""Of a step, by which it is continued at most."""
COUNTERS = (columns.CHARGE_AH, columns.DISCHARGE_AH, columns.CHARGE_WH, columns.DISCHARGE_WH)


@dataclass(frozen=True, slots=True)
class Condition:
    """What ended a step: a column, its threshold, from which side, and for how long it must hold (s)."""

    column: str
    threshold: float
    rising: bool
    hold: float

    def short_of(self, values: Floats) -> Floats:
        """How much is missing until it is met; negative where it is."""
        values = np.abs(values) if self.column == columns.CURRENT else values
        return (self.threshold - values) * (1.0 if self.rising else -1.0)

    def is_missing(self, true: Mapping[str, float]) -> bool:
        """Whether something is missing to it now."""
        return bool(self.short_of(np.array(true[self.column])) > 0.0)


def condition_of(ended_by: str | None, known: Sequence[str], pack: PackFile) -> Condition | None:
    """The condition that is written so, on one of the `known` columns of a `pack`; None: it is on none of them."""
    found = _CONDITION.fullmatch(ended_by or "")
    column = next((each for each in known if found and each.partition(" / ")[0] == found["name"]), None)
    if found is None or column is None:
        return None
    value = amperes(found["value"], pack) if "C" in found["value"] else float(found["value"])
    return Condition(column, value, found["sense"] == "least", float(found["hold"] or 0.0))


Columns = Mapping[str, Floats]


def true_end(step: Step, time: Floats, true: Columns, pack: PackFile, behind: Columns | None = None) -> float | None:
    """When the truth met the condition that ended a step, s of test time; None where nothing measured ended it.

    `time` and the columns of `true` have a value per row of the recording, those of `behind` (also its time) a value
    per row in which the truth goes on behind the end of the step.
    """
    condition = condition_of(step.ended_by, tuple(true), pack)
    if condition is None or step.sample_count < 3:
        return None
    at, values, more = time[step.rows], true[condition.column][step.rows], behind or {}
    at = np.append(at, more.get(columns.TEST_TIME, []))
    return _met(at, condition.short_of(np.append(values, more.get(condition.column, [])))) + condition.hold


def _met(at: Floats, short: Floats) -> float:
    """When what is missing is used up for good."""
    missing = np.flatnonzero(short > 0.0)
    last = int(missing[-1]) if len(missing) else -1
    if last < 0:
        return float(at[0])
    if last < len(short) - 1:
        return float(np.interp(0.0, -short[last : last + 2], at[last : last + 2]))
    before = int(np.searchsorted(at, at[-1] - STRAIGHT, side="right")) - 1
    before = min(max(before, 0), len(at) - 2)
    rate = float((short[before] - short[-1]) / (at[-1] - at[before]))
    most = FURTHEST * float(at[-1] - at[0])
    return float(at[-1]) + (min(float(short[-1]) / rate, most) if rate > 0 else most)


@dataclass(frozen=True)
class Truth:
    """What was true in every row of a recording of a pack, and `behind` the ends of its steps, by their indices."""

    recorded: Recording
    columns: Columns
    pack: PackFile
    behind: Mapping[int, Columns] = field(default_factory=dict)

    def of(self, steps: Sequence[Step]) -> Recording:
        """The recording of a bench that is never wrong; these `steps` of it end where the truth met their condition."""
        table = {name: self.columns.get(name, self.recorded.column(name)) for name in self._needed}
        rows = np.column_stack(list(table.values()))
        ends: dict[int, float] = {}
        for step in sorted(steps, key=lambda each: -each.rows.start):  # from behind: places stay as they are
            end = true_end(step, self.recorded.time, self.columns, self.pack, self.behind.get(step.index))
            if end is not None:
                rows = _ended(rows, step.rows, end, list(table), self._onward(step, list(table), rows))
                ends[step.index] = end
                self._met_exactly(step, rows, list(table))
        return Recording(self.recorded.manifest, _told(self.recorded, ends), list(table), rows)

    def _onward(self, step: Step, names: Sequence[str], rows: Floats) -> Floats:
        """The rows behind a step: what nobody knows the truth of stays as it was."""
        more = self.behind.get(step.index, {})
        number = len(next(iter(more.values()), ()))
        return np.array(
            [more.get(name, np.full(number, last)) for name, last in zip(names, rows[step.rows.stop - 1], strict=True)]
        ).T

    def _met_exactly(self, step: Step, rows: Floats, names: Sequence[str]) -> None:
        """At its end a condition is met, whatever the last digit of an interpolation is."""
        condition = condition_of(step.ended_by, tuple(self.columns), self.pack)
        last = np.flatnonzero(rows[:, names.index(columns.STEP)] == step.index)[-1]
        if condition is not None and not condition.hold and condition.column != columns.CURRENT:
            rows[last, names.index(condition.column)] = condition.threshold

    @property
    def _needed(self) -> list[str]:
        """Whatever a KPI may read: raw channels are what meters say, and nothing of them is true."""
        return [name for name in self.recorded.columns if name in columns.INDEX or name in self.columns]


def _ended(rows: Floats, of: slice, end: float, names: Sequence[str], onward: Floats) -> Floats:
    """The rows with those of one step cut, or continued by those `onward`, to its `end` (s)."""
    mine = np.vstack([rows[of], onward])
    time = mine[:, names.index(columns.TEST_TIME)]
    kept = int(np.searchsorted(time, end - 1e-9))
    last = _at(mine, time, end, min(kept, len(time) - 1))
    last[names.index(columns.TEST_TIME)] = end
    last[names.index(columns.STEP)] = rows[of.start, names.index(columns.STEP)]
    behind = rows[of.stop :].copy()
    for counter in (names.index(name) for name in COUNTERS):
        behind[:, counter] += last[counter] - rows[of.stop - 1, counter]
    return np.vstack([rows[: of.start], mine[: max(kept, 1)], last, behind])


def _at(rows: Floats, time: Floats, end: float, after: int) -> Floats:
    """A row between two others, or straight on from the last ones."""
    before = after - 1
    if end > time[-1]:
        before = int(np.searchsorted(time, time[-1] - STRAIGHT, side="right")) - 1
        before = min(max(before, 0), len(time) - 2)
    before = max(before, 0)
    passed = float(time[after] - time[before])
    share = (end - float(time[after])) / passed if passed > 0 else 0.0
    return np.asarray(rows[after] + share * (rows[after] - rows[before]))


def _told(run: Recording, ends: Mapping[int, float]) -> list[Mapping[str, Any]]:
    """The events with the true ends of steps."""
    return [
        {**event, "time": ends[event["index"]]} if event["type"] == "step ended" and event["index"] in ends else event
        for event in run.events
    ]
