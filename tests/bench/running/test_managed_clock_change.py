"""A managed night in which clocks are changed: what is told goes on in real time, and prices go by the clock."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bench.grid.steps import Manage
from bench.testing import TestBench
from models.grid.clock import ZONE
from models.grid.prices import DAY, NIGHT
from models.grid.week import Trip
from packbench.days import days_at_home
from tests.bench.managing.manager import manager

On = Callable[..., TestBench]
HOURS = 6
"""Of real time, from 1 h by the clock on."""


@pytest.mark.parametrize(
    ("season", "first", "offsets"),
    [
        ("paris-march", datetime(2026, 3, 29, 1, tzinfo=ZONE), [1, 2]),
        ("paris-october", datetime(2026, 10, 25, 1, tzinfo=ZONE), [2, 1]),
    ],
    ids=["23 hours", "25 hours"],
)
def test_a_managed_night_over_a_change_of_clocks(on: On, season: str, first: datetime, offsets: list[int]) -> None:
    leaves = datetime(first.year, first.month, first.day, 8 if offsets == [1, 2] else 6, tzinfo=ZONE)
    away = leaves.timestamp() - first.timestamp()
    days = days_at_home(
        season, (HOURS + 0.5) / 24, tariff="day-night", start=first, trips=(Trip(away, away + 1800, 10.0),)
    )
    bench = on("virtual-module", soc=0.5)
    with manager(lambda asked: {
        "power": 0, "warnings": [{"departure": asked["trip"]["departure"], "short": 1}] if asked["trip"] else [],
    }) as (address, asked):  # fmt: skip
        run = bench.run(Manage(address, days, name="days"))
    times = [datetime.fromisoformat(each["time"]) for each in asked]
    assert [each.timestamp() - times[0].timestamp() for each in times[: 4 * HOURS]] == [
        pytest.approx(900.0 * number, abs=2) for number in range(4 * HOURS)
    ]
    changes = [each.utcoffset() for each in times]
    assert list(dict.fromkeys(changes)) == [timedelta(hours=each) for each in offsets]
    for each, time in zip(asked, times, strict=True):
        ahead = [time.astimezone(ZONE).timestamp() + 900 * number for number in range(len(each["forecast"]["buy"]))]
        clock = [datetime.fromtimestamp(at, ZONE).hour for at in ahead]
        assert each["forecast"]["buy"] == [DAY if 6 <= hour < 22 else NIGHT for hour in clock]
    assert {each["trip"]["departure"] for each in asked if each["trip"]} == {leaves.isoformat()}
    (departure,) = (event for event in run.events if event["type"] == "departure")
    assert departure["leaves"] == leaves.timestamp()
    warned = [event for event in run.events if event["type"] == "manager" and departure["leaves"] in event["warned"]]
    assert len(warned) == 4 * HOURS
