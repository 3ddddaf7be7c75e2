"""An energy manager in charge of the car, judged by the range that it keeps.

`--manager` puts another one under test: its address, a command that starts it, or the name of one that ships; several
are told apart in the report. `--days` gives it more than one; what giving back costs takes two at least. It needs a
station whose source and sink stand for a charger, and a chamber for the season.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from packbench import Days, Manage, Outage, Recording, Require, RunScenario, Trip, days_at_home, kpi
from test_cases.grid_support import to_soc

HOUR, QUARTER = 3600.0, 900.0


def managed(run_scenario: RunScenario, manager: str, days: Days, charger: float | None = None) -> Recording:
    """From where the days begin, at a home whose charger has so many W; None: as the station's."""
    return run_scenario(*to_soc(days.soc), Manage(manager, days, charger=charger, name="days"))


def unheard(days: Days) -> bool:
    """Whether there is a time in them in which nobody hears the manager."""
    return any(outage.what in {"link", "restart"} for outage in days.outages)


def judge(run: Recording, require: Require, step: str = "days") -> None:
    """The reserve stays in it, it leaves with enough or somebody was told in time, each question has its answer."""
    require(kpi.in_kilowatts(run, step), at_most=0.5)
    require(kpi.below_reserve(run, step), at_most=50.0)
    require(kpi.departures(run, step), at_most=0.5)
    require(kpi.missed_by_the_pack(run, step), at_most=0.5)
    require(kpi.late_warnings(run, step), at_most=0.5)
    require(kpi.failures(run, step), at_most=0.5)
    require(kpi.turns(run, step), at_most=2.5)
    require(kpi.rest_below(run, step), at_most=QUARTER + 60.0)
    require(kpi.cost(run, step), at=None)
    require(kpi.given_back(run, step), at=None)
    require(kpi.throughput(run, step), at=None)


@pytest.mark.requirement("PB-MGR-01")
@pytest.mark.parametrize(
    "season",
    [
        "paris-january",
        *(pytest.param(f"paris-{month}", marks=pytest.mark.long) for month in ("april", "july", "october")),
    ],
)
def test_range_is_kept(
    run_scenario: RunScenario, require: Require, manager: str, number_of_days: float, season: str
) -> None:
    """A family's days in {season}, with house, roof, prices and trips: {manager}."""
    judge(managed(run_scenario, manager, days_at_home(season, number_of_days, seed=1)), require)


# --- what the field has seen ------------------------------------------------------------------------------------------


def night(soc: float = 0.6, trips: tuple[Trip, ...] = (Trip(5 * HOUR, 5.9 * HOUR, 40.0),)) -> Days:
    """Six cold hours, dear for the first three of them, so that whoever can gives back; then somebody leaves."""
    return dear_at_first(days_at_home("oslo-january", 0.25, seed=2, trips=trips, soc=soc))


def dear_at_first(days: Days) -> Days:
    """The same, with energy that is dear for three hours: whoever can gives back."""
    dear = np.arange(len(days.buy)) * QUARTER < 3 * HOUR
    return replace(days, buy=np.where(dear, 0.60, 0.15), sell=np.where(dear, 0.55, 0.05))


def long_night(distance: float, soc: float, *outages: Outage) -> Days:
    """Eleven hours of it until somebody leaves for so many km, dear for the first three."""
    trip = Trip(11 * HOUR, 11.9 * HOUR, distance)
    return dear_at_first(days_at_home("oslo-january", 0.5, seed=2, trips=(trip,), soc=soc, outages=outages))


def suffering(*outages: Outage, soc: float = 0.6) -> Days:
    """That night, with something wrong in it."""
    return replace(night(soc), outages=outages)


def early() -> Days:
    """Somebody leaves an hour before he said he would, and says so half an hour before he does."""
    return night(trips=(Trip(4 * HOUR, 5.5 * HOUR, 60.0, told=5 * HOUR, known=3.5 * HOUR),))


def jumping() -> Days:
    """A charge at the reserve that is told 2 % lower every other quarter of an hour: 21, 19, 21 %."""
    dips = [Outage("jump", number * 2 * QUARTER + 60, (number * 2 + 1) * QUARTER, by=-0.02) for number in range(1, 10)]
    return suffering(*dips, soc=0.3)


def car_unheard() -> Days:
    """Nobody goes anywhere, and the car tells no charge any more soon after it has begun to give back."""
    return replace(night(0.5, ()), outages=(Outage("soc", 0.6 * HOUR, 3 * HOUR),))


