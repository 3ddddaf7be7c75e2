"""The operating point of battery, supply and load on the same terminals."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.virtual.terminals import (
    OPEN,
    Battery,
    LoadMode,
    LoadPort,
    OperatingPoint,
    Regulation,
    SupplyPort,
    operating_point,
)

BATTERY = Battery(88.0, 0.5)
NO_LOAD = LoadPort()
NO_SUPPLY = SupplyPort()


def charger(**changes: float) -> SupplyPort:
    port = SupplyPort(
        on=True, voltage=100.0, source_current=10.0, source_power=30e3, sink_current=10.0, sink_power=30e3
    )
    for name, value in changes.items():
        setattr(port, name, value)
    return port


def test_nothing_switched_on_is_an_open_battery() -> None:
    point = operating_point(BATTERY, NO_SUPPLY, NO_LOAD)
    assert (point.voltage, point.battery, point.regulation) == (88.0, 0.0, Regulation.OFF)


def test_constant_current_charge() -> None:
    point = operating_point(BATTERY, charger(), NO_LOAD)
    assert point == OperatingPoint(93.0, 10.0, 10.0, 0.0, Regulation.CURRENT)


def test_constant_voltage_when_the_current_is_enough() -> None:
    point = operating_point(BATTERY, charger(voltage=90.0), NO_LOAD)
    assert (point.voltage, point.battery, point.regulation) == (90.0, pytest.approx(4.0), Regulation.VOLTAGE)


def test_constant_power_charge() -> None:
    point = operating_point(BATTERY, charger(source_power=500.0), NO_LOAD)
    assert point.regulation is Regulation.POWER
    assert point.voltage * point.battery == pytest.approx(500.0)
    assert point.voltage == pytest.approx(88.0 + 0.5 * point.battery)


def test_sinking_is_limited_by_current_and_by_power_of_its_own() -> None:
    by_current = operating_point(BATTERY, charger(voltage=50.0, sink_current=6.0), NO_LOAD)
    assert (by_current.battery, by_current.regulation) == (-6.0, Regulation.CURRENT)
    by_power = operating_point(BATTERY, charger(voltage=50.0, sink_power=300.0), NO_LOAD)
    assert by_power.regulation is Regulation.POWER
    assert by_power.voltage * by_power.battery == pytest.approx(-300.0)


def test_a_sink_of_no_current_leaves_the_battery_alone() -> None:
    point = operating_point(BATTERY, charger(voltage=50.0, sink_current=0.0), NO_LOAD)
    assert (point.voltage, point.battery) == (88.0, 0.0)


@pytest.mark.parametrize(
    ("mode", "value", "current"),
    [
        (LoadMode.CURRENT, 6.0, 6.0),
        (LoadMode.RESISTANCE, 21.5, 4.0),
        (LoadMode.POWER, 510.0, 6.0),
        (LoadMode.VOLTAGE, 85.0, 6.0),
    ],
)
def test_each_mode_of_a_load_alone(mode: LoadMode, value: float, current: float) -> None:
    point = operating_point(BATTERY, NO_SUPPLY, LoadPort(on=True, mode=mode, value=value, current_limit=60.0))
    assert point.load == pytest.approx(current)
    assert point.battery == pytest.approx(-current)
    assert point.voltage == pytest.approx(88.0 - 0.5 * current)


def test_a_load_is_fed_by_a_supply_before_the_battery() -> None:
    point = operating_point(BATTERY, charger(), LoadPort(on=True, value=4.0))
    assert (point.supply, point.load, point.battery) == (10.0, 4.0, 6.0)


def test_a_load_that_asks_too_much_collapses_the_voltage_and_takes_what_there_is() -> None:
    for mode, value in ((LoadMode.CURRENT, 500.0), (LoadMode.POWER, 1e6)):
        point = operating_point(BATTERY, NO_SUPPLY, LoadPort(on=True, mode=mode, value=value, current_limit=1e3))
        assert point.voltage == 0.0
        assert point.battery == pytest.approx(-176.0)


def test_a_constant_power_load_stops_at_its_current_rating() -> None:
    point = operating_point(
        BATTERY, NO_SUPPLY, LoadPort(on=True, mode=LoadMode.POWER, value=3000.0, current_limit=10.0)
    )
    assert point.load == 10.0


def test_without_a_battery_no_current_flows_but_the_bus_has_voltage() -> None:
    assert operating_point(None, charger(), NO_LOAD).voltage == 100.0
    assert operating_point(None, charger(), NO_LOAD).battery == 0.0
    assert operating_point(None, NO_SUPPLY, LoadPort(on=True, value=3.0)) == OPEN
    fed = operating_point(None, charger(), LoadPort(on=True, value=3.0))
    assert (fed.supply, fed.load, fed.battery) == (3.0, 3.0, 0.0)


def test_a_battery_that_takes_no_more_lets_the_charger_reach_its_voltage() -> None:
    point = operating_point(Battery(88.0, 0.5, current_limit=5.0), charger(), NO_LOAD)
    assert (point.battery, point.voltage, point.regulation) == (5.0, 100.0, Regulation.VOLTAGE)
    point = operating_point(Battery(88.0, 0.5, current_limit=5.0), NO_SUPPLY, LoadPort(on=True, value=9.0))
    assert (point.battery, point.voltage) == (-5.0, 0.0)


supplies = st.builds(
    SupplyPort,
    on=st.booleans(),
    voltage=st.floats(0.5, 200),
    source_current=st.floats(0, 400),
    source_power=st.floats(0, 30e3),
    sink_current=st.floats(0, 400),
    sink_power=st.floats(0, 30e3),
)
loads = st.builds(
    LoadPort,
    on=st.booleans(),
    mode=st.sampled_from(LoadMode),
    value=st.floats(0.1, 1000),
    current_limit=st.floats(1, 500),
)
batteries = st.one_of(st.none(), st.builds(Battery, st.floats(1, 150), st.floats(1e-3, 5)))


@given(batteries, supplies, loads)
def test_currents_sum_to_zero_and_nobody_exceeds_a_limit(
    battery: Battery | None, supply: SupplyPort, load: LoadPort
) -> None:
    point = operating_point(battery, supply, load)
    assert point.battery == pytest.approx(point.supply - point.load, abs=1e-9)
    assert point.voltage >= 0.0
    assert -supply.sink_current - 1e-9 <= point.supply <= supply.source_current + 1e-9
    power = point.voltage * point.supply
    assert -supply.sink_power * (1 + 1e-9) - 1e-6 <= power <= supply.source_power * (1 + 1e-9) + 1e-6
    assert point.load >= 0.0
    if not supply.on:
        assert point.supply == 0.0
    if not load.on:
        assert point.load == 0.0


@given(batteries.filter(lambda battery: battery is not None), supplies, loads)
def test_the_battery_obeys_its_own_line(battery: Battery, supply: SupplyPort, load: LoadPort) -> None:
    point = operating_point(battery, supply, load)
    if point.voltage > 0.0:
        expected = battery.voltage + battery.resistance * point.battery
        assert point.voltage == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(supplies.filter(lambda supply: supply.on), loads)
def test_an_infinite_power_limit_is_no_limit(supply: SupplyPort, load: LoadPort) -> None:
    supply.source_power = supply.sink_power = inf
    assert operating_point(BATTERY, supply, load).regulation is not Regulation.POWER
