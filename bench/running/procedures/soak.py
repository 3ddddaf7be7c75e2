"""A soak: chamber, and coolant where there is some, are sent to a temperature until air and cells have settled there.

Coolant stays at that temperature afterwards: what a current heats is carried away, as in a car.
"""

from collections.abc import Container

from bench import columns
from bench.columns import INDEX
from bench.running.declared import Place
from bench.running.procedures.base import Control, Envelope, Extremes, Procedure, Stage, ask_nothing
from bench.running.sampling import Row
from bench.running.settling import TemperatureSettling
from bench.scenario import Soak
from bench.verdicts import BenchFault

_TIME = INDEX[columns.TEST_TIME]


class SoakProcedure(Procedure[Soak]):
    """Waits with the outputs off."""

    kind = Soak
    # What it waits for is the very air that a pause would wait for.
    may_pause = False
    needs = (columns.AMBIENT, columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX)

    def __init__(self, step: Soak, place: Place) -> None:
        super().__init__(step, place)
        self._settling = TemperatureSettling(step.temperature, place.station.chamber, self.scan_period)

    def envelope(self) -> Envelope:
        """See `Procedure`; a coolant unit conditions as well, as far as it goes."""
        asked = {("chamber", "temperature"): Extremes(self.step.temperature, self.step.temperature)}
        coolant = self._coolant()
        return asked if coolant is None else {**asked, ("coolant", "temperature"): Extremes(coolant, coolant)}

    def _coolant(self) -> float | None:
        """What a coolant unit is asked for, degC; None where there is none: it cannot freeze what it pumps."""
        if "coolant" not in self.place.roles:
            return None
        low, high = self.place.roles.coolant.temperature_range
        return min(max(self.step.temperature, low), high)

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        return {"temperature": self.step.temperature}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        temperature = self.step.temperature
        stage.place.roles.chamber.set_temperature(temperature, self.step.ramp)
        stage.sampler.ask_temperature(temperature)
        stage.log.event("set point", instrument="chamber", quantity="temperature", value=temperature, unit="°C")
        coolant = self._coolant()
        if coolant is not None:
            stage.place.roles.coolant.set_temperature(coolant)
            stage.log.event("set point", instrument="coolant", quantity="temperature", value=coolant, unit="°C")
        return ask_nothing

    def ending(self, start: float, at_least: float = 0.0) -> "Settled":
        """See `Procedure`."""
        timeout = self.step.timeout or self.place.station.chamber.settle_timeout * 3600
        return Settled(self._settling, self.place, start, max(timeout, at_least), at_least)

    def ended(self, stage: Stage) -> None:
        """See `Procedure`."""
        stage.sampler.settled()

    def until(self) -> list[str]:
        """See `Procedure`."""
        return [str(self._settling)]


class Settled:
    """Air and cells have settled, `at_least` s after `start` and within `timeout` s of it; see `Ending`."""

    def __init__(
        self, settling: TemperatureSettling, place: Place, start: float, timeout: float, at_least: float
    ) -> None:
        self._settling, self._chamber = settling, place.roles.chamber
        self._start, self._timeout, self._at_least = start, timeout, at_least

    def reached(self, row: Row, _distrusted: Container[str] = ()) -> str | None:
        """See `Ending`; raises `BenchFault` when they do not settle in time."""
        waited = row[_TIME] - self._start
        if self._settling.settled(row) and waited >= self._at_least:
            return str(self._settling)
        if waited > self._timeout:
            raise BenchFault(self._settling.failure(row, self._timeout, self._chamber.alarm()), "chamber-not-settled")
        return None

    def postpone(self, seconds: float) -> None:
        """See `Ending`."""
        self._start += seconds
