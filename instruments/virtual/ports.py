"""Where a simulator touches the world: each kind of port knows what it joins.

The world knows none of them by name. A package that needs another kind (a node of the grid) derives it
from `Port` in its own file and joins it to what it finds in `Surroundings`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from instruments.virtual.ac_node import AcNode, Grid, Watts
from instruments.virtual.lasting import Lasting
from instruments.virtual.plants import Emulated, Plant
from instruments.virtual.properties import Properties
from instruments.virtual.terminals import DeadStage, LoadPort, OperatingPoint, StuckStage, SupplyPort
from instruments.wording import nearest
from models.coolant import Stream

Feels = Callable[[], float]
"""The temperature of a place, degC."""
Stage = TypeVar("Stage", SupplyPort, LoadPort)


class Port(ABC):
    """One place at which a simulator touches the world: `kind` in words, `most` how many a world may have of it."""

    kind: ClassVar[str]
    most: ClassVar[int | None] = None

    @abstractmethod
    def join(self, world: "Surroundings") -> None:
        """Connect to what is there; raises ValueError, one sentence, where that cannot be."""


class Terminal(Protocol[Stage]):
    """Who stands behind a port at the DC node; `port` has the set points that its power stage is told."""

    port: Stage

    def observe(self, point: OperatingPoint) -> bool:
        """Take note of what the node settled at, with one's own current; True when a protection has switched off."""
        ...


class _AtNode(Port, Generic[Stage]):
    """A power stage at the DC node. `stage` is what the node feels of it: its set points, unless a defect is between.

    `owner` is who observes what the node settles at.
    """

    def __init__(self, owner: Terminal[Stage]) -> None:
        self.owner: Terminal[Stage] = owner
        self.stage: Any = owner.port
        self._lasting = Lasting()
        """What lies between the instrument and its node; the newest counts."""

    def replace(self, stage: Stage) -> None:
        """A defect: another power stage, which the instrument switches and sets from now on."""
        if self.stage is self.owner.port:  # else something lies between, which goes on looking at the instrument's
            self.stage = stage
        self.owner.port = stage

    def conduct_on(self) -> Callable[[], None]:
        """A defect: the power stage goes on after its instrument believes it off. How it is ended."""
        return self._between(StuckStage(self.owner))

    def conduct_nothing(self) -> Callable[[], None]:
        """A defect: the power stage is dead, and its instrument believes it on. How it is ended."""
        return self._between(DeadStage(self.owner))

    def _between(self, stage: StuckStage | DeadStage) -> Callable[[], None]:
        return self._lasting.thing("stage", lambda: self.owner.port, partial(setattr, self, "stage"), stage.lay)


class Source(_AtNode[SupplyPort]):
    """A supply at the DC node, which may sink as well."""

    kind = "source"

    def join(self, world: "Surroundings") -> None:
        """Hang on the DC node."""
        world.sources.append(self)


class Load(_AtNode[LoadPort]):
    """An electronic load at the DC node."""

    kind = "load"

    def join(self, world: "Surroundings") -> None:
        """Hang on the DC node."""
        world.loads.append(self)


@dataclass(frozen=True, slots=True)
class Emulator(Port):
    """Channels that are the battery at the DC node. Built before the pack, which they may stand in for."""

    kind: ClassVar[str] = "emulator"
    most: ClassVar[int | None] = 1
    emulated: Emulated

    def join(self, world: "Surroundings") -> None:
        """Be there to be looked at; what conducts is the plant that stands on them."""
        world.emulators.append(self.emulated)


class Switch(Protocol):
    """Who holds the contactors between the pack and the DC node."""

    @property
    def connected(self) -> bool:
        """Whether they conduct."""
        ...


@dataclass(frozen=True, slots=True)
class Contactor(Port):
    """Contactors between the pack and the DC node; of several, all must conduct."""

    kind: ClassVar[str] = "contactor"
    switch: Switch

    def join(self, world: "Surroundings") -> None:
        """Lie in the pack's line."""
        world.contactors.append(self.switch)


