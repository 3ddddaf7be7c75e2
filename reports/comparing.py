"""Strategies beside each other, honestly: in minutes at the same least margin to plating, as the judge has it.

A charge that is faster because it goes nearer to plating is no better strategy. So each is charged on the twin (the
model behind the virtual bench, no cell unlike the others), judged by the same model of the negative electrode as a
recording, and scaled until its least potential is that of following the BMS's limit, or one that was asked for. Scaled,
it keeps the pack's own limits of current and voltage and is not cut by the BMS: that would be a comparison of tables.
How much of it this pack's BMS would cut is said beside. The twin is in air, without coolant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isinf, nan

import numpy as np

from bench.pack import PackFile
from bench.running.emulation import cell_of, charge_steps_of
from bench.strategies import FollowLimit, Scaled, Strategy, rate_of
from bench.verdicts import InputError
from models.anode import FINE, AnodeParameters, course, load_anode
from models.cell import CellParameters, load_cell
from models.construction import Construction
from models.string import NO_SPREAD, CellString
from models.twin import LONGEST, Beginning

STEP = 5.0
"""s of the twin."""
SMALLEST, LARGEST = 0.1, 4.0
"""Shares of a strategy between which one is looked for that has the margin."""
CLOSE, FAR, ROUNDS = 0.05, 1.0, 20
"""mV by which a margin is met, and by which it is not after so many halvings at most."""

NOT_KNOWN = "not known: of this cell's negative electrode nobody has a model"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tried:
    """One charge of the twin: s until its end (infinite: never), least margin to plating (mV; nan: not known).

    `hottest` is in degC, `cut` the share of what was asked for (A s) that the BMS's table has no room for.
    """

    time: float
    margin: float
    hottest: float
    cut: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One strategy: as it is, within what the BMS allows, and by which `share` of it the margin is the given one.

    `equal` is None where there is no such share, or nobody can judge: `why` says so.
    """

    strategy: Strategy
    as_it_is: Tried
    equal: Tried | None
    share: float = 1.0
    why: str = ""

    @property
    def scaled(self) -> Strategy:
        """The strategy as it is at the given margin, to be tried on a bench; as it was where there is none."""
        return self.strategy if self.equal is None else Scaled(round(self.share, 4), self.strategy)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Strategies at a margin, mV; nan where nobody knows one. The first is what the others are compared with."""

    margin: float
    rows: tuple[Compared, ...]

    def gain(self, row: Compared) -> float:
        """Time (s) by which a strategy is faster than following the limit, at equal margin; nan where nobody knows.

        Zero and less are as they are.
        """
        reference = self.rows[0].equal
        return nan if row.equal is None or reference is None else reference.time - row.equal.time


def compare_strategies(
    pack: PackFile,
    strategies: Sequence[Strategy],
    beginning: Beginning,
    margin: float | None = None,
    progress: Progress = lambda _name: None,
) -> Comparison:
    """Compare strategies with following the BMS's limit, at its own least margin or at `margin` (mV).

    `progress` is told the name of each before it is looked at. Raises `InputError` for a beginning that the pack does
    not allow, and for a strategy that leads nowhere.
    """
    chosen = [FollowLimit(), *(each for each in strategies if each != FollowLimit())]
    _check(pack, chosen, beginning)
    trial, rows = _Trial(pack, beginning), list[Compared]()
    for strategy in chosen:
        progress(strategy.name)
        found = strategy.for_pack(pack, beginning)
        as_it_is = trial.charge(found)
        if margin is None:
            # Following the limit is at its own margin as it is.
            margin = as_it_is.margin
            if isinf(as_it_is.time):
                raise InputError(
                    f"the BMS of {pack.name} never lets it reach {100 * beginning.end:g} % at "
                    f"{beginning.temperature:g} °C, so that following it has no margin to compare at: give one."
                )
            rows.append(Compared(found, as_it_is, as_it_is) if isfinite(margin) else _unknown(found, as_it_is))
        else:
            rows.append(_at(trial, found, as_it_is, margin))
    return Comparison(nan if margin is None else margin, tuple(rows))


def _check(pack: PackFile, strategies: Sequence[Strategy], beginning: Beginning) -> None:
    allowed, cell = pack.limits.charge_temperature, cell_of(pack)
    if not allowed.min <= beginning.temperature <= allowed.max:
        raise InputError(
            f"{pack.name} is not to be charged at {beginning.temperature:g} °C, its charge_temperature is from "
            f"{allowed.min:g} to {allowed.max:g} °C: give a temperature in between."
        )
    for strategy in strategies:
        # A searched one asks for nothing before it has been searched.
        if strategy.asks and not strategy.is_searched:
            for problem in strategy.problems(beginning.end, cell):
                raise InputError(problem)


def _unknown(strategy: Strategy, as_it_is: Tried) -> Compared:
    return Compared(strategy, as_it_is, None, nan, NOT_KNOWN)


def _at(trial: "_Trial", strategy: Strategy, as_it_is: Tried, margin: float) -> Compared:
    """The strategy at a margin, found by halving: the larger the share, the less is left."""
    if trial.anode is None:
        return _unknown(strategy, as_it_is)
    low, high = SMALLEST, LARGEST
    most, least = (trial.charge(strategy, share, within_limit=False) for share in (high, low))
    if most.margin > margin:
        return Compared(strategy, as_it_is, None, high, f"never so near: {most.margin:.1f} mV at {high:g} times")
    if least.margin < margin:
        return Compared(strategy, as_it_is, None, low, f"never that far away: {least.margin:.1f} mV at {low:g} times")
    share, found = high, most
    for _ in range(ROUNDS):
        if abs(found.margin - margin) <= CLOSE:
            break
        share = (low + high) / 2
        found = trial.charge(strategy, share, within_limit=False)
        low, high = (share, high) if found.margin > margin else (low, share)
    if isinf(found.time):
        return Compared(strategy, as_it_is, None, share, f"never there: with {share:.2f} times of it")
    if abs(found.margin - margin) > FAR:
        return Compared(strategy, as_it_is, None, share, f"passed over: {found.margin:.1f} mV at {share:.2f} times")
    return Compared(strategy, as_it_is, found, share)


class _Course:
    """One charge on its way: the string, and what is kept of each step for the judge."""

    def __init__(self, pack: PackFile, cell: CellParameters, begun: Beginning) -> None:
        self._string = CellString(
            load_cell(pack.cell), pack.series, pack.parallel, spread=NO_SPREAD, soc=begun.soc,
            temperature=begun.temperature, construction=Construction(**pack.construction.model_dump()),
        )  # fmt: skip
        self._begun, self._highest = begun, pack.voltage_max
        self._nominal, self._kept = cell.nominal_capacity * pack.parallel, cell.coulombic_efficiency
        self.times, self.rates, self.temperatures = [0.0], [0.0], [begun.temperature]
        self.hottest, self._asked, self._beyond = begun.temperature, 0.0, 0.0

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return float(self._string.soc[0])

    @property
    def temperature(self) -> float:
        """Of the cells, degC."""
        return float(self._string.temperature[0])

    @property
    def held(self) -> float:
        """Largest current (A) for a step that keeps the highest voltage."""
        source, resistance = self._string.thevenin(STEP)
        return max((self._highest - source) / resistance, 0.0)

    @property
    def is_over(self) -> bool:
        """Whether it has arrived, or been given up."""
        return self.arrived or self.times[-1] >= LONGEST

    @property
    def arrived(self) -> bool:
        """Whether it is where it ends."""
        return self.soc >= self._begun.end - 1e-9

    @property
    def cut(self) -> float:
        """Share of what was asked for (A s) beyond what was allowed."""
        return self._beyond / self._asked if self._asked else 0.0

    def carry(self, current: float, asked: float, allowed: float) -> None:
        """Let a current (A) flow for a step; the last one ends where the charge does."""
        left = (self._begun.end - self.soc) * self._nominal * 3600 / self._kept
        duration = min(STEP, max(left / current, 1e-3)) if current > 0 else STEP
        self.rates.append(current / self._nominal)
        self.temperatures.append(self.temperature)
        self.times.append(self.times[-1] + duration)
        self._string.step(current, duration, self._begun.air)
        self.hottest = max(self.hottest, self.temperature)
        self._asked += asked * duration
        self._beyond += max(asked - allowed, 0.0) * duration


class _Trial:
    """Charges one pack from one beginning, again and again."""

    def __init__(self, pack: PackFile, beginning: Beginning) -> None:
        self._pack, self._beginning = pack, beginning
        self._cell, self._table = cell_of(pack), charge_steps_of(pack)
        self.anode: AnodeParameters | None = None if self._cell.anode is None else load_anode(self._cell.anode)

    def charge(self, strategy: Strategy, share: float = 1.0, *, within_limit: bool = True) -> Tried:
        """Charge by a share of a strategy, within what the BMS allows or as if it allowed everything."""
        on = _Course(self._pack, self._cell, self._beginning)
        while not on.is_over:
            allowed = self._table.rate(on.temperature, on.temperature, on.soc) * self._cell.nominal_capacity
            allowed *= self._pack.parallel
            rate = rate_of(strategy, on.soc, on.temperature, on.temperature, self._cell)
            wanted = share * (rate * self._pack.rated_capacity if isfinite(rate) else allowed)
            asked = min(wanted, on.held, self._pack.limits.charge_current)
            on.carry(min(asked, allowed) if within_limit else asked, asked, allowed)
        return Tried(on.times[-1] if on.arrived else inf, self._margin(on), on.hottest, on.cut)

    def _margin(self, on: _Course) -> float:
        """Least potential of the negative electrode, mV, from a rest on."""
        if self.anode is None or len(on.times) < 2:
            return nan
        time, rate, temperature = (np.array(each) for each in (on.times, on.rates, on.temperatures))
        return 1e3 * float(course(self.anode, self._beginning.soc, time, rate, temperature, FINE).potential.min())
