"""What has come from a BMS: the newest frame of each message, and when it was received."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from instruments.wires.can import CanSession

if TYPE_CHECKING:
    from can import Message

Seen = Callable[[int, float, bool], None]
"""Gets the identifier of a frame, when it was received, and whether its payload is another than before."""
Follow = Callable[[bytes, float], None]
"""Gets the payload of a frame, and when it was received."""


class Inbox:
    """Shows each frame of the wanted identifiers to whoever wants it; then it is the newest of its message.

    `seen` is told of each frame, `each` and `news` follow some messages: every frame of them, or those with another
    payload than before.
    """

    def __init__(
        self,
        session: CanSession,
        seen: Seen,
        wanted: Iterable[int],
        now: Callable[[], float],
        *,
        each: Mapping[int, Follow],
        news: Mapping[int, Follow],
    ) -> None:
        self._session, self._seen, self._now = session, seen, now
        self._each, self._news = each, news
        self.changed: set[int] = set()
        """Messages with another payload since somebody has emptied this."""
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
        identifier, data = message.arbitration_id, bytes(message.data)
        if len(data) != 8 or message.is_remote_frame:
            return
        changed = self.frames.get(identifier) != data
        self._seen(identifier, time, changed)
        if identifier in self._each:
            self._each[identifier](data, time)
        if changed:
            self.changed.add(identifier)
            if identifier in self._news:
                self._news[identifier](data, time)
            self.frames[identifier] = data
        self.received[identifier] = time
