"""The car that a pack stands for while it is managed, worked out by hand on single rows."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import nan, nextafter
from typing import Any

import numpy as np
import pytest

from bench.columns import DERIVED, INDEX
from bench.grid.steps import Manage
from bench.pack import load_pack
from bench.road import pack_energy
from bench.running.emulation import charge_steps_of
from bench.running.procedures.managed.car import Car
from models.construction import Construction
from models.grid.charger import Charger
from models.grid.week import QUARTER, Days, Trip
from models.tables import Vector
from models.vehicle.car import load_car
from models.vehicle.reach import DEGREES, SOC, Pack, going, lacking, needed_soc, reach
from tests.bench.managing.clients import until
from tests.bench.running.test_managed_homes import hours

CHARGER = Charger(charge=11000, discharge=11000)
lossless = partial(Charger, standby=0.0, proportional=0.0, quadratic=0.0)
TRIP = Trip(3600.0, 10800.0, 30.0)
VOLTS = 350.0


def car(days: Days | None = None, station: Charger = CHARGER, **given: Any) -> Car:
    """A car of the shipped LFP pack's size, at its own scale, whatever manages it."""
    step = Manage("nobody", days or hours(4, trips=(TRIP,)), **{"scale": 1.0, **given})
    return Car(step, load_pack("lfp-vehicle")[0], station)


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


@pytest.mark.parametrize(
    ("limit", "asked", "charger", "withheld"),
    [
        # Asked for is as good as all of it from 95 % on.
        (10.0, 0.95 * 10.0 * VOLTS, 4000.0, 500.0), (10.0, nextafter(0.95 * 10.0 * VOLTS, 0.0), 4000.0, 0.0),
        # What the charger has not is not withheld, and what it takes beyond that is none that it gives.
        (10.0, 1e6, 3500.0, 0.0), (10.0, 1e6, 3501.0, 1.0), (10.0, 1e6, 1000.0, 0.0), (0.0, 0.0, 4000.0, 4000.0),
        (nan, 1e6, 4000.0, 0.0),
    ],
)  # fmt: skip
def test_what_is_withheld_is_what_lacks_of_what_the_charger_has(
    limit: float, asked: float, charger: float, withheld: float
) -> None:
    assert car(station=lossless(charge=charger)).withheld(row(limit=limit), asked) == pytest.approx(withheld)


def test_a_pack_withholds_where_it_takes_less_than_half_of_what_its_file_promises_now() -> None:
    """What it promises is the rate of its file at these cells, for the capacity that its cells have."""
    pack, found = load_pack("lfp-vehicle")[0], car(station=lossless(charge=1e6))
    for cold, hot, soc in ((25.0, 25.0, 0.5), (0.0, 5.0, 0.5), (20.0, 52.0, 0.9)):
        promised = charge_steps_of(pack).rate(cold, hot, soc) * 154.0
        half = promised / 2
        at = {"coldest": cold, "hottest": hot, "soc": soc}
        assert found.withheld(row(limit=half, **at), 1e6) == 0.0
        assert found.withheld(row(limit=0.999 * half, **at), 1e6) == pytest.approx(1.001 * half * VOLTS, rel=1e-9)


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


@pytest.mark.parametrize("away", [7200.0, 100.0], ids=["it stands there", "no time to stand"])
def test_it_drives_for_as_long_as_half_of_its_way_takes_at_the_road_s_power(away: float) -> None:
    """Where it is back before it could be there, it drives all the time."""
    trip = Trip(3600.0, 3600.0 + away, 30.0)
    found, way = car(hours(4, trips=(trip,))), going("renault-5-class", "country", 5.0)
    half = min(30.0 * way.energy / way.power * 1800.0, away)
    there, back = trip.leaves + half, trip.returns - half
    assert found.edges_behind(0.0) == pytest.approx([trip.leaves, there, back, trip.returns], rel=1e-12)
    later = [each for each in (there, back, trip.returns) if each > trip.leaves]
    assert found.edges_behind(trip.leaves) == pytest.approx(later)
    assert found.most_driving == way.power
    stands = there < back
    moments = (trip.leaves - 1e-3, trip.leaves, there - 1e-3, there + 1e-3, back - 1e-3, back + 1e-3, trip.returns)
    drives = (False, True, True, not stands and there < trip.returns, not stands and back > trip.leaves, True, False)
    assert [found.driving(each) for each in moments] == [way.power if moving else 0.0 for moving in drives]


def test_a_car_without_a_trip_drives_nowhere() -> None:
    found = car(hours(1))
    assert (found.most_driving, found.edges_behind(0.0), found.driving(10.0)) == (0.0, [], 0.0)


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


