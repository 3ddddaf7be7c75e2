"""What a drive loses with one motor and with another, at the same torques and speeds."""

from dataclasses import replace

import numpy as np
import pytest

from models.vehicle.car import drive, load_car
from models.vehicle.losses import FIXED, MAGNETS, drive_losses
from models.vehicle.motor import loss_map
from models.vehicle.road import driven, load_road
from models.vehicle.trace import Trace

CAR = load_car("renault-5-class")


def test_the_cars_own_motor_comes_first_and_loses_what_the_drive_did() -> None:
    on = drive(CAR, driven(load_road("country")))
    own, *others = drive_losses(on)
    assert own.machine == CAR.machine
    assert own.energy == pytest.approx(on.lost_in_the_motor)
    assert own.per_way == pytest.approx(on.lost_in_the_motor / 1000 / (on.trace.distance / 1e5))
    assert own.lacking == 0.0
    assert [each.machine.excitation for each in others[: len(FIXED)]] == [(each, each) for each in FIXED]
    assert [each.machine.magnet for each in others[len(FIXED) :]] == list(MAGNETS)


@pytest.mark.parametrize("road", ["urban", "country", "motorway-130", "mountain-pass"])
def test_no_excitation_that_is_fixed_loses_less_than_one_that_is_free(road: str) -> None:
    own, *others = drive_losses(drive(CAR, driven(load_road(road))))
    assert all(each.energy > own.energy for each in others if each.machine.excitation[1] > 0)


def test_a_steady_speed_loses_its_point_of_the_map() -> None:
    """An hour at 90 km/h on the level: the map's watts at one torque and speed are as many watt-hours."""
    time = np.arange(0.0, 3601.0, 60.0)
    on = drive(CAR, Trace("steady", time, np.full_like(time, 25.0), np.zeros_like(time)))
    for each in drive_losses(on):
        watts = float(loss_map(each.machine, CAR.torque).losses(on.torque[:1], on.shaft[:1])[0])
        assert each.energy == pytest.approx(watts)


def test_a_motor_that_is_too_weak_is_said_to_be() -> None:
    """A thirteenth of its current: it has not the torque to pull away."""
    weak = replace(CAR.machine, current=40.0)
    on = drive(CAR, driven(load_road("urban")))
    own = drive_losses(replace(on, car=CAR.with_machine(weak)))[0]
    assert own.lacking > 0.05


def test_of_a_car_without_a_map_nothing_is_known() -> None:
    on = drive(replace(CAR, efficiency=0.9), driven(load_road("urban")))
    assert drive_losses(on) == ()
    assert drive_losses(None) == ()
