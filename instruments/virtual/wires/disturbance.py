"""What can go wrong between an instrument and whoever reads it: replies lost, late, doubled or garbled, lines cut.

It takes the place of a line's `write`, so that every dialect can have it and a healthy line pays nothing for it.
"""

from collections.abc import Callable
from functools import partial
from math import inf

from instruments.virtual.wires.exchange import Line

Trouble = Callable[[Line, bytes], bytes | None]
"""What becomes of a reply on a line; None: nothing arrives."""


class Disturbance:
    """The troubles of one instrument's lines, in the order in which they came up. `now` is the world's time, s.

    A line on which nothing was said for `hangs_up_after` s is dead when it is used again; a new one works.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.hangs_up_after = inf
        self._now = now
        self._troubles: list[Trouble] = []
        self._last_word: dict[Line, float] = {}

    def lay_on(self, line: Line) -> None:
        """Have a line carry its messages through the troubles."""
        self._last_word[line] = self._now()
        line.write = partial(self._write, line)

    def add(self, trouble: Trouble) -> None:
        """Let a trouble begin."""
        self._troubles.append(trouble)

    def remove(self, trouble: Trouble) -> None:
        """Let a trouble end; harmless when it is over already."""
        if trouble in self._troubles:
            self._troubles.remove(trouble)

    def _write(self, line: Line, data: bytes) -> None:
        if self._now() - self._last_word[line] >= self.hangs_up_after:
            line.unplug()
        self._last_word[line] = self._now()
        for message in line.complete(data):
            reply = line.answer(message)
            for trouble in tuple(self._troubles):
                reply = None if reply is None else trouble(line, reply)
            if reply is not None:
                line.replies.append(reply)


class ForReplies:
    """A trouble for the next `count` replies, after which everything is as before."""

    def __init__(self, count: float, trouble: Trouble) -> None:
        self._left, self._trouble = count, trouble

    def __call__(self, line: Line, reply: bytes) -> bytes | None:
        """Pass a reply through the trouble, or leave it alone."""
        if self._left <= 0:
            return reply
        self._left -= 1
        return self._trouble(line, reply)


class Late:
    """Replies that miss their turn: each arrives with the reply to the next message on the same line, before it."""

    def __init__(self, count: float) -> None:
        self._left = count
        self._held: dict[Line, bytes] = {}

    def __call__(self, line: Line, reply: bytes) -> bytes | None:
        """Hold a reply back and let the one before it go."""
        before = self._held.pop(line, b"")
        if self._left <= 0:
            return before + reply
        self._left -= 1
        self._held[line] = reply
        return before or None


def swallowed(_line: Line, _reply: bytes) -> bytes | None:
    """Nothing arrives."""
    return None


def garbled(_line: Line, reply: bytes) -> bytes:
    """Every byte but the terminator is another one, none of them a terminator: noise at the wrong baud rate."""
    body = reply.rstrip(b"\r\n")
    return bytes(0x80 | (byte * 7 + 3) % 0x7B for byte in body) + reply[len(body) :]


def halved(_line: Line, reply: bytes) -> bytes:
    """The line ends in the middle, without a terminator."""
    return reply[: max(1, len(reply.rstrip(b"\r\n")) // 2)]


def doubled(_line: Line, reply: bytes) -> bytes:
    """The same reply arrives twice."""
    return reply + reply


def slowed(seconds: float) -> Trouble:
    """`seconds` pass before the reply arrives. Only where waiting lets virtual time pass: not on a served line."""

    def wait(line: Line, reply: bytes) -> bytes:
        line.wait(seconds)
        return reply

    return wait
