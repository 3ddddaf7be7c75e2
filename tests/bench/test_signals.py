"""Requests to end: the first in order, the second at once, a timeout not at all, and a console that is closed."""

import signal
import sys
import threading

import pytest

from bench.safety import interrupts
from bench.safety.interrupts import bench_open, end_in_order, held_back, on_console_event

CTRL_C, CTRL_BREAK, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN = 0, 1, 2, 5, 6
NUMBERS = [signal.SIGINT, signal.SIGTERM] + ([] if sys.platform == "win32" else [signal.SIGHUP])


class Hurry:
    """Counts how often it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_request_waits_until_the_bench_is_safe(hurry: Hurry, number: signal.Signals) -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt, match=number.name), held_back(hurry, asked_before=False):  # noqa: PT012
        signal.raise_signal(number)
        reached = True
    assert reached
    assert hurry.asked == 0


def test_two_requests_make_it_hurry(hurry: Hurry) -> None:
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), held_back(hurry, asked_before=False):  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        assert hurry.asked == 0
        signal.raise_signal(signal.SIGINT)
        assert hurry.asked == 1


def test_the_request_that_ended_the_test_counts(hurry: Hurry) -> None:
    with pytest.raises(KeyboardInterrupt), held_back(hurry, asked_before=True):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        assert hurry.asked == 1


def test_without_a_request_nothing_is_raised_and_the_handlers_are_those_of_before(hurry: Hurry) -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with held_back(hurry, asked_before=True):
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before
    assert hurry.asked == 0


def test_the_handlers_come_back_after_an_error_too(hurry: Hurry) -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(ZeroDivisionError), held_back(hurry, asked_before=False):
        _ = 1 / 0
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGALRM")
def test_a_timeout_that_falls_due_meanwhile_is_over(hurry: Hurry) -> None:
    with held_back(hurry, asked_before=False):
        signal.raise_signal(signal.SIGALRM)
    assert hurry.asked == 0


def test_outside_the_main_thread_there_is_nothing_to_hold(hurry: Hurry) -> None:
    done = threading.Event()

    def make_safe() -> None:
        with held_back(hurry, asked_before=False):
            done.set()

    thread = threading.Thread(target=make_safe)
    thread.start()
    thread.join()
    assert done.is_set()


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
def test_a_request_to_end_becomes_an_exception_unless_somebody_else_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        end_in_order()
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- Windows' console ---------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    numbers: list[int] = []
    monkeypatch.setattr(interrupts._thread, "interrupt_main", numbers.append)
    return numbers


@pytest.mark.parametrize("event", [CTRL_C, CTRL_BREAK])
def test_what_python_turns_into_a_signal_is_left_to_it(interrupted: list[int], event: int) -> None:
    assert on_console_event(event) is False
    assert interrupted == []


@pytest.mark.parametrize("event", [CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN])
def test_a_closing_console_interrupts_the_test_and_waits_until_the_bench_is_safe(
    interrupted: list[int], event: int
) -> None:
    returned = threading.Event()

    def console() -> None:
        on_console_event(event)
        returned.set()

    with bench_open():
        thread = threading.Thread(target=console)
        thread.start()
        assert not returned.wait(0.2)
    thread.join()
    assert returned.is_set()
    assert interrupted == [getattr(signal, "SIGBREAK", signal.SIGINT)]


def test_a_closing_console_without_an_open_bench_waits_for_nothing(interrupted: list[int]) -> None:
    assert on_console_event(CTRL_CLOSE) is True


def test_a_bench_that_cannot_be_made_safe_in_time_is_left_to_the_supervisor(
    interrupted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "CONSOLE_PATIENCE", 0.01)
    with bench_open():
        assert on_console_event(CTRL_CLOSE) is True
