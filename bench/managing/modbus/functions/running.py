"""Grid functions as they run in one box.

They act on the grid as the bench's meter tells it: without one none can be switched on, and with one that tells nothing
any more nothing flows while any is on. What moves a power by itself (droop, volt-watt) is switched off with the set
point: when the car leaves, the link is lost or the manager is silent.
"""

from math import isfinite
from typing import TypeGuard

from bench.managing.links import Mains, Seen
from bench.managing.modbus.functions.function import (
    ACTIVE,
    NOMINAL,
    STORED,
    Area,
    Settings,
    Shaping,
    Tripping,
)
from bench.managing.modbus.functions.registry import COMPLETED, FAILED, SunPoint, known


class Functions:
    """The functions of one box, whose points are in `sun` with everybody's."""

    def __init__(self, sun: dict[SunPoint, float]) -> None:
        self._sun = sun
        self._shaping: dict[int, Shaping] = {}
        self._tripping: dict[int, Tripping] = {}
        self._seen: Seen | None = None
        self.tripped: set[str] = set()
        self._healthy: float | None = None

    def rest(self) -> None:
        """Switch off what would move a power by itself."""
        for each in known().values():
            if each.shape is not None:
                self._sun[each.number, "Ena"] = 0

    def settings(self, number: int) -> Settings:
        """What the points of a model hold."""
        return {name: value for (model, name), value in self._sun.items() if model == number}

    def adopt(self, number: int) -> None:
        """Have what is stored act, if it can."""
        function, sun = known()[number], self._sun
        fits = function.fits(self.settings(number))
        sun[number, function.result] = COMPLETED if fits else FAILED
        if fits:
            for active, stored in zip(function.names(ACTIVE), function.names(STORED), strict=True):
                sun[number, active] = sun[number, stored]

    # --- what they do ----------------------------------------------------------------------------------------------

    def look(self, seen: Seen) -> None:
        """See the grid: what has to trip does so, and what has tripped comes back behind a grid that is healthy."""
        self._seen = seen
        self._begin_and_end()
        if measured(seen.mains):
            area = Area(seen.mains, 0.0, seen.time)
            for number, trip in self._tripping.items():
                if trip.trips(area, self.settings(number)):
                    self.tripped.add(known()[number].alarm)
        self._come_back(seen)

    def made(self, power: float, largest: float, *, operates: bool) -> float | None:
        """W of a source that the box makes of what is asked for; None where none of them is on."""
        seen = self._seen
        self._begin_and_end()
        if seen is None or not (self._shaping or self._tripping or self.tripped):
            return None
        if self.tripped or not operates or not seen.car.plugged or not measured(seen.mains):
            return 0.0
        area = Area(seen.mains, largest, seen.time)
        for number in sorted(self._shaping, key=lambda each: known()[each].rank):
            power = self._shaping[number].shaped(power, area, self.settings(number))
        return min(max(power, -seen.charger.charge), seen.charger.discharge)

    def _begin_and_end(self) -> None:
        """Those that were switched on begin anew, those that were switched off are forgotten."""
        for number, function in known().items():
            if not self._sun[number, "Ena"]:
                self._shaping.pop(number, None)
                self._tripping.pop(number, None)
            elif function.shape is not None:
                self._shaping.setdefault(number, function.shape())
            elif function.trip is not None:
                self._tripping.setdefault(number, function.trip())

    # --- coming back -----------------------------------------------------------------------------------------------

    @property
    def remaining(self) -> float:
        """S until a box that has tripped comes back, if the grid stays as it is; 0 for one that has not."""
        if not self.tripped or self._seen is None:
            return 0.0
        delay = self._sun[703, "ESDlyTms"]
        return delay if self._healthy is None else max(delay - (self._seen.time - self._healthy), 0.0)

    def _come_back(self, seen: Seen) -> None:
        if not self.tripped:
            return
        if not self._welcome(seen.mains):
            self._healthy = None
            return
        self._healthy = seen.time if self._healthy is None else self._healthy
        if self.remaining <= 0:
            self.tripped.clear()

    def _welcome(self, mains: Mains | None) -> bool:
        """Whether the grid is as it has to be for whoever comes back."""
        sun = self._sun
        if not measured(mains):
            return False
        volts = sun[703, "ESVLo"] <= 100 * mains.volts / NOMINAL <= sun[703, "ESVHi"]
        return volts and sun[703, "ESHzLo"] <= mains.hertz <= sun[703, "ESHzHi"]


def measured(mains: Mains | None) -> TypeGuard[Mains]:
    """Whether somebody knows what the grid is like."""
    return mains is not None and isfinite(mains.volts) and isfinite(mains.hertz)
