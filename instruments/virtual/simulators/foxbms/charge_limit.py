"""What a cell may be charged with, as a battery-management node looks it up: one temperature, one state of charge."""

from bisect import bisect_right

import numpy as np

from models.cell import CellParameters

BUILT_UP = 600.0
"""s after which a current has met the resistance by which a node limits it; what takes hours it sees coming."""


class ChargeLimit:
    """The cell's charge-limit table for one point at a time: a tenth of what the general look-up costs."""

    def __init__(self, cell: CellParameters) -> None:
        limit = cell.charge_limit
        self._temperature, self._soc = limit.temperature.tolist(), limit.soc.tolist()
        self._c_rate: list[list[float]] = limit.c_rate.tolist()
        self.most = float(limit.c_rate.max())
        grid = np.linspace(-40.0, 80.0, 61)
        self._resistance = cell.resistance_after(BUILT_UP, 0.5, grid).tolist()

    def __call__(self, coldest: float, warmest: float, soc: float) -> float:
        """The lower C-rate (1/h) of two temperatures (degC) at a state of charge, held constant outside the table."""
        column, right = _place(soc, self._soc)
        row, above = _place(coldest, self._temperature)
        of_coldest = self._between(row, above, column, right)
        if warmest != coldest:
            row, above = _place(warmest, self._temperature)
        of_warmest = self._between(row, above, column, right)
        return of_coldest if of_coldest < of_warmest else of_warmest

    def _between(self, row: int, above: float, column: int, right: float) -> float:
        lower, upper = self._c_rate[row], self._c_rate[row + 1]
        low = lower[column] + right * (lower[column + 1] - lower[column])
        return low + above * (upper[column] + right * (upper[column + 1] - upper[column]) - low)

    def resistance(self, temperature: float) -> float:
        """Full resistance of one cell (Ohm) at half charge, from a 2 K grid."""
        index = int((temperature + 40.0) / 2)
        return float(self._resistance[0 if index < 0 else 60 if index > 60 else index])


def _place(value: float, grid: list[float]) -> tuple[int, float]:
    above = bisect_right(grid, value, 1, len(grid) - 1)
    low, high = grid[above - 1], grid[above]
    share = (value - low) / (high - low)
    return above - 1, 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
