"""How cells are built into a pack: their size, their connections, the housing between them and the air, the plate."""

from dataclasses import dataclass, replace
from math import exp

from models.cell import CellParameters
from models.coolant import Stream, conductance


@dataclass(frozen=True, slots=True)
class Construction:
    """What a pack adds to its cells; everything that is left out is as if the cells lay on a bench.

    `cell_capacity` (Ah) is the size of a cell of the same make: resistances shrink with it, heat capacity and cooling
    grow. `contact_resistance` (Ohm) is that of the joints of one group in series, seen by its voltage tap,
    `path_resistance` (Ohm) that of busbars, cables, fuse and contactors, seen by none. `heat_capacity` (J/K) is that of
    all cells together, `coupling` (W/K) all cells' to the housing, which has `housing_heat_capacity` (J/K) and loses
    `loss` (W/K) to the air. `coolant` (W/K) is what the wall between the housing's plate and a coolant conducts (see
    `models.coolant.conductance` for how much of it a flow takes); where there is no housing, the cells lie on a thin
    plate whose heat capacity counts with theirs. Where no coolant flows it takes nothing. Raises `ValueError` where a
    housing is given by half.
    """

    cell_capacity: float | None = None
    contact_resistance: float = 0.0
    path_resistance: float = 0.0
    heat_capacity: float | None = None
    coupling: float | None = None
    housing_heat_capacity: float | None = None
    loss: float | None = None
    coolant: float | None = None

    def __post_init__(self) -> None:
        given = [name for name in _HOUSING if getattr(self, name) is not None]
        if 0 < len(given) < len(_HOUSING):
            lacking = ", ".join(name for name in _HOUSING if name not in given)
            raise ValueError(f"a housing needs {lacking} beside {', '.join(given)}; give all, or none.")

    def built_in(self, cell: CellParameters, series: int, parallel: int) -> CellParameters:
        """`cell` as it is in a pack of `series` groups of `parallel` cells."""
        sized = cell if self.cell_capacity is None else scaled(cell, self.cell_capacity)
        count = series * parallel
        return replace(
            sized,
            r0=sized.r0 + self.contact_resistance * parallel,  # in parallel, each cell's share is that much larger
            heat_capacity=sized.heat_capacity if self.heat_capacity is None else self.heat_capacity / count,
            thermal_conductance=sized.thermal_conductance if self.coupling is None else self.coupling / count,
        )

    def housing(self, temperature: float) -> "Housing | None":
        """The housing, at `temperature` degC; None where the cells lie in the air."""
        if self.coupling is None or self.housing_heat_capacity is None or self.loss is None:
            return None
        return Housing(self.housing_heat_capacity, self.coupling, self.loss, temperature)


_HOUSING = ("coupling", "housing_heat_capacity", "loss")
BARE = Construction()


def scaled(cell: CellParameters, capacity: float) -> CellParameters:
    """Give a cell of `capacity` Ah that is made like `cell`: of more of the same electrodes, side by side."""
    size = capacity / cell.nominal_capacity
    return replace(
        cell,
        nominal_capacity=capacity,
        r0=cell.r0 / size,
        r1=cell.r1 / size,
        r2=cell.r2 / size,
        r3=None if cell.r3 is None else cell.r3 / size,
        heat_capacity=cell.heat_capacity * size,
        thermal_conductance=cell.thermal_conductance * size,
    )


class Housing:
    """One mass between the cells and the air: module frames, plate, trough.

    `heat_capacity` in J/K, `coupling` to all cells and `loss` to the air in W/K. Its `temperature` (degC) goes exactly
    where constant cells and air would take it, so that any step is stable.
    """

    def __init__(self, heat_capacity: float, coupling: float, loss: float, temperature: float) -> None:
        self._coupling, self._both = coupling, coupling + loss
        self._loss, self._time_constant = loss, heat_capacity / (coupling + loss)
        self.temperature = temperature
        self._duration, self._approach = -1.0, 0.0

    def step(self, cells: float, air: float, duration: float) -> float:
        """Let `duration` s pass beside cells of that mean temperature, in that air (degC); return the temperature."""
        if duration != self._duration:
            self._duration, self._approach = duration, 1.0 - exp(-duration / self._time_constant)
        settled = (self._coupling * cells + self._loss * air) / self._both
        self.temperature += (settled - self.temperature) * self._approach
        return self.temperature

    def step_on_coolant(self, cells: float, air: float, duration: float, wall: float, coolant: Stream) -> float:
        """As `step`, with a coolant that flows behind a `wall` (W/K) and is told what it has taken.

        The heat is that of the plate's mean temperature over the step, so that none is lost.
        """
        taking = conductance(wall, coolant.flow)
        all_ = self._both + taking
        settled = (self._coupling * cells + self._loss * air + taking * coolant.temperature) / all_
        lasting = self._time_constant * self._both / all_
        moved = (settled - self.temperature) * (1.0 - exp(-duration / lasting))
        self.temperature += moved
        coolant.taken += taking * ((settled - coolant.temperature) * duration - moved * lasting)
        return self.temperature
