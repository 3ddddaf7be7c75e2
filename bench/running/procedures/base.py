"""What a procedure is, and what it is given to work with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from bench.recording.run import Run
from bench.running.declared import Place
from bench.running.ending import Conditions, Ending
from bench.running.flow import Flow
from bench.running.sampling import Row, Sampler
from bench.scenario import Step
from instruments.roles import BmsMode

Control = Callable[[Row, float], None]
"""Asks the instruments for what a row calls for; with the time (s) that the step has had, without its pauses."""

Direction = Literal["charge", "discharge", "both", "none"]
"""Which way a step moves energy through the pack."""

_MODES: Mapping[Direction, BmsMode | None] = {
    "charge": BmsMode.CHARGE, "discharge": BmsMode.DISCHARGE, "both": BmsMode.DISCHARGE, "none": None,
}  # fmt: skip
"""A pack that is driven takes back what it brakes in the mode in which it drives."""

S = TypeVar("S", bound=Step)


def ask_nothing(_row: Row, _time: float) -> None:
    """The control law of a step that asks nothing of the instruments."""


class BeyondThePack(str):
    """A problem of a step that no other bench would not have: the pack is not made for what is asked of it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Extremes:
    """The lowest and the highest that a step may ask of an instrument; SI units, magnitudes for a current."""

    low: float
    high: float


Envelope = Mapping[tuple[str, str], Extremes]
"""By role and quantity. What is not in it is not asked for: the flow refuses to send it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a procedure may act on while its step runs; `begins` is s that it has had already, in another process.

    `had` gives what was recorded there: s of the step and the row, for each without pauses.
    """

    place: Place
    flow: Flow
    sampler: Sampler
    log: Run
    begins: float = 0.0
    had: Callable[[], Iterable[tuple[float, Row]]] = tuple


class Procedure(Generic[S]):
    """Carries out steps of one kind: subclass it, name the kind, and say what differs.

    The constructor must not touch an instrument: pre-flight makes one for every step before anything is switched on.
    Whatever it raises as `ValueError` or `TypeError` is told as what is wrong with the step.
    """

    kind: ClassVar[type[Step]]
    direction: Direction = "none"
    may_pause: ClassVar[bool] = True
    """Whether it can be paused, outputs off, while the air recovers."""
    resumable: ClassVar[bool] = True
    """Whether a run that stopped in it goes on in it; what is over within seconds begins anew."""

    preparation: ClassVar[float] = 0.0
    """s of real time that `prepare` may take: nobody who watches the test takes it for dead before."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Columns that somebody must measure for it, beside those of the roles in its envelope and of the pack's limits."""

    def __init__(self, step: S, place: Place) -> None:
        self.step, self.place = step, place

    @property
    def mode(self) -> BmsMode | None:
        """What is asked of the BMS before a current can flow; None for a step that moves none."""
        return _MODES[self.direction]

    @property
    def scan_period(self) -> float:
        """S between two scans."""
        station = self.place.station
        return station.rest_scan_period if self.mode is None else station.scan_period

    def pace(self, time: float) -> float:
        """S from a time of the step (s) to its next scan, where that is not always `scan_period`."""
        return self.scan_period

    @property
    def steady_pace(self) -> float | None:
        """S between two scans, where that is always the same; None where it changes while the step goes on."""
        return self.scan_period if type(self).pace is Procedure.pace else None

    def envelope(self) -> Envelope:
        """Everything that the control law may ask for."""
        return {}

    def problems(self) -> Iterable[str]:
        """What else cannot be, one sentence each, without the name of the step."""
        return ()

    def mean_current(self) -> float:
        """A, by magnitude: a guess for the energy that the step moves."""
        return 0.0

    def set_points(self) -> dict[str, float]:
        """What is recorded with the start of the step, by quantity; SI units, positive charges."""
        return {}

    def words(self) -> dict[str, str]:
        """What else is recorded with the start of the step, by name: choices that are no quantity."""
        return {}

    def prepare(self, stage: Stage) -> None:
        """Called once before the first `begin`, outputs off: whatever takes longer than a scan and needs no current.

        No contactor is closed for this step yet. What it raises ends the step, as what `begin` raises does.
        """

    def begin(self, stage: Stage) -> Control:
        """Called when a current may flow, and again after each pause: the control law from now on."""
        return ask_nothing

    def held(self, row: Row) -> None:
        """Called with each scan of a pause, outputs off: the step's time stands still until `begin` is called again."""

    def ending(self, start: float, at_least: float = 0.0) -> Ending:
        """What ends the step that began at `start` (s of test time), after `at_least` s."""
        return Conditions(self.step, self.place.pack, start, self.place.index)

    def ended(self, stage: Stage) -> None:
        """Called once when the step has ended as it should."""

    def abandoned(self, stage: Stage) -> None:
        """Called once when anything else ends it, with the cause on its way up: switch off what it has switched on.

        What moves a current is off already, and what this raises is lost: the safe state looks once more.
        """

    def until(self) -> list[str]:
        """What ends it, in words."""
        return [str(condition) for condition in self.step.conditions]
