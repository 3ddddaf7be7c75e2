"""Simulated NGI N83624 on CAN, by its CANDBC dialect: 24 channels in series that play a voltage each, and report.

Identifiers, registers and units of the vendor's guide (N83624 CANDBC V20230904, chapters 5 and 6): 29 bits, direction,
channel, register; four bytes of value, low byte first. The channels are in source mode, as CANDBC has no other. What
the guide leaves open is as in the SCPI guide: an upload cycle below 60 ms is none, and what a channel cannot take it
leaves without a word, as nothing on this bus could tell. Not simulated: fault relays, ranges of the readback.
"""

import struct
from collections.abc import Callable

import numpy as np
from can import Message
from numpy.typing import NDArray
from pydantic import Field

from instruments.virtual.defects.grammar import Repair
from instruments.virtual.defects.of_instruments import PANEL_ON, PROTECTION_LATCHED, sense_lead_loose
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Emulator
from instruments.virtual.simulator import Limits, Part, Place, Simulator
from instruments.virtual.simulator import Settings as Base

Vector = NDArray[np.float64]

CHANNELS = 24
UPLOADED = 1 << 28
STATUS, MEASURED, ACCUMULATED = 1, 3, 5
SWITCH, SET_VOLTAGE, SET_CURRENT, SET_CYCLE = 10, 20, 21, 113
ON, OVER_VOLTAGE = 1, 2
LEAST_CYCLE = 0.06  # s
SOON = 1e-9  # s by which a frame may be early on a clock that adds up tenths

SHEET = Limits(offset=0.6e-3)
"""V: limit of error of a measured channel (series data sheet; assumed)."""


class Settings(Base):
    """Ratings of a channel, V and A; `resistance` Ohm of its leads and relay. `unit`: start address of identifiers."""

    voltage: float = Field(default=6.0, gt=0)
    current: float = Field(default=5.0, gt=0)
    resistance: float = Field(default=0.002, gt=0)
    unit: int = Field(default=1, ge=1, le=170)


