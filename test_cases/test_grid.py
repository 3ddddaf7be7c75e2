"""The car on the grid: set points, a frequency that is answered, a load of one's own, energy there and back.

All powers are shares of the charger's own, so that the same test is run at the scale of a module and of a car.
"""

import pytest

from packbench import FollowFrequency, FollowPower, PackFile, Require, RunScenario, Soak, Supply, Verify, droop, kpi
from test_cases.grid_support import to_soc

STEPS = (0.1, -0.1, 0.5, -0.5, 1.0, -1.0, 0.0)
"""Of the charger's power, each way."""


@pytest.mark.requirement("PB-V2G-01")
def test_set_points_are_followed(run_scenario: RunScenario, require: Require, rated: float) -> None:
    """Steps of 0, ±10, ±50 and ±100 % of the charger's power, a minute each, and a ramp there and back."""
    steps = [(0.0, 0.0)] + [(30.0 + 60 * number, share * rated) for number, share in enumerate(STEPS)]
    run = run_scenario(
        *to_soc(0.5),
        FollowPower([*steps, (480.0, 0.0)], name="steps"),
        FollowPower([(0.0, 0.0), (60.0, rated), (180.0, -rated), (240.0, 0.0)], interpolation="linear", name="ramps"),
    )
    require(kpi.settling_time(run, "steps"), at_most=10.0)
    require(kpi.dead_time(run, "steps"), at_most=3.0)
    require(kpi.power_error(run, "steps"), at_most=0.01 * rated)
    require(kpi.power_bias(run, "steps"), at_most=0.01 * rated)
    require(kpi.derating(run, "steps"), at_most=1.0)


@pytest.mark.requirement("PB-V2G-02")
def test_frequency_reserve(run_scenario: RunScenario, require: Require, rated: float) -> None:
    """±200 mHz as steps, and 10 mHz that need no answer: (EU) 2017/1485, Annex V."""
    quiet = [(0.0, 50.0), (60.0, 50.01), (120.0, 49.99), (180.0, 50.03)]
    full = [(240.0, 49.8), (1200.0, 50.0), (1260.0, 50.2), (2220.0, 50.0), (2280.0, 50.0)]
    run = run_scenario(*to_soc(0.5), FollowFrequency([*quiet, *full], droop(deadband=0.01), name="reserve"))
    require(kpi.activation_time(run, "reserve"), at_most=30.0)
    require(kpi.insensitivity(run, "reserve"), at_most=0.0101)
    require(kpi.sustained(run, "reserve"), at_least=900.0)
    require(kpi.delivered(run, "reserve"), at_least=95.0)


@pytest.mark.requirement("PB-V2L-01")
@pytest.mark.parametrize(
    ("soc", "air"),
    [(0.5, 25.0), (0.9, 25.0), (0.12, 25.0), pytest.param(0.5, -10.0, marks=pytest.mark.long), (0.12, -10.0)],
)
def test_a_load_is_supplied(
    run_scenario: RunScenario, require: Require, verify: Verify, pack: PackFile, rated: float, soc: float, air: float
) -> None:
    """A load that switches, an inrush, an overload and a short, from {soc} of charge, {air} °C.

    The inverter trips, and starts again by itself; at the pack's minimum it ends for good, and never goes below it.
    """
    shares = [
        (0, 0), (5, 1 / 3), (60, 0), (70, 1), (130, 0.1), (140, 0.9), (141, 0.3), (200, 1.3), (210, 0.3), (260, 5),
        (260.4, 0.3), (320, 0), (330, 0),
    ]  # fmt: skip
    load = [(float(time), share * rated) for time, share in shares]
    run = run_scenario(*to_soc(soc), *([] if air == 25.0 else [Soak(air)]), Supply(load, name="tools"))
    if soc >= 0.5 and air > 0:
        require(kpi.voltage_dip(run, "tools"), at_most=10.0)
    require(kpi.restart_time(run, "tools"), at_most=15.0)
    require(kpi.served(run, "tools"), at_least=80.0)
    require(kpi.lowest_soc(run, "tools"), at_least=5.0)
    lowest = float(run.values("Cell Voltage Min / V", run.step("tools")).min())
    verify("lowest cell voltage", lowest, unit="V", at_least=pack.limits.cell_voltage.min, step="tools")


@pytest.mark.requirement("PB-V2L-02")
def test_a_supply_ends_at_its_minimum(run_scenario: RunScenario, require: Require, rated: float) -> None:
    """A load that goes on ends at the 10 % that the car keeps for itself, as truly as a display tells it."""
    run = run_scenario(
        *to_soc(0.13), Supply([(0.0, rated / 2), (4 * 3600.0, rated / 2)], minimum=0.1, period=1.0, name="to the end")
    )
    require(kpi.served(run, "to the end"), at_least=95.0)
    require(kpi.lowest_soc(run, "to the end"), at_least=5.0)
