"""A small file that is replaced as a whole, and can be replaced on a disk that has become full since.

Invariant: what was reserved is written. The successor's blocks are allocated while there is room (`reserve`) and the
text goes into these very blocks (`write`): no moment in which somebody else could take them. What the text does not
need of them is free for the caller's last words. It knows nothing of what the file says.
"""

import os
from contextlib import suppress
from pathlib import Path

from bench.verdicts import BenchFault

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
_ZEROS = bytes(2**16)


class RewrittenFile:
    """Replaces `path` in one step: a reader sees the old text or the new one, never half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._reserve = path.with_name(f"{path.name}.reserve")

    def reserve(self, size: int) -> None:
        """Own `size` bytes of the disk for the next `write`; raises `OSError` when there are not as many."""
        file = os.open(self._reserve, _FLAGS, 0o666)
        try:
            _allocate(file, size)
        except OSError:
            os.close(file)
            self.release()
            raise
        os.close(file)

    def write(self, text: str, *, fsync: bool) -> None:
        """Replace the file by `text`, in the reserve if there is one; raises `OSError` when it stays as it was.

        `fsync`: the text is on the disk when this returns.
        """
        with suppress(FileNotFoundError):
            self._reserve.replace(self._partial)
        try:
            self._fill(text.encode("utf-8", "backslashreplace"), fsync=fsync)
            self._partial.replace(self.path)
        except OSError:
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)
            raise

    def _fill(self, data: bytes, *, fsync: bool) -> None:
        file = os.open(self._partial, _FLAGS, 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            # Only now: cutting first would give the blocks back before they are written.
            os.ftruncate(file, len(data))
            if fsync:
                os.fsync(file)
        finally:
            os.close(file)

    def release(self) -> None:
        """Give the reserve back."""
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)


def _allocate(file: int, size: int) -> None:
    """Make the file `size` bytes long, none of them a hole."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    while size > 0:
        size -= os.write(file, _ZEROS[:size])


def refused(path: Path, error: Exception) -> BenchFault:
    """What to raise when the disk does not take what a run records."""
    reason = getattr(error, "strerror", None) or error
    return BenchFault(
        f"Samples cannot be recorded: {path} refused a write ({reason}). What was recorded until then is kept; free "
        "some disk space or choose another place with --runs.",
        "recording-failed",
    )
