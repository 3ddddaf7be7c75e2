"""The car on the grid: set points, a frequency that is answered, a load of one's own, energy there and back.

All powers are shares of the charger's own, so that the same test is run at the scale of a module and of a car.
"""

import pytest

from packbench import (
    FollowFrequency,
    FollowPower,
    PackFile,
    Require,
    RunScenario,
    Soak,
    Supply,
    Verify,
    droop,
    kpi,
    synthetic_frequency,
)
from test_cases.grid_support import stairs, to_soc

STEPS = (0.1, -0.1, 0.5, -0.5, 1.0, -1.0, 0.0)
"""Of the charger's power, each way."""
RAMP = ((0.0, 0.0), (60.0, 1.0), (90.0, 1.0), (210.0, -1.0), (240.0, -1.0), (300.0, 0.0), (330.0, 0.0))
"""s and shares of it: over all of it in a minute, and half a minute at each end."""
DEADBAND, ROOM = 0.010, 0.0005
"""Hz: all that (EU) 2017/1485, Annex V, leaves for insensitivity and deadband; what a bench does not tell from it."""
AROUND = (0.005, 0.010, 0.011, 0.012, 0.013, 0.015, 0.020, 0.030)
"""Hz off the nominal frequency, about where the response has to begin."""
HOUR = 3600.0
KEPT = 0.02
"""Of charge, that a supply leaves: less than a load of these leaves of 10 %, so that it is fed to its end."""


@pytest.mark.requirement("PB-V2G-01")
def test_set_points_are_followed(run_scenario: RunScenario, require: Require, rated: float) -> None:
    """Steps of 0, ±10, ±50 and ±100 % of the charger's power, a minute each, and a ramp there and back."""
    steps = [(0.0, 0.0)] + [(30.0 + 60 * number, share * rated) for number, share in enumerate(STEPS)]
    run = run_scenario(
        *to_soc(0.5),
        FollowPower([*steps, (480.0, 0.0)], name="steps"),
        FollowPower([(time, share * rated) for time, share in RAMP], interpolation="linear", name="ramps"),
    )
    require(kpi.settling_time(run, "steps"), at_most=10.0)
    require(kpi.dead_time(run, "steps"), at_most=3.0)
    require(kpi.power_error(run, "steps"), at_most=0.01 * rated)
    require(kpi.power_bias(run, "steps"), at_most=0.01 * rated)
    require(kpi.derating(run, "steps"), at_most=1.0)
    # Assumed, as nobody states them: as late as a step may be, what that makes of the slope, and as soon settled.
    require(kpi.ramp_delay(run, "ramps"), at_most=3.0)
    require(kpi.ramp_error(run, "ramps"), at_most=5.0)
    require(kpi.ramp_settling(run, "ramps"), at_most=10.0)


@pytest.mark.requirement("PB-V2G-02")
def test_frequency_reserve(run_scenario: RunScenario, require: Require, rated: float) -> None:
    """±200 mHz as steps, and 10 mHz that need no answer: (EU) 2017/1485, Annex V."""
    quiet = [(0.0, 50.0), (60.0, 50.01), (120.0, 49.99), (180.0, 50.03)]
    full = [(240.0, 49.8), (1200.0, 50.0), (1260.0, 50.2), (2220.0, 50.0), (2280.0, 50.0)]
    # About half of its power out of the car: what a charger loses at no power hides a small answer.
    around = FollowFrequency(
        stairs(AROUND), droop(deadband=DEADBAND), power=rated, base=-0.5 * rated, name="deadband"
    )  # fmt: skip
    run = run_scenario(*to_soc(0.5), around, FollowFrequency([*quiet, *full], droop(deadband=DEADBAND), name="reserve"))
    require(kpi.activation_time(run, "reserve"), at_most=30.0)
    require(kpi.insensitivity(run, "deadband"), at_most=DEADBAND + ROOM)
    require(kpi.sustained(run, "reserve"), at_least=900.0)
    require(kpi.delivered(run, "reserve"), at_least=95.0)


@pytest.mark.requirement("PB-V2G-02")
def test_frequency_hour(run_scenario: RunScenario, require: Require, rated: float) -> None:
    """An hour of a frequency with the statistics of Continental Europe is answered as it goes, and its energy given."""
    hour = FollowFrequency(
        synthetic_frequency(HOUR, seed=11), droop(deadband=DEADBAND), power=0.5 * rated, base=-0.5 * rated, name="hour"
    )
    run = run_scenario(*to_soc(0.6), hour)
    require(kpi.offered(run, "hour"), at=None)
    # Assumed: half of the 30 s that the rule leaves, always, make 3.5 % and 92 % of this hour; no answer 7.3 and 0 %.
    require(kpi.tracking_error(run, "hour"), at_most=4.0)
    require(kpi.delivered(run, "hour"), at_least=90.0)


@pytest.mark.requirement("PB-V2L-01")
@pytest.mark.parametrize(
    ("soc", "air"),
    [
        *((soc, 25.0) for soc in (0.5, 0.9, 0.1)),
        *((soc, -10.0) for soc in (0.9, 0.1)),
        pytest.param(0.5, -10.0, marks=pytest.mark.long),
    ],
)
def test_a_load_is_supplied(
    run_scenario: RunScenario, require: Require, verify: Verify, pack: PackFile, rated: float, soc: float, air: float
) -> None:
    """A load that switches, an inrush, an overload and a short, from {soc} of charge, {air} °C.

    The inverter trips twice, and starts again by itself; no cell comes below its minimum.
    """
    shares = [
        (0, 0), (5, 1 / 3), (60, 0), (70, 1), (130, 0.1), (140, 0.9), (141, 0.3), (200, 1.3), (210, 0.3), (260, 5),
        (260.4, 0.3), (320, 0), (330, 0),
    ]  # fmt: skip
    load = [(float(time), share * rated) for time, share in shares]
    supply = Supply(load, minimum=KEPT, name="tools")
    run = run_scenario(*to_soc(soc), *([] if air == 25.0 else [Soak(air)]), supply)
    require(kpi.voltage_dip(run, "tools"), at_most=10.0)
    require(kpi.trips(run, "tools"), at_least=2.0)
    require(kpi.restart_time(run, "tools"), at_most=15.0)
    # While it is off after a trip it owes a load that is small again: 3 to 4 % of the energy.
    require(kpi.served(run, "tools"), at_least=95.0)
    require(kpi.lowest_soc(run, "tools"), at_least=100 * KEPT)
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
