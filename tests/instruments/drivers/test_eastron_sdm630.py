"""The Eastron meter as frames on a wire, by hand; their check sums by a second implementation."""

import socket
import struct
from collections.abc import Callable, Iterator
from math import isnan

import pytest
from pymodbus.framer import FramerRTU

from instruments.drivers.eastron_sdm630 import EastronSdm630
from instruments.roles import InstrumentFault
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import Serve


def framed(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + FramerRTU.compute_CRC(data).to_bytes(2, "big")


def shown(volts: tuple[float, float, float], power: float, hertz: float) -> str:
    """The 36 parameters of one scan."""
    values = [0.0] * 36
    values[0:3], values[0x34 // 2], values[0x46 // 2] = volts, power, hertz
    return "01 04 90" + struct.pack(">36f", *values).hex()


Open = Callable[..., EastronSdm630]
SCAN = "01 04 00 00 00 48"


@pytest.fixture
def meter(serve: Serve, context: LinkContext) -> Iterator[Open]:
    """A meter that expects these messages to the byte, in this order, and answers as it is told to."""
    opened: list[EastronSdm630] = []
    wrong: list[bytes] = []

    def open_one(*script: tuple[str, str]) -> EastronSdm630:
        def behave(connection: socket.socket) -> None:
            for request, reply in script:
                found = connection.recv(len(framed(request)), socket.MSG_WAITALL)
                if found != framed(request):
                    wrong.append(found)
                    return
                connection.sendall(framed(reply))

        link = InstrumentLink(f"tcp://127.0.0.1:{serve(behave).port}", gap=0.0)
        opened.append(EastronSdm630.open(link, context, "meter", {}))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
    assert wrong == []


def test_a_scan_is_one_message_of_input_registers(meter: Open) -> None:
    driver = meter((SCAN, shown((230.0, 231.0, 232.5), -1200.5, 49.98)))
    driver.request()
    assert driver.collect() == pytest.approx((231.16667, 49.98, -1200.5))


@pytest.mark.parametrize(("phases", "mean"), [((229.0, 0.0, 0.0), 229.0), ((0.0, 0.0, 0.0), None)])
def test_a_phase_that_is_not_wired_counts_for_nothing(
    meter: Open, phases: tuple[float, float, float], mean: float | None
) -> None:
    driver = meter((SCAN, shown(phases, 0.0, 50.0)))
    driver.request()
    volts = driver.collect()[0]
    assert isnan(volts) if mean is None else volts == mean


def test_it_says_its_serial_number_and_what_it_is(meter: Open) -> None:
    who = ("01 03 FC 00 00 03", "01 03 06 01 23 45 67 00 70")
    identity = meter(who).identify()
    assert (identity.model, identity.serial_number) == ("SDM630", str(0x01234567))
    other = ("01 03 FC 00 00 03", "01 03 06 00 00 00 07 00 2B")
    assert meter(other).identify().model == "meter code 0x002B"


@pytest.mark.parametrize(
    ("reply", "why"), [("01 84 02", "exception 2"), ("02 04 02 00 00", "unit 2"), ("01 03 02 00 00", "function 4")]
)
def test_what_is_no_answer_is_a_fault(meter: Open, reply: str, why: str) -> None:
    driver = meter((SCAN, reply))
    driver.request()
    with pytest.raises(InstrumentFault, match=why):
        driver.collect()
