"""Three managers that are good but for one flaw of their design, each one that the field has seen.

What finds none of them finds nothing.
"""

from dataclasses import replace

from managers.contract import Request
from managers.reference import Habits, Reference, State
from managers.vehicle import Range


class Percent(Reference):
    """Keeps its reserve in per cent, as an app asks for it: blind to cold cells, to the road and to the season."""

    kept = 0.15

    def _reserve(self, ways: Range) -> float:
        return self.kept


class Myopic(Reference):
    """Its plan has no terminal value: what is in the car where the plan ends, at a departure or a day on, is nothing.

    So it drains to the reserve by then. It looks as far ahead as the reference, and says what it sees.
    """

    habits = Habits(ends_well=False)

    def _state(self, request: Request) -> State:
        return replace(super()._state(request), need=0.0)


class Stubborn(Reference):
    """Holds its last set point on a lost link: where the car is not heard any more, it goes on as it was.

    A charger that has lost it rests, whatever it holds: a manager that does not hear the *car* is still obeyed.
    """

    def _forget(self) -> None:
        super()._forget()
        self._held: float | None = None

    def _power(self, state: State) -> tuple[float, str]:
        lost = state.request.soc is None or state.request.reason == "link"
        if lost and self._held is not None:
            return self._held, "as it was"
        power, why = super()._power(state)
        self._held = power
        return power, why


MANAGERS = {"percent": Percent, "myopic": Myopic, "stubborn": Stubborn}
