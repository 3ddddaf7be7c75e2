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
import numpy.typing as npt

from models.grid.charger import Charger
from reports.kpi.base import SET_TEMPERATURE, Explained, Unseen, of_cycle, of_step
from reports.kpi.following import CHARGE_LIMIT, DISCHARGE_LIMIT
from reports.kpi.readings import CHARGE_AH, DISCHARGE_AH, POWER, SOC, TIME, VOLTAGE, counted, last, maximum, percent
from reports.recording import Floats, Recording, Step

Bools = npt.NDArray[np.bool_]
SET, FREQUENCY, STATE = "Set Grid Power / W", "Grid Frequency / Hz", "Supply State / 1"
MEASURED, MAINS = "Grid Power / W", "Mains Voltage / V"
BMS_LIMITS = CHARGE_LIMIT, DISCHARGE_LIMIT
BAND, MOVED, FULL, NOTHING = 0.02, 0.05, 0.95, 0.01
"""Of the charger's power: within the first it has settled, beyond the second it has begun; of a reserve: from the third
on it is there in full, below the last it is not there."""
EVEN, LEAST = 0.2, 4
"""A set point moves evenly where its slope changes by less than the first from row to row, for so many of them."""
TINY = 1e-9
"""s that no two rows are apart."""
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
    def cut(self) -> Bools:
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
        """Rows from each change of what is asked to the last one before the next; a ramp is no change at once."""
        asked = self.asked
        jumps = np.flatnonzero(np.abs(np.diff(asked)) > BAND * self.rated) + 1
        within = [slice(first, last + 1) for first, last in self.ramps]
        at_once = [row for row in jumps.tolist() if not any(ramp.start <= row < ramp.stop for ramp in within)]
        return stretches(at_once, len(asked))

    @cached_property
    def ramps(self) -> list[tuple[int, int]]:
        """First and last row of each stretch in which what is asked moves evenly, however steep and often recorded."""
        slope = np.diff(self.asked) / np.maximum(np.diff(self.time), TINY)
        even = np.abs(np.diff(slope)) <= EVEN * np.abs(slope[1:])
        even &= slope[1:] != 0
        return [(begin + 1, end + 1) for begin, end in unbroken(even) if end - begin >= LEAST]

    @property
    def slow(self) -> float:
        """S in which a power may be on its way: dead time, the whole ramp, and two scans."""
        return REACT + self.charger.dead_time + (self.charger.charge + self.charger.discharge) / self.charger.ramp

    def at_its_base(self, base: float) -> Bools:
        """Rows from when on it can be at a base, W: a step begins at rest, and that way is no answer to anything."""
        return np.asarray(self.time >= (self.time[:1] + self.slow if base else -np.inf))

    @cached_property
    def settled(self) -> Bools:
        """Whether nothing can be on its way any more, by row; a step begins at rest, whatever it asks for first."""
        slow = self.slow
        since = np.zeros(len(self.time))
        rests = len(self.time) > 0 and self.asked[0] == 0
        last = (self.time[0] - slow if rests else self.time[0]) if len(self.time) else 0.0
        for row in range(len(self.time)):
            if row and abs(self.asked[row] - self.asked[row - 1]) > 0:
                last = self.time[row]
            since[row] = self.time[row] - last
        return np.asarray((since >= slow) & np.isfinite(self.asked) & np.isfinite(self.given))

    def settles(self, since: int, rows: slice, band: float) -> float:
        """S from the row `since` until the power stays within `band` W of what is asked for, or is cut by the BMS.

        nan where it is not there at the end of `rows`. A row that nobody has read says neither.
        """
        read = np.arange(rows.start, rows.stop)[np.isfinite(self.given[rows])]
        off = np.flatnonzero((np.abs(self.given - self.asked) > band)[read] & ~self.cut[read])
        there = read[off[-1] + 1 if len(off) else 0 :]
        return float(self.time[there[0]] - self.time[since]) if len(there) else nan


NO_CHANGE = "no set point changed at once"
NOTHING_STOOD = "no set point stood for longer than dead time and ramp take"
NOT_ASKED = "nothing asked for all of the reserve"


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


def unbroken(flags: Bools) -> list[tuple[int, int]]:
    """First row of each stretch of rows that are all flagged, and the first one behind it."""
    return list(pairwise(np.flatnonzero(np.diff([False, *flags, False])).tolist()))[::2]


