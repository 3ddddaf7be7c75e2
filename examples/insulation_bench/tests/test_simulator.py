"""The simulator alone, as its wire and its world have it: no driver takes part."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from packbench.simulation import World, open_world

Open = Callable[..., World]
ON = (":OUTP:OFF:MODE ZERO", ":SOUR:VOLT:RANG 1000", ":INP 1", ":SOUR:VOLT 500", ":OUTP 1")


@pytest.fixture
def opened() -> Iterator[Open]:
    worlds: list[World] = []

    def open_it(*others: str, **settings: Any) -> World:
        simulators: dict[str, Any] = {"tester": {"simulator": "keysight-b2985", "accuracy": 0.0} | settings}
        simulators |= {name: {"simulator": "foxbms"} for name in others}
        links = {"tester": "TCPIP::tester.alone::5025::SOCKET"} | dict.fromkeys(others, "packbench:alone")
        world = open_world(
            {"simulators": simulators}, links=links, cell="lfp-26650", series=4, parallel=1, serial_number="it", seed=1,
            defects=(), wait=lambda _seconds: None,
        )  # fmt: skip
        worlds.append(world)
        return world

    yield open_it
    for world in worlds:
        world.close()


def say(world: World, *messages: str) -> str | None:
    answer = None
    for message in messages:
        answer = world.part("tester").handle(message)
    return answer


def amps(world: World) -> float:
    return float(say(world, ":MEAS:CURR?") or "nan")


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([":INP 1", ":INP?"], "1"),
        ([":INP 0", ":INP?"], "0"),
        ([":OUTP 1", ":OUTP?"], "1"),
        ([":OUTP:OFF:MODE HIZ", ":OUTP:OFF:MODE?"], "HIZ"),
        ([":OUTP:OFF:MODE?"], "NORM"),
        ([":FUNC 'RES'", ":FUNC?"], '"RES"'),
        ([":SYST:INT:TRIP?"], "0"),
        ([":SOUR:VOLT:RANG 1000", ":SOUR:VOLT 150", ":SOUR:VOLT?"], "+1.500000E+02"),
        ([":MEAS:CURR?"], "+9.910000E+37"),
        ([":OUTP?;:INP?;:OUTP:OFF:MODE?"], "0;0;NORM"),
        ([":SYST:ERR?"], '+0,"No error"'),
    ],
)
def test_it_says_what_the_family_says(opened: Open, messages: list[str], answer: str) -> None:
    assert say(opened(), *messages) == answer


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (":SOUR:VOLT 22", '-222,"Data out of range"'),
        (":SOUR:VOLT:RANG 2000", '-222,"Data out of range"'),
        (":OUTP maybe", '-224,"Illegal parameter value"'),
        (":SOUR:VOLTS 5", '-113,"Undefined header"'),
        (":INP", '-109,"Missing parameter"'),
    ],
)
def test_what_it_cannot_do_it_queues_and_does_not_do(opened: Open, message: str, error: str) -> None:
    world = opened()
    assert say(world, message) is None
    assert say(world, ":SYST:ERR?") == error
    assert say(world, ":SOUR:VOLT?;:OUTP?;:INP?") == "+0.000000E+00;0;0"


def test_who_it_is(opened: Open) -> None:
    assert (say(opened(), "*IDN?") or "").startswith("Keysight Technologies,B2985B,")


def test_the_leak_and_the_resistor_in_the_lead_divide_the_voltage_once_the_capacitors_are_charged(opened: Open) -> None:
    world = opened(insulation=19e6)
    say(world, *ON)
    assert amps(world) == pytest.approx(500 / 1e6)  # nothing is charged yet: the resistor alone limits it
    world.advance(5)
    assert amps(world) == pytest.approx(25e-6, rel=1e-4)
    assert world.part("tester").volts == pytest.approx(475.0, rel=1e-4)


def test_in_its_zero_mode_it_discharges_what_it_has_charged_and_in_the_others_it_lets_go_of_it(opened: Open) -> None:
    world = opened(insulation=19e6)
    say(world, *ON)
    world.advance(5)
    say(world, ":OUTP:OFF:MODE NORM", ":OUTP 0")
    assert amps(world) == 0.0
    world.advance(0.5)
    assert world.part("tester").volts > 350
    say(world, ":OUTP:OFF:MODE ZERO")
    assert amps(world) == pytest.approx(-world.part("tester").volts / 1e6, rel=1e-3)
    world.advance(0.5)
    assert world.part("tester").volts < 60


def test_a_leak_is_the_bmss_as_well_and_ends(opened: Open) -> None:
    world = opened("bms")
    assert world.part("bms").leak.value == 20e6
    world.inject("leak:30000")
    assert world.part("bms").leak.value == 30e3
    say(world, *ON)
    world.advance(5)
    assert amps(world) == pytest.approx(500 / 1.03e6, rel=1e-3)
    world.repair("leak")
    assert world.part("bms").leak.value == 20e6


def test_an_observer_sees_a_test_voltage_and_not_a_source_at_zero(opened: Open) -> None:
    world = opened()
    assert world.outputs().other is False
    say(world, *ON)
    assert world.outputs().other is True
    say(world, ":SOUR:VOLT 0")
    assert world.outputs().other is False


def test_an_open_interlock_takes_the_test_voltage_off_and_keeps_it_off(opened: Open) -> None:
    world = opened()
    say(world, *ON)
    world.inject("interlock-opens:tester")
    assert say(world, ":OUTP?;:SYST:INT:TRIP?") == "0;1"
    assert say(world, ":OUTP 1", ":OUTP?") == "0"
    assert (say(world, ":SYST:ERR?") or "").startswith("-221")
    world.repair("interlock-opens")
    assert say(world, ":OUTP 1", ":OUTP?") == "1"


def test_a_test_voltage_that_stays_on_takes_no_off_and_no_zero(opened: Open) -> None:
    world = opened()
    say(world, *ON)
    world.inject("test-voltage-stays-on:tester")
    assert say(world, ":SOUR:VOLT 0", ":OUTP 0", ":OUTP?;:SOUR:VOLT?") == "1;+5.000000E+02"
    world.repair("test-voltage-stays-on")
    assert say(world, ":OUTP 0", ":OUTP?") == "0"


def test_a_meter_is_as_wrong_as_its_specimen(opened: Open) -> None:
    world = opened(accuracy=0.01, insulation=19e6)
    say(world, *ON)
    world.advance(5)
    assert amps(world) != pytest.approx(25e-6, rel=1e-5)
    assert amps(world) == pytest.approx(25e-6, rel=0.011)


def test_a_setting_that_nobody_knows_is_refused(opened: Open) -> None:
    with pytest.raises(ValueError, match=r"unknown key 'capacity' in virtual\.simulators\.tester"):
        opened(capacity=1.0)
