"""The control loop of this tree against that of another commit: how many times faster it is, on both stations.

Times of a shared machine say nothing by themselves: its clock and its other work change them by a factor of two within
a minute. So a process of each tree takes its turn, a fraction of a second each, on the same core: what counts is the
median ratio of neighbouring turns over a few such couples of processes, and seconds are those of the core that runs the
loop, which never waits for anything but its turn. `python -m benchmarks.against [commit]` compares with any other one.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

OTHER = "9e90314"
"""The commit that the goals were set against."""

GOALS = {"virtual-module": 1.1, "virtual-pack": 0.9}
"""How many times faster than `OTHER` the loop shall be, by station, with all that makes the bench true: meters with
errors, an emulator whose cells remember, a node that is timed (1.45 and 1.2 without)."""

COUPLES = 4
"""Couples of processes: one may be laid out in memory more luckily than another."""
TURNS = 16
"""Turns of each: once `MINUTES` of charge and as much of discharge; the first, where all is cold, does not count."""
MINUTES = 5.0

HERE = Path(__file__).resolve().parents[1]


def main(other: str = OTHER) -> None:
    """Print the ratio of each station."""
    with _checked_out(other) as tree:
        for station, goal in GOALS.items():
            couples = [_compare(station, tree) for _ in range(COUPLES)]
            medians = [statistics.median(ratios) for ratios, _ in couples]
            wanted = f", at least {goal:g} wanted" if other == OTHER else ""
            print(
                f"{station}: {statistics.median(ratio for ratios, _ in couples for ratio in ratios):.2f} times as fast "
                f"as {other}{wanted} (couples {min(medians):.2f} to {max(medians):.2f}; "
                f"{max(speed for _, speed in couples):,.0f} bench seconds per second)"
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
    """How many times faster this tree is, by neighbouring turns, and its best speed."""
    with _taking_turns(station, HERE) as ours, _taking_turns(station, other) as theirs:
        pairs = list[tuple[float, float]]()
        for turn in range(TURNS):
            # Whoever comes second finds another machine: each comes second as often as first.
            first, second = (ours, theirs) if turn % 2 else (theirs, ours)
            took = {id(each): each() for each in (first, second)}
            pairs.append((took[id(ours)], took[id(theirs)]))
    return [mine / its for mine, its in pairs[1:]], max(mine for mine, _ in pairs)


@contextmanager
def _taking_turns(station: str, tree: Path) -> Iterator[Callable[[], float]]:
    """What has a process of `tree` take a turn, and tells its speed.

    This very file runs there, but imports what is there (`-P`: nothing from beside it).
    """
    command = [sys.executable, "-P", __file__, "--measure", station]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    with subprocess.Popen(
        command, cwd=tree, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})

        def turn() -> float:
            print("go", file=asked, flush=True)
            return float(told.readline())

        yield turn
        asked.close()  # that was all


def measure(station: str) -> None:
    """Tell the bench seconds per second of a core, at one scan per second, for each line that comes in.

    Uses what both commits have in common.
    """
    from bench.pack import load_pack
    from bench.recording.run import TestIdentity
    from bench.scenario import Charge, Discharge, elapsed
    from bench.station import load_station
    from bench.testing import TestBench

    lifecycle = import_module("bench.running.lifecycle")  # both commits have `Setup` there: theirs, or where it is used

    with tempfile.TemporaryDirectory() as folder:
        loaded, station_file = load_station(station)
        pack, pack_file = load_pack(loaded.packs[0])
        identity = TestIdentity("benchmarks", "against", "control loop")
        under_test = TestBench(lifecycle.Setup(loaded, station_file, pack, pack_file), Path(folder), identity)
        under_test.open()
        now, some_time = under_test.engine.clock.now, elapsed(minutes=MINUTES)
        for _ in sys.stdin:
            start, bench_start = time.process_time(), now()
            under_test.run(Charge("C/3", until=some_time), Discharge("C/3", until=some_time))
            print((now() - bench_start) / (time.process_time() - start), flush=True)
        under_test.conclude()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        main(*sys.argv[1:])