@dataclass(frozen=True, slots=True)
class Air(Port):
    """A chamber's air, `temperature` in degC; the cells stand in the first chamber of a station."""

    kind: ClassVar[str] = "air"
    name: str
    temperature: Feels

    def join(self, world: "Surroundings") -> None:
        """Be a place, and the air around the cells where no chamber was before."""
        world.airs.append(self.temperature)
        world.places[f"air of {self.name}"] = self.temperature


@dataclass(frozen=True, slots=True)
class Coolant(Port):
    """A coolant that a unit pumps through the plate under the cells; a pack has one plate."""

    kind: ClassVar[str] = "coolant"
    most: ClassVar[int | None] = 1
    name: str
    stream: Stream

    def join(self, world: "Surroundings") -> None:
        """Flow through the plate, and be a place; raises ValueError where the battery can have none."""
        world.plant.cool_with(self.stream)
        world.places[f"coolant of {self.name}"] = lambda: self.stream.temperature


@dataclass(frozen=True, slots=True)
class Outlet(Port):
    """Somebody at the AC node, by name: a charger, a house, a roof; `takes` W, negative where he gives."""

    kind: ClassVar[str] = "outlet"
    name: str
    takes: Watts

    def join(self, world: "Surroundings") -> None:
        """Hang on the AC node."""
        world.ac.takers[self.name] = self.takes


@dataclass(frozen=True, slots=True)
class Connection(Port):
    """The house's line to the grid, of which a world has one; `meter` sees what the node is at."""

    kind: ClassVar[str] = "grid connection"
    most: ClassVar[int | None] = 1
    grid: Grid
    meter: "AcMeter"

    def join(self, world: "Surroundings") -> None:
        """Feed the AC node, and look at it."""
        world.ac.grid = self.grid
        self.meter.node = world.ac


class AcMeter(Protocol):
    """Who measures at the AC node."""

    node: AcNode


class Scanner(Protocol):
    """Who has temperature sensors."""

    def lay(self, channel: int, feels: Feels) -> None:
        """Have the sensor of a channel at a place."""
        ...

    def rewire(self, channel: int, change: Callable[[Feels], Feels | None]) -> Callable[[], None]:
        """A defect: what that sensor feels from now on, None for an open one. How it is ended."""
        ...


@dataclass(frozen=True, slots=True)
class Thermometer(Port):
    """Sensors at named places (`Surroundings.places`), by the instrument's own channel."""

    kind: ClassVar[str] = "thermometer"
    name: str
    scanner: Scanner
    wired: Mapping[int, str]

    def join(self, world: "Surroundings") -> None:
        """Lay each sensor to its place; raises ValueError for one that the world does not have."""
        for channel, place in self.wired.items():
            self.scanner.lay(channel, world.place(place, f"channel {channel} of {self.name}"))
            world.sensors.append((self.scanner, channel))


@dataclass(slots=True)
class Surroundings:
    """What ports join, in the order of the station; `places` are where a temperature can be felt."""

    plant: Plant
    properties: Properties
    ambient: float = 25.0
    """degC of the air where there is no chamber."""
    sources: list[Source] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    emulators: list[Emulated] = field(default_factory=list)
    contactors: list[Switch] = field(default_factory=list)
    airs: list[Feels] = field(default_factory=list)
    sensors: list[tuple[Scanner, int]] = field(default_factory=list)
    """Temperature sensors in the order in which defects count them."""
    places: dict[str, Feels] = field(default_factory=dict)
    others: dict[str, Callable[[], bool]] = field(default_factory=dict)
    """What else can be on, by its instrument: whether it is. A port of another package's joins its own."""
    ac: AcNode = field(default_factory=AcNode)
    """What stands on the grid's side of the chargers."""

    def __post_init__(self) -> None:
        """Count the cells, and feel the air around them."""
        self.places["air"] = self.air_temperature
        for cell in range(len(self.plant.temperature)):
            self.places[f"cell {cell + 1}"] = partial(self.plant.temperature.item, cell)

    def air_temperature(self) -> float:
        """Temperature of the air around the cells, degC."""
        return self.airs[0]() if self.airs else self.ambient

    def place(self, name: str, who: str) -> Feels:
        """What is felt at a named place; raises ValueError, one sentence, for one that there is not."""
        if name not in self.places:
            raise ValueError(f"{who} is at {name!r}, which is no place of this world; {nearest(name, self.places)}")
        return self.places[name]
