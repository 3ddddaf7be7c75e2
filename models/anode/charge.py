"""The potential of a negative electrode over a recorded charge, in steps as long as its current allows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anode.electrode import CELLS, NegativeElectrode
from models.anode.parameters import AnodeParameters
from models.anode.salt import NEAR
from models.tables import Vector

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Pace:
    """How finely an electrode is followed: s of a step and the cell's charge that it may move at most, and depths.

    A change of the rate by more than `edge` (1/h) from one row to the next begins with a step of `first` s. `near` is
    the share by which salt may change in a step: what goes by it is taken from its beginning.
    """

    edge: float
    first: float
    longest: float
    most: float
    cells: int
    near: float


FINE = Pace(0.03, 1.0, 60.0, 0.01, CELLS, NEAR)
"""Within 0.4 mV of steps of 1 s, on charges from 0.3 to 2 1/h."""
COARSE = Pace(0.2, 60.0, 600.0, 0.04, 4, 0.5)
"""For what is compared with another course at the same pace."""


@dataclass(frozen=True, slots=True)
class Course:
    """Potentials against lithium, V, at `time` (s), of which `start` is the first."""

    start: float
    time: Vector
    potential: Vector


def course(
    parameters: AnodeParameters, soc: float, time: Vector, rate: Vector, temperature: Vector, pace: Pace = FINE
) -> Course:
    """Carry an electrode at rest at `soc` (0 to 1) through a recording.

    `time` (s) rises, with one value a row; `rate` (A over the capacity in Ah, 1/h; positive charges) and `temperature`
    (degC) are those of the time since the row before. Raises `ValueError` for arrays of different lengths, for less
    than two rows, and for a value that is not a number.
    """
    if not (len(time) == len(rate) == len(temperature) >= 2) or not np.isfinite([time, rate, temperature]).all():
        raise ValueError(
            "a course needs two rows or more, each with a time, a rate and a temperature that are numbers."
        )
    rows = _ends(time, rate, pace)
    passed = np.diff(time, prepend=time[0])
    durations = np.diff(time[rows], prepend=time[0])
    mean_rate, mean_temperature = (
        np.diff(np.cumsum(each * passed)[rows], prepend=0.0) / durations for each in (rate, temperature)
    )
    electrode = NegativeElectrode(parameters, soc, pace.cells, pace.near)
    steps = zip(mean_rate.tolist(), durations.tolist(), mean_temperature.tolist(), strict=True)
    return Course(float(time[0]), time[rows], np.array([electrode.step(*step) for step in steps]))


def _ends(time: Vector, rate: Vector, pace: Pace) -> Rows:
    """The rows that steps end with: behind each edge of the rate after short times that double, and at the next one."""
    ends = [*_edges(time, rate, pace), len(time) - 1]
    found = [
        _between(time, rate, first, last, pace)
        for first, last in zip([0, *ends[:-1]], ends, strict=True)
        if last > first
    ]
    rows = np.unique(np.concatenate(found))
    return rows[np.diff(time[rows], prepend=time[0]) > 0.0]


def _edges(time: Vector, rate: Vector, pace: Pace) -> list[int]:
    """Rows before an edge of the rate; of several within the first step behind one, that one alone."""
    kept: list[int] = []
    for edge in np.flatnonzero(np.abs(np.diff(rate)) > pace.edge).tolist():
        if not kept or time[edge] - time[kept[-1]] >= pace.first:
            kept.append(edge)
    return kept


def _between(time: Vector, rate: Vector, first: int, last: int, pace: Pace) -> Rows:
    """Rows to end steps with, from behind row `first` to row `last`, over which the rate is about the same."""
    whole = float(time[last] - time[first])
    fastest = float(np.abs(rate[first + 1 : last + 1]).max())
    longest = min(pace.longest, 3600.0 * pace.most / fastest) if fastest else pace.longest
    after = pace.first * 2.0 ** np.arange(max(np.ceil(np.log2(longest / pace.first)), 0.0))
    after = np.append(after, np.arange(float(after[-1]) + longest if len(after) else longest, whole, longest))
    rows = np.searchsorted(time[first + 1 : last], time[first] + after[after < whole])
    return np.append(first + 1 + rows, last)
