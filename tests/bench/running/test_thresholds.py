"""The range of a column: what may be compared with it, and how it is written."""

from collections.abc import Callable
from math import inf, nan, nextafter
from pathlib import Path

import pytest

from bench import columns
from bench.pack import load_pack
from bench.running.thresholds import ROUNDING, Range, meant, problems, ranges
from bench.scenario import ELAPSED, Charge, Until, elapsed
from bench.station import load_station


@pytest.mark.parametrize("bound", [86.4, 0.5, -20.0])
def test_a_threshold_may_be_off_its_range_by_the_rounding_of_a_product_and_no_more(bound: float) -> None:
    """24 times 3.6 V is not what somebody writes down as 86.4, whatever the size of the bound."""
    room = ROUNDING * abs(bound)
    for span, way in ((Range(-1e6, bound, "V"), inf), (Range(bound, 1e6, "V"), -inf)):
        edge = bound + room if way > 0 else bound - room
        assert bound in span
        assert edge in span
        assert nextafter(edge, way) not in span


@pytest.mark.parametrize("span", [Range(0.0, 1.0, "1"), Range(-1.0, 0.0, "1")])
def test_a_range_that_ends_at_0_ends_there(span: Range) -> None:
    outside = nextafter(0.0, -1.0 if span.low == 0 else 1.0)
    assert 0.0 in span
    assert outside not in span


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Range(0.0, 1.0, "1"), "0 to 1"), (Range(-20.0, 50.0, "degC"), "-20 to 50 °C"),
        (Range(0.0, 86.4, "V"), "0 to 86.4 V"), (Range(0.0, 2592000.0, "s"), "0 to 2592000 s"),
    ],
)  # fmt: skip
def test_a_range_is_told_with_its_unit_where_it_has_one(span: Range, text: str) -> None:
    assert str(span) == text


Write = Callable[[str, str], Path]


