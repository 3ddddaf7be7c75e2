"""Builds a world from settings: which simulators, at which addresses, in front of which battery, with which defects.

Everything wrong in the settings is a ValueError of one sentence, before anything is plugged in.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from functools import partial
from math import inf
from random import Random
from typing import Annotated, Any, cast
from zlib import crc32

from pydantic import BaseModel, Field, ValidationError

from instruments.virtual.defects.injection import Injection
from instruments.virtual.dialect import Instrument
from instruments.virtual.failing import whose
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.plants import EmulatedPack, Pack, Plant, cell_string
from instruments.virtual.ports import Emulator
from instruments.virtual.properties import Properties
from instruments.virtual.registry import COMMON, simulator_named
from instruments.virtual.simulator import AnySimulator, Limits, Part, Place, Settings, Specimen
from instruments.virtual.terminals import Settling
from instruments.virtual.wires.exchange import CanChannel, Device, Exchange, open_exchange
from instruments.virtual.world import World, WorldTime
from instruments.wording import nearest
from instruments.yesno import is_number
from models.cell import CellParameters, load_cell
from models.construction import Construction
from models.grid.charger import Charger
from models.steps import StepTable
from models.string import Spread

SECTION = {"simulators", "soc", "temperature", "spread", "plant", "specimens"}
ACCURACY = 0.0002  # of reading: a calibrated bench instrument
PLANTS = ("pack", "emulator")


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
    construction: Mapping[str, float] | None = None,
    charge_steps: Mapping[str, Any] | None = None,
    lowest_voltage: float | None = None,
    charger: Mapping[str, float] | None = None,
) -> World:
    """Open a virtual bench and plug its simulators in at their addresses, which no other world of this process has.

    `settings` is a station file's `virtual:` section: `simulators` (instrument name: settings with a
    `simulator` key), `soc` (0 to 1), `temperature` (degC), `spread` (see `models.string.Spread`), `plant`
    (`"pack"` or `"emulator"`; without it the emulator where there is one). `links` maps an instrument name to its VISA
    resource or `packbench://` URL, or for CAN to `interface:channel`. `cell`, `series` and `parallel` are the pack;
    another `serial_number` is another individual of it, `construction` what it adds to its cells (see
    `models.construction`), `charge_steps` the table of what its BMS allows (see `models.steps`), `lowest_voltage` (V)
    what that lets a cell be discharged to, where that is not the cell's own. `charger` is what source and sink are
    at the AC node (see `models.grid.charger`), `defects` as in
    `instruments.virtual.defects.grammar`. `wait` lets virtual time pass while somebody waits for a reply: the clock's
    sleep, which in turn calls `World.advance`.

    Raises ValueError for anything unknown, missing or out of range, and for an address that is given twice.
    """
    _check_keys(settings, SECTION, "virtual")
    plan = _Section.of(settings, links)
    built = Construction(**(construction or {}))
    individual = crc32(f"{seed}:{serial_number}".encode())
    table = None if charge_steps is None else StepTable(**charge_steps)
    builder = _Builder(plan, load_cell(cell), series, parallel, seed, individual, wait, built, table, lowest_voltage)
    with ExitStack() as undo:
        world = builder.build(undo, defects, None if charger is None else Charger(**charger))
        undo.pop_all()
    return world


class _Common(Settings):
    """What every simulator's entry may say of its specimen."""

    model: str | int | None = None
    serial_number: str | int | None = None
    accuracy: Annotated[float, Field(ge=0, lt=1)] | None = None
    errors: dict[str, Limits] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Simulated:
    """One instrument of the station: its simulator, what it says of its specimen, its own settings and its address."""

    name: str
    simulator: AnySimulator
    common: _Common
    settings: BaseModel
    link: str

    def specimen(self, seed: int) -> Specimen:
        """The individual that this seed draws."""
        serial = self.common.serial_number
        return Specimen(
            str(self.simulator.model if self.common.model is None else self.common.model),
            f"{crc32(self.name.encode()) % 10**10:010d}" if serial is None else str(serial),
            Random(f"{seed}:{self.name}"),  # noqa: S311 - reproducible, not secret
            ACCURACY if self.common.accuracy is None else self.common.accuracy,
            self.common.accuracy is None,
            self.common.errors,
        )


