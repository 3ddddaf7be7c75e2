"""Modbus on a link of bytes: frames by pymodbus, and the registers of one device over a `Session`.

A message is written and read as unit, function and data in hexadecimal (`01 03 11 A9 00 02`); what the wire adds, the
check sum of RTU or the header of TCP, is the framing's. So a session gives Modbus what it gives every dialect: lock,
pace, time limits on the clock of the bench, resynchronisation, transcript.

Framing and messages are pymodbus's, its clients are not used: they wait and retry in real time and by themselves, where
here a virtual clock may be running, and a reply that is missed is to be told. Sources: Modbus Application Protocol
V1.1b3, Modbus over Serial Line V1.02, Modbus Messaging on TCP/IP V1.0b.
"""

import struct
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Literal

from instruments.roles import InstrumentFault
from instruments.wires.links import LinkProfile
from instruments.wires.numbers import check_whole
from instruments.wires.session import Session

if TYPE_CHECKING:
    from pymodbus.pdu import DecodePDU, ModbusPDU

EXCEPTIONS: Mapping[int, str] = {
    1: "it does not know that function",
    2: "it has no such register",
    3: "it does not accept that value",
    4: "it failed to do it",
    5: "it has begun, and is not ready yet",
    6: "it is busy",
    8: "its memory has a parity error",
}
"""Exception codes (Modbus Application Protocol, 7)."""

BUSY = frozenset({5, 6})
"""Codes of a device that is at work and will answer later: the message is to be sent again then."""
_LATER = 0.05
"""s until a device that is busy is asked again."""
_BROKEN = b"broken "
"""Marks a frame whose check sum does not fit."""


class ModbusRefused(InstrumentFault):
    """The device answered, with an exception code: it has understood, and will not."""


def _decoder() -> "DecodePDU":
    from pymodbus.pdu import DecodePDU

    return DecodePDU(is_server=False)


def _split(message: bytes) -> tuple[int, bytes]:
    """Unit and protocol data unit of a message in hexadecimal."""
    data = bytes.fromhex(message.decode("ascii"))
    return data[0], data[1:]


def _joined(unit: int, pdu: bytes) -> bytes:
    return bytes((unit, *pdu)).hex(" ").upper().encode("ascii")


class ModbusRtu:
    """Frames of Modbus RTU: unit, function, data, and a CRC-16 with its low byte first. See `Framing`."""

    def __init__(self, _profile: LinkProfile) -> None:
        from pymodbus.framer import FramerRTU

        self._framer = FramerRTU(_decoder())

    def wrap(self, message: bytes) -> bytes:
        """The frame of a message in hexadecimal."""
        unit, pdu = _split(message)
        return self._framer.encode(pdu, unit, 0)

    def take(self, received: bytes) -> tuple[bytes | None, bytes]:
        """The first frame, in hexadecimal; one whose check sum does not fit says so."""
        used, unit, _, pdu = self._framer.decode(received)
        if pdu:
            return _joined(unit, pdu), received[used:]
        if used:
            return _BROKEN + received[:used].hex(" ").upper().encode("ascii"), received[used:]
        return None, received


class ModbusTcp:
    """Frames of Modbus TCP: a header with a transaction number, then unit, function and data. See `Framing`.

    A reply to another transaction than the last is none of ours and left out.
    """

    def __init__(self, _profile: LinkProfile) -> None:
        from pymodbus.framer import FramerSocket

        self._framer = FramerSocket(_decoder())
        self._numbers = count(1)
        self._transaction = 0

    def wrap(self, message: bytes) -> bytes:
        """The frame of a message in hexadecimal."""
        unit, pdu = _split(message)
        self._transaction = next(self._numbers) & 0xFFFF
        return self._framer.encode(pdu, unit, self._transaction)

    def take(self, received: bytes) -> tuple[bytes | None, bytes]:
        """The first frame that answers the last one sent, in hexadecimal."""
        while True:
            used, unit, transaction, pdu = self._framer.decode(received)
            if not used:
                return None, received
            received = received[used:]
            if transaction == self._transaction:
                return _joined(unit, pdu), received


def _meant_as_busy(exceptions: Mapping[int, str]) -> frozenset[int]:
    """The codes of `BUSY` that do not mean something else for this device."""
    return frozenset(code for code in BUSY if exceptions.get(code, EXCEPTIONS[code]) == EXCEPTIONS[code])


def check_unit(name: str, unit: int) -> None:
    """Raise `ValueError` for an address that no Modbus device can have; asked before its link is opened."""
    check_whole(name, "unit", unit)
    if not 1 <= unit <= 247:
        raise ValueError(f"{name}: unit {unit!r} is outside 1 to 247, the addresses of Modbus devices.")


