"""What is found out of a long column in one pass, so that nobody has to go through it again."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.recording.rows import Floats, Values

MANY = 200_000
"""Values that tell as much of a distribution as all of them."""
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out of a column while it was read, see the functions of the same names."""

    missing: int
    finite: int
    extremes: tuple[float, float]
    never_falls: bool
    sampled: Floats
    changes: Places | None = None
    """None: nobody has looked for them."""


def facts_of(values: Values) -> Facts | None:
    """What is known of a column beforehand; None of an array."""
    return getattr(values, "facts", None)


def stride(count: int) -> int:
    """How far apart the values are that are `sampled`."""
    return max(1, count // MANY)


def changed(values: Floats) -> Places:
    """Places before which a value changes, see `changes`."""
    before, after = values[:-1], values[1:]
    return np.flatnonzero((after != before) & (np.isfinite(after) | np.isfinite(before)))


class Survey:
    """What is found out of a column, piece by piece."""

    def __init__(self, rows: int, *, steps: bool = False) -> None:
        self.count = 0
        self._every, self._steps = stride(rows), steps
        self._missing = self._finite = 0
        self._low = self._high = np.nan
        self._falls, self._last = False, np.empty(0)
        self._sampled: list[Floats] = []
        self._changes: list[Places] = []

    @classmethod
    def of(cls, rows: int, pieces: Iterable[Floats]) -> Facts:
        """The facts of so many values, that come in pieces."""
        survey = cls(rows)
        for numbers in pieces:
            survey.add(numbers)
        return survey.facts()

    def add(self, numbers: Floats) -> None:
        """Take the next piece into account."""
        self._look_at_range(numbers)
        self._sampled.append(numbers[-self.count % self._every :: self._every].copy())
        self._look_at_changes(numbers)
        self.count += len(numbers)

    def _look_at_range(self, numbers: Floats) -> None:
        low, high = (numbers.min(), numbers.max()) if len(numbers) else (np.nan, np.nan)
        if np.isfinite(low) and np.isfinite(high):  # so all of them are
            self._finite += len(numbers)
        else:
            self._finite += int(np.count_nonzero(np.isfinite(numbers)))
            self._missing += int(np.count_nonzero(np.isnan(numbers)))
            low, high = np.fmin.reduce(numbers, initial=np.nan), np.fmax.reduce(numbers, initial=np.nan)
        self._low, self._high = np.fmin(self._low, low), np.fmax(self._high, high)

    def _look_at_changes(self, numbers: Floats) -> None:
        """From the last value before this piece on."""
        joint = np.concatenate((self._last, numbers[:1]))
        self._falls = self._falls or bool((joint[1:] < joint[:-1]).any() or (numbers[1:] < numbers[:-1]).any())
        if self._steps:
            self._changes += [self.count + changed(joint), self.count + 1 + changed(numbers)]
        self._last = numbers[-1:].copy() if len(numbers) else self._last  # a row group may be empty

    def facts(self) -> Facts:
        """All of it."""
        none = np.empty(0, dtype=np.intp)
        return Facts(
            self._missing, self._finite, (float(self._low), float(self._high)), not self._falls,
            np.concatenate(self._sampled or [np.empty(0)]),
            np.concatenate([none, *self._changes]) if self._steps else None,
        )  # fmt: skip
