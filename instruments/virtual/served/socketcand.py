"""The server's side of the socketcand protocol: what is said to one client, without the socket it is said on.

ASCII in angle brackets, as in socketcand's protocol description and as python-can's `socketcand` interface speaks it:
`< hi >`, `< open can0 >`, `< rawmode >`, then `< frame ... >` one way and `< send ... >` the other. Not spoken:
broadcast-manager jobs, ISO-TP, CAN FD, and the UDP beacon, which would leave the machine.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from can import Message

from instruments.virtual.wires.exchange import CanChannel

GREETING = b"< hi >"
OK = b"< ok >"
LONGEST = 200  # bytes of one message; python-can's client gives up on longer ones as well
SILENCE_AFTER_OK = 0.25  # s
"""python-can takes whatever it receives after `< rawmode >` for the answer, so a frame must not follow it at once."""


class SocketcandClient:
    """One client: takes bytes, returns the answers, and once in raw mode is a node of the bus it has opened.

    `send` carries frames to the client, `heard` is told of every frame it sends; `now` is real time, s.
    """

    def __init__(
        self,
        buses: Mapping[str, CanChannel],
        *,
        send: Callable[[bytes], None],
        heard: Callable[[Message], None],
        now: Callable[[], float],
    ) -> None:
        self._buses, self._send, self._heard, self._now = buses, send, heard, now
        self._bus: CanChannel | None = None
        self._raw = False
        self._listening_from = 0.0
        self._unfinished = b""

    def receive(self, data: bytes) -> bytes:
        """Act on every message that `data` completes; the answers, one after the other."""
        *messages, rest = (self._unfinished + data).split(b">")
        answers = [self._act(message) for message in messages]
        if len(rest) > LONGEST:
            answers.append(_error(f"a message has at most {LONGEST} bytes"))
            rest = b""
        self._unfinished = rest
        return b"".join(answers)

    def close(self) -> None:
        """Leave the bus; may be called again."""
        if self._bus is not None:
            self._bus.members.pop(self, None)

    def _act(self, message: bytes) -> bytes:
        before, bracket, words = message.decode("latin-1").partition("<")
        if not bracket or before.strip():
            return _error("write messages as < command >")
        match words.split():
            case ["echo"]:
                return b"< echo >"
            case ["open", name]:
                return self._open(name)
            case ["rawmode"]:
                return self._enter_raw_mode()
            case ["send", *fields] if self._raw:
                return self._put_on_bus(fields)
        return _error("unknown command")

    def _open(self, name: str) -> bytes:
        bus = self._buses.get(name)
        if bus is None or self._bus is not None:
            return _error("could not open bus")
        self._bus = bus
        return OK

    def _enter_raw_mode(self) -> bytes:
        if self._bus is None:
            return _error("open a bus first")
        self._raw = True
        self._listening_from = self._now() + SILENCE_AFTER_OK
        self._bus.members[self] = self._forward
        return OK

    def _forward(self, message: Message) -> None:
        if self._now() >= self._listening_from:
            self._send(frame(message))

    def _put_on_bus(self, fields: list[str]) -> bytes:
        message = None
        with suppress(ValueError):
            message = parsed(fields)
        if message is None or self._bus is None:
            return _error("not a frame: write < send ID LENGTH BYTE ... > in hexadecimal")
        message.timestamp = self._bus.now()
        self._heard(message)
        self._bus.send(self, message)
        return b""


def frame(message: Message) -> bytes:
    """A received frame as the client reads it: three digits of identifier are a standard frame, eight an extended."""
    identifier = f"{message.arbitration_id:0{8 if message.is_extended_id else 3}X}"
    return f"< frame {identifier} {message.timestamp:.6f} {message.data.hex().upper()} >".encode("ascii")


def parsed(fields: list[str]) -> Message:
    """The words after `send`: identifier, length and so many bytes, all hexadecimal. Raises ValueError."""
    if len(fields) < 2 or not all(field.isascii() and field.isalnum() for field in fields):
        raise ValueError("identifier and length are needed, in hexadecimal")
    identifier, length, *data = fields
    if int(length, 16) != len(data):
        raise ValueError(f"length {length} was promised, {len(data)} bytes came")
    return Message(
        arbitration_id=int(identifier, 16),
        is_extended_id=len(identifier) > 3,
        data=[int(byte, 16) for byte in data],
        check=True,
    )


def _error(text: str) -> bytes:
    return f"< error {text} >".encode("ascii")
