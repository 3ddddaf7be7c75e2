"""Ends a session from outside, as its terminal would: one Ctrl-C for an orderly end, two for outputs off at once."""

import signal
import sys
import time
from pathlib import Path

from bench.recording.owner import Owner
from bench.recording.session_log import RUNNING, last_session

BETWEEN = 0.3
"""s between the first and the second request: the test has to have heard the first."""
AT_ITS_TERMINAL = "press Ctrl-C at its own terminal, once for an orderly end, twice for outputs off at once."


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
        found = self._owner()
        if isinstance(found, str):
            return found
        try:
            _press(found, times)
        except ProcessLookupError:
            return f"Process {found.number} of the session has just ended, before it could be asked."
        except OSError as error:
            return f"Process {found.number} of the session could not be asked: {error.strerror or error}."
        return done

    def _owner(self) -> Owner | str:
        """The process that the session in the folder belongs to, or why there is none that could be asked."""
        session = last_session(self._runs)
        if session is None or session.state != RUNNING:
            return f"There is no session at work in {self._runs}."
        owner = session.process
        if owner is None:
            return f"The session of {session.started} does not say which process it is: {AT_ITS_TERMINAL}"
        if owner.is_elsewhere:
            return f"The session of {session.started} runs on {owner.host}, not on this computer: {AT_ITS_TERMINAL}"
        # There `os.kill` ends a process at once and leaves its outputs on, and a console's Ctrl-C reaches no other one.
        if sys.platform == "win32":
            return f"On Windows a page cannot ask a test to end (process {owner.number}): {AT_ITS_TERMINAL}"
        if not owner.lives:
            return (
                f"The session of {session.started} died without an end (process {owner.number}); nobody is there to "
                "ask: `packbench safe` makes its bench safe."
            )
        return owner


def _press(owner: Owner, times: int) -> None:
    """Ctrl-C so many times; raises OSError where the first one cannot be. One that has ended by it needs no second."""
    owner.send(signal.SIGINT)
    for _ in range(times - 1):
        time.sleep(BETWEEN)
        if owner.lives:
            owner.send(signal.SIGINT)
