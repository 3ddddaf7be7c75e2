"""Three managers that are good but for one flaw of their design, each one that the field has seen.

What finds none of them finds nothing.
"""

from managers.contract import Request
from managers.reference import Habits, Reference, State
from managers.tracking import Belief
from managers.vehicle import Range


class Percent(Reference):
    """Keeps its reserve in per cent, as an app asks for it: blind to cold cells, to the road and to the season."""

    kept = 0.15

    def _reserve(self, ways: Range) -> float:
        return self.kept


class Myopic(Reference):
    """Looks 6 h ahead and wants nothing in the car behind that, so that it sells down to the reserve first."""

    habits = Habits(sees=6.0, ends_well=False)


class Stubborn(Reference):
    """Goes on by what it assumed when it did not hear from the car: what its plan has charged is in the car, it thinks.

    A link that was lost took 0 W meanwhile. It says nothing of it and asks nobody until the car has been away.
    """

    def _forget(self) -> None:
        super()._forget()
        self._assumed: float | None = None
        self._since: Request | None = None
        self._held = 0.0

    def _believe(self, request: Request) -> Belief:
        belief = super()._believe(request)
        if request.reason == "link" and self._since is not None and self._assumed is None:
            self._assumed = self._since.soc
        if not request.plugged or request.reason == "arrival":
            self._assumed = None
        if self._assumed is not None and self._since is not None:
            self._assumed = min(max(self._assumed + self._moved(self._since, request), 0.0), 1.0)
            belief = Belief(self._assumed, sure=True)
        self._since = request
        return belief

    def _moved(self, since: Request, request: Request) -> float:
        through = self._held * since.efficiency if self._held > 0 else self._held / since.efficiency
        return min(through, since.car_charge) * -request.hours_to(since.time) / since.energy

    def _power(self, state: State) -> tuple[float, str]:
        power, why = super()._power(state)
        self._held = power
        return power, why


MANAGERS = {"percent": Percent, "myopic": Myopic, "stubborn": Stubborn}
