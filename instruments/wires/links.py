"""Bytes out, one message back: what every link to one instrument has in common, and how messages are framed on it.

A link knows terminators, time limits and how to get back in step after a reply was missed; it knows no command and
keeps no lock. Drivers never see it: they speak through a `Session`. Which links there are is `instruments.wires.kinds`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

WITHOUT_END = 10.0
"""Time limits of a link after which somebody who keeps sending and ends no line is not listened to any more: an answer
in many packets is ordinary, one that takes as long as that is none."""
Now = Callable[[], float]
"""Time (s) that passes while a link is waited for: real time, or that of a bench whose links are simulated."""


class LinkTimeout(Exception):
    """No complete message arrived in time."""


class LinkLost(Exception):
    """The link itself failed: refused, reset, closed by the peer, unplugged."""


@dataclass(frozen=True, slots=True)
class ErrorQueue:
    """How an instrument hands out its errors, and what must be read before that destroys it."""

    query: str = "SYST:ERR?"
    depth: int = 10
    before: str | None = None


class Framing(Protocol):
    """Where a message begins and ends among the bytes of a link."""

    def wrap(self, message: bytes) -> bytes:
        """The bytes that carry a message."""
        ...

    def take(self, received: bytes) -> tuple[bytes | None, bytes]:
        """The first complete message among the bytes that have come, and what is left; None while there is none."""
        ...


class Lines:
    """Messages of text, ended by a terminator, which is part of what is sent and of what is read."""

    def __init__(self, profile: "LinkProfile") -> None:
        self._end = profile.read_termination.encode(profile.encoding)

    def wrap(self, message: bytes) -> bytes:
        """See `Framing.wrap`; the terminator is there already."""
        return message

    def take(self, received: bytes) -> tuple[bytes | None, bytes]:
        """See `Framing.take`."""
        line, end, rest = received.partition(self._end)
        return (line + end, rest) if end else (None, received)


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """What a family of instruments needs of its link: terminators, pace (s), patience (s), framing.

    `hangs_up_after` is how long (s) the instrument lets a network connection be silent before it closes it. Messages
    that are no lines of text have a `framing` of their own (`instruments.wires.modbus`).
    """

    write_termination: str = "\n"
    read_termination: str = "\n"
    encoding: str = "ascii"
    gap: float = 0.0
    timeout: float = 2.0
    baud_rate: int | None = None
    error_queue: ErrorQueue | None = None
    hangs_up_after: float | None = None
    framing: "Callable[[LinkProfile], Framing]" = Lines


class Link(Protocol):
    """One open link to one instrument.

    `is_connection` tells one that the far end can close, and that can be made anew at once: a wire has no such thing.
    `ages` tells one on a real network, where an instrument closes what was silent for long.
    """

    is_connection: bool
    ages: bool

    def write(self, data: bytes) -> None:
        """Send a message; raises `LinkLost`."""
        ...

    def read_line(self) -> bytes:
        """Return the next message, a line with its terminator; raises `LinkTimeout` or `LinkLost`."""
        ...

    def drop_waiting(self) -> bytes:
        """Throw away what has come and was not read, without waiting for more; returns it as far as it is known.

        Raises `LinkLost` where it shows that the peer has closed.
        """
        ...

    def resynchronise(self) -> None:
        """Make sure that nothing sent before this call can be read after it; raises `LinkLost`."""
        ...

    def close(self) -> None:
        """Let go of the connection. May be called again."""
        ...


class Listening:
    """One time of listening, which ends also where the far end does not."""

    def __init__(self, now: Now, timeout: float) -> None:
        self._now, self._end = now, now() + WITHOUT_END * timeout

    def go_on(self) -> None:
        """Raise `LinkLost` for somebody who has had time enough to come to an end."""
        if self._now() > self._end:
            raise LinkLost("it sends without end, and what it sends makes no line")


def heard_on(listening: Listening | None, now: Now, timeout: float) -> Listening:
    """Begin to listen, or go on; raises `LinkLost` as `Listening.go_on` does."""
    if listening is None:
        return Listening(now, timeout)
    listening.go_on()
    return listening


def reason_of(error: BaseException) -> str:
    """What an error says, as a clause."""
    return str(error).rstrip(". ") or type(error).__name__


def adapted(profile: LinkProfile, gap: float | None, timeout: float | None) -> LinkProfile:
    """`profile` with the pace and patience (s) that a station asks for."""
    return replace(
        profile,
        gap=profile.gap if gap is None else gap,
        timeout=profile.timeout if timeout is None else timeout,
    )
