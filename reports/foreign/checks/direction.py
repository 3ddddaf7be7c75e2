"""Currents of one sign only, or of the other sign: held against what the voltage does, and against the file's words."""

from collections.abc import Iterator

import numpy as np

from reports.foreign import source as labels
from reports.foreign.exam import AMOUNTS, Exam
from reports.foreign.pieces import extremes, sampled
from reports.foreign.segments import Segment
from reports.foreign.source import Finding

ORDER = 40
LEAST = 0.02
"""Part of the range of the voltage by which a step must move it to say anything."""
DRIFT = 0.005
"""Part of the voltage itself that it may drift by while nothing but noise flows."""
CONTRADICTS = 0.9
"""Part of the charge moved, of all that says something, that must speak against the sign."""


def reversed_current(exam: Exam) -> Iterator[Finding]:
    """A charge raises the voltage. Where most that says anything says otherwise, positive current does not charge."""
    if not exam.believes(labels.VOLTAGE) or not exam.believes(labels.CURRENT):
        return
    with_it, against = _evidence(exam)
    if against <= 0:
        return
    lowest, highest = extremes(exam.source.columns[labels.CURRENT])
    one_sign = lowest >= -exam.rest_below or highest <= exam.rest_below
    most = against >= CONTRADICTS * (with_it + against)
    if one_sign and (most or (against > 0.1 * (with_it + against) and not _confirmed(exam))):
        yield _finding(
            "current of one sign",
            f"The current has one sign only ({_sign(exam)}) and the voltage goes against it, first in "
            f"{exam.row(_where(exam))}: which way it flows cannot be told, and no amount is computed.",
        )
    elif most:
        yield _finding("reversed current", _reversed(exam))


def _confirmed(exam: Exam) -> bool:
    """Whether counters of both directions say as well that all of it flowed one way."""
    if not all(label in exam.counted for label in labels.COUNTERS_AH):
        return False
    into, out = (float(exam.counted[label].total[-1] - exam.counted[label].total[0]) for label in labels.COUNTERS_AH)
    return into > 0.98 * (into + out) if (exam.current >= -exam.rest_below).all() else out > 0.98 * (into + out)


def _reversed(exam: Exam) -> str:
    return (
        f"The current has the other sign: the voltage falls where it is positive and rises where it is negative, in "
        f"{exam.row(_where(exam))} for the first time. Positive must charge; no amount is computed before it is turned."
    )


def _finding(check: str, text: str) -> Finding:
    return Finding(check, text, AMOUNTS | {labels.CURRENT})


def _sign(exam: Exam) -> str:
    return "never negative" if (exam.current >= -exam.rest_below).all() else "never positive"


def _telling(exam: Exam) -> list[tuple[Segment, float]]:
    """Steps by whose voltage the direction can be seen, with its change, V: runs of one sign of the current."""
    span = float(np.ptp(np.quantile(sampled(exam.voltage), (0.005, 0.995)))) if len(exam.voltage) else 0.0
    found = []
    for each in exam.segments:
        if each.stop - each.start < 4 or each.direction not in ("charge", "discharge"):
            continue
        # From the second record: the first may still show the voltage of the step before.
        change = float(exam.voltage[each.stop - 2] - exam.voltage[each.start + 1])
        if abs(change) > max(LEAST * span, DRIFT * abs(float(exam.voltage[each.start]))):
            found.append((each, change))
    return found


def _evidence(exam: Exam) -> tuple[float, float]:
    """Charge (Ah) of steps in which the voltage goes with the current, and of those in which against it."""
    told = [(each.charge, change * (1 if each.direction == "charge" else -1)) for each, change in _telling(exam)]
    return sum(charge for charge, way in told if way > 0), sum(charge for charge, way in told if way < 0)


def _where(exam: Exam) -> int:
    return next(each.start for each, change in _telling(exam) if (change > 0) != (each.direction == "charge"))


def words(exam: Exam) -> Iterator[Finding]:
    """Where the file says charge or discharge, and the sign of the current says the other, nobody knows which it is."""
    if labels.WAY not in exam.source.columns or not exam.believes(labels.CURRENT):
        return
    way = exam.source.whole(labels.WAY)
    flowing = (np.abs(exam.current) > 20 * exam.rest_below) & np.isfinite(way) & (way != 0)
    contrary = flowing & (np.sign(exam.current) != way)
    if flowing.any() and contrary.sum() > 0.02 * flowing.sum():
        first = int(np.flatnonzero(contrary)[0])
        said, others = "charge" if way[first] > 0 else "discharge", int(contrary.sum()) - 1
        more = f" and {others:,} more" if others else ""
        yield _finding(
            "reversed current",
            f"In {exam.row(first)}{more} the file says {said} and the current says the "
            f"opposite ({exam.current[first]:.4g} A): no amount is computed.",
        )


CHECKS = (reversed_current, words)
