"""What a charger takes while nobody wants anything of it, and whether it is there when somebody does."""

import numpy as np

from reports.kpi.base import Explained, Unseen, of_step
from reports.kpi.grid import BMS_LIMITS, FULL, MEASURED, SET, Grid
from reports.kpi.readings import POWER, TIME, percent
from reports.recording import Recording, Step

IDLE = 3600.0
"""s that a step rests in all, from which on it says something of a standby."""


def _rests(run: Recording, step: Step) -> bool:
    if step.kind != "FollowPower":
        return False
    grid = Grid(run, step)
    seconds = np.diff(grid.time, prepend=grid.time[:1])
    return bool(seconds[grid.asked == 0].sum() >= IDLE)


@of_step(
    "standby power", symbol="P_0", unit="W", sense="at_most", columns=(TIME, SET, POWER), also=(MEASURED,),
    applies=_rests, subject="charger",
)  # fmt: skip
def standby_power(run: Recording, step: Step) -> Explained:
    """Mean power at the AC side while nothing is asked for and nothing is on its way, for {hours:.1f} h; {stated:.3g} W
    of it are stated by the data of a charger that source and sink stand for, and measured by nobody.
    """
    grid = Grid(run, step)
    idle = grid.settled & (grid.asked == 0)
    if not idle.any():
        return Unseen("it never rested", hours=0.0, stated=0.0)
    hours = float(np.diff(grid.time, prepend=grid.time[:1])[idle].sum()) / 3600
    stated = 0.0 if run.has(MEASURED) else grid.charger.idle
    return Explained(stated + float(np.mean(grid.given[idle])), hours=hours, stated=stated)


@of_step(
    "demands met", symbol="n_met", unit="%", sense="at_least", columns=(TIME, SET, POWER), also=BMS_LIMITS,
    applies=_rests, span=(0, 100), subject="charger",
)  # fmt: skip
def demands_met(run: Recording, step: Step) -> Explained:
    """Share of the {count} demands after a rest that got 95 % of their power before they ended, or all that the BMS let
    through.
    """
    grid = Grid(run, step)
    met = [_is_met(grid, begin, end) for begin, end in grid.changes if grid.asked[begin - 1] == 0]
    if not met:
        return Unseen("nobody wanted anything of it", count=0)
    return Explained(percent(float(sum(met)), float(len(met))), count=len(met))


def _is_met(grid: Grid, begin: int, end: int) -> bool:
    rows = slice(begin, end + 1)
    given = grid.given[rows] / grid.asked[rows]
    return bool(((given >= FULL) | grid.cut[rows]).any())
