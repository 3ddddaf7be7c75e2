"""One conversation with one instrument: the lock, the pace, the time limits, the transcript, the faults.

Everything that real links do to drivers is handled here once. A session knows no command of any instrument
and no physics; it turns text into numbers and failures into sentences.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import hypot, nan
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from instruments.roles import Identity, InstrumentFault
from instruments.wires.context import LinkContext, Troubles
from instruments.wires.kinds import open_link
from instruments.wires.lifetime import Lifetime
from instruments.wires.links import Link, LinkLost, LinkProfile, LinkTimeout
from instruments.wires.numbers import SCPI_INFINITY, parse_number

if TYPE_CHECKING:
    from _thread import RLock as Lock


Result = TypeVar("Result")

RENEWED_AT = 0.8
"""Share of the time after which an instrument closes a silent connection at which it is made anew before it is used: no
message can then cross the closing."""

SWITCHES = {"ON": True, "1": True, "OFF": False, "0": False}
"""What instruments say of a switch, in capitals: a firmware that answers with digits tells no less."""
FADES = 0.9
"""What remains of the longest time of an answer with each answer that comes sooner: one hiccup is soon forgotten."""


class ConnectedAnew(InstrumentFault):
    """The connection was made anew while messages that depend on each other were on their way; see `in_one_piece`."""


def _nothing() -> None:
    """Do what a driver without memory does after a reconnection, and one without manners before it leaves."""


class Session:
    """Messages to one instrument and its answers, one at a time, from any thread of the process that opened it.

    After a reply was missed the link is brought back into step before the next message, so that a late reply
    is never taken for the next one. A connection that the instrument closed while nothing was outstanding is made anew
    as a matter of course, once per message; a loss with a query outstanding is a fault. Either way `on_reconnect` lets
    the driver forget what it believed to be set, as the instrument may have been restarted, and nothing but OFF is said
    before `ask_identity` has confirmed that it is the one that was expected. `reconnections` counts what was lost; to
    make a connection anew in good time, before an instrument that closes silent ones does so, counts as none.

    A message between `request` and `collect` does not disturb them. After `close` every message is refused for ever.
    """

    def __init__(self, resource: str, context: LinkContext, profile: LinkProfile, *, name: str) -> None:
        self.name = name
        self.resource = resource
        self.reconnections = 0
        self.troubles = Troubles()
        self.slowest = 0.0
        """The longest time (s of real time) that an answer to `query` has taken lately; 0 where time is simulated."""
        self.on_reconnect: Callable[[], None] = _nothing
        self.ask_identity: Callable[[], Identity] = self.identity
        self._lock = RLock()
        self._context, self._profile, self._transcript = context, profile, context.transcript
        self._ends_with, self._encoding = profile.write_termination, profile.encoding
        self._lifetime = Lifetime(f"{name} ({resource})")
        self._gap, self._next_message = profile.gap, 0.0
        self._out_of_step = False
        self._asked: str | None = None
        self._early: str | InstrumentFault | None = None
        self._expected: Identity | None = None
        self._doubted = self._asking = self._switching_off = False
        self._connection, self._heard = 0, -1
        """Numbers of the present connection, and of that on which an answer came last."""
        self._awaking = False
        self._piece: int | None = None
        try:
            self._link: Link = open_link(resource, context.visa_library, profile, context.passed)
        except LinkLost as error:
            raise self._fault(f"cannot be opened: {error}", "check power, cable and address") from error
        self._grows_old = self._lives_for()
        self._last_word = context.now()

    @property
    def gap(self) -> float:
        """Time between two messages, s."""
        return self._gap

    @property
    def patience(self) -> float:
        """How long an answer is waited for, s."""
        return self._profile.timeout

    @property
    def lock(self) -> "Lock":
        """Held for a message and its answer, or for several that belong together.

        Raises `InstrumentFault` instead of waiting where nothing may be said any more; see `Lifetime`.
        """
        if not self._lifetime.free:
            self._lifetime.check()
        return self._lock

    def expect(self, identity: Identity) -> None:
        """Believe nobody else: see `instruments.roles.Expecting`. The instrument has just said that it is this one."""
        with self.lock:
            self._expected, self._doubted = identity, False

    @contextmanager
    def switching_off(self) -> Iterator[None]:
        """Within it messages go out at once, whoever may be there: OFF harms nobody, and needs no identity.

        A connection that is lost under them is made anew even while an answer is outstanding.
        """
        with self.lock:
            before, self._switching_off = self._switching_off, True
            try:
                yield
            finally:
                self._switching_off = before

    @contextmanager
    def awaking(self) -> Iterator[None]:
        """Within it a query that nobody has answered is sent once more, if it is the first of its connection.

        What is asked within it changes nothing in the instrument, however often it is asked.
        """
        with self.lock:
            self._awaking = True
            try:
                yield
            finally:
                self._awaking = False

    def in_one_piece(self, programming: Callable[[], Result]) -> Result:
        """Carry out messages that depend on each other over one connection: begun anew, once, where that was made anew.

        What was said before belongs to the old connection, and perhaps to an instrument that has been restarted since:
        an output must not be switched on upon half of its set points. OFF is not held up. Raises `ConnectedAnew` the
        second time.
        """
        if not self._lifetime.free:  # as `lock`, which would be a call: so wherever a scan comes by
            self._lifetime.check()
        with self._lock:
            if self._piece is not None:
                return programming()
            self._piece = self._connection
            try:
                return programming()
            except ConnectedAnew:
                self.troubles.retries += 1
                self._piece = self._connection
                return programming()
            finally:
                self._piece = None

    def request(self, message: str) -> None:
        """Send a query without waiting for its answer; one that nobody collected is read and dropped."""
        if not self._lifetime.free:
            self._lifetime.check()
        with self._lock:
            if self._asked is not None:
                self._take_early()
            self._early = None
            self._send(message)
            self._asked = message

    def collect(self) -> str:
        """Return the answer to the last `request`, without its terminator."""
        if not self._lifetime.free:
            self._lifetime.check()
        with self._lock:
            if self._early is not None:
                early, self._early = self._early, None
                if isinstance(early, InstrumentFault):
                    raise early
                return early
            if self._asked is None:
                raise self._fault("was asked for an answer before anything was requested", "request first")
            return self._receive_asked()

    def query(self, message: str) -> str:
        """Send a query and wait for its answer."""
        with self.lock:
            if self._asked is not None:
                self._take_early()
            began = self._context.passed() if self._context.real_time else 0.0
            self._send(message)
            self._asked = message
            reply = self._receive_asked()
            if self._context.real_time:
                self.slowest = max(self.slowest * FADES, self._context.passed() - began)
            return reply

    def query_later(self, message: str, pause: float) -> str:
        """Send a query once more after `pause` s: the instrument has answered that it is busy."""
        self.troubles.retries += 1
        self._context.sleep(pause)
        return self.query(message)

    def write(self, message: str) -> None:
        """Send a message that has no answer."""
        if not self._lifetime.free:
            self._lifetime.check()
        with self._lock:
            self._send(message)

    def query_number(self, message: str, unit: str = "") -> float:
        """Query one number in `unit`; see `parse_number`."""
        return self.number(message, self.query(message), unit)

    def query_whole(self, message: str) -> int:
        """Query a whole number, such as a register of status bits."""
        reply = self.query(message)
        return self.whole(message, reply, self.number(message, reply))

    def query_switch(self, message: str) -> bool:
        """Query whether something is on: ON or OFF, 1 or 0, in letters of either case (SCPI-1999 vol. 1, 7.3)."""
        reply = self.query(message)
        on = SWITCHES.get(reply.strip().upper())
        if on is None:
            raise self.unexpected(message, reply, "ON, OFF, 1 or 0 expected")
        return on

    def number(self, message: str, reply: str, unit: str = "") -> float:
        """`reply` as a number, or the fault that names what was asked."""
        try:
            return parse_number(reply, unit)
        except ValueError as error:
            raise self.unexpected(message, reply, str(error)) from error

    def whole(self, message: str, reply: str, value: float) -> int:
        """A number that was read in `reply` as a whole one, or the fault that names what was asked."""
        if not value.is_integer():
            raise self.unexpected(message, reply, "a whole number was expected")
        return int(value)

    def numbers(
        self, message: str, reply: str, count: int, separator: str = ",", units: Sequence[str] = ()
    ) -> list[float]:
        """`reply` as exactly `count` numbers, bare or, where `units` are given, each with its own."""
        fields = reply.split(separator)
        if len(fields) != count:
            raise self.unexpected(message, reply, f"{count} values were expected, {len(fields)} came")
        try:
            values = list(map(float, fields))
        except ValueError as error:
            if units:
                return [self.number(message, field, unit) for field, unit in zip(fields, units, strict=True)]
            raise self.unexpected(message, reply, "bare numbers were expected") from error
        # The length of a vector is no less than any of its parts, and nan where one is: one call where two would look.
        if hypot(*values) < SCPI_INFINITY:
            return values
        return [value if -SCPI_INFINITY < value < SCPI_INFINITY else nan for value in values]

    def identity(self, message: str = "*IDN?") -> Identity:
        """Ask `*IDN?`: manufacturer, model, serial number, firmware, any further field ignored."""
        reply = self.query(message)
        fields = [field.strip() for field in reply.split(",")]
        if len(fields) < 4:
            raise self.unexpected(message, reply, "an identity has at least four fields")
        return Identity(*fields[:4])

    @property
    def has_error_queue(self) -> bool:
        """Whether the instrument keeps one that can be read."""
        return self._profile.error_queue is not None

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

    def unexpected(self, message: str, reply: str | bytes, why: str) -> InstrumentFault:
        """Return the fault for an answer that makes no sense; the link is brought back into step."""
        self._out_of_step = True
        self.troubles.nonsense += 1
        return self._fault(f"answered {reply!r} to {message!r}: {why}", "check model and firmware")

    def note(self, what: str) -> None:
        """Write down beside the wire what the instrument did that is no fault, as the end of a sentence."""
        if self._transcript is not None:
            self._transcript("!", f"{self.name} {what}")

    def now(self) -> float:
        """Time on the clock of the bench, s."""
        return self._context.now()

    def passed(self) -> float:
        """Time in which links live, s: that of every patience with the instrument."""
        return self._context.passed()

    def close(self, farewell: Callable[[], None] = _nothing) -> None:
        """Let this thread alone say `farewell`, then close for ever; every message that is still to come is refused.

        Does nothing a second time, and nothing in a forked copy of the process that opened it.
        """
        with self._lifetime.last_words() as ours:
            if ours:
                try:
                    farewell()
                finally:
                    self._hang_up()

    def _hang_up(self) -> None:
        # Whoever sits in a call may wait for an answer as long as that takes, but not keep the link open for good.
        free = self._lock.acquire(timeout=self.patience)
        try:
            self._link.close()
        finally:
            if free:
                self._lock.release()

    def _take_early(self) -> None:
        """Read the outstanding answer before the next message is sent; keep it for `collect`."""
        try:
            self._early = self._receive_asked()
        except InstrumentFault as fault:
            self._early = fault

    def _receive_asked(self) -> str:
        """Wait for the answer that is outstanding.

        It stays outstanding when the waiting is interrupted (Ctrl-C): it is still to come, and what is asked next waits
        for it instead of taking it for its own. What is only said, an output off above all, goes out at once.
        """
        message = self._asked or ""
        try:
            line = self._first_line(message) if self._awaking else self._link.read_line()
        except (LinkTimeout, LinkLost) as error:
            self._asked, self._out_of_step = None, True
            raise self._unanswered(message, error) from error
        self._asked, self._heard = None, self._connection
        try:
            reply = line.decode(self._encoding).rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise self.unexpected(message, line, "that is not text of its dialect") from error
        if self._transcript is not None:
            self._transcript("<", reply)
        if self._grows_old is not None:
            self._last_word = self._context.now()
        return reply

    def _first_line(self, message: str) -> bytes:
        """What answers a message; see `awaking`. Raises `LinkTimeout` or `LinkLost`."""
        try:
            return self._link.read_line()
        except LinkTimeout:
            if self._heard == self._connection:
                raise
        self.troubles.retries += 1
        self.note(f"did not answer {message!r}, the first message of its connection; it is asked once more")
        self._deliver(message)
        line = self._link.read_line()
        self._wait_for_a_second()
        return line

    def _wait_for_a_second(self) -> None:
        """Drop the answer to a message that was not lost but late: it would be taken for that to the next one."""
        try:
            late = self._link.read_line()
        except LinkTimeout:
            return
        except LinkLost:
            self._out_of_step = True  # as good as none: the next message connects anew
            return
        self.troubles.strays += 1
        self.note(f"said {late!r} a second time; it was dropped")

    def _unanswered(self, message: str, error: LinkTimeout | LinkLost) -> InstrumentFault:
        if isinstance(error, LinkTimeout):
            self.troubles.timeouts += 1
            patience = f"did not answer {message!r} within {self._profile.timeout:g} s"
            return self._fault(patience, "check power, cable and whether the model knows that query")
        self.troubles.losses += 1
        return self._fault(f"was lost while {message!r} waited for its answer: {error}", "check it")

    def _send(self, message: str, *, renewed: bool = False) -> None:
        """Send on a link that is in step, to the instrument that is expected; `renewed`: the link is as new."""
        if self._out_of_step:
            self._resynchronise()
            self.reconnections += 1
            renewed = True
        elif self._grows_old is not None and self._has_grown_old(self._grows_old):
            self._renew("was silent for nearly as long as it keeps a connection open")
            renewed = True
        if self._piece is not None and self._piece != self._connection:
            self._stay_in_one_piece()
        try:
            self._deliver(message)
        except LinkLost as error:
            self.troubles.losses += 1
            if renewed or not self._may_be_renewed():
                self._out_of_step = True
                raise self._fault(f"did not take {message!r}: {error}", "check power and cable") from error
            self._renew(f"was lost while nothing was asked of it ({error})")
            self.reconnections += 1
            self.troubles.retries += 1
            self._send(message, renewed=True)

    def _stay_in_one_piece(self) -> None:
        """Raise `ConnectedAnew`: what came before this message went to a connection that is gone."""
        if not self._switching_off:
            raise ConnectedAnew(f"{self.name} ({self.resource}) was lost while it was programmed; check its network")

    def _may_be_renewed(self) -> bool:
        return self._link.is_connection and (self._asked is None or self._switching_off)

    def _deliver(self, message: str) -> None:
        """Hand one message to the link; raises `LinkLost`, and then nothing of it has arrived."""
        if self._asked is None:
            stray = self._link.drop_waiting()
            if stray:
                # It would be taken for the next answer, and so on for good.
                self.troubles.strays += 1
                self.note(f"said {stray!r} unasked; it was dropped")
        if self._doubted and not self._switching_off:
            self._confirm()
        if self._gap:
            self._keep_distance()
        if not self._lifetime.free:
            self._lifetime.check()  # closed meanwhile: whoever waited here must not have the last word
        if self._transcript is not None:
            self._transcript(">", message)
        self._link.write((message + self._ends_with).encode(self._encoding))
        if self._grows_old is not None:
            self._last_word = self._context.now()

    def _lives_for(self) -> float | None:
        """How long (s) a connection may be silent before it is made anew; None: for ever."""
        patience = self._profile.hangs_up_after
        return patience * RENEWED_AT if patience is not None and self._link.ages else None

    def _has_grown_old(self, age: float) -> bool:
        return self._asked is None and self._context.now() - self._last_word >= age

    def _renew(self, why: str) -> None:
        self.note(f"{why}; it is connected anew")
        self._resynchronise(why)

    def _confirm(self) -> None:
        """Ask who is there behind a new connection, before anything but OFF is said."""
        expected = self._expected
        if expected is None or self._asking:
            return
        self._asking = True
        try:
            found = self.ask_identity()
        finally:
            self._asking = False
        if (found.model, found.serial_number) != (expected.model, expected.serial_number):
            raise self._fault(
                f"is {found} since its connection was made anew, and was {expected} before",
                "nothing but OFF is sent to it; check what is plugged in at its address",
            )
        self._doubted = False

    def _resynchronise(self, why: str = "was lost") -> None:
        self._lifetime.check()
        self._out_of_step = True
        try:
            self._link.resynchronise()
        except (LinkLost, LinkTimeout) as error:
            raise self._fault(f"{why} and cannot be reached again: {error}", "check power and cable") from error
        self._close_what_came_too_late()
        self._out_of_step, self._doubted = False, True
        self._connection += 1
        self._last_word = self._context.now()
        if self._asked is not None:
            self._early = self._fault(f"lost the answer to {self._asked!r} with the old connection", "ask again")
            self._asked = None
        self.on_reconnect()

    def _close_what_came_too_late(self) -> None:
        """A connection that came about while the session was being closed does not stay open."""
        try:
            self._lifetime.check()
        except InstrumentFault:
            self._link.close()
            raise

    def _keep_distance(self) -> None:
        wait = self._next_message - self._context.now()
        if wait > 0:
            self._context.sleep(wait)
        self._next_message = self._context.now() + self._gap

    def _fault(self, found: str, advice: str) -> InstrumentFault:
        text = f"{self.name} ({self.resource}) {found}; {advice}"
        if self._transcript is not None:
            self._transcript("!", text)
        return InstrumentFault(text)
