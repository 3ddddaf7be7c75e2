"""How a charger follows a set point that moves evenly: how far it is behind on the way, and when it is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan

import numpy as np

from reports.kpi.base import Explained, Unseen, of_step
from reports.kpi.grid import BAND, BMS_LIMITS, SET, Grid
from reports.kpi.readings import POWER, TIME, percent
from reports.recording import Floats, Recording, Step


def _ramps(run: Recording, step: Step) -> bool:
    return step.kind == "FollowPower" and len(Grid(run, step).ramps) > 0


@dataclass(frozen=True, eq=False)
class Ramp:
    """One of them: rows from its first to its last, and to the last before anything else is asked for."""

    grid: Grid
    first: int
    last: int
    end: int

    @property
    def on_its_way(self) -> slice:
        """Rows while it moves."""
        return slice(self.first, self.last + 1)

    @property
    def slope(self) -> float:
        """W/s."""
        rows = self.on_its_way
        return float(np.polyfit(self.grid.time[rows], self.grid.asked[rows], 1)[0])

    @property
    def behind(self) -> Floats:
        """W by which the power is behind in the direction of the ramp, where it was read and the BMS let it through."""
        rows = self.on_its_way
        off = (self.grid.asked - self.grid.given)[rows][~self.grid.cut[rows]]
        return np.asarray(off[np.isfinite(off)] * np.sign(self.slope))

    @property
    def settled(self) -> float | None:
        """S from its end until the power stays within 2 % of the charger's own; nan: never, None: nothing stood."""
        if self.end - self.last < STOOD:
            return None
        return self.grid.settles(self.last, slice(self.last, self.end + 1), BAND * self.grid.rated)


STOOD = 5
"""Rows that what a ramp ends at has to stand, to be settled at."""


def ramps_of(run: Recording, step: Step) -> Iterator[Ramp]:
    """All of a step."""
    grid = Grid(run, step)
    for first, last in grid.ramps:
        moved = np.flatnonzero(grid.asked[last + 1 :] != grid.asked[last])
        yield Ramp(grid, first, last, last + int(moved[0]) if len(moved) else len(grid.asked) - 1)


@of_step(
    "ramp following error", symbol="ΔP_r", unit="%", sense="at_most", subject="charger", columns=(TIME, SET, POWER),
    also=BMS_LIMITS, applies=_ramps, span=(0, 200),
)  # fmt: skip
def ramp_error(run: Recording, step: Step) -> Explained:
    """Largest difference between the power at the AC side and what a ramp asks for, {count} of them, over the charger's
    own power, while it moves; the steepest moves by {slope:.3g} % of it in a second.
    """
    ramps = [ramp for ramp in ramps_of(run, step) if len(ramp.behind)]
    if not ramps:
        return Unseen(NO_RAMP, count=0, slope=nan)
    rated = ramps[0].grid.rated
    most = max(float(np.abs(ramp.behind).max()) for ramp in ramps)
    slope = max(abs(ramp.slope) for ramp in ramps)
    return Explained(percent(most, rated), count=len(ramps), slope=100 * slope / rated)


@of_step(
    "ramp delay", symbol="t_r", unit="s", sense="at_most", subject="charger", columns=(TIME, SET, POWER),
    also=BMS_LIMITS, applies=_ramps,
)  # fmt: skip
def ramp_delay(run: Recording, step: Step) -> Explained:
    """By how much the power at the AC side is later than a ramp, {count} of them: what it is behind over how steep the
    ramp is, mean of the second half of the way; the longest.
    """
    ramps = [ramp for ramp in ramps_of(run, step) if len(ramp.behind)]
    delays = [float(np.mean(ramp.behind[len(ramp.behind) // 2 :])) / abs(ramp.slope) for ramp in ramps]
    return Explained(max(delays), count=len(delays)) if delays else Unseen(NO_RAMP, count=0)


@of_step(
    "ramp settling time", symbol="t_rs", unit="s", sense="at_most", subject="charger", columns=(TIME, SET, POWER),
    also=BMS_LIMITS, applies=_ramps,
)  # fmt: skip
def ramp_settling(run: Recording, step: Step) -> Explained:
    """Longest time from the end of a ramp, {count} of them, until the power at the AC side stays within 2 % of the
    charger's own; nan where it never did.
    """
    settled = [time for ramp in ramps_of(run, step) if (time := ramp.settled) is not None]
    if not settled:
        return Unseen("what a ramp ended at stood nowhere", count=0)
    return Explained(float(np.max(settled)), count=len(settled))


NO_RAMP = "no set point moved evenly where the power was read and the BMS let it through"
