"""What a battery-management node measures, and how it can be wrong."""

from dataclasses import dataclass

from instruments.virtual.plants import Cells, Vector


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
