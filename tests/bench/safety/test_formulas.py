"""What is laid out into one function says what its parts say one by one."""

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.safety.formulas import Bound, Formula, Row, all_inside, laid_out, unless

VALUES = st.floats() | st.sampled_from([0.0, 1.0, 2.0, inf, -inf, nan])
BOUNDS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), VALUES, VALUES), max_size=8)


class Counting:
    """Sees each row once."""

    def __init__(self) -> None:
        self.seen = 0.0

    def __call__(self, _row: Row) -> float:
        self.seen += 1.0
        return self.seen


def test_a_formula_reads_values_of_a_row_and_its_parts() -> None:
    formula = Formula("{share} * abs({0} - {1}) + len({row})", 2, 0, share=0.5)
    assert formula([1.0, 9.0, 5.0]) == 5.0


def test_quantities_stand_behind_their_row_in_their_order_and_see_it_once() -> None:
    first, second = Counting(), Counting()
    second.seen = 10.0
    derive = laid_out([Formula("{0} + {n}", 0, n=1), first, Formula("{0} + {n}", 0, n=2), second])
    assert derive([5.0, nan])[2:] == [6.0, 1.0, 7.0, 11.0]
    assert derive([5.0, nan])[2:] == [6.0, 2.0, 7.0, 12.0]


def test_a_quantity_may_read_what_an_earlier_one_has_found_in_the_same_row() -> None:
    count = Counting()
    assert laid_out([count, Formula("{count}.seen", count=count)])([0.0]) == [0.0, 1.0, 1.0]


def test_the_row_itself_is_left_as_it_is() -> None:
    row = [1.0, 2.0]
    assert laid_out([])(row) == row
    assert laid_out([Counting()])(row) is not row
    assert row == [1.0, 2.0]


@pytest.mark.parametrize(("value", "expected", "calls"), [(1.0, 0.0, 0), (3.0, 30.0, 1), (nan, 0.0, 1)])
def test_a_function_is_asked_only_where_the_usual_does_not_hold(value: float, expected: float, calls: int) -> None:
    asked: list[float] = []

    def function(row: Row) -> float:
        asked.append(row[0])
        return 10 * row[0] if row[0] > 2 else 0.0

    assert unless("{0} <= {most}", function, 0, most=2.0)([value]) == expected
    assert len(asked) == calls


@given(BOUNDS, st.lists(VALUES, min_size=3, max_size=3))
def test_all_are_inside_exactly_when_each_limit_holds(bounds: list[Bound], row: list[float]) -> None:
    one_by_one = all(low <= row[position] <= high for _, position, low, high in bounds)
    assert all_inside(bounds)(row) == one_by_one


@pytest.mark.parametrize("bound", [(-inf, inf), (-inf, 1.0), (1.0, inf), (1.0, 1.0)])
def test_a_missing_value_is_inside_of_nothing(bound: tuple[float, float]) -> None:
    assert not all_inside([(0, 0, *bound)])([nan])


@given(BOUNDS, st.lists(VALUES, min_size=3, max_size=3))
def test_of_bounds_that_hold_if_measured_a_missing_value_is_outside_of_none(
    bounds: list[Bound], row: list[float]
) -> None:
    inside = [not (row[position] < low or row[position] > high) for _, position, low, high in bounds]
    assert all_inside((), bounds)(row) is all(inside)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ([(1.0, inf)], [1.0, inf], [0.9, -inf]),
        ([(-inf, 2.0)], [2.0, -inf], [2.1, inf]),
        ([(1.0, 2.0)], [1.0, 2.0], [0.9, 2.1]),
        ([(1.0, inf), (-inf, 2.0), (0.0, 3.0)], [1.0, 2.0], [0.9, 2.1]),
        ([(nan, 2.0), (0.0, 3.0)], [], [1.0]),
        ([(0.0, nan), (0.0, 3.0)], [], [1.0]),
        ([(inf, 2.0)], [], [1.0, 2.0, 3.0, inf, -inf]),
        ([(2.0, -inf)], [], [1.0, 2.0, 3.0, inf, -inf]),
        ([(inf, inf)], [inf], [1.0, -inf, nan]),
        ([(-inf, -inf)], [-inf], [1.0, inf, nan]),
        ([(-inf, inf)], [inf, -inf, 0.0], [nan]),
    ],
)
def test_the_strictest_of_several_limits_decide(
    bounds: list[tuple[float, float]], inside: list[float], outside: list[float]
) -> None:
    holds = all_inside([(number, 0, *bound) for number, bound in enumerate(bounds)])
    assert [holds([value]) for value in (*inside, *outside)] == [True] * len(inside) + [False] * len(outside)


def test_numbers_of_any_kind_may_be_bounds() -> None:
    assert all_inside([(0, 0, False, 2)])([1.0])
    assert isnan(Formula("{0}", 0)([nan]))
