"""Driving: a car on a road in a season, as a step of a scenario.

The step is data: names of a road or a user's cycle, of a car and of a season. What follows from them, the power that
the car's pack gives and takes over time, is worked out once and known before anything is switched on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from bench.pack import PackFile
from bench.profile import Interpolation, Quantity, Survey, survey
from bench.scenario import Step, Until, elapsed, further
from bench.verdicts import InputError
from models.cell import CellFileError, load_cell
from models.construction import Construction
from models.shipped import changed
from models.tables import Vector
from models.vehicle.car import Car, Driven, drive, load_car
from models.vehicle.cycles import CycleError, PowerTrace, read_cycle
from models.vehicle.heat import CarPack, Demand, OnTheWay, on_the_way
from models.vehicle.road import driven, load_road
from models.vehicle.season import Weather, place_of, weather
from models.vehicle.trace import Trace

CYCLES = frozenset({".csv", ".txt", ".tsv"})
"""Endings of files that are a cycle and no road."""


@dataclass(frozen=True, eq=False)
class Journey:
    """A car on its way: where it is (m) and what its pack gives (W, positive) at each time (s).

    `driven` has the rest of it; it is None where the cycle is of power, and nobody knows the car. `outside` (degC)
    holds for all of the way; `stood` (degC) is what there was around the car before, in a garage or outside.
    """

    name: str
    time: Vector
    power: Vector
    position: Vector | None
    outside: float
    stood: float
    car: Car
    weather: Weather
    driven: Driven | None

    @cached_property
    def points(self) -> Sequence[tuple[float, float]]:
        """Time (s) and power (W) as a bench has it: positive charges. The last point is the end, and asks nothing."""
        return self.with_more(np.zeros_like(self.power))

    def with_more(self, power: Vector) -> Sequence[tuple[float, float]]:
        """As `points`, where something else takes some W out of the pack as well."""
        power = -(self.power + power)
        return tuple(zip(self.time.tolist(), [*power[:-1].tolist(), 0.0], strict=True))

    @cached_property
    def survey(self) -> Survey:
        """What it holds."""
        return survey(self.points, "power")

    @property
    def lost(self) -> Vector:
        """What motor and inverter lose at each time, W; nothing that is known where the cycle is of power."""
        return np.zeros_like(self.power) if self.driven is None else self.driven.motor_loss

    def where(self, index: int) -> str:
        """Say where the car is at one of its times."""
        if self.position is None:
            return f"{self.time[index]:g} s into the cycle {self.name}"
        return f"km {self.position[index] / 1000:.1f} of {self.position[-1] / 1000:.1f} on the road {self.name}"


def journey(road: str, car: str, season: str, hour: float, period: float, garage: bool = False) -> Journey:
    """Work out a journey; raises `InputError` for a road, car or season that is wrong, or that the car cannot drive."""
    versions = tuple(map(changed, (road, car, place_of(season))))
    return _worked_out(road, car, season, hour, period, garage, versions)


@lru_cache(maxsize=32)
def _worked_out(
    road: str, car: str, season: str, hour: float, period: float, garage: bool, _versions: tuple[int, ...]
) -> Journey:
    try:
        vehicle, day = load_car(car), weather(season)
        trace = (
            read_cycle(Path(road)) if Path(road).suffix.lower() in CYCLES else driven(load_road(road), period=period)
        )
    except (CellFileError, CycleError) as error:
        raise InputError(str(error)) from error
    outside = day.temperature(hour)
    if isinstance(trace, PowerTrace):
        stood = day.in_a_garage() if garage else outside
        return Journey(trace.name, trace.time, trace.power, None, outside, stood, vehicle, day, None)
    return _driven(trace, vehicle, day, hour, garage)


def _driven(trace: Trace, car: Car, day: Weather, hour: float, garage: bool) -> Journey:
    """What the car does on the trace, the cabin having stood in a garage, or outside."""
    outside = day.temperature(hour)
    cabin = car.cabin
    stood, inside = (day.in_a_garage(),) * 2 if garage else (outside, day.in_the_cabin(hour, cabin))
    comfort, _ = cabin.conditioned(trace.time, outside, day.sunshine(hour), inside)
    on = drive(car, trace, outside, comfort)
    found = Journey(trace.name, trace.time, on.pack, trace.position, outside, stood, car, day, on)
    lacking = np.flatnonzero(on.lacking > 0)
    if lacking.size:
        at = int(lacking[0])
        raise InputError(
            f"{car.name} cannot drive {trace.name}: it lacks {on.lacking[at] / 1000:.3g} kW at {found.where(at)}, at "
            f"{3.6 * trace.speed[at]:.0f} km/h on {100 * trace.grade[at]:.1f} %; give another car or road."
        )
    return found


GARAGE = "garage"
"""Word of a drive that began in one, in its recording; where it is not there the car had stood outside."""
CAR_SCALE = 0.5
"""Power of a pack for each W of the car's from which on its heat is that of a car's pack."""
HALF = 0.5
"""State of charge in the middle of a journey, near enough for the heat of it."""
_Parts = tuple[str, Construction, int, int, float]
"""Of a pack, what its heat follows from: its cell, its construction, series and parallel, Wh."""


def warmed(way: Journey, pack: PackFile, start: float | None, target: float | None, soc: float = HALF) -> OnTheWay:
    """Heat of a car's whole pack, made of this pack's cells, on a journey that begins with cells of `start` degC.

    None: of what stood around the car. `target` (degC) is what they are conditioned for at the end; None: they are not.
    """
    construction = Construction(**pack.construction.model_dump())
    parts = (pack.cell, construction, pack.series, pack.parallel, pack_energy(pack))
    return _warmed(way, parts, changed(pack.cell), way.stood if start is None else start, target, soc)


@lru_cache(maxsize=64)
def _warmed(way: Journey, parts: _Parts, _version: int, start: float, target: float | None, soc: float) -> OnTheWay:
    name, construction, series, parallel, energy = parts
    car = way.car
    whole = CarPack.of(load_cell(name), construction, series, parallel, energy, car.energy)
    return on_the_way(
        Demand(way.time, way.power, way.lost), whole, car.thermal,
        outside=way.outside, start=start, soc=soc, target=target,
    )  # fmt: skip


def after_a_night(season: str, hour: float, pack: PackFile, *, garage: bool = False) -> float:
    """Temperature (degC) of this pack in a car that stood outside since the evening, or in a garage.

    Raises `InputError` for a season that does not exist.
    """
    try:
        day = weather(season)
    except CellFileError as error:
        raise InputError(str(error)) from error
    if garage:
        return day.in_a_garage()
    cell = load_cell(pack.cell)
    whole = CarPack.of(
        cell, Construction(**pack.construction.model_dump()), pack.series, pack.parallel, pack_energy(pack), 0.0
    )
    return day.after_a_night(whole.time_constant, hour)


def pack_energy(pack: PackFile) -> float:
    """Wh that a pack holds, by its rated capacity and its cells' mean voltage."""
    cell = load_cell(pack.cell)
    return pack.rated_capacity * pack.series * float(cell.ocv.mean())


