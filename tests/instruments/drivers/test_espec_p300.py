"""The ESPEC chamber as transcripts: ESPEC's own examples, and the refusals of its table."""

from collections.abc import Callable

import pytest

from instruments.drivers.espec_p300 import EspecP300
from instruments.roles import ClimateChamber, Instrument, InstrumentFault, Scanned, SetPointRejected, has_verbs
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Wire

Open = Callable[..., EspecP300]
LIMITS = (b"TEMP?\r\n", b"26.4,0.0,140.0,-50.0\r\n")
"""As a SH-641 answers: air, set point, upper and lower limit."""


def said(message: str, answer: str) -> tuple[bytes, bytes]:
    return f"{message}\r\n".encode(), f"{answer}\r\n".encode()


@pytest.fixture
def open_chamber(wire: Wire, context: LinkContext) -> Open:
    return lambda **options: EspecP300.open(InstrumentLink(RESOURCE, gap=0.0), context, "chamber", options)


def test_it_plays_its_roles(open_chamber: Open) -> None:
    for role in (Instrument, Scanned, ClimateChamber):
        assert has_verbs(open_chamber(), role)


def test_a_chamber_on_rs_485_is_addressed(wire: Wire, open_chamber: Open) -> None:
    """Manual 4013304025610, 1.3: "1,MON?"; on RS-232C there is no address."""
    wire.expect(said("1,TEMP?", "24.1,25.0,140.0,-50.0"), said("TEMP?", "24.1,25.0,140.0,-50.0"))
    for chamber in (open_chamber(address=1), open_chamber()):
        chamber.request()
        assert chamber.collect() == (24.1, 25.0)


def test_it_says_what_it_is(wire: Wire, open_chamber: Open) -> None:
    wire.expect(said("TYPE?", "T,T,S2,160.0"), said("ROM?", "EHS-411M Ver. 1.012"), said("TYPE?", "T,S2,160.0"))
    wire.expect(said("ROM?", "JSC2.05"))
    with_humidity, without = open_chamber().identify(), open_chamber().identify()
    assert (with_humidity.manufacturer, with_humidity.model, with_humidity.firmware) == (
        "ESPEC", "S2 160.0 degC", "EHS-411M Ver. 1.012",
    )  # fmt: skip
    assert without.model == "S2 160.0 degC"


def test_a_set_point_is_acknowledged_read_back_and_the_chamber_started(wire: Wire, open_chamber: Open) -> None:
    wire.expect(
        LIMITS,
        said("TEMP, S-10.0", "OK:TEMP,S-10.0"),
        said("TEMP?", "26.4,-10.0,140.0,-50.0"),
        said("MODE?", "STANDBY"),
        said("MODE,CONSTANT", "OK:MODE,CONSTANT"),
        said("MODE?", "CONSTANT"),
    )
    open_chamber().set_temperature(-10.0)


def test_a_running_chamber_gets_the_set_point_alone(wire: Wire, open_chamber: Open) -> None:
    wire.expect(LIMITS)
    for text in ("45.0", "25.0"):
        wire.expect(said(f"TEMP, S{text}", "OK:TEMP"), said("TEMP?", f"26.4,{text},140.0,-50.0"))
        wire.expect(said("MODE?", "CONSTANT"))
    chamber = open_chamber()
    chamber.set_temperature(45.0)
    chamber.set_temperature(25.0)


def test_a_controller_that_is_off_is_switched_on_first(wire: Wire, open_chamber: Open) -> None:
    wire.expect(LIMITS, said("TEMP, S45.0", "OK:TEMP"), said("TEMP?", "26.4,45.0,140.0,-50.0"), said("MODE?", "OFF"))
    wire.expect(said("POWER,ON", "OK:POWER,ON"), said("MODE?", "CONSTANT"))
    open_chamber().set_temperature(45.0)


def test_a_chamber_that_does_not_start_is_a_fault(wire: Wire, open_chamber: Open) -> None:
    wire.expect(LIMITS, said("TEMP, S45.0", "OK:TEMP"), said("TEMP?", "26.4,45.0,140.0,-50.0"))
    wire.expect(said("MODE?", "STANDBY"), said("MODE,CONSTANT", "OK:MODE"), said("MODE?", "STANDBY"))
    with pytest.raises(InstrumentFault, match=r"chamber is in mode STANDBY when it was told CONSTANT"):
        open_chamber().set_temperature(45.0)


