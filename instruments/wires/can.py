"""CAN: one python-can bus for all its users in this process, and what each of them hears, sends and repeats.

Two instruments on one wire share one bus object, one path by which frames are received, and one place from which they
are repeated; whoever leaves last closes it. Everything that waits is taken off the bus before anything is looked at: a
thousand old frames cost a few ms, and the newest is behind them. What a bus delivers faster than it can be taken is
left for the next time, and told. No instrument is known here, and no layout of any message.
"""

import os
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock, RLock, Thread
from typing import TYPE_CHECKING, Any, Protocol, cast

from instruments.roles import InstrumentFault
from instruments.wires.context import LinkContext
from instruments.wires.lifetime import Lifetime
from instruments.wires.reception import Reception
from instruments.wires.wheel import Every, Wheel

if TYPE_CHECKING:
    from _thread import RLock as ReentrantLock

    from can import BusABC, Message

LEAST_TAKEN = 4096
"""Frames that are always taken, if so many wait: half a second of a full bus at 1 Mbit/s, in 40 ms."""
TIME_TO_TAKE = 0.05, 0.25
"""s for which more are taken: at least, and as a share of the time since the last look (a bus may be full for long)."""
MOST_TAKEN = 1_000_000
"""Frames taken at once where time stands still meanwhile: two minutes of a full bus."""
LOOK_AT_THE_CLOCK = 256
"""Frames between two looks at the time."""
MOST_WAITING = 65_536
"""Frames that wait for a user who does not take them; of more the oldest are lost, and counted."""

EXTENDED = 1 << 31
"""Marks a 29-bit identifier where identifiers are keys (CAN_EFF_FLAG of Linux's can.h)."""

Heard = Callable[["Message", float], None]
"""Gets a frame, and when it was received: a time for `CanSession.age`."""
Waiting = tuple[Heard, "Message", float]
Due = Callable[[], "Message | None"]
"""Tells the frame that is to be sent in this turn; None for none."""


class RepeatedByBus(Protocol):
    """A frame that a bus repeats in a time of its own, as a simulated one has: whoever moves that time on sends it."""

    until: float
    """s of that time after which it is sent no more."""

    def modify_data(self, messages: "Message") -> None:
        """Repeat this frame from its next turn on, in place of the one before."""
        ...

    def stop(self) -> None:
        """Send it no more."""
        ...


