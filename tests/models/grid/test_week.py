"""Days that cannot be are refused where they are made: a manager that was told them would be blamed for them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.grid.week import Days, Trip

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
        ({"sell": FLAT[1:]}, "sell has 7 quarters of an hour"),
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
