"""Serves the simulators of an open world to other processes: TCP sockets, pseudo-terminals, and CAN by socketcand.

One thread, one selector: all who wrote are heard by turns, and physics advances between the events by the wall clock.
A served bench outlives the programs that use it, and its log tells what they did. It knows no dialect and no physics.
"""

import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from math import ceil, inf
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from can import Message

from instruments.virtual.served.control import ControlConversation
from instruments.virtual.served.ends import End, PipeEnd, PtyEnd, TcpEnd
from instruments.virtual.served.log import Listener, ServeLog
from instruments.virtual.served.socketcand import GREETING, SocketcandClient
from instruments.virtual.wires.exchange import CanChannel, Device, Exchange, Line, LineDead
from instruments.virtual.world import Outputs, World

TICK, SHORTEST_TICK = 0.05, 0.005  # s of real time between two advances, at speed 1 and at any
LEAST = 0.002  # s of real time worth an advance: commands that come closer together act on the same instant
SOON = 2 * LEAST  # s of real time behind a message in which what it has set in motion is seen to move
FINEST = 0.1  # s of bench time that an advance covers at most: the cycle of the BMS's frames
MOST_ADVANCES = 20  # in one turn; a machine too slow for its speed advances in longer steps
VOLTAGE_CHANGE, CURRENT_CHANGE = 1.0, 0.1  # V and A by which the terminals must move to be logged again
CHUNK = 65536  # bytes sent at once
SHARE = 1024
"""Bytes of one wire that are acted on in a turn: a table of 80 kB that is written to one instrument must not keep a BMS
from hearing in time, as if they had one processor between them."""
MOST_UNSENT = 1 << 20  # bytes; who does not read is not listened to, and loses CAN frames, until he reads
MOST_UNFINISHED = 1 << 16  # bytes of one message; no instrument's buffer is larger
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: the peer sees a reset


class Conversation(Protocol):
    """What is said on a wire."""

    def receive(self, data: bytes) -> bytes:
        """Act on what came; what to answer. Raises `Babble` when the conversation cannot go on."""
        ...

    def close(self) -> None:
        """The wire is gone."""
        ...


class Babble(Exception):
    """A peer that cannot be understood."""


class Tap:
    """A device as one peer sees it, with every message logged with the time of its arrival."""

    def __init__(self, device: Device, name: str, peer: str, log: ServeLog, after: Callable[[], None]) -> None:
        self.device, self._name, self._peer, self._log, self._after = device, name, peer, log, after
        self.frames, self.ends_with = device.frames, device.ends_with
        self.hangs_up_after = device.hangs_up_after

    def handle(self, message: str) -> str | None:
        """Act on one message."""
        # Logged before it is carried out: a line says that a command has arrived, whatever it then does.
        self._log.write("command", instrument=self._name, peer=self._peer, message=message)
        reply = self.device.handle(message)
        self._after()
        return reply

    def status_byte(self) -> int:
        """Serial poll; no wire served here has one."""
        return self.device.status_byte()


class InstrumentConversation:
    """Messages to an instrument and its replies, framed as it frames them."""

    def __init__(self, tap: Tap, exchange: Exchange) -> None:
        self._line = Line(tap, wait=lambda _seconds: None)
        exchange.adopt(tap.device, self._line)

    def receive(self, data: bytes) -> bytes:
        """See `Conversation.receive`."""
        try:
            self._line.write(data)
        except LineDead as error:
            raise Babble(str(error)) from error
        if len(self._line.unfinished) > MOST_UNFINISHED:
            raise Babble(f"more than {MOST_UNFINISHED} bytes without an end of message")
        replies = b"".join(self._line.replies)
        self._line.replies.clear()
        return replies

    def close(self) -> None:
        """See `Conversation.close`."""
        self._line.unplug()


