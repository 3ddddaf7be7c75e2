"""Days that cannot be are refused where they are made: a manager that was told them would be blamed for them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.grid.week import SERIES, Days, Outage, Trip, zeros

FLAT = np.ones(8)
MISSING = np.array([1.0, 1.0, np.nan, *FLAT[3:]])


def days(**changed: Any) -> Days:
    given = {
        "start": datetime(2026, 1, 12, tzinfo=UTC),
        **dict.fromkeys(("outside", "house", "sun", "buy", "sell"), FLAT),
    }
    return Days(season="paris-january", **(given | changed))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"buy": MISSING}, r"buy is nan at 2026-01-12T00:30:00\+00:00; give a finite number"),
        ({"house": FLAT * np.inf}, "house is inf at 2026-01-12T00:00:00"),
        ({"sell": FLAT[1:]}, "sell has 7 quarters of an hour, and outside has 8; give as many.$"),
        (dict.fromkeys(("outside", "house", "sun", "buy", "sell"), FLAT[:0]), "give one value of each series or more"),
        ({"start": datetime(2026, 1, 12)}, "of no zone"),  # noqa: DTZ001 - that is what is refused
        ({"reserve": -1.0}, "a reserve of -1 km"), ({"reserve": np.nan}, "a reserve of nan km"),
        ({"soc": 62.0}, "a state of charge of 62 is none; give 0 to 1"),
        ({"trips": (Trip(900.0, 1800.0, np.nan),)}, "a trip of nan km"),
        ({"trips": (Trip(900.0, 1800.0, 5.0, told=np.nan),)}, "told and known at a time"),
    ],
)  # fmt: skip
def test_days_that_cannot_be_are_refused_in_one_sentence(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        days(**changed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])  # noqa: DTZ001
@pytest.mark.parametrize("zone", ["Europe/Paris", "Europe/London"])
def test_a_day_has_as_many_hours_as_its_zone_gives_it(day: datetime, hours: int, zone: str) -> None:
    start = day.replace(tzinfo=ZoneInfo(zone))
    found = days(start=start)
    midnight = (start + timedelta(days=1)).isoformat()
    assert found.at(hours * 3600.0).isoformat() == midnight


AWAY, LATER = Trip(900.0, 2700.0, 5.0), Trip(5400.0, 6300.0, 8.0, told=7200.0, known=4500.0)


@pytest.mark.parametrize(
    ("time", "on", "to_come"),
    [
        (0.0, None, AWAY), (899.9, None, AWAY), (900.0, AWAY, LATER), (2699.9, AWAY, LATER), (2700.0, None, LATER),
        (5399.9, None, LATER), (5400.0, LATER, None), (6300.0, None, None),
    ],
)  # fmt: skip
def test_a_trip_begins_with_its_moment_and_is_over_with_its_return(
    time: float, on: Trip | None, to_come: Trip | None
) -> None:
    found = days(trips=(AWAY, LATER))
    assert (found.trip_at(time), found.next_trip(time)) == (on, to_come)


def test_a_departure_is_as_it_was_told_until_the_true_one_is_known() -> None:
    assert [LATER.departure(now) for now in (0.0, 4499.9, 4500.0, 6000.0)] == [7200.0, 7200.0, 5400.0, 5400.0]
    assert AWAY.departure(0.0) == 900.0
    never_said = Trip(900.0, 1800.0, 5.0, told=1200.0)
    assert [never_said.departure(now) for now in (0.0, 899.9, 900.0)] == [1200.0, 1200.0, 900.0]


def test_what_goes_wrong_does_so_from_its_beginning_until_its_end() -> None:
    link, restart, soc = Outage("link", 900.0, 1800.0), Outage("restart", 1800.0, 2700.0), Outage("soc", 0.0, 900.0)
    found = days(outages=(link, restart, soc))
    assert [found.unheard(time) for time in (0.0, 900.0, 1799.9, 1800.0, 2700.0)] == [None, link, link, restart, None]
    assert (found.suffers("soc", 899.9), found.suffers("soc", 900.0), found.suffers("jump", 0.0)) == (soc, None, None)


def test_a_quarter_of_an_hour_holds_from_its_beginning_and_the_ends_hold_beyond_them() -> None:
    values = np.arange(8.0)
    found = days(house=values, sun=-values + 10)
    assert [found.quarter(time) for time in (-5.0, 0.0, 899.9, 900.0, 7199.9, 7200.0, 1e9)] == [0, 0, 0, 1, 7, 7, 7]
    assert found.site(1800.0) == (2.0, 8.0)
    assert found.duration == 7200.0


def test_other_days_have_another_digest_and_the_same_ones_the_same() -> None:
    changes: list[dict[str, Any]] = [
        *({name: 2 * FLAT} for name in SERIES), {"trips": (AWAY,)}, {"trips": (LATER,)}, {"reserve": 51.0},
        {"soc": 0.6}, {"car": "other"}, {"outages": (Outage("link", 0.0, 900.0),)},
        {"start": datetime(2026, 1, 13, tzinfo=UTC)}, {"sources": ("somebody",)},
    ]  # fmt: skip
    digests = [days(**change).digest for change in changes]
    assert days().digest == days().digest == digests.pop()  # who says it changes nothing of what they are
    assert len({days().digest, *digests}) == len(changes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -5.0])
def test_a_trip_goes_somewhere(value: float) -> None:
    with pytest.raises(ValueError, match=r"a trip of .* km is none; give more than 0"):
        days(trips=(Trip(900.0, 1800.0, value),))


def test_nothing_for_so_many_days_is_a_value_for_each_quarter() -> None:
    assert zeros(1.5).tolist() == [0.0] * 144
