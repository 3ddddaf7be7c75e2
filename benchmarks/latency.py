"""How long a violation stands until the guard's command to switch off arrives: `served-module`, 10 scans a second.

A stranger on the supply's own socket sets more current than the pack may have; both commands, his and the guard's, are
in the served bench's log with the time of their arrival, so that one clock and one process measure the whole way. The
debounce of that limit is set to nothing. Beside the guard a thread of the test computes without pause, as a test that
fits a curve might.
"""

import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import SEEK_CUR
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.columns import CURRENT, INDEX
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.sampling import derived_on, guard_for
from bench.running.setup import Setup
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault
from instruments.roles import SetPointRejected

STATION, FAULT = "served-module", "over-current"
TRIPS = 100
BEYOND = 0.020
"""s that may be added to one scan period."""
PATIENCE = 10.0
ASKED, TOO_MUCH = 2.0, 5.2
"""A: what the test asks for, and what lies between the guard's limit and the supply's own protection."""


def measure(*, busy: bool, trips: int = TRIPS) -> list[float]:
    """Seconds from each violation to the command that ends it."""
    with tempfile.TemporaryDirectory() as folder:
        station_file = on_free_ports(Path(folder))
        with served(station_file) as log, _computing(busy):
            return list(_measured(station_file, log, trips))


def _measured(on: Path, log: "Log", trips: int) -> Iterator[float]:
    chance = random.Random(0)
    station, station_file = load_station(str(on))
    pack, pack_file = load_pack(station.packs[0])
    identity = TestIdentity("benchmarks", "latency", "latency")
    under_test = TestBench(Setup(station, station_file, pack, pack_file), on.parent / "runs", identity)
    under_test.open()
    try:
        for _ in range(trips):
            yield _trip(under_test, log, chance.uniform(0.0, station.scan_period))
    finally:
        under_test.conclude()


def _trip(under_test: TestBench, log: "Log", delay: float) -> float:
    """Charge, let the stranger in `delay` s after a scan, and wait for the guard."""
    engine = under_test.engine
    bench, sampler = engine.bench, engine.sampler
    limits = [replace(limit, debounce=0.0) if limit.fault == FAULT else limit for limit in bench.limits]
    layout = bench.scanner.columns
    sampler.guard = guard_for(bench, limits, layout, derived_on(bench, layout))
    strangers: list[threading.Timer] = []

    def once_it_flows(row: list[float]) -> None:
        if row[INDEX[CURRENT]] > 0.9 * ASKED and not strangers:
            strangers.append(threading.Timer(delay, _ask_too_much, [bench.station.instruments["supply"].resource]))
            strangers[0].start()

    sampler.observers[:] = [once_it_flows]
    try:
        under_test.run(Charge(ASKED, until=elapsed(seconds=30)))
    except BenchFault as fault:
        if fault.fault != FAULT:
            raise
    except SetPointRejected:
        # The stranger spoke between a command of the test and its read-back: that ends the test as well.
        pass
    strangers[0].join()
    return log.arrived("OUTP OFF", after=log.arrived(f"SOUR:CURR {TOO_MUCH}"))


def _ask_too_much(resource: str) -> None:
    host, port = resource.split("::")[1:3]
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(f"SOUR:CURR {TOO_MUCH}\n".encode())


class Log:
    """The served bench's log, read as it is written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def arrived(self, message: str, after: float = 0.0) -> float:
        """Monotonic time at which the supply got the next such command, s; since `after`, where that is given."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            line = self._file.readline()
            if not line.endswith(b"\n"):
                # Not written yet, or only half of it: look again.
                self._file.seek(-len(line), SEEK_CUR)
                time.sleep(0.01)
                continue
            event: dict[str, Any] = json.loads(line)
            if event.get("instrument") == "supply" and str(event.get("message", "")).startswith(message):
                return float(event["monotonic"]) - after
        raise RuntimeError(f"The supply was not sent {message!r} within {PATIENCE:g} s.")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def on_free_ports(folder: Path) -> Path:
    """The shipped station on ports that nobody else uses, as a file of its own."""
    path = folder / "station.yaml"
    text = load_station(STATION)[1].read_text(encoding="utf-8")
    with ExitStack() as taken:
        for port in sorted(set(re.findall(r"\b151\d\d\b", text))):
            free = taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            text = text.replace(port, str(free))
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def served(station: Path) -> Iterator[Log]:
    """The simulators of a station file, behind its addresses."""
    path = station.with_name("log.jsonl")
    serve = ["-c", "from packbench.cli import main; main()", "serve", str(station), "--log", str(path), "--json"]
    with subprocess.Popen([sys.executable, *serve], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # It says something only once every wire is ready.
        process.stdout.readline()
        threading.Thread(target=process.stdout.read, daemon=True).start()
        log = Log(path)
        try:
            yield log
        finally:
            log.close()
            process.kill()


@contextmanager
def _computing(busy: bool) -> Iterator[None]:
    """A thread that never waits for anything."""
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            sum(number * number for number in range(1000))

    thread = threading.Thread(target=compute, daemon=True)
    if busy:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if busy:
            thread.join()


def main() -> None:
    """Print the figures."""
    if sys.platform == "win32":
        print("not measured here")
        return
    period = load_station(STATION)[0].scan_period
    for busy, words in ((False, "alone"), (True, "with a busy thread")):
        times = [seconds * 1e3 for seconds in measure(busy=busy)]
        p99 = quantiles(times, n=100)[98]
        print(
            f"violation -> output off, {words:18s} median {median(times):4.0f} ms, p99 {p99:4.0f} ms, "
            f"slowest {max(times):4.0f} ms (target: p99 below {(period + BEYOND) * 1e3:.0f} ms)"
        )


if __name__ == "__main__":
    main()
