"""A porous negative electrode under a current: where its reaction is, and its potential against lithium.

The porous-electrode theory of Doyle, Fuller and Newman (J. Electrochem. Soc. 140 (1993) 1526), of one electrode: lithium
diffuses in particles at several depths, which react by Butler and Volmer's law with an electrolyte that has a resistance
and whose salt is drawn down. The counter electrode is a uniform source of salt.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from models.anode.parameters import FARADAY, GAS, KELVIN, POINTS, AnodeParameters
from models.anode.salt import Salt
from models.anode.sphere import Spheres
from models.tables import Vector

CELLS = 10
"""Depths at which particles are followed."""
ROUNDS, CLOSE = 50, 1e-6
"""Newton's: at most, and V of all residuals from which on it is done."""
FURTHEST = 0.1
"""Stoichiometry at the surface that one round may go."""
SHORTEST = 0.5
"""s that a step is not divided below."""
LEAST_SALT = 1.0
"""mol/m3 below which no logarithm is taken: there the model ends."""


@dataclass(frozen=True, slots=True)
class _Law:
    """What goes by the temperature."""

    thermal: float
    """2RT/F, V."""
    liquid: float
    """V by which a concentration e times as large drives a current."""
    exchange: float
    """Twice the exchange current of an m3 over that of an m2 at the reference."""
    diffusion_time: float
    """Radius squared over diffusivity, s."""
    flux: float
    """Of a reaction of 1 A/m3, in diffusivity times saturation over radius."""
    per_salt: float

    @classmethod
    def at(cls, of: AnodeParameters, temperature: float) -> "_Law":
        thermal = 2.0 * GAS * (temperature + KELVIN) / FARADAY
        diffusivity = of.diffusivity * of.faster(of.diffusivity_activation, temperature)
        return cls(
            thermal, thermal * (1.0 - of.electrolyte.transference) * of.electrolyte.thermodynamic_factor,
            2.0 * of.surface_area * of.faster(of.exchange_activation, temperature),
            of.radius**2 / diffusivity,
            of.radius**2 / (3.0 * of.active * FARADAY * diffusivity * of.saturation),
            1.0 / of.electrolyte.concentration,
        )  # fmt: skip


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
        self._matrix, self._residual = np.ones((cells + 1, cells + 1)), np.empty(cells + 1)
        self._matrix[:cells, -1], self._matrix[-1, -1] = -1.0, 0.0
        self._diagonal = self._matrix.ravel()[: cells * (cells + 2) : cells + 2]
        self.rounds = 0
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
        law = _Law.at(self.parameters, temperature)
        left = duration
        while left > 0.0:
            left -= self._advance(rate * self.parameters.capacity, min(left, duration), law)
        return self.potential

    def _advance(self, current: float, duration: float, law: "_Law") -> float:
        """Go on for `duration` s, or for as much less as the salt allows; returns how long that was."""
        while True:
            surface, gain = self._particles.ahead(duration / law.diffusion_time)
            salt, taken = self._salt.ahead(duration, current)
            reaction, potential = self._solved(current, law, surface, gain * law.flux, salt, taken)
            salt = salt + taken @ reaction
            if duration <= SHORTEST or self._salt.is_near(salt):
                break
            duration /= 2
        self._reaction, self.potential = reaction, potential
        self._particles.step(law.flux * reaction)
        self._salt.concentration = salt
        return duration

    def _solved(
        self, current: float, law: "_Law", surface: Vector, gain: float, salt: Vector, taken: Vector
    ) -> tuple[Vector, float]:
        """Newton: the reactions [A/m3] that all see the same two phases and together are the current."""
        of, cells = self.parameters, len(self._reaction)
        drop, offset = self._drops(current)
        near, far = self._salt.weights
        at_separator = near * taken[cells - 1] + far * taken[cells]
        matrix, residual = self._matrix, self._residual
        taken, own = taken[: cells + 1], taken[:cells]
        w, potential = self._reaction + (current / of.electrode.thickness - self._reaction.mean()), self.potential
        for round_ in range(ROUNDS):
            position = (surface + gain * w) * (POINTS - 1)
            place = np.minimum(np.maximum(position, 0.0), POINTS - 2).astype(np.intp)
            value, slope = of.curves[:, place], of.slopes[:, place]
            value = value + slope * (position - place)
            c = np.maximum(salt[: cells + 1] + taken @ w, LEAST_SALT)
            between = near * c[cells - 1] + far * c[cells]
            c = c[:cells]
            j0 = law.exchange * np.exp(value[1]) * (c * law.per_salt) ** of.order
            residual[:cells] = (
                value[0] - law.thermal * np.arcsinh(w / j0) - potential - drop @ w - offset
                - law.liquid * np.log(between / c)
            )
            residual[-1] = w.sum() - current / self._depth
            if round_ and abs(residual[:cells]).max() < CLOSE:
                break
            root = law.thermal / np.sqrt(w * w + j0 * j0)
            pulled = root * w
            matrix[:cells, :cells] = ((law.liquid + of.order * pulled) / c)[:, np.newaxis] * own - drop - (law.liquid / between) * at_separator
            self._diagonal[:] += (slope[0] + pulled * slope[1]) * (gain * (POINTS - 1)) - root
            change = np.linalg.solve(matrix, residual)
            change *= min(1.0, FURTHEST / max(gain * np.abs(change[:cells]).max(), FURTHEST))
            w = w - change[:cells]
            potential -= change[-1]
        self.rounds += round_
        return w, float(potential)

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
