"""A bench that shares nothing with the product's own simulators: an EA supply, a chamber, a scanner and a BMS node.

Each is written from its manual (or, for the node, from foxBMS 2's published message list) on plain `asyncio` sockets,
in real time, in a process of the tests. What is true is read from the rig itself: `rig.current`, `rig.supply.output`,
`rig.node.closed`. Whatever a test does to it is a plain assignment. It knows no driver, no simulator and no defect.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.foreign.chamber import Chamber
from tests.foreign.lines import Lines
from tests.foreign.load import Load
from tests.foreign.node import Node
from tests.foreign.scanner import Scanner
from tests.foreign.supply import Supply

CELLS = 24
RESISTANCE = 0.24
"""Ohm of the whole string."""
CAPACITY = 2.0
"""Ah."""
STEP = 0.01
"""s between two looks of the world at itself."""


@dataclass
class Cells:
    """The string: state of charge, temperature in degC; the flat middle of an LFP curve is enough here."""

    soc: float = 0.5
    temperature: float = 25.0
    offsets: dict[int, float] = field(default_factory=dict)
    """V by which single cells (from 0) differ from the mean."""

    @property
    def open_circuit(self) -> float:
        """V of the string without current."""
        return CELLS * (3.25 + 0.1 * self.soc)

    def extremes(self, current: float) -> tuple[float, float]:
        """Lowest and highest cell, V, while `current` (A, charge positive) flows."""
        mean = (self.open_circuit + current * RESISTANCE) / CELLS
        cells = [mean + self.offsets.get(cell, 0.0) for cell in range(CELLS)]
        return min(cells), max(cells)


class Rig:
    """The four of them around one string of cells, running until `close`."""

    def __init__(self, load: Load | None = None) -> None:
        self.cells = Cells()
        self.supply, self.chamber, self.scanner, self.node = Supply(), Chamber(), Scanner(self.cells), Node(self.cells)
        self.load = load
        """A second instrument at the terminals, which then discharges; see `RigWithLoad`."""
        self.others: dict[str, Load] = {}
        """Further loads in parallel to it, by the names of their ports."""
        self.current = 0.0
        """A through the cells; charging is positive."""
        self.log: list[tuple[float, float, bool, bool]] = []
        """Monotonic time (s), current (A), output on, contactor closed: one entry for each change of a switch."""
        self.heat = 0.0
        """K/s that the cells take from something that is not their current."""
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self.ports: dict[str, int] = {}
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="foreign-rig", daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def close(self) -> None:
        """Everything is unplugged."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def station(self, **changes: Any) -> dict[str, Any]:
        """The station file that stands for this rig; `changes` replace top-level keys."""
        ports = self.ports
        return {
            "schema": 1, "name": "foreign", "clock": "wall", "visa_library": "@py", "packs": ["lfp-24s"],
            "scan_period": 0.2, "rest_scan_period": 0.5,
            "instruments": {
                "supply": {
                    "driver": "ea-psb10000", "resource": f"TCPIP0::127.0.0.1::{ports['supply']}::SOCKET",
                    "roles": ["source", "sink"], "expect": {"model": "PSB 10200-420"},
                },
                "chamber": {
                    "driver": "weiss-simserv", "resource": f"TCPIP0::127.0.0.1::{ports['chamber']}::SOCKET",
                    "roles": ["chamber"],
                },
                "temperatures": {
                    "driver": "agilent-34970a", "resource": f"TCPIP0::127.0.0.1::{ports['scanner']}::SOCKET",
                    "roles": ["temperatures"], "options": {"channels": [101, 102, 103, 104]},
                },
                "bms": {
                    "driver": "foxbms", "roles": ["bms"],
                    "can": {"interface": "socketcand", "host": "127.0.0.1", "port": ports["node"], "channel": "can0"},
                },
            },
            "wiring": {"voltage": 150, "current": 60},
            "safe_state": {"bus_meter": "supply"},
            **changes,
        }  # fmt: skip

    def write(self, folder: Path, **changes: Any) -> Path:
        """The station file on disk."""
        path = folder / "foreign.yaml"
        path.write_text(yaml.safe_dump(self.station(**changes), sort_keys=False), encoding="utf-8")
        return path

    def wait_until(self, condition: Callable[[], bool], seconds: float = 30.0) -> bool:
        """Whether `condition` came true within `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            threading.Event().wait(0.005)
        return True

    def charge_since(self, moment: float) -> float:
        """Ah either way that flowed after `moment` (monotonic s), from the log of changes."""
        entries = [entry for entry in self.log if entry[0] >= moment]
        later = [*[entry[0] for entry in entries[1:]], time.monotonic()]
        return sum(abs(entry[1]) * (end - entry[0]) for entry, end in zip(entries, later, strict=False)) / 3600

    # --- the world --------------------------------------------------------------------------------------------------

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._unplug())
        self._loop.close()

    def _served(self) -> dict[str, Lines | Node]:
        """Whoever stands on a port of its own."""
        those = {"supply": self.supply, "chamber": self.chamber, "scanner": self.scanner, "node": self.node}
        return {**those, **self.loads}

    @property
    def loads(self) -> dict[str, Load]:
        """Every load at the terminals."""
        return {**({} if self.load is None else {"load": self.load}), **self.others}

    async def _open(self) -> None:
        for name, instrument in self._served().items():
            server = await asyncio.start_server(instrument.serve, "127.0.0.1", 0)
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]
        self._alive = [asyncio.ensure_future(self._world()), asyncio.ensure_future(self.node.talk())]

    async def _unplug(self) -> None:
        """Nothing is served any more, and every connection is gone before the loop is."""
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for instrument in self._served().values():
            instrument.hang_up()
        # A transport lets go of its socket in the loop's next turns.
        for _ in range(3):
            await asyncio.sleep(0)

    async def _world(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(STEP)
            now = time.monotonic()
            self._advance(now - before, now)
            before = now

    def _advance(self, seconds: float, now: float) -> None:
        cells, supply, node = self.cells, self.supply, self.node
        node.elapse(now)
        supply.elapse(now)
        delivered = supply.into(cells.open_circuit, RESISTANCE) if node.closed and supply.output else 0.0
        drawn = sum(load.drawn for load in self.loads.values()) if node.closed else 0.0
        self.current = delivered - drawn
        at_the_cells = cells.open_circuit + self.current * RESISTANCE
        supply.voltage = at_the_cells if node.closed else (supply.set_voltage if supply.output else 0.0)
        supply.current = delivered
        for load in self.loads.values():
            load.voltage, load.current = supply.voltage, load.drawn if node.closed else 0.0
        node.measure(self.current, at_the_cells, supply.voltage)
        cells.soc += self.current * seconds / 3600 / CAPACITY
        cells.temperature += self.heat * seconds
        on = supply.output or any(load.input for load in self.loads.values())
        entry = (now, round(self.current, 2), on, node.closed)
        if not self.log or self.log[-1][1:] != entry[1:]:
            self.log.append(entry)


class RigWithLoad(Rig):
    """The same, with an electronic load that discharges what the supply only charges."""

    load: Load

    def __init__(self) -> None:
        super().__init__(Load())

    def station(self, **changes: Any) -> dict[str, Any]:
        """See `Rig.station`."""
        station = super().station()
        station["instruments"]["supply"]["roles"] = ["source"]
        station["instruments"]["load"] = {
            "driver": "chroma-63600", "resource": f"TCPIP0::127.0.0.1::{self.ports['load']}::SOCKET", "roles": ["sink"],
        }  # fmt: skip
        return {**station, "safe_state": {"bus_meter": "supply", "confirm": ["load"]}, **changes}


class RigWithTwoLoads(RigWithLoad):
    """A second one of the same family in parallel to the first."""

    def __init__(self) -> None:
        self.second = Load()
        super().__init__()

    def _served(self) -> dict[str, Lines | Node]:
        self.others = {"second": self.second}
        return super()._served()

    def station(self, **changes: Any) -> dict[str, Any]:
        """See `Rig.station`."""
        station = super().station()
        station["instruments"]["second"] = {
            "driver": "chroma-63600", "resource": f"TCPIP0::127.0.0.1::{self.ports['second']}::SOCKET",
            "roles": ["sink"],
        }  # fmt: skip
        return {**station, **changes}


@contextmanager
def running(kind: type[Rig] = Rig) -> Iterator[Any]:
    """A rig of a kind for the length of a block."""
    rig = kind()
    try:
        yield rig
    finally:
        rig.close()
