"""Frames of Modbus RTU as simulators take them apart, held against pymodbus, which knows nothing of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU

from instruments.virtual.modbus_rtu import asked, crc, framed, frames

UNITS = st.integers(1, 247)
WORDS = st.integers(0, 0xFFFF)


def said(unit: int, pdu: bytes) -> bytes:
    """A frame as pymodbus writes it."""
    return bytes(FramerRTU(DecodePDU(is_server=True)).encode(pdu, unit, 0))


SHORT = st.tuples(st.sampled_from([3, 4, 6]), WORDS, WORDS).map(
    lambda each: bytes((each[0],)) + each[1].to_bytes(2, "big") + each[2].to_bytes(2, "big")
)
SEVERAL = st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=123)).map(
    lambda each: (
        b"\x10"
        + each[0].to_bytes(2, "big")
        + len(each[1]).to_bytes(2, "big")
        + bytes((2 * len(each[1]),))
        + b"".join(word.to_bytes(2, "big") for word in each[1])
    )
)
MESSAGES = st.builds(said, UNITS, st.one_of(SHORT, SEVERAL))


@given(UNITS, st.binary(min_size=1, max_size=250))
def test_an_answer_is_framed_as_pymodbus_does(unit: int, pdu: bytes) -> None:
    assert framed(unit, pdu).encode("latin-1") == said(unit, pdu)


def test_the_check_sum_is_that_of_the_specification() -> None:
    """Modbus over Serial Line V1.02, 6.2.2, begins with ones; the frame is EA's, programming guide rev. 24."""
    assert crc(b"") == b"\xff\xff"
    assert crc(bytes.fromhex("01 05 01 92 FF 00")) == bytes.fromhex("2C 2B")


@given(st.lists(MESSAGES, max_size=4), st.data())
def test_messages_are_taken_apart_the_same_however_they_come(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    found: list[bytes] = []
    rest = b""
    for start, end in pairwise([0, *cuts, len(stream)]):
        complete, rest = frames(rest + stream[start:end])
        found += complete
    assert (found, rest) == (messages, b"")


@given(MESSAGES)
def test_of_a_message_that_is_not_complete_nothing_is_acted_on(message: bytes) -> None:
    for end in range(len(message)):
        assert frames(message[:end]) == ([], message[:end])


@given(MESSAGES, MESSAGES, st.data())
def test_behind_a_wrong_check_sum_all_begins_anew(good: bytes, bad: bytes, data: st.DataObject) -> None:
    """One wrong bit in an address, a value or the check sum: what came before counts, nobody is asked anything else."""
    place = data.draw(st.sampled_from([2, 3, len(bad) - 2, len(bad) - 1]))
    broken = bad[:place] + bytes((bad[place] ^ 1,)) + bad[place + 1 :]
    messages, rest = frames(good + broken)
    assert messages[0] == good
    assert rest == b""
    assert all(asked(message.decode("latin-1"), unit) is None for message in messages[1:] for unit in range(256))
    assert frames(rest + good) == ([good], b"")


@given(UNITS, UNITS, SHORT)
def test_who_is_meant_is_known_by_the_unit(unit: int, other: int, pdu: bytes) -> None:
    message = said(unit, pdu).decode("latin-1")
    assert asked(message, unit) == pdu
    assert asked(message, other) == (pdu if other == unit else None)


@pytest.mark.parametrize("text", ["", "\x01", "\xff\xff\x00"])
def test_what_is_no_message_asks_nobody(text: str) -> None:
    assert all(asked(text, unit) is None for unit in range(1, 248))
