"""How well the amounts of each step are known: counters held against integration, integration against itself."""

from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np

from reports.foreign import source as labels
from reports.foreign.counters import Counted
from reports.foreign.exam import Exam
from reports.foreign.pieces import Differences, extremes, pieces
from reports.foreign.segments import Segment
from reports.foreign.source import Floats

WORST = 0.01
"""Part by which an integral may be wrong and is still told, by its own estimate."""
DIFFERENT = 0.05
"""Part by which a counter and a well-known integral may differ: more, and one of the two is wrong."""
TAIL, LEAST_TAIL = 60.0, 1.0
"""s after the last record of a step that nobody asks about: of a long one, and of the shortest."""
UNSEEN = 0.01
"""Part of a step, between these two, that nobody asks about."""
FEWEST, LOOKED_AT = 20, 20_000
"""Records in which it is looked for a current that goes to and fro: at least, and at most."""
TURNS, SWINGS = 0.9, 0.1
"""A current goes to and fro where it turns in so many of its records, by so much of what it is on average."""
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
    swings: tuple[float, float] | None = None
    """Between which currents (A) it goes to and fro from each record to the next; None: it does not."""

    @property
    def counted(self) -> bool:
        """Whether the file has a counter of its direction: what it has of the other one says nothing of this."""
        return not isnan(self.counter)

    @property
    def uncounted(self) -> bool:
        """Whether a current flowed and its counter stood still: what it says is no amount of this step."""
        return self.counter == 0 and self.segment.charge > 0

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
    counted = exam.counted.get(label)
    counter = counted.grown(segment.start, segment.stop) if counted is not None else float("nan")
    integral, holes = _integral(exam, segment, sign)
    if counted is not None:
        # Compared is what both of them saw: what the counter saw in the holes is given to the integral as well.
        integral += sum(counted.grown(row, row + 1) for row in holes)
    swings = _swings(exam, segment)
    return Amount(
        segment, counter, integral, _error(exam, segment, swinging=swings is not None), _digits(exam, segment),
        bool(holes), _is_open(exam, segment, counted, counter) or _missed(exam, counted, holes), swings,
    )  # fmt: skip


def _integral(exam: Exam, segment: Segment, sign: int) -> tuple[float, list[int]]:
    """Charge in the direction of a step, Ah, in the intervals that end with its rows, and the rows that end a hole.

    A hole is so long that nobody knows what flowed in it: it is not counted.
    """
    first, longest, total, holes = max(segment.start, 1), max(600.0, 20 * exam.typical), 0.0, list[int]()
    for each in pieces(segment.stop - first):
        rows = slice(first + each.start - 1, first + each.stop)
        current, seconds = sign * exam.current[rows], np.diff(exam.time[rows])
        flown = np.maximum(0.5 * (current[1:] + current[:-1]) * seconds / 3600, 0.0)
        hole = seconds > longest
        holes += (rows.start + 1 + np.flatnonzero(hole)).tolist()
        total += float(flown[~hole].sum() if hole.any() else flown.sum())
    return total, holes


def _missed(exam: Exam, counted: Counted | None, holes: list[int]) -> bool:
    """Whether a counter began anew behind a hole, or the next step did, and it cannot have seen what flowed in it.

    Within a step a counter that did not grow is believed: a pause, in which nothing flowed.
    """
    if counted is None or not holes:
        return False
    for row in np.intersect1d(holes, np.union1d(counted.anew, exam.own_steps)):
        flown = float(exam.intervals[row - 1]) * abs(float(exam.current[row - 1] + exam.current[row])) / 2 / 3600
        if counted.grown(row, row + 1) < 0.5 * flown:
            return True
    return False


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
    longest = max(0.0, extremes(Differences(exam.time[segment.start : segment.stop]))[1])
    tail, within = float(exam.intervals[segment.stop - 1]), exam.source.columns.get(labels.STEP_TIME)
    if within is not None:
        # The next step says itself how long ago it began; before that it was still this one.
        tail -= max(float(within[segment.stop]), 0.0)
        return tail > max(_tail(segment, tail), 2 * longest)
    after = counted.grown(segment.stop, segment.stop + 1) if counted is not None else 0.0
    return tail > max(_tail(segment, tail), 2 * longest) and after > TELLS * counter > 0


def _tail(segment: Segment, tail: float) -> float:
    """What may lie behind the last record of a step, s: of a pulse of 30 s with one record nearly all would."""
    return min(TAIL, max(LEAST_TAIL, UNSEEN * (segment.seconds + tail)))


def _bends(exam: Exam, rows: slice) -> float:
    """Sum of the squares of what a current may hide that bends at these rows, (Ah)².

    One that turns between two records may have turned anywhere there; one that goes on as it went has not.
    """
    current, seconds = exam.current[rows], np.diff(exam.time[rows])
    bends = np.abs(np.diff(current, 2)) * np.maximum(seconds[1:], seconds[:-1]) / 4 / 3600
    return float(np.sum(bends**2))  # no product of vectors: that wakes as many threads as there are processors


def _swings(exam: Exam, segment: Segment) -> tuple[float, float] | None:
    """Between which currents (A) one goes to and fro from each record to the next.

    Then what it does is shorter than the records are apart, and they tell nothing of how long it is either.
    """
    rows = range(segment.start, segment.stop)[:LOOKED_AT]
    current = exam.current[rows.start : rows.stop]
    if len(current) < FEWEST:
        return None
    change = np.diff(current)
    turns = float(np.mean(change[1:] * change[:-1] < 0.0))
    low, high = (float(np.median(each)) for each in (np.minimum(*_pairs(current)), np.maximum(*_pairs(current))))
    wide = high - low > SWINGS * abs(float(np.mean(current)))
    return (low, high) if wide and turns > TURNS else None


def _pairs(current: Floats) -> tuple[Floats, Floats]:
    return current[1:], current[:-1]


def _between(exam: Exam, segment: Segment) -> float:
    """What a current that goes to and fro may have moved more or less than the trapezoids of its records say, Ah.

    It is off the same way in each of them: what one of them hides is not made up for by another.
    """
    current, seconds = exam.current[segment.start : segment.stop], np.diff(exam.time[segment.start : segment.stop])
    return float(np.sum(np.abs(np.diff(current)) * seconds)) / 2 / 3600


def _error(exam: Exam, segment: Segment, *, swinging: bool) -> float:
    """Likely error of the integral, Ah: by how the current bends between records, and by what the edges hide."""
    if swinging:
        return _between(exam, segment)
    triples = pieces(max(segment.stop - segment.start - 2, 0))
    bends = sum(_bends(exam, slice(segment.start + each.start, segment.start + each.stop + 2)) for each in triples)
    return sqrt(bends) + _edge(exam, segment.start) + _edge(exam, segment.stop)


def _edge(exam: Exam, row: int) -> float:
    """What may have flowed in the interval in which a step changed, Ah: nobody saw when in it."""
    if not 0 < row < len(exam.time):
        return 0.0
    change = abs(float(exam.current[row] - exam.current[row - 1]))
    return 0.5 * change * max(float(exam.intervals[row - 1]), exam.tick) / 3600
