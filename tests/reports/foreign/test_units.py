"""Headers of other programs: name and unit are told apart, and no unit is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.foreign import units


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("Current(mA)", "current", "mA"),
        ("Voltage / V", "voltage", "V"),
        ("<I>/mA", "<i>", "mA"),
        ("(Q-Qo)/mA.h", "(q-qo)", "mA.h"),
        ("~Time[h]", "time", "h"),
        ("\ufeffTest_Time (s)", "test time", "s"),
        ("#  Voltage { V }", "voltage", "V"),
        ("Temperature (°C)", "temperature", "°C"),
        ("Ambient Temperature / deg C", "ambient temperature", "deg C"),
        ("Aux_Temperature_1(C)", "aux temperature 1", "C"),
        ("Charge   Capacity", "charge capacity", None),
        ("Datum/Uhrzeit", "datum", "Uhrzeit"),
        ("Step ()", "step", ""),
        ("(V)", "(v)", None),
        ("", "", None),
    ],
)
def test_a_header_is_a_name_and_a_unit(header: str, name: str, unit: str | None) -> None:
    assert units.split_header(header) == (name, unit)


@given(st.text(max_size=40))
def test_any_header_has_a_plain_name(header: str) -> None:
    name, unit = units.split_header(header)
    assert name == " ".join(name.lower().split())
    assert unit is None or unit == unit.strip()


@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("mV", "V", 1e-3), ("µA", "A", 1e-6), ("μA", "A", 1e-6), ("mAh", "Ah", 1e-3), ("MAH", "Ah", 1e-3),
        ("As", "Ah", 1 / 3600), ("J", "Wh", 1 / 3600), ("kWh", "Wh", 1e3), ("min", "s", 60), (" h ", "s", 3600),
        ("ms", "s", 1e-3), ("hh:mm", "s", 1), ("℃", "degC", 1), ("c", "degC", 1), ("c", "Ah", 1 / 3600),
        ("mW", "W", 1e-3), ("MW", "W", 1e6), ("mWh", "Wh", 1e-3), ("MWh", "Wh", 1e6), ("", "1", 1),
    ],
)  # fmt: skip
def test_a_unit_is_a_factor_to_ours(unit: str, to: str, factor: float) -> None:
    assert units.factor(unit, to) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("unit", "to"), [("K", "degC"), ("°F", "degC"), ("V", "A"), ("", "V"), ("W/kg", "W"), ("s", "x")]
)
def test_a_unit_that_nobody_knows_is_none(unit: str, to: str) -> None:
    assert units.factor(unit, to) is None


def test_a_unit_of_anything_is_one_and_a_word_is_none() -> None:
    assert all(map(units.is_unit, ("V", "mAh", "°C", "hh:mm:ss", "1")))
    assert not any(map(units.is_unit, ("volts per cell", "K", "1.5")))


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("ch1 voltage", ("voltage", 1)), ("channel #12 current", ("current", 12)), ("voltage 2", ("voltage", 2)),
        ("u2", ("u", 2)), ("voltage ch 3", ("voltage", 3)), ("voltage #3", ("voltage", 3)), ("zelle 4 spannung",
        ("spannung", 4)), ("voltage", None), ("2", None), ("voltage 1234", None), ("2nd voltage", None),
    ],
)  # fmt: skip
def test_the_number_of_a_channel_stands_before_or_behind_its_name(name: str, channel: tuple[str, int] | None) -> None:
    assert units.channel_of(name) == channel


@pytest.mark.parametrize(
    ("label", "unit"), [("Voltage / V", "V"), ("Step Count / 1", "1"), ("a / b / Ah", "Ah"), ("x", "x")]
)
def test_a_label_of_ours_ends_in_its_unit(label: str, unit: str) -> None:
    assert units.unit_of(label) == unit
