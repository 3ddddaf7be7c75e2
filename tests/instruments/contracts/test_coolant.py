"""What every coolant unit owes, whatever its dialect and its wire."""

from collections.abc import Callable
from math import isnan

import pytest

from instruments.roles import (
    COOLANT_CHANNELS,
    CoolantAlarm,
    CoolantUnit,
    Instrument,
    InstrumentFault,
    Scanned,
    SetPointRejected,
)
from tests.instruments.contracts.stand import Case, Stand, on_both_wires

QUICK = {"accuracy": 0.0, "heating": 100_000, "cooling": 100_000, "lag": 5.0, "most_flow": 20}

LAUDA = Case("lauda-integral", {"simulator": "lauda-integral", **QUICK}, "packbench://coolant")
ON_A_NETWORK = Case("lauda-integral", {"simulator": "lauda-integral", **QUICK}, "TCPIP::coolant.test::54321::SOCKET")

pytestmark = on_both_wires(LAUDA, ON_A_NETWORK)


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, CoolantUnit):
        assert isinstance(stand.driver, role)
    identity = stand.driver.identify()
    assert identity.manufacturer
    assert identity.model
    assert stand.driver.channels == COOLANT_CHANNELS


def test_it_is_found_standing_without_an_alarm_and_asked_for_nothing(stand: Stand) -> None:
    stand.driver.pump(on=False)
    assert stand.driver.coolant_is_resting()
    assert stand.driver.alarm() == ""
    found = stand.scan()
    assert found["supply"] == pytest.approx(25.0, abs=0.2)
    assert isnan(found["set point"])
    assert (found["flow"], found["set flow"], found["alarm"]) == (0.0, 0.0, CoolantAlarm.NONE)


@pytest.mark.parametrize(("target", "moves"), [(45.0, 1.0), (5.0, -1.0)])
def test_the_coolant_goes_where_it_is_sent_and_the_scan_says_where_that_is(
    stand: Stand, target: float, moves: float
) -> None:
    stand.driver.set_flow(6.0)
    stand.driver.set_temperature(target)
    assert not stand.driver.coolant_is_resting()
    stand.until(lambda: stand.scan()["flow"] > 5.5)
    found = stand.scan()
    assert found["set point"] == pytest.approx(target)
    assert found["set flow"] == pytest.approx(6.0)
    stand.until(lambda: abs(stand.scan()["supply"] - target) < 0.3)
    assert stand.driver.temperature() == pytest.approx(target, abs=0.4)
    assert stand.driver.flow() == pytest.approx(6.0, abs=0.2)
    assert (stand.scan()["supply"] - 25.0) * moves > 0


def test_a_new_flow_takes_the_place_of_the_old_one(stand: Stand) -> None:
    stand.driver.set_temperature(30.0)
    for flow in (4.0, 8.0):
        stand.driver.set_flow(flow)
        stand.until(lambda flow=flow: abs(stand.scan()["flow"] - flow) < 0.2)  # type: ignore[misc]
        assert stand.scan()["set flow"] == pytest.approx(flow)


def test_rest_heats_nothing_and_pumps_also_as_the_first_word(stand: Stand) -> None:
    stand.driver.coolant_rest()
    assert stand.driver.coolant_is_resting()
    assert stand.driver.flow() > 0
    stand.driver.set_temperature(45.0)
    stand.until(lambda: stand.scan()["supply"] > 40.0)
    stand.driver.coolant_rest()
    assert stand.driver.coolant_is_resting()
    assert stand.driver.flow() > 0
    hot = stand.driver.temperature()
    stand.until(lambda: stand.scan()["supply"] < hot - 5.0)
    found = stand.scan()
    assert isnan(found["set point"])
    assert found["set flow"] == 0.0


def test_it_heats_again_after_a_rest(stand: Stand) -> None:
    stand.driver.coolant_rest()
    stand.driver.set_temperature(45.0)
    stand.until(lambda: stand.scan()["supply"] > 40.0)


def test_a_pump_that_is_stopped_stands(stand: Stand) -> None:
    stand.driver.set_temperature(30.0)
    stand.until(lambda: stand.scan()["flow"] > 0)
    stand.driver.pump(on=False)
    stand.until(lambda: stand.scan()["flow"] == 0.0)
    assert stand.driver.coolant_is_resting()
    stand.driver.pump(on=True)
    stand.until(lambda: stand.scan()["flow"] > 0)


def test_what_is_outside_its_range_changes_nothing(stand: Stand) -> None:
    low, high = stand.driver.temperature_range
    least, most = stand.driver.flow_range
    for beyond in (low - 1.0, high + 1.0):
        with pytest.raises(SetPointRejected, match="coolant temperature"):
            stand.driver.set_temperature(beyond)
    for beyond in (least / 2, most + 1.0):
        with pytest.raises(SetPointRejected, match="coolant flow"):
            stand.driver.set_flow(beyond)
    assert stand.driver.coolant_is_resting()
    assert stand.driver.flow() == 0.0


def test_its_limits_are_narrowed_and_never_widened(stand: Stand) -> None:
    assert stand.driver.protect_coolant(-15.4, 50.6) == (-15.0, 50.0)
    assert stand.driver.temperature_range == (-15.0, 50.0)
    assert stand.driver.protect_coolant(-30.0, 70.0) == (-15.0, 50.0)
    with pytest.raises(SetPointRejected, match="coolant temperature"):
        stand.driver.set_temperature(51.0)


@pytest.mark.parametrize(
    "verb",
    [
        lambda unit: unit.identify(),
        lambda unit: unit.request(),
        lambda unit: unit.set_temperature(30.0),
        lambda unit: unit.pump(on=True),
        lambda unit: unit.coolant_rest(),
        lambda unit: unit.coolant_is_resting(),
        lambda unit: unit.alarm(),
    ],
    ids=["identify", "request", "set_temperature", "pump", "coolant_rest", "coolant_is_resting", "alarm"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[CoolantUnit], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
