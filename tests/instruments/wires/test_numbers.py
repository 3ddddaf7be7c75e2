"""Numbers as instruments write them are read, and nothing else is one."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.wires.numbers import last_digit, parse_number


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("20.45V", "V", 20.45),
        (" 33.3A", "A", 33.3),
        ("420W", "W", 420.0),
        ("3.5kW", "W", 3500.0),
        ("100mA", "A", 0.1),
        ("250mA", "mA", 250.0),
        ("-12.5 A", "A", -12.5),
        ("+2.50000000E+01", "", 25.0),
        ("7.5", "V", 7.5),
    ],
)
def test_numbers_as_instruments_write_them(text: str, unit: str, value: float) -> None:
    assert parse_number(text, unit) == pytest.approx(value)


@pytest.mark.parametrize("text", ["9.9E+37", "9.90000000E+37", "-9.9E37", "9.91E37", "+9.90000000E+37"])
def test_scpi_infinity_is_no_value(text: str) -> None:
    assert parse_number(text) != parse_number(text)


@pytest.mark.parametrize(("text", "unit"), [("", "V"), ("ON", ""), ("12A", "V"), ("12V", ""), ("1,2", ""), ("V", "V")])
def test_what_is_no_number_is_refused(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_number(text, unit)


@given(st.floats(min_value=-1e6, max_value=1e6), st.sampled_from(["", "V", "A", "W", "mA"]), st.integers(0, 6))
def test_every_printed_number_is_read_back(value: float, unit: str, decimals: int) -> None:
    text = f"{value:.{decimals}f}{unit}"
    assert abs(parse_number(text, unit) - value) <= last_digit(text, unit)


@given(st.text(max_size=20), st.sampled_from(["", "V", "mA"]))
def test_garbage_is_a_value_error_or_a_number(text: str, unit: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_number(text, unit), float)


@pytest.mark.parametrize(
    ("text", "unit", "weight"),
    [
        ("20.45V", "V", 0.01),
        ("420W", "W", 1.0),
        ("1.5kW", "W", 100.0),
        ("2mA", "mA", 1.0),
        ("1.2E-03", "", 1e-4),
    ],
)
def test_the_last_digit_tells_what_a_display_can_know(text: str, unit: str, weight: float) -> None:
    assert last_digit(text, unit) == pytest.approx(weight)


@pytest.mark.parametrize("text", ["", "OFF", "1.2.3", "1e999", "0e999", "1e-999", "1e306kV", f"1e{'9' * 5000}", "nan"])
def test_of_what_is_no_number_or_beyond_all_measure_no_digit_weighs_anything(text: str) -> None:
    """A digit of infinite weight would take every set point for one that was kept."""
    assert last_digit(text, "V") == 0.0


@given(st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,4})?([eE][+-]?[0-9]{1,12})?[kMmuµ]?V?", fullmatch=True))
def test_the_last_digit_of_any_number_has_a_finite_weight(text: str) -> None:
    assert 0.0 <= last_digit(text, "V") < float("inf")
