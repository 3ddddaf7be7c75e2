"""As fast as the cell file's own table of charge rates says, less a margin: finer than the steps that a BMS sends."""

import re
from dataclasses import dataclass

from bench.strategies.base import Strategy
from models.cell import CellParameters


@dataclass(frozen=True)
class PlatingAware(Strategy):
    """`share` of what the cell file lets it be charged with, by the temperature of its coldest cell.

    The shipped tables are of pulses of 30 s from rest, less a quarter: a charge that goes on needs a margin.
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.5:
            raise ValueError(f"a share of {self.share:g} of the charge limit is none: give more than 0, 1.5 at most.")

    @property
    def name(self) -> str:
        """See `Strategy`."""
        return "plating-aware" if self.share == PlatingAware.share else f"plating-aware-{100 * self.share:g}"

    @classmethod
    def named(cls, name: str) -> "PlatingAware | None":
        """See `Strategy`."""
        match = re.fullmatch(r"plating-aware(?:-(\d+(?:\.\d+)?))?", name)
        return (cls(float(match[1]) / 100) if match[1] else cls()) if match else None

    def rate(self, soc: float, coldest: float, _hottest: float, cell: CellParameters) -> float:
        """See `Strategy`; a display that shows nothing is taken for a full pack."""
        return self.share * float(cell.charge_limit.c_rate_at(coldest, 1.0 if soc != soc else soc))  # noqa: PLR0124
