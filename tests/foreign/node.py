"""A foxBMS 2 node on a CAN bus behind socketcand, with the states, frames and cycles that its own sources publish.

Frames are packed by cantools' general encoder from the message list; the bus is socketcand's protocol in raw mode.
"""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cantools.database import load_file

DATABASE = load_file(Path(__file__).parents[2] / "instruments" / "drivers" / "foxbms" / "foxbms.dbc", strict=True)
CYCLES = {
    "f_BmsState": 0.1, "f_PackMinMaxCellTemperature": 0.1, "f_PackMinMaxCellVoltage": 0.1, "f_PackLimits": 0.1,
    "f_PackValuesP0": 0.1, "f_PackValuesP1": 0.1, "f_PackStateEstimation": 1.0,
}  # fmt: skip
REQUEST = 0x210
STANDBY, PRECHARGE, DISCHARGE, CHARGE, ERROR = 5, 6, 8, 9, 10
PRECHARGE_TIME = 0.3
"""s."""


class Measured(Protocol):
    """What the node measures."""

    soc: float
    temperature: float

    def extremes(self, current: float) -> tuple[float, float]:
        """Lowest and highest cell, V."""
        ...


class Node:
    """One node, any number of listeners; `raised` are fault bits of f_BmsState that it sends besides its state."""

    def __init__(self, cells: Measured) -> None:
        self._cells = cells
        self.state = STANDBY
        self.raised: set[str] = set()
        self.charge_limit = self.discharge_limit = 4.5
        self.override: dict[str, float] = {}
        """Signals (by name) that are sent as something else."""
        self.silent = self.welded = False
        self.request_timeout: float | None = None
        """s without a request after which a closed contactor opens; None: it never does."""
        self.requested_at = time.monotonic()
        self._requested, self._precharged = 0, 0.0
        self._values: dict[str, float] = {}
        self._listeners: set[asyncio.StreamWriter] = set()
        self._connected: set[asyncio.StreamWriter] = set()
        self.flood = 0
        """Further frames that are still to be sent, as fast as the bus takes them."""
        self.seconds: list[dict[str, float]] = []
        """Overrides of further nodes with the same identifiers on the same bus."""

    @property
    def closed(self) -> bool:
        """Whether its contactor conducts."""
        return self.welded or self.state in {DISCHARGE, CHARGE}

    def fail(self, *bits: str) -> None:
        """Into ERROR, contactor open, for the reason that these bits tell."""
        self.state = ERROR
        self.raised |= set(bits)

    def elapse(self, now: float) -> None:
        """Precharge ends; requests that stop are noticed."""
        if self.state == PRECHARGE and now >= self._precharged:
            self.state = {1: DISCHARGE, 2: CHARGE}.get(self._requested, STANDBY)
        if self.closed and self.request_timeout is not None and now - self.requested_at > self.request_timeout:
            self.fail("CanTimingError")

    def measure(self, current: float, pack: float, bus: float) -> None:
        """What its sensors see: A (charge positive), V."""
        low, high = self._cells.extremes(current)
        self._values = {
            "MinimumCellVoltage": round(1000 * low), "MaximumCellVoltage": round(1000 * high), "BatteryVoltage": pack,
            "BusVoltage": bus, "Current": -current, "Power": -current * pack / 1000,
            "MinimumSoc": 100 * self._cells.soc, "MaximumSoc": 100 * self._cells.soc,
            "MinimumSoe": 100 * self._cells.soc, "MaximumSoe": 100 * self._cells.soc, "Soh": 100.0, "Energy": 0.1,
            "MinimumCellTemperature": round(self._cells.temperature),
            "MaximumCellTemperature": round(self._cells.temperature),
        }  # fmt: skip

    # --- the bus ----------------------------------------------------------------------------------------------------

    async def talk(self) -> None:
        """Send every message at its cycle, for ever."""
        due = dict.fromkeys(CYCLES, time.monotonic())
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            for _ in range(min(self.flood, 500)):
                self.flood -= 1
                self.broadcast("f_PackValuesP1", self.override)
            for name, cycle in CYCLES.items():
                if now >= due[name]:
                    due[name] = max(due[name] + cycle, now)
                    for override in [] if self.silent else [self.override, *self.seconds]:
                        self.broadcast(name, override)

    def broadcast(self, name: str, override: dict[str, float]) -> None:
        """One frame to every listener."""
        message = DATABASE.get_message_by_name(name)
        signals = {signal.name: 0.0 for signal in message.signals}
        told = {
            **self._values, "BmsState": self.state, "NumberOfConnectedStrings": int(self.closed),
            **dict.fromkeys(self.raised, 1), "InsulationMonitoring": 1,
            "InsulationResistance": 20000, "MaximumChargeCurrent": self.charge_limit,
            "MaximumDischargeCurrent": self.discharge_limit, **override,
        }  # fmt: skip
        signals |= {key: value for key, value in told.items() if key in signals}
        data = message.encode(signals, strict=False, scaling=True)
        stamp = time.time()
        line = f"< frame {message.frame_id:X} {stamp:.6f} {data.hex().upper()} >".encode()
        for writer in tuple(self._listeners):
            with suppress(ConnectionError):
                writer.write(line)

    def hang_up(self) -> None:
        """Every client loses its connection."""
        for writer in tuple(self._connected):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One socketcand client: `< hi >`, open, rawmode, then frames both ways."""
        writer.write(b"< hi >")
        self._connected.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    words = (await reader.readuntil(b">")).decode().strip("<> ").split()
                    await self._one(words, writer)
        finally:
            self._listeners.discard(writer)
            self._connected.discard(writer)
            writer.close()

    async def _one(self, words: list[str], writer: asyncio.StreamWriter) -> None:
        if words[0] in {"open", "rawmode"}:
            writer.write(b"< ok >")
            await writer.drain()
        if words[0] == "rawmode":
            # python-can's client takes what comes with the answer for part of it.
            await asyncio.sleep(0.25)
            self._listeners.add(writer)
        if words[0] == "send" and int(words[1], 16) == REQUEST:
            self._hear([int(word, 16) for word in words[3:]])

    def _hear(self, data: list[int]) -> None:
        self.requested_at = time.monotonic()
        self._requested = data[0] & 3
        if self.state == ERROR:
            return
        if self._requested not in {1, 2}:
            self.state = STANDBY
        elif self.state in {DISCHARGE, CHARGE}:
            self.state = {1: DISCHARGE, 2: CHARGE}[self._requested]
        elif self.state == STANDBY:
            self.state, self._precharged = PRECHARGE, time.monotonic() + PRECHARGE_TIME
