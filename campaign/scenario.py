"""The scenarios into which faults are injected, and the instant of each: drawn by seed, the same in every run of it."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile
from bench.running.engine import Engine
from bench.running.lifecycle import OpenBench
from bench.running.procedures import bounds
from bench.safety.guard import CONNECTED
from bench.scenario import (
    Charge,
    Discharge,
    FastRecharge,
    Pulse,
    Rest,
    Soak,
    Step,
    current_below,
    elapsed,
    full_discharge,
    soc_above,
)
from campaign.catalogue import PHASES, Phase, scenario_named

Row = list[float]

MINUTES = 10.0
"""of bench time that current flows in each phase of a virtual run."""
EARLIEST, LATEST = 0.1, 0.5
"""Shares of a phase between which a fault comes: what takes time to show has as much time again."""
SOAK_TEMPERATURE = 30.0
"""degC; away from where the cells are, so that a chamber that fails while it soaks has something to fail at."""
SHORTEST_SOAK = 600.0
"""s: settling is told over ten minutes."""

_TIME, _BMS_STATE = INDEX[columns.TEST_TIME], INDEX[columns.BMS_STATE]
_KINDS: dict[str, type[Step]] = {
    "opening": Charge,
    "soak": Soak,
    "charge": Charge,
    "fast recharge": FastRecharge,
    "rest": Rest,
    "discharge": Discharge,
    "teardown": Discharge,
}


class Currents(NamedTuple):
    """A of a scenario's full charges and discharges: 1C, or what pack and bench allow where that is less."""

    charge: float
    discharge: float


def currents(bench: OpenBench) -> Currents:
    """What an open bench can do with its pack."""
    pack, roles = bench.pack, bench.roles
    into, out_of = roles.source.source_ratings.power, roles.sink.sink_ratings.power
    return Currents(
        min(pack.rated_capacity, bounds.charge_bound(bench).value, into / pack.voltage_max),
        min(pack.rated_capacity, bounds.discharge_bound(bench).value, out_of / pack.voltage_max),
    )


def steps(phase: Phase, bench: OpenBench, minutes: float = MINUTES) -> tuple[Step, ...]:
    """Soak, charge, fast recharge, discharge; what follows is the end of the run.

    To be hit in a rest there must be one, and its contactors closed; to be judged a pack is cycled as test cases do.
    """
    if phase == "judgement":
        return cycle(bench.pack, currents(bench))
    until = elapsed(minutes=minutes)
    between = Rest(until=until) if phase == "rest" else FastRecharge(until=until)
    discharge = Discharge(currents(bench).discharge, until=until, name="discharge")
    return (Soak(SOAK_TEMPERATURE), Charge("C/3", until=until), between, discharge)


def cycle(pack: PackFile, full: Currents) -> tuple[Step, ...]:
    """What every requirement of a pack file is measured in: pulse, charge, discharge and recharge, at 25 degC."""
    until_full = current_below("C/20")
    return (
        Charge(full.charge, until=[soc_above(0.50), until_full], name="charge to 50 %"),
        Rest(until=elapsed(minutes=10), name="rest before the pulse"),
        Pulse(full.discharge, duration=18),
        Charge(full.charge, until=until_full),
        Rest(until=elapsed(minutes=10), name="rest when full"),
        full_discharge(pack, full.discharge),
        FastRecharge(until=[soc_above(0.80), current_below("C/20", hold=60)]),
        Rest(until=elapsed(minutes=30)),
    )


def steps_of(scenario: str, phase: Phase, bench: OpenBench) -> tuple[Step, ...]:
    """What is run to be hit in `phase`: a scenario of another package by its name, or ours."""
    return tuple(scenario_named(scenario)(phase, bench)) if scenario else steps(phase, bench)


def steps_from(phase: Phase, minutes: float) -> tuple[Step, ...]:
    """Only what is needed to be hit in `phase`: where time is real, nobody waits for what comes before."""
    until = elapsed(minutes=minutes)
    every = (
        Soak(SOAK_TEMPERATURE),
        Charge("C/3", until=until),
        FastRecharge(until=until),
        Discharge("1C", until=until),
    )
    return tuple(step for step in every if isinstance(step, _KINDS[phase]))


def instant(seed: int, fault: str, phase: Phase, minutes: float = MINUTES) -> float:
    """S after the beginning of `phase` at which the fault comes; all of the last step for the teardown."""
    if phase == "teardown":
        return 60 * minutes
    longest = min(60 * minutes, SHORTEST_SOAK) if phase == "soak" else 60 * minutes
    return longest * Random(f"{seed}/{fault}/{phase}").uniform(EARLIEST, LATEST)


class Trigger:
    """Watches the rows of a run and acts once, when its instant has come; `fired` is when (s), or None.

    The teardown begins with the last row of the last step: the outputs are still on, and switching them off is the
    first thing that meets the fault.
    """

    def __init__(self, engine: Engine, phase: Phase, after: float, act: Callable[[], None]) -> None:
        self.fired: float | None = None
        self._engine, self._phase, self._after, self._act = engine, phase, after, act
        self._kind = _KINDS.get(phase)
        """None for a step of another package's scenario, which is known by its name."""
        self._began: float | None = None

    def __call__(self, row: Row) -> None:
        """Take the next row."""
        if self.fired is not None or not self._is_meant(self._engine.step):
            return
        # The time of a step that moves current counts from closed contactors on.
        without = self._kind is None or issubclass(self._kind, Soak | Rest)
        if self._began is None and (without or row[_BMS_STATE] in CONNECTED):
            self._began = row[_TIME]
        if self._began is not None and row[_TIME] - self._began >= self._after - 1e-6:
            self.fired = self._engine.clock.now()
            self._act()

    def _is_meant(self, step: Step | None) -> bool:
        if self._kind is None:
            return step is not None and step.name == self._phase
        return isinstance(step, self._kind)


def by_name(phase: Phase) -> bool:
    """Whether a phase is a step by its name."""
    return phase not in PHASES
