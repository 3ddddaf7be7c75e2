"""Fast table look-up for many cells at once: uniform in state of charge, any grid in temperature.

It knows index arithmetic and nothing about batteries; `models.cell` decides which rows there are. All work
arrays are allocated once, because at 24 cells an allocation costs as much as the arithmetic.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class LookUpTables:
    """Curves over state of charge, and surfaces over temperature and state of charge, read at `count` points.

    `curves` has shape [curve, soc] and is linear in state of charge; beyond 0 and 1 its last segment goes on, so
    that an overcharged cell's voltage runs away as it should. `surfaces` has shape [surface, temperature, soc],
    all positive: linear in state of charge, linear in temperature in the logarithm, held constant outside.
    State of charge runs from 0 to 1 in equal steps; `temperature` (degC) rises.

    After `look_up`: `value` and `slope` (per unit of state of charge) with shape [curve, count], and `surface`
    with shape [surface, count]. The arrays are overwritten by the next call.
    """

    def __init__(self, curves: Vector, surfaces: Vector, temperature: Vector, count: int) -> None:
        self._segments = curves.shape[1] - 1
        self._curve_slope = np.diff(curves, axis=1) * self._segments
        self._curve_left = curves[:, :-1].copy()
        # The last temperature twice: a point on the upper end so has a neighbour above it.
        padded = np.concatenate([surfaces, surfaces[:, -1:]], axis=1)
        self._surface_left = padded[:, :, :-1].reshape(len(surfaces), -1)
        self._surface_rise = np.diff(padded, axis=2).reshape(len(surfaces), -1)
        self._temperature = temperature
        self._rows = np.arange(len(temperature), dtype=np.float64)
        self._row_offset = np.array([[0], [self._segments]], dtype=np.intp)
        self._allocate(len(curves), len(surfaces), count)

    def _allocate(self, curves: int, surfaces: int, count: int) -> None:
        self.value = np.empty((curves, count))
        self.slope = np.empty((curves, count))
        self.surface = np.empty((surfaces, count))
        self._segment = np.empty(count, dtype=np.intp)
        self._row = np.empty(count, dtype=np.intp)
        self._corner = np.empty((2, count), dtype=np.intp)
        self._position = np.empty(count)
        self._fraction = np.empty(count)
        self._left = np.empty((surfaces, 2, count))
        self._rise = np.empty((surfaces, 2, count))

    def look_up(self, soc: Vector, temperature: Vector) -> None:
        """Read everything at `soc` (0 to 1) and `temperature` (degC), one pair per point."""
        position = np.multiply(soc, self._segments, out=self._position)
        segment = self._segment
        segment[...] = position
        np.maximum(segment, 0, out=segment)
        np.minimum(segment, self._segments - 1, out=segment)
        fraction = np.subtract(position, segment, out=self._fraction)
        self._read_curves(segment, fraction)
        np.maximum(fraction, 0.0, out=fraction)
        np.minimum(fraction, 1.0, out=fraction)
        self._read_surfaces(segment, fraction, temperature)

    def _read_curves(self, segment: NDArray[np.intp], fraction: Vector) -> None:
        # mode="clip" lets numpy write into `out` without a buffer; the indices are already inside.
        self._curve_left.take(segment, axis=1, out=self.value, mode="clip")
        self._curve_slope.take(segment, axis=1, out=self.slope, mode="clip")
        self.value += self.slope * (fraction / self._segments)

    def _read_surfaces(self, segment: NDArray[np.intp], fraction: Vector, temperature: Vector) -> None:
        place = np.interp(temperature, self._temperature, self._rows)
        row = self._row
        row[...] = place
        place -= row
        row *= self._segments
        row += segment
        corner = np.add(row, self._row_offset, out=self._corner)
        left, rise = self._left, self._rise
        self._surface_left.take(corner, axis=1, out=left, mode="clip")
        self._surface_rise.take(corner, axis=1, out=rise, mode="clip")
        rise *= fraction
        left += rise
        colder, warmer = left[:, 0], left[:, 1]
        warmer /= colder
        np.power(warmer, place, out=self.surface)
        self.surface *= colder
