"""A served supply in a process of its own and pytest in another: what tests of whole processes share.

The supply (`tests.bench.outlet`) outlives every test, so that what it was left with can be seen from outside.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import pytest

from tests.bench.supervisor_support import PATIENCE, report_of, reports

ROOT = Path(__file__).parents[2]

STATION = """\
schema: 1
name: outlet
scan_period: 0.1
rest_scan_period: 0.5
instruments:
  supply:
    {{driver: "tests.bench.outlet:OutletSupply", resource: "TCPIP0::127.0.0.1::{port}::SOCKET", roles: [source, sink]}}
  chamber: {{driver: "tests.bench.outlet:StillChamber", resource: none, roles: [chamber]}}
  temperatures: {{driver: "tests.bench.outlet:StillLogger", resource: none, roles: [temperatures]}}
  bms: {{driver: "tests.bench.outlet:StillBms", resource: none, roles: [bms]}}
wiring: {{voltage: 40, current: 6}}
safe_state: {{bus_meter: supply}}
supervisor: {{heartbeat: {heartbeat}}}
lease: {{file: bench.lock}}
"""

CHARGE = """
from bench.scenario import Charge, elapsed

def test_charge(bench):
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""

HANG = """
import signal
from bench.columns import CURRENT, INDEX
from bench.scenario import Charge, elapsed

def hang(row):
    if row[INDEX[CURRENT]] > 0.5:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("hanging", flush=True)
        while True:
            signal.pause()

def test_hang(bench):
    bench.engine.sampler.observers.append(hang)
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""


class Listener:
    """The lines that a process says, and a way to wait for one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.heard = process, list[str]()
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def next(self) -> str:
        try:
            self.heard.append(self._lines.get(timeout=PATIENCE))
        except Empty:
            pytest.fail(f"nothing came after {self.heard}")
        return self.heard[-1]

    def wait_for(self, text: str) -> None:
        while text not in self.next():
            pass

    def said(self) -> list[str]:
        """Every line so far."""
        while not self._lines.empty():
            self.next()
        return self.heard

    def ended(self) -> int:
        """Exit status of the process, once it is over."""
        status = self.process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@dataclass
class Rig:
    """A served supply, and a way to run a test on it."""

    folder: Path
    outlet: Listener
    port: int
    pack: str

    def start(
        self, tests: str, *options: str, heartbeat: float = 30.0, stdin: int | None = None
    ) -> subprocess.Popen[str]:
        """Start pytest on the rig; it is in a group of its own, like a job that somebody cancels."""
        (self.folder / "station.yaml").write_text(STATION.format(port=self.port, heartbeat=heartbeat))
        (self.folder / "pack.yaml").write_text(self.pack)
        (self.folder / "test_mine.py").write_text(tests)
        command = [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "-s", "-rA"]
        command += ["--rootdir=.", "--trust", "--station=station.yaml", "--pack=pack.yaml", *options, "test_mine.py"]
        return subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def charging(self, tests: str = CHARGE, *options: str, heartbeat: float = 30.0) -> subprocess.Popen[str]:
        """The same, once its output is on."""
        process = self.start(tests, *options, heartbeat=heartbeat)
        self.outlet.wait_for("output ON")
        return process

    def manifest(self) -> dict[str, Any]:
        (path,) = self.folder.glob("runs/*/*/run.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def supervisor(self) -> dict[str, Any]:
        """What the supervisor wrote, once it is done."""
        return report_of(self.folder)

    def reports(self) -> list[Path]:
        return reports(self.folder)


@contextmanager
def running_rig(folder: Path, pack: str, delay: float = 0.0) -> Iterator[Rig]:
    """A rig in `folder` with this pack file, whose supply takes `delay` s to measure, for the length of the block."""
    command = [sys.executable, "-m", "tests.bench.outlet", str(delay)]
    served = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    outlet = Listener(served)
    yield Rig(folder, outlet, int(outlet.next()), pack)
    served.kill()
    outlet.ended()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and output of a test, once it is over."""
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output
