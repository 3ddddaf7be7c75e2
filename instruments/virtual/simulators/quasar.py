"""Simulated bidirectional wall box with the register profile of the Wallbox Quasar: Modbus TCP, one car on its DC side.

Registers, states and quirks as the public code of V2G Liberty has them from its maker (`chargers/wallbox_quasar_1.py`,
`charger-mocks/quasar/`): a set point is ignored unless control is remote and the set point a power; 256 is the lock and
257 the action; the state of charge is 0 whenever no power flows; back under its user's control it will charge by itself
when the next car is plugged in. Frames and exceptions: Modbus Messaging on TCP/IP V1.0b (3.1.3), Modbus Application
Protocol V1.1b3 (6 and 7). Not simulated: sharing of power among boxes and with the house, schedules, the app.

What these sources leave open, and is assumed: it needs its dead time from the start until power flows; then its power
goes at its ramp, through 0 as well; at 0 W it rests, and needs its dead time again. Losses are its specimen's: standby,
a share of the power, and one of its square. Its meter is at the AC side and shows what flows, whatever was asked.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import copysign, sqrt
from typing import Any

from pydantic import Field

from instruments.registers import ADDRESS, READ, READ_TOO, VALUE, Refused, answered
from instruments.virtual.defects.grammar import DefectKind, Repair
from instruments.virtual.defects.of_instruments import OUTPUT_DEAD, OUTPUT_LIES, OUTPUT_STAYS_ON
from instruments.virtual.dialect import Instrument
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Outlet, Source
from instruments.virtual.simulator import Limits, Place, Simulator, Specimen
from instruments.virtual.simulator import Settings as Base
from instruments.virtual.terminals import OperatingPoint, SupplyPort

HEADER = 7
"""Bytes of an MBAP header: transaction, protocol, length, unit."""
LONGEST = 254
"""What a header may say of the bytes behind its length field."""
UNPLUGGED, CHARGING, WAITING, PAUSED, LOCKED, FAILED, DISCHARGING = 0, 1, 2, 4, 6, 7, 11
NO_VOLTAGE = 10.0
"""V below which it sees no battery."""
SHEET = Limits(reading=0.01, offset=10.0)
"""Class B of EN 50470-3; assumed."""
GENTLE = 1380
"""W below which its largest power cannot be set: 6 A at 230 V."""


class Settings(Base):
    """Ratings at the AC side, W, and how it gets there: `dead_time` s, `ramp` W/s.

    `standby` W, `proportional` and `quadratic` (1/W) are lost of the power at its AC side, whichever way that goes.
    `highest`, `lowest` V and `current` A are its limits at the DC side: the pack's voltages where they are left out.
    `at_rest` is whether it shows the state of charge also where no power flows.
    """

    charge: float = Field(default=7400.0, gt=0, le=32767)
    discharge: float = Field(default=7400.0, gt=0, le=32767)
    dead_time: float = Field(default=4.0, ge=0)
    ramp: float = Field(default=2000.0, gt=0)
    standby: float = Field(default=30.0, ge=0)
    proportional: float = Field(default=0.03, ge=0, lt=1)
    quadratic: float = Field(default=3e-6, ge=0, lt=1e-4)
    highest: float | None = Field(default=None, gt=0)
    lowest: float | None = Field(default=None, ge=0)
    current: float = Field(default=40.0, gt=0)
    at_rest: bool = False
    unit: int = Field(default=1, ge=1, le=247)


class Quasar(Instrument):
    """One box. `held` are the registers that can be written, `plugged` whether a car is there, `flowing` W."""

    ends_with = b""

    def __init__(self, settings: Settings, place: Place) -> None:
        self.settings, self._specimen = settings, place.specimen
        self._settling, self._plant = place.settling, place.plant
        cells, series = place.cell, place.series
        self.highest = settings.highest or cells.voltage_max * series
        lowest = cells.voltage_min if place.lowest_voltage is None else place.lowest_voltage
        self.lowest = lowest * series if settings.lowest is None else settings.lowest
        self.port = SupplyPort()
        self._source = Source(self)
        self.ports = (self._source, Outlet(place.name, self.drawn))
        rated = max(settings.charge, settings.discharge)
        self.held = {81: 0, 82: 1, 83: 0, 88: 0, 256: 0, 257: 0, 260: 0, 514: round(rated)}
        self.plugged, self.started, self.errors = True, False, (0, 0, 0, 0)
        self.flowing = self.waited = 0.0
        self._silent, self._speed, self._point = 0.0, 1.0, OperatingPoint()
        self._power_meter = meter_of(place.specimen, "power", SHEET, rated, 0)

    # ---- physics ----

    @property
    def wanted(self) -> float:
        """W at its AC side that it is on its way to."""
        asked = _signed(self.held[260])
        return asked if abs(asked) <= self.held[514] else copysign(self.held[514], asked)

    @property
    def ready(self) -> bool:
        """Whether a car is there, with a battery that it sees."""
        return self.plugged and not any(self.errors) and self._point.voltage > NO_VOLTAGE

    @property
    def conducts(self) -> bool:
        """Whether its power stage is to be on: from its start on, though no power flows before its dead time."""
        return self.started and self.ready and (self.wanted != 0 or self.flowing != 0)

    def elapse(self, duration: float) -> None:
        """Let `duration` s pass: it watches its line, waits for its dead time, then goes along its ramp."""
        self._listen_for(duration)
        if not self.conducts:
            self.rest()
            return
        begins = max(self.settings.dead_time - self.waited, 0.0)
        self.waited += duration
        self._go(max(duration - begins, 0.0) * self.settings.ramp)

    def _go(self, room: float) -> None:
        """Come nearer to what is wanted by at most `room` W."""
        left = self.wanted - self.flowing
        self.flowing = self.wanted if abs(left) <= room else self.flowing + copysign(room, left)
        self.apply()

    def rest(self) -> None:
        """No power flows, and its dead time is before it."""
        self.flowing = self.waited = 0.0
        self.apply()

    def apply(self) -> None:
        """Hand its power to the stage: up to the highest voltage, down to the lowest."""
        port, power = self.port, self.dc_of(self.flowing)
        port.on, self._settling.stale = self.conducts, True
        if not port.on:  # what it was set to last stays with the stage, should that not obey
            return
        port.voltage = self.lowest if power < 0 else self.highest
        port.source_current = self.settings.current if power > 0 else 0.0
        port.sink_current = self.settings.current if power < 0 else 0.0
        port.source_power, port.sink_power = max(power, 0.0), max(-power, 0.0)

    def dc_of(self, power: float) -> float:
        """W into the battery (negative: out of it) of a power at the AC side; what is lost comes from either side."""
        if not power:
            return 0.0
        lost = self.settings.standby + abs(power) * (self.settings.proportional + self.settings.quadratic * abs(power))
        return max(power - lost, 0.0) if power > 0 else power - lost

    def ac_of(self, power: float) -> float:
        """The other way round: W at the AC side of what flows at the DC side."""
        given = self.settings
        if not power:
            return 0.0
        away = power > 0
        share = 1 - given.proportional if away else 1 + given.proportional
        rest = power + given.standby if away else -power - given.standby
        root = sqrt(max(share * share + (-4 if away else 4) * given.quadratic * rest, 0.0))
        found = 2 * rest / (share + root)
        return found if away else -found

    def observe(self, point: OperatingPoint) -> bool:
        """See `ports.Terminal`: with the battery gone from under it, it stops at once."""
        self._point = point
        gone = self.port.on and (point.battery == 0.0 and point.voltage in {self.lowest, self.highest, 0.0})
        if gone:
            self.flowing = self.waited = 0.0
            self.port.on = False
        return gone

    def drawn(self) -> float:
        """W at its AC side, truly."""
        self._settling.settle()
        return self.ac_of(self._point.supply * self._point.voltage)

    def _listen_for(self, duration: float) -> None:
        """Count the silence, in s of its own time, and stop when it has lasted."""
        self._silent += duration / self._speed
        if 0 < self.held[88] < self._silent:
            self.idle()

    def idle(self) -> None:
        """Its idle timeout has run out: it stops."""
        self.started = False

    def hasten(self, speed: float) -> None:
        """See `Part.hasten`."""
        self._speed = speed

    # ---- what it shows ----

    def state(self) -> int:
        """Register 537."""
        self._settling.settle()
        if any(self.errors):
            return FAILED
        if not self.plugged:
            return LOCKED if self.held[256] else UNPLUGGED
        if self.started and self.wanted and not self.ready:
            return WAITING
        if self.started and (self.wanted or self.flowing):
            return DISCHARGING if (self.flowing or self.wanted) < 0 else CHARGING
        return PAUSED

    def shown(self) -> int:
        """Register 538, whole %; 0 where it knows none."""
        known = self.plugged and (self.settings.at_rest or self.flowing != 0)
        return round(100 * self.charge()) if known else 0

    def charge(self) -> float:
        """What the car tells of its state of charge, 0 to 1."""
        return min(max(float(self._plant.soc.mean()), 0.0), 1.0)

    def read_power(self) -> float:
        """Register 526, W: whatever a gain says, nothing is read as nothing."""
        power = self.drawn()
        return self._power_meter.read(power) if power else 0.0

    @property
    def number(self) -> int:
        """Its serial number, as far as two registers hold it."""
        return _number_of(self._specimen)

    def impersonate(self, model: str) -> Repair:
        """A defect: another box stands at its address; it tells no model, but another serial number."""

        def another(own: Specimen) -> Specimen:
            return replace(own, serial_number=str(_number_of(own) + 1))

        return self.lasting.attribute(self, "_specimen", another)

    # ---- what can be wrong with it ----

    def refuse(self) -> str | None:
        """Not asked: `refuse_sets` is this dialect's own."""
        return None

    def asks(self, message: str) -> bool:
        """Whether a message only reads."""
        return message[HEADER : HEADER + 1] in {chr(READ), chr(READ_TOO)}

    def refuse_sets(self) -> Repair:
        """A defect: it refuses every write."""

        def deny(_address: int, _word: int) -> None:
            raise Refused(VALUE)

        return self.swap("store", lambda _healthy: deny)

    def ignore_sets(self) -> Repair:
        """A defect: it takes every set point and keeps the old one; control and action still work."""
        return self.swap("store", lambda healthy: lambda at, word: None if at == 260 else healthy(at, word))

    def stay_on(self) -> Repair:
        """A defect: its power stage goes on after it was stopped, and its meter shows it."""
        return self._source.conduct_on()

    def lie_about_output(self) -> Repair:
        """A defect: its power stage goes on after it was stopped, and its meter shows nothing of that."""
        meter = self.swap("read_power", lambda healthy: lambda: healthy() if self.started else 0.0)
        ends = self._source.conduct_on(), meter

        def end() -> None:
            for each in ends:
                each()

        return end

    def die(self) -> Repair:
        """A defect: its power stage is dead."""
        return self._source.conduct_nothing()

    def fail(self) -> Repair:
        """A defect: it is in error."""
        end = self.lasting.attribute(self, "errors", lambda _errors: (0, 0x0100, 0, 0))
        self.rest()
        return end

    def unplug(self) -> Repair:
        """A defect: somebody pulls the car's plug."""
        end = self.lasting.attribute(self, "plugged", lambda _plugged: False)
        self.started = False
        self.rest()
        return end

    def hold(self) -> Repair:
        """A defect: it keeps its last set point on a lost link, whatever its idle timeout."""
        return self.swap("idle", lambda _healthy: lambda: None)

    def take_over(self) -> Repair:
        """A defect: its user takes control of it in the app, which stops it; how that is ended."""
        self._take_control(0)
        return lambda: None

    # ---- the wire's side ----

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Take frames apart by their headers; what cannot be a header loses everything that came with it."""
        messages: list[bytes] = []
        while len(data) >= HEADER:
            protocol, length = struct.unpack(">HH", data[2:6])
            if protocol or not 2 <= length <= LONGEST:
                return messages, b""
            if len(data) < 6 + length:
                break
            messages.append(data[: 6 + length])
            data = data[6 + length :]
        return messages, data

    def handle(self, message: str) -> str | None:
        """Answer one frame; None to another unit."""
        data = message.encode("latin-1")
        if data[6] != self.settings.unit:
            return None
        self._silent = 0.0
        answer = answered(_Words(self), data[HEADER:])
        return (data[:4] + struct.pack(">HB", 1 + len(answer), data[6]) + answer).decode("latin-1")

    def fetch(self, address: int) -> int:
        """One register; raises `Refused`."""
        if address in self.held:
            return self.held[address]
        if address not in READABLE:
            raise Refused(ADDRESS)
        return READABLE[address](self) & 0xFFFF

    def store(self, address: int, word: int) -> None:
        """Write one register; raises `Refused`. What needs remote control is ignored without it."""
        if address not in self.held:
            raise Refused(ADDRESS)
        if not ALLOWED[address](self, word):
            raise Refused(VALUE)
        if address == 81:
            self._take_control(word)
        elif address in {256, 514} or self.held[81]:
            self._keep(address, word)

    def _take_control(self, word: int) -> None:
        """Remote (1) or the user's (0): then it stops, and will charge by itself next time."""
        self.held[81] = word
        if not word:
            self.held |= {82: 1, 83: 0, 260: 0}
            self.started = False
            self.rest()

    def _keep(self, address: int, word: int) -> None:
        if address == 260 and not self.held[83]:  # its set point is a current
            return
        self.held[address] = word
        if address == 257:
            self.started = word == 1 and self.plugged and not any(self.errors)
        if address in {257, 260} and not (self.started and (self.wanted or self.flowing)):
            self.rest()
        elif address in {257, 260}:
            self.apply()


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _number_of(specimen: Specimen) -> int:
    digits = "".join(each for each in specimen.serial_number if each.isdigit())
    return int(digits or 0) & 0xFFFFFFFF


