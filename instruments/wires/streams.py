"""Links that are a stream of bytes: TCP connections and serial ports, and the messages that are framed on them."""

import contextlib
import select
import socket
from typing import Any, Protocol

from instruments.wires.links import Framing, LinkLost, LinkProfile, LinkTimeout, Listening, Now, heard_on, reason_of


class Stream(Protocol):
    """Bytes to and from one instrument; `is_connection` and `ages` as in `Link`."""

    is_connection: bool
    ages: bool

    def send(self, data: bytes) -> None:
        """Send all of `data`; raises `LinkLost`."""
        ...

    def receive(self) -> bytes:
        """Wait for the next bytes, one time limit at most; raises `LinkTimeout` or `LinkLost`."""
        ...

    def waiting(self) -> bytes:
        """Return what is there already; raises `LinkLost`."""
        ...

    def renew(self) -> None:
        """Make sure that nothing sent before this call can be received after it; raises `LinkLost`."""
        ...

    def close(self) -> None:
        """Let go of it. May be called again."""
        ...


class StreamLink:
    """Messages on a stream, one after the other; see `Link`."""

    def __init__(self, stream: Stream, profile: LinkProfile, now: Now) -> None:
        self.is_connection, self.ages = stream.is_connection, stream.ages
        self._stream, self._now, self._timeout = stream, now, profile.timeout
        self._framing: Framing = profile.framing(profile)
        self._buffer = b""

    def write(self, data: bytes) -> None:
        """Send a message."""
        self._stream.send(self._framing.wrap(data))

    def read_line(self) -> bytes:
        """Return the next message; the time limit holds for each pause between two packets, and ten of them for all."""
        listening = None
        while True:
            message, self._buffer = self._framing.take(self._buffer)
            if message is not None:
                return message
            # The first packet is the whole answer nearly always: the clock is asked for the second.
            listening = heard_on(listening, self._now, self._timeout) if self._buffer else None
            self._buffer += self._stream.receive()

    def drop_waiting(self) -> bytes:
        """Read what is there already."""
        dropped, self._buffer = self._buffer, b""
        return dropped + self._stream.waiting()

    def resynchronise(self) -> None:
        """Begin anew: what is still on its way belongs to what was before."""
        self._stream.renew()
        self._buffer = b""

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class Connection(Protocol):
    """How a socket is come by."""

    def connect(self) -> socket.socket:
        """Connect, anew where that has been done before; raises `LinkLost`."""
        ...

    def close(self) -> None:
        """Close the connection. May be called again."""
        ...


class TcpConnection:
    """A plain TCP connection to `host` and `port`, given up after `timeout` s."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self._address, self._timeout = (host, port), timeout
        self._socket: socket.socket | None = None

    def connect(self) -> socket.socket:
        """See `Connection.connect`."""
        self.close()
        try:
            self._socket = socket.create_connection(self._address, self._timeout)
        except OSError as error:
            raise LinkLost(reason_of(error)) from error
        return self._socket

    def close(self) -> None:
        """See `Connection.close`."""
        if self._socket is not None:
            self._socket.close()


class SocketStream:
    """A TCP connection as `Stream`, made anew when it has to be."""

    is_connection = ages = True

    def __init__(self, connection: Connection, profile: LinkProfile, now: Now) -> None:
        self._connection, self._timeout, self._now = connection, profile.timeout, now
        self.renew()

    def send(self, data: bytes) -> None:
        """See `Stream.send`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(reason_of(error)) from error

    def receive(self) -> bytes:
        """See `Stream.receive`."""
        try:
            packet = self._socket.recv(65536)
        except TimeoutError as error:
            raise LinkTimeout from error
        except OSError as error:
            raise LinkLost(reason_of(error)) from error
        if not packet:
            raise LinkLost("the instrument closed the connection")
        return packet

    def waiting(self) -> bytes:
        """See `Stream.waiting`."""
        found = b""
        listening = None
        try:
            while select.select([self._socket], [], [], 0.0)[0]:
                listening = heard_on(listening, self._now, self._timeout)
                packet = self._socket.recv(65536)
                if not packet:
                    raise LinkLost("the instrument closed the connection")
                found += packet
        except (OSError, ValueError) as error:
            raise LinkLost(reason_of(error)) from error
        return found

    def renew(self) -> None:
        """Connect anew."""
        self._socket = self._connection.connect()
        self._socket.settimeout(self._timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class SerialStream:
    """A serial port or pyserial URL as `Stream`, read in blocks: pyvisa-py's ASRL takes one byte a call, 7 us each."""

    is_connection = ages = False

    def __init__(self, url: str, profile: LinkProfile, now: Now) -> None:
        import serial

        self._timeout, self._now = profile.timeout, now
        settings: dict[str, Any] = {} if profile.baud_rate is None else {"baudrate": profile.baud_rate}
        try:
            self._port = serial.serial_for_url(url, timeout=profile.timeout, **settings)
        except Exception as error:  # whatever a handler raises means one thing here
            raise LinkLost(reason_of(error)) from error

    def send(self, data: bytes) -> None:
        """See `Stream.send`."""
        try:
            self._port.write(data)
        except OSError as error:  # serial.SerialException is one
            raise LinkLost(reason_of(error)) from error

    def receive(self) -> bytes:
        """See `Stream.receive`."""
        block = self._read(1)
        if not block:
            raise LinkTimeout
        return block

    def waiting(self) -> bytes:
        """See `Stream.waiting`."""
        return self._read(0)

    def _read(self, least: int) -> bytes:
        try:
            return bytes(self._port.read(max(least, self._port.in_waiting)))
        except OSError as error:
            raise LinkLost(reason_of(error)) from error

    def renew(self) -> None:
        """Read until the line has been silent for one timeout: a wire has no new connection to offer.

        Raises `LinkLost` where it is not for ten of them.
        """
        listening = Listening(self._now, self._timeout)
        while self._read(1):
            listening.go_on()

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(OSError):
            self._port.close()
