"""Profiles: a current or a power over time, from a table in the test or from a file of any length.

A file is CSV: a header that names time and quantity with their units (`time / s,power / W` or `time_s,power_W`), then
one point a line. It is read in blocks and never as a whole, twice: before anything is switched on, to judge all of it,
and while the step runs. Times are s from the start of the step, the first is 0; a positive value charges.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from math import inf, isfinite
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from bench.verdicts import InputError

Quantity = Literal["current", "power"]
Interpolation = Literal["previous", "linear"]
Points = Sequence[tuple[float, float]]
Floats = npt.NDArray[np.float64]

UNITS: dict[Quantity, str] = {"current": "A", "power": "W"}
SHORTEST = 0.1
"""s between two points: a bench follows ten a second."""
BLOCK = 65536
"""Points that are held at a time."""
REGULAR, LEAST = 0.9, 10
"""Share of equal intervals, among so many at least, from which a longer one is a gap and no intention."""
SAME = 1e-3
"""Share by which intervals of one grid differ: times are written with few digits."""
MILLISECOND = 1e-3
_LABEL = re.compile(r"^(?P<name>.*?)\s*(?:_|/|\[|\()\s*(?P<unit>[^\s\])]+)\s*[\])]?$")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a profile holds, all of it: number of points, duration (s), extremes, the shortest interval (s).

    `charge` and `discharge` are the integrals of what is above and below 0, in the quantity's unit times s. All points
    lie on a grid of `grid` s; 0 where they lie on none of whole ms.
    """

    count: int
    duration: float
    low: float
    high: float
    shortest: float
    charge: float
    discharge: float
    digest: str
    grid: float = 0.0

    def met_by(self, period: float) -> bool:
        """Whether a look each `period` s, from the start on, comes to every point."""
        each = round(period / MILLISECOND)
        on_grid = each > 0 and abs(period / MILLISECOND - each) <= SAME
        return on_grid and self.grid > 0 and round(self.grid / MILLISECOND) % each == 0


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive points; `line` is where the first stands in the file, or its number in a table."""

    line: int
    times: Floats
    values: Floats


def survey(points: Points | str | Path, quantity: Quantity) -> Survey:
    """Judge a whole profile; raises `InputError`, one sentence, for the first thing in it that cannot be meant."""
    if isinstance(points, str | Path):
        path = Path(points)
        try:
            stat = path.stat()
        except OSError as error:
            raise InputError(f"profile {path} cannot be read: {error.strerror or error}.") from error
        return _surveyed_file(path, quantity, stat.st_mtime_ns, stat.st_size)
    return _surveyed(f"the profile of {quantity} in the test", "point", blocks(points, quantity))


@lru_cache(maxsize=8)
def _surveyed_file(path: Path, quantity: Quantity, _modified: int, _size: int) -> Survey:
    """A scenario is judged more than once; a file that has not changed need not be read again for that."""
    return _surveyed(f"profile {path}", "line", blocks(path, quantity))


def blocks(points: Points | str | Path, quantity: Quantity) -> Iterator[Block]:
    """The points in order, as many at a time as are held in memory; raises `InputError` for a file that is none."""
    if isinstance(points, str | Path):
        yield from _of_file(Path(points), quantity)
        return
    # What can be gone through once alone (a generator) would be empty when it is played.
    if not hasattr(points, "__len__"):
        raise _no_table(quantity)
    rows = iter(points)
    number = 1
    while part := list(islice(rows, BLOCK)):
        try:
            table = np.asarray(part, dtype=np.float64).reshape(len(part), 2)
        except (TypeError, ValueError) as error:
            raise _no_table(quantity) from error
        yield Block(number, table[:, 0], table[:, 1])
        number += len(part)


def _no_table(quantity: Quantity) -> InputError:
    return InputError(
        f"the profile of {quantity} in the test is no table of (time in s, {quantity} in {UNITS[quantity]}); give a "
        "list of such pairs, or the path of a file."
    )


# --- files ------------------------------------------------------------------------------------------------------------


def _of_file(path: Path, quantity: Quantity) -> Iterator[Block]:
    try:
        # A byte-order mark of UTF-8, as spreadsheets write it, is no part of the header.
        with path.open(encoding="utf-8-sig", newline=None) as file:
            header = file.readline().strip()
            columns = _columns(path, header, quantity)
            separator, line = _separator(header), 2
            while part := list(islice(file, BLOCK)):
                _check_width(path, part, line, header.count(separator), separator)
                yield _parsed(path, part, line, columns, separator)
                line += len(part)
    except UnicodeDecodeError as error:
        raise InputError(
            f"profile {path} is no UTF-8 text (byte {error.start}); save it as CSV in UTF-8, not in UTF-16."
        ) from error
    except OSError as error:
        raise InputError(f"profile {path} cannot be read: {error.strerror or error}.") from error


def _separator(header: str) -> str:
    return ";" if ";" in header else "\t" if "\t" in header else ","


def _columns(path: Path, header: str, quantity: Quantity) -> tuple[int, int]:
    """Where time and quantity stand; raises `InputError` for another unit, or a header that names them not."""
    unit, found = UNITS[quantity], dict[str, tuple[int, str]]()
    for position, label in enumerate(header.split(_separator(header))):
        match = _LABEL.match(label.strip().strip('"'))
        if match is not None:
            name = match["name"].strip().lower()
            if name in found and name in {"time", quantity}:
                raise InputError(
                    f"profile {path}, line 1: the header {header[:60]!r} names {name} twice; leave one of them out."
                )
            found[name] = position, match["unit"]
    for name, wanted in (("time", "s"), (quantity, unit)):
        if name not in found:
            raise InputError(
                f"profile {path}, line 1: the header {header[:60]!r} names no {name}; "
                f"write for example 'time / s,{quantity} / {unit}'."
            )
        if found[name][1] != wanted:
            raise InputError(
                f"profile {path}, line 1: its {name} is in {found[name][1]}, and {wanted} is read; "
                + ("convert it." if name == "time" else f"write {wanted}, or change the label and give a `scale`.")
            )
    return found["time"][0], found[quantity][0]


def _check_width(path: Path, lines: list[str], first: int, wanted: int, separator: str) -> None:
    """Raise `InputError` for a line of another width than the header's: a decimal comma makes one of two."""
    for line, text in enumerate(lines, first):
        if text.count(separator) != wanted:
            width = text.count(separator) + 1
            raise InputError(
                f"profile {path}, line {line}: {text.strip()[:40]!r} has {width} columns, the header {wanted + 1}; "
                "is it empty, or are there decimal commas in it?"
            )


