"""Builds a world from settings: which simulators, at which addresses, in front of which battery, with which defects.

Everything wrong in the settings is a ValueError of one sentence, before anything is plugged in.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from zlib import crc32

from instruments.virtual.defects.grammar import Known, nearest
from instruments.virtual.defects.injection import Injection
from instruments.virtual.defects.of_bms import SIGNAL_NAMES
from instruments.virtual.inhabitants import Inhabitants, Simulator
from instruments.virtual.plants import EmulatedPack, Pack, Plant, cell_string
from instruments.virtual.simulators.agilent_34970a import CHANNELS, Agilent34970A
from instruments.virtual.simulators.chroma_63600 import Chroma63600
from instruments.virtual.simulators.dialect import Specimen
from instruments.virtual.simulators.ea_psb10000 import IDLE_CLOSE, EaPsb10000
from instruments.virtual.simulators.foxbms import FoxBms
from instruments.virtual.simulators.ngi_n83624 import NgiN83624
from instruments.virtual.simulators.weiss_simserv import WeissSimServ
from instruments.virtual.terminals import Settling
from instruments.virtual.wires.exchange import EXCHANGE, CanChannel
from instruments.virtual.world import Clock, World
from models.cell import CellParameters, load_cell
from models.chamber import ChamberAir

COMMON = {"simulator", "model", "serial_number", "accuracy"}
# simulator: its defaults; these are also the settings it takes beside the common ones.
SIMULATORS: dict[str, dict[str, Any]] = {
    "ea-psb10000": {
        "model": "PSB 10200-420",
        "voltage": 200.0,
        "current": 420.0,
        "power": 30000.0,
        "idle_close": IDLE_CLOSE,
    },
    "chroma-63600": {
        "model": "63640-150-60",
        "voltage": 150.0,
        "current": 60.0,
        "power": 400.0,
        "channels": 1,
        "numeric_load_reply": False,
    },
    "ngi-n83624": {"model": "N83624", "voltage": 6.0, "current": 5.0},
    "weiss-simserv": {
        "model": "LabEvent T/210/70/5",
        "temperature": None,
        "low": -40.0,
        "high": 180.0,
        "max_heating": 3.0,
        "max_cooling": 2.0,
        "lag": 60.0,
        "room": 25.0,
    },
    "agilent-34970a": {"model": "34970A", "channels": None},
    "foxbms": {"model": "foxBMS 2", "insulation": 20e6, "request_timeout": None},
}
SECTION = {"simulators", "soc", "temperature", "spread", "plant"}
ACCURACY = 0.0002  # of reading: a calibrated bench instrument


def open_world(  # noqa: PLR0913 - the contract with the bench
    settings: Mapping[str, Any],
    *,
    links: Mapping[str, str],
    cell: str,
    series: int,
    parallel: int,
    serial_number: str,
    seed: int,
    defects: Sequence[str],
    wait: Callable[[float], None],
) -> World:
    """Open a virtual bench and plug its simulators in at their addresses.

    `settings` is a station file's `virtual:` section: `simulators` (instrument name: settings with a
    `simulator` key), `soc` (0 to 1), `temperature` (degC), `spread` (see `models.string.Spread`), `plant`
    (`"pack"` or `"emulator"`). `links` maps an instrument name to its VISA resource or `packbench://` URL, or
    for CAN to `interface:channel`. `cell`, `series` and `parallel` are the pack; another `serial_number` is
    another individual of it. `defects` as in `instruments.virtual.defects.grammar`. `wait` lets virtual time pass while
    somebody waits for a reply: the clock's sleep, which in turn calls `World.advance`.

    Raises ValueError for anything unknown, missing or out of range, and for an address that is already in use.
    """
    _check_keys(settings, SECTION, "virtual")
    plan = _Plan.of(settings, links)
    builder = _Builder(plan, load_cell(cell), series, parallel, seed, crc32(f"{seed}:{serial_number}".encode()), wait)
    with ExitStack() as undo:
        world = builder.build(undo, defects)
        undo.pop_all()
    return world


@dataclass(frozen=True, slots=True)
class _Simulated:
    """One instrument of the station: its simulator, full settings and address."""

    name: str
    simulator: str
    settings: Mapping[str, Any]
    link: str

    def arguments(self, *leave: str) -> dict[str, Any]:
        """Settings that go to the simulator as they are."""
        return {key: value for key, value in self.settings.items() if key not in COMMON and key not in leave}


@dataclass(frozen=True, slots=True)
class _Plan:
    """The section, read and checked."""

    simulated: Mapping[str, _Simulated]  # by simulator: a world has at most one of each
    soc: float
    temperature: float
    spread: Mapping[str, float]
    plant: str

    @classmethod
    def of(cls, settings: Mapping[str, Any], links: Mapping[str, str]) -> "_Plan":
        simulated: dict[str, _Simulated] = {}
        for name, given in settings.get("simulators", {}).items():
            entry = _simulated(name, given, links)
            if entry.simulator in simulated:
                raise ValueError(
                    f"virtual.simulators.{name}: a second {entry.simulator!r}; a world has one of each, remove it"
                )
            simulated[entry.simulator] = entry
        plant = settings.get("plant", "emulator" if "ngi-n83624" in simulated else "pack")
        if plant not in {"pack", "emulator"}:
            raise ValueError(f"virtual.plant is {plant!r}: allowed are 'pack' and 'emulator'")
        if plant == "emulator" and "ngi-n83624" not in simulated:
            raise ValueError("virtual.plant is 'emulator' but no simulator is an 'ngi-n83624': add one or use 'pack'")
        soc = _number(settings, "soc", 0.3, 0.0, 1.0)
        return cls(
            simulated,
            soc,
            _number(settings, "temperature", 25.0, -60.0, 120.0),
            settings.get("spread", {}),
            plant,
        )


def _simulated(name: str, given: Mapping[str, Any], links: Mapping[str, str]) -> _Simulated:
    place = f"virtual.simulators.{name}"
    simulator = given.get("simulator", "")
    if simulator not in SIMULATORS:
        raise ValueError(f"{place}.simulator is {simulator!r}: {nearest(simulator, SIMULATORS)}")
    _check_keys(given, COMMON | set(SIMULATORS[simulator]), place)
    if name not in links:
        raise ValueError(f"{place} has no instrument of that name in the station: {nearest(name, links)}")
    derived = {"serial_number": f"{crc32(name.encode()) % 10**10:010d}", "accuracy": ACCURACY}
    chosen = {key: value for key, value in given.items() if value is not None}
    return _Simulated(name, simulator, derived | SIMULATORS[simulator] | chosen, links[name])


@dataclass(slots=True)
class _Builder:
    """Makes the parts of one world in the order of their dependencies, then plugs them in."""

    plan: _Plan
    cell: CellParameters
    series: int
    parallel: int
    seed: int
    individual: int
    wait: Callable[[float], None]
    clock: Clock = field(default_factory=Clock)
    settling: Settling = field(default_factory=Settling)

    def build(self, undo: ExitStack, defects: Sequence[str]) -> World:
        """Make the world; `undo` unplugs what was plugged in when a later part fails."""
        devices: dict[str, Simulator] = {}
        emulator = self._emulator(devices)
        plant = self._plant(emulator)
        inhabitants = Inhabitants(
            plant, self.clock, emulator=emulator, air_temperature=self.plan.temperature, devices=devices
        )
        inhabitants.supply = self._supply(devices)
        inhabitants.load = self._load(devices)
        inhabitants.chamber = self._chamber(devices)
        if inhabitants.supply is not None:
            inhabitants.supply_port = inhabitants.supply.port
        if inhabitants.load is not None:
            inhabitants.load_port = inhabitants.load.port
        self._thermometer(devices, inhabitants)
        for name, device in devices.items():
            address = inhabitants.addresses[name] = self._entry(name).link
            EXCHANGE.plug(address, device, self.wait)
            undo.callback(EXCHANGE.unplug, [address])
            inhabitants.closing.append(partial(EXCHANGE.unplug, [address]))
        self._bms(plant, undo, inhabitants)
        known = Known(self.series, len(inhabitants.sensors), self._names())
        injection = Injection(inhabitants, known, self.clock, self.settling)
        # Before the terminals settle for the first time: nobody shall see the world without its defects.
        injection.inject(*defects)
        return World(self.clock, self.settling, inhabitants, injection)

    def _names(self) -> dict[str, Collection[str]]:
        """What a defect may name, by what its form calls it."""

        def of(*simulators: str) -> list[str]:
            return [entry.name for simulator, entry in self.plan.simulated.items() if simulator in simulators]

        outputs = "ea-psb10000", "chroma-63600"
        return {
            "instrument": of(*outputs, "ngi-n83624", "weiss-simserv", "agilent-34970a"),
            "SCPI instrument": of(*outputs, "ngi-n83624", "agilent-34970a"),
            "output": of(*outputs, "ngi-n83624"),
            "supply or load": of(*outputs),
            "supply": of("ea-psb10000"),
            "logger": of("agilent-34970a"),
            "voltage or current": ("voltage", "current"),
            **SIGNAL_NAMES,
        }

    def _entry(self, name: str) -> _Simulated:
        return next(entry for entry in self.plan.simulated.values() if entry.name == name)

    def _specimen(self, entry: _Simulated) -> Specimen:
        settings = entry.settings
        random = Random(f"{self.seed}:{entry.name}")  # noqa: S311 - reproducible, not secret
        return Specimen(str(settings["model"]), str(settings["serial_number"]), random, float(settings["accuracy"]))

    def _emulator(self, devices: dict[str, Simulator]) -> NgiN83624 | None:
        entry = self.plan.simulated.get("ngi-n83624")
        if entry is None:
            return None
        emulator = NgiN83624(
            self._specimen(entry),
            clock=self.clock,
            settling=self.settling,
            channels=self.series,
            **entry.arguments(),
        )
        devices[entry.name] = emulator
        return emulator

    def _plant(self, emulator: NgiN83624 | None) -> Plant:
        plan = self.plan
        string = cell_string(
            self.cell,
            self.series,
            self.parallel,
            plan.spread,
            seed=self.individual,
            soc=plan.soc,
            temperature=plan.temperature,
        )
        if emulator is None or plan.plant == "pack":
            return Pack(string)
        return EmulatedPack(emulator, string, plan.soc, plan.temperature)

    def _supply(self, devices: dict[str, Simulator]) -> EaPsb10000 | None:
        entry = self.plan.simulated.get("ea-psb10000")
        if entry is None:
            return None
        supply = EaPsb10000(self._specimen(entry), clock=self.clock, settling=self.settling, **entry.arguments())
        devices[entry.name] = supply
        return supply

    def _load(self, devices: dict[str, Simulator]) -> Chroma63600 | None:
        entry = self.plan.simulated.get("chroma-63600")
        if entry is None:
            return None
        load = Chroma63600(self._specimen(entry), settling=self.settling, **entry.arguments())
        devices[entry.name] = load
        return load

    def _chamber(self, devices: dict[str, Simulator]) -> WeissSimServ | None:
        entry = self.plan.simulated.get("weiss-simserv")
        if entry is None:
            return None
        settings = entry.settings
        start = self.plan.temperature if settings["temperature"] is None else float(settings["temperature"])
        rates = {key: float(settings[key]) for key in ("max_heating", "max_cooling", "lag")}
        chamber = WeissSimServ(
            self._specimen(entry),
            ChamberAir(start, **rates),
            nominal=start,
            **{key: float(settings[key]) for key in ("low", "high", "room")},
        )
        devices[entry.name] = chamber
        return chamber

    def _thermometer(self, devices: dict[str, Simulator], inhabitants: Inhabitants) -> None:
        entry = self.plan.simulated.get("agilent-34970a")
        if entry is None:
            return
        wired = entry.settings["channels"] or CHANNELS[: min(self.series, len(CHANNELS))]
        temperature = inhabitants.plant.temperature
        count = len(wired)
        sensors = {}
        for sensor, channel in enumerate(wired):
            cell = sensor * self.series // count if count <= self.series else min(sensor, self.series - 1)
            sensors[int(channel)] = partial(temperature.item, cell)
        inhabitants.logger = devices[entry.name] = Agilent34970A(self._specimen(entry), sensors)
        inhabitants.sensors = tuple(sensors)

    def _bms(self, plant: Plant, undo: ExitStack, inhabitants: Inhabitants) -> None:
        entry = self.plan.simulated.get("foxbms")
        if entry is None:
            return
        name = entry.link.rpartition(":")[2]
        channel = inhabitants.channel = CanChannel(self.clock, self.wait)
        EXCHANGE.add_channel(name, channel)
        undo.callback(EXCHANGE.remove_channel, name)
        bms = inhabitants.bms = FoxBms(
            self.cell,
            plant,
            channel,
            parallel=self.parallel,
            settling=self.settling,
            insulation=float(entry.settings["insulation"]),
            request_timeout=_timeout(entry.settings["request_timeout"]),
        )
        inhabitants.closing += [bms.shut_down, partial(EXCHANGE.remove_channel, name)]


def _number(settings: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    value = settings.get(key, default)
    if not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"virtual.{key} is {value!r}: give a number from {low:g} to {high:g}")
    return float(value)


def _timeout(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and value > 0):
        return value
    raise ValueError(f"request_timeout of the BMS is {value!r}: give a time in s above 0, or leave it out")


def _check_keys(found: Mapping[str, Any], allowed: Collection[str], place: str) -> None:
    for key in found:
        if key not in allowed:
            raise ValueError(f"unknown key {key!r} in {place}: {nearest(key, allowed)}")
