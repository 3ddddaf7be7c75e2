"""What a manager believes of a car's charge: down as far as it is told, up only as far as it can be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from managers.contract import Request, Trip, read
from managers.tracking import FULL, PROBATION, TRUST, Belief, Tracker


@pytest.fixture
def begun(request_: dict[str, Any]) -> Request:
    """The contract's example at its beginning, with half a charge; it takes 7 kW."""
    return replace(read(request_), soc=0.5)


def later(request: Request, hours: float, reason: str = "tick", **changed: Any) -> Request:
    return replace(request, time=request.time + timedelta(hours=hours), reason=reason, **changed)


def following(request: Request, power: float = 0.0) -> Tracker:
    """One who has followed the car from this moment on, and asked for that power then."""
    tracker = Tracker()
    tracker.follow(request)
    tracker.asked(power)
    return tracker


def hours_for(share: float, power: float, request: Request) -> float:
    """In which so much of the charge goes into the car, of W at the AC side."""
    return share * request.energy / (power * request.efficiency)


def test_the_first_that_is_told_is_believed_and_sure_where_the_days_begin(begun: Request) -> None:
    assert Tracker().follow(begun) == Belief(0.5, sure=True)


def test_who_never_told_is_taken_for_empty(begun: Request) -> None:
    tracker = Tracker()
    for hours in range(4):
        assert tracker.follow(later(begun, hours, soc=None)) == Belief(0.0, sure=False)


@pytest.mark.parametrize("reason", ["link", "tick", "arrival"])
def test_who_is_begun_in_the_middle_is_sure_of_nothing_for_half_a_day(begun: Request, reason: str) -> None:
    tracker, first = Tracker(), replace(begun, reason=reason)
    assert tracker.follow(first) == Belief(0.5, sure=False)
    assert not tracker.follow(later(first, PROBATION.total_seconds() / 3600 - 0.01)).sure
    assert tracker.follow(later(first, PROBATION.total_seconds() / 3600)).sure


def test_a_car_that_takes_nothing_more_is_full_and_sure_whatever_was_reckoned(begun: Request) -> None:
    tracker = following(replace(begun, reason="link"))
    assert tracker.follow(later(begun, 1, soc=0.97, car_charge=FULL - 1)) == Belief(0.97, sure=True)
    assert following(begun).follow(later(begun, 1, soc=0.97, car_charge=FULL)) == Belief(0.5, sure=False)


@pytest.mark.parametrize("told", [0.0, 0.2, 0.49])
def test_less_than_was_reckoned_is_always_believed(begun: Request, told: float) -> None:
    assert following(begun).follow(later(begun, 1, soc=told)) == Belief(told, sure=True)


def test_more_than_can_be_in_it_is_not_but_a_rounding_is(begun: Request) -> None:
    assert following(begun).follow(later(begun, 1, soc=0.5 + TRUST)) == Belief(0.5 + TRUST, sure=True)
    assert following(begun).follow(later(begun, 1, soc=0.5 + TRUST + 0.01)) == Belief(0.5, sure=False)


def test_what_was_put_in_may_be_told(begun: Request) -> None:
    hours = hours_for(0.2, 4000.0, begun)
    assert following(begun, 4000.0).follow(later(begun, hours, soc=0.71)) == Belief(0.71, sure=True)
    found = following(begun, 4000.0).follow(later(begun, hours, soc=0.75))
    assert (found.soc, found.sure) == (pytest.approx(0.7), False)


def test_no_more_is_put_in_than_the_car_takes(begun: Request) -> None:
    slow = replace(begun, car_charge=520.0)
    found = following(slow, 7400.0).follow(later(slow, 10, soc=None))
    assert found.soc == pytest.approx(0.5 + 10 * 520 / 52000)


@pytest.mark.parametrize(
    ("before", "now", "forecast", "least"),
    [
        (8000.0, 8000.0, 0.0, 4000.0), (0.0, 8000.0, 0.0, 4000.0), (8000.0, 0.0, 0.0, 4000.0), (0.0, 0.0, 9e3, 7000.0),
        (20e3, 0.0, 0.0, 0.0), (None, 0.0, 10e3, 2000.0),
    ],
)  # fmt: skip
def test_what_the_connection_may_have_cut_did_not_go_in_where_nobody_tells_it_and_may_be_told(
    begun: Request, before: float | None, now: float, forecast: float, least: float
) -> None:
    """12 kW are there for house and car; 7 kW were asked for."""
    ahead = {**begun.forecast, "house": [0.0, forecast]}
    home = replace(begun, imports=12e3, house=before, forecast=ahead, car_charge=7e3)
    hours = hours_for(0.2, 7000.0, begun)
    silent, tells = (later(home, hours, soc=soc, house=now) for soc in (None, 0.7))
    found = following(home, 7000.0).follow(silent)
    assert (found.soc, found.sure) == (pytest.approx(0.5 + 0.2 * least / 7000), False)
    assert following(home, 7000.0).follow(tells) == Belief(0.7, sure=True)


