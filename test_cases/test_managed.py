"""An energy manager in charge of the car, judged by the range that it keeps.

`--manager` puts another one under test: its address, a command that starts it, or the name of one that ships.
"""

import pytest

from packbench import Charge, Manage, Require, RunScenario, current_below, days_at_home, kpi, soc_above


@pytest.mark.requirement("PB-MGR-01")
def test_range_is_kept_for_a_day(run_scenario: RunScenario, require: Require, manager: str) -> None:
    """A winter's workday with house, roof, prices and a trip: the reserve stays in the car, and it leaves with enough."""
    run = run_scenario(
        Charge("C/3", until=[soc_above(0.5), current_below("C/20", hold=60)], name="to half"),
        Manage(manager, days_at_home("paris-january", 1, seed=1), name="a day"),
    )
    require(kpi.below_reserve(run, "a day"), at_most=50.0)
    require(kpi.departures(run, "a day"), at_most=0.5)
    require(kpi.failures(run, "a day"), at_most=0.5)
    require(kpi.cost(run, "a day"), at=None)
    require(kpi.given_back(run, "a day"), at=None)