READABLE: Mapping[int, Callable[[Quasar], int]] = {
    1: lambda box: 512,
    2: lambda box: box.number >> 16,
    3: lambda box: box.number,
    526: lambda box: round(box.read_power()),
    537: lambda box: box.state(),
    538: lambda box: box.shown(),
    **{539 + place: lambda box, place=place: box.errors[place] for place in range(4)},  # type: ignore[misc]
}


def _switch(_box: Quasar, word: int) -> bool:
    return word in {0, 1}


ALLOWED: Mapping[int, Callable[[Quasar, int], bool]] = {
    **dict.fromkeys((81, 82, 83, 256), _switch),
    88: lambda _box, _word: True,
    257: lambda _box, word: word in {1, 2},
    260: lambda box, word: -box.settings.discharge <= _signed(word) <= box.settings.charge,
    514: lambda box, word: GENTLE <= word <= max(box.settings.charge, box.settings.discharge),
}


class _Words:
    """Its registers, several at once."""

    def __init__(self, box: Quasar) -> None:
        self._box = box

    def fetch(self, address: int, count: int) -> Sequence[int]:
        """See `Registers`."""
        return [self._box.fetch(each) for each in range(address, address + count)]

    def store(self, address: int, words: tuple[int, ...]) -> None:
        """See `Registers`: one after the other, up to the first that is refused."""
        for place, word in enumerate(words, address):
            self._box.store(place, word)


