"""Clocks: time passes only where it should, callbacks run in its order."""

import os
import subprocess
import sys
import threading

import pytest

from bench import clock as clocks
from bench.clock import CivilTime, Clock, VirtualClock, WallClock


@pytest.fixture(params=[VirtualClock, WallClock])
def any_clock(request: pytest.FixtureRequest) -> Clock:
    return request.param()


@pytest.mark.parametrize("period", [0.0, -1.0])
def test_a_period_that_never_lets_time_pass_is_refused(any_clock: Clock, period: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        any_clock.every(period, lambda: None)


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_no_time_passes_in_a_sleep_that_is_not_positive(seconds: float) -> None:
    advanced: list[float] = []
    clock = VirtualClock(advanced.append)
    clock.sleep(seconds)
    assert (clock.now(), advanced) == (0.0, [])


def test_virtual_callbacks_run_in_time_order_and_see_their_own_time() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []
    clock.every(3.0, lambda: seen.append(("slow", clock.now())))
    clock.every(2.0, lambda: seen.append(("fast", clock.now())))
    clock.sleep(6.0)
    assert seen == [("fast", 2.0), ("slow", 3.0), ("fast", 4.0), ("slow", 6.0), ("fast", 6.0)]


def test_virtual_physics_has_reached_the_time_of_a_callback_before_it_runs() -> None:
    physics = 0.0

    def advance(seconds: float) -> None:
        nonlocal physics
        physics += seconds

    clock, seen = VirtualClock(advance), []
    clock.every(1.5, lambda: seen.append(physics))
    clock.sleep(3.2)
    assert seen == [1.5, 3.0]
    assert physics == pytest.approx(3.2)


def test_a_virtual_callback_that_sleeps_lets_the_others_run_meanwhile() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []

    def slow() -> None:
        seen.append(("slow starts", clock.now()))
        clock.sleep(1.5)
        seen.append(("slow ends", clock.now()))

    clock.every(10.0, slow)
    clock.every(1.0, lambda: seen.append(("tick", clock.now())))
    clock.sleep(10.0)
    # The older of two that are due at the same time goes first.
    assert seen[-4:] == [("slow starts", 10.0), ("tick", 10.0), ("tick", 11.0), ("slow ends", 11.5)]
    assert clock.now() == 11.5


def test_virtual_time_does_not_drift_over_a_day_of_callbacks() -> None:
    clock, ticks = VirtualClock(), 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    clock.every(1.0, tick)
    for _ in range(24):
        clock.sleep(3600.0)
    assert (ticks, clock.now()) == (86400, 86400.0)


def test_a_cancelled_virtual_callback_is_not_called_again() -> None:
    clock, seen = VirtualClock(), []
    cancel = clock.every(1.0, lambda: seen.append(clock.now()))
    clock.sleep(2.0)
    cancel()
    clock.sleep(5.0)
    assert seen == [1.0, 2.0]


def test_a_virtual_callback_can_cancel_itself() -> None:
    clock, seen = VirtualClock(), []

    def once() -> None:
        seen.append(clock.now())
        cancel()

    cancel = clock.every(1.0, once)
    clock.sleep(5.0)
    assert seen == [1.0]


def test_a_closed_virtual_clock_calls_nobody() -> None:
    clock, seen = VirtualClock(), []
    clock.every(1.0, lambda: seen.append(clock.now()))
    clock.close()
    clock.sleep(5.0)
    assert seen == []
    assert clock.now() == 5.0


def test_what_a_virtual_callback_raises_reaches_whoever_sleeps() -> None:
    clock = VirtualClock()

    def fail() -> None:
        raise RuntimeError("lost")

    clock.every(1.0, fail)
    with pytest.raises(RuntimeError, match="lost"):
        clock.sleep(2.0)


def test_wall_time_never_runs_backwards() -> None:
    clock = WallClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
    assert times[0] >= 0


def test_a_wall_sleep_lasts_at_least_as_long_as_asked() -> None:
    clock = WallClock()
    before = clock.now()
    clock.sleep(0.002)
    assert clock.now() - before >= 0.002


def test_a_wall_callback_runs_on_a_thread_of_its_own_again_and_again() -> None:
    clock, threads, twice = WallClock(), [], threading.Event()

    def tick() -> None:
        threads.append(threading.current_thread())
        if len(threads) == 2:
            twice.set()

    clock.every(0.001, tick)
    assert twice.wait(10)
    clock.close()
    assert threading.current_thread() not in threads
    assert len(set(threads)) == 1


def _policies_of_a_callback() -> tuple[int, int]:
    """By which rule the thread of a callback is scheduled, and a process that is started from it."""
    clock, found, done = WallClock(), list[int](), threading.Event()
    ask = "import os; print(os.sched_getscheduler(0))"

    def tick() -> None:
        if not found:
            found.append(os.sched_getscheduler(0))
            found.append(int(subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True).stdout))
            done.set()

    clock.every(0.001, tick)
    assert done.wait(30)
    clock.close()
    return found[0], found[1]


