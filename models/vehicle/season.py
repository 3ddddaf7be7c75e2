"""Seasons: how warm it is outside, by place, month and hour, and how warm a car is that stood there overnight.

A month has a mean minimum and a mean maximum; a day is a sinusoid with its minimum at sunrise and its maximum at 15 h.
Months that are not given lie between those that are, on a sinusoid over the year.
"""

from dataclasses import dataclass, replace
from math import cos, exp, pi
from pathlib import Path

import numpy as np

from models import shipped
from models.fields import CellFileError, Fields, Span, nearest
from models.tables import Vector
from models.vehicle.cabin import Cabin

WARMEST = 15.0
"""Hour of the day."""
SEASONS = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}
"""The month that stands for a season."""
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
SUN = 1000.0
"""W per m2 of a high sun in a clear sky."""
GLASS = 0.6
"""m2 of a car's glass that lets the sun in, as seen from it: assumed."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Of one month at one place: the day's mean minimum and maximum, degC, sunrise (hour) and the sun at its height.

    `sun` is the share of `SUN` at noon.
    """

    name: str
    lowest: float
    highest: float
    sunrise: float
    sun: float

    def temperature(self, hour: float) -> float:
        """Outside, degC, at an hour of the day."""
        mean, swing = (self.lowest + self.highest) / 2, (self.highest - self.lowest) / 2
        since = (hour - self.sunrise) % 24.0
        rise = WARMEST - self.sunrise
        # Up in the time from sunrise to 15 h, down in what is left of the day.
        phase = since / rise if since < rise else 1.0 + (since - rise) / (24.0 - rise)
        return mean - swing * cos(pi * phase)

    def sunshine(self, hour: float) -> float:
        """Heat (W) through the glass of a car at an hour of the day."""
        noon = (hour - self.sunrise) / (2 * (12.5 - self.sunrise))
        return max(0.0, float(np.sin(pi * noon))) * self.sun * SUN * GLASS if 0 < noon < 1 else 0.0

    def after_a_night(self, time_constant: float, hour: float = 7.0, evening: float = 20.0) -> float:
        """Temperature (degC) at `hour` of what was left outside in the `evening`, as warm as the air it follows slowly.

        `time_constant` in s: of a pack hours, so that it is warmer in the morning than the air.
        """
        temperature, step = self.temperature(evening), 300.0
        approach = 1.0 - exp(-step / time_constant)
        for number in range(round(((hour - evening) % 24.0) * 3600 / step)):
            temperature += approach * (self.temperature(evening + number * step / 3600) - temperature)
        return temperature

    def in_a_garage(self, warmer: float = 5.0, least: float = 5.0) -> float:
        """Temperature (degC) of a garage of a house: above the day's mean by some K, and never below `least`."""
        return max(least, (self.lowest + self.highest) / 2 + warmer)

    def in_the_cabin(self, hour: float, cabin: Cabin) -> float:
        """Temperature (degC) of a cabin that has stood in the sun for long."""
        return self.temperature(hour) + self.sunshine(hour) / cabin.conductance


@dataclass(frozen=True, slots=True)
class Climate:
    """A place: lowest and highest of its days (degC) in January and in July, its latitude (degrees north).

    `clearness` is the share of a clear sky's energy that gets through the clouds, in January and in July.
    """

    name: str
    january: tuple[float, float]
    july: tuple[float, float]
    latitude: float
    sources: tuple[str, ...]
    clearness: tuple[float, float] = (0.5, 0.7)

    def clear_share(self, day: Vector) -> Vector:
        """Share of a clear sky's energy on a day of the year (1 to 366), on a sinusoid over the year."""
        winter, summer = self.clearness
        return np.asarray(winter + (summer - winter) * (1 - np.cos(2 * np.pi * (day - 10) / 365)) / 2)

    def in_month(self, month: int) -> Weather:
        """Weather of a month, 1 to 12."""
        share = (1 - cos(2 * pi * (month - 1) / 12)) / 2
        lowest, highest = (cold + (warm - cold) * share for cold, warm in zip(self.january, self.july, strict=True))
        day = self._day_length(month)
        height = max(0.0, cos((self.latitude - _declination(month)) * pi / 180))
        return Weather(f"{self.name} in {MONTHS[month - 1].capitalize()}", lowest, highest, 12.5 - day / 2, height)

    def _day_length(self, month: int) -> float:
        """Hours from sunrise to sunset, by the sunrise equation."""
        cosine = -np.tan(self.latitude * pi / 180) * np.tan(_declination(month) * pi / 180)
        return float(24 / pi * np.arccos(np.clip(cosine, -1.0, 1.0)))


def _declination(month: int) -> float:
    """Degrees of the sun north of the equator in the middle of a month."""
    return -23.44 * cos(2 * pi * (30.4 * (month - 0.5) + 10) / 365)


def month_of(season: str) -> int:
    """Give the number of a season's or a month's name; raises `CellFileError` for another."""
    name = season.lower()
    if name in SEASONS:
        return SEASONS[name]
    if name in MONTHS:
        return MONTHS.index(name) + 1
    known = (*SEASONS, *MONTHS)
    raise CellFileError(f"no season {season!r}{nearest(name, known)}; there are {', '.join(known)}.")


def available_places() -> tuple[str, ...]:
    """List the places that ship with the project, in alphabetical order."""
    return shipped.names("place")


def load_place(name_or_path: str | Path) -> Climate:
    """Read a place by the name of a shipped file, or from a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError` when there is no such place or its file is wrong.
    """
    return _read(shipped.find("place", name_or_path))


def weather(season: str) -> Weather:
    """Weather by `place-season` ("oslo-winter", "paris-july"), or by a season alone, which is that of Paris."""
    _, _, month = season.rpartition("-")
    return load_place(place_of(season)).in_month(month_of(month))


def place_of(season: str) -> str:
    """Name or path of the place of a `place-season`; Paris where it names none."""
    place, dash, _ = season.rpartition("-")
    return place if dash else "paris"


def _read(path: Path) -> Climate:
    fields = Fields.read(path, ("name", "sources", "latitude", "january", "july", "clearness"))
    pairs = [fields.rising(month).tolist() for month in ("january", "july")]
    (january, july) = ((low, high) for low, high in pairs)
    climate = Climate(fields.text("name"), january, july, fields.number("latitude"), fields.texts("sources"))
    if not fields.has("clearness"):
        return climate
    winter, summer = fields.curve("clearness", 2, Span(above=0.0, at_most=0.95)).tolist()
    return replace(climate, clearness=(winter, summer))
