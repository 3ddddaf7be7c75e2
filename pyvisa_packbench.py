"""The pyvisa backend `@packbench`: pyvisa's own resources, talking to the simulators in this process.

pyvisa finds it by this module's name: `ResourceManager("@packbench")` reaches whichever open world has an address,
`ResourceManager("0@packbench")` the world of that name and no other. No thread, no socket, no wall clock: a
read that nobody answers advances the virtual time by its timeout and then fails with VI_ERROR_TMO, at once.
"""

import itertools
from collections.abc import Iterable
from typing import Any

from pyvisa import constants, highlevel, rname
from pyvisa.typing import VISARMSession, VISASession
from pyvisa.util import LibraryPath

from instruments.virtual.wires.exchange import Ambiguous, Line, LineDead, addresses, connect

_Attribute = constants.ResourceAttribute
_Status = constants.StatusCode
_SUCCESS = _Status.success
_DEFAULT_TIMEOUT = 2000  # ms, VPP-4.3 table 3.2.1
_EVERY_WORLD = "packbench"


class _Session:
    """One open resource: its line and its VISA attributes."""

    def __init__(self, line: Line, name: str) -> None:
        parsed = rname.ResourceName.from_string(name)
        self.line = line
        # A socket has no end-of-message signal: without a termination character a read only ends by its timeout.
        self.bare = parsed.resource_class == "SOCKET"
        self.end: bytes | None = None
        self.attributes: dict[int, Any] = {
            _Attribute.timeout_value: _DEFAULT_TIMEOUT,
            _Attribute.termchar: ord("\n"),
            _Attribute.termchar_enabled: False,
            _Attribute.send_end_enabled: True,
            _Attribute.suppress_end_enabled: False,
            _Attribute.resource_name: str(parsed),
            _Attribute.resource_class: parsed.resource_class,
            _Attribute.interface_type: parsed.interface_type_const,
        }

    def set(self, attribute: int, value: Any) -> None:
        self.attributes[attribute] = value
        enabled = self.attributes[_Attribute.termchar_enabled]
        self.end = bytes([self.attributes[_Attribute.termchar]]) if enabled else None

    def timed_out(self) -> None:
        """Let the virtual time pass that the caller was ready to wait."""
        timeout = self.attributes[_Attribute.timeout_value]
        # Nothing can arrive while nobody else runs: an endless wait is a timeout too, only sooner.
        self.line.wait(0.0 if timeout == constants.VI_TMO_INFINITE else timeout / 1000)


