"""Links through a VISA library: its resources, and the socket below one of pyvisa-py."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from instruments.wires.links import LinkLost, LinkProfile, LinkTimeout, Listening, Now, reason_of

if TYPE_CHECKING:
    from pyvisa import ResourceManager


@cache
def resource_manager(library: str) -> "ResourceManager":
    """The resource manager of a VISA library, the same for all links."""
    import pyvisa

    return pyvisa.ResourceManager(library)


@contextlib.contextmanager
def _as_lost() -> Iterator[None]:
    """Whatever an opening library raises means one thing here; pyvisa-py raises bare `Exception`."""
    try:
        yield
    except Exception as error:
        raise LinkLost(reason_of(error)) from error


def _is_vendors(library: str) -> bool:
    """Whether a VISA library is a vendor's: `@ivi`, a path, or whichever pyvisa finds.

    Other backends may be given a path as well: one of an open world has its name before the `@`.
    """
    return library.rpartition("@")[2] in {"ivi", library}


def _cannot(*_: Any) -> None:
    """Do nothing in the place of what a library does not offer."""


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
            resource: Any = resource_manager(self._library).open_resource(self._name)
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
            raise LinkLost(reason_of(error)) from error

    def read_line(self) -> bytes:
        """Return the next line, ended by its terminator or by the bus."""
        try:
            data, status = self._read(self._session, self._CHUNK)
            if status == self._more:
                data = self._read_on(data)
        except self._errors as error:
            if getattr(error, "error_code", None) == self._silence:
                raise LinkTimeout from error
            raise LinkLost(reason_of(error)) from error
        return bytes(data)

    def _read_on(self, data: bytes) -> bytes:
        """What has come of a line, and the rest of it."""
        listening, status = Listening(self._now, self._profile.timeout), self._more
        while status == self._more:
            listening.go_on()
            rest, status = self._read(self._session, self._CHUNK)
            data += rest
        return data

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


class VisaConnection:
    """The socket of a raw TCP resource of pyvisa-py; see `instruments.wires.streams.Connection`.

    pyvisa-py opens it; reading there instead of through it has three reasons, all measured: its read burns a whole core
    for the whole timeout once the peer has closed and then says *timeout*; its writes wait 44 ms on Nagle because
    NODELAY cannot be set as a VISA attribute (0.8.1); and it costs 40 us more per query.
    """

    def __init__(self, visa: VisaLink) -> None:
        self._visa, self._is_new = visa, True

    def connect(self) -> socket.socket:
        """Return the socket of the resource, opened anew but for the first time; raises `LinkLost`."""
        if not self._is_new:
            self._visa.resynchronise()
        self._is_new = False
        raw = self._visa.raw_socket()
        assert raw is not None, "only a link with a raw socket is read here"  # noqa: S101
        # pyvisa-py takes a refused connection for an open one.
        refused = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if refused:
            self._visa.close()
            raise LinkLost(os.strerror(refused))
        return raw

    def close(self) -> None:
        """Close the resource."""
        self._visa.close()
