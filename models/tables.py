"""Fast table look-up for many cells at once: uniform in state of charge, any grid in temperature.

It knows index arithmetic and nothing about batteries; `models.cell` decides which rows there are. All work
arrays are allocated once, because at 24 cells an allocation costs as much as the arithmetic.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Indices = NDArray[np.intp]


def bilinear(table: Vector, rows: Vector, columns: Vector, row: Vector, column: Vector) -> Vector:
    """Read `table` (shape [row, column], over two rising grids) between its points, held constant outside.

    `row` and `column` broadcast against each other; the result has their common shape.
    """
    down, below = _place(row, rows)
    along, right = _place(column, columns)
    upper = table[down, along] * (1 - right) + table[down, along + 1] * right
    lower = table[down + 1, along] * (1 - right) + table[down + 1, along + 1] * right
    return np.asarray(upper * (1 - below) + lower * below)


def _place(value: Vector, grid: Vector) -> tuple[Indices, Vector]:
    """Find the grid interval that `value` lies in, and how far into it (0 to 1)."""
    position = np.interp(value, grid, np.arange(len(grid)))
    interval = np.minimum(position.astype(np.intp), len(grid) - 2)
    return interval, position - interval


class LookUpTables:
    """Curves over state of charge, and surfaces over temperature and state of charge, read at `count` points.

    `curves` has shape [curve, soc] and is linear between its points. `surfaces` has shape [surface,
    temperature, soc], is positive and linear in its logarithm both ways, as resistances are in
    temperature. State of charge runs from 0 to 1 in equal steps; outside, the last segment goes on, so
    that an overcharged cell's voltage runs away as it should. `temperature` (degC) rises; outside it, its
    ends hold.

    After `look_up`: `value` (`values`: curve by curve) and `slope` (per unit of state of charge) with shape
    [curve, count], and `surface` with shape [surface, count]. The arrays are overwritten by the next call. The last
    surfaces, from the `varying`-th on, are the same everywhere: their values stand there from the beginning and stay.
    """

    def __init__(self, curves: Vector, surfaces: Vector, temperature: Vector, count: int) -> None:
        segments = curves.shape[1] - 1
        self._lines = np.concatenate([curves[:, :-1], np.diff(curves, axis=1) * segments])
        logarithms = np.log(surfaces)
        self.varying = _varying(logarithms)
        self._boxes = _bilinear_boxes(logarithms[: self.varying])
        self._temperature = temperature
        # Above the last temperature there is no row to stay in: nan is in none.
        self._row_per_kelvin = np.append(1.0 / np.diff(temperature), np.nan)
        self._rows = np.arange(len(temperature), dtype=np.float64)
        # Arrays, not Python numbers: numpy converts a number anew at every call, at half the call's cost.
        self._segments = np.array(segments, dtype=np.float64)
        self._row_length = np.array(segments, dtype=np.intp)
        self._first, self._last = np.array(0, dtype=np.intp), np.array(segments - 1, dtype=np.intp)
        self._allocate(len(curves), logarithms, count)

    def _allocate(self, curves: int, logarithms: Vector, count: int) -> None:
        self._line = np.empty((2 * curves, count))
        self._at_segment, self.slope = self._line[:curves], self._line[curves:]
        self.value = np.empty((curves, count))
        # Taken apart once: an array that is taken apart is gone through as any sequence, until it complains of its end.
        self.values = tuple(self.value)
        # What is the same everywhere is read now: of the time constants of cells, one or both nearly always are.
        self.surface = np.exp(np.broadcast_to(logarithms[:, 0, :1], (len(logarithms), count)))
        self._surface = self.surface[: self.varying]
        self._segment = np.empty(count, dtype=np.intp)
        self._row = np.empty(count, dtype=np.intp)
        # Side by side, so that one look sees whether all of them are still in their boxes.
        self._within = np.empty(2 * count)
        self._fraction, self._place = self._within[:count], self._within[count:]
        self._position = np.empty(count)
        # In no segment and no row yet.
        self._segment_from, self._row_from = np.full(count, np.nan), np.full(count, np.nan)
        self._per_kelvin = np.full(count, np.nan)
        self._box = np.empty((4, self.varying, count))
        self._at_cold_end, self._over_temperature = self._box[:2], self._box[2:]
        self._over_soc = np.empty((2, self.varying, count))

    def look_up(self, soc: Vector, temperature: Vector) -> None:
        """Read everything at `soc` (0 to 1) and `temperature` (degC), one pair per point."""
        position = np.multiply(soc, self._segments, out=self._position)
        fraction = np.subtract(position, self._segment_from, out=self._fraction)
        place = np.subtract(temperature, self._row_from, out=self._place)
        place *= self._per_kelvin
        # From one step to the next nearly all points stay in their boxes: to see that takes 1.2 us, to find them 7.6.
        if not _inside(self._within):
            self._find_boxes(position, temperature)
        self._read_surfaces(fraction, place)
        fraction /= self._segments
        np.multiply(self.slope, fraction, out=self.value)
        self.value += self._at_segment

    def _find_boxes(self, position: Vector, temperature: Vector) -> None:
        """Find the segment and the row that each point is in, what the tables are there, and where in it it is."""
        segment, row, place = self._segment, self._row, self._place
        segment[...] = position
        np.maximum(segment, self._first, out=segment)
        np.minimum(segment, self._last, out=segment)
        self._segment_from[...] = segment
        np.subtract(position, segment, out=self._fraction)
        # mode="clip" lets numpy write into `out` without a buffer; the indices are already inside.
        self._lines.take(segment, axis=1, out=self._line, mode="clip")
        place[...] = np.interp(temperature, self._temperature, self._rows)
        row[...] = place
        place -= row
        self._temperature.take(row, out=self._row_from, mode="clip")
        self._row_per_kelvin.take(row, out=self._per_kelvin, mode="clip")
        row *= self._row_length
        row += segment
        self._boxes.take(row, axis=2, out=self._box, mode="clip")

    def _read_surfaces(self, fraction: Vector, place: Vector) -> None:
        # First along the temperature, what is left is a line over state of charge: half the work of four weights.
        line = np.multiply(self._over_temperature, place, out=self._over_soc)
        line += self._at_cold_end
        surface = np.multiply(line[1], fraction, out=self._surface)
        surface += line[0]
        np.exp(surface, out=surface)


def _inside(share: Vector) -> bool:
    """Whether all are from 0 to below 1; where the least is costs numpy a tenth of `min`."""
    return bool(share.item(share.argmin()) >= 0.0 and share.item(share.argmax()) < 1.0)


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
