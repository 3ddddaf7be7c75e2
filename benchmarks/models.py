"""What one second of physics costs: a string's step and its Thevenin forecast, by number of cells.

The smallest of several repeats counts: everything above it is the machine's other work. Shared machines also change
their clock by a factor of two: compare with the yardstick, one numpy addition of 24 values (0.5 us on a quiet one).
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np

from models.cell import load_cell
from models.string import CellString

TARGETS = {"24 cells: step": 60.0, "96 cells: step": 80.0, "24 cells: thevenin + step": 80.0}
"""us, at most."""

REPEATS = 100
CALLS = 50


def measure() -> dict[str, float]:
    """Cost of each operation in us, for the chemistry with the most to compute (LFP, with hysteresis)."""
    figures: dict[str, float] = {}
    for series in (24, 96, 400):
        figures[f"{series} cells: step"] = _cost(_charging(series, forecast=False))
        figures[f"{series} cells: thevenin + step"] = _cost(_charging(series, forecast=True))
    limit, vector, total = load_cell("lfp-26650").charge_limit, np.ones(24), np.empty(24)
    figures["charge limit of one cell"] = _cost(lambda: limit.c_rate_at(23.0, 0.41))
    figures["yardstick: one addition"] = _cost(lambda: np.add(vector, vector, out=total))
    return figures


def main() -> None:
    """Print the figures beside what they may be."""
    for name, cost in measure().items():
        target = f"   (at most {TARGETS[name]:.0f})" if name in TARGETS else ""
        print(f"{name:28} {cost:7.1f} us{target}")


def _charging(series: int, *, forecast: bool) -> Callable[[], None]:
    """One bench second of a C/4 charge that starts from the middle of the tables and warms the cells."""
    string = CellString(load_cell("lfp-26650"), series, soc=0.3)
    current = 0.5

    def second() -> None:
        if forecast:
            string.thevenin(1.0)
        string.step(current, 1.0, 25.0)

    return second


def _cost(operation: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        start = perf_counter()
        for _ in range(CALLS):
            operation()
        best = min(best, perf_counter() - start)
    return best / CALLS * 1e6


if __name__ == "__main__":
    main()
