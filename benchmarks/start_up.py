"""How long `packbench --help` takes, beside the bare interpreter in the same run."""

import subprocess
import sys
import time

REPEATS = 5


def main() -> None:
    """Print the median of both, s."""
    bare = _median([sys.executable, "-c", ""])
    ours = _median([sys.executable, "-c", "from packbench.cli import main; main(['--help'])"])
    print(f"packbench --help: {ours:.2f} s (bare interpreter {bare:.2f} s)")


def _median(command: list[str]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=False, capture_output=True)
        times.append(time.perf_counter() - start)
    return sorted(times)[REPEATS // 2]
