"""What a house takes: the standard load profile of households, and what its appliances make of it.

The profile is the mean of many: no house has its smooth day. Appliances that are switched on at random times take the
same energy in a day, in fewer quarters of an hour.
"""

from datetime import date, datetime
from functools import cache
from pathlib import Path

import numpy as np

from models.grid.clock import quarters
from models.tables import Vector

PROFILE = Path(__file__).parent / "profiles" / "h0.csv"
PEOPLE = 1000.0
"""kWh in a year for which the profile is stated."""
_SUMMER, _AUTUMN, _WINTER, _SPRING = (5, 15), (9, 15), (11, 1), (3, 21)
APPLIANCES = ((2000.0, 1, 4.0), (2200.0, 3, 1.0), (1800.0, 2, 0.7), (1000.0, 4, 0.6))
"""W, quarters of an hour, and how often a day in a house of 3500 kWh/a: kettle, oven, washing machine, dryer; assumed.

A kettle is on for less than a quarter of an hour; what is taken is a mean over it, see `KETTLE`.
"""
KETTLE = 0.4
"""How much of its quarter of an hour the shortest appliance is on."""
HOUSE = 3500.0
MOST = 0.6
"""Of a day's energy, what appliances take at most of it."""


def period(day: date) -> str:
    """Give the profile's period: winter 1 November to 20 March, summer 15 May to 14 September (BDEW, step by step)."""
    at = (day.month, day.day)
    if _SUMMER <= at < _AUTUMN:
        return "summer"
    return "winter" if at >= _WINTER or at < _SPRING else "transition"


def kind(day: date) -> str:
    """Workday, saturday or sunday. Christmas Eve and New Year's Eve are saturdays unless they are sundays."""
    if day.weekday() == 6:
        return "sunday"
    return "saturday" if day.weekday() == 5 or (day.month, day.day) in {(12, 24), (12, 31)} else "workday"


def dynamic(day: int) -> float:
    """By how much the profile is multiplied on a day of the year (1 to 366): BDEW's polynomial of fourth order."""
    return 1.24 + 2.1e-3 * day - 7.02e-5 * day**2 + 3.2e-7 * day**3 - 3.92e-10 * day**4


@cache
def table() -> dict[str, Vector]:
    """W per 1000 kWh/a by "winter workday" and the like, for each quarter of an hour of a day."""
    lines = [line for line in PROFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    values: Vector = np.array([line.split(",")[1:] for line in lines[1:]], dtype=np.float64)
    names = lines[0].split(",")[1:]
    return {name: values[:, column] for column, name in enumerate(names)}


def profile(start: datetime, count: int, per_year: float = HOUSE) -> Vector:
    """W of the mean house of `per_year` kWh/a in `count` quarters of an hour from `start` on, local and aware."""
    times = quarters(start, count)
    of = table()
    raw = [of[f"{period(at.date())} {kind(at.date())}"].item(at.hour * 4 + at.minute // 15) for at in times]
    more = [dynamic(at.timetuple().tm_yday) for at in times]
    return np.asarray(np.array(raw) * np.array(more) * (per_year / PEOPLE), dtype=np.float64)


def household(start: datetime, count: int, per_year: float = HOUSE, *, seed: int = 0) -> Vector:
    """W of one house: as `profile`, with appliances that go on and off by the seed, and the same energy every day."""
    mean = profile(start, count, per_year)
    if per_year == 0.0:
        return mean
    rng = np.random.default_rng((seed, 11))
    days = np.array([at.toordinal() for at in quarters(start, count)])
    return np.concatenate([_lived_in(mean[days == day], per_year, rng) for day in np.unique(days)])


def _lived_in(mean: Vector, per_year: float, rng: np.random.Generator) -> Vector:
    """Take from the mean of a day what its appliances take; they go on when more is taken."""
    taken = np.zeros_like(mean)
    share = len(mean) / 96 * per_year / HOUSE
    for power, long, often in APPLIANCES:
        for begin in rng.choice(len(mean), size=rng.poisson(often * share), p=mean / mean.sum()):
            taken[begin : begin + long] += power * (KETTLE if long == 1 else 1.0)
    taken *= min(1.0, MOST * mean.sum() / max(float(taken.sum()), 1e-9))
    return np.asarray(taken + mean * (1.0 - taken.sum() / mean.sum()))
