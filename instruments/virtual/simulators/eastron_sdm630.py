"""Simulated Eastron SDM630-Modbus at a house's connection, with the grid, the house and the roof that it is wired to.

Registers as its user manual has them (floats, high word first; function 4 for what it measures, at most 80 registers a
message). Settings, energies and demands are not simulated; what is not there reads 0, as a phase that is not wired.
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import Field

from instruments.registers import ADDRESS, READ, READ_TOO, VALUE, Refused, answered
from instruments.virtual import modbus_rtu
from instruments.virtual.ac_node import AcNode, Grid
from instruments.virtual.defects.grammar import Defect, DefectKind, Repair
from instruments.virtual.dialect import Instrument
from instruments.virtual.metering import meter_of
from instruments.virtual.ports import Connection, Outlet
from instruments.virtual.simulator import Limits, Place, Simulator
from instruments.virtual.simulator import Settings as Base
from models.grid import frequency, seasons
from models.grid.week import Days

MOST = 80
METER_CODE = 0x0070
SHEETS = {
    "voltage": Limits(reading=0.005), "frequency": Limits(reading=0.002), "power": Limits(reading=0.01, offset=5.0),
}  # fmt: skip
RATED = {"voltage": 230.0, "frequency": 50.0, "power": 55200.0}
"""Full scale: 80 A on three phases."""


class Home(Base):
    """House and roof of so many days of a season, which begin with the world; see `models.grid.seasons.days`."""

    season: str
    days: float = Field(default=1.0, gt=0, le=366)
    seed: int = 0


class Settings(Base):
    """`voltage` V of a phase without load, `line` ohms to the grid, `frequency` Hz: a number, "synthetic", or a record.

    `house` and `sun` are W that do not change, or those of a `home`. `unit` is its Modbus address.
    """

    voltage: float = Field(default=230.0, gt=0, le=400)
    line: float = Field(default=0.1, ge=0, le=5)
    frequency: float | str = 50.0
    house: float = Field(default=0.0, ge=0)
    sun: float = Field(default=0.0, ge=0)
    home: Home | None = None
    unit: int = Field(default=1, ge=1, le=247)


class EastronSdm630(Instrument):
    """One meter. `node` is what it is wired to, `taken` W of the house, `given` W of the roof; both can be changed."""

    ends_with = b""

    def __init__(self, settings: Settings, place: Place) -> None:
        self.settings, self._clock = settings, place.clock
        digits = "".join(each for each in place.specimen.serial_number if each.isdigit())
        self.number = int(digits or 0) & 0xFFFFFFFF
        """Its serial number, as far as two registers hold it."""
        self.node = AcNode()
        home = None if settings.home is None else _days(settings.home)
        self._taken, self._given = _series(home, "house", settings.house), _series(home, "sun", settings.sun)
        self.grid = Grid(settings.voltage, settings.line, _hertz(settings.frequency, place))
        self.ports = (
            Connection(self.grid, self), Outlet(f"house at {place.name}", lambda: self._taken(self._clock())),
            Outlet(f"roof at {place.name}", lambda: -self._given(self._clock())),
        )  # fmt: skip
        self._meters = {name: meter_of(place.specimen, name, SHEETS[name], RATED[name], 3) for name in SHEETS}

    def change(self, what: str, value: float | Callable[[], float]) -> Repair:
        """A defect: something of the grid is another from now on. How it is ended."""
        return self.lasting.attribute(self.grid, what, lambda _before: value)

    def impersonate(self, model: str) -> Repair:
        """A defect: another meter stands at its address; its code is that of its kind, its serial number is another."""
        return self.lasting.attribute(self, "number", lambda own: own + 1)

    def refuse(self) -> str | None:
        """Nothing can be set: nothing is refused."""
        return None

    def asks(self, message: str) -> bool:
        """Whether a message only reads."""
        return message[1:2] in {chr(READ), chr(READ_TOO)}

    # ---- the wire's side ----

    def frames(self, data: bytes) -> tuple[list[bytes], bytes]:
        """See `modbus_rtu.frames`."""
        return modbus_rtu.frames(data)

    def handle(self, message: str) -> str | None:
        """Answer one message; None to a wrong check sum, and to another unit."""
        asked = modbus_rtu.asked(message, self.settings.unit)
        if asked is None:
            return None
        registers = _Inputs(self) if asked[0] == READ_TOO else _Holding(self)
        return modbus_rtu.framed(self.settings.unit, answered(registers, asked))

    def shown(self) -> Mapping[int, float]:
        """What it measures now, by the address of its first register."""
        point = self.node.settle()
        volts = self._meters["voltage"].read(point.volts)
        power = self._meters["power"].read(point.power) if point.power else 0.0
        return {
            **dict.fromkeys((0x00, 0x02, 0x04), volts), **dict.fromkeys((0x0C, 0x0E, 0x10), power / 3),
            0x34: power, 0x46: self._meters["frequency"].read(point.hertz),
        }  # fmt: skip


class _Inputs:
    """Its input registers; see `instruments.registers.Registers`."""

    def __init__(self, meter: EastronSdm630) -> None:
        self._meter = meter

    def fetch(self, address: int, count: int) -> tuple[int, ...]:
        """See `Registers`: whole parameters, as its manual asks for."""
        if count > MOST:
            raise Refused(VALUE)
        if address % 2 or count % 2 or address + count > 0x180:
            raise Refused(ADDRESS)
        shown = self._meter.shown()
        return tuple(word for at in range(address, address + count, 2) for word in _words_of(shown.get(at, 0.0)))

    def store(self, address: int, words: tuple[int, ...]) -> None:
        """See `Registers`."""
        raise Refused(ADDRESS)


class _Holding(_Inputs):
    """Its holding registers, of which it is only asked who it is."""

    def fetch(self, address: int, count: int) -> tuple[int, ...]:
        """See `Registers`."""
        held = (self._meter.number >> 16 & 0xFFFF, self._meter.number & 0xFFFF, METER_CODE)
        found = held[max(address - 0xFC00, 0) :][:count]
        if address < 0xFC00 or len(found) < count:
            raise Refused(ADDRESS)
        return found


def _words_of(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


# ---- what it is wired to ----

At = Callable[[float], float]
"""A value at a time of the world, s."""
_DAY = 86400.0


def _days(home: Home) -> Days:
    return seasons.days(home.season, home.days, seed=home.seed, trips="at-home")


def _series(days: Days | None, name: str, constant: float) -> At:
    """W of a home, or those that do not change."""
    if days is None:
        return lambda _time: constant
    values = getattr(days, name)
    return lambda time: float(values[days.quarter(time)])


def _hertz(given: float | str, place: Place) -> Callable[[], float]:
    """Hz now; a day's synthetic trace and a record begin anew when they are over."""
    if not isinstance(given, str):
        return lambda: float(given)
    seed = place.specimen.random.getrandbits(32)
    trace = (
        frequency.synthetic_frequency(_DAY, seed=seed)
        if given == "synthetic"
        else frequency.read_frequency(Path(given))
    )
    return lambda: trace.at(place.clock() % float(trace.time[-1]))


# ---- what can be wrong ----


def _change_frequency(meter: EastronSdm630, defect: Defect, _world: object) -> Repair:
    hertz = defect.number(0)
    return meter.change("hertz", lambda: hertz)


def _change_voltage(meter: EastronSdm630, defect: Defect, _world: object) -> Repair:
    return meter.change("volts", defect.number(0))


DEFECTS = (
    DefectKind("grid-frequency:<Hz>", _change_frequency, "grid meter"),
    DefectKind("grid-voltage:<V>", _change_voltage, "grid meter"),
)


def _build(settings: Settings, place: Place) -> EastronSdm630:
    return EastronSdm630(settings, place)


SIMULATOR = Simulator(
    "eastron-sdm630", "SDM630", Settings, _build, ports=(Connection, Outlet), defects=DEFECTS,
)  # fmt: skip
