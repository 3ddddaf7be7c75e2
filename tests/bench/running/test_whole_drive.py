"""Whole roads on a bench with a pack of a car's size: what was asked was done, and cells arrive as they should."""

from collections.abc import Callable

import numpy as np
import pytest

from bench.pack import load_pack
from bench.road import Drive
from bench.testing import TestBench
from packbench.roads import departure
from reports import kpi
from reports.recording import Recording

PACK = "nmc811-vehicle"
OpenOn = Callable[..., TestBench]


def test_energy_and_rms_power_of_a_country_road_are_those_of_the_car(on: OpenOn) -> None:
    """Within 1 %, by the bench's own meters and against the car's power, which the bench was told point by point."""
    bench, drive = on("virtual-vehicle", PACK, temperature=25.0, soc=0.4), Drive("country", season="spring")
    run = Recording(*bench.run(drive))
    step, scale = run.step("drive"), drive.scale_for(bench.pack)
    assert abs(kpi.energy_off(run, step).value) <= 1.0
    assert abs(kpi.power_off(run, step).value) <= 1.0
    assert kpi.charge_cut(run, step).value == pytest.approx(0.0, abs=1.0)
    driven = drive.journey.driven
    assert driven is not None
    assert kpi.consumption(run, step).value == pytest.approx(driven.consumption, rel=0.01)
    time, power = run.values("Test Time / s", step), run.values("Power / W", step)
    rms = float(np.sqrt(np.average(power[1:] ** 2, weights=np.diff(time))))
    assert rms == pytest.approx(scale * driven.root_mean_square, rel=0.01)


def test_cells_that_are_conditioned_by_coolant_on_a_motorway_arrive_within_two_kelvin_of_the_target(on: OpenOn) -> None:
    drive = Drive("motorway-130", season="winter", hour=7.0, heat="car", precondition=25.0)
    cold = drive.journey.outside
    assert cold < 5.0
    bench = on("virtual-vehicle", PACK, temperature=cold, soc=departure(drive, load_pack(PACK)[0]))
    run = Recording(*bench.run(drive))
    assert run.step("drive").words["conditioned by"] == "coolant"
    assert abs(kpi.arrival_temperature_off(run, "drive").value) <= 2.0
