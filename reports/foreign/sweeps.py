"""Whole charges and discharges, and how long they took: told by what they moved, not by how far the voltage swung.

A battery has no clock, but it has a size: charge over current is a time, and what is physically possible of it is known
within some powers of ten. That holds whatever unit the current is in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reports.foreign.exam import Exam
from reports.foreign.pieces import extremes, pieces, sampled
from reports.foreign.segments import Direction, Segment

SWING = 0.15
"""Part of its voltage by which a battery's must change before a step is taken for a whole one, whatever its shape."""
LEAST = 0.12
"""The same of a step at constant current whose voltage goes on to its end: LFP between 3.1 and 3.6 V."""
STAYS = 0.5
"""Part of what a step changed that is left of it after a rest at least: what a pulse changed comes back."""
GRADUAL = 0.03
"""Part of the range that a whole charge goes through between its first and last tenth, also of LFP."""
MOST = 0.6
"""Part of the range of the voltage that a whole one goes through."""
FEWEST, LOOKED_AT = 10, 200
"""Records that a run has at least, and runs of a profile that are looked at, the longest of them."""
ENOUGH = 10_000
"""Records of a run that tell whether its current is constant."""
CONSTANT = 0.05
"""Part of its median by which a current may differ and is constant."""
ON = 0.9
"""Part of what the voltage changed in the middle third of a step that it changes in its last at least.

What follows a pulse slows down, as every diffusion and every RC pair does; what follows the charge goes on.
"""


HALF_A_SECOND = 0.5
"""s that a step lasts at least before its second half is what its charge does, and not what follows a pulse."""
NOTHING, QUICKEST = 0.02, 0.5 / 60.0
"""Part of its voltage by which a battery's must move, and per s in the quickest whole charge: half of it in 60 s."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One way through most of the voltage range: how long it lasted, s."""

    direction: Direction
    seconds: float


def whole(exam: Exam) -> list[Sweep]:
    """Every charge and discharge that goes through most of the range of the voltage, little by little."""
    lowest, highest = extremes(exam.voltage)
    span, middle = highest - lowest, float(np.median(np.abs(sampled(exam.voltage))))
    if span <= LEAST * middle:
        return []
    wide = span > SWING * middle
    found = [each for each in exam.moving if (wide and _goes_through(exam, each, span)) or _goes_on(exam, each, span)]
    found = [each for each in found if _stays(exam, each)]
    # In a profile nothing but a constant current tells what the voltage did by itself.
    found += [each for each in _within_profiles(exam) if _goes_on(exam, each, span) and _stays(exam, each)]
    return [Sweep(each.direction, each.seconds) for each in found]


def slowest(exam: Exam) -> Sweep | None:
    """The longest time (as `Sweep.seconds`) in which a current moved what lies between the extremes of a recording.

    It is the charge over the current that moved most of it: what trickles behind a charge, or floats for a year, counts
    by what it moves. Rests and pulses between the parts of a charge do not count. None where nothing is a whole one.
    """
    lowest, highest = extremes(exam.voltage)
    span, middle = highest - lowest, float(np.median(np.abs(sampled(exam.voltage))))
    if span <= LEAST * middle:
        return None
    steps = [each for each in exam.moving if span > SWING * middle and _goes_one_way(exam, each, span)]
    found = [Sweep(each.direction, _hours(exam, each.charge, [each]) * 3600) for each in steps]
    found += _in_parts(exam)
    return max(found, key=lambda each: each.seconds, default=None)


def hurries(exam: Exam) -> bool:
    """Whether a current takes the voltage along faster than in the quickest charge there is, by the recording's time.

    By the second half of a step: what the voltage leaps by when a current begins is over then.
    """
    middle = float(np.median(np.abs(sampled(exam.voltage))))
    return any(_hurries(exam, each, middle) for each in (*exam.moving, *_within_profiles(exam)))


def _hurries(exam: Exam, step: Segment, middle: float) -> bool:
    half, last = (step.start + step.stop) // 2, step.stop - 1
    if step.stop - step.start < FEWEST or step.seconds < HALF_A_SECOND:
        return False
    moved, seconds = abs(float(exam.voltage[last] - exam.voltage[half])), abs(float(exam.time[last] - exam.time[half]))
    return moved > max(NOTHING, QUICKEST * seconds) * middle


def leaps(exam: Exam, step: Segment) -> float:
    """What the voltage leaps by where a current begins and where it ends, V: the smaller of the two.

    0 where one of the edges is none between a rest and a current.
    """
    if step.start < 1 or step.stop + 1 >= len(exam.voltage) or step.stop - step.start < FEWEST:
        return 0.0
    around = (step.start - 1, step.stop)
    if any(abs(float(exam.current[row])) > exam.rest_below for row in around):
        return 0.0
    # By the second record within, and behind: the first may still show the voltage of the step before.
    begins = abs(float(exam.voltage[step.start + 1] - exam.voltage[step.start - 1]))
    return min(begins, abs(float(exam.voltage[step.stop + 1] - exam.voltage[step.stop - 1])))


