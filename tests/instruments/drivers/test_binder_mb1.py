"""The Binder chamber as frames on a wire, their check sums worked out by a second implementation."""

import socket
import struct
from collections.abc import Callable, Iterator
from math import inf, isnan, nan

import pytest

from instruments.drivers.binder_mb1 import BinderMb1
from instruments.roles import ClimateChamber, Instrument, InstrumentFault, Scanned, SetPointRejected
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import Serve


def crc(frame: bytes) -> bytes:
    """CRC-16 of Modbus over Serial Line V1.02, 6.2.2, bit by bit; low byte first."""
    register = 0xFFFF
    for byte in frame:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return struct.pack("<H", register)


def said(message: str, answer: str) -> tuple[bytes, bytes]:
    """A request and its reply, without their check sums."""
    return tuple(bytes.fromhex(text) + crc(bytes.fromhex(text)) for text in (message, answer))  # type: ignore[return-value]


def swapped(value: float) -> str:
    """A float as the manual orders it: the low word first."""
    low, high = struct.pack(">f", value)[2:], struct.pack(">f", value)[:2]
    return (low + high).hex(" ")


def reading(address: str, value: float) -> tuple[bytes, bytes]:
    return said(f"01 03 {address} 00 02", f"01 03 04 {swapped(value)}")


def programming(value: float) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        said(f"01 10 {address} 00 02 04 {swapped(value)}", f"01 10 {address} 00 02") for address in ("15 81", "15 6F")
    )


def mode(flags: str) -> tuple[bytes, bytes]:
    return said("01 03 1A 22 00 01", f"01 03 02 {flags}")


START, REST = (said(f"01 06 1A 22 {flags}", f"01 06 1A 22 {flags}") for flags in ("08 00", "00 00"))
IDLE, MANUAL = mode("00 00"), mode("08 00")

Open = Callable[..., BinderMb1]


