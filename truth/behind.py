"""What would have come behind the end of a step, had its meters not been wrong: a copy of the process goes on there.

A step that a reading has ended too early ends in truth later. Nothing of a recording tells what the pack would have
done by then, and straight on it does not go near its ends. So the process is copied (`fork`) in the very scan that ends
the step: the copy goes on as if nothing had happened, with the same pack, meters and control, until the *true* quantity
meets the condition, leaves what was true beside the run, and is gone. Where a process cannot be copied, or the copy's
guard ends it, the truth is continued straight on from there (`truth.instants`).
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench import columns
from bench.pack import PackFile
from instruments.wires import lifetime
from reports.recording import Floats
from truth.instants import FURTHEST, Condition, condition_of

FILES = "behind-*.npz"
_TIME = columns.INDEX[columns.TEST_TIME]
_STEP = columns.INDEX[columns.STEP]

Ended = Callable[[Any, Container[str]], str | None]
Now = Callable[[], Mapping[str, float]]
"""What is true now, by column."""


def behind(folder: Path) -> dict[int, dict[str, Floats]]:
    """What was true behind the ends of a run's steps: columns, also the time, by the index of the step."""
    found = {}
    for path in folder.glob(FILES):
        with np.load(path) as kept:
            found[int(path.stem.partition("-")[2])] = {name: kept[name] for name in kept.files}
    return found


@dataclass
class Onward:
    """Goes on behind the ends of an engine's steps, and keeps what is true there in `folder`.

    `now` says what was true in the last scan.
    """

    now: Now
    pack: PackFile
    folder: Path
    _copy: "_Copy | None" = None
    _run: Any = None

    def watch(self, engine: Any) -> None:
        """Every step of it from now on."""
        loop = engine._loop

        def watched(procedure: Any, *begin: Any) -> str:
            try:
                return str(loop(_Going(procedure, self), *begin))
            finally:  # whatever it was that ended the copy
                if self._copy is not None:
                    self._copy.leave()

        self._run = engine.log
        # Where time is real, so are the instruments: nobody else may speak to them.
        if hasattr(os, "fork") and engine.clock.kind == "virtual":
            engine._loop = watched

    @property
    def copied(self) -> bool:
        """Whether this is the copy of a process."""
        return self._copy is not None

    def ended(self, row: Any, begun: float, reached: Ended, distrusted: Container[str]) -> str | None:
        """Why a step that has `begun` then (s) ends with this row; in a copy it goes on."""
        if self._copy is not None:
            self._copy.note(row[_TIME], self.now())
            return None
        why = reached(row, distrusted)
        if why is not None and self._is_early(why):
            self._go_on(why, row, begun)
        return None if self.copied else why

    def _is_early(self, why: str) -> bool:
        condition = condition_of(why, tuple(self.now()), self.pack)
        return condition is not None and (condition.hold > 0.0 or condition.is_missing(self.now()))

    def _go_on(self, why: str, row: Any, begun: float) -> None:
        copy = os.fork()
        if copy:
            os.waitpid(copy, 0)
            return
        kept = self.folder / FILES.replace("*", f"{int(row[_STEP])}")
        condition = condition_of(why, tuple(self.now()), self.pack)
        assert condition is not None
        self._run.journal = None  # which is the other process's, and knows its file
        self._copy = _Copy(kept, condition, row[_TIME], row[_TIME] + FURTHEST * (row[_TIME] - begun))


@dataclass
class _Copy:
    """A process that goes on until a condition is met and has held, at most until then (s), and writes one file.

    `missing` is when it was last not met, s.
    """

    file: Path
    condition: Condition
    missing: float
    until: float
    rows: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        write_nowhere()
        _speak_again()

    def note(self, time: float, true: Mapping[str, float]) -> None:
        """One more scan; the last one is the first in which nothing has been missing for as long as that must be."""
        for column, value in {columns.TEST_TIME: time, **true}.items():
            self.rows.setdefault(column, []).append(float(value))
        if self.condition.is_missing(true):
            self.missing = time
        elif time - self.missing > self.condition.hold:
            self.leave()
        if time >= self.until:
            self.leave()

    def leave(self) -> None:
        """Keep what was true, and be gone: nothing else of the process is its own."""
        try:
            if self.rows:
                np.savez(
                    self.file, allow_pickle=False, **{name: np.array(values) for name, values in self.rows.items()}
                )
        finally:
            os._exit(0)


class _Going:
    """A procedure whose steps do not end in a copy, and are not held there."""

    def __init__(self, procedure: Any, onward: Onward) -> None:
        self._procedure, self._onward = procedure, onward

    def __getattr__(self, name: str) -> Any:
        return getattr(self._procedure, name)

    @property
    def may_pause(self) -> bool:
        """See `Procedure`."""
        return bool(self._procedure.may_pause) and not self._onward.copied

    def ending(self, start: float, at_least: float) -> Any:
        """See `Procedure`."""
        return _Ending(self._procedure.ending(start, at_least), start, self._onward)


@dataclass
class _Ending:
    """What ends a step of a process that is no copy."""

    own: Any
    begun: float
    onward: Onward

    def reached(self, row: Any, distrusted: Container[str] = ()) -> str | None:
        """See `Ending`."""
        return self.onward.ended(row, self.begun, self.own.reached, distrusted)

    def postpone(self, seconds: float) -> None:
        """See `Ending`."""
        self.own.postpone(seconds)


def _speak_again() -> None:
    """The instruments of a virtual bench were copied with it: that nobody speaks to those of another process holds."""
    for each in lifetime._known:
        each.free = True


def write_nowhere() -> None:
    """Every file that is open for writing belongs to the process that was copied: what is written is thrown away."""
    nowhere = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open for as long as the copy lives
    for path in list(Path("/dev/fd").iterdir()):
        number = int(path.name)
        if number != nowhere.fileno() and (number in {1, 2} or _is_written(number)):
            os.dup2(nowhere.fileno(), number)


def _is_written(number: int) -> bool:
    try:
        is_file = stat.S_ISREG(os.fstat(number).st_mode)
        return is_file and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:  # it was that of the listing itself
        return False
