"""Which process a record is of, for whoever reads it later or elsewhere: a number alone may be another's by now.

A number belongs to a process on one computer, for as long as that process lives. So a record keeps the computer and the
moment at which the process began as well: the same number with another beginning is somebody else.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROCESSES, _BOOT = Path("/proc"), Path("/proc/sys/kernel/random/boot_id")
_STATE, _BEGAN = 0, 19
"""Places in `/proc/<number>/stat` behind the name, which may hold anything (proc_pid_stat(5), fields 3 and 22)."""
_DEAD = frozenset("ZXx")
"""States of a process that has ended, and waits for its parent to notice."""
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: the computer it runs on, its number there, and `began`, a word for when it began.

    `began` is to be compared and means nothing else; empty where this system does not tell it.
    """

    host: str
    number: int
    began: str

    @classmethod
    def this_process(cls) -> "Owner":
        """The process that asks."""
        return cls(socket.gethostname(), os.getpid(), beginning_of(os.getpid()))

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Owner":
        """As it stands in a record; raises `KeyError`, `TypeError` or `ValueError` for what is none."""
        return cls(str(kept["host"]), int(kept["number"]), str(kept["began"]))

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a record."""
        return asdict(self)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is a process of another computer, of which nothing can be known here."""
        return self.host != socket.gethostname()

    @property
    def lives(self) -> bool:
        """Whether that very process still runs on this computer; False also where nobody can say so."""
        return not self.is_elsewhere and self.began != "" and beginning_of(self.number) == self.began

    def send(self, number: int) -> None:
        """Send it a signal, and nobody else: raises `ProcessLookupError` where it is not there to hear it."""
        handle = _handle(self.number)
        try:
            if not self.lives:
                raise ProcessLookupError(f"Process {self.number} on {self.host} has ended.")
            if handle is None:
                os.kill(self.number, number)
            else:
                signal.pidfd_send_signal(handle, number)
        finally:
            if handle is not None:
                os.close(handle)


def _handle(number: int) -> int | None:
    """What stays that process between a look at it and a signal, where the system has such a thing."""
    try:
        return os.pidfd_open(number)
    except (AttributeError, OSError):  # no Linux, an old one, or it is gone
        return None


def beginning_of(number: int) -> str:
    """A word for when the process with this number began; empty where there is none, or the system does not tell."""
    if sys.platform == "win32":
        return ""
    try:
        return _of_linux(number) if _BOOT.exists() else _of_ps(number)
    except (OSError, IndexError, subprocess.SubprocessError):
        return ""


def _of_linux(number: int) -> str:
    """Clock ticks since the boot, and which boot that was: after another one the same ticks are another moment."""
    fields = (
        (_PROCESSES / str(number) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    )
    if fields[_STATE] in _DEAD:
        return ""
    return f"{_BOOT.read_text(encoding='ascii').strip()} {fields[_BEGAN]}"


def _of_ps(number: int) -> str:
    """What POSIX has everywhere: the civil time, to the second."""
    done = subprocess.run(  # noqa: S603 - a number
        ["/bin/ps", "-o", "lstart=", "-p", str(number)], capture_output=True, text=True, check=False,
        timeout=_PATIENCE, env={"LC_ALL": "C", "TZ": "UTC"},
    )  # fmt: skip
    return done.stdout.strip()
