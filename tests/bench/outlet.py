"""A supply on a real socket, in a process of its own: what a test that died left switched on can be seen from outside.

It accepts one connection at a time, as many real supplies do, and says each change of its output on standard output.
`python -m tests.bench.outlet` prints its port first; a number after it is how long (s) a measurement takes. The drivers
below are the smallest that complete a bench.
"""

import socket
import sys
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any, ClassVar

from instruments.driver import VisaDriver
from instruments.roles import (
    BMS_CHANNELS,
    CHAMBER_AIR,
    TERMINALS,
    BmsFault,
    BmsMode,
    BmsState,
    Channel,
    Identity,
    Protections,
    Ratings,
)
from instruments.wires.context import InstrumentLink, LinkContext
from instruments.wires.links import LinkProfile

VOLTAGE = 13.0
"""V of the four cells behind it, whatever flows; a supply that is off shows nothing of them."""


def say(*words: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


class Outlet:
    """One output, on or off, and the current (A) it was asked for; it takes `delay` s to measure."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.on = False
        self.current = 0.0

    def answer(self, message: str) -> str | None:
        """Obey one message; the reply to a query."""
        match message.split():
            case ["*IDN?"]:
                return "Little,OUTLET,1,0.1"
            case ["MEAS?"]:
                if self.delay:
                    say("measuring")
                    Event().wait(self.delay)
                return f"{VOLTAGE},{self.current}" if self.on else "0.0,0.0"
            case ["OUTP?"]:
                return "ON" if self.on else "OFF"
            case ["OUTP", state]:
                self.on = state == "ON"
                say("output", state)
            case ["CURR", value]:
                self.current = float(value)
            case _:
                say("unknown", message)
        return None


def serve(outlet: Outlet) -> None:
    """Serve one connection after the other, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        say(str(server.getsockname()[1]))
        while True:
            connection, _ = server.accept()
            say("connected")
            with connection, connection.makefile("r") as lines:
                try:
                    for line in lines:
                        reply = outlet.answer(line.strip())
                        if reply is not None:
                            connection.sendall(f"{reply}\n".encode())
                except OSError:
                    continue  # whoever was connected has died


class OutletSupply(VisaDriver):
    """Source and sink on one socket."""

    profile = LinkProfile()
    channels = TERMINALS
    source_ratings = sink_ratings = Ratings(60.0, 8.0, 400.0)

    def request(self) -> None:
        self._session.request("MEAS?")

    def collect(self) -> list[float]:
        voltage, current = map(float, self._session.collect().split(","))
        return [voltage, current, voltage * current]

    def protect_source(self, over_voltage: float, over_current: float, over_power: float) -> Protections:
        return Protections(over_voltage, over_current, over_power)

    def protect_sink(self, _under_voltage: float, over_current: float, over_power: float) -> Protections:
        return Protections(None, over_current, over_power)

    def charge(self, current: float, voltage: float, power: float | None = None) -> None:
        self._session.write(f"CURR {current}")
        if self.source_is_off():
            self._session.write("OUTP ON")

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        self.charge(-current, voltage)

    def source_off(self) -> None:
        self._session.write("OUTP OFF")

    def source_is_off(self) -> bool:
        return self._session.query("OUTP?") == "OFF"

    sink_off = source_off
    sink_is_off = source_is_off


class Still:
    """An instrument without a wire, that is what it was asked to be."""

    channels: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def open(cls, _link: InstrumentLink, _context: LinkContext, name: str, _options: Mapping[str, object]) -> Any:
        return cls()

    def identify(self) -> Identity:
        return Identity("Little", "STILL", "1", "0.1")

    def close(self) -> None: ...

    def request(self) -> None: ...

    def collect(self) -> Sequence[float]:
        return []


class StillChamber(Still):
    channels = CHAMBER_AIR
    temperature_range = (-40.0, 80.0)

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None: ...

    def chamber_rest(self) -> None: ...

    def chamber_is_resting(self) -> bool:
        return True

    def alarm(self) -> str:
        return ""

    def collect(self) -> Sequence[float]:
        return [25.0, 25.0]


class StillLogger(Still):
    channels = (Channel("sensor 1", "temperature", "degC"),)
    sensor_count = 1

    def collect(self) -> Sequence[float]:
        return [25.0]


class StillBms(Still):
    channels = tuple(BMS_CHANNELS.values())
    mode = BmsMode.STANDBY

    def request_mode(self, mode: BmsMode) -> None:
        self.mode = mode

    def state(self) -> BmsState:
        closed = {BmsMode.CHARGE: BmsState.CHARGE, BmsMode.DISCHARGE: BmsState.DISCHARGE}
        return closed.get(self.mode, BmsState.STANDBY)

    def state_age(self) -> float:
        return 0.0

    def bus_voltage(self) -> float:
        return 0.0

    def faults(self) -> tuple[BmsFault, ...]:
        return ()

    def collect(self) -> Sequence[float]:
        cell = VOLTAGE / 4
        return [float(self.state()), 0.5, 0.5, 1.0, 10.0, 10.0, cell, cell, 25.0, 25.0, VOLTAGE, 0.0, 20e6, 0.1]


if __name__ == "__main__":
    try:
        serve(Outlet(*map(float, sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit()
