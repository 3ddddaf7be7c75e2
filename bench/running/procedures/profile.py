"""A current or a power over time, on the real time of the step, in either direction and by turns.

Each scan asks for what holds at that time: nothing is waited for between two points, a pause or a resumption goes on
where the step was. What the BMS allows cuts it, in both directions, by the limit received last; what was wanted is
recorded beside what was asked for (`Command Power / W`).
"""

from math import inf, isfinite, isnan
from pathlib import Path
from typing import Protocol, TypeVar

from bench import columns
from bench.columns import INDEX
from bench.profile import Interpolation, Playback, Points, Quantity, Survey
from bench.running.declared import Place
from bench.running.procedures.base import Control, Envelope, Extremes, Stage
from bench.running.procedures.charge import charging, voltage_of
from bench.running.procedures.discharge import FLOOR
from bench.running.procedures.pointwise import ROUNDING, Pointwise
from bench.running.sampling import Row
from bench.scenario import Profile, Step

_DISCHARGE_LIMIT = INDEX[columns.DISCHARGE_LIMIT]


S = TypeVar("S", bound=Step)


class Followed(Protocol):
    """What a step wants followed: values in A or W at times in s, and what holds between two of them."""

    @property
    def points(self) -> str | Path | Points:
        """The values, or the file that has them; positive charges."""
        ...

    @property
    def survey(self) -> Survey:
        """All of it at a glance."""
        ...

    @property
    def quantity(self) -> Quantity:
        """What the values are."""
        ...

    @property
    def interpolation(self) -> Interpolation:
        """What holds between two points."""
        ...


class Following(Pointwise[S]):
    """Follows something `scale` times as large as it is written, and never asks for more than these currents, A."""

    most_charged, most_discharged = inf, inf

    def __init__(self, step: S, place: Place, followed: Followed, scale: float) -> None:
        super().__init__(step, place)
        self._followed, self.scale = followed, scale
        if not isfinite(scale) or scale == 0:
            raise ValueError(f"a scale of {scale:g} leaves nothing of a profile: give another factor.")
        if followed.quantity not in ("current", "power"):
            raise ValueError(f"a profile of {followed.quantity!r} is none: it is of 'current' (A) or 'power' (W).")
        if followed.interpolation not in ("previous", "linear"):
            raise ValueError(f"the interpolation {followed.interpolation!r} is none: 'previous' or 'linear'.")
        self._survey = followed.survey
        ends = sorted((scale * self._survey.low, scale * self._survey.high))
        self._charge, self._discharge = max(0.0, ends[1]), max(0.0, -ends[0])
        if not self._charge and not self._discharge:
            raise ValueError("the profile is 0 throughout: a rest asks for nothing as well.")
        self.direction = "both" if self._charge and self._discharge else "charge" if self._charge else "discharge"

    def envelope(self) -> Envelope:
        """See `Procedure`."""
        pack, envelope = self.place.pack, dict[tuple[str, str], Extremes]()
        ways = (
            ("source", self._charge, 0.0, self.most_charged),
            ("sink", self._discharge, FLOOR * pack.voltage_min, self.most_discharged),
        )
        for role, largest, low, most in ways:
            if largest:
                envelope[role, "current"] = Extremes(0.0, min(self._amperes(largest, pack.voltage_min), most))
                envelope[role, "voltage"] = Extremes(low, pack.voltage_max)
                envelope[role, "power"] = Extremes(0.0, self._watts(largest, pack.voltage_max))
        return envelope

    def mean_current(self) -> float:
        """See `Procedure`."""
        mean = abs(self.scale) * (self._survey.charge + self._survey.discharge) / self._survey.duration
        return self._amperes(mean, (self.place.pack.voltage_min + self.place.pack.voltage_max) / 2)

    def set_points(self) -> dict[str, float]:
        """See `Procedure`: the extremes, charging and discharging."""
        quantity = self._followed.quantity
        return {f"largest {quantity}": self._charge, f"smallest {quantity}": -self._discharge}

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`."""
        followed, pack = self._followed, self.place.pack
        playback = Playback(followed.points, followed.quantity, followed.interpolation)
        discharge, floor, watts = stage.flow.discharge, FLOOR * pack.voltage_min, followed.quantity == "power"
        wanted, flowing, allowed = 0.0, "none", 0.0 if "bms" in stage.place.roles else inf
        newest, voltage = 0.0, pack.voltage_min
        self.coming = playback.coming
        charge = charging(lambda _row, _time: min(self._amperes(wanted, voltage), self.most_charged), None, stage)

        def commanded(time: float) -> float:
            # A row that comes late was told nothing of a point that was due meanwhile: the command is as it was due.
            value = self.scale * playback.mean(newest, time - ROUNDING)
            return value if watts else value * voltage

        def control(row: Row, time: float) -> None:
            nonlocal wanted, flowing, allowed, newest, voltage
            value = self.scale * playback.at(time + ROUNDING)
            newest, voltage = time, voltage_of(row, pack)
            if value:
                flowing = "charge" if value > 0 else "discharge"
            wanted = abs(value)
            if flowing == "charge":
                charge(row, time)
            elif flowing == "discharge":
                if not isnan(row[_DISCHARGE_LIMIT]):
                    allowed = max(0.0, row[_DISCHARGE_LIMIT])
                discharge(min(self._amperes(wanted, voltage), allowed, self.most_discharged), floor)

        stage.sampler.commands(commanded)
        return control

    def _amperes(self, value: float, voltage: float) -> float:
        return value if self._followed.quantity == "current" else value / voltage

    def _watts(self, value: float, voltage: float) -> float:
        return value * voltage if self._followed.quantity == "current" else value


class ProfileProcedure(Following[Profile]):
    """Follows a profile."""

    kind = Profile

    def __init__(self, step: Profile, place: Place) -> None:
        super().__init__(step, place, step, step.scale)

    def words(self) -> dict[str, str]:
        """See `Procedure`: by these the profile can be found again, and played as it was."""
        step, points = self.step, self.step.points
        where = {"file": str(points)} if isinstance(points, str | Path) else {}
        return {
            **where, "digest": step.survey.digest, "quantity": step.quantity, "scale": f"{step.scale:g}",
            "interpolation": step.interpolation,
        }  # fmt: skip
