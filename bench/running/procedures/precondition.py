"""Preconditioning: cells are brought to the temperature at which they take most, and the step ends when they are there.

No current flows. Coolant leads the cells until they are there, as a car's heater or chiller does, and stays at the
target afterwards: what a charge heats is carried away.
"""

from collections.abc import Container, Iterable
from math import isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.road import TARGET_BAND, Precondition
from bench.running.declared import Place
from bench.running.ending import Conditions
from bench.running.procedures.base import Control, Envelope, Extremes, Procedure, Stage, ask_nothing
from bench.running.sampling import Row

GAIN, STEP = 2.0, 2.0
"""K that coolant leads by for each K that the cells are away, and in which it is asked for: nearer the cells it comes
back to the target, since a plate goes on warming them, and a unit is not asked for what it cannot hold."""
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


class PreconditionProcedure(Procedure[Precondition]):
    """Conditions."""

    kind = Precondition
    # What the air does is what it is asked to do.
    may_pause = False
    needs = (columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX)

    def __init__(self, step: Precondition, place: Place) -> None:
        super().__init__(step, place)
        self._by = step.by or ("coolant" if "coolant" in place.roles else "chamber")
        self._asked = nan

    def envelope(self) -> Envelope:
        """See `Procedure`; coolant may go beyond the target by its lead, within what unit and pack allow."""
        if self._by == "chamber":
            return {("chamber", "temperature"): Extremes(self.step.to, self.step.to)}
        low, high = self._range()
        return {("coolant", "temperature"): Extremes(low, high)}

    def problems(self) -> Iterable[str]:
        """See `Procedure`."""
        allowed = self.place.pack.limits.charge_temperature
        if not allowed.min <= self.step.to <= allowed.max:
            yield (
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
        if self._by == "chamber":
            stage.place.roles.chamber.set_temperature(self.step.to, None)
            stage.sampler.ask_temperature(self.step.to)
            self._tell(stage, "chamber", self.step.to)
            return ask_nothing
        low, high = self._range()
        self._asked = nan

        def control(row: Row, _time: float) -> None:
            away = self.step.to - (row[_COLDEST] + row[_HOTTEST]) / 2
            if isnan(away):
                return
            wanted = min(max(self.step.to + STEP * round(GAIN * away / STEP), low), high)
            if wanted != self._asked:
                stage.place.roles.coolant.set_temperature(wanted)
                self._asked = wanted
                self._tell(stage, "coolant", wanted)

        return control

    def ending(self, start: float, at_least: float = 0.0) -> "Arrived":
        """See `Procedure`."""
        return Arrived(self.step, self.place, start, at_least)

    def ended(self, stage: Stage) -> None:
        """See `Procedure`: coolant stays at the target."""
        if self._by == "coolant" and self._asked != self.step.to:
            stage.place.roles.coolant.set_temperature(self.step.to)
            self._tell(stage, "coolant", self.step.to)

    def until(self) -> list[str]:
        """See `Procedure`."""
        return [_words(self.step), *super().until()]

    def _range(self) -> tuple[float, float]:
        """Coolant set points that may be asked for, degC: the target and its lead, both ways, as far as that goes."""
        lowest, highest = self.place.roles.coolant.temperature_range
        allowed = self.place.pack.limits.charge_temperature
        low = max(self.step.to - self.step.lead, lowest, allowed.min)
        return min(low, self.step.to), max(min(self.step.to + self.step.lead, highest, allowed.max), self.step.to)

    @staticmethod
    def _tell(stage: Stage, instrument: str, value: float) -> None:
        stage.log.event("set point", instrument=instrument, quantity="temperature", value=value, unit="°C")


class Arrived(Conditions):
    """Every cell is within the band of the target, or the time is over; see `Ending`."""

    def __init__(self, step: Precondition, place: Place, start: float, at_least: float) -> None:
        super().__init__(step, place.pack, start, place.index)
        self._target, self._at_least, self._start, self._said = step.to, at_least, start, _words(step)

    def reached(self, row: Row, distrusted: Container[str] = ()) -> str | None:
        """See `Ending`."""
        believed = columns.CELL_TEMPERATURE_MIN not in distrusted and columns.CELL_TEMPERATURE_MAX not in distrusted
        apart = max(abs(row[_COLDEST] - self._target), abs(row[_HOTTEST] - self._target))
        if believed and apart <= TARGET_BAND and row[INDEX[columns.TEST_TIME]] - self._start >= self._at_least:
            return self._said
        return super().reached(row, distrusted)


def _words(step: Precondition) -> str:
    return f"cells within {TARGET_BAND:g} K of {step.to:g} °C"