def _parsed(path: Path, lines: list[str], first: int, columns: tuple[int, int], separator: str) -> Block:
    try:
        # Raises for anything that is no number; an empty line would be skipped, and the count would tell.
        table = np.loadtxt(lines, delimiter=separator, usecols=columns, ndmin=2, comments=None)
        if len(table) == len(lines):
            return Block(first, table[:, 0], table[:, 1])
    except ValueError:
        pass
    for line, text in enumerate(lines, first):
        problem = _problem_in(text.rstrip("\n"), columns, separator)
        if problem:
            raise InputError(f"profile {path}, line {line}: {problem}")
    raise InputError(f"profile {path}, lines {first} to {first + len(lines) - 1}: not a table of numbers.")


def _problem_in(text: str, columns: tuple[int, int], separator: str) -> str:
    for column in columns:
        cell = text.split(separator)[column].strip()
        try:
            float(cell)
        except ValueError:
            hint = "write numbers with a decimal point" if "," in cell else "write a number"
            return f"{cell[:20]!r} is no number; {hint}."
    return ""


# --- judging ----------------------------------------------------------------------------------------------------------


def _surveyed(what: str, word: str, parts: Iterator[Block]) -> Survey:
    """Go through everything once; raises `InputError` for the first thing that cannot be meant."""
    digest, judge = sha256(), _Judge(what, word)
    for block in parts:
        digest.update(block.times.tobytes())
        digest.update(block.values.tobytes())
        judge.take(block)
    return judge.verdict(digest.hexdigest()[:16])


