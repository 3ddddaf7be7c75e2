"""Grid meters: what measures at a house's connection to the grid."""

from typing import Protocol, runtime_checkable

from instruments.roles.common import Channel

GRID_METER_CHANNELS = (
    Channel("mains voltage", "voltage", "V"),
    Channel("mains frequency", "frequency", "Hz"),
    Channel("connection power", "power", "W"),
)
"""What a meter at a house's connection measures; see `GridMeter`."""


@runtime_checkable
class GridMeter(Protocol):
    """Measures at the house's connection to the grid.

    Channels of its scan: `mains voltage` V between phase and neutral, mean of its phases, `mains frequency` Hz,
    `connection power` W of all phases, positive from the grid.
    """

    @property
    def phases(self) -> int:
        """How many phases it measures."""
        ...