class PackbenchVisaLibrary(highlevel.VisaLibraryBase):
    """The VISA operations that message-based resources need, against `instruments.virtual.wires.exchange`."""

    @staticmethod
    def get_library_paths() -> Iterable[LibraryPath]:
        """Name the library that stands for every open world; any other path is the name of one."""
        return (LibraryPath(_EVERY_WORLD),)

    def _init(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[int, _Session] = {}
        path = str(self.library_path)
        self._world = "" if path == _EVERY_WORLD else path

    def open_default_resource_manager(self) -> tuple[VISARMSession, constants.StatusCode]:
        """Open the resource manager."""
        return VISARMSession(next(self._numbers)), _SUCCESS

    def open(
        self,
        session: VISARMSession,
        resource_name: str,
        access_mode: constants.AccessModes = constants.AccessModes.no_lock,
        open_timeout: int = constants.VI_TMO_IMMEDIATE,
    ) -> tuple[VISASession, constants.StatusCode]:
        """Connect to a virtual instrument.

        Raises VisaIOError: VI_ERROR_RSRC_NFOUND when there is none, VI_ERROR_RSRC_BUSY when several worlds have one.
        """
        try:
            line = connect(resource_name, self._world)
        except Ambiguous:
            return VISASession(0), self.handle_return_value(session, _Status.error_resource_busy)
        if line is None:
            return VISASession(0), self.handle_return_value(session, _Status.error_resource_not_found)
        number = next(self._numbers)
        self._open[number] = _Session(line, resource_name)
        return VISASession(number), self.handle_return_value(session, _SUCCESS)

    def close(self, session: Any) -> constants.StatusCode:
        """Hang up."""
        opened = self._open.pop(session, None)
        if opened is not None:
            opened.line.clear()
        return _SUCCESS

    def list_resources(self, session: VISARMSession, query: str = "?*::INSTR") -> tuple[str, ...]:
        """List the resources of its world, or of all, that match a VISA resource expression."""
        return tuple(rname.filter([name for name in addresses(self._world) if "://" not in name], query))

    def write(self, session: VISASession, data: bytes) -> tuple[int, constants.StatusCode]:
        """Send bytes."""
        try:
            self._open[session].line.write(data)
        except (KeyError, LineDead) as error:
            return 0, self.handle_return_value(session, _reason(error))
        return len(data), _SUCCESS

    def read(self, session: VISASession, count: int) -> tuple[bytes, constants.StatusCode]:
        """Take one reply, up to the termination character or `count` bytes."""
        try:
            opened = self._open[session]
            replies = opened.line.replies
            if not replies:
                return self._silence(session, opened)
        except (KeyError, LineDead) as error:
            return b"", self.handle_return_value(session, _reason(error))
        data, end = replies.popleft(), opened.end
        if end is not None and data.find(end) + 1 == len(data) <= count:  # one whole reply, as nearly always
            return data, _SUCCESS
        return self._cut(session, opened, data, count)

    def _cut(
        self, session: VISASession, opened: _Session, data: bytes, count: int
    ) -> tuple[bytes, constants.StatusCode]:
        """As much of a reply as one reading takes; the rest stays for the next."""
        end, replies = opened.end, opened.line.replies
        length = len(data) if end is None else data.find(end) + 1
        if length == 0 or (end is None and opened.bare):
            return self._silence(session, opened)
        if length < len(data):
            replies.appendleft(data[length:])
            data = data[:length]
        if len(data) > count:
            replies.appendleft(data[count:])
            return data[:count], _Status.success_max_count_read
        return data, _SUCCESS

    def _silence(self, session: VISASession, opened: _Session) -> tuple[bytes, constants.StatusCode]:
        _ = opened.line.device  # a dead line is reported as such, not as a timeout
        opened.timed_out()
        return b"", self.handle_return_value(session, _Status.error_timeout)

    def get_attribute(self, session: Any, attribute: Any) -> tuple[Any, constants.StatusCode]:
        """Read a VISA attribute of an open resource."""
        opened = self._open.get(session)
        if opened is None:
            return None, self.handle_return_value(session, _Status.error_invalid_object)
        if attribute not in opened.attributes:
            return None, self.handle_return_value(session, _Status.error_nonsupported_attribute)
        return opened.attributes[attribute], _SUCCESS

    def set_attribute(self, session: Any, attribute: Any, attribute_state: Any) -> constants.StatusCode:
        """Set a VISA attribute; those that mean nothing without a wire are kept and given back."""
        opened = self._open.get(session)
        if opened is None:
            return self.handle_return_value(session, _Status.error_invalid_object)
        opened.set(attribute, attribute_state)
        return _SUCCESS

    def clear(self, session: VISASession) -> constants.StatusCode:
        """Device clear: drop what was not finished and what was not read."""
        opened = self._open.get(session)
        if opened is None:
            return self.handle_return_value(session, _Status.error_invalid_object)
        opened.line.clear()
        return _SUCCESS

    def flush(self, session: VISASession, mask: constants.BufferOperation) -> constants.StatusCode:
        """Drop unread replies: writes are never buffered here. It is asked for before every message."""
        try:
            line = self._open[session].line
        except KeyError:
            return self.handle_return_value(session, _Status.error_invalid_object)
        if line.replies or line.unfinished:
            line.clear()
        return _SUCCESS

    def read_stb(self, session: VISASession) -> tuple[int, constants.StatusCode]:
        """Serial poll."""
        try:
            return self._open[session].line.device.status_byte(), _SUCCESS
        except (KeyError, LineDead) as error:
            return 0, self.handle_return_value(session, _reason(error))

    def disable_event(self, session: Any, event_type: Any, mechanism: Any) -> constants.StatusCode:
        """There are no events to disable; pyvisa asks on every close."""
        return _SUCCESS

    def discard_events(self, session: Any, event_type: Any, mechanism: Any) -> constants.StatusCode:
        """There are no events to discard; pyvisa asks on every close."""
        return _SUCCESS


def _reason(error: Exception) -> constants.StatusCode:
    return _Status.error_connection_lost if isinstance(error, LineDead) else _Status.error_invalid_object


WRAPPER_CLASS = PackbenchVisaLibrary
