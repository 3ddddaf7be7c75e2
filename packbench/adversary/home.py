"""The plant: a car at a bidirectional charger at a house, as energy and temperature, in steps that are exact enough.

The cells follow the air about them within hours; the pack loses 1.5 % each way. What a way costs and what a pack gives
is `models.vehicle.reach`'s.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import exp

from models.grid.charger import Charger
from models.grid.week import RESERVE_ROAD, SERIES, Days, Trip
from models.tables import Vector
from models.vehicle.reach import Going, Pack, going, lacking, needed_soc, usable

ONE_WAY = 0.985
"""Of the energy at a pack's terminals, what is stored, and what comes out again."""
COOLING = 10 * 3600.0
"""s in which the cells come near to the air: 325 kJ/K of cells and trough against 20 W/K, and the garage's own."""
STRANDED = 0.03
"""State of charge with which a car comes home that had to be charged on its way."""
CELL, ENERGY = "nmc811-21700", 52000.0
DAY = 96
"""Quarters of an hour that a manager is told of in advance."""


@lru_cache(maxsize=8)
def pack_of(energy: float) -> Pack:
    """The car's pack, Wh; of nickel-rich cells."""
    return Pack.of(CELL, 1, 1, energy=energy)


@dataclass(frozen=True, slots=True)
class Home:
    """What does not change in a week: charger, connection (W), whether there is a garage, the road of the reserve."""

    charger: Charger = field(default_factory=Charger)
    imports: float = 12000.0
    exports: float = 12000.0
    garage: bool = True
    reserve_road: str = RESERVE_ROAD
    energy: float = ENERGY
    house_error: float = 1.0
    """What a forecast of the house and the sun is, of what they will be."""


@dataclass(frozen=True, slots=True)
class CarState:
    """State of charge, 0 to 1, and temperature of the cells, degC."""

    soc: float
    cells: float


@dataclass(frozen=True, slots=True)
class Plant:
    """The physics of some days at a home. Powers in W at the AC side, positive charges; times s from the beginning."""

    days: Days
    home: Home

    @property
    def pack(self) -> Pack:
        """The car's."""
        return pack_of(self.home.energy)

    def around(self, time: float, *, away: bool = False) -> float:
        """Temperature about the car, degC: a garage is 5 K warmer than the air, and never below 5 degC."""
        outside = float(self.days.outside[self.days.quarter(time)])
        return max(outside + 5.0, 5.0) if self.home.garage and not away else outside

    def limits(self, car: CarState) -> tuple[float, float]:
        """W that the car takes and gives at its terminals: a full one takes none, a cold one little."""
        limit = float(self.pack.cell.charge_limit.c_rate_at(car.cells, car.soc)) * self.home.energy
        return (limit if car.soc < 1.0 else 0.0), (50e3 if car.soc > 0.0 else 0.0)

    def allowed(self, time: float, asked: float, car: CarState) -> float:
        """What of a power is done: within the charger's limits, the car's and the connection's."""
        days, charger = self.days, self.home.charger
        quarter = days.quarter(time)
        net = float(days.house[quarter] - days.sun[quarter])
        takes, gives = self.limits(car)
        most = min(charger.dc_to_ac(min(takes, 60e3)) if takes > 0 else 0.0, max(self.home.imports - net, 0.0))
        least = max(charger.dc_to_ac(-gives) if gives > 0 else 0.0, -max(self.home.exports + net, 0.0))
        return charger.allowed(min(max(asked, least), most))

    def after(self, car: CarState, time: float, power: float, duration: float) -> CarState:
        """Let it stand at that power (which is allowed) for so many s."""
        through = self.home.charger.ac_to_dc(power)
        stored = through * ONE_WAY if through > 0 else through / ONE_WAY
        soc = min(max(car.soc + stored * duration / 3600 / self.home.energy, 0.0), 1.0)
        return CarState(soc, self._follow(car.cells, self.around(time), duration))

    def back(self, car: CarState, trip: Trip) -> CarState:
        """How it comes home from a trip; the cells are warmer by the way."""
        way = self.way(trip.road, trip.leaves)
        left = usable(self.pack, car.soc, car.cells, way.power) - trip.distance * way.energy
        soc = max(needed_soc(self.pack, left / way.energy, car.cells, way), min(STRANDED, car.soc))
        cells = self._follow(car.cells, self.around(trip.leaves, away=True), trip.returns - trip.leaves)
        return CarState(soc, cells + min(0.1 * trip.distance, 15.0))

    def way(self, road: str, time: float) -> Going:
        """What a road costs in the air of that time."""
        return going(self.days.car, road, float(self.days.outside[self.days.quarter(time)]))

    def above_reserve(self, car: CarState, time: float) -> float:
        """Km that are in the car beyond the reserve; negative below it."""
        way = self.way(self.home.reserve_road, time)
        return usable(self.pack, car.soc, car.cells, way.power) / way.energy - self.days.reserve

    def short(self, car: CarState, trip: Trip) -> float:
        """Km that lack at a departure for trip and reserve; negative where there is more."""
        there, reserve = self.way(trip.road, trip.leaves), self.way(self.home.reserve_road, trip.leaves)
        return lacking(self.pack, car.soc, car.cells, trip.distance, there, self.days.reserve, reserve)

    def foreseen(self, time: float) -> dict[str, Vector]:
        """The next day as a manager is told it: house and sun are another share of what they will be."""
        days, ahead = self.days, slice(self.days.quarter(time), self.days.quarter(time) + DAY)
        found: dict[str, Vector] = {name: getattr(days, name)[ahead] for name in SERIES}
        return {
            name: each * self.home.house_error if name in {"house", "sun"} else each for name, each in found.items()
        }

    def charged(self, car: CarState, begin: float, end: float, *, heard: bool = False) -> CarState:
        """Full power from one time to another; `heard`: through the links that are lost meanwhile as well."""
        time = begin
        while time < end:
            until = min((time // 900 + 1) * 900, end)
            lost = heard and self.days.unheard(time) is not None
            power = 0.0 if lost else self.allowed(time, self.home.charger.charge, car)
            car = self.after(car, time, power, until - time)
            time = until
        return car

    def with_days(self, days: Days) -> "Plant":
        """The same home on other days."""
        return replace(self, days=days)

    @staticmethod
    def _follow(cells: float, air: float, duration: float) -> float:
        return cells + (air - cells) * (1.0 - exp(-duration / COOLING))
