"""The LAUDA Integral as transcripts: its manuals' own examples, the errors of their tables, and what it may ignore."""

from collections.abc import Callable
from math import inf, isnan, nan

import pytest

from instruments.drivers.lauda_integral import LaudaIntegral
from instruments.roles import (
    CoolantAlarm,
    CoolantUnit,
    Instrument,
    InstrumentFault,
    Scanned,
    SetPointRejected,
    has_verbs,
)
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Wire

Open = Callable[..., LaudaIntegral]


def said(message: str, answer: str) -> tuple[bytes, bytes]:
    return f"{message}\r\n".encode(), f"{answer}\r\n".encode()


LIMITS = said("IN_SP_05", "-40.00"), said("IN_SP_04", "120.00")
HEATS = said("OUT_SP_13_100", "OK"), said("IN_SP_13", "100.00")
ON, STANDBY = said("IN_MODE_02", "0"), said("IN_MODE_02", "1")
WELL = said("STAT", "0000000")
ALONE = said("OUT_SP_08_0", "OK")


@pytest.fixture
def open_unit(wire: Wire, context: LinkContext) -> Open:
    return lambda **options: LaudaIntegral.open(InstrumentLink(RESOURCE, gap=0.0), context, "coolant", options)


def test_it_plays_its_roles(open_unit: Open) -> None:
    unit = open_unit()
    for role in (Instrument, Scanned, CoolantUnit):
        assert has_verbs(unit, role)


def test_the_manuals_example_of_a_set_point_is_sent_and_read_back(wire: Wire, open_unit: Open) -> None:
    """Integral IN p53 and LRZ 926 p19: 30.5 degC, "OUT_SP_00_30.5", answered by "OK"; decimals may be two."""
    wire.expect(
        *LIMITS, said("OUT_SP_00_30.50", "OK"), said("IN_SP_00", "30.50"), *HEATS, ON, said("IN_SP_09", "10.00")
    )
    open_unit().set_temperature(30.5)


def test_one_that_stands_by_is_started(wire: Wire, open_unit: Open) -> None:
    wire.expect(
        *LIMITS, said("OUT_SP_00_-5.00", "OK"), said("IN_SP_00", "-5.00"), *HEATS, STANDBY,
        said("START", "OK"), ON, said("IN_SP_09", "10.00"), said("IN_SP_09", "10.00"),
    )  # fmt: skip
    open_unit().set_temperature(-5.0)


def test_it_says_what_it_is(wire: Wire, open_unit: Open) -> None:
    """LRZ 913 p22: the answer to TYPE is "ECO", "INT" or "VC"."""
    wire.expect(said("TYPE", "INT"), said("VERSION_R", "3.39"))
    identity = open_unit().identify()
    assert (identity.manufacturer, identity.model, identity.serial_number, identity.firmware) == (
        "LAUDA", "INT", "", "3.39",
    )  # fmt: skip


def test_a_scan_is_one_question_after_the_other(wire: Wire, open_unit: Open) -> None:
    wire.expect(
        said("IN_PV_00", "021.23"), said("IN_PV_03", "-03.50"), said("IN_PV_07", "012.34"), WELL
    )  # fmt: skip
    unit = open_unit()
    unit.request()
    supply, back, set_point, flow, set_flow, alarm = unit.collect()
    assert (supply, back, flow, set_flow, alarm) == (21.23, -3.5, 12.34, 0.0, CoolantAlarm.NONE)
    assert isnan(set_point)


def test_without_a_probe_in_the_return_nobody_asks_for_it(wire: Wire, open_unit: Open) -> None:
    wire.expect(said("IN_PV_00", "21.23"), said("IN_PV_07", "0.00"), WELL)
    unit = open_unit(return_probe=False)
    unit.request()
    assert isnan(unit.collect()[1])


@pytest.mark.parametrize(
    ("told", "alarm", "words"),
    [
        ("0000000", CoolantAlarm.NONE, ""),
        ("0010000", CoolantAlarm.NONE, ""),  # a warning alone
        ("0100100", CoolantAlarm.LOW_LEVEL, "low level"),
        ("0101000", CoolantAlarm.TOO_HOT, "over-temperature"),
        ("1000000", CoolantAlarm.OTHER, "only on the panel"),
        ("0100000", CoolantAlarm.OTHER, "only on the panel"),
    ],
)
def test_its_diagnosis_is_told_in_words(
    wire: Wire, open_unit: Open, told: str, alarm: CoolantAlarm, words: str
) -> None:
    """LRZ 913 p22: error, alarm, warning, over-temperature, low level, 0, external value missing."""
    wire.expect(said("STAT", told), said("IN_PV_00", "20.00"), said("IN_PV_07", "5.00"), said("STAT", told))
    unit = open_unit(return_probe=False)
    assert words in unit.alarm()
    unit.request()
    assert unit.collect()[5] == alarm


@pytest.mark.parametrize("answer", ["OK", "000000", "00000002", "0x00000"])
def test_a_diagnosis_that_is_none_is_a_fault(wire: Wire, open_unit: Open, answer: str) -> None:
    wire.expect(said("STAT", answer))
    with pytest.raises(InstrumentFault, match="seven digits"):
        open_unit().alarm()


