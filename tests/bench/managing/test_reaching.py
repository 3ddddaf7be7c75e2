"""What full power from now on would reach: what a manager can be blamed for, because he could have known it."""

from dataclasses import replace
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from bench.managing.reaching import lacking_at_best
from models.grid.charger import Charger
from models.grid.week import Trip
from models.vehicle.reach import Pack
from tests.bench.managing.test_request import days

NOON = 12 * 3600.0
TRIP = Trip(NOON, NOON + 7200, 60.0, "country")
CHARGER = Charger(charge=7400.0, discharge=7000.0)
COLD = replace(days(), outside=np.full(96, 2.0))


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.of("lfp-26650", 24, 1, energy=52000.0)


def lacks(pack: Pack, time: float = NOON, soc: float = 0.4, **changed: Any) -> float:
    told = {"days": COLD, "charger": CHARGER, "cells": 10.0, "trip": TRIP, "road": "country", **changed}
    return lacking_at_best(pack=pack, time=time, soc=soc, **told)


def test_an_hour_of_full_power_is_as_good_as_the_charge_that_it_brings(pack: Pack) -> None:
    """Less what the charger loses; whoever is held to it may count on no more."""
    brought = CHARGER.ac_to_dc(CHARGER.charge) / pack.energy
    assert lacks(pack, NOON - 3600.0, 0.4) == pytest.approx(lacks(pack, NOON, 0.4 + brought))
    assert lacks(pack, NOON - 3600.0, 0.4) < lacks(pack, NOON, 0.4)


def test_a_full_pack_takes_no_more(pack: Pack) -> None:
    assert lacks(pack, 0.0, 0.9) == lacks(pack, NOON, 1.0)


def test_at_and_behind_its_departure_nothing_comes_any_more(pack: Pack) -> None:
    assert lacks(pack, NOON + 3600.0) == lacks(pack, NOON)


def test_it_lacks_less_with_more_charge_and_more_in_the_cold(pack: Pack) -> None:
    assert lacks(pack, soc=0.1) > 0 > lacks(pack, soc=0.4) > lacks(pack, soc=0.95)
    assert lacks(pack, cells=-20.0) > lacks(pack, cells=10.0)
    assert lacks(pack, days=replace(COLD, outside=np.full(96, -15.0))) > lacks(pack)


def test_a_km_of_the_trip_and_one_of_the_reserve_on_its_road_each_count(pack: Pack) -> None:
    longer = lacks(pack, trip=replace(TRIP, distance=61.0))
    assert longer - lacks(pack) == pytest.approx(1.0)
    more = lacks(pack, days=replace(COLD, reserve=51.0))
    assert more - lacks(pack) == pytest.approx(1.0)
    dearer = lacks(pack, days=replace(COLD, reserve=51.0), road="motorway-130") - lacks(pack, road="motorway-130")
    assert dearer > 1.0, "km of the trip, of which one on a motorway is worth more"


def test_the_departure_is_the_one_that_was_told_until_the_true_one_is_known(pack: Pack) -> None:
    later = replace(TRIP, told=NOON + 3600.0, known=NOON - 1800.0)
    assert lacks(pack, NOON - 3600.0, trip=later) == lacks(pack, NOON - 7200.0)
    assert lacks(pack, NOON - 1800.0, trip=later) == lacks(pack, NOON - 1800.0)


@pytest.mark.parametrize("unknown", [{"soc": nan}, {"cells": nan}])
def test_who_does_not_know_the_car_is_held_to_nothing(pack: Pack, unknown: dict[str, float]) -> None:
    assert isnan(lacks(pack, **unknown))
