"""Injects one fault into one run on a virtual bench, and looks at the terminals with meters of its own.

What the bench says about itself comes from the run that it left on disk; what is true comes from the world behind the
simulators, which no driver can reach.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.lifecycle import Setup
from bench.station import load_station
from bench.testing import TestBench
from campaign import outcome
from campaign.catalogue import Injection, Phase
from campaign.outcome import DEAD_CURRENT, Outcome
from campaign.scenario import Trigger, instant, steps
from reports.recording import TIME, Recording


class Outputs(Protocol):
    """What a world lets an observer see."""

    supply: bool | None
    load: bool | None
    battery: float


class Witness:
    """Sees what is on at the terminals, each time before bench time passes."""

    def __init__(self, look: Callable[[], Outputs], advance: Callable[[float], None]) -> None:
        self.injected: float | None = None
        self.last_on: float | None = None
        self._look, self._advance, self._time = look, advance, 0.0

    def advance(self, seconds: float) -> None:
        """Look, then let time pass."""
        if self.injected is not None and self.on:
            self.last_on = self._time + seconds
        self._advance(seconds)
        self._time += seconds

    @property
    def on(self) -> bool:
        """Whether an output is on or a current flows."""
        found = self._look()
        return bool(found.supply) or bool(found.load) or abs(found.battery) > DEAD_CURRENT

    @property
    def current(self) -> float:
        """A through the battery, either way."""
        return abs(self._look().battery)

    @property
    def off_after(self) -> float | None:
        """S from the injection until nothing was on any more; 0 when nothing was."""
        if self.injected is None or self.on:
            return None
        return max(0.0, (self.last_on or self.injected) - self.injected)


def run(fault: str, injection: Injection, phase: Phase, seed: int, folder: Path) -> Outcome:
    """One case, judged; its recording is left in `folder`."""
    under_test = TestBench(_setup(injection, phase, seed), folder, TestIdentity(f"campaign::{fault}", fault, fault))
    witness, error = None, None
    try:
        under_test.open()
        witness = _inject(under_test, fault, injection, phase, seed)
        under_test.run(*steps())
    except Exception as raised:  # noqa: BLE001 - whatever a fault brings about is what is looked for
        error = raised
    if witness is not None:
        under_test.conclude(error)
    found = replace(outcome.of(fault, injection, phase), **_observed(under_test, witness, injection, phase))
    return outcome.judged(found, injection)


def _setup(injection: Injection, phase: Phase, seed: int) -> Setup:
    station, station_file = load_station(injection.station)
    if injection.overdue:
        entry = station.instruments[injection.overdue].model_copy(update={"calibration_due": date(2020, 1, 1)})
        station = station.model_copy(update={"instruments": {**station.instruments, injection.overdue: entry}})
    defects = injection.defects if phase == "opening" else ()
    return Setup(station, station_file, *load_pack(station.packs[0]), seed, defects)


def _inject(under_test: TestBench, fault: str, injection: Injection, phase: Phase, seed: int) -> Witness:
    """Watch the world of an open bench, and let the fault come at its instant."""
    opened: Any = under_test.engine.bench
    world, clock = opened.world, opened.clock
    witness = Witness(world.outputs, world.advance)
    clock.advance = witness.advance
    if phase == "opening":
        witness.injected = 0.0
        return witness

    def act() -> None:
        witness.injected = opened.clock.now()
        world.inject(*injection.defects)

    trigger = Trigger(under_test.engine, phase, instant(seed, fault, phase), act)
    under_test.engine.sampler.observers.append(trigger)
    return witness


def _observed(under_test: TestBench, witness: Witness | None, injection: Injection, phase: Phase) -> dict[str, Any]:
    """What the run on disk and the meters say."""
    manifest, events = under_test.run_log.manifest, under_test.run_log.events
    refused = witness is None  # the bench was not opened: nothing of it was ever on
    injected = (0.0 if phase == "opening" else None) if witness is None else witness.injected
    safe = manifest["bench_verdict"]
    cause = manifest["cause"]
    return {
        "injected": injected,
        **outcome.noticed_in(manifest, events, injected or 0.0, injection.named),
        "off": refused or bool(witness and not witness.on),
        "off_after": witness.off_after if witness else 0.0,
        "current": round(witness.current, 3) if witness else 0.0,
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
        return round(max(0.0, ended - float(rows.rows[-1, list(rows.columns).index(TIME)])), 3)
    return None
