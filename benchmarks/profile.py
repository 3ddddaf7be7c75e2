"""What a long profile costs before a step begins, and per value while it runs; memory does not grow with its length."""

import subprocess
import sys
import tempfile
from pathlib import Path

POINTS = (100_000, 2_000_000)
PROBE = """
import resource, sys, time
from bench.profile import Playback, survey
path, count = sys.argv[1], int(sys.argv[2])
began = time.perf_counter()
found = survey(path, "power")
judged = time.perf_counter() - began
playback, began = Playback(path, "power", "previous"), time.perf_counter()
for second in range(count):
    playback.at(second + 0.5)
played = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
judged, played = judged / count * 1e6, played / count * 1e6
print(f"{count:10d} points: {judged:5.2f} us each to judge, {played:5.2f} to play, {peak:4.0f} MiB at most")
"""


def main() -> None:
    """Print the figures."""
    if sys.platform == "win32":
        print("not measured here")
        return
    for count in POINTS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drive.csv"
            with path.open("w", encoding="utf-8") as file:
                file.write("time_s,power_W\n")
                file.writelines(f"{second},{second % 2000 - 1000}.5\n" for second in range(count))
            subprocess.run([sys.executable, "-c", PROBE, str(path), str(count)], check=True)


if __name__ == "__main__":
    main()
