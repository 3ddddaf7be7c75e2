"""Bytes out, one line back: VISA, raw TCP and serial behind three small classes.

A link knows terminators, time limits and how to get back in step after a reply was missed; it knows no
command and keeps no lock. Drivers never see it: they speak through a `Session`.
"""

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pyvisa import ResourceManager


WITHOUT_END = 10.0
"""Time limits of a link after which somebody who keeps sending and ends no line is not listened to any more: an answer
in many packets is ordinary, one that takes as long as that is none."""
Now = Callable[[], float]
"""Time (s) that passes while a link is waited for: real time, or that of a bench whose links are simulated."""


class LinkTimeout(Exception):
    """No complete line arrived in time."""


class LinkLost(Exception):
    """The link itself failed: refused, reset, closed by the peer, unplugged."""


@dataclass(frozen=True, slots=True)
class ErrorQueue:
    """How an instrument hands out its errors, and what must be read before that destroys it."""

    query: str = "SYST:ERR?"
    depth: int = 10
    before: str | None = None


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """What a family of instruments needs of its link: terminators, pace (s), patience (s).

    `hangs_up_after` is how long (s) the instrument lets a network connection be silent before it closes it.
    """

    write_termination: str = "\n"
    read_termination: str = "\n"
    encoding: str = "ascii"
    gap: float = 0.0
    timeout: float = 2.0
    baud_rate: int | None = None
    error_queue: ErrorQueue | None = None
    hangs_up_after: float | None = None


class Link(Protocol):
    """One open link to one instrument.

    `is_connection` tells one that the far end can close, and that can be made anew at once: a wire has no such thing.
    `ages` tells one on a real network, where an instrument closes what was silent for long.
    """

    is_connection: bool
    ages: bool

    def write(self, data: bytes) -> None:
        """Send all of `data`; raises `LinkLost`."""
        ...

    def read_line(self) -> bytes:
        """Return the next line with its terminator; raises `LinkTimeout` or `LinkLost`."""
        ...

    def drop_waiting(self) -> bytes:
        """Throw away what has come and was not read, without waiting for more; returns it as far as it is known.

        Raises `LinkLost` where it shows that the peer has closed.
        """
        ...

    def resynchronise(self) -> None:
        """Make sure that nothing sent before this call can be read after it; raises `LinkLost`."""
        ...

    def close(self) -> None:
        """Let go of the connection. May be called again."""
        ...


class _Listening:
    """One time of listening, which ends also where the far end does not."""

    def __init__(self, now: Now, timeout: float) -> None:
        self._now, self._end = now, now() + WITHOUT_END * timeout

    def go_on(self) -> None:
        """Raise `LinkLost` for somebody who has had time enough to come to an end."""
        if self._now() > self._end:
            raise LinkLost("it sends without end, and what it sends makes no line")


def _heard_on(listening: _Listening | None, now: Now, timeout: float) -> _Listening:
    """Begin to listen, or go on; raises `LinkLost` as `_Listening.go_on` does."""
    if listening is None:
        return _Listening(now, timeout)
    listening.go_on()
    return listening


def open_link(resource: str, visa_library: str, profile: LinkProfile, now: Now) -> Link:
    """Open a VISA resource, or a pyserial URL when `resource` contains `://`; raises `LinkLost`."""
    if "://" in resource:
        return SerialLink(resource, profile, now)
    visa = VisaLink(resource, visa_library, profile, now)
    return SocketLink(visa, profile, now) if visa.raw_socket() else visa


@cache
def _resource_manager(library: str) -> "ResourceManager":
    import pyvisa

    return pyvisa.ResourceManager(library)


@contextlib.contextmanager
def _as_lost() -> Iterator[None]:
    """Whatever an opening library raises means one thing here; pyvisa-py raises bare `Exception`."""
    try:
        yield
    except Exception as error:
        raise LinkLost(_text(error)) from error


def _is_vendors(library: str) -> bool:
    """Whether a VISA library is a vendor's: `@ivi`, a path, or whichever pyvisa finds.

    Other backends may be given a path as well: one of an open world has its name before the `@`.
    """
    return library.rpartition("@")[2] in {"ivi", library}


