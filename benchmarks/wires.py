"""The wall box that a bench serves to an energy manager, with the bench running: a served wall box, 10 scans a second.

How long it takes to answer a manager that asks 200 times a second, and how long from a set point that it writes to the
command that the bench gives its own wall box for it, and to the power that flows into the battery, by the log of the
served bench. That box goes to a power at once: ramps and dead times are a box's own, and no bench's. The manager is a
process of its own and speaks raw Modbus.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np

from bench.grid.steps import Manage
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.station import load_station
from bench.testing import TestBench
from benchmarks.latency import served
from models.grid.week import Days

REQUESTS, EACH = 4000, 0.005
"""Requests, and s between two: 200 a second."""
SET_POINTS = 60
POWERS = 3000, 5000
"""W of the car, one after the other."""
TRIALS = 100
POWER = (260).to_bytes(2)
PERIOD, BEYOND = 0.1, 0.020
"""s of a scan, and s that may be added to one."""

CLIENT = """
import json, random, socket, struct, sys, time
host, port, requests, each, set_points, low, high = sys.argv[1], *map(float, sys.argv[2:])
line = socket.create_connection((host, int(port)), timeout=30)
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def ask(message):
    line.sendall(struct.pack(">HHHB", 1, 0, 1 + len(message), 1) + message)
    answer = line.recv(7, socket.MSG_WAITALL)
    return line.recv(answer[5] - 1, socket.MSG_WAITALL)
def write(register, word):
    assert ask(struct.pack(">BHH", 6, register, word))[0] == 6, register
for register, word in ((81, 1), (83, 1), (257, 1), (260, int(low))):
    write(register, word)
time.sleep(2.0)  # so that the first set point is over before anything is measured
took, due = [], time.monotonic()
for number in range(int(requests)):
    time.sleep(max(due - time.monotonic(), 0.0))
    begins = time.monotonic()
    ask(struct.pack(">BHH", 3, 40070, 120) if number % 2 else struct.pack(">BHH", 3, 537, 2))
    took.append(time.monotonic() - begins)
    due += each
chance, written = random.Random(0), []
for number in range(int(set_points)):
    power = int(low if number % 2 else high)
    time.sleep(0.5 + chance.random() / 10)  # anywhere within a scan
    written.append((time.monotonic(), power))
    write(260, power)
time.sleep(0.5)  # the last set point becomes a command before this process ends and the bench with it
print(json.dumps({"took": took, "written": written}))
"""


STATION = """
schema: 1
name: served-wallbox
clock: wall
visa_library: "@py"
scan_period: 0.1
rest_scan_period: 0.1
packs: [nmc811-vehicle]
instruments:
  wallbox:
    driver: quasar
    resource: TCPIP0::127.0.0.1::%d::SOCKET
    roles: [charger]
    gap: 0
    options: {charge: 7400, discharge: 7400, least: 1380, efficiency: 0.94, dead_time: 4, ramp: 2000}
  temperatures:
    driver: agilent-34970a
    resource: TCPIP0::127.0.0.1::%d::SOCKET
    roles: [temperatures]
    accuracy: {temperature: 0.5}
    gap: 0
    options: {channels: [101, 102, 103, 104, 105, 106, 107, 108]}
  bms:
    driver: foxbms
    can: {interface: socketcand, host: 127.0.0.1, port: %d, channel: can0}
    roles: [bms]
    options: {opens_when_silent: 5}
wiring: {voltage: 500, current: 40}
safe_state: {breaking_current: 40}
virtual:
  plant: pack
  soc: 0.50
  temperature: 20.0
  simulators:
    wallbox: {simulator: quasar, charge: 7400, discharge: 7400, ramp: 1.0e+6, at_rest: true}
    temperatures: {simulator: agilent-34970a, channels: [101, 102, 103, 104, 105, 106, 107, 108]}
    bms: {simulator: foxbms, request_timeout: 5}
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """S of each `answer`, and s from each set point to the `command` and to the `power` that follow from it."""

    answer: Sequence[float]
    command: Sequence[float]
    power: Sequence[float]