def longest_stretch(time: Floats, flags: Bools) -> float:
    """S from the first to the last row of the longest stretch that is flagged; 0 without any."""
    return max((float(time[end - 1] - time[begin]) for begin, end in unbroken(flags)), default=0.0)


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
    charger's own, or is cut by the BMS; nan where it never did.
    """
    grid = Grid(run, step)
    if not grid.changes:
        return Unseen(NO_CHANGE, count=0)
    times = [grid.settles(begin - 1, slice(begin, end + 1), BAND * grid.rated) for begin, end in grid.changes]
    return Explained(float(np.max(times)), count=len(times))


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
    change; nan where it never did.
    """
    grid = Grid(run, step)
    if not grid.changes:
        return Unseen(NO_CHANGE, count=0)
    longest = 0.0
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
def power_error(run: Recording, step: Step) -> float | Explained:
    """Root mean square of power at the AC side less set point, where that has stood for longer than dead time and ramp
    take and the BMS let it through.
    """
    grid = Grid(run, step)
    off = (grid.given - grid.asked)[grid.settled & ~grid.cut]
    return float(np.sqrt(np.mean(off**2))) if len(off) else Unseen(NOTHING_STOOD)


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
def power_bias(run: Recording, step: Step) -> float | Explained:
    """Mean of power at the AC side less set point, by size, where that has stood for longer than dead time and ramp
    take and the BMS let it through.
    """
    grid = Grid(run, step)
    off = (grid.given - grid.asked)[grid.settled & ~grid.cut]
    return abs(float(np.mean(off))) if len(off) else Unseen(NOTHING_STOOD)


# --- frequency --------------------------------------------------------------------------------------------------------


def reserve_of(run: Recording, step: Step) -> tuple[Grid, Floats, Floats]:
    """What is there of the reserve, -1 to 1, and the deviation in Hz, by row."""
    grid = Grid(run, step)
    share = (grid.given - told(step, "base")) / told(step, "reserve")
    return grid, share, run.values(FREQUENCY, step) - told(step, "nominal frequency")


def _all_asked(grid: Grid, step: Step) -> Bools:
    """Whether the response asks for all of the reserve, by row."""
    return np.asarray(np.abs(grid.asked - told(step, "base")) >= told(step, "reserve") * (1 - 1e-6))


@of_step(
    "reserve activation time", symbol="t_FCR", unit="s", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    subject="charger",
    applies=answers_frequency,
)  # fmt: skip
def activation_time(run: Recording, step: Step) -> Explained:
    """Longest time from a frequency that asks for all of the reserve until 95 % of it are there, {count} times; nan
    where they never were.
    """
    grid, share, _ = reserve_of(run, step)
    wanted = (grid.asked - told(step, "base")) / told(step, "reserve")
    full = _all_asked(grid, step)
    begins = np.flatnonzero(full[1:] & (~full[:-1] | (np.sign(wanted[1:]) != np.sign(wanted[:-1])))) + 1
    if not len(begins):
        return Unseen(NOT_ASKED, count=0)
    longest = 0.0
    for begin in begins.tolist():
        there = np.flatnonzero(share[begin:] * np.sign(wanted[begin]) >= FULL)
        if not len(there):
            return Explained(nan, count=len(begins))
        longest = max(longest, float(grid.time[begin + int(there[0])] - grid.time[begin - 1]))
    return Explained(longest, count=len(begins))


@of_step(
    "reserve delivered", symbol="W_FCR", unit="%", sense="at_least", columns=(TIME, SET, POWER, FREQUENCY),
    subject="charger",
    also=BMS_LIMITS, applies=answers_frequency, span=(0, 200),
)  # fmt: skip
def delivered(run: Recording, step: Step) -> Explained:
    """Energy at the AC side in the direction that the frequency asked for, over what it asked for, {energy:.4g} Wh,
    where the BMS let it through and it can be at its base.
    """
    grid, _, _ = reserve_of(run, step)
    seconds = np.diff(grid.time, prepend=grid.time[:1])
    wanted, given = (each - told(step, "base") for each in (grid.asked, grid.given))
    known = np.isfinite(wanted) & np.isfinite(given) & ~grid.cut & grid.at_its_base(told(step, "base"))
    energy = float((np.abs(wanted) * seconds)[known].sum()) / 3600
    if not energy:
        return Unseen("the frequency asked for nothing", energy=energy)
    mine = float((np.sign(wanted) * given * seconds)[known].sum()) / 3600
    return Explained(percent(mine, energy), energy=energy)


@of_step(
    "reserve tracking error", symbol="ε_FCR", unit="%", sense="at_most", columns=(TIME, SET, POWER, FREQUENCY),
    subject="charger",
    also=BMS_LIMITS, applies=answers_frequency, span=(0, 200),
)  # fmt: skip
def tracking_error(run: Recording, step: Step) -> float:
    """Root mean square of the power at the AC side less what the response asks for at the same moment, over the
    reserve, where the BMS let it through and it can be at its base: of a frequency that never stands, dead time and
    ramp are in it.
    """
    grid = Grid(run, step)
    known = np.isfinite(grid.asked) & np.isfinite(grid.given) & ~grid.cut & grid.at_its_base(told(step, "base"))
    off = (grid.given - grid.asked)[known]
    return percent(float(np.sqrt(np.mean(off**2))), told(step, "reserve")) if len(off) else nan


@of_step(
    "reserve on offer", symbol="P_FCR", unit="%", sense="at_least", columns=(TIME, SET, FREQUENCY), subject="charger",
    applies=answers_frequency, span=(0, 200),
)  # fmt: skip
def offered(run: Recording, step: Step) -> Explained:
    """Power that is all of the reserve here, {watts:.4g} W, over the {rated:.4g} W of the charger: what is said of the
    reserve is said of that much.
    """
    watts, rated = told(step, "reserve"), Grid(run, step).rated
    return Explained(percent(watts, rated), watts=watts, rated=rated)


