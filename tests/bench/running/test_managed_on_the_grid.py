"""A managed step behind a meter: what is measured is what counts, and a box's grid functions move real power."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.recording.run import RunRecord
from bench.testing import TestBench
from models.grid import seasons
from models.grid.week import Days
from tests.bench.managing.central import central
from tests.bench.managing.manager import manager

On = Callable[..., TestBench]

MANAGER = '''
"""Has the box do what it is told by curves; then it only answers that it is there."""
import struct, sys, time
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP
what, (host, _, port) = sys.argv[1], sys.argv[2].rpartition(":")
device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port), timeout=5.0)
device.connect()
device.scan(connect=False)
base, done = device.models[64901][0].model_addr, 0
while True:
    (number,) = struct.unpack(">I", device.read(base + 2, 2))
    if number != done:
        if number == 1 and what == "droop":
            droop = device.models[711][0]
            droop.Ctl[1].DbOf.cvalue = droop.Ctl[1].DbUf.cvalue = 0.01
            droop.Ctl[1].KOf.cvalue = droop.Ctl[1].KUf.cvalue = 0.01
            droop.write()
            droop.AdptCtlReq.value = 2
            droop.write()
            droop.Ena.value = 1
            droop.write()
        elif number == 1:
            control = device.models[704][0]
            control.WSetMod.value, control.WSet.cvalue, control.WSetEna.value = 1, -float(what), 1
            control.write()
            device.models[709][0].Ena.value = 1
            device.models[709][0].write()
        device.write(base + 4, struct.pack(">I", number))
        done = number
    time.sleep(0.005)
'''


@pytest.fixture
def managing(tmp_path: Path) -> Callable[[str], str]:
    """What a step calls a manager that does one thing."""
    program = tmp_path / "manager.py"
    program.write_text(MANAGER, encoding="utf-8")
    return lambda what: f"modbus:{sys.executable} {program} {what} {{address}}"


def quarter() -> Days:
    """A quarter of an hour; what it says of house and sun is not what is there."""
    return Days(
        datetime(2026, 1, 12, tzinfo=UTC), "paris-january", outside=np.full(1, 5.0), house=np.full(1, 7777.0),
        sun=np.zeros(1), buy=np.full(1, 0.25), sell=np.full(1, 0.1),
    )  # fmt: skip


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


def test_a_droop_that_a_manager_has_written_moves_the_power_of_the_wall_box(
    on: On, managing: Callable[[str], str]
) -> None:
    """0.09 Hz beyond the deadband, of 1 % of 50 Hz for all of 7400 W: 1332 W are given back from then on."""
    bench = on("virtual-home", soc=0.6, defects=("grid-frequency:49.9@300",))
    run = bench.run(Manage(managing("droop"), quarter()))
    time, power = column(run, "Test Time / s"), column(run, "Grid Power / W")
    hertz = column(run, "Mains Frequency / Hz")
    low = np.flatnonzero(hertz < 49.95)
    assert low.size > 100
    assert np.abs(power[: low[0]]).max() == 0.0
    settled = power[(time > time[low[0]] + 15) & (time < time[-1] - 5)]
    # The meter of this specimen may be off by 0.2 % of 50 Hz, which the droop takes for true.
    expected = -7400.0 * (50.0 - 0.01 - np.nanmedian(hertz[low])) / 0.5
    assert settled == pytest.approx(np.full(settled.shape, expected), rel=0.03)


def test_a_frequency_curve_that_a_central_system_has_set_moves_the_power_of_the_wall_box(on: On) -> None:
    """7 kW for 0.2 Hz: 3500 W are given back at 49.9 Hz, and what was asked for is no other order each second."""
    curve = [{"frequency": 49.8, "power": -7000}, {"frequency": 50.0, "power": 0}, {"frequency": 50.2, "power": 7000}]
    bench = on("virtual-home", soc=0.6, defects=("grid-frequency:49.9@300",))
    with central({"operation_mode": "LocalFrequency", "v2x_freq_watt_curve": curve}) as system:
        run = bench.run(Manage(system.address, quarter()))
    time, power = column(run, "Test Time / s"), column(run, "Grid Power / W")
    hertz = column(run, "Mains Frequency / Hz")
    low = np.flatnonzero(hertz < 49.95)
    settled = power[(time > time[low[0]] + 15) & (time < time[-1] - 5)]
    # The meter of this specimen may be off by 0.2 % of 50 Hz, which the curve takes for true.
    expected = -35000.0 * (50.0 - np.nanmedian(hertz[low]))
    assert low.size > 100
    assert settled == pytest.approx(np.full(settled.shape, expected), rel=0.03)
    assert [event["power"] for event in run.events if event["type"] == "manager"] == [0]


def test_a_trip_that_a_manager_has_switched_on_ends_the_power_for_a_minute(
    on: On, managing: Callable[[str], str]
) -> None:
    bench = on("virtual-home", soc=0.4, defects=("grid-frequency:47.0@400+40",))
    run = bench.run(Manage(managing("3000"), quarter()))
    hertz, power = column(run, "Mains Frequency / Hz"), column(run, "Grid Power / W")
    time, low = column(run, "Test Time / s"), np.flatnonzero(hertz < 47.5)
    before = (time > time[0] + 60) & (time < time[low[0]])
    assert power[before][-100:] == pytest.approx(np.full(100, 3000.0), rel=0.03)
    assert np.abs(power[(time > time[low[0]] + 4) & (time < time[low[-1]] + 55)]).max() == 0.0
    assert power[(time > time[low[-1]] + 80) & (time < time[-1] - 5)].min() > 2800.0


def test_house_and_sun_are_what_the_meter_says_and_the_balance_holds(on: On, managing: Callable[[str], str]) -> None:
    bench = on("virtual-home", soc=0.4)
    run = bench.run(Manage(managing("3000"), quarter()))
    house, connection = column(run, "House Power / W"), column(run, "Connection Power / W")
    power, time = column(run, "Grid Power / W"), column(run, "Test Time / s")
    known = ~np.isnan(house)
    assert house[known].max() < 3000.0  # and not 7777 W
    steady = known & (np.abs(power - 3000.0) < 100.0)
    assert steady.sum() > 300
    # Two meters of 1 % each are between them.
    assert connection[steady] == pytest.approx(house[steady] + power[steady], abs=80.0)
    # What house and roof take is no remainder: the world has it from its own days, which the step does not know.
    made = seasons.days("paris-january", 7, seed=1, trips="at-home")
    behind = [float(made.house[quarter] - made.sun[quarter]) for quarter in map(made.quarter, time[steady])]
    assert min(behind) > 100.0
    assert connection[steady] == pytest.approx(behind + power[steady], abs=80.0)


def test_a_manager_is_told_what_is_measured_of_house_and_sun_and_not_what_the_days_say(on: On) -> None:
    with manager(lambda _: {"power": 0}) as (address, asked):
        run = on("virtual-home", soc=0.4).run(Manage(address, quarter()))
        without = on("virtual-module", soc=0.5).run(Manage(address, quarter()))
    measured, foretold = (each["site"] for each in asked)
    house, sun = column(run, "House Power / W"), column(run, "Sun Power / W")
    assert (measured["house"], measured["sun"]) == (house[~np.isnan(house)][0], sun[~np.isnan(sun)][0])
    assert measured["house"] < 3000.0
    assert (foretold["house"], foretold["sun"]) == (7777.0, 0.0)
    known = column(without, "House Power / W")
    assert set(known[~np.isnan(known)]) == {7777.0}


def test_what_the_connection_carries_is_cut_by_what_is_measured(on: On, managing: Callable[[str], str]) -> None:
    """2500 W are allowed, and the house takes some of them: less is left for the car, whatever the days say."""
    bench = on("virtual-home", soc=0.4)
    run = bench.run(Manage(managing("3000"), quarter(), imports=2500.0))
    connection, time = column(run, "Connection Power / W"), column(run, "Test Time / s")
    assert np.nanmax(column(run, "Grid Power / W")) > 1400.0
    assert np.nanmax(connection[time > time[0] + 60]) < 2500.0 * 1.03
