"""What every role has in common: faults, identity, channels, protections, the two phases of a scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import getattr_static
from typing import Generic, Protocol, runtime_checkable


class InstrumentFault(Exception):
    """An instrument or its link misbehaved: the bench is at fault, never the pack.

    The message is one sentence that names the instrument, what was sent, what came back and what to check.
    """


class SetPointRejected(InstrumentFault, ValueError):
    """A set point outside what the instrument or the wiring allows; raised before it is sent."""


class InstrumentRefusal(InstrumentFault):
    """The instrument answered, and will not do what it was told."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instrument says it is (`*IDN?` or the nearest its dialect has)."""

    manufacturer: str
    model: str
    serial_number: str
    firmware: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.manufacturer, self.model, self.serial_number) if part)


@dataclass(frozen=True, slots=True)
class Ratings:
    """The largest values an instrument can carry: V, A, W (all positive)."""

    voltage: float
    current: float
    power: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One value of an instrument's scan: its name among the others, what it measures, and in which unit.

    Who plays a role is bound to it by these: in which order an instrument answers is its own affair.
    """

    name: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class Protections:
    """An instrument's own protection, as read back from it: V, A, W, degC, and s of its communication watchdog.

    None where it has none, or where nobody armed it.
    """

    over_voltage: float | None = None
    over_current: float | None = None
    over_power: float | None = None
    watchdog: float | None = None
    under_temperature: float | None = None
    over_temperature: float | None = None


@runtime_checkable
class Instrument(Protocol):
    """Anything with a link: opened by its constructor, identified, closed once.

    Closed is closed: every message after `close`, and in any process but the one that opened it, raises
    `InstrumentFault` (see `instruments.wires.lifetime`).
    """

    def identify(self) -> Identity:
        """Ask the instrument who it is; raises `InstrumentFault` when it does not answer."""
        ...

    def close(self) -> None:
        """Release remote control and the link. Never raises twice for one cause; may be called again."""
        ...


@runtime_checkable
class CommunicationWatchdog(Protocol):
    """Switches its own output off when nobody has spoken to it for a while: its last will when the computer dies."""

    def arm_watchdog(self, silence: float) -> float:
        """Arm it for `silence` s of its own time and return the time that it reads back; any message keeps it quiet.

        Raises `InstrumentFault` when it does not read back as armed, `SetPointRejected` for a time it does not have.
        """
        ...


@runtime_checkable
class Expecting(Protocol):
    """Remembers who it was and believes nobody else: behind every new connection it asks again."""

    def expect(self, identity: Identity) -> None:
        """From now on, answer for this model and serial number alone.

        After a reconnection nothing but OFF is said before the instrument has confirmed who it is; another one at the
        address raises `InstrumentFault` that names it.
        """
        ...


@runtime_checkable
class Waking(Protocol):
    """May lose the first message of a connection: a serial port, or a controller, that is asleep wakes up by it."""

    def identify_awaking(self) -> Identity:
        """Identify, and ask once more where the first query of a connection has no answer.

        Meant for opening alone: later on a query without an answer is a fault. Raises `InstrumentFault` where the
        second has none either.
        """
        ...


@runtime_checkable
class TellsAlarms(Protocol):
    """Says which alarms stand in it; to ask acknowledges none of them."""

    def alarms(self) -> tuple[str, ...]:
        """Alarms that stand now, in words; raises `InstrumentFault`."""
        ...


@runtime_checkable
class CountsTroubles(Protocol):
    """Counts what goes wrong on its link; whoever looks after the bench wants to know it before it is a fault."""

    @property
    def troubles(self) -> Mapping[str, int]:
        """How often since it was opened, by what it was: `timeouts`, `retries`, `losses`, `dropped frames`."""
        ...


@runtime_checkable
class HasErrorQueue(Protocol):
    """Keeps a list of what it did not like, which reading empties."""

    def error_queue(self) -> tuple[str, ...] | None:
        """Its entries, oldest first; None where this one has no such list. Raises `InstrumentFault` when silent."""
        ...


@runtime_checkable
class BusVoltmeter(Protocol):
    """Measures behind a contactor that is not its bench's: a second opinion on whether the bus is dead."""

    def bus_voltage(self) -> float:
        """The newest voltage (V) on the bench side of the contactor; `nan` when it has none.

        Raises `InstrumentFault` when whoever measures it cannot be believed.
        """
        ...


@runtime_checkable
class Scanned(Protocol):
    """Split-phase measurement: every instrument is asked before any answer is collected.

    A scan so takes as long as the slowest instrument, and its channels belong to one instant.
    """

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What `collect` returns, in its order; fixed while the instrument is open."""
        ...

    def request(self) -> None:
        """Send the query; do not wait for the answer."""
        ...

    def collect(self) -> Sequence[float]:
        """Take the answer to the last `request`: SI units, charge-positive, `nan` where a channel has no value."""
        ...


def has_verbs(player: object, protocol: type) -> bool:
    """Whether an instrument has all that a protocol asks for, found without touching it.

    `isinstance` evaluates every property of the protocol up to Python 3.11, and one that tells ratings asks the
    instrument: nobody may wait for an answer before it was told OFF.
    """
    return all(getattr_static(player, name, _ABSENT) is not _ABSENT for name in _verbs(protocol))


_ABSENT = object()


@cache
def _verbs(protocol: type) -> tuple[str, ...]:
    """Names of what a protocol asks for, its bases' included."""
    asked = (each for each in protocol.__mro__ if each not in {object, Protocol, Generic})
    return tuple(
        {
            name: None
            for each in asked
            for name in (*vars(each), *vars(each).get("__annotations__", ()))
            if name[0] != "_"
        }
    )
