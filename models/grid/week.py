"""Days of a car at home: who needs it when, and what house, sun, weather and prices are meanwhile.

Everything is known in advance to whoever made it, and to nobody else: a manager is told a forecast, and what is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite

import numpy as np

from models.tables import Vector

QUARTER = 900.0
"""s between two values of a series."""
SERIES = ("outside", "house", "sun", "buy", "sell")
"""What `Days` know of each quarter of an hour."""
RESERVE_ROAD = "country"
"""The road that a reserve is for, where nobody says another."""


@dataclass(frozen=True, slots=True)
class Trip:
    """The car is away from `leaves` to `returns` (s from the beginning), on `road` for `distance` km in all.

    `told` (s) is the departure that everybody was told, until `known` (s), when the true one became known; None: it
    was told as it is, from the beginning.
    """

    leaves: float
    returns: float
    distance: float
    road: str = "country"
    told: float | None = None
    known: float | None = None

    def departure(self, now: float) -> float:
        """When it leaves, as far as anybody knows at `now`; both s."""
        known = self.leaves if self.known is None else self.known
        return self.leaves if self.told is None or now >= known else self.told


@dataclass(frozen=True, slots=True)
class Outage:
    """From `begins` to `ends` (s) something is not as it should be.

    `what` is "link" (manager and charger do not hear each other), "restart" (neither, and the manager is begun anew),
    "soc" (the car tells no state of charge), "jump" (it tells `by` more than it has) or "forecast" (the manager is told
    what it was told before).
    """

    what: str
    begins: float
    ends: float
    by: float = 0.0


@dataclass(frozen=True, eq=False)
class Days:
    """So many quarters of an hour from `start` (local, aware of its zone) on.

    `outside` degC; `house` and `sun` W, each positive; `buy` and `sell` the price of a kWh. All have one value for
    each quarter of real time, whatever clocks are changed to. `reserve` km stay in the car while it is at home.
    """

    start: datetime
    season: str
    outside: Vector
    house: Vector
    sun: Vector
    buy: Vector
    sell: Vector
    trips: tuple[Trip, ...] = ()
    outages: tuple[Outage, ...] = ()
    reserve: float = 50.0
    car: str = "renault-5-class"
    soc: float = 0.5
    sources: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        """Raise `ValueError`, one sentence, for days that nobody can be told: a manager would be blamed for them."""
        if self.start.utcoffset() is None:
            raise ValueError(f"days begin at {self.start}, of no zone; give a start with one.")
        if not len(self.outside):
            raise ValueError("days without a quarter of an hour are none; give one value of each series or more.")
        for name in SERIES:
            self._check_series(name)
        if not (isfinite(self.reserve) and self.reserve >= 0):
            raise ValueError(f"a reserve of {self.reserve:g} km is none; give 0 or more.")
        if not 0 <= self.soc <= 1:
            raise ValueError(f"a state of charge of {self.soc:g} is none; give 0 to 1.")
        for trip in self.trips:
            _check(trip)

    def _check_series(self, name: str) -> None:
        values, count = getattr(self, name), len(self.outside)
        if len(values) != count:
            raise ValueError(f"{name} has {len(values)} quarters of an hour, and outside has {count}; give as many.")
        unknown = np.flatnonzero(~np.isfinite(values))
        if len(unknown):
            when = self.at(QUARTER * int(unknown[0])).isoformat()
            raise ValueError(f"{name} is {values[unknown[0]]} at {when}; give a finite number for each quarter hour.")

    @property
    def digest(self) -> str:
        """What tells these days from any others."""
        told = (self.start.isoformat(), self.season, self.trips, self.outages, self.reserve, self.car, self.soc)
        found = hashlib.sha256(repr(told).encode())
        for name in SERIES:
            found.update(getattr(self, name).tobytes())
        return found.hexdigest()

    @property
    def duration(self) -> float:
        """In s."""
        return QUARTER * len(self.outside)

    def quarter(self, time: float) -> int:
        """The index of what holds at a time, s from the beginning."""
        return min(max(int(time // QUARTER), 0), len(self.outside) - 1)

    def site(self, time: float) -> tuple[float, float]:
        """W of house and sun at a time, s from the beginning."""
        quarter = self.quarter(time)
        return float(self.house[quarter]), float(self.sun[quarter])

    def at(self, time: float) -> datetime:
        """The local time, s from the beginning: real seconds, across a change of clocks."""
        return (self.start.astimezone(UTC) + timedelta(seconds=time)).astimezone(self.start.tzinfo)

    def trip_at(self, time: float) -> Trip | None:
        """The one that the car is on."""
        return next((trip for trip in self.trips if trip.leaves <= time < trip.returns), None)

    def next_trip(self, time: float) -> Trip | None:
        """The first that has not begun."""
        return next((trip for trip in self.trips if trip.leaves > time), None)

    def suffers(self, what: str, time: float) -> Outage | None:
        """What is wrong at a time."""
        return next((each for each in self.outages if each.what == what and each.begins <= time < each.ends), None)

    def unheard(self, time: float) -> Outage | None:
        """What keeps manager and charger from hearing each other at a time."""
        return self.suffers("link", time) or self.suffers("restart", time)


def _check(trip: Trip) -> None:
    if not (isfinite(trip.distance) and trip.distance > 0):
        raise ValueError(f"a trip of {trip.distance:g} km is none; give more than 0.")
    if not all(isfinite(each) for each in (trip.told or 0.0, trip.known or 0.0)):
        raise ValueError("a trip is told and known at a time, in s; give finite numbers, or None.")


def zeros(days: float) -> Vector:
    """So many days of nothing."""
    return np.zeros(round(days * 86400 / QUARTER))
