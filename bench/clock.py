"""The only clock: tests, engine and drivers ask it for the time and sleep on it, and never know which one it is.

`VirtualClock` is single-threaded and event-driven: physics and periodic callbacks advance inside `sleep`, so a
bench hour costs about a second and the same seed gives the same bytes. `WallClock` keeps real time; its callbacks
run on one scheduler thread.

Invariant: no test can stop or bend the time that safety is measured in, nor the civil time of the evidence. Tests
freeze clocks: freezegun replaces the functions of `time` in every module that holds them, time-machine replaces what
they do inside the interpreter, `monkeypatch` sets them. So nothing here, and nothing in bench or instruments, asks the
module `time`: `monotonic` and `utc_now` ask the operating system, `pause` waits in a lock, and a test holds every
module to it. Who replaces these very functions is the supervisor's: it measures the test's progress by its own.
"""

import ctypes
import heapq
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal, Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Civil times are counted from this instance: whatever the name `datetime` means to a module later, it stays real."""

if sys.platform == "win32":
    # A library that keeps the interpreter's lock: one that lets go of it would wait for every busy thread, each time.
    _system = ctypes.PyDLL("kernel32")
    _frequency = ctypes.c_longlong()
    _system.QueryPerformanceFrequency(ctypes.byref(_frequency))
    _TICK = 1.0 / _frequency.value
    _FILE_TIME_EPOCH = 11644473600.0
    """s from 1601 to 1970 (Microsoft, FILETIME structure)."""

    def monotonic() -> float:
        """Seconds from a fixed point in the past, the same in every process of the machine."""
        ticks = ctypes.c_longlong()
        _system.QueryPerformanceCounter(ctypes.byref(ticks))
        return ticks.value * _TICK

    def _civil() -> float:
        """Seconds since 1970."""
        hundred_nanoseconds = ctypes.c_ulonglong()
        _system.GetSystemTimePreciseAsFileTime(ctypes.byref(hundred_nanoseconds))
        return hundred_nanoseconds.value * 1e-7 - _FILE_TIME_EPOCH

else:
    from time import CLOCK_MONOTONIC, CLOCK_REALTIME

    class _Timespec(ctypes.Structure):
        """`struct timespec` of POSIX, as wide as the platform's longs."""

        _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))

    # A library that keeps the interpreter's lock: one that lets go of it would wait for every busy thread, each time.
    _clock_gettime = ctypes.PyDLL(None).clock_gettime
    _clock_gettime.argtypes = (ctypes.c_int, ctypes.POINTER(_Timespec))

    def monotonic() -> float:
        """Seconds from a fixed point in the past, the same in every process of the machine."""
        time = _Timespec()
        _clock_gettime(CLOCK_MONOTONIC, time)
        return float(time.seconds + time.nanoseconds * 1e-9)

    def _civil() -> float:
        """Seconds since 1970."""
        time = _Timespec()
        _clock_gettime(CLOCK_REALTIME, time)
        return float(time.seconds + time.nanoseconds * 1e-9)


class CivilTime:
    """The system's civil time, as one process tells it: it never goes back.

    A clock that is set back (a time server, an operator) would give runs that end before they begin, and the newest of
    them the place of an older one. So this one goes at half its pace then, until the system's has come up with it.
    `civil` is what the system says, s since 1970, `passed` a clock that nobody sets, s.
    """

    PACE = 0.5
    """s of civil time that pass in a s while the system's clock lies behind."""

    def __init__(self, civil: Callable[[], float], passed: Callable[[], float]) -> None:
        self._civil, self._passed = civil, passed
        self._last = 0.0, passed()
        """What was told last, and when."""

    def now(self) -> float:
        """Seconds since 1970."""
        asked = self._passed()
        told, before = self._last
        # Two threads that ask at once may be told microseconds in the other order: no lock, for a signal may ask too.
        civil = max(self._civil(), told + self.PACE * (asked - before))
        self._last = civil, asked
        return civil


_civil_time = CivilTime(_civil, monotonic)


def utc_now() -> datetime:
    """The civil time of the evidence (UTC), by the system's clock; no test can freeze it, and it never goes back."""
    return _EPOCH + timedelta(seconds=_civil_time.now())


def utc_text(moment: datetime) -> str:
    """A moment that knows its zone as every file writes it: ISO 8601, UTC, to the millisecond, with a `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_never = threading.Lock()
_never.acquire()
_wait_for_never = _never.acquire


def pause(seconds: float) -> None:
    """Let `seconds` of real time pass (none when not positive); signals are handled meanwhile.

    A lock that nobody releases is waited for, and waited for again until `monotonic` says that it was long enough.
    """
    left, end = seconds, monotonic() + seconds
    while left > 0:
        _wait_for_never(timeout=min(left, threading.TIMEOUT_MAX))
        left = end - monotonic()


CLOSING = 5.0
"""s that a clock waits, when it is closed, for a callback that is running."""
LEAST_URGENT = 1
"""Of the real-time priorities of Linux, which go to 99: whatever really is urgent comes first."""
VIRTUAL_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where every virtual clock starts, so that recorded Unix times are the same in every run."""


