"""Whether requests come as a foxBMS 2 wants them: CAN_CheckCanTiming in its can.c, DIAG_Handler in its diag.c (1.11).

Each 10 ms it looks whether the last two requests were 95 to 105 ms apart and whether the last is at most 105 ms old. A
look that finds otherwise counts one up, any other one down. The error is raised at the 100th (DIAG_SEN_EVENT_100) and
over at 0; in between it stands, and raises itself anew with the next bad look.
"""

from math import inf

LOOK = 0.01
LEAST, MOST = 0.095, 0.105
AS_RELEASED = 100
OPENS = 0.2
"""s from the error to the opening of the contactors: DIAG_DELAY_200ms."""
ROUNDING = 5e-4
"""s: it counts in ticks of 1 ms."""
PART = 1e-6
"""Of a look: times are rounded."""


class RequestTiming:
    """Counts for one node, from `now` (s) on; `limit` is how many bad looks are an error, None: it never looks.

    `least` and `most` (s) are how far requests may be apart; `pace` is how many s pass for the node in one of those in
    which requests come.
    """

    def __init__(self, now: float, limit: int | None = AS_RELEASED) -> None:
        self.limit, self.pace = limit, 1.0
        self.least, self.most = LEAST, MOST
        self.standing = False
        """Whether the error is told of."""
        self.raised_at = -inf
        self._count = 0.0
        self._looked = self._last = now
        self._evenly = False
        self.displaced = 0.0
        """s by which every second request comes late: a defect."""

    @property
    def active(self) -> bool:
        """Whether the error keeps the contactors open: not any more with the first good look."""
        return self.limit is not None and self._count > self.limit - 1

    def be_patient(self, seconds: float) -> None:
        """Have the error when nobody has asked for so long, less `OPENS`, and not for what is uneven before."""
        self.least, self.most = 0.0, max(seconds - OPENS - LOOK * AS_RELEASED, min(MOST, seconds / 2))
        self.limit = max(1, min(AS_RELEASED, round((seconds - OPENS - self.most) / LOOK)))

    def begin_anew(self, now: float) -> None:
        """Know nothing: the node was reset."""
        self.standing, self._count, self._evenly = False, 0.0, False
        self._looked = self._last = now

    def fail(self, now: float) -> None:
        """Have the error from now on, as if nobody had asked for long enough."""
        self._count = float(self.limit or AS_RELEASED)
        self.standing, self.raised_at = True, now

    def hear(self, time: float) -> None:
        """Take a request that came at `time`."""
        self.look(time)
        apart = (time - self._last) / self.pace
        least, most = self.least - ROUNDING + self.displaced, self.most + ROUNDING - self.displaced
        self._evenly = least <= apart <= most
        self._last = time

    def hear_evenly(self, first: float, period: float, count: int) -> None:
        """Take `count` requests that came `period` s apart, the first of them at `first`."""
        if (
            self._evenly
            and not self._count
            and not self.displaced
            and abs(first - self._last - period) < ROUNDING * self.pace
        ):
            # As nearly always: nothing is new.
            self._last = self._looked = first + (count - 1) * period
            return
        for number in range(min(count, 2)):
            self.hear(first + number * period)
        if count > 2:
            last = first + (count - 1) * period
            if period / self.pace > self.most + ROUNDING:
                for number in range(2, count):
                    self.hear(first + number * period)
            self._count_looks(last, good=self._evenly)
            self._last = last

    def look(self, now: float) -> None:
        """Count the looks until `now`."""
        if self.limit is None:
            return
        if self._evenly and not self._count and now - self._last <= self.most * self.pace:
            self._looked = now
            return
        late = self._last + self.most * self.pace
        if self._looked < late:
            self._count_looks(min(now, late), good=self._evenly)
        self._count_looks(now, good=False)

    def _count_looks(self, until: float, *, good: bool) -> None:
        looks = (until - self._looked) / (LOOK * self.pace)
        if self.limit is None or looks <= 0:
            return
        if good:
            self._count = max(0.0, self._count - looks)
            self.standing = self.standing and self._count > 0.0
        elif self._count < self.limit:
            missing = self.limit - self._count
            if looks >= missing - PART:
                self.standing, self.raised_at = True, self._looked + missing * LOOK * self.pace
            self._count = min(float(self.limit), self._count + min(looks, missing) + PART)
        self._looked = until
