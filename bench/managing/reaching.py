"""What full power from now on would reach by a departure: what nobody can reach any more has to be said."""

from math import isnan, nan

from models.grid.charger import Charger
from models.grid.week import Days, Trip
from models.vehicle.reach import Pack, going, lacking

DECEIVING = ("soc", "jump", "forecast")
"""Outages in which whoever is told wrongly how full the car is need not know that it will not do."""


def lacking_at_best(
    days: Days, pack: Pack, charger: Charger, soc: float, cells: float, time: float, trip: Trip, road: str
) -> float:  # fmt: skip
    """Km that will lack for trip and reserve (on `road`) at its departure after full power from `time` (s) on.

    Negative where there will be more. The charger's full power reaches the car all the time, and its cells (degC) stay
    as they are: less will lack than in truth, so that whoever is held to it could know it.
    """
    if isnan(soc) or isnan(cells):
        return nan
    hours = max(trip.departure(time) - time, 0.0) / 3600
    reached = min(soc + charger.ac_to_dc(charger.charge) * hours / pack.energy, 1.0)
    outside = float(days.outside[days.quarter(trip.leaves)])
    there, beyond = going(days.car, trip.road, outside), going(days.car, road, outside)
    return float(lacking(pack, reached, cells, trip.distance, there, days.reserve, beyond))
