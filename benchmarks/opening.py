"""What it costs that a bench is told OFF as it is found, before anybody is believed: `served-module`, real sockets.

The same bench is opened by turns as it is, and without the questions and commands of `bench.safety.asfound`.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from bench.pack import load_pack
from bench.running.lifecycle import OpenBench
from bench.running.setup import Setup
from bench.safety import asfound
from bench.station import load_station
from benchmarks.latency import on_free_ports, served

REPEATS = 5
MOST = 0.5
"""s that the commands may add."""


@contextmanager
def _only_opened() -> Iterator[None]:
    """Links are opened, nothing is said."""

    def isolated(_station: Any, seen: Any, name: str, _clock: Any) -> asfound.Found:
        found: asfound.Found = seen[name]
        return found

    with (
        patch.object(asfound, "powers_of", lambda *_played: []),
        patch.object(asfound, "_isolated", isolated),
        patch.object(asfound, "_switched_off", lambda seen, _roles: seen),
    ):
        yield


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def _opened(setup: Setup, way: Callable[[], Any]) -> float:
    with way():
        began = time.perf_counter()
        bench = OpenBench(setup)
        took = time.perf_counter() - began
    bench.make_safe()
    bench.close()
    return took


def main() -> None:
    """Print the figures."""
    if sys.platform == "win32":
        print("not measured here")
        return
    with tempfile.TemporaryDirectory() as folder:
        station_file = on_free_ports(Path(folder))
        with served(station_file):
            station, path = load_station(str(station_file))
            setup = Setup(station, path, *load_pack(station.packs[0]))
            ways = (_as_it_is, _only_opened)
            times = [[_opened(setup, way) for way in ways] for _ in range(REPEATS)]
    first, plain = (median(column) for column in zip(*times, strict=True))
    print(f"opened, told OFF first:   {first:5.2f} s")
    print(f"opened, nothing said:     {plain:5.2f} s")
    print(f"what OFF first adds:      {first - plain:5.2f} s (target: at most {MOST:g} s)")


if __name__ == "__main__":
    main()
