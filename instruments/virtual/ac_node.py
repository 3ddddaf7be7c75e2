"""The AC node: charger, house and roof on a grid that has a voltage and a frequency; what the grid gives is the rest.

Each of them takes a power by itself, whatever the voltage is; the balance of all is what the connection carries.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from models.grid.node import voltage_at

Watts = Callable[[], float]
"""What somebody takes from the node now, W; negative: gives."""


@dataclass(slots=True)
class Grid:
    """The grid's end of a house's line: V of a phase without load, ohms of the line, Hz now."""

    volts: float = 230.0
    ohms: float = 0.0
    hertz: Callable[[], float] = lambda: 50.0


@dataclass(frozen=True, slots=True)
class AcPoint:
    """What the node is at: W from the grid, V between phase and neutral, Hz."""

    power: float
    volts: float
    hertz: float


@dataclass(slots=True)
class AcNode:
    """Who hangs on it, by name, and the grid: a stiff one where nobody has brought another."""

    takers: dict[str, Watts] = field(default_factory=dict)
    grid: Grid = field(default_factory=Grid)

    def settle(self) -> AcPoint:
        """Find what it is at."""
        power = sum(taken() for taken in self.takers.values())
        return AcPoint(power, voltage_at(self.grid.volts, self.grid.ohms, power), self.grid.hertz())