@of_step(
    "reserve sustained", symbol="T_FCR", unit="s", sense="at_least", columns=(TIME, SET, POWER, FREQUENCY),
    applies=answers_frequency,
)  # fmt: skip
def sustained(run: Recording, step: Step) -> float | Explained:
    """Longest time for which 95 % of the whole reserve are given without a break."""
    grid, share, _ = reserve_of(run, step)
    if not _all_asked(grid, step).any():
        return Unseen(NOT_ASKED)
    return longest_stretch(grid.time, np.asarray(np.abs(share) >= FULL))


# --- a load of one's own ----------------------------------------------------------------------------------------------


@of_step(
    "supply voltage dip", symbol="ΔU_V2L", unit="%", sense="at_most", columns=(TIME, SET, VOLTAGE, STATE),
    also=(MAINS,), applies=_supplies, span=(0, 100),
)  # fmt: skip
def voltage_dip(run: Recording, step: Step) -> Explained:
    """Largest fall of the voltage {where} within 2 s of a load that grows, {count} times, over what it was before,
    while the inverter is on.
    """
    grid, on = Grid(run, step), run.values(STATE, step) == 1
    at_the_load = run.has(MAINS)
    voltage = run.values(MAINS if at_the_load else VOLTAGE, step)
    where = "at the load" if at_the_load else "at the pack's terminals, where nothing measures at the load's side,"
    dips: list[float] = []
    for begin, end in grid.changes:
        rows = slice(begin, end + 1)
        seen = on[rows] & np.isfinite(voltage[rows] - voltage[begin - 1])
        seen &= grid.time[rows] - grid.time[begin - 1] <= REACT
        if grid.asked[begin] < grid.asked[begin - 1] and seen.any():
            dips.append(percent(voltage[begin - 1] - voltage[rows][seen].min(), voltage[begin - 1]))
    if not dips:
        return Unseen("no load grew at once that it carried", where=where, count=0)
    return Explained(max(0.0, *dips), where=where, count=len(dips))


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
    able = (-grid.asked <= grid.charger.discharge) & (state != -2) & np.isfinite(grid.given)
    energy = float((-grid.asked * seconds)[able].sum()) / 3600
    if not energy:
        return Unseen("nothing that the inverter owes was asked for", energy=energy)
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
    time, off = run.values(TIME, step), _off(run, step)
    if not off:
        return Unseen("no load was too much for it", count=0)
    # What is off at the end has been so until then at least.
    return Explained(max(float(time[min(end, len(time) - 1)] - time[begin]) for begin, end in off), count=len(off))


@of_step(
    "supply trips", symbol="n_V2L", unit="1", sense="at_least", subject="charger", columns=(TIME, STATE),
    applies=_supplies, counts=True,
)  # fmt: skip
def trips(run: Recording, step: Step) -> float:
    """How often the inverter switched off for too much load."""
    return float(len(_off(run, step)))


def _off(run: Recording, step: Step) -> list[tuple[int, int]]:
    """First row of each stretch in which the inverter is off for too much load, and the first one behind it."""
    return unbroken(np.asarray(run.values(STATE, step) == -1))


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
    Over all conditions 79.1 to 87.8 % came back of a measured V2G car (Schram et al. 2020, SEST): this is {beside}.
    """
    if not _same_power(run, discharge, charge):
        return Unseen("there and back were not of one power and temperature", charge=repr(charge.name), beside="none")
    out = -_ac_energy(run, discharge) / counted(run, discharge, DISCHARGE_AH)
    into = _ac_energy(run, charge) / counted(run, charge, CHARGE_AH)
    found = percent(out, into)
    return Explained(found, charge=repr(charge.name), beside=beside_a_car(found))


MEASURED_CAR = (79.1, 87.8)
"""% that come back of a V2G car, over all conditions (Schram et al. 2020, SEST)."""


def beside_a_car(found: float) -> str:
    """Where % that came back are beside those of the measured car; more is no fault, and said."""
    low, high = MEASURED_CAR
    return f"{low - found:.1f} below" if found < low else f"{found - high:.1f} above" if found > high else "within"


def _same_power(run: Recording, discharge: Step, charge: Step) -> bool:
    """Whether both follow a power, one asks for as much as the other, and the chamber was set alike."""
    if {discharge.kind, charge.kind} != {"FollowPower"} or _air(run, discharge) != _air(run, charge):
        return False
    out, into = Grid(run, discharge), Grid(run, charge)
    return abs(maximum(into.asked) - maximum(-out.asked)) <= BAND * out.rated


def _air(run: Recording, step: Step) -> float | None:
    """What the chamber was set to at the end of a step, degC; None where nobody set it."""
    air = last(run.values(SET_TEMPERATURE, step)) if run.has(SET_TEMPERATURE) else nan
    return air if np.isfinite(air) else None


def _ac_energy(run: Recording, step: Step) -> float:
    """J, positive into the car."""
    grid = Grid(run, step)
    seconds = np.diff(grid.time, prepend=grid.time[:1])
    return float(np.nansum(grid.given * seconds))
