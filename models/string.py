"""A string of cells in series, each a little different, stepped as vectors.

Electricity and heat of the cells only: what drives the current, opens the contactor or cools the air is the
business of whoever calls `step`.
"""

from dataclasses import dataclass

import numpy as np

from models.cell import ABSOLUTE_ZERO, REFERENCE_TEMPERATURE, CellParameters
from models.construction import BARE, Construction
from models.coolant import Stream, conductance
from models.tables import Vector
from models.thermal import LumpedMasses, read_only

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the positions of a string differ: standard deviations, cut off at three of them.

    `capacity` and `resistance` are relative, `soc` is absolute, `temperature` is K: a lasting difference
    of the air at each position, since a module is never cooled evenly. Raises `ValueError` from a
    relative 1/3 up.
    """

    capacity: float = 0.01
    resistance: float = 0.03
    soc: float = 0.003
    temperature: float = 0.3

    def __post_init__(self) -> None:
        for name in ("capacity", "resistance"):
            # Three standard deviations must leave something of the cell.
            if not 0 <= getattr(self, name) < 1 / 3:
                raise ValueError(
                    f"{name} spread {getattr(self, name):g}; give a relative deviation from 0 to below 1/3."
                )


TYPICAL_SPREAD = Spread()
NO_SPREAD = Spread(capacity=0.0, resistance=0.0, soc=0.0, temperature=0.0)


class CellString:
    """`series` groups of `parallel` cells. Positive current charges.

    Vectors of length `series`, read-only, that follow the state: `soc`, `temperature` (degC), `capacity`
    (Ah of the group), `resistance_factor`, `voltage` (V at the group's terminals at the end of the last
    step) and `cell_heat` (W of the group, mean of the last step). The groups start at rest in thermal
    equilibrium, on the hysteresis `branch` (-1 after a discharge, 1 after a charge). `construction` is what the
    pack adds to its cells: `cell` is as it is built in. Same seed, same bytes. Do not copy a string: its vectors
    would no longer follow its state.

    A step is the exact solution for a constant current, with the tables read once at its start: RC pairs,
    heat and temperature do not drift with the step size; the tables are followed as closely as the steps
    are short.
    """

    def __init__(  # noqa: PLR0913 - what stands behind `*` has a default and a name
        self,
        cell: CellParameters,
        series: int,
        parallel: int = 1,
        *,
        spread: Spread = TYPICAL_SPREAD,
        seed: int = 0,
        soc: float = 0.3,
        temperature: float = 25.0,
        branch: float = 0.0,
        construction: Construction = BARE,
    ) -> None:
        if series < 1 or parallel < 1:
            raise ValueError(f"a string of {series} in series, {parallel} in parallel; give at least 1 of each.")
        cell = construction.built_in(cell, series, parallel)
        self.cell, self.series, self.parallel = cell, series, parallel
        self._path, self._housing = construction.path_resistance, construction.housing(temperature)
        self._plate, self._coolant = construction.coolant, Stream()
        capacity, resistance, charge, air = _draw(spread, series, seed)
        self._fresh_capacity = cell.nominal_capacity * parallel * capacity
        self._fresh_resistance = resistance
        self._capacity = self._fresh_capacity.copy()
        self._resistance_factor = resistance.copy()
        self._soc = np.clip(soc + charge, 0.0, 1.0)
        self._air_offset = air
        self._masses = LumpedMasses(
            series,
            heat_capacity=cell.heat_capacity * parallel,
            conductance=cell.thermal_conductance * parallel,
            temperature=temperature + air,
        )
        self._tables = cell.look_up_tables(series)
        self._allocate(series, cell.pairs, branch)
        self._publish()
        self._apply_factors()

    def _allocate(self, series: int, pairs: int, branch: float) -> None:
        self._rc_voltage = np.zeros((pairs, series))
        self._branch = np.full(series, branch)
        self._resistance = np.empty((1 + pairs, series))
        self._rest_voltage = np.empty(series)
        self._voltage = np.empty(series)
        self._decay = np.empty((pairs, series))
        self._double_rate = np.empty((pairs, series))
        self._reaction = np.empty(series)
        self._pair = np.empty((pairs, series))
        # The same memory as one line each, and ones: a scalar product adds up in a third of the time of a sum.
        self._every_rc_voltage, self._every_decay = self._rc_voltage.reshape(-1), self._decay.reshape(-1)
        self._every_resistance, self._every_rc_resistance = (
            self._resistance.reshape(-1),
            self._resistance[1:].reshape(-1),
        )
        # And their rows, cut once: to cut costs as much as to add, and an array that is taken apart far more.
        self._at_once, self._rc_resistance = self._resistance[0], self._resistance[1:]
        self._each_rc_voltage, self._each_pair = tuple(self._rc_voltage), tuple(self._pair)
        self._rc_resistances = tuple(self._rc_resistance)
        self._ocv_slope, self._surfaces = self._tables.slope[0], self._tables.surface[: 1 + pairs]
        self._ones = np.ones((1 + pairs) * series)
        self._heat = np.zeros(series)
        self._decay_duration = -1.0
        # Time constants come behind the resistances in the tables; those that vary come first.
        self._pairs, self._resistances = pairs, 1 + pairs
        self._varying_taus = self._stale_taus = max(0, self._tables.varying - self._resistances)
        self._current = 0.0

    def _publish(self) -> None:
        self.soc = read_only(self._soc)
        self.temperature = self._masses.temperature
        self.capacity = read_only(self._capacity)
        self.resistance_factor = read_only(self._resistance_factor)
        self.voltage = read_only(self._voltage)
        self.cell_heat = read_only(self._heat)

    @property
    def terminal_voltage(self) -> float:
        """V at the ends of the whole path at the end of the last step."""
        return float(np.add.reduce(self._voltage)) + self._path * self._current

    @property
    def heat(self) -> float:
        """W released by the whole string, mean of the last step."""
        return float(np.add.reduce(self._heat))

    @property
    def open_circuit_voltage(self) -> Vector:
        """V of each group at rest, the RC pairs relaxed, on its present hysteresis branch."""
        return self._rest_voltage.copy()

    def set_capacity_factor(self, cell: int, factor: float) -> None:
        """Give position `cell` (from 0) `factor` times the capacity it was made with: a weak cell."""
        self._check_defect(cell, factor)
        self._capacity[cell] = self._fresh_capacity[cell] * factor
        self._apply_factors()

    def set_resistance_factor(self, cell: int, factor: float) -> None:
        """Give position `cell` (from 0) `factor` times the resistance it was made with."""
        self._check_defect(cell, factor)
        self._resistance_factor[cell] = self._fresh_resistance[cell] * factor
        self._apply_factors()

    def transfer(self, cell: int, charge: float, heat: float) -> None:
        """Give position `cell` (from 0) a charge (A s) and a heat (J) beside what the string's current brings.

        An empty group gives no more. Voltages follow with the next step.
        """
        if charge > 0 or self._soc[cell] > 0:
            self._soc[cell] += self._soc_per_coulomb[cell] * charge
        self._masses.warm(cell, heat)

    def cool_by(self, factor: float) -> None:
        """Multiply the conductance of every group to the air by `factor` from now on."""
        self._masses.cool_by(factor)

    def cool_with(self, coolant: Stream) -> None:
        """Have a coolant in the plate from now on; one without a plate has nothing of it."""
        self._coolant = coolant

    @property
    def plate_temperature(self) -> float:
        """Of the plate under the cells, degC; where there is no housing, the mean of the cells on it."""
        return self._mean_temperature() if self._housing is None else self._housing.temperature

    def _mean_temperature(self) -> float:
        """Of the cells, degC; not by numpy's `mean`, which asks five questions in Python before it adds."""
        return float(np.add.reduce(self.temperature)) / self.series

    def thevenin(self, duration: float) -> tuple[float, float]:
        """Predict the terminals: after `duration` s at constant current I they are at about E + R*I (V, Ohm).

        R holds what builds up over the step, RC pairs and the slope of the open-circuit voltage, so that
        solving for a held voltage is stable at any step. A `step` of equal duration shares the work.
        """
        self._update_decay(duration)
        decay, ones = self._every_decay, self._ones
        # Methods: numpy's function of that name asks each time in Python whether somebody else has his own.
        electromotive = self._every_rc_voltage.dot(decay) + self._rest_voltage.dot(ones[: self.series])
        build_up = self._path + self._every_resistance.dot(ones) - self._every_rc_resistance.dot(decay)
        slope = self._ocv_slope.dot(self._soc_per_coulomb) * duration
        return float(electromotive), float(build_up + slope)

    def step(self, current: float, duration: float, air_temperature: float) -> None:
        """Carry `current` (A, positive charges) for `duration` s in air of `air_temperature` degC."""
        if duration <= 0:
            raise ValueError(f"a step of {duration:g} s; time only moves forward: give more than 0.")
        self._update_decay(duration)
        heat = np.add(self._at_once, self._rc_resistances[0], out=self._heat)
        for resistance in self._rc_resistances[1:]:
            heat += resistance
        heat *= current * current
        heat += self._relax(current)
        if current:
            self._add_heat_of_reaction(current)
            self._charge(current * duration)
        if self._plate is not None and self._coolant.flow > 0:
            self._exchange(heat, air_temperature, duration, self._plate)
        else:
            if self._housing is not None:
                air_temperature = self._housing.step(self._mean_temperature(), air_temperature, duration)
            self._masses.step(heat, self._air_offset + air_temperature, duration)
        self._current = current
        self._look_up()

    def _exchange(self, heat: Vector, air_temperature: float, duration: float, wall: float) -> None:
        """Let the heat of the cells go into the air and, through the plate, into the coolant that flows."""
        coolant, housing = self._coolant, self._housing
        if housing is not None:
            cells = self._mean_temperature()
            around = housing.step_on_coolant(cells, air_temperature, duration, wall, coolant)
            self._masses.step(heat, self._air_offset + around, duration)
            return
        each = conductance(wall, coolant.flow) / self.series
        coolant.taken += self._masses.step_beside(
            heat, self._air_offset + air_temperature, duration, each, coolant.temperature
        )

    def _update_decay(self, duration: float) -> None:
        """Set what is left of the RC voltages after one step: of all pairs, or of those whose time constants moved."""
        stale = self._stale_taus if duration == self._decay_duration else self._pairs
        if not stale:
            return
        double_rate, decay = self._double_rate[:stale], self._decay[:stale]
        np.divide(2.0 * duration, self._tables.surface[self._resistances : self._resistances + stale], out=double_rate)
        np.multiply(double_rate, -0.5, out=decay)
        np.exp(decay, out=decay)
        self._decay_duration, self._stale_taus = duration, 0

    def _relax(self, current: float) -> Vector | float:
        """Move the RC pairs to the end of the step; return the heat they add to the settled I^2 r (W).

        A pair goes as v(t) = I r + (v0 - I r) exp(-t/tau), and what drives the current against it is heat, I v, at
        once (Bernardi et al. 1985, without the heat of mixing): at rest a pair gives none. Its own resistance may
        change with the charge meanwhile, by a factor of seven on a plateau's edge: v^2/r would then be heat that
        nobody has put in. The mean of v over a step of length T is I r + (v0 - v1) (tau/T), with v1 at its end.
        """
        voltage, settled = self._rc_voltage, self._rc_resistance * current
        apart = np.subtract(voltage, settled, out=self._pair)
        left = np.multiply(apart, self._decay, out=voltage)
        apart -= left
        voltage += settled
        if not current:
            return 0.0
        apart /= self._double_rate
        first, *others = self._each_pair
        for other in others:
            first += other
        first *= 2.0 * current
        return np.asarray(first)

    def _add_heat_of_reaction(self, current: float) -> None:
        """Add what is not resistive: entropy, hysteresis, and the charge lost to side reactions.

        Entropy and hysteresis are in the voltage at rest as well, but for the entropy up to the reference temperature.
        """
        cell, (ocv, entropic, _) = self.cell, self._tables.values
        loss = 1.0 - cell.coulombic_efficiency if current > 0 else 0.0
        heat = np.subtract(self._rest_voltage, ocv * (1.0 - loss) if loss else ocv, out=self._reaction)
        if cell.entropic is not None:
            heat += (REFERENCE_TEMPERATURE - ABSOLUTE_ZERO) * entropic
        heat *= current
        self._heat += heat

    def _charge(self, charge: float) -> None:
        """Store `charge` (A s) in every group."""
        if charge > 0:
            charge *= self.cell.coulombic_efficiency
        moved = self._soc_per_coulomb * charge
        self._soc += moved
        if self.cell.hysteresis is not None:
            branch = 1.0 if charge > 0 else -1.0
            moved *= -branch / self.cell.hysteresis_span
            self._branch -= branch
            self._branch *= np.exp(moved)
            self._branch += branch

    def _look_up(self) -> None:
        """Read the tables at the present state and set the voltages that follow from it."""
        tables, cell = self._tables, self.cell
        tables.look_up(self._soc, self.temperature)
        np.multiply(self._surfaces, self._group_factor, out=self._resistance)
        self._stale_taus = self._varying_taus
        rest, (ocv, entropic, hysteresis) = self._rest_voltage, tables.values
        if cell.entropic is None:
            rest[...] = ocv
        else:
            np.subtract(self.temperature, REFERENCE_TEMPERATURE, out=rest)
            rest *= entropic
            rest += ocv
        if cell.hysteresis is not None:
            rest += hysteresis * self._branch
        voltage = np.multiply(self._at_once, self._current, out=self._voltage)
        voltage += rest
        for pair in self._each_rc_voltage:
            voltage += pair

    def _apply_factors(self) -> None:
        self._group_factor = self._resistance_factor / self.parallel
        self._soc_per_coulomb = 1.0 / (SECONDS_PER_HOUR * self._capacity)
        self._look_up()

    def _check_defect(self, cell: int, factor: float) -> None:
        if not 0 <= cell < self.series:
            raise ValueError(f"no cell {cell} in a string of {self.series}; give 0 to {self.series - 1}.")
        if not factor > 0:
            raise ValueError(f"factor {factor:g} for cell {cell}; give a number above 0.")


def _draw(spread: Spread, series: int, seed: int) -> tuple[Vector, Vector, Vector, Vector]:
    """Factors for capacity and resistance, offsets for state of charge and air temperature."""
    normal = np.random.default_rng(seed).standard_normal((4, series))
    capacity, resistance, soc, temperature = np.clip(normal, -3.0, 3.0)
    return (
        1.0 + spread.capacity * capacity,
        1.0 + spread.resistance * resistance,
        spread.soc * soc,
        spread.temperature * temperature,
    )
