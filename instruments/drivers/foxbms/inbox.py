"""What has come from a BMS: the newest frame of each message, and when it was received."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from instruments.wires.can import CanSession

if TYPE_CHECKING:
    from can import Message

Heard = Callable[[int, bytes, float, bool], None]
"""Gets identifier and payload of a frame, when it was received, and whether the payload is another than before."""


class Inbox:
    """Hands each frame of the wanted identifiers to `heard`; then it is the newest of its message."""

    def __init__(self, session: CanSession, heard: Heard, wanted: Iterable[int], now: Callable[[], float]) -> None:
        self._session, self._heard, self._now = session, heard, now
        self.frames: dict[int, bytes] = {}
        self.received: dict[int, float] = {}
        """When each of `frames` was received, as `age` wants it."""
        for identifier in frozenset(wanted):
            session.subscribe(identifier, self._take)

    def age(self, identifiers: Iterable[int]) -> float:
        """How long ago (s) the oldest of these messages was received; one never heard, since the bus was opened."""
        try:
            oldest = min([self.received[identifier] for identifier in identifiers])
        except KeyError:
            return self._now() - self._session.opened
        return self._session.age(oldest)

    def _take(self, message: "Message", time: float) -> None:
        if len(message.data) != 8 or message.is_remote_frame:
            return
        identifier, data = message.arbitration_id, bytes(message.data)
        changed = self.frames.get(identifier) != data
        self._heard(identifier, data, time, changed)
        if changed:
            self.frames[identifier] = data
        self.received[identifier] = time
