"""A week of a family with a car, in each season; and what is known of it at any time.

Two people leave for work on five days, and go further on one of the weekend. All is made by one seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from models.fields import CellFileError, nearest
from models.grid.clock import ZONE, quarters, winter_hour
from models.grid.house import HOUSE, household
from models.grid.prices import prices
from models.grid.sun import roof
from models.grid.week import QUARTER, Days, Trip
from models.tables import Indices, Vector
from models.vehicle.season import Weather, load_place, month_of, weather

YEAR = 2026
_DAY = 86400.0
DIFFERENT = 2.5
"""K, standard deviation of a day's temperature from that of its month; assumed."""


def days(  # noqa: PLR0913 - what stands behind `*` has a default and a name
    season: str, number: float = 7, *, seed: int = 0, house: float = HOUSE, sun: float = 4.0, tariff: str = "day-ahead",
    trips: str | Sequence[Trip] = "family", start: datetime | None = None, reserve: float = 50.0, soc: float = 0.5,
) -> Days:  # fmt: skip
    """So many days of a season (see `models.vehicle.season.weather`), from the month's first Monday on.

    `house` is kWh/a, `sun` kWp of a roof that looks south, `trips` a habit's name or trips; a `start` is local and
    aware of its zone. Raises `CellFileError` for a season, a tariff or a habit that there is not, `ValueError` for a
    number that cannot be.
    """
    _check(number=number, house=house, sun=sun)
    place, _, month = season.rpartition("-")
    first = start or _first_monday(month_of(month))
    if first.tzinfo is None:
        raise ValueError(f"days begin at {first}, of no zone; give a start with one.")
    count = round(number * _DAY / QUARTER)
    bought = prices(tariff, first, count, seed=seed)
    return Days(
        start=first, season=season,
        outside=outside(first, count, weather(season), seed=seed),
        house=household(first, count, house, seed=seed),
        sun=roof(first, count, load_place(place or "paris"), sun, seed=seed),
        buy=bought.buy, sell=bought.sell,
        trips=_trips(trips, first, number, seed), reserve=reserve, soc=soc,
        sources=("house: standard load profile H0 (BDEW)", "sun: seeded clouds", f"prices: {bought.source}"),
    )  # fmt: skip


_ALLOWED = {"number": (QUARTER / _DAY, 366.0), "house": (0.0, 1e6), "sun": (0.0, 1e4)}


def _check(**given: float) -> None:
    for name, value in given.items():
        low, high = _ALLOWED[name]
        if not low <= value <= high:
            raise ValueError(f"{name} of the days is {value:g}; give a number from {low:g} up to {high:g}.")


def outside(start: datetime, count: int, month: Weather, *, seed: int = 0) -> Vector:
    """Temperature (degC) of `count` quarters of an hour: the month's day, one warmer than another by the seed."""
    times = quarters(start, count)
    rng = np.random.default_rng((seed, 19))
    knots = 1 + count // 96 + 1
    apart = np.empty(knots)
    apart[0] = rng.normal(0.0, DIFFERENT)
    for index in range(1, knots):
        apart[index] = 0.7 * apart[index - 1] + (1 - 0.7**2) ** 0.5 * rng.normal(0.0, DIFFERENT)
    mean = np.array([month.temperature(winter_hour(at)) for at in times])
    return np.asarray(mean + np.interp(np.arange(count) / 96, np.arange(knots), apart))


def _first_monday(month: int) -> datetime:
    first = datetime(YEAR, month, 1, tzinfo=ZONE)
    return first + timedelta(days=-first.weekday() % 7)


# --- habits -----------------------------------------------------------------------------------------------------------


def family(weekday: int, rng: np.random.Generator) -> Sequence[tuple[float, float, float, str]]:
    """Work on five days, shopping or a visit on Saturday, further on Sunday: hours it leaves and returns, km, road."""
    late = float(np.clip(rng.normal(0.0, 0.25), -0.75, 0.75))
    if weekday < 5:
        return [
            (
                7.5 + late,
                17.5 + float(np.clip(rng.normal(0.0, 0.5), -1.0, 1.5)),
                round(rng.uniform(36, 48), 1),
                "country",
            )
        ]
    if weekday == 5:
        return [(10.0 + late, 12.5 + late, round(rng.uniform(12, 24), 1), "urban")]
    return [(9.0 + late, 19.0 + late, round(rng.uniform(110, 150), 1), "motorway-110")]


def at_home(weekday: int, rng: np.random.Generator) -> Sequence[tuple[float, float, float, str]]:
    """Nobody goes anywhere."""
    return []


HABITS: Mapping[str, Callable[[int, np.random.Generator], Sequence[tuple[float, float, float, str]]]] = {
    "family": family, "at-home": at_home,
}  # fmt: skip