def _cannot(*_: Any) -> None:
    """Do nothing in the place of what a library does not offer."""


def _text(error: BaseException) -> str:
    return str(error).rstrip(". ") or type(error).__name__


class VisaLink:
    """A VISA resource, driven through the VISA library itself: its resource layer costs 5 us a query."""

    _CHUNK = 20 * 1024

    def __init__(self, resource: str, library: str, profile: LinkProfile, now: Now) -> None:
        self._name, self._library, self._profile, self._now = resource, library, profile, now
        self.is_connection = resource.upper().startswith("TCPIP")
        # The simulators of this process are no network: nothing there grows old.
        self.ages = self.is_connection and _is_vendors(library)
        self._cleanup = contextlib.ExitStack()
        self._open()

    def _open(self) -> None:
        from pyvisa import VisaIOError
        from pyvisa.constants import BufferOperation, StatusCode

        with _as_lost(), self._closed_on_failure():
            resource: Any = _resource_manager(self._library).open_resource(self._name)
            self._cleanup.callback(resource.close)
            resource.timeout = self._profile.timeout * 1000
            resource.read_termination = self._profile.read_termination
            if self._profile.baud_rate is not None and hasattr(resource, "baud_rate"):
                resource.baud_rate = self._profile.baud_rate
            # A line longer than one chunk is ordinary; without this pyvisa warns about each.
            self._cleanup.enter_context(resource.ignore_warning(StatusCode.success_max_count_read))
        self._resource = resource
        self._session = resource.session
        self._write: Callable[[Any, bytes], Any] = resource.visalib.write
        self._read: Callable[[Any, int], Any] = resource.visalib.read
        self._flush: Callable[[Any, Any], Any] = resource.visalib.flush
        self._unread = BufferOperation.discard_read_buffer
        self._errors = (VisaIOError, OSError)
        self._silence = StatusCode.error_timeout
        self._more = StatusCode.success_max_count_read

    @contextlib.contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def raw_socket(self) -> socket.socket | None:
        """Return the TCP socket below a pyvisa-py SOCKET resource, None for every other kind and library."""
        sessions = getattr(self._resource.visalib, "sessions", {})
        interface = getattr(sessions.get(self._session), "interface", None)
        return interface if isinstance(interface, socket.socket) else None

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._write(self._session, data)
        except self._errors as error:
            raise LinkLost(_text(error)) from error

    def read_line(self) -> bytes:
        """Return the next line, ended by its terminator or by the bus."""
        try:
            data, status = self._read(self._session, self._CHUNK)
            listening = None if status != self._more else _Listening(self._now, self._profile.timeout)
            while listening is not None and status == self._more:
                listening.go_on()
                rest, status = self._read(self._session, self._CHUNK)
                data += rest
        except self._errors as error:
            if getattr(error, "error_code", None) == self._silence:
                raise LinkTimeout from error
            raise LinkLost(_text(error)) from error
        return bytes(data)

    def drop_waiting(self) -> bytes:
        """Let the library empty its buffer, where it can; on a bus of messages nothing is left to be dropped."""
        try:
            self._flush(self._session, self._unread)
        except (*self._errors, NotImplementedError):
            # Not every library can on every bus; a line that is lost is found out by what follows.
            self._flush = _cannot
        return b""

    def resynchronise(self) -> None:
        """Open the resource anew: a device clear is not offered by every interface, a new session is."""
        self.close()
        self._open()

    def close(self) -> None:
        """Close the resource; a dead one may complain, which helps nobody any more."""
        with contextlib.suppress(Exception):
            self._cleanup.close()


