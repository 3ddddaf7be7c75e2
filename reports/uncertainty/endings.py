"""What ended a step: a reading that reached its threshold, and how fast it went there.

A threshold that is reached by a reading which is off is reached too early or too late: by as much as the reading is
off, over how fast it changes. A condition that must hold is met by the last reading that did not meet it: of a current
that jumps up and down, such as one whose limit is taken back and given again, its peaks decide.
"""

import re
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bench import columns
from reports.recording import Floats, Recording, Step
from reports.uncertainty.meters import Meters

Rows = NDArray[np.int_]
_CONDITION = re.compile(r"(?P<name>.+) at (?P<sense>most|least) (?:.* for (?P<hold>[\d.]+) s)?")
"""As `bench.scenario.Until` writes it: `Current at most C/20 for 10 s`."""
COUNTS = 20
"""Digits of its display by which a reading must have changed to tell how fast."""
LONGEST = 0.25
"""Part of a step over which its end is looked at."""
MOST = 20_000
"""Rows of which it is looked for what a condition that must hold has waited for."""
FURTHEST = 0.5
"""Part of a step by which its end can be moved: further than that nothing can be foreseen from it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The column that ended a step, what it read then, how fast it changed (1/s), and how long the step was (s).

    `decided` is what it read in the `row` that met the condition last of those that had to.
    """

    column: str
    reading: float
    rate: float
    duration: float
    decided: float
    row: int

    def later(self, moved: float) -> float:
        """By how many s the threshold is reached later by what was `decided`, moved."""
        if not self.rate or not isfinite(moved):
            return 0.0
        most = FURTHEST * self.duration
        return min(max((self.decided - moved) / self.rate, -most), most)


def ended_by(step: Step, known: tuple[str, ...]) -> str | None:
    """The column that ended a step; None for its time, or where nobody knows."""
    found = _CONDITION.match(step.ended_by or "")
    name = found["name"] if found else ""
    return next((each for each in known if each.partition(" / ")[0] == name), None)


def ending_of(run: Recording, step: Step, meters: Meters) -> Ending | None:
    """What ended a step of a recording, where that was a reading; looked for once."""
    known: dict[int, Ending | None] = meters.endings
    if step.index not in known:
        known[step.index] = _ending(run, step, meters)
    return known[step.index]


def _ending(run: Recording, step: Step, meters: Meters) -> Ending | None:
    column = ended_by(step, tuple(run.columns))
    if column is None or step.sample_count < 2:
        return None
    values, time = run.values(column, step), run.values(columns.TEST_TIME, step)
    deciding = _deciding(step, time, values)
    raw = meters.derivation(column).columns[0]
    rate = _rate(time, values[deciding], meters.meter(raw).ranges[0].resolution)
    decided = int(deciding[-1])
    return Ending(column, float(values[-1]), rate, step.duration, float(values[decided]), step.rows.start + decided)


def _deciding(step: Step, time: Floats, values: Floats) -> Rows:
    """For each row the one that a condition waits for: of those that it must hold for the furthest from meeting it."""
    found = _CONDITION.match(step.ended_by or "")
    hold, rows = float((found and found["hold"]) or 0.0), np.arange(len(values))
    number = int(np.count_nonzero(time > time[-1] - hold)) if hold else 1
    first = max(len(values) - MOST, 0)
    if number < 2 or len(values) - first <= number:
        return rows
    far = np.nan_to_num(np.abs(values[first:]) if step.ended_by.startswith("Current ") else values[first:])  # type: ignore[union-attr]
    windows = sliding_window_view(far if found and found["sense"] == "most" else -far, number)
    within = np.argmax(windows, axis=1) + rows[first : first + len(windows)]
    return np.concatenate([rows[: first + number - 1], within])


def _rate(time: Floats, values: Floats, digit: float) -> float:
    """How fast a reading changed at last, 1/s: over as little time as tells it from the rounding of the display."""
    most = time[-1] - LONGEST * (time[-1] - time[0])
    rows = np.flatnonzero((time >= most) & np.isfinite(values))
    far = rows[np.abs(values[rows] - values[-1]) >= COUNTS * digit]
    begin = int(far[-1]) if len(far) else int(rows[0])
    begin = min(begin, len(values) - 2)
    passed = float(time[-1] - time[begin])
    rate = float(values[-1] - values[begin]) / passed if passed > 0 else 0.0
    return rate if isfinite(rate) else 0.0
