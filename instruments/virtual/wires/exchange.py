"""Which address leads to which simulated instrument: the one registry that every in-process transport looks into.

It knows addresses, lines and CAN channels; it does not know dialects or physics. A world plugs its simulators
in when it opens and pulls them out when it closes; what was connected then finds a dead line, as after a pulled
cable.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from can import Message
from pyvisa import rname

Wait = Callable[[float], None]


class Device(Protocol):
    """A simulated instrument as its wire sees it: one message in, at most one reply out.

    Text is Latin-1, so that every byte value has its place (SimServ separates its fields by 0xB6). On a network the
    instrument closes a connection after `hangs_up_after` s of real time without a word; None: never.
    """

    ends_on: bytes
    ends_with: bytes
    hangs_up_after: float | None

    def handle(self, message: str) -> str | None:
        """Act on one message without its terminator; None is silence."""
        ...

    def status_byte(self) -> int:
        """Answer a serial poll (IEEE 488.2 clause 11)."""
        ...


class LineDead(ConnectionError):
    """The instrument at the other end was unplugged: its world has been closed."""


class Line:
    """One connection to a device: assembles messages from bytes and queues the replies."""

    def __init__(self, device: Device, wait: Wait) -> None:
        self._device: Device | None = device
        self._unfinished = b""
        self.wait = wait
        self.replies: deque[bytes] = deque()
        self.write: Callable[[bytes], None] = self._write
        """Send bytes; every message they complete is acted on before this returns. A defect takes its place."""

    @property
    def device(self) -> Device:
        """The instrument at the other end; raises `LineDead` after its world was closed."""
        if self._device is None:
            raise LineDead("the virtual instrument was unplugged: open its world again")
        return self._device

    def complete(self, data: bytes) -> list[bytes]:
        """Add bytes to what has come so far; returns the messages that are complete now."""
        *messages, self._unfinished = (self._unfinished + data).split(self.device.ends_on)
        return messages

    def _write(self, data: bytes) -> None:
        device = self.device
        *messages, self._unfinished = (self._unfinished + data).split(device.ends_on)
        for message in messages:
            reply = device.handle(message.decode("latin-1"))
            if reply is not None:
                self.replies.append(reply.encode("latin-1") + device.ends_with)

    def clear(self) -> None:
        """Forget unfinished input and unread replies (a device clear)."""
        self._unfinished = b""
        self.replies.clear()

    def unplug(self) -> None:
        """Cut the line."""
        self._device = None
        self.clear()


Listener = Callable[[Message], None]


class _Deaf(dict[object, Listener]):
    """Members that are all there and hear nothing."""

    def items(self) -> Any:
        """Nobody to send to."""
        return ()


@dataclass(slots=True)
class CanChannel:
    """One CAN bus: what a member sends, every other member receives. `now` stamps the frames (virtual s)."""

    now: Callable[[], float]
    wait: Wait
    members: dict[object, Listener] = field(default_factory=dict)

    def cut(self) -> None:
        """Let no frame through any more, whoever sends or joins: a bus that is off, a cable that is pulled."""
        self.members = _Deaf(self.members)

    def mend(self) -> None:
        """Let frames through again."""
        self.members = dict(dict.items(self.members))

    def send(self, sender: object, message: Message) -> None:
        """Put a frame on the bus; it is received by everybody but its sender before this returns."""
        for member, receive in tuple(self.members.items()):
            if member is not sender:
                receive(message)


@dataclass(slots=True)
class _Socket:
    device: Device
    wait: Wait
    lines: list[Line] = field(default_factory=list)
    disturb: Callable[[Line], None] | None = None
    reachable: bool = True


class Exchange:
    """Addresses of all open worlds. VISA names are compared in their canonical form, without regard to case."""

    def __init__(self) -> None:
        self._sockets: dict[str, _Socket] = {}
        self._names: dict[str, str] = {}
        self._channels: dict[str, CanChannel] = {}

    def plug(self, address: str, device: Device, wait: Wait) -> None:
        """Make a device reachable. Raises ValueError for an address that is malformed or taken."""
        key = canonical(address)
        if key in self._sockets:
            raise ValueError(
                f"address {address!r} already leads to a virtual instrument: close its world or choose another"
            )
        self._sockets[key] = _Socket(device, wait)
        self._names[key] = address

    def unplug(self, addresses: Iterable[str]) -> None:
        """Take devices off; their open lines die. Unknown addresses are ignored: unplugging twice is harmless."""
        for address in addresses:
            key = canonical(address)
            self._names.pop(key, None)
            socket = self._sockets.pop(key, None)
            for line in socket.lines if socket else ():
                line.unplug()

    def connect(self, address: str) -> Line | None:
        """Open a line to the device at an address; None when nothing is plugged in there."""
        try:
            socket = self._sockets.get(canonical(address))
        except ValueError:
            return None
        if socket is None or not socket.reachable:
            return None
        line = Line(socket.device, socket.wait)
        _join(socket, line)
        return line

    def adopt(self, device: Device, line: Line) -> None:
        """Count a line that somebody else has laid to a device (a served one) among its own."""
        for socket in self._sockets.values():
            if socket.device is device:
                _join(socket, line)

    def disturb(self, address: str, disturb: Callable[[Line], None]) -> None:
        """Have every line to an address pass through `disturb`, those of now and those to come."""
        socket = self._sockets[canonical(address)]
        socket.disturb = disturb
        for line in socket.lines:
            disturb(line)

    def hang_up(self, address: str, *, for_good: bool) -> None:
        """Cut every line to an address; until `restore`, with `for_good`, no new one comes about."""
        socket = self._sockets[canonical(address)]
        socket.reachable = not for_good
        for line in socket.lines:
            line.unplug()
        socket.lines.clear()

    def restore(self, address: str) -> None:
        """Let an address be reached again; harmless when it can be, or is gone."""
        socket = self._sockets.get(canonical(address))
        if socket is not None:
            socket.reachable = True

    def addresses(self) -> tuple[str, ...]:
        """Every address with a device behind it, as it was written in the station file."""
        return tuple(self._names.values())

    def add_channel(self, name: str, channel: CanChannel) -> None:
        """Lay a CAN bus. Raises ValueError when the name is taken."""
        if name in self._channels:
            raise ValueError(
                f"virtual CAN channel {name!r} already exists: close the world that uses it or choose another"
            )
        self._channels[name] = channel

    def remove_channel(self, name: str) -> None:
        """Take a CAN bus away; harmless when it is gone already."""
        self._channels.pop(name, None)

    def channel(self, name: str) -> CanChannel | None:
        """Find a CAN bus by its channel name."""
        return self._channels.get(name)


def _join(socket: _Socket, line: Line) -> None:
    socket.lines.append(line)
    if socket.disturb is not None:
        socket.disturb(line)
    if not socket.reachable:
        line.unplug()


def canonical(address: str) -> str:
    """Bring an address into the form it is compared in; raises ValueError for one that is neither URL nor VISA name."""
    if "://" in address:
        return address.partition("?")[0].rstrip("/").upper()
    try:
        return str(rname.ResourceName.from_string(address)).upper()
    except ValueError as error:
        raise ValueError(
            f"{address!r} is no VISA resource name and no URL: write one like 'TCPIP::supply::5025::SOCKET' or 'packbench://supply'"
        ) from error


EXCHANGE = Exchange()
