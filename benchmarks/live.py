"""What the live page costs: in the test's process for each scan, and in its own for an hour.

The scans of a test without a page, with one that is looked at, and with one whose browser takes nothing take turns on
the same core, each in a process of its own: what counts is the ratio of neighbouring turns, in seconds of that core.

An hour of ten scans a second is written as fast as the page can look at it, second by second, with four browsers that
take everything. Memory must not grow once the page has as many rows as it keeps.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from urllib.parse import urlsplit

import psutil

from bench import columns as labels
from bench.pack import load_pack
from bench.recording.journal import NAME
from bench.recording.recorder import SampleJournal
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, elapsed
from bench.station import load_station
from bench.testing import TestBench
from packbench.live.serving import Page, Server
from packbench.live.watching import KEPT, Watch

HOUR, RATE, BROWSERS, CELLS = 3600, 10, 4, 24
WARM = 2 * KEPT // RATE
"""s after which everything that is kept is there."""

TURNS = 16
"""Turns of each arrangement; the first, where all is cold, does not count."""
HALF = 300.0
"""s of charge, and of discharge, of a turn: a scan each."""
WANTED = 20.0
"""µs of a scan that a page may cost."""

Browser = Callable[[str], AbstractContextManager[None]]
"""Looks at the page at an address for as long as a turn takes."""

Took = tuple[float, float]
"""µs of a whole scan, and of what of it writes the sample to the disk, where a page reads it."""


class _NoButtons:
    def stop(self) -> str:
        return ""

    def make_safe(self) -> str:
        return ""


def main() -> None:
    """Print the figures."""
    _scans()
    _hour()


# --- a scan of the test -----------------------------------------------------------------------------------------------


def _scans() -> None:
    """What a scan takes in the test's process, beside the same without a page."""
    arrangements: Mapping[str, Browser] = {
        "a page that is looked at": _reader, "a page whose browser takes nothing": _laggard,
    }  # fmt: skip
    with ExitStack() as stack, TemporaryDirectory() as folder:
        alone = stack.enter_context(_taking_turns(Path(folder) / "alone", None))
        watched = {
            name: stack.enter_context(_taking_turns(Path(folder) / f"watched-{number}", browser))
            for number, (name, browser) in enumerate(arrangements.items())
        }
        pairs: dict[str, list[tuple[Took, Took]]] = {name: [] for name in watched}
        for turn in range(TURNS):
            for name, its in watched.items():
                # Whoever comes second finds another machine: each comes second as often as first.
                first, second = (alone, its) if turn % 2 else (its, alone)
                took = {id(each): each() for each in (first, second)}
                pairs[name].append((took[id(alone)], took[id(its)]))
    for name, found in pairs.items():
        for place, what in enumerate(("a scan", "writing it down")):
            counted = [(without[place], its[place]) for without, its in found[1:]]
            ratio, more = median(i / w for w, i in counted), median(i - w for w, i in counted)
            print(
                f"{name}: {what} takes {ratio:.3f} times as long as without ({median(w for w, _ in counted):.1f} µs), "
                f"{more:+.1f} µs, at most {WANTED:g} wanted; ratios of turns {min(i / w for w, i in counted):.2f} to "
                f"{max(i / w for w, i in counted):.2f}"
            )


@contextmanager
def _taking_turns(runs: Path, browser: Browser | None) -> Iterator[Callable[[], Took]]:
    """What has a test below `runs` take a turn, and tells its µs for each scan; a page of it is looked at by `browser`.

    The test has a core of its own where there are two, as beside a page of another process it would.
    """
    runs.mkdir(parents=True)
    with ExitStack() as stack:
        url = stack.enter_context(_page(runs)) if browser else ""
        command = [sys.executable, "-m", "benchmarks.live", str(runs)]
        test = stack.enter_context(subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
        if cores:
            os.sched_setaffinity(test.pid, {cores[-1]})
        asked, told = test.stdin, test.stdout
        assert asked is not None
        assert told is not None

        def turn() -> Took:
            with browser(url) if browser else nullcontext():
                print("go", file=asked, flush=True)
                scan, record = told.readline().split()
                return float(scan), float(record)

        yield turn
        asked.close()  # that was all


@contextmanager
def _page(runs: Path) -> Iterator[str]:
    """The live page of a folder, as `pytest --live` starts it; its address."""
    command = [sys.executable, "-m", "packbench", "live", str(runs), "--until-input-ends"]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as page:
        assert page.stdin is not None
        assert page.stdout is not None
        yield page.stdout.readline().split()[-1]
        page.stdin.close()


@contextmanager
def _reader(url: str) -> Iterator[None]:
    """A browser that takes everything."""
    with _asked(url, 1 << 20) as connection:
        reading = threading.Thread(target=_read, args=(connection,), daemon=True)
        reading.start()
        yield
        connection.shutdown(socket.SHUT_RDWR)
        reading.join()


def _read(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(1 << 16):
            pass


@contextmanager
def _laggard(url: str) -> Iterator[None]:
    """A browser that takes nothing."""
    with _asked(url, 2048):
        yield


def _asked(url: str, room: int) -> socket.socket:
    """A connection that has asked for the stream, and has `room` bytes for it."""
    place = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.connect((place.hostname, place.port))
    connection.sendall(f"GET /stream HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
    return connection


def measure(runs: Path) -> None:
    """Tell the µs of a core for each scan, and those of them that write it down, for each line that comes in."""
    loaded, station_file = load_station("virtual-module")
    pack, pack_file = load_pack(loaded.packs[0])
    identity = TestIdentity("benchmarks", "live", "scans beside a live page")
    under_test = TestBench(Setup(loaded, station_file, pack, pack_file), runs, identity)
    under_test.open()
    journal, half = under_test.run_log.journal, elapsed(seconds=HALF)
    assert journal is not None
    append, rows, seconds = journal.append, 0, 0.0

    def timed(row: list[float]) -> None:
        nonlocal rows, seconds
        began = process_time()
        append(row)
        seconds, rows = seconds + process_time() - began, rows + 1

    journal.append = timed  # type: ignore[method-assign]
    for _ in sys.stdin:
        rows, seconds, began = 0, 0.0, process_time()
        under_test.run(Charge("C/5", until=half), Discharge("C/5", until=half))
        print(1e6 * (process_time() - began) / rows, 1e6 * seconds / rows, flush=True)
    under_test.conclude()


# --- an hour of the page ----------------------------------------------------------------------------------------------


def _hour() -> None:
    """What an hour takes in the page's own process."""
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
    if sys.argv[1:]:
        measure(Path(sys.argv[1]))
    else:
        main()
