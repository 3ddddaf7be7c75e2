"""What has come from a BMS: the newest frame of each message, and when it was received."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from instruments.wires.can import CanSession

if TYPE_CHECKING:
    from can import Message

Seen = Callable[[float, bytes | bytearray, bool], None]
"""Gets when a frame was received, its payload, and whether that is another than the one before."""
Follow = Callable[[bytes, float], None]
"""Gets the payload of a frame, and when it was received."""


class Inbox:
    """Shows each frame of the wanted identifiers to whoever wants it; then it is the newest of its message.

    `seen` names, by the identifier, who is told of each frame, `each` and `news` follow some messages: every frame of
    them, or those with another payload than before.
    """

    def __init__(
        self,
        session: CanSession,
        seen: Callable[[int], Seen],
        wanted: Iterable[int],
        now: Callable[[], float],
        *,
        each: Mapping[int, Follow],
        news: Mapping[int, Follow],
    ) -> None:
        self._session, self._now = session, now
        self.changed: set[int] = set()
        """Messages with another payload since somebody has emptied this."""
        self.frames: dict[int, bytes] = {}
        self.received: dict[int, float] = {}
        """When each of `frames` was received, as `age` wants it."""
        for identifier in frozenset(wanted):
            box = _Box(self, identifier, seen(identifier), each.get(identifier), news.get(identifier))
            session.subscribe(identifier, box.take)

    def age(self, identifiers: Iterable[int]) -> float:
        """How long ago (s) the oldest of these messages was received; one never heard, since the bus was opened."""
        try:
            oldest = min([self.received[identifier] for identifier in identifiers])
        except KeyError:
            return self._now() - self._session.opened
        return self._session.age(oldest)


class _Box:
    """Takes the frames of one message; who follows it is looked up once, and not for every frame."""

    __slots__ = ("_each", "_identifier", "_inbox", "_news", "_payload", "_received", "_seen")

    def __init__(self, inbox: Inbox, identifier: int, seen: Seen, each: Follow | None, news: Follow | None) -> None:
        self._inbox, self._identifier, self._received = inbox, identifier, inbox.received
        self._seen, self._each, self._news = seen, each, news
        self._payload = bytearray(65)  # longer than that of any frame

    def take(self, message: "Message", time: float) -> None:
        """Take the next frame; one that is no data frame of eight bytes is none of ours."""
        if message.is_remote_frame:
            return
        changed = message.data != self._payload
        if changed and len(message.data) != 8:
            return
        self._seen(time, message.data, changed)
        if self._each is not None:
            self._each(bytes(message.data), time)
        if changed:
            self._renew(bytes(message.data), time)
        self._received[self._identifier] = time

    def _renew(self, data: bytes, time: float) -> None:
        self._inbox.changed.add(self._identifier)
        if self._news is not None:
            self._news(data, time)
        self._inbox.frames[self._identifier], self._payload = data, bytearray(data)