@dataclass(frozen=True)
class Drive(Step):
    """Drive a road, or a user's cycle (a CSV of speed or power), with a car in a season.

    `road`, `car` and `season` are names of what ships, or files of your own; a season is "winter", a month, or either
    at a place ("oslo-january"). The journey begins at `hour`, the cabin as it stood outside, or in a `garage`. Power is
    scaled by `scale`, or so that this pack does what the car's does for its energy: the figure is recorded wherever one
    of the road is. What the BMS does not take is left to the brakes and reported, what it does not give is a derating.

    `heat` says what the pack has around it: "held", chamber and coolant as they are; "car", the air of the season, and
    coolant as the car's heater and chiller would have it. `precondition` (degC) is what cells are brought to for a
    charge at the end, in the car's own time; its power comes out of the pack. `start` is what the car's cells begin
    with, degC; None: what the air around the car had; `leaves` the state of charge (0 to 1) that its heat is worked out
    from.
    """

    step_type: ClassVar[str] = "PROFILE"
    quantity: ClassVar[Quantity] = "power"
    interpolation: ClassVar[Interpolation] = "previous"
    road: str | Path
    car: str | Path = "renault-5-class"
    season: str = "spring"
    hour: float = 8.0
    period: float = 1.0
    scale: float | None = None
    heat: Literal["held", "car"] = "held"
    precondition: float | None = None
    start: float | None = None
    leaves: float = HALF
    garage: bool = False
    until: Until | Sequence[Until] = ()
    name: str = field(default="drive", kw_only=True)

    @property
    def journey(self) -> Journey:
        """What the car does; raises `InputError` for what cannot be driven."""
        return journey(str(self.road), str(self.car), self.season, self.hour, self.period, self.garage)

    @property
    def points(self) -> Sequence[tuple[float, float]]:
        """Time (s) and power (W) of the car's own pack; positive charges."""
        return self.journey.points

    @property
    def survey(self) -> Survey:
        """What the journey asks for."""
        return self.journey.survey

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`; the last one is the end of the road."""
        return (*further(self.until, self.name), elapsed(seconds=self.survey.duration))

    @property
    def identity(self) -> str:
        """See `Step.identity`: a road is what it asks for."""
        return f"{self!r} {self.survey.digest}"

    @property
    def heated(self) -> bool:
        """Whether the pack has a car's heat around it; who is conditioned has."""
        return self.heat == "car" or self.precondition is not None

    def on_the_way(self, pack: PackFile) -> OnTheWay:
        """The heat of the car's pack, made of this pack's cells."""
        return warmed(self.journey, pack, self.start, self.precondition, self.leaves)

    def departure(self, pack: PackFile, arrival: float) -> float:
        """State of charge (0 to 1) to leave with, to arrive with `arrival`; above 1 where the pack has not so much."""
        guess = min(arrival + warmed(self.journey, pack, self.start, self.precondition).used, 1.0)
        return arrival + warmed(self.journey, pack, self.start, self.precondition, guess).used

    def scale_for(self, pack: PackFile) -> float:
        """Power of this pack for each W of the car's."""
        return pack_energy(pack) / self.journey.car.energy if self.scale is None else self.scale


TARGET_BAND = 2.0
"""K around the target within which cells have arrived: what a preconditioned pack is expected to keep."""


@dataclass(frozen=True)
class Precondition(Step):
    """Bring every cell to within 2 K of `to` (degC) before a charge, as a car does on its way to the charger.

    `by` is "coolant" or "chamber"; None: the coolant unit where the station has one, which is like a car, else the
    chamber, which is not: the report says which. The step ends after `within` s at the latest, wherever the cells are.
    `lead` is how many K beyond the target the coolant goes at most while the cells are away from it.
    """

    step_type: ClassVar[str] = "REST"
    to: float
    by: Literal["coolant", "chamber"] | None = None
    within: float = 3600.0
    lead: float = 20.0
    name: str = field(default="precondition", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`; that the cells have arrived is one more."""
        return (elapsed(seconds=self.within),)
