"""What the recorder costs per row of 60 channels, beside the plainest thing that keeps as much: one line of text.

Rows come at ten per second of bench time, so every tenth one also goes to the operating system. The disk's own
`fsync`, once a second on a wall clock, is measured apart: it is the disk's figure, not ours.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.recording.recorder import SampleJournal, read_journal

TARGET = 30.0
"""us per row, at most."""
CHANNELS, ROWS, REPEATS = 60, 2000, 15
PERIOD = 0.1


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


def main() -> None:
    """Print the figures."""
    journal, text = measure()
    print(f"{journal:6.1f} µs per row of {CHANNELS} channels (target: below {TARGET:g} µs)")
    print(f"{text:6.1f} µs for the same row as a line of text ({text / journal:.1f} times as long)")
    print(f"{_forced():6.2f} ms for one fsync on this disk, once a second on a wall clock")
    with tempfile.TemporaryDirectory() as name:
        _journal(path := Path(name) / "journal", [[number * PERIOD] * CHANNELS for number in range(ROWS)])
        assert len(read_journal(path)[1]) == ROWS


if __name__ == "__main__":
    main()
