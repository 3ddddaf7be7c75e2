"""Time in another unit than its column says, found by what it is measured against.

In this order: civil time; the file's own counters over the integral of its current; a grid of records that is whole in
another unit; and what no battery does, a full charge within a minute or over years. The first one that speaks decides.
"""

from collections.abc import Iterator

import numpy as np

from reports.foreign import source as labels
from reports.foreign.exam import IN_TIME, Exam
from reports.foreign.pieces import extremes, sampled, sampled_where
from reports.foreign.segments import Segment
from reports.foreign.source import Finding

ORDER = 20
UNITS = {3600.0: "hours", 60.0: "minutes", 1e-3: "milliseconds", 86400.0: "days", 1e-6: "microseconds",
         1 / 3600: "seconds that were taken for hours", 1 / 60: "seconds that were taken for minutes"}  # fmt: skip
"""What a second of civil time for a unit of test time betrays."""
NEAR = 0.03
FASTEST, SLOWEST = 60.0, 2000 * 3600.0
"""s that a charge or discharge over most of the voltage range takes at least and at most: 60C, and a C/2000."""


FINEST = 1e-3
"""s between records: no cycler writes them closer over a whole recording."""
SWING = 0.15
"""Part of its voltage by which a battery's must change before a step is taken for a whole one."""


GRADUAL = 0.03
"""Part of the range that a whole charge goes through between its first and last tenth, also of LFP."""


def unit(exam: Exam) -> Iterator[Finding]:
    """See the module."""
    if not exam.believes(labels.TIME) or len(exam.source) < 3:
        return
    told = _by_civil_time(exam) or _by_grid(exam) or _by_what_a_battery_does(exam)
    if told:
        yield Finding(
            "time in another unit",
            f"Test time is not in seconds, as its column says: {told}. Nothing that depends on time is computed; "
            "give its unit in the header, as in 'Test Time / h'.",
            IN_TIME,
        )


def _by_civil_time(exam: Exam) -> str:
    if not exam.believes(labels.WALL):
        return ""
    wall, time = sampled(exam.source.columns[labels.WALL]), sampled(exam.time)
    step = max(1, len(time) // 200)
    passed, counted = np.diff(wall[::step]), np.diff(time[::step])
    good = (passed > 0) & (counted > 0) & np.isfinite(passed)
    # Civil time is often written in whole seconds: what is shorter than some of them says nothing.
    good &= passed >= 5
    if good.sum() < 3:
        return ""
    ratio = float(np.median(passed[good] / counted[good]))
    found = _named(ratio)
    return f"civil time passes {ratio:.4g} times as fast, so it is in {found}" if found else ""


def _named(ratio: float) -> str:
    return next((name for value, name in UNITS.items() if abs(ratio / value - 1) < NEAR), "")


def _by_grid(exam: Exam) -> str:
    """Cyclers write a record every so many whole seconds: 10 s are 0.0027778 h."""
    known = exam.of_intervals
    regular = known.sampled if known.extremes[0] > 0 else sampled_where(exam.intervals, lambda seconds: seconds > 0)
    if len(regular) < 20:
        return ""
    typical = float(np.median(regular))
    if typical >= 0.5:
        return ""
    if typical < FINEST and len(exam.source) > 100:
        return f"its records are {1e6 * typical:.3g} µs apart if it is, and {3600 * typical:.3g} s if it is in hours"
    for seconds in (60.0, 3600.0):
        grid, near = regular * seconds, np.round(regular * seconds)
        whole = (near >= 1) & (np.abs(grid - near) < 1e-3)
        fine = np.abs(regular * 1000 - np.round(regular * 1000)) < 1e-4
        if whole.mean() > 0.8 and fine.mean() < 0.5:
            apart = f"{grid[len(grid) // 2]:.4g} s apart if it is in {UNITS[seconds]}, and {typical:.3g} s if not"
            return f"its records are {apart}"
    return ""


def _by_what_a_battery_does(exam: Exam) -> str:
    lowest, highest = extremes(exam.voltage)
    span = highest - lowest
    middle = float(np.median(np.abs(sampled(exam.voltage))))
    swings = [each for each in exam.moving if span > SWING * middle and _is_whole(exam, each, span)]
    if not swings:
        return ""
    longest = max(swings, key=lambda each: each.seconds)
    if longest.seconds < FASTEST:
        return f"by it a whole {longest.direction} lasts {longest.seconds:.3g} s, which no battery survives"
    if longest.seconds > SLOWEST:
        return f"by it a whole {longest.direction} lasts {longest.seconds / 86400:,.0f} days"
    return ""


def _is_whole(exam: Exam, step: Segment, span: float) -> bool:
    """Whether a step goes through most of the voltage, little by little: a leap at its beginning is no discharge."""
    rows = step.stop - step.start
    if rows < 10 or abs(exam.voltage[step.stop - 1] - exam.voltage[step.start]) <= 0.6 * span:
        return False
    early, late = exam.voltage[step.start + rows // 10], exam.voltage[step.stop - 1 - rows // 10]
    return bool(abs(late - early) > GRADUAL * span)


CHECKS = (unit,)
