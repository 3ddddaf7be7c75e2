"""Multi-stage constant current: less the fuller the pack is, and less the colder (An et al. 2019: 2.0-1.5-0.9C)."""

import re
from dataclasses import dataclass
from math import exp, inf

from bench.strategies.base import Strategy
from models.cell import CellParameters

ARRHENIUS = 4000.0
"""K: activation energy over the gas constant of what limits a charge in the cold (33 kJ/mol, graphite's kinetics)."""
KELVIN = 273.15


@dataclass(frozen=True)
class MultiStage(Strategy):
    """`stages` are (up to this state of charge, C-rate), in order; the last one goes on to the end if it says 1.

    They hold at `temperature` (degC) and above; in the cold each is smaller by the Arrhenius factor of `ARRHENIUS`.
    Without a temperature they hold everywhere.
    """

    stages: tuple[tuple[float, float], ...]
    temperature: float | None = None

    def __post_init__(self) -> None:
        ends = [end for end, _ in self.stages]
        if not self.stages or ends != sorted(set(ends)) or not 0.0 < ends[0] <= ends[-1] <= 1.0:
            raise ValueError(f"stages end at {ends}: give rising states of charge above 0 and up to 1.")
        if any(not 0.0 <= rate <= 20.0 for _, rate in self.stages):
            raise ValueError(f"stages of {[rate for _, rate in self.stages]} C: give rates from 0 to 20.")
        if self.temperature is not None and not -KELVIN < self.temperature < inf:
            raise ValueError(f"stages that hold at {self.temperature:g} °C: give a temperature, as in '2C<80@25'.")

    @property
    def name(self) -> str:
        """See `Strategy`."""
        shown = "-".join(f"{rate:g}C<{100 * end:g}" for end, rate in self.stages)
        return shown if self.temperature is None else f"{shown}@{self.temperature:g}"

    @classmethod
    def named(cls, name: str) -> "MultiStage | None":
        """See `Strategy`."""
        body, at, temperature = name.partition("@")
        parts = [re.fullmatch(r"(\d+(?:\.\d+)?)C<(\d+(?:\.\d+)?)", part) for part in body.split("-")]
        found = [(float(part[2]) / 100, float(part[1])) for part in parts if part]
        if len(found) < len(parts):
            return None
        return cls(tuple(found), _degrees(temperature) if at else None)

    def rate(self, soc: float, coldest: float, _hottest: float, _cell: CellParameters) -> float:
        """See `Strategy`."""
        asked = next((rate for end, rate in self.stages if not soc >= end), 0.0)  # nan: the first
        if self.temperature is None or coldest >= self.temperature:
            return asked
        return asked * exp(ARRHENIUS * (1 / (self.temperature + KELVIN) - 1 / (coldest + KELVIN)))


def _degrees(written: str) -> float:
    try:
        return float(written)
    except ValueError as error:
        raise ValueError(f"{written!r} is no temperature: write °C behind the @, as in '2C<80@25'.") from error
