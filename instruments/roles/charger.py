"""Bidirectional chargers: what stands between the pack and the grid."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

from instruments.roles.common import Channel

CHARGER_CHANNELS = (
    Channel("grid power", "power", "W"),
    Channel("set grid power", "power", "W"),
    Channel("charger state", "state", "1"),
    Channel("displayed state of charge", "state of charge", "1"),
)
"""What a bidirectional charger measures at its AC side, what it was asked for, does and shows; see `Charger`."""


class ChargerState(IntEnum):
    """What a charger does, whatever its make: a driver puts the states of its own into these. The numbers are recorded.

    NO_CAR: nothing is plugged in. CHARGING, DISCHARGING: power flows, or is about to. WAITING: the car is plugged in
    and not ready. USER: it follows somebody else than the bench. PAUSED: the car is plugged in, nothing is asked for.
    ENDED: its schedule is over. LOCKED: it is locked, no car. ERROR: it gave up. QUEUED: it waits for its turn at the
    grid. UNKNOWN: a number that its driver does not know.
    """

    NO_CAR = 0
    CHARGING = 1
    WAITING = 2
    USER = 3
    PAUSED = 4
    ENDED = 5
    LOCKED = 6
    ERROR = 7
    QUEUED = 8
    DISCHARGING = 11
    UNKNOWN = 99


@dataclass(frozen=True, slots=True)
class ChargerRatings:
    """What a charger can do at its AC side, as its data sheet says.

    `charge` and `discharge` W, both positive; `least` W, the smallest power other than 0; `efficiency` one way at that
    rating, 0 to 1; `dead_time` s from a set point until power begins to flow; `ramp` W/s.
    """

    charge: float
    discharge: float
    least: float
    efficiency: float
    dead_time: float
    ramp: float


@runtime_checkable
class Charger(Protocol):
    """The grid's side of a bidirectional charger that the pack hangs on.

    Channels of its scan: `grid power` W at its AC side (positive charges), `set grid power` W as the bench has asked
    for it (`nan` while it asks for nothing), `charger state` (a `ChargerState`), `displayed state of charge` 0 to 1, as
    the charger shows it (`nan` while it shows none).
    """

    @property
    def charger_ratings(self) -> ChargerRatings:
        """What it can do, no more than what it has said of its limits; says nothing to it."""
        ...

    def set_grid_power(self, power: float) -> None:
        """Take `power` W from the grid, or give as much where it is negative; 0 is a rest.

        Takes the charger under remote control, reads the set point back, starts it where it stands. Raises
        `SetPointRejected` before anything is sent outside of its ratings, and for what it did not keep;
        `InstrumentFault` where no car is plugged in or the charger is in error.
        """
        ...

    def charger_off(self) -> None:
        """Stop now; may be called first of all, before `identify`."""
        ...

    def charger_is_off(self) -> bool:
        """Read back that it neither charges nor discharges and no power flows; same rules as `Source.source_is_off`."""
        ...
