"""A manager's process does not outlive whoever started it, also where that one was killed and could end nothing.

A small process of its own waits at the end of a pipe: when that breaks without a word, whoever held it is gone, and the
manager is ended. A pipe breaks on every system, however its holder died. This file is run by itself for that, with
nothing but the standard library.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
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

    def dismiss(self) -> None:
        """To be called as soon as the process has ended, for its number may soon be another's; may be called again."""
        line = self._process.stdin
        if line is None or line.closed:
            return
        with suppress(OSError):
            line.write(WORD)
        with suppress(OSError):
            line.close()
        self._process.wait()


def end(pid: int) -> None:
    """End a process that is not ours to wait for: politely, then by force; on Windows there is force alone."""
    with suppress(OSError):
        os.kill(pid, signal.SIGTERM)
        if sys.platform != "win32":
            for _ in range(LOOKS):
                os.kill(pid, 0)
                Event().wait(LOOK)
            os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Wait for a word or for the end of the pipe."""
    if sys.stdin.buffer.read(1) != WORD:
        end(int(sys.argv[1]))


if __name__ == "__main__":
    main()
