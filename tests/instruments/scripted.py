"""A pyvisa backend that plays a transcript, and TCP instruments on the loopback, for driver tests."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pyvisa import errors, highlevel, rname
from pyvisa.constants import StatusCode

from instruments.wires.session import Session

Exchange = tuple[str | bytes, str | bytes | None]

RESOURCE = "TCPIP0::script::5025::SOCKET"


class Wire:
    """The far end of one resource: what it expects to be sent, in order, and what it answers."""

    def __init__(self) -> None:
        self.script: list[Exchange] = []
        self.sent: list[str] = []
        self.opened = 0
        self.closed = 0
        self.on_open: Callable[[], object] = lambda: None
        self.lost = 0
        """How many of the next messages find the connection closed by the peer."""
        self._loses_at: int | None = None
        self._answers: list[bytes] = []

    def expect(self, *exchanges: Exchange) -> None:
        """Add (sent, answered) pairs; None for a message without an answer. Text gets LF."""
        self.script.extend(exchanges)

    def lose_after(self, count: int) -> None:
        """Let the message after the next `count` find the connection closed by the peer."""
        self._loses_at = len(self.sent) + count

    def written(self, data: bytes) -> None:
        if len(self.sent) == self._loses_at:
            self._loses_at, self.lost = None, 1
        if self.lost:
            self.lost -= 1
            raise errors.VisaIOError(StatusCode.error_connection_lost)
        self.sent.append(data.decode("latin-1").rstrip("\r\n"))
        assert self.script, f"nothing more was expected, but {data!r} was sent"
        sent, answer = self.script.pop(0)
        assert data == _line(sent)
        if answer is not None:
            self._answers.append(_line(answer))

    def line(self) -> bytes:
        if not self._answers:
            raise errors.VisaIOError(StatusCode.error_timeout)
        return self._answers.pop(0)

    def finished(self) -> None:
        assert not self.script, f"never sent: {self.script}"


def _line(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode() + b"\n"


class ScriptLibrary(highlevel.VisaLibraryBase):
    """The VISA library named `@script`; every resource is a `Wire`."""

    wires: dict[str, Wire] = {}  # noqa: RUF012

    @staticmethod
    def get_library_paths() -> tuple[str, ...]:
        return ("script",)

    def _init(self) -> None:
        self._sessions: dict[int, Wire] = {}
        self._attributes: dict[tuple[int, int], Any] = {}

    def open_default_resource_manager(self) -> tuple[int, StatusCode]:
        return 1, StatusCode.success

    def list_resources(self, session: int, query: str = "?*::INSTR") -> tuple[str, ...]:
        return tuple(self.wires)

    def parse_resource_extended(self, session: int, resource_name: str) -> tuple[Any, StatusCode]:
        parsed = rname.parse_resource_name(resource_name)
        return (
            highlevel.ResourceInfo(parsed.interface_type_const, 0, parsed.resource_class, str(parsed), None),
            StatusCode.success,
        )

    def open(self, session: int, resource_name: str, *_: object) -> tuple[int, StatusCode]:
        if resource_name not in self.wires:
            raise errors.VisaIOError(StatusCode.error_resource_not_found)
        number = 2 + len(self._sessions)
        self._sessions[number] = wire = self.wires[resource_name]
        wire.opened += 1
        wire.on_open()
        return number, StatusCode.success

    def close(self, session: int) -> StatusCode:
        if session in self._sessions:
            self._sessions[session].closed += 1
        return StatusCode.success

    def get_attribute(self, session: int, attribute: int) -> tuple[Any, StatusCode]:
        return self._attributes.get((session, attribute), 0), StatusCode.success

    def set_attribute(self, session: int, attribute: int, state: object) -> StatusCode:
        self._attributes[session, attribute] = state
        return StatusCode.success

    def disable_event(self, *_: object) -> StatusCode:
        return StatusCode.success

    def discard_events(self, *_: object) -> StatusCode:
        return StatusCode.success

    def write(self, session: int, data: bytes) -> tuple[int, StatusCode]:
        self._sessions[session].written(data)
        return len(data), StatusCode.success

    def read(self, session: int, count: int) -> tuple[bytes, StatusCode]:
        return self._sessions[session].line(), StatusCode.success_termination_character_read


class FakeTime:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Server:
    """A TCP instrument: `behave(connection)` is called, in a thread, for every connection."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._behave = behave
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def resource(self) -> str:
        return f"TCPIP0::127.0.0.1::{self.port}::SOCKET"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._behave(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


Transcript = list[tuple[str, str]]
Behaviour = Callable[[socket.socket], None]
Serve = Callable[[Behaviour], Server]
OpenSession = Callable[..., Session]
