"""What the recorder costs per row, and what a run of ten million rows needs from its recording to its judgement.

A row of 60 channels is set beside the plainest thing that keeps as much: one line of text.
Rows come at ten per second of bench time, so every tenth one also goes to the operating system. The disk's own
`fsync`, once a second on a wall clock, is measured apart: it is the disk's figure, not ours.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from bench.columns import DERIVED, INDEX, STEP
from bench.recording.recorder import SampleJournal, read_journal
from bench.recording.rows import BATCH
from bench.recording.run import Run, TestIdentity
from bench.verdicts import Verdict

TARGET = 30.0
"""us per row, at most."""
CHANNELS, ROWS, REPEATS = 60, 2000, 15
PERIOD = 0.1
LONG, LARGEST = 10_000_000, 1024
"""Rows of a long run, of the 25 columns that every run has; MiB that concluding it may take."""


def measure() -> tuple[float, float]:
    """Microseconds per row of the journal and of lines of text, side by side, the smallest of the repeats each."""
    rows = [[number * PERIOD, *[number + channel / 7 for channel in range(1, CHANNELS)]] for number in range(ROWS)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = [(_cost(folder, rows, _journal), _cost(folder, rows, _text)) for _ in range(REPEATS)]
    return min(journal for journal, _ in costs), min(text for _, text in costs)


def _cost(folder: Path, rows: list[list[float]], keep: Callable[[Path, list[list[float]]], None]) -> float:
    start = perf_counter()
    keep(folder / keep.__name__, rows)
    return (perf_counter() - start) / len(rows) * 1e6


def _journal(path: Path, rows: list[list[float]]) -> None:
    journal = SampleJournal(path, tuple(f"channel {number} / V" for number in range(CHANNELS)), fsync=False)
    for row in rows:
        journal.append(row)
    journal.close()


def _text(path: Path, rows: list[list[float]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(",".join(map(repr, row)) + "\n")


def _forced() -> float:
    """Milliseconds of one `fsync` of a second's worth of rows, median."""
    times = []
    with tempfile.TemporaryDirectory() as name, (Path(name) / "forced").open("wb", buffering=0) as file:
        for _ in range(20):
            file.write(bytes(round(1 / PERIOD) * CHANNELS * 8))
            start = perf_counter()
            os.fsync(file.fileno())
            times.append(perf_counter() - start)
    return median(times) * 1e3


# --- a long run, each part of it in a process of its own --------------------------------------------------------------


def record_and_conclude(root: Path, count: int = LONG) -> None:
    """Print what `count` rows in the journal, and turning them into the table, have taken."""
    run = Run(root, TestIdentity("long.py::test", "test", "A long run"), {"pack": {"capacity": 2.0}}, now=lambda: count)
    run.begin(DERIVED, fsync=False)
    assert run.journal is not None
    run.event("step started", index=1, name="charge", kind="Charge", step_type="CCCV_CHG", set_points={}, until=[])
    block = np.round(np.random.default_rng(0).normal(3.3, 0.1, (BATCH, len(DERIVED))), 4)
    block[:, INDEX[STEP]] = 1
    for start in range(0, count, BATCH):
        block[:, 0] = np.arange(start, start + BATCH)
        run.journal.extend(block[: count - start])
    print(f"{_peak():6.0f} MiB at most while {count} rows of {len(DERIVED)} columns were recorded")
    began = perf_counter()
    run.end(Verdict.PASS, None)
    took = perf_counter() - began
    print(f"{_peak():6.0f} MiB at most until they were concluded, {took:.0f} s (target: {LARGEST} MiB)")


def judge(folder: Path) -> None:
    """Print what all figures of a run have taken."""
    from reports import kpi
    from reports.recording import Recording

    start = perf_counter()
    figures = kpi.compute_all(Recording.load(folder))
    print(f"{_peak():6.0f} MiB at most while {len(figures)} figures were computed, {perf_counter() - start:.1f} s")


def export(folder: Path) -> None:
    """Print what writing the samples as Battery Data Format has taken."""
    from bench.recording.export import Format
    from bench.recording.export import export as write
    from reports.recording import Recording

    start = perf_counter()
    recording = Recording.load(folder)
    write(recording.columns, recording.rows, Format.BDF, folder / "run.bdf.csv")
    print(f"{_peak():6.0f} MiB at most while they were exported, {perf_counter() - start:.0f} s")


def _peak() -> float:
    """MiB of memory that this process has had at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _long_run() -> None:
    with tempfile.TemporaryDirectory() as name:
        _apart("record_and_conclude", Path(name))
        (folder,) = Path(name).glob("*/*")
        _apart("judge", folder)
        _apart("export", folder)


def _apart(part: str, path: Path) -> None:
    script = f"import sys, pathlib; from benchmarks import recorder; recorder.{part}(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)


def main() -> None:
    """Print the figures."""
    journal, text = measure()
    print(f"{journal:6.1f} µs per row of {CHANNELS} channels (target: below {TARGET:g} µs)")
    print(f"{text:6.1f} µs for the same row as a line of text ({text / journal:.1f} times as long)")
    print(f"{_forced():6.2f} ms for one fsync on this disk, once a second on a wall clock", flush=True)
    with tempfile.TemporaryDirectory() as name:
        _journal(path := Path(name) / "journal", [[number * PERIOD] * CHANNELS for number in range(ROWS)])
        assert len(read_journal(path)[1]) == ROWS
    if os.name == "posix":  # elsewhere nobody tells what a process has used at most
        _long_run()


if __name__ == "__main__":
    main()
