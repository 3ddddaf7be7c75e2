"""What a house takes, beside BDEW's profile, and what a roof gives, beside published yields."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.grid.clock import ZONE, quarters, winter_hour
from models.grid.house import household, kind, period, profile, table
from models.grid.sun import clear, roof
from models.vehicle.season import available_places, load_place, weather

YEAR = datetime(2025, 1, 1, tzinfo=ZONE)
QUARTERS = 365 * 96
SEEDS = st.integers(0, 2**31)


def test_a_winter_workday_is_what_is_published() -> None:
    """2.56 kWh for 1000 kWh/a, its peak 188.9 W at 19:30 (flrd/standardlastprofile); a summer's 2.81."""
    day = table()["winter workday"]
    assert day.sum() / 4000 == pytest.approx(2.56, abs=0.005)
    assert (day.max(), day.argmax() / 4) == (188.9, 19.5)
    assert table()["summer workday"].sum() / 4000 == pytest.approx(2.81, abs=0.005)


def test_a_year_takes_what_it_is_scaled_to() -> None:
    """Profile and polynomial are made so that a year of 1000 kWh/a has them, within what holidays change."""
    assert profile(YEAR, QUARTERS, 1000.0).sum() / 4000 == pytest.approx(1000.0, rel=0.01)
    assert profile(YEAR, QUARTERS, 3500.0).sum() / 4000 == pytest.approx(3500.0, rel=0.01)


def test_a_winter_day_takes_more_than_a_summer_day() -> None:
    """The raw profile says the opposite: the polynomial turns it round."""
    january, july = (profile(datetime(2025, month, 15, tzinfo=ZONE), 96).sum() for month in (1, 7))
    assert january > 1.3 * july


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-03-20", "winter"), ("2025-03-21", "transition"), ("2025-05-14", "transition"), ("2025-05-15", "summer"),
        ("2025-09-14", "summer"), ("2025-09-15", "transition"), ("2025-10-31", "transition"), ("2025-11-01", "winter"),
    ],
)  # fmt: skip
def test_periods_begin_as_bdew_says(day: str, expected: str) -> None:
    assert period(datetime.fromisoformat(day)) == expected


def test_days_are_of_three_kinds() -> None:
    """2025: 24 December is a Wednesday; 2028: a Sunday."""
    days = {day: kind(datetime.fromisoformat(day)) for day in ("2025-01-03", "2025-01-04", "2025-01-05", "2025-12-24")}
    assert list(days.values()) == ["workday", "saturday", "sunday", "saturday"]
    assert kind(datetime.fromisoformat("2028-12-24")) == "sunday"


def test_the_profile_follows_the_clock_when_it_is_changed() -> None:
    """30 March 2025 has 23 hours: the day after begins a quarter number 92."""
    sunday = profile(datetime(2025, 3, 30, tzinfo=ZONE), 92 + 4)
    monday = profile(datetime(2025, 3, 31, tzinfo=ZONE), 4)
    assert sunday[92:] == pytest.approx(monday)


@given(SEEDS, st.floats(1000.0, 8000.0), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_a_lived_in_house_takes_the_same_energy_every_day(seed: int, per_year: float, month: int) -> None:
    start = datetime(2025, month, 10, tzinfo=ZONE)
    lived, mean = (made.reshape(3, 96) for made in (
        household(start, 288, per_year, seed=seed), profile(start, 288, per_year),
    ))  # fmt: skip
    assert lived.sum(axis=1) == pytest.approx(mean.sum(axis=1))
    assert (lived > 0).all()


def test_a_house_has_peaks_that_a_mean_has_not_and_keeps_them_by_its_seed() -> None:
    mean, one, again, other = (
        profile(YEAR, 672), household(YEAR, 672, seed=1), household(YEAR, 672, seed=1), household(YEAR, 672, seed=2),
    )  # fmt: skip
    assert one.max() > 2 * mean.max()
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize(("place", "low", "high"), [("paris", 845, 1113), ("seville", 1291, 1506), ("oslo", 676, 951)])
def test_a_roof_yields_in_a_year_what_maps_say(place: str, low: float, high: float) -> None:
    """KWh for each kWp at the best angle, the JRC's map (PVGIS): north and middle of France, most of Spain.

    Oslo is beyond that map: what northern Germany and Britain have there, and the class above.
    """
    years = [roof(YEAR, QUARTERS, load_place(place), 1.0, seed=seed).sum() / 4000 for seed in range(3)]
    assert low < np.mean(years) < high


def test_a_roof_gives_most_in_summer_and_nothing_at_night() -> None:
    place = load_place("paris")
    year = roof(YEAR, QUARTERS, place, 4.0)
    times = quarters(YEAR, QUARTERS)
    months = np.array([at.month for at in times])
    by_month = [year[months == month].sum() for month in range(1, 13)]
    assert min(by_month[4:8]) > 3 * max(by_month[0], by_month[11])
    night = np.array([not 3 < winter_hour(at) < 22 for at in times])
    assert (year[night] == 0).all()
    assert 2400 < year.max() <= 4000


def test_the_sun_rises_on_the_roof_when_the_season_says() -> None:
    """Two ways to sunrise: the sunrise equation there, the height of the sun here; within a quarter of an hour."""
    for place in available_places():
        for month in (1, 4, 7, 10):
            day = float((datetime(2025, month, 15, tzinfo=ZONE) - YEAR).days + 1)
            hours = np.arange(0.0, 12.0, 0.05)
            lit = clear(load_place(place).latitude, np.full_like(hours, day), hours, tilt=0.0) > 0
            expected = weather(f"{place}-{['january', 'april', 'july', 'october'][(month - 1) // 3]}").sunrise
            assert hours[lit].min() == pytest.approx(expected, abs=0.25)


def test_a_clear_noon_is_what_a_clear_noon_is() -> None:
    """About 850 to 1000 W/m2 on the level in June at 45 degrees north."""
    assert 850 < clear(45.0, np.array([172.0]), np.array([12.5]), tilt=0.0)[0] < 1050


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_roof_is_never_beyond_its_peak(seed: int) -> None:
    made = roof(datetime(2025, 6, 1, tzinfo=ZONE), 960, load_place("seville"), 3.0, seed=seed)
    assert made.min() >= 0.0
    assert made.max() <= 3000.0


def test_days_differ_under_clouds() -> None:
    made = roof(datetime(2025, 4, 1, tzinfo=ZONE), 30 * 96, load_place("paris"), 1.0).reshape(30, 96).sum(axis=1)
    assert made.max() > 2.5 * made.min()


@pytest.mark.parametrize(("day", "count"), [("2025-03-30", 92), ("2025-10-26", 100), ("2025-07-01", 96)])
def test_quarters_are_real_time(day: str, count: int) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=ZONE)
    end = quarters(start, count + 1)[-1]
    assert end.replace(tzinfo=None) == start.replace(tzinfo=None) + timedelta(days=1)


@pytest.mark.parametrize(("month", "noon"), [(1, 12.5), (7, 13.5)])
def test_the_sun_knows_no_summer_time(month: int, noon: float) -> None:
    """The middle of a day's energy is at 12:30 in winter, an hour later on a clock in summer."""
    start = datetime(2025, month, 2, tzinfo=ZONE)
    made = np.mean([roof(start, 25 * 96, load_place("seville"), 1.0, seed=seed) for seed in range(5)], axis=0)
    hours = np.arange(25 * 96) % 96 / 4 + 0.125
    assert (made * hours).sum() / made.sum() == pytest.approx(noon, abs=0.15)
