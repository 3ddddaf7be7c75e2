"""Every driver of a role against its simulator, over the wire of this process and over a real one: where contracts run.

A driver is named once, in `DRIVERS`; its role's contract then runs on it, on both wires. On the wire of this process
time is virtual; served, a thread moves the world at `SPEED` and the driver finds it on a TCP port, a pseudo-terminal or
a socketcand server.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.clock import VirtualClock, WallClock, monotonic
from instruments.registry import driver_class
from instruments.virtual import World, open_world, serve_world
from instruments.wires.context import InstrumentLink, LinkContext

SPEED = 10.0
"""Bench seconds per second where an instrument is served."""
PATIENCE = 300.0
"""Bench s after which something will never come true."""
CELL, SERIES = "nmc811-21700", 24


@dataclass(frozen=True)
class Case:
    """A driver, the simulator behind it (its settings), and its link where both are in one process."""

    driver: str
    simulator: Mapping[str, Any]
    resource: str = ""
    channel: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    beside: Mapping[str, "Case"] = field(default_factory=dict)
    """What else stands at the terminals."""

    @property
    def link(self) -> InstrumentLink:
        can = {"interface": "packbench", "channel": self.channel} if self.channel else None
        return InstrumentLink(self.resource, can, gap=0.0)

    @property
    def address(self) -> str:
        """The link as a world wants it."""
        return f"packbench:{self.channel}" if self.channel else self.resource


@dataclass
class Stand:
    """An open driver and the clock by which its world goes."""

    driver: Any
    clock: VirtualClock | WallClock
    others: Mapping[str, Any]

    def scan(self) -> dict[str, float]:
        """One scan, by the names of the channels."""
        self.driver.request()
        names = [channel.name for channel in self.driver.channels]
        return dict(zip(names, self.driver.collect(), strict=True))

    def until(self, true: Callable[[], bool]) -> None:
        """Let time pass until something has come true."""
        deadline = self.clock.now() + PATIENCE
        while not true():
            assert self.clock.now() < deadline, "it never came true"
            self.clock.sleep(0.2)


WIRES = ("in process", "served")
Open = Callable[[], Stand]


def on_both_wires(*cases: Case) -> pytest.MarkDecorator:
    """Run a contract for each driver on each wire."""
    stands = [
        pytest.param((case, wire), id=f"{case.driver}-{wire.replace(' ', '-')}") for case in cases for wire in WIRES
    ]
    return pytest.mark.parametrize("stand", stands, indirect=True)


@contextmanager
def opened(case: Case, wire: str) -> Iterator[Stand]:
    """The driver of a case, open on a wire; everything is closed at the end."""
    everybody = {"it": case, **case.beside}
    clock = VirtualClock() if wire == "in process" else WallClock(SPEED)
    world = open_world(
        {
            "simulators": {name: dict(each.simulator) for name, each in everybody.items()},
            "soc": 0.5,
            "spread": dict.fromkeys(("capacity", "resistance", "soc", "temperature"), 0.0),
        },
        links={name: each.address for name, each in everybody.items()},
        cell=CELL, series=SERIES, parallel=1, serial_number="SN-1", seed=1, defects=(), wait=clock.sleep,
    )  # fmt: skip
    reach = _in_process if isinstance(clock, VirtualClock) else _served
    with reach(world, everybody, clock) as (links, context):  # type: ignore[arg-type]
        drivers = {
            name: driver_class(each.driver).open(links[name], context, name, each.options)
            for name, each in everybody.items()
        }
        try:
            yield Stand(drivers["it"], clock, drivers)
        finally:
            for driver in drivers.values():
                driver.close()


Reached = Iterator[tuple[Mapping[str, InstrumentLink], LinkContext]]


@contextmanager
def _in_process(world: World, everybody: Mapping[str, Case], clock: VirtualClock) -> Reached:
    clock.advance = world.advance
    links = {}
    for name, each in everybody.items():
        resource, can = world.reached(each.link.resource, each.link.can)
        links[name] = InstrumentLink(resource, can, gap=0.0)
    try:
        yield links, LinkContext(world.visa_library, clock.now, clock.sleep)
    finally:
        world.close()


@contextmanager
def _served(world: World, everybody: Mapping[str, Case], clock: WallClock) -> Reached:
    addresses = {name: each.address for name, each in everybody.items()}
    server = serve_world(world, links=addresses, ports={}, host="127.0.0.1", speed=SPEED)
    thread = threading.Thread(target=server.run)
    thread.start()
    context = LinkContext(
        "@py", clock.now, clock.sleep,
        every=lambda period, callback: clock.every(period * SPEED, callback), real_time=True, passing=monotonic,
    )  # fmt: skip
    try:
        yield {name: InstrumentLink(**server.addresses[name], gap=0.0) for name in everybody}, context
    finally:
        clock.close()
        server.stop("the test is over")
        thread.join()
        server.close()
