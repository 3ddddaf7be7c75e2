"""What a manager is asked: what the bench knows at that time, with what is wrong then, and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from bench.managing.moments import REASONS, happenings
from bench.managing.request import Asking, Telling, displayed
from models.grid.charger import Charger
from models.grid.week import QUARTER, SERIES, Days, Outage, Trip
from models.tables import Vector

START = datetime(2026, 1, 12, tzinfo=UTC)
CHARGER = Charger(charge=7400.0, discharge=7000.0, least=1400.0)
CAR = Telling(plugged=True, soc=0.62, cells=6.5, energy=52000.0, charge=7000.0, discharge=7100.0)
NOON = 12 * 3600.0
TRIP = Trip(NOON, NOON + 7200, 40.0, "urban")


def days(**changed: Any) -> Days:
    """A day on which each series is another one."""
    series = {name: np.arange(96.0) + 1000 * place for place, name in enumerate(SERIES)}
    return Days(START, "winter", **series, **changed)


class Foreseen:
    """A forecast that remembers when it was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def __call__(self, time: float) -> Mapping[str, Vector]:
        self.asked.append(time)
        return {"house": np.array([time, 1.0])}


def asking(of: Days, foresee: Any = None) -> Asking:
    return Asking(of, CHARGER, imports=12000.0, exports=5000.0, foresee=foresee or Foreseen(), road="mountain-pass")


def test_a_request_is_the_contract_s_with_its_signs_and_units() -> None:
    told = asking(days(trips=(TRIP,))).request(1.5 * QUARTER, "tick", CAR)
    assert told == {
        "contract": 1, "time": "2026-01-12T00:22:30+00:00", "reason": "tick", "car": asdict(CAR),
        "charger": {"charge": 7400.0, "discharge": 7000.0, "least": 1400.0, "efficiency": CHARGER.efficiency(7400.0)},
        "site": {"house": 1001.0, "sun": 2001.0, "import": 12000.0, "export": 5000.0},
        "trip": {"departure": "2026-01-12T12:00:00+00:00", "distance": 40.0, "road": "urban"},
        "reserve": {"distance": 50.0, "road": "mountain-pass"},
        "season": "winter", "model": "renault-5-class",
        "forecast": {"step": 900, "house": [1.5 * QUARTER, 1.0]},
    }  # fmt: skip
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_what_is_measured_at_the_site_goes_before_what_the_days_know() -> None:
    told = asking(days()).request(0.0, "start", CAR, site=(123.0, 45.0))
    assert (told["site"]["house"], told["site"]["sun"]) == (123.0, 45.0)


@pytest.mark.parametrize(
    ("time", "departure"),
    [(0.0, "2026-01-12T13:00:00+00:00"), (3599.0, "2026-01-12T13:00:00+00:00"), (3600.0, "2026-01-12T12:00:00+00:00"),
     (NOON - 1, "2026-01-12T12:00:00+00:00"), (NOON, None)],
)  # fmt: skip
def test_a_departure_is_what_everybody_was_told_until_the_true_one_is_known(time: float, departure: str | None) -> None:
    trip = Trip(NOON, NOON + 7200, 40.0, "urban", told=NOON + 3600, known=3600.0)
    told = asking(days(trips=(trip,))).request(time, "tick", CAR)["trip"]
    assert (told and told["departure"]) == departure


def test_a_forecast_is_made_anew_each_time_and_stays_as_it_was_where_it_does_not_come() -> None:
    foresee = Foreseen()
    asked = asking(days(outages=(Outage("forecast", 900.0, 2700.0),)), foresee)
    told = [asked.request(time, "tick", CAR)["forecast"]["house"][0] for time in (0.0, 900.0, 1800.0, 2700.0)]
    assert told == [0.0, 0.0, 0.0, 2700.0]
    assert foresee.asked == [0.0, 2700.0]
    assert asked.foreseen_at == 2700.0


def test_the_first_forecast_is_told_even_where_later_ones_would_not_come() -> None:
    asked = asking(days(outages=(Outage("forecast", 0.0, 2700.0),)))
    assert asked.request(900.0, "start", CAR)["forecast"]["house"] == [900.0, 1.0]
    assert asked.request(1800.0, "tick", CAR)["forecast"]["house"] == [900.0, 1.0]
    assert asked.foreseen_at == 900.0


