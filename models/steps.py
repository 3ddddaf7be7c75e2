"""The charge limit that a battery-management system has: a coarse table in steps, with nothing between them.

Real ones look up the row of a temperature and the column of a state of charge, as in the published code of betteries'
betterPack (betteries AMPS, 2022: rows every 5 K and columns every 10 % of charge, the nearest of each holds), or a row
alone, as data sheets of cells and modules print them (an Alpha APL48-50LFP: from 0, 5, 10, 25 and 50 degC on).
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import floor

import numpy as np

from models.cell import CellParameters, ChargeLimit
from models.tables import Vector

KELVINS, SHARE = 5.0, 0.1
"""Between two rows (K) and two columns of a table that is made from a cell's own: those of the betterPack."""
FINENESS = 0.01
"""1/h in which the rates of such a table are written, rounded down."""


@dataclass(frozen=True)
class StepTable:
    """`c_rate` (1/h of the nominal capacity of a cell): a row for each temperature, a column for each state of charge.

    Each holds from its `temperature` (degC) or `soc` (0 to 1) on, up to the next one. Below the first temperature
    nothing is allowed; below the first state of charge the first column holds. Raises `ValueError` for a table whose
    grids do not rise, that is not as large as they say, or that has a rate below 0.
    """

    temperature: tuple[float, ...]
    soc: tuple[float, ...]
    c_rate: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        for name, grid in (("temperature", self.temperature), ("soc", self.soc)):
            if not grid or any(not lower < upper for lower, upper in pairwise(grid)):
                raise ValueError(f"{name} {list(grid)} does not rise: give where each step begins, in order.")
        if not 0.0 <= self.soc[0] <= self.soc[-1] <= 1.0:
            raise ValueError(f"soc {list(self.soc)} is not of 0 to 1.")
        rows, columns = len(self.temperature), len(self.soc)
        if len(self.c_rate) != rows or any(len(row) != columns for row in self.c_rate):
            raise ValueError(f"c_rate is not a row of {columns} rates for each of {rows} temperatures.")
        if any(not rate >= 0.0 for row in self.c_rate for rate in row):
            raise ValueError("c_rate has a rate below 0.")

    @property
    def most(self) -> float:
        """The largest rate of all, 1/h."""
        return max(map(max, self.c_rate))

    def rate(self, coldest: float, hottest: float, soc: float) -> float:
        """1/h for a pack whose cells have these temperatures (degC) and whose fullest one this state of charge."""
        column = (bisect_right(self.soc, soc) or 1) - 1
        cold = bisect_right(self.temperature, coldest) - 1
        if cold < 0:
            return 0.0
        # Nearly always the hottest cell is in the row of the coldest one.
        warm = bisect_right(self.temperature, hottest) - 1 if hottest > coldest else cold
        least, other = self.c_rate[cold][column], self.c_rate[warm][column]
        return other if other < least else least


def steps_of(cell: CellParameters) -> StepTable:
    """The table that a careful engineer makes of the cell's own: in no point of a step above it.

    Steps lie around every 5 K and every 10 % of charge, and a step is the least of the cell's table in it.
    """
    limit = cell.charge_limit
    lowest, highest = float(limit.temperature[0]), float(limit.temperature[-1])
    rows = (lowest, *_edges(lowest, highest, KELVINS))
    columns = (0.0, *_edges(0.0, 1.0, SHARE))
    rates = tuple(
        tuple(_down(_least(limit, row, column)) for column in pairwise((*columns, 1.0)))
        for row in pairwise((*rows, highest + KELVINS))
    )
    return StepTable(rows, columns, rates)


def _edges(first: float, last: float, apart: float) -> tuple[float, ...]:
    """Half-way between the multiples of `apart` that lie from `first` to `last`."""
    halves = np.arange(np.ceil(first / apart - 1e-9), np.floor(last / apart + 1e-9)) + 0.5
    return tuple((halves * apart).round(6).tolist())


def _least(limit: ChargeLimit, row: tuple[float, float], column: tuple[float, float]) -> float:
    """Of a bilinear table in a rectangle: it is in one of its own points, or where its lines meet the edges."""
    at, soc = _points(limit.temperature, *row), _points(limit.soc, *column)
    return float(limit.c_rate_at(at[:, np.newaxis], soc).min())


def _points(grid: Vector, low: float, high: float) -> Vector:
    inside = grid[(grid > low) & (grid < high)]
    return np.concatenate(([low], inside, [high]))


def _down(rate: float) -> float:
    return round(floor(rate / FINENESS + 1e-9) * FINENESS, 4)
