"""Supplies and loads: what can deliver current into the pack, and what can take it out."""

from typing import Protocol, runtime_checkable

from instruments.roles.common import Channel, Protections, Ratings

VOLTS = Channel("voltage", "voltage", "V")
AMPERES = Channel("current", "current", "A")
WATTS = Channel("power", "power", "W")
TERMINALS = VOLTS, AMPERES, WATTS
"""What a supply or a load measures."""


@runtime_checkable
class Source(Protocol):
    """Charges the battery. Channels of its scan: `voltage` V, `current` A (>= 0), `power` W."""

    @property
    def source_ratings(self) -> Ratings:
        """What it can deliver."""
        ...

    def protect_source(self, over_voltage: float, over_current: float, over_power: float) -> Protections:
        """Arm the instrument's own protection (V, A, W) and return what it read back."""
        ...

    def charge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Charge at `current` A until the terminals reach `voltage` V, then hold that voltage.

        Programs the set points, reads back what the instrument could have ignored, switches the output on when
        it is off. Called again it only moves what changed. Raises `SetPointRejected` outside the ratings.
        """
        ...

    def source_off(self) -> None:
        """Switch the output off now; may be called first of all, before `identify`."""
        ...

    def source_is_off(self) -> bool:
        """Read back the output state; may be called until it says True.

        An output that was told OFF and still reads on is told again, under remote control taken anew.
        """
        ...


@runtime_checkable
class Sink(Protocol):
    """Discharges the battery. Channels of its scan: `voltage` V, `current` A (<= 0), `power` W (<= 0)."""

    @property
    def sink_ratings(self) -> Ratings:
        """What it can absorb, as positive numbers."""
        ...

    def protect_sink(self, under_voltage: float, over_current: float, over_power: float) -> Protections:
        """Arm the instrument's own protection (V, A, W, positive) and return what it read back."""
        ...

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        """Discharge at `current` A (a positive magnitude), not below `voltage` V at the terminals.

        Same rules as `Source.charge`.
        """
        ...

    def sink_off(self) -> None:
        """Switch the input off now; may be called first of all, before `identify`."""
        ...

    def sink_is_off(self) -> bool:
        """Read back the input state; same rules as `Source.source_is_off`."""
        ...
