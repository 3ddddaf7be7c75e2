"""A manager's process does not outlive whoever started it, also where that one was killed and could end nothing.

A small process of its own waits at the end of a pipe: when that breaks without a word, whoever held it is gone, and the
manager is ended. A pipe breaks on every system, however its holder died. This file is run by itself for that, with
nothing but the standard library.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

LOOKS, LOOK = 100, 0.05
"""How often it is looked, and how many s of real time apart, whether a manager has ended by itself."""
WORD = b"."
"""Says that nobody needs to be ended any more."""


class Watch:
    """Ends the process `pid` when this process dies before it has dismissed the watch."""

    def __init__(self, pid: int) -> None:
        import subprocess

        away: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            away = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        command = [sys.executable, "-I", "-S", str(Path(__file__)), str(pid)]
        # Of a session of its own: Ctrl-C at the terminal is for the test, and must not take its watch.
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, **away
        )
        self._one = Lock()

    def dismiss(self) -> None:
        """To be called as soon as the process has ended, for its number may soon be another's; may be called again."""
        with self._one:
            line = self._process.stdin
            if line is None or line.closed:
                return
            with suppress(OSError):
                line.write(WORD)
            with suppress(OSError):
                line.close()
            self._process.wait()


def sender(pid: int) -> Callable[[int], None]:
    """What sends a signal to this very process, also once its number is another's, where the system can (Linux)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended already: whoever gets its number has nothing to do with it
        return _nobody_hears
    except (AttributeError, OSError):  # another system
        return partial(os.kill, pid)
    return partial(signal.pidfd_send_signal, handle)


def _nobody_hears(_number: int) -> None:
    raise ProcessLookupError


def end(send: Callable[[int], None]) -> None:
    """End a process that is not ours to wait for: politely, then by force; on Windows there is force alone."""
    with suppress(OSError):
        send(signal.SIGTERM)
        if sys.platform != "win32":
            for _ in range(LOOKS):
                send(0)
                Event().wait(LOOK)
            send(signal.SIGKILL)


def main() -> None:
    """Wait for a word or for the end of the pipe."""
    send = sender(int(sys.argv[1]))
    if sys.stdin.buffer.read(1) != WORD:
        end(send)


if __name__ == "__main__":
    main()
