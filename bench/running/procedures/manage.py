"""An energy manager in charge: asked each quarter of an hour and when something happens, obeyed within every limit.

The car is away on its trips: half of the way when it leaves, half before it returns, at the road's mean power.
"""

from collections.abc import Callable, Iterable
from functools import partial
from math import floor, inf

from bench.grid.steps import Manage
from bench.managing.process import BEGINS
from bench.running.declared import Place
from bench.running.grid_side import NO_CHARGER, at_terminals, charger_of, envelope
from bench.running.procedures.base import Control, Envelope, Extremes, Stage
from bench.running.procedures.grid import OnTheGrid
from bench.running.procedures.managed.car import Car
from bench.running.procedures.managed.course import Course
from bench.running.procedures.managed.line import Line
from bench.running.procedures.managed.stretch import Stretch
from bench.running.procedures.pointwise import ROUNDING
from bench.running.sampling import Row
from models.grid.week import Trip

PATIENCE = 10.0
"""s of real time for a line to a manager that has begun."""


class ManageProcedure(OnTheGrid[Manage]):
    """Has a car managed."""

    kind = Manage
    preparation = BEGINS + PATIENCE

    def __init__(self, step: Manage, place: Place) -> None:
        super().__init__(step, place)
        if not (0 < step.imports < inf and 0 <= step.exports < inf):
            raise ValueError("a connection carries more than 0 W in and 0 W or more out: give imports and exports.")
        if step.foreseen is not None and not 0 <= step.foreseen < inf:
            raise ValueError(f"a forecast of {step.foreseen:g} times what will be is none: give 0 or more, or None.")
        if step.charger is not None and not step.charger > 0:
            raise ValueError(f"a home's charger of {step.charger:g} W does nothing: give more than 0.")
        self._whole = self.charger
        self._car = Car(step, place.pack, self._whole)
        self._charger = self._car.charger
        self.charge, self.discharge = self.charger.charge, self.charger.discharge
        self._line = Line(step.manager, beside=self.on_the_wall)
        self._course: Course | None = None
        self._stretch: Stretch | None = None
        self._shown: Callable[[], None] | None = None

    @property
    def on_the_wall(self) -> bool:
        """Whether time is real: nothing may wait then."""
        return self.place.station.clock == "wall"

    def envelope(self) -> Envelope:
        """See `Procedure`; with the way's power and the chamber's temperatures. What gives nothing still drives."""
        whole = self._whole
        found = dict(envelope(whole, self.place, whole.charge, whole.discharge))
        if "charger" not in self.place.roles:
            driving = self._car.most_driving * self._car.scale
            found |= at_terminals("sink", max(-whole.ac_to_dc(-whole.discharge), driving), self.place.pack)
        if "chamber" in self.place.roles:
            airs = self._car.airs
            found["chamber", "temperature"] = Extremes(min(airs), max(airs))
        return found

    def problems(self) -> Iterable[str]:
        """See `Procedure`: trips that nobody can be on at once."""
        if charger_of(self.place) is None:
            yield NO_CHARGER.format(station=self.place.station.name)
        if self.step.days.trips and ("sink" not in self.place.roles or "charger" in self.place.roles):
            yield (
                "its days have trips, and a drive needs a sink in place of a box at the AC side: give days without "
                "any, or another station."
            )
        last: float | None = None
        for trip in self.step.days.trips:
            if problem := _amiss(trip, last):
                yield f"the trip that leaves at {trip.leaves:g} s {problem}."
            last = trip.returns

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        car = self._car
        return {
            **super().set_points(), "scale": car.scale, "reserve": self.step.days.reserve, "car energy": car.pack.energy
        }  # fmt: skip

    def words(self) -> dict[str, str]:
        """See `Procedure`."""
        return {"manager": self.step.manager, "season": self.step.days.season, "car": self.step.days.car}

    def prepare(self, stage: Stage) -> None:
        """See `Procedure`: a manager that is started takes seconds, in which no contactor waits closed.

        Whoever follows is shown the car as soon as that tells its charge, which may be before the step begins.
        """
        if not self._line.link(stage).live:
            return
        ahead, sampler = self._made(stage), stage.sampler
        sampler.observers.append(ahead.show)
        self._shown = partial(sampler.observers.remove, ahead.show)
        if sampler.last is not None:
            ahead.show(sampler.last)

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`; the process of a manager lives until the step ends."""
        self._show_no_more()
        if self.on_the_wall:
            self._car.work_out_beside()
        self._stretch = self._made(stage)
        return self._stretch.control

    def _made(self, stage: Stage) -> Stretch:
        if self._course is None:
            self._course = Course.of(self._car, stage)
        return Stretch(self._car, self._line, stage, self._course, beside=self.on_the_wall)

    def held(self, row: Row) -> None:
        """See `Procedure`: whoever follows is shown that it is paused."""
        if self._stretch is not None:
            self._stretch.held(row)

    def pace(self, time: float) -> float:
        """See `Procedure`: a car that rests is looked at as in a rest, and in time for whatever happens next."""
        usual, slow = self.scan_period, self.place.station.rest_scan_period
        if self._stretch is None or not self._stretch.rests(time):
            return usual
        left = min([self._stretch.next_moment, self.step.days.duration, *self._car.edges_behind(time)]) - time
        return max(min(slow, usual * floor(left / usual + ROUNDING)), usual)

    def ended(self, stage: Stage) -> None:
        """See `Procedure`."""
        self._end()

    def abandoned(self, stage: Stage) -> None:
        """See `Procedure`."""
        self._end()

    def _end(self) -> None:
        self._show_no_more()
        self._line.end()

    def _show_no_more(self) -> None:
        """What is shown from now on is what the step sees, or nothing."""
        shown, self._shown = self._shown, None
        if shown is not None:
            shown()


def _amiss(trip: Trip, before: float | None) -> str:
    """Why nobody can be on that trip; `before` is when the one before it is back, s, None where there is none."""
    if not trip.leaves >= 0:
        return "does so before its days begin, which is 0 s: nobody is on it; give 0 or more"
    if before is not None and not trip.leaves >= before:
        return f"does so before the one before it is back, at {before:g} s; let it leave later"
    if not trip.returns > trip.leaves:
        return f"is back at {trip.returns:g} s, which is not after that; let it return later"
    return ""
