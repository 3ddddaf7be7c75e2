"""The 34970A as transcripts."""

from collections.abc import Callable
from math import isnan

import pytest

from instruments.drivers.agilent_34970a import Agilent34970a
from instruments.roles import Instrument, InstrumentFault, Scanned, TemperatureLogger
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Wire

SET_UP = (
    ("CONF:TEMP TC,K,(@101,102,103)", None),
    ("TEMP:TRAN:TC:CHEC ON,(@101,102,103)", None),
    ("ROUT:SCAN (@101,102,103)", None),
    ("ROUT:SCAN?", "#214(@101,102,103)"),
    ("TEMP:TRAN:TC:CHEC? (@101,102,103)", "1,1,1"),
)

Open = Callable[..., Agilent34970a]


@pytest.fixture
def open_logger(wire: Wire, context: LinkContext) -> Open:
    def open_driver(**options: object) -> Agilent34970a:
        options = {"channels": [101, 102, 103]} | options
        return Agilent34970a.open(InstrumentLink(RESOURCE), context, "temperatures", options)

    return open_driver


def test_it_plays_its_roles(open_logger: Open) -> None:
    logger = open_logger()
    for role in (Instrument, Scanned, TemperatureLogger):
        assert isinstance(logger, role)
    assert logger.sensor_count == 3
    assert [channel.name for channel in logger.channels] == ["sensor 1", "sensor 2", "sensor 3"]
    assert {(channel.quantity, channel.unit) for channel in logger.channels} == {("temperature", "degC")}


def test_the_scan_list_is_written_once_and_an_open_sensor_has_no_value(wire: Wire, open_logger: Open) -> None:
    wire.expect(
        *SET_UP,
        ("READ?", "+2.50000000E+01,+9.90000000E+37,-1.00100000E+01"),
        ("READ?", "+2.51000000E+01,+2.52000000E+01,-1.00000000E+01"),
    )
    logger = open_logger()
    logger.request()
    first, opened, last = logger.collect()
    assert (first, last) == (25.0, -10.01)
    assert isnan(opened)
    logger.request()
    assert logger.collect() == [25.1, 25.2, -10.0]


def test_a_list_without_a_block_header_is_one_too(wire: Wire, open_logger: Open) -> None:
    wire.expect(("CONF:TEMP TC,T,(@201)", None), ("TEMP:TRAN:TC:CHEC ON,(@201)", None), ("ROUT:SCAN (@201)", None))
    wire.expect(("ROUT:SCAN?", "(@201)"), ("TEMP:TRAN:TC:CHEC? (@201)", "+1"), ("READ?", "+2.0E+01"))
    logger = open_logger(channels=[201], thermocouple="T")
    logger.request()
    assert logger.collect() == [20.0]


def test_a_slot_without_a_multiplexer(wire: Wire, open_logger: Open) -> None:
    wire.expect(*SET_UP[:3], ("ROUT:SCAN?", "#13(@)"), ("SYST:ERR?", '+113,"Undefined header"'), ("SYST:ERR?", "+0,x"))
    with pytest.raises(InstrumentFault, match=r"temperatures keeps the scan list #13\(@\) .*\+113"):
        open_logger().request()


@pytest.mark.parametrize("held", ["0,0,0", "1,0,1"])
def test_a_scanner_that_does_not_check_its_thermocouples_cannot_tell_an_open_one(
    wire: Wire, open_logger: Open, held: str
) -> None:
    wire.expect(*SET_UP[:-1], (SET_UP[-1][0], held))
    with pytest.raises(InstrumentFault, match=f"answered '{held}' .*: ON was set, so that an open sensor is told"):
        open_logger().request()


def test_readings_with_extras_are_refused_and_not_shifted(wire: Wire, open_logger: Open) -> None:
    wire.expect(*SET_UP, ("READ?", "+2.5E+01,101,+2.5E+01,102,+2.5E+01,103"))
    logger = open_logger()
    logger.request()
    with pytest.raises(InstrumentFault, match="3 values were expected, 6 came"):
        logger.collect()


def test_the_identity(wire: Wire, open_logger: Open) -> None:
    wire.expect(("*IDN?", "HEWLETT-PACKARD,34970A,0,13-2-2"))
    assert str(open_logger().identify()) == "HEWLETT-PACKARD 34970A 0"


@pytest.mark.parametrize("channels", [[], [102, 101], [101, 101], [1], [323], [101.5], ["101"], 101, "101", None])
def test_channels_that_are_none(open_logger: Open, channels: object) -> None:
    with pytest.raises(ValueError, match=r"temperatures: channels .* must be rising numbers from 101 to 322"):
        open_logger(channels=channels)


def test_a_thermocouple_that_is_none(open_logger: Open) -> None:
    with pytest.raises(ValueError, match="thermocouple 'X' must be one of B, E, J, K, N, R, S, T"):
        open_logger(thermocouple="X")


@pytest.mark.parametrize(("options", "patience"), [({}, 2.1), ({"timeout": 9.0}, 9.0)])
def test_it_is_as_patient_as_its_channels_need(
    wire: Wire, context: LinkContext, options: dict[str, float], patience: float
) -> None:
    assert Agilent34970a(RESOURCE, context, name="temperatures", channels=[101], **options).patience == patience
    assert Agilent34970a(RESOURCE, context, name="temperatures", channels=range(101, 121)).patience == 4.0
