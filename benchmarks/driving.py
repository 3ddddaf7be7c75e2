"""What roads and strategies cost: a drive on the whole bench, a motor's loss map, the search of a fast charge.

A drive runs on the vehicle pack as a test runs it: pre-flight, every instrument, guard, recording. Shared machines
change their clock by a factor of two: a charge and a discharge of the same bench are printed beside it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.road import Drive
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, Step, elapsed
from bench.station import load_station
from bench.strategies import Optimum
from bench.testing import TestBench
from models.twin import Beginning
from models.vehicle.motor import WOUND_ROTOR, loss_map, with_fixed_excitation

STATION, ROAD, SEASON = "virtual-vehicle", "motorway-110", "paris-summer"
GOALS = {1.0: 4000.0, 0.1: 500.0}
"""Bench seconds per wall second, at least, by the period of scans (s)."""
MAP_GOAL, SEARCH_GOAL = 5.0, 180.0
"""s: a motor's map, once; the searched optimum of one pack and temperature."""
HALF = elapsed(seconds=900)
REPEATS = 2


@dataclass(frozen=True, order=True, slots=True)
class Speed:
    """Bench seconds per second: of the wall, and of the processor, which does not count who else was at work."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:,.0f} bench seconds per wall second, {self.processor:,.0f} per second of the processor"


def speed(steps: Sequence[Step], period: float) -> Speed:
    """Of a whole test with these steps, at scans each `period` s: the best of some."""
    return max(_once(steps, period) for _ in range(REPEATS))


def _once(steps: Sequence[Step], period: float) -> Speed:
    station, station_file = load_station(STATION)
    pack, pack_file = load_pack(station.packs[0])
    assert station.virtual is not None
    filled = station.virtual.model_copy(update={"soc": 0.7})
    chosen = station.model_copy(update={"scan_period": period, "virtual": filled})
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(chosen, station_file, pack, pack_file)
        under_test = TestBench(setup, Path(folder), TestIdentity("benchmarks", "driving", "a drive"))
        under_test.open()
        clock = under_test.engine.clock
        wall, worked, start = time.perf_counter(), time.process_time(), clock.now()
        under_test.run(*steps)
        wall, worked, bench = time.perf_counter() - wall, time.process_time() - worked, clock.now() - start
        under_test.conclude()
    return Speed(bench / wall, bench / worked)


def main() -> None:
    """Print the figures beside their goals."""
    _tell_maps()
    for period, goal in GOALS.items():
        plain = speed([Charge("C/3", until=HALF), Discharge("C/3", until=HALF)], period)
        driven = speed([Drive(ROAD, season=SEASON, period=period)], period)
        print(f"a drive ({ROAD}) on {STATION} at {1 / period:g} Hz: {driven} (goal: at least {goal:,.0f} by the wall);")
        print(f"  a charge and a discharge: {plain}; so {driven.processor / plain.processor:.2f} of that")
    _tell_search()


def _tell_maps() -> None:
    """Of machines that nobody has asked for, so that their maps are not there yet."""
    unknown = replace(WOUND_ROTOR, name="benchmark", friction=WOUND_ROTOR.friction * 1.0001)
    for machine in (unknown, with_fixed_excitation(80.0, unknown)):
        first, again = (_seconds(partial(loss_map, machine)) for _ in range(2))
        print(
            f"{first:7.2f} s for the loss map of a motor, {machine.name} (goal: at most {MAP_GOAL:g} s), and "
            f"{1e6 * again:.0f} µs when it is asked for again"
        )


def _tell_search() -> None:
    pack, _ = load_pack("nmc811-24s")
    took = _seconds(lambda: Optimum().for_pack(pack, Beginning(temperature=20.0, air=20.0)))
    print(f"{took:7.1f} s for the searched optimum of {pack.name} at 20 °C (goal: at most {SEARCH_GOAL:g} s)")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
