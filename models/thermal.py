"""Lumped thermal masses in air: cells, or the dummy cells that stand in for them.

Each mass has one temperature and exchanges heat with the air only; conduction between neighbours is left out.
"""

import numpy as np
from numpy.typing import ArrayLike

from models.tables import Vector


def read_only(vector: Vector) -> Vector:
    """Make a view of `vector` that follows it and refuses writes."""
    view = vector.view()
    view.flags.writeable = False
    return view


class LumpedMasses:
    """`count` masses of `heat_capacity` (J/K), each coupled to the air by `conductance` (W/K).

    Both, and the initial `temperature` (degC), are one number for all masses or one per mass. The update is
    the exact solution for constant heat and air temperature, so its result does not depend on the step size.
    `temperature` is a read-only vector that follows the state.
    Raises `ValueError` for a capacity or conductance that is not positive.
    """

    def __init__(
        self, count: int, *, heat_capacity: ArrayLike, conductance: ArrayLike, temperature: ArrayLike = 25.0
    ) -> None:
        self._conductance = _positive("conductance", "W/K", conductance, count)
        self._time_constant = _positive("heat_capacity", "J/K", heat_capacity, count) / self._conductance
        self._temperature = np.full(count, temperature, dtype=np.float64)
        self._approach = np.empty(count)
        self._work = np.empty(count)
        self._duration = -1.0
        self.temperature = read_only(self._temperature)

    def step(self, heat: ArrayLike, air_temperature: ArrayLike, duration: float) -> None:
        """Let `heat` (W) act for `duration` s in air of `air_temperature` degC (each one, or per mass)."""
        if duration != self._duration:
            # The share of the way to equilibrium covered in one step: the same for every step of this length.
            np.negative(np.expm1(-duration / self._time_constant), out=self._approach)
            self._duration = duration
        work = np.divide(heat, self._conductance, out=self._work)
        work += air_temperature
        work -= self._temperature
        work *= self._approach
        self._temperature += work

    def step_beside(
        self, heat: ArrayLike, air_temperature: ArrayLike, duration: float, conductance: float, beside: float
    ) -> float:
        """As `step`, with something else beside each mass: of `beside` degC, behind `conductance` W/K.

        Returns the heat (J) that all masses together have given it, by their mean temperatures over the step.
        """
        both = self._conductance + conductance
        settled = (np.asarray(heat) + self._conductance * np.asarray(air_temperature) + conductance * beside) / both
        lasting = self._time_constant * self._conductance / both
        moved = (settled - self._temperature) * -np.expm1(-duration / lasting)
        self._temperature += moved
        return float(conductance * np.add.reduce((settled - beside) * duration - moved * lasting))

    def warm(self, mass: int, energy: float) -> None:
        """Put `energy` (J) into one mass at once."""
        self._temperature[mass] += energy / (self._time_constant[mass] * self._conductance[mass])

    def cool_by(self, factor: float) -> None:
        """Multiply the conductance to the air by `factor` from now on: a fan that fails, or is repaired."""
        self._conductance = _positive("conductance", "W/K", self._conductance * factor, len(self._conductance))
        self._time_constant /= factor
        self._duration = -1.0


def _positive(name: str, unit: str, value: ArrayLike, count: int) -> Vector:
    vector = np.full(count, value, dtype=np.float64)
    if not np.all(vector > 0):
        raise ValueError(f"{name} is {vector.min():g} {unit}; a thermal mass needs a number above 0.")
    return vector
