"""A trace: what a car does over time, second by second, however it came about."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.tables import Vector

STANDING = 0.1 / 3.6
"""m/s below which a car stands."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Speed (m/s) and grade (m of height per m of road) at the times (s), which rise from 0.

    `altitude` (m) is that of the start.
    """

    name: str
    time: Vector
    speed: Vector
    grade: Vector
    altitude: float = 0.0

    @property
    def duration(self) -> float:
        """How long it takes, s."""
        return float(self.time[-1])

    @cached_property
    def position(self) -> Vector:
        """Way from the start, at each time, m."""
        steps = np.diff(self.time) * (self.speed[1:] + self.speed[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def distance(self) -> float:
        """Length of the way, m."""
        return float(self.position[-1])

    @cached_property
    def acceleration(self) -> Vector:
        """Acceleration (m/s2) from each time to the next; 0 behind the last."""
        return np.append(np.diff(self.speed) / np.diff(self.time), 0.0)

    @cached_property
    def climb(self) -> Vector:
        """Height above the start, at each time, m."""
        steps = np.diff(self.position) * (self.grade[1:] + self.grade[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def standing(self) -> float:
        """Time at a standstill, s."""
        return float(np.diff(self.time)[self.speed[:-1] < STANDING].sum())

    def part(self, begin: float, end: float) -> "Trace":
        """Cut out what lies between two times, s, both included."""
        inside = (self.time >= begin) & (self.time <= end)
        return Trace(self.name, self.time[inside] - begin, self.speed[inside], self.grade[inside], self.altitude)
