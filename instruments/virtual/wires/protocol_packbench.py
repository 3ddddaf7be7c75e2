"""The pyserial URL handler `packbench://name`: a serial port with a simulator at its other end.

Behind the name may stand which open world is meant: `packbench://name?world=0`. pyserial finds the handler by this
module's name once `instruments.virtual` has been imported. Reads wait in virtual time.
"""

from urllib.parse import parse_qs, urlsplit

from serial import PortNotOpenError, SerialBase, SerialException

from instruments.virtual.wires.exchange import Ambiguous, Line, LineDead, addresses, connect


class Serial(SerialBase):  # type: ignore[misc]  # pyserial ships no types
    """pyserial's interface over a line of the virtual bench. Line settings are accepted and mean nothing."""

    def open(self) -> None:
        """Connect; raises SerialException when no open world has this name, or several."""
        self._line: Line | None = _line(self.portstr)
        self._received = bytearray()
        self.is_open = True

    def close(self) -> None:
        """Hang up; may be called again."""
        self._line = None
        self.is_open = False

    def _reconfigure_port(self) -> None:
        """Baud rate, parity and flow control have no meaning without a wire."""

    def _fetch(self) -> bytearray:
        if not self.is_open or self._line is None:
            raise PortNotOpenError
        while self._line.replies:
            self._received += self._line.replies.popleft()
        return self._received

    @property
    def in_waiting(self) -> int:
        """Bytes received and not yet read."""
        return len(self._fetch())

    def read(self, size: int = 1) -> bytes:
        """Read up to `size` bytes; when fewer are there, the virtual time passes that the timeout allows."""
        received = self._fetch()
        if len(received) < size and self._line is not None and self._timeout:
            self._line.wait(self._timeout)
            received = self._fetch()
        data = bytes(received[:size])
        del received[:size]
        return data

    def write(self, b: bytes, /) -> int:
        """Send bytes; raises SerialException when the instrument was unplugged."""
        self._fetch()
        try:
            self._line.write(bytes(b))  # type: ignore[union-attr]  # _fetch has checked that the port is open
        except LineDead as error:
            raise SerialException(str(error)) from error
        return len(b)

    def flush(self) -> None:
        """Everything written has arrived already."""

    def reset_input_buffer(self) -> None:
        """Drop what was received and not read."""
        self._fetch().clear()

    def reset_output_buffer(self) -> None:
        """Nothing is ever held back on the way out."""


def _line(url: str) -> Line:
    (world,) = parse_qs(urlsplit(url).query).get("world", [""])[:1]
    try:
        line = connect(url, world)
    except Ambiguous as error:
        raise SerialException(str(error)) from error
    if line is None:
        raise SerialException(f"no virtual instrument at {url!r}: known are {', '.join(addresses(world)) or 'none'}")
    return line
