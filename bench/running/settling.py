"""Tells when air and cells have settled at a temperature.

IEC 62660-1 asks for 12 h of soak or a drift of less than 1 K/h, ISO 12405-4 for thermal equilibration; both are met
by a band around the set point and a drift measured over ten minutes.
"""

from collections import deque

from bench import columns
from bench.columns import INDEX
from bench.durations import spell
from bench.running.sampling import Row
from bench.station import ChamberLimits

DRIFT_WINDOW = 600.0
"""s over which a drift of 1 K/h is told from the resolution of a sensor (0.17 K)."""

_TIME, _AIR = INDEX[columns.TEST_TIME], INDEX[columns.AMBIENT]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


class TemperatureSettling:
    """Watches rows until they have been within the station's limits for long enough."""

    def __init__(self, target: float, limits: ChamberLimits, period: float) -> None:
        self.target, self.limits = target, limits
        # At least one interval: a drift needs two rows.
        self._least_span = max(DRIFT_WINDOW - period, period)
        self._history: deque[Row] = deque()

    def settled(self, row: Row) -> bool:
        """Take the next row; True once everything has settled."""
        history = self._history
        history.append(row)
        while row[_TIME] - history[0][_TIME] > DRIFT_WINDOW:
            history.popleft()
        first, target = history[0], self.target
        span = row[_TIME] - first[_TIME]
        if span < self._least_span or not abs(row[_AIR] - target) <= self.limits.band:
            return False
        # Each for itself: of two numbers one of which is none (nan) the larger may be the other.
        return all(
            abs(row[cells] - target) <= self.limits.cell_band
            and abs(row[cells] - first[cells]) * 3600 / span < self.limits.drift
            for cells in (_COLDEST, _HOTTEST)
        )

    def failure(self, row: Row, waited: float, alarm: str) -> str:
        """One sentence about what did not settle within so many s, and what settled would have been."""
        hint = f"it reports {alarm!r}" if alarm else "check that it conditions, its door and its set-point limits"
        return (
            f"The chamber did not settle at {self.target:g} °C within {spell(waited)}: air is at {row[_AIR]:.1f} °C, "
            f"cells between {row[_COLDEST]:.1f} and {row[_HOTTEST]:.1f} °C, and settled is {self}; {hint}."
        )

    def __str__(self) -> str:
        limits = self.limits
        return (
            f"air within {limits.band:g} K, cells within {limits.cell_band:g} K "
            f"and drifting less than {limits.drift:g} K/h"
        )
