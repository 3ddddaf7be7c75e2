"""Days of a car at home, for a test of an energy manager."""

from dataclasses import replace
from datetime import datetime

from bench.verdicts import InputError
from models.grid import seasons
from models.grid.week import Days, Outage, Trip


def days_at_home(  # noqa: PLR0913 - what stands behind `*` has a default and a name
    season: str, number: float = 7, *, seed: int = 0, house: float = 3500.0, sun: float = 4.0,
    tariff: str = "day-ahead", trips: str | tuple[Trip, ...] = "family", reserve: float = 50.0, soc: float = 0.5,
    outages: tuple[Outage, ...] = (), start: datetime | None = None,
) -> Days:  # fmt: skip
    """So many days of a family in a season ("winter", "oslo-january"), each by one `seed`.

    `house` kWh a year, `sun` kWp on the roof, `tariff` "flat", "day-night", "day-ahead" or a file of prices; `trips`
    "family", "at-home" or your own; `reserve` km stay in the car. `outages` are what goes wrong (see `Outage`).

    They begin with the season's first Monday, or at a `start`, local and aware of its zone: real time goes on evenly
    across a change of its clocks. Raises `InputError`, one sentence, for what there is not.
    """
    try:
        found = seasons.days(
            season, number, seed=seed, house=house, sun=sun, tariff=tariff, trips=trips, reserve=reserve, soc=soc,
            start=start,
        )  # fmt: skip
    except ValueError as error:
        raise InputError(str(error)) from error
    return replace(found, outages=outages)
