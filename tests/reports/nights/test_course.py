"""What is noise, a step and a drift in a figure over nights; numpy's own draws and fits are the referee."""

from itertools import pairwise
from math import inf, isinf, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.nights.course import ENOUGH, Course

SIGMA = 0.004


def drawn(count: int, seed: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.random.default_rng(seed).normal(2.3, SIGMA, count)


def test_the_noise_is_that_of_what_was_drawn() -> None:
    found = [Course(drawn(30, seed).tolist()).noise for seed in range(200)]
    assert np.median(found) == pytest.approx(SIGMA, rel=0.1)


@pytest.mark.parametrize("drift", [0.0, 0.02, -0.05])
def test_a_steady_drift_is_no_noise(drift: float) -> None:
    found = [Course((drawn(30, seed) + drift * np.arange(30)).tolist()).noise for seed in range(100)]
    assert np.median(found) == pytest.approx(SIGMA, rel=0.15)


def test_of_a_few_nights_nobody_knows_the_noise_and_the_stated_uncertainty_counts() -> None:
    few = Course((2.3,) * (ENOUGH - 1), uncertainty=0.02)
    assert isnan(few.noise)
    assert few.band == 0.02
    # The same digits every night: a tenth of what is stated, as meters repeat themselves better than they are true.
    assert Course((2.3,) * ENOUGH, uncertainty=0.02).band == pytest.approx(0.002)


def test_nights_that_only_scatter_seldom_change_step_or_drift() -> None:
    courses = [Course(drawn(30, seed).tolist()) for seed in range(300)]
    changed = [abs(course.values[-1] - course.values[-2]) > course.band for course in courses]
    assert np.mean(changed) < 0.02
    assert np.mean([course.step is not None for course in courses]) < 0.02
    assert np.mean([course.drift != 0 for course in courses]) < 0.02


@pytest.mark.parametrize(("at", "height"), [(5, -0.05), (15, 0.05), (26, -0.1)])
def test_a_step_is_found_where_it_was_made_and_is_no_drift(at: int, height: float) -> None:
    found = []
    for seed in range(100):
        values = drawn(30, seed)
        values[at:] += height
        course = Course(values.tolist())
        found.append(course.step)
        assert abs(course.drift) < abs(height) / 5
    assert np.mean([step is not None and abs(step - at) <= 1 for step in found]) > 0.9


def test_what_is_zero_every_night_has_not_stepped_and_what_came_down_to_zero_has() -> None:
    assert Course([0.0] * 8).step is None
    course = Course([1.0] * 8 + [0.0] * 8)
    assert course.step == 8
    assert not course.is_steady


@pytest.mark.parametrize("count", [8, 15, 30])
@pytest.mark.parametrize("odd", [{-1}, {-2}, {-3}, {3}, {2, 5}, {1, -1}])
def test_single_odd_nights_of_what_is_counted_are_no_step_and_lead_nowhere(count: int, odd: set[int]) -> None:
    """A count is the same every night: it has no scatter, and everything would stand out of it."""
    for other in (5.0, 7.0):
        values = [6.0] * count
        for place in odd:
            values[place] = other
        course = Course(values, uncertainty=0.0)
        assert course.step is None
        assert course.drift == 0
        assert isinf(course.nights_to(0.0))


@pytest.mark.parametrize("nights", [2, 3, 10])
def test_a_count_that_stays_at_another_has_stepped(nights: int) -> None:
    assert Course([6.0] * 12 + [7.0] * nights).step == 12


def test_a_night_that_is_off_is_not_called_steady() -> None:
    values = drawn(30, 0)
    assert Course(values.tolist()).is_steady
    values[-1] -= 0.1
    assert not Course(values.tolist()).is_steady
    assert not Course([6.0] * 12 + [7.0]).is_steady


def test_only_nights_enough_without_a_step_and_a_drift_are_called_steady() -> None:
    values = drawn(30, 0)
    assert Course(values.tolist()).is_steady
    assert not Course(values[:5].tolist()).is_steady, "too few"
    assert not Course((values - 0.01 * np.arange(30)).tolist()).is_steady


def test_a_line_is_no_step_and_its_slope_is_that_of_a_fit() -> None:
    for seed in range(50):
        values = drawn(20, seed) - 0.01 * np.arange(20)
        course = Course(values.tolist())
        assert course.step is None
        fitted = float(np.polyfit(np.arange(20), values, 1)[0])
        assert course.drift == pytest.approx(fitted, abs=2e-3)
        assert course.drift == pytest.approx(-0.01, rel=0.2)


def test_one_night_that_is_off_is_no_drift() -> None:
    values = drawn(20, 1)
    values[7] -= 0.5
    assert Course(values.tolist()).drift == 0


@pytest.mark.parametrize(
    ("values", "limit", "nights"),
    [
        ((2.30, 2.25, 2.20), 2.0, 4.0),
        ((2.30, 2.25), 2.0, 5.0),
        ((2.30, 2.25), 2.5, inf),  # away from it
        ((2.30, 2.2999), 2.0, inf),  # within what is stated
        ((2.30,), 2.0, inf),
        ((2.30, 2.30, 2.30), 2.0, inf),
        ((1000.0, 999.0), 2.0, inf),  # in years
    ],
)
def test_a_limit_is_reached_when_the_drift_says_so(values: tuple[float, ...], limit: float, nights: float) -> None:
    assert Course(values, uncertainty=0.02).nights_to(limit) == pytest.approx(nights)


def test_after_a_step_only_what_came_behind_it_tells_where_it_goes() -> None:
    values = [2.5] * 15 + np.linspace(2.2, 2.1, 11).tolist()
    course = Course(values)
    assert course.step == 15
    assert course.drift == pytest.approx(-0.01)
    assert course.nights_to(2.0) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("since", "nights"),
    [
        ((2.2,), inf),
        ((2.2, 2.15), inf),  # how it settles, or a step in two nights
        ((2.2, 2.15, 2.15, 2.15), inf),
        ((2.2, 2.15, 2.10), 2.0),
        ((2.2, 2.15, 2.14, 2.13), 13.0),
    ],
)
def test_two_nights_behind_a_step_tell_no_night_of_a_limit(since: tuple[float, ...], nights: float) -> None:
    course = Course((2.5,) * 15 + since)
    assert course.step == (15 if len(since) > 1 else None)
    assert course.nights_to(2.0) == pytest.approx(nights)


