"""The whole control loop on the virtual module: bench seconds per wall second, and where the time goes."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, elapsed
from bench.station import load_station
from bench.testing import TestBench

BENCH_SECONDS = 3600.0
REPEATS = 3


@dataclass
class Share:
    """Wall time spent in one part of the loop, s."""

    seconds: float = 0.0
    calls: int = 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, counted."""
        clock = time.perf_counter

        def counted(*args: Any) -> Any:
            start = clock()
            try:
                return function(*args)
            finally:
                self.seconds += clock() - start
                self.calls += 1

        return counted


@dataclass
class LoopFigures:
    """What one measured hour of charge or discharge cost."""

    wall: float = 0.0
    bench: float = 0.0
    shares: dict[str, Share] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """Bench seconds per wall second."""
        return self.bench / self.wall


def measure(station: str = "virtual-module", *, shares: bool = False) -> LoopFigures:
    """Charge and discharge for half a bench hour each at one scan per second; with `shares`, time every part."""
    with tempfile.TemporaryDirectory() as folder:
        loaded, station_file = load_station(station)
        pack, pack_file = load_pack(loaded.packs[0])
        identity = TestIdentity("benchmarks", "loop", "control loop")
        under_test = TestBench(Setup(loaded, station_file, pack, pack_file), Path(folder), identity)
        under_test.open()
        figures = LoopFigures()
        if shares:
            _count_shares(under_test, figures)
        start, bench_start = time.perf_counter(), under_test.engine.clock.now()
        half = elapsed(seconds=BENCH_SECONDS / 2)
        under_test.run(Charge("C/3", until=half), Discharge("C/3", until=half))
        figures.wall = time.perf_counter() - start
        figures.bench = under_test.engine.clock.now() - bench_start
        under_test.conclude()
    return figures


def _count_shares(under_test: TestBench, figures: LoopFigures) -> None:
    """Put a stop watch around each part; the parts do not overlap."""

    def watch(name: str, owner: Any, attribute: str) -> None:
        share = figures.shares.setdefault(name, Share())
        setattr(owner, attribute, share.around(getattr(owner, attribute)))

    engine = under_test.engine
    sampler, opened = engine.sampler, engine.bench
    watch("physics (24 cells, supply, load, chamber, BMS)", opened.clock, "advance")
    watch("scan (5 instruments through pyvisa, BMS on CAN)", sampler, "_scan")
    watch("guard", sampler.guard, "check")
    watch("record", under_test.run_log.journal, "append")
    watch("control (source)", opened.roles.source, "charge")


def main() -> None:
    """Print the figures."""
    best = min((measure() for _ in range(REPEATS)), key=lambda figures: figures.wall)
    print(f"{best.speed:,.0f} bench seconds per wall second (virtual-module, one core, one scan per bench second)")
    split = measure(shares=True)
    scans = max(share.calls for share in split.shares.values())
    print(f"\nwhere the time goes, per scan ({split.wall / split.bench * 1e6:.0f} µs with the stop watches running):")
    for name, share in split.shares.items():
        print(f"  {name:52s} {share.seconds / scans * 1e6:7.1f} µs {share.seconds / split.wall:6.1%}")
    rest = split.wall - sum(share.seconds for share in split.shares.values())
    print(f"  {'engine, counters, stop watches':52s} {rest / scans * 1e6:7.1f} µs {rest / split.wall:6.1%}")
    pack = measure("virtual-pack")
    print(f"\n{pack.speed:,.0f} bench seconds per wall second (virtual-pack, 96 cells)")
