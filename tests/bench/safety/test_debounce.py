"""How long a violation is forgiven: as long as ever where it stands, and not for ever where it comes and goes."""

from collections.abc import Sequence
from itertools import accumulate
from math import nextafter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.safety.debounce import Debounce
from bench.safety.guard import Guard, Limit

Rows = Sequence[tuple[float, bool]]
"""Time (s), and whether the row violates."""

DEBOUNCES = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 60.0])
PERIODS = st.sampled_from([0.1, 1.0, 2.0, 10.0])


def tripped_at(rows: Rows, debounce: float) -> float | None:
    """When the guard trips."""
    guard = Guard([Limit("over-current", "x", "A", at_most=0.0, debounce=debounce)], ("Test Time / s", "x"))
    return next((time for time, bad in rows if guard.check((time, 1.0 if bad else -1.0))), None)


def with_fresh_start(rows: Rows, debounce: float) -> float | None:
    """When a guard would trip whose debounce starts afresh at each good row."""
    since = None
    for time, bad in rows:
        since = (time if since is None else since) if bad else None
        if since is not None and time - since >= debounce:
            return time
    return None


def at(period: float, pattern: Sequence[bool]) -> Rows:
    """Rows one period apart."""
    return [(number * period, bad) for number, bad in enumerate(pattern)]


@st.composite
def any_rows(draw: st.DrawFn) -> Rows:
    """Rows at any pace, the pace changing from step to step."""
    gaps = draw(st.lists(st.sampled_from([0.1, 0.9, 1.0, 1.1, 10.0]), min_size=1, max_size=60))
    pattern = draw(st.lists(st.booleans(), min_size=len(gaps), max_size=len(gaps)))
    return list(zip(accumulate(gaps), pattern, strict=True))


@given(start=st.floats(0, 1e6), period=PERIODS, debounce=DEBOUNCES)
def test_a_violation_that_stands_is_forgiven_as_long_as_ever(start: float, period: float, debounce: float) -> None:
    rows = [(start + number * period, number >= 3) for number in range(int(debounce / period) + 8)]
    assert tripped_at(rows, debounce) == with_fresh_start(rows, debounce) is not None


@given(any_rows(), DEBOUNCES)
def test_nothing_trips_later_than_it_did(rows: Rows, debounce: float) -> None:
    before, now = with_fresh_start(rows, debounce), tripped_at(rows, debounce)
    assert before is None or (now is not None and now <= before)


@given(any_rows(), DEBOUNCES, st.data())
def test_more_violation_never_trips_later(rows: Rows, debounce: float, data: st.DataObject) -> None:
    more = [(time, bad or data.draw(st.booleans())) for time, bad in rows]
    less, worse = tripped_at(rows, debounce), tripped_at(more, debounce)
    assert less is None or (worse is not None and worse <= less)


@given(any_rows(), DEBOUNCES.filter(bool))
def test_nothing_trips_on_a_row_that_is_good(rows: Rows, debounce: float) -> None:
    tripped = tripped_at(rows, debounce)
    assert tripped is None or dict(rows)[tripped]


@given(PERIODS, DEBOUNCES.filter(bool), st.integers(0, 40))
def test_one_bad_row_is_forgiven_and_so_is_a_second_one(period: float, debounce: float, between: int) -> None:
    pattern = [False, True, *[False] * (between + 1), True, *[False] * 20]
    assert tripped_at(at(period, pattern), debounce) is None


@given(PERIODS, DEBOUNCES.filter(bool), st.lists(st.integers(11, 40), max_size=30))
def test_glitches_far_apart_never_add_up(period: float, debounce: float, gaps: list[int]) -> None:
    pattern = [bad for gap in gaps for bad in (True, *[False] * (gap - 1))]
    assert tripped_at(at(period, pattern), debounce) is None


@given(PERIODS, st.sampled_from([1.0, 2.0, 5.0]), st.integers(2, 10))
def test_what_comes_and_goes_more_often_trips(period: float, debounce: float, every: int) -> None:
    pattern = [number % every == 0 for number in range(60 * every * round(max(1.0, debounce / period)))]
    rows = at(period, pattern)
    assert tripped_at(rows, debounce) is not None
    assert with_fresh_start(rows, debounce) is None


@pytest.mark.parametrize(("period", "debounce"), [(1.0, 1.0), (1.0, 2.0), (1.0, 5.0), (10.0, 5.0), (0.1, 1.0)])
def test_independent_glitches_trip_hardly_more_often_than_with_a_fresh_start(period: float, debounce: float) -> None:
    # One bad reading in a thousand, in 10,000 rows. A fresh start trips where two of them are neighbours, in one run of
    # a hundred; what leaks needs three within some ten rows of each other, which is one run of a thousand.
    draw = Random(7)
    rows = at(period, [draw.random() < 1e-3 for _ in range(300_000)])
    runs = [rows[start : start + 10_000] for start in range(0, len(rows), 10_000)]
    assert all(any(bad for _, bad in run) for run in runs)
    assert [tripped_at(run, debounce) for run in runs] == [with_fresh_start(run, debounce) for run in runs]


def test_a_reading_that_is_lost_forgives_nothing_and_adds_nothing_by_itself() -> None:
    nan = float("nan")
    limit = Limit("over-current", "x", "A", at_most=0.0, debounce=3.0)
    rows = [(0, 1.0), (1, nan), (2, -1.0), (3, nan), (4, 1.0)]
    guard = Guard([limit], ("Test Time / s", "x"))
    assert [bool(guard.check(row)) for row in rows] == [False] * 5


@pytest.mark.parametrize(("seconds", "gone"), [(1e-9, True), (nextafter(1e-9, 1.0), False), (0.5, False)])
def test_of_what_rounding_leaves_of_a_violation_nothing_is_left(seconds: float, gone: bool) -> None:
    debounce = Debounce(1.0, 0.0)
    assert debounce.lasting
    assert debounce.passed(seconds) is gone
    assert debounce.lasting is not gone


def test_what_nothing_is_forgiven_of_leaks_away_as_well() -> None:
    """A limit without a debounce that explains others must not do so for the rest of the run."""
    debounce = Debounce(0.0, 0.0)
    for time in range(5):
        debounce.violated(float(time))
    gone = [debounce.passed(float(time)) for time in range(5, 60)]
    assert (gone[0], gone[-1]) == (False, True)
    assert not debounce.lasting
