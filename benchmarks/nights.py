"""What ten thousand nights of a station cost the report of the next one, and what one night takes on the disk."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from reports.nights.changes import changed
from reports.nights.night import Figure, Night, Told
from reports.nights.store import History

NIGHTS, TESTS, FIGURES = 10_000, 27, 10
MOST = 2.0
"""s."""


def night(number: int, verdict: str = "FAIL") -> Night:
    """One with as much in it as a nightly of the default station."""
    value = 2.3 + 1e-4 * (number % 7)
    figures = [Figure(f"figure {each}", "discharge", value, "Ah", 0.02, 2.0) for each in range(FIGURES)]
    tests = [Told(f"t.py::test_{each}", verdict, pack="p", serial="1", figures=figures) for each in range(TESTS)]
    return Night(f"{number:08d}", "2026-01-01T02:00:00.000Z", "benchmark", tests=tests)


def main() -> None:
    """Print the figures."""
    with TemporaryDirectory() as folder:
        history = History(Path(folder), "benchmark")
        history.keep(night(0))
        (first,) = Path(folder).rglob("*.json")
        for number in range(1, NIGHTS):  # the same content: what it holds is read all the same
            os.link(first, first.with_name(f"{number:08d}.json"))
        print(f"{first.stat().st_size / 1000:8.0f} kB for a night of {TESTS} tests with {FIGURES} figures each")
        for verdict in ("PASS", "FAIL"):
            began = perf_counter()
            changed(night(NIGHTS, verdict), history.before(night(NIGHTS, verdict)))
            took = perf_counter() - began
            print(f"{took:8.2f} s to compare a night ({verdict}) with {NIGHTS} earlier ones (at most {MOST:g})")


if __name__ == "__main__":
    main()
