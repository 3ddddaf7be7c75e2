"""The served SunSpec models, read and written by the client of the SunSpec Alliance's own package."""

import json
import struct
from collections.abc import Iterator
from importlib.resources import files
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2 import mb
from sunspec2.modbus.client import SunSpecModbusClientError
from sunspec2.modbus.modbus import ModbusClientException

from bench.managing.links import Mains
from bench.managing.modbus.orders import Orders
from bench.managing.modbus.points import SHOWN, TAKEN
from bench.managing.modbus.points import served as models
from bench.managing.modbus.sunspec import KINDS, Point, number, symbol, words
from bench.managing.modbus.sunspec import model as defined
from bench.verdicts import InputError
from tests.bench.managing.clients import line, read, seen, served, sunspec, write

SERVED = [1, 701, 702, 703, 704, *range(705, 713), 713, 714, 715, 802]


def test_its_client_finds_every_model_as_it_is_defined() -> None:
    with served() as link, sunspec(link) as device:
        assert [each.model_id for each in device.model_list] == SERVED
        assert [each.error_info for each in device.model_list] == [""] * len(SERVED)


def definition(number: int) -> Any:
    """A model as the SunSpec Alliance has it, with what it must have."""
    found = files("sunspec2") / "models" / "json" / f"model_{number}.json"
    return json.loads(found.read_text(encoding="utf-8"))["group"]


def missing(group: Any, defined: Any, path: str = "") -> Iterator[str]:
    """What a definition wants of a group, and of those in it, and the box does not tell."""
    for point in defined.get("points", ()):
        if point.get("mandatory") == "M" and getattr(group, point["name"]).value is None:
            yield path + point["name"]
    for inner in defined.get("groups", ()):
        found = getattr(group, inner["name"])
        for each in found if isinstance(found, list) else [found]:
            yield from missing(each, inner, f"{path}{inner['name']}.")


@pytest.mark.parametrize("number", SERVED)
def test_each_model_tells_all_that_its_definition_makes_it_tell(number: int) -> None:
    with served(mains=Mains(230.0, 50.0)) as link, sunspec(link) as device:
        assert list(missing(device.models[number][0], definition(number))) == []


def test_of_each_grid_function_one_acts_and_of_those_that_the_box_has_one_can_be_written() -> None:
    with served(mains=Mains(230.0, 50.0)) as link, sunspec(link) as device:
        found = {number: device.models[number][0] for number in range(705, 713)}
        there = {number: len(each.Ctl if number == 711 else each.Crv) for number, each in found.items()}
        assert there == {705: 1, 706: 2, 707: 2, 708: 2, 709: 2, 710: 2, 711: 2, 712: 1}


def test_a_battery_that_was_disconnected_says_so_until_it_is_connected() -> None:
    with served() as link, sunspec(link) as device:
        battery, states = device.models[802][0], list[int]()
        for operation in (None, 2, 1):
            if operation is not None:
                battery.SetOp.value = operation
                battery.write()
            battery.read()
            states.append(battery.State.value)
        apart, there = (symbol(802, "State", name) for name in ("DISCONNECTED", "CONNECTED"))
        assert states == [there, apart, there]


def test_no_name_is_served_that_the_definitions_do_not_have() -> None:
    """What is misspelt would never be shown, and nobody would miss it."""
    for model in models():
        names = {point.name for point in model.points}
        assert set(SHOWN[model.number]) <= names
        assert {name for number, name in TAKEN if number == model.number} <= {
            point.name for point in model.points if point.writable
        }
    assert set(TAKEN) <= set(Orders(waits=True).sun)


def test_it_reads_the_car_with_the_signs_and_units_of_sunspec() -> None:
    with served(power=3000.0, amps=8.0, volts=350.0) as link, sunspec(link) as device:
        assert device.models[701][0].W.cvalue == -3000  # what it takes is not what it gives
        assert (device.models[701][0].TotWhAbs.cvalue, device.models[701][0].TotWhInj.cvalue) == (10, 20)
        assert (device.models[702][0].WChaRteMax.cvalue, device.models[702][0].WDisChaRteMax.cvalue) == (11000, 9000)
        assert device.models[713][0].SoC.cvalue == pytest.approx(62)
        battery = device.models[802][0]
        assert battery.SoC.cvalue == pytest.approx(62)
        assert (battery.WHRtg.cvalue, battery.V.cvalue, battery.A.cvalue) == pytest.approx((52000, 350, -8))
        assert (battery.WChaRteMax.cvalue, battery.WDisChaRteMax.cvalue) == (7000, 7100)


