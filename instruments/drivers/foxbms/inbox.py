"""What has come from a BMS: the newest frame of each message, when it was received, and how many were lost on the way.

Everything that waits is taken off the bus before anything is decoded: a thousand old frames cost a few ms, and the
newest is behind them. What a bus delivers faster than it can be taken is left for the next time, and told.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from instruments.drivers.foxbms.reception import Reception

if TYPE_CHECKING:
    from can import BusABC, Message

LEAST_TAKEN = 4096
"""Frames that are always taken, if so many wait: half a second of a full bus at 1 Mbit/s, in 40 ms."""
TIME_TO_TAKE = 0.05, 0.25
"""s for which more are taken: at least, and as a share of the time since the last look (a bus may be full for long)."""
MOST_TAKEN = 1_000_000
"""Frames taken at once where time stands still meanwhile: two minutes of a full bus."""
LOOK_AT_THE_CLOCK = 256
"""Frames between two looks at the time."""


Heard = Callable[[int, bytes, float, bool], None]
"""Gets identifier and payload of a frame, when it was received, and whether the payload is another than before."""


class Inbox:
    """Takes frames off `bus` and hands each of the wanted identifiers to `heard`; then it is the newest of its message.

    `dropped` counts frames that are known, or estimated, to be lost or left unread.
    """

    def __init__(self, bus: "BusABC", heard: Heard, wanted: Iterable[int], now: Callable[[], float]) -> None:
        self._bus, self._heard, self._now = bus, heard, now
        self._wanted = frozenset(wanted)
        self._reception = Reception()
        self.frames: dict[int, bytes] = {}
        self.received: dict[int, float] = {}
        """When each of `frames` was received, as `age` wants it."""
        self.dropped = 0
        self._opened = self._looked = now()
        self._unread = 0

    def age(self, identifiers: Iterable[int]) -> float:
        """How long ago (s) the oldest of these messages was received; one never heard, since this was made."""
        try:
            oldest = min([self.received[identifier] for identifier in identifiers])
        except KeyError:
            return self._now() - self._opened
        return self._reception.age(oldest, self._now())

    def take(self) -> None:
        """Take what waits. Raises what the interface raises."""
        now = began = self._now()
        least, share = TIME_TO_TAKE
        until = began + max(least, share * (began - self._looked))
        self._looked = began
        receive, received_at, wanted = self._bus.recv, self._reception.of, self._wanted
        heard, frames, received = self._heard, self.frames, self.received
        taken, first = 0, None
        while (message := receive(0)) is not None:
            time = received_at(message.timestamp, now)
            if message.is_error_frame:
                # The controller has lost one, or destroyed one that somebody sent.
                self.dropped += 1
            elif (identifier := message.arbitration_id) in wanted and _is_data(message):
                data = bytes(message.data)
                changed = frames.get(identifier) != data
                heard(identifier, data, time, changed)
                if changed:
                    frames[identifier] = data
                received[identifier] = time
            taken += 1
            if not taken % LOOK_AT_THE_CLOCK:
                now = self._now()
                first = time if first is None else first
                if taken >= LEAST_TAKEN and (now > until or taken >= MOST_TAKEN):
                    self._leave(taken, first, time)
                    return
        self._unread = 0

    def _leave(self, taken: int, first: float, last: float) -> None:
        """Leave the rest unread: as many as come, at the rate of those taken, in the time that the last of them is old.

        They are counted once, however often they are left.
        """
        rate = taken / (last - first) if last > first else float(taken)
        unread = max(1, round(rate * self._reception.age(last, self._now())))
        self.dropped += max(0, unread - self._unread)
        self._unread = unread


def _is_data(message: "Message") -> bool:
    """Tell a complete data frame of 11-bit identifier from all else that a bus can deliver but error frames."""
    return len(message.data) == 8 and not message.is_extended_id and not message.is_remote_frame
