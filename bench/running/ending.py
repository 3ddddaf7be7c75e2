"""What ends a step: the first of its conditions to hold, or its timeout."""

from collections.abc import Container, Mapping
from math import isnan, nan
from typing import Protocol

from bench import columns
from bench.columns import INDEX
from bench.durations import spell
from bench.pack import PackFile
from bench.running.sampling import Row
from bench.scenario import ELAPSED, Step, Until
from bench.verdicts import BenchFault

TIMEOUT_FACTOR, TIMEOUT_EXTRA = 4.0, 3600.0
"""A step that takes this many times what was expected, and an hour, is the bench's fault."""

_TIME = INDEX[columns.TEST_TIME]


class _Watch:
    """Follows one end condition through the rows."""

    def __init__(self, condition: Until, threshold: float, start: float, index: Mapping[str, int]) -> None:
        self.condition, self._threshold, self._start = condition, threshold, start
        self._position = index.get(condition.column, _TIME)
        self._rising = condition.comparison == ">="
        self._magnitude = condition.column == columns.CURRENT
        self._since = nan

    def holds(self, row: Row, distrusted: Container[str]) -> bool:
        """Whether it has held for as long as it must; on the word of a meter that is `distrusted` nothing does."""
        if self.condition.column in distrusted:
            self._since = nan
            return False
        value = row[self._position]
        if self.condition.column == ELAPSED:
            value -= self._start
        elif self._magnitude:
            value = abs(value)
        # Rounding of a sum of periods must not cost one more scan.
        met = value >= self._threshold - 1e-6 if self._rising else value <= self._threshold + 1e-6
        if not met:
            self._since = nan
            return False
        if isnan(self._since):
            self._since = row[_TIME]
        return row[_TIME] - self._since >= self.condition.hold - 1e-6

    def postpone(self, seconds: float) -> None:
        """Leave a pause out of the step's time; what held before it must hold anew."""
        self._start += seconds
        self._since = nan


def _stands(row: Row) -> str:
    """How things stand when a step has not ended, as far as it is known: mostly one of these is why."""
    words = (
        ("at {:.1%} by the BMS", columns.SOC),
        ("{:.3g} A flow", columns.CURRENT),
        ("it allows {:g} A to be charged with", columns.CHARGE_LIMIT),
        ("and {:g} A to be discharged with", columns.DISCHARGE_LIMIT),
    )
    known = [text.format(row[INDEX[column]]) for text, column in words if not isnan(row[INDEX[column]])]
    return f" In the end: {', '.join(known)}." if known else ""


class Ending(Protocol):
    """What ends one step."""

    def reached(self, row: Row, distrusted: Container[str] = ()) -> str | None:
        """Why the step ends with this row, as a sentence; None while it does not. Raises `BenchFault` when it should.

        `distrusted` are columns that the guard does not believe in this row.
        """
        ...

    def postpone(self, seconds: float) -> None:
        """Leave a pause of `seconds` out of the step's time."""
        ...


class Conditions:
    """The conditions of one step that began at `start` (s of test time), and its timeout.

    `index` has the position of each column in a row.
    """

    def __init__(self, step: Step, pack: PackFile, start: float, index: Mapping[str, int] = INDEX) -> None:
        self._step = step
        self._watches = [_Watch(condition, condition.resolve(pack), start, index) for condition in step.conditions]
        expected = TIMEOUT_FACTOR * step.expected_duration(pack) + TIMEOUT_EXTRA
        self._timeout = step.timeout or max(expected, step.slowest(pack))
        self._latest = start + self._timeout

    def reached(self, row: Row, distrusted: Container[str] = ()) -> str | None:
        """See `Ending`."""
        for watch in self._watches:
            if watch.holds(row, distrusted):
                return str(watch.condition)
        if row[_TIME] > self._latest:
            raise BenchFault(
                f"Step {self._step.name!r} did not end within {spell(self._timeout)}: none of its conditions "
                f"came true ({'; '.join(str(condition) for condition in self._step.conditions)}).{_stands(row)}",
                "step-not-ended",
            )
        return None

    def postpone(self, seconds: float) -> None:
        """See `Ending`."""
        self._latest += seconds
        for watch in self._watches:
            watch.postpone(seconds)
