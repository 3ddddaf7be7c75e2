"""Whether the test's clock runs as real time does, judged by the supervisor from what the test tells of it.

It knows no pipe and no test: two clocks go in, a deviation comes out.

Invariant: a clock that stands still, jumps by more than `TOLERANCE`, or runs more than `RATE` too fast or too slow for
long, is found, and words that come late for once are not taken for that. Mechanism: the offset of the two clocks is
followed by a reference that moves no faster than `RATE` of the time that passed; the deviation is what it fails to
follow.
A clock that stands still is beyond `TOLERANCE` after 2.2 s, one that runs half as fast again after 5 s.
"""

TOLERANCE = 2.0
"""s that the test's clock may deviate."""
RATE = 0.1
"""Part of the time that passed which is forgiven: what a loaded computer adds to the way of a word averages out."""
TWICE = 2
"""Words in a row that must say so: a supervisor that was stopped while it read one has seen that one late."""


class Pace:
    """Follows the test's bench time, which passes `speed` times as fast as real time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._reference: float | None = None
        self._last = 0.0
        self._in_a_row = 0
        self.deviation = 0.0
        """s by which the test's clock is behind (positive) or ahead (negative), beyond what is forgiven."""

    def told(self, own: float, test: float) -> bool:
        """Take the test's bench time `test` (s), heard at `own` (s of this process); False: its clock is wrong."""
        offset = own - test / self._speed
        if self._reference is None:
            self._reference, self._last = offset, own
        most = RATE * (own - self._last)
        follows = self._reference + min(max(offset - self._reference, -most), most)
        self.deviation = offset - follows
        if abs(self.deviation) > TOLERANCE:
            # The reference stays: it must not follow what the next word may prove to have been late.
            self._in_a_row += 1
        else:
            self._in_a_row, self._reference, self._last = 0, follows, own
        return self._in_a_row < TWICE

    def __str__(self) -> str:
        way = "fell behind" if self.deviation > 0 else "ran ahead of"
        return f"the test's clock {way} real time by {abs(self.deviation):.1f} s"
