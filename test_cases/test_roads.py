"""Roads and seasons: a car's pack on its way, what it costs there, and how it arrives at the charger.

What is a car's own is asked of packs that coolant keeps as warm as a car's: how truly a drive is followed (a module's
share of a road is less than its meters know), and how long a recharge takes behind it (air does not heat cells as a car
does). A station without a coolant unit leaves those out.
"""

from dataclasses import replace
from math import isfinite

import pytest

from packbench import (
    Drive,
    PackFile,
    Precondition,
    Require,
    RunScenario,
    Soak,
    StationFile,
    Step,
    Verify,
    driving_range,
    kpi,
    recharge_after,
    to_departure,
)

WINTER, SUMMER = "oslo-winter", "seville-summer"
pytestmark = pytest.mark.skip_unsuited
LOST = 1.0
"""% of a range that a winter takes at least; it took 18 % in the mean of a fleet that was tested."""


@pytest.mark.needs("coolant")
@pytest.mark.requirement("PB-RD-01")
def test_drive_cycle_following(run_scenario: RunScenario, require: Require, pack: PackFile) -> None:
    """A drive on a country road follows its command, 25 °C."""
    drive = Drive("country", season="spring")
    run = run_scenario(*to_departure(drive, pack), Soak(25.0), drive)
    require(kpi.energy_off(run, "drive"))
    require(kpi.power_off(run, "drive"))
    require(kpi.consumption(run, "drive"))


@pytest.mark.requirement("PB-RD-02")
def test_motorway_without_derating(run_scenario: RunScenario, require: Require, pack: PackFile) -> None:
    """80 km at 130 km/h on a winter's morning, without a derating."""
    drive = Drive("motorway-130", season="winter", hour=8, heat="car")
    run = run_scenario(*to_departure(drive, pack), Soak(drive.journey.outside), drive)
    require(kpi.derating(run, "drive"), at_most=1.0, at=None)
    require(kpi.consumption(run, "drive"))


@pytest.mark.requirement("PB-RD-03")
def test_mountain_in_the_cold(run_scenario: RunScenario, require: Require, pack: PackFile) -> None:
    """Over a pass in Norwegian frost: what the cold pack does not take back is left to the brakes."""
    drive = Drive("mountain-pass", season=WINTER, hour=7, heat="car")
    run = run_scenario(*to_departure(drive, pack), Soak(drive.journey.outside), drive)
    require(kpi.energy_off(run, "drive"))
    require(kpi.charge_cut(run, "drive"))
    require(kpi.derating(run, "drive"), at_most=1.0, at=None)


@pytest.mark.requirement("PB-RD-04")
def test_range_by_season(run_scenario: RunScenario, verify: Verify, pack: PackFile) -> None:
    """How far a full pack goes on country roads, in a winter's cold and in a summer's heat: less in the cold."""
    ranges = {}
    for season, hour in ((WINTER, 7.0), (SUMMER, 15.0)):
        drive = Drive("country", season=season, hour=hour, heat="car", name=season)
        run = run_scenario(*to_departure(drive, pack), Soak(drive.journey.outside), drive)
        ranges[season] = driving_range(drive, pack, float(kpi.consumption(run, season)))
        verify(f"range, {season}", ranges[season], unit="km", step=season)
    lost = 100 * (1 - ranges[WINTER] / ranges[SUMMER])
    verify("range that the winter takes", lost, unit="%", at_least=LOST, step=WINTER)


@pytest.mark.requirement("PB-CND-01")
def test_arrival_after_preconditioning(
    run_scenario: RunScenario, require: Require, pack: PackFile, station: StationFile
) -> None:
    """Preconditioned from a motorway at 0 °C on, cells are within 2 K of 25 °C at the charger."""
    drive = Drive("motorway-130", season="winter", hour=7, heat="car")
    steps: list[Step]
    if any("coolant" in entry.roles for entry in station.instruments.values()):
        steps, name, off = [replace(drive, precondition=25.0)], "drive", 2.0
    else:
        # Air does not warm cells as a car's heater does: they arrive as they come, and the chamber takes its time. Its
        # step ends 2 K away, which thermometers know to 1 K.
        steps, name, off = [drive, Precondition(25.0, within=4 * 3600)], "precondition", 3.5
    run = run_scenario(*to_departure(drive, pack), Soak(drive.journey.outside), *steps)
    require(kpi.arrival_temperature_off(run, name), at_least=-off, at_most=off, at=None)
    require(kpi.preconditioning_energy(run, "drive"))


@pytest.mark.parametrize(
    ("road", "season", "hour", "start"),
    [
        pytest.param("motorway-130", SUMMER, 15.0, None, id="motorway in summer"),
        pytest.param("short-hop", WINTER, 7.0, -10.0, id="short hop at -10 °C"),
        pytest.param("urban", "oslo-winter", 8.0, None, id="night outside"),
    ],
)
@pytest.mark.needs("coolant")
@pytest.mark.requirement("PB-MAP-02")
def test_recharge_after(
    run_scenario: RunScenario, require: Require, pack: PackFile, road: str, season: str, hour: float,
    start: float | None,
) -> None:  # fmt: skip
    """Recharge from 10 to 80 % after {road} in {season}."""
    run = run_scenario(*recharge_after(road, pack, season=season, hour=hour, start=start))
    require(kpi.arrival_off_the_cars(run, "drive"), at=None)
    require(kpi.charge_time(run, "fast recharge", 0.10, 0.80), at=None)
    margin = kpi.plating_margin(run, "fast recharge")
    # Where nobody has a model it is not known, and stands so among the figures: that is no failure of a pack.
    if isfinite(margin.value):
        require(margin)
    require(kpi.derating(run, "drive"))


@pytest.mark.needs("coolant")
@pytest.mark.requirement("PB-MAP-03")
def test_spread_of_the_map(run_scenario: RunScenario, require: Require, pack: PackFile) -> None:
    """How far apart the recharges of a reduced map are: a motorway and a short hop, in the cold and in the heat."""
    steps = [
        step
        for season, hour in ((WINTER, 7.0), (SUMMER, 15.0))
        for road in ("motorway-130", "short-hop")
        for step in recharge_after(road, pack, season=season, hour=hour, precondition=True)
    ]
    run = run_scenario(*steps)
    recharge = next(step for step in run.steps if step.name == "fast recharge")
    require(kpi.charge_time_spread(run, recharge))
    require(kpi.longest_charge_time(run, recharge))
