"""The end of every sentence about a name that nobody has."""

from hypothesis import given
from hypothesis import strategies as st

from instruments.wording import MOST, near, nearest

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