@pytest.mark.parametrize("temperature", [-50.1, 140.1])
def test_a_set_point_outside_its_limits_is_not_sent(wire: Wire, open_chamber: Open, temperature: float) -> None:
    wire.expect(LIMITS)
    with pytest.raises(SetPointRejected, match=r"chamber: air temperature .* is outside -50 to 140 degC"):
        open_chamber().set_temperature(temperature)


def test_a_ramp_that_it_does_not_have_is_not_left_out(wire: Wire, open_chamber: Open) -> None:
    with pytest.raises(SetPointRejected, match=r"chamber: a ramp of 2 K/min .* nothing was sent, leave the ramp out"):
        open_chamber().set_temperature(45.0, ramp=2.0)


def test_a_set_point_that_it_acknowledges_and_does_not_keep_is_refused(wire: Wire, open_chamber: Open) -> None:
    wire.expect(LIMITS, said("TEMP, S45.0", "OK:TEMP,S45.0"), LIMITS)
    with pytest.raises(SetPointRejected, match=r"chamber kept air temperature at 0 degC when 45 degC was sent"):
        open_chamber().set_temperature(45.0)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("NA:DATA OUT OF RANGE", "the value is outside what it accepts"),
        ("NA: PROTECT ON", "it is protected against changes at its panel"),
        ("NA:CONT NOT READY-3", "its controller has no such function, or not in this state"),
        ("NA:WHATEVER", "no reason that is known"),
    ],
)
def test_a_refusal_says_why(wire: Wire, open_chamber: Open, reply: str, why: str) -> None:
    wire.expect(said("MODE,STANDBY", reply))
    with pytest.raises(InstrumentFault, match=rf"chamber answered '{reply}' to 'MODE,STANDBY': {why}"):
        open_chamber().chamber_rest()


def test_a_command_that_is_not_acknowledged_is_a_fault(wire: Wire, open_chamber: Open) -> None:
    wire.expect(said("MODE,STANDBY", "24.1,,STANDBY,0"))
    with pytest.raises(InstrumentFault, match=r"answered '24.1,,STANDBY,0' to 'MODE,STANDBY': OK: was expected"):
        open_chamber().chamber_rest()


@pytest.mark.parametrize(("mode", "resting"), [("OFF", True), ("STANDBY", True), ("CONSTANT", False), ("RUN", False)])
def test_rest_is_read_back(wire: Wire, open_chamber: Open, mode: str, resting: bool) -> None:
    wire.expect(said("MODE,STANDBY", "OK:MODE,STANDBY"), said("MODE?", mode))
    chamber = open_chamber()
    chamber.chamber_rest()
    assert chamber.chamber_is_resting() is resting


@pytest.mark.parametrize(
    ("reply", "text"),
    [("0", ""), ("2,7,12", "alarm 7"), ("1", "an alarm stands, its number is only on the panel")],
)
def test_the_first_alarm_is_told_by_its_number(wire: Wire, open_chamber: Open, reply: str, text: str) -> None:
    wire.expect(said("ALARM?", reply))
    assert open_chamber().alarm() == text


@pytest.mark.parametrize("reply", ["24.1,25.0", "24.1,OFF,140.0,-50.0", ""])
def test_a_scan_that_is_no_scan_is_a_fault(wire: Wire, open_chamber: Open, reply: str) -> None:
    wire.expect(said("TEMP?", reply))
    chamber = open_chamber()
    chamber.request()
    with pytest.raises(InstrumentFault, match=r"chamber .* answered .* to 'TEMP\?'"):
        chamber.collect()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"address": 17}, "address 17 is outside 1 to 16"),
        ({"address": 0}, "address 0 is outside 1 to 16; leave it out on RS-232C"),
        ({"address": 1.5}, r"address 1\.5 must be a whole number"),
        ({"address": True}, "address True must be a whole number"),
        ({"adress": 1}, r"no option 'adress'; did you mean 'address'"),
    ],
)
def test_a_wrong_option_is_refused(context: LinkContext, options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=f"chamber.*{text}"):
        EspecP300.open(InstrumentLink(RESOURCE), context, "chamber", options)
