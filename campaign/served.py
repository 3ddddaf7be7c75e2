"""`packbench serve` in a process of its own, as a test or the campaign sees it: ready line, events, a station file.

For whoever needs instruments that outlive the process that uses them.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import files
from bench.station import SHIPPED

ROOT = Path(__file__).parents[1]
HOPELESS = 600.0
"""s after which a process that still runs is taken to hang and is killed, so that reading its output ends.

Long on purpose: a bench that is killed under a test which only waits for its share of a busy machine is a false alarm.
"""

Event = dict[str, Any]


@dataclass
class ServedBench:
    """A served bench: its process, what it has said so far, and the station file whose ports are the real ones."""

    process: "subprocess.Popen[str]"
    station: Path
    log: Path
    events: list[Event]

    def wait_for(self, kind: str, **fields: Any) -> Event:
        """Read on to the next event with these fields; fails when the process ends before it comes."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: Event = json.loads(line)
            self.events.append(event)
            if event["type"] == kind and fields.items() <= event.items():
                return event
        raise AssertionError(f"the served bench ended without {kind} {fields}: {self.events}")

    def command(self, verb: str, *defects: str) -> None:
        """Have defects begin (`inject`) or end (`repair`) now; the bench must be served with `--control`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({verb: defects}) + "\n")
        self.process.stdin.flush()

    def logged(self, kind: str) -> list[Event]:
        """Every event of this kind in the log so far."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["type"] == kind]

    def port(self, name: str) -> int:
        """TCP port of an instrument."""
        resource = yaml.safe_load(self.station.read_text(encoding="utf-8"))["instruments"][name]["resource"]
        return int(resource.split("::")[2])

    def end(self) -> int:
        """Ask it to end, and read what it still says."""
        self.process.terminate()
        assert self.process.stdout is not None
        self.events += map(json.loads, self.process.stdout)
        return self.process.wait()


@contextmanager
def served(
    folder: Path,
    *options: object,
    shipped: str = "served-module",
    extra: Mapping[str, Any] | None = None,
    **virtual: Any,
) -> Iterator[ServedBench]:
    """Serve a copy of a station, shipped or a file, on free ports.

    `extra` adds keys to the file, `virtual` changes those of its virtual section.
    """
    station = folder / "station.yaml"
    station.write_text(_on_free_ports(shipped, extra or {}, virtual), encoding="utf-8")
    with serving_process(station, "--log", folder / "served.jsonl", *options) as process:
        bench = ServedBench(process, station, folder / "served.jsonl", [])
        _fill_in(station, bench.wait_for("ready")["instruments"])
        yield bench


@contextmanager
def serving_process(station: Path | str, *options: object) -> Iterator["subprocess.Popen[str]"]:
    """`packbench serve --json` as a shell starts it; it is gone when the block ends."""
    command = [sys.executable, "-c", "from packbench.cli import main; main()", "serve", station, "--json", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        env=environment,
    )  # fmt: skip
    hopeless = threading.Timer(HOPELESS, process.kill)
    hopeless.start()
    with process:  # which waits for it at its end: it is killed before, whatever ends the block
        try:
            yield process
        finally:
            hopeless.cancel()
            process.kill()


def _on_free_ports(shipped: str, extra: Mapping[str, Any], virtual: Mapping[str, Any]) -> str:
    content = yaml.safe_load(files.find(shipped, SHIPPED, "station").read_text(encoding="utf-8")) | extra
    content["virtual"] |= virtual
    for entry in content["instruments"].values():
        if "can" in entry:
            entry["can"]["port"] = 0
        else:
            entry["resource"] = "TCPIP0::127.0.0.1::0::SOCKET"
    return yaml.safe_dump(content, sort_keys=False)


def _fill_in(station: Path, links: dict[str, Any]) -> None:
    content = yaml.safe_load(station.read_text(encoding="utf-8"))
    for name, link in links.items():
        content["instruments"][name] |= link
    station.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
