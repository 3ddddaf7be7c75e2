"""Preconditioning: cells are brought to the temperature at which they take most, and the step ends when they are there.

No current flows. Coolant leads the cells until they are there, as a car's heater or chiller does, and stays at the
target afterwards: what a charge heats is carried away.
"""

from collections.abc import Container, Iterable

from bench import columns
from bench.columns import INDEX
from bench.road import TARGET_BAND, Precondition
from bench.running.declared import Place
from bench.running.ending import Conditions
from bench.running.procedures.base import BeyondThePack, Control, Envelope, Procedure, Stage, ask_nothing
from bench.running.procedures.leading import Leading, conditioner
from bench.running.sampling import Row

_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


class PreconditionProcedure(Procedure[Precondition]):
    """Conditions."""

    kind = Precondition
    # What the air does is what it is asked to do.
    may_pause = False
    needs = (columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX)

    def __init__(self, step: Precondition, place: Place) -> None:
        super().__init__(step, place)
        self._by = conditioner(place, step.by)
        self._asks: Leading

    @property
    def _leading(self) -> Leading:
        return Leading.around(self.place, self._by, self.step.to, self.step.lead)

    def envelope(self) -> Envelope:
        """See `Procedure`; coolant may go beyond the target by its lead, within what unit and pack allow."""
        return self._leading.envelope

    def problems(self) -> Iterable[str]:
        """See `Procedure`."""
        allowed = self.place.pack.limits.charge_temperature
        if not allowed.min <= self.step.to <= allowed.max:
            yield BeyondThePack(
                f"{self.step.to:g} degC, the pack's charge_temperature allows {allowed.min:g} to {allowed.max:g} degC."
            )
        if not self.step.within > 0:
            yield f"within {self.step.within:g} s nothing is conditioned: give more than 0."

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        return {"target": self.step.to}

    def words(self) -> dict[str, str]:
        """See `Procedure`."""
        return {"conditioned by": self._by}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        leading = self._asks = self._leading
        if self._by == "chamber":
            leading.ask(stage, self.step.to)
            return ask_nothing
        return lambda row, _time: leading.lead(stage, row, self.step.to)

    def ending(self, start: float, at_least: float = 0.0) -> "Arrived":
        """See `Procedure`."""
        return Arrived(self.step, self.place, start, at_least)

    def ended(self, stage: Stage) -> None:
        """See `Procedure`: coolant stays at the target."""
        self._asks.ask(stage, self.step.to)

    def until(self) -> list[str]:
        """See `Procedure`."""
        return [_words(self.step), *super().until()]


class Arrived(Conditions):
    """Every cell is within the band of the target, or the time is over; see `Ending`."""

    def __init__(self, step: Precondition, place: Place, start: float, at_least: float) -> None:
        super().__init__(step, place.pack, start, place.index)
        self._target, self._at_least, self._start, self._said = step.to, at_least, start, _words(step)

    def reached(self, row: Row, distrusted: Container[str] = ()) -> str | None:
        """See `Ending`."""
        believed = columns.CELL_TEMPERATURE_MIN not in distrusted and columns.CELL_TEMPERATURE_MAX not in distrusted
        # Each for itself: of two numbers one of which is none (nan) the larger may be the other.
        there = all(abs(row[cells] - self._target) <= TARGET_BAND for cells in (_COLDEST, _HOTTEST))
        if believed and there and row[INDEX[columns.TEST_TIME]] - self._start >= self._at_least:
            return self._said
        return super().reached(row, distrusted)


def _words(step: Precondition) -> str:
    return f"cells within {TARGET_BAND:g} K of {step.to:g} °C"
