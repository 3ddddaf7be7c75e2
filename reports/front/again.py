"""The command that has tests again as they were run."""

import shlex
from collections.abc import Sequence
from html import escape

from bench.recording.again import again
from bench.recording.session_log import Session
from reports.outcome import Outcome


def repeat(tests: Sequence[Outcome], session: Session | None) -> str:
    """A line with it, with every option of the session where that is known; nothing where no test has a name."""
    nodeids = [test.nodeid for test in tests if test.nodeid]
    if not nodeids:
        return ""
    command = again(session, nodeids) if session is not None else shlex.join(["pytest", *nodeids])
    return f"<p>Repeat these: <code>{escape(command)}</code></p>"
