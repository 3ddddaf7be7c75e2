"""Where each parameter of a cell stands in the one vector that is fitted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.tables import Vector

Indices = NDArray[np.intp]

KNOTS = np.array([
    0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96, 0.98, 1.0,
])  # fmt: skip
"""States of charge at which all but the open-circuit voltage is fitted: dense where cells change fast."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Open-circuit voltage (V) at `points`, entropic (V/K) and hysteresis (V) at `KNOTS`, then log Ohm, log s, soc.

    Resistances have a value per temperature (degC, rising) and knot; each record has a state of charge at its start.
    """

    points: int
    temperature: Vector
    pairs: int
    records: int

    @property
    def ocv(self) -> slice:
        """The open-circuit voltage."""
        return slice(0, self.points)

    @property
    def entropic(self) -> slice:
        """The entropic coefficient."""
        return slice(self.points, self.points + len(KNOTS))

    @property
    def hysteresis(self) -> slice:
        """Half the gap between the branches."""
        return slice(self.entropic.stop, self.entropic.stop + len(KNOTS))

    def resistance(self, which: int) -> slice:
        """The logarithms of r0 (0) or of a pair's resistance (from 1), by temperature, then by knot."""
        size = len(self.temperature) * len(KNOTS)
        return slice(self.hysteresis.stop + which * size, self.hysteresis.stop + (which + 1) * size)

    def tau(self, pair: int) -> int:
        """The logarithm of the time constant of a pair, from 1."""
        return int(self.resistance(self.pairs).stop) + pair - 1

    def start(self, record: int) -> int:
        """The state of charge at the start of a record, from 0."""
        return self.tau(self.pairs) + 1 + record

    @property
    def count(self) -> int:
        """Number of parameters."""
        return self.start(self.records)

    def curve(self, soc: Vector) -> tuple[Indices, Vector]:
        """Segment of the open-circuit voltage, and how far in it; outside, the last one goes on."""
        position = soc * (self.points - 1)
        segment = np.clip(position.astype(np.intp), 0, self.points - 2)
        return segment, position - segment

    def knot(self, soc: Vector) -> tuple[Indices, Vector]:
        """Interval between knots, and how far in it; outside, its ends hold."""
        return _between(KNOTS, soc)

    def box(self, soc: Vector, temperature: Vector) -> tuple[Indices, Vector]:
        """The four corners in a table [temperature, knot] around each row, and their weights; both [row, 4]."""
        knot, right = _between(KNOTS, soc)
        row, above = _between(self.temperature, temperature)
        corner = row * len(KNOTS) + knot
        places = np.stack([corner, corner + 1, corner + len(KNOTS), corner + len(KNOTS) + 1], axis=1)
        weights = np.stack([(1 - above) * (1 - right), (1 - above) * right, above * (1 - right), above * right], axis=1)
        return places, weights


def _between(grid: Vector, value: Vector) -> tuple[Indices, Vector]:
    position = np.interp(value, grid, np.arange(len(grid)))
    interval = np.minimum(position.astype(np.intp), len(grid) - 2)
    return interval, position - interval