@pytest.fixture
def chamber(serve: Serve, context: LinkContext) -> Iterator[Open]:
    """A chamber that expects these frames to the byte, in this order, and answers each as it is told to."""
    opened: list[BinderMb1] = []
    wrong: list[bytes] = []
    left: list[int] = []

    def open_one(*script: tuple[bytes, bytes], **options: object) -> BinderMb1:
        left.append(len(script))

        def behave(connection: socket.socket) -> None:
            for request, reply in script:
                found = connection.recv(len(request), socket.MSG_WAITALL)
                if found != request:
                    wrong.append(found)
                    return
                left[-1] -= 1
                connection.sendall(reply)
            wrong.extend(filter(None, [connection.recv(100)]))

        link = InstrumentLink(f"tcp://127.0.0.1:{serve(behave).port}", gap=0.0)
        opened.append(BinderMb1.open(link, context, "chamber", options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
    assert (wrong, sum(left)) == ([], 0)


def test_frames_are_what_the_interface_specification_says(chamber: Open) -> None:
    """The whole frame by hand, once: 25.0 degC is 0x41C80000, whose low word comes first."""
    request = bytes.fromhex("01 03 11 A9 00 02 11 17")
    assert request == reading("11 A9", 25.0)[0]
    assert reading("11 A9", 25.0)[1][:-2] == bytes.fromhex("01 03 04 00 00 41 C8")


def test_it_plays_its_roles(chamber: Open) -> None:
    for role in (Instrument, Scanned, ClimateChamber):
        assert isinstance(chamber(), role)


def test_a_scan_reads_the_air_and_the_set_point_only_once(chamber: Open) -> None:
    driver = chamber(reading("10 77", 25.0), reading("11 A9", 23.5), reading("11 A9", -10.25))
    for values in ((23.5, 25.0), (-10.25, 25.0)):
        driver.request()
        assert driver.collect() == values


def test_an_idle_chamber_is_set_started_and_read_back(chamber: Open) -> None:
    driver = chamber(
        *programming(-10.0), IDLE, START, MANUAL, reading("10 77", -10.0), reading("11 A9", 20.0), unit=1
    )  # fmt: skip
    driver.set_temperature(-10.0)
    driver.request()
    assert driver.collect() == (20.0, -10.0)


def test_a_running_chamber_is_not_started_again(chamber: Open) -> None:
    chamber(*programming(45.0), MANUAL, MANUAL, reading("10 77", 45.0)).set_temperature(45.0)


def test_a_chamber_that_does_not_start_is_a_fault(chamber: Open) -> None:
    driver = chamber(*programming(45.0), IDLE, START, mode("04 00"))
    with pytest.raises(InstrumentFault, match=r"chamber is in mode 0x0400 when it was told 0x0800; look at its panel"):
        driver.set_temperature(45.0)


def test_a_set_point_that_is_not_kept_is_refused(chamber: Open) -> None:
    driver = chamber(*programming(45.0), MANUAL, MANUAL, reading("10 77", 25.0))
    with pytest.raises(SetPointRejected, match=r"chamber kept air temperature at 25 degC when 45 degC was sent"):
        driver.set_temperature(45.0)


@pytest.mark.parametrize(("temperature", "options"), [(-40.1, {}), (180.1, {}), (61.0, {"high": 60.0})])
def test_a_set_point_outside_its_range_is_not_sent(
    chamber: Open, temperature: float, options: dict[str, object]
) -> None:
    with pytest.raises(SetPointRejected, match=r"chamber: air temperature .* is outside"):
        chamber(**options).set_temperature(temperature)


def test_a_ramp_that_it_does_not_have_is_not_left_out(chamber: Open) -> None:
    with pytest.raises(SetPointRejected, match=r"chamber: a ramp of 2 K/min .* nothing was sent, leave the ramp out"):
        chamber().set_temperature(45.0, ramp=2.0)


@pytest.mark.parametrize(
    ("flags", "resting"), [("00 00", True), ("10 00", False), ("08 00", False), ("04 00", False), ("00 01", True)]
)
def test_rest_is_read_back(chamber: Open, flags: str, resting: bool) -> None:
    driver = chamber(REST, mode(flags))
    driver.chamber_rest()
    assert driver.chamber_is_resting() is resting


@pytest.mark.parametrize(
    ("text", "told"), [("Temp. limit", "Temp. limit"), ("", "an alarm stands, its text is only on the chamber's panel")]
)
def test_an_alarm_is_told_in_its_own_words(chamber: Open, text: str, told: str) -> None:
    words = "".join(f"{ord(letter):04X}" for letter in text.ljust(20))
    driver = chamber(
        said("01 03 12 3D 00 01", "01 03 02 00 01"), said("01 03 12 28 00 14", f"01 03 28 {words}"),
        said("01 03 12 3D 00 01", "01 03 02 00 00"),
    )  # fmt: skip
    assert driver.alarm() == told
    assert driver.alarm() == ""


def test_a_refusal_is_in_the_words_of_its_table(chamber: Open) -> None:
    driver = chamber(said("01 06 1A 22 00 00", "01 86 05"))
    with pytest.raises(InstrumentFault, match=r"exception 5 .*: it denies writing to that parameter"):
        driver.chamber_rest()


def test_a_chamber_that_answers_is_a_binder(chamber: Open) -> None:
    identity = chamber(IDLE).identify()
    assert (identity.manufacturer, identity.model, identity.serial_number) == ("BINDER", "MB1", "")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"unit": 0}, "unit 0 is outside 1 to 247"),
        ({"low": 60.0, "high": 60.0}, r"low 60\.0 is not below high 60\.0; give the rated range, degC"),
        ({"slave": 1}, "BinderMb1 has no option 'slave'; allowed: high, low, unit"),
    ],
)
def test_a_wrong_option_is_refused(chamber: Open, options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=f"chamber.*{text}"):
        chamber(**options)


def test_a_set_point_that_was_refused_while_a_scan_was_on_its_way_is_not_known(chamber: Open) -> None:
    scan = reading("10 77", 25.0), reading("11 A9", 24.8)
    driver = chamber(*scan, *programming(40.0), MANUAL, MANUAL, reading("10 77", 25.0))
    driver.request()
    with pytest.raises(SetPointRejected, match="chamber kept air temperature at 25 degC when 40 degC was sent"):
        driver.set_temperature(40.0)
    air, set_point = driver.collect()
    assert air == pytest.approx(24.8)
    assert isnan(set_point)


def test_a_scan_that_nobody_asked_for_is_a_sentence(chamber: Open) -> None:
    with pytest.raises(InstrumentFault, match=r"chamber .*was asked for an answer before anything was requested"):
        chamber().collect()


@pytest.mark.parametrize("temperature", [nan, inf, -inf])
def test_what_is_no_temperature_is_not_sent(chamber: Open, temperature: float) -> None:
    with pytest.raises(SetPointRejected, match="is outside -40 to 180 degC; nothing was sent"):
        chamber().set_temperature(temperature)
