"""Requests to end: Ctrl-C, SIGTERM, SIGHUP, Windows' Ctrl-Break and a closed console, all by one path.

The first request ends the test as an exception does, so that everything unwinds and the bench is made safe in order.
Another one, while that is going on, cuts it short: outputs off now, nothing else. What cannot be asked (SIGKILL, a
crash, a hang) is the supervisor's.
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

ENDING_SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Requests to end; names that a platform lacks are left out: SIGHUP on Windows, SIGBREAK elsewhere."""
TIMEOUT_SIGNAL = "SIGALRM"
"""pytest-timeout's: it may fall due while the bench is being made safe, and the test has ended by then anyway."""
CONSOLE_CLOSING = frozenset({2, 5, 6})
"""CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT (Microsoft, HandlerRoutine callback function)."""
CONSOLE_PATIENCE = 4.5
"""s; Windows ends the process 5 s after its console was closed."""

_all_safe = threading.Event()
_all_safe.set()


def end_in_order() -> None:
    """A request to terminate ends the test as Ctrl-C does: exceptions unwind, and with them every safe state."""
    for number in _numbers(ENDING_SIGNALS):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    if sys.platform == "win32":
        _watch_console()


def _interrupt(number: int, _frame: Any) -> None:
    raise KeyboardInterrupt(f"the process was asked to end ({signal.Signals(number).name})")


def _numbers(names: tuple[str, ...]) -> list[int]:
    return [number for name in names if (number := getattr(signal, name, None)) is not None]


@contextmanager
def held_back(hurry: Callable[[], None], *, asked_before: bool) -> Iterator[None]:
    """Hold requests to end back until the bench is safe, then raise `KeyboardInterrupt` if there was one.

    The second request of all (`asked_before`: the first is why the bench is being made safe) calls `hurry`.
    """
    held: list[int] = []

    def hold(number: int, _frame: Any) -> None:
        held.append(number)
        if len(held) + asked_before >= 2:
            hurry()

    with _handled_by(hold):
        yield
    if held:
        raise KeyboardInterrupt(f"the process was asked to end ({signal.Signals(held[0]).name})")


@contextmanager
def _handled_by(hold: Callable[[int, Any], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    before = {number: signal.signal(number, hold) for number in _numbers(("SIGINT", *ENDING_SIGNALS))}
    before |= {number: signal.signal(number, signal.SIG_IGN) for number in _numbers((TIMEOUT_SIGNAL,))}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def bench_open() -> Iterator[None]:
    """A closing console waits for the end of this block: only then may Windows end the process."""
    _all_safe.clear()
    try:
        yield
    finally:
        _all_safe.set()


def on_console_event(event: int) -> bool:
    """Windows' handler routine, in a thread of its own; once it returns from a closed console the process is ended.

    Returns False for what Python turns into SIGINT and SIGBREAK by itself.
    """
    if event not in CONSOLE_CLOSING:
        return False
    _thread.interrupt_main(getattr(signal, "SIGBREAK", signal.SIGINT))
    _all_safe.wait(CONSOLE_PATIENCE)
    return True


if sys.platform == "win32":
    import ctypes

    # The routine must live as long as the process: Windows keeps no reference to it.
    _routine = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(on_console_event)

    def _watch_console() -> None:
        ctypes.windll.kernel32.SetConsoleCtrlHandler(_routine, 1)