def _trips(habit: str | Sequence[Trip], start: datetime, number: float, seed: int) -> tuple[Trip, ...]:
    if not isinstance(habit, str):
        return tuple(habit)
    if habit not in HABITS:
        raise CellFileError(f"no trips {habit!r}{nearest(habit, HABITS)}; there are {', '.join(HABITS)}.")
    rng, found = np.random.default_rng((seed, 23)), []
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(int(number) + 1):
        date = midnight + timedelta(days=day)
        for leaves, returns, distance, road in HABITS[habit](date.weekday(), rng):
            begin, end = ((date + timedelta(hours=at)).timestamp() - start.timestamp() for at in (leaves, returns))
            if 0 < begin < number * _DAY:
                found.append(Trip(float(round(begin / 60) * 60), float(round(end / 60) * 60), distance, road))
    return tuple(found)


# --- forecasts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """A trip as far as it is known: its departure (s from the beginning of the days), km and road."""

    departure: float
    distance: float
    road: str


@dataclass(frozen=True, eq=False)
class Forecast:
    """What somebody may know at a `time`, s: one value for each quarter of an hour from that quarter's beginning on.

    Units are those of `Days`. `trips` are those to come, in the order in which they leave.
    """

    time: float
    outside: Vector
    house: Vector
    sun: Vector
    buy: Vector
    sell: Vector
    trips: tuple[Known, ...]
    step: float = QUARTER


UNSURE = {"outside": 2.0, "sun": 0.5}
"""What a forecast for a day ahead is wrong by, standard deviation: K, and a share of the power; assumed."""


def forecast(of: Days, time: float, horizon: float = _DAY, *, seed: int = 0, error: float = 1.0) -> Forecast:
    """What is known at `time` (s) of the next `horizon` s of these days, up to their end.

    What a weather service knows (sun and temperature) is true but for an error that grows with the root of the time
    ahead, and shrinks as that comes nearer. Of the house nobody knows more than how it was a day ago. Prices are known
    until midnight, and from 13 h on until the next; then they are what they were a day before. `error` scales how far
    all of that is from the truth: 0 is a prophet, 1 what is usual. A departure is told as `Trip.departure` has it.
    """
    first = of.quarter(time)
    ahead = np.arange(first, min(first + round(horizon / QUARTER), len(of.outside)))
    grown = error * np.sqrt((ahead - first) / 96.0)
    noise = _noise(seed, len(of.outside))
    until = _published(of, time)
    buy, sell = (_blend(each[ahead], _yesterday(each, ahead, until), error) for each in (of.buy, of.sell))
    return Forecast(
        first * QUARTER,
        outside=of.outside[ahead] + UNSURE["outside"] * grown * noise[0, ahead],
        house=np.maximum(_blend(of.house[ahead], _yesterday(of.house, ahead, first + 1), error), 0.0),
        sun=np.maximum(of.sun[ahead] * (1 + UNSURE["sun"] * grown * noise[1, ahead]), 0.0),
        buy=buy, sell=sell,
        trips=tuple(Known(trip.departure(time), trip.distance, trip.road) for trip in of.trips if trip.leaves > time),
    )  # fmt: skip


def _blend(truth: Vector, guess: Vector, error: float) -> Vector:
    return np.asarray((1.0 - error) * truth + error * guess)  # at 1 nothing of the truth is left, not a rounding of it


def _yesterday(series: Vector, ahead: Indices, known: int) -> Vector:
    """The values of which `known` are known, and for the others those of as many days before as it takes.

    Of what nobody knows on the first day, the mean of what is known.
    """
    back = np.where(ahead < known, 0, -(-(ahead - known + 1) // 96) * 96)
    source = ahead - back
    return np.where(source >= 0, series[np.maximum(source, 0)], series[: max(known, 1)].mean())


def _published(of: Days, time: float) -> int:
    """How many quarters of an hour have their prices."""
    now = of.at(time)
    days_on = 2 if now.hour >= 13 else 1
    midnight = (now + timedelta(days=days_on)).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(round((midnight.timestamp() - of.start.timestamp()) / QUARTER), len(of.buy))


@lru_cache(maxsize=64)
def _noise(seed: int, count: int) -> Vector:
    """Errors of unit variance that hold for some hours, of temperature and sun, by the quarter that they are for."""
    rng = np.random.default_rng((seed, 29))
    noise = rng.standard_normal((2, count))
    kept = np.exp(-1 / 16)
    for index in range(1, count):
        noise[:, index] = kept * noise[:, index - 1] + (1 - kept**2) ** 0.5 * noise[:, index]
    return noise
