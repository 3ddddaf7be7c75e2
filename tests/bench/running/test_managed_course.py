"""What a managed step counts, row by row: worked out by hand, and where a run is resumed as if there were no gap."""

from math import inf, nan
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import columns
from bench.columns import DERIVED
from bench.running.procedures.managed.course import AGAIN, LOOK, Course
from models.grid.charger import Charger
from models.grid.week import Trip
from tests.bench.running import test_managed_car as cars
from tests.bench.running.test_managed_homes import hours

NAMES = (*DERIVED, columns.SET_GRID_POWER, columns.RANGE)
INDEX = {name: position for position, name in enumerate(NAMES)}
RESERVE = 40.0
GIVES, TAKES = -3600.0, 3600.0
"""W at the AC side."""


def row(reach: float = nan, asked: float = nan, power: float = 0.0, **other: float) -> list[float]:
    """Of a car at rest on a bench of its own scale, which would get so many km and is asked for so many W."""
    found = [*cars.row(limit=200.0), nan, nan]
    known = {columns.RANGE: reach, columns.SET_GRID_POWER: asked, columns.POWER: power, columns.CURRENT: 0.0}
    known |= {getattr(columns, name): value for name, value in other.items()}
    for name, value in known.items():
        found[INDEX[name]] = value
    return found


def resumed(
    *had: tuple[float, list[float]], begins: float = 0.0, trips: tuple[Trip, ...] = (), station: Charger = cars.CHARGER
) -> Course:
    """What has happened by the rows that another process has recorded, s of the step and row."""
    days = hours(4, trips=trips, reserve=RESERVE)
    stage = SimpleNamespace(had=lambda: had, begins=begins, place=SimpleNamespace(index=INDEX))
    return Course.of(cars.car(days, station), cast("Any", stage))


@pytest.mark.parametrize(
    ("reach", "gives", "armed", "nears"),
    [
        (RESERVE - 0.1, True, True, True), (RESERVE, True, True, False), (RESERVE - 0.1, False, True, False),
        (RESERVE - 0.1, True, False, False), (nan, True, True, False), (RESERVE + 9, True, False, False),
    ],
)  # fmt: skip
def test_a_car_comes_down_to_its_reserve_by_what_it_gives_and_once(
    reach: float, gives: bool, armed: bool, nears: bool
) -> None:
    course = Course(armed=armed)
    assert course.nears(reach, RESERVE, gives=gives) is nears
    assert course.nears(reach, RESERVE, gives=gives) is False


@pytest.mark.parametrize(("highest", "again"), [(RESERVE + AGAIN, False), (RESERVE + AGAIN + 0.01, True)])
def test_it_can_come_down_once_more_when_it_was_clearly_above(highest: float, again: bool) -> None:
    course = Course()
    assert course.nears(RESERVE - 1, RESERVE, gives=True)
    course.nears(highest, RESERVE, gives=False)
    assert course.nears(RESERVE - 1, RESERVE, gives=True) is again


@pytest.mark.parametrize(
    ("had", "again"),
    [
        ([(RESERVE + 2, GIVES), (RESERVE - 1, GIVES)], False),
        ([(RESERVE + 2, GIVES), (RESERVE - 1, TAKES)], True),
        ([(RESERVE + 2, GIVES), (RESERVE - 1, nan)], True),
        ([(RESERVE - 1, GIVES), (RESERVE + AGAIN, TAKES)], False),
        ([(RESERVE - 1, GIVES), (RESERVE + AGAIN + 1, TAKES)], True),
    ],
)
def test_a_car_that_had_come_down_before_a_run_was_resumed_is_not_asked_about_once_more(
    had: list[tuple[float, float]], again: bool
) -> None:
    rows = [(number * LOOK, row(*each)) for number, each in enumerate(had, 1)]
    assert resumed(*rows).nears(RESERVE - 1, RESERVE, gives=True) is again


def test_what_was_recorded_between_two_looks_is_not_looked_at() -> None:
    """Nor was it in the process that recorded it: the car is asked about in the same scans as without a gap."""
    course = resumed((LOOK, row(RESERVE + 2)), (2 * LOOK - 1, row(RESERVE - 1, GIVES)))
    assert course.counted == LOOK
    assert course.nears(RESERVE - 1, RESERVE, gives=True)


def test_what_a_car_has_given_is_counted_on_where_a_run_is_resumed() -> None:
    """1 Wh in each second of 3600 W, as its rows have it: each stands for the time since the one before."""
    given = [(number * LOOK, row(asked=GIVES, power=GIVES)) for number in range(4)]
    course = resumed(*given, begins=33.0)
    assert course.given == pytest.approx(30.0)
    assert (course.time, course.gone, course.withheld) == (33.0, None, 0.0)


@pytest.mark.parametrize(("asked", "withheld"), [(0.0, 10.0), (nan, 10.0), (TAKES, 10.0), (-TAKES, 0.0)])
def test_what_a_pack_that_takes_nothing_withheld_is_counted_on_where_a_run_is_resumed(
    asked: float, withheld: float
) -> None:
    """3600 W of a charger for ten seconds; where nothing was asked for that was all of what it took."""
    rows = [(number * LOOK, row(asked=asked, CHARGE_LIMIT=0.0)) for number in range(2)]
    assert resumed(*rows, station=cars.lossless(charge=3600.0)).withheld == pytest.approx(withheld)


def test_a_departure_begins_the_count_anew_and_a_run_that_is_resumed_on_the_way_knows_of_it() -> None:
    trip = Trip(3600.0, 10800.0, 30.0)
    at_home = [(3580.0, row(power=GIVES)), (3590.0, row(power=GIVES))]
    assert resumed(*at_home, trips=(trip,)).given == pytest.approx(10.0)
    away = resumed(*at_home, (3600.0, row()), begins=3650.0, trips=(trip,))
    assert (away.given, away.gone, away.time) == (0.0, trip, 3650.0)


def test_what_was_given_before_anybody_could_know_of_a_trip_does_not_count() -> None:
    trip = Trip(3600.0, 10800.0, 30.0, known=25.0)
    rows = [(number * LOOK, row(power=GIVES)) for number in range(1, 5)]
    assert resumed(*rows[:2], trips=(trip,)).given == pytest.approx(20.0)
    assert resumed(*rows, trips=(trip,)).given == pytest.approx(10.0)


def test_a_run_that_begins_has_seen_nothing() -> None:
    found = resumed()
    assert (found.time, found.gone, found.armed) == (-inf, None, True)
    assert found.given == found.withheld == found.counted == found.meter.given == found.meter.taken == 0.0
