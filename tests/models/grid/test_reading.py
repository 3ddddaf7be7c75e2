"""Rows of a user's file over time: numbers and times as they are written, and where what is none stands."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid.clock import ZONE
from models.grid.reading import Row, SeriesError, rows

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, ending: str = "csv") -> Path:
        path = tmp_path / f"own.{ending}"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def row(**content: object) -> Row:
    return Row("own.csv, line 7", content)


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(SeriesError) as caught:
        read()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


@pytest.mark.parametrize(
    ("written", "value"), [("0.25", 0.25), (" -3 ", -3.0), ("1e3", 1000.0), (7, 7.0), ("+.5", 0.5)]
)
def test_a_number_is_read_as_it_is_written(written: object, value: float) -> None:
    assert row(buy=written).number("buy") == value


@pytest.mark.parametrize("written", ["nan", "inf", "-Infinity", "", "0,25", "high", None, "[1]"])
def test_what_is_no_finite_number_is_told_with_its_place(written: object) -> None:
    assert refusal(lambda: row(buy=written).number("buy")) == (
        f"own.csv, line 7: buy is {written!r}; give a finite number."
    )


def test_a_number_that_is_not_there_is_none() -> None:
    assert "sell is None" in refusal(lambda: row(buy=1).number("sell"))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)), st.integers(-14 * 4, 14 * 4))  # noqa: DTZ001
def test_a_time_with_an_offset_is_that_moment(at: datetime, quarters: int) -> None:
    sign, (hours, minutes) = "-" if quarters < 0 else "+", divmod(abs(quarters) * 15, 60)
    found = row(time=f" {at.isoformat()}{sign}{hours:02}:{minutes:02} ").time()
    assert found.utcoffset() == timedelta(0)
    assert found.replace(tzinfo=None) == at - timedelta(minutes=15 * quarters)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-12T18:00", datetime(2026, 1, 12, 17, tzinfo=UTC)),
        ("2026-07-12 18:00", datetime(2026, 7, 12, 16, tzinfo=UTC)),
        ("2026-07-12", datetime(2026, 7, 11, 22, tzinfo=UTC)),
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-07-12T18:00Z", datetime(2026, 7, 12, 18, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_that_of_a_clock_in_paris_the_first_of_two(written: str, moment: datetime) -> None:
    assert row(time=written).time() == moment


@pytest.mark.parametrize("hour", ["02:00", "02:30", "02:59:59"])
def test_an_hour_that_no_clock_shows_is_told(hour: str) -> None:
    sentence = refusal(row(time=f"2026-03-29T{hour}").time)
    assert f"there is no 2026-03-29 {hour}" in sentence
    assert f"in {ZONE.key}, clocks go forward; give an offset." in sentence
    assert row(time="2026-03-29T03:00").time() == datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["noon", "", None, "18:00", "2026-13-01", "2026-02-30T00:00", "0001-01-01T00:00", "9999-12-31T23:59-01:00"],
)
def test_what_is_no_time_or_of_no_year_that_there_is_in_utc_is_told(written: str | None) -> None:
    assert refusal(row(time=written).time) == (
        f"own.csv, line 7: time is {written!r}; give one as 2026-01-12T18:00:00+01:00."
    )


@pytest.mark.parametrize(
    ("text", "ending", "places"),
    [
        ("# mine\ntime,buy\n0,1\n\n1,2\n", "csv", ["line 3", "line 5"]),
        ("- {time: 0, buy: 1}\n- {time: 1, buy: 2}\n", "yaml", ["entry 1", "entry 2"]),
        ("- {time: 0, buy: 1}\n- {time: 1, buy: 2}\n", "yml", ["entry 1", "entry 2"]),
    ],
)
def test_a_table_and_a_list_have_the_same_rows_and_say_where_each_stands(
    write: Write, text: str, ending: str, places: list[str]
) -> None:
    path = write(text, ending)
    found = rows(path, ("time", "buy"))
    assert [each.place for each in found] == [f"{path}, {place}" for place in places]
    assert [dict(each.content) for each in found] == [{"time": "0", "buy": "1"}, {"time": "1", "buy": "2"}]


@pytest.mark.parametrize(
    ("text", "ending", "sentence"),
    [
        ("", "csv", "own.csv: has 0 rows; give two or more with time, buy."),
        ("time,buy\n0,1\n", "csv", "own.csv: has 1 rows; give two or more with time, buy."),
        ("time,by\n0,1\n1,2\n", "csv", "own.csv, line 2: has no buy (nearest: by); each row needs time, buy."),
        ("- {time: 0, buy: 1}\n- {time: 1}\n", "yaml", "own.yaml, entry 2: has no buy; each row needs time, buy."),
        ("- {time: 0, buy: 1}\n- [1, 2]\n", "yaml", "own.yaml: is no list of mappings; give one with a time in each."),
        ("", "yaml", "own.yaml: is no list of mappings; give one with a time in each."),
        ("- {time: 0, time: 1}\n", "yaml", "own.yaml, line 1, key time: given twice; one of them would be lost."),
        ("time,buy,time\n0,1,2\n", "csv", "own.csv, line 1: has the column time twice; one of them would be lost."),
        ('time,buy\n0,"1\n', "csv", "own.csv, line 2: is no CSV (unexpected end of data); correct it there."),
    ],
)
def test_what_is_no_such_file_is_one_sentence(write: Write, text: str, ending: str, sentence: str) -> None:
    path = write(text, ending)
    assert refusal(lambda: rows(path, ("time", "buy"))) == f"{path.parent}/{sentence}"


def test_columns_without_a_name_may_be_several(write: Write) -> None:
    assert len(rows(write("time,,,buy\n0,,,1\n1,,,2\n"), ("time", "buy"))) == 2