class CanSession:
    """One instrument's place on a bus.

    `lock` keeps what belongs together: what a turn of the wheel reads, and what `close` says, come in between at no
    other place. `sending` keeps what a turn sends from what is said meanwhile; it is never held while frames are read.
    Its frames wait for `take`, which hands them to whoever subscribed, in their order, in the calling thread. What goes
    wrong where nobody is calling, in a turn of the wheel or while another user takes, is kept for `surface`. After
    `close` every message is refused for ever, as in any process but the one that opened it.
    """

    def __init__(self, settings: Mapping[str, object], context: LinkContext, *, name: str) -> None:
        """Join the bus that `settings` (python-can's arguments) name, or open it.

        Raises `InstrumentFault` where it cannot be opened, `ValueError` for one that another user opened otherwise.
        """
        self.name = name
        self.lock: ReentrantLock = RLock()
        self.sending: ReentrantLock = RLock()
        self._context = context
        self._lifetime = Lifetime(name)
        self.waiting: deque[Waiting] = deque()
        """Frames of ours that the bus has read, until `take`."""
        self._overrun = 0
        self._trouble: InstrumentFault | None = None
        self._ends: list[Callable[[], None]] = []
        self._bus = _join(self, settings, context)
        self._dropped_before = self._bus.dropped
        self.opened = context.now()
        self._passed = None if context.passing is None else context.passing()

    # ---- hearing ----

    def subscribe(self, identifier: int, heard: Heard, *, extended: bool = False) -> None:
        """Have every frame of an identifier (of 29 bits: `extended`) handed to `heard` by `take`."""
        self._bus.route(self, identifier | EXTENDED if extended else identifier, heard)

    def subscribe_where(self, wanted: Callable[["Message"], bool], heard: Heard) -> None:
        """Have every frame that `wanted` holds for handed to `heard` by `take`."""
        self._bus.route_where(self, wanted, heard)

    def take(self) -> None:
        """Take what waits on the bus, and hear what is ours; raises `InstrumentFault` where it cannot be read."""
        if not self._lifetime.free:
            self._lifetime.check()  # before the lock: a forked copy may find that locked for ever
        with self.lock:
            try:
                self._bus.take(self._hear)
            except self._bus.errors as error:
                fault = f"cannot be heard: {error}; check the CAN interface"
                self._bus.tell_others(self, fault)
                raise InstrumentFault(f"{self.name} {fault}") from error

    def surface(self) -> None:
        """Raise, once, the `InstrumentFault` that came up where nobody was calling."""
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    def age(self, time: float) -> float:
        """How long ago (s) the frame was received that came with `time`."""
        return self._bus.reception.age(time, self._context.now())

    @property
    def pace(self) -> float:
        """Bench seconds in a second in which links live: more than 1 where simulators are served that much faster."""
        passing, before = self._context.passing, self._passed
        passed = 0.0 if passing is None or before is None else passing() - before
        return (self._context.now() - self.opened) / passed if passed > 0 else 1.0

    @property
    def dropped(self) -> int:
        """Frames that are known, or estimated, to be lost or left unread since this session was opened."""
        return self._bus.dropped - self._dropped_before + self._overrun

    def check(self) -> None:
        """Raise `InstrumentFault` unless the calling thread may speak now; see `Lifetime`."""
        self._lifetime.check()

    # ---- sending ----

    def send(self, message: "Message", what: str = "told anything") -> None:
        """Send a frame now, whatever befell other users of the bus, or this one before.

        Raises `InstrumentFault` where it cannot be sent: the instrument cannot be `what`.
        """
        self._lifetime.check()
        try:
            self._bus.send(message)
        except self._bus.errors as error:
            raise InstrumentFault(
                f"{self.name} cannot be {what}: {error}; check wiring, termination and bit rate"
            ) from error

    def write_down(self, message: "Message") -> None:
        """Enter a frame that is sent into the transcript; one that is repeated need not be entered each time."""
        if self._context.transcript is not None:
            self._context.transcript(">", written(message))

    def repeat(self, period: float, due: Due) -> Callable[[], None]:
        """Each `period` s until `close`, send what is `due`, and take what has come.

        Returns what has the next turn come a whole period later: for who sends between two of them. Not by python-can's
        cyclic tasks: socketcan's live in the kernel and go on for a test that was stopped or hangs.
        Raises `ValueError` where the clock of the bench calls nobody back.
        """
        if self._context.every is None:
            raise ValueError(f"{self.name}: frames are repeated by a clock that calls back, and there is none.")
        wheel = self._bus.wheel(self._context.every, real_time=self._context.real_time)
        self._ends.append(wheel.add(period, lambda: self._send_due(due), self._take_turn))
        return lambda: wheel.begin_anew(period)

    @property
    def keeps_time(self) -> bool:
        """Whether the bus has a time of its own and repeats frames in it, as that of a simulated bench does."""
        return self._bus.keeps_time

    def repeat_by_bus(self, period: float, message: "Message") -> RepeatedByBus:
        """Have a bus that keeps time send a frame now and each `period` s of it, until `close` or `stop`."""
        task = self._bus.repeat(message, period)
        self._ends.append(task.stop)
        return task

    # ---- the end ----

    def close(self, farewell: Callable[[], None]) -> None:
        """Let this thread alone say `farewell`, then leave the bus for ever. Does nothing a second time."""
        with self._lifetime.last_words() as ours:
            if ours:
                self._leave(farewell)

    def _leave(self, farewell: Callable[[], None]) -> None:
        for end in self._ends:
            end()
        try:
            with self.lock:
                farewell()
        finally:
            self._bus.leave(self)

    # ---- for the bus ----

    def lose_the_oldest(self) -> None:
        """Keep no more than `MOST_WAITING` frames for somebody who does not take them."""
        while len(self.waiting) > MOST_WAITING:
            self.waiting.popleft()
            self._overrun += 1

    def trouble(self, what: str) -> None:
        """Keep what went wrong, as the end of a sentence, until somebody calls."""
        self._trouble = InstrumentFault(f"{self.name} {what}")

    def _hear(self) -> None:
        waiting = self.waiting
        while waiting:
            heard, message, time = waiting.popleft()
            heard(message, time)

    def _send_due(self, due: Due) -> None:
        with self.sending, self._kept():
            message = due()
            if message is not None:
                self.send(message)

    def _take_turn(self) -> None:
        with self.lock, self._kept():
            self.take()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep what goes wrong in a turn for the next call; the clock calls others back as well."""
        try:
            yield
        except InstrumentFault as trouble:
            self._trouble = trouble
        except Exception as error:  # noqa: BLE001 - whatever an interface raises
            self.trouble(f"cannot be heard: {error!r}; check the CAN interface")


def written(message: "Message") -> str:
    """A frame as the transcript has it: identifier and payload in hexadecimal, eight digits for one of 29 bits."""
    digits = 8 if message.is_extended_id else 3
    return f"{message.arbitration_id:0{digits}X}#{message.data.hex().upper()}"


class Bus:
    """A python-can bus and its users."""

    def __init__(self, settings: Mapping[str, object], context: LinkContext) -> None:
        self.settings, self.place = dict(settings), _place(settings)
        self.reception = Reception()
        self.dropped = 0
        """Frames known or estimated to be lost or left unread."""
        self.errors: tuple[type[Exception], ...] = (OSError,)
        """What the interface raises."""
        self._now, self._log = context.now, context.frames
        self._turn = Lock()  # held while frames are read, and by who comes and goes
        self._bus: BusABC | None = None
        self._at_once: Callable[[int], list[Message]] | None = None
        """Takes up to so many frames in one call, from an interface that offers it."""
        self._gone = False
        self._return: Thread | None = None
        """Opens the interface anew where its network connection was lost."""
        self._users: list[CanSession] = []
        self._routes: dict[int, list[tuple[CanSession, Callable[[Waiting], None], Heard]]] = defaultdict(list)
        self._filters: list[tuple[CanSession, Callable[[Message], bool], Heard]] = []
        self._wheel: Wheel | None = None
        self._looked = context.now()
        self._unread = 0

    # ---- users ----

    def is_at(self, place: Hashable, now: Callable[[], float]) -> bool:
        """Whether this is the bus at a place, for those whose time is `now`."""
        return self.place == place and self._now == now

    def admit(self, user: CanSession) -> bool:
        """Take in a user, and open the bus for the first one; False once the last one has closed it.

        Raises `InstrumentFault` where it cannot be opened.
        """
        with self._turn:
            if self._gone:
                return False
            if self._bus is None:
                self._gone = True
                self._bus = _opened(user.name, self.settings)
                self._gone, self.errors = False, _can_errors()
                self._at_once = getattr(self._bus, "recv_waiting", None)
            self._users.append(user)
            return True

    def leave(self, user: CanSession) -> None:
        """Let a user go, and close the bus behind the last."""
        with self._turn:
            self._users.remove(user)
            for key, routes in tuple(self._routes.items()):
                self._routes[key] = [route for route in routes if route[0] is not user]
            self._filters = [each for each in self._filters if each[0] is not user]
            if self._users or self._bus is None:
                return
            bus, self._bus, self._gone = self._bus, None, True
            with suppress(Exception):  # a dead interface may complain, which helps nobody any more
                bus.shutdown()
        _forget(self)

    def wheel(self, every: Every, *, real_time: bool) -> Wheel:
        """The wheel of this bus, on the clock of whoever asks first."""
        if self._wheel is None:
            self._wheel = Wheel(every, real_time=real_time)
        return self._wheel

    @property
    def keeps_time(self) -> bool:
        """See `CanSession.keeps_time`: the interface says so of itself."""
        return bool(getattr(self._bus, "keeps_time", False))

    def repeat(self, message: "Message", period: float) -> RepeatedByBus:
        """See `CanSession.repeat_by_bus`; python-can's own way of doing so."""
        return cast("RepeatedByBus", self._open().send_periodic(message, period))

    def route(self, user: CanSession, key: int, heard: Heard) -> None:
        """See `CanSession.subscribe`; `key` is an identifier, with `EXTENDED` for one of 29 bits."""
        with self._turn:
            self._routes[key].append((user, user.waiting.append, heard))
            self._leave_out_the_rest()

    def route_where(self, user: CanSession, wanted: Callable[["Message"], bool], heard: Heard) -> None:
        """See `CanSession.subscribe_where`."""
        with self._turn:
            self._filters.append((user, wanted, heard))
            self._leave_out_the_rest()

    def _leave_out_the_rest(self) -> None:
        """Let a bus that keeps time know which frames somebody wants: whoever is simulated need not make the others."""
        if self._bus is not None and self.keeps_time:
            everything = self._filters or self._log is not None
            cast("Any", self._bus).takes(None if everything else list(self._routes))

    def tell_others(self, speaker: CanSession, what: str) -> None:
        """Let the other users know, when they call next, of what befell the bus."""
        for user in self._users:
            if user is not speaker:
                user.trouble(what)

    # ---- frames ----

    def send(self, message: "Message") -> None:
        """Send a frame. Raises what the interface raises; behind a connection that was lost a new one is sought."""
        try:
            self._open().send(message)
        except ConnectionError:
            self._come_back()
            raise
        if self._log is not None:
            self._log(message)

    def _come_back(self) -> None:
        """Open the interface anew, beside whoever is calling: a gateway that does not answer takes its time.

        What is repeated is repeated over the new connection: a contactor that is asked to open must hear it.
        """
        if self._return is None or not self._return.is_alive():
            self._return = Thread(target=self._reopen, name="CAN gateway", daemon=True)
            self._return.start()

    def _reopen(self) -> None:
        try:
            found = _opened("CAN bus", self.settings)
        except InstrumentFault:
            return  # who sends next seeks again
        with self._turn:
            unwanted: BusABC | None = found
            if self._users and self._bus is not None:
                unwanted, self._bus = self._bus, found
                self._at_once = getattr(found, "recv_waiting", None)
        with suppress(Exception):  # the lost one may complain, which helps nobody any more
            cast("BusABC", unwanted).shutdown()

    def take(self, hear: Callable[[], None]) -> None:
        """Take what waits, for everybody; `hear` is called without the bus being held. Raises what it raises."""
        now = began = self._now()
        silent, self._looked = began - self._looked, began
        taken, first = 0, None
        while True:
            try:
                count, time = self._read(now)
            finally:
                hear()
                for user in self._users:
                    if len(user.waiting) > MOST_WAITING:
                        user.lose_the_oldest()
            if count < LOOK_AT_THE_CLOCK:
                self._unread = 0
                return
            taken += count
            now = self._now()
            first = time if first is None else first
            if taken >= LEAST_TAKEN and (now > began + _time_to_take(silent) or taken >= MOST_TAKEN):
                self._leave_unread(taken, first, time)
                return

    def _read(self, now: float) -> tuple[int, float]:
        """Read up to `LOOK_AT_THE_CLOCK` frames: how many there were, and when the last of them was received."""
        came: list[Message] = []
        with self._turn:
            bus = self._open()
            try:
                if self._at_once is None:
                    _receive(bus, came)
                else:
                    came = self._at_once(LOOK_AT_THE_CLOCK)
            finally:
                # What came before the bus failed is heard all the same.
                time = self._sort(came, now) if came else now
        return len(came), time

    def _sort(self, came: list["Message"], now: float) -> float:
        """Let every frame wait for those who want it; returns when the last of them was received."""
        times = self.reception.of_all([message.timestamp for message in came], now)
        if self._log is not None:
            for message in came:
                self._log(message)
        routes, filters = self._routes, self._filters
        for message, time in zip(came, times, strict=True):
            if message.is_error_frame:
                # The controller has lost one, or destroyed one that somebody sent.
                self.dropped += 1
                continue
            key = message.arbitration_id
            if message.is_extended_id:
                key |= EXTENDED
            for _, wait, heard in routes.get(key, ()):
                wait((heard, message, time))
            if filters:
                self._filter(message, time)
        return times[-1]

    def _filter(self, message: "Message", time: float) -> None:
        for user, wanted, heard in self._filters:
            if wanted(message):
                user.waiting.append((heard, message, time))

    def _leave_unread(self, taken: int, first: float, last: float) -> None:
        """Leave the rest unread: as many as come, at the rate of those taken, in the time that the last of them is old.

        They are counted once, however often they are left.
        """
        rate = taken / (last - first) if last > first else float(taken)
        unread = max(1, round(rate * self.reception.age(last, self._now())))
        self.dropped += max(0, unread - self._unread)
        self._unread = unread

    def _open(self) -> "BusABC":
        if self._bus is None:
            raise OSError("the bus was closed")
        return self._bus


