"""What a manager is asked: the contract's request, of what the bench knows and of nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from models.grid.charger import Charger
from models.grid.week import QUARTER, RESERVE_ROAD, Days
from models.tables import Vector

Foresee = Callable[[float], Mapping[str, Vector]]
"""At a time (s), the series of `Days` by their names from that quarter of an hour on, as far as somebody knows them."""


@dataclass(frozen=True, slots=True)
class Telling:
    """The car as it tells of itself: plugged in or not, charge (0 to 1), degC, Wh, W that it takes and gives now."""

    plugged: bool
    soc: float | None
    cells: float | None
    energy: float
    charge: float
    discharge: float


def displayed(days: Days, time: float, soc: float) -> float | None:
    """What a car with a charge of `soc` (0 to 1) tells of it at a time, with what is wrong then; None: nothing."""
    if days.suffers("soc", time) is not None:
        return None
    jump = days.suffers("jump", time)
    return soc if jump is None else min(max(soc + jump.by, 0.0), 1.0)


class Asking:
    """Makes requests for some days; keeps what was foreseen last, for a forecast that grows stale.

    `imports` and `exports` are W that the connection carries, `road` is the one that the reserve is for.
    """

    def __init__(
        self, days: Days, charger: Charger, imports: float, exports: float, foresee: Foresee, road: str = RESERVE_ROAD
    ) -> None:
        self._days, self._charger, self._site = days, charger, {"import": imports, "export": exports}
        self._foresee, self._road = foresee, road
        self._foreseen: Mapping[str, Any] = {}
        self.foreseen_at = 0.0
        """When what was told last of the future was foreseen, s from the beginning of the days."""

    def request(
        self, time: float, reason: str, car: Telling, site: tuple[float, float] | None = None
    ) -> dict[str, Any]:
        """Of a time, s from the beginning of the days; `site` are house and sun, W, where they are measured."""
        days, charger = self._days, self._charger
        trip, (house, sun) = days.next_trip(time), days.site(time) if site is None else site
        return {
            "contract": 1, "time": days.at(time).isoformat(), "reason": reason, "car": asdict(car),
            "charger": {
                "charge": charger.charge, "discharge": charger.discharge, "least": charger.least,
                "efficiency": charger.efficiency(charger.charge),
            },
            "site": {"house": house, "sun": sun, **self._site},
            "trip": None if trip is None else {
                "departure": days.at(trip.departure(time)).isoformat(), "distance": trip.distance, "road": trip.road,
            },
            "reserve": {"distance": days.reserve, "road": self._road},
            "season": days.season, "model": days.car, "forecast": self._forecast(time),
        }  # fmt: skip

    def _forecast(self, time: float) -> Mapping[str, Any]:
        if not self._foreseen or self._days.suffers("forecast", time) is None:
            seen = self._foresee(time)
            self.foreseen_at = time
            self._foreseen = {"step": int(QUARTER), **{name: values.tolist() for name, values in seen.items()}}
        return self._foreseen
