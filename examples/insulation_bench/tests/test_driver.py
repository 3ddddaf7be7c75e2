"""The driver alone, against what the wire should carry.

Messages and answers are those of the public transcripts of the family (see the driver), joined where the driver asks
for several things at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, isnan

import pytest
from packbench import InstrumentFault, SetPointRejected

from insulation_bench.driver import KeysightB2985
from insulation_bench.role import InsulationTester
from scripted import Exchange, Script

OFF: tuple[Exchange, ...] = ((":OUTP:OFF:MODE ZERO", None), (":INP 1", None), (":SOUR:VOLT 0", None), (":OUTP 0", None))
ON: tuple[Exchange, ...] = (
    (":SYST:INT:TRIP?", "0"),
    (":OUTP:OFF:MODE ZERO", None), (":FUNC 'CURR'", None), (":SOUR:VOLT:RANG 1000", None), (":INP 1", None),
    (":SOUR:VOLT 500", None), (":SOUR:VOLT?", "+5.000000E+02"), (":OUTP 1", None), (":OUTP?", "1"),
)  # fmt: skip
SCAN = ":OUTP?;:SOUR:VOLT?;:MEAS:CURR?"


@contextmanager
def connected(*exchanges: Exchange, **options: object) -> Iterator[KeysightB2985]:
    script = Script(*exchanges)
    driver = script.driver(**options)
    try:
        yield driver
    finally:
        driver.close()
    script.finished()


def scanned(answer: str, **options: object) -> list[float]:
    with connected((SCAN, answer), **options) as driver:
        driver.request()
        return driver.collect()


def test_it_plays_its_role_and_says_what_it_measures() -> None:
    with connected() as driver:
        assert isinstance(driver, InsulationTester)
        assert [(channel.name, channel.unit) for channel in driver.channels] == [
            ("resistance", "Ohm"), ("test voltage", "V"), ("leakage current", "A")
        ]  # fmt: skip


def test_a_test_voltage_is_programmed_read_back_and_taken_off_when_the_link_is_closed() -> None:
    with connected(*ON, *OFF) as driver:
        driver.apply_test_voltage(500.0)


def test_what_is_left_of_the_resistance_is_that_behind_the_resistor_in_the_lead() -> None:
    ohms, volts, amps = scanned("1;+5.000000E+02;+2.500000E-05")
    assert (ohms, volts, amps) == pytest.approx((19e6, 475.0, 25e-6))


def test_a_lead_of_another_resistance() -> None:
    assert scanned("1;+5.000000E+02;+2.500000E-05", series_resistance=2e6)[:2] == pytest.approx((18e6, 450.0))


def test_with_the_output_off_the_current_tells_what_is_left_to_discharge_and_there_is_no_resistance() -> None:
    ohms, volts, _ = scanned("0;+5.000000E+02;-7.000000E-05")
    assert isnan(ohms)
    assert volts == pytest.approx(70.0)


@pytest.mark.parametrize("amps", ["+0.000000E+00", "-2.240000E-14"])
def test_where_nothing_leaks_the_resistance_is_more_than_can_be_measured(amps: str) -> None:
    assert scanned(f"1;+5.000000E+02;{amps}")[0] == inf


def test_an_ammeter_that_is_not_connected_measures_nothing() -> None:
    assert all(map(isnan, scanned("1;+5.000000E+02;+9.910000E+37")))


@pytest.mark.parametrize("voltage", [-1.0, 500.1, float("nan")])
def test_a_voltage_beyond_what_leads_and_pack_may_see_is_refused_before_anything_is_sent(voltage: float) -> None:
    with (
        connected(highest=500.0) as driver,
        pytest.raises(SetPointRejected, match="outside 0 to 500 V; nothing was sent"),
    ):
        driver.apply_test_voltage(voltage)


def test_with_an_open_interlock_nothing_is_switched_on() -> None:
    with (
        connected((":SYST:INT:TRIP?", "1"), *OFF) as driver,
        pytest.raises(InstrumentFault, match="open interlock and puts on no more than 20 V"),
    ):
        driver.apply_test_voltage(500.0)


def test_a_voltage_that_was_not_taken_is_not_switched_on() -> None:
    ignored = (*ON[:6], (":SOUR:VOLT?", "+0.000000E+00"), (":SYST:ERR?", '+0,"No error"'), *OFF)
    with (
        connected(*ignored) as driver,
        pytest.raises(SetPointRejected, match="kept test voltage at 0 V when 500 V was"),
    ):
        driver.apply_test_voltage(500.0)


def test_an_output_that_does_not_come_on_is_told_with_what_the_error_queue_says() -> None:
    queue = ((":SYST:ERR?", '-221,"Settings conflict"'), (":SYST:ERR?", '+0,"No error"'))
    with (
        connected(*ON[:-1], (":OUTP?", "0"), *queue, *OFF) as driver,
        pytest.raises(InstrumentFault, match=r"did not put its test voltage on .*Settings conflict"),
    ):
        driver.apply_test_voltage(500.0)


@pytest.mark.parametrize(
    ("answers", "off"),
    [
        ([(":OUTP?;:INP?", "1;1")], False),
        ([(":OUTP?;:INP?", "0;1"), (":MEAS:CURR?", "-5.9E-05")], True),
        ([(":OUTP?;:INP?", "0;1"), (":MEAS:CURR?", "-6.0E-05")], False),
        ([(":OUTP?;:INP?", "0;1"), (":MEAS:CURR?", "+6.1E-05")], False),
        ([(":OUTP?;:INP?", "0;1"), (":MEAS:CURR?", "+9.91E+37")], False),
        ([(":OUTP?;:INP?", "0;0")], True),
    ],
)
def test_off_is_off_and_discharged_below_sixty_volts(answers: list[Exchange], off: bool) -> None:
    with connected(*answers) as driver:
        assert driver.test_voltage_is_off() is off


def test_off_needs_no_identity_and_connects_what_was_charged_to_zero_volts() -> None:
    with connected(*OFF) as driver:
        driver.test_voltage_off()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"series_resistance": 0}, "series_resistance 0 must be above 0 Ohm"),
        ({"highest": 1001}, "highest 1001 must be above 0 and at most 1000 V"),
        ({"series_resistence": 1e6}, "no option 'series_resistence'; did you mean 'series_resistance'"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], says: str) -> None:
    script = Script()
    with pytest.raises(ValueError, match=says):
        script.driver(**options)
