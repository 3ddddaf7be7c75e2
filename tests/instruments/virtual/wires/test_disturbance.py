"""What goes wrong between an instrument and whoever reads it, reply by reply."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.wires.disturbance import (
    Disturbance,
    ForReplies,
    Late,
    doubled,
    garbled,
    halved,
    slowed,
    swallowed,
)
from instruments.virtual.wires.exchange import Line, LineDead


class Counter:
    """Answers every message with its number; `mute` is answered by nothing."""

    ends_with = b"\r\n"
    hangs_up_after: float | None = None

    def __init__(self) -> None:
        self.heard: list[str] = []

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        *messages, rest = data.split(b"\n")
        return messages, rest

    def handle(self, message: str) -> str | None:
        self.heard.append(message)
        return None if message == "mute" else str(len(self.heard))

    def status_byte(self) -> int:
        return 0


class Rig:
    """A line to a counter, through a disturbance, in a time of its own."""

    def __init__(self) -> None:
        self.now, self.device = 0.0, Counter()
        self.disturbance = Disturbance(lambda: self.now)
        self.line = self.lay()

    def lay(self) -> Line:
        line = Line(self.device, self.wait)
        self.disturbance.lay_on(line)
        return line

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def ask(self, message: bytes = b"?\n", line: Line | None = None) -> list[bytes]:
        """What has arrived, packet by packet."""
        line = line or self.line
        line.write(message)
        arrived = list(line.replies)
        line.replies.clear()
        return arrived


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_without_a_trouble_a_line_is_what_it_was(rig: Rig) -> None:
    assert rig.ask(b"a\nb\nc") == [b"1\r\n", b"2\r\n"]
    assert rig.ask(b"\n") == [b"3\r\n"]
    assert rig.device.heard == ["a", "b", "c"]


def test_a_reply_that_is_lost_was_carried_out_all_the_same(rig: Rig) -> None:
    rig.disturbance.add(ForReplies(2, swallowed))
    assert rig.ask(b"a\nb\nc\n") == [b"3\r\n"]
    assert rig.device.heard == ["a", "b", "c"]


def test_what_is_not_answered_uses_no_trouble_up(rig: Rig) -> None:
    rig.disturbance.add(ForReplies(1, swallowed))
    assert rig.ask(b"mute\nmute\n") == []
    assert rig.ask() == []
    assert rig.ask() == [b"4\r\n"]


def test_a_trouble_that_is_over_or_was_never_there_ends_harmlessly(rig: Rig) -> None:
    trouble = ForReplies(inf, swallowed)
    rig.disturbance.remove(trouble)
    rig.disturbance.add(trouble)
    assert rig.ask() == []
    rig.disturbance.remove(trouble)
    rig.disturbance.remove(trouble)
    assert rig.ask() == [b"2\r\n"]


def test_troubles_come_one_upon_the_other_in_their_order(rig: Rig) -> None:
    rig.disturbance.add(ForReplies(1, halved))
    rig.disturbance.add(ForReplies(1, doubled))
    assert rig.ask() == [b"11"]
    rig.disturbance.add(ForReplies(1, swallowed))
    counted = ForReplies(1, doubled)
    rig.disturbance.add(counted)
    assert rig.ask() == []
    assert rig.ask() == [b"3\r\n3\r\n"]  # what was lost before did not reach the second one


@pytest.mark.parametrize("count", [1, 2, 3])
def test_late_replies_miss_their_turn_and_none_is_lost(rig: Rig, count: int) -> None:
    """The one that is held back arrives before the reply to the message after it, on the same connection."""
    rig.disturbance.add(Late(count))
    arrived = [b"".join(rig.ask()) for _ in range(count + 2)]
    assert arrived[0] == b""
    assert b"".join(arrived) == b"".join(b"%d\r\n" % number for number in range(1, count + 3))
    assert arrived[-1] == b"%d\r\n" % (count + 2)
    assert arrived[count] == b"%d\r\n%d\r\n" % (count, count + 1)


def test_a_late_reply_does_not_arrive_at_another_connection(rig: Rig) -> None:
    rig.disturbance.add(Late(1))
    other = rig.lay()
    assert rig.ask() == []
    assert rig.ask(line=other) == [b"2\r\n"]
    assert rig.ask() == [b"1\r\n3\r\n"]


def test_a_slow_reply_is_waited_for(rig: Rig) -> None:
    rig.disturbance.add(slowed(1.5))
    assert rig.ask(b"a\nb\n") == [b"1\r\n", b"2\r\n"]
    assert rig.now == 3.0


def test_a_connection_without_a_word_for_so_long_is_dead_and_a_new_one_works(rig: Rig) -> None:
    rig.disturbance.hangs_up_after = 5.0
    rig.wait(4.9)
    assert rig.ask() == [b"1\r\n"]
    rig.wait(4.9)
    assert rig.ask() == [b"2\r\n"]
    rig.wait(5.0)
    fresh = rig.lay()
    with pytest.raises(LineDead):
        rig.ask()
    assert rig.ask(line=fresh) == [b"3\r\n"]
    assert rig.device.heard == ["?"] * 3


@given(st.binary(max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r", b""]))
def test_garbage_has_the_length_of_what_it_was_and_nothing_of_it(body: bytes, end: bytes) -> None:
    body = body.replace(b"\r", b"").replace(b"\n", b"")
    line = Line(Counter(), lambda _seconds: None)
    found = garbled(line, body + end)
    assert (len(found), found[len(body) :]) == (len(body) + len(end), end)
    assert all(byte >= 0x80 for byte in found[: len(body)])


@given(st.binary(min_size=1, max_size=40), st.sampled_from([b"\n", b"\r\n"]))
def test_half_a_line_has_no_terminator_and_is_not_nothing(body: bytes, end: bytes) -> None:
    body = body.replace(b"\r", b".").replace(b"\n", b".")
    found = halved(Line(Counter(), lambda _seconds: None), body + end)
    assert found == body[: max(1, len(body) // 2)]
