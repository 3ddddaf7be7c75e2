"""Looking at a bench when a point of what a step follows is due, and no later, wherever its points lie."""

from collections.abc import Callable
from functools import cached_property
from math import inf
from typing import TypeVar

from bench.profile import Survey
from bench.running.procedures.base import Procedure
from bench.scenario import Step

ROUNDING = 1e-6
"""s by which a row may come before the point that it is meant for."""

S = TypeVar("S", bound=Step)


def _never() -> float:
    return inf


class Pointwise(Procedure[S]):
    """Scans each `longest` s, and when a point is due that this grid would come too late for.

    Where a steady `scan_period` comes to every point of what is followed (`_survey`), it is scanned at that.
    """

    _survey: Survey
    coming: Callable[[], float] = staticmethod(_never)
    """Says when the next point is due, s of the step: `begin` puts it here."""

    @cached_property
    def _steady(self) -> bool:
        return self._survey.met_by(self.scan_period)

    @property
    def scan_period(self) -> float:
        """See `Procedure`; as short as the shortest interval, so that no point is passed over."""
        return min(self.longest, self._survey.shortest)

    @property
    def longest(self) -> float:
        """S between two scans at most."""
        return self.place.station.scan_period

    @property
    def steady_pace(self) -> float | None:
        """See `Procedure`."""
        return self.scan_period if self._steady else None

    def pace(self, time: float) -> float:
        """See `Procedure`."""
        if self._steady:
            return self.scan_period
        return min(self.longest, max(self.coming() - time, ROUNDING))
