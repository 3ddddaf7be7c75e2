"""Energy at the AC side, counted as a box counts it: each way for itself, and never back."""


class Meter:
    """`taken` and `given` are Wh since the beginning, as the power of each scan has held since the one before."""

    def __init__(self) -> None:
        self.taken = self.given = 0.0
        self._time: float | None = None

    def count(self, power: float, time: float) -> None:
        """So many W (positive charges) at a time, s."""
        hours = 0.0 if self._time is None else (time - self._time) / 3600
        self._time = time
        # A power that nobody has measured counts for nothing: it is no number.
        if power > 0:
            self.taken += power * hours
        elif power < 0:
            self.given -= power * hours
