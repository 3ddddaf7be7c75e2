"""What the sun on a roof gives: a clear day by latitude and date, and the clouds before it.

The clear sky is Meinel's direct beam (1353 W/m2, 0.7 to the power of the air mass to the power of 0.678) with a tenth
of it from the rest of the sky; the roof looks south. Clouds let through a share of a day's energy that a place has in
January and in July (on a sinusoid over the year between them), which differs from day to day and from hour to hour.
"""

from datetime import datetime

import numpy as np

from models.grid.clock import quarters, winter_hour
from models.tables import Vector
from models.vehicle.season import Climate

BEAM = 1353.0
AROUND = 0.10
"""Of the direct beam, what the rest of a clear sky gives on the level."""
TILT = 30.0
"""Degrees of a roof."""
PERFORMANCE = 0.82
"""Of what the modules would give by their peak power: heat, cables, inverter; PVGIS takes 14 % of losses by itself."""
NOON = 12.5
"""Hour of the highest sun on a clock of winter, as in `models.vehicle.season`."""


def clear(latitude: float, day: Vector, hour: Vector, tilt: float = TILT) -> Vector:
    """W/m2 on a roof that looks south under a clear sky; `day` of the year, `hour` on a clock of winter."""
    declination = np.radians(-23.44 * np.cos(2 * np.pi * (day + 10) / 365))
    angle, north, slope = np.radians(15 * (hour - NOON)), np.radians(latitude), np.radians(tilt)
    height = _cosine(north, declination, angle)
    up = height > 0.0
    mass = 1.0 / np.maximum(height, 0.02)
    beam = np.where(up, BEAM * 0.7 ** (mass**0.678), 0.0)
    on_the_roof = np.maximum(_cosine(north - slope, declination, angle), 0.0)
    return np.asarray(beam * (on_the_roof + AROUND * np.maximum(height, 0.0) * (1 + np.cos(slope)) / 2))


def _cosine(north: float, declination: Vector, angle: Vector) -> Vector:
    """Of the angle between the sun and what is upright at that latitude."""
    return np.asarray(np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(angle))


def roof(start: datetime, count: int, place: Climate, peak: float, *, seed: int = 0) -> Vector:
    """W of a roof of `peak` kWp at a place in `count` quarters of an hour from `start` on, under clouds by the seed."""
    times = quarters(start, count)
    day = np.array([at.timetuple().tm_yday for at in times], dtype=np.float64)
    hour = np.array([winter_hour(at) for at in times]) + 0.125
    whole = clear(place.latitude, day, hour) / 1000.0
    return np.minimum(whole * clouds(day, place, seed=seed) * PERFORMANCE, 1.0) * peak * 1000.0


def clouds(day: Vector, place: Climate, *, seed: int = 0) -> Vector:
    """Share (0 to 1) of a clear sky that gets through, of mean `clearness` of that day of the year at the place.

    A day is fine or dull as a whole (a beta distribution), and clouds pass in it.
    """
    rng = np.random.default_rng((seed, 13))
    different, which = np.unique(day, return_inverse=True)
    mean = place.clear_share(different)
    whole = rng.beta(mean * STEADY, (1 - mean) * STEADY)[which]
    passing = _memory(rng.standard_normal(len(day)), 0.8)
    return np.clip(whole * (1 + 0.35 * (1 - whole) * passing), 0.0, 1.0)


STEADY = 2.5
"""How alike days are: the sum of the two parameters of the beta distribution; assumed."""


def _memory(noise: Vector, kept: float) -> Vector:
    """Noise of unit variance that remembers `kept` of what it was a quarter of an hour ago."""
    value, new = 0.0, (1 - kept * kept) ** 0.5
    out = np.empty_like(noise)
    for index, fresh in enumerate(noise.tolist()):
        value = kept * value + new * fresh
        out[index] = value
    return out
