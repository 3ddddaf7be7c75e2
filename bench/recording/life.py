"""Says whether the process that writes a run still lives: a lock that the operating system takes away with it."""

from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

NAME = "run.alive"


def claim(folder: Path) -> FileLock:
    """Say that this process writes the run in `folder`, until `release`."""
    lock = FileLock(folder / NAME)
    # A file system without locks must not keep a test from running: it only cannot be asked whether it still does.
    # `NotImplementedError` is what filelock 3.13, the oldest allowed, makes of ENOSYS; later ones lock by a file then.
    with suppress(OSError, Timeout, NotImplementedError):
        lock.acquire(blocking=False)
    return lock


def release(lock: FileLock) -> None:
    """Say that the run is written."""
    lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)


def is_alive(folder: Path) -> bool:
    """Whether some process still writes the run; False where nobody can say so: a virtual clock, no locks."""
    if not (folder / NAME).exists():
        return False
    lock = FileLock(folder / NAME)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    lock.release()
    return False
