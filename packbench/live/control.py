"""Ends a session from outside, as its terminal would: one Ctrl-C for an orderly end, two for outputs off at once."""

import os
import signal
import time
from pathlib import Path

from bench.recording.session_log import RUNNING, last_session

BETWEEN = 0.3
"""s between the first and the second request: the test has to have heard the first."""


class SessionControl:
    """The session whose runs are below a folder."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs

    def stop(self) -> str:
        """End the test in order."""
        return self._asked(1, "Asked the test to end in order; its end is recorded.")

    def make_safe(self) -> str:
        """Switch off at once."""
        return self._asked(2, "Asked for outputs off at once; the rest of the end is left out.")

    def _asked(self, times: int, done: str) -> str:
        process = self._process()
        if process is None:
            return f"There is no session at work in {self._runs} that this computer could ask."
        try:
            for number in range(times):
                if number:
                    time.sleep(BETWEEN)
                os.kill(process, signal.SIGINT)
        except OSError as error:
            return f"Process {process} of the session could not be asked: {error.strerror or error}."
        return done

    def _process(self) -> int | None:
        """The process that owns the session; None where there is none, or it is over."""
        session = last_session(self._runs)
        if session is None or session.state != RUNNING:
            return None
        return session.process
