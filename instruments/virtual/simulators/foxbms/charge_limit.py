"""What a battery-management node lets a cell be charged with: its own table, in steps, as real ones have it."""

import numpy as np

from models.cell import CellParameters
from models.steps import StepTable

BUILT_UP = 600.0
"""s after which a current has met the resistance by which a node limits it; what takes hours it sees coming."""
EDGE = 1.0
"""s after an edge of the current of which a node sees the voltage next."""
KELVINS, SHARE = 1.0, 0.01
"""How far (K, and of the charge) into a step that allows more a pack must be: an assumption, so that none flickers."""


class ChargeLimit:
    """A step table that is followed down at once, and up only once a pack is well inside the step that allows more."""

    def __init__(self, cell: CellParameters, steps: StepTable) -> None:
        self._steps, self._held = steps, float("inf")
        self.most = steps.most
        grid = np.linspace(-40.0, 80.0, 61)
        full, edge = (cell.resistance_after(after, 0.5, grid).tolist() for after in (BUILT_UP, EDGE))
        self._resistances = list(zip(full, edge, strict=True))

    def __call__(self, coldest: float, warmest: float, soc: float) -> float:
        """C-rate (1/h) for a pack between two temperatures (degC), at the state of charge (0 to 1) of its fullest."""
        now = self._steps.rate(coldest, warmest, soc)
        if now > self._held:
            inside = self._steps.rate(coldest - KELVINS, warmest + KELVINS, soc + SHARE)
            now = max(self._held, min(now, inside))
        self._held = now
        return now

    def resistances(self, temperature: float) -> tuple[float, float]:
        """Of one cell at half charge, from a 2 K grid: its full resistance, and what an edge shows by the next update.

        Both in Ohm.
        """
        index = int((temperature + 40.0) / 2)
        return self._resistances[0 if index < 0 else 60 if index > 60 else index]
