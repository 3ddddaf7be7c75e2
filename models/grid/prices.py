"""What a kWh costs and brings in each quarter of an hour."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from models.fields import CellFileError, nearest
from models.grid.clock import ZONE, hour, quarters
from models.grid.reading import Row, SeriesError, rows
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
    """Give those of a tariff for `count` quarters of an hour from `start` on, by its name or from a user's file.

    Raises `CellFileError` for a name that there is not, `SeriesError` for a file that is wrong (see `read`).
    """
    if tariff.endswith((".csv", ".yaml", ".yml")):
        return read(Path(tariff), start, count)
    if tariff not in TARIFFS:
        raise CellFileError(
            f"no tariff {tariff!r}{nearest(tariff, TARIFFS)}; there are {', '.join(TARIFFS)}, or give a .csv or .yaml."
        )
    return TARIFFS[tariff](start, count, seed)


# --- a user's file ----------------------------------------------------------------------------------------------------

MOST = 5.0
"""Of a kWh, either sign: what is beyond it is another unit. Markets of Europe end at 4 EUR/kWh (2024)."""


def read(path: Path, start: datetime, count: int) -> Prices:
    """Read prices of a kWh for `count` quarters of an hour from `start` on: `time`, `buy`, and `sell` or none (0).

    The file is a CSV or a YAML list, its rows an hour or a quarter apart. Times are ISO 8601; without an offset they
    are those of a clock in Paris, of which an hour is twice there in autumn, and one is not in spring. Raises
    `SeriesError`: one sentence that says which hour is not there.
    """
    found = rows(path, ("time", "buy"))
    times = _rising(found)
    width = min(int(times[1] - times[0]), HOUR)
    if width not in {QUARTER, HOUR}:
        raise SeriesError(f"{found[1].place}: {width} s after the first row; give prices an hour or 15 min apart.")
    of = {begin + more: index for index, begin in enumerate(times) for more in range(0, width, QUARTER)}
    first = int(start.timestamp())
    wanted = [first + QUARTER * number for number in range(count)]
    missing = next((each for each in wanted if each // QUARTER * QUARTER not in of), None)
    if missing is not None:
        at = datetime.fromtimestamp(missing, start.tzinfo).isoformat()
        raise SeriesError(f"{path}: has no price for {at}; give one for each hour of the days.")
    index = [of[each // QUARTER * QUARTER] for each in wanted]
    buy, sell = (np.array([_price(row, name) for row in found])[index] for name in ("buy", "sell"))
    return Prices(buy, sell, str(path))


QUARTER, HOUR = 900, 3600


def _rising(found: Sequence[Row]) -> list[int]:
    """S since 1970 of each row; a time of a clock that is there twice is an hour later the second time."""
    times: list[int] = []
    for row in found:
        at = int(row.time().timestamp())
        if times and at <= times[-1] and _is_again(row, at):
            at += HOUR
        if times and at <= times[-1]:
            raise SeriesError(f"{row.place}: {row.content['time']} is not after the row above; times rise.")
        times.append(at)
    return times


def _is_again(row: Row, at: int) -> bool:
    """Whether it is in the hour that a clock shows twice, and says not which."""
    clock = datetime.fromisoformat(str(row.content["time"]).strip())
    local = datetime.fromtimestamp(at, ZONE)
    return clock.tzinfo is None and local.utcoffset() != local.replace(fold=1).utcoffset()


def _price(row: Row, name: str) -> float:
    if name == "sell" and row.content.get(name) is None:
        return 0.0
    value = row.number(name)
    if abs(value) > MOST:
        raise SeriesError(f"{row.place}: {name} is {value:g} for a kWh; give a price from {-MOST:g} up to {MOST:g}.")
    return value
