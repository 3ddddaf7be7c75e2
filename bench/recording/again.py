"""The command that has some tests of a session again, with everything that the session was told.

It is for a POSIX shell, quoted so that it can be pasted, and runs where the session ran.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from bench.recording.session_log import Session

_DROPPED = "--resume"
"""What would choose another test, whatever else is asked for."""


def again(session: Session, nodeids: Iterable[str]) -> str:
    """`cd … && pytest …` for these tests of a session; of one that was joined a command for each of its jobs."""
    jobs = session.facts.get("jobs")
    if not jobs:
        return _again(session.facts, nodeids)
    wanted = list(nodeids)
    own = ((job, [job["tests"][each] for each in wanted if each in job["tests"]]) for job in jobs)
    return "; ".join(_again(job, tests) for job, tests in own if tests)


def _again(facts: Mapping[str, Any], nodeids: Iterable[str]) -> str:
    options = list(_options(facts.get("command", ()), facts.get("chosen", ())))
    folder, root = str(facts.get("folder", "")), str(facts.get("rootdir", ""))
    tests = [_from(folder, root, nodeid) for nodeid in nodeids]
    settings = [f"{name}={shlex.quote(value)}" for name, value in facts.get("environment", {}).items()]
    where = ["cd", shlex.quote(folder), "&&"] if folder else []
    return " ".join([*where, *settings, shlex.join(["pytest", *options, *tests])])


def _options(command: Iterable[str], chosen: Iterable[str]) -> Iterator[str]:
    """The session's own words, without those that chose its tests."""
    words, left = list(command), list(chosen)
    drop = False
    for position, word in enumerate(words):
        if drop or word == _DROPPED:
            drop = not drop and word == _DROPPED
        elif word.startswith(f"{_DROPPED}="):
            continue
        elif word in left and not _is_a_value(words, position, left.count(word)):
            left.remove(word)
        else:
            yield word


def _is_a_value(words: list[str], position: int, wanted: int) -> bool:
    """Whether a word that names a test here is one more than were chosen, and follows an option that may take it."""
    before = words[position - 1] if position else ""
    return words[position:].count(words[position]) > wanted and before.startswith("-") and "=" not in before


def _from(folder: str, root: str, nodeid: str) -> str:
    """A node id, which is relative to the root, as seen from the folder of the session."""
    file, separator, rest = nodeid.partition("::")
    if not folder or not root or folder == root:
        return nodeid
    return PurePath(os.path.relpath(PurePath(root) / file, folder)).as_posix() + separator + rest
