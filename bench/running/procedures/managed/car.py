"""The car that a pack stands for while it is managed: how far it gets, what it needs, and what its trips take.

Everything is that of a car but for what says that it is the bench's: the pack under test is `scale` times as large.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isnan
from threading import Thread

from bench import columns
from bench.columns import INDEX
from bench.grid.steps import Manage
from bench.managing.reaching import lacking_at_best
from bench.pack import PackFile
from bench.road import pack_energy
from bench.running.emulation import cell_of, charge_steps_of
from bench.running.sampling import Row
from models.construction import Construction
from models.grid.charger import Charger
from models.grid.week import QUARTER, Trip
from models.vehicle.car import load_car
from models.vehicle.reach import Going, Pack, going, lacking, needed_soc, usable

GARAGE, LEAST = 5.0, 5.0
"""K by which a garage is warmer than the air, and degC that it has at least."""
DEGREES = 0.5
"""K in which the air around the pack is set."""
ALL, HALF = 0.95, 0.5
"""Of what a pack takes now, what is all of it; of what its file promises, below what it is off its file."""
_VOLTAGE, _SOC, _CHARGE_LIMIT = INDEX[columns.VOLTAGE], INDEX[columns.SOC], INDEX[columns.CHARGE_LIMIT]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


@dataclass(frozen=True, slots=True)
class Departure:
    """What is `short` when it leaves, km, and what this way takes of the pack `per_km`, Wh."""

    short: float
    per_km: float


class Car:
    """The car of a managed step; `station_charger` is what the bench has at its AC side, at the bench's scale."""

    def __init__(self, step: Manage, pack: PackFile, station_charger: Charger) -> None:
        self.step, self.days = step, step.days
        energy = load_car(step.days.car).energy
        self.scale = pack_energy(pack) / energy if step.scale is None else step.scale
        if not self.scale > 0:
            raise ValueError(f"a scale of {self.scale:g} leaves nothing of a car: give more than 0.")
        self.charger = self._of_the_home(station_charger)
        """The home's, at the bench's scale."""
        self.pack = Pack.of(
            pack.cell, pack.series, pack.parallel, Construction(**pack.construction.model_dump()), energy=energy
        )
        self._drives = [(trip, self._way(trip.road, trip.leaves)) for trip in self.days.trips]
        self._steps, self._capacity = charge_steps_of(pack), cell_of(pack).nominal_capacity * pack.parallel
        self._ahead: Thread | None = None

    def _of_the_home(self, station_charger: Charger) -> Charger:
        """The station's, as far as the home has it."""
        most = inf if self.step.charger is None else self.step.charger * self.scale
        back = min(station_charger.discharge, most) if self.step.gives else 0.0
        return replace(station_charger, charge=min(station_charger.charge, most), discharge=back)

    @cached_property
    def own_charger(self) -> Charger:
        """The home's charger as the car sees it."""
        found, scale = self.charger, self.scale
        return replace(
            found, charge=found.charge / scale, discharge=found.discharge / scale, least=found.least / scale,
            standby=found.standby / scale, quadratic=found.quadratic * scale, idle=found.idle / scale,
            ramp=found.ramp / scale,
        )  # fmt: skip

    # --- weather --------------------------------------------------------------------------------------------------

    def _outside(self, time: float) -> float:
        return float(self.days.outside[self.days.quarter(time)])

    def around(self, time: float) -> float:
        """Temperature (degC) around the pack, as a chamber is set to it."""
        outside = self._outside(time)
        return DEGREES * round((max(outside + GARAGE, LEAST) if self.step.garage else outside) / DEGREES)

    @property
    def airs(self) -> list[float]:
        """Temperature around the pack in each quarter of an hour, degC."""
        return [self.around(QUARTER * number) for number in range(len(self.days.outside))]

    # --- trips ----------------------------------------------------------------------------------------------------

    def driving(self, time: float) -> float:
        """W out of the car's pack at a time of the days; 0 where it is not on its way."""
        for trip, way in self._drives:
            leaves, there, back, returns = _edges(trip, way)
            if leaves <= time < there or back <= time < returns:
                return way.power
        return 0.0

    @property
    def most_driving(self) -> float:
        """The most that any of its ways takes, W."""
        return max((way.power for _, way in self._drives), default=0.0)

    def edges_behind(self, time: float) -> list[float]:
        """When it begins or ends to drive, s of the days, behind a time."""
        return [edge for trip, way in self._drives for edge in _edges(trip, way) if edge > time]

    # --- how far it gets ------------------------------------------------------------------------------------------

    def _way(self, road: str, time: float) -> Going:
        return going(self.days.car, road, self._outside(time))

    @property
    def ready(self) -> bool:
        """Whether it is known how far it gets: what `work_out_beside` has begun has ended."""
        return self._ahead is None or not self._ahead.is_alive()

    def work_out_beside(self) -> None:
        """Find it out in a thread: where time is real, a bench would be silent meanwhile."""
        if self._ahead is None:
            self._ahead = Thread(target=self._work_out, name="reach", daemon=True)
            self._ahead.start()

    def _work_out(self) -> None:
        """Drive the reserve's road in each weather, which is remembered."""
        for outside in dict.fromkeys(self.days.outside.tolist()):
            self.pack.tables(going(self.days.car, self.step.reserve_road, outside).power)

    def reach(self, row: Row, time: float) -> float:
        """How far it gets on the reserve's road, km."""
        way = self._way(self.step.reserve_road, time)
        return usable(self.pack, row[_SOC], row[_COLDEST], way.power) / way.energy

    def kept(self, cells: float, time: float) -> float | None:
        """Wh that its reserve is, with cells of so many degC; None where nobody knows them."""
        if isnan(cells):
            return None
        beyond = self._way(self.step.reserve_road, time)
        return self.pack.energy * min(needed_soc(self.pack, self.days.reserve, cells, beyond), 1.0)

    def wanted(self, cells: float, time: float) -> float | None:
        """Wh that its next trip and the reserve behind it are; None without a trip, or where nobody knows the cells."""
        trip = self.days.next_trip(time)
        if trip is None or isnan(cells):
            return None
        there, beyond = self._way(trip.road, time), self._way(self.step.reserve_road, time)
        distance = trip.distance + self.days.reserve * beyond.energy / there.energy
        return self.pack.energy * min(needed_soc(self.pack, distance, cells, there), 1.0)

    def departs(self, row: Row, time: float, trip: Trip) -> Departure:
        """What lacks for a trip and the reserve as it leaves; negative where there is more."""
        way, beyond = self._way(trip.road, time), self._way(self.step.reserve_road, time)
        short = lacking(self.pack, row[_SOC], row[_COLDEST], trip.distance, way, self.days.reserve, beyond)
        return Departure(short, way.energy)

    def lacks_at_best(self, soc: float, cells: float, time: float, trip: Trip) -> float:
        """Km that will lack for a trip after full power from now on; see `lacking_at_best`."""
        road = self.step.reserve_road
        return lacking_at_best(self.days, self.pack, self.own_charger, soc, cells, time, trip, road)

    # --- what its pack takes --------------------------------------------------------------------------------------

    def withheld(self, row: Row, asked: float) -> float:
        """W (of the bench) that the pack does not take of what its file promises, though all it takes is `asked` for.

        Half of it counts: a table in steps, read a little beside one of its edges, says nothing. `asked` is W, DC.
        """
        rate = self._steps.rate(row[_COLDEST], row[_HOTTEST], row[_SOC])
        limit, promised = row[_CHARGE_LIMIT] * row[_VOLTAGE], rate * self._capacity * row[_VOLTAGE]
        if not (asked >= ALL * limit and limit < HALF * promised):
            return 0.0
        return max(min(self.charger.ac_to_dc(self.charger.charge), promised) - limit, 0.0)


def _edges(trip: Trip, way: Going) -> tuple[float, float, float, float]:
    """When it leaves, is there, begins its way back, and returns: s of the days."""
    half = 3600 * trip.distance * way.energy / way.power / 2
    return trip.leaves, min(trip.leaves + half, trip.returns), max(trip.returns - half, trip.leaves), trip.returns
