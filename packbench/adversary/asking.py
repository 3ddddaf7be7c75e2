"""What a manager is told: the contract's request, from the plant's state and what is wrong with the world."""

from typing import Any

from models.grid.week import QUARTER, Days
from packbench.adversary.home import CarState, Plant

MOST = 96


class Teller:
    """Makes requests; keeps what was foreseen last, for a forecast that grows stale."""

    def __init__(self, plant: Plant) -> None:
        self._plant, self._foreseen = plant, {}  # type: Plant, dict[str, Any]

    def request(self, time: float, reason: str, car: CarState, *, plugged: bool) -> dict[str, Any]:
        """The request at a time, s from the beginning."""
        days, home = self._plant.days, self._plant.home
        quarter, charger = days.quarter(time), home.charger
        takes, gives = self._plant.limits(car)
        return {
            "contract": 1, "time": days.at(time).isoformat(), "reason": reason,
            "car": {"plugged": plugged, "soc": _told(days, time, car.soc), "cells": car.cells, "energy": home.energy,
                    "charge": takes, "discharge": gives},
            "charger": {"charge": charger.charge, "discharge": charger.discharge, "least": charger.least,
                        "efficiency": charger.efficiency(charger.charge)},
            "site": {"house": float(days.house[quarter]), "sun": float(days.sun[quarter]), "import": home.imports,
                     "export": home.exports},
            "trip": _trip(days, time),
            "reserve": {"distance": days.reserve, "road": home.reserve_road},
            "season": days.season, "model": days.car, "forecast": self._forecast(time),
        }  # fmt: skip

    def _forecast(self, time: float) -> dict[str, Any]:
        days, error = self._plant.days, self._plant.home.house_error
        if days.suffers("forecast", time) is None or not self._foreseen:
            ahead = slice(days.quarter(time), days.quarter(time) + MOST)
            self._foreseen = {
                "step": int(QUARTER), "outside": days.outside[ahead].tolist(),
                "house": (days.house[ahead] * error).tolist(), "sun": (days.sun[ahead] * error).tolist(),
                "buy": days.buy[ahead].tolist(), "sell": days.sell[ahead].tolist(),
            }  # fmt: skip
        return self._foreseen


def _told(days: Days, time: float, soc: float) -> float | None:
    if days.suffers("soc", time) is not None:
        return None
    jump = days.suffers("jump", time)
    return min(soc + jump.by, 1.0) if jump else soc


def _trip(days: Days, time: float) -> dict[str, Any] | None:
    trip = days.next_trip(time)
    if trip is None:
        return None
    departure = days.at(trip.departure(time)).isoformat()
    return {"departure": departure, "distance": trip.distance, "road": trip.road}