def test_one_that_stands_by_though_it_was_asked_to_pump_was_switched_off(wire: Wire, open_unit: Open) -> None:
    unit = open_unit(return_probe=False)
    wire.expect(said("START", "OK"), ON, said("IN_SP_09", "8.00"))
    unit.pump(on=True)
    wire.expect(said("IN_PV_00", "20.00"), said("IN_PV_07", "0.00"), WELL, STANDBY)
    unit.request()
    assert unit.collect()[3:] == (0.0, 8.0, CoolantAlarm.SWITCHED_OFF)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("ERR_6", "the value is not permitted"),
        ("ERR_3", "it does not know that command"),
        ("ERR_8", "it has no such module or value; is its flow controller connected"),
        ("ERR_36", "its programmer is running"),
        ("ERR_99", "its manual says what that means"),
    ],
)
def test_a_refusal_is_explained(wire: Wire, open_unit: Open, answer: str, why: str) -> None:
    """PRO p51."""
    wire.expect(*LIMITS, said("OUT_SP_00_30.00", answer))
    with pytest.raises(SetPointRejected, match=f"coolant answered '{answer}' to 'OUT_SP_00_30.00': {why}"):
        open_unit().set_temperature(30.0)


def test_a_set_point_that_was_taken_and_not_kept_is_found(wire: Wire, open_unit: Open) -> None:
    wire.expect(*LIMITS, said("OUT_SP_00_30.00", "OK"), said("IN_SP_00", "20.00"))
    with pytest.raises(SetPointRejected, match="kept coolant temperature at 20 degC when 30 degC was sent"):
        open_unit().set_temperature(30.0)


def test_a_set_that_is_answered_with_anything_but_ok_is_a_fault(wire: Wire, open_unit: Open) -> None:
    wire.expect(said("STOP", "020.00"))
    with pytest.raises(InstrumentFault, match="OK was expected"):
        open_unit().pump(on=False)


@pytest.mark.parametrize(("on", "word", "told"), [(True, "does not start", STANDBY), (False, "does not stop", ON)])
def test_a_pump_that_does_not_do_what_it_was_told_is_found(
    wire: Wire, open_unit: Open, on: bool, word: str, told: tuple[bytes, bytes]
) -> None:
    wire.expect(said("START" if on else "STOP", "OK"), told, said("STAT", "0100100"))
    with pytest.raises(InstrumentFault, match=rf"its pump {word} \(low level\)"):
        open_unit().pump(on=on)


def test_rest_holds_the_heater_off_and_starts_the_pump(wire: Wire, open_unit: Open) -> None:
    wire.expect(said("OUT_SP_13_0", "OK"), said("OUT_SP_00_20.00", "OK"), said("START", "OK"), ALONE, ON)
    wire.expect(ON, said("IN_SP_13", "0.00"), STANDBY, ON, said("IN_SP_13", "100.00"))
    unit = open_unit()
    unit.coolant_rest()
    assert unit.coolant_is_resting()  # on, heater held off
    assert unit.coolant_is_resting()  # in standby
    assert not unit.coolant_is_resting()


def test_a_heater_that_cannot_be_held_off_is_stopped_with_everything(wire: Wire, open_unit: Open) -> None:
    wire.expect(said("OUT_SP_13_0", "ERR_8"), said("STOP", "OK"))
    with pytest.raises(InstrumentFault, match="'ERR_8' to 'OUT_SP_13_0'"):
        open_unit().coolant_rest()


def test_a_pump_that_stands_at_rest_is_complained_of_unless_it_says_why(wire: Wire, open_unit: Open) -> None:
    rest = said("OUT_SP_13_0", "OK"), said("OUT_SP_00_20.00", "OK"), said("START", "OK"), ALONE, STANDBY
    unit = open_unit()
    wire.expect(*rest, said("STAT", "0100100"))
    unit.coolant_rest()
    wire.expect(*rest, WELL, WELL)
    with pytest.raises(InstrumentFault, match=r"its pump stands \(it reports no alarm\)"):
        unit.coolant_rest()


def test_limits_are_set_towards_each_other_in_whole_degrees(wire: Wire, open_unit: Open) -> None:
    """LRZ 913 p24: OUT_SP_04_XXX and OUT_SP_05_XXX."""
    wire.expect(
        *LIMITS, said("OUT_SP_05_-15", "OK"), said("IN_SP_05", "-15.00"), said("OUT_SP_04_50", "OK"),
        said("IN_SP_04", "50.00"), said("IN_SP_05", "-15.00"), said("IN_SP_04", "50.00"),
    )  # fmt: skip
    assert open_unit().protect_coolant(-15.0, 50.0) == (-15.0, 50.0)


def test_its_watchdog_is_armed_in_whole_seconds_and_taken_back(wire: Wire, open_unit: Open) -> None:
    """LRZ 926 p20 and 21: 1 to 60 s, 0 is off; its safe set point is set with it."""
    unit = open_unit(rest_temperature=22.0)
    for beyond in (0.0, 61.0, inf, nan):
        with pytest.raises(SetPointRejected, match="communication timeout"):
            unit.arm_watchdog(beyond)
    wire.expect(said("OUT_SP_07_22.00", "OK"), said("OUT_SP_08_17", "OK"), said("IN_SP_08", "17.00"))
    assert unit.arm_watchdog(16.2) == 17.0
    wire.expect(said("OUT_SP_08_0", "OK"))
    unit.close()


def test_a_flow_or_a_temperature_that_is_none_is_refused(open_unit: Open) -> None:
    with pytest.raises(ValueError, match="flow_limit 0 is no flow"):
        open_unit(flow_limit=0)
    for rest in (nan, inf):
        with pytest.raises(ValueError, match=f"coolant: rest_temperature {rest} is no temperature; give degC"):
            open_unit(rest_temperature=rest)
    with pytest.raises(ValueError, match="no option 'flow_limt'"):
        open_unit(flow_limt=10)
