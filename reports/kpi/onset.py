"""From which deviation of the frequency on a charger answers: its insensitivity and the deadband together.

A frequency that stands is answered by a power that stands. How much of the reserve it is, by the size of the deviation,
is a straight line behind the deadband; where that line is zero the answer begins, between two points as well. A charger
that is silent for longer and then gives all that is asked for has the same line: of it the silence is told. Between
which two points it begins is all that is known where no line can be drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reports.kpi.base import Explained, Unseen, of_step
from reports.kpi.grid import BMS_LIMITS, FREQUENCY, NOTHING, SET, Bools, answers_frequency, reserve_of, unbroken
from reports.kpi.readings import POWER, TIME
from reports.recording import Floats, Recording, Step

SMALL, LARGE = 0.0025, 0.05
"""Of the reserve: answers that a line is made of; a smaller one may be a meter's, a larger one another part of it."""
ALIKE = 1e-4
"""Hz within which two frequencies are one."""
SILENT = 0.5
"""Of what the line says: who gives less does not answer."""
FEW = 2
"""Points of which a line is made at least."""
UNKNOWN = 0.5
"""Of a deviation: known no better than by so much, it is not known."""
SPREAD = "where between two points, or beside the line, it begins"
"""What is assumed of it."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Hz from which on it is answered, either way by `spread`."""

    at: float
    spread: float

    @classmethod
    def between(cls, low: float, high: float) -> "Begin":
        """Somewhere."""
        return cls((low + high) / 2, (high - low) / 2)


@dataclass(frozen=True, eq=False)
class Side:
    """Answers to a frequency that is too high, or too low: shares of the reserve by `size` of the deviation, Hz."""

    size: Floats
    answer: Floats
    asked: Floats

    @property
    def begin(self) -> Begin | None:
        """Where it begins; None where nobody asked for anything."""
        answered = self.answer >= SMALL
        if not answered.any():
            return Begin(float(self.size[-1]), 0.0) if self.asked[-1] >= NOTHING else None
        first = int(np.argmax(answered))
        line = slice(first, first + int(np.argmin([*(answered & (self.answer <= LARGE))[first:], False])))
        before = float(self.size[first - 1]) if first else 0.0
        if line.stop - line.start < FEW:
            return Begin.between(before, float(self.size[first]))
        slope, start = np.polyfit(self.size[line], self.answer[line], 1).tolist()
        told = slope * self.size + start
        silent = (told >= SMALL) & (self.answer < SILENT * told)
        if slope <= 0 or silent[:first].any():
            return Begin.between(before, float(self.size[first]))
        off = float(np.sqrt(np.mean((self.answer - told)[line] ** 2)))
        return Begin(max(-start / slope, 0.0), 2 * off / slope)


@of_step(
    "frequency insensitivity", symbol="Δf_0", unit="Hz", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    also=BMS_LIMITS, subject="charger", applies=answers_frequency,
)  # fmt: skip
def insensitivity(run: Recording, step: Step) -> Explained:
    """Deviation of the frequency from which on it is answered, insensitivity and deadband together, (EU) 2017/1485,
    Annex V: where a straight line through the first answers, of 0.25 to 5 % of the reserve, is zero; between the last
    deviation that got nothing and the first that got something where it gives less than half of what the line says
    there, or too few points make a line. The larger of both sides. Of frequencies that stood for longer than dead time
    and ramp take, against what was given at the nominal one.
    """
    begins = [begin for side in _sides(run, step) if (begin := side.begin) is not None]
    if not begins:
        return Unseen("no frequency stood so far off the nominal one that 1 % of the reserve was asked for")
    last = max(begins, key=lambda begin: begin.at)
    if last.spread > max(UNKNOWN * last.at, ALIKE):
        return Unseen("the frequency stood at too few deviations to tell; give it more near where the response begins")
    return Explained(last.at, {SPREAD: last.spread} if last.spread else {})


def _sides(run: Recording, step: Step) -> Iterator[Side]:
    """Both, as far as the frequency stood off the nominal one."""
    grid, share, deviation = reserve_of(run, step)
    stood = grid.settled & np.isfinite(deviation) & ~grid.cut
    wanted = (grid.asked - step.set_points["base"]) / step.set_points["reserve"]
    answer = share - at_rest(share, stood & (np.abs(deviation) < ALIKE))
    for sign in (1.0, -1.0):
        rows = stood & (sign * deviation >= ALIKE)
        sizes, where = np.unique(np.round(sign * deviation[rows] / ALIKE), return_inverse=True)
        if len(sizes):
            given, asked = (np.bincount(where, sign * each[rows]) / np.bincount(where) for each in (answer, wanted))
            yield Side(sizes * ALIKE, given, asked)


def at_rest(values: Floats, rests: Bools) -> Floats:
    """What was there in the rest before each row, or in the first one; 0 without any: so a meter's zero is none of it.

    By row, for a meter has another zero in another range.
    """
    found = np.zeros(len(values))
    for number, (begin, end) in enumerate(unbroken(rests)):
        found[begin if number else 0 :] = values[begin:end].mean()
    return found
