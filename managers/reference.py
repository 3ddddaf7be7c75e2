"""The reference: a linear programme of the day ahead, and behind it a rule that no forecast and no plan can overrule.

The rule: below the reserve it charges with all there is; as long before a departure as full power needs, and a time of
grace on top, it does so too; it gives back nothing that it is not sure of, and who is begun in the middle of things is
sure of nothing for a while. The grace is as long as links are lost (a router is off all night: six hours), and an hour
for cold cells that take less. In all the time that is left the programme decides by cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from managers.contract import MOST, Request, read
from managers.home import MODEL, Home, Sight
from managers.programme import Case, Dispatch, Programme
from managers.tracking import Belief, Tracker
from managers.vehicle import Range
from models.vehicle.car import load_car

QUARTER = 0.25
"""h of a step."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How careful a manager is, and what it looks at.

    `grace` (h) before a departure everything is in the car; `guard` is a share of the charge by which reserve and need
    are raised; `wear` the price of a kWh through the pack, `still` (h) the time between two turns of the power's sign,
    `smallest` the share of the charger's power below which it rests. `ends_well` is whether it wants anything in the
    car where its plan ends.
    """

    grace: float = 7.0
    guard: float = 0.03
    wear: float = 0.06
    still: float = 1.0
    smallest: float = 0.08
    ends_well: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """One decision: what is believed, in energy (Wh), and what full power is.

    `reserve` and `need` are wanted in the car, now and at the departure in `hours`; `full` (W) gets into the car.
    """

    request: Request
    ways: Range
    belief: Belief
    stored: float
    reserve: float
    need: float
    hours: float
    full: float

    def late(self, more: float) -> bool:
        """Whether full power does not reach the need by so many h before the departure."""
        return self.stored + self.full * max(self.hours - more, 0.0) < self.need


class Reference:
    """A manager as good as we know; one car for each."""

    habits = Habits()

    def __init__(self) -> None:
        self._programme: Programme | None = None
        self._forget()

    def _forget(self) -> None:
        """Begin with a car that nothing is known of."""
        self._tracker = Tracker()
        self._sign, self._turned = 0, float("-inf")
        self._charging = False

    def prepare(self) -> None:
        """Decide about some car, which is forgotten: what solves a plan is loaded by then, and a pack is known."""
        some = datetime(2026, 1, 12, 18, tzinfo=UTC)
        self.decide(Home({"trip": None}).request(Sight(
            some, "start", plugged=True, soc=0.5, energy=load_car(MODEL).energy, charge=7400.0, discharge=7400.0,
            takes=7000.0, gives=7000.0,
        )))  # fmt: skip
        self._forget()

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request of the contract; raises `ContractError`, or `ValueError` for a car or road unknown here."""
        asked = read(request)
        if asked.reason == "start":
            self._forget()
        state = self._state(asked)
        power, why = self._power(state) if asked.plugged else (0.0, "the car is away")
        if asked.plugged and state.hours < 0:
            why = f"{why}; the departure that was told is past"
        self._tracker.asked(power)
        return {"power": round(power), "say": why, "warnings": self._warnings(state)}

    # --- what is ---------------------------------------------------------------------------------------------------

    def _state(self, request: Request) -> State:
        belief = self._believe(request)
        ways = Range(request)
        energy, guard = request.energy, self.habits.guard
        hours = request.hours_to(request.trip.departure) if request.trip else float("inf")
        return State(
            request, ways, belief, belief.soc * energy, self._reserve(ways) * energy + guard * energy,
            min(ways.need() + guard * (request.trip is not None), 1.0) * energy, hours, _full(request),
        )  # fmt: skip

    def _believe(self, request: Request) -> Belief:
        return self._tracker.follow(request)

    def _reserve(self, ways: Range) -> float:
        """State of charge that the reserve needs."""
        return ways.reserve()

    def _warnings(self, state: State) -> list[dict[str, Any]]:
        """The next departure, where full power from now on does not reach what is needed there.

        One that is past, of a car that is still here, is now: whatever lacks, lacks.
        """
        trip = state.request.trip
        if trip is None:
            return []
        energy = state.request.energy
        wanted = state.ways.need() * energy + self.habits.guard * energy / 2
        reached = min(state.stored + state.full * max(state.hours, 0.0) * state.request.plugged, energy)
        short = state.ways.kilometres((wanted - reached) / energy)
        if short <= 0 or not state.request.plugged:
            return []
        return [{"departure": trip.departure.isoformat(), "short": round(short, 1)}]

    # --- what to do ------------------------------------------------------------------------------------------------

    def _power(self, state: State) -> tuple[float, str]:
        must = self._must(state)
        if must:
            self._turn(state, 1)
            return self._most(state), must
        plan = self._plan(state)
        power = self._calm(state, self._safe(state, float(plan.power[0])))
        rest = "rest" if state.belief.sure else "rest: its charge is not sure"
        return power, "the cheapest day" if power else rest

    def _must(self, state: State) -> str:
        """Why it has to charge with all there is; empty where it has not to."""
        below = state.stored < state.reserve + (0.02 * state.request.energy if self._charging else 0.0)
        late = state.stored < state.need and state.late(self.habits.grace + QUARTER)
        self._charging = below and state.request.car_charge > 0
        return "below the reserve" if below else "to be ready in time" if late else ""

    @staticmethod
    def _most(state: State) -> float:
        """All there is, W at the AC side: a car that takes less takes less."""
        return state.request.charge

    def _safe(self, state: State, power: float) -> float:
        """Of a plan, what may be: nothing out of a car that is not sure, and so much that the next quarter is safe."""
        request = state.request
        smallest = max(request.least, self.habits.smallest * request.charge)
        if power < 0:
            spare = min(state.stored - state.reserve, self._spare(state))
            power = -min(-power, max(spare, 0.0) / QUARTER * request.efficiency) if state.belief.sure else 0.0
        return power if abs(power) >= smallest else 0.0

    def _spare(self, state: State) -> float:
        """Wh that can be given away for a quarter of an hour and be back by full power, grace and all."""
        slack = state.hours - self.habits.grace - 3 * QUARTER
        return state.stored + state.full * max(slack, 0.0) - state.need if state.need > 0 else float("inf")

    def _calm(self, state: State, power: float) -> float:
        """Rests rather than turn the sign of its power again within the hour."""
        sign = (power > 0) - (power < 0)
        now = state.request.time.timestamp()
        if sign and sign == -self._sign and now - self._turned < 3600 * self.habits.still:
            return 0.0
        self._turn(state, sign)
        return power

    def _turn(self, state: State, sign: int) -> None:
        if sign and sign != self._sign:
            self._sign, self._turned = sign, state.request.time.timestamp()

    # --- the plan --------------------------------------------------------------------------------------------------

    def _plan(self, state: State) -> Dispatch:
        efficiency = state.request.efficiency
        if self._programme is None or self._programme.efficiency != efficiency:
            self._programme = Programme(MOST, efficiency)
        return self._programme.solve(self._case(state))

    def _case(self, state: State) -> Case:
        request, count = state.request, MOST
        hours = np.full(count, request.step / 3600)
        hours[0] = (request.step - _into(request.time, request.step)) / 3600
        ends = np.cumsum(hours)
        home = (ends <= state.hours) | (ends - hours[0] <= 0)
        house, sun = np.array(request.ahead("house")), np.array(request.ahead("sun"))
        house[0] = house[0] if request.house is None else request.house
        sun[0] = sun[0] if request.sun is None else request.sun
        buy, sell = np.array(request.ahead("buy")), np.array(request.ahead("sell"))
        floor = np.where(home, state.reserve, 0.0)
        floor[home & (ends >= state.hours - self.habits.grace)] = max(state.need, state.reserve)
        most = min(request.charge, request.car_charge / request.efficiency)
        least = min(request.discharge, request.car_discharge * request.efficiency) * state.belief.sure
        worth = float(np.quantile(buy, 0.25)) / request.efficiency if self.habits.ends_well else 0.0
        return Case(
            hours, most * home, least * home, house - sun, request.imports, request.exports, buy, sell, floor,
            state.stored, request.energy, self.habits.wear, worth,
        )  # fmt: skip

    def careful(self, **habits: Any) -> "Reference":
        """Change some of its habits."""
        self.habits = replace(self.habits, **habits)
        return self


def _into(time: datetime, step: float) -> float:
    """S that have passed of the step that began last."""
    return (time.minute * 60 + time.second + time.microsecond / 1e6) % step


def _full(request: Request) -> float:
    """W that get into the car at full power, in the worst hour of the house that is foreseen."""
    house = max(request.house or 0.0, *request.forecast["house"])
    room = max(request.imports - house, 0.0)
    return max(min(min(request.charge, room) * request.efficiency, request.car_charge), 1.0)


MANAGERS = {"reference": Reference}
