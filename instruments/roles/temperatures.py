"""Temperature loggers: what reads sensors."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class TemperatureLogger(Protocol):
    """Reads sensors. Channels of its scan: `sensor 1` degC, `sensor 2` degC, ... (`nan`: open sensor)."""

    @property
    def sensor_count(self) -> int:
        """Number of scanned sensors."""
        ...
