"""The other end of a bench's CAN bus, with foxBMS's own DBC as a referee."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import can
import cantools

from instruments.drivers.foxbms import layout
from tests.instruments.virtual.conftest import Bench

STRING_VALUES = {0x243, 0x245}


class Listener:
    """The other end of the CAN bus, with the DBC as a referee; it asks each 100 ms, for STANDBY at first."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.bus = can.Bus(interface="packbench", channel="test")
        self.database = cantools.database.load_file(Path(layout.__file__).with_name("foxbms.dbc"))

        self.request(0)

    def request(self, mode: int) -> None:
        """Ask for a mode from now on, in the world's time."""
        self.bus.stop_all_periodic_tasks()
        self.bus.send_periodic(can.Message(arbitration_id=0x210, data=[mode] + [0] * 7, is_extended_id=False), 0.1)

    def close_contactor(self) -> None:
        """By way of STANDBY, which it comes to within 0.8 s; it is NORMAL 1.4 s later."""
        self.bench.world.advance(0.8)
        self.request(2)
        self.bench.world.advance(1.5)

    def open_contactor(self) -> None:
        self.request(0)
        self.bench.world.advance(1)

    def frames(self, seconds: float = 2.0) -> list[can.Message]:
        """Everything that is sent in a time."""
        for _ in iter(lambda: self.bus.recv(timeout=0), None):
            pass
        self.bench.world.advance(seconds)
        return list(iter(lambda: self.bus.recv(timeout=0), None))

    def signals(self, seconds: float = 2.0) -> dict[str, Any]:
        decoded: dict[str, Any] = {}
        for message in self.frames(seconds):
            # Values of the string have the names of those of the pack.
            if message.arbitration_id in STRING_VALUES:
                continue
            decoded |= self.database.decode_message(message.arbitration_id, message.data, decode_choices=False)
        return decoded


def charge(bench: Bench, listener: Listener, current: float = 2.0) -> None:
    listener.close_contactor()
    bench.source(voltage=100, current=current)
    bench.world.advance(1)


Listen = Callable[[Bench], Listener]
