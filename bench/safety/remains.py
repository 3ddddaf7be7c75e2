"""What is left of the test: its process and what that has forked, how to notice their end, and how to bring it about.

A fork shares every connection to the instruments, and the pipe of the heartbeat, with the test that made it; by that
pipe it is found (on Linux, where the system shows who holds what). A program that the test has started holds neither.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path

from bench.clock import monotonic, pause

DEATH = 1.0
"""s that a killed process gets to let go of its connections."""
LAST_MOMENT = 0.03
"""s between the end of what a process had opened and its own, at most."""
LOOK_EVERY = 0.005
"""s between two looks at whether a process is gone, where the system does not tell."""
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""On Windows SIGTERM is TerminateProcess."""
_PROCESSES = Path("/proc")
FROM_THE_TEST = 0
"""The supervisor's standard input: the pipe whose other end the test holds, and every fork of it."""


def is_gone(parent: int) -> bool:
    """Whether the process that started this one has ended.

    An orphan's parent has died, and its number may be somebody else's by now. On Windows nobody can say so.
    """
    return os.name == "posix" and os.getppid() != parent


def wait_until_gone(parent: int) -> None:
    """Return as soon as the process that started this one has ended, whoever still holds what it had opened.

    On Windows at once: there nobody but a pipe tells that a process has ended, and no fork holds that open.
    """
    if sys.platform == "win32":
        return
    try:
        process = os.pidfd_open(parent)
    except (AttributeError, OSError):  # no Linux, an old one, or it is gone already
        _wait(lambda: is_gone(parent))
        return
    # The number was still its own: only a parent that lives is a parent.
    if not is_gone(parent):
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.poll()
    os.close(process)


def end_process(process: int, *, dying: bool) -> bool:
    """End a test that hangs: it holds the instruments' only connections, and may wake up and switch on again.

    Returns whether it had to be ended. One that is `dying` (it has closed its pipe) gets a moment to be gone by itself.
    """
    _wait(lambda: is_gone(process), LAST_MOMENT if dying else 0.0)
    if is_gone(process):
        return False
    _kill(process)
    _wait(lambda: is_gone(process), DEATH)
    return True


def end_forks(pipe: int = FROM_THE_TEST) -> list[int]:
    """End every process that holds the other end of `pipe`; their numbers, empty where nobody does or can tell."""
    ended = list(_holders(pipe))
    for process in ended:
        _kill(process)
    if ended:
        _wait(lambda: not any(_holders(pipe)), DEATH)
    return ended


def _holders(pipe: int) -> Iterator[int]:
    name = f"pipe:[{os.fstat(pipe).st_ino}]"
    for process in _PROCESSES.glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):  # gone by now, or another user's: no fork of ours
            if any(_points_to(opened, name) for opened in (process / "fd").iterdir()):
                yield int(process.name)


def _points_to(opened: Path, name: str) -> bool:
    try:
        return str(opened.readlink()) == name
    except OSError:
        return False


def _kill(process: int) -> None:
    # Gone by now, or another user's: whatever the system says (Windows has a word of its own for a number that nobody
    # has), the bench is to be made safe all the same.
    with suppress(OSError):
        os.kill(process, _KILL)


def _wait(come: Callable[[], bool], limit: float = inf) -> None:
    end = monotonic() + limit
    while not come() and monotonic() < end:
        pause(LOOK_EVERY)
