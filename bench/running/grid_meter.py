"""What a meter at the house's connection tells a step: the grid, and what house and roof take behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from bench import columns
from bench.managing.links import Mains
from bench.running.sampling import Row


@dataclass(slots=True)
class GridMeter:
    """Where a row has what the meter measures; `scale` is that of the bench beside a car and its house."""

    volts: int
    hertz: int
    power: int
    scale: float
    known: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, index: Mapping[str, int], scale: float) -> "GridMeter | None":
        """That of a bench; None where nobody plays the role."""
        if columns.CONNECTION_POWER not in index:
            return None
        return cls(index[columns.MAINS_VOLTAGE], index[columns.MAINS_FREQUENCY], index[columns.CONNECTION_POWER], scale)

    def mains(self, row: Row) -> Mains:
        """The grid."""
        return Mains(row[self.volts], row[self.hertz])

    def site(self, row: Row, charger: float) -> tuple[float, float]:
        """W of house and sun: what the connection carries without the `charger` (W); one of them is 0.

        What is not measured at a scan is what it was before.
        """
        rest = (row[self.power] - charger) / self.scale
        if isfinite(rest):
            self.known = max(rest, 0.0), max(-rest, 0.0)
        return self.known
