"""The process of a manager that is started for the time of a step."""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from bench.managing.orphans import Watch
from bench.verdicts import BenchFault, InputError

BEGINS = 30.0
"""s of real time that a process has until it listens."""
_FROM_ELSEWHERE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
KILLED = frozenset(getattr(signal, name) for name in _FROM_ELSEWHERE if hasattr(signal, name))
"""Signals that come from elsewhere: an operator, a session that ends, a system that has no memory left."""
LINES = 50
"""Lines of a process before it listens."""


class Process:
    """A manager's process, and who ends it where this process dies first."""

    def __init__(self, running: "subprocess.Popen[str]") -> None:
        self.running, self._watch = running, Watch(running.pid)

    @property
    def is_over(self) -> bool:
        """Whether it has ended; its number may be another's from then on, whom its watch must not end."""
        if self.running.poll() is None:
            return False
        self._watch.dismiss()
        return True

    def ended(self, patience: float) -> int:
        """Its status; raises `subprocess.TimeoutExpired` where it goes on for so many s."""
        status = self.running.wait(timeout=patience)
        self._watch.dismiss()
        return status


def words_of(which: str) -> list[str]:
    """The words of a command, as a shell has them; raises `InputError` where a quotation in it has no end."""
    try:
        return shlex.split(which)
    except ValueError as error:
        raise InputError(f"manager {which!r}: is no command ({error}); close what it opens.") from error


def command_of(which: str, *over: str) -> list[str]:
    """What starts `which`: a command as it is, or one that ships, told by `over` how it is to be spoken to.

    Raises `InputError` as `words_of`.
    """
    words = words_of(which)
    return words if len(words) > 1 else [sys.executable, "-m", "managers", *words, *over]


def check(which: str, command: Sequence[str]) -> None:
    """Raise `InputError` for a command that is nowhere, before anybody needs it."""
    if shutil.which(command[0]) is None:
        raise InputError(f"manager {which!r} cannot be started: {os.strerror(errno.ENOENT)}.")


def start(which: str, command: Sequence[str], *, heard: bool = True) -> Process:
    """Start a command; where it is `heard`, what it says can be read. Raises `InputError` where it cannot be."""
    try:
        return Process(subprocess.Popen(  # noqa: S603 - the user's own
            command, stdout=subprocess.PIPE if heard else subprocess.DEVNULL, text=True
        ))  # fmt: skip
    except OSError as error:
        raise InputError(f"manager {which!r} cannot be started: {error.strerror}.") from error


def listening(process: Process) -> str:
    """What it says that it listens on; empty where it ends, or says nothing in time."""
    found: list[str] = []

    def read(lines: Sequence[int]) -> None:
        said = process.running.stdout
        for _ in lines:
            line = said.readline() if said is not None else ""
            if line.startswith("listening on "):
                found.append(line.removeprefix("listening on ").strip())
            if found or not line:
                return

    reader = threading.Thread(target=read, args=(range(LINES),), daemon=True)
    reader.start()
    reader.join(BEGINS)
    return found[0] if found else ""


def blame(which: str, process: Process | None) -> None:
    """Raise `BenchFault` for a process that somebody else than itself has ended; one that crashed has failed itself."""
    if process is None:
        return
    try:
        status = process.ended(1.0)
    except subprocess.TimeoutExpired:
        return
    if -status in KILLED:
        raise BenchFault(
            f"The manager {which} was killed by signal {-status}: nothing is known of how it would have "
            "managed; run it again.",
            "manager-killed",
        )


def end(process: Process | None) -> None:
    """End it, kindly first."""
    if process is None:
        return
    process.running.terminate()
    try:
        process.ended(5.0)
    except subprocess.TimeoutExpired:
        process.running.kill()
        process.ended(60.0)
    if process.running.stdout is not None:
        process.running.stdout.close()
