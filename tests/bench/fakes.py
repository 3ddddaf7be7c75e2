"""A bench of the smallest instruments that play the roles, in front of the smallest pack: for tests of the floor above.

They have no wire and no dialect. What they have is a record of what was asked of them, in order, and a place to make
each of them fail: `plant.fail["source_off"] = error` raises there, whatever is set on `plant` is what is read back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from instruments.drivers.foxbms.blame import fault_of
from instruments.roles import (
    BMS_CHANNELS,
    CHAMBER_AIR,
    TERMINALS,
    BmsFault,
    BmsMode,
    BmsState,
    CellTable,
    Channel,
    Identity,
    Protections,
    Ratings,
)
from instruments.wires.context import InstrumentLink, LinkContext

CELLS = 4


@dataclass
class Plant:
    """Four cells of 2 Ah and 10 mOhm whose voltage rises from 3.0 to 3.5 V, and everything the fakes share."""

    calls: list[str] = field(default_factory=list)
    fail: dict[str, Exception] = field(default_factory=dict)
    now: Callable[[], float] = lambda: 0.0
    soc: float = 0.5
    soc_spread: float = 0.0
    capacity: float = 2.0
    current: float = 0.0
    set_current: float = 0.0
    discharge_limit: float = 10.0
    set_voltage: float = 0.0
    source_on: bool = False
    sink_on: bool = False
    emulator_on: bool = False
    switches_stuck: bool = False
    leak: float = 0.0
    bus: float | None = None
    """V that the supply reads where that is not the pack's voltage, or nothing behind an open contactor."""
    air: float = 25.0
    sensors: list[float] = field(default_factory=lambda: [25.0, 25.0])
    air_stuck: bool = False
    conditioning: bool = False
    alarm: str = ""
    bms_mode: BmsMode = BmsMode.STANDBY
    bms_state: BmsState | None = None
    bms_age: float = 0.1
    bms_faults: list[str] = field(default_factory=list)
    insulation: float = 20e6
    charge_limit: float = 10.0
    cell_offset: float = 0.0
    """V by which the highest cell lies above the others."""
    model: str = "FAKE 100"
    on_scan: list[Callable[[], None]] = field(default_factory=list)
    armed: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """What source and sink were told to protect: over-voltage (of a sink under-voltage), A, W."""
    _integrated: float = 0.0

    def called(self, what: str) -> None:
        """Note a call, and fail it where the test wants so."""
        self.calls.append(what)
        if what in self.fail:
            raise self.fail[what]

    def advance(self) -> None:
        """Bring the charge up to now, and the current to what the outputs ask for."""
        now = self.now()
        self.soc += self.current * (now - self._integrated) / 3600 / self.capacity
        self._integrated = now
        if self.source_on:
            held = (self.set_voltage - CELLS * self.open_circuit) / (CELLS * 0.01)
            self.current = max(0.0, min(self.set_current, held))
        else:
            self.current = -self.set_current if self.sink_on else self.leak

    @property
    def open_circuit(self) -> float:
        return 3.0 + 0.5 * self.soc

    @property
    def cell(self) -> float:
        return self.open_circuit + 0.01 * self.current

    @property
    def bus_voltage(self) -> float:
        if self.bus is not None:
            return self.bus
        return CELLS * self.cell if self.state in {BmsState.CHARGE, BmsState.DISCHARGE} else 0.0

    @property
    def state(self) -> BmsState:
        closed = {BmsMode.CHARGE: BmsState.CHARGE, BmsMode.DISCHARGE: BmsState.DISCHARGE}
        return self.bms_state if self.bms_state is not None else closed.get(self.bms_mode, BmsState.STANDBY)


class Fake:
    """An instrument on a plant; the resource names the plant."""

    plants: ClassVar[dict[str, Plant]] = {}
    channels: ClassVar[tuple[str, ...]] = ()

    def __init__(self, plant: Plant, name: str) -> None:
        self.plant, self.name = plant, name

    @classmethod
    def open(cls, link: InstrumentLink, context: LinkContext, name: str, _options: Mapping[str, object]) -> "Fake":
        plant = cls.plants[link.resource]
        plant.now = context.now
        plant.called(f"open {name}")
        return cls(plant, name)

    def identify(self) -> Identity:
        self.plant.called(f"identify {self.name}")
        return Identity("Fake", self.plant.model, "1", "0.1")

    def close(self) -> None:
        self.plant.called(f"close {self.name}")

    def request(self) -> None:
        self.plant.advance()

    def collect(self) -> list[float]:
        return []


