"""The only clock: tests, engine and drivers ask it for the time and sleep on it, and never know which one it is.

`VirtualClock` is single-threaded and event-driven: physics and periodic callbacks advance inside `sleep`, so a
bench hour costs about a second and the same seed gives the same bytes. `WallClock` keeps real time; its callbacks
run on one scheduler thread. No other module calls `time.sleep` or `time.time`.
"""

import heapq
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal, Protocol

VIRTUAL_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where every virtual clock starts, so that recorded Unix times are the same in every run."""


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
        self.epoch = datetime.now(UTC) - timedelta(seconds=start / speed)
        self._start = time.monotonic() - start / speed
        self._order = count()
        self._due: list[tuple[float, int, float, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> float:
        """See `Clock.now`."""
        return (time.monotonic() - self._start) * self.speed

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        if seconds > 0:
            time.sleep(seconds / self.speed)

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Clock.every`: callbacks run on the scheduler thread, late ones are not repeated to catch up."""
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
        """See `Clock.close`; waits until a running callback has returned."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _schedule(self) -> None:
        while True:
            with self._wake:
                while not self._closed and (not self._due or self._due[0][0] > self.now()):
                    self._wake.wait((self._due[0][0] - self.now()) / self.speed if self._due else None)
                if self._closed:
                    return
                due, identity, period, callback = heapq.heappop(self._due)
                if identity in self._cancelled:
                    self._cancelled.discard(identity)
                    continue
                heapq.heappush(self._due, (max(due + period, self.now()), identity, period, callback))
            callback()
