"""The course of one figure over nights: how much it varies by itself, where it stepped, how it drifts and where to.

What is called noise is what the nights themselves show: the scatter of the differences from one night to the next about
their median, which a steady drift does not widen, and a step only once (the distance that 68.27 % of them are within,
which is the standard deviation of a normal distribution, over √2 for a difference of two). A drift is the median of
the slopes between all pairs of nights (Theil and Sen; Sen 1968, J. Am. Stat. Assoc. 63, 1379), behind the last step.
One change between two nights is a jump as well as the beginning of a drift, however large it is: what is called a drift
goes on without its largest change.
Until there are nights enough to tell the noise, a change counts beyond the stated uncertainty, within which the same
meters repeat themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from math import inf, isfinite, nan, sqrt
from statistics import median, median_high, median_low

import numpy as np

NIGHTS = 30
"""How many nights of a course are looked at."""
ENOUGH = 6
"""Nights from which on their noise is known."""
SIGMAS, SHARE = 3.0, 0.1
"""How many standard deviations a change counts from, and which share of the stated uncertainty at least: meters that
read the same digits every night have no scatter, and change all the same."""
LEAST = 1e-4
"""Of the value: what nobody calls a change."""
STEP = 5.0
"""Standard deviations (of the difference of both means) from which a step is one."""
SIDE = 2
"""Nights at least on either side of a step."""
FAR = 365.0
"""Nights beyond which nobody is told of a limit."""
WITHIN = 68.27
"""Per cent of a normal distribution within one standard deviation."""


@dataclass(frozen=True)
class Course:
    """Values of a figure, oldest first, the present one last; `uncertainty` is half a width, in the same unit."""

    values: Sequence[float]
    uncertainty: float | None = None

    @cached_property
    def noise(self) -> float:
        """Standard deviation from night to night; nan where too few nights tell."""
        if len(self.values) < ENOUGH:
            return nan
        differences = [after - before for before, after in pairwise(self.values)]
        middle = median(differences)
        return float(np.percentile([abs(each - middle) for each in differences], WITHIN)) / sqrt(2)

    @property
    def band(self) -> float:
        """By how much two nights may differ without anything having changed."""
        stated = self.uncertainty or 0.0
        least = LEAST * abs(self.values[-1])
        return max(SIGMAS * sqrt(2) * self.noise, SHARE * stated, least) if isfinite(self.noise) else max(stated, least)

    @cached_property
    def step(self) -> int | None:
        """The night (an index of `values`) from which on the level is another one; None where there was no step.

        The place that explains most is taken; it is a step where the levels stand out of the noise, and a straight line
        explains less. A level is what most nights of a side have: what is counted is the same every night, and has
        no noise that a single odd one could hide in.
        """
        places = range(SIDE, len(self.values) - SIDE + 1)
        if not isfinite(self.noise) or not places:
            return None
        at = min(places, key=lambda place: _scatter(self.values[:place]) + _scatter(self.values[place:]))
        left, right = self.values[:at], self.values[at:]
        sigma = max(self.noise, SHARE * (self.uncertainty or 0.0) / SIGMAS, LEAST * abs(self.values[-1]) / SIGMAS)
        # Compared and not divided: what is 0 every night has no sigma.
        stands_out = _apart(left, right) > STEP * sigma * sqrt(1 / len(left) + 1 / len(right))
        explained = _scatter(left) + _scatter(right) < _about_a_line(self.values)
        return at if stands_out and explained else None

    @property
    def is_steady(self) -> bool:
        """Whether nights enough tell that it does nothing but vary by itself."""
        if not isfinite(self.noise) or self.step is not None or self.drift:
            return False
        return abs(self.values[-1] - median(self.values)) <= self.band

    @cached_property
    def drift(self) -> float:
        """Change for each night since the last step; 0 where it is within what varies anyway, or was a single change.

        Two nights that are all there is have nothing behind their difference: whether it goes on is not known either
        way, and it is taken for the rate that it is.
        """
        since = self.values[self.step or 0 :]
        slope = _slope(since)
        rest = since if len(self.values) == 2 else _without_largest_change(since, slope)
        goes_on = _slope(rest)
        if slope * goes_on <= 0 or abs(goes_on) * (len(rest) - 1) <= self.band:
            return 0.0
        # Of a few nights a jump among them is most of what the slopes between all pairs tell.
        return slope if len(since) >= ENOUGH else goes_on

    def nights_to(self, limit: float) -> float:
        """After how many nights like the last ones the limit is reached; infinite where it drifts elsewhere."""
        left = limit - self.values[-1]
        nights = left / self.drift if self.drift and left * self.drift > 0 else inf
        return nights if nights <= FAR else inf


def _slope(values: Sequence[float]) -> float:
    """The median of the slopes between all pairs, for each night; 0 of a single one."""
    pairs = combinations(enumerate(values), 2)
    slopes = [(later - sooner) / (j - i) for (i, sooner), (j, later) in pairs]
    return median(slopes) if slopes else 0.0


def _without_largest_change(values: Sequence[float], towards: float) -> Sequence[float]:
    """The nights on both sides of the largest change in the direction of `towards`, as if it had not been."""
    changes = [after - before for before, after in pairwise(values)]
    if not changes:
        return values
    at = max(range(len(changes)), key=lambda place: changes[place] * (1 if towards >= 0 else -1))
    return (*values[: at + 1], *(value - changes[at] for value in values[at + 2 :]))


def _apart(left: Sequence[float], right: Sequence[float]) -> float:
    """How far the medians of both sides are apart; of two middle values the one that is nearer to the other side."""
    return max(median_low(right) - median_high(left), median_low(left) - median_high(right))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _scatter(values: Sequence[float]) -> float:
    """Sum of squares about the mean."""
    middle = _mean(values)
    return sum((each - middle) ** 2 for each in values)


def _about_a_line(values: Sequence[float]) -> float:
    """Sum of squares about the straight line that is closest."""
    middle, centre = _mean(values), (len(values) - 1) / 2
    moment = sum((i - centre) * (value - middle) for i, value in enumerate(values))
    spread = sum((i - centre) ** 2 for i in range(len(values)))
    return _scatter(values) - moment**2 / spread
