"""What a kWh costs and brings in each quarter of an hour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from models.fields import CellFileError, nearest
from models.grid.clock import hour, quarters
from models.tables import Vector


@dataclass(frozen=True, eq=False)
class Prices:
    """Of a kWh in each quarter of an hour, bought and sold; where that is from."""

    buy: Vector
    sell: Vector
    source: str


FLAT, NIGHT, DAY, SURPLUS = 0.25, 0.20, 0.27, 0.10


def flat(start: datetime, count: int, seed: int) -> Prices:
    """One price at any time."""
    return Prices(np.full(count, FLAT), np.full(count, SURPLUS), "one price, assumed")


def day_night(start: datetime, count: int, seed: int) -> Prices:
    """Cheaper from 22 to 6 h by the clock."""
    night = np.array([not 6 <= hour(at) < 22 for at in quarters(start, count)])
    return Prices(
        np.where(night, NIGHT, DAY), np.full(count, SURPLUS), "a price of the day and one of the night, assumed"
    )


def day_ahead(start: datetime, count: int, seed: int) -> Prices:
    """As a day-ahead market makes them: two peaks, a hollow at noon in the sun, days of other levels."""
    times = quarters(start, count)
    hours = np.array([hour(at) // 1 for at in times])
    days = np.array([at.toordinal() for at in times])
    sun = np.array([(1 - np.cos(2 * np.pi * (at.timetuple().tm_yday - 10) / 365)) / 2 for at in times])
    rest = np.array([at.weekday() > 4 for at in times])
    rng = np.random.default_rng((seed, 17))
    level = np.exp(rng.normal(-0.02, 0.2, days.max() - days.min() + 1))[days - days.min()]
    shape = 1 + 0.30 * _bump(hours, 8, 1.5) + 0.45 * _bump(hours, 19, 2.0) - 0.25 * _bump(hours, 3, 2.5)
    market = MEAN * level * (shape - 0.9 * sun * _bump(hours, 13.5, 2.6) - 0.15 * rest)
    return Prices(
        market * VAT + FEES, market, "day-ahead prices in the shape of those of 2023, see models/grid/prices.py"
    )


MEAN = 0.097
VAT = 1.2
FEES = 0.10


def _bump(hours: Vector, at: float, wide: float) -> Vector:
    return np.exp(-0.5 * ((hours - at) / wide) ** 2)


TARIFFS: Mapping[str, Callable[[datetime, int, int], Prices]] = {
    "flat": flat, "day-night": day_night, "day-ahead": day_ahead,
}  # fmt: skip


def prices(tariff: str, start: datetime, count: int, *, seed: int = 0) -> Prices:
    """Give those of a tariff by its name for `count` quarters of an hour from `start` on.

    Raises `CellFileError` for a name that there is not.
    """
    if tariff not in TARIFFS:
        raise CellFileError(f"no tariff {tariff!r}{nearest(tariff, TARIFFS)}; there are {', '.join(TARIFFS)}.")
    return TARIFFS[tariff](start, count, seed)
