"""A managed week on the virtual bench, in lock-step: how long it takes, how many scans, and how soon a decision is.

Wanted: a week under 180 s, a decision of the reference manager under 200 ms at the 99th percentile.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np

from bench.clock import monotonic
from bench.grid.steps import Manage
from bench.managing.link import Link
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.station import load_station
from bench.testing import TestBench
from packbench.days import days_at_home

STATION, SEASON, DAYS = "virtual-vehicle", "paris-january", 7.0


def main(days: float = DAYS) -> None:
    """Print the figures of so many days."""
    asked: list[float] = []
    decide = Link.decide

    def timed(link: Link, request: dict[str, Any]) -> Mapping[str, Any]:
        began = monotonic()
        try:
            return decide(link, request)
        finally:
            asked.append(monotonic() - began)

    Link.decide = timed  # type: ignore[method-assign, assignment]
    processor = process_time()
    try:
        seconds, rows = managed(days)
    finally:
        Link.decide = decide  # type: ignore[method-assign]
    own = process_time() - processor
    print(f"{days:g} days on {STATION}: {seconds:.0f} s of the wall, {own:.0f} s of the processor, {rows} rows")
    middle, last = np.percentile(asked, [50, 99]) * 1000
    print(f"{len(asked)} decisions over HTTP: median {middle:.1f} ms, p99 {last:.1f} ms")


def managed(days: float) -> tuple[float, int]:
    """Wall s and rows of so many days with the reference manager."""
    station, file = load_station(STATION)
    with TemporaryDirectory() as folder:
        setup = Setup(station, file, *load_pack(station.packs[0]))
        bench = TestBench(setup, Path(folder), TestIdentity("benchmark", "managing", "A managed week"))
        bench.open()
        try:
            began = monotonic()
            record = bench.run(Manage("reference", days_at_home(SEASON, days, seed=1)))
            return monotonic() - began, len(record.rows)
        finally:
            bench.conclude()
