"""One conversation with one instrument: the lock, the pace, the time limits, the transcript, the faults.

Everything that real links do to drivers is handled here once. A session knows no command of any instrument
and no physics; it turns text into numbers and failures into sentences.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from threading import RLock

from instruments.links import Link, LinkLost, LinkProfile, LinkTimeout, open_link
from instruments.roles import Identity, InstrumentFault

_SCPI_INFINITY = 9.9e37
"""SCPI-1999 vol. 1, 7.2.1.4 and 7.2.1.5: 9.9E37 stands for infinity, 9.91E37 for not a number."""

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kMmuµ]?)([^\d\s,;]*)\s*")
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "µ": 1e-6}


@dataclass(frozen=True, slots=True)
class LinkContext:
    """What a bench lends to every driver: the VISA library, its clock (s) and where the wire is written down.

    `transcript(direction, message)` gets `>` for sent, `<` for received, `!` for a fault; None keeps none.
    `every(period, callback)` calls a driver back each `period` s, of real time where that passes by itself
    (`real_time`), and returns what ends it; None where nobody does.
    """

    visa_library: str
    now: Callable[[], float]
    sleep: Callable[[float], None]
    transcript: Callable[[str, str], None] | None = None
    every: Callable[[float, Callable[[], None]], Callable[[], None]] | None = None
    real_time: bool = False


@dataclass(frozen=True, slots=True)
class InstrumentLink:
    """Where a station file says that an instrument is: a VISA resource or pyserial URL, or a CAN bus.

    `gap` and `timeout` (s) replace the driver's own; a virtual bench sets `gap` to 0.
    """

    resource: str = ""
    can: Mapping[str, object] | None = None
    gap: float | None = None
    timeout: float | None = None


class Session:
    """Messages to one instrument and its answers, one at a time, from any thread.

    After a reply was missed the link is brought back into step before the next message, so that a late reply
    is never taken for the next one; then `on_reconnect` lets the driver forget what it believed to be set, as
    the instrument may have been restarted. A message between `request` and `collect` does not disturb them.
    """

    def __init__(self, resource: str, context: LinkContext, profile: LinkProfile, *, name: str) -> None:
        self.name = name
        self.resource = resource
        self.lock = RLock()
        self._context, self._profile = context, profile
        self._gap, self._next_message = profile.gap, 0.0
        self._out_of_step = False
        self._asked: str | None = None
        self._early: str | InstrumentFault | None = None
        self.on_reconnect: Callable[[], None] = _nothing
        try:
            self._link: Link = open_link(resource, context.visa_library, profile)
        except LinkLost as error:
            raise self._fault(f"cannot be opened: {error}", "check power, cable and address") from error

    @property
    def patience(self) -> float:
        """How long an answer is waited for, s."""
        return self._profile.timeout

    def request(self, message: str) -> None:
        """Send a query without waiting for its answer; one that nobody collected is read and dropped."""
        with self.lock:
            if self._asked is not None:
                self._take_early()
            self._early = None
            self._send(message)
            self._asked = message

    def collect(self) -> str:
        """Return the answer to the last `request`, without its terminator."""
        with self.lock:
            early, self._early = self._early, None
            if early is not None:
                if isinstance(early, InstrumentFault):
                    raise early
                return early
            asked, self._asked = self._asked, None
            if asked is None:
                raise self._fault("was asked for an answer before anything was requested", "request first")
            return self._receive(asked)

    def query(self, message: str) -> str:
        """Send a query and wait for its answer."""
        with self.lock:
            if self._asked is not None:
                self._take_early()
            self._send(message)
            return self._receive(message)

    def write(self, message: str) -> None:
        """Send a message that has no answer."""
        with self.lock:
            self._send(message)

    def query_number(self, message: str, unit: str = "") -> float:
        """Query one number in `unit`; see `parse_number`."""
        return self.number(message, self.query(message), unit)

    def number(self, message: str, reply: str, unit: str = "") -> float:
        """`reply` as a number, or the fault that names what was asked."""
        try:
            return parse_number(reply, unit)
        except ValueError as error:
            raise self.unexpected(message, reply, str(error)) from error

    def numbers(self, message: str, reply: str, count: int, separator: str = ",") -> list[float]:
        """`reply` as exactly `count` bare numbers."""
        fields = reply.split(separator)
        if len(fields) != count:
            raise self.unexpected(message, reply, f"{count} values were expected, {len(fields)} came")
        try:
            values = [float(field) for field in fields]
        except ValueError as error:
            raise self.unexpected(message, reply, "bare numbers were expected") from error
        return [value if -_SCPI_INFINITY < value < _SCPI_INFINITY else nan for value in values]

    def identity(self, message: str = "*IDN?") -> Identity:
        """Ask `*IDN?`: manufacturer, model, serial number, firmware, any further field ignored."""
        reply = self.query(message)
        fields = [field.strip() for field in reply.split(",")]
        if len(fields) < 4:
            raise self.unexpected(message, reply, "an identity has at least four fields")
        return Identity(*fields[:4])

    def errors(self) -> tuple[str, ...]:
        """Empty the instrument's error queue, in its order, after what reading it would destroy."""
        queue = self._profile.error_queue
        if queue is None:
            return ()
        found = []
        with self.lock:
            if queue.before is not None:
                found.append(f"{queue.before} {self.query(queue.before)}")
            for _ in range(queue.depth):
                entry = self.query(queue.query)
                if entry.lstrip("+").startswith("0,"):
                    break
                found.append(entry)
        return tuple(found)

    def unexpected(self, message: str, reply: str, why: str) -> InstrumentFault:
        """Return the fault for an answer that makes no sense; the link is brought back into step."""
        self._out_of_step = True
        return self._fault(f"answered {reply!r} to {message!r}: {why}", "check model and firmware")

    def close(self) -> None:
        """Close the link. May be called again."""
        with self.lock:
            self._link.close()

    def _take_early(self) -> None:
        """Read the outstanding answer before the next message is sent; keep it for `collect`."""
        asked, self._asked = self._asked, None
        try:
            self._early = self._receive(asked or "")
        except InstrumentFault as fault:
            self._early = fault

    def _send(self, message: str) -> None:
        if self._out_of_step:
            self._resynchronise()
        if self._asked is None:
            self._drop_stray(message)
        if self._gap:
            self._keep_distance()
        transcript = self._context.transcript
        if transcript is not None:
            transcript(">", message)
        try:
            self._link.write((message + self._profile.write_termination).encode(self._profile.encoding))
        except LinkLost as error:
            self._out_of_step = True
            raise self._fault(f"did not take {message!r}: {error}", "check power and cable") from error

    def _drop_stray(self, message: str) -> None:
        """Throw away what nobody asked for: it would be taken for the answer to `message`, and so on for good."""
        try:
            stray = self._link.drop_waiting()
        except LinkLost as error:
            self._out_of_step = True
            raise self._fault(f"was lost before {message!r}: {error}", "check power and cable") from error
        if stray and self._context.transcript is not None:
            self._context.transcript("!", f"{self.name} said {stray!r} unasked; it was dropped")

    def _receive(self, message: str) -> str:
        try:
            line = self._link.read_line()
        except LinkTimeout as error:
            self._out_of_step = True
            patience = f"did not answer {message!r} within {self._profile.timeout:g} s"
            raise self._fault(patience, "check power, cable and whether the model knows that query") from error
        except LinkLost as error:
            self._out_of_step = True
            raise self._fault(f"was lost while {message!r} waited for its answer: {error}", "check it") from error
        try:
            reply = line.decode(self._profile.encoding).rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise self.unexpected(message, repr(line), "that is not text of its dialect") from error
        transcript = self._context.transcript
        if transcript is not None:
            transcript("<", reply)
        return reply

    def _resynchronise(self) -> None:
        try:
            self._link.resynchronise()
        except (LinkLost, LinkTimeout) as error:
            raise self._fault(f"cannot be reached again: {error}", "check power and cable") from error
        self._out_of_step = False
        if self._asked is not None:
            self._early = self._fault(f"lost the answer to {self._asked!r} with the old connection", "ask again")
            self._asked = None
        self.on_reconnect()

    def _keep_distance(self) -> None:
        wait = self._next_message - self._context.now()
        if wait > 0:
            self._context.sleep(wait)
        self._next_message = self._context.now() + self._gap

    def _fault(self, found: str, advice: str) -> InstrumentFault:
        text = f"{self.name} ({self.resource}) {found}; {advice}"
        if self._context.transcript is not None:
            self._context.transcript("!", text)
        return InstrumentFault(text)


