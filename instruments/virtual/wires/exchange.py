"""Which address leads to which simulated instrument: what every in-process transport looks into.

It knows addresses, lines and CAN channels; it does not know dialects or physics. Each open world has an exchange of its
own, and a name that transports may be given with an address: two worlds may have the same one. A world plugs its
simulators in when it opens and pulls them out when it closes; what was connected then finds a dead line, as after a
pulled cable.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from math import floor, inf
from threading import Lock
from typing import Any, Protocol

from can import Message
from pyvisa import rname

from instruments.virtual.failing import failed
from instruments.virtual.lasting import End, Lasting

Wait = Callable[[float], None]


class Device(Protocol):
    """A simulated instrument as its wire sees it: one message in, at most one reply out.

    `frames` finds the messages in what has come; a reply goes out with `ends_with` behind it. Text is Latin-1, so that
    every byte value has its place (SimServ separates its fields by 0xB6, a binary protocol has nothing else). On a
    network the instrument closes a connection after `hangs_up_after` s of real time without a word; None: never.
    """

    ends_with: bytes
    hangs_up_after: float | None

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Take what has come so far apart: the messages that are complete, without their ends, and the rest."""
        ...

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

    def __init__(self, device: Device, wait: Wait, name: str = "") -> None:
        self._device: Device | None = device
        self.name = name
        """Of the instrument whose line it is."""
        self.unfinished = b""
        """What has come of a message that is not complete."""
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
        device = self.device
        try:
            messages, self.unfinished = device.frames(self.unfinished + data)
        except Exception as error:
            raise failed(self.name, error) from error
        return messages

    def answer(self, message: bytes) -> bytes | None:
        """What the instrument says to a message, with its terminator; raises `SimulatorFailed` where it cannot."""
        device = self.device
        try:
            reply = device.handle(message.decode("latin-1"))
            return None if reply is None else reply.encode("latin-1") + device.ends_with
        except Exception as error:
            raise failed(self.name, error) from error

    def _write(self, data: bytes) -> None:
        device = self._device
        if device is None:
            device = self.device  # which raises
        # As `complete` and `answer` do it: this is done some times in each scan.
        try:
            messages, self.unfinished = device.frames(self.unfinished + data if self.unfinished else data)
            for message in messages:
                reply = device.handle(message.decode("latin-1"))
                if reply is not None:
                    self.replies.append(reply.encode("latin-1") + device.ends_with)
        except Exception as error:
            raise failed(self.name, error) from error

    def clear(self) -> None:
        """Forget unfinished input and unread replies (a device clear)."""
        self.unfinished = b""
        self.replies.clear()

    def unplug(self) -> None:
        """Cut the line."""
        self._device = None
        self.clear()


Listener = Callable[[Message], None]


@dataclass(slots=True)
class Repeated:
    """A frame that somebody sends at `since` (virtual s) and again each `period` s, until `until`.

    Nobody steps the world for each of them: who wants to know when they came asks for their times (`between`).
    """

    message: Message
    period: float
    since: float
    until: float = inf

    def after(self, time: float) -> float:
        """When it is sent next after `time`, s, unless it has ended."""
        # Without min and max, here and below: who looks does so in every step of the world.
        number = floor((time - self.since) / self.period + ROUNDING) + 1
        return self.since + self.period * (number if number > 0 else 0)

    def between(self, before: float, now: float) -> tuple[float, int]:
        """When the first came that was sent after `before`, and how many there were until `now`, both s."""
        first, last = self.after(before), now if now < self.until else self.until
        count = floor((last - first) / self.period + ROUNDING) + 1
        return first, count if count > 0 else 0


ROUNDING = 1e-6
"""Share of a period by which times of the world are rounded."""


class _Deaf(dict[object, Listener]):
    """Members that are all there and hear nothing."""

    def items(self) -> Any:
        """Nobody to send to."""
        return ()


@dataclass(slots=True)
class CanChannel:
    """One CAN bus: what a member sends, every other member receives. `now` stamps the frames (virtual s).

    `repeated` are the frames that somebody has the bus repeat; the first of each is sent to everybody as any other,
    what follows is for those who look. `wanted` are the identifiers that a member looks at; one that is not in here
    looks at all. `owners` are the instruments whose simulators are members.
    """

    now: Callable[[], float]
    wait: Wait
    members: dict[object, Listener] = field(default_factory=dict)
    repeated: list[Repeated] = field(default_factory=list)
    wanted: dict[object, frozenset[int]] = field(default_factory=dict)
    is_cut: bool = False
    owners: dict[object, str] = field(default_factory=dict)
    lasting: Lasting = field(default_factory=Lasting)

    def wants(self, identifier: int, sender: object) -> bool:
        """Whether anybody but its sender looks at frames of an identifier: others need not be made."""
        found, wanted = (each for each in self.members if each is not sender), self.wanted
        return any(identifier in wanted[each] if each in wanted else True for each in found)

    def cut(self) -> End:
        """Let no frame through any more, whoever sends or joins: a bus that is off, a cable that is pulled.

        How that is ended; of several cuts it takes the end of all.
        """
        if not self.is_cut:
            self.members, self.is_cut = _Deaf(self.members), True
        return self.lasting.until_the_last("cut", self._mend)

    def _mend(self) -> None:
        self.members = dict(dict.items(self.members))
        self.is_cut = False

    def send(self, sender: object, *messages: Message) -> None:
        """Put frames on the bus; they are received by everybody but their sender before this returns."""
        for member, receive in tuple(self.members.items()):
            if member is not sender:
                try:
                    for message in messages:
                        receive(message)
                except Exception as error:
                    raise failed(self.owners.get(member, ""), error) from error


