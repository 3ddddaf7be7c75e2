"""Coolant that flows past a pack's plate, and the conditioning unit's bath that it comes from.

No dialect and no controller's menu: only heat. A plate is isothermal to the coolant in it, so that what a stream takes
is that of a heat exchanger with one side at constant temperature (effectiveness 1 - exp(-NTU); Incropera and DeWitt,
"Fundamentals of Heat and Mass Transfer", heat exchangers, the case of a capacity ratio of 0).
"""

from dataclasses import dataclass
from math import exp, expm1

HEAT_CAPACITY = 3600.0
"""J/(L K) of coolant: water with half ethylene glycol at 20 degC, 1.07 kg/L and 3.35 kJ/(kg K) (handbook values)."""


def capacity_flow(flow: float) -> float:
    """W/K that a `flow` in L/min carries per K of its own."""
    return HEAT_CAPACITY * flow / 60


def conductance(wall: float, flow: float) -> float:
    """W/K between a plate whose wall to the coolant has `wall` W/K, and the coolant as it enters at `flow` L/min.

    It rises with the flow and comes to that of the wall where the coolant has no time to become as warm as the plate:
    W (1 - exp(-wall / W)) with W from `capacity_flow`. Nothing flows, nothing is taken.
    """
    carried = capacity_flow(flow)
    return carried * -expm1(-wall / carried) if carried > 0 else 0.0


@dataclass(slots=True)
class Stream:
    """Coolant on its way through a plate: how it comes, degC and L/min, and what it has taken, J (negative: brought).

    Whoever has the plate adds to `taken`, whoever sends the coolant takes it out of there.
    """

    temperature: float = 25.0
    flow: float = 0.0
    taken: float = 0.0

    def hand_over(self) -> float:
        """What was taken since the last time, J."""
        taken, self.taken = self.taken, 0.0
        return taken


class Bath:
    """The coolant in a conditioning unit, which heats and cools it towards a set point within its powers.

    `temperature` in degC, `volume` in L, `heating` and `cooling` in W, `loss` in W/K to a room of `room` degC; `lag` is
    the time constant (s) of its controller. Assign to `temperature` for another start.
    """

    def __init__(
        self, temperature: float, *, volume: float, heating: float, cooling: float, loss: float, room: float, lag: float
    ) -> None:
        for name, value in (("volume", volume), ("lag", lag)):
            if not value > 0:
                raise ValueError(f"{name} is {value:g}; a bath needs a number above 0.")
        self.temperature = temperature
        self._capacity = volume * HEAT_CAPACITY
        self.heating, self.cooling = heating, cooling
        self._loss, self._room, self._lag = loss, room, lag
        self.power = 0.0
        """W that its heater (positive) or its refrigerator put in, mean of the last step."""

    def step(self, duration: float, set_point: float | None, brought: float) -> None:
        """Let `duration` s pass in which the stream brought so many J; None: it neither heats nor cools.

        The power is the one that is wanted to be on a first-order way to the set point at the end of the step, as far
        as there is so much: any step is stable, and conserves what goes in.
        """
        drift = brought / duration + self._loss * (self._room - self.temperature)
        wanted = 0.0
        if set_point is not None:
            goal = set_point + (self.temperature - set_point) * exp(-duration / self._lag)
            wanted = self._capacity * (goal - self.temperature) / duration - drift
        most, least = self.heating, -self.cooling
        self.power = most if wanted > most else least if wanted < least else wanted
        self.temperature += (self.power + drift) * duration / self._capacity
