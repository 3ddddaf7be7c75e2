"""What IEEE 488.2 asks of every instrument (10.1 to 10.40), for simulators of those whose manuals list it.

The standard event status register and its masks, and the common commands that read and write them. An instrument that
has them all composes `Status` and puts `COMMON` into its table; one whose manual lists fewer says so in its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from instruments.virtual import scpi
from instruments.virtual.scpi import Call

COMPLETE, QUERY, DEVICE, EXECUTION, COMMAND, POWER_ON = 0x01, 0x04, 0x08, 0x10, 0x20, 0x80
"""Bits of the standard event status register (11.5.1.1)."""
EVENTS, MASTER = 0x20, 0x40
"""Bits of the status byte: an enabled event, and an enabled bit of the byte itself (11.2.1)."""
_CLASSES = {1: COMMAND, 2: EXECUTION, 3: DEVICE, 4: QUERY}
"""Which event an error is, by the hundreds of its number (SCPI-99 volume 2, 21.8)."""


@dataclass(slots=True)
class Status:
    """The standard event status register and the masks of events and of the status byte."""

    event: int = POWER_ON
    enable: int = 0
    service: int = 0

    def note(self, error: int) -> None:
        """Latch the event that an error, by its number, is; one with a positive number is the device's own."""
        self.event |= _CLASSES.get(-error // 100, DEVICE) if error < 0 else DEVICE

    def take(self) -> int:
        """Read the register, which clears it."""
        event, self.event = self.event, 0
        return event

    def byte(self, own: int) -> int:
        """The status byte of an instrument whose `own` bits are these."""
        byte = own | (EVENTS if self.event & self.enable else 0)
        return byte | (MASTER if byte & self.service else 0)


class HasStatus(Protocol):
    """An instrument with the register."""

    status: Status

    def status_byte(self) -> int:
        """Of a serial poll."""
        ...


Handler = Callable[[HasStatus, Call[object]], str | None]


def _events(unit: HasStatus, _call: Call[object]) -> str:
    return str(unit.status.take())


def _complete(unit: HasStatus, call: Call[object]) -> str | None:
    """Nothing overlaps here: what was asked for is done when the next message is read."""
    if call.query:
        return "1"
    unit.status.event |= COMPLETE
    return None


def _byte(unit: HasStatus, _call: Call[object]) -> str:
    return str(unit.status_byte())


def _mask(name: str) -> Handler:
    def handler(unit: HasStatus, call: Call[object]) -> str | None:
        if call.query:
            return str(getattr(unit.status, name))
        setattr(unit.status, name, round(scpi.number(call.only(), minimum=0, maximum=255)))
        return None

    return handler


COMMON: Mapping[str, Handler] = {
    "*ESE[?]": _mask("enable"),
    "*ESR?": _events,
    "*OPC[?]": _complete,
    "*SRE[?]": _mask("service"),
    "*STB?": _byte,
    "*TST?": lambda unit, call: "0",
    "*WAI": lambda unit, call: None,
}
"""Beside `*IDN?`, `*RST` and `*CLS`, which are each instrument's own."""