@dataclass(frozen=True, slots=True)
class _Section:
    """The section, read and checked."""

    simulated: Sequence[_Simulated]
    soc: float
    temperature: float
    spread: Mapping[str, float]
    plant: str
    specimens: int | None = None
    """What the errors of the bench are drawn from, where that is not the seed of all."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], links: Mapping[str, str]) -> "_Section":
        simulated = [_simulated(name, given, links) for name, given in settings.get("simulators", {}).items()]
        _refuse_too_many(simulated)
        emulated = any(Emulator in each.simulator.ports for each in simulated)
        plant = settings.get("plant") or ("emulator" if emulated else "pack")
        if plant not in PLANTS:
            raise ValueError(f"virtual.plant is {plant!r}: allowed are 'pack' and 'emulator'")
        if plant == "emulator" and not emulated:
            raise ValueError("virtual.plant is 'emulator' but no simulator has an emulator port: add one or use 'pack'")
        soc = _number(settings, "soc", 0.3, 0.0, 1.0)
        return cls(
            simulated,
            soc,
            _number(settings, "temperature", 25.0, -60.0, 120.0),
            _spread(settings.get("spread", {})),
            plant,
            settings.get("specimens"),
        )


def _simulated(name: str, given: Mapping[str, Any], links: Mapping[str, str]) -> _Simulated:
    place = f"virtual.simulators.{name}"
    try:
        simulator = simulator_named(str(given.get("simulator", "")))
    except ValueError as error:
        raise ValueError(f"{place}.simulator is {error}") from error
    own = tuple(simulator.settings.model_fields)
    _check_keys(given, (*COMMON, *own), place)
    if name not in links:
        raise ValueError(f"{place} has no instrument of that name in the station; {nearest(name, links)}")
    _check_wire(simulator, links[name], place)
    # A key without a value is one that was left out.
    chosen = {key: value for key, value in given.items() if value is not None and key != "simulator"}
    common = _validated(_Common, {key: value for key, value in chosen.items() if key in COMMON}, place)
    settings = _validated(simulator.settings, {key: value for key, value in chosen.items() if key in own}, place)
    return _Simulated(name, simulator, common, settings, links[name])


def _check_wire(simulator: AnySimulator, link: str, place: str) -> None:
    on_line = "::" in link or "://" in link
    on_bus = ":" in link and not on_line
    if on_line if simulator.wire == "CAN" else on_bus:
        wanted = "a can bus" if simulator.wire == "CAN" else "a resource, VISA or serial"
        raise ValueError(f"{place}: {simulator.name!r} needs {wanted}, and its instrument is at {link!r}")


def _refuse_too_many(simulated: Sequence[_Simulated]) -> None:
    """Raise for more ports of a kind than a world has room for."""
    ports = [(port, each.name) for each in simulated for port in each.simulator.ports]
    for port, count in Counter(port for port, _ in ports).items():
        if port.most is not None and count > port.most:
            name = [name for each, name in ports if each is port][port.most]
            allowed = "one" if port.most == 1 else str(port.most)
            raise ValueError(f"virtual.simulators.{name} has a second {port.kind}; a world has {allowed}, remove it")


def _validated(model: Any, given: Mapping[str, Any], place: str) -> Any:
    """`given` as a settings model; raises ValueError, one sentence, for the first thing that is wrong in it."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([place, *(str(each) for each in first["loc"])])
        wanted = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{where} is {first['input']!r}: {wanted[:1].lower()}{wanted[1:]}") from error