def measure() -> Waits:
    """Measure once."""
    with tempfile.TemporaryDirectory() as folder:
        station_file = Path(folder) / "station.yaml"
        station_file.write_text(STATION % tuple(_free_ports(3)), encoding="utf-8")
        with served(station_file):
            told = _managed(station_file, Path(folder))
            events = [json.loads(line) for line in station_file.with_name("log.jsonl").read_bytes().splitlines()]
    written = told["written"]
    return Waits(told["took"], list(_waits(written, _commands(events))), list(_waits(written, _powers(events))))


def _managed(station_file: Path, folder: Path) -> Any:
    """Run a bench under the manager until that has measured; what it tells."""
    station, path = load_station(str(station_file))
    pack, pack_file = load_pack(station.packs[0])
    under_test = TestBench(Setup(station, path, pack, pack_file), folder / "runs", TestIdentity("benchmarks", "w", "w"))
    (port,) = _free_ports(1)
    answers: list[Any] = []

    def until_measured(_row: Any) -> None:
        if answers:
            raise _Measured

    under_test.open()
    under_test.engine.sampler.observers.append(until_measured)
    threading.Thread(target=lambda: answers.append(_client(port)), daemon=True).start()
    try:
        with suppress(_Measured):
            under_test.run(Manage(f"modbus://127.0.0.1:{port}", _days()))
    finally:
        under_test.conclude()
    return answers[0]


class _Measured(Exception):
    """The manager has seen enough."""


def _client(port: int) -> Any:
    """Start it until it finds a bench that listens; what it tells."""
    given = [str(each) for each in ("127.0.0.1", port, REQUESTS, EACH, SET_POINTS, *POWERS)]
    for _ in range(TRIALS):
        found = subprocess.run([sys.executable, "-c", CLIENT, *given], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return json.loads(found.stdout)
        time.sleep(0.2)
    raise RuntimeError(found.stderr)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as taken:
        lines = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in lines]


def _days() -> Days:
    flat = np.ones(1)
    return Days(
        datetime(2026, 1, 12, tzinfo=UTC), "paris-january", outside=5 * flat, house=0 * flat, sun=0 * flat,
        buy=0.25 * flat, sell=0.1 * flat,
    )  # fmt: skip


def _commands(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, float]]:
    """Monotonic time, s, and W of each set point that the bench's own box was sent."""
    for event in events:
        if event.get("instrument") == "wallbox" and event.get("type") == "command":
            frame = str(event["message"]).encode("latin-1")
            if frame[7] in {6, 16} and frame[8:10] == POWER:
                yield float(event["monotonic"]), int.from_bytes(frame[-2:], signed=True)


def _powers(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, float]]:
    """Monotonic time, s, and W into the battery whenever that has changed; a few per cent are lost in the box."""
    for event in events:
        if event.get("type") == "state":
            yield float(event["monotonic"]), float(event["voltage"]) * float(event["battery"])


def _waits(written: Sequence[tuple[float, int]], followed: Iterable[tuple[float, float]]) -> Iterator[float]:
    """From each set point to the first that follows it: the bench is the car at a scale of nearly 1."""
    known = list(followed)
    for at, power in written:
        after = [time for time, watts in known if time > at and abs(watts - power) < 0.1 * power]
        yield after[0] - at


def _told(name: str, times: Sequence[float], target: str) -> str:
    ms = [1e3 * each for each in times]
    return (
        f"{name}: {len(ms)}, median {median(ms):.1f} ms, p99 {quantiles(ms, n=100)[98]:.1f} ms, "
        f"slowest {max(ms):.1f} ms ({target})"
    )


def main() -> None:
    """Print the figures."""
    if sys.platform == "win32":
        print("not measured here")
        return
    found, target = measure(), f"target: p99 below {(PERIOD + BEYOND) * 1e3:.0f} ms"
    print(_told(f"answers at {1 / EACH:.0f} requests/s", found.answer, "target: p99 below 10 ms"))
    print(_told("set point -> command", found.command, target))
    print(_told("set point -> power", found.power, target))


if __name__ == "__main__":
    main()