@pytest.mark.parametrize(
    ("outage", "time", "soc"),
    [
        (Outage("soc", 100.0, 200.0), 99.0, 0.6), (Outage("soc", 100.0, 200.0), 100.0, None),
        (Outage("soc", 100.0, 200.0), 200.0, 0.6), (Outage("jump", 100.0, 200.0, by=0.1), 150.0, 0.7),
        (Outage("jump", 100.0, 200.0, by=0.9), 150.0, 1.0), (Outage("jump", 100.0, 200.0, by=-0.9), 150.0, 0.0),
        (Outage("link", 100.0, 200.0), 150.0, 0.6), (Outage("forecast", 100.0, 200.0), 150.0, 0.6),
    ],
)  # fmt: skip
def test_a_car_tells_its_charge_with_what_is_wrong_then(outage: Outage, time: float, soc: float | None) -> None:
    assert displayed(days(outages=(outage,)), time, 0.6) == (None if soc is None else pytest.approx(soc))


def test_a_charge_that_is_not_told_is_not_told_either_where_it_would_jump() -> None:
    both = Outage("jump", 0.0, 900.0, by=0.1), Outage("soc", 0.0, 900.0)
    assert displayed(days(outages=both), 1.0, 0.6) is None


# --- when it is asked -------------------------------------------------------------------------------------------------


def moments(of: Days) -> dict[float, list[str]]:
    found: dict[float, list[str]] = {}
    for time, reason in sorted(happenings(of), key=lambda each: (each[0], REASONS.index(each[1]))):
        found.setdefault(time, []).append(reason)
    return found


def test_a_quiet_day_is_asked_about_at_its_beginning_and_each_quarter_of_an_hour() -> None:
    found = moments(days())
    assert found.pop(0.0) == ["start"]
    assert found == {QUARTER * number: ["tick"] for number in range(1, 96)}


def test_the_shortest_day_has_its_beginning_alone() -> None:
    one = {name: np.ones(1) for name in SERIES}
    assert list(happenings(Days(START, "winter", **one))) == [(0.0, "start")]


def test_an_arrival_and_a_trip_that_becomes_known_are_moments_and_a_departure_is_none() -> None:
    trips = (Trip(3601.0, 7201.0, 10.0), Trip(9001.0, 9901.0, 10.0, told=9100.0, known=8001.0))
    found = moments(days(trips=trips))
    assert found[7201.0] == ["arrival"]
    assert found[9901.0] == ["arrival"]
    assert found[8001.0] == ["trip"]
    assert not {3601.0, 9001.0, 9100.0} & found.keys()


@pytest.mark.parametrize(
    ("what", "behind"), [("link", "link"), ("restart", "link"), ("soc", "tick"), ("jump", "tick"), ("forecast", "tick")]
)
def test_behind_what_kept_a_manager_from_hearing_it_is_told_that_it_is_over(what: str, behind: str) -> None:
    found = moments(days(outages=(Outage(what, 1001.0, 2001.0),)))
    assert (found[1001.0], found[2001.0]) == (["tick"], [behind])


def test_of_several_reasons_at_one_moment_the_first_can_be_told() -> None:
    found = moments(days(trips=(Trip(600.0, 1800.0, 10.0),), outages=(Outage("link", 900.0, 1800.0),)))
    assert found[1800.0] == ["arrival", "link", "tick"]
    assert {reason for reasons in found.values() for reason in reasons} <= set(REASONS)


def test_a_request_s_time_is_local_and_real_across_a_change_of_clocks() -> None:
    """A night in spring has 23 hours: what is two real hours later is three on the clock."""
    from zoneinfo import ZoneInfo

    series = {name: np.ones(96) for name in SERIES}
    berlin = Days(datetime(2026, 3, 29, 1, tzinfo=ZoneInfo("Europe/Berlin")), "spring", **series)
    told = [asking(berlin).request(3600.0 * hours, "tick", CAR)["time"] for hours in (0, 1, 2)]
    assert told == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]
    assert datetime.fromisoformat(told[2]) - datetime.fromisoformat(told[0]) == timedelta(hours=2)
