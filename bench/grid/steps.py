"""Steps on the grid side: what a grid, a house or a tool asks of a car that is plugged in. All powers at the AC side.

Positive power charges the car. A station has a charger for them: a box that plays the role `charger`, or its own source
and sink, for which the section `charger:` of its file says what charger they stand for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import ClassVar

from bench.grid.trace import Trace, trace_of
from bench.profile import Interpolation, Survey, survey
from bench.scenario import Step, Until, elapsed, further
from models.grid.frequency import Frequency
from models.grid.week import RESERVE_ROAD, Days

Points = str | Path | Sequence[tuple[float, float]]


@dataclass(frozen=True)
class FollowPower(Step):
    """Follow a power at the AC side over time: (s, W) from the start of the step on, or a CSV file of it.

    As `Profile` at the terminals; every value is multiplied by `scale`. Dead time and ramp of the charger are its own,
    and judged.
    """

    step_type: ClassVar[str] = "GRID"
    points: Points
    scale: float = 1.0
    interpolation: Interpolation = "previous"
    until: Until | Sequence[Until] = ()
    name: str = field(default="follow power", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`: the end of the signal, or before it what `until` says."""
        return (*further(self.until, self.name), elapsed(seconds=self.survey.duration))

    @property
    def survey(self) -> Survey:
        """What the signal holds; raises `InputError` for one that cannot be followed."""
        return survey(self.points, "power")

    @property
    def identity(self) -> str:
        """See `Step.identity`: a file is what it holds."""
        return f"{self!r} {self.survey.digest}"


@dataclass(frozen=True)
class Response:
    """What share of a power (-1 to 1, positive charges) answers a deviation of the frequency, Hz: straight lines.

    `points` rise with the deviation; beyond the ends the last share holds.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        ends = [deviation for deviation, _ in self.points]
        # Written so that no number (nan) is refused as well.
        rises = all(-inf < before <= after < inf for before, after in pairwise(ends))
        if len(self.points) < 2 or not rises:
            raise ValueError(f"a response of {self.points} is none: give two points (Hz, share) or more, rising in Hz.")
        if any(not abs(share) <= 1 for _, share in self.points):
            raise ValueError(f"a response of {self.points} asks for more than there is: shares lie between -1 and 1.")

    def share(self, deviation: float) -> float:
        """Of the power, for a deviation in Hz."""
        before = self.points[0]
        if deviation <= before[0]:
            return before[1]
        for after in self.points[1:]:
            if deviation < after[0]:
                return before[1] + (after[1] - before[1]) * (deviation - before[0]) / (after[0] - before[0])
            before = after
        return before[1]


def droop(full: float = 0.2, deadband: float = 0.01) -> Response:
    """In proportion, all of it at a deviation of `full` Hz, none within the `deadband` (Hz).

    The defaults are the frequency containment reserve of continental Europe, (EU) 2017/1485, Annex V: full activation
    at 200 mHz, insensitivity and deadband 10 mHz at most.
    """
    return Response(((-full, -1.0), (-deadband, 0.0), (deadband, 0.0), (full, 1.0)))


def containment() -> Response:
    """Dynamic Containment of Great Britain: nothing within 15 mHz, 5 % at 0.2 Hz, all at 0.5 Hz."""
    return Response(((-0.5, -1.0), (-0.2, -0.05), (-0.015, 0.0), (0.015, 0.0), (0.2, 0.05), (0.5, 1.0)))


def limited(threshold: float = 0.2, droop: float = 0.05, nominal: float = 50.0) -> Response:
    """Limited frequency sensitive mode, (EU) 2016/631: beyond `threshold` Hz, all within `droop` of `nominal` (Hz)."""
    full = threshold + droop * nominal
    return Response(((-full, -1.0), (-threshold, 0.0), (threshold, 0.0), (full, 1.0)))


@dataclass(frozen=True)
class FollowFrequency(Step):
    """Answer a frequency: the bench computes the power from a trace, in which each value holds until the next.

    `frequency` is (s, Hz) from the start of the step on, a `Frequency`, or a CSV file with the columns `time` (s, or
    ISO 8601) and `frequency` (Hz), a value each second or more. The charger gives `base` + share * `power` (W, by
    default as much as the charger can each way). `period` is s between two samples: 0.05 records 20 a second, as a fast
    response has to be shown.
    """

    step_type: ClassVar[str] = "GRID"
    frequency: Trace
    response: Response = field(default_factory=droop)
    power: float | None = None
    base: float = 0.0
    nominal: float = 50.0
    period: float = 1.0
    name: str = field(default="follow frequency", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`: the end of the trace."""
        found = trace_of(self.frequency)
        times = found.time if isinstance(found, Frequency) else [time for time, _ in found]
        return (elapsed(seconds=float(times[-1]) if len(times) else 0.0),)

    @property
    def points(self) -> Sequence[tuple[float, float]]:
        """The trace, (s, Hz); raises `InputError`, one sentence, for a file that is none."""
        found = trace_of(self.frequency)
        return (
            found
            if not isinstance(found, Frequency)
            else list(zip(found.time.tolist(), found.value.tolist(), strict=True))
        )

    @property
    def source(self) -> str:
        """Whose trace it is; empty for one that the test has written down."""
        found = trace_of(self.frequency)
        return found.source if isinstance(found, Frequency) else ""

    @property
    def identity(self) -> str:
        """See `Step.identity`: a trace is what it holds."""
        found = trace_of(self.frequency)
        return f"{self!r} {found.digest}" if isinstance(found, Frequency) else repr(self)


