"""What a manager is asked: the contract's request, of what the bench knows and of nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.grid.charger import Charger
from models.grid.seasons import forecast
from models.grid.week import QUARTER, Days

HORIZON = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Telling:
    """The car as it tells of itself: plugged in or not, charge (0 to 1), degC, Wh, W that it takes and gives now."""

    plugged: bool
    soc: float | None
    cells: float | None
    energy: float
    charge: float
    discharge: float


class Asking:
    """Makes requests for some days; keeps what was foreseen last, for a forecast that grows stale."""

    def __init__(self, days: Days, charger: Charger, imports: float, exports: float, error: float = 1.0) -> None:
        self._days, self._charger, self._site, self._error = days, charger, (imports, exports), error
        self._foreseen: Mapping[str, Any] = {}

    def request(self, time: float, reason: str, car: Telling) -> dict[str, Any]:
        """Of a time, s from the beginning of the days."""
        days, charger = self._days, self._charger
        quarter, trip = days.quarter(time), days.next_trip(time)
        told = {name: getattr(car, name) for name in ("plugged", "soc", "cells", "energy", "charge", "discharge")}
        return {
            "contract": 1, "time": days.at(time).isoformat(), "reason": reason, "car": told,
            "charger": {
                "charge": charger.charge, "discharge": charger.discharge, "least": charger.least,
                "efficiency": charger.efficiency(charger.charge),
            },
            "site": {
                "house": float(days.house[quarter]), "sun": float(days.sun[quarter]),
                "import": self._site[0], "export": self._site[1],
            },
            "trip": None if trip is None else {
                "departure": days.at(trip.departure(time)).isoformat(), "distance": trip.distance, "road": trip.road,
            },
            "reserve": {"distance": days.reserve, "road": "country"},
            "season": days.season, "model": days.car, "forecast": self._forecast(time),
        }  # fmt: skip

    def _forecast(self, time: float) -> Mapping[str, Any]:
        if not self._foreseen or self._days.suffers("forecast", time) is None:
            seen = forecast(self._days, time, HORIZON, error=self._error)
            named = ("outside", "house", "sun", "buy", "sell")
            self._foreseen = {"step": int(QUARTER), **{name: getattr(seen, name).tolist() for name in named}}
        return self._foreseen
