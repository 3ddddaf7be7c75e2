"""Charges and currents that no cell has, with the factor that would make them those of one.

Nothing in a recording without counters says that a current is in mA: its time is right, and its resistance is small by
as much as its capacity is large. What betrays it is that there is no such cell.
"""

from collections.abc import Iterator

import numpy as np

from reports.foreign import source as labels
from reports.foreign.amounts import Amount, amounts_of
from reports.foreign.exam import AMOUNTS, Exam
from reports.foreign.pieces import sampled
from reports.foreign.source import Finding

ORDER = 75
CELL = 6.0
"""V that no single cell has: of more, several may stand side by side, and nobody knows how many."""
WATERY = 2.4
"""V below which a cell may be one of lead or nickel, of which the largest are larger."""
LARGE, LARGEST, LARGEST_WATERY = 400.0, 1500.0, 6000.0
"""Ah that is told of as much for one cell, and that no cell with lithium has (2026: 1,300), and none of lead."""
STRONG, STRONGEST = 1000.0, 3000.0
"""A that are told of as many for one cell, and that none takes for longer than a spike."""
MILLI = 1e-3


def size(exam: Exam) -> Iterator[Finding]:
    """See the module."""
    if not exam.believes(labels.TIME, labels.CURRENT, labels.VOLTAGE):
        return
    volts = float(np.median(np.abs(sampled(exam.voltage))))
    most, amperes = max(map(_charge, amounts_of(exam)), default=0.0), exam.rest_below / 5e-4
    large = max(most / _largest(volts), amperes / STRONGEST) > 1 and volts < CELL
    if not large and most <= LARGE and amperes <= STRONG:
        return
    told = (
        f"A step moves {most:,.5g} Ah, by up to {amperes:,.4g} A at {volts:.3g} V; in mA it would be "
        f"{most * MILLI:.5g} Ah, by {amperes * MILLI:.4g} A"
    )
    if large:
        why = "no cell has as much, and nothing is computed from it; give its unit in the header, as in 'Current / mA'"
        yield Finding("columns in another unit", f"{told}: {why}.", AMOUNTS | {labels.CURRENT})
    elif volts < CELL:
        yield Finding("a large cell", f"{told}: few cells have as much; look whether the header has the right unit.")


def _largest(volts: float) -> float:
    return LARGEST_WATERY if volts < WATERY else LARGEST


def _charge(amount: Amount) -> float:
    return amount.counter if amount.counted else amount.integral


CHECKS = (size,)
