"""Modbus as whoever serves registers understands it, whatever carries the messages: function codes and exceptions.

Source: Modbus Application Protocol Specification V1.1b3, 6.3, 6.4, 6.6, 6.12 and 7. It is to simulators what
`instruments.virtual.scpi` is to those that speak SCPI, and what a bench serves stands on it; no driver does.
"""

import struct
from collections.abc import Sequence
from typing import Protocol

READ, READ_TOO, WRITE, WRITE_ALL = 0x03, 0x04, 0x06, 0x10
FUNCTION, ADDRESS, VALUE = 1, 2, 3
"""Exception codes; an instrument may have more of its own."""
MOST_READ, MOST_WRITTEN = 125, 123
"""Words of one message."""


class Refused(Exception):
    """A message that is answered with an exception code, the argument."""


class Registers(Protocol):
    """What can be read and written, in words of 16 bit; both raise `Refused`."""

    def fetch(self, address: int, count: int) -> Sequence[int]:
        """So many words from an address on."""
        ...

    def store(self, address: int, words: tuple[int, ...]) -> None:
        """Write words from an address on."""
        ...


def answered(registers: Registers, message: bytes) -> bytes:
    """The answer to a message, both from the function code on, without address and check sum."""
    function, data = message[0], message[1:]
    try:
        return bytes((function,)) + _done(registers, function, data)
    except Refused as refused:
        return bytes((function | 0x80, refused.args[0]))


def _done(registers: Registers, function: int, data: bytes) -> bytes:
    if function in {READ, READ_TOO}:
        address, count = _pair(data)
        if not 1 <= count <= MOST_READ:
            raise Refused(VALUE)
        return struct.pack(f">B{count}H", 2 * count, *registers.fetch(address, count))
    if function == WRITE:
        address, word = _pair(data)
        registers.store(address, (word,))
        return data
    if function == WRITE_ALL:
        address, words = _several(data)
        registers.store(address, words)
        return data[:4]
    raise Refused(FUNCTION)


def _pair(data: bytes) -> tuple[int, int]:
    """The address and the one word of most messages; raises `Refused` for one that has more or less."""
    if len(data) != 4:
        raise Refused(VALUE)
    address, word = struct.unpack(">HH", data)
    return address, word


def _several(data: bytes) -> tuple[int, tuple[int, ...]]:
    if len(data) < 5:
        raise Refused(VALUE)
    address, count, size = struct.unpack(">HHB", data[:5])
    if not 1 <= count <= MOST_WRITTEN or size != 2 * count or len(data) != 5 + size:
        raise Refused(VALUE)
    return address, struct.unpack(f">{count}H", data[5:])
