"""What a data sheet says of a meter, as the neutral record has it, and what the drivers say of theirs.

The referees are outside: the worked examples of the 34970A's specifications, and the divisors of the GUM.
"""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.accuracy import EXPANDED, Accuracy, HasDataSheet, range_for, stem, unstated
from instruments.registry import driver_class, driver_names

# 34970A, dc volts, 10 V range, one year: 0.0035 % of reading + 0.0005 % of range; beyond 18 to 28 °C for each kelvin
# 0.0005 % of reading + 0.0001 % of range. Examples 1 and 2 of its specifications.
TEN_VOLTS = Accuracy(
    reading=35e-6, span=5e-6, full_scale=10.0, reading_per_kelvin=5e-6, span_per_kelvin=1e-6, holds=(18.0, 28.0)
)


@pytest.mark.parametrize(
    ("room", "error"), [((18.0, 28.0), 365e-6), ((20.0, 35.0), 365e-6 + 7 * 55e-6), ((11.0, 25.0), 365e-6 + 7 * 55e-6)]
)
def test_a_limit_of_error_is_that_of_the_data_sheets_worked_example(room: tuple[float, float], error: float) -> None:
    assert TEN_VOLTS.in_room(room).half_width(9.0) == pytest.approx(error)


def test_a_limit_is_divided_by_the_root_of_three_and_an_expanded_uncertainty_by_its_coverage() -> None:
    assert Accuracy(offset=0.3).standard(7.0) == pytest.approx(0.3 / sqrt(3))
    assert Accuracy(reading=0.01, divisor=EXPANDED).expanded(5.0) == pytest.approx(0.05)
    assert Accuracy(resolution=0.1).standard(0.0) == pytest.approx(0.1 / sqrt(12))


def test_digits_are_counts_of_the_display() -> None:
    assert Accuracy(reading=0.001, digits=3, resolution=0.01).half_width(10.0) == pytest.approx(0.01 + 0.03)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"span": 0.001}, "needs the range"),
        ({"digits": 2}, "give the resolution"),
        ({"span": 0.001}, r"an accuracy of 0\.1 % of range needs the range: give its full scale"),
        ({"span_per_kelvin": 1e-5}, r"an accuracy of 0\.001 % of range per K needs the range"),
        ({"span": 0.001, "span_per_kelvin": 1e-5}, r"of 0\.1 % of range and 0\.001 % of range per K needs"),
    ],
)
def test_a_share_of_what_is_not_stated_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Accuracy(**wrong)  # type: ignore[arg-type]


RANGES = tuple(Accuracy(span=0.001, full_scale=scale) for scale in (0.6, 6.0, 60.0))


@pytest.mark.parametrize(
    ("largest", "scale"), [(0.0, 0.6), (0.6, 0.6), (-0.61, 0.6), (0.7, 6.0), (6.2, 6.0), (70, 60.0)]
)
def test_the_smallest_range_that_shows_a_reading_is_taken(largest: float, scale: float) -> None:
    assert range_for(RANGES, largest).full_scale == scale


@given(
    st.builds(
        Accuracy,
        reading=st.floats(0, 0.5), offset=st.floats(0, 9), digits=st.just(0.0), resolution=st.floats(0, 1),
        divisor=st.floats(1, 3), source=st.text(max_size=9), assumed=st.booleans(),
        holds=st.tuples(st.floats(-20, 20), st.floats(21, 50)),
    )
)  # fmt: skip
def test_what_is_stored_is_read_back(accuracy: Accuracy) -> None:
    stored = accuracy.as_dict()
    assert Accuracy.of({**stored, "holds": list(accuracy.holds), "of a later version": 1}) == accuracy


@pytest.mark.parametrize(
    ("driver", "model", "options", "channel", "reading", "error"),
    [
        ("ea-psb10000", "PSB 10200-420", {}, "current", 0.667, 0.42),
        ("ea-psb10000", "PSB 10200-25", {}, "current", 0.667, 0.025),
        ("ea-psb10000", "PSB 11500-30", {}, "voltage", 400.0, 0.75),
        ("ea-psb10000", "PSB 9080-60", {}, "voltage", 40.0, 0.04),
        ("chroma-63600", "63640-80-80", {}, "current", 0.5, 0.0004 * (0.5 + 0.8)),
        ("chroma-63600", "63640-80-80", {}, "current", 5.0, 0.0004 * (5.0 + 8.0)),
        ("chroma-63600", "63600-2", {"ratings": [150, 120, 800]}, "current", 1.0, 0.0004 * (1.0 + 1.2)),
        ("ngi-n83624", "N83624", {}, "cell", 3.3, 0.6e-3),
        ("agilent-34970a", "34970A", {}, "sensor", 25.0, 1.0),
        ("agilent-34970a", "34970A", {"thermocouple": "S"}, "sensor", 25.0, 1.2),
    ],
)
def test_a_driver_knows_the_data_sheet_of_its_models(
    driver: str, model: str, options: dict[str, object], channel: str, reading: float, error: float
) -> None:
    kind = driver_class(driver)
    assert isinstance(kind, HasDataSheet)
    assert range_for(kind.data_sheet(model, options)[channel], reading).half_width(reading) == pytest.approx(error)


def test_of_a_model_that_a_driver_does_not_know_it_says_nothing() -> None:
    for name in ("ea-psb10000", "chroma-63600"):
        kind = driver_class(name)
        assert isinstance(kind, HasDataSheet)
        assert kind.data_sheet("another one", {}) == {}


def test_every_figure_of_a_data_sheet_has_a_source() -> None:
    kinds = [driver_class(name) for name in driver_names()]
    sheets = [kind.data_sheet("PSB 10200-25 63640-80-80", {}) for kind in kinds if isinstance(kind, HasDataSheet)]
    assert len(sheets) >= 6
    assert all(each.source for sheet in sheets for ranges in sheet.values() for each in ranges)


def test_what_nobody_states_is_called_assumed() -> None:
    assert all(unstated(quantity).assumed for quantity in ("voltage", "temperature", "a quantity of tomorrow"))


def test_a_channel_is_known_by_its_name_without_a_number() -> None:
    assert [stem(name) for name in ("cell 7", "sensor 12", "voltage", "soc min")] == [
        "cell",
        "sensor",
        "voltage",
        "soc min",
    ]
