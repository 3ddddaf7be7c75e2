"""The main job as a whole: wall time, and the most memory that all its processes hold together.

Runs what `tox run -e nightly` runs, in the same environment, once the environment is built.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

TIME_TARGET, MEMORY_TARGET = 180.0, 1024.0
"""s and MiB, at most."""
LOOK = 0.25
"""s between two looks at the memory."""


def measure(folder: Path) -> tuple[float, float]:
    """Wall time, s, and peak memory, MiB, of the suite and its report; raises when one of them fails."""
    results = folder / "allure-results"
    suite = ["pytest", "test_cases", "-q", "-n", str(os.cpu_count()), "--runs", str(folder / "runs")]
    report = ["-c", "from packbench.cli import main; main()", "report", str(folder / "runs"), "--results", str(results)]
    commands = [
        [sys.executable, "-m", *suite, "-p", "no:cacheprovider", "--alluredir", str(results)],
        [sys.executable, *report, "--output", str(folder / "allure-report")],
    ]
    start, peak = time.perf_counter(), 0.0
    for command in commands:
        with (folder / "output.txt").open("w+", encoding="utf-8") as output:
            process = psutil.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            peak = max(peak, _watch(process))
            output.seek(0)
            if process.returncode:
                raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}:\n{output.read()}")
    return time.perf_counter() - start, peak


def _watch(process: psutil.Popen) -> float:
    """Most memory that a process and its children held together while it ran, MiB; what they share counts once."""
    peak = 0.0
    while True:
        with suppress(psutil.TimeoutExpired):
            process.wait(LOOK)
            return peak
        peak = max(peak, sum(_memory(each) for each in [process, *_children(process)]) / 2**20)


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _memory(process: psutil.Process) -> float:
    """Bytes that are this process's own, and its share of what it shares, where the system tells."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(memory, "pss", memory.rss))


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        wall, memory = measure(Path(folder))
    print(f"{wall:6.0f} s for the suite and its report on {os.cpu_count()} cores (target: below {TIME_TARGET:g} s)")
    print(f"{memory:6.0f} MiB at most, all processes together (target: below {MEMORY_TARGET:g} MiB)")


if __name__ == "__main__":
    main()
