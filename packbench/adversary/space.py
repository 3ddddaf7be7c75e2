"""What the adversary may do: the range of every input, the same for all managers, and the days that follow from it.

A week is data: numbers that are small where nothing happens, so that a breach shrinks to what makes it one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from math import pi
from typing import Any

import numpy as np

from models.grid.charger import Charger
from models.grid.week import QUARTER, Days, Outage, Trip
from models.tables import Vector
from models.vehicle.season import month_of, weather
from packbench.adversary.home import Home, Plant

SEASONS = ("paris-april", "paris-january", "oslo-january", "seville-july", "paris-july", "oslo-march")
ROADS = ("country", "urban", "motorway-110", "motorway-130")
PRICES = ("flat", "night", "noon", "evening")
CHARGERS = (7400.0, 3700.0, 11000.0)
CONNECTIONS = (12000.0, 9000.0, 6000.0)
TROUBLES = ("link", "restart", "soc", "jump", "forecast")

SPACE: Mapping[str, Any] = {
    "days": (1, 7),
    "season": SEASONS,
    "soc": (0.1, 1.0),
    "reserve / km": (20, 100),
    "reserve road": ROADS,
    "charger / W": CHARGERS,
    "connection / W": CONNECTIONS,
    "garage": (True, False),
    "house / of 3500 kWh/a": (0.0, 3.0),
    "forecast of house and sun / of what they will be": (0.5, 1.5),
    "price": PRICES,
    "trips": (0, 14),
    "at home before a trip / quarters": (1, 120),
    "away / quarters": (1, 60),
    "distance / km": (2, 250),
    "speed on a trip / km/h, at most": 60,
    "earlier than told / quarters": (0, 8),
    "told of that before / quarters": (0, 8),
    "troubles": (0, 3),
    "trouble begins / quarters": (4, 668),
    "trouble lasts / quarters": {
        "link": (1, 24),
        "restart": (1, 4),
        "soc": (1, 24),
        "jump": (1, 24),
        "forecast": (1, 96),
    },
    "unheard in all / quarters": 24,
    "jump": (0.05, 0.5),
}
"""The range of every input; quarters are those of an hour.

Unheard is who has lost his link, or is begun anew: all night, for that is how long a router is off. Who puts off what
is needed until later than this breaks his word here, whatever else he does.
"""


class _Spelt:
    """Spells itself as Python, without what is as always."""

    def __repr__(self) -> str:
        usual = {each.name: each.default for each in fields(self)}  # type: ignore[arg-type]
        told = {name: getattr(self, name) for name in usual if getattr(self, name) != usual[name]}
        words = (f'{name}="{value}"' if name in TEXTS else f"{name}={value!r}" for name, value in told.items())
        return f"{type(self).__name__}({', '.join(words)})"


TEXTS = ("road", "what")


@dataclass(frozen=True, slots=True, repr=False)
class Away(_Spelt):
    """`home` quarters of an hour at home, then so many `away`, `distance` km on a `road`.

    It leaves `early` quarters before it was told, which everybody knows `notice` quarters before.
    """

    home: int
    away: int
    distance: int
    road: str = ROADS[0]
    early: int = 0
    notice: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Trouble(_Spelt):
    """What is wrong from a quarter of an hour on, for so many; `by` is how much a jump is."""

    what: str
    begins: int
    lasts: int
    by: float = 0.0


@dataclass(frozen=True, slots=True)
class Week:
    """A point of `SPACE`."""

    days: int = 1
    season: str = SEASONS[0]
    soc: float = 0.5
    reserve: int = 50
    reserve_road: str = ROADS[0]
    charger: float = CHARGERS[0]
    connection: float = CONNECTIONS[0]
    garage: bool = True
    house: float = 1.0
    foreseen: float = 1.0
    price: str = PRICES[0]
    trips: tuple[Away, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    def within(self, days: int) -> "Week":
        """Its first so many days, without what lies behind them."""
        shorter = replace(self, days=days)
        return replace(
            shorter, trips=self.trips[: len(shorter._trips())],
            troubles=tuple(each for each in self.troubles if each.begins < days * 96),
        )  # fmt: skip

    def plant(self) -> Plant:
        """The days, and the home on them."""
        half = Charger(charge=self.charger, discharge=self.charger)
        home = Home(
            half, self.connection, self.connection, self.garage, self.reserve_road, house_error=self.foreseen
        )  # fmt: skip
        return Plant(self._days(), home)

    def _days(self) -> Days:
        hours = np.arange(self.days * 96) / 4
        air = weather(self.season)
        month = month_of(self.season.rpartition("-")[2])
        start = datetime(2026, month, 12, tzinfo=timezone(timedelta(hours=1)))
        buy, sell = _prices(self.price, hours)
        return Days(
            start, self.season, np.array([air.temperature(hour % 24) for hour in hours]), self.house * _house(hours),
            np.array([air.sunshine(hour % 24) for hour in hours]) * PEAK, buy, sell, self._trips(), self._outages(),
            float(self.reserve), soc=self.soc,
        )  # fmt: skip

    def _trips(self) -> tuple[Trip, ...]:
        """One behind the other; those that would not be back in these days are left out."""
        trips, time = [], 0
        for each in self.trips:
            leaves, returns = time + each.home, time + each.home + each.away
            if returns >= self.days * 96:
                break
            told = (leaves + each.early) * QUARTER if each.early else None
            known = max(leaves - each.notice, time) * QUARTER if each.early else None
            trips.append(
                Trip(leaves * QUARTER, returns * QUARTER, float(each.distance), each.road, told=told, known=known)
            )
            time = returns
        return tuple(trips)

    def _outages(self) -> tuple[Outage, ...]:
        return tuple(
            Outage(each.what, each.begins * QUARTER, (each.begins + each.lasts) * QUARTER, each.by)
            for each in self.troubles
        )


PEAK = 4.0 / 0.6
"""What a roof of 4 kWp has of the sun behind 0.6 m2 of a car's glass."""


def _house(hours: Vector) -> Vector:
    """W of 3500 kWh/a: 400 W on the mean, more in the morning and most in the evening, as in H0."""
    hour = hours % 24
    return np.asarray(250.0 + 300.0 * np.exp(-((hour - 8) ** 2) / 4) + 550.0 * np.exp(-((hour - 19.5) ** 2) / 5))


def _prices(shape: str, hours: Vector) -> tuple[Vector, Vector]:
    """Of a kWh that is bought, and of one that is sold."""
    hour = hours % 24
    day = {
        "flat": np.full_like(hours, 0.25),
        "night": np.where((hour >= 23) | (hour < 6), 0.18, 0.32),
        "noon": 0.28 - 0.18 * np.exp(-((hour - 13) ** 2) / 8),
        "evening": 0.20 + 0.02 * np.sin(2 * pi * hour / 24) + 0.35 * np.exp(-((hour - 19) ** 2) / 4),
    }[shape]
    return day, 0.8 * day if shape == "evening" else np.full_like(hours, 0.08)