def _goes_through(exam: Exam, step: Segment, span: float) -> bool:
    """Whether a step goes through most of the voltage, little by little: a leap at its beginning is no discharge."""
    rows = step.stop - step.start
    if rows < FEWEST or abs(exam.voltage[step.stop - 1] - exam.voltage[step.start]) <= MOST * span:
        return False
    early, late = exam.voltage[step.start + rows // 10], exam.voltage[step.stop - 1 - rows // 10]
    return bool(abs(late - early) > GRADUAL * span)


def _goes_one_way(exam: Exam, step: Segment, span: float) -> bool:
    """Whether it goes through it once: a current whose sign nobody kept goes to and fro, and moves more than that."""
    if not _goes_through(exam, step, span):
        return False
    places = np.linspace(step.start, step.stop - 1, 11).astype(int)
    ahead = np.array([float(exam.voltage[each]) for each in places])
    ahead = ahead if ahead[-1] > ahead[0] else -ahead
    return bool((np.diff(ahead) > -GRADUAL * span).all())


def _goes_on(exam: Exam, step: Segment, span: float) -> bool:
    """Whether a constant current takes the voltage through most of its range, and ever further until the end."""
    if step.stop - step.start < FEWEST or step.direction not in ("charge", "discharge"):
        return False
    every = max(1, (step.stop - step.start) // ENOUGH)
    current = np.abs(exam.current[step.start : step.stop : every])
    usual = float(np.median(current))
    constant = np.flatnonzero(np.abs(current - usual) <= CONSTANT * usual)
    if len(constant) < max(FEWEST, 0.5 * len(current)):
        return False
    first, last = step.start + every * int(constant[0]), step.start + every * int(constant[-1])
    by_thirds = [float(exam.voltage[round(first + part * (last - first))]) for part in (0, 0.1, 0.4, 0.7, 1)]
    start, early, middle, late, end = by_thirds
    on = abs(end - late) >= ON * abs(late - middle) and (end - late) * (end - early) > 0
    return on and abs(end - start) > MOST * span and abs(late - early) > GRADUAL * span


def _stays(exam: Exam, step: Segment) -> bool:
    """Whether the voltage stays where a step took it, as far as a rest before and one behind it tell."""
    before, behind = step.start - 1, step.stop + 1
    if before < 0 or behind >= len(exam.current):
        return True
    if max(abs(float(exam.current[before])), abs(float(exam.current[behind]))) > exam.rest_below:
        return True
    flows = np.flatnonzero(np.abs(exam.current[behind : behind + ENOUGH]) > exam.rest_below)
    rested = behind + int(flows[0]) - 1 if len(flows) else min(behind + ENOUGH, len(exam.current)) - 1
    began, ended, left = (float(exam.voltage[row]) for row in (before, step.stop - 1, rested))
    return abs(left - began) >= STAYS * abs(ended - began)


def _within_profiles(exam: Exam) -> Iterator[Segment]:
    """The longest runs of one direction within what is called a profile since it changes its direction so often."""
    for each in exam.segments:
        if each.direction != "both":
            continue
        current = exam.current[each.start : each.stop]
        sign = (current > exam.rest_below).astype(np.int8) - (current < -exam.rest_below)
        bounds = np.concatenate(([0], np.flatnonzero(np.diff(sign)) + 1, [len(sign)]))
        rows = np.diff(bounds)
        for run in np.argsort(-rows, kind="stable")[:LOOKED_AT]:
            first, last = each.start + int(bounds[run]), each.start + int(bounds[run + 1])
            if rows[run] >= FEWEST and sign[bounds[run]]:
                way: Direction = "charge" if sign[bounds[run]] > 0 else "discharge"
                yield Segment(first, last, way, 0.0, float(abs(exam.time[last - 1] - exam.time[first])))


def _in_parts(exam: Exam) -> Iterator[Sweep]:
    """What lies between the most and the least that was in the battery, where it was moved both ways, or bit by bit."""
    steps = exam.moving
    moved = np.array([each.charge * (1 if each.direction == "charge" else -1) for each in steps])
    if len(steps) < 2 or not _is_signed(exam, moved):
        return
    inside = np.concatenate(([0.0], np.cumsum(moved)))
    way: Direction = "charge" if np.argmax(inside) > np.argmin(inside) else "discharge"
    most = max(exam.rest_below / 5e-4, 1e-300)
    between = float(np.ptp(inside))
    if between / most > 1:  # else it cannot be long, and no column is gone through for it
        yield Sweep(way, _hours(exam, between, steps) * 3600)


def _is_signed(exam: Exam, moved: "np.typing.NDArray[np.float64]") -> bool:
    """Whether both directions are in it, or each part of the one there is goes further than that before it."""
    into, out = float(moved[moved > 0].sum()), float(-moved[moved < 0].sum())
    if min(into, out) > 0.1 * (into + out):
        return True
    ends = np.array([float(exam.voltage[each.stop - 1]) for each in exam.moving])
    return bool(((np.diff(ends) > 0) == (into > out)).mean() > 0.9)


def _hours(exam: Exam, charge: float, steps: list[Segment]) -> float:
    """`charge` (Ah) over the current that moved most of what these steps moved, h."""
    squares = sum(_squares(exam, each) for each in steps)
    moved = sum(each.charge for each in steps)
    return charge * moved / squares if squares > 0 else 0.0


def _squares(exam: Exam, step: Segment) -> float:
    """Integral of the current's square over a step, A²h."""
    total = 0.0
    for each in pieces(step.stop - step.start):
        first, last = step.start + each.start, step.start + each.stop
        seconds = np.abs(np.diff(exam.time[first:last], prepend=exam.time[max(first - 1, 0)]))
        total += float(np.sum(exam.current[first:last] ** 2 * seconds)) / 3600
    return total
