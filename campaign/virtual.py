"""Injects a fault, or two, into one run on a virtual bench, and looks at the terminals with meters of its own.

What the bench says about itself comes from the run that it left on disk; what is true comes from the world behind the
simulators, which no driver can reach.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running import lifecycle
from bench.running.setup import Setup
from bench.running.worlds import open_world
from bench.station import StationFile, load_station
from bench.testing import TestBench
from campaign import manager, outcome
from campaign.catalogue import SEEDED, Injection, Phase
from campaign.judging import judge_of
from campaign.outcome import DEAD_CURRENT, CaseOutcome
from campaign.scenario import MINUTES, Trigger, by_name, instant, steps_of
from reports.recording import TIME, Recording

BETWEEN_ROWS = 1.0
"""s: a second fault that comes sooner is injected by the clock, for the first may end the run in the next row."""


class Outputs(Protocol):
    """What a world lets an observer see."""

    supply: bool | None
    load: bool | None
    other: bool | None
    battery: float


class Witness:
    """Sees what is on at the terminals, each time before bench time passes."""

    def __init__(self) -> None:
        self.injected: float | None = None
        self.second: float | None = None
        self.last_on: float | None = None
        self._time = 0.0
        self._look: Callable[[], Outputs] | None = None
        self._advance: Callable[[float], None] = lambda _seconds: None

    def watch(self, world: Any) -> None:
        """Look at a world before its time passes, whoever lets it pass."""
        self._look, self._advance = world.outputs, world.advance
        world.advance = self.advance

    @property
    def watches(self) -> bool:
        """Whether there is a world to look at."""
        return self._look is not None

    def advance(self, seconds: float) -> None:
        """Look, then let time pass."""
        if self.injected is not None and self.on:
            self.last_on = self._time + seconds
        self._advance(seconds)
        self._time += seconds

    @property
    def on(self) -> bool:
        """Whether an output is on or a current flows."""
        found = self._found
        return bool(found.supply) or bool(found.load) or bool(found.other) or abs(found.battery) > DEAD_CURRENT

    @property
    def current(self) -> float:
        """A through the battery, either way."""
        return abs(self._found.battery)

    @property
    def off_after(self) -> float | None:
        """S from the injection until nothing was on any more; 0 when nothing was."""
        if self.injected is None or self.on:
            return None
        return max(0.0, (self.last_on or self.injected) - self.injected)

    @property
    def _found(self) -> Outputs:
        assert self._look is not None
        return self._look()


def run(fault: str, injection: Injection, phase: Phase, seed: int, folder: Path) -> CaseOutcome:
    """One case, judged; its recording is left in `folder`."""
    setup, witness = _setup(injection, phase, seed), Witness()
    under_test = TestBench(setup, folder, TestIdentity(f"campaign::{fault}", fault, fault))
    with _watched_by(witness):
        _run(under_test, witness, fault, injection, phase)
    if not witness.watches:
        # The bench was not even connected to: what was on before is on now.
        with _watched_by(witness):
            open_world(setup, lambda _seconds: None).close()
    found = replace(outcome.of(fault, injection, phase), **_observed(under_test, witness, injection))
    return outcome.judged(found, injection)


def _run(under_test: TestBench, witness: Witness, fault: str, injection: Injection, phase: Phase) -> None:
    """Open, inject, run, judge, conclude."""
    if phase in SEEDED:
        witness.injected = witness.second = 0.0
    try:
        under_test.open()
    except Exception:  # noqa: BLE001 - whatever a fault brings about is what is looked for; the run has kept it
        return
    error = None
    try:
        if phase not in SEEDED:
            _inject(under_test, witness, fault, injection, phase)
        record = under_test.run(*steps_of(injection.scenario, phase, under_test.engine.bench))
        if judge := judge_of(injection, phase):
            judge(under_test, record)
    except Exception as raised:  # noqa: BLE001 - see above
        error = raised
    under_test.conclude(error)


@contextmanager
def _watched_by(witness: Witness) -> Iterator[None]:
    """Have the witness see every world from the moment it is opened."""

    def opened(*arguments: Any, **named: Any) -> Any:
        world = open_world(*arguments, **named)
        witness.watch(world)
        return world

    with patch.object(lifecycle, "open_world", opened):
        yield


def _setup(injection: Injection, phase: Phase, seed: int) -> Setup:
    station, station_file = load_station(injection.station)
    for overdue in (injection.overdue, injection.also.overdue if injection.also else ""):
        station = _overdue(station, overdue) if overdue else station
    pack, pack_file = load_pack(injection.pack or station.packs[0])
    return Setup(station, station_file, pack, pack_file, seed, injection.seeds if phase in SEEDED else ())


def _overdue(station: StationFile, instrument: str) -> StationFile:
    entry = station.instruments[instrument].model_copy(update={"calibration_due": date(2020, 1, 1)})
    return station.model_copy(update={"instruments": {**station.instruments, instrument: entry}})


def _inject(under_test: TestBench, witness: Witness, fault: str, injection: Injection, phase: Phase) -> None:
    """Let the fault come at its instant, and the second one behind it."""
    seed, opened = under_test.setup.seed, under_test.engine.bench
    assert opened.world is not None
    inject, now = opened.world.inject, opened.clock.now

    def act() -> None:
        witness.injected = now()
        inject(*injection.defects)
        if injection.manager:
            manager.tell(injection.manager)
        if injection.also and injection.also.after < BETWEEN_ROWS:
            soon(injection.also.after, act_again)

    def soon(seconds: float, action: Callable[[], None]) -> None:
        if seconds:
            opened.clock.every(seconds, action)
        else:
            action()

    def act_again() -> None:
        assert injection.also is not None
        if witness.second is not None:
            return
        witness.second = now()
        inject(*injection.also.defects)

    minutes = injection.minutes if by_name(phase) else MINUTES
    at, observers = instant(seed, fault, phase, minutes), under_test.engine.sampler.observers
    observers.append(Trigger(under_test.engine, phase, at, act))
    if injection.also and injection.also.after >= BETWEEN_ROWS:
        observers.append(Trigger(under_test.engine, phase, at + injection.also.after, act_again))


def _observed(under_test: TestBench, witness: Witness, injection: Injection) -> dict[str, Any]:
    """What the run on disk and the meters say."""
    manifest, events = under_test.run_log.manifest, under_test.run_log.events
    safe, cause = manifest["bench_verdict"], manifest["cause"]
    return {
        "injected": witness.injected,
        "second": witness.second,
        **outcome.noticed_in(manifest, events, witness.injected or 0.0, injection.named),
        "listed": outcome.listed_in(manifest, events, witness.injected or 0.0),
        "off": not witness.on,
        "off_after": witness.off_after,
        "current": round(witness.current, 3),
        "verified": safe["safe"] if safe else None,
        "bench": outcome.unsafe_words(safe),
        "lost": _lost(under_test.run_log.folder, cause["time"] if cause else None),
        "verdict": str(manifest["verdict"]),
    }


def _lost(folder: Path, ended: float | None) -> float | None:
    """S between the last recorded row and the cause that ended the run; None when nothing ended it."""
    if ended is None:
        return None
    with suppress(ValueError):
        rows = Recording.load(folder)
        if not len(rows.rows):
            return None  # it ended before its first row
        return round(max(0.0, ended - float(rows.rows[-1, list(rows.columns).index(TIME)])), 3)
    return None
