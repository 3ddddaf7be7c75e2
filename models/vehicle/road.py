"""Roads of our own: legs with a speed limit and a grade, and a driver who keeps to them. No measured cycle ships.

What a driver does follows from the legs: he is as fast as the limit, accelerates and brakes within what is comfortable,
stops where the road says so, and never holds a speed to the last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sin, sqrt
from pathlib import Path

import numpy as np

from models import shipped
from models.fields import Fields, Span
from models.tables import Vector
from models.vehicle.trace import Trace

KMH = 1 / 3.6
PLACE = 5.0
"""m between two places where a speed is worked out."""


@dataclass(frozen=True, slots=True)
class Leg:
    """`length` m at `limit` m/s, rising by `grade` m per m; behind it the car stands for `stop` s, if any."""

    length: float
    limit: float
    grade: float = 0.0
    stop: float = 0.0


@dataclass(frozen=True, slots=True)
class Driver:
    """What a driver finds comfortable.

    He accelerates with `acceleration` (m/s2) from a standstill, and less in proportion as he nears `fastest` (m/s), for
    that is where his car has none left; he brakes with `deceleration`, and takes his foot off and on by `wander` of the
    speed, over `wavelength` m.
    """

    acceleration: float = 1.4
    deceleration: float = 1.1
    fastest: float = 180 * KMH
    wander: float = 0.03
    wavelength: float = 700.0


@dataclass(frozen=True, slots=True)
class Road:
    """Legs one behind the other; `altitude` (m) is that of the start."""

    name: str
    description: str
    legs: tuple[Leg, ...]
    altitude: float = 0.0
    sources: tuple[str, ...] = ()

    @property
    def length(self) -> float:
        """Of all its legs, m."""
        return sum(leg.length for leg in self.legs)


DRIVER = Driver()


def driven(road: Road, driver: Driver = DRIVER, period: float = 1.0) -> Trace:
    """The road as somebody drives it, every `period` s."""
    place, limit, grade, pause = _laid_out(road, driver)
    speed = _within(place, limit, driver)
    mean = (speed[1:] + speed[:-1]) / 2
    travelled = np.concatenate([[0.0], np.cumsum(np.diff(place) / np.maximum(mean, 1e-9))])
    paused = np.concatenate([[0.0], np.cumsum(pause)])
    # Each place twice: when it is reached and when it is left.
    time = np.stack([travelled + paused[:-1], travelled + paused[1:]], axis=1).ravel()
    end = period * np.ceil(time[-1] / period)
    grid = np.arange(0.0, end + period / 2, period)
    at = np.interp(grid, time, np.repeat(place, 2))
    return Trace(
        road.name, grid, np.interp(grid, time, np.repeat(speed, 2)), np.interp(at, place, grade), road.altitude
    )


def _laid_out(road: Road, driver: Driver) -> tuple[Vector, Vector, Vector, Vector]:
    """Place (m), speed limit (m/s), grade and pause (s) at each place; stops have a limit of 0."""
    places, limits, grades, pauses = [0.0], [0.0], [road.legs[0].grade], [0.0]
    begin = 0.0
    for leg in road.legs:
        count = max(1, round(leg.length / PLACE))
        for number in range(1, count + 1):
            place = begin + leg.length * number / count
            places.append(place)
            limits.append(leg.limit * (1 + driver.wander * sin(2 * pi * place / driver.wavelength)))
            grades.append(leg.grade)
            pauses.append(0.0)
        begin += leg.length
        if leg.stop:
            limits[-1], pauses[-1] = 0.0, leg.stop
    limits[-1] = 0.0
    return np.array(places), np.array(limits), np.array(grades), np.array(pauses)


def _within(place: Vector, limit: Vector, driver: Driver) -> Vector:
    """The fastest speeds (m/s) below the limits that begin, end and change as the driver likes it."""
    speeds, steps = limit.tolist(), np.diff(place).tolist()
    for number, step in enumerate(steps):
        speed = speeds[number]
        pull = driver.acceleration * max(0.05, 1.0 - speed / driver.fastest)
        speeds[number + 1] = min(speeds[number + 1], sqrt(speed * speed + 2 * pull * step))
    for number in range(len(steps) - 1, -1, -1):
        speed = speeds[number + 1]
        speeds[number] = min(speeds[number], sqrt(speed * speed + 2 * driver.deceleration * steps[number]))
    return np.array(speeds)


# --- files ------------------------------------------------------------------------------------------------------------

_KEYS = ("name", "description", "sources", "altitude", "legs")
_LEG_KEYS = ("length", "limit", "grade", "stop", "repeat")
OFTEN = Span(at_least=1.0, at_most=1000.0)
"""How many times a leg may be there."""


def available_roads() -> tuple[str, ...]:
    """List the roads that ship with the project, in alphabetical order."""
    return shipped.names("road")


def load_road(name_or_path: str | Path) -> Road:
    """Read a road by the name of a shipped file, or from a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError` when there is no such road or its file is wrong.
    """
    return _read(shipped.find("road", name_or_path))


def _read(path: Path) -> Road:
    fields = Fields.read(path, _KEYS)
    return Road(
        name=fields.text("name"),
        description=fields.text("description"),
        legs=tuple(leg for section in fields.sections("legs", _LEG_KEYS) for leg in _legs(section)),
        altitude=fields.number("altitude", Span(at_least=-500.0, at_most=5000.0)) if fields.has("altitude") else 0.0,
        sources=fields.texts("sources"),
    )


def _legs(section: Fields) -> Sequence[Leg]:
    """One entry of a file: a leg, as often as it says; limits are in km/h there, grades in %."""
    leg = Leg(
        length=section.number("length", Span(at_least=2 * PLACE)),
        limit=section.number("limit", Span(above=0.0, at_most=250.0)) * KMH,
        grade=section.number("grade", Span(at_least=-30.0, at_most=30.0)) / 100 if section.has("grade") else 0.0,
        stop=section.number("stop", Span(at_least=0.0)) if section.has("stop") else 0.0,
    )
    often = section.number("repeat", OFTEN) if section.has("repeat") else 1.0
    if not often.is_integer():
        raise section.wrong("repeat", often, f"a whole number{OFTEN}")
    return [leg] * int(often)