@dataclass(frozen=True)
class Supply(Step):
    """Supply a load from the car, as a socket of it does (V2L): `load` is (s, W) that the load takes, positive.

    The inverter is switched off by more than its power for longer than `overload` s, and at once by `short` times its
    power; `restart` s later it tries again. At `minimum` (0 to 1) of displayed charge, or with a cell at its lowest, it
    switches off for good.
    """

    step_type: ClassVar[str] = "GRID"
    load: Points
    minimum: float = 0.1
    overload: float = 5.0
    short: float = 3.0
    restart: float = 10.0
    period: float = 0.2
    name: str = field(default="supply", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`: the end of the load."""
        return (elapsed(seconds=self.survey.duration),)

    @property
    def survey(self) -> Survey:
        """What the load takes."""
        return survey(self.load, "power")


@dataclass(frozen=True)
class Manage(Step):
    """An energy manager is in charge of the plugged-in car for some `days`; trips are driven in between.

    `manager` is `http://HOST:PORT`, a command that starts one, or the name of one that ships; `modbus:` before it, or
    `ocpp:`, has it spoken to over these: see docs/manager-contract.md. It decides each quarter of an hour and when
    something happens. `imports` and `exports` are W that the house's connection carries. A bench smaller than a car
    is its car at `scale`: what the manager hears and says is the car's; None: as the pack's energy has it. With a
    chamber the pack stands in a garage, which is warmer than the air outside.

    `charger` is W of the home's, where it has less than the station's; one that `gives` nothing back can only charge.
    The reserve is for `reserve_road`; without a `garage` the pack stands outside. A forecast of house and sun is
    `foreseen` times what they will be; None: as good as forecasts are.
    """

    step_type: ClassVar[str] = "GRID"
    manager: str
    days: Days = field(repr=False)
    imports: float = 12000.0
    exports: float = 12000.0
    scale: float | None = None
    charger: float | None = None
    gives: bool = True
    reserve_road: str = RESERVE_ROAD
    garage: bool = True
    foreseen: float | None = None
    name: str = field(default="manage", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`: the end of the days."""
        return (elapsed(seconds=self.days.duration),)

    @property
    def identity(self) -> str:
        """See `Step.identity`."""
        return f"{self!r} {self.days.digest}"
