"""The box's functions on the grid (SunSpec 705 to 712), set by the client of the SunSpec Alliance's own package.

What each makes of a power is reckoned here from its standard's own words, by hand, for a box of 11000 W.
"""

from math import nan
from typing import Any

import pytest
from sunspec2.modbus.client import SunSpecModbusClientError
from sunspec2.modbus.modbus import ModbusClientException

from bench.managing.links import Mains
from bench.managing.modbus.link import ModbusLink
from bench.managing.modbus.sunspec import model
from tests.bench.managing.clients import seen, served, sunspec

REFUSED = (ModbusClientException, SunSpecModbusClientError)
GOOD = Mains(230.0, 50.0)
RATED = 11000.0
DROOP, VOLT_WATT, LOW_VOLTAGE, HIGH_VOLTAGE, LOW_FREQUENCY, HIGH_FREQUENCY = 711, 706, 707, 708, 709, 710


def group(device: Any, number: int, which: int) -> Any:
    """The first (acting) or second (stored) curve or control."""
    found = device.models[number][0]
    return (found.Ctl if number == DROOP else found.Crv)[which - 1]


def put(device: Any, number: int, **values: float) -> None:
    """Write points of a model."""
    found = device.models[number][0]
    for name, value in values.items():
        getattr(found, name).cvalue = value
    found.write()


def store(device: Any, number: int, **values: float) -> None:
    """Write points of the stored control."""
    stored = group(device, number, 2)
    for name, value in values.items():
        getattr(stored, name).cvalue = value
    device.models[number][0].write()


def adopt(device: Any, number: int) -> int:
    """Have what is stored act; what became of that."""
    name = "AdptCtl" if number == DROOP else "AdptCrv"
    put(device, number, **{f"{name}Req": 2})
    device.models[number][0].read()
    return int(getattr(device.models[number][0], f"{name}Rslt").value)


def curve(device: Any, number: int, points: list[tuple[float, float]]) -> int:
    """Store a curve and have it adopted; what became of that."""
    stored = group(device, number, 2)
    stored = stored if number == VOLT_WATT else stored.MustTrip
    stored.ActPt.value = len(points)
    first, second = {VOLT_WATT: ("V", "W"), 707: ("V", "Tms"), 708: ("V", "Tms")}.get(number, ("Hz", "Tms"))
    for place, (one, other) in zip(stored.Pt, points, strict=False):
        getattr(place, first).cvalue, getattr(place, second).cvalue = one, other
    device.models[number][0].write()
    return adopt(device, number)


def order(device: Any, power: float) -> None:
    """A set point, W of a source."""
    put(device, 704, WSetMod=1, WSet=power, WSetEna=1)


def acting(link: ModbusLink, time: float, volts: float = 230.0, hertz: float = 50.0, **given: Any) -> float | None:
    """W (positive charges) that the box makes of it all at a scan."""
    return link.follow(seen(time=time, mains=Mains(volts, hertz), **given)).acting


# --- droop ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hertz", "source"),
    [
        (50.0, 0.0), (50.2, 0.0), (49.8, 0.0),
        (50.7, -RATED * 0.5 / 2.5), (49.3, RATED * 0.5 / 2.5),  # beyond 0.2 Hz all of it within 5 % of 50 Hz
        (47.0, 9000.0), (53.0, -RATED),  # no more than the charger gives, and takes
    ],
)  # fmt: skip
def test_a_droop_moves_the_power_by_what_the_frequency_is_off(hertz: float, source: float) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, DROOP, Ena=1)
        assert acting(link, 2.0, hertz=hertz) == pytest.approx(-source)


def test_a_droop_is_added_to_a_set_point_and_that_stays_what_was_asked() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        order(device, 2000)
        put(device, DROOP, Ena=1)
        standing = link.follow(seen(time=2.0, mains=Mains(230.0, 50.45)))
        assert standing.power == -2000
        assert standing.acting == pytest.approx(-2000 + RATED * 0.25 / 2.5)


def test_a_stored_control_acts_once_it_was_adopted() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, DROOP, Ena=1)
        store(device, DROOP, DbOf=0.01, DbUf=0.01, KOf=0.004, KUf=0.008)
        assert acting(link, 2.0, hertz=50.11) == 0.0
        assert adopt(device, DROOP) == 1
        assert group(device, DROOP, 1).KOf.cvalue == pytest.approx(0.004)
        assert acting(link, 3.0, hertz=50.11) == pytest.approx(RATED * 0.1 / 0.2)
        assert acting(link, 4.0, hertz=49.89) == pytest.approx(-RATED * 0.1 / 0.4)


def test_the_least_power_binds_a_droop_and_not_what_was_asked() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        store(device, DROOP, PMin=0)
        assert adopt(device, DROOP) == 1
        put(device, DROOP, Ena=1)
        order(device, 3000)
        assert acting(link, 2.0, hertz=51.5) == 0.0
        order(device, -3000)
        assert acting(link, 3.0, hertz=51.5) == 3000.0


