"""How a charger answers a frequency: how soon, how truly, by which droop, and whether it swings about its answer.

What the BMS did not let through is not the charger's, and is left out (`Grid.cut`).
"""

from collections.abc import Iterator
from itertools import groupby, pairwise
from math import nan

import numpy as np

from reports.kpi.base import Explained, Unseen, of_step
from reports.kpi.grid import (
    BAND,
    BMS_LIMITS,
    FREQUENCY,
    NOTHING,
    SET,
    Grid,
    answers_frequency,
    reserve_of,
    stretches,
    told,
)
from reports.kpi.onset import at_rest
from reports.kpi.readings import POWER, TIME, percent
from reports.recording import Floats, Recording, Step

FEW = 10
"""Rows of which a slope is made at least."""
STILL = 3.0
"""s for which a frequency has to stand still before anything about it is a swing."""


def _jumps(run: Recording, step: Step) -> list[int]:
    """Rows at which the frequency asks for something else at once: more than 1 % of the reserve."""
    asked = Grid(run, step).asked
    return (np.flatnonzero(np.abs(np.diff(asked)) > NOTHING * told(step, "reserve")) + 1).tolist()


def _steps_of_frequency(run: Recording, step: Step) -> bool:
    """A ramp asks for something else in each row, and has no time in which it is answered."""
    return answers_frequency(run, step) and 0 < len(_jumps(run, step)) <= step.sample_count // FEW


def _slopes(run: Recording, step: Step) -> bool:
    return answers_frequency(run, step) and len(np.unique(_active(run, step)[1])) >= FEW


@of_step(
    "frequency response time", symbol="t_f", unit="s", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    also=BMS_LIMITS, applies=_steps_of_frequency, subject="charger",
)  # fmt: skip
def response_time(run: Recording, step: Step) -> Explained:
    """Longest time from a frequency that changed at once, {count} times, until the power at the AC side stays within
    2 % of the reserve of what the response asks for; nan where it never did.
    """
    grid, jumps = Grid(run, step), _jumps(run, step)
    if not jumps:
        return Unseen("no frequency changed at once", count=0)
    band = BAND * told(step, "reserve")
    times = [grid.settles(begin - 1, slice(begin, end + 1), band) for begin, end in stretches(jumps, len(grid.time))]
    return Explained(float(np.max(times)), count=len(times))


@of_step(
    "frequency response error", symbol="ΔP_f", unit="%", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    also=BMS_LIMITS, applies=answers_frequency, span=(0, 200), subject="charger",
)  # fmt: skip
def response_error(run: Recording, step: Step) -> float | Explained:
    """Largest difference between the power at the AC side and what the response asks for, over the reserve, where the
    frequency has stood for longer than dead time and ramp take.
    """
    grid = Grid(run, step)
    off = np.abs(grid.given - grid.asked)[grid.settled & ~grid.cut]
    return percent(float(off.max()), told(step, "reserve")) if len(off) else Unseen("no frequency stood")


@of_step(
    "frequency answer error", symbol="ε_f", unit="%", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    also=BMS_LIMITS, applies=answers_frequency, span=(0, 200), subject="charger",
)  # fmt: skip
def answer_error(run: Recording, step: Step) -> Explained:
    """Largest difference between what a frequency that stands was answered by and what the response asks for, over what
    it asks for: {count} answers of 1 % of the reserve or more, each the mean of where nothing is on its way any more,
    beyond what was given while nothing was asked for.
    """
    grid, base = Grid(run, step), told(step, "base")
    known = grid.settled & ~grid.cut
    wanted = grid.asked - base
    answer = grid.given - base - at_rest(grid.given - base, known & (wanted == 0))
    asks = known & (np.abs(wanted) >= NOTHING * told(step, "reserve"))
    edges = np.flatnonzero(np.diff(np.where(asks, wanted, 0.0), prepend=0.0, append=0.0)).tolist()
    stood = [slice(begin, end) for begin, end in pairwise(edges) if asks[begin]]
    off = [percent(abs(float(np.mean(answer[rows])) - wanted[rows][0]), abs(wanted[rows][0])) for rows in stood]
    return Explained(max(off), count=len(off)) if off else Unseen("no frequency stood that asks for anything", count=0)


