"""Time in another unit than its column says, found by what it is measured against.

In this order: civil time; the file's own counters over the integral of its current; a grid of records that is whole in
another unit; and what no battery does, a full charge within a minute or over weeks. The first one that speaks decides.
"""

from collections.abc import Iterator

import numpy as np

from reports.foreign import source as labels
from reports.foreign.amounts import DIFFERENT, amounts_of
from reports.foreign.exam import IN_TIME, Exam
from reports.foreign.pieces import sampled, sampled_where
from reports.foreign.source import Finding, Floats
from reports.foreign.sweeps import hurries, leaps, slowest, whole

ORDER = 20
UNITS = {3600.0: "hours", 60.0: "minutes", 1e-3: "milliseconds", 86400.0: "days", 1e-6: "microseconds",
         1 / 3600: "seconds that were taken for hours", 1 / 60: "seconds that were taken for minutes"}  # fmt: skip
"""What a second of civil time for a unit of test time betrays."""
NEAR = 0.03
FASTEST, SLOWEST = 60.0, 400 * 3600.0
"""s that a charge or discharge over most of the voltage range takes at least and at most: 60C, and a C/400."""
SLOW, STEEP = 40 * 3600.0, 10.0
"""s, and the part of its voltage per C by which no battery's leaps where a current begins and ends: 37 V of a cell.

Cells have 0.005 to 0.3 of it, the worst of laboratories 3; it is asked of what seems to last so long."""
CELL = 1.0
"""V; what is lower is half a cell, whose voltage at its ends is no part of anything."""
FINEST = 1e-3
"""s between records: no cycler writes them closer over a whole recording."""
WHOLE, BLURRED = 1e-3, 0.05
"""s by which a record may miss a whole second, and by which its rounding may make it do so and it still tells."""
SAMPLED = 50.0
"""Hz from which on loggers sample; more seldom they write what cyclers do."""
DIGITS = 7
"""Decimals of a time that are looked for."""


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
    """Cyclers write a record every so many whole seconds: 10 s are 0.0027778 h, and 2.8 ms are 360 Hz.

    Loggers sample at such rates too (9 s are 400 Hz, a minute of hours or a second of minutes 60 Hz): where it may be
    one, the battery must be in a hurry as well, and the file's own counters must not say that it is.
    """
    known = exam.of_intervals
    regular = known.sampled if known.extremes[0] > 0 else sampled_where(exam.intervals, lambda seconds: seconds > 0)
    if len(regular) < 20:
        return ""
    typical = float(np.median(regular))
    if typical >= 0.5:
        return ""
    if typical < FINEST and len(exam.source) > 100:
        return f"its records are {1e6 * typical:.3g} µs apart if it is, and {3600 * typical:.3g} s if it is in hours"
    last = _last_digit(sampled(exam.time))
    for seconds in (60.0, 3600.0):
        grid, near = regular * seconds, np.round(regular * seconds)
        # An interval lies between two times, each of which is rounded by half of its last digit.
        blur = WHOLE + seconds * last
        whole_ones = (near >= 1) & (np.abs(grid - near) < blur)
        fine = np.abs(regular * 1000 - np.round(regular * 1000)) < 1e-4
        regular_so = blur < BLURRED and whole_ones.mean() > 0.8 and fine.mean() < 0.5
        sampled_at = _may_be_a_rate(typical, last)
        if regular_so and not (sampled_at and (_counters_agree(exam) or not hurries(exam))):
            apart = f"{near[len(near) // 2]:.4g} s apart if it is in {UNITS[seconds]}, and {typical:.3g} s if not"
            return f"its records are {apart}"
    return ""


def _may_be_a_rate(typical: float, last: float) -> bool:
    """Whether records so far apart (s), written to a `last` digit (s), may be what a logger samples: whole Hz."""
    hertz = 1 / typical
    return hertz >= SAMPLED and abs(hertz - round(hertz)) <= 1e-4 * hertz + hertz**2 * last


def _last_digit(time: Floats) -> float:
    """The last decimal that a time is written with, s; 0 where it has as many as a number holds."""
    known = time[np.isfinite(time)]
    for decimals in range(DIGITS):
        scaled = known * 10.0**decimals
        if (np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1.0, 1e-3 * np.abs(scaled))).all():
            return float(10.0**-decimals)
    return 0.0


def _by_what_a_battery_does(exam: Exam) -> str:
    return _too_fast(exam) or _too_slow(exam)


def _too_fast(exam: Exam) -> str:
    longest = max(whole(exam), key=lambda each: each.seconds, default=None)
    if longest is None or longest.seconds >= FASTEST or _counters_agree(exam):
        return ""
    return f"by it a whole {longest.direction} lasts {longest.seconds:.3g} s, which no battery survives"


def _counters_agree(exam: Exam) -> bool:
    """Whether the file has counted as much as its current makes in its time: then it is as quick as that."""
    counted = [each for each in amounts_of(exam) if each.counter > 0]
    total, integral = sum(each.counter for each in counted), sum(each.integral for each in counted)
    return bool(counted) and abs(total / max(integral, 1e-300) - 1) < DIFFERENT


def _too_slow(exam: Exam) -> str:
    longest = slowest(exam)
    if longest is None or longest.seconds <= SLOW:
        return ""
    days = f"by it a whole {longest.direction} lasts {longest.seconds / 86400:.3g} days"
    if longest.seconds > SLOWEST:
        return days
    leap, middle = max((leaps(exam, each) for each in exam.moving), default=0.0), _middle(exam)
    rate = 3600 / longest.seconds
    if middle >= CELL and leap > STEEP * middle * rate:
        return f"{days}, and so little current makes the voltage leap by {leap:.3g} V where it begins and where it ends"
    return ""


def _middle(exam: Exam) -> float:
    return float(np.median(np.abs(sampled(exam.voltage))))


CHECKS = (unit,)
