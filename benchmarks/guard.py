"""What the guard costs per scan, with the limits of the shipped stations and with 40 of them.

Everything is in: differences, plausibility of the BMS, heat balance, events counted over the run, frames that a driver
of a BMS counts.

The smallest of several repeats counts: everything above it is the machine's other work.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from bench import columns
from bench.columns import INDEX, raw_label
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.lifecycle import OpenBench
from bench.running.sampling import Sampler, derived_on, guard_for
from bench.running.setup import Setup
from bench.safety.guard import Limit
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench
from instruments.roles import CONTRADICTIONS, DROPPED

TARGET = 15.0
"""us per scan with `LIMITS` limits, at most."""
LIMITS = 40
REPEATS, SCANS = 150, 60
SCAN_PERIOD = 1.0


def measure(station: str = "virtual-module", limits: int | None = None) -> tuple[int, float]:
    """How many limits were checked, and us per row of a charge; with `limits`, the shipped ones over again."""
    with tempfile.TemporaryDirectory() as folder:
        loaded, station_file = load_station(station)
        pack, pack_file = load_pack(loaded.packs[0])
        identity = TestIdentity("benchmarks", "guard", "guard")
        under_test = TestBench(Setup(loaded, station_file, pack, pack_file), Path(folder), identity)
        under_test.open()
        engine = under_test.engine
        under_test.run(Charge("C/3", until=elapsed(seconds=60)))
        checked = _as_many(engine.bench.limits, limits)
        cost = min(_cost(engine.bench, checked, engine.sampler) for _ in range(REPEATS))
        under_test.conclude()
    return len(checked), cost * 1e6


def _as_many(shipped: Sequence[Limit], count: int | None) -> list[Limit]:
    wanted = len(shipped) if count is None else count
    return [replace(shipped[number % len(shipped)], label=f"limit {number}") for number in range(wanted)]


def _cost(bench: OpenBench, limits: Sequence[Limit], sampler: Sampler) -> float:
    """Wall time per row, s, of a guard as the sampler makes it, on rows one scan period apart."""
    assert sampler.last is not None
    row = list(sampler.last)
    row[INDEX[columns.SET_TEMPERATURE]] = row[INDEX[columns.AMBIENT]]
    layout, counts = bench.scanner.columns, [raw_label("bms", channel) for channel in (DROPPED, CONTRADICTIONS)]
    missing = [name for name in counts if name not in layout]
    layout += tuple(missing)
    guard = guard_for(bench, limits, layout, derived_on(bench, layout))
    guard.conditioned = True
    rows = [[number * SCAN_PERIOD, *row[1:], *[0.0 for _ in missing]] for number in range(SCANS)]
    for each in rows[::2]:
        each[INDEX[columns.SOC]] += 1e-3  # a BMS whose values stand still for minutes is a fault
    start = perf_counter()
    for each in rows:
        guard.check(each)
    wall = perf_counter() - start
    # A guard that has tripped looks at nothing any more: that would be cheap, and no figure.
    assert guard.trip is None, guard.trip
    return wall / SCANS


def main() -> None:
    """Print the figures."""
    for station in ("virtual-module", "virtual-pack"):
        count, cost = measure(station)
        print(f"{cost:6.1f} µs per scan with the {count} limits of {station}")
    count, cost = measure(limits=LIMITS)
    print(f"{cost:6.1f} µs per scan with {count} limits (target: below {TARGET:g} µs), fault bits of the BMS included")


if __name__ == "__main__":
    main()
