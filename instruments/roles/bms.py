"""Battery management: the node on a bus that knows the cells, and what its driver may know beside it."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol, runtime_checkable

from instruments.roles.common import Channel

BMS_CHANNELS = {
    each.name: each
    for each in (
        Channel("state", "state", "1"),
        Channel("soc min", "state of charge", "1"),
        Channel("soc max", "state of charge", "1"),
        Channel("soh", "state of health", "1"),
        Channel("charge current limit", "current", "A"),
        Channel("discharge current limit", "current", "A"),
        Channel("cell voltage min", "voltage", "V"),
        Channel("cell voltage max", "voltage", "V"),
        Channel("cell temperature min", "temperature", "degC"),
        Channel("cell temperature max", "temperature", "degC"),
        Channel("pack voltage", "voltage", "V"),
        Channel("pack current", "current", "A"),
        Channel("insulation", "resistance", "Ohm"),
        Channel("age", "time", "s"),
    )
}
"""What a BMS tells, by name; see `BatteryManagement`."""
DROPPED, CONTRADICTIONS = Channel("dropped", "count", "1"), Channel("contradictions", "count", "1")
"""Frames that are known or estimated to be lost or left unread, and frames that cannot come from one healthy node."""


@runtime_checkable
class StaysAsItIs(Protocol):
    """A node whose contactors were left closed on purpose: closing its link must not open them."""

    def stay_as_it_is(self) -> None:
        """From now on `close` asks for nothing: a current flows that the contactor may not break."""
        ...


class BmsState(IntEnum):
    """What a BMS does, whatever its make: a driver puts the states of its own into these. The numbers are recorded.

    STARTING: it was switched on or reset, and nothing is known of its contactors. OPENING: they were told to open.
    STANDBY: they are open. PRECHARGE: they are closing. CLOSED: closed, for neither way of the current in particular;
    CHARGE, DISCHARGE: closed for that. ERROR: it gave up. UNKNOWN: it says that it does not know.
    """

    STARTING = 1
    OPENING = 4
    STANDBY = 5
    PRECHARGE = 6
    CLOSED = 7
    DISCHARGE = 8
    CHARGE = 9
    ERROR = 10
    UNKNOWN = 11


class BmsMode(IntEnum):
    """What the bench may request of a BMS (RequestBmsMode)."""

    STANDBY = 0
    DISCHARGE = 1
    CHARGE = 2


Side = Literal["pack", "bench", "unknown"]
"""Where an error comes from."""
FaultAbout = Literal["", "over-current", "over-temperature", "precharge", "contactor"]
"""What a fault is about, where that makes a difference; `contactor`: one is not where the BMS has told it to be."""


@dataclass(frozen=True, slots=True)
class BmsFault:
    """One fault that a BMS raises, under the name that its maker gave it, and what its driver knows of it.

    `side` is whose doing it tells of: `unknown` for one that is raised beside whatever else there is.
    """

    signal: str
    text: str = field(default="", compare=False)
    side: Side = "pack"
    about: FaultAbout = ""


@runtime_checkable
class BatteryManagement(Protocol):
    """Talks to the pack's own controller on CAN.

    Channels of its scan, in this order: `state` (a `BmsState`), `soc min` and `soc max` (0 to 1), `soh` (0 to 1),
    `charge current limit` A, `discharge current limit` A (both positive), `cell voltage min` V,
    `cell voltage max` V, `cell temperature min` degC, `cell temperature max` degC, `pack voltage` V,
    `pack current` A (charge positive), `insulation` Ohm, `age` s since the oldest of these was received. A driver that
    knows them adds `dropped` and `contradictions`, counts since it was opened: frames that are known or estimated to
    be lost or left unread, and frames that cannot come from one healthy node.
    """

    def request_mode(self, mode: BmsMode) -> None:
        """Ask for a mode: CHARGE and DISCHARGE close the contactors, STANDBY opens them."""
        ...

    def state(self) -> BmsState:
        """The newest state received; raises `InstrumentFault` when the node has never been heard."""
        ...

    def state_age(self) -> float:
        """How long ago (s) that state was received: a node that fell silent cannot vouch for its contactors."""
        ...

    def faults(self) -> tuple[BmsFault, ...]:
        """Fault bits of the newest messages."""
        ...


@dataclass(frozen=True, slots=True)
class ErrorOrigin:
    """Where a BMS's error comes from, as far as the node tells: by which of its `faults`, the first it raised.

    `unknown` where it raises none, or only those that stand beside every other.
    """

    side: Side
    faults: tuple[BmsFault, ...] = ()

    @property
    def signals(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(fault.signal for fault in self.faults)


@runtime_checkable
class ExplainsErrors(Protocol):
    """A BMS driver that remembers which error its node raised first."""

    def error_blame(self) -> ErrorOrigin:
        """Say where the errors come from that stand now, or have stood within the last seconds; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class ModeLosses:
    """How often a node has left the mode that it was asked for by itself since it was opened; `restarts` of these.

    `text` is a clause on the newest, empty before the first.
    """

    count: int = 0
    restarts: int = 0
    text: str = ""


@runtime_checkable
class WatchesItsMode(Protocol):
    """A BMS driver that sees every state its node reports, also between two scans."""

    def left_mode(self) -> ModeLosses:
        """Count what happened up to the newest frame taken; never raises."""
        ...


@runtime_checkable
class DoubtsItsNode(Protocol):
    """A BMS driver that compares its node's frames with each other."""

    def contradiction(self) -> str:
        """Return a clause on the newest frames that cannot come from one healthy node; empty where there are none."""
        ...


@runtime_checkable
class DatesChannels(Protocol):
    """A `BatteryManagement` whose channels come in several messages: one may be missing while the others come."""

    def channel_age(self, channel: str) -> float:
        """How long ago (s) the message was received that carries a channel such as `pack current`."""
        ...


@runtime_checkable
class Locating(Protocol):
    """A `BatteryManagement` that knows which of its cells or sensors an extreme belongs to."""

    def where(self, channel: str) -> str:
        """Name the cell or sensor behind the newest value of a channel such as `cell voltage max`; empty: unknown."""
        ...


@runtime_checkable
class RemembersFaults(Protocol):
    """A `BatteryManagement` that tells what it raised when it was last collected: that belongs to the row.

    It needs no second look at the bus in each scan, which costs as much as a tenth of the guard (measured).
    """

    def remembered_faults(self) -> tuple[BmsFault, ...]:
        """Fault bits of the messages that are known already; raises as `BatteryManagement.faults` does."""
        ...


@runtime_checkable
class KeepsAsking(Protocol):
    """A BMS driver that repeats its request between two scans, for as long as the test is known to be alive."""

    def keep_asking(self, silence: float) -> None:
        """Go on for `silence` s of real time without a scan, and a margin; then the node hears nothing any more."""
        ...


@runtime_checkable
class OpensWhenSilent(Protocol):
    """A BMS whose contactors open when nobody asks anything of it any more: because the computer has died."""

    def opens_when_silent(self) -> float | None:
        """Return after how many s of silence; None where nobody knows that they do."""
        ...
