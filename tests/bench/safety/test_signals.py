"""Requests to end: the first in order, the second at once, a timeout not at all, and a console that is closed."""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import pytest

from bench.safety import interrupts
from bench.safety.interrupts import at_once, bench_open, deferred, end_in_order, held_back, on_console_event

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


# --- where a request is raised -------------------------------------------------------------------------------------


@contextmanager
def session() -> Iterator[None]:
    """Handlers of a session of its own, in the place of those of the one that runs this."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    with patch.object(interrupts, "_requests", interrupts._Requests()), patch.object(interrupts, "_before", {}):
        for number in NUMBERS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        end_in_order()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@session()
@pytest.mark.parametrize("number", NUMBERS)
def test_a_request_to_end_becomes_an_exception(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
@session()
def test_somebody_who_ignores_requests_goes_on_ignoring_them() -> None:
    interrupts.as_before()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    end_in_order()
    signal.raise_signal(signal.SIGHUP)
    assert not interrupts.waiting()


@session()
def test_what_was_asked_of_one_session_is_not_asked_of_the_next() -> None:
    interrupts.finish()
    signal.raise_signal(signal.SIGINT)
    assert interrupts.waiting()
    end_in_order()
    assert not interrupts.waiting()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@session()
def test_whoever_runs_a_session_gets_his_handlers_back() -> None:
    interrupts.as_before()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@session()
def test_in_pytest_s_own_code_a_request_waits_until_that_is_done() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), deferred():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        done = True
    assert done


@session()
def test_a_request_that_waited_is_raised_before_the_test_s_own_code_begins() -> None:
    began = False
    with pytest.raises(KeyboardInterrupt), deferred():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        with at_once():
            began = True
    assert not began


@session()
def test_in_the_test_s_own_code_it_is_raised_at_once_and_those_that_follow_do_not_disturb_the_unwinding() -> None:
    unwound = False
    with pytest.raises(KeyboardInterrupt), deferred(), at_once():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            unwound = True
    assert unwound


@session()
def test_a_request_that_a_finaliser_swallowed_is_raised_again_after_the_test() -> None:
    went_on = False
    with pytest.raises(KeyboardInterrupt), deferred():  # noqa: PT012
        with at_once(), suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        went_on = True
    assert went_on


@session()
def test_a_hook_that_hangs_gives_way_to_the_third_request() -> None:
    reached = 0
    with pytest.raises(KeyboardInterrupt), deferred():  # noqa: PT012
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
            reached += 1
    assert reached == 2


def without_lines(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, each instruction of it like those that the compiler adds: on no line of the source."""
    return type(function)(function.__code__.replace(co_linetable=b""), function.__globals__)


@session()
def test_a_request_waits_for_an_instruction_that_a_traceback_can_show() -> None:
    def ask() -> None:
        signal.raise_signal(signal.SIGINT)

    def wait() -> None:
        without_lines(ask)()
        threading.Event().wait(60)

    with pytest.raises(KeyboardInterrupt) as raised:
        wait()
    assert None not in [line for _, line in traceback.walk_tb(raised.tb)]


@pytest.mark.skipif(sys.platform == "win32", reason="cannot send a signal to a thread")
@session()
@pytest.mark.parametrize("number", NUMBERS)
def test_a_request_that_came_at_such_an_instruction_is_asked_again_and_ends_what_is_waited_in(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    looked: list[bool] = []

    def once(_frame: object) -> bool:
        looked.append(not looked)
        return looked[-1]

    monkeypatch.setattr(interrupts, "_has_no_line", once)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        signal.raise_signal(number)
        threading.Event().wait(10)
    assert looked == [True, False]


@session()
def test_once_it_has_arrived_nothing_more_is_raised() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    interrupts.arrived()
    signal.raise_signal(signal.SIGINT)
    assert interrupts.waiting()


@session()
def test_the_second_request_that_came_while_the_first_unwound_makes_the_bench_hurry(hurry: Hurry) -> None:
    with pytest.raises(KeyboardInterrupt), at_once():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            with held_back(hurry, asked_before=True):
                assert hurry.asked == 1


@session()
def test_a_request_that_waits_to_be_raised_is_the_first_of_those_that_come_in_the_safe_state(hurry: Hurry) -> None:
    with pytest.raises(KeyboardInterrupt), deferred():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        with held_back(hurry, asked_before=False):
            assert hurry.asked == 0
            signal.raise_signal(signal.SIGINT)
            assert hurry.asked == 1


@session()
def test_a_request_is_not_lost_where_the_safe_state_raises_something_of_its_own(hurry: Hurry) -> None:
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), deferred():  # noqa: PT012
        with suppress(ZeroDivisionError), held_back(hurry, asked_before=False):
            signal.raise_signal(signal.SIGTERM)
            _ = 1 / 0
        assert interrupts.waiting()


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


def test_a_closing_console_without_an_open_bench_waits_for_nothing(
    interrupted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "CONSOLE_PATIENCE", 3600.0)
    assert on_console_event(CTRL_CLOSE) is True


def test_a_closing_console_is_answered_before_windows_ends_the_process() -> None:
    """Which it does after 5 s (`HandlerRoutine`); all the rest is left for making the bench safe."""
    assert 4.0 < interrupts.CONSOLE_PATIENCE < 5.0


def test_a_bench_that_cannot_be_made_safe_in_time_is_left_to_the_supervisor(
    interrupted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "CONSOLE_PATIENCE", 0.01)
    with bench_open():
        assert on_console_event(CTRL_CLOSE) is True
