"""Modbus over a session: frames against a second CRC and examples of two manuals, and answers that are none."""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from instruments.roles import InstrumentFault
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.modbus import ModbusRefused, ModbusRtu, ModbusTcp, Registers
from instruments.wires.session import Session
from tests.instruments.scripted import Serve, Transcript

RTU, TCP = (LinkProfile(timeout=5.0, framing=framing) for framing in (ModbusRtu, ModbusTcp))


def crc(frame: bytes) -> bytes:
    """CRC-16 of Modbus over Serial Line V1.02, 6.2.2, bit by bit; low byte first."""
    register = 0xFFFF
    for byte in frame:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return struct.pack("<H", register)


def rtu(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + crc(data)


Exchange = tuple[bytes, bytes]
Device = Callable[..., Registers]


@pytest.fixture
def device(serve: Serve, context: LinkContext) -> Iterator[Device]:
    """Registers behind a TCP socket that expects these requests to the byte, and answers each as it is told to."""
    sessions: list[Session] = []
    wrong: list[bytes] = []

    def open_one(*script: Exchange, profile: LinkProfile = RTU, **options: object) -> Registers:
        def behave(connection: socket.socket) -> None:
            for request, reply in script:
                found = connection.recv(len(request), socket.MSG_WAITALL)
                if found != request:
                    wrong.append(found)
                connection.sendall(reply)
            connection.recv(1)

        sessions.append(Session(f"tcp://127.0.0.1:{serve(behave).port}", context, profile, name="chamber"))
        return Registers(sessions[-1], 1, **options)  # type: ignore[arg-type]

    yield open_one
    for session in sessions:
        session.close()
    assert wrong == []


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        # NGI N83624 Modbus guide V20240130: 0x12345678 to register 2, low word first.
        ("01 10 00 02 00 02 04 56 78 12 34", "01 10 00 02 00 02 04 56 78 12 34 EE 90"),
        # EA programming guide rev. 24: remote control on.
        ("01 05 01 92 FF 00", "01 05 01 92 FF 00 2C 2B"),
    ],
)
def test_frames_are_those_of_the_manuals(message: str, frame: str) -> None:
    assert ModbusRtu(RTU).wrap(message.encode()) == bytes.fromhex(frame)


def test_an_error_reply_is_that_of_the_manual() -> None:
    """EA programming guide rev. 24: access denied."""
    assert ModbusRtu(RTU).take(bytes.fromhex("01 85 07 03 52")) == (b"01 85 07", b"")


@given(unit=st.integers(1, 247), payload=st.binary(max_size=250))
def test_every_frame_bears_the_check_sum_of_a_second_implementation(unit: int, payload: bytes) -> None:
    message = bytes((unit, 3)) + payload
    assert ModbusRtu(RTU).wrap(message.hex(" ").encode()) == message + crc(message)


@given(count=st.integers(1, 125), cut=st.integers(0, 254))
def test_a_frame_that_comes_in_two_pieces_is_waited_for(count: int, cut: int) -> None:
    frame = rtu(f"01 03 {2 * count:02X}" + " 11 A9" * count)
    first = frame[: min(cut, len(frame) - 1)]
    assert ModbusRtu(RTU).take(first) == (None, first)
    line, rest = ModbusRtu(RTU).take(frame)
    assert line is not None
    assert (bytes.fromhex(line.decode()), rest) == (frame[:-2], b"")


# --- registers --------------------------------------------------------------------------------------------------------


def test_registers_are_read_and_written(device: Device, heard: Transcript) -> None:
    registers = device(
        (rtu("01 03 1A 22 00 01"), rtu("01 03 02 08 00")),
        (rtu("01 06 1A 22 08 00"), rtu("01 06 1A 22 08 00")),
        (rtu("01 10 15 81 00 02 04 00 01 FF FF"), rtu("01 10 15 81 00 02")),
    )
    assert registers.read(0x1A22) == [0x0800]
    registers.write(0x1A22, 0x0800)
    registers.write_all(0x1581, [1, 0xFFFF])
    assert heard[:2] == [(">", "01 03 1A 22 00 01"), ("<", "01 03 02 08 00")]


@pytest.mark.parametrize(("order", "words"), [("big", "41 C8 00 00"), ("little", "00 00 41 C8")])
def test_a_float_is_two_registers_in_either_order(device: Device, order: str, words: str) -> None:
    registers = device(
        (rtu("01 03 11 A9 00 02"), rtu(f"01 03 04 {words}")),
        (rtu(f"01 10 15 81 00 02 04 {words}"), rtu("01 10 15 81 00 02")),
        word_order=order,
    )
    assert registers.read_float(0x11A9) == 25.0
    registers.write_float(0x1581, 25.0)


def test_registers_are_asked_for_before_they_are_collected(device: Device) -> None:
    registers = device((rtu("01 03 11 A9 00 02"), rtu("01 03 04 00 00 41 C8")))
    registers.request(0x11A9, 2)
    assert registers.collect() == [0, 0x41C8]


def test_over_tcp_a_late_reply_is_not_taken_for_the_next(device: Device) -> None:
    registers = device(
        (bytes.fromhex("0001 0000 0006 01 03 0001 0001"), bytes.fromhex("0001 0000 0005 01 03 02 0007")),
        (
            bytes.fromhex("0002 0000 0006 01 03 0001 0001"),
            bytes.fromhex("0001 0000 0005 01 03 02 0007" "0002 0000 0005 01 03 02 0009"),
        ),
        profile=TCP,
    )  # fmt: skip
    assert registers.read(1) == [7]
    assert registers.read(1) == [9]


