"""What a node makes of its cells: each voltage by a channel of its own, and a state of charge that nobody can measure.

A real estimate is a few per cent off: by a start that was guessed, by a current that is counted with a gain, and it
jumps at rest, when the node looks at the open-circuit voltage and believes that. Only at the ends, full and empty, does
it know.
"""

from collections.abc import Callable
from random import Random

import numpy as np

from instruments.virtual.plants import Cells, Vector
from instruments.virtual.simulator import Limits

AT_REST = 1800.0
"""s without a change of the charge after which the node believes the open-circuit voltage."""
STILL = 1e-6
"""Change of the state of charge between two looks that is none."""
KNOWN = 0.05
"""Distance from full and from empty within which the estimate comes to be right."""


class Estimated:
    """Cells as a node shows them: `voltage` of each off by up to an offset, `soc` by an offset and a gain.

    `clock` is the world's time, s.
    """

    def __init__(self, cells: Cells, random: Random, clock: Callable[[], float], soc: Limits, cell: Limits) -> None:
        self._cells, self._random, self._clock, self._limits = cells, random, clock, soc
        self.temperature, self.capacity = cells.temperature, cells.capacity
        count = len(cells.capacity)
        self._off = np.array([cell.drawn(random, cell.offset) for _ in range(count)])
        self._gain = soc.drawn(random, soc.reading)
        self._shown, self._moved_at = -1.0, 0.0
        self._guess()

    @property
    def voltage(self) -> Vector:
        """V of each cell, as its channel measures it."""
        voltage: Vector = self._cells.voltage + self._off
        return voltage

    @property
    def soc(self) -> Vector:
        """State of charge of each cell, 0 to 1, as the node believes it."""
        true = self._cells.soc
        level = float(true.item(0))
        self._look(level)
        apart = (level if level < 0.5 else 1.0 - level) / KNOWN  # from the end that is nearer
        trusted = 0.0 if apart < 0.0 else 1.0 if apart > 1.0 else apart
        return true + trusted * (self._offset + self._gain * level)

    def _look(self, level: float) -> None:
        """Guess anew once the charge has stood still for long."""
        now = self._clock()
        if abs(level - self._shown) > STILL:
            self._shown, self._moved_at = level, now
        elif now - self._moved_at >= AT_REST:
            self._moved_at = float("inf")
            self._guess()

    def _guess(self) -> None:
        self._offset = self._limits.drawn(self._random, self._limits.offset)
