"""How many bytecodes a scan takes, by file and by function: the same on an idle machine and on a busy one.

Times of a shared machine hide a change of a few per cent; this counts, and shows where. It says nothing of what C code
does in one bytecode (numpy, printing, system calls): `benchmarks.against` has the last word.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.sampling import Row
from bench.running.setup import Setup
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench

SKIPPED, COUNTED = 60, 40
"""Scans until caches of any kind are as they stay, and scans that are counted."""
SHOWN = 20
HERE = Path(__file__).resolve().parents[1]


class Counting:
    """Counts bytecodes by code object, and calls, while it is the trace function of its thread."""

    def __init__(self) -> None:
        self.bytecodes = Counter[CodeType]()
        self.calls = Counter[CodeType]()
        self._scans = 0

    def observe(self, _row: Row) -> None:
        """Begin behind the first scans, end behind those that are counted."""
        self._scans += 1
        if self._scans == SKIPPED:
            sys.settrace(self._trace)
        elif self._scans == SKIPPED + COUNTED:
            sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            self.calls[frame.f_code] += 1
        elif event == "opcode":
            self.bytecodes[frame.f_code] += 1
        return self._trace


def measure(station: str) -> Counting:
    """Charge at one scan per second, and count."""
    counting = Counting()
    with tempfile.TemporaryDirectory() as folder:
        loaded, station_file = load_station(station)
        pack, pack_file = load_pack(loaded.packs[0])
        identity = TestIdentity("benchmarks", "bytecodes", "control loop")
        under_test = TestBench(Setup(loaded, station_file, pack, pack_file), Path(folder), identity)
        under_test.open()
        under_test.engine.sampler.observers.append(counting.observe)
        under_test.run(Charge("C/3", until=elapsed(seconds=SKIPPED + COUNTED + 1)))
        under_test.conclude()
    return counting


def main(*stations: str) -> None:
    """Print them."""
    for station in stations or ("virtual-module", "virtual-pack"):
        found = measure(station)
        per_scan = {code: count / COUNTED for code, count in found.bytecodes.items()}
        calls = sum(found.calls.values()) / COUNTED
        print(f"{station}: {sum(per_scan.values()):,.0f} bytecodes in {calls:,.0f} calls of Python code per scan")
        by_file = Counter[str]()
        for code, count in per_scan.items():
            by_file[_place(code)] += round(count)
        for file, count in by_file.most_common(SHOWN):
            print(f"  {count:6d} {file}")
        for code, count in sorted(per_scan.items(), key=lambda each: -each[1])[:SHOWN]:
            where = f"{_place(code)}:{code.co_firstlineno} {code.co_name}"
            print(f"  {count:6.0f} {found.calls[code] / COUNTED:5.1f}x {where}")


def _place(code: CodeType) -> str:
    file = Path(code.co_filename)
    return file.relative_to(HERE).as_posix() if file.is_relative_to(HERE) else file.name


if __name__ == "__main__":
    main(*sys.argv[1:])
