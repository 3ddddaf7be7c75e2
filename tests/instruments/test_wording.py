"""The end of every sentence about a name that nobody has."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.wording import MOST, digits, near, nearest, unlike, with_article

NAMES = st.lists(st.text("abcdefghij-", min_size=1, max_size=12), max_size=20)


def test_a_slip_of_the_pen_is_answered_with_what_was_meant_and_with_all_that_there_are() -> None:
    assert nearest("suply", ["load", "supply"]) == "did you mean 'supply'? (allowed: load, supply)"


def test_where_none_is_near_all_are_told_in_order() -> None:
    assert nearest("zebra", ["supply", "load"]) == "allowed: load, supply"


def test_where_there_are_none_that_is_said() -> None:
    assert nearest("supply", []) == "allowed: none"


def test_of_more_than_anybody_would_read_the_rest_is_counted_and_still_looked_through() -> None:
    names = [f"cell {number:04}" for number in range(MOST + 30)]
    last = names[-1]
    told = nearest(last.replace("cell", "cel"), names)
    assert told.startswith(f"did you mean {last!r}? (allowed: cell 0000, ")
    assert told.endswith(f", {names[MOST - 1]} and 30 more)")
    assert "more" not in nearest("zzz", names[:MOST])


@given(st.text(max_size=12), NAMES)
def test_whatever_is_written_is_one_line_that_tells_every_name(name: str, names: list[str]) -> None:
    told = nearest(name, iter(names))
    assert "\n" not in told
    assert all(each in told for each in names)
    assert near(name, names) in {"", *names}


@given(NAMES.filter(bool))
def test_a_name_that_somebody_has_is_nearest_to_itself(names: list[str]) -> None:
    assert near(names[0], names) == names[0]


@pytest.mark.parametrize(
    ("value", "count", "text"),
    [
        (276480.0, 4, "276500"), (2_592_000.0, 6, "2592000"), (11_040.0, 4, "11040"), (0.25, 6, "0.25"),
        (1e-7, 6, "1e-07"),
        (5e6, 5, "5000000"), (-6e7, 6, "-60000000"), (1e12, 6, "1e+12"),
        (float("inf"), 6, "inf"), (float("nan"), 6, "nan"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_people_read_it(value: float, count: int, text: str) -> None:
    assert digits(value, count) == text


def test_a_word_has_its_article() -> None:
    assert [with_article(each) for each in ("power in W", "energy in Wh", "int")] == [
        "a power in W", "an energy in Wh", "an int",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "other", "told"),
    [
        (20.1, 20.0, ("20.1", "20")), (11004.0, 11000.0, ("11004", "11000")), (20.0, 20.0, ("20", "20")),
        (4.00001, 4.0, ("4.00001", "4")), (123456.0, 9.87654, ("123500", "9.877")),
    ],
)  # fmt: skip
def test_what_is_more_than_what_is_allowed_reads_as_more(value: float, other: float, told: tuple[str, str]) -> None:
    assert unlike(value, other) == told


@pytest.mark.parametrize(("value", "told"), [(nan, "nan"), (inf, "inf"), (0.1, "0.1"), (1000.0, "1000")])
def test_what_no_digit_tells_apart_is_told_all_the_same(value: float, told: str) -> None:
    assert unlike(value, value) == (told, told)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_two_numbers_read_alike_only_where_they_are(value: float, other: float) -> None:
    assert (unlike(value, other)[0] == unlike(value, other)[1]) is (value == other)