@pytest.mark.parametrize("given", [{"soc": None}, {"plugged": False}])
def test_a_charge_that_nobody_knows_is_no_charge(given: dict[str, Any]) -> None:
    with served(**given) as link, sunspec(link) as device:
        assert device.models[802][0].SoC.cvalue is None
        assert device.models[713][0].SoC.cvalue is None


def control(device: Any, **values: float) -> None:
    """Write points of model 704."""
    model = device.models[704][0]
    for name, value in values.items():
        getattr(model, name).cvalue = value
    model.write()


def test_a_set_point_below_0_charges() -> None:
    with served() as link, sunspec(link) as device:
        control(device, WSetMod=1, WSet=-2500, WSetEna=1)
        assert link.follow(seen(time=2.0)).power == 2500
        control(device, WSet=1200)
        assert link.follow(seen(time=3.0)).power == -1200
        control(device, WSetEna=0)
        assert link.follow(seen(time=4.0)).power == 0


def test_a_set_point_in_per_cent_is_one_of_the_largest_power() -> None:
    with served() as link, sunspec(link) as device:
        control(device, WSetMod=0, WSetPct=-50, WSetEna=1)
        assert link.follow(seen(time=2.0)).power == 5500


def test_a_set_point_ends_with_its_reversion_time_and_begins_anew_with_each_write() -> None:
    with served() as link, sunspec(link) as device:
        control(device, WSetRvrtTms=30, WSetMod=1, WSet=-2500, WSetEna=1)
        assert link.follow(seen(time=25.0)).power == 2500
        device.models[704][0].read()
        assert device.models[704][0].WSetRvrtRem.value == 6
        control(device, WSet=-2400)
        assert link.follow(seen(time=54.0)).power == 2400
        assert link.follow(seen(time=55.5)).power == 0
        device.models[704][0].read()
        assert device.models[704][0].WSetEna.value == 0


def test_a_heart_beat_renews_no_set_point() -> None:
    with served() as link, sunspec(link) as device:
        control(device, WSetRvrtTms=30, WSetMod=1, WSet=-2500, WSetEna=1)
        link.follow(seen(time=25.0))
        beat = device.models[715][0]
        beat.ControllerHb.value = 7
        beat.write()
        assert link.follow(seen(time=31.5)).power == 0


def test_a_car_that_leaves_takes_its_set_point_along() -> None:
    with served() as link, sunspec(link) as device:
        control(device, WSetMod=1, WSet=-2500, WSetEna=1)
        assert link.follow(seen(time=2.0, plugged=False)).power == 0
        assert link.follow(seen(time=3.0)).power == 0


@pytest.mark.parametrize("stops", [(703, "ES", 0), (715, "OpCtl", 0), (715, "OpCtl", 2), (802, "SetOp", 2)])
def test_what_must_not_operate_rests(stops: tuple[int, str, int]) -> None:
    with served() as link, sunspec(link) as device:
        control(device, WSetMod=1, WSet=-2500, WSetEna=1)
        number, name, value = stops
        model = device.models[number][0]
        getattr(model, name).value = value
        model.write()
        assert link.follow(seen(time=2.0)).power == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WSet", 9001), ("WSet", -11001), ("WSetRvrt", 1), ("WSetEna", 2), ("WSetMod", 2), ("WSetPctRvrt", 5),
        ("WSetPct", 100),
    ],
)  # fmt: skip
def test_what_may_not_be_is_refused_and_changes_nothing(name: str, value: float) -> None:
    """More than the charger gives (9000 W) or takes; a power that would act once nobody renews it."""
    with served() as link, sunspec(link) as device:
        control(device, WSetMod=1, WSet=-2500, WSetEna=1)
        with pytest.raises((ModbusClientException, SunSpecModbusClientError), match="exception: 3"):
            control(device, **{name: value})
        assert link.follow(seen(time=2.0)).power == 2500


def test_a_block_with_one_wrong_value_changes_nothing_of_it() -> None:
    with served() as link, sunspec(link) as device:
        with pytest.raises((ModbusClientException, SunSpecModbusClientError)):
            control(device, WSetEna=1, WSetMod=1, WSet=99999)
        device.models[704][0].read()
        assert device.models[704][0].WSetEna.value == 0


def test_what_is_not_there_to_be_written_is_no_address() -> None:
    with served() as link, sunspec(link) as device:
        ratings, battery = device.models[702][0], device.models[802][0]
        ratings.WMax.cvalue = 100
        with pytest.raises((ModbusClientException, SunSpecModbusClientError), match="exception: 2"):
            ratings.write()
        battery.SoCRsvMin.cvalue = 10
        with pytest.raises((ModbusClientException, SunSpecModbusClientError), match="exception: 2"):
            battery.write()


