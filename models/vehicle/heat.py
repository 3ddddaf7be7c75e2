"""Heat of a car's pack on the way: cells, plate and coolant, with a heater, a chiller and what the motor loses.

One cell stands for all: the same physics as those of a bench's modelled pack (`models.string`), with the share of plate
and coolant that a cell of a car's pack has. A smaller pack of the same cells is built out to the car's size: heat
capacities and couplings grow with the energy, what is lost to the air with the surface, the energy to the power of 2/3.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.cell import CellParameters
from models.construction import Construction
from models.coolant import Stream, conductance
from models.string import NO_SPREAD, CellString
from models.tables import Vector

PER_WATT_HOUR = Construction(
    coupling=900 / 52e3, housing_heat_capacity=90e3 / 52e3, loss=20 / 52e3, coolant=1500 / 52e3,
)  # fmt: skip
"""Of a car's pack for each Wh: assumed, those of the shipped packs of 52 kWh."""
WIDER = 1500 / 900
"""A wall's W/K to the coolant for each W/K from the cells to it, of the same packs."""
BAND = 2.0
"""K away from its target at which heater and chiller give all they have."""


@dataclass(frozen=True, slots=True)
class ThermalManagement:
    """What a car does for its cells. Powers in W.

    `heater` warms the coolant; `chiller` is the heat that it takes at most, and `performance` how much of that for each
    W of its compressor. Cells are cooled above `cool_above` degC whether they are to be conditioned or not.
    Conditioning for a charge begins `begins` s before the charger. `flow` is the coolant's, L/min. A valve joins the
    motor's coolant to the pack's while cells are to be warmed: those that are conditioned, and any below `warm_below`
    degC; `waste_heat` is the share of what motor and inverter lose that gets there, and comes before the heater's.

    A heater of 5 kW, half an hour and 25 degC are what is known of Renault and Hyundai; the rest is assumed.
    """

    heater: float = 5000.0
    chiller: float = 4000.0
    performance: float = 2.5
    cool_above: float = 35.0
    begins: float = 1800.0
    flow: float = 15.0
    waste_heat: float = 0.5
    warm_below: float = 15.0

    def target(self, left: float, conditioned: float | None) -> float | None:
        """What cells are conditioned to (degC) with so many s left of the way; None while they are not."""
        return conditioned if left <= self.begins else None

    def heat(self, cells: float, target: float | None, lost: float = 0.0) -> float:
        """W into the coolant; negative: taken from it. `lost` is what motor and inverter lose now, W."""
        free = self.waste_heat * lost
        if target is not None:
            share = (target - cells) / BAND
            return (self.heater + free) * min(share, 1.0) if share > 0 else self.chiller * max(share, -1.0)
        if cells < self.warm_below:
            return free * min((self.warm_below - cells) / BAND, 1.0)
        return -self.chiller * min(max((cells - self.cool_above) / BAND, 0.0), 1.0)

    def power(self, heat: float, lost: float = 0.0) -> float:
        """W out of the pack for that heat, of which the motor's costs nothing."""
        return max(heat - self.waste_heat * lost, 0.0) if heat > 0 else -heat / self.performance


@dataclass(frozen=True, eq=False)
class Demand:
    """What a journey asks of a car's whole pack at times (s): `power`, W, positive out of it.

    `lost` is what motor and inverter lose, W.
    """

    time: Vector
    power: Vector
    lost: Vector


@dataclass(frozen=True, eq=False)
class OnTheWay:
    """Cells, plate and coolant (degC) at each time (s) of a journey, and what heater and chiller take, W of the pack.

    `lost` is what motor and inverter lose, W, some of it into the cells (see `ThermalManagement`). `carries` is what
    the coolant gives the plate for each K that it is warmer, W/K.
    """

    time: Vector
    cells: Vector
    plate: Vector
    coolant: Vector
    power: Vector
    lost: Vector
    carries: float
    used: float
    """State of charge that the journey takes, its losses in the cells included."""

    @property
    def energy(self) -> float:
        """Of heater and chiller, Wh."""
        return float((self.power[:-1] * np.diff(self.time)).sum() / 3600)

    def at(self, time: float) -> tuple[float, float]:
        """Cells and plate (degC) at a time (s)."""
        index = self._index(time)
        return float(self.cells[index]), float(self.plate[index])

    def lost_at(self, time: float) -> float:
        """What motor and inverter lose at a time (s), W."""
        return float(self.lost[self._index(time)])

    def _index(self, time: float) -> int:
        return max(min(int(np.searchsorted(self.time, time, side="right")), len(self.time)) - 1, 0)


