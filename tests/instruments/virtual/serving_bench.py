"""A served bench in this process, moved turn by turn on a clock that the test holds."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instruments.virtual import World
from instruments.virtual.served.log import ServeLog
from instruments.virtual.served.serving import Server

PATIENCE = 2000
"""Turns after which an answer is called missing; each waits a few ms at least, and at most one tick."""


@dataclass
class HandClock:
    """Monotonic time, s, that passes when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Served:
    """A server, what it logged, and the clients a test has connected to it."""

    world: World
    server: Server
    clock: HandClock
    events: list[dict[str, Any]]
    clients: list[socket.socket] = field(default_factory=list)

    def port(self, name: str) -> int:
        address = self.server.addresses[name]
        return int(address["can"]["port"] if "can" in address else address["resource"].split("::")[2])

    def connect(self, name: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port(name)))
        client.setblocking(False)
        self.clients.append(client)
        return client

    def turn_until(self, arrived: Callable[[], bool]) -> None:
        for _ in range(PATIENCE):
            self.server.turn()
            if arrived():
                return
        raise AssertionError("it never came")

    def read(self, client: socket.socket, end: bytes = b"\n") -> bytes:
        """What a client receives up to `end`; an empty last part means that the server hung up."""
        received = bytearray()

        def arrived() -> bool:
            try:
                data = client.recv(65536)
            except BlockingIOError:
                return False
            received.extend(data)
            return not data or received.endswith(end)

        self.turn_until(arrived)
        return bytes(received)

    def ask(self, client: socket.socket, message: bytes) -> bytes:
        client.sendall(message)
        return self.read(client)

    def say(self, client: socket.socket, *messages: bytes) -> None:
        """Send what is not answered, and see it arrive."""
        for message in messages:
            count = len(self.logged("command")) + 1
            client.sendall(message)
            self.turn_until(lambda count=count: len(self.logged("command")) >= count)  # type: ignore[misc]

    def let_pass(self, seconds: float, tick: float = 0.05) -> None:
        """Real time passes, tick by tick."""
        for _ in range(round(seconds / tick)):
            self.clock.now += tick
            self.server.turn()

    def logged(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.close()


def serve_by_hand(world: World, *, speed: float = 1.0, log: Path | None = None) -> Served:
    """A server that offers nothing yet."""
    clock, events = HandClock(), list[dict[str, Any]]()
    server = Server(world, ServeLog(log, events.append, clock), speed=speed, monotonic=clock)
    return Served(world, server, clock, events)


def lines(path: Path) -> list[dict[str, Any]]:
    """A log file as a reader finds it."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