def _active(run: Recording, step: Step) -> tuple[Floats, Floats, Floats]:
    """What is there of the reserve, the deviation in Hz and what is asked for, where the response is a slope."""
    grid, share, deviation = reserve_of(run, step)
    wanted = (grid.asked - told(step, "base")) / told(step, "reserve")
    rows = (np.abs(wanted) > NOTHING) & (np.abs(wanted) < 1) & np.isfinite(share) & ~grid.cut
    return share[rows], deviation[rows], wanted[rows]


@of_step(
    "droop error", symbol="Δs", unit="%", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY), also=BMS_LIMITS,
    applies=_slopes, span=(0, 100), subject="charger",
)  # fmt: skip
def droop_error(run: Recording, step: Step) -> Explained:
    """How far the droop is off the one that was asked for, {asked:.3g} %: its frequency over the nominal one for all of
    the power, by a straight line through all that was given on the ramps, there and back; found was {found:.3g} %.
    """
    share, deviation, wanted = _active(run, step)
    if len(share) < FEW:
        return Unseen("no frequency moved along the droop", asked=nan, found=nan)
    mine, asked = (float(np.polyfit(deviation, each, 1)[0]) for each in (share, wanted))
    if not mine:
        return Explained(nan, asked=nan, found=nan)
    droops = {
        "asked": 100 / asked / told(step, "nominal frequency"),
        "found": 100 / mine / told(step, "nominal frequency"),
    }
    return Explained(100 * abs(droops["found"] / droops["asked"] - 1), **droops)


@of_step(
    "decay of swings", symbol="δ_P", unit="1", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    also=BMS_LIMITS, applies=answers_frequency, span=(0, 10), subject="charger",
)  # fmt: skip
def decay_of_swings(run: Recording, step: Step) -> Explained:
    """Largest ratio of an extreme of the power at the AC side to the one before it on the other side of what it settles
    at, while the frequency stands still; below 1 they die away, and 0 is none beyond 1 % of the reserve; {count} were.
    """
    still = list(_still(run, step))
    if not still:
        return Unseen(f"no frequency stood for {STILL:g} s", count=0)
    ratios = [ratio for rows in still for ratio in _ratios(_swing(run, step, rows))]
    return Explained(max(ratios, default=0.0), count=len(ratios))


def _still(run: Recording, step: Step) -> Iterator[slice]:
    """Stretches of rows in which the frequency stands."""
    hertz, time = run.values(FREQUENCY, step), run.values(TIME, step)
    edges = [0, *(np.flatnonzero(np.abs(np.diff(hertz)) > 0) + 1).tolist(), len(hertz)]
    for begin, end in pairwise(edges):
        if end > begin and time[end - 1] - time[begin] >= STILL:
            yield slice(begin, end)


def _swing(run: Recording, step: Step, rows: slice) -> Floats:
    """What the power swings by, as a share of the reserve, about where it comes to rest."""
    given = Grid(run, step).given[rows]
    return np.asarray((given - np.nanmedian(given[len(given) // 2 :])) / told(step, "reserve"))


def _ratios(swing: Floats) -> list[float]:
    """Of each extreme to the one before; the first is the way to where it settles, and no swing."""
    sides = groupby(swing[np.abs(swing) > NOTHING].tolist(), key=np.sign)
    sizes = [max(map(abs, values)) for _, values in sides][1:]
    return [after / before for before, after in pairwise(sizes)]


@of_step(
    "longest sample interval", symbol="Δt_max", unit="s", sense="at_most", columns=(TIME,), applies=answers_frequency,
    subject="charger",
)  # fmt: skip
def sample_interval(run: Recording, step: Step) -> float:
    """Longest time between two samples: whoever sells a fast reserve has to show it so often."""
    time = run.values(TIME, step)
    return float(np.diff(time).max()) if len(time) > 1 else nan
