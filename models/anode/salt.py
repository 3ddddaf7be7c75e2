"""Salt and resistance of the electrolyte in the pores of electrode, separator and counter electrode."""

import numpy as np

from models.anode.parameters import FARADAY, AnodeParameters
from models.tables import Vector

IN_SEPARATOR, IN_COUNTER = 4, 6
"""Cells of the grid there; the counter electrode takes part by its salt alone."""
NEAR = 0.1
"""Share of a concentration that a step may change."""


class Salt:
    """Salt from the negative current collector to the positive one, `concentration` in mol/m3 of liquid.

    `cells` of the electrode come first, then those of the separator and the counter electrode, whose reaction is taken
    as uniform. Steps are implicit: any length is stable, and the salt stays what it was.
    """

    def __init__(self, parameters: AnodeParameters, cells: int, near: float = NEAR) -> None:
        self._electrolyte, self.cells, self._near = parameters.electrolyte, cells, near
        layers = (parameters.electrode, parameters.separator, parameters.counter)
        counts = (cells, IN_SEPARATOR, IN_COUNTER)
        self._half = np.repeat([each.thickness / n / 2 for each, n in zip(layers, counts, strict=True)], counts)
        self._transport = np.repeat([each.transport for each in layers], counts)
        self._volume = 2 * self._half * np.repeat([each.porosity for each in layers], counts)
        self.concentration = np.full(len(self._half), self._electrolyte.concentration)
        stays = (1.0 - self._electrolyte.transference) / FARADAY
        self._taken = -2 * stays * self._half[:cells]
        self._given = np.zeros(len(self._half))
        self._given[-IN_COUNTER:] = stays / IN_COUNTER
        near, far = (self._transport[at] / self._half[at] for at in (cells - 1, cells))
        self.weights = near / (near + far), far / (near + far)
        """Of the last cell of the electrode and the first of the separator in the concentration between them."""

    @property
    def amount(self) -> float:
        """All of it, mol/m2."""
        return float(self._volume @ self.concentration)

    def ahead(self, duration: float, current: float) -> tuple[Vector, Vector]:
        """Concentrations after `duration` s of `current` (A/m2), and what an A/m3 changes, [cell, reaction]."""
        inverse = np.linalg.inv(self._exchange(duration))
        without = inverse @ (self._volume * self.concentration + duration * current * self._given)
        return without, inverse[:, : self.cells] * (duration * self._taken)

    def is_near(self, concentration: Vector) -> bool:
        """Whether a concentration is so near to that now that what goes by it was the same."""
        return bool((np.abs(concentration - self.concentration) <= self._near * self.concentration).all())

    def _exchange(self, duration: float) -> Vector:
        """The matrix of an implicit step: what cells hold, and what neighbours exchange in `duration`."""
        half = self._half / (self._electrolyte.diffusivity.at(self.concentration) * self._transport)
        between = duration / (half[:-1] + half[1:])
        exchange = np.diag(self._volume) - np.diag(between, 1) - np.diag(between, -1)
        diagonal = exchange.reshape(-1)[:: len(half) + 1]
        diagonal[:-1] += between
        diagonal[1:] += between
        return exchange

    def resistances(self) -> Vector:
        """Ohm m2 of half of each cell of the electrode."""
        cells = self.cells
        conductivity = self._electrolyte.conductivity.at(self.concentration[:cells]) * self._transport[:cells]
        return np.asarray(self._half[:cells] / conductivity)
