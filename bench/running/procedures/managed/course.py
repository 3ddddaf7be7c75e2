"""What a managed step has seen so far: it goes on behind a pause, and where a run is resumed, as if there were none."""

from dataclasses import dataclass, field
from math import inf

from bench.managing.meter import Meter
from models.grid.week import Days, Trip


@dataclass
class Course:
    """`time` is s of the step up to which all has happened, `gone` the trip that the car is on.

    `withheld` and `given` are Wh of the car since it came home: what its pack did not take, and what it gave back.
    `armed` is whether the car can come down to its reserve once more.
    """

    time: float = -inf
    gone: Trip | None = None
    withheld: float = 0.0
    given: float = 0.0
    armed: bool = True
    meter: Meter = field(default_factory=Meter)

    @classmethod
    def of(cls, days: Days, begins: float) -> "Course":
        """From where a step begins, or goes on in another process (`begins` is more than 0 then)."""
        return cls(begins, days.trip_at(begins)) if begins > 0 else cls()
