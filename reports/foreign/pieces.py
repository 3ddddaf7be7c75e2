"""Long columns gone through in pieces: what is derived from one stays in the processor's cache.

Fresh memory costs more than any arithmetic on it: of ten million rows a difference in one piece takes 70 ms, in pieces
4.
"""

from collections.abc import Iterator

import numpy as np

from bench.recording.rows import BATCH
from reports.foreign.source import Floats


def pieces(count: int) -> Iterator[slice]:
    """All of `count` places in order, `BATCH` at a time."""
    return (slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def all_finite(values: Floats) -> bool:
    """Whether no value is missing."""
    return all(bool(np.isfinite(values[each]).all()) for each in pieces(len(values)))


def any_finite(values: Floats) -> bool:
    """Whether a value is there."""
    return any(bool(np.isfinite(values[each]).any()) for each in pieces(len(values)))


def missing(values: Floats) -> int:
    """How many values are missing."""
    return sum(int(np.isnan(values[each]).sum()) for each in pieces(len(values)))


def never_falls(values: Floats) -> bool:
    """Whether no value is below the one before it."""
    last = len(values) - 1
    return not any(bool((values[each.start + 1 : each.stop + 1] < values[each]).any()) for each in pieces(last))
