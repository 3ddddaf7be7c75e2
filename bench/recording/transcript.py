"""What went over the wires of a run, `transcript.log`: the newest messages, on the disk while the run goes on.

Invariants: the file holds whole lines in the order of time and at most twice `KEPT` of them, `KEPT` once the run has
ended; a process that is killed loses what came in since the last flush, because what was written is the operating
system's. Nothing here ever raises, and nothing waits for the disk: the wire is more than its record.

Text is made once, when it is written, and one time for all messages of a scan.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Protocol

from bench.clock import monotonic

NAME = "transcript.log"
KEPT = 5000
"""Messages kept: those before the end, which somebody will ask for; a day of all of them is a gigabyte."""
PERIOD = 1.0
"""Seconds of this process until messages are written where time is virtual; where it is real, each scan's are.

A virtual hour goes by meanwhile, and a virtual run that was killed can be had again with its seed: what nobody will ask
for any more is never made into text.
"""
SCANS = 50
"""Virtual scans between two looks at the clock: some hundredths of a second, and each look costs a microsecond."""
FAULT = "!"
"""Direction of a message that tells what went wrong on a link: written at once, because nothing may come after it."""
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class Timed(Protocol):
    """What a run is of: `now` gives the bench time, s, and is another one from when the bench is open."""

    now: Callable[[], float]


class Transcript:
    """Keeps messages, from any thread; `period` is how old one becomes before it is written, s of real time."""

    def __init__(self, folder: Path, run: Timed) -> None:
        self.period = PERIOD
        self._path, self._run = folder / NAME, run
        self._pending: deque[tuple[float, str, str, str]] = deque(maxlen=KEPT)
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._written, self._flushed, self._unlooked = 0, monotonic(), 0
        self._whole = True
        """Whether the file holds what it should: not where the disk has refused something."""
        self._file: int | None = None
        self._turn = RLock()  # whoever handles a signal may come here while it is held
        self._ended = False

    def of(self, instrument: str) -> Callable[[str, str], None]:
        """What keeps the messages of one instrument: given their direction and text, ten times in a scan."""
        append, run = self._pending.append, self._run

        def keep(direction: str, message: str) -> None:
            append((run.now(), instrument, direction, message))
            if direction == FAULT:
                self.flush()

        return keep

    def scanned(self) -> None:
        """A scan has ended."""
        if self.period and self._unlooked < SCANS:
            self._unlooked += 1
            return
        time, self._unlooked = monotonic(), 0
        if time - self._flushed >= self.period:
            self._flushed = time
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system now, as far as the disk takes it."""
        with self._turn:
            lines = list(self._made())
            self._lines.extend(lines)
            self._written += len(lines)
            if self._ended or not lines:
                return
            try:
                if self._written >= 2 * KEPT or len(lines) == KEPT:  # some of them may have gone unwritten
                    self._rewrite()
                elif self._whole:
                    self._append(lines)
            except OSError:
                # Tried again when as many have come as are kept, and at the end: not with each scan.
                self._whole, self._written = False, KEPT

    def end(self) -> None:
        """Leave the newest messages, whatever the disk has refused before; may be called again."""
        self.flush()
        with self._turn:
            if self._ended:
                return
            self._ended = True
            with suppress(OSError):
                if not self._whole or self._written > KEPT or self._file is None:
                    self._rewrite()
            self._close()

    def _made(self) -> Iterator[str]:
        """Lines of what is waiting."""
        known, stamp = None, ""
        while self._pending:
            time, instrument, direction, message = self._pending.popleft()
            if time != known:
                known, stamp = time, f"{time:12.3f}"
            yield f"{stamp} {instrument} {direction} {message}\n"

    def _append(self, lines: list[str]) -> None:
        if self._file is None:
            self._file = os.open(self._path, _FLAGS, 0o666)
        _write(self._file, lines)

    def _rewrite(self) -> None:
        """Replace the file by the newest messages in one step."""
        self._close()
        partial = self._path.with_name(f"{NAME}.partial")
        try:
            file = os.open(partial, _FLAGS | os.O_TRUNC, 0o666)
            try:
                _write(file, self._lines)
            finally:
                os.close(file)
            partial.replace(self._path)
        except OSError:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        self._written, self._whole = len(self._lines), True

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write(file: int, lines: "list[str] | deque[str]") -> None:
    """All of it; raises `OSError` where the disk takes less."""
    left = memoryview("".join(lines).encode("utf-8", "backslashreplace"))
    while left:
        left = left[os.write(file, left) :]
