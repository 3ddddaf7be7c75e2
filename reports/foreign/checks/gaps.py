"""Gaps and leaps of time, and records too sparse for a current to be integrated."""

from collections.abc import Iterator

import numpy as np

from bench.durations import spell
from reports.foreign import source as labels
from reports.foreign.exam import Exam
from reports.foreign.pieces import places
from reports.foreign.source import Finding, counted

ORDER = 60
LONG = 20.0
"""Times the typical interval that a gap is at least."""
SHORTEST = 60.0
"""s below which nothing is a gap."""


def gaps(exam: Exam) -> Iterator[Finding]:
    """Times without a record while a current flows, and leaps that civil time does not know of."""
    if not exam.believes(labels.TIME) or len(exam.source) < 10:
        return
    shortest, between = max(SHORTEST, LONG * exam.typical), [each.start - 1 for each in exam.segments if each.start]
    if not exam.of_intervals.extremes[1] > shortest:
        return
    long = places(exam.intervals, lambda seconds: seconds > shortest)
    long = np.setdiff1d(long[exam.flows[long]], between)
    if not len(long):
        return
    worst = int(long[np.argmax(exam.intervals[long])])
    length = float(exam.intervals[worst])
    more = f", and {counted(len(long) - 1, 'shorter one', 'shorter ones')}" if len(long) > 1 else ""
    leap = _is_a_leap(exam, worst)
    what = (
        f"Test time leaps by {spell(length)}, of which civil time knows nothing,"
        if leap
        else f"There is a gap of {spell(length)}"
    )
    way = labels.CHARGE_AH if exam.current[worst] > 0 else labels.DISCHARGE_AH
    counters = " Its charge is taken from the counter." if way in exam.counted else " What flowed in it is not known."
    text = f"{what} before {exam.row(worst + 1)} while a current flows{more}.{counters}"
    yield Finding("time jumps" if leap else "gap", text, frozenset({labels.TIME}) if leap else frozenset())


def _is_a_leap(exam: Exam, place: int) -> bool:
    if not exam.believes(labels.WALL):
        return False
    wall = exam.source.columns[labels.WALL]
    passed = float(wall[place + 1] - wall[place])
    return bool(np.isfinite(passed)) and passed < 0.5 * float(exam.intervals[place])


CHECKS = (gaps,)
