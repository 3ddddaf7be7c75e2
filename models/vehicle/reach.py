"""How far a car gets: what its pack gives from a state of charge at the temperature of its cells, and what a km costs.

A cold pack gives less than its state of charge says: its resistance takes the voltage to its lowest before the charge
is gone. What counts is a drive at the road's mean power with cells that stay as they are: on the way they warm, so that
it is a little more in truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import floor, isnan, nan

import numpy as np

from models.cell import CellParameters, load_cell
from models.construction import BARE, Construction
from models.shipped import changed
from models.tables import Vector
from models.vehicle.car import drive, load_car
from models.vehicle.road import driven, load_road
from models.vehicle.season import place_of, weather
from models.vehicle.trace import Trace

SOC = np.linspace(0.0, 1.0, 51)
DEGREES = np.arange(-30.0, 51.0, 5.0)
"""degC at which a pack is tabulated; beyond, the ends hold."""
RATE = 0.1
"""Between two powers at which a pack is tabulated, of its energy in an hour."""
LEAST_RATE = 0.01
"""What stands for no power at all."""
STEP = 0.005
"""State of charge that a discharge moves by in a step, about."""
APART = 2.5
"""K between two temperatures outside at which a road is driven."""


# --- a pack -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pack:
    """Cells as they are built in, `count` of them, of which each sees `path` Ohm of busbars and cables.

    `capacity` is what an aged pack has left of it, 0 to 1, `resistance` how many times as much as when new.
    """

    cell: CellParameters
    count: float
    path: float = 0.0
    capacity: float = 1.0
    resistance: float = 1.0
    _tables: dict[int, Vector] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, cell: str, series: int, parallel: int, construction: Construction = BARE, energy: float | None = None
    ) -> "Pack":
        """Give the pack of so many shipped cells; with `energy` (Wh), as many more of them as that takes.

        That is how a bench's pack stands for a car's. Raises `CellFileError` for a cell that there is not.
        """
        built = construction.built_in(load_cell(cell), series, parallel)
        pack = cls(built, series * parallel, construction.path_resistance * parallel / series)
        return pack if energy is None else replace(pack, count=pack.count * energy / pack.energy, _tables={})

    @cached_property  # a manager's referee asks at each look, and it never changes
    def energy(self) -> float:
        """Wh from full to empty at its cells' voltage at rest."""
        return self.count * self.cell.nominal_capacity * self.capacity * float(self.cell.ocv.mean())

    def given(self, power: float) -> Vector:
        """Wh at its terminals at that power (W), over `DEGREES` and `SOC`: each of them is discharged, from rest on."""
        each = power / self.count
        wh = _discharged(self, np.repeat(DEGREES, len(SOC)), np.tile(SOC, len(DEGREES)), each)
        # A full cell may fall to its lowest where one with less would not: nobody gets less far by having charged.
        return np.asarray(np.maximum.accumulate(wh.reshape(len(DEGREES), len(SOC)), axis=1) * self.count)

    def table(self, index: int) -> Vector:
        """Wh at that many times `RATE`, over `DEGREES` and `SOC`; worked out once."""
        if index not in self._tables:
            self._tables[index] = self.given(max(index * RATE, LEAST_RATE) * self.energy)
        return self._tables[index]

    def tables(self, power: float) -> tuple[Vector, Vector, float]:
        """The two tables between which a power (W) lies, and how much of the second; what was asked for is at hand."""
        rate = max(power, 0.0) / (RATE * self.energy)
        index = floor(rate)
        return self.table(index), self.table(index + 1), rate - index


def _discharged(pack: Pack, degrees: Vector, soc: Vector, power: float) -> Vector:
    """Wh that one cell of the pack gives at that power (W) from each of these states, in steps of equal charge."""
    cell, charge = pack.cell, pack.cell.nominal_capacity * pack.capacity
    step = STEP * 3600 * charge * float(cell.ocv.mean()) / power
    tables, pairs = cell.look_up_tables(len(soc)), cell.pairs
    soc, given = soc.copy(), np.zeros_like(soc)
    pair, before = np.zeros((pairs, len(soc))), np.full_like(soc, np.inf)
    alive = np.ones(len(soc), dtype=bool)
    while alive.any():
        tables.look_up(soc, degrees)
        rest = tables.value[0] + tables.value[1] * (degrees - 25.0) - tables.value[2]
        ohmic, slow = tables.surface[0] * pack.resistance, tables.surface[1 : 1 + pairs] * pack.resistance
        left = np.exp(-step / tables.surface[1 + pairs :])
        pair *= left
        inside = ohmic + (slow * (1.0 - left)).sum(axis=0)
        drives = rest - pair.sum(axis=0)
        room = drives * drives - 4.0 * (inside + pack.path) * power
        current = (drives - np.sqrt(np.maximum(room, 0.0))) / (2.0 * (inside + pack.path))
        pair += slow * (1.0 - left) * current
        voltage = np.where(room < 0.0, 0.0, drives - current * inside)
        moved = current * step / 3600 / charge
        part = np.minimum(_until(before, voltage, cell.voltage_min), np.clip(soc / moved, 0.0, 1.0))
        given += np.where(alive, part, 0.0) * power * step / 3600
        alive &= part >= 1.0
        soc, before = np.maximum(soc - moved, 0.0), voltage
    return given


