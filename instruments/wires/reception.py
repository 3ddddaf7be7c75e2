"""When a frame was received, on the clock of the bench, however late it is read.

The driver of an interface stamps each frame when it arrives (`can.Message.timestamp`): by the kernel's civil time, by a
clock of the adapter that begins anywhere, by the world of a virtual bench. The bench has its own clock. A frame that is
read at once shows how far the two are apart; one that waits in a queue shows more. So the least that was seen counts,
and waiting shows as age. An interface that stamps nothing leaves only the time of reading.
"""

from collections.abc import Sequence
from math import inf

DRIFT = 5e-4
"""s/s by which the two clocks may part: crystals by 1e-4, a civil time that is being corrected by 5e-4 (adjtimex(2)).

A backlog that grows for an hour hides 1.8 s of its age behind it.
"""
SET_BACK = 1.0
"""s by which a stamp lies behind the one before it when the interface's clock was set, not when frames overtook."""
SET_FORWARD = 60.0
"""s by which a stamp lies beyond the time of its reading when the interface's clock was set, as a gateway's is that has
found its time server. Less may be the first frame that did not wait: no queue of an interface holds a minute."""


class Reception:
    """Maps the stamps of one bus to the clock of the bench; `now` (s) is read off that whenever something is asked."""

    def __init__(self) -> None:
        self._newest = -inf
        self._shift = 0.0
        """s to add to the stamps of an interface whose clock was set, so that its time line goes on."""
        self._offset = inf
        self._looked = 0.0

    def of(self, stamp: float, now: float) -> float:
        """Take the stamp of the next frame (s; 0 for none) and return it on one time line for all frames of the bus."""
        return self.of_all([stamp], now)[0]

    def of_all(self, stamps: Sequence[float], now: float) -> list[float]:
        """Take the stamps of frames that are read at one time; see `of`. A call for each would cost as much again."""
        least = self._offset + DRIFT * (now - self._looked)
        if stamps.count(stamps[0]) == len(stamps):
            # As in a world whose time stands still meanwhile: what is known of the first holds for all of them.
            stamp = self._placed(stamps[0], now)
            times = [stamp] * len(stamps)
            least = now - stamp if now - stamp < least else least
        else:
            times = [self._placed(stamp, now) for stamp in stamps]
            least = min(least, now - max(times))
        self._offset, self._looked = least, now
        return times

    def _placed(self, raw: float, now: float) -> float:
        """A stamp on the one time line."""
        stamp = raw + self._shift if raw else now
        if stamp < self._newest - SET_BACK:
            self._shift += self._newest - stamp
            return self._newest
        read_at_once = now - self._offset
        if stamp > read_at_once + SET_FORWARD and self._offset < inf:
            self._shift += read_at_once - stamp
            stamp = read_at_once
        # Written without max, here and below: it costs ten times a comparison, and this is asked several times a scan.
        if stamp > self._newest:  # noqa: PLR1730 - see above
            self._newest = stamp
        return stamp

    def age(self, time: float, now: float) -> float:
        """How long ago (s, to the microsecond) that was which `of` returned."""
        age = round(now - time - self._offset, 6)
        return age if age > 0.0 else 0.0
