"""What has come from a BMS: the newest frame of each message, when it was received, and how many were lost on the way.

Everything that waits is taken off the bus before anything is decoded: a thousand old frames cost a few ms, and the
newest is behind them. What a bus delivers faster than it can be taken is left for the next time, and told.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from instruments.foxbms_reception import Reception

if TYPE_CHECKING:
    from can import Message

LEAST_TAKEN = 4096
"""Frames that are always taken, if so many wait: half a second of a full bus at 1 Mbit/s, in 40 ms."""
TIME_TO_TAKE = 0.05, 0.25
"""s for which more are taken: at least, and as a share of the time since the last look (a bus may be full for long)."""
MOST_TAKEN = 1_000_000
"""Frames taken at once where time stands still meanwhile: two minutes of a full bus."""
LOOK_AT_THE_CLOCK = 256
"""Frames between two looks at the time."""


class Inbox:
    """Takes frames with `receive` (None: none is waiting) and hands each of the wanted identifiers to `heard`.

    `dropped` counts frames that are known, or estimated, to be lost or left unread.
    """

    def __init__(
        self,
        receive: Callable[[], "Message | None"],
        heard: Callable[[int, bytes, float], None],
        wanted: Iterable[int],
        now: Callable[[], float],
    ) -> None:
        self._receive, self._heard, self._now = receive, heard, now
        self._wanted = frozenset(wanted)
        self._reception = Reception(now)
        self.frames: dict[int, bytes] = {}
        self.received: dict[int, float] = {}
        """When each of `frames` was received, as `age` wants it."""
        self.dropped = 0
        self.on_message: Callable[[Message], None] | None = None
        self._opened = self._looked = now()
        self._unread = 0

    def age(self, identifier: int) -> float:
        """How long ago (s) the newest frame of a message was received; before the first, since this was made."""
        received = self.received.get(identifier)
        return self._now() - self._opened if received is None else self._reception.age(received)

    def take(self) -> None:
        """Take what waits. Raises what the interface raises."""
        began = self._now()
        least, share = TIME_TO_TAKE
        until = began + max(least, share * (began - self._looked))
        self._looked = began
        receive, taken, first = self._receive, 0, None
        while (message := receive()) is not None:
            taken += 1
            stamp = self._keep(message)
            first = stamp if first is None else first
            if taken < LEAST_TAKEN or taken % LOOK_AT_THE_CLOCK:
                continue
            if self._now() > until or taken >= MOST_TAKEN:
                self._leave(taken, first, stamp)
                return
        self._unread = 0

    def _keep(self, message: "Message") -> float:
        """Keep one frame; when it was received."""
        if self.on_message is not None:
            self.on_message(message)
        time, identifier = self._reception.of(message.timestamp), message.arbitration_id
        if message.is_error_frame:
            # The controller has lost one, or destroyed one that somebody sent.
            self.dropped += 1
        elif identifier in self._wanted and _is_data(message):
            data = bytes(message.data)
            self._heard(identifier, data, time)
            self.frames[identifier] = data
            self.received[identifier] = time
        return time

    def _leave(self, taken: int, first: float, last: float) -> None:
        """Leave the rest unread: as many as come, at the rate of those taken, in the time that the last of them is old.

        They are counted once, however often they are left.
        """
        rate = taken / (last - first) if last > first else float(taken)
        unread = max(1, round(rate * self._reception.age(last)))
        self.dropped += max(0, unread - self._unread)
        self._unread = unread


def _is_data(message: "Message") -> bool:
    """Tell a complete data frame of 11-bit identifier from all else that a bus can deliver but error frames."""
    return len(message.data) == 8 and not message.is_extended_id and not message.is_remote_frame
