"""What simulated chambers have in common behind their dialects: the air, what drives it, and how that breaks.

`defects.of_instruments.OF_A_CHAMBER` are the words for its verbs.
"""

from abc import abstractmethod

from pydantic import Field

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.dialect import Instrument, Meter
from instruments.virtual.ports import Air
from instruments.virtual.simulator import Place
from instruments.virtual.simulator import Settings as Base
from models.chamber import ChamberAir

ROOM_RAMP = 0.1
"""K/min at which a chamber at rest drifts to the temperature of its room."""


class Settings(Base):
    """Temperatures in degC (`temperature`: of the air at first, as everything else's where it is left out).

    `low` and `high` are the input limits, `room` what it drifts to at rest; `max_heating` and `max_cooling` in K/min,
    `lag` in s, see `models.chamber.ChamberAir`.
    """

    temperature: float | None = Field(default=None, gt=-273.15)
    low: float = Field(default=-40.0, gt=-273.15)
    high: float = 180.0
    max_heating: float = Field(default=3.0, gt=0)
    max_cooling: float = Field(default=2.0, gt=0)
    lag: float = Field(default=60.0, ge=0)
    room: float = Field(default=25.0, gt=-273.15)


class Chamber(Instrument):
    """One chamber around its `air`, with a sensor that shows `decimals`. Temperatures in degC."""

    def __init__(self, settings: Settings, place: Place, decimals: int) -> None:
        start = place.temperature if settings.temperature is None else settings.temperature
        self.air = ChamberAir(
            start, max_heating=settings.max_heating, max_cooling=settings.max_cooling, lag=settings.lag
        )
        self.ports = (Air(place.name, lambda: self.air.temperature),)
        self.low, self.high, self._room = settings.low, settings.high, settings.room
        self.nominal = start
        self._specimen = place.specimen
        self._meter = Meter.drawn(place.specimen.random, place.specimen.accuracy, 100.0, decimals)

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether it drives its air to `nominal`."""

    @abstractmethod
    def run(self, *, on: bool) -> None:
        """Begin or end to condition."""

    @abstractmethod
    def alarm(self) -> Repair:
        """A defect: it tells of a failure. How it is ended."""

    def elapse(self, duration: float) -> None:
        """Let `duration` s pass for the air."""
        self.air.step(duration)

    def drive(self) -> None:
        """Have the air go to the set point; at rest it drifts to the room's temperature."""
        self.condition()

    def condition(self) -> None:
        """Hand to the air what it is to go to."""
        self.air.set_point = self.nominal if self.running else self._room
        self.air.ramp = self.ramp() if self.running else ROOM_RAMP

    def ramp(self) -> float | None:
        """K/min at which it drives its air; None: as fast as it can."""
        return None

    def actual(self) -> float:
        """What the chamber's own sensor shows, degC."""
        return self._meter.read(self.air.temperature)

    def stick(self, temperature: float | None) -> Repair:
        """A defect: the air goes to `temperature`, or stays at the present one (None), whatever is asked.

        Nothing says so. How it is ended.
        """
        at = self.air.temperature if temperature is None else temperature

        def hold() -> None:
            self.air.set_point, self.air.ramp = at, None

        end = self.swap("condition", lambda _healthy: hold)
        self.condition()

        def loosen() -> None:
            end()
            self.condition()

        return loosen

    def run_away(self, rate: float) -> Repair:
        """A defect: the air drifts by `rate` K/s whatever is asked: a relay that sticks. How it is ended."""

        def drift(duration: float) -> None:
            self.air.temperature += rate * duration

        return self.swap("elapse", lambda _healthy: drift)

    def lie(self, rate: float) -> Repair:
        """A defect: the air drifts by `rate` K/s while the chamber's sensor shows the set point. How it is ended."""
        stop = self.run_away(rate)
        tell = self.swap("actual", lambda _healthy: self._nominal_shown)

        def end() -> None:
            stop()
            tell()

        return end

    def switch_off(self) -> Repair:
        """A defect: it stops conditioning by itself. How it is ended."""
        was = self.running
        return self.lasting.thing("running", lambda: was, lambda on: self.run(on=on), lambda _was: False)

    def _nominal_shown(self) -> float:
        return self._meter.read(self.nominal)
