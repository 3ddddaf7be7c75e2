"""How well the amounts of each step are known: counters held against integration, integration against itself."""

from dataclasses import dataclass

import numpy as np

from reports.foreign import source as labels
from reports.foreign.exam import Exam
from reports.foreign.segments import Segment
from reports.foreign.source import Floats

WORST = 0.01
"""Part by which an integral may be wrong and is still told, by its own estimate."""
DIFFERENT = 0.05
"""Part by which a counter and a well-known integral may differ: more, and one of the two is wrong."""
TAIL = 60.0
"""s after the last record of a step that nobody asks about."""
TELLS = 0.01
"""Part of the largest step's charge that a step needs for its amounts to be compared."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Charge of one step, Ah: what the counter says (nan: there is none) and the integral with its likely error."""

    segment: Segment
    counter: float
    integral: float
    error: float
    digits: float
    """What the last digit of the current is worth over the step, Ah."""
    gap: bool
    """There is a hole in it that its counter may have seen, and the integral has not."""
    open: bool
    """Its records end long before it did: what flowed then nobody saw."""

    @property
    def difference(self) -> float:
        """Of the counter from the integral, as a part of the counter."""
        return (self.integral - self.counter) / self.counter if self.counter else 0.0

    @property
    def doubtful(self) -> float:
        """Likely error of the integral, as a part of it."""
        return self.error / self.integral if self.integral else float("inf")


def amounts_of(exam: Exam) -> list[Amount]:
    """The charge of every step that moves charge one way; computed once."""
    kept: list[Amount] | None = exam.kept.get("amounts")
    if kept is None:
        kept = exam.kept["amounts"] = [_amount(exam, each) for each in exam.moving]
    return kept


def _amount(exam: Exam, segment: Segment) -> Amount:
    label, way = (labels.CHARGE_AH, 0) if segment.direction == "charge" else (labels.DISCHARGE_AH, 1)
    rows = slice(segment.start, segment.stop)
    growth, flown = exam.counted.get(label), exam.charge[way][rows]
    holes = _holes(exam, segment)
    counter = float(growth.growth[rows].sum()) if growth is not None else float("nan")
    seen = float(growth.growth[rows][~holes].sum()) if growth is not None else float("nan")
    integral = float(flown[~holes].sum())
    # Compared is what both of them saw: the counter of the holes is left out of it, and of nothing else.
    if growth is not None and holes.any():
        integral += counter - seen
    grown = growth.growth if growth is not None else None
    return Amount(
        segment,
        counter,
        integral,
        _error(exam, segment),
        _digits(exam, segment),
        bool(holes.any()),
        _is_open(exam, segment, grown, counter),
    )


def _digits(exam: Exam, segment: Segment) -> float:
    return 0.5 * exam.digits * segment.seconds / 3600


def _is_open(exam: Exam, segment: Segment, grown: Floats | None, counter: float) -> bool:
    """Whether the next step began long after the last record of this one, and the file does not say it was over."""
    if not segment.start < segment.stop < len(exam.time):
        return False
    longest = float(np.max(exam.intervals[segment.start : segment.stop - 1], initial=0.0))
    tail, within = float(exam.intervals[segment.stop - 1]), exam.source.columns.get(labels.STEP_TIME)
    if within is not None:
        # The next step says itself how long ago it began; before that it was still this one.
        return tail - max(float(within[segment.stop]), 0.0) > max(TAIL, 2 * longest)
    return grown is not None and tail > max(TAIL, 2 * longest) and float(grown[segment.stop]) > TELLS * counter


def _holes(exam: Exam, segment: Segment) -> "np.typing.NDArray[np.bool_]":
    """Rows of a step that end an interval so long that nobody knows what flowed in it."""
    seconds = exam.intervals[max(segment.start - 1, 0) : segment.stop - 1]
    if segment.start == 0:
        seconds = np.concatenate(([0.0], seconds))
    return np.asarray(seconds > max(600.0, 20 * exam.typical), dtype=bool)


def _error(exam: Exam, segment: Segment) -> float:
    """Likely error of the integral, Ah: by how the current bends between records, and by what the edges hide."""
    rows = slice(segment.start, segment.stop)
    current, seconds = exam.current[rows], np.diff(exam.time[rows])
    # A current that turns between two records may have turned anywhere there; one that goes on as it went has not.
    bends = np.abs(np.diff(current, 2)) * np.maximum(seconds[1:], seconds[:-1]) / 4 / 3600
    return float(np.sqrt(np.sum(bends**2))) + _edge(exam, segment.start) + _edge(exam, segment.stop)


def _edge(exam: Exam, row: int) -> float:
    """What may have flowed in the interval in which a step changed, Ah: nobody saw when in it."""
    if not 0 < row < len(exam.time):
        return 0.0
    change = abs(float(exam.current[row] - exam.current[row - 1]))
    return 0.5 * change * float(exam.intervals[row - 1]) / 3600