class SocketLink:
    """A raw TCP resource of pyvisa-py, read from its socket.

    pyvisa-py opens it; reading there instead has three reasons, all measured: its read burns a whole core for
    the whole timeout once the peer has closed and then says *timeout*; its writes wait 44 ms on Nagle because
    NODELAY cannot be set as a VISA attribute (0.8.1); and it costs 40 us more per query.
    """

    is_connection = ages = True

    def __init__(self, visa: VisaLink, profile: LinkProfile, now: Now) -> None:
        self._visa, self._now = visa, now
        self._timeout = profile.timeout
        self._end = profile.read_termination.encode(profile.encoding)
        self._adopt()

    def _adopt(self) -> None:
        raw = self._visa.raw_socket()
        assert raw is not None, "only a link with a raw socket is read here"  # noqa: S101
        # pyvisa-py takes a refused connection for an open one.
        refused = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if refused:
            self._visa.close()
            raise LinkLost(os.strerror(refused))
        raw.settimeout(self._timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = raw
        self._buffer = b""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(_text(error)) from error

    def read_line(self) -> bytes:
        """Return the next line; the time limit holds for each pause between two packets, and ten of them for all."""
        listening = None
        while True:
            line, end, rest = self._buffer.partition(self._end)
            if end:
                self._buffer = rest
                return line + end
            # The first packet is the whole answer nearly always: the clock is asked for the second.
            listening = _heard_on(listening, self._now, self._timeout) if self._buffer else None
            try:
                packet = self._socket.recv(65536)
            except TimeoutError as error:
                raise LinkTimeout from error
            except OSError as error:
                raise LinkLost(_text(error)) from error
            if not packet:
                raise LinkLost("the instrument closed the connection")
            self._buffer += packet

    def drop_waiting(self) -> bytes:
        """Read what is there already."""
        dropped, self._buffer = self._buffer, b""
        listening = None
        try:
            while select.select([self._socket], [], [], 0.0)[0]:
                listening = _heard_on(listening, self._now, self._timeout)
                packet = self._socket.recv(65536)
                if not packet:
                    raise LinkLost("the instrument closed the connection")
                dropped += packet
        except (OSError, ValueError) as error:
            raise LinkLost(_text(error)) from error
        return dropped

    def resynchronise(self) -> None:
        """Connect anew: what is still on its way belongs to the old one."""
        self._visa.resynchronise()
        self._adopt()

    def close(self) -> None:
        """Close the connection."""
        self._visa.close()


class SerialLink:
    """A serial port or pyserial URL, read in blocks: pyvisa-py's ASRL takes one byte a call, 7 us each."""

    is_connection = ages = False

    def __init__(self, url: str, profile: LinkProfile, now: Now) -> None:
        import serial

        self._timeout, self._now = profile.timeout, now

        settings = {} if profile.baud_rate is None else {"baudrate": profile.baud_rate}
        with _as_lost():
            self._port = serial.serial_for_url(url, timeout=profile.timeout, **settings)
        self._end = profile.read_termination.encode(profile.encoding)
        self._buffer = b""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._port.write(data)
        except OSError as error:  # serial.SerialException is one
            raise LinkLost(_text(error)) from error

    def read_line(self) -> bytes:
        """Return the next line; the time limit holds for each pause between two blocks, and ten of them for all."""
        listening = None
        while True:
            line, end, rest = self._buffer.partition(self._end)
            if end:
                self._buffer = rest
                return line + end
            listening = _heard_on(listening, self._now, self._timeout) if self._buffer else None
            block = self._read_block()
            if not block:
                raise LinkTimeout
            self._buffer += block

    def _read_block(self) -> bytes:
        try:
            return bytes(self._port.read(max(1, self._port.in_waiting)))
        except OSError as error:
            raise LinkLost(_text(error)) from error

    def drop_waiting(self) -> bytes:
        """Read what is there already."""
        dropped, self._buffer = self._buffer, b""
        try:
            return dropped + bytes(self._port.read(self._port.in_waiting))
        except OSError as error:
            raise LinkLost(_text(error)) from error

    def resynchronise(self) -> None:
        """Read until the line has been silent for one timeout: a wire has no new connection to offer.

        Raises `LinkLost` where it is not for ten of them.
        """
        listening = _Listening(self._now, self._timeout)
        while self._read_block():
            listening.go_on()
        self._buffer = b""

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(OSError):
            self._port.close()