@given(
    st.integers(1, 20), st.integers(1, 20), st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 1),
    st.floats(-100, 100),
)  # fmt: skip
def test_a_single_change_is_no_drift_however_large_and_whenever_it_was(
    before: int, after: int, level: float, height: float, stated: float, limit: float
) -> None:
    course = Course([level] * before + [level + height] * after, stated)
    assert course.drift == 0 or before == after == 1
    assert isinf(course.nights_to(limit)) or before == after == 1


@given(st.lists(st.floats(1, 10), min_size=3, max_size=20), st.floats(-5, 5))
def test_a_night_of_a_limit_is_told_by_more_than_one_change(values: list[float], limit: float) -> None:
    course = Course(values, 0.1)
    if isinf(course.nights_to(limit)):
        return
    since = course.values[course.step or 0 :]
    changes = sorted(after - before for before, after in pairwise(since))
    assert len(since) > 2
    assert changes[1] < 0 if course.drift < 0 else changes[-2] > 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(-1e6, 1e6), st.floats(0, 10))
def test_of_any_numbers_something_is_said(values: list[float], limit: float, stated: float) -> None:
    course = Course(values, stated)
    assert course.band >= 0
    assert course.step is None or 0 < course.step < len(values)
    assert course.nights_to(limit) > 0
    assert isinf(course.nights_to(values[-1])), "who is there does not get there"


@given(st.lists(st.floats(1, 10), min_size=2, max_size=20), st.floats(0.5, 3), st.floats(-5, 5))
def test_units_and_zero_points_change_nothing(values: list[float], factor: float, offset: float) -> None:
    one, other = Course(values, 0.1), Course([factor * value for value in values], 0.1 * factor)
    assert one.noise == pytest.approx(other.noise / factor, rel=1e-6, abs=1e-9) or isnan(one.noise)
    assert one.band == pytest.approx(other.band / factor, rel=1e-6, abs=1e-9)
    moved = Course([value + offset for value in values], 0.1)
    assert one.noise == pytest.approx(moved.noise, rel=1e-6, abs=1e-9) or isnan(one.noise)
