"""Requests to end: Ctrl-C, SIGTERM, SIGHUP, Windows' Ctrl-Break and a closed console, all by one path.

The first request ends the test as an exception does, so that everything unwinds and the bench is made safe in order.
Another one, while that is going on, cuts it short: outputs off now, nothing else. What cannot be asked (SIGKILL, a
crash, a hang) is the supervisor's.

Invariant: a request is raised where it can unwind a test, and nowhere else; none is lost. An exception that strikes
between two instructions of pytest, of its plugins or of an import leaves them half done, and one that strikes in a
finaliser is swallowed; one at an instruction without a line leaves a traceback that pytest cannot show. So while a test
is on its way through pytest a request is `deferred`, but for the stretches in which the test's own code runs
(`at_once`); what was raised stays noted until the session says that it has arrived (`arrived`), and is raised again at
the next such point where it has not.
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING_SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Requests to end; names that a platform lacks are left out: SIGHUP on Windows, SIGBREAK elsewhere."""
TIMEOUT_SIGNAL = "SIGALRM"
"""pytest-timeout's: it may fall due while the bench is being made safe, and the test has ended by then anyway."""
CONSOLE_CLOSING = frozenset({2, 5, 6})
"""CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT (Microsoft, HandlerRoutine callback function)."""
CONSOLE_PATIENCE = 4.5
"""s; Windows ends the process 5 s after its console was closed."""

IMPATIENT = 3
"""Requests after which one is raised wherever the process is: a hook that hangs must not hold on to it for ever."""

_all_safe = threading.Event()
_all_safe.set()


class _Requests:
    """What this process was asked, and whether it may be raised at any instruction just now."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        """Signals that have come and have not arrived at the session."""
        self.at_once = True

    def come(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: raise the first request, where it may be; note those that come while it unwinds the test."""
        if _has_no_line(frame):
            # A traceback through an instruction without a line makes pytest stumble. Let the process run on a little;
            # the thread is the lowest kind: nothing that might be interrupted here is needed for it.
            _thread.start_new_thread(_ask_again, (number,))
            return
        self.waiting.append(number)
        if len(self.waiting) >= IMPATIENT or (self.at_once and len(self.waiting) == 1):
            raise _asked(number)

    def raise_waiting(self) -> None:
        """Raise what is waiting."""
        if self.waiting:
            raise _asked(self.waiting[0])


_requests = _Requests()
_before: dict[int, Any] = {}
"""Handlers that were there before ours."""


def end_in_order() -> None:
    """A request to end, of whatever kind, ends the test as an exception does, and with it every safe state unwinds.

    Somebody who ignores such requests (`nohup`) or has a handler of his own keeps it.
    """
    as_before()
    for number in _numbers(("SIGINT", *ENDING_SIGNALS)):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            _before[number] = signal.signal(number, _requests.come)
    if sys.platform == "win32":
        _watch_console()


def as_before() -> None:
    """Give the handlers back, and forget what was asked: the session is over."""
    for number, handler in _before.items():
        signal.signal(number, handler)
    _before.clear()
    _requests.waiting.clear()
    _requests.at_once = True


def waiting() -> bool:
    """Whether a request to end has come that has not arrived at the session."""
    return bool(_requests.waiting)


def arrived() -> None:
    """The session has caught the request: it needs not be raised again, and nothing may disturb the end."""
    _requests.waiting.clear()
    finish()


def finish() -> None:
    """The session ends: requests are only noted from now on."""
    _requests.at_once = False


@contextmanager
def deferred() -> Iterator[None]:
    """Requests are only noted in this block, and raised before it and after it."""
    _requests.raise_waiting()
    with _raised(at_once=False):
        yield
    _requests.raise_waiting()


@contextmanager
def at_once() -> Iterator[None]:
    """Within `deferred`: code that can be interrupted at any instruction."""
    with _raised(at_once=True):
        _requests.raise_waiting()
        yield


@contextmanager
def _raised(*, at_once: bool) -> Iterator[None]:
    before, _requests.at_once = _requests.at_once, at_once
    try:
        yield
    finally:
        _requests.at_once = before


def _ask_again(number: int) -> None:
    """Send the main thread the same signal; a real one, which also ends what it may be waiting in by then."""
    if sys.platform == "win32":
        _thread.interrupt_main(number)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _has_no_line(frame: FrameType | None) -> bool:
    """Whether some call that is going on stands at an instruction that the compiler has added to the source."""
    while frame is not None:
        # Typed as a number, and None where there is no line (Python 3.10 and newer).
        if frame.f_lineno is None:
            return True
        frame = frame.f_back
    return False


def _asked(number: int) -> KeyboardInterrupt:
    # Whoever pressed Ctrl-C knows that.
    if number == signal.SIGINT:
        return KeyboardInterrupt()
    return KeyboardInterrupt(f"the process was asked to end ({signal.Signals(number).name})")


def _numbers(names: tuple[str, ...]) -> list[int]:
    return [number for name in names if (number := getattr(signal, name, None)) is not None]


@contextmanager
def held_back(hurry: Callable[[], None], *, asked_before: bool) -> Iterator[None]:
    """Hold requests to end back until the bench is safe, then raise `KeyboardInterrupt` if there was one.

    The second request of all calls `hurry`, wherever the first one came: it is why the bench is being made safe
    (`asked_before`), it waits to be raised, or it was held back here. Where the block raises something of its own, what
    was held back waits to be raised after it.
    """
    held: list[int] = []

    def hurry_if_asked_twice() -> None:
        # What unwound the test is among those that wait as well, until the session has caught it.
        if len(held) + max(asked_before, len(_requests.waiting)) >= 2:
            hurry()

    def hold(number: int, _frame: Any) -> None:
        held.append(number)
        hurry_if_asked_twice()

    try:
        with _handled_by(hold):
            hurry_if_asked_twice()
            yield
    except BaseException:
        _requests.waiting += held
        raise
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