def begun_anew() -> Days:
    """Nobody goes anywhere, and much is to be kept; who is begun anew in mid-discharge is told so once more."""
    return replace(night(0.6, ()), reserve=90.0, outages=(Outage("restart", 0.6 * HOUR, 0.9 * HOUR),))


HOSTILE: Mapping[str, Callable[[], Days]] = {
    "the link is lost": lambda: suffering(Outage("link", 0.6 * HOUR, 1.6 * HOUR)),
    "the link is lost while it charges": lambda: long_night(90.0, 0.2, Outage("link", 4 * HOUR, 6 * HOUR)),
    "the manager is begun anew in mid-discharge": lambda: suffering(Outage("restart", 0.6 * HOUR, 0.9 * HOUR)),
    "the car tells no state of charge": lambda: suffering(Outage("soc", 0.6 * HOUR, 1.1 * HOUR)),
    "the car tells a state of charge of 0": lambda: suffering(Outage("jump", 0.6 * HOUR, 1.1 * HOUR, by=-1.0)),
    "the state of charge jumps at the reserve": jumping,
    "the car comes home below its reserve": lambda: night(0.08),
    "somebody leaves early": early,
    "the trip cannot be reached": lambda: night(0.3, (Trip(2 * HOUR, 5.9 * HOUR, 280.0),)),
    "the forecast is stale": lambda: suffering(Outage("forecast", 0.5 * HOUR, 6 * HOUR)),
    "cold cells give less than they tell": lambda: replace(night(0.45, ()), reserve=90.0),
    "a long way from an ordinary socket": lambda: long_night(130.0, 0.4),
    "the car is not heard while it gives back": car_unheard,
    "a boost from below the reserve ends long before the departure": lambda: long_night(90.0, 0.12),
    "an efficiency of 85 for 0.85 begins to charge too late": lambda: long_night(60.0, 0.25),
    "a manager that is begun anew keeps a reserve that is not the usual one": begun_anew,
}
CHARGERS = {
    "the link is lost while it charges": 3700.0,
    "a long way from an ordinary socket": 2300.0,
    "an efficiency of 85 for 0.85 begins to charge too late": 2300.0,
}
"""W, where it is not the station's."""
NIGHTLY = ("the manager is begun anew in mid-discharge", "the trip cannot be reached")


@pytest.mark.requirement("PB-MGR-02")
@pytest.mark.parametrize(
    "case", [pytest.param(each, marks=() if each in NIGHTLY else pytest.mark.long) for each in HOSTILE]
)
def test_range_is_kept_on_a_hostile_night(run_scenario: RunScenario, require: Require, manager: str, case: str) -> None:
    """A hostile night: {case}: {manager}.

    No silent breach, no hang, no chatter, and 0 W where nobody is heard.
    """
    days = HOSTILE[case]()
    run = managed(run_scenario, manager, days, CHARGERS.get(case))
    judge(run, require)
    if unheard(days):
        require(kpi.power_without_link(run, "days"), at_most=50.0)


# --- what it costs ----------------------------------------------------------------------------------------------------


COMPARED = 2.0
"""Days at least: what is given back on the first evening is in the car again for the second one."""
ANYTHING = 100.0
"""Wh given back from which on each of them can have a price."""


def with_dear_evenings(days: Days) -> Days:
    """The same days, with energy that is dear from 18 to 21 h: somebody pays for what is given back then."""
    hours = np.array([days.at(QUARTER * number).hour for number in range(len(days.buy))])
    dear = (hours >= 18) & (hours < 21)
    return replace(days, buy=np.where(dear, 0.60, 0.15), sell=np.where(dear, 0.50, 0.05))


@pytest.mark.long
@pytest.mark.requirement("PB-MGR-03")
def test_price_of_giving_back(run_scenario: RunScenario, require: Require, manager: str, number_of_days: float) -> None:
    """The same days with and without giving back, ageing included: {manager}."""
    days = with_dear_evenings(days_at_home("paris-april", max(number_of_days, COMPARED), seed=1))
    run = run_scenario(
        *to_soc(days.soc), Manage(manager, days, name="giving"),
        *to_soc(days.soc), Manage(manager, days, gives=False, name="keeping"),
    )  # fmt: skip
    judge(run, require, "giving")
    judge(run, require, "keeping")
    if kpi.given_back(run, "giving").value >= ANYTHING:  # who gave nothing has no price of it
        require(kpi.price_of_giving_back(run, "giving", "keeping"))
    require(kpi.more_through(run, "giving", "keeping"), at=None)
