"""Weeks of the adversary: spelt as they are written in a test, and lived as they are spelt."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid.week import QUARTER, Outage, Trip
from packbench.adversary.drawing import weeks
from packbench.adversary.space import Away, Trouble, Week

NAMES = {"Week": Week, "Away": Away, "Trouble": Trouble}


@given(weeks())
def test_a_week_is_read_back_from_how_it_is_spelt(week: Week) -> None:
    """A breach is left as a test, in which its week stands."""
    assert eval(repr(week), {"__builtins__": {}}, NAMES) == week


@pytest.mark.parametrize(
    ("told", "spelt"),
    [
        (Away(4, 8, 20), "Away(home=4, away=8, distance=20)"),
        (Away(4, 8, 9, "urban", early=2), 'Away(home=4, away=8, distance=9, road="urban", early=2)'),
        (Trouble("link", 4, 8), 'Trouble(what="link", begins=4, lasts=8)'),
        (Trouble("jump", 4, 8, 0.25), 'Trouble(what="jump", begins=4, lasts=8, by=0.25)'),
    ],
)  # fmt: skip
def test_what_is_as_always_is_not_spelt(told: Away | Trouble, spelt: str) -> None:
    assert repr(told) == spelt


def trips(*away: Away, days: int = 1) -> tuple[Trip, ...]:
    return Week(days=days, trips=away).plant().days.trips


def test_trips_come_one_behind_the_other_and_what_would_not_be_back_is_left_out() -> None:
    found = trips(Away(4, 8, 20), Away(10, 20, 30, "urban"), Away(1, 60, 40), Away(1, 1, 5))
    assert found == (
        Trip(4 * QUARTER, 12 * QUARTER, 20.0, "country"), Trip(22 * QUARTER, 42 * QUARTER, 30.0, "urban"),
    )  # fmt: skip
    assert trips(Away(48, 48, 20)) == ()
    assert len(trips(Away(48, 47, 20))) == 1


@pytest.mark.parametrize(("notice", "known"), [(0, 20), (3, 17), (8, 12), (99, 12)])
def test_a_trip_that_leaves_early_is_told_later_and_known_when_it_is_but_not_on_the_one_before(
    notice: int, known: int
) -> None:
    _, found = trips(Away(4, 8, 20), Away(8, 8, 20, early=2, notice=notice))
    assert (found.leaves, found.told, found.known) == (20 * QUARTER, 22 * QUARTER, known * QUARTER)


def test_a_trip_that_leaves_when_it_was_told_to_is_known_from_the_beginning() -> None:
    (found,) = trips(Away(4, 8, 20, notice=3))
    assert (found.told, found.known) == (None, None)


def test_troubles_are_so_many_quarters_from_where_they_begin() -> None:
    days = Week(troubles=(Trouble("link", 4, 8), Trouble("jump", 10, 1, 0.3))).plant().days
    assert days.outages == (
        Outage("link", 4 * QUARTER, 12 * QUARTER), Outage("jump", 10 * QUARTER, 11 * QUARTER, 0.3),
    )  # fmt: skip


@given(weeks(), st.integers(1, 3))
def test_the_same_week_is_the_same_days_and_another_one_others(week: Week, more: int) -> None:
    days = week.plant().days
    assert days.digest == week.plant().days.digest
    assert days.duration == week.days * 86400
    other = Week(days=week.days + more, season=week.season)
    assert other.plant().days.digest != days.digest


@given(weeks(), st.integers(1, 7))
def test_the_first_days_of_a_week_are_those_days_and_nothing_of_it_lies_behind_them(week: Week, days: int) -> None:
    cut = week.within(days)
    plain = replace(week, days=days)
    assert cut.within(days) == cut
    assert cut.plant().days.trips == plain.plant().days.trips
    assert len(cut.trips) == len(cut.plant().days.trips)
    end = days * 86400
    assert cut.plant().days.outages == tuple(each for each in plain.plant().days.outages if each.begins < end)