class Registers:
    """Holding registers of the device `unit` behind a session whose profile frames Modbus.

    Floats are of single precision in two registers, the first with the high word (`big`) or the low one (`little`):
    Modbus leaves that open. `exceptions` are clauses for the codes of a device that has its own, `busy` those of them
    that mean "later": it is asked again for as long as an answer is waited for, since an output that is told OFF while
    the device saves something must go off. With `inputs` it reads input registers (function 4) instead.
    """

    def __init__(
        self,
        session: Session,
        unit: int,
        *,
        word_order: Literal["big", "little"] = "big",
        exceptions: Mapping[int, str] = EXCEPTIONS,
        busy: Collection[int] | None = None,
        inputs: bool = False,
    ) -> None:
        check_unit(session.name, unit)
        self._inputs = inputs
        self._session, self._unit, self._decoder = session, unit, _decoder()
        self._word_order, self._exceptions = word_order, exceptions
        self._busy = _meant_as_busy(exceptions) if busy is None else busy
        self._asked: tuple[str, int] = "", 0

    def request(self, address: int, count: int) -> None:
        """Ask for `count` registers from `address` on, without waiting for them."""
        self._asked = self._reading(address, count), count
        self._session.request(self._asked[0])

    def collect(self) -> list[int]:
        """Return what the last `request` asked for; raises `InstrumentFault`."""
        message, wanted = self._asked
        return self._values(message, self._session.collect(), wanted)

    def read(self, address: int, count: int = 1) -> list[int]:
        """Read `count` registers from `address` on; raises `InstrumentFault`."""
        message = self._reading(address, count)
        return self._values(message, self._session.query(message), count)

    def write(self, address: int, value: int) -> None:
        """Write one register (function 6); raises `InstrumentFault`."""
        from pymodbus.pdu.register_message import WriteSingleRegisterRequest

        self._acknowledged(WriteSingleRegisterRequest(address=address, registers=[value]))

    def write_all(self, address: int, values: Sequence[int]) -> None:
        """Write registers from `address` on (function 16); raises `InstrumentFault`."""
        from pymodbus.pdu.register_message import WriteMultipleRegistersRequest

        self._acknowledged(WriteMultipleRegistersRequest(address=address, registers=list(values)))

    def read_float(self, address: int) -> float:
        """Read two registers as a float; raises `InstrumentFault`."""
        return self.as_float(self.read(address, 2))

    def write_float(self, address: int, value: float) -> None:
        """Write a float to two registers; raises `InstrumentFault`."""
        words = struct.unpack(">HH", struct.pack(">f", value))
        self.write_all(address, words if self._word_order == "big" else words[::-1])

    def as_float(self, registers: Sequence[int]) -> float:
        """Two registers as a float."""
        words = registers if self._word_order == "big" else registers[::-1]
        value: float = struct.unpack(">f", struct.pack(">HH", *words))[0]
        return value

    # ---- messages ----

    def _reading(self, address: int, count: int) -> str:
        from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

        request = ReadInputRegistersRequest if self._inputs else ReadHoldingRegistersRequest
        return self._text(request(address=address, count=count))

    def _text(self, request: "ModbusPDU") -> str:
        return _joined(self._unit, bytes((request.function_code,)) + request.encode()).decode("ascii")

    def _acknowledged(self, request: "ModbusPDU") -> None:
        """Send a write, and check that its answer repeats what was written where."""
        message = self._text(request)
        answer = self._answer(message, self._session.query(message))
        # Function 6 repeats address and value, function 16 address and count: the first four bytes of the data.
        if answer[1:5] != bytes.fromhex(message)[2:6]:
            raise self._session.unexpected(message, answer.hex(" "), "a write is answered with what was written where")

    def _values(self, message: str, reply: str, wanted: int) -> list[int]:
        answer = self._answer(message, reply)
        # Function and count of bytes, then those: what comes behind them the decoder does not look at.
        pdu = self._decoder.decode(answer) if len(answer) == 2 + 2 * wanted else None
        if pdu is None or len(pdu.registers) != wanted:
            raise self._session.unexpected(message, reply, f"{wanted} registers were expected")
        return list(pdu.registers)

    def _answer(self, message: str, reply: str) -> bytes:
        """The protocol data unit of a reply to `message`; raises `InstrumentFault` for what is none."""
        reply = self._awaited(message, reply)
        if reply.startswith(_BROKEN.decode("ascii")):
            raise self._session.unexpected(message, reply, "its check sum does not fit")
        data, asked = bytes.fromhex(reply), bytes.fromhex(message)
        if len(data) < 3:
            raise self._session.unexpected(message, reply, "that is no whole frame")
        if data[0] != asked[0]:
            raise self._session.unexpected(message, reply, f"that is unit {data[0]}, unit {asked[0]} was asked")
        if data[1] == asked[1] | 0x80:
            code = data[2]
            why = self._exceptions.get(code, "a code that Modbus does not have")
            raise ModbusRefused(
                f"{self._session.name} answered exception {code} to {message!r}: {why}; check model and set point"
            )
        if data[1] != asked[1]:
            raise self._session.unexpected(message, reply, f"function {asked[1]} was asked")
        return data[1:]

    def _awaited(self, message: str, reply: str) -> str:
        """The reply of a device that was busy, once it is not; the last one where it stays so."""
        if not self._is_busy(message, reply):
            return reply
        deadline = self._session.passed() + self._session.patience
        while self._is_busy(message, reply) and self._session.passed() < deadline:
            reply = self._session.query_later(message, _LATER)
        return reply

    def _is_busy(self, message: str, reply: str) -> bool:
        words, asked = reply.split(), message.split()
        refused = len(words) == 3 and words[0] == asked[0] and words[1] == f"{int(asked[1], 16) | 0x80:02X}"
        return refused and int(words[2], 16) in self._busy