@dataclass(frozen=True, slots=True)
class CarPack:
    """A pack of `count` cells as a car has it, `size` times as large as the one that it is made of (1: its own).

    `construction` is that of one cell.
    """

    cell: CellParameters
    construction: Construction
    count: float
    size: float

    @classmethod
    def of(
        cls, cell: CellParameters, construction: Construction, series: int, parallel: int, energy: float, wanted: float
    ) -> "CarPack":
        """Build a pack of `energy` Wh out to `wanted` Wh; one that is larger stays as it is."""
        count, size = series * parallel, max(wanted / energy, 1.0)
        given = construction if construction.coupling is not None else _all_times(PER_WATT_HOUR, energy)
        each = replace(
            _all_times(given, 1 / count),
            cell_capacity=construction.cell_capacity,
            contact_resistance=construction.contact_resistance * parallel,
            heat_capacity=None if construction.heat_capacity is None else construction.heat_capacity / count,
        )
        smaller = size ** (-1 / 3)
        return cls(cell, replace(each, loss=_times(each.loss, smaller)), count * size, size)

    @property
    def time_constant(self) -> float:
        """How slowly it follows the air, s."""
        made = self.construction
        built = made.built_in(self.cell, 1, 1)
        return (built.heat_capacity + (made.housing_heat_capacity or 0.0)) / (made.loss or built.thermal_conductance)

    def string(self, soc: float, temperature: float) -> CellString:
        """One cell of it."""
        return CellString(
            self.cell, 1, spread=NO_SPREAD, soc=soc, temperature=temperature, construction=self.construction
        )


def _all_times(given: Construction, factor: float) -> Construction:
    """Plate and coolant of another size; without resistances, which heat other things than cells."""
    coolant = given.coolant if given.coolant is not None else _like(given)
    return Construction(
        coupling=_times(given.coupling, factor),
        housing_heat_capacity=_times(given.housing_heat_capacity, factor),
        loss=_times(given.loss, factor),
        coolant=_times(coolant, factor),
    )


def _like(given: Construction) -> float | None:
    """A wall to a coolant for a housing that has none: as much wider than its coupling as that of a car's pack."""
    return _times(given.coupling, WIDER)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def on_the_way(
    demand: Demand, pack: CarPack, management: ThermalManagement, *,
    outside: float, start: float, soc: float, target: float | None = None,
) -> OnTheWay:  # fmt: skip
    """Follow a journey in air of `outside` degC.

    Cells and plate start at `start` degC and a state of charge of `soc`; with a `target` (degC) they are conditioned
    for a charge at the end. What that takes is added to the power.
    """
    time, power, lost = demand.time, demand.power, demand.lost
    cell, coolant = pack.string(soc, start), Stream()
    cell.cool_with(coolant)
    flow, wall = management.flow / pack.count, pack.construction.coolant or 0.0
    carries, lowest = conductance(wall, flow) * pack.count, pack.cell.voltage_min
    cells, plate, loop, taken = (np.empty(len(time)) for _ in range(4))
    for index, now in enumerate(time.tolist()):
        warm = float(cell.temperature[0])
        heat = management.heat(warm, management.target(float(time[-1]) - now, target), float(lost[index]))
        cells[index], taken[index] = warm, management.power(heat, float(lost[index]))
        plate[index] = cell.plate_temperature
        loop[index] = coolant.temperature = plate[index] + heat / carries
        coolant.flow = flow if heat else 0.0
        if index + 1 < len(time):
            voltage = max(float(cell.voltage[0]), lowest)
            current = -(float(power[index]) + float(taken[index])) / pack.count / voltage
            cell.step(current, float(time[index + 1]) - now, outside)
    return OnTheWay(time, cells, plate, loop, taken, lost, carries, soc - float(cell.soc[0]))
