"""One bench, one user: a lock file that says who holds it."""

import getpass
import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bench.verdicts import BenchInUse


class BenchLease:
    """Holds `path` until released; the operating system releases it for a process that dies."""

    def __init__(self, path: Path, station: str) -> None:
        self._holder = path.with_suffix(".holder.json")
        self._lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise BenchInUse(
                f"Bench {station} is in use {self._who()}; wait until that run has ended (lease {path})."
            ) from error
        except OSError as error:
            raise BenchInUse(f"Bench {station}: the lease {path} cannot be taken ({error.strerror}).") from error
        # The lock holds without a name as well: whoever is refused just cannot read it.
        with suppress(OSError):
            self._holder.write_text(json.dumps(_me()), encoding="utf-8")

    def release(self) -> None:
        """Give the bench back; may be called again."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def _who(self) -> str:
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            return f"by {holder['user']} on {holder['host']} (process {holder['process']}) since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "by somebody who left no name"


def _me() -> dict[str, str | int]:
    return {
        "user": _user(), "host": socket.gethostname(), "process": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"), "job": os.environ.get("CI_JOB_URL", ""),
    }  # fmt: skip


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number that has no name
        return "an unnamed user"
