"""By how much something may be off: a raw channel, the clock, the end of a step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from reports.recording import Floats


@dataclass(frozen=True, slots=True)
class Off:
    """By how much one raw channel is off: a share of its reading, a constant, and what rounding does.

    `rounding` is the amplitude for a display whose last digit is `resolution`; every value shown is off by itself, one
    way or the other as `pattern` has it. A current of exactly 0 is an output that is off, and exact (`zero`).
    """

    gain: float = 0.0
    offset: float = 0.0
    rounding: float = 0.0
    resolution: float = 0.0
    pattern: int = 0
    zero: bool = False

    def by(self, readings: Floats) -> Floats:
        """What is to be added to readings."""
        added = self.gain * readings + self.offset
        if self.rounding:
            added = added + self.rounding * _signs(readings, self.resolution, self.pattern)
        return np.where(readings != 0.0, added, 0.0) if self.zero else added


def _signs(readings: Floats, resolution: float, pattern: int) -> Floats:
    """+1 or -1 for each value that a display can show, by a hash of its count: of another pattern another one.

    Two values have the same sign in half of the patterns, whichever two they are. (Rows of one orthogonal matrix would
    be exactly independent, but for those values that share a row: their roundings would cancel in every pattern.)
    """
    counts = np.nan_to_num(np.rint(readings / resolution)).astype(np.int64).astype(np.uint64)
    mixed = counts * np.uint64(0x9E3779B97F4A7C15) + np.uint64((pattern + 1) * 0xD1B54A32D192ED03 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return 1.0 - 2.0 * (mixed >> np.uint64(63)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Move:
    """What is off: raw channels by their column, the clock by a share of the time, a step's end by a part of a scan."""

    channels: Mapping[str, Off] = field(default_factory=dict)
    clock: float = 0.0
    late: float = 0.0
    extremes: Mapping[str, Off] = field(default_factory=dict)
    """Derived extremes that are moved as such: by their display, or where their channels are too many."""
    missed: float | None = None
    """At which place of the last half of a step (0: its end, 1: its middle) it is looked how far straight on would have
    missed what came: a step that is continued misses as much. None: it goes straight on."""

    def turned(self) -> "Move":
        """The other way."""
        channels, extremes = (
            {column: replace(off, gain=-off.gain, offset=-off.offset) for column, off in offs.items()}
            for offs in (self.channels, self.extremes)
        )
        return Move(channels, -self.clock, -self.late, extremes, self.missed)
