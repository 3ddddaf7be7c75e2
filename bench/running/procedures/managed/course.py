"""What a managed step has seen so far: it goes on behind a pause, and where a run is resumed, as if there were none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite

from bench import columns
from bench.columns import INDEX
from bench.managing.meter import Meter
from bench.running.procedures.base import Stage
from bench.running.procedures.managed.car import Car
from bench.running.sampling import Row
from models.grid.week import Trip

LOOK = 10.0
"""s between two looks at how far the car would get."""
AGAIN = 1.0
"""Km above the reserve from which on a car can come down to it once more."""
_VOLTAGE, _CURRENT, _POWER = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT], INDEX[columns.POWER]


@dataclass
class Course:
    """`time` is s of the step up to which all has happened, `gone` the trip that the car is on.

    `withheld` and `given` are Wh of the car since it came home, up to `counted` (s): what its pack did not take, and
    what it gave back. `armed` is whether the car can come down to its reserve once more.
    """

    time: float = -inf
    gone: Trip | None = None
    withheld: float = 0.0
    given: float = 0.0
    counted: float = 0.0
    armed: bool = True
    meter: Meter = field(default_factory=Meter)

    @classmethod
    def of(cls, car: Car, stage: Stage) -> "Course":
        """From where a step begins, or goes on in another process: then all is counted that was recorded there."""
        found = cls()
        for time, row in stage.had():
            found._again(car, row, time, stage.place.index)
        if stage.begins > 0:
            found.time, found.gone = stage.begins, car.days.trip_at(stage.begins)
        return found

    def _again(self, car: Car, row: Row, time: float, index: Mapping[str, int]) -> None:
        """What a row of another process has counted there."""
        trip, power = car.days.trip_at(time), asked(row, index)
        if time - self.counted >= LOOK or (trip is None) != (self.gone is None):
            self.count(car, row, time, car.charger.ac_to_dc(power))
            self.nears(row[index[columns.RANGE]], car.days.reserve, gives=power < 0)
        if trip is not None and trip is not self.gone:
            self.leaves()
        if any(self.time < (each.known or 0.0) <= time for each in car.days.trips):
            self.learns()
        self.meter.count(at_box(car, row, index) / car.scale if trip is None else 0.0, time)
        self.time, self.gone = time, trip

    def count(self, car: Car, row: Row, time: float, asked: float) -> None:
        """Count until now what the pack did not take of `asked` (W, DC), and what it gave back, while it is at home."""
        hours, self.counted = max(time - self.counted, 0.0) / 3600 / car.scale, time
        if self.gone is not None or car.days.trip_at(time) is not None:
            return
        self.withheld += car.withheld(row, asked) * hours
        if isfinite(row[_POWER]):
            self.given += max(-row[_POWER], 0.0) * hours

    def nears(self, reach: float, reserve: float, *, gives: bool) -> bool:
        """Whether the car has now come down to its `reserve` by what it gives; both km."""
        self.armed = self.armed or reach > reserve + AGAIN
        if not (self.armed and gives and reach < reserve):
            return False
        self.armed = False
        return True

    def leaves(self) -> None:
        """The car is away: what it needs next time begins anew."""
        self.withheld = self.given = 0.0

    def learns(self) -> None:
        """A trip is another than it was: what was given before, nobody could know that it would lack."""
        self.given = 0.0


def asked(row: Row, index: Mapping[str, int]) -> float:
    """W at the AC side that the bench's charger was asked for, as a row has it; 0 where nothing was."""
    found = row[index[columns.SET_GRID_POWER]] if columns.SET_GRID_POWER in index else 0.0
    return found if isfinite(found) else 0.0


def at_box(car: Car, row: Row, index: Mapping[str, int]) -> float:
    """W at the bench's charger: a box measures them; for source and sink they follow from the terminals."""
    box = index.get(columns.GRID_POWER)
    return car.charger.dc_to_ac(row[_VOLTAGE] * row[_CURRENT]) if box is None else row[box]