class _Judge:
    """Remembers of all points what the next ones are judged by."""

    def __init__(self, what: str, word: str) -> None:
        self._what, self._word = what, word
        self._last: tuple[float, float] | None = None
        self._count = 0
        self._low, self._high, self._shortest = inf, -inf, inf
        self._charge = self._discharge = 0.0
        self._grid: float | None = None
        self._on_grid = 0
        self._common = 0
        """ms that all times until now are multiples of; -1: they are multiples of none."""
        self._gap: tuple[float, float] | None = None
        """Where the first interval longer than the grid's begins and ends, s."""

    def take(self, block: Block) -> None:
        times, values = block.times, block.values
        wrong = np.flatnonzero(~(np.isfinite(times) & np.isfinite(values)))
        if len(wrong):
            self._refuse(block.line + int(wrong[0]), "a value is missing or infinite; give a number for every point")
        if self._last is None and times[0] != 0.0:
            self._refuse(block.line, f"it begins at {times[0]:g} s; times count from the start of the step, which is 0")
        before = np.concatenate(([self._last[0]] if self._last else [], times))
        steps = np.diff(before)
        first = block.line + (0 if self._last else 1)
        late = np.flatnonzero(steps <= 0)
        if len(late):
            at = int(late[0])
            how = "again" if steps[at] == 0 else f"after {before[at]:g} s"
            self._refuse(first + at, f"{before[at + 1]:g} s comes {how}; times must rise from point to point")
        self._look_for_gaps(before, steps)
        self._look_for_a_grid(times)
        self._integrate(steps, values)
        self._count += len(times)
        self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))
        if len(steps):
            self._shortest = min(self._shortest, float(steps.min()))
        self._last = float(times[-1]), float(values[-1])

    def _look_for_gaps(self, times: Floats, steps: Floats) -> None:
        if self._grid is None and len(steps):
            self._grid = float(np.median(steps))
        if self._grid is None:
            return
        self._on_grid += int(np.count_nonzero(np.abs(steps - self._grid) <= SAME * self._grid))
        long = np.flatnonzero(steps > 1.5 * self._grid)
        if len(long) and self._gap is None:
            self._gap = float(times[long[0]]), float(times[long[0] + 1])

    def _look_for_a_grid(self, times: Floats) -> None:
        if self._common < 0:
            return
        whole = np.rint(times / MILLISECOND)
        # Times beyond what a float holds to the ms lie on no grid that anybody could tell.
        near = bool(np.all(np.abs(times / MILLISECOND - whole) <= SAME)) and float(whole[-1]) < 2**52
        self._common = int(np.gcd.reduce(np.append(whole, self._common).astype(np.int64))) if near else -1

    def _integrate(self, steps: Floats, values: Floats) -> None:
        held = np.concatenate(([self._last[1]] if self._last else [], values))[: len(steps)]
        with np.errstate(over="ignore"):  # what comes of it is told with the whole
            moved = held * steps
            self._charge += float(moved[moved > 0].sum())
            self._discharge -= float(moved[moved < 0].sum())

    def verdict(self, digest: str) -> Survey:
        """What there is; raises `InputError` for what only the whole tells."""
        if self._last is None or self._count < 2:
            raise InputError(f"{self._what} has {self._count} points; give two at least, the last one is its end.")
        if not isfinite(self._charge + self._discharge):
            raise InputError(
                f"{self._what} has values from {self._low:g} to {self._high:g}, which come to more than any number "
                f"over its {self._last[0]:g} s; give what an instrument can be asked for."
            )
        if self._shortest < SHORTEST * (1 - SAME):
            raise InputError(
                f"{self._what} has points {self._shortest:g} s apart; a bench follows one each {SHORTEST:g} s at most."
            )
        if self._gap and self._count > LEAST and self._on_grid >= REGULAR * (self._count - 1):
            raise InputError(
                f"{self._what} has a gap: a point each {self._grid:g} s, and none from {self._gap[0]:g} s to "
                f"{self._gap[1]:g} s; fill it in."
            )
        return Survey(
            self._count, self._last[0], self._low, self._high, self._shortest, self._charge, self._discharge, digest,
            max(self._common, 0) * MILLISECOND,
        )  # fmt: skip

    def _refuse(self, line: int, problem: str) -> None:
        raise InputError(f"{self._what}, {self._word} {line}: {problem}.")


# --- playing ----------------------------------------------------------------------------------------------------------


class Playback:
    """Values at times that never run backwards; holds one block of points.

    `previous`: a value holds until the next point. `linear`: straight lines between the points. Behind the last point
    it stays as it is.
    """

    def __init__(self, points: Points | str | Path, quantity: Quantity, interpolation: Interpolation) -> None:
        self._blocks = blocks(points, quantity)
        self._linear = interpolation == "linear"
        self._times: list[float] = []
        self._values: list[float] = []
        self._at = 0
        self._load()

    def at(self, time: float) -> float:
        """The value at `time` s, which must not be before the last one that was asked for."""
        while True:
            times = self._times
            while self._at + 1 < len(times) and times[self._at + 1] <= time:
                self._at += 1
            if self._at + 1 < len(times) or not self._load():
                return self._value(time)

    def coming(self) -> float:
        """When the next point is due, s; infinite behind the last one."""
        while self._at + 1 >= len(self._times):
            if not self._load():
                return inf
        return self._times[self._at + 1]

    def mean(self, start: float, stop: float) -> float:
        """The value from `start` s, for which `at` was asked last, to `stop` s, in the mean over that time."""
        if not self._linear and self.coming() >= stop:
            return self._values[self._at]
        total, here = 0.0, start
        while here < stop:
            end = min(self.coming(), stop)
            total += (end - here) * self._value((here + end) / 2)
            self.at(here := end)
        return total / (stop - start) if stop > start else self.at(start)

    def _value(self, time: float) -> float:
        at, times, values = self._at, self._times, self._values
        if not self._linear or at + 1 >= len(times):
            return values[at]
        share = (time - times[at]) / (times[at + 1] - times[at])
        return values[at] + min(max(share, 0.0), 1.0) * (values[at + 1] - values[at])

    def _load(self) -> bool:
        """Take the next block, behind the point that holds now; whether there was one."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self._times = [*self._times[self._at : self._at + 1], *block.times.tolist()]
        self._values = [*self._values[self._at : self._at + 1], *block.values.tolist()]
        self._at = 0
        return True