def _be_prompt() -> None:
    """Have this thread run as soon as it wakes, before whatever else the computer does, where the system allows it.

    What is repeated by the clock is short, and comes at even distances then: beside busy cores 100.0 to 100.4 ms were
    measured for 100 ms, and 100 to 120 without. Linux allows it to root and to whom limits.conf gives an rtprio; who is
    not allowed to is as late as everybody. Processes that are started from here do not inherit it.
    """
    with suppress(AttributeError, OSError):
        # Of pid 0 it is the calling thread alone (sched_setscheduler(2)).
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(LEAST_URGENT))


class Clock(Protocol):
    """Bench time in seconds since the run began, and the civil time it stands for.

    A run begins with its clock, unless it continues another one: then the clock starts where that one has come to.
    """

    kind: Literal["virtual", "wall"]
    epoch: datetime

    def now(self) -> float:
        """Seconds since the run began; never runs backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of bench time pass (none at all when not positive)."""
        ...

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` each `period` s from now on; returns what cancels it."""
        ...

    def close(self) -> None:
        """Cancel every callback."""
        ...


class VirtualClock:
    """Time that passes only inside `sleep`; `advance` moves the physics along with it."""

    kind: Literal["virtual", "wall"] = "virtual"

    def __init__(
        self, advance: Callable[[float], None] | None = None, epoch: datetime = VIRTUAL_EPOCH, start: float = 0.0
    ) -> None:
        self.epoch = epoch
        self.advance = advance
        self._now = start
        self._order = count()
        self._due: list[tuple[float, int, float, Callable[[], None]]] = []
        self._cancelled: set[int] = set()

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`: callbacks that fall due are run in time order on the way."""
        if seconds <= 0:
            return
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            self._run_next()
        self._move_to(end)

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Clock.every`."""
        if period <= 0:
            raise ValueError(f"A callback every {period} s never lets time pass: the period must be positive.")
        identity = next(self._order)
        heapq.heappush(self._due, (self._now + period, identity, period, callback))
        return lambda: self._cancelled.add(identity)

    def close(self) -> None:
        """See `Clock.close`."""
        self._due.clear()

    def _run_next(self) -> None:
        due, identity, period, callback = heapq.heappop(self._due)
        if identity in self._cancelled:
            self._cancelled.discard(identity)
            return
        self._move_to(due)
        heapq.heappush(self._due, (due + period, identity, period, callback))
        callback()

    def _move_to(self, end: float) -> None:
        elapsed = end - self._now
        if elapsed > 0:
            self._now = end
            if self.advance is not None:
                self.advance(elapsed)


class WallClock:
    """Real time, from a monotonic counter: a stepped system clock does not move it.

    `speed` is for simulators that run faster than life (`packbench serve`): bench seconds per second.
    """

    kind: Literal["virtual", "wall"] = "wall"

    def __init__(self, speed: float = 1.0, start: float = 0.0) -> None:
        self.speed = speed
        self.epoch = utc_now() - timedelta(seconds=start / speed)
        self._start = monotonic() - start / speed
        self._order = count()
        self._due: list[tuple[float, int, float, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> float:
        """See `Clock.now`."""
        return (monotonic() - self._start) * self.speed

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        pause(seconds / self.speed)

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Clock.every`: callbacks run on the scheduler thread.

        One that is late is not repeated to catch up, and the next one is a whole period behind it: who repeats a frame
        counts on the distance of two, not on their number.
        """
        if period <= 0:
            raise ValueError(f"A callback every {period} s would never end: the period must be positive.")
        with self._wake:
            identity = next(self._order)
            heapq.heappush(self._due, (self.now() + period, identity, period, callback))
            if self._thread is None:
                self._thread = threading.Thread(target=self._schedule, name="packbench-clock", daemon=True)
                self._thread.start()
            self._wake.notify()
        return lambda: self._cancelled.add(identity)

    def close(self) -> None:
        """See `Clock.close`; waits until a running callback has returned, but no longer than `CLOSING`.

        One that hangs is left behind: a bus that blocks must not keep the rest of a bench from being closed.
        """
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSING)

    def _schedule(self) -> None:
        _be_prompt()
        while True:
            with self._wake:
                while not self._closed and (not self._due or self._due[0][0] > self.now()):
                    self._wake.wait((self._due[0][0] - self.now()) / self.speed if self._due else None)
                if self._closed:
                    return
                _, identity, period, callback = heapq.heappop(self._due)
                if identity in self._cancelled:
                    self._cancelled.discard(identity)
                    continue
                heapq.heappush(self._due, (self.now() + period, identity, period, callback))
            callback()
