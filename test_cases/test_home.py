"""A car at home, behind the house's own meter: charger, house, roof and grid are one balance.

It needs a station with a wall box and a meter at the connection: `--station virtual-home`.
"""

import numpy as np
import pytest

from packbench import FollowPower, Manage, Require, RunScenario, Verify, days_at_home, kpi

pytestmark = pytest.mark.needs("charger", "grid_meter")
CONNECTION, CHARGER = "Connection Power / W", "Grid Power / W"
POWER = 5000.0
"""W each way: less than any wall box of a house can do."""
METER = 0.01
"""Of a reading, by which either of two meters of class 1 may be off."""
HOUR = 1 / 24
"""Days."""


@pytest.mark.requirement("PB-HOM-01")
def test_the_connection_carries_what_house_and_charger_take(run_scenario: RunScenario, verify: Verify) -> None:
    """5 kW each way, a minute each: the meter at the connection tells what the box tells, and the house beside it."""
    steps = [(0.0, 0.0), (20.0, POWER), (80.0, -POWER), (140.0, 0.0), (160.0, 0.0)]
    run = run_scenario(FollowPower(steps, name="steps"))
    (step,) = run.steps
    connection, charger = run.values(CONNECTION, step), run.values(CHARGER, step)
    steady = np.abs(np.diff(charger, prepend=charger[0])) < 10.0
    house = (connection - charger)[steady]
    moved = float(np.ptp(charger[steady]))
    verify(
        "power that the charger moved", moved, unit="W", at_least=1.9 * POWER, uncertainty=2 * METER * POWER,
        subject="charger",
    )  # fmt: skip
    verify(
        "what the balance is off", float(np.ptp(house)), unit="W", at_most=2 * 2 * METER * POWER,
        uncertainty=METER * POWER, subject="charger",
    )  # fmt: skip


@pytest.mark.requirement("PB-HOM-02")
def test_no_manager_loads_the_connection_beyond_what_it_carries(
    run_scenario: RunScenario, require: Require, verify: Verify, manager: str
) -> None:
    """A car far below its reserve at a connection of 2.5 kW, for a quarter of an hour: {manager}."""
    days = days_at_home("paris-january", HOUR / 4, seed=1, trips=(), reserve=300.0)
    run = run_scenario(Manage(manager, days, imports=2500.0, name="evening"))
    require(kpi.failures(run, "evening"), at_most=0.5)
    carried = run.values(CONNECTION, run.step("evening"))
    for_ten = np.lib.stride_tricks.sliding_window_view(carried, 10).min(axis=1)
    verify(
        "power that the connection carries for 10 s", float(np.nanmax(for_ten)), unit="W", at_least=2000.0,
        at_most=2500.0 * (1 + 2 * METER), uncertainty=METER * 2500.0, subject="manager",
    )  # fmt: skip