@pytest.mark.skipif(not hasattr(os, "SCHED_RR"), reason="no real-time priorities here")
def test_a_wall_callback_comes_before_what_else_the_computer_does_and_hands_that_to_nobody() -> None:
    before = os.sched_getscheduler(0)
    asked = subprocess.run(
        [sys.executable, "-c", "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"],
        capture_output=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip("this user may not have a real-time priority")
    thread, child = _policies_of_a_callback()
    assert thread == os.SCHED_RR | os.SCHED_RESET_ON_FORK
    assert child == before == os.sched_getscheduler(0)


@pytest.mark.skipif(not hasattr(os, "SCHED_RR"), reason="no real-time priorities here")
def test_who_may_not_come_before_others_is_called_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    assert _policies_of_a_callback()[0] == os.sched_getscheduler(0)


def test_no_wall_callback_runs_after_close_has_returned() -> None:
    clock, calls, once = WallClock(), [], threading.Event()

    def tick() -> None:
        calls.append(None)
        once.set()

    clock.every(0.001, tick)
    assert once.wait(10)
    clock.close()
    before = len(calls)
    assert "packbench-clock" not in {thread.name for thread in threading.enumerate()}
    assert len(calls) == before


def test_a_wall_callback_that_hangs_does_not_keep_its_clock_from_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "CLOSING", 0.01)
    clock, hangs, free, ended = WallClock(), threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        free.wait(30)
        ended.set()

    clock.every(0.001, hang)
    assert hangs.wait(10)
    clock.close()
    assert not ended.is_set()
    free.set()
    assert ended.wait(10)


def test_a_cancelled_wall_callback_makes_room_for_the_others() -> None:
    clock, cancelled_calls, others = WallClock(), [], threading.Event()
    cancel = clock.every(0.001, lambda: cancelled_calls.append(None))
    cancel()
    seen = len(cancelled_calls)
    count = 0

    def other() -> None:
        nonlocal count
        count += 1
        if count == 5:
            others.set()

    clock.every(0.001, other)
    assert others.wait(10)
    clock.close()
    # One call may have been on its way when it was cancelled.
    assert len(cancelled_calls) <= seen + 1


def test_a_wall_callback_may_close_its_own_clock() -> None:
    clock, closed = WallClock(), threading.Event()

    def close() -> None:
        clock.close()
        closed.set()

    clock.every(0.001, close)
    assert closed.wait(10)


class Watch:
    """A clock that somebody sets."""

    reads = 0.0

    def __call__(self) -> float:
        return self.reads


def test_civil_time_goes_on_at_half_its_pace_where_the_clock_is_set_back_and_comes_up_with_it() -> None:
    system, passed = Watch(), Watch()
    civil, told = CivilTime(system, passed), []
    for passed.reads, ahead in [(0.0, 7200.0), (10.0, 7200.0), (10.0, 3600.0), (3610.0, 3600.0), (7210.0, 3600.0)]:
        system.reads = passed.reads + ahead
        told.append(civil.now())
    assert told == [7200.0, 7210.0, 7210.0, 9010.0, 10810.0]
    system.reads = passed.reads = 20000.0
    assert civil.now() == 20000.0


def test_civil_time_follows_a_clock_that_is_set_on() -> None:
    system = Watch()
    civil = CivilTime(system, lambda: 0.0)
    assert civil.now() == 0.0
    system.reads = 3600.0
    assert civil.now() == 3600.0
