"""Simulated BINDER chamber with an MB1 controller: Modbus RTU, floats with their low word first.

Parameters of the "BINDER Interface Technical Specifications" (Art. 7001-0242, 2.8 check sum, 2.9 messages, 2.11.7
addresses), as ovenctl of Solarflare quotes them. A message with a wrong check sum, or to another unit, is not answered.
Not simulated: humidity, programs, tracks, the class 2 limit. In no mode it conditions; in basic mode it does, by a set
point of its own.
"""

import struct
from collections.abc import Callable, Mapping

from pydantic import Field

from instruments.registers import ADDRESS, READ, READ_TOO, VALUE, WRITE_ALL, Refused, answered
from instruments.virtual import modbus_rtu
from instruments.virtual.conditioning import Chamber
from instruments.virtual.conditioning import Settings as Base
from instruments.virtual.defects.grammar import Repair
from instruments.virtual.defects.of_instruments import OF_A_CHAMBER
from instruments.virtual.ports import Air
from instruments.virtual.simulator import Place, Simulator

ACCESS = 5
"""Error code of its own, beside those of Modbus."""
BASIC, MANUAL, PROGRAM = 0x1000, 0x0800, 0x0400
PROCESS_VALUE, SET_POINT = 0x11A9, 0x1077
MANUAL_SET_POINT, BASIC_SET_POINT = 0x1581, 0x156F
MODE, DOOR, ALARM, NOTE, TEXT = 0x1A22, 0x1007, 0x123D, 0x123E, 0x1228
TEXT_LENGTH = 20


class Settings(Base):
    """As `conditioning.Settings`, of an MK 53; `unit` is its address."""

    low: float = Field(default=-40.0, gt=-273.15)
    high: float = 180.0
    unit: int = Field(default=1, ge=1, le=255)


class BinderMb1(Chamber):
    """One chamber. `set_points` degC of manual and of basic mode, by the addresses of their parameters."""

    ends_with = b""

    def __init__(self, settings: Settings, place: Place) -> None:
        super().__init__(settings, place, decimals=2)
        self._unit = settings.unit
        self.mode = 0
        self.text = ""
        self.set_points = {MANUAL_SET_POINT: self.nominal, BASIC_SET_POINT: self.nominal}

    @property
    def running(self) -> bool:
        """Whether it is in a mode that conditions."""
        return self.mode != 0

    def run(self, *, on: bool) -> None:
        """Go into manual mode, or into none."""
        self._begin(MANUAL if on else 0)

    def alarm(self) -> Repair:
        """A defect: its sensor has failed, and its panel says so. How it is ended."""
        return self.lasting.attribute(self, "text", lambda _text: "Sensor error")

    def in_force(self) -> float:
        """The set point of the present mode, degC."""
        return self.set_points[MANUAL_SET_POINT if self.mode & MANUAL else BASIC_SET_POINT]

    def drive(self) -> None:
        """See `Chamber.drive`, with the set point that is in force."""
        self.nominal = self.in_force()
        super().drive()

    def asks(self, message: str) -> bool:
        """Whether a message only reads."""
        return message[1:2] in {chr(READ), chr(READ_TOO)}

    def refuse(self) -> str:
        """Answer to a write that it is denied."""
        return self._reply(bytes((WRITE_ALL | 0x80, ACCESS)))

    def refuse_sets(self) -> Repair:
        """A defect: it denies every write."""

        def deny(_address: int, _words: tuple[int, ...]) -> None:
            raise Refused(ACCESS)

        return self.swap("store", lambda _healthy: deny)

    def ignore_sets(self) -> Repair:
        """A defect: it takes every set point and keeps the old one; its mode still changes."""

        def only_mode(address: int, words: tuple[int, ...]) -> None:
            if address == MODE:
                self._store(address, words)

        return self.swap("store", lambda _healthy: only_mode)

    # ---- the wire's side ----

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        """See `modbus_rtu.frames`."""
        return modbus_rtu.frames(data)

    def handle(self, message: str) -> str | None:
        """Answer one message; None to a wrong check sum, and to another unit."""
        asked = modbus_rtu.asked(message, self._unit)
        return None if asked is None else self._reply(answered(self, asked))

    def _reply(self, data: bytes) -> str:
        return modbus_rtu.framed(self._unit, data)

    def fetch(self, address: int, count: int) -> tuple[int, ...]:
        """Words of one parameter, or of several that lie side by side; raises `Refused`."""
        words: list[int] = []
        while len(words) < count:
            parameter = READABLE.get(address + len(words))
            if parameter is None:
                raise Refused(ADDRESS)
            words += parameter(self)
        if len(words) != count:
            raise Refused(ADDRESS)
        return tuple(words)

    def store(self, address: int, words: tuple[int, ...]) -> None:
        """Write one parameter; raises `Refused`."""
        self._store(address, words)

    def _store(self, address: int, words: tuple[int, ...]) -> None:
        if address == MODE and len(words) == 1:
            self._begin(words[0])
        elif address in self.set_points and len(words) == 2:
            value = _float_of(words)
            if not self.low <= value <= self.high:
                raise Refused(VALUE)
            self.set_points[address] = value
            self.drive()
        else:
            raise Refused(ACCESS if address in READABLE else ADDRESS)

    def _begin(self, mode: int) -> None:
        if mode not in {0, BASIC, MANUAL}:  # there is no program
            raise Refused(VALUE)
        self.mode = mode
        self.drive()


def _words_of(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high


def _float_of(words: tuple[int, ...]) -> float:
    low, high = words
    value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    return value


def _text(chamber: BinderMb1) -> tuple[int, ...]:
    return tuple(map(ord, chamber.text.ljust(TEXT_LENGTH)))


READABLE: Mapping[int, Callable[[BinderMb1], tuple[int, ...]]] = {
    PROCESS_VALUE: lambda chamber: _words_of(chamber.actual()),
    SET_POINT: lambda chamber: _words_of(chamber.in_force()),
    MANUAL_SET_POINT: lambda chamber: _words_of(chamber.set_points[MANUAL_SET_POINT]),
    BASIC_SET_POINT: lambda chamber: _words_of(chamber.set_points[BASIC_SET_POINT]),
    MODE: lambda chamber: (chamber.mode,),
    DOOR: lambda chamber: (0,),
    ALARM: lambda chamber: (int(bool(chamber.text)),),
    NOTE: lambda chamber: (0,),
    TEXT: _text,
}


def _build(settings: Settings, place: Place) -> BinderMb1:
    return BinderMb1(settings, place)


SIMULATOR = Simulator("binder-mb1", "MK 53", Settings, _build, ports=(Air,), defects=OF_A_CHAMBER)
