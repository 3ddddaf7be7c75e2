"""How soon a function answers: SunSpec's open-loop response time."""

from math import exp, log


class Lag:
    """A first-order lag from 0 on: 90 % of a step are there after the response time (IEEE 1547-2018, 3.1)."""

    def __init__(self) -> None:
        self._value = 0.0
        self._time: float | None = None

    def toward(self, target: float, response: float, time: float) -> float:
        """What is there at a time, s, of a target that has held since the time before."""
        passed = 0.0 if self._time is None else time - self._time
        self._time = time
        share = 1.0 - exp(-log(10.0) * passed / response) if response > 0 else 1.0
        self._value += share * (target - self._value)
        return self._value
