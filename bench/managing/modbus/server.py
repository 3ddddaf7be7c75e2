"""A Modbus TCP server for one device: one thread, bounded in all that a client can make it hold or do.

Sources: Modbus Messaging on TCP/IP Implementation Guide V1.0b (3.1.3: the header), Modbus Application Protocol
V1.1b3 (exceptions).
What is no frame of Modbus ends its connection, as no later frame could be told from it. More requests than `RATE` are
answered with the exception "busy" and change nothing, so that a flood costs the bench no more than that.
"""

import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bench.clock import monotonic
from bench.managing.allowance import Allowance
from instruments.registers import Registers, answered

HEADER = 7
"""Bytes of a header: transaction, protocol, length, unit."""
LONGEST = 254
"""What a header may say of the bytes behind its length field."""
ANY_UNIT = 0xFF
"""What a client says that means whatever is at the address."""
FAILED, BUSY = 4, 6
"""Exceptions: server device failure, server device busy."""
RATE = 2000.0
"""Requests a second that are carried out, of all clients together; each may ask for an equal share of them."""
BURST = 200.0
"""Requests of a client that may come at once."""
PENALTY = 0.01
"""s for which a client that asks more is not read."""
MOST_CLIENTS = 16
BACKLOG = 16
UNSENT = 1 << 16
"""Bytes of answers that a client may leave unread before it is hung up on."""
LOOK = 0.25
"""s after which the thread looks whether it is to end."""


@dataclass(eq=False)
class _Client:
    line: socket.socket
    received: bytes = b""
    unsent: bytes = b""
    resting: float = 0.0
    allowance: Allowance = field(default_factory=lambda: Allowance(BURST))


class ModbusServer:
    """Serves `registers` as `unit` on `host`; `port` 0 is one that is free.

    It has its address from the beginning, and listens and answers from `begin` on. `heard` is called, in its thread,
    for each request to this unit. Raises `OSError` where it cannot.
    """

    def __init__(
        self, registers: Registers, host: str, port: int, *, unit: int = 1, heard: Callable[[], None] = lambda: None
    ) -> None:
        self._registers, self._unit, self._heard = registers, unit, heard
        self._listener = _bound(host, port)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._clients: list[_Client] = []
        self._deaf = self._over = False
        self._thread: threading.Thread | None = None

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    def begin(self) -> None:
        """Listen and answer from now on; may be called again. Raises `OSError` where somebody else listens by now."""
        if self._thread is None:
            self._listener.listen(BACKLOG)
            self._thread = threading.Thread(target=self._run, name="modbus server", daemon=True)
            self._thread.start()

    def hang_up(self, deaf: bool) -> None:
        """Hang up on everybody and on whoever calls (`deaf`), or hear them again."""
        if deaf != self._deaf:
            self._deaf = deaf
            self._wake()

    def close(self) -> None:
        """Hang up and listen no more; may be called again."""
        if self._over:
            return
        self._over = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        for each in (*(client.line for client in self._clients), self._listener, self._waker, self._woken):
            each.close()
        self._clients.clear()
        self._selector.close()

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b"!")

    # --- its thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over:
            ready = self._selector.select(self._wait())
            for key, events in ready:
                if key.data is not None:
                    self._serve(key.data, events)
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    self._woken.recv(4096)
            self._tend()

    def _wait(self) -> float:
        resting = [client.resting for client in self._clients if client.resting]
        return max(min(resting) - monotonic(), 0.0) if resting else LOOK

    def _tend(self) -> None:
        """Those who rested long enough are read again; a deaf server has no clients."""
        now = monotonic()
        for client in tuple(self._clients):
            if self._deaf:
                self._drop(client)
            elif client.resting and client.resting <= now:
                client.resting = 0.0
                self._attend(client)

    def _accept(self) -> None:
        try:
            line, _ = self._listener.accept()
        except OSError:
            return
        if self._deaf or len(self._clients) >= MOST_CLIENTS:
            line.close()
            return
        line.setblocking(False)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(line)
        self._clients.append(client)
        self._selector.register(line, selectors.EVENT_READ, client)

    def _drop(self, client: _Client) -> None:
        self._clients.remove(client)
        with suppress(KeyError):
            self._selector.unregister(client.line)
        client.line.close()

    def _attend(self, client: _Client) -> None:
        """Wait for what matters of a client: what it says, unless it rests; and room for what is unsent."""
        events = (0 if client.resting else selectors.EVENT_READ) | (selectors.EVENT_WRITE if client.unsent else 0)
        known = client.line in self._selector.get_map()
        if events and known:
            self._selector.modify(client.line, events, client)
        elif events:
            self._selector.register(client.line, events, client)
        elif known:
            self._selector.unregister(client.line)

    def _serve(self, client: _Client, events: int) -> None:
        if self._deaf:  # what it says came too late: it would be obeyed when the link is back
            self._drop(client)
            return
        try:
            if events & selectors.EVENT_READ and not self._read(client):
                self._drop(client)
                return
            self._send(client)
        except OSError:
            self._drop(client)
            return
        self._attend(client)

    def _read(self, client: _Client) -> bool:
        """Whether a client is still one: it has not hung up, and speaks Modbus, and reads what it is told."""
        try:
            came = client.line.recv(4096)
        except BlockingIOError:
            return True
        client.received += came
        return bool(came) and self._answer(client) and len(client.unsent) <= UNSENT

    def _answer(self, client: _Client) -> bool:
        """Answer each whole frame; False for what is none."""
        while len(client.received) >= HEADER:
            transaction, protocol, length, unit = struct.unpack(">HHHB", client.received[:HEADER])
            if protocol or not 2 <= length <= LONGEST:
                return False
            if len(client.received) < 6 + length:
                return True
            message, client.received = client.received[HEADER : 6 + length], client.received[6 + length :]
            if unit in {self._unit, ANY_UNIT}:
                answer = self._answered(client, message)
                client.unsent += struct.pack(">HHHB", transaction, 0, 1 + len(answer), unit) + answer
        return True

    def _answered(self, client: _Client, message: bytes) -> bytes:
        # Each has its own share: a stranger's flood makes nobody else's box a busy one.
        if not client.allowance.take(RATE / len(self._clients)):
            client.resting = monotonic() + PENALTY
            return bytes((message[0] | 0x80, BUSY))
        self._heard()
        try:
            return answered(self._registers, message)
        except Exception:  # noqa: BLE001 - whatever the bench cannot tell must not be the end of its server
            return bytes((message[0] | 0x80, FAILED))

    def _send(self, client: _Client) -> None:
        if client.unsent:
            with suppress(BlockingIOError):
                client.unsent = client.unsent[client.line.send(client.unsent) :]


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has its address and lets nobody in yet, as `socket.create_server` makes one."""
    found = socket.socket()
    try:
        if os.name == "posix":  # elsewhere the option would let two have one address
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except OSError:
        found.close()
        raise
    return found
