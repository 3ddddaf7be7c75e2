"""A car on the road, beside certified cars and beside a physicist's sums."""

from pathlib import Path

import numpy as np
import pytest

from models.fields import CellFileError
from models.vehicle import motor
from models.vehicle.air import density
from models.vehicle.car import Car, RoadLoad, available_cars, drive, load_car
from models.vehicle.road import available_roads, driven, load_road
from models.vehicle.trace import Trace
from tests.models.vehicle.traces import cycle

CAR = load_car("renault-5-class")
POUND, MPH = 4.4482216, 0.44704


def steady(speed: float, grade: float = 0.0, seconds: float = 600.0) -> Trace:
    time = np.arange(0.0, seconds + 1)
    return Trace("steady", time, np.full_like(time, speed), np.full_like(time, grade))


def test_the_wltc_costs_what_the_published_car_needs() -> None:
    """12.7 kWh/100 km out of the pack: 52 kWh for 410 km."""
    assert drive(CAR, cycle("wltc_3b"), 23.0).consumption == pytest.approx(12.7, rel=0.05)


CERTIFIED = [  # EPA 2022: kg, lbf, lbf/mph, lbf/mph2, rpm/mph, W, cycle, kWh/mi at the wall
    ("leaf", 1758, (25.89, 0.345, 0.01945), 112.5, 110e3, "udds", 0.190),
    ("leaf", 1758, (25.89, 0.345, 0.01945), 112.5, 110e3, "hwfet", 0.239),
    ("id.4", 2155, (23.99, 0.291, 0.01601), 150.2, 150e3, "udds", 0.199),
    ("id.4", 2155, (23.99, 0.291, 0.01601), 150.2, 150e3, "hwfet", 0.236),
]


@pytest.mark.parametrize(("name", "mass", "load", "turns", "power", "trace", "wall"), CERTIFIED)
def test_certified_cars_need_what_they_were_measured_to(
    name: str, mass: float, load: tuple[float, float, float], turns: float, power: float, trace: str, wall: float
) -> None:
    """With our drive in them, and 78 to 92 % of what the wall gave coming out of the pack again."""
    a, b, c = load
    certified = Car(
        name, name, mass, RoadLoad(a * POUND, b * POUND / MPH, c * POUND / MPH**2), turns * motor.RPM / MPH, power, 6e4,
        machine=CAR.machine, gear=CAR.gear, auxiliaries=CAR.auxiliaries,
    )  # fmt: skip
    assert 0.78 < drive(certified, cycle(trace), 23.0).consumption / (wall * 100 / 1.609344) < 0.92


def test_a_steady_speed_is_the_sum_of_its_forces() -> None:
    driven = drive(CAR, steady(130 / 3.6), 23.0)
    rolling = 1540 * 9.81 * 0.0095 * (1 - 0.007 * 3)
    drag = density(23.0) * 0.67 / 2 * (130 / 3.6) ** 2
    assert driven.wheel[100] == pytest.approx((rolling + drag) * 130 / 3.6, rel=1e-6)
    assert driven.pack[100] == pytest.approx(driven.wheel[100] / 0.95 + driven.motor_loss[100] + 400, rel=1e-6)


def test_energy_goes_nowhere_else() -> None:
    """What left the pack moved the car, or was lost where the record says."""
    on = drive(CAR, cycle("wltc_3b"), 10.0)
    steps = np.append(np.diff(on.trace.time), 0.0)
    through_the_gear = on.wheel + on.friction
    gear = np.where(through_the_gear > 0, through_the_gear * (1 / 0.95 - 1), -through_the_gear * 0.05)
    whole = (through_the_gear + gear + on.motor_loss + 400) * steps
    assert on.energy == pytest.approx(whole.sum() / 3600, rel=1e-6)
    assert on.lacking.max() == 0.0


def test_up_and_down_a_hill_costs_less_than_up_alone() -> None:
    up, down = drive(CAR, steady(60 / 3.6, 0.07)), drive(CAR, steady(60 / 3.6, -0.07))
    assert up.consumption == pytest.approx(40.0, rel=0.1)
    assert down.consumption == pytest.approx(-18.8, rel=0.15)
    assert down.friction.max() == 0.0


def test_a_hard_stop_is_the_brakes_and_a_crawl_gives_nothing_back() -> None:
    time = np.arange(0.0, 7.0)
    hard = Trace("stop", time, np.maximum(30.0 - 6.0 * time, 0.0), np.zeros(7))
    stopped = drive(CAR, hard)
    assert stopped.friction[0] > -stopped.wheel[0] / 3
    crawl = drive(CAR, Trace("crawl", np.array([0.0, 1.0, 2.0]), np.array([1.3, 0.6, 0.0]), np.zeros(3)))
    assert crawl.pack.min() >= 0.0


def test_what_the_motor_has_not_is_lacking_and_said_where() -> None:
    steep = drive(CAR, steady(110 / 3.6, 0.25))
    assert steep.lacking.min() > 10e3
    assert steep.pack.max() < 140e3


def test_cold_air_and_tyres_cost() -> None:
    needed = [drive(CAR, steady(130 / 3.6), degrees).consumption for degrees in (35.0, 23.0, 0.0, -10.0)]
    assert needed == sorted(needed)
    assert needed[3] / needed[1] == pytest.approx(22.3 / 19.5, rel=0.03)
    assert needed[0] / needed[1] == pytest.approx(18.6 / 19.5, rel=0.02)


@pytest.mark.parametrize("road", available_roads())
def test_the_shipped_car_can_drive_every_shipped_road(road: str) -> None:
    on = drive(CAR, driven(load_road(road)), -10.0)
    assert on.lacking.max() == 0.0
    assert 8.0 < on.consumption < 25.0


def test_every_figure_of_a_shipped_car_has_a_source() -> None:
    for name in available_cars():
        assert any("assumed" in source for source in load_car(name).sources)


def test_the_motors_loss_on_the_road_is_least_with_an_excitation_that_is_free() -> None:
    trace = driven(load_road("country"))
    free = drive(CAR, trace).lost_in_the_motor
    fixed = [motor.with_fixed_excitation(amperes, CAR.machine) for amperes in (80.0, 120.0, 165.0)]
    assert all(drive(CAR.with_machine(machine), trace).lost_in_the_motor > free for machine in fixed)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("mass: 1540", "mass: 0"), "mass is 0; give a number above 0"),
        (("mass: 1540", "weight: 1540"), "unknown key 'weight'"),
        (("gear_efficiency: 0.95", "gear_efficiency: 95"), "gear_efficiency is 95; give a number above 0 up to 1"),
        (("drag_area: 0.67\n", ""), "drag_area is missing; add it"),
        (("turns: 0.65", "turn: 0.65"), r"motor: unknown key 'turn' \(nearest: turns\)"),
    ],
)
def test_a_wrong_car_is_one_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    shipped = Path("models/vehicle/cars/renault-5-class.yaml").read_text(encoding="utf-8")
    assert change[0] in shipped
    path = tmp_path / "mine.yaml"
    path.write_text(shipped.replace(*change), encoding="utf-8")
    with pytest.raises(CellFileError, match=sentence):
        load_car(path)


def test_an_unknown_car_names_the_nearest() -> None:
    with pytest.raises(CellFileError, match=r"no car 'renault-5' \(nearest: renault-5-class\)"):
        load_car("renault-5")