@dataclass(slots=True)
class _Builder:
    """Makes the parts of one world in the order of their dependencies, then plugs them in and joins their ports."""

    plan: _Section
    cell: CellParameters
    series: int
    parallel: int
    seed: int
    individual: int
    wait: Callable[[float], None]
    construction: Construction
    table: StepTable | None = None
    lowest_voltage: float | None = None
    clock: WorldTime = field(default_factory=WorldTime)
    settling: Settling = field(default_factory=Settling)
    properties: Properties = field(default_factory=Properties)

    @property
    def specimens(self) -> int:
        """What the instruments' errors are drawn from."""
        return self.seed if self.plan.specimens is None else self.plan.specimens

    def build(self, undo: ExitStack, defects: Sequence[str], charger: Charger | None = None) -> World:
        """Make the world; `undo` closes its exchange when a later part fails."""
        exchange = open_exchange()
        undo.callback(exchange.close)
        buses = self._lay_buses(exchange)
        emulators = [each for each in self.plan.simulated if Emulator in each.simulator.ports]
        before = {each.name: self._made(each, buses) for each in emulators}
        plant = self._plant(before)
        parts = {each.name: before.get(each.name) or self._made(each, buses, plant) for each in self.plan.simulated}
        world = Inhabitants(
            plant, self.properties, self.plan.temperature, now=self.clock.read, exchange=exchange, parts=parts
        )
        for each in self.plan.simulated:
            world.kinds[each.name] = each.simulator
            if each.simulator.wire == "line":
                world.addresses[each.name] = each.link
                exchange.plug(each.link, cast("Device", parts[each.name]), self.wait, each.name)
        for part in parts.values():
            self._join(part, world)
        injection = Injection(world, self.clock.read, self.settling)
        # Before the terminals settle for the first time: nobody shall see the world without its defects.
        injection.inject(*defects)
        made = World(self.clock, self.settling, world, injection)
        if charger is not None:
            world.ac.takers["charger"] = partial(self._taken, charger, made)
        return made

    @staticmethod
    def _join(part: Part, world: Inhabitants) -> None:
        for port in part.ports:
            try:
                port.join(world)
            except ValueError:
                raise
            except Exception as error:
                name = whose(error, world.parts)
                raise ValueError(
                    f"virtual.simulators.{name}: its {port.kind} cannot join the world: {type(error).__name__}: {error}"
                ) from error

    def _taken(self, charger: Charger, world: World) -> float:
        """W that source and sink take from the AC node as a charger."""
        self.settling.settle()
        return charger.dc_to_ac(world.point.voltage * world.point.battery)

    @property
    def _built_in(self) -> CellParameters:
        """The cell as it is in the pack: what its BMS was told of."""
        return self.construction.built_in(self.cell, self.series, self.parallel)

    def _lay_buses(self, exchange: Exchange) -> Mapping[str, CanChannel]:
        """The CAN bus of each node: those that name the same channel are on one."""
        return {
            each.name: exchange.join_channel(each.link.rpartition(":")[2], self.clock.read, self.wait)
            for each in self.plan.simulated
            if each.simulator.wire == "CAN"
        }

    def _made(self, each: _Simulated, buses: Mapping[str, CanChannel], plant: Plant | None = None) -> Any:
        """One specimen; raises ValueError where its simulator gives no part of a world, or another one than it says."""
        place = Place(
            each.name, each.specimen(self.specimens), self.clock.read, self.settling, self._built_in, self.series,
            self.parallel, self.plan.temperature, self.properties, plant, buses.get(each.name), self.table,
            self.lowest_voltage,
        )  # fmt: skip
        who = f"virtual.simulators.{each.name}: {each.simulator.name!r}"
        there = set(place.bus.members) if place.bus else set()
        try:
            part = each.simulator.build(each.settings, place)
        except ValueError:
            raise
        except Exception as error:
            raise ValueError(f"{who} cannot be built: {type(error).__name__}: {error}") from error
        if place.bus:
            place.bus.owners |= dict.fromkeys(place.bus.members.keys() - there, each.name)
        if not isinstance(part, Part):
            raise ValueError(f"{who} builds a {type(part).__name__}, which is no Part of a world: derive it from Part")
        if each.simulator.wire == "line" and not isinstance(part, Instrument):
            raise ValueError(f"{who} is plugged into a line and no Instrument: derive it from Instrument")
        undeclared = next((port for port in part.ports if type(port) not in each.simulator.ports), None)
        if undeclared is not None:
            kind = getattr(undeclared, "kind", type(undeclared).__name__)
            raise ValueError(f"{who} has a port {kind!r} that it was not registered with: register it")
        return part

    def _plant(self, parts: Mapping[str, Part]) -> Plant:
        plan = self.plan
        string = cell_string(
            self.cell,
            self.series,
            self.parallel,
            plan.spread,
            seed=self.individual,
            soc=plan.soc,
            temperature=plan.temperature,
            construction=self.construction,
        )
        if plan.plant == "pack":
            return Pack(string)
        emulated = next(port.emulated for part in parts.values() for port in part.ports if isinstance(port, Emulator))
        return EmulatedPack(emulated, string, plan.soc, plan.temperature)


def _number(settings: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    value = settings.get(key, default)
    if not is_number(value) or not low <= value <= high:
        raise ValueError(f"virtual.{key} is {value!r}: give a number from {low:g} to {high:g}")
    return float(value)


def _spread(given: Mapping[str, Any]) -> Mapping[str, float]:
    """Standard deviations of `models.string.Spread` by name; raises ValueError for one that it does not have."""
    _check_keys(given, [each.name for each in fields(Spread)], "virtual.spread")
    for key, value in given.items():
        if not is_number(value) or not 0.0 <= value < inf:
            raise ValueError(f"virtual.spread.{key} is {value!r}: give a standard deviation, 0 or more")
    return given


def _check_keys(found: Mapping[str, Any], allowed: Collection[str], place: str) -> None:
    for key in found:
        if key not in allowed:
            raise ValueError(f"unknown key {key!r} in {place}; {nearest(key, allowed)}")
