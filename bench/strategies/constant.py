"""One current from the beginning to the end."""

import re
from dataclasses import dataclass

from bench.strategies.base import Strategy
from models.cell import CellParameters


@dataclass(frozen=True)
class ConstantCurrent(Strategy):
    """`c_rate` (1/h of the rated capacity)."""

    c_rate: float

    def __post_init__(self) -> None:
        if not 0.0 < self.c_rate <= 20.0:
            raise ValueError(f"a constant current of {self.c_rate:g}C is none: give more than 0 and at most 20.")

    @property
    def name(self) -> str:
        """See `Strategy`."""
        return f"{self.c_rate:g}C"

    @classmethod
    def named(cls, name: str) -> "ConstantCurrent | None":
        """See `Strategy`."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)C", name)
        return cls(float(match[1])) if match else None

    def rate(self, _soc: float, _coldest: float, _hottest: float, _cell: CellParameters) -> float:
        """See `Strategy`."""
        return self.c_rate