@dataclass(slots=True)
class _Socket:
    device: Device
    wait: Wait
    lines: list[Line] = field(default_factory=list)
    disturb: Callable[[Line], None] | None = None
    reachable: bool = True
    name: str = ""


class Exchange:
    """The addresses of one world, which is called `name`.

    VISA names are compared in their canonical form, without regard to case.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._sockets: dict[str, _Socket] = {}
        self._names: dict[str, str] = {}
        self._channels: dict[str, CanChannel] = {}

    def plug(self, address: str, device: Device, wait: Wait, name: str = "") -> None:
        """Make a device reachable, as the instrument `name`.

        Raises ValueError for an address that is malformed or taken.
        """
        key = canonical(address)
        if key in self._sockets:
            raise ValueError(f"address {address!r} already leads to a virtual instrument of this world: use another")
        self._sockets[key] = _Socket(device, wait, name=name)
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

    def has(self, address: str) -> bool:
        """Whether a device is plugged in at an address."""
        try:
            return canonical(address) in self._sockets
        except ValueError:
            return False

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
        socket.reachable = socket.reachable and not for_good
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

    def join_channel(self, name: str, now: Callable[[], float], wait: Wait) -> CanChannel:
        """The CAN bus of that name, laid with the first who asks for it."""
        return self._channels.setdefault(name, CanChannel(now, wait))

    def channel(self, name: str) -> CanChannel | None:
        """Find a CAN bus by its channel name."""
        return self._channels.get(name)

    def close(self) -> None:
        """Take every device and bus off; nobody finds this world any more. May be called again."""
        with _LOCK:
            if _OPEN.get(self.name) is self:
                del _OPEN[self.name]
        self.unplug(self.addresses())
        self._channels.clear()


def _join(socket: _Socket, line: Line) -> None:
    socket.lines.append(line)
    line.name = socket.name
    if socket.disturb is not None:
        socket.disturb(line)
    if not socket.reachable:
        line.unplug()


def canonical(address: str) -> str:
    """Bring an address into the form it is compared in; raises ValueError for one that is neither URL nor VISA name."""
    if "://" in address:
        return address.partition("?")[0].rstrip("/").upper()
    try:
        return str(rname.ResourceName.from_string(address.upper())).upper()
    except ValueError as error:
        raise ValueError(
            f"{address!r} is no VISA resource name and no URL: write one like 'TCPIP::supply::5025::SOCKET' or 'packbench://supply'"
        ) from error


# ---- the worlds of this process ----

_OPEN: dict[str, Exchange] = {}
_LOCK = Lock()


class Ambiguous(LookupError):
    """Several open worlds have an address, and nobody has said which one is meant."""


def open_exchange() -> Exchange:
    """An exchange for one more world, under the least number that no open one has."""
    with _LOCK:
        name = next(str(number) for number in count() if str(number) not in _OPEN)
        return _OPEN.setdefault(name, Exchange(name))


def exchanges(world: str = "") -> tuple[Exchange, ...]:
    """The exchange of one open world, by its name; without a name those of all."""
    with _LOCK:
        return tuple(each for name, each in _OPEN.items() if world in {"", name})


def addresses(world: str = "") -> tuple[str, ...]:
    """Every address of one open world, or of all."""
    return tuple(address for exchange in exchanges(world) for address in exchange.addresses())


def connect(address: str, world: str = "") -> Line | None:
    """Open a line to the device at an address of one open world, or of whichever has it; None when none has.

    Raises `Ambiguous`.
    """
    having = [exchange for exchange in exchanges(world) if exchange.has(address)]
    return _only(having, address).connect(address) if having else None


def channel_of(name: str, world: str = "") -> CanChannel | None:
    """Find a CAN bus of one open world, or of whichever has it; None when none has. Raises `Ambiguous`."""
    having = [exchange for exchange in exchanges(world) if exchange.channel(name) is not None]
    return _only(having, name).channel(name) if having else None


def _only(having: list[Exchange], address: str) -> Exchange:
    if len(having) > 1:
        names = ", ".join(exchange.name for exchange in having)
        raise Ambiguous(f"the open worlds {names} all have {address!r}: say which one, as World.reached does")
    return having[0]
