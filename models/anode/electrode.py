"""A porous negative electrode under a current: where its reaction is, and its potential against lithium.

The porous-electrode theory of Doyle, Fuller and Newman (J. Electrochem. Soc. 140 (1993) 1526), of one electrode:
lithium diffuses in particles at several depths, which react by Butler and Volmer's law with an electrolyte that has a
resistance and whose salt is drawn down. The counter electrode is a uniform source of salt.
"""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from models.anode.parameters import FARADAY, GAS, KELVIN, POINTS, AnodeParameters
from models.anode.salt import NEAR, Salt
from models.anode.sphere import Spheres
from models.tables import Vector

CELLS = 10
"""Depths at which particles are followed: with 20 the lowest potential of a charge is the same within 0.2 mV."""
ROUNDS, CLOSE = 20, 1e-4
"""Newton's: at most, and V of all residuals from which on one more is the last: it leaves less than 1e-6."""
FURTHEST = 0.1
"""Stoichiometry at the surface that one round may go."""
LEAST_SHARE = 0.01
"""Of a round, that is not halved again."""
ALIKE = 0.2
"""Share by which a current may have changed for the reactions of the one before to be a good guess."""
SHORTEST, FINEST = 0.5, 16
"""s that a step is not divided below, and into how many at most: where the salt is used up no step is short enough."""
BOTTOM = -0.25
"""V below which no step is divided: nobody asks how far below lithium an electrode without salt is."""
LEAST_SALT = 1.0
"""mol/m3 below which no logarithm is taken: there the model ends."""


