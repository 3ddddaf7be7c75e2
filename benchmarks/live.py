"""What the live page costs in its own process for an hour; the test's process does not know of it.

An hour of ten scans a second is written as fast as the page can look at it, second by second, with four browsers that
take everything. Memory must not grow once the page has as many rows as it keeps.
"""

import json
import os
import threading
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import psutil

from bench import columns as labels
from bench.recording.journal import NAME
from bench.recording.recorder import SampleJournal
from packbench.live.serving import Page, Server
from packbench.live.watching import KEPT, Watch

HOUR, RATE, BROWSERS, CELLS = 3600, 10, 4, 24
WARM = 2 * KEPT // RATE
"""s after which everything that is kept is there."""


class _NoButtons:
    def stop(self) -> str:
        return ""

    def make_safe(self) -> str:
        return ""


def main() -> None:
    """Print the figures."""
    with TemporaryDirectory() as folder:
        columns = (*labels.DERIVED, *(f"Emulator Cell {cell} / V" for cell in range(CELLS)))
        run = Path(folder) / "2026-01-01" / "020000-hour"
        run.mkdir(parents=True)
        (run / "run.json").write_text(json.dumps(_manifest()), encoding="utf-8")
        journal = SampleJournal(run / NAME, columns, fsync=False)
        page = Page(Watch(Path(folder)), _NoButtons())
        server = Server(("127.0.0.1", 0), page)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        read = [0] * BROWSERS
        for number in range(BROWSERS):
            threading.Thread(target=_browse, args=(server.server_address[1], read, number), daemon=True).start()
        process, grown = psutil.Process(os.getpid()), 0.0
        began, worked = perf_counter(), process_time()
        for second in range(HOUR):
            for scan in range(RATE):
                journal.append([second + scan / RATE, *[3.3] * (len(columns) - 1)])
            journal.flush()
            page.look()
            if second == WARM:
                grown = process.memory_info().rss / 2**20
        took, worked = perf_counter() - began, process_time() - worked
        grown = process.memory_info().rss / 2**20 - grown
        page.close()
        server.shutdown()
        server.server_close()
        journal.close()
    print(
        f"{1e3 * worked / HOUR:5.1f} ms of a core for each second with {BROWSERS} browsers ({took:.0f} s for the hour)"
    )
    print(f"{grown:5.1f} MiB more after an hour than after {WARM / 60:.0f} min")
    print(f"{sum(read) / BROWSERS / 2**20:5.1f} MiB sent to each browser")


def _browse(port: int, read: list[int], number: int) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    while line := answer.readline():
        read[number] += len(line)


def _manifest() -> dict[str, object]:
    return {
        "run_id": "2026-01-01/020000-hour", "state": "running", "test": {"name": "hour"}, "station": {"name": "s"},
        "pack": {"name": "p"}, "limits": [
            {"name": f"limit {each}", "column": name, "at_most": 5.0, "unit": ""}
            for each, name in enumerate(labels.DERIVED)
        ],
    }  # fmt: skip


if __name__ == "__main__":
    main()
