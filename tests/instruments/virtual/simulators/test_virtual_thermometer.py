"""Agilent 34970A: a temperature scan."""

from collections.abc import Callable
from typing import Any

import pytest

OpenBench = Callable[..., Any]


@pytest.fixture
def bench(open_bench: OpenBench) -> Any:
    return open_bench("supply", "temperatures")


def test_readings_have_the_units_format(bench: Any) -> None:
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:103)")
    assert bench.ask("temperatures", "READ?") == "+2.50000000E+01,+2.50000000E+01,+2.50000000E+01"


def test_identity(bench: Any) -> None:
    assert bench.ask("temperatures", "*IDN?") == "HEWLETT-PACKARD,34970A,0,13-2-2"


def test_initiate_takes_the_moment_and_fetch_brings_it(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "temperatures", temperature=25.0)
    bench.say("temperatures", "CONF:TEMP TC,K,(@101)", "INIT")
    bench.source(voltage=140, current=15)
    bench.world.advance(900)
    assert bench.ask("temperatures", "FETC?") == "+2.50000000E+01"
    assert float(bench.ask("temperatures", "READ?")) > 26.0


def test_an_open_thermocouple(open_bench: OpenBench) -> None:
    bench = open_bench("temperatures", defects=["open-sensor:2"])
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:102,320)", "TEMP:TRAN:TC:CHEC ON,(@101:102,320)")
    assert bench.ask("temperatures", "TEMP:TRAN:TC:CHEC?") == "1,1,1"
    assert bench.ask("temperatures", "READ?") == "+2.50000000E+01,+9.90000000E+37,+9.90000000E+37"


def test_an_open_thermocouple_that_is_not_checked_reads_as_warm_as_the_terminals(open_bench: OpenBench) -> None:
    bench = open_bench("temperatures", temperature=40.0, defects=["open-sensor:2"])
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:102)")
    assert bench.ask("temperatures", "TEMP:TRAN:TC:CHEC? (@101:102)") == "0,0"
    assert bench.ask("temperatures", "READ?") == "+4.00000000E+01,+2.50000000E+01"


def test_the_scan_list_is_read_back_as_a_block(bench: Any) -> None:
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:103)", "ROUT:SCAN (@103,101)")
    assert bench.ask("temperatures", "ROUT:SCAN?") == "#210(@103,101)"
    assert len(bench.ask("temperatures", "READ?").split(",")) == 2


def test_units(bench: Any) -> None:
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:102)", "UNIT:TEMP K,(@102)")
    assert bench.ask("temperatures", "READ?") == "+2.50000000E+01,+2.98150000E+02"
    assert bench.ask("temperatures", "UNIT:TEMP?") == "C,K"


def test_a_channel_that_was_not_configured_reads_volts(bench: Any) -> None:
    bench.say("temperatures", "ROUT:SCAN (@101)")
    assert abs(float(bench.ask("temperatures", "READ?"))) < 0.1


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("FETC?", -230),
        ("INIT", -221),
        ("CONF:TEMP TC,Q,(@101)", -224),
        ("CONF:TEMP TC,K,(@121)", -222),
        ("CONF:TEMP TC,K", -109),
        ("ROUT:SCAN (@401)", -222),
        ("INIT?", -113),
        ("FROB", -113),
    ],
)
def test_errors(bench: Any, message: str, error: int) -> None:
    bench.say("temperatures", message)
    assert bench.ask("temperatures", "SYST:ERR?").startswith(f"{error},")
    assert bench.ask("temperatures", "SYST:ERR?") == '+0,"No error"'


def test_sensors_are_spread_over_the_cells(open_bench: OpenBench) -> None:
    bench = open_bench(
        "temperatures", spread={"temperature": 1.0}, overrides={"temperatures": {"channels": [101, 205]}}
    )
    bench.say("temperatures", "CONF:TEMP TC,K,(@101,205)")
    cells = bench.world.plant.temperature
    readings = [float(reading) for reading in bench.ask("temperatures", "READ?").split(",")]
    assert readings == pytest.approx([cells[0], cells[12]], abs=1e-6)


def test_a_channel_that_does_not_exist_cannot_be_wired(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match="channel 421 does not exist"):
        open_bench("temperatures", overrides={"temperatures": {"channels": [421]}})
