"""Steps that a manager is in charge of over Modbus TCP: on a clock that waits for it, with real processes."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.recording.run import RunRecord
from bench.testing import TestBench
from models.grid.week import Days, Outage, Trip

On = Callable[..., TestBench]

MANAGER = '''
"""A manager of a few lines: it says what its plan says at each moment, in W of SunSpec."""
import json, struct, sys, time
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP
plan, (host, _, port) = json.loads(sys.argv[1]), sys.argv[2].rpartition(":")
device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port), timeout=5.0)
device.connect()
device.scan(connect=False)
base, done = device.models[64901][0].model_addr, 0
while True:
    number, _, seconds = struct.unpack(">III", device.read(base + 2, 6))
    if number != done:
        box = device.models[714][0]
        box.read()
        with open(sys.argv[0] + ".seen", "a", encoding="utf-8") as seen:
            print(box.DCW.cvalue, box.Prt[0].DCV.cvalue, file=seen)
        wish = plan[min(number, len(plan)) - 1]
        if wish == "leave":
            break
        if wish != "mute":
            control = device.models[704][0]
            control.WSetMod.value, control.WSet.cvalue, control.WSetEna.value = 1, wish["set"], 1
            control.WSetRvrtTms.cvalue = wish.get("holds", 0)
            control.write()
            device.write(base + 4, struct.pack(">I", number))
        done = number
    time.sleep(0.005)
'''


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[str], str]:
    """What a step calls a manager that follows a plan, in JSON."""
    program = tmp_path / "manager.py"
    program.write_text(MANAGER, encoding="utf-8")
    return lambda plan: f"modbus:{sys.executable} {program} '{plan}' {{address}}"


def hours(count: float, **given: Any) -> Days:
    """So many hours of a winter in which nothing changes."""
    flat = np.ones(round(4 * count))
    return Days(
        datetime(2026, 1, 12, tzinfo=UTC), "paris-january", outside=5 * flat, house=400 * flat, sun=0 * flat,
        buy=0.25 * flat, sell=0.1 * flat, **given,
    )  # fmt: skip


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


def decisions(run: RunRecord) -> list[Any]:
    return [event for event in run.events if event["type"] == "manager"]


def scale_of(run: RunRecord) -> float:
    return float(next(event for event in run.events if event["type"] == "step started")["set_points"]["scale"])


def test_what_is_written_at_a_moment_is_done_at_the_scale_of_the_bench(
    on: On, planned: Callable[[str], str], tmp_path: Path
) -> None:
    """And what is read is that of a car: at the second moment it still takes what was set at the first."""
    run = on("virtual-module", soc=0.5).run(Manage(planned('[{"set": -3000}, {"set": 2000}]'), hours(0.5)))
    assert [(each["reason"], each["power"], each["problem"]) for each in decisions(run)] == [
        ("start", 3000, ""), ("tick", -2000, ""),
    ]  # fmt: skip
    asked = column(run, "Set Grid Power / W")
    assert np.nanmax(asked) == pytest.approx(3000 * scale_of(run))
    assert np.nanmin(asked) == pytest.approx(-2000 * scale_of(run))
    first, second = (tmp_path / "manager.py.seen").read_text(encoding="utf-8").splitlines()
    watts, volts = map(float, second.split())
    assert -watts == pytest.approx(np.nanmax(column(run, "Power / W")) / scale_of(run), rel=0.05)
    assert volts == pytest.approx(np.nanmax(column(run, "Voltage / V")), rel=0.05)
    assert first.startswith("0")


def test_a_set_point_ends_with_its_own_time(on: On, planned: Callable[[str], str]) -> None:
    run = on("virtual-module", soc=0.5).run(Manage(planned('[{"set": 2000, "holds": 300}]'), hours(0.25)))
    first, second = decisions(run)
    assert (first["power"], second["power"], second["problem"]) == (-2000, 0, "")
    assert second["at"] - first["at"] == pytest.approx(300, abs=2)
    assert column(run, "Set Grid Power / W")[-1] == 0.0


def test_a_manager_that_leaves_costs_its_set_point_and_is_blamed(on: On, planned: Callable[[str], str]) -> None:
    run = on("virtual-module", soc=0.5).run(Manage(planned('[{"set": -2000}, "leave"]'), hours(0.75)))
    assert [bool(each["problem"]) for each in decisions(run)][:2] == [False, True]
    assert column(run, "Set Grid Power / W")[-1] == 0.0
    assert column(run, "Power / W")[-1] == 0.0


def test_without_a_link_the_car_rests_and_the_manager_comes_back(on: On, planned: Callable[[str], str]) -> None:
    days = hours(0.75, outages=(Outage("link", 300.0, 1500.0),))
    run = on("virtual-module", soc=0.6).run(Manage("modbus:reference", days))
    reasons = [each["reason"] for each in decisions(run)]
    assert reasons[0] == "start"
    assert "link" in reasons
    began = column(run, "Test Time / s")[np.flatnonzero(~np.isnan(column(run, "Plugged In / 1")))[0]]
    time, power = column(run, "Test Time / s") - began, column(run, "Power / W")
    assert power[(time > 100) & (time < 295)].min() > 0
    assert np.abs(power[(time > 305) & (time < 1495)]).max() == 0.0
    assert power[(time > 1510) & (time < 1700)].min() > 0


def test_what_was_written_before_a_trip_does_not_act_behind_it(on: On, planned: Callable[[str], str]) -> None:
    days = hours(1, trips=(Trip(600.0, 1800.0, 5.0),))
    run = on("virtual-module", soc=0.6).run(Manage(planned('[{"set": 3000}, {"set": 3000}, {"set": 0}]'), days))
    plugged = column(run, "Plugged In / 1")
    assert column(run, "Power / W")[plugged == 1][60] < 0
    assert (column(run, "Set Grid Power / W")[plugged == 0] == 0.0).all()
