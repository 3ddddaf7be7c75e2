"""A porous negative electrode under a current: where its reaction is, and its potential against lithium.

The porous-electrode theory of Doyle, Fuller and Newman (J. Electrochem. Soc. 140 (1993) 1526), of one electrode: lithium
diffuses in particles at several depths, which react by Butler and Volmer's law with an electrolyte that has a resistance
and whose salt is drawn down. The counter electrode is a uniform source of salt.
"""

from math import isfinite

import numpy as np

from models.anode.parameters import FARADAY, GAS, POINTS, AnodeParameters
from models.anode.salt import Salt
from models.anode.sphere import Spheres
from models.cell import ABSOLUTE_ZERO
from models.tables import Vector

CELLS = 10
"""Depths at which particles are followed."""
ROUNDS, CLOSE = 50, 1e-9
"""Newton's: at most, and V of all residuals from which on it is done."""


class NegativeElectrode:
    """The negative electrode of a cell, at rest at `soc` (0 to 1) at the beginning.

    `potential` (V against lithium) is what decides on plating: that of the metal against the electrolyte where the
    electrode meets the separator, where it is lowest in a charge.
    """

    def __init__(self, parameters: AnodeParameters, soc: float, cells: int = CELLS) -> None:
        if not isfinite(soc):
            raise ValueError(f"a state of charge of {soc}; give a number, 0 for empty and 1 for full.")
        self.parameters = parameters
        self._particles = Spheres(cells, parameters.stoichiometry(soc))
        self._salt = Salt(parameters, cells)
        self._depth = parameters.electrode.thickness / cells
        self._reaction = np.zeros(cells)
        self._slope = np.diff(parameters.potential) * (POINTS - 1)
        place = np.arange(cells)
        self._deeper = np.maximum.outer(place, place)
        # Electrons go the other way: from each depth they have the rest of the way to the collector.
        self._electrons = self._depth / parameters.conductivity
        self.potential = parameters.open_circuit_potential(soc)

    @property
    def soc(self) -> float:
        """The cell's charge, 0 to 1, by what the particles hold."""
        of = self.parameters
        return float((self._particles.mean.mean() - of.empty) / (of.full - of.empty))

    @property
    def salt(self) -> float:
        """All salt of the electrolyte, mol/m2."""
        return self._salt.amount

    def step(self, rate: float, duration: float, temperature: float) -> float:
        """Carry a `rate` (A over the capacity in Ah, 1/h; positive charges) for `duration` s at `temperature` (degC).

        Returns the potential at its end. Raises `ValueError` for a duration that is not above 0.
        """
        if not duration > 0.0:
            raise ValueError(f"a step of {duration} s; time only moves forward: give more than 0.")
        of, current = self.parameters, rate * self.parameters.capacity
        diffusivity = of.diffusivity * of.faster(of.diffusivity_activation, temperature)
        flux = of.radius**2 / (3.0 * of.active * FARADAY * diffusivity * of.saturation)
        surface, gain = self._particles.ahead(duration * diffusivity / of.radius**2)
        salt, taken = self._salt.ahead(duration, current)
        self._solve(current, temperature, surface, gain * flux, salt, taken)
        self._particles.step(flux * self._reaction)
        self._salt.concentration = salt + taken @ self._reaction
        return self.potential

    def _solve(
        self, current: float, temperature: float, surface: Vector, gain: float, salt: Vector, taken: Vector
    ) -> None:
        """Newton: the reactions [A/m3] that all see the same two phases, and together are the current."""
        of, cells = self.parameters, len(self._reaction)
        kelvin = temperature - ABSOLUTE_ZERO
        thermal = 2.0 * GAS * kelvin / FARADAY
        liquid = thermal * (1.0 - of.electrolyte.transference) * of.electrolyte.thermodynamic_factor
        exchange = 2.0 * of.surface_area * of.faster(of.exchange_activation, temperature)
        drop, offset = self._drops(current)
        near, far = self._salt.weights
        at_separator = near * taken[cells - 1] + far * taken[cells]
        matrix = np.ones((cells + 1, cells + 1))
        matrix[-1, -1] = 0.0
        residual = np.empty(cells + 1)
        diagonal = np.arange(cells)
        w, potential = self._reaction + (current / of.electrode.thickness - self._reaction.mean()), self.potential
        for _ in range(ROUNDS):
            position = (surface + gain * w) * (POINTS - 1)
            place = np.minimum(np.maximum(position, 0.0), POINTS - 2).astype(np.intp)
            slope = self._slope[place]
            ocp = of.potential[place] + slope * ((position - place) / (POINTS - 1))
            c = np.maximum(salt + taken @ w, 1.0)
            j0 = exchange * of.exchange_current[place] * (c[:cells] / of.electrolyte.concentration) ** of.order
            between = near * c[cells - 1] + far * c[cells]
            residual[:cells] = (
                ocp - thermal * np.arcsinh(w / j0) - potential - drop @ w - offset
                - liquid * (np.log(between) - np.log(c[:cells]))
            )
            residual[-1] = current / self._depth - w.sum()
            if abs(residual[:cells]).max() < CLOSE:
                break
            jac = -drop - liquid * (at_separator / between - taken[:cells] / c[:cells, np.newaxis])
            jac[diagonal, diagonal] += slope * gain - thermal / np.sqrt(w * w + j0 * j0)
            matrix[:cells, :cells] = jac
            matrix[:cells, -1] = -1.0
            change = np.linalg.solve(matrix, np.append(-residual[:cells], residual[-1]))
            w = w + change[:cells]
            potential += change[-1]
        self._reaction, self.potential = w, float(potential)

    def _drops(self, current: float) -> tuple[Vector, Vector]:
        """V from each depth to the separator: what an A/m3 of reaction makes of it [depth, reaction], and the rest."""
        half = self._salt.resistances()
        between = np.append(half[:-1] + half[1:], half[-1]) + self._electrons
        between[-1] -= self._electrons / 2
        beyond = np.cumsum(between[::-1])[::-1]
        drop = self._depth * beyond[self._deeper]
        drop[:, -1] -= self._depth * half[-1] / 4
        way = self._electrons * (np.arange(len(half))[::-1] + 0.5)
        return drop, -current * way
