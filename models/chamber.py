"""The air in a climatic chamber: a set point approached at a limited ramp, and a lag behind it.

Only what the air does; alarms, programs and the controller's dialect belong to the chamber's simulator.
"""

from math import exp


class ChamberAir:
    """Air that follows a ramped set point with a first-order lag.

    `temperature` and `set_point` are degC, ramps K/min (the unit of chamber data sheets), `lag` the time
    constant in s between the ramped set point and the air; 0 means none. The update is exact for any step
    size: a step in which the ramp arrives is solved in two parts. Assign to `set_point` and `ramp`
    between steps.
    """

    def __init__(
        self,
        temperature: float = 25.0,
        set_point: float | None = None,
        *,
        max_heating: float = 3.0,
        max_cooling: float = 2.0,
        lag: float = 60.0,
    ) -> None:
        self.temperature = temperature
        self.set_point = temperature if set_point is None else set_point
        self.max_heating = _above_zero("max_heating", "K/min", max_heating)
        self.max_cooling = _above_zero("max_cooling", "K/min", max_cooling)
        if lag < 0:
            raise ValueError(f"lag is {lag:g} s; the air can only follow: give 0 or more.")
        self._lag = lag
        self._ramped = temperature
        self._ramp: float | None = None

    @property
    def ramp(self) -> float | None:
        """The ramp asked for, K/min; None: as fast as the chamber can. Its own limits always hold."""
        return self._ramp

    @ramp.setter
    def ramp(self, ramp: float | None) -> None:
        self._ramp = None if ramp is None else _above_zero("ramp", "K/min", ramp)

    @property
    def ramped_set_point(self) -> float:
        """Where the ramp is now, degC: what the air is driven towards at this moment."""
        return self._ramped

    def step(self, duration: float) -> None:
        """Advance the air by `duration` s."""
        if self.temperature == self._ramped == self.set_point:
            return
        distance = self.set_point - self._ramped
        slope = self._slope(distance)
        ramping = min(duration, distance / slope) if slope else 0.0
        self._follow(slope, ramping)
        if ramping < duration:
            self._ramped = self.set_point
            self._follow(0.0, duration - ramping)

    def _slope(self, distance: float) -> float:
        """Signed rate of the ramp in K/s."""
        if distance == 0:
            return 0.0
        limit = self.max_heating if distance > 0 else self.max_cooling
        rate = limit if self._ramp is None else min(limit, self._ramp)
        return rate / 60 if distance > 0 else -rate / 60

    def _follow(self, slope: float, duration: float) -> None:
        """Exact response of a first-order lag to a line that starts at the ramped set point."""
        self._ramped += slope * duration
        behind = slope * self._lag
        decay = exp(-duration / self._lag) if self._lag else 0.0
        start = self._ramped - slope * duration
        self.temperature = self._ramped - behind + (self.temperature - start + behind) * decay


def _above_zero(name: str, unit: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} is {value:g} {unit}; give a positive rate, the direction follows from the set point.")
    return value
