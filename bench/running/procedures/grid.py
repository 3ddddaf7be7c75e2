"""Following at the AC side: a signal of power, or a frequency that is answered."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite
from typing import TypeVar

import numpy as np

from bench import columns
from bench.grid.steps import FollowFrequency, FollowPower
from bench.profile import Playback
from bench.running.declared import Place
from bench.running.grid_side import NO_CHARGER, charger_of, envelope, side_of
from bench.running.procedures.base import Control, Direction, Envelope, Procedure, Stage
from bench.running.procedures.pointwise import ROUNDING, Pointwise
from bench.running.sampling import Row
from bench.scenario import Step
from instruments.wording import unlike
from models.grid.charger import Charger

S = TypeVar("S", bound=Step)
FREQUENCIES = 45.0, 55.0
"""Hz that a grid of 50 Hz can have; (EU) 2016/631 has generators run from 47.5 to 51.5 Hz."""


class OnTheGrid(Procedure[S]):
    """What all have in common that are plugged in: `charge` and `discharge` are the most that is asked for, W at AC."""

    direction: Direction = "both"
    charge, discharge = 0.0, 0.0

    def __init__(self, step: S, place: Place) -> None:
        super().__init__(step, place)
        self._charger = charger_of(place)

    @property
    def charger(self) -> Charger:
        """What is plugged in; pre-flight has told where there is none."""
        return self._charger or Charger()

    @property
    def able(self) -> Charger:
        """What may be asked of it."""
        return self.charger

    def envelope(self) -> Envelope:
        """See `Procedure`."""
        return envelope(self.able, self.place, self.charge, self.discharge)

    def problems(self) -> Iterable[str]:
        """See `Procedure`: a station whose AC side has no charger named, and more than the charger can."""
        if self._charger is None:
            yield NO_CHARGER.format(station=self.place.station.name)
            return
        for way, asked, most in (
            ("charge", self.charge, self.able.charge),
            ("discharge", self.discharge, self.able.discharge),
        ):
            if asked > most * (1 + ROUNDING):
                wanted, allowed = unlike(asked, most)
                yield f"it asks to {way} with {wanted} W, the charger allows {allowed} W."

    def mean_current(self) -> float:
        """See `Procedure`."""
        pack = self.place.pack
        return max(self.charge, self.discharge) / (pack.voltage_min + pack.voltage_max)

    def set_points(self) -> dict[str, float]:
        """See `Procedure`: what the charger is, by which powers at the AC side follow from those at the terminals."""
        known = ("charge", "discharge", "standby", "proportional", "quadratic", "idle", "dead_time", "ramp")
        return {f"charger {name.replace('_', ' ')}": getattr(self.charger, name) for name in known}


class FollowPowerProcedure(Pointwise[FollowPower], OnTheGrid[FollowPower]):
    """Follows a signal of power."""

    kind = FollowPower

    def __init__(self, step: FollowPower, place: Place) -> None:
        super().__init__(step, place)
        if not isfinite(step.scale) or step.scale == 0:
            raise ValueError(f"a scale of {step.scale:g} leaves nothing of a signal: give another factor.")
        self._survey = found = step.survey
        self.charge = max(step.scale * found.high, step.scale * found.low, 0.0)
        self.discharge = max(-step.scale * found.low, -step.scale * found.high, 0.0)
        if not self.charge and not self.discharge:
            raise ValueError("the signal is 0 throughout: a rest asks for nothing as well.")
        self.direction = "both" if self.charge and self.discharge else "charge" if self.charge else "discharge"

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        playback = Playback(self.step.points, "power", self.step.interpolation)
        side, scale = side_of(self.charger, stage), self.step.scale
        self.coming = playback.coming

        def control(row: Row, time: float) -> None:
            side.follow(scale * playback.at(time + ROUNDING), row, time)

        return control


class FollowFrequencyProcedure(OnTheGrid[FollowFrequency]):
    """Answers a frequency."""

    kind = FollowFrequency

    def __init__(self, step: FollowFrequency, place: Place) -> None:
        super().__init__(step, place)
        self._times, self._hertz = _trace(step.points)
        if not 0.02 <= step.period <= 10:
            raise ValueError(f"a sample each {step.period:g} s: give 0.02 to 10 s.")
        can = min(self.charger.charge, self.charger.discharge)
        self._power = can - abs(step.base) if step.power is None else step.power
        if not self._power > 0:
            raise ValueError(f"a power of {self._power:g} W answers nothing: give more than 0, and a smaller base.")
        answers = [self._answer(hertz) for hertz in dict.fromkeys(self._hertz.tolist())]
        self.charge, self.discharge = max(*answers, 0.0), max(-min(answers), 0.0)

    @property
    def scan_period(self) -> float:
        """See `Procedure`."""
        return self.step.period

    def _answer(self, frequency: float) -> float:
        return self.step.base + self._power * self.step.response.share(frequency - self.step.nominal)

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        mine = {"nominal frequency": self.step.nominal, "base": self.step.base, "reserve": self._power}
        return {**super().set_points(), **mine}

    def words(self) -> dict[str, str]:
        """See `Procedure`: the response, as Hz and share, and whose frequency it is."""
        points = self.step.response.points
        told = {"response": ", ".join(f"{hertz:+g} Hz {100 * share:+g} %" for hertz, share in points)}
        return told | ({"frequency": self.step.source} if self.step.source else {})

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        side, note, times, hertz = side_of(self.charger, stage), stage.sampler.note, self._times, self._hertz

        def control(row: Row, time: float) -> None:
            frequency = float(hertz[max(int(times.searchsorted(time + ROUNDING, side="right")) - 1, 0)])
            note(columns.FREQUENCY, frequency)
            side.follow(self._answer(frequency), row, time)

        return control


def _trace(points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Times (s) and frequencies (Hz); raises `ValueError`, one sentence, for a trace that is none."""
    if len(points) < 2:
        raise ValueError("a trace of less than two points has no time to pass: give (s, Hz), one after the other.")
    for (before, _), (after, _) in pairwise(points):
        if not after > before:
            raise ValueError(f"the trace goes from {before:g} s to {after:g} s: give times that rise.")
    lowest, highest = FREQUENCIES
    for time, hertz in points:
        if not lowest <= hertz <= highest:
            unit = "; in mHz it would be" if 1000 * lowest <= hertz <= 1000 * highest else ""
            told = f"{unit} {hertz / 1000:g} Hz" if unit else ""
            raise ValueError(
                f"the trace has {hertz:g} Hz at {time:g} s, a grid has {lowest:g} to {highest:g} Hz{told}."
            )
    found = np.asarray(points, dtype=float)
    return found[:, 0], found[:, 1]
