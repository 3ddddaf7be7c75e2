"""Time that runs backwards, or does not run at all."""

from collections.abc import Iterator

import numpy as np

from reports.foreign import source as labels
from reports.foreign.exam import IN_TIME, Exam
from reports.foreign.pieces import Differences, extremes, never_falls, places
from reports.foreign.source import Finding, counted

ORDER = 10
OFTEN = 0.1
"""Part of the intervals that must be negative before it is the order of the records that is wrong, and not a moment."""
CLOCK, SLACK = 3600.0, 60.0
"""s by which clocks are put back, and a record may be later."""
ROUNDING = 2.0
"""s; a record that is so little older than the one before it was written out of turn, and is told all the same."""


def backwards(exam: Exam) -> Iterator[Finding]:
    """Test time never falls; where it begins anew, two recordings stand one behind the other."""
    if not exam.of_intervals.extremes[0] < 0:
        return
    back = places(exam.intervals, lambda seconds: seconds < 0)
    first = int(back[0])
    before, after = float(exam.time[first]), float(exam.time[first + 1])
    if len(back) > OFTEN * len(exam.intervals):
        yield Finding(
            "time runs backwards",
            f"The records are not in the order of time, which falls {len(back):,} times (first in "
            f"{exam.row(first + 1)}, from {before:.10g} to {after:.10g} s). Nothing that depends on time or order is "
            "computed; sort the lines by time.",
            frozenset({labels.TIME, labels.CURRENT, *labels.COUNTERS_AH, *labels.COUNTERS_WH}),
        )
        return
    anew = after <= float(exam.time[0]) + 0.01 * (before - float(exam.time[0]))
    what = (
        "begins anew, as where a second recording, or that of a second cell, stands behind the first"
        if anew
        else "runs backwards"
    )
    if abs(before - after - CLOCK) < SLACK + exam.typical:
        what = "runs backwards by an hour, as where clocks are put back"
    more = f", and in {counted(len(back) - 1, 'more place', 'more places')}" if len(back) > 1 else ""
    yield Finding(
        "time runs backwards",
        f"Test time {what}: {before:.10g} s is followed by {after:.10g} s in {exam.row(first + 1)}{more}. Nothing that "
        "depends on time is computed.",
        IN_TIME,
    )


def stands_still(exam: Exam) -> Iterator[Finding]:
    """A recording in which no time passes has no amounts."""
    first, last = extremes(exam.source.columns[labels.TIME])
    if len(exam.source) > 1 and last <= first:
        yield Finding(
            "time stands still",
            f"Test time is {exam.time[0]:g} s in all {len(exam.source):,} records: nothing that depends on time is "
            "computed.",
            IN_TIME,
        )


def civil_backwards(exam: Exam) -> Iterator[Finding]:
    """Civil time that falls by more than an hour's change of the clock is told; it is used for comparison only."""
    if not exam.source.has(labels.WALL):
        return
    wall = exam.source.columns[labels.WALL]
    fell = np.empty(0, dtype=np.intp) if never_falls(wall) else places(Differences(wall), lambda each: each < -3660)
    if len(fell):
        first = int(fell[0])
        yield Finding(
            "civil time",
            f"Civil time falls by {wall[first] - wall[first + 1]:.0f} s in {exam.row(first + 1)}: it is not compared "
            "with test time.",
            frozenset({labels.WALL}),
        )


CHECKS = (backwards, stands_still, civil_backwards)
