"""A week once more, its troubles begun where they meet the manager at its weakest, as it has just lived it.

Drawn anywhere in a week, a trouble mostly comes while nothing flows, and shows nothing: an hour without a word matters
in the hour in which a car gives back with the least in hand, or has to be charged. What comes of it is a point of the
same space, and nobody is asked anything that a week without this could not have asked.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from bench.managing.moments import UNHEARD
from models.grid.week import QUARTER
from packbench.adversary.living import Lived, Stretch
from packbench.adversary.space import SPACE, Trouble, Week

FLOWS = 100.0
"""W from which on something flows."""


def sharpened(week: Week, lived: Lived) -> Week:
    """The same week, its troubles at their worst moments; the same one where there is none, or they are there."""
    return replace(week, troubles=tuple(_moved(each, lived, week.days) for each in week.troubles))


def _moved(trouble: Trouble, lived: Lived, days: int) -> Trouble:
    """A trouble at the first of its moments at which `SPACE` has any; where it was, without one."""
    first, last = SPACE["trouble begins / quarters"]
    moments = _where_it_is_charged(lived) if trouble.what in UNHEARD else _where_it_gives(lived, trouble.lasts)
    quarters = (int(moment // QUARTER) for moment in moments)
    begins = next((each for each in quarters if first <= each <= min(last, days * 96 - 4)), trouble.begins)
    return replace(trouble, begins=begins)


def _where_it_gives(lived: Lived, quarters: int) -> list[float]:
    """When the car has just given back, s, first where so much for so many quarters more would leave least in hand."""

    def left(each: Stretch) -> float:
        before, behind = each.above
        return behind - (before - behind) * quarters

    giving = [each for each in lived.stretches if each.power < -FLOWS]
    return [each.end for each in sorted(giving, key=lambda each: (left(each), each.end))]


def _where_it_is_charged(lived: Lived) -> list[float]:
    """When a charge begins, s, the last before a departure first: whoever is not heard then is late."""
    leaves = sorted(trip.leaves for trip, _ in lived.departures)
    found = [(_next(leaves, begins) - begins, begins) for begins in _begun(lived.stretches)]
    return [begins for _, begins in sorted(found)]


def _begun(stretches: Iterable[Stretch]) -> list[float]:
    """When charging begins after something else."""
    known = list(stretches)
    first = [each.begin for each in known[:1] if each.power > FLOWS]
    return first + [now.begin for before, now in pairwise(known) if now.power > FLOWS >= before.power]


def _next(times: list[float], now: float) -> float:
    return next((each for each in times if each > now), float("inf"))