@dataclass(frozen=True, slots=True)
class _Law:
    """What goes by the temperature.

    `thermal` is 2RT/F (V), `liquid` what a concentration e times as large drives a current by (V), `exchange` twice
    the exchange current of 1 m3 over that of 1 m2 at the reference, `diffusion` the radius squared over the
    diffusivity (s), and `flux` that of a reaction of 1 A/m3, in diffusivity times saturation over radius.
    """

    thermal: float
    liquid: float
    exchange: float
    diffusion: float
    flux: float

    @classmethod
    def at(cls, of: AnodeParameters, temperature: float) -> "_Law":
        """Of a set at `temperature`, degC."""
        thermal = 2.0 * GAS * (temperature + KELVIN) / FARADAY
        liquid = thermal * (1.0 - of.electrolyte.transference) * of.electrolyte.thermodynamic_factor
        exchange = 2.0 * of.surface_area * of.faster(of.exchange_activation, temperature)
        diffusion = of.radius**2 / (of.diffusivity * of.faster(of.diffusivity_activation, temperature))
        return cls(thermal, liquid, exchange, diffusion, diffusion / (3.0 * of.active * FARADAY * of.saturation))


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What a step will find: contents of the surfaces, and the salt, without a reaction and by A/m3 of it."""

    surface: Vector
    gain: float
    salt: Vector
    taken: Vector


class NegativeElectrode:
    """The negative electrode of a cell, at rest at `soc` (0 to 1) at the beginning, followed at `cells` depths.

    `potential` (V against lithium) is what decides on plating: that of the metal against the electrolyte where the
    electrode meets the separator, where it is lowest in a charge. `near` is the share by which the salt may change in
    one go; a step that changes more is divided. Raises `ValueError` for a state of charge that is no number.
    """

    def __init__(self, parameters: AnodeParameters, soc: float, cells: int = CELLS, near: float = NEAR) -> None:
        if not isfinite(soc):
            raise ValueError(f"a state of charge of {soc}; give a number, 0 for empty and 1 for full.")
        self.parameters = parameters
        self._particles = Spheres(cells, parameters.stoichiometry(soc))
        self._salt = Salt(parameters, cells, near)
        self._reaction = np.zeros(cells)
        self.potential = parameters.open_circuit_potential(soc)
        self._lay_out(cells)

    def _lay_out(self, cells: int) -> None:
        """What stays the same in every step."""
        self._depth = self.parameters.electrode.thickness / cells
        self._electrons = self._depth / self.parameters.conductivity
        self._way = self._electrons * (np.arange(cells)[::-1] + 0.5)
        self._deeper = np.maximum.outer(np.arange(cells), np.arange(cells))
        # Newton's matrix: below the potentials a line that adds up the current, beside them the common potential.
        self._matrix, self._residual = np.ones((cells + 1, cells + 1)), np.empty(cells + 1)
        self._matrix[:cells, -1], self._matrix[-1, -1] = -1.0, 0.0
        self._slopes = self._matrix[:cells, :cells]
        self._diagonal = self._matrix.reshape(-1)[: cells * (cells + 2) : cells + 2]

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
        law, current, done = _Law.at(self.parameters, temperature), rate * self.parameters.capacity, 0.0
        shortest = max(SHORTEST, duration / FINEST)
        while done < duration:
            done += self._advance(current, duration - done, law, shortest)
        return self.potential

    def _advance(self, current: float, duration: float, law: _Law, shortest: float) -> float:
        """Go on for `duration` s, or for as much less as the salt allows; returns how long that was."""
        while True:
            ahead = _Ahead(*self._particles.ahead(duration / law.diffusion), *self._salt.ahead(duration, current))
            reaction, potential = self._balanced(current, law, ahead)
            salt = ahead.salt + ahead.taken @ reaction
            if duration <= shortest or self.potential < BOTTOM or self._salt.is_near(salt):
                break
            duration /= 2
        self._reaction, self.potential, self._salt.concentration = reaction, potential, salt
        self._particles.step(law.flux * reaction)
        return duration

    def _balanced(self, current: float, law: _Law, ahead: _Ahead) -> tuple[Vector, float]:
        """Newton, damped: the reactions (A/m3) that all see the same two phases and together are the current."""
        drop, gain = self._drops(current), ahead.gain * law.flux
        reaction, potential = self._guess(current / self.parameters.electrode.thickness), self.potential
        off = self._linearise(reaction, potential, law, ahead, gain, drop, current)
        for _ in range(ROUNDS):
            change = np.linalg.solve(self._matrix, self._residual)
            if off < CLOSE:
                return reaction - change[:-1], potential - float(change[-1])
            share = min(1.0, FURTHEST / max(gain * float(np.abs(change[:-1]).max()), FURTHEST))
            before, off = off, np.inf
            # The law of the reaction is so flat far from balance that a whole step may lead beyond it.
            while not off < before and share > LEAST_SHARE:
                tried, at = reaction - share * change[:-1], potential - share * float(change[-1])
                off, share = self._linearise(tried, at, law, ahead, gain, drop, current), share / 2
            reaction, potential = tried, at
        return reaction, potential

    def _guess(self, mean: float) -> Vector:
        """Reactions to begin with: as before where they are about as large, else the same everywhere."""
        change = mean - float(self._reaction.mean())
        return (
            self._reaction + change
            if abs(change) < ALIKE * abs(mean) or not change
            else np.full_like(self._reaction, mean)
        )

    def _linearise(
        self, reaction: Vector, potential: float, law: _Law, ahead: _Ahead, gain: float, drop: Vector, current: float
    ) -> float:
        """Fill in by how much each depth is out of balance (V), and how that changes; returns how far they all are."""
        cells, of = len(reaction), self.parameters
        position = (ahead.surface + gain * reaction) * (POINTS - 1)
        place = np.minimum(np.maximum(position, 0.0), POINTS - 2).astype(np.intp)
        # Beyond full and empty the potential goes on as steep as it ended; the exchange current stays.
        beyond, rise = position - place, of.slopes[:, place]
        within = np.minimum(np.maximum(beyond, 0.0), 1.0)
        ocp, logarithm = of.curves[:, place] + rise * (beyond, within)
        salt = np.maximum(ahead.salt[: cells + 1] + ahead.taken[: cells + 1] @ reaction, LEAST_SALT)
        near, far = self._salt.weights
        between, salt = near * salt[cells - 1] + far * salt[cells], salt[:cells]
        exchange = law.exchange * np.exp(logarithm) * (salt / of.electrolyte.concentration) ** of.order
        residual = self._residual[:cells]
        residual[:] = ocp - law.thermal * np.arcsinh(reaction / exchange) - law.liquid * np.log(between / salt)
        residual -= potential + drop @ reaction - current * self._way
        self._residual[-1] = reaction.sum() - current / self._depth
        root = law.thermal / np.sqrt(reaction * reaction + exchange * exchange)
        pulled = root * reaction
        at_separator = (near * ahead.taken[cells - 1] + far * ahead.taken[cells]) * (law.liquid / between)
        self._slopes[:] = ((law.liquid + of.order * pulled) / salt)[:, np.newaxis] * ahead.taken[:cells]
        self._slopes -= drop
        self._slopes -= at_separator
        self._diagonal += (rise[0] + pulled * rise[1] * (beyond == within)) * (gain * (POINTS - 1)) - root
        return sqrt(float(residual @ residual))

    def _drops(self, current: float) -> Vector:
        """V from each depth to the separator by an A/m3 of reaction at each, [depth, reaction].

        Electrons flow the other way: `_way` of the current is to be taken off.
        """
        half = self._salt.resistances()
        between = half + self._electrons
        between[:-1] += half[1:]
        between[-1] -= self._electrons / 2
        drop = self._depth * np.cumsum(between[::-1])[::-1][self._deeper]
        drop[:, -1] -= self._depth * half[-1] / 4
        return np.asarray(drop)
