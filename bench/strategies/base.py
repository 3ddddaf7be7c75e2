"""What a strategy is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import inf, nan
from numbers import Real
from typing import TYPE_CHECKING

from bench.verdicts import TestError
from models.cell import CellParameters
from models.twin import Beginning

if TYPE_CHECKING:  # a pack's file names no strategy, and a strategy is data of a step
    from bench.pack import PackFile

LEAST = 0.01
"""C-rate (1/h) below which a strategy asks for nothing."""


class Strategy(ABC):
    """How fast a pack is to be charged, by what can be known of it: subclass it as a frozen dataclass.

    `rate` may not look at anything else, so that the same strategy can be tried on a model and replayed on a bench.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, on a command line and in a report."""

    @classmethod
    @abstractmethod
    def named(cls, name: str) -> "Strategy | None":
        """Make the one that is called so; None for a name that is not of this kind."""

    @abstractmethod
    def rate(self, soc: float, coldest: float, hottest: float, cell: CellParameters) -> float:
        """C-rate (1/h) to ask for at a displayed state of charge (0 to 1) and the cells' temperatures, degC.

        Infinite: whatever the BMS allows.
        """

    @property
    def promised(self) -> float:
        """Time (s) that a model has promised for the charge; nan where none has."""
        return nan

    def for_pack(self, _pack: "PackFile", _beginning: Beginning) -> "Strategy":
        """What is asked for of that pack from that beginning; most strategies need not know either."""
        return self

    @property
    def is_searched(self) -> bool:
        """Whether nobody knows what it asks for before `for_pack` has looked for it."""
        return False

    @property
    def asks(self) -> bool:
        """Whether it asks for anything of its own: what it asks for and does not get is then reported."""
        return True

    def problems(self, soc: float, cell: CellParameters) -> Iterable[str]:
        """What is wrong with it for a charge up to that state of charge, one sentence each."""
        between = 0.5 * (cell.charge_temperature_min + cell.charge_temperature_max)
        for percent in range(round(100 * soc)):
            if rate_of(self, percent / 100, between, between, cell) < LEAST:
                yield (
                    f"the strategy {self.name} asks for nothing from {percent} % on and never reaches "
                    f"{100 * soc:.0f} %: give it a stage for that."
                )
                return


UNLIMITED = inf


def rate_of(strategy: Strategy, soc: float, coldest: float, hottest: float, cell: CellParameters) -> float:
    """`Strategy.rate`, 1/h; raises `TestError` for an answer that is no rate: nothing can be asked for by it."""
    found: object = strategy.rate(soc, coldest, hottest, cell)
    # Written so that no number (nan) is refused as well.
    if isinstance(found, Real) and not isinstance(found, bool) and float(found) >= 0:
        return float(found)
    raise TestError(
        f"The strategy {strategy.name} asks for {found!r:.40} C at {100 * soc:.3g} % and {coldest:.3g} to "
        f"{hottest:.3g} °C; it must be a number of 0 or more, infinite for whatever the BMS allows."
    )