def _until(before: Vector, now: Vector, lowest: float) -> Vector:
    """How much of a step has passed when a voltage is at its lowest: 1 where it is above at the end.

    Of the first step, whose beginning is at rest, none counts where it ends below.
    """
    fall = before - now
    with np.errstate(invalid="ignore"):
        crossed = np.where(np.isfinite(before), (before - lowest) / np.maximum(fall, 1e-9), 0.0)
    return np.where(now >= lowest, 1.0, np.clip(crossed, 0.0, 1.0))


def usable(pack: Pack, soc: float, cells: float, power: float) -> float:
    """Wh that a pack gives at its terminals from `soc` (0 to 1), at cells of so many degC and that power (W).

    Until a cell is at its lowest voltage, or empty. Never less from a higher state of charge: where a full cell would
    be at its lowest sooner (below -15 degC, or at an edge of a measured resistance), it counts as one with less charge.
    Nan where nobody knows its state of charge or its cells.
    """
    if isnan(soc) or isnan(cells):
        return nan
    row, part = _place(soc, len(SOC) - 1)
    below = 0.0
    for weight, curve in _around(pack, cells, power):
        low = curve.item(row)
        below += weight * (low + part * (curve.item(row + 1) - low))
    return below


def _around(pack: Pack, cells: float, power: float) -> Sequence[tuple[float, Vector]]:
    """The four curves between which a temperature (degC) and a power (W) lie, and how much each counts."""
    degree, warm = _place((cells - DEGREES[0]) / (DEGREES[-1] - DEGREES[0]), len(DEGREES) - 1)
    low, high, more = pack.tables(power)
    return (
        ((1 - warm) * (1 - more), low[degree]), (warm * (1 - more), low[degree + 1]),
        ((1 - warm) * more, high[degree]), (warm * more, high[degree + 1]),
    )  # fmt: skip


def _place(share: float, intervals: int) -> tuple[int, float]:
    """The interval that a share of a grid lies in, held at its ends, and how far into it."""
    position = min(max(float(share), 0.0), 1.0) * intervals
    interval = min(int(position), intervals - 1)
    return interval, position - interval


# --- a road -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Going:
    """What a road costs: `energy` Wh for each km out of the pack, and the mean `power` (W) of it."""

    energy: float
    power: float


def going(car: str, road: str, outside: float, hour: float = 8.0, season: str | None = None) -> Going:
    """What a car takes on a road in air of `outside` degC, its cabin having stood in it.

    With a season, the sun of that `hour` shines through its glass; without one, none does. Raises `CellFileError` for a
    car, road or season that there is not, `ValueError` where the car cannot drive the road.
    """
    index = floor(outside / APART)
    part = outside / APART - index
    at = round(hour) % 24 if season else 0
    versions = changed(road), changed(car), changed(place_of(season)) if season else 0
    low, high = (_driven(car, road, each * APART, at, season, versions) for each in (index, index + 1))
    return Going(low.energy + part * (high.energy - low.energy), low.power + part * (high.power - low.power))


def consumption(car: str, road: str, outside: float, hour: float = 8.0, season: str | None = None) -> float:
    """Wh for each km out of the pack; see `going`."""
    return going(car, road, outside, hour, season).energy


@lru_cache(maxsize=4096)
def _driven(car: str, road: str, outside: float, hour: int, season: str | None, versions: tuple[int, ...]) -> Going:
    vehicle, trace = load_car(car), _trace(road, versions[0])
    sun = weather(season).sunshine(hour) if season else 0.0
    cabin = vehicle.cabin
    comfort, _ = cabin.conditioned(trace.time, outside, sun, outside + sun / cabin.conductance)
    done = drive(vehicle, trace, outside, comfort)
    if done.lacking.any():
        raise ValueError(f"{vehicle.name} cannot drive {road}: it lacks {done.lacking.max() / 1000:.3g} kW somewhere.")
    if done.energy <= 0:
        raise ValueError(f"{road} gives {vehicle.name} more than it takes; a range needs a road that costs energy.")
    duration = float(trace.time[-1] - trace.time[0])
    return Going(done.energy / (trace.distance / 1000), 3600 * done.energy / duration)


@lru_cache(maxsize=16)
def _trace(road: str, _version: int) -> Trace:
    return driven(load_road(road))


# --- both -------------------------------------------------------------------------------------------------------------


def reach(pack: Pack, soc: float, cells: float, way: Going) -> float:
    """Km from `soc` (0 to 1) with cells of so many degC, at what a km costs (see `going`)."""
    return usable(pack, soc, cells, way.power) / way.energy


def lacking(
    pack: Pack, soc: float, cells: float, distance: float, there: Going, reserve: float, beyond: Going
) -> float:
    """Km of the way `there` that lack for its `distance` and a `reserve` (km) on another; negative: what is left."""
    needed = distance * there.energy + reserve * beyond.energy
    return (needed - usable(pack, soc, cells, there.power)) / there.energy


def needed_soc(pack: Pack, distance: float, cells: float, way: Going) -> float:
    """State of charge from which a pack with cells of so many degC reaches `distance` km; the inverse of `reach`.

    0 for no distance; above 1, by what a km takes near the top, where the pack has not so much.
    """
    if distance <= 0:
        return 0.0
    curve = sum((weight * one for weight, one in _around(pack, cells, way.power)), np.zeros(len(SOC)))
    wanted, most = distance * way.energy, float(curve[-1])
    if wanted > most:
        return 1.0 + (wanted - most) / pack.energy
    index = int(np.searchsorted(curve, wanted))
    low, high = float(curve[index - 1]), float(curve[index])
    return float(SOC[index - 1] + (SOC[index] - SOC[index - 1]) * (wanted - low) / (high - low))