class FakeSupply(Fake):
    """Source and sink in one, like a bidirectional supply."""

    channels = TERMINALS
    source_ratings = Ratings(60.0, 8.0, 400.0)
    sink_ratings = Ratings(60.0, 8.0, 400.0)

    def protect_source(self, over_voltage: float, over_current: float, over_power: float) -> Protections:
        self.plant.called("protect_source")
        self.plant.armed["source"] = over_voltage, over_current, over_power
        return Protections(over_voltage, over_current, over_power)

    def protect_sink(self, under_voltage: float, over_current: float, over_power: float) -> Protections:
        self.plant.called("protect_sink")
        self.plant.armed["sink"] = under_voltage, over_current, over_power
        return Protections(None, over_current, over_power)

    def charge(self, current: float, voltage: float, power: float | None = None) -> None:
        self.plant.called("charge")
        self.plant.set_current, self.plant.set_voltage, self.plant.source_on = current, voltage, True
        self.plant.sink_on = False  # one output has one direction

    def discharge(self, current: float, voltage: float, power: float | None = None) -> None:
        self.plant.called("discharge")
        self.plant.set_current, self.plant.set_voltage, self.plant.sink_on = current, voltage, True
        self.plant.source_on = False

    def source_off(self) -> None:
        self.plant.called("source_off")
        self.plant.source_on = self.plant.switches_stuck and self.plant.source_on

    def sink_off(self) -> None:
        self.plant.called("sink_off")
        self.plant.sink_on = self.plant.switches_stuck and self.plant.sink_on

    def source_is_off(self) -> bool:
        self.plant.called("source_is_off")
        return not self.plant.source_on

    def sink_is_off(self) -> bool:
        self.plant.called("sink_is_off")
        return not self.plant.sink_on

    def request(self) -> None:
        super().request()
        for listener in self.plant.on_scan:
            listener()

    def collect(self) -> list[float]:
        voltage, current = self.plant.bus_voltage, self.plant.current
        return [voltage, current, voltage * current]


class FakeChamber(Fake):
    channels = CHAMBER_AIR
    temperature_range = (-40.0, 80.0)

    def set_temperature(self, temperature: float, ramp: float | None = None) -> None:
        self.plant.called("set_temperature")
        self.plant.conditioning = True
        if not self.plant.air_stuck:
            self.plant.air = temperature
            self.plant.sensors = [temperature for _ in self.plant.sensors]

    def chamber_rest(self) -> None:
        self.plant.called("chamber_rest")
        self.plant.conditioning = False

    def chamber_is_resting(self) -> bool:
        self.plant.called("chamber_is_resting")
        return not self.plant.conditioning

    def alarm(self) -> str:
        return self.plant.alarm

    def collect(self) -> list[float]:
        return [self.plant.air, self.plant.air]


class FakeEmulator(Fake):
    """The cells, while it is on."""

    channels = tuple(Channel(f"cell {number}", "voltage", "V") for number in range(1, CELLS + 1))
    cell_count = CELLS

    def emulate(self, cells: Sequence[CellTable]) -> None:
        self.plant.called("emulate")
        self.plant.emulator_on = True

    def update_resistance(self, resistance: Sequence[float], rows: Iterable[int] | None = None) -> None:
        self.plant.called("update_resistance")

    def emulator_off(self) -> None:
        self.plant.called("emulator_off")
        self.plant.emulator_on = False

    def emulator_is_off(self) -> bool:
        self.plant.called("emulator_is_off")
        return not self.plant.emulator_on

    def collect(self) -> list[float]:
        return [self.plant.cell] * CELLS


class FakeLogger(Fake):
    channels = tuple(Channel(f"sensor {number}", "temperature", "degC") for number in (1, 2))
    sensor_count = 2

    def collect(self) -> list[float]:
        return list(self.plant.sensors)


class FakeBms(Fake):
    channels = tuple(BMS_CHANNELS.values())

    def request_mode(self, mode: BmsMode) -> None:
        self.plant.called(f"request {mode.name}")
        self.plant.bms_mode = mode

    def state(self) -> BmsState:
        return self.plant.state

    def state_age(self) -> float:
        return self.plant.bms_age

    def bus_voltage(self) -> float:
        return self.plant.bus_voltage

    def faults(self) -> tuple[BmsFault, ...]:
        raised = ["f_DeepDischarge"] if self.plant.state is BmsState.ERROR else self.plant.bms_faults
        return tuple(map(fault_of, raised))

    def collect(self) -> list[float]:
        p = self.plant
        return [
            float(p.state), p.soc, p.soc + p.soc_spread, 1.0, p.charge_limit, p.discharge_limit,
            p.cell, p.cell + p.cell_offset,
            min(p.sensors), max(p.sensors), CELLS * p.cell, p.current, p.insulation, p.bms_age,
        ]  # fmt: skip
