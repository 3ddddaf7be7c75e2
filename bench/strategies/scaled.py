"""A share of another strategy: the same shape, with more or less courage."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.strategies.base import Strategy
from models.cell import CellParameters
from models.twin import Beginning

if TYPE_CHECKING:
    from bench.pack import PackFile


@dataclass(frozen=True)
class Scaled(Strategy):
    """`share` of what `strategy` asks for, whatever that is; what asks for all that the BMS allows still does."""

    share: float
    strategy: Strategy

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 10.0:
            raise ValueError(f"a share of {self.share:g} of a strategy is none: give more than 0 and at most 10.")

    @property
    def name(self) -> str:
        """See `Strategy`."""
        return f"{self.share:g} of {self.strategy.name}"

    @classmethod
    def named(cls, name: str) -> "Scaled | None":
        """See `Strategy`."""
        from bench.strategies.registry import strategy_named

        match = re.fullmatch(r"(\d+(?:\.\d+)?) of (\S.*)", name)
        return cls(float(match[1]), strategy_named(match[2])) if match else None

    def rate(self, soc: float, coldest: float, hottest: float, cell: CellParameters) -> float:
        """See `Strategy`."""
        return self.share * self.strategy.rate(soc, coldest, hottest, cell)

    def for_pack(self, pack: "PackFile", beginning: Beginning) -> "Scaled":
        """See `Strategy`."""
        return Scaled(self.share, self.strategy.for_pack(pack, beginning))

    @property
    def is_searched(self) -> bool:
        """See `Strategy`."""
        return self.strategy.is_searched

    @property
    def asks(self) -> bool:
        """See `Strategy`."""
        return self.strategy.asks
