"""Coolant units: what sets the temperature and the flow of the coolant."""

from enum import IntEnum
from typing import Protocol, runtime_checkable

from instruments.roles.common import Channel

COOLANT_CHANNELS = (
    Channel("supply", "temperature", "degC"),
    Channel("return", "temperature", "degC"),
    Channel("set point", "temperature", "degC"),
    Channel("flow", "flow", "L/min"),
    Channel("set flow", "flow", "L/min"),
    Channel("alarm", "state", "1"),
)
"""What a coolant unit measures, what it was asked for, and what is wrong with it; see `CoolantUnit`."""


class CoolantAlarm(IntEnum):
    """What a coolant unit says is wrong with it: a driver puts those of its make into these. The numbers are recorded.

    LOW_LEVEL: there is too little coolant in it. TOO_HOT: its own over-temperature protection has acted. OTHER: another
    reason, which its `alarm` has in words. SWITCHED_OFF: it stands by, though the bench has asked it to pump.
    """

    NONE = 0
    LOW_LEVEL = 1
    TOO_HOT = 2
    OTHER = 3
    SWITCHED_OFF = 4


@runtime_checkable
class CoolantUnit(Protocol):
    """Pumps coolant of a temperature through the pack's plate.

    Channels of its scan: `supply` and `return` degC (`nan`: no sensor in the return), `set point` degC and `set flow`
    L/min (the unit of its data sheets), both as the bench has asked for them (`nan` and 0 while it asks for nothing),
    `flow` L/min, `alarm` (a `CoolantAlarm`).
    """

    @property
    def temperature_range(self) -> tuple[float, float]:
        """Lowest and highest set point it accepts, degC."""
        ...

    @property
    def flow_range(self) -> tuple[float, float]:
        """Least and largest flow it can be asked for, L/min."""
        ...

    def protect_coolant(self, lowest: float, highest: float) -> tuple[float, float]:
        """Narrow the unit's own limits of its supply to these (degC), never widen them; returns what it read back."""
        ...

    def set_temperature(self, temperature: float) -> None:
        """Heat or cool the supply to `temperature` degC; starts the pump if it stands.

        Reads back what the unit could have ignored. Raises `SetPointRejected` outside the range.
        """
        ...

    def set_flow(self, flow: float) -> None:
        """Pump `flow` L/min whenever the pump is on. Raises as `set_temperature`."""
        ...

    def pump(self, *, on: bool) -> None:
        """Start the pump, or stop everything: a unit whose pump stands neither heats nor cools."""
        ...

    def temperature(self) -> float:
        """Of the supply, degC, asked now."""
        ...

    def flow(self) -> float:
        """L/min, asked now."""
        ...

    def coolant_rest(self) -> None:
        """Heater off, pump on: what is hot is cooled, nothing is heated. May be called first of all.

        Raises `InstrumentFault` where the pump stands and the unit does not say why.
        """
        ...

    def coolant_is_resting(self) -> bool:
        """Read back that it heats nothing."""
        ...

    def alarm(self) -> str:
        """Text of what is wrong with it, empty when nothing is."""
        ...