def test_nine_tenths_of_an_answer_are_there_after_the_response_time() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        store(device, DROOP, RspTms=10)
        assert adopt(device, DROOP) == 1
        put(device, DROOP, Ena=1)
        assert acting(link, 10.0) == 0.0
        whole = RATED * 0.5 / 2.5
        assert acting(link, 20.0, hertz=50.7) == pytest.approx(0.9 * whole)
        assert acting(link, 30.0, hertz=50.7) == pytest.approx(0.99 * whole)


@pytest.mark.parametrize("wrong", [{"KOf": 0}, {"KUf": 0}, {"DbOf": 6}, {"PMin": -101}])
def test_what_is_no_droop_is_not_adopted_and_the_one_before_goes_on(wrong: dict[str, float]) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, DROOP, Ena=1)
        store(device, DROOP, **wrong)
        assert adopt(device, DROOP) == 2
        assert group(device, DROOP, 1).KOf.cvalue == pytest.approx(0.05)
        assert acting(link, 2.0, hertz=50.7) == pytest.approx(RATED * 0.5 / 2.5)


# --- volt-watt --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "most"), [(100, 9000), (106, 9000), (108, 5500), (110, 0), (115, 0)])
def test_volt_watt_limits_what_is_given_back(percent: float, most: float) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        store(device, VOLT_WATT, RspTms=0)
        assert adopt(device, VOLT_WATT) == 1
        put(device, VOLT_WATT, Ena=1)
        order(device, 9000)
        assert acting(link, 2.0, volts=2.3 * percent) == pytest.approx(-most, abs=1e-6)
        order(device, -4000)
        assert acting(link, 3.0, volts=2.3 * percent) == 4000.0


def test_a_curve_below_nothing_has_the_car_take() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        store(device, VOLT_WATT, RspTms=0)
        assert curve(device, VOLT_WATT, [(104, 100), (106, 0), (110, -50)]) == 1
        put(device, VOLT_WATT, Ena=1)
        assert acting(link, 2.0, volts=230 * 1.05) == 0.0
        assert acting(link, 3.0, volts=230 * 1.08) == pytest.approx(RATED / 4)


@pytest.mark.parametrize("wrong", [[(106, 100)], [(110, 100), (106, 0)], [(100, 0), (110, 50)], [(100, 110), (110, 0)]])
def test_what_is_no_curve_is_not_adopted(wrong: list[tuple[float, float]]) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        assert curve(device, VOLT_WATT, wrong) == 2
        assert group(device, VOLT_WATT, 1).ActPt.value == 2
        assert group(device, VOLT_WATT, 1).Pt[0].V.cvalue == pytest.approx(106)


# --- trips ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "bad", "holds", "alarm"),
    [
        (LOW_VOLTAGE, (180.0, 50.0), 3, 1 << 11), (LOW_VOLTAGE, (100.0, 50.0), 0, 1 << 11),
        (HIGH_VOLTAGE, (290.0, 50.0), 0, 1 << 10), (LOW_FREQUENCY, (230.0, 47.4), 0, 1 << 9),
        (HIGH_FREQUENCY, (230.0, 51.6), 0, 1 << 8),
    ],
)  # fmt: skip
def test_a_box_trips_when_a_value_has_lasted_too_long(
    number: int, bad: tuple[float, float], holds: int, alarm: int
) -> None:
    """Scans are 1 s apart: 0.1 and 0.3 s are over at the first scan behind the one that saw it."""
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, number, Ena=1)
        order(device, -5000)
        assert acting(link, 2.0) == 5000.0
        assert acting(link, 3.0, *bad) == 5000.0
        for second in range(1, max(holds, 1)):
            assert acting(link, 3.0 + second, *bad) == 5000.0
        assert acting(link, 3.0 + max(holds, 1), *bad) == 0.0
        state = device.models[701][0]
        state.read()
        assert (state.Alrm.value, state.ConnSt.value, state.InvSt.value) == (alarm, 0, 6)


def test_a_dip_that_ends_in_time_trips_nothing_and_the_next_begins_anew() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, LOW_VOLTAGE, Ena=1)
        order(device, -5000)
        for begins in (2.0, 6.0, 10.0):
            assert [acting(link, begins + second, volts=180.0) for second in range(3)] == [5000.0] * 3
            assert acting(link, begins + 3) == 5000.0


def test_a_value_that_wanders_below_a_level_is_below_it_all_the_time() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, LOW_VOLTAGE, Ena=1)
        order(device, -5000)
        seen_ = [acting(link, 2.0 + second, volts=volts) for second, volts in enumerate((150, 180, 120, 170))]
        assert seen_ == [5000.0, 5000.0, 5000.0, 0.0]


def test_a_box_comes_back_behind_a_grid_that_stays_healthy() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, 703, ESDlyTms=20)
        put(device, HIGH_FREQUENCY, Ena=1)
        order(device, -5000)
        acting(link, 2.0, hertz=51.6)
        assert acting(link, 3.0, hertz=51.6) == 0.0
        assert acting(link, 10.0, hertz=50.3) == 0.0  # too high to come back
        assert acting(link, 40.0) == 0.0
        assert acting(link, 50.0) == 0.0
        device.models[703][0].read()
        assert device.models[703][0].ESDlyRemTms.value == 10
        assert acting(link, 55.0, hertz=50.3) == 0.0  # from here on it has to be healthy anew
        assert acting(link, 61.0) == 0.0
        assert acting(link, 80.0) == 0.0
        assert acting(link, 81.0) == 5000.0


