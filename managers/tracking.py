"""How full the car is, as far as it can be believed: what it says, against what a manager has put into it itself.

What it says is believed as far down as it likes, and up only as far as it can be: a car that tells more than it has is
left standing in the morning, one that tells less is only charged early.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from managers.contract import Request, Trip
from managers.vehicle import Range

TRUST = 0.02
"""State of charge by which the car may tell more than was reckoned: rounding, losses, another trip than was told."""
FULL = 200.0
"""W: a car that takes no more than this is full, whatever was reckoned."""
PROBATION = timedelta(hours=12.5)
"""For how long nothing that a car tells is sure to who was begun in the middle of things: he has no reckoning of his
own to hold against it, and a car that tells too much does so for half a day at most, or until it is full.
"""


@dataclass(frozen=True, slots=True)
class Belief:
    """State of charge as it is believed, and whether the car itself has said it (`sure`)."""

    soc: float
    sure: bool


class Tracker:
    """Follows one car from request to request."""

    def __init__(self) -> None:
        self._last: Request | None = None
        self._trip: Trip | None = None
        self._power, self._soc = 0.0, 0.0
        self._proven: datetime | None = None

    def asked(self, power: float) -> None:
        """Remember the power (W, AC) that holds from now on."""
        self._power = power

    def follow(self, request: Request) -> Belief:
        """What to believe now; a state of charge that nobody has ever told is 0, and not sure."""
        low, high = self._reckoned(request)
        told = request.soc
        if told is not None and request.plugged and request.car_charge < FULL:
            high, self._proven = 1.0, request.time
        belief = Belief(low, sure=False) if told is None or not request.plugged else _believed(told, high)
        sure = belief.sure and self._is_proven(request)
        self._remember(request, belief.soc)
        return replace(belief, sure=sure)

    def _is_proven(self, request: Request) -> bool:
        """Whether it has been followed for long enough, or from where the days begin."""
        if self._proven is None:
            self._proven = request.time if request.reason == "start" else request.time + PROBATION
        return request.time >= self._proven

    def _remember(self, request: Request, soc: float) -> None:
        """On the way nothing is reckoned: what it left with, and how far it meant to go, stay until it is back."""
        if request.plugged or self._last is None:
            self._trip = request.trip
        self._soc = soc
        self._last, self._power = request, 0.0

    def _reckoned(self, request: Request) -> tuple[float, float]:
        """Least and most that can be in the car."""
        last = self._last
        if last is None:
            return 0.0, 1.0
        if not request.plugged:
            return self._stood(last, request) if last.plugged else (self._soc, self._soc)
        away = not last.plugged or request.reason == "arrival"
        return self._back(request) if away else self._stood(last, request)

    def _stood(self, last: Request, request: Request) -> tuple[float, float]:
        """What was asked went in, unless house or car have cut it; through a lost link nothing went either way."""
        if request.reason == "link":
            return self._soc, self._soc
        hours = -request.hours_to(last.time)

        def behind(power: float, takes: float) -> float:
            through = power * last.efficiency if power > 0 else power / last.efficiency
            return min(max(self._soc + min(through, takes) * hours / last.energy, 0.0), 1.0)

        least = behind(min(self._power, _room(last), _room(request)), min(last.car_charge, request.car_charge))
        return least, behind(self._power, last.car_charge)

    def _back(self, request: Request) -> tuple[float, float]:
        """It went as far as it was told, or less far, but not nearer home than that by much."""
        trip = self._trip
        if trip is None:
            return 0.0, self._soc
        left = Range(request).spent(self._soc, trip.distance, trip.road)
        return left, left


def _room(request: Request) -> float:
    """W at the AC side that the connection leaves for a car, without the sun; 0 or more."""
    house = max(request.forecast["house"]) if request.house is None else request.house
    return max(request.imports - house, 0.0)


def _believed(told: float, high: float) -> Belief:
    return Belief(told, sure=True) if told <= high + TRUST else Belief(high, sure=False)
