"""A small virtual bench to test the simulators on, reached through pyvisa, pyserial and python-can."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest
import pyvisa
from pyvisa.resources import MessageBasedResource

from instruments.virtual import World, open_world
from models.cell import load_cell

CELL = "nmc811-21700"
SERIES = 24
ALL = f"(@{','.join(str(channel) for channel in range(1, SERIES + 1))})"

LINKS = {
    "supply": "TCPIP::supply.test::5025::SOCKET",
    "load": "TCPIP::load.test::2101::SOCKET",
    "emulator": "TCPIP::emulator.test::7000::SOCKET",
    "chamber": "TCPIP::chamber.test::2049::SOCKET",
    "temperatures": "GPIB0::9::INSTR",
    "bms": "packbench:test",
    "coolant": "packbench://coolant",
    "wallbox": "packbench://wallbox:502",
}
SIMULATORS: dict[str, dict[str, Any]] = {
    "supply": {"simulator": "ea-psb10000", "voltage": 200, "current": 420, "power": 30000, "accuracy": 0.0},
    "load": {"simulator": "chroma-63600", "voltage": 150, "current": 60, "power": 6000, "accuracy": 0.0},
    "emulator": {"simulator": "ngi-n83624", "current": 30, "accuracy": 0.0},
    "chamber": {"simulator": "weiss-simserv", "lag": 30.0, "accuracy": 0.0},
    "temperatures": {"simulator": "agilent-34970a", "accuracy": 0.0},
    "bms": {"simulator": "foxbms"},
    "coolant": {"simulator": "lauda-integral", "accuracy": 0.0},
    "wallbox": {"simulator": "quasar", "accuracy": 0.0},
}
EVERYTHING = ("supply", "load", "chamber", "temperatures", "bms")
NO_SPREAD = {"capacity": 0.0, "resistance": 0.0, "soc": 0.0, "temperature": 0.0}


@dataclass
class Bench:
    """An open world and the sessions that a test has opened to it."""

    world: World
    manager: pyvisa.ResourceManager
    sessions: dict[str, MessageBasedResource] = field(default_factory=dict)

    def __getitem__(self, name: str) -> MessageBasedResource:
        """Open the session of an instrument, once."""
        if name not in self.sessions:
            ends = ("\r\n", "\r") if name == "chamber" else ("\n", "\n")
            session = self.manager.open_resource(LINKS[name], read_termination=ends[0], write_termination=ends[1])
            assert isinstance(session, MessageBasedResource)
            session.encoding = "latin-1"
            self.sessions[name] = session
        return self.sessions[name]

    def say(self, name: str, *messages: str) -> None:
        """Send messages that are not answered."""
        for message in messages:
            self[name].write(message)

    def ask(self, name: str, message: str) -> str:
        """Send a message and return the reply."""
        return self[name].query(message)

    def numbers(self, name: str, message: str) -> list[float]:
        """Ask for comma-separated numbers, with or without unit."""
        return [float(part.strip().rstrip("VAW")) for part in self.ask(name, message).split(",")]

    def source(self, voltage: float, current: float) -> None:
        """Switch the supply on as a charger."""
        self.say("supply", "SYST:LOCK ON", f"VOLT {voltage};CURR {current};POW 30kW;:SINK:CURR 0", "OUTP ON")

    def emulate(self, soc: float, rows: int = 41, resistance: float | None = None) -> None:
        """Upload the cell's own table to the emulator and switch it on."""
        cell = load_cell(CELL)
        self.say("emulator", f"OUTP:MODE 3{ALL}", f"SOC:EDIT:LENG {rows}{ALL}")
        for row, charge in enumerate(np.linspace(0.0, 1.0, rows), start=1):
            voltage = float(cell.open_circuit_voltage(charge))
            ohm = float(cell.resistances(charge, 25.0).sum()) if resistance is None else resistance
            self.say(
                "emulator",
                f"SOC:EDIT:STEP {row}{ALL};Q {charge * cell.nominal_capacity * 1e3}{ALL};VOLT {voltage}{ALL};"
                f"OUTCURR 30000{ALL};R {ohm * 1e3}{ALL}",
            )
        self.say("emulator", f"SOC:EDIT:SVOL {float(cell.open_circuit_voltage(soc))}{ALL}", f"OUTP:ONOFF 1{ALL}")


OpenBench = Callable[..., Bench]


@pytest.fixture
def open_bench() -> Iterator[OpenBench]:
    """Open virtual benches: by default supply and load on a pack without spread, always closed at the end."""
    worlds: list[World] = []
    manager = pyvisa.ResourceManager("@packbench")

    def wait(seconds: float) -> None:
        worlds[-1].advance(seconds)

    def open_one(
        *names: str,
        defects: Sequence[str] = (),
        seed: int = 1,
        series: int = SERIES,
        cell: str = CELL,
        serial_number: str = "SN-1",
        overrides: dict[str, dict[str, Any]] | None = None,
        links: dict[str, str] | None = None,
        construction: dict[str, float] | None = None,
        charge_steps: dict[str, Any] | None = None,
        **section: Any,
    ) -> Bench:
        chosen = names or ("supply", "load")
        simulators = {name: SIMULATORS[name] | (overrides or {}).get(name, {}) for name in chosen}
        settings = {"simulators": simulators, "soc": 0.5, "spread": NO_SPREAD} | section
        world = open_world(
            settings,
            links=LINKS | (links or {}),
            cell=cell,
            series=series,
            parallel=1,
            serial_number=serial_number,
            seed=seed,
            defects=defects,
            wait=wait,
            construction=construction,
            charge_steps=charge_steps,
        )
        worlds.append(world)
        return Bench(world, manager)

    yield open_one
    for world in worlds:
        world.close()
    for resource in manager.list_opened_resources():
        resource.close()


@pytest.fixture
def whole_bench(open_bench: OpenBench) -> Bench:
    """A pack with everything around it but an emulator."""
    return open_bench(*EVERYTHING)


class HasPort(Protocol):
    """A line, whatever speaks on it."""

    port: Any


L = TypeVar("L", bound=HasPort)


@pytest.fixture
def kept() -> Iterator[Callable[[L], L]]:
    """Closes the ports of the lines that are given to it, once the test is over."""
    lines: list[HasPort] = []

    def keep(line: L) -> L:
        lines.append(line)
        return line

    yield keep
    for line in lines:
        line.port.close()


@pytest.fixture
def listen() -> Iterator[Callable[[Bench], Any]]:
    """Join a bench's bus; always left at the end."""
    from tests.instruments.virtual.listening import Listener

    listeners: list[Listener] = []

    def join(bench: Bench) -> Listener:
        listeners.append(Listener(bench))
        return listeners[-1]

    yield join
    for listener in listeners:
        listener.bus.shutdown()
