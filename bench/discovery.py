"""Looks for what is there and holds it against the station file: `packbench check --scan`.

Nothing is switched, and nothing is written to what might not take it: `*IDN?` goes to message-based VISA instruments
and to addresses that the station file names, to anything else only when somebody says `--ask`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from bench.clock import monotonic
from bench.running.setup import Setup
from bench.running.worlds import open_world
from bench.safety.lease import BenchLease
from bench.safety.timelimit import OutOfTime, in_time
from bench.station import InstrumentEntry, StationFile
from instruments import discovery
from instruments.discovery import Unseen

Result = TypeVar("Result")
LIBRARIES = ("@ivi", "@py")
"""Where nobody names one: a vendor's VISA, and pyvisa-py."""
NO_VENDOR_LIBRARY = "VISA library @ivi: Could not open VISA library"
_BINARY = ("tcp://",)
"""Addresses behind which no lines of text are spoken."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that is there. `identity` is empty where nothing was asked or answered; `name` is the station's."""

    kind: str
    address: str
    description: str = ""
    identity: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """An instrument of the station file: `state` is found, missing, another instrument or at another address."""

    name: str
    address: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found, how the station file compares, and what could not be looked at, a sentence each."""

    candidates: tuple[Candidate, ...]
    compared: tuple[Compared, ...]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Every instrument of the station file is where the file says."""
        return all(entry.state == FOUND for entry in self.compared)


FOUND, MISSING, ANOTHER, ELSEWHERE = "found", "missing", "another instrument", "at another address"


def scan(setup: Setup | None, *, ask: bool, limit: float) -> Scan:
    """Look for at most `limit` s at each library and each address; without a setup there is nothing to compare with.

    Raises `BenchInUse` where somebody holds the station: a second connection may end his.
    """
    station = setup.station if setup is not None else None
    with ExitStack() as opened:
        if station is not None and station.lease is not None:
            opened.callback(BenchLease(station.lease.file, station.name).release)
        if setup is not None and setup.station.clock == "virtual":
            opened.callback(open_world(setup, lambda _seconds: None).close)
        return _Look(station, ask=ask, limit=limit).around()


class _Look:
    """One look around, and what it could not see."""

    def __init__(self, station: StationFile | None, *, ask: bool, limit: float) -> None:
        self._station = station
        self._virtual = station is not None and station.clock == "virtual"
        self._ask = ask or self._virtual
        self._limit = limit
        self._problems: list[str] = []

    def around(self) -> Scan:
        entries = self._station.instruments if self._station is not None else {}
        listed = [self._asked(candidate) for candidate in self._listed()]
        known = {candidate.address: candidate for candidate in listed}
        compared, named = [], []
        for name, entry in entries.items():
            there, detail = self._at(entry, known)
            compared.append(_compare(name, entry, there, detail, listed))
            if there is not None:
                named.append(replace(there, name=name))
        taken = {candidate.address for candidate in named}
        rest = [candidate for candidate in listed if candidate.address not in taken]
        return Scan((*named, *rest), tuple(compared), tuple(self._problems))

    def _listed(self) -> Iterator[Candidate]:
        for library in LIBRARIES if self._station is None else (self._station.visa_library,):
            for address in self._seen(partial(discovery.visa_resources, library)) or ():
                yield Candidate("VISA", address, library)
        if self._virtual:
            return  # what hangs on this computer has no place on a bench that is simulated
        for port, description in (self._seen(discovery.serial_ports) or {}).items():
            yield Candidate("serial", port, description)
        for interface, channel in self._seen(discovery.can_channels) or ():
            yield Candidate("CAN", f"{interface}:{channel}")

    def _asked(self, candidate: Candidate) -> Candidate:
        """With its identity, where it may be asked for it."""
        harmless = candidate.kind == "VISA" and candidate.address.endswith("::INSTR")
        if candidate.kind == "CAN" or not (harmless or self._ask):
            return candidate
        library = candidate.description if candidate.kind == "VISA" else ""
        address = candidate.address if candidate.kind == "VISA" else f"serial://{candidate.address}"
        return replace(candidate, identity=self._seen(partial(self._identity, address, library)) or "")

    def _identity(self, address: str, library: str) -> str:
        ask = not address.startswith(_BINARY)
        return discovery.identity_at(address, library, min(2.0, self._limit), monotonic, ask=ask)

    def _at(self, entry: InstrumentEntry, known: dict[str, Candidate]) -> tuple[Candidate | None, str]:
        """Who is at the address of the station file, and why nobody is."""
        there = known.get(entry.address) or known.get(entry.resource.removeprefix("serial://"))
        if there is not None and (there.identity or entry.can is not None):
            return there, ""
        try:
            return self._limited(partial(self._reached, entry)), ""
        except Unseen as error:
            return None, str(error)

    def _reached(self, entry: InstrumentEntry) -> Candidate:
        assert self._station is not None  # noqa: S101 - it is its entry
        if entry.can is not None:
            discovery.join_bus(entry.can)
            return Candidate("CAN", entry.address)
        kind = "serial" if "://" in entry.resource else "VISA"
        ask = kind == "VISA" or (self._ask and not entry.resource.startswith(_BINARY))
        library = self._station.visa_library
        identity = discovery.identity_at(entry.resource, library, min(2.0, self._limit), monotonic, ask=ask)
        return Candidate(kind, entry.resource, library if kind == "VISA" else "", identity)

    def _seen(self, look: Callable[[], Result]) -> Result | None:
        """What a look sees; None, and a sentence among the problems, where it sees nothing."""
        try:
            return self._limited(look)
        except Unseen as error:
            # Where nobody has said that there is a vendor's library, its absence is no news.
            if not (self._station is None and str(error).startswith(NO_VENDOR_LIBRARY)):
                self._problems.append(str(error))
            return None

    def _limited(self, look: Callable[[], Result]) -> Result:
        """A library that hangs is left behind; simulators live in this thread, and none of them hangs."""
        if self._virtual:
            return look()
        try:
            return in_time(look, self._limit)
        except OutOfTime as error:
            raise Unseen(f"{_what(look)}: {error}.") from error


def _what(look: Any) -> str:
    """What was being looked at, in words."""
    words = " ".join(str(part) for part in getattr(look, "args", ()) if isinstance(part, str))
    function = getattr(look, "func", look)
    return f"{function.__name__.strip('_').replace('_', ' ')} {words}".strip()


def _compare(
    name: str, entry: InstrumentEntry, there: Candidate | None, detail: str, listed: list[Candidate]
) -> Compared:
    expected = [text for text in (entry.expect.model, entry.expect.serial_number) if text]
    if there is not None and (not there.identity or all(text in there.identity for text in expected)):
        return Compared(name, entry.address, FOUND, there.identity)
    elsewhere = [other for other in listed if expected and all(text in other.identity for text in expected)]
    if elsewhere:
        return Compared(name, entry.address, ELSEWHERE, ", ".join(other.address for other in elsewhere))
    if there is None:
        return Compared(name, entry.address, MISSING, detail)
    return Compared(name, entry.address, ANOTHER, f"it should be {' '.join(expected)} and is {there.identity}")
