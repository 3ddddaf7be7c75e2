"""How well the amounts of each step are known: counters held against integration, integration against itself."""

from dataclasses import dataclass

import numpy as np

from reports.foreign import source as labels
from reports.foreign.counters import Counted
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
    """Its records end long before it did, or begin long after: what flowed then nobody saw."""

    @property
    def difference(self) -> float:
        """Of the integral from the counter, as a part of the larger one."""
        larger = max(self.integral, self.counter)
        return (self.integral - self.counter) / larger if larger > 0 else 0.0

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
    label, sign = (labels.CHARGE_AH, 1) if segment.direction == "charge" else (labels.DISCHARGE_AH, -1)
    counted, holes = exam.counted.get(label), _holes(exam, segment)
    counter = counted.grown(segment.start, segment.stop) if counted is not None else float("nan")
    integral = float(_flown(exam, segment, sign)[~holes].sum())
    if counted is not None and holes.any():
        # Compared is what both of them saw: what the counter saw in the holes is given to the integral as well.
        rows = np.arange(segment.start, segment.stop)[holes]
        integral += float((counted.total[rows] - counted.total[np.maximum(rows - 1, 0)]).sum())
    return Amount(
        segment, counter, integral, _error(exam, segment), _digits(exam, segment), bool(holes.any()),
        _is_open(exam, segment, counted, counter),
    )  # fmt: skip


def _flown(exam: Exam, segment: Segment, sign: int) -> Floats:
    """Charge in the direction of a step, Ah, in the interval that ends with each of its rows."""
    rows = slice(max(segment.start - 1, 0), segment.stop)
    current, time = sign * exam.current[rows], exam.time[rows]
    flown = np.maximum(0.5 * (current[1:] + current[:-1]) * np.diff(time) / 3600, 0.0)
    return flown if segment.start else np.concatenate(([0.0], flown))


def _digits(exam: Exam, segment: Segment) -> float:
    return 0.5 * exam.digits * segment.seconds / 3600


def _is_open(exam: Exam, segment: Segment, counted: Counted | None, counter: float) -> bool:
    """Whether a step lasted on after its last record, or before its first: nobody saw all of it."""
    return _began_before(exam, segment) or _went_on(exam, segment, counted, counter)


def _began_before(exam: Exam, segment: Segment) -> bool:
    """Whether the recording begins in the middle of a step, as the time of the step tells."""
    within = exam.source.columns.get(labels.STEP_TIME)
    if segment.start or within is None or not np.isfinite(within[0]):
        return False
    return float(within[0]) > max(2 * exam.typical, 0.01 * segment.seconds, 1.0)


def _went_on(exam: Exam, segment: Segment, counted: Counted | None, counter: float) -> bool:
    if not segment.start < segment.stop < len(exam.time):
        return False
    longest = float(np.max(exam.intervals[segment.start : segment.stop - 1], initial=0.0))
    tail, within = float(exam.intervals[segment.stop - 1]), exam.source.columns.get(labels.STEP_TIME)
    if within is not None:
        # The next step says itself how long ago it began; before that it was still this one.
        return tail - max(float(within[segment.stop]), 0.0) > max(TAIL, 2 * longest)
    after = counted.grown(segment.stop, segment.stop + 1) if counted is not None else 0.0
    return tail > max(TAIL, 2 * longest) and after > TELLS * counter > 0


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
