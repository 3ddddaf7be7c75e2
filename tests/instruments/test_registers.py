"""Modbus as whoever serves registers answers it: pymodbus writes the questions and reads the answers."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from instruments.registers import ADDRESS, FUNCTION, MOST_READ, MOST_WRITTEN, VALUE, Refused, answered

WORDS = st.integers(0, 0xFFFF)
FIRST, SIZE = 100, 200


class Table:
    """Registers from `FIRST` on; an address that is not there is refused, and then nothing is written."""

    def __init__(self) -> None:
        self.words = {FIRST + place: place for place in range(SIZE)}

    def fetch(self, address: int, count: int) -> Sequence[int]:
        self._check(address, count)
        return [self.words[each] for each in range(address, address + count)]

    def store(self, address: int, words: tuple[int, ...]) -> None:
        self._check(address, len(words))
        self.words.update(zip(range(address, address + len(words)), words, strict=True))

    def _check(self, address: int, count: int) -> None:
        if not {address, address + count - 1} <= self.words.keys():
            raise Refused(ADDRESS)


def message(request: ModbusPDU) -> bytes:
    return bytes((request.function_code,)) + request.encode()


def answer(table: Table, request: ModbusPDU) -> ModbusPDU:
    read = DecodePDU(is_server=False).decode(answered(table, message(request)))
    assert read is not None
    return read


@pytest.mark.parametrize("request_of", [ReadHoldingRegistersRequest, ReadInputRegistersRequest])
@pytest.mark.parametrize("count", [1, 2, MOST_READ])
def test_what_is_read_is_what_is_there(request_of: type[ModbusPDU], count: int) -> None:
    read = answer(Table(), request_of(address=FIRST + 7, count=count))
    assert read.function_code == request_of.function_code
    assert read.registers == list(range(7, 7 + count))


@given(address=st.integers(FIRST, FIRST + SIZE - 1), word=WORDS)
def test_one_word_is_written_and_its_message_repeated(address: int, word: int) -> None:
    table, request = Table(), WriteSingleRegisterRequest(address=address, registers=[word])
    before = dict(table.words)
    assert answered(table, message(request)) == message(request)
    assert table.words == {**before, address: word}


@given(
    address=st.integers(FIRST, FIRST + SIZE - MOST_WRITTEN), words=st.lists(WORDS, min_size=1, max_size=MOST_WRITTEN)
)
def test_words_are_written_in_their_order_and_counted(address: int, words: list[int]) -> None:
    table, request = Table(), WriteMultipleRegistersRequest(address=address, registers=words)
    said = answered(table, message(request))
    read = DecodePDU(is_server=False).decode(said)
    assert read is not None
    assert (len(said), read.function_code, read.address, read.count) == (5, 0x10, address, len(words))
    assert list(table.fetch(address, len(words))) == words
    assert set(table.words) == set(Table().words)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("03 0064 0000", VALUE),
        ("03 0064 007E", VALUE),
        ("04 0064 007E", VALUE),
        ("03 0064 00", VALUE),
        ("03 0064 0001 00", VALUE),
        ("03", VALUE),
        ("06 0064", VALUE),
        ("06 0064 0001 0002", VALUE),
        ("10 0064 0000 00", VALUE),
        ("10 0064 0001 02 00", VALUE),
        ("10 0064 0001 02 0000 00", VALUE),
        ("10 0064 0002 02 0000", VALUE),
        ("10 0064 0001 03 0000 00", VALUE),
        ("10 0064 007C F8" + " 0000" * 124, VALUE),
        ("10 0064", VALUE),
        ("05 0064 FF00", FUNCTION),
        ("2B 0E 01 00", FUNCTION),
        ("03 0063 0001", ADDRESS),
        ("03 012B 0002", ADDRESS),
        ("06 FFFF 0001", ADDRESS),
        ("10 FFFF 0002 04 0001 0002", ADDRESS),
    ],
)
def test_what_cannot_be_done_is_answered_with_why_and_writes_nothing(text: str, code: int) -> None:
    """The codes are those of Modbus Application Protocol V1.1b3, 6.3, 6.6 and 6.12: quantity and length are values."""
    table, asked = Table(), bytes.fromhex(text)
    assert answered(table, asked) == bytes((asked[0] | 0x80, code))
    assert table.words == Table().words


def test_an_instrument_may_have_a_code_of_its_own() -> None:
    class Locked(Table):
        def store(self, address: int, words: tuple[int, ...]) -> None:
            raise Refused(0x0B)

    assert answered(Locked(), bytes.fromhex("06 0064 0001")) == bytes.fromhex("86 0B")


@given(st.binary(min_size=1, max_size=300))
def test_whatever_is_asked_is_answered_by_its_function_or_refused(asked: bytes) -> None:
    said = answered(Table(), asked)
    assert said[0] in {asked[0], asked[0] | 0x80}
    if said[0] & 0x80:
        assert len(said) == 2