def test_half_a_value_is_no_address() -> None:
    with served() as link, sunspec(link) as device, line(link) as ask:
        half = device.models[704][0].model_addr + device.models[704][0].WSet.offset + 1
        assert ask(write(half, 100)) == b"\x90\x02"
        assert ask(read(half)) == b"\x03\x02\x00\x00"


# --- how a value is written -------------------------------------------------------------------------------------------


def point(kind: str, size: int = 1, **symbols: int) -> Point:
    return Point("P", kind, 2, size, None, False, symbols)


def bounds(kind: str) -> tuple[int, int]:
    """What a kind of number can hold, by its name."""
    form = KINDS[kind].form
    bits = 16 * KINDS[kind].words
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if form.islower() else (0, 2**bits - 1)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_number_is_read_as_it_was_written(kind: str, data: st.DataObject) -> None:
    low, high = bounds(kind)
    value = data.draw(st.integers(max(low, -(2**52)), min(high, 2**52)))
    written = words(point(kind), float(value))
    assert len(written) == KINDS[kind].words
    assert all(0 <= word <= 0xFFFF for word in written)
    nothing = value == KINDS[kind].none and value != 0
    assert number(point(kind), written) == (None if nothing else value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nothing", [None, nan, inf, -inf, 1e30, -1e30])
def test_what_a_register_cannot_hold_stands_there_as_nothing(kind: str, nothing: float | None) -> None:
    """Never as another number: what is too large is not there, and not as much as fits."""
    written = words(point(kind), nothing)
    assert written == words(point(kind), None)
    assert number(point(kind), written) == (0.0 if KINDS[kind].none == 0 else None)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() & mb.point_type_info.keys() - {"pad", "count"}))
def test_what_stands_for_nothing_and_how_numbers_lie_is_what_the_alliance_s_own_package_says(kind: str) -> None:
    """All but a pad, for which it has 0 and the specification 0x8000."""
    told, (low, high) = mb.point_type_info[kind], bounds(kind)
    nothing = struct.pack(f">{told.len}H", *words(point(kind), None))
    assert told.len == KINDS[kind].words
    assert not told.is_impl(told.data_to(nothing))
    for value in {max(low + 1, -(2**52)), min(high - 1, 2**52), 1, 258}:
        assert told.data_to(struct.pack(f">{told.len}H", *words(point(kind), value))) == value


@pytest.mark.parametrize(
    ("value", "power", "written"),
    [
        (11000.0, 1, (1100,)), (11004.9, 1, (1100,)), (11005.1, 1, (1101,)),
        (231.44, -1, (2314,)), (50.2, -3, (50200,)),
        (-0.05, -2, (0xFFFB,)), (0.0, 3, (0,)),
    ],
)  # fmt: skip
def test_a_number_stands_by_its_power_of_ten(value: float, power: int, written: tuple[int, ...]) -> None:
    of = point("uint16") if value > 32 else point("int16")
    assert words(of, value, power) == written
    assert number(of, written, power) == pytest.approx(value, abs=10.0**power / 2)


def test_a_name_stands_as_the_value_that_the_definition_gives_it() -> None:
    assert words(point("enum16", OFF=1, ON=2), "ON") == (2,)
    assert symbol(701, "InvSt", "RUNNING") == defined(701).named("InvSt").symbols["RUNNING"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ab", (0x6162, 0, 0)), ("abcdef", (0x6162, 0x6364, 0x6566)), ("abcdefgh", (0x6162, 0x6364, 0x6566)),
        ("", (0, 0, 0)), (None, (0, 0, 0)), ("\u00e9", (0x3F00, 0, 0)),
    ],
)  # fmt: skip
def test_a_text_fills_its_registers_and_no_others(text: str | None, written: tuple[int, ...]) -> None:
    assert words(point("string", 3), text) == written


@pytest.mark.parametrize("number", SERVED)
def test_the_points_of_a_model_follow_each_other_without_a_gap(number: int) -> None:
    (found,) = [each for each in models() if each.number == number]
    at = 0
    for each in found.points:
        assert each.at == at
        at += each.size
    assert found.length == at - 2
    assert [each.name for each in found.points[:2]] == ["ID", "L"]


def test_a_model_that_nobody_has_defined_names_what_to_install() -> None:
    with pytest.raises(InputError, match=r"the definition of SunSpec model 60000: python3 -m pip install 'packbench\["):
        defined(60000)