def test_what_a_car_needs_and_lacks_is_what_its_pack_gives_in_the_weather_of_that_quarter() -> None:
    """Trips on one road, its reserve on another: both at what they cost in the air of the moment."""
    trip = Trip(3600.0, 10800.0, 30.0, road="urban")
    days = replace(hours(4, trips=(trip,), reserve=40.0), outside=np.array([5.0, -10.0] * 8))
    found, pack, now = car(days, reserve_road="motorway-130"), load_pack("lfp-vehicle")[0], row(soc=0.3, coldest=10.0)
    own = Pack.of(pack.cell, 104, 1, Construction(**pack.construction.model_dump()), energy=load_car(days.car).energy)
    assert found.pack.energy == own.energy == pytest.approx(52000, rel=0.01)
    for time, outside in ((0.0, 5.0), (QUARTER, -10.0)):
        there, beyond = (going(days.car, road, outside) for road in ("urban", "motorway-130"))
        assert found.reach(now, time) == pytest.approx(reach(own, 0.3, 10.0, beyond))
        assert found.kept(10.0, time) == pytest.approx(own.energy * needed_soc(own, 40.0, 10.0, beyond))
        both = 30.0 + 40.0 * beyond.energy / there.energy
        assert found.wanted(10.0, time) == pytest.approx(own.energy * needed_soc(own, both, 10.0, there))
    leaves = found.departs(now, QUARTER, trip)
    assert (leaves.short, leaves.per_km) == (
        pytest.approx(lacking(own, 0.3, 10.0, 30.0, there, 40.0, beyond)), there.energy,
    )  # fmt: skip
    there, beyond = (going(days.car, road, 5.0) for road in ("urban", "motorway-130"))  # as it leaves, after an hour
    charged = 0.3 + CHARGER.ac_to_dc(11000.0) / own.energy
    best = found.lacks_at_best(0.3, 10.0, 0.0, trip)
    assert best == pytest.approx(lacking(own, charged, 10.0, 30.0, there, 40.0, beyond))


def test_no_car_keeps_or_wants_more_than_it_holds() -> None:
    found = car(hours(4, trips=(replace(TRIP, distance=1000.0),), reserve=1000.0))
    assert found.kept(25.0, 0.0) == found.wanted(25.0, 0.0) == found.pack.energy


@pytest.mark.parametrize("scale", [0.25, 4.0])
def test_a_car_sees_a_charger_that_loses_as_much_of_its_powers_as_the_home_s_of_the_bench_s(scale: float) -> None:
    station = Charger(9000.0, 7000.0, least=600.0, standby=120.0, proportional=0.04, quadratic=2e-6, idle=24.0,
                      dead_time=1.5, ramp=3000.0)  # fmt: skip
    own = car(station=station, scale=scale).own_charger
    assert (own.charge, own.discharge, own.least) == (9000.0 / scale, 7000.0 / scale, 600.0 / scale)
    assert (own.ramp, own.dead_time) == (3000.0 / scale, 1.5)
    for power in (0.0, 500.0, -500.0, 5000.0, -5000.0):
        assert own.loss(power / scale) == pytest.approx(station.loss(power) / scale)


@pytest.mark.parametrize(
    ("given", "charge", "discharge"),
    [
        ({}, 11000.0, 9000.0), ({"charger": 3700.0}, 7400.0, 7400.0), ({"charger": 5000.0}, 10000.0, 9000.0),
        ({"charger": 99000.0}, 11000.0, 9000.0), ({"gives": False}, 11000.0, 0.0),
        ({"charger": 3700.0, "gives": False}, 7400.0, 0.0),
    ],
)  # fmt: skip
def test_a_home_has_the_less_of_its_own_charger_and_the_station_s(
    given: dict[str, Any], charge: float, discharge: float
) -> None:
    found = car(station=Charger(11000.0, 9000.0), scale=2.0, **given).charger
    assert (found.charge, found.discharge) == (charge, discharge)


def test_a_bench_is_as_large_beside_a_car_as_its_pack_has_energy_where_nobody_says_how_large() -> None:
    pack = load_pack("lfp-vehicle")[0]
    assert car(scale=None).scale == pytest.approx(pack_energy(pack) / load_car("renault-5-class").energy)
    assert car(scale=nextafter(0.0, 1.0)).scale > 0


@pytest.mark.parametrize("scale", [0.0, -1.0, nan])
def test_a_scale_that_leaves_nothing_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=f"a scale of {scale:g} leaves nothing of a car: give more than 0"):
        car(scale=scale)


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


@pytest.mark.parametrize(
    ("outside", "air", "garage"),
    [(5.2, 5.0, 10.0), (5.3, 5.5, 10.5), (0.1, 0.0, 5.0), (-20.0, -20.0, 5.0), (0.6, 0.5, 5.5), (31.9, 32.0, 37.0)],
)
def test_the_air_around_the_pack_is_set_in_half_kelvin_and_in_a_garage_is_never_below_five_degrees(
    outside: float, air: float, garage: float
) -> None:
    days = replace(hours(0.5), outside=np.array([20.0, outside]))
    for inside, expected in ((False, air), (True, garage)):
        found = car(days, garage=inside)
        assert found.around(QUARTER) == expected
        assert found.airs == [20.0 + 5.0 * inside, expected]


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
    assert [each.daemon for each in threading.enumerate() if each.name == "reach"] == [True], "it keeps nobody up"
    may.set()
    until(lambda: found.ready)
    assert len(worked) == len(set(worked)) > 0
    worked.clear()
    for number in range(len(outside)):
        found.reach(row(), number * QUARTER)
    assert worked == []
