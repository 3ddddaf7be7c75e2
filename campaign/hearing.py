"""Signals that a process does not hear because it was started in the background, heard again by what it starts.

A shell without job control starts `command &` deaf to Ctrl-C, `nohup` deaf to SIGHUP, and whatever such a process
starts inherits that. What is to be hit by a signal must hear it.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def hearing() -> Iterator[None]:
    """Signals that were ignored have their ordinary effect here and in the processes started meanwhile."""
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    ignored = [number for number in numbers if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
