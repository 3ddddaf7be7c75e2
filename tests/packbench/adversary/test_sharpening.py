"""Troubles come where a manager is most exposed, as it has lived a week; what comes of it is a week like any other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid.week import QUARTER
from packbench.adversary.drawing import weeks
from packbench.adversary.home import CarState
from packbench.adversary.living import Lived, Stretch, live
from packbench.adversary.managers import opened
from packbench.adversary.piece import Outset, one
from packbench.adversary.referee import DISCHARGED, Breach
from packbench.adversary.replaying import judged
from packbench.adversary.sharpening import sharpened
from packbench.adversary.space import SPACE, Away, Trouble, Week

DAY = 96


def lived(week: Week, *stretches: tuple[int, float, float]) -> Lived:
    """A week that was lived so: from which quarter on, at what power (W), and how much was in hand at its end (km).

    1 kWh is 5 km: the car has as much less in hand as it has given in that quarter.
    """
    plant = week.plant()
    found = Lived(plant, departures=[(trip, CarState(0.5, 20.0)) for trip in plant.days.trips])
    for begins, power, above in stretches:
        ends = above - power / 800, above
        found.stretches.append(Stretch(begins * QUARTER, (begins + 1) * QUARTER, power, ends, 0.5))
    return found


def begun(week: Week, *stretches: tuple[int, float, float]) -> list[int]:
    return [each.begins for each in sharpened(week, lived(week, *stretches)).troubles]


@pytest.mark.parametrize("what", ["soc", "jump", "forecast"])
def test_who_is_told_wrongly_is_told_so_where_as_much_more_would_leave_least_in_hand(what: str) -> None:
    """8000 W are 10 km a quarter: 8 of them from 40 km on leave less than 8 of 800 W from 5 km on."""
    giving = (10, -4000, 80), (20, -8000, 40), (30, -800, 5), (40, 7000, 1), (50, 0, 0)
    assert begun(Week(troubles=(Trouble(what, 60, 8),)), *giving) == [21]  # behind it: what was said there is held
    assert begun(Week(troubles=(Trouble(what, 60, 1),)), *giving) == [31]
    assert begun(Week(troubles=(Trouble(what, 60, 8),)), (10, 7000, 80), (20, -50, 1)) == [60]  # nothing is given back


@pytest.mark.parametrize("what", ["link", "restart"])
def test_who_is_not_heard_is_lost_where_a_charge_begins_last_before_a_departure(what: str) -> None:
    week = Week(days=2, trips=(Away(50, 10, 20), Away(60, 10, 20)), troubles=(Trouble(what, 90, 4),))
    charges = [(5, 7000, 9), (6, 7000, 9), (20, 0, 9), (40, 7000, 9), (41, 7000, 9), (65, 7000, 9), (66, 0, 9)]
    assert begun(week, *charges) == [40]  # 10 quarters before it leaves; the other two are 45 and 55 before
    assert begun(week, (5, 0, 9), (6, -7000, 9)) == [90]


def test_a_moment_at_which_the_space_has_no_trouble_is_none() -> None:
    first, last = SPACE["trouble begins / quarters"]
    week = Week(days=7, troubles=(Trouble("soc", 60, 8),))
    assert begun(week, (first - 2, -4000, 1), (first - 1, -4000, 2)) == [first]
    assert begun(week, (last, -4000, 1), (last - 1, -4000, 2)) == [last]


def test_a_week_without_troubles_is_the_same() -> None:
    assert sharpened(Week(), lived(Week(), (10, -3000, 8))) == Week()


@given(
    week=weeks(2),
    stretches=st.lists(st.tuples(st.integers(0, 2 * DAY), st.floats(-11e3, 11e3), st.floats(-50, 300)), max_size=9),
)
def test_what_comes_of_it_is_a_week_of_the_same_space(week: Week, stretches: list[tuple[int, float, float]]) -> None:
    found = sharpened(week, lived(week, *stretches))
    first, last = SPACE["trouble begins / quarters"]
    for before, now in zip(week.troubles, found.troubles, strict=True):
        assert (before.what, before.lasts, before.by) == (now.what, now.lasts, now.by)
        assert now.begins == before.begins or first <= now.begins <= min(last, week.days * DAY - 4)
    assert replace(found, troubles=week.troubles) == week


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_each_week_that_is_lived_counts_and_none_beyond_the_budget_is(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[Week] = []

    def once(manager: str, week: Week) -> Lived:
        played.append(week)
        return lived(week, (20, -3000, 8), (30, 7000, 8))

    monkeypatch.setattr("packbench.adversary.piece._lived", once)
    monkeypatch.setattr("packbench.adversary.piece.judged", lambda _lived: [])
    assert one(Outset("reference", size, 1, 3)).tried == len(played) == size


def test_a_breach_that_only_a_sharpened_week_shows_is_found_and_is_that_week(monkeypatch: pytest.MonkeyPatch) -> None:
    def once(_manager: str, week: Week) -> Lived:
        return lived(week, (20, -3000, 8))

    def broken(living: Lived) -> list[Breach]:
        told = [each.begins for each in living.plant.days.outages if each.what in {"soc", "jump", "forecast"}]
        return [Breach("reserve", 900.0, "it gave on.")] if 21 * QUARTER in told else []

    monkeypatch.setattr("packbench.adversary.piece._lived", once)
    monkeypatch.setattr("packbench.adversary.piece.judged", broken)
    found = one(Outset("reference", 50, 1, 0))
    assert found.breach == Breach("reserve", 900.0, "it gave on.")
    assert found.week is not None
    assert {each.begins for each in found.week.troubles if each.what not in {"link", "restart"}} == {21}


def test_a_set_point_that_is_held_when_the_car_says_nothing_is_found_by_moving_the_silence_there() -> None:
    """Six hours of silence in the morning show nothing of `stubborn`; begun in the evening's peak they do."""
    week = Week(soc=0.6, reserve=60, price="evening", troubles=(Trouble("soc", 20, 24),))

    def kinds(which: Week) -> set[str]:
        with opened("stubborn") as who:
            return {each.kind for each in judged(live(which.plant(), who))}

    with opened("stubborn") as who:
        sharper = sharpened(week, live(week.plant(), who))
    assert kinds(week) == set()
    assert kinds(sharper) == {DISCHARGED}
    with opened("reference") as who:
        assert judged(live(sharper.plant(), who)) == []
