"""Diffusion of lithium into spherical particles, by the modes of their shells.

Shells are a linear system, and its modes decouple: a step of any length is exact for a flux that is constant over it,
and what a particle holds is what has flowed into it.
"""

import numpy as np

from models.tables import Vector

SHELLS = 20
"""Of each particle: so many that the surface is within 1 % of the exact solution from 0.003 radius2/diffusivity on."""
REFINED = 2.0
"""Exponent by which shells become thinner towards the surface, where the gradient is."""


class Spheres:
    """The content (0 to 1) of `count` equal particles over their radius, at rest at `content` at the beginning.

    A duration is counted in radius squared over diffusivity, a flux in diffusivity times saturation over radius: so
    each particle is the unit sphere.
    """

    def __init__(self, count: int, content: float, shells: int = SHELLS) -> None:
        edges = 1.0 - (1.0 - np.linspace(0.0, 1.0, shells + 1)) ** REFINED
        volumes, middles = np.diff(edges**3) / 3.0, (edges[:-1] + edges[1:]) / 2
        self._rates, self._modes = _modes(volumes, edges[1:-1] ** 2 / np.diff(middles))
        self._root = np.sqrt(volumes)
        self._outermost = self._modes[-1] / self._root[-1]
        self._half_shell = float(1.0 - middles[-1])
        self._amplitudes = np.outer(self._root @ self._modes, np.full(count, content))
        self._decay = self._growth = np.empty(0)

    @property
    def mean(self) -> Vector:
        """Content of each particle as a whole, shape [count]."""
        return np.asarray(3.0 * (self._root @ self._modes) @ self._amplitudes)

    @property
    def contents(self) -> Vector:
        """Content of each shell, from the inside out, shape [shell, count]."""
        return np.asarray(self._modes @ self._amplitudes / self._root[:, np.newaxis])

    def ahead(self, duration: float) -> tuple[Vector, float]:
        """What the surfaces hold after `duration` without a flux, and what a flux of 1 adds to each."""
        grown = np.expm1(self._rates * duration)
        self._decay = grown + 1.0
        grown[1:] /= self._rates[1:]
        grown[0] = duration  # of the mode that does not decay, which is the whole content
        self._growth = grown * self._outermost
        without = (self._outermost * self._decay) @ self._amplitudes
        return without, float(self._outermost @ self._growth) + self._half_shell

    def step(self, flux: Vector) -> None:
        """Let a `flux` [count] into the particles, for the duration that was looked `ahead`."""
        self._amplitudes *= self._decay[:, np.newaxis]
        self._amplitudes += np.outer(self._growth, flux)


def _modes(volumes: Vector, conductances: Vector) -> tuple[Vector, Vector]:
    """Rates (0, then falling) and modes of shells between which `conductances` lie."""
    exchange = np.diag(conductances, 1) + np.diag(conductances, -1)
    exchange -= np.diag(exchange.sum(axis=1))
    rates, modes = np.linalg.eigh(exchange / np.sqrt(np.outer(volumes, volumes)))
    return np.append(0.0, rates[-2::-1]), modes[:, ::-1]