def _nothing() -> None:
    """Do what a driver without memory does after a reconnection."""


def parse_number(text: str, unit: str = "") -> float:
    """Read a number as instruments write it: `20.45V`, `3.5kW`, `+1.25E+01`; `nan` for 9.9E37.

    A reply without any unit is taken to be in the instrument's base unit, which is `unit`.
    Raises `ValueError` for anything else.
    """
    bare = text.strip()
    if unit and bare.endswith(unit):
        bare = bare[: -len(unit)]
    try:
        value = float(bare)
    except ValueError:
        value = _prefixed_number(text, unit)
    return value if -_SCPI_INFINITY < value < _SCPI_INFINITY else nan


def _prefixed_number(text: str, unit: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError("a number was expected")
    digits, prefix, found = match.groups()
    if prefix + found == unit:
        return float(digits)
    if found != unit:
        raise ValueError(f"a value in {unit} was expected" if unit else "a number without unit was expected")
    return float(digits) * _PREFIXES[prefix]


def last_digit(text: str, unit: str = "") -> float:
    """Weigh the last digit of a number as text, in `unit`: `20.45V` is known to 0.01 V."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return 0.0
    digits, prefix, found = match.groups()
    if prefix + found == unit:
        prefix = ""
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return _PREFIXES[prefix] * 10.0 ** (int(exponent or 0) - decimals)


def adapted(profile: LinkProfile, gap: float | None, timeout: float | None) -> LinkProfile:
    """`profile` with the pace and patience (s) that a station asks for."""
    return replace(
        profile,
        gap=profile.gap if gap is None else gap,
        timeout=profile.timeout if timeout is None else timeout,
    )
