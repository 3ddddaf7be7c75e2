"""Fast table look-up for many cells at once: uniform in state of charge, any grid in temperature.

It knows index arithmetic and nothing about batteries; `models.cell` decides which rows there are. All work
arrays are allocated once, because at 24 cells an allocation costs as much as the arithmetic.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Indices = NDArray[np.intp]


class LookUpTables:
    """Curves over state of charge, and surfaces over temperature and state of charge, read at `count` points.

    `curves` has shape [curve, soc] and is linear between its points. `surfaces` has shape [surface,
    temperature, soc], is positive and linear in its logarithm both ways, as resistances are in
    temperature. State of charge runs from 0 to 1 in equal steps; outside, the last segment goes on, so
    that an overcharged cell's voltage runs away as it should. `temperature` (degC) rises; outside it, its
    ends hold.

    After `look_up`: `value` and `slope` (per unit of state of charge) with shape [curve, count], and
    `surface` with shape [surface, count]. The arrays are overwritten by the next call. The last surfaces, from the
    `varying`-th on, are the same everywhere: their values stand there from the beginning and stay.
    """

    def __init__(self, curves: Vector, surfaces: Vector, temperature: Vector, count: int) -> None:
        segments = curves.shape[1] - 1
        self._lines = np.concatenate([curves[:, :-1], np.diff(curves, axis=1) * segments])
        logarithms = np.log(surfaces)
        self.varying = _varying(logarithms)
        self._boxes = _bilinear_boxes(logarithms[: self.varying])
        self._temperature = temperature
        self._rows = np.arange(len(temperature), dtype=np.float64)
        # Arrays, not Python numbers: numpy converts a number anew at every call, at half the call's cost.
        self._segments = np.array(segments, dtype=np.float64)
        self._row_length = np.array(segments, dtype=np.intp)
        self._first, self._last = np.array(0, dtype=np.intp), np.array(segments - 1, dtype=np.intp)
        self._allocate(len(curves), logarithms, count)

    def _allocate(self, curves: int, logarithms: Vector, count: int) -> None:
        self._line = np.empty((2 * curves, count))
        self.value, self.slope = self._line[:curves], self._line[curves:]
        # What is the same everywhere is read now: of the time constants of cells, one or both nearly always are.
        self.surface = np.exp(np.broadcast_to(logarithms[:, 0, :1], (len(logarithms), count)))
        self._surface = self.surface[: self.varying]
        self._segment = np.empty(count, dtype=np.intp)
        self._row = np.empty(count, dtype=np.intp)
        self._position = np.empty(count)
        self._fraction = np.empty(count)
        self._box = np.empty((4, self.varying, count))
        self._at_cold_end, self._over_temperature = self._box[:2], self._box[2:]
        self._over_soc = np.empty((2, self.varying, count))

    def look_up(self, soc: Vector, temperature: Vector) -> None:
        """Read everything at `soc` (0 to 1) and `temperature` (degC), one pair per point."""
        position = np.multiply(soc, self._segments, out=self._position)
        segment = self._segment
        segment[...] = position
        np.maximum(segment, self._first, out=segment)
        np.minimum(segment, self._last, out=segment)
        fraction = np.subtract(position, segment, out=self._fraction)
        self._read_surfaces(segment, fraction, temperature)
        fraction /= self._segments
        self._read_curves(segment, fraction)

    def _read_curves(self, segment: Indices, distance: Vector) -> None:
        # mode="clip" lets numpy write into `out` without a buffer; the indices are already inside.
        self._lines.take(segment, axis=1, out=self._line, mode="clip")
        self.value += self.slope * distance

    def _read_surfaces(self, segment: Indices, fraction: Vector, temperature: Vector) -> None:
        place = np.interp(temperature, self._temperature, self._rows)
        row = self._row
        row[...] = place
        place -= row
        row *= self._row_length
        row += segment
        self._boxes.take(row, axis=2, out=self._box, mode="clip")
        # First along the temperature, what is left is a line over state of charge: half the work of four weights.
        line = np.multiply(self._over_temperature, place, out=self._over_soc)
        line += self._at_cold_end
        surface = np.multiply(line[1], fraction, out=self._surface)
        surface += line[0]
        np.exp(surface, out=surface)


def _varying(surfaces: Vector) -> int:
    """How many surfaces there are up to the last one that is not the same everywhere; one at least."""
    differ = np.flatnonzero((surfaces != surfaces[:, :1, :1]).any(axis=(1, 2)))
    return int(differ[-1]) + 1 if len(differ) else 1


def _bilinear_boxes(surfaces: Vector) -> Vector:
    """Lay out z = a + b x + c y + d x y of every grid box, x over soc, y over temperature.

    The result has shape [4, surface, box]. The last temperature is taken twice: a point on the upper end so
    has a box of its own.
    """
    padded = np.concatenate([surfaces, surfaces[:, -1:]], axis=1)
    corner = padded[:, :-1, :-1]
    over_soc = np.diff(padded, axis=2)
    over_temperature = np.diff(padded, axis=1)[:, :, :-1]
    boxes = np.array([corner, over_soc[:, :-1], over_temperature, np.diff(over_soc, axis=1)])
    return boxes.reshape(4, len(surfaces), -1)
