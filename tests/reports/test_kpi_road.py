"""Figures of a drive, worked out by hand."""

import numpy as np
import pytest

from reports import kpi
from reports.recording import Recording
from tests.reports.worked import INSTRUMENTS

COLUMNS = [
    "Test Time / s", "Step Count / 1", "Voltage / V", "Power / W", "Command Power / W", "Charge Current Limit / A",
    "Discharge Current Limit / A", "Charging Energy / Wh", "Discharging Energy / Wh", "Charging Capacity / Ah",
    "Discharging Capacity / Ah",
]  # fmt: skip
ROWS = [
    # time step  V      P       cmd     lim+  lim-  chgE  disE
    [0.0, 1, 100.0, 0.0, np.nan, 10.0, 10.0, 0.0, 0.0, 0.0, 0.0],
    [1800.0, 1, 100.0, -200.0, -202.0, 10.0, 10.0, 0.0, 100.0, 0.0, 1.0],
    [3600.0, 1, 100.0, 98.0, 150.0, 1.0, 10.0, 49.0, 100.0, 0.5, 1.0],
    [5400.0, 1, 100.0, 98.0, 150.0, 1.0, 10.0, 98.0, 100.0, 1.0, 1.0],
]


def driven(**set_points: float) -> Recording:
    started = {
        "type": "step started", "time": 0.0, "index": 1, "name": "drive", "kind": "Drive", "direction": "both",
        "resumable": True, "set_points": set_points,
    }  # fmt: skip
    ended = {"type": "step ended", "time": 5400.0, "index": 1, "ended_by": "time"}
    return Recording({"pack": {"capacity": 2.0}, "instruments": INSTRUMENTS}, [started, ended], COLUMNS, np.array(ROWS))


def test_consumption_is_the_cars() -> None:
    """2 Wh out of this pack, a five-hundredth of the car's, over 10 km: 1 kWh, 10 kWh/100 km."""
    found = kpi.consumption(driven(scale=0.002, distance=10e3), "drive")
    assert found.value == pytest.approx(10.0)
    assert found.unit == "kWh/100km"
    assert "10.0 km" in found.definition
    assert "500 times this one (scale 0.002)" in found.definition


def test_a_cycle_without_a_way_has_no_consumption() -> None:
    evaluation = kpi.evaluate(driven(scale=0.002))
    assert evaluation.problems == ()
    names = [each.name for each in evaluation.figures]
    assert not any("consumption" in name for name in names)
    assert any("energy off the command" in name for name in names)
    assert not any("off the command" in each.name for each in kpi.compute_all(driven()))


def test_a_limit_of_half_a_per_cent_is_one_of_its_unit() -> None:
    run = driven(scale=0.002, distance=10e3)
    for each in (kpi.energy_off, kpi.power_off):
        low, high = each.span
        assert low <= 0.5 <= high < 1000 * 0.5  # in parts of a thousand it would be another unit
        assert np.isfinite(each(run, "drive").value)


def test_energy_and_power_are_held_against_the_command_as_it_was_cut() -> None:
    """1800 s each of 202 W out (200 flowed), of 150 W in under a limit of 10 A (98 flowed), of 150 W cut to 100 W."""
    run = driven(scale=0.002, distance=10e3)
    commanded = (202 + 150 + 100) / 2
    assert kpi.energy_off(run, "drive").value == pytest.approx(100 * ((200 + 98 + 98) / 2 - commanded) / commanded)
    wanted = np.sqrt((202**2 + 150**2 + 100**2) / 3)
    found = np.sqrt((200**2 + 98**2 + 98**2) / 3)
    assert kpi.power_off(run, "drive").value == pytest.approx(100 * (found - wanted) / wanted)
    assert f"{commanded:.4g} Wh, over the command's" in kpi.energy_off(run, "drive").definition
    assert f"{wanted:.4g} W, over the command's" in kpi.power_off(run, "drive").definition


def test_of_a_drive_that_took_no_time_nothing_is_known() -> None:
    run = driven(scale=0.002, distance=10e3)
    moment = Recording(run.manifest, run.events, run.columns, run.rows[1:2])
    for each in (kpi.energy_off, kpi.power_off):
        figure = each(moment, "drive")
        assert np.isnan(figure.value)
        assert "{" not in figure.definition


def test_a_drive_of_half_a_second_was_followed_as_well() -> None:
    run = driven(scale=0.002, distance=10e3)
    rows = run.rows[:2].copy()
    rows[:, 0] = [0.0, 0.5]
    short = Recording(run.manifest, run.events, run.columns, rows)
    assert kpi.following_error(short, "drive").value == pytest.approx(2.0)
    assert kpi.power_off(short, "drive").value == pytest.approx(100 * (200 - 202) / 202)
    assert kpi.energy_off(short, "drive").value == pytest.approx(100 * (200 - 202) / 202)