class Wire:
    """One end with its conversation: reads, answers, and keeps what the other side is too slow to take."""

    def __init__(
        self,
        end: End,
        selector: selectors.BaseSelector,
        closed: Callable[["Wire", str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.end = end
        self.open = True
        self.hangs_up_after: float | None = None
        """s of real time without a word, after which an instrument closes the wire; None: never."""
        self._monotonic, self._last_word = monotonic, monotonic()
        self.conversation: Conversation | None = None
        self._selector, self._closed = selector, closed
        self._unsent = bytearray()
        self._events = selectors.EVENT_READ
        selector.register(end.fileno(), self._events, self.ready)

    def ready(self, events: int) -> None:
        """Read and write what can be, as the selector says."""
        if events & selectors.EVENT_WRITE and self.open:
            self._flush()
        if events & selectors.EVENT_READ and self.open:
            self._read()

    def hung_up(self) -> bool:
        """Whether the other side has gone, once everything it still said has been acted on."""
        while self.open and self._read():
            pass
        return not self.open

    def send(self, data: bytes) -> None:
        """Send now, or as soon as the other side takes it."""
        if self.open and data:
            self._unsent += data
            self._flush()

    def send_if_read(self, data: bytes) -> None:
        """Send, or lose it when the other side has long stopped reading: a CAN controller overwrites as well."""
        if len(self._unsent) < MOST_UNSENT:
            self.send(data)

    def close_if_silent(self) -> None:
        """Hang up on a peer that has been silent for as long as the instrument waits."""
        patience = self.hangs_up_after
        if patience is not None and self._monotonic() - self._last_word >= patience:
            self.close(f"silent for {patience:g} s")

    def close(self, why: str) -> None:
        """Let go of the wire; may be called again."""
        if not self.open:
            return
        self.open = False
        self._selector.unregister(self.end.fileno())
        self.end.close()
        if self.conversation is not None:
            self.conversation.close()
        self._closed(self, why)

    def _read(self) -> bool:
        """Take and act on what has come; False when nothing had."""
        try:
            data = self.end.recv(SHARE)
        except BlockingIOError:
            return False
        except OSError as error:
            self.close(error.strerror or str(error))
            return True
        self._last_word = self._monotonic()
        if not data:
            self.close("closed by the peer")
        elif self.conversation is not None:
            try:
                self.send(self.conversation.receive(data))
            except Babble as error:
                self.close(str(error))
        return True

    def _flush(self) -> None:
        try:
            del self._unsent[: self.end.send(bytes(self._unsent[:CHUNK]))]
        except BlockingIOError:
            pass
        except OSError as error:
            self.close(error.strerror or str(error))
            return
        self._wait_for_what_is_needed()

    def _wait_for_what_is_needed(self) -> None:
        read = selectors.EVENT_READ if len(self._unsent) < MOST_UNSENT else 0
        events = read | (selectors.EVENT_WRITE if self._unsent else 0)
        if events != self._events:
            self._events = events
            self._selector.modify(self.end.fileno(), events, self.ready)


@dataclass(slots=True)
class Port:
    """A listening socket. An `exclusive` instrument has one connection at a time and resets any other."""

    socket: socket.socket
    attend: Callable[[TcpEnd], Wire]
    exclusive: bool = False
    held: Wire | None = None

    def ready(self, _events: int) -> str | None:
        """Accept one connection; returns whom it refused."""
        try:
            connection, (host, port, *_) = self.socket.accept()
        except OSError:  # the peer has thought better of it, or this process has too many files open
            return None
        if self.exclusive and self.held is not None and not self.held.hung_up():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.close()
            return f"{host}:{port}"
        self.held = self.attend(TcpEnd(connection, f"{host}:{port}"))
        return None


class Server:
    """A world on real wires. `turn` by `turn` it listens, acts and lets time pass; `addresses` says where.

    `speed` is bench seconds per second. `addresses` has for every instrument what a station file would say about its
    link: `resource`, or `can`.
    """

    def __init__(
        self, world: World, log: ServeLog, *, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.addresses: dict[str, dict[str, Any]] = {}
        self._world, self._log, self._speed, self._monotonic = world, log, speed, monotonic
        self._selector = selectors.DefaultSelector()
        self._ports: list[Port] = []
        self._wires: set[Wire] = set()
        self._tick = max(SHORTEST_TICK, TICK / max(speed, 1.0))
        self._start = self._due = monotonic()
        self._soon = inf
        self._stopped: str | None = None
        self._closed = False
        self._logged: Outputs | None = None
        log.bench_time = lambda: world.time
        world.hasten(speed)

    # ---- what is offered ----

    def offer_socket(self, name: str, device: Device, host: str, port: int, *, exclusive: bool) -> None:
        """Let an instrument be reached on a TCP port, 0 for any that is free; raises OSError when that is taken."""

        def attend(end: TcpEnd) -> Wire:
            wire = self._talk(name, end, device)
            wire.hangs_up_after = device.hangs_up_after
            return wire

        port = self._listen(name, host, port, attend, exclusive=exclusive)
        self.addresses[name] = {"resource": f"TCPIP0::{host}::{port}::SOCKET"}

    def offer_can(self, name: str, bus: str, channel: CanChannel, host: str, port: int) -> None:
        """Let a CAN bus be joined through socketcand on a TCP port; see `offer_socket`."""

        def attend(end: TcpEnd) -> Wire:
            wire = self._attach(name, end)
            wire.conversation = SocketcandClient(
                {bus: channel}, send=wire.send_if_read, heard=lambda message: self._heard(name, end.name, message),
                now=self._monotonic,
            )  # fmt: skip
            wire.send(GREETING)
            return wire

        port = self._listen(name, host, port, attend, exclusive=False)
        self.addresses[name] = {"can": {"interface": "socketcand", "host": host, "port": port, "channel": bus}}

    def offer_serial(self, name: str, device: Device, *, visa: bool = True) -> None:
        """Let an instrument be reached on a new pseudo-terminal, by a VISA name or not; raises OSError without any."""
        end = PtyEnd()
        self._talk(name, end, device)
        self.addresses[name] = {"resource": f"ASRL{end.name}::INSTR" if visa else f"serial://{end.name}"}

    def offer_control(self, descriptor: int) -> None:
        """Take control lines from a pipe or a terminal; raises OSError for anything else."""
        try:
            wire = self._attach("control", PipeEnd(descriptor, "standard input"))
        except PermissionError as error:
            raise OSError(
                error.errno, "control lines come from a pipe or a terminal, and standard input is none"
            ) from error
        act = {"inject": self._world.inject, "repair": self._world.repair}
        wire.conversation = ControlConversation(act, self._log.write)

    def _listen(self, name: str, host: str, port: int, attend: Callable[[TcpEnd], Wire], *, exclusive: bool) -> int:
        try:
            listening = socket.create_server((host, port))
        except OSError as error:
            reason = (error.strerror or str(error)).partition(" (")[0]  # Python adds the address once more
            raise OSError(error.errno, f"{name} cannot be served on {host} port {port}: {reason}") from error
        listening.setblocking(False)
        offered = Port(listening, attend, exclusive)
        self._ports.append(offered)

        def accept(events: int) -> None:
            refused = offered.ready(events)
            if refused:
                self._log.write("refused", instrument=name, peer=refused, text="it accepts one connection")

        self._selector.register(listening, selectors.EVENT_READ, accept)
        return int(listening.getsockname()[1])

    def _talk(self, name: str, end: End, device: Device) -> Wire:
        wire = self._attach(name, end)
        tap = Tap(device, name, end.name, self._log, self._observe)
        wire.conversation = InstrumentConversation(tap, self._world.exchange)
        return wire

    def _attach(self, name: str, end: End) -> Wire:
        def closed(wire: Wire, why: str) -> None:
            self._wires.discard(wire)
            self._log.write("disconnected", instrument=name, peer=end.name, text=why)

        wire = Wire(end, self._selector, closed, self._monotonic)
        self._wires.add(wire)
        self._log.write("connected", instrument=name, peer=end.name)
        return wire

    def _heard(self, name: str, peer: str, message: Message) -> None:
        text = f"{message.arbitration_id:03X}#{message.data.hex().upper()}"
        self._log.write("command", instrument=name, peer=peer, message=text)

    # ---- time ----

    def run(self) -> None:
        """Serve until `stop`."""
        self._log.write("ready", speed=self._speed, instruments=self.addresses)
        self._observe()
        while self._stopped is None:
            self.turn()

    def turn(self) -> None:
        """Wait for a message, the next tick, or what a message has set in motion; let the bench catch up, then act."""
        events = self._selector.select(max(0.0, min(self._due, self._soon) - self._monotonic()))
        self._catch_up()
        for key, mask in events:
            key.data(mask)
        # A ramp begins with its command: it would stand still until the next tick, and be that much late.
        if events:
            self._soon = self._monotonic() + SOON
        elif self._monotonic() >= self._soon:
            self._soon = inf
        for wire in tuple(self._wires):
            wire.close_if_silent()
        self._observe()

    def stop(self, why: str) -> None:
        """Ask `run` to end, within a tick; safe in a signal handler. The first reason is kept."""
        self._stopped = self._stopped or why

    def close(self) -> None:
        """Hang up, stop listening, close the world. May be called again."""
        if self._closed:
            return
        self._closed = True
        for wire in tuple(self._wires):
            wire.close("the served bench has ended")
        for port in self._ports:
            port.socket.close()
        self._ports.clear()
        self._selector.close()
        self._world.close()
        self._log.write("ended", text=self._stopped or "closed")
        self._log.close()

    def _catch_up(self) -> None:
        now = self._monotonic()
        if now >= self._due:
            # On a grid, so that the BMS's frames keep their cycle; what was missed is not repeated.
            self._due += self._tick * ceil((now - self._due) / self._tick + 1e-6)
        behind = (now - self._start) * self._speed - self._world.time
        if behind < LEAST * self._speed:
            return
        advances = min(ceil(behind / FINEST), MOST_ADVANCES)
        for _ in range(advances):
            self._world.advance(behind / advances)

    def _observe(self) -> None:
        """Log the outputs when a switch or the terminals have moved."""
        found, last = self._world.outputs(), self._logged
        if (
            last is not None
            and found.switches == last.switches
            and abs(found.voltage - last.voltage) < VOLTAGE_CHANGE
            and abs(found.battery - last.battery) < CURRENT_CHANGE
        ):
            return
        self._logged = found
        self._log.write("state", **asdict(found))


def serve_world(  # noqa: PLR0913 - the contract with the bench
    world: World,
    *,
    links: Mapping[str, str],
    ports: Mapping[str, int],
    host: str,
    speed: float,
    exclusive: Collection[str] = (),
    log: Path | None = None,
    listener: Listener | None = None,
    control: int | None = None,
) -> Server:
    """Put an open world on real wires; `Server.run` then serves it, `Server.close` closes both.

    `links` are those the world was opened with: `ASRL...` and `packbench://...` become pseudo-terminals, `...:channel`
    a socketcand server, everything else a TCP socket: also a URL with a port, `packbench://wallbox:502`. `ports` has
    the TCP port of each, 0 for any that is free; `exclusive` names those that accept one connection at a time. Every
    event goes to the file `log`, appended, and to `listener`. Lines that come on the descriptor `control` begin and end
    defects. Raises OSError for a port, a log file or a control that cannot be had.
    """
    server = Server(world, ServeLog(log, listener), speed=speed)
    try:
        for name, link in links.items():
            _offer(server, world.exchange, name, link, host, ports.get(name, 0), exclusive=name in exclusive)
        if control is not None:
            server.offer_control(control)
    except BaseException:
        server.stop("could not be served")
        server.close()
        raise
    return server


def _offer(server: Server, exchange: Exchange, name: str, link: str, host: str, port: int, *, exclusive: bool) -> None:
    bus = link.rpartition(":")[2]
    channel, line = exchange.channel(bus), exchange.connect(link)
    if line is None and channel is not None:
        server.offer_can(name, bus, channel, host, port)
    elif line is None:
        return  # an instrument of the station that has no simulator
    elif link.upper().startswith("ASRL") or ("://" in link and urlsplit(link).port is None):
        server.offer_serial(name, line.device, visa="://" not in link)
    else:
        server.offer_socket(name, line.device, host, port, exclusive=exclusive)
