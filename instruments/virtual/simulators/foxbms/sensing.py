"""What a battery-management node measures, and how it can be wrong."""

from dataclasses import dataclass
from random import Random

from instruments.virtual.plants import Cells, Vector
from instruments.virtual.simulator import Limits


@dataclass(slots=True)
class Extremes:
    """Least and most of what the node measures: V, degC, 0 to 1, with the positions (from 0)."""

    voltage_min: float = 0.0
    voltage_max: float = 0.0
    temperature_min: float = 25.0
    temperature_max: float = 25.0
    soc_min: float = 0.0
    soc_max: float = 0.0
    cell_min: int = 0
    cell_max: int = 0
    sensor_min: int = 0
    sensor_max: int = 0


@dataclass(frozen=True, slots=True)
class Shunt:
    """The sensor of the pack's current and voltages, as one specimen of it is: exact unless somebody says otherwise.

    `offset` in A. What the node does it does by what is true: so small an error moves none of its thresholds.
    """

    gain: float = 1.0
    offset: float = 0.0
    of_voltage: float = 1.0

    @classmethod
    def drawn(cls, random: Random, current: Limits, voltage: Limits) -> "Shunt":
        """A specimen within these limits; nothing is drawn for what is exact."""
        exact = Limits()
        gain = 1.0 if current == exact else 1.0 + current.drawn(random, current.reading)
        offset = 0.0 if current == exact else current.drawn(random, current.offset)
        return cls(gain, offset, 1.0 if voltage == exact else 1.0 + voltage.drawn(random, voltage.reading))

    def current(self, true: float) -> float:
        """A, as it is shown."""
        return true * self.gain + self.offset

    def voltage(self, true: float) -> float:
        """V, as it is shown."""
        return true * self.of_voltage


class LooseLead:
    """Cells of which one is measured wrong."""

    def __init__(self, cells: Cells, cell: int, gain: float) -> None:
        self._cells, self._cell, self._gain = cells, cell, gain
        self.temperature, self.capacity = cells.temperature, cells.capacity

    @property
    def soc(self) -> Vector:
        """As it is."""
        return self._cells.soc

    @property
    def voltage(self) -> Vector:
        """V of each cell, one of them wrong."""
        voltage = self._cells.voltage.copy()
        voltage[self._cell] *= self._gain
        return voltage


def _next(now: float, period: float) -> float:
    """When what is sent each `period` s is due after `now`."""
    return (int(now / period + 1e-6) + 1) * period - 1e-9