def test_a_trip_curve_of_ones_own_acts_once_it_was_adopted() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        assert curve(device, HIGH_FREQUENCY, [(50.5, 8), (51.5, 8), (51.5, 0.1)]) == 1
        put(device, HIGH_FREQUENCY, Ena=1)
        assert [acting(link, 2.0 + second, hertz=50.8) for second in (0, 4, 7.9)] == [0.0, 0.0, 0.0]
        state = device.models[701][0]
        state.read()
        assert state.Alrm.value == 0
        acting(link, 10.0, hertz=50.8)
        state.read()
        assert state.Alrm.value == 1 << 8
        assert curve(device, HIGH_FREQUENCY, [(51.5, 1), (52, 2)]) == 2  # what is worse would last longer
        assert curve(device, HIGH_FREQUENCY, []) == 2


# --- what it does not have, and what nobody measures ------------------------------------------------------------------


@pytest.mark.parametrize("number", [705, 712])
def test_what_the_box_does_not_have_can_be_read_and_not_be_switched_on(number: int) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        found = device.models[number][0]
        assert (found.Ena.value, found.NCrv.value, found.Crv[0].ReadOnly.value, found.Crv[0].ActPt.value) == (
            0,
            1,
            1,
            0,
        )
        with pytest.raises(REFUSED, match="exception: 3"):
            put(device, number, Ena=1)
        found.read()
        found.Crv[0].ActPt.value = 1
        with pytest.raises(REFUSED, match="exception: 2"):
            found.write()
        assert acting(link, 2.0, volts=260.0) is None


def test_without_a_meter_at_the_connection_no_function_can_be_switched_on() -> None:
    with served() as link, sunspec(link) as device:
        assert device.models[701][0].Hz.cvalue is None
        assert device.models[702][0].CtrlModes.value == 1 << 1
        for number in range(705, 713):
            with pytest.raises(REFUSED, match="exception: 3"):
                put(device, number, Ena=1)
        assert link.follow(seen(time=2.0)).acting is None


def test_the_grid_and_what_can_be_switched_on_are_told() -> None:
    with served(mains=Mains(231.4, 49.987)) as link, sunspec(link) as device:
        state = device.models[701][0]
        assert (state.LNV.cvalue, state.Hz.cvalue) == pytest.approx((231.4, 49.987))
        there = {"FIXED_W", "FREQ_WATT", "VOLT_WATT", "LV_TRIP", "HV_TRIP", "LF_TRIP", "HF_TRIP"}
        symbols = model(702).named("CtrlModes").symbols
        modes = device.models[702][0].CtrlModes.value
        assert {name for name, bit in symbols.items() if modes >> bit & 1} == there


def test_a_meter_that_tells_nothing_any_more_costs_the_power_while_a_function_is_on() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        order(device, -5000)
        assert acting(link, 2.0) is None
        put(device, DROOP, Ena=1)
        assert acting(link, 3.0, hertz=nan) == 0.0
        assert acting(link, 4.0) == 5000.0


@pytest.mark.parametrize("number", [DROOP, VOLT_WATT])
def test_what_moves_a_power_by_itself_ends_with_the_car_and_the_link(number: int) -> None:
    for ends in ({"plugged": False}, {"linked": False}):
        with served(mains=GOOD) as link, sunspec(link) as device:
            put(device, number, Ena=1)
            assert acting(link, 2.0) == 0.0
            acting(link, 3.0, **ends)
            assert acting(link, 4.0, hertz=51.0) is None


def test_a_trip_stays_on_when_the_car_leaves() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, HIGH_FREQUENCY, Ena=1)
        acting(link, 2.0, plugged=False)
        device.models[HIGH_FREQUENCY][0].read()
        assert device.models[HIGH_FREQUENCY][0].Ena.value == 1


@pytest.mark.parametrize("stops", [(703, "ES", 0), (715, "OpCtl", 0)])
def test_a_box_that_must_not_operate_does_nothing_by_itself(stops: tuple[int, str, int]) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        put(device, DROOP, Ena=1)
        number, name, value = stops
        put(device, number, **{name: value})
        assert acting(link, 2.0, hertz=51.0) == 0.0


@pytest.mark.parametrize(("name", "value"), [("Ena", 2), ("AdptCtlReq", 1), ("AdptCtlReq", 3)])
def test_what_a_function_does_not_have_is_refused(name: str, value: int) -> None:
    with served(mains=GOOD) as link, sunspec(link) as device, pytest.raises(REFUSED, match="exception: 3"):
        put(device, DROOP, **{name: value})


def test_the_acting_control_cannot_be_written() -> None:
    with served(mains=GOOD) as link, sunspec(link) as device:
        group(device, DROOP, 1).KOf.cvalue = 0.01
        with pytest.raises(REFUSED, match="exception: 2"):
            device.models[DROOP][0].write()
        assert link.follow(seen(time=2.0, mains=GOOD)).acting is None
