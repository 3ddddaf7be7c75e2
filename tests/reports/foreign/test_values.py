"""Cells as other programs write them: each form is read as what it says, and what is no value is missing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.foreign import values

NAN = float("nan")
CENTS = st.integers(-99_999_999, 99_999_999).map(lambda cents: cents / 100)
FORMS: dict[str, Callable[[float], str]] = {
    "with a point": lambda x: f"{x:.2f}",
    "with a comma": lambda x: f"{x:.2f}".replace(".", ","),
    "as a power of ten": lambda x: f"{x:.12e}",
    "with a sign": lambda x: f"{x:+.2f}",
    "between blanks": lambda x: f"  {x:.2f}\t",
    "thousands between commas": lambda x: f"{x:,.2f}",
    "thousands between points": lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
    "thousands between narrow blanks": lambda x: f"{x:,.2f}".replace(",", "\u202f"),
}


def column(cells: Sequence[Any], *, chunks: int = 1) -> pa.ChunkedArray:
    """An arrow column, in as many pieces as a long file has."""
    length = max(1, -(-len(cells) // chunks))
    parts = [cells[start : start + length] for start in range(0, len(cells), length)]
    return pa.chunked_array([pa.array(part, pa.string()) for part in parts], pa.string())


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40)
@given(numbers=st.lists(CENTS, min_size=1, max_size=8), chunks=st.integers(1, 3))
def test_a_number_is_what_is_written_in_whatever_form(form: str, numbers: list[float], chunks: int) -> None:
    written = [FORMS[form](number) for number in numbers]
    assert values.floats(column(written, chunks=chunks)) == pytest.approx(numbers, abs=1e-9)


def test_of_whole_thousands_beside_others_the_points_part_thousands_as_well() -> None:
    """A spreadsheet that writes 1.234,5 leaves the fraction of 1236 out: it is not a bit more than one."""
    assert values.floats(column(["1.234,5", "1.236", "-1.000.000", "12,5", "0"])).tolist() == [
        1234.5, 1236.0, -1e6, 12.5, 0.0,
    ]  # fmt: skip
    assert values.floats(column(["1.236", "1.237"])).tolist() == [1.236, 1.237], "nothing says that it is more"


@pytest.mark.parametrize("cell", ["", "-", "n/a", "1.2.3", "1e", "3 V", "0x10", "--1", "1,2,3", "five", "1..2", "e5"])
def test_what_is_no_number_is_missing_and_costs_no_other_cell(cell: str) -> None:
    found = values.floats(column(["1.5", cell, "2.5"]))
    assert np.isnan(found[1])
    assert found[[0, 2]].tolist() == [1.5, 2.5]


def test_a_column_without_a_cell_is_empty_and_a_cell_without_a_value_is_missing() -> None:
    assert values.floats(pa.chunked_array([], pa.string())).tolist() == []
    assert values.floats(pa.chunked_array([], pa.float64())).tolist() == []
    assert np.isnan(values.floats(column([None, None]))).all()
    assert np.isnan(values.floats(pa.chunked_array([pa.array([None, 1], pa.int32())]))).tolist() == [True, False]


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_()])
def test_numbers_of_any_kind_are_numbers(kind: pa.DataType) -> None:
    numbers = pa.chunked_array([pa.array([0, 1], pa.int8()).cast(kind), pa.array([1], pa.int8()).cast(kind)])
    assert values.floats(numbers).tolist() == [0.0, 1.0, 1.0]


DURATIONS: dict[str, Callable[[int, int, int, float], str]] = {
    "Maccor": lambda d, h, m, s: f"  {d}d {h:02d}:{m:02d}:{s:05.2f}",
    "days before a point": lambda d, h, m, s: f"{d}.{h:02d}:{m:02d}:{s:05.2f}",
    "in words": lambda d, h, m, s: f"{d} days {h}:{m:02d}:{s:05.2f}",
    "days before a dash": lambda d, h, m, s: f"{d}-{h:02d}:{m:02d}:{s:05.2f}",
    "hours beyond a day": lambda d, h, m, s: f"{24 * d + h}:{m:02d}:{s:05.2f}",
    "a decimal comma": lambda d, h, m, s: f"{24 * d + h}:{m:02d}:{s:05.2f}".replace(".", ","),
    "hundredths behind a colon": lambda d, h, m, s: f"{24 * d + h}:{m:02d}:{s:05.2f}".replace(".", ":"),
}


@pytest.mark.parametrize("form", DURATIONS)
@settings(max_examples=30)
@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 5999).map(lambda x: x / 100))
def test_a_duration_is_as_long_as_is_written(form: str, days: int, hours: int, minutes: int, seconds: float) -> None:
    written = DURATIONS[form](days, hours, minutes, seconds)
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    assert values.durations(column([written])) == pytest.approx([expected], abs=1e-6)
    found = values.times(column([written, written]))
    assert found is not None
    assert found == pytest.approx([expected, expected], abs=1e-6), "no moments, which would begin at zero"


@pytest.mark.parametrize("cell", ["", "5", "1:2", "1:2:3:4:5", "-1:00:00", "1:00:00 PM", "a:b:c", "2024-01-01 1:00:00"])
def test_what_is_no_duration_is_missing(cell: str) -> None:
    assert np.isnan(values.durations(column([cell]))).all()


@pytest.mark.parametrize(("last", "expected"), [(1.0, [0.0, 3590.0, 7147.5]), (60.0, [0.0, 215_400.0, 428_850.0])])
def test_of_two_fields_the_last_counts_what_the_header_says(last: float, expected: list[float]) -> None:
    found = values.times(column(["0:00", "59:50", "119:07.5"]), last)
    assert found is not None
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("cells", "two"),
    [
        (["59:50", "60:00", "x"], True),
        (["59:50", None, None], True),
        (["59:50", "x"], False),
        (["1:59:50", "59:50", "1:00:00"], False),
        ([None], False),
        ([], False),
    ],
)
def test_times_of_two_fields_are_seen_where_most_are_some(cells: list[str | None], two: bool) -> None:
    assert values.has_two_fields(column(cells)) is two


def test_plain_numbers_are_no_times_and_words_neither() -> None:
    assert values.times(column(["1.5", "2.5", "3.5"])) is None
    assert values.times(column(["soon", "later"])) is None


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(  # noqa: DTZ001 - as cyclers write it
    lambda moment: moment.replace(microsecond=0)
)


def unix(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("form", values.DATES)
def test_moments_of_every_form_are_as_far_apart_as_they_are(form: str) -> None:
    """Over a leap day and its midnight; of a day beyond the twelfth no form takes the month for the day."""
    moments = [datetime(2024, 2, 28, 23, 40) + timedelta(hours=hours) for hours in (0, 13, 25)]  # noqa: DTZ001
    zone = UTC if "%z" in form else None
    written = [moment.replace(tzinfo=zone).strftime(form) for moment in moments]
    assert values.dates(column(written)) == pytest.approx([unix(moment) for moment in moments])


def test_a_zone_is_taken_into_account_and_what_is_none_is_missing() -> None:
    found = values.dates(column(["2024-03-01T08:00:00+01:00", "2024-03-01T08:00:00Z", "soon"]))
    assert found[1] - found[0] == 3600.0
    assert np.isnan(found[2])


def test_of_days_and_months_that_may_be_either_time_goes_on_as_it_does() -> None:
    """Three days in March; as months they would be the third of January, February and March."""
    days = values.dates(column(["01/03/2024 08:00:00", "02/03/2024 08:00:00", "03/03/2024 08:00:00"]))
    months = values.dates(column(["03/01/2024 08:00:00", "03/02/2024 08:00:00", "03/03/2024 08:00:00"]))
    assert np.diff(days).tolist() == np.diff(months).tolist() == [86400.0, 86400.0]


NUMBERED: dict[str, Callable[[datetime], float]] = {
    "s since 1970": unix,
    "ms since 1970": lambda moment: 1e3 * unix(moment),
    "us since 1970": lambda moment: 1e6 * unix(moment),
    "ns since 1970": lambda moment: 1e9 * unix(moment),
    "days of a spreadsheet": lambda m: (m - datetime(1899, 12, 30)) / timedelta(days=1),  # noqa: DTZ001
    "days of MATLAB": lambda m: 366 + m.toordinal() + (m - datetime.combine(m, datetime.min.time())) / timedelta(1),
}


@pytest.mark.parametrize("count", NUMBERED)
@pytest.mark.parametrize("text", [False, True])
@settings(max_examples=30)
@given(moment=MOMENTS)
def test_a_number_of_a_moment_is_known_by_its_size(count: str, text: bool, moment: datetime) -> None:
    number = NUMBERED[count](moment)
    written = column([f"{number!r}"]) if text else pa.chunked_array([pa.array([number])])
    assert values.dates(written) == pytest.approx([unix(moment)], abs=1e-3)


@pytest.mark.parametrize("number", [0.0, 1.0, 1e6, -1.7e9, 1e30, NAN, float("inf")])
def test_a_number_that_is_no_moment_is_missing(number: float) -> None:
    assert np.isnan(values.dates(pa.chunked_array([pa.array([number, number])]))).all()


MEANING = {"charge": 1, "cc chg": 1, "discharge": -1, "dchg": -1, "c": 1, "d": -1, "rest": 0, "cc": 0}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("charge", 1.0), ("CHARGE", 1.0), (" Charge CC ", 1.0), ("CC_Chg", 1.0), ("cc  chg 2", 1.0), ("cc", 0.0),
        ("Discharge", -1.0), ("DChg", -1.0), ("rest", 0.0), ("C", 1.0), ("d", -1.0), ("cat", NAN), ("done", NAN),
        ("", NAN), ("the charge", NAN),
    ],
)  # fmt: skip
def test_a_word_means_what_the_longest_known_one_does_that_it_begins_with(word: str, meant: float) -> None:
    assert values.words(column([word, None, "rest"], chunks=2), MEANING) == pytest.approx(
        [meant, NAN, 0.0], nan_ok=True
    )


def test_numbers_in_a_column_of_words_mean_nothing() -> None:
    assert np.isnan(values.words(pa.chunked_array([pa.array([1.0, 2.0])]), MEANING)).all()
