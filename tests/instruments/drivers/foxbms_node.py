"""The other end of a BMS's bus: frames with bits set by hand, stamped with the test's own time, in foxBMS's rhythm."""

from collections.abc import Iterable

import can
from can.interfaces.virtual import VirtualBus

from instruments.drivers.foxbms import FoxBms
from tests.instruments.scripted import FakeTime

BUS = {"interface": "virtual", "channel": "pack"}

# One frame of each message; the bits were set by hand from start bit and length, big-endian throughout.
FRAMES = {
    0x220: "19 00 00 00 00 00 00 32",  # CHARGE (9), one string connected
    0x230: "00 00 00 00 F6 19 00 00",  # -10 degC, 25 degC
    0x231: "00 00 00 00 0E 42 0C 80",  # max 3650 mV, min 3200 mV in 14 bits each
    0x232: "19 00 E6 00 00 00 00 00",  # discharge 400 x 0.25 A, charge 230 x 0.25 A
    0x233: "19 60 32 CF CD 25 B1 AE",  # 324.8 V, 325.1 V, -65.1 kW, -200.5 A
    0x234: "03 20 00 00 00 00 00 00",  # 100 x 7 kOhm
    0x235: "4A 92 E0 00 00 C7 00 00",  # SOC 29.8 % and 30.2 %, SOH 99.5 %
}


class Node(VirtualBus):
    """The other end of the bus, whose frames are stamped with the test's own time when they are sent."""

    def __init__(self, clock: FakeTime) -> None:
        super().__init__(str(BUS["channel"]), preserve_timestamps=True)
        self.clock = clock

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        msg.timestamp = self.clock.now
        super().send(msg, timeout)


def interface_of(bms: FoxBms) -> can.BusABC:
    """The python-can bus below a driver."""
    interface = bms._can._bus._bus
    assert interface is not None
    return interface


def send(node: can.BusABC, identifier: int, data: str, **kind: bool) -> None:
    node.send(can.Message(arbitration_id=identifier, data=bytes.fromhex(data), **{"is_extended_id": False} | kind))


def send_all(node: can.BusABC) -> None:
    for identifier, data in FRAMES.items():
        send(node, identifier, data)


PHASES = {0x220: 0.0, 0x232: 0.03, 0x230: 0.04, 0x231: 0.04, 0x233: 0.06, 0x234: 0.06, 0x235: 0.05}
"""s after the full 100 ms at which a foxBMS sends each message (can_cfg_tx-cyclic-message-definitions.h, 1.11)."""


def rhythm(seconds: float, begin: float = 0.0) -> Iterable[tuple[float, int]]:
    """When a node sends which of its messages, within so many s: each 100 ms, 0x235 each second."""
    for tick in range(round(seconds * 10)):
        for identifier, phase in sorted(PHASES.items(), key=lambda item: item[1]):
            if identifier != 0x235 or tick % 10 == 0:
                yield begin + tick / 10 + phase, identifier