def test_a_car_that_takes_less_by_now_may_have_done_so_since_it_was_asked(begun: Request) -> None:
    found = following(begun, 7400.0).follow(later(begun, 10, soc=None, car_charge=520.0))
    assert found.soc == pytest.approx(0.5 + 10 * 520 / 52000)


def test_what_was_given_away_is_gone_with_its_losses(begun: Request) -> None:
    found = following(begun, -3000.0).follow(later(begun, 2, soc=None))
    assert found.soc == pytest.approx(0.5 - 2 * 3000 / begun.efficiency / begun.energy)
    assert not found.sure
    assert following(begun, -3000.0).follow(later(begun, 2, soc=0.5)).soc == pytest.approx(found.soc)


@pytest.mark.parametrize(("power", "soc"), [(7400.0, 1.0), (-7400.0, 0.0)])
def test_what_is_reckoned_is_a_state_of_charge_however_long_it_was_not_heard(
    begun: Request, power: float, soc: float
) -> None:
    assert following(begun, power).follow(later(begun, 24, soc=None)) == Belief(soc, sure=False)


def test_through_a_lost_link_nothing_went_either_way(begun: Request) -> None:
    for power in (7000.0, -7000.0):
        assert following(begun, power).follow(later(begun, 3, "link", soc=None)) == Belief(0.5, sure=False)
    assert following(begun, 7000.0).follow(later(begun, 3, "link", soc=0.8)) == Belief(0.5, sure=False)


def test_what_was_asked_once_holds_until_the_next_moment_and_no_longer(begun: Request) -> None:
    tracker = following(begun, 4000.0)
    hours = hours_for(0.1, 4000.0, begun)
    tracker.follow(later(begun, hours, soc=None))
    assert tracker.follow(later(begun, 3 * hours, soc=None)).soc == pytest.approx(0.6)


TRIP = 42.0


def gone(begun: Request, soc: float = 0.8) -> Tracker:
    """One whose car has left with so much for the trip of the example, and is away."""
    tracker = following(replace(begun, soc=soc))
    assert tracker.follow(later(begun, 1, plugged=False, soc=None)).soc == soc
    return tracker


def test_of_a_car_that_is_away_nothing_is_reckoned_and_nothing_is_sure(begun: Request) -> None:
    tracker = gone(begun)
    tracker.asked(7000.0)
    for hours in (2, 5):
        assert tracker.follow(later(begun, hours, plugged=False, soc=None)) == Belief(0.8, sure=False)


def test_it_comes_back_with_what_its_trip_left_or_less(begun: Request) -> None:
    back = later(begun, 9, "arrival", soc=None)
    left = gone(begun).follow(back).soc
    assert 0.8 - 0.3 < left < 0.8 - 0.5 * TRIP * 150 / 52000
    assert gone(begun).follow(replace(back, soc=left - 0.2)) == Belief(left - 0.2, sure=True)
    told = gone(begun).follow(replace(back, soc=0.8))
    assert (told.soc, told.sure) == (left, False)


def test_a_trip_that_is_told_anew_on_the_way_is_the_next_one(begun: Request) -> None:
    """What it left for is what it was told then."""
    assert begun.trip is not None
    back = later(begun, 9, "arrival", soc=None)
    tracker = gone(begun)
    far = Trip(begun.time + timedelta(days=1), 200.0, "motorway-130")
    tracker.follow(later(begun, 4, plugged=False, soc=None, trip=far))
    assert tracker.follow(replace(back, trip=far)).soc == gone(begun).follow(back).soc


def test_of_a_trip_that_nobody_told_it_comes_back_with_no_more_than_it_left_with(begun: Request) -> None:
    plain = replace(begun, trip=None)
    assert gone(plain).follow(later(plain, 9, "arrival", soc=0.6)) == Belief(0.6, sure=True)
    assert gone(plain).follow(later(plain, 9, "arrival", soc=0.9)) == Belief(0.8, sure=False)
    assert gone(plain).follow(later(plain, 9, "arrival", soc=None)) == Belief(0.0, sure=False)


moments = st.lists(
    st.tuples(
        st.sampled_from([0.25, 1.0, 6.0]), st.sampled_from(["tick", "link", "arrival", "trip", "reserve"]),
        st.booleans(), st.none() | st.floats(0.0, 1.0), st.floats(-7400.0, 7400.0), st.floats(0.0, 7000.0),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments)
def test_a_belief_is_a_state_of_charge_and_sure_only_of_what_the_car_itself_has_told(
    begun: Request, told: list[tuple[float, str, bool, float | None, float, float]]
) -> None:
    tracker, now = following(begun), begun
    for hours, reason, plugged, soc, power, takes in told:
        now = later(now, hours, reason, plugged=plugged, soc=soc, car_charge=takes)
        found = tracker.follow(now)
        tracker.asked(power)
        assert 0.0 <= found.soc <= 1.0
        assert not found.sure or (plugged and found.soc == soc)
