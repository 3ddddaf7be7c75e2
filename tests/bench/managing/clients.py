"""Clients of the served box: SunSpec's own, and a line on which a test says what it likes."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from bench.managing.links import Seen
from bench.managing.modbus.link import ModbusLink
from bench.managing.request import Telling
from models.grid.charger import Charger

CAR = Telling(plugged=True, soc=0.62, cells=6.5, energy=52000, charge=7000, discharge=7100)
SEEN = Seen(
    time=1.0, epoch=1.7e9, linked=True, car=CAR, charger=Charger(charge=11000, discharge=9000), power=3000.0,
    volts=350.0, amps=8.0, taken=10.0, given=20.0,
)  # fmt: skip


def seen(**changed: Any) -> Seen:
    """What a bench shows, changed in something; `plugged` and `soc` are the car's."""
    car = {name: changed.pop(name) for name in ("plugged", "soc") if name in changed}
    return replace(SEEN, car=replace(CAR, **car), **changed)


@contextmanager
def served(**given: Any) -> Iterator[ModbusLink]:
    """A box that shows `SEEN`, for whoever connects; its time is real where nothing else is said."""
    link = ModbusLink("modbus://127.0.0.1:0", beside=given.pop("beside", True))
    try:
        link.follow(seen(**given))
        yield link
    finally:
        link.close()


@contextmanager
def sunspec(link: ModbusLink) -> Iterator[SunSpecModbusClientDeviceTCP]:
    """The SunSpec Alliance's client, connected, having read what there is."""
    host, _, port = link.address.rpartition(":")
    device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=int(port), timeout=5.0)
    device.connect()
    try:
        device.scan(connect=False)
        yield device
    finally:
        device.disconnect()


PATIENCE = 60.0
"""s for which anybody waits for another thread or process: one that never does it is told, not waited for."""


def until(done: Callable[[], Any]) -> None:
    """Wait until another thread or process has done something."""
    end, pause = monotonic() + PATIENCE, threading.Event()
    while not done():
        assert monotonic() < end, "it never happened"
        pause.wait(0.002)


Ask = Callable[[bytes], bytes]


BUSY, TRIES, PAUSE = 6, 200, 0.02
"""Code of a server that is busy (Modbus application protocol, 7); how often, and after how many s, to ask again."""


@contextmanager
def line(link: ModbusLink) -> Iterator[Ask]:
    """Sends a message of Modbus, from the function code on, and gives its answer."""
    host, _, port = link.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10.0) as connection:

        def ask(message: bytes) -> bytes:
            for _ in range(TRIES):
                answer = once(message)
                if answer != bytes((message[0] | 0x80, BUSY)):
                    return answer
                # Of one who asks so often the box takes no more for a moment: whoever is no stranger waits.
                threading.Event().wait(PAUSE)
            return answer

        def once(message: bytes) -> bytes:
            connection.sendall(struct.pack(">HHHB", 7, 0, 1 + len(message), 1) + message)
            header = _exactly(connection, 7)
            transaction, protocol, length, unit = struct.unpack(">HHHB", header)
            assert (transaction, protocol, unit) == (7, 0, 1)
            return _exactly(connection, length - 1)

        yield ask


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        came = connection.recv(count - len(found))
        assert came, "the box hung up"
        found += came
    return found


def read(address: int, count: int = 1) -> bytes:
    """A message that reads holding registers."""
    return struct.pack(">BHH", 3, address, count)


def write(address: int, *words: int) -> bytes:
    """A message that writes them."""
    return struct.pack(
        f">BHHB{len(words)}H", 16, address, len(words), 2 * len(words), *(each & 0xFFFF for each in words)
    )