class NgiN83624Can(Part):
    """One unit with as many of its channels in series as the pack has cells. Vectors are over those."""

    def __init__(self, settings: Settings, place: Place) -> None:
        count = place.series
        if count > CHANNELS:
            raise ValueError(f"an N83624 has 24 channels, {count} cells in series do not fit: use 1 to 24")
        self.ports = (Emulator(self),)
        self._settings, self._settling = settings, place.settling
        self.channel, self._first = place.channel, CHANNELS * (settings.unit - 1) + 1
        self.on = np.zeros(count, dtype=bool)
        self.tripped = np.zeros(count, dtype=bool)
        self.set_voltage, self.set_current = np.zeros(count), np.zeros(count)
        self.soc_offset = np.zeros(count)
        meters = [meter_of(place.specimen, "voltage", SHEET, settings.voltage, 5) for _ in range(count)]
        self._gain, self._offset = np.array([(meter.gain, meter.offset) for meter in meters]).T
        self.current = 0.0
        """A through the string, positive charges."""
        self._given = 0.0
        """As out of each channel."""
        self.cycle, self._due = np.zeros(count), np.zeros(count)
        self._speed = 1.0
        soc = np.linspace(0.0, 1.0, 201)
        self._rest = np.maximum.accumulate(place.cell.open_circuit_voltage(soc)), soc
        self._soc, self._capacity = np.zeros(count), place.cell.nominal_capacity * place.parallel * 3600.0
        self.channel.members[self] = self.receive

    # ---- the world's side ----

    @property
    def connected(self) -> bool:
        """Whether the string conducts: every channel on."""
        return bool(self.on.all())

    @property
    def switched_on(self) -> bool:
        """Whether any channel is on."""
        return bool(self.on.any())

    @property
    def current_limit(self) -> float:
        """Largest current the string carries, A: the lowest limit of any channel."""
        return float(self.set_current.min())

    def differ(self, capacity_factor: Vector, resistance_factor: Vector) -> None:
        """What a cell is, is worked out by whoever sets the voltages: nothing can differ here."""

    def thevenin(self, _duration: float) -> tuple[float, float]:
        """E (V) and R (Ohm) of the string."""
        return float(self.set_voltage.sum()), self._settings.resistance * len(self.on)

    def observe(self, current: float) -> bool:
        """Take note of the string current, A; no protection trips by itself."""
        self.current = current
        return False

    def voltage(self) -> Vector:
        """V at the terminals of each channel, 0 where it is off."""
        return np.where(self.on, self.set_voltage + self._settings.resistance * self.current, 0.0)

    def resistance(self) -> Vector:
        """Ohm of each channel."""
        return np.full(len(self.on), self._settings.resistance)

    def state_of_charge(self) -> Vector:
        """Of a cell at rest with the voltage that a channel was switched on with, and what has flowed since, 0 to 1."""
        return self._soc.clip(0.0, 1.0)

    def transfer(self, channel: int, charge: float) -> None:
        """A charge that did not come through the terminals is unknown to a channel that plays a voltage."""

    def step(self, duration: float) -> None:
        """Count the charge that flows in `duration` s."""
        self._given -= self.current * duration
        self._soc += self.current * duration / self._capacity

    def hasten(self, speed: float) -> None:
        """Upload in real s though the world goes faster."""
        self._speed = speed

    def shut_down(self) -> None:
        """Leave the bus."""
        self.channel.members.pop(self, None)

    # ---- defects ----

    def trip(self) -> Repair:
        """A defect: every channel in over-voltage protection, without a cause. How it is ended: ON."""
        self.tripped[:], self.on[:] = True, False
        self._settling.stale = True
        return lambda: None

    def switch_by_hand(self, voltage: float, current: float) -> Repair:
        """A defect: somebody has every channel play a cell of its share of V, for up to A. How it is ended: OFF."""
        self.set_voltage[:], self.set_current[:] = voltage / len(self.on), current
        self.on[:] = True
        self._settling.stale = True

        def off() -> None:
            self.on[:] = False
            self._settling.stale = True

        return self.lasting.until_the_last("switched by hand", off)

    def misread(self, channel: int, gain: float) -> Repair:
        """A defect: the voltage of a channel is read by a factor wrong. How it is ended."""
        return self.lasting.item(self._gain, channel, lambda healthy: healthy * gain)

    # ---- the wire's side ----

    def receive(self, message: Message) -> None:
        """Act on a frame to one of our channels; every other is none of ours."""
        identifier = message.arbitration_id
        number = (identifier >> 16) - self._first
        act = ACTIONS.get(identifier & 0xFFFF)
        if message.is_extended_id and act is not None and 0 <= number < len(self.on) and len(message.data) >= 4:
            act(self, number, int.from_bytes(message.data[:4], "little"))
            self._settling.stale = True

    def switch(self, number: int, value: int) -> None:
        """1 switches a channel on and forgets its protection, 0 off."""
        if value == 1 and not self.on[number]:
            self._soc[number] = np.interp(self.set_voltage[number], *self._rest)
        if value in {0, 1}:
            self.on[number] = bool(value)
            self.tripped[number] &= not value

    def take_voltage(self, number: int, value: int) -> None:
        """In 0.000001 V; what is above its rating a channel does not take."""
        if value <= self._settings.voltage * 1e6:
            self.set_voltage[number] = value / 1e6

    def take_current(self, number: int, value: int) -> None:
        """In 0.000001 mA; likewise."""
        if value <= self._settings.current * 1e9:
            self.set_current[number] = value / 1e9

    def take_cycle(self, number: int, value: int) -> None:
        """In ms; 0 ends the uploads."""
        seconds = value / 1e3
        if value == 0 or seconds >= LEAST_CYCLE:
            self.cycle[number], self._due[number] = seconds, self.channel.now()

    def transmit(self) -> None:
        """Upload every channel whose cycle is over; of what it missed only the newest."""
        now = self.channel.now()
        due = np.flatnonzero((self.cycle > 0) & (self._due <= now + SOON))
        if not due.size:
            return
        self._settling.settle()
        counts = np.rint((self.voltage() * self._gain + self._offset) * 1e5).astype(int).tolist()
        for number in due.tolist():
            cycle = float(self.cycle[number]) * self._speed
            self._due[number] = max(self._due[number] + cycle, now - now % cycle + cycle - SOON)
            self._upload(number, now, counts[number] if self.on[number] else 0)

    def _upload(self, number: int, now: float, voltage: int) -> None:
        """Status and event, voltage and current, power and charge of one channel; current is positive out of it."""
        current = -self.current if self.on[number] else 0.0
        state = ON * bool(self.on[number]) | OVER_VOLTAGE * bool(self.tripped[number])
        power = abs(round(voltage * 1e-5 * current * 1e3))
        self._send(number, STATUS, now, struct.pack("<II", state, state & ~ON))
        self._send(number, MEASURED, now, struct.pack("<ii", voltage, round(current * 1e8)))
        self._send(number, ACCUMULATED, now, struct.pack("<II", power, max(round(self._given / 3.6 * 1e2), 0)))

    def _send(self, number: int, register: int, now: float, data: bytes) -> None:
        identifier = UPLOADED | self._first + number << 16 | register
        message = Message(timestamp=now, arbitration_id=identifier, is_extended_id=True, data=data)
        self.channel.send(self, message)


ACTIONS: dict[int, Callable[[NgiN83624Can, int, int], None]] = {
    SWITCH: NgiN83624Can.switch,
    SET_VOLTAGE: NgiN83624Can.take_voltage,
    SET_CURRENT: NgiN83624Can.take_current,
    SET_CYCLE: NgiN83624Can.take_cycle,
}


def _build(settings: Settings, place: Place) -> NgiN83624Can:
    return NgiN83624Can(settings, place)


SIMULATOR = Simulator(
    "ngi-n83624-can",
    "N83624",
    Settings,
    _build,
    ports=(Emulator,),
    wire="CAN",
    defects=(PROTECTION_LATCHED, PANEL_ON, sense_lead_loose(rank=0)),
)
