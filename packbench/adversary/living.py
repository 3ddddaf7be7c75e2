"""Lives some days with a manager, and records what it said and what came of it. It judges nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, runtime_checkable

from bench.managing.answer import Answer, Manager, NoAnswer, understood
from bench.managing.moments import REASONS, happenings
from bench.managing.request import Asking, Telling, displayed
from models.grid.week import Days, Trip
from packbench.adversary.home import CarState, Plant

AGAIN = 1.0
"""Km above the reserve from which on a car can come down to it once more."""


@runtime_checkable
class BeginsAnew(Protocol):
    """A manager that can be ended and begun once more, and has forgotten what it did not keep."""

    def begin_anew(self) -> None:
        """End it, and begin it; raises `InputError` where it does not come back."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided at `time`, with the car as it was; `told` is the departure that the manager was told, s."""

    time: float
    reason: str
    car: CarState
    power: float
    warned: frozenset[float]
    told: float | None
    trip: Trip | None
    problem: str = ""
    say: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `begin` to `end` (s) the car stood at `power` (W, as done); `above` the reserve (km) at both ends."""

    begin: float
    end: float
    power: float
    above: tuple[float, float]
    soc: float


@dataclass(slots=True)
class Lived:
    """A record: decisions, stretches in between, and the car at each departure."""

    plant: Plant
    decisions: list[Decision] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    departures: list[tuple[Trip, CarState]] = field(default_factory=list)


def live(plant: Plant, manager: Manager) -> Lived:
    """Live the plant's days with a manager."""
    return _Living(plant, manager).all()


class _Living:
    def __init__(self, plant: Plant, manager: Manager) -> None:
        self._plant, self._manager, home = plant, manager, plant.home
        self._days, self._lived = plant.days, Lived(plant)
        self._asking = Asking(
            plant.days, home.charger, home.imports, home.exports, plant.foreseen, road=home.reserve_road
        )
        self._car = CarState(plant.days.soc, plant.around(0.0))
        self._power, self._armed = 0.0, True

    def all(self) -> Lived:
        moments = _moments(self._days)
        for (time, reasons), (end, _) in pairwise(moments):
            self._happen(time, reasons)
            self._stand(time, end)
        return self._lived

    def _happen(self, time: float, reasons: frozenset[str]) -> None:
        for trip in self._days.trips:
            if trip.leaves == time:
                self._lived.departures.append((trip, self._car))
                self._power = 0.0
            if trip.returns == time:
                self._car = self._plant.back(self._lived.departures[-1][1], trip)
        if isinstance(self._manager, BeginsAnew) and self._is_back(time):
            self._manager.begin_anew()
        if self._days.unheard(time) is not None:
            self._power = 0.0
        else:
            self._ask(time, next(reason for reason in REASONS if reason in reasons))

    def _is_back(self, time: float) -> bool:
        """Whether a manager that was down is there again at this moment, and is another one."""
        return any(each.what == "restart" and each.ends == time for each in self._days.outages)

    def _stand(self, time: float, end: float) -> None:
        """Hold the power from one moment to the next, or to where the car comes down to its reserve."""
        if self._days.trip_at(time) is not None:
            return
        while time < end:
            time = self._hold(time, end)

    def _hold(self, time: float, end: float) -> float:
        plant, car = self._plant, self._car
        power = plant.allowed(time, self._power, car)
        after, before = plant.after(car, time, power, end - time), plant.above_reserve(car, time)
        above = plant.above_reserve(after, time)
        self._armed = self._armed or before > AGAIN
        crossed = self._armed and power < 0 and above < 0
        if crossed:
            end = max(time + (end - time) * max(before, 0.0) / max(before - above, 1e-9), min(time + 1.0, end))
            after = plant.after(car, time, power, end - time)
            above = plant.above_reserve(after, time)
        self._lived.stretches.append(Stretch(time, end, power, (before, above), after.soc))
        self._car = after
        if crossed:
            self._armed = False
            self._ask(end, "reserve")
        return end

    def _tells(self, time: float, *, plugged: bool) -> Telling:
        car, (takes, gives) = self._car, self._plant.limits(self._car)
        soc = displayed(self._days, time, car.soc)
        return Telling(plugged, soc, car.cells, self._plant.home.energy, takes, gives)

    def _ask(self, time: float, reason: str) -> None:
        plugged = self._days.trip_at(time) is None
        request = self._asking.request(time, reason, self._tells(time, plugged=plugged))
        problem, answer = "", Answer(0.0)
        try:
            # A manager in this process gets a copy, as one that is asked over a wire.
            answer = understood(self._manager.decide(json.loads(json.dumps(request))))
        except NoAnswer as error:
            problem = str(error)
        self._power = answer.power if plugged else 0.0
        trip = self._days.next_trip(time)
        told = None if trip is None else trip.departure(time)
        self._lived.decisions.append(
            Decision(time, reason, self._car, self._power, answer.warned, told, trip, problem, answer.say)
        )


def _moments(days: Days) -> list[tuple[float, frozenset[str]]]:
    """When something happens, and why a manager is asked then, in their order."""
    found: dict[float, set[str]] = {}
    for time, reason in _happenings(days):
        if 0 <= time <= days.duration:
            found.setdefault(time, set()).add(reason)
    return [(time, frozenset(found[time] | {"tick"})) for time in sorted(found)]


def _happenings(days: Days) -> Iterator[tuple[float, str]]:
    """And each departure, and the end of it all."""
    yield from happenings(days)
    yield days.duration, "tick"
    yield from ((trip.leaves, "tick") for trip in days.trips)