def _receive(bus: "BusABC", came: list["Message"]) -> None:
    """Add what waits to what `came`, frame by frame, as python-can has it."""
    receive = bus.recv
    while len(came) < LOOK_AT_THE_CLOCK:
        message = receive(0)
        if message is None:
            return
        came.append(message)


def _time_to_take(silent: float) -> float:
    """For how long (s) frames are taken after `silent` s without a look."""
    least, share = TIME_TO_TAKE
    return max(least, share * silent)


_buses: list[Bus] = []
"""Buses of this process, and those that were closed and are not yet forgotten."""
_registering = Lock()


def _join(user: CanSession, settings: Mapping[str, object], context: LinkContext) -> Bus:
    """The bus for a new user. Benches with clocks of their own are strangers, whatever their buses are called."""
    while True:
        with _registering:
            bus = next((each for each in _buses if each.is_at(_place(settings), context.now)), None)
            if bus is None:
                bus = Bus(settings, context)
                _buses.append(bus)
        _refuse_other_settings(user.name, bus.settings, settings)
        try:
            if bus.admit(user):
                return bus
        except InstrumentFault:
            _forget(bus)
            raise
        _forget(bus)


def _forget(bus: Bus) -> None:
    with _registering:
        if bus in _buses:
            _buses.remove(bus)


def _place(settings: Mapping[str, object]) -> Hashable:
    """Where a bus is: in which process, and what its settings say of that. A forked copy has none of its parent's."""
    return os.getpid(), *(str(settings.get(key)) for key in ("interface", "channel", "host", "port", "world"))


def _refuse_other_settings(name: str, found: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    for key in found.keys() | wanted.keys():
        if found.get(key) != wanted.get(key):
            raise ValueError(
                f"{name}: its CAN bus has {key} {wanted.get(key)!r} here and {found.get(key)!r} for another instrument "
                "on the same channel; give both the same."
            )


def _opened(name: str, settings: Mapping[str, Any]) -> "BusABC":
    import can

    try:
        return can.Bus(**settings)
    except (can.CanError, OSError, ImportError, NotImplementedError, TypeError, ValueError) as error:
        where = ", ".join(f"{key} {value}" for key, value in settings.items())
        raise InstrumentFault(f"{name} ({where}) cannot be opened: {error}; check the interface") from error


def _can_errors() -> tuple[type[Exception], ...]:
    from can import CanError

    return (CanError, OSError)
