"""Climatic chambers: what sets the temperature of the air."""

from typing import Protocol, runtime_checkable

from instruments.roles.common import Channel

CHAMBER_AIR = Channel("air", "temperature", "degC"), Channel("set point", "temperature", "degC")
"""What a climatic chamber measures, and what it was told."""


@runtime_checkable
class ClimateChamber(Protocol):
    """Sets air temperature. Channels of its scan: `air` degC, `set point` degC."""

    @property
    def temperature_range(self) -> tuple[float, float]:
        """Lowest and highest set point it accepts, degC."""
        ...

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None:
        """Drive the air to `temperature` degC at `ramp` K/min (as fast as it can when None); starts it if idle."""
        ...

    def chamber_rest(self) -> None:
        """Stop conditioning: fans and compressor idle."""
        ...

    def chamber_is_resting(self) -> bool:
        """Read back that it is idle."""
        ...

    def alarm(self) -> str:
        """Text of the first active alarm, empty when there is none."""
        ...