# ---- what can be wrong with one ----


def _defect(form: str, act: Callable[[Quasar, Any], Repair]) -> DefectKind:
    return DefectKind(form, lambda part, defect, _world: act(part, defect), "charger")


def _short_of(box: Quasar, share: float) -> Repair:
    """It gives a share of the power that it was asked for."""
    return box.swap("dc_of", lambda healthy: lambda power: healthy(share * power))


DEFECTS = (
    OUTPUT_STAYS_ON,
    OUTPUT_LIES,
    OUTPUT_DEAD,
    _defect("charger-error", lambda box, _: box.fail()),
    _defect("charger-unplugged", lambda box, _: box.unplug()),
    _defect("charger-holds-set-point", lambda box, _: box.hold()),
    _defect("charger-taken-over", lambda box, _: box.take_over()),
    _defect("charger-weak:<share left>", lambda box, defect: _short_of(box, defect.number(0))),
    _defect("charger-charge-unknown", lambda box, _: box.swap("shown", lambda _healthy: lambda: 0)),
    _defect(
        "charger-charge-jumps:<share>",
        lambda box, defect: box.swap("charge", lambda healthy: lambda: min(max(healthy() + defect.number(0), 0), 1)),
    ),
)


def _build(settings: Settings, place: Place) -> Quasar:
    return Quasar(settings, place)


SIMULATOR = Simulator("quasar", "Quasar", Settings, _build, ports=(Source, Outlet), defects=DEFECTS)
