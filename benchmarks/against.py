"""The control loop of this tree against that of another commit: how many times faster it is, on both stations.

Times of a shared machine say nothing by themselves: its clock and its other work change them by a factor of two within
a minute. So the two trees run by turns, each time in a fresh process and in the other order than before, what counts is
the median ratio of the pairs, and seconds are those of the core that runs the loop: it never waits for anything but its
turn. `python -m benchmarks.against [commit]` compares with any other commit.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

OTHER = "9e90314"
"""The commit that the goals were set against."""

GOALS = {"virtual-module": 1.1, "virtual-pack": 0.9}
"""How many times faster than `OTHER` the loop shall be, by station, with all that makes the bench true: meters with
errors, an emulator whose cells remember, a node that is timed (1.45 and 1.2 without)."""

PAIRS = 7
ROUNDS = 6
"""Times that a process charges and discharges for `MINUTES` each; the quickest counts."""
MINUTES = 5.0

HERE = Path(__file__).resolve().parents[1]


def main(other: str = OTHER) -> None:
    """Print the ratio of each station."""
    with _checked_out(other) as tree:
        for station, goal in GOALS.items():
            ratios, speed = _compare(station, tree)
            wanted = f", at least {goal:g} wanted" if other == OTHER else ""
            print(
                f"{station}: {statistics.median(ratios):.2f} times as fast as {other}{wanted} "
                f"({min(ratios):.2f} to {max(ratios):.2f} in {PAIRS} pairs; {speed:,.0f} bench seconds per second)"
            )


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """A work tree of `commit` in a temporary folder, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(HERE), *arguments], check=True, capture_output=True)


def _compare(station: str, other: Path) -> tuple[list[float], float]:
    """How many times faster this tree is, by pair, and its best speed."""
    ratios, best = list[float](), 0.0
    for pair in range(PAIRS):
        # Whoever comes second finds another machine: each comes second as often as first.
        order = (HERE, other) if pair % 2 else (other, HERE)
        speeds = {tree: _in_a_fresh_process(station, tree) for tree in order}
        ratios.append(speeds[HERE] / speeds[other])
        best = max(best, speeds[HERE])
    return ratios, best


def _in_a_fresh_process(station: str, tree: Path) -> float:
    """The speed of `tree`: this very file runs there, but imports what is there (`-P`: nothing from beside it)."""
    command = [sys.executable, "-P", __file__, "--measure", station]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tree, env=environment)
    return float(done.stdout)


def speed(station: str) -> float:
    """Bench seconds per second of a core at one scan per second; uses what both commits have in common."""
    from bench.pack import load_pack
    from bench.recording.run import TestIdentity
    from bench.scenario import Charge, Discharge, elapsed
    from bench.station import load_station
    from bench.testing import TestBench

    lifecycle = import_module("bench.running.lifecycle")  # both commits have `Setup` there: theirs, or where it is used

    best = 0.0
    with tempfile.TemporaryDirectory() as folder:
        loaded, station_file = load_station(station)
        pack, pack_file = load_pack(loaded.packs[0])
        identity = TestIdentity("benchmarks", "against", "control loop")
        under_test = TestBench(lifecycle.Setup(loaded, station_file, pack, pack_file), Path(folder), identity)
        under_test.open()
        now, some_time = under_test.engine.clock.now, elapsed(minutes=MINUTES)
        for _ in range(ROUNDS):
            start, bench_start = time.process_time(), now()
            under_test.run(Charge("C/3", until=some_time), Discharge("C/3", until=some_time))
            best = max(best, (now() - bench_start) / (time.process_time() - start))
        under_test.conclude()
    return best


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(speed(sys.argv[2]))
    else:
        main(*sys.argv[1:])
