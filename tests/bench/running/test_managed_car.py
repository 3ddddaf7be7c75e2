"""The car that a pack stands for while it is managed, worked out by hand on single rows."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from bench.columns import DERIVED, INDEX
from bench.grid.steps import Manage
from bench.pack import load_pack
from bench.running.procedures.managed.car import Car
from models.grid.charger import Charger
from models.grid.week import QUARTER, Days, Trip
from models.tables import Vector
from models.vehicle.reach import DEGREES, SOC, Pack
from tests.bench.managing.clients import until
from tests.bench.running.test_managed_homes import hours

CHARGER = Charger(charge=11000, discharge=11000)
TRIP = Trip(3600.0, 10800.0, 30.0)
VOLTS = 350.0


def car(days: Days | None = None, charger: Charger = CHARGER) -> Car:
    """A car of the shipped LFP pack's size, at its own scale, whatever manages it."""
    return Car(Manage("nobody", days or hours(4, trips=(TRIP,)), scale=1.0), load_pack("lfp-vehicle")[0], charger)


def row(**values: float) -> list[float]:
    """Of a car at 25 degC and half full."""
    names = {
        "volts": "Voltage / V", "soc": "SOC / 1", "limit": "Charge Current Limit / A",
        "coldest": "Cell Temperature Min / degC", "hottest": "Cell Temperature Max / degC",
    }  # fmt: skip
    found = [nan] * len(DERIVED)
    known: Mapping[str, float] = {"volts": VOLTS, "soc": 0.5, "coldest": 25.0, "hottest": 25.0, **values}
    for name, value in known.items():
        found[INDEX[names[name]]] = value
    return found


def test_what_a_pack_takes_less_than_half_of_what_its_file_promises_is_withheld() -> None:
    """10 A of 350 V, where a pack at 25 degC takes all that the charger has."""
    most, taken = CHARGER.ac_to_dc(11000), 10 * VOLTS
    assert car().withheld(row(limit=10.0), taken) == pytest.approx(most - taken)
    # Nobody asked for all of it, or the pack takes what its file says: nothing is withheld.
    assert car().withheld(row(limit=10.0), 0.9 * taken) == 0.0
    assert car().withheld(row(limit=200.0), 200 * VOLTS) == 0.0


def test_a_cold_pack_that_promises_little_withholds_little() -> None:
    promised = [car().withheld(row(limit=1.0, coldest=cold, hottest=cold), VOLTS) for cold in (25.0, 2.0, -19.0)]
    assert promised[0] >= promised[1] > promised[2] >= 0.0


def test_it_drives_half_of_the_way_when_it_leaves_and_half_before_it_is_back() -> None:
    found = car()
    times = np.arange(0.0, 14400.0, 10.0)
    power = np.array([found.driving(time) for time in times])
    assert found.most_driving == power.max() > 1000
    moving = times[power > 0]
    assert (moving.min(), moving.max()) == (TRIP.leaves, pytest.approx(TRIP.returns, abs=10))
    first = moving[moving < 7200]
    assert len(first) == pytest.approx(len(moving) / 2, abs=1)
    edges = found.edges_behind(0.0)
    assert [edges[0], edges[-1]] == [TRIP.leaves, TRIP.returns]
    assert found.edges_behind(first.max() + 20) == edges[2:]


def test_its_next_trip_wants_more_than_its_reserve_and_less_than_it_holds() -> None:
    found = car()
    kept, wanted = found.kept(25.0, 0.0), found.wanted(25.0, 0.0)
    assert kept is not None
    assert wanted is not None
    assert 0 < kept < wanted < found.pack.energy
    assert found.wanted(25.0, TRIP.returns) is None
    assert found.kept(nan, 0.0) is found.wanted(nan, 0.0) is None
    cold = found.kept(-10.0, 0.0)
    assert cold is not None
    assert cold > kept  # a cold pack gives less than its state of charge says


def test_what_lacks_at_a_departure_is_what_its_reach_does_not_cover() -> None:
    found, now = car(), row()
    leaves = found.departs(now, TRIP.leaves, TRIP)
    assert leaves.short < 0
    assert found.reach(now, TRIP.leaves) > TRIP.distance + found.days.reserve
    empty = found.departs(row(soc=0.05), TRIP.leaves, TRIP)
    assert empty.short > 0
    # A per cent of charge more or less is so many km on this way.
    other = found.departs(row(soc=0.51), TRIP.leaves, TRIP)
    assert (leaves.short - other.short) * leaves.per_km == pytest.approx(0.01 * found.pack.energy, rel=0.2)


def test_a_home_has_what_it_is_given_of_the_station_s_charger_and_the_car_sees_it_at_its_own_scale() -> None:
    step = Manage("nobody", hours(1), scale=0.01, charger=3700.0, gives=False)
    found = Car(step, load_pack("lfp-vehicle")[0], CHARGER)
    assert (found.charger.charge, found.charger.discharge) == (pytest.approx(37.0), 0.0)
    assert found.own_charger.charge == pytest.approx(3700.0)
    assert found.own_charger.quadratic == pytest.approx(CHARGER.quadratic * 0.01)
    assert found.own_charger.ramp == pytest.approx(CHARGER.ramp / 0.01)


def test_a_garage_is_warmer_than_the_air() -> None:
    days = hours(1)
    pack = load_pack("lfp-vehicle")[0]
    outside, inside = (Car(Manage("nobody", days, garage=each), pack, CHARGER) for each in (False, True))
    assert (outside.around(0.0), inside.around(0.0)) == (5.0, 10.0)
    assert outside.airs == [5.0] * 4


# --- worked out beside a bench whose time is real -----------------------------------------------------------------


def test_what_was_worked_out_beside_leaves_nothing_to_be_worked_out_in_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever weather of the days: a bench would be silent meanwhile."""
    worked, may = list[float](), threading.Event()

    def given(_pack: Pack, power: float) -> Vector:
        assert may.wait(60)
        worked.append(power)
        return np.zeros((len(DEGREES), len(SOC)))

    monkeypatch.setattr(Pack, "given", given)
    outside = np.array([-15.0, 5.0, 5.0, 20.0])
    found = car(replace(hours(1), outside=outside))
    assert found.ready
    found.work_out_beside()
    found.work_out_beside()
    assert not found.ready
    may.set()
    until(lambda: found.ready)
    assert len(worked) == len(set(worked)) > 0
    worked.clear()
    for number in range(len(outside)):
        found.reach(row(), number * QUARTER)
    assert worked == []
