"""BINDER MB1: whole frames with their check sums, its error codes, and the air."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

OpenBench = Callable[..., Any]


def framed(text: str) -> bytes:
    """A message with the check sum of another implementation, pymodbus's."""
    data = bytes.fromhex(text)
    return data + FramerRTU.compute_CRC(data).to_bytes(2, "big")


class Line:
    """A chamber at the end of a serial line, and the world that it stands in."""

    def __init__(self, bench: Any) -> None:
        self.world = bench.world
        self.port = serial.serial_for_url("packbench://chamber", timeout=1.0)

    def raw(self, data: bytes) -> bytes:
        self.port.write(data)
        return bytes(self.port.read(self.port.in_waiting))

    def ask(self, text: str) -> str:
        """The reply without its check sum, which must be right; nothing where there is none."""
        reply = self.raw(framed(text))
        assert reply == (framed(reply[:-2].hex()) if reply else b"")
        return reply[:-2].hex(" ").upper()

    def float_at(self, address: str) -> float:
        low, high = struct.unpack(">HH", bytes.fromhex(self.ask(f"01 03 {address} 00 02"))[3:])
        value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
        return value


@pytest.fixture
def open_line(open_bench: OpenBench, kept: Callable[[Line], Line]) -> Callable[..., Line]:
    def open_one(defects: tuple[str, ...] = (), **chosen: object) -> Line:
        overrides = {"chamber": {"simulator": "binder-mb1", **chosen}}
        bench = open_bench(
            "supply", "chamber", overrides=overrides, links={"chamber": "packbench://chamber"}, defects=defects
        )
        return kept(Line(bench))

    return open_one


@pytest.fixture
def line(open_line: Callable[..., Line]) -> Line:
    return open_line()


MINUS_TEN = "00 00 C1 20"
"""-10.0 degC is 0xC1200000; the low word comes first."""


def test_a_whole_exchange_to_the_byte(line: Line) -> None:
    """25.0 degC is 0x41C80000. Check sums of two other implementations."""
    assert line.raw(bytes.fromhex("01 03 11 A9 00 02 11 17")) == bytes.fromhex("01 03 04 00 00 41 C8 CB F5")


def test_set_points_are_written_and_the_one_in_force_is_read(line: Line) -> None:
    assert line.ask(f"01 10 15 81 00 02 04 {MINUS_TEN}") == "01 10 15 81 00 02"
    assert (line.float_at("15 81"), line.float_at("15 6F"), line.float_at("10 77")) == (-10.0, 25.0, 25.0)
    assert line.ask("01 06 1A 22 08 00") == "01 06 1A 22 08 00"
    assert (line.ask("01 03 1A 22 00 01"), line.float_at("10 77")) == ("01 03 02 08 00", -10.0)


def test_the_air_moves_in_a_mode_alone(line: Line) -> None:
    for address in ("15 81", "15 6F"):
        line.ask(f"01 10 {address} 00 02 04 00 00 42 5C")  # 55.0
    line.world.advance(600)
    assert line.float_at("11 A9") == 25.0
    line.ask("01 06 1A 22 10 00")
    line.world.advance(1800)
    assert line.float_at("11 A9") == 55.0
    line.ask("01 06 1A 22 00 00")
    line.world.advance(600)
    assert line.float_at("11 A9") == pytest.approx(54.0, abs=0.2)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("01 05 1A 22 FF 00", "01 85 01"),
        ("01 03 77 77 00 01", "01 83 02"),
        ("01 03 1A 22 00 02", "01 83 02"),
        ("01 03 11 A9 00 01", "01 83 02"),
        ("01 03 11 A9 00 00", "01 83 03"),
        ("01 03 11 A9 01 00", "01 83 03"),
        ("01 06 77 77 00 01", "01 86 02"),
        ("01 06 1A 22 04 00", "01 86 03"),
        ("01 06 11 A9 00 01", "01 86 05"),
        ("01 10 15 81 00 02 04 00 00 43 35", "01 90 03"),  # 181 degC
        ("01 10 15 81 00 02 04 00 00 7F C0", "01 90 03"),  # not a number
        ("01 10 15 81 00 01 02 00 00", "01 90 05"),
        ("01 10 15 81 00 03 04 00 00 41 C8", "01 90 03"),
        ("02 03 11 A9 00 02", ""),
    ],
)
def test_error_codes(line: Line, message: str, answer: str) -> None:
    assert line.ask(message) == answer
    assert (line.float_at("10 77"), line.ask("01 03 1A 22 00 01")) == (25.0, "01 03 02 00 00")


def test_a_wrong_check_sum_is_not_answered_and_the_next_message_is(line: Line) -> None:
    assert line.raw(bytes.fromhex("01 06 1A 22 08 00 00 00")) == b""
    assert line.ask("01 03 1A 22 00 01") == "01 03 02 00 00"


def test_a_message_that_was_cut_costs_the_next_one_and_no_more(line: Line) -> None:
    assert line.raw(framed("01 03 1A 22 00 01")[:3]) == b""
    assert line.ask("01 03 1A 22 00 01") == ""
    assert line.ask("01 03 1A 22 00 01") == "01 03 02 00 00"


def test_a_message_may_come_in_pieces(line: Line) -> None:
    message = framed(f"01 10 15 81 00 02 04 {MINUS_TEN}")
    replies = [line.raw(bytes((byte,))) for byte in message]
    assert replies == [b""] * (len(message) - 1) + [framed("01 10 15 81 00 02")]


def test_an_alarm_has_its_text_one_character_in_a_word(open_line: Callable[..., Line]) -> None:
    line = open_line(defects=("chamber-alarm",))
    assert line.ask("01 03 12 3D 00 01") == "01 03 02 00 01"
    words = bytes.fromhex(line.ask("01 03 12 28 00 14"))[3:]
    assert words[1::2].decode().strip() == "Sensor error"
    assert set(words[::2]) == {0}


def test_writing_can_be_denied_or_ignored(open_line: Callable[..., Line]) -> None:
    denying = open_line(defects=("refuses-sets:chamber",))
    assert denying.ask("01 06 1A 22 08 00") == "01 86 05"
    denying.port.close()


def test_a_set_point_can_be_ignored_and_the_mode_is_not(open_line: Callable[..., Line]) -> None:
    line = open_line(defects=("ignores-set:chamber",))
    assert line.ask(f"01 10 15 81 00 02 04 {MINUS_TEN}") == "01 10 15 81 00 02"
    assert line.ask("01 06 1A 22 08 00") == "01 06 1A 22 08 00"
    assert (line.float_at("10 77"), line.ask("01 03 1A 22 00 01")) == (25.0, "01 03 02 08 00")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=60), st.binary(min_size=4, max_size=40).map(lambda rest: framed(f"01{rest.hex()}"))
    )
)
def test_whatever_comes_is_answered_by_a_whole_message_or_not_at_all(line: Line, data: bytes) -> None:
    reply = line.raw(data)
    assert reply == b"" or FramerRTU.check_CRC(reply[:-2], int.from_bytes(reply[-2:], "big"))