@pytest.mark.parametrize(
    ("wiring", "charge", "discharge", "current"), [(6, 4, 5, 5.0), (6, 5.5, 5, 5.5), (3, 4, 5, 3.0)]
)
def test_what_a_column_can_be_is_what_pack_and_wiring_allow(
    write: Write, station_text: str, pack_text: str, wiring: float, charge: float, discharge: float, current: float
) -> None:
    """Four cells of 3.05 to 3.45 V and 2 Ah, charged between -10 and 50 degC, discharged between -20 and 45."""
    station, _ = load_station(str(write("s.yaml", station_text.replace("current: 6", f"current: {wiring}"))))
    for old, new in (
        (" charge_current: 4", f" charge_current: {charge}"),
        ("discharge_current: 5", f"discharge_current: {discharge}"),
        ("{min: -20, max: 50}", "{min: -20, max: 45}"),
    ):  # fmt: skip
        pack_text = pack_text.replace(old, new)
    pack, _ = load_pack(str(write("p.yaml", pack_text)))
    lowest, highest = pytest.approx(4 * 3.05), pytest.approx(4 * 3.45)
    power = pytest.approx(current * 4 * 3.45)
    degrees, volts, moved, energy = (-20.0, 50.0), (3.05, 3.45), (0.0, 20e3), (0.0, pytest.approx(20e3 * 4 * 3.45))
    found = {name: ((span.low, span.high), span.unit) for name, span in ranges(pack, station).items()}
    assert found == {
        ELAPSED: ((0.0, 30 * 24 * 3600.0), "s"), columns.SOC: ((0.0, 1.0), "1"), columns.CURRENT: ((0.0, current), "A"),
        columns.VOLTAGE: ((lowest, highest), "V"), columns.POWER: ((pytest.approx(-current * 4 * 3.45), power), "W"),
        columns.CELL_VOLTAGE_MIN: (volts, "V"), columns.CELL_VOLTAGE_MAX: (volts, "V"),
        columns.AMBIENT: (degrees, "degC"), columns.SURFACE: (degrees, "degC"),
        columns.CELL_TEMPERATURE_MIN: (degrees, "degC"), columns.CELL_TEMPERATURE_MAX: (degrees, "degC"),
        columns.CHARGE_AH: (moved, "Ah"), columns.DISCHARGE_AH: (moved, "Ah"),
        columns.CHARGE_WH: (energy, "Wh"), columns.DISCHARGE_WH: (energy, "Wh"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit", "low", "high", "likely"),
    [
        (80.0, "1", 0.0, 1.0, "0.8"), (100.0, "1", 0.0, 1.0, "1"), (101.0, "1", 0.0, 1.0, ""),
        (-0.1, "1", 0.0, 1.0, ""), (0.0, "1", 0.5, 1.0, ""),
        (298.15, "degC", -20.0, 50.0, "25"), (253.15, "degC", -20.0, 50.0, "-20"), (77.0, "degC", -20.0, 50.0, "25"),
        (-40.0, "degC", -50.0, -45.0, ""), (500.0, "degC", -20.0, 50.0, ""),
        (3400.0, "V", 3.05, 3.45, "3.4"), (-3.4, "V", 3.05, 3.45, "3.4"), (34.0, "V", 3.05, 3.45, ""),
        (-0.5, "A", 0.0, 5.0, "0.5"), (500.0, "A", 0.0, 5.0, "0.5"), (-500.0, "A", 0.0, 5.0, ""),
        (-1800.0, "s", 0.0, 86400.0, "1800"), (6e7, "s", 0.0, 86400.0, "60000"),
        (-1.0, "Ah", 0.0, 10.0, "1"), (1000.0, "Ah", 0.0, 10.0, ""), (-1.0, "Wh", 0.0, 10.0, "1"),
        (-1.0, "W", 0.0, 10.0, ""),
    ],
)  # fmt: skip
def test_what_was_likely_meant_is_what_people_do_to_such_a_number_and_lies_within(
    value: float, unit: str, low: float, high: float, likely: str
) -> None:
    assert meant(value, unit, low, high) == (f" Did you mean {likely}?" if likely else "")


def told(write: Write, station: str, pack: str, *conditions: Until, timeout: float | None = None) -> list[str]:
    """What is wrong with a charge that ends so."""
    found = load_pack(str(write("p.yaml", pack)))[0], load_station(str(write("s.yaml", station)))[0]
    return list(problems(Charge(1.0, list(conditions), timeout=timeout), *found))


@pytest.mark.parametrize(
    ("hold", "said"), [(0.0, None), (5e-324, None), (1e300, None), (-1e-9, "-1e-09"), (inf, "inf"), (nan, "nan")]
)
def test_a_condition_may_have_to_hold_for_a_time_that_passes(
    write: Write, station_text: str, pack_text: str, hold: float, said: str | None
) -> None:
    """One that must hold for ever would never end its step."""
    found = told(write, station_text, pack_text, Until(columns.SOC, ">=", 0.5, hold=hold))
    sentence = f"Step 'charge': an end condition on 'SOC / 1' must hold for {said} s: give 0 s or more."
    assert found == ([] if said is None else [sentence])


@pytest.mark.parametrize(
    ("timeout", "said"),
    [(None, None), (5e-324, None), (1e300, None), (0.0, "0"), (-1.0, "-1"), (inf, "inf"), (nan, "nan")],
)
def test_a_timeout_is_a_time_that_passes(
    write: Write, station_text: str, pack_text: str, timeout: float | None, said: str | None
) -> None:
    found = told(write, station_text, pack_text, elapsed(hours=1), timeout=timeout)
    sentence = f"Step 'charge': a timeout of {said} s is none: give more than 0 s, or leave it out."
    assert found == ([] if said is None else [sentence])


@pytest.mark.parametrize(
    ("seconds", "question"),
    [
        (0.0, ""),
        (-0.5, " Did you mean 0.5?"),
        (-1800.0, " Did you mean 1800?"),
        (-2592000.0, " Did you mean 2592000?"),
        (-2592001.0, ""),
    ],
)
def test_a_time_of_no_seconds_is_none_and_one_below_was_likely_meant_above(
    write: Write, station_text: str, pack_text: str, seconds: float, question: str
) -> None:
    """Nobody means more than the 30 days that a step can take."""
    assert told(write, station_text, pack_text, elapsed(seconds=seconds)) == [
        f"Step 'charge': a time of {seconds:g} s is none: give elapsed() more than 0, in seconds, minutes or hours."
        f"{question}"
    ]


def test_each_condition_that_cannot_be_meant_has_a_sentence(write: Write, station_text: str, pack_text: str) -> None:
    found = told(
        write, station_text, pack_text, elapsed(hours=1), Until("SOC / %", ">=", 0.5), Until(columns.SOC, "<=", nan),
        Until(columns.COOLANT_FLOW, ">=", 1.0), Until(columns.BMS_STATE, ">=", 1.0), Until("Step Tmie", ">=", 1.0),
        timeout=0.0,
    )  # fmt: skip
    begins = [
        "no column 'SOC / %'; did you mean 'SOC / 1'?",
        "an end condition on 'SOC / 1' compares with nan and would never end it.",
        "nobody measures 'Coolant Flow Rate / L/min' on station little; ",
        "no column 'Step Tmie'; did you mean 'Step Time / s'?",
        "a timeout of 0 s is none",
    ]  # fmt: skip
    assert [
        each.removeprefix("Step 'charge': ")[: len(says)] for each, says in zip(found, begins, strict=True)
    ] == begins
