"""Tables by which an emulator's channels follow the charge that flows through them: arithmetic, and no dialect."""

from collections.abc import Iterable, Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

ROWS = 200
"""Of a table, at most."""
QUANTITIES = ("Q", "VOLT", "OUTCURR", "R")
"""Of a row: mAh, V, mA, mOhm."""
CHARGES, RESISTANCES = 0, 3


def least(values: Vector | NDArray[np.intp]) -> float:
    """The smallest one: where it is costs numpy a tenth of what `min` does."""
    return float(values.item(values.argmin()))


class SocTables:
    """The uploaded tables of all channels, and where each channel stands in its own.

    `position` is the charge held, mAh; `open_voltage` (V) and `resistance` (Ohm) are read at it, vectors over
    the channels.
    """

    def __init__(self, channels: int) -> None:
        self.rows = np.zeros((len(QUANTITIES), channels, ROWS))
        self.length = np.zeros(channels, dtype=np.intp)
        self.position = np.zeros(channels)
        self.open_voltage, self.slope = np.zeros(channels), np.zeros(channels)
        self._resistance = np.zeros(channels)
        self.current_limit = inf
        self._row = np.zeros(channels, dtype=np.intp)
        self._low, self._high, self._width = np.zeros(channels), np.zeros(channels), np.ones(channels)
        self._start, self._rise = np.zeros((2, channels)), np.zeros((2, channels))
        self._row_limit = np.zeros(channels)
        self._above = self._below = 0.0
        """Charge (mAh) that every channel can take, and give, before one may have come to the end of its row."""
        self._rank = np.zeros((channels, ROWS), dtype=np.intp)
        """Where each row is among the sorted ones."""
        self._first = np.arange(0, channels * ROWS, ROWS)
        """Where the rows of each channel begin, if those of all stand in one line."""
        self._rewritten = False
        """Whether resistances have been written since their lines were drawn: many rows come at once, and cost one."""
        self.dirty = True

    def compile(self) -> None:
        """Sort each channel's rows by charge held; the rest of the line repeats the last row."""
        self._sorted = np.empty_like(self.rows)
        for channel, length in enumerate(self.length):
            count = max(int(length), 1)
            rows = self.rows[:, channel, :count]
            order = np.argsort(rows[0], kind="stable")
            self._rank[channel, order] = np.arange(count)
            self._sorted[:, channel, :count] = rows[:, order]
            self._sorted[:, channel, count:] = rows[:, order[-1:]]
        low, high = self.ends = self._sorted[0, :, 0], self._sorted[0, :, -1]
        self.span = np.where(high > low, high - low, 1.0)
        self.dirty = False
        self._find_rows(range(len(self.length)))
        self._read()

    def write(self, quantity: int, channels: NDArray[np.intp], rows: NDArray[np.intp], value: float) -> None:
        """Write one quantity of a row of each of these channels, which may be running on it.

        What it is worth when the rows must be sorted anew is left until then.
        """
        self.rows[quantity, channels, rows] = value
        lengths = self.length[channels]
        if self.dirty or quantity == CHARGES or least(lengths - rows) <= 0:
            self.dirty = True
            return
        ranks = self._rank[channels, rows]
        self._sorted[quantity, channels, ranks] = value
        behind = lengths - ranks
        if least(behind) == 1:
            for index in (behind == 1).nonzero()[0].tolist():
                self._sorted[quantity, channels[index], lengths[index] :] = value
        if quantity == RESISTANCES:
            self._rewritten = True
        else:
            self._draw(channels.tolist())
            self._read()

    def place(self, channel: int, start_voltage: float) -> None:
        """Put a channel where its table has the start voltage."""
        charge, voltage = self._sorted[0, channel], self._sorted[1, channel]
        self.position[channel] = np.interp(start_voltage, voltage, charge)
        self._find_rows([channel])
        self._read()

    def shift(self, channel: int, charge: float) -> None:
        """Add charge (mAh) to one channel."""
        self.position[channel] += charge
        self.settle()

    def settle(self) -> None:
        """Take up the rows of channels whose position was set from outside."""
        self._leave_rows()
        self._read()

    def move(self, charge: Vector, most: float) -> None:
        """Add charge (mAh) to every channel, all of one sign; `most` is that of the channel that gets most of it.

        A table's ends are the ends of the battery.
        """
        self.position += charge
        if most > 0.0:
            self._above -= most
        else:
            self._below += most
        if self._above < 0.0 or self._below < 0.0:
            self._leave_rows()
        self._read()

    @property
    def resistance(self) -> Vector:
        """Ohm of each channel where it stands."""
        if self._rewritten:
            self._read()
        return self._resistance

    def row(self) -> NDArray[np.intp]:
        """Number of the row each channel runs on, from 0 in the sorted table."""
        return self._row

    def _leave_rows(self) -> None:
        """Put every channel that has left its row on another, and find how far it is to the next end of any row."""
        position = self.position
        left = ((position < self._low) | (position > self._high)).nonzero()[0].tolist()
        if left:
            # Not by `clip`, which asks a dozen questions in Python first.
            np.maximum(position, self.ends[0], out=position)
            np.minimum(position, self.ends[1], out=position)
            self._find_rows(left)
        else:
            self._find_room()

    def _find_rows(self, channels: Sequence[int]) -> None:
        """Find the rows that these channels run on: where they begin and end, and the lines between their ends."""
        for channel in channels:
            last = max(int(self.length[channel]) - 2, 0)
            row = int(self._sorted[0, channel].searchsorted(self.position[channel], "right")) - 1
            self._row[channel] = min(max(row, 0), last)
        self._draw(channels)
        self._find_room()

    def _draw(self, channels: Iterable[int]) -> None:
        """Draw the lines that these channels run on, from the row below to the row above.

        One by one, for they leave their rows one by one: numpy's ways to reach a few take ten times as long.
        """
        for channel in channels:
            row = self._row.item(channel)
            below, above = self._sorted[:, channel, row].tolist(), self._sorted[:, channel, row + 1].tolist()
            width = above[0] - below[0]
            self._low[channel], self._high[channel] = below[0], below[0] + (width if width > 0.0 else 0.0)
            self._width[channel] = width = width if width > 0.0 else 1.0
            resistance = below[RESISTANCES] * 1e-3
            self._start[:, channel] = below[1], resistance
            self._rise[:, channel] = (above[1] - below[1]) / width, (above[RESISTANCES] * 1e-3 - resistance) / width
            self._row_limit[channel] = below[2]
        # Another array each time: whoever works something out of it sees by that whether it still holds.
        self.slope = self._rise[0].copy()
        self.current_limit = least(self._row_limit) / 1000

    def _draw_resistances(self) -> None:
        """Draw those lines of all channels anew."""
        line, at = self._sorted[RESISTANCES].reshape(-1), self._first + self._row
        below = line.take(at) * 1e-3
        at += 1
        self._start[1] = below
        self._rise[1] = (line.take(at) * 1e-3 - below) / self._width

    def _find_room(self) -> None:
        # A little less than there is: a sum of many charges is not to the last bit where they lead.
        self._above = 0.999 * least(self._high - self.position) - 1e-6
        self._below = 0.999 * least(self.position - self._low) - 1e-6

    def _read(self) -> None:
        if self._rewritten:
            self._rewritten = False
            self._draw_resistances()
        value = self._rise * (self.position - self._low)
        value += self._start
        # By their numbers: taken apart, an array is gone through as any sequence, until it complains of its end.
        self.open_voltage, self._resistance = value[0], value[1]