# --- answers that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (rtu("01 83 02"), r"chamber answered exception 2 to '01 03 1A 22 00 01': it has no such register; check model"),
        (rtu("01 83 7F"), r"exception 127 to .*: a code that Modbus does not have"),
        (rtu("01 03 02 08 00")[:-1] + b"\0", r"answered 'broken 01 03 02 08 00 .. 00' .*: its check sum does not fit"),
        (rtu("02 03 02 08 00"), r"that is unit 2, unit 1 was asked"),
        (rtu("01 04 02 08 00"), r"function 3 was asked"),
        (rtu("01 03 04 08 00 00 00"), r"1 registers were expected"),
    ],
)
def test_an_answer_that_is_none_is_a_sentence(device: Device, reply: bytes, text: str) -> None:
    registers = device((rtu("01 03 1A 22 00 01"), reply))
    with pytest.raises(InstrumentFault, match=text):
        registers.read(0x1A22)


def test_a_refusal_can_be_told_from_a_link_that_is_out_of_step(device: Device) -> None:
    registers = device(
        (rtu("01 06 1A 22 00 07"), rtu("01 86 05")),
        (rtu("01 06 1A 22 00 00"), rtu("01 06 1A 22 00 00")),
        exceptions={5: "writing is denied"},
    )
    with pytest.raises(ModbusRefused, match=r"exception 5 .*: writing is denied"):
        registers.write(0x1A22, 7)
    registers.write(0x1A22, 0)


@pytest.mark.parametrize("code", ["05", "06"])
def test_a_device_that_is_busy_is_asked_again_until_it_is_not(device: Device, code: str) -> None:
    """The specification (7) has the message sent again later; an output that was told OFF meanwhile stayed on."""
    off, done = rtu("01 06 01 01 00 02"), rtu("01 06 01 01 00 02")
    read, held = rtu("01 03 00 58 00 01"), rtu("01 03 02 00 08")
    busy_write, busy_read = rtu(f"01 86 {code}"), rtu(f"01 83 {code}")
    registers = device((off, busy_write), (off, busy_write), (off, done), (read, busy_read), (read, held))
    registers.write(257, 2)
    assert registers.read(88) == [8]


def test_a_device_that_stays_busy_for_as_long_as_an_answer_is_waited_for_is_a_fault(device: Device) -> None:
    read, busy = rtu("01 03 00 58 00 01"), rtu("01 83 06")
    # Each 50 ms, for 5.02 s of a clock that moves by them alone.
    registers = device(*[(read, busy)] * 102, profile=LinkProfile(timeout=5.02, framing=ModbusRtu))
    with pytest.raises(ModbusRefused, match=r"exception 6 .* it is busy"):
        registers.read(88)


def test_a_code_that_means_something_else_for_this_device_is_told_at_once(device: Device) -> None:
    read, denied = rtu("01 03 00 58 00 01"), rtu("01 83 05")
    registers = device((read, denied), exceptions={5: "it denies that"})
    with pytest.raises(ModbusRefused, match="it denies that"):
        registers.read(88)


@pytest.mark.parametrize("reply", ["01 06 1A 22 08 01", "01 06 1A 23 08 00"], ids=["another value", "another register"])
def test_a_write_that_is_answered_with_another_is_no_write(device: Device, reply: str) -> None:
    registers = device((rtu("01 06 1A 22 08 00"), rtu(reply)))
    with pytest.raises(InstrumentFault, match="a write is answered with what was written where"):
        registers.write(0x1A22, 0x0800)


class Said:
    """A session whose only answer is given."""

    name = "chamber"

    def __init__(self, reply: bytes) -> None:
        self.reply = reply.hex(" ")

        self.patience, self.time = 0.1, 0.0

    def query(self, _message: str) -> str:
        return self.reply

    def query_later(self, _message: str, pause: float) -> str:
        self.time += pause
        return self.reply

    def passed(self) -> float:
        return self.time

    def unexpected(self, message: str, reply: str, why: str) -> InstrumentFault:
        return InstrumentFault(f"{reply} to {message}: {why}")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(reply=st.one_of(st.binary(max_size=12), st.binary(max_size=8).map(lambda rest: b"\x01\x03" + rest)))
@example(reply=b"\x01\x03\x04\x00\x00\x00\x00\x00")  # a byte more than it says
@example(reply=b"\x01\x83\x06")  # busy, and busy
def test_whatever_is_answered_is_two_registers_or_a_fault(reply: bytes) -> None:
    registers = Registers(Said(reply), 1)  # type: ignore[arg-type]
    with contextlib.suppress(InstrumentFault):
        assert reply == b"\x01\x03\x04" + b"".join(struct.pack(">H", word) for word in registers.read(0, 2))


@pytest.mark.parametrize("unit", [1.0, 1.5, "1", None, True])
def test_a_unit_that_is_no_whole_number_is_refused(unit: object) -> None:
    with pytest.raises(ValueError, match=rf"chamber: unit {unit!r} must be a whole number"):
        Registers(Said(b""), unit)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", [0, 248, -1])
def test_a_unit_that_no_device_can_have_is_refused(unit: int) -> None:
    with pytest.raises(ValueError, match=rf"chamber: unit {unit} is outside 1 to 247"):
        Registers(Said(b""), unit)  # type: ignore[arg-type]
