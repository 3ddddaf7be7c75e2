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
from bench.strategies import FollowLimit, Scaled, Strategy
from bench.verdicts import InputError
from models.anode import FINE, AnodeParameters, course, load_anode
from models.cell import load_cell
from models.construction import Construction
from models.string import NO_SPREAD, CellString
from models.tables import Vector
from models.twin import LONGEST, Beginning

STEP = 5.0
"""s of the twin."""
SMALLEST, LARGEST = 0.1, 4.0
"""Shares of a strategy between which one is looked for that has the margin."""
CLOSE, ROUNDS = 0.05, 20
"""mV that two margins may differ by, and halvings at most."""

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
    return Compared(strategy, as_it_is, found, share)


class _Trial:
    """Charges one pack from one beginning, again and again."""

    def __init__(self, pack: PackFile, beginning: Beginning) -> None:
        self._pack, self._beginning = pack, beginning
        self._construction = Construction(**pack.construction.model_dump())
        self._cell, self._table = cell_of(pack), charge_steps_of(pack)
        self.anode: AnodeParameters | None = None if self._cell.anode is None else load_anode(self._cell.anode)

    def charge(self, strategy: Strategy, share: float = 1.0, *, within_limit: bool = True) -> Tried:
        """Charge by a share of a strategy, within what the BMS allows or as if it allowed everything."""
        pack, begun = self._pack, self._beginning
        string = CellString(
            load_cell(pack.cell), pack.series, pack.parallel, spread=NO_SPREAD, soc=begun.soc,
            temperature=begun.temperature, construction=self._construction,
        )  # fmt: skip
        nominal = self._cell.nominal_capacity * pack.parallel
        rates, temperatures = [0.0], [begun.temperature]
        now, asked_for, cut, hottest = 0.0, 0.0, 0.0, begun.temperature
        while (soc := float(string.soc[0])) < begun.end and now < LONGEST:
            temperature = float(string.temperature[0])
            allowed = self._table.rate(temperature, temperature, soc) * nominal
            rate = strategy.rate(soc, temperature, temperature, self._cell)
            asked = share * (rate * pack.rated_capacity if isfinite(rate) else allowed)
            source, resistance = string.thevenin(STEP)
            held = max((pack.voltage_max - source) / resistance, 0.0)
            asked = min(asked, held, pack.limits.charge_current)
            current = min(asked, allowed) if within_limit else asked
            duration = self._duration(current, soc, nominal)
            string.step(current, duration, begun.air)
            now += duration
            asked_for, cut = asked_for + asked * duration, cut + max(asked - allowed, 0.0) * duration
            rates.append(current / nominal)
            temperatures.append(temperature)
            hottest = max(hottest, float(string.temperature[0]))
        time = now if float(string.soc[0]) >= begun.end - 1e-9 else inf
        margin = self._margin(np.array(rates), np.array(temperatures), now)
        return Tried(time, margin, hottest, cut / asked_for if asked_for else 0.0)

    def _duration(self, current: float, soc: float, nominal: float) -> float:
        """Time (s) of the next step: the last one ends where the charge does."""
        left = (self._beginning.end - soc) * nominal * 3600 / self._cell.coulombic_efficiency
        return min(STEP, max(left / current, 1e-3)) if current > 0 else STEP

    def _margin(self, rates: Vector, temperatures: Vector, end: float) -> float:
        """Least potential of the negative electrode, mV, from a rest on."""
        if self.anode is None or len(rates) < 2:
            return nan
        time = np.minimum(np.arange(len(rates)) * STEP, end)
        found = course(self.anode, self._beginning.soc, time, rates, temperatures, FINE)
        return 1e3 * float(found.potential.min())
