"""How a car on the grid did what it was asked: set points, reserve, a load of one's own, a round trip.

Powers are those at the AC side of the charger, positive where they charge the car. A box measures them itself; of a
charger that source and sink stand for they follow from the power at the terminals and from what it loses, which is
recorded with each step: so a meter's error reaches them as it reaches that power.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import nan

import numpy as np

from models.grid.charger import Charger
from reports.kpi.base import Explained, of_cycle, of_step
from reports.kpi.following import CHARGE_LIMIT, DISCHARGE_LIMIT
from reports.kpi.readings import CHARGE_AH, DISCHARGE_AH, POWER, SOC, TIME, VOLTAGE, counted, percent
from reports.recording import Floats, Recording, Step

SET, FREQUENCY, STATE = "Set Grid Power / W", "Grid Frequency / Hz", "Supply State / 1"
MEASURED = "Grid Power / W"
BMS_LIMITS = CHARGE_LIMIT, DISCHARGE_LIMIT
BAND, MOVED, FULL, NOTHING = 0.02, 0.05, 0.95, 0.01
"""Of the charger's power: within the first it has settled, beyond the second it has begun; of a reserve: from the third
on it is there in full, below the last it is not there."""
REACT = 2.0
"""s beyond dead time and ramp in which a power is still on its way: two scans."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A step on the grid side: times (s), what was asked, what was given, W."""

    run: Recording
    step: Step

    @cached_property
    def charger(self) -> Charger:
        """As it was recorded with the step."""
        names = ("charge", "discharge", "standby", "proportional", "quadratic", "idle", "dead_time", "ramp")
        found = {name: self.step.set_points[f"charger {name.replace('_', ' ')}"] for name in names}
        return Charger(**found)

    @cached_property
    def time(self) -> Floats:
        """Of the step, s."""
        return self.run.values(TIME, self.step)

    @cached_property
    def asked(self) -> Floats:
        """W."""
        return self.run.values(SET, self.step)

    @cached_property
    def given(self) -> Floats:
        """W."""
        if self.run.has(MEASURED):
            return self.run.values(MEASURED, self.step)
        charger = self.charger
        return np.array([charger.dc_to_ac(power) for power in self.run.values(POWER, self.step).tolist()])

    @cached_property
    def cut(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Whether the BMS's limit, as it was received last, let less through than was asked for, by row.

        What a pack does not take or give is no error of its charger.
        """
        found = np.zeros(len(self.time), dtype=bool)
        if not self.run.has(VOLTAGE):
            return found
        charger, voltage = self.charger, self.run.values(VOLTAGE, self.step)
        wanted = np.array([charger.ac_to_dc(power) for power in self.asked.tolist()])
        for column, sign in ((CHARGE_LIMIT, 1.0), (DISCHARGE_LIMIT, -1.0)):
            if self.run.has(column):
                limit = np.concatenate(([nan], self.run.values(column, self.step)[:-1]))
                found |= sign * wanted > limit * voltage
        return found

    @property
    def rated(self) -> float:
        """W."""
        return max(self.charger.charge, self.charger.discharge)

    @cached_property
    def changes(self) -> list[tuple[int, int]]:
        """Rows from each change of what is asked to the last one before the next."""
        asked = self.asked
        jumps = np.flatnonzero(np.abs(np.diff(asked)) > BAND * self.rated) + 1
        return stretches(jumps.tolist(), len(asked))

    @cached_property
    def settled(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Whether nothing can be on its way any more, by row; a step begins at rest, whatever it asks for first."""
        slow = REACT + self.charger.dead_time + (self.charger.charge + self.charger.discharge) / self.charger.ramp
        since = np.zeros(len(self.time))
        rests = len(self.time) > 0 and self.asked[0] == 0
        last = (self.time[0] - slow if rests else self.time[0]) if len(self.time) else 0.0
        for row in range(len(self.time)):
            if row and abs(self.asked[row] - self.asked[row - 1]) > 0:
                last = self.time[row]
            since[row] = self.time[row] - last
        return np.asarray((since >= slow) & np.isfinite(self.asked) & np.isfinite(self.given))


def _set_points(run: Recording, step: Step) -> bool:
    return step.kind == "FollowPower" and len(Grid(run, step).changes) > 0


def answers_frequency(_run: Recording, step: Step) -> bool:
    """Whether a step answers a frequency."""
    return step.kind == "FollowFrequency"


def _supplies(_run: Recording, step: Step) -> bool:
    return step.kind == "Supply"


def stretches(begins: Sequence[int], count: int) -> list[tuple[int, int]]:
    """First and last row from each of `begins` to the next, the last one to the end of `count` rows."""
    return [(begin, end - 1) for begin, end in pairwise([*begins, count])]


def told(step: Step, name: str) -> float:
    """Set point of a step that has one of that name, else nan."""
    return step.set_points.get(name, nan)


# --- set points -------------------------------------------------------------------------------------------------------


@of_step(
    "set-point settling time",
    symbol="t_s",
    unit="s",
    sense="at_most",
    subject="charger",
    columns=(TIME, SET, POWER),
    also=BMS_LIMITS,
    applies=_set_points,
)
def settling_time(run: Recording, step: Step) -> Explained:
    """Longest time from a changed set point, {count} of them, until the power at the AC side stays within 2 % of the
    charger's own, or is cut by the BMS; nan where it never did, or nothing changed.
    """
    grid = Grid(run, step)
    longest = 0.0 if grid.changes else nan
    for begin, end in grid.changes:
        off = np.abs(grid.given[begin : end + 1] - grid.asked[begin : end + 1]) > BAND * grid.rated
        off &= ~grid.cut[begin : end + 1]
        if not len(off) or off[-1]:
            return Explained(nan, count=len(grid.changes))
        away = np.flatnonzero(off)
        row = begin + (int(away[-1]) + 1 if len(away) else 0)
        longest = max(longest, float(grid.time[row] - grid.time[begin - 1]))
    return Explained(longest, count=len(grid.changes))


@of_step(
    "set-point dead time",
    symbol="t_d",
    unit="s",
    sense="at_most",
    subject="charger",
    columns=(TIME, SET, POWER),
    applies=_set_points,
)
def dead_time(run: Recording, step: Step) -> Explained:
    """Longest time from a changed set point, {count} of them, until the power at the AC side has moved by 5 % of the
    change; nan where it never did, or nothing changed.
    """
    grid = Grid(run, step)
    longest = 0.0 if grid.changes else nan
    for begin, end in grid.changes:
        change = grid.asked[begin] - grid.asked[begin - 1]
        moved = np.flatnonzero((grid.given[begin : end + 1] - grid.given[begin - 1]) / change >= MOVED)
        if not len(moved):
            return Explained(nan, count=len(grid.changes))
        longest = max(longest, float(grid.time[begin + int(moved[0])] - grid.time[begin - 1]))
    return Explained(longest, count=len(grid.changes))


@of_step(
    "grid power error",
    symbol="ΔP_AC",
    unit="W",
    sense="at_most",
    subject="charger",
    columns=(TIME, SET, POWER),
    also=BMS_LIMITS,
    applies=_set_points,
)
def power_error(run: Recording, step: Step) -> float:
    """Root mean square of power at the AC side less set point, where that has stood for longer than dead time and ramp
    take and the BMS let it through.
    """
    grid = Grid(run, step)
    off = (grid.given - grid.asked)[grid.settled & ~grid.cut]
    return float(np.sqrt(np.mean(off**2))) if len(off) else nan


@of_step(
    "grid power bias",
    symbol="b_AC",
    unit="W",
    sense="at_most",
    subject="charger",
    columns=(TIME, SET, POWER),
    also=BMS_LIMITS,
    applies=_set_points,
)
def power_bias(run: Recording, step: Step) -> float:
    """Mean of power at the AC side less set point, by size, where that has stood for longer than dead time and ramp
    take and the BMS let it through.
    """
    grid = Grid(run, step)
    off = (grid.given - grid.asked)[grid.settled & ~grid.cut]
    return abs(float(np.mean(off))) if len(off) else nan


# --- frequency --------------------------------------------------------------------------------------------------------


def reserve_of(run: Recording, step: Step) -> tuple[Grid, Floats, Floats]:
    """What is there of the reserve, -1 to 1, and the deviation in Hz, by row."""
    grid = Grid(run, step)
    share = (grid.given - told(step, "base")) / told(step, "reserve")
    return grid, share, run.values(FREQUENCY, step) - told(step, "nominal frequency")


@of_step(
    "reserve activation time", symbol="t_FCR", unit="s", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    subject="charger",
    applies=answers_frequency,
)  # fmt: skip
def activation_time(run: Recording, step: Step) -> Explained:
    """Longest time from a frequency that asks for all of the reserve until 95 % of it are there, {count} times; nan
    where they never were, or nothing asked for all of it.
    """
    grid, share, _ = reserve_of(run, step)
    wanted = (grid.asked - told(step, "base")) / told(step, "reserve")
    full = np.abs(wanted) >= 1 - 1e-6
    begins = np.flatnonzero(full[1:] & (~full[:-1] | (np.sign(wanted[1:]) != np.sign(wanted[:-1])))) + 1
    longest = 0.0 if len(begins) else nan
    for begin in begins.tolist():
        there = np.flatnonzero(share[begin:] * np.sign(wanted[begin]) >= FULL)
        if not len(there):
            return Explained(nan, count=len(begins))
        longest = max(longest, float(grid.time[begin + int(there[0])] - grid.time[begin - 1]))
    return Explained(longest, count=len(begins))


@of_step(
    "frequency insensitivity", symbol="Δf_0", unit="Hz", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    subject="charger",
    applies=answers_frequency,
)  # fmt: skip
def insensitivity(run: Recording, step: Step) -> float:
    """Largest deviation of the frequency that nothing answers (less than 1 % of the reserve), once it has stood for
    longer than dead time and ramp take: insensitivity and deadband together, (EU) 2017/1485, Annex V.
    """
    grid, share, deviation = reserve_of(run, step)
    quiet = grid.settled & (np.abs(share) < NOTHING)
    return float(np.abs(deviation[quiet]).max()) if quiet.any() else 0.0


@of_step(
    "reserve delivered", symbol="W_FCR", unit="%", sense="at_least", columns=(TIME, SET, POWER, FREQUENCY),
    subject="charger",
    also=BMS_LIMITS, applies=answers_frequency, span=(0, 200),
)  # fmt: skip
def delivered(run: Recording, step: Step) -> Explained:
    """Energy at the AC side in the direction that the frequency asked for, over what it asked for, {energy:.4g} Wh,
    where the BMS let it through.
    """
    grid, _, _ = reserve_of(run, step)
    seconds = np.diff(grid.time, prepend=grid.time[:1])
    wanted, given = (each - told(step, "base") for each in (grid.asked, grid.given))
    known = np.isfinite(wanted) & np.isfinite(given) & ~grid.cut
    energy = float((np.abs(wanted) * seconds)[known].sum()) / 3600
    mine = float((np.sign(wanted) * given * seconds)[known].sum()) / 3600
    return Explained(percent(mine, energy), energy=energy)


@of_step(
    "reserve sustained", symbol="T_FCR", unit="s", sense="at_least", columns=(TIME, SET, POWER, FREQUENCY),
    applies=answers_frequency,
)  # fmt: skip
def sustained(run: Recording, step: Step) -> float:
    """Longest time for which 95 % of the whole reserve are given without a break."""
    grid, share, _ = reserve_of(run, step)
    longest, since = 0.0, nan
    for time, there in zip(grid.time.tolist(), (np.abs(share) >= FULL).tolist(), strict=True):
        since = (time if np.isnan(since) else since) if there else nan
        longest = max(longest, time - since) if there else longest
    return longest


# --- a load of one's own ----------------------------------------------------------------------------------------------


@of_step(
    "supply voltage dip", symbol="ΔU_V2L", unit="%", sense="at_most", columns=(TIME, SET, VOLTAGE), applies=_supplies,
    span=(0, 100),
)  # fmt: skip
def voltage_dip(run: Recording, step: Step) -> float:
    """Largest fall of the voltage at the pack's terminals within 2 s of a load that grows, over what it was before."""
    grid, voltage = Grid(run, step), run.values(VOLTAGE, step)
    dips = [0.0]
    for begin, end in grid.changes:
        within = (grid.time[begin : end + 1] - grid.time[begin - 1]) <= REACT
        if grid.asked[begin] < grid.asked[begin - 1] and within.any():
            dips.append(percent(voltage[begin - 1] - voltage[begin : end + 1][within].min(), voltage[begin - 1]))
    return float(max(dips))


@of_step(
    "supply served", symbol="W_V2L", unit="%", sense="at_least", columns=(TIME, SET, POWER, STATE), applies=_supplies,
    subject="charger",
    span=(0, 100),
)  # fmt: skip
def served(run: Recording, step: Step) -> Explained:
    """Energy that the load got, over what it took or would have taken while it was within the inverter's power,
    {energy:.4g} Wh, and the pack above its minimum.
    """
    grid, state = Grid(run, step), run.values(STATE, step)
    seconds = np.diff(grid.time, prepend=grid.time[:1])
    able = (-grid.asked <= grid.charger.discharge) & (state != -2)
    energy = float((-grid.asked * seconds)[able].sum()) / 3600
    mine = float((np.minimum(-grid.given, -grid.asked) * seconds)[able].sum()) / 3600
    return Explained(percent(mine, energy), energy=energy)


@of_step(
    "supply restart time",
    symbol="t_V2L",
    unit="s",
    sense="at_most",
    subject="charger",
    columns=(TIME, STATE),
    applies=_supplies,
)
def restart_time(run: Recording, step: Step) -> Explained:
    """Longest time for which the inverter was off after too much load; it tripped {count} times."""
    time, off = run.values(TIME, step), run.values(STATE, step) == -1
    begins = np.flatnonzero(off & ~np.concatenate(([False], off[:-1])))
    longest = 0.0
    for begin in begins.tolist():
        back = np.flatnonzero(~off[begin:])
        end = begin + int(back[0]) if len(back) else len(off) - 1
        longest = max(longest, float(time[end] - time[begin]))
    return Explained(longest, count=len(begins))


@of_step("lowest state of charge", symbol="SOC_min", unit="%", sense="at_least", columns=(SOC,), applies=_supplies)
def lowest_soc(run: Recording, step: Step) -> float:
    """Lowest displayed state of charge."""
    shown = run.values(SOC, step)
    return 100 * float(np.nanmin(shown)) if np.isfinite(shown).any() else nan


# --- there and back ---------------------------------------------------------------------------------------------------


@of_cycle(
    "grid round-trip efficiency", symbol="η_V2G", unit="%", sense="at_least", subject="charger",
    columns=(TIME, POWER, SET, DISCHARGE_AH, CHARGE_AH), span=(10, 100),
)  # fmt: skip
def grid_round_trip(run: Recording, discharge: Step, charge: Step) -> Explained:
    """Energy at the AC side for each Ah given back, over that for each Ah of the charge {charge} of the same power:
    charger and pack together, compared by charge so that a state of charge that is not quite restored costs nothing.
    """
    if not _same_power(run, discharge, charge):
        return Explained(nan, charge=repr(charge.name))
    out = -_ac_energy(run, discharge) / counted(run, discharge, DISCHARGE_AH)
    into = _ac_energy(run, charge) / counted(run, charge, CHARGE_AH)
    return Explained(percent(out, into), charge=repr(charge.name))


def _same_power(run: Recording, discharge: Step, charge: Step) -> bool:
    """Whether both follow a power, and one asks for as much as the other."""
    if {discharge.kind, charge.kind} != {"FollowPower"}:
        return False
    out, into = Grid(run, discharge), Grid(run, charge)
    return bool(abs(np.nanmin(out.asked) + np.nanmax(into.asked)) <= BAND * out.rated)


def _ac_energy(run: Recording, step: Step) -> float:
    """Wh, positive into the car."""
    grid = Grid(run, step)
    seconds = np.diff(grid.time, prepend=grid.time[:1])
    return float(np.nansum(grid.given * seconds)) / 3600
