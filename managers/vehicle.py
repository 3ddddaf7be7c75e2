"""What a car needs for a distance, as a manager reckons it: by the vehicle model, never by per cent.

A manager is told a model and an energy, not the cells: nickel-rich ones are assumed.
"""

from functools import lru_cache
from math import exp

from managers.contract import Request
from models.vehicle.reach import Going, Pack, going, needed_soc, usable

CELL = "nmc811-21700"
COOLING = 10 * 3600.0
"""s in which cells come near to the air: 325 kJ/K of cells and housing against 20 W/K, and the garage's own."""


@lru_cache(maxsize=8)
def pack_of(energy: float) -> Pack:
    """A car's pack of so many Wh."""
    return Pack.of(CELL, 1, 1, energy=energy)


class Range:
    """States of charge that distances need, from what a request tells."""

    def __init__(self, request: Request) -> None:
        self._request, self._pack = request, pack_of(request.energy)
        self._outside = request.ahead("outside")

    def reserve(self) -> float:
        """Needed now; above 1 where the pack has not so much."""
        request = self._request
        return needed_soc(self._pack, request.reserve, self._cells(0.0), self._way(request.reserve_road, 0.0))

    def need(self) -> float:
        """Needed at the departure for trip and reserve; 0 without a trip."""
        request = self._request
        if request.trip is None:
            return 0.0
        hours = max(request.hours_to(request.trip.departure), 0.0)
        there, back = self._way(request.trip.road, hours), self._way(request.reserve_road, hours)
        distance = request.trip.distance + request.reserve * back.energy / there.energy
        return needed_soc(self._pack, distance, self._cells(hours), there)

    def kilometres(self, missing: float) -> float:
        """How far a share of the charge goes on the road of the trip (km)."""
        trip = self._request.trip
        way = self._way(trip.road if trip else self._request.reserve_road, 0.0)
        return missing * self._request.energy / way.energy

    def spent(self, soc: float, distance: float, road: str) -> float:
        """State of charge that is left after a distance (km) on a road."""
        way, cells = self._way(road, 0.0), self._cells(0.0)
        left = usable(self._pack, soc, cells, way.power) - distance * way.energy
        return needed_soc(self._pack, left / way.energy, cells, way)

    def _way(self, road: str, hours: float) -> Going:
        return going(self._request.model, road, self._air(hours))

    def _air(self, hours: float) -> float:
        return self._outside[min(int(hours * 3600 / self._request.step), len(self._outside) - 1)]

    def _cells(self, hours: float) -> float:
        """Temperature of the cells then: as cold as the air would make them, for nobody tells of a garage."""
        now = self._request.cells if self._request.cells is not None else self._air(0.0)
        return now + min(self._air(hours) - now, 0.0) * (1.0 - exp(-hours * 3600 / COOLING))
