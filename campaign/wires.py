"""Managers on wires of their own that go wrong: `python -m campaign.wires ORDER POLICY modbus HOST:PORT`, or `… ocpp`.

As `campaign.manager`, whose orders they obey: they do as they should until ORDER names one of `ON_MODBUS`, or of
`ON_OCPP`, from the next moment on. No library of a protocol is between them and the line: none would say such things.
"""

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

LATE, NEVER = 12.0, 600.0
"""s of real time: more than the bench waits for an answer; for ever."""
LOOK = 0.01
MANY = 6000
"""Requests at once: three times what the box takes in a second."""
POWER = 7000
"""W that it charges or gives back by."""
SIGNS = {"charge": 1, "give": -1}


# --- Modbus TCP -------------------------------------------------------------------------------------------------------


class Lost(Exception):
    """Nobody answers any more."""


class Box:
    """The served box: its own registers, and the model by which it says that it waits (docs/manager-contract.md)."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._at = host, int(port)
        self.connect()
        self.moments = self._model(64901)

    def connect(self) -> None:
        """Connect, anew where there was a line."""
        self.line = socket.create_connection(self._at, timeout=5.0)

    def ask(self, message: bytes, unit: int = 1) -> bytes:
        """Its answer, from the function code on; asked again while it is busy."""
        while True:
            answer = self._once(message, unit)
            if answer[1:] != b"\x06" or answer[0] < 0x80:
                return answer
            time.sleep(LOOK)

    def _once(self, message: bytes, unit: int) -> bytes:
        self.line.sendall(struct.pack(">HHHB", 1, 0, 1 + len(message), unit) + message)
        length = struct.unpack(">HHHB", self.exactly(7))[2]
        return self.exactly(length - 1)

    def exactly(self, count: int) -> bytes:
        """So many bytes of what it says."""
        found = b""
        while len(found) < count:
            came = self.line.recv(count - len(found))
            if not came:
                raise Lost
            found += came
        return found

    def read(self, address: int, count: int) -> tuple[int, ...]:
        """Words from an address on."""
        answer = self.ask(struct.pack(">BHH", 3, address, count))
        return struct.unpack(f">{count}H", answer[2:])

    def write(self, address: int, *words: int) -> None:
        """Write them; whatever it says of that is not looked at."""
        self.ask(struct.pack(f">BHHB{len(words)}H", 16, address, len(words), 2 * len(words), *words))

    def order(self, power: int) -> None:
        """Have it charge (positive) or give back so many W."""
        for address, word in ((81, 1), (83, 1), (257, 1), (260, power & 0xFFFF)):
            self.write(address, word)

    def _model(self, wanted: int) -> int:
        at = 40002
        while (found := self.read(at, 2))[0] != wanted:
            at += 2 + found[1]
        return at


def _without_a_frame(box: Box, power: int) -> None:
    box.line.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with suppress(OSError):
        box.line.recv(1)
    box.connect()
    box.order(power)


def _flood(box: Box, power: int) -> None:
    """Ask thousands of times without waiting, then go on as if nothing had been."""
    other = Box("{}:{}".format(*box._at))
    message = struct.pack(">HHHB", 1, 0, 6, 1) + struct.pack(">BHH", 3, 526, 1)
    other.line.settimeout(1.0)
    with suppress(OSError):
        other.line.sendall(message * MANY)
    other.line.close()
    box.order(power)


def _drop(box: Box, _power: int) -> None:
    box.line.close()
    time.sleep(NEVER)


def _late(box: Box, power: int) -> None:
    time.sleep(LATE)
    box.order(power)


def _unknown_function(box: Box, _power: int) -> None:
    box.ask(b"\x2b\x0e\x01\x00")


def _other_unit(box: Box, _power: int) -> None:
    """Ask somebody who is not there, and wait for him."""
    box.line.settimeout(NEVER)
    box.ask(struct.pack(">BHH", 3, 526, 1), unit=9)


ON_MODBUS: Mapping[str, Callable[[Box, int], None]] = {
    "": lambda box, power: box.order(power),
    "no frame": _without_a_frame,
    "request flood": _flood,
    "drops the line": _drop,
    "late word": _late,
    "out of range": lambda box, power: box.write(260, 0x8000 if power < 0 else 0x7FFF),
    "unknown function": _unknown_function,
    "no register": lambda box, _: box.write(12345, 1),
    "other unit": _other_unit,
    "kilo": lambda box, power: box.order(round(power / 1000)),
}


def on_modbus(order: Path, power: int, address: str) -> None:
    """Answer each moment until somebody ends it."""
    box, done = Box(address), 0
    while True:
        high, low = box.read(box.moments + 2, 2)
        if (number := high << 16 | low) != done:
            ON_MODBUS[order.read_text(encoding="utf-8")](box, power)
            box.write(box.moments + 4, high, low)
            done = number
        time.sleep(LOOK)


# --- OCPP 2.1 ---------------------------------------------------------------------------------------------------------

HUGE = 1 << 20
"""Characters of a message: four times what a station takes."""


class Central:
    """A central system with one station on its line."""

    def __init__(self, line: Any, power: int) -> None:
        self.line, self.power, self.transaction, self.number = line, power, "", 0

    def call(self, action: str, payload: object) -> None:
        """Call the station; its answer is read with whatever else it says."""
        self.number += 1
        self.line.send(json.dumps([2, f"c{self.number}", action, payload]))

    def profile(self, power: object) -> None:
        """Have it charge or give back so many W from now on."""
        period = {"startPeriod": 0, "setpoint": power, "operationMode": "CentralSetpoint"}
        schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
        profile = {
            "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
            "transactionId": self.transaction, "chargingSchedule": [schedule],
        }  # fmt: skip
        self.call("SetChargingProfile", {"evseId": 1, "chargingProfile": profile})

    def answer(self, number: str, action: str, payload: Mapping[str, Any]) -> None:
        """Answer a call of the station as the protocol wants it."""
        if action == "TransactionEvent":
            self.transaction = payload["transactionInfo"]["transactionId"]
        self.line.send(json.dumps([3, number, ANSWERS.get(action, {})]))


NOW = "2026-01-01T00:00:00Z"
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "BootNotification": {"currentTime": NOW, "interval": 300, "status": "Accepted"},
    "NotifyEVChargingNeeds": {"status": "Accepted"},
    "Heartbeat": {"currentTime": NOW},
}


def _call_before(action: str, payload: object) -> Callable[[Central], None]:
    """Something that no station knows, or nobody may say; then what it should."""

    def misbehave(central: Central) -> None:
        central.call(action, payload)
        central.profile(central.power)

    return misbehave


def _no_json(central: Central) -> None:
    central.line.send("}{ this is no JSON")
    central.profile(central.power)


def _huge(central: Central) -> None:
    central.line.send("x" * HUGE)
    central.profile(central.power)


ON_OCPP: Mapping[str, Callable[[Central], None]] = {
    "": lambda central: central.profile(central.power),
    "schema violation": lambda central: central.profile("a lot"),
    "unknown action": _call_before("MakeCoffee", {"cups": 2}),
    "no json": _no_json,
    "huge message": _huge,
    "drops the station": lambda _: os._exit(1),
    "never a profile": lambda _: time.sleep(NEVER),
    "kilo profile": lambda central: central.profile(central.power / 1000),
}


def on_ocpp(order: Path, power: int) -> None:
    """Listen until somebody ends it."""
    from websockets.sync.server import serve

    def attend(line: Any) -> None:
        central = Central(line, power)
        for text in line:
            kind, number, *rest = json.loads(text)
            if kind != 2:
                continue
            action, payload = rest
            central.answer(number, action, payload)
            if action == "NotifyEVChargingNeeds":
                ON_OCPP[order.read_text(encoding="utf-8")](central)

    with serve(attend, "127.0.0.1", 0, subprotocols=["ocpp2.1"]) as server:  # type: ignore[list-item]
        print(f"listening on ws://127.0.0.1:{server.socket.getsockname()[1]}", flush=True)
        server.serve_forever()


MISBEHAVIOURS = frozenset({*ON_MODBUS, *ON_OCPP})


def main(order: str, policy: str, wire: str, *at: str) -> None:
    """Be a manager on a wire."""
    power = SIGNS[policy] * POWER
    if wire == "modbus":
        on_modbus(Path(order), power, *at)
    else:
        on_ocpp(Path(order), power)


if __name__ == "__main__":
    main(*sys.argv[1:])
