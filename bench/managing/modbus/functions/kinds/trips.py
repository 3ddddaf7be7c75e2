"""Trips at a voltage or a frequency that is too low or too high (SunSpec 707 to 710): nothing flows any more.

A must-trip curve says how long a value may last. It trips where the value has been beyond a level of the curve for all
of that level's time; between two points both go straight. What is set at first are values of VDE-AR-N 4105:2018-11,
table 2, for boxes with an inverter. How soon that is seen is a matter of the bench's scans.
"""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from math import inf

from bench.managing.modbus.functions.function import Area, GridFunction, Settings

POINTS = 4
Point = tuple[float, float]
"""A value, turned around where a high one is the worse, and the s for which that may last."""


class Trip:
    """Trips at a value that is too low (`side` 1) or too high (-1); `unit` is what its curve calls it."""

    def __init__(self, unit: str, side: int) -> None:
        self._unit, self._side = unit, side
        self._lasting: list[Point] = []

    def trips(self, area: Area, settings: Settings) -> bool:
        """See `Tripping`."""
        value = self._side * (area.percent if self._unit == "V" else area.mains.hertz)
        points = _points(settings, 1, self._unit, self._side)
        self._note(value, area.time, may_last=_lasts(points, value))
        return any(area.time - since >= _lasts(points, best) for best, since in self._lasting)

    def _note(self, value: float, time: float, *, may_last: float) -> None:
        """Keep, of each stretch that lasts until now, the best value in it and when it began."""
        since = time
        while self._lasting and self._lasting[-1][0] <= value:
            since = self._lasting.pop()[1]
        if may_last == inf:
            self._lasting.clear()
        else:
            self._lasting.append((value, since))


def _points(settings: Settings, curve: int, unit: str, side: int) -> list[Point]:
    """Of a curve, the worst value first."""
    place = f"Crv.{curve}.MustTrip"
    numbers = range(1, int(settings[f"{place}.ActPt"]) + 1)
    found = [(side * settings[f"{place}.Pt.{n}.{unit}"], settings[f"{place}.Pt.{n}.Tms"]) for n in numbers]
    return found if side > 0 else found[::-1]


def _lasts(points: list[Point], value: float) -> float:
    """S for which a value may last."""
    if value < points[0][0]:
        return points[0][1]
    for before, after in pairwise(points):
        if value < after[0]:
            return before[1] + (after[1] - before[1]) * (value - before[0]) / (after[0] - before[0])
    return inf


def _fits(stored: Settings, unit: str, side: int) -> bool:
    """A curve of values that rise, each of which may last no shorter than a worse one."""
    if not 1 <= stored["Crv.2.MustTrip.ActPt"] <= POINTS:
        return False
    points = _points(stored, 2, unit, side)
    return all(before[0] <= after[0] and before[1] <= after[1] for before, after in pairwise(points))


def _trip(number: int, unit: str, side: int, mode: str, alarm: str, first: list[Point]) -> GridFunction:
    points = [*first, *[(0.0, 0.0)] * (POINTS - len(first))]
    settings: Mapping[str, float] = {
        "MustTrip.ActPt": len(first),
        **{f"MustTrip.Pt.{number}.{unit}": value for number, (value, _) in enumerate(points, 1)},
        **{f"MustTrip.Pt.{number}.Tms": seconds for number, (_, seconds) in enumerate(points, 1)},
    }
    factors = {"V_SF": -1} if unit == "V" else {"Hz_SF": -3}
    return GridFunction(
        number, "Crv", {"NCrvSet": 2, "NPt": POINTS}, {**factors, "Tms_SF": -2}, settings, mode=mode,
        fits=partial(_fits, unit=unit, side=side), trip=partial(Trip, unit, side), alarm=alarm,
    )  # fmt: skip


FUNCTIONS = (
    _trip(707, "V", 1, "LV_TRIP", "AC_UNDER_VOLT", [(45, 0.3), (45, 3), (80, 3)]),
    _trip(708, "V", -1, "HV_TRIP", "AC_OVER_VOLT", [(125, 0.1)]),
    _trip(709, "Hz", 1, "LF_TRIP", "UNDER_FREQUENCY", [(47.5, 0.1)]),
    _trip(710, "Hz", -1, "HF_TRIP", "OVER_FREQUENCY", [(51.5, 0.1)]),
)
