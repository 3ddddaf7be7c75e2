"""An energy manager in charge of the car, judged by the range that it keeps.

`--manager` puts another one under test: its address, a command that starts it, or the name of one that ships. `--days`
gives it more than one.
"""

from dataclasses import replace

import pytest

from packbench import (
    Charge,
    Days,
    Manage,
    Outage,
    Recording,
    Require,
    RunScenario,
    current_below,
    days_at_home,
    kpi,
    soc_above,
)

HOUR = 3600.0


def managed(run_scenario: RunScenario, manager: str, days: Days) -> Recording:
    """From half charged on."""
    return run_scenario(
        Charge("C/3", until=[soc_above(0.5), current_below("C/20", hold=60)], name="to half"),
        Manage(manager, days, name="days"),
    )


def judge(run: Recording, require: Require) -> None:
    """The reserve stays in the car, it leaves with enough or somebody was told, and each question has its answer."""
    require(kpi.below_reserve(run, "days"), at_most=50.0)
    require(kpi.departures(run, "days"), at_most=0.5)
    require(kpi.failures(run, "days"), at_most=0.5)
    require(kpi.cost(run, "days"), at=None)
    require(kpi.given_back(run, "days"), at=None)
    require(kpi.throughput(run, "days"), at=None)


@pytest.mark.requirement("PB-MGR-01")
def test_range_is_kept(run_scenario: RunScenario, require: Require, manager: str, number_of_days: float) -> None:
    """A family's days in winter, with house, roof, prices and trips."""
    judge(managed(run_scenario, manager, days_at_home("paris-january", number_of_days, seed=1)), require)


@pytest.mark.requirement("PB-MGR-02")
def test_range_is_kept_on_a_hostile_night(run_scenario: RunScenario, require: Require, manager: str) -> None:
    """A lost link, a charge that is not told and one that jumps, a stale forecast, and somebody who leaves early."""
    quiet = days_at_home(
        "oslo-january", 0.5, seed=2, tariff="day-night", soc=0.5,
        outages=(
            Outage("link", 1.1 * HOUR, 2.2 * HOUR),
            Outage("soc", 3.0 * HOUR, 3.6 * HOUR),
            Outage("jump", 4.5 * HOUR, 5.0 * HOUR, by=-0.02),
            Outage("forecast", 5.0 * HOUR, 12 * HOUR),
        ),
    )  # fmt: skip
    early = [
        replace(trip, leaves=trip.leaves - HOUR, told=trip.leaves, known=trip.leaves - 1.5 * HOUR)
        for trip in quiet.trips
    ]
    judge(managed(run_scenario, manager, replace(quiet, trips=tuple(early))), require)
