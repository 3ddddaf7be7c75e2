"""Who lives in a world: what physics reaches, and by which names and lines a station knows it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from instruments.virtual.defects.grammar import nearest
from instruments.virtual.plants import Emulated, Plant
from instruments.virtual.ports import Feels, Load, Scanner, Source, Switch
from instruments.virtual.properties import Properties
from instruments.virtual.simulator import AnySimulator, Part
from instruments.virtual.wires.disturbance import Disturbance
from instruments.virtual.wires.exchange import CanChannel, Exchange


@dataclass(slots=True)
class Inhabitants:
    """What ports join, in the order of the station; `now` is the world's time, s.

    `parts` are the simulators by the name of their instrument, `kinds` how each was registered, `addresses` and
    `channels` where each is plugged in. `places` are where a temperature can be felt, beside `cell 1` and so on.
    """

    plant: Plant
    now: Callable[[], float]
    exchange: Exchange
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
    parts: dict[str, Part] = field(default_factory=dict)
    kinds: dict[str, AnySimulator] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    channels: dict[str, CanChannel] = field(default_factory=dict)
    disturbances: dict[str, Disturbance] = field(default_factory=dict)
    others: dict[str, Callable[[], bool]] = field(default_factory=dict)
    """What else can be on, by its instrument: whether it is. A port of another package's joins its own."""

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
            raise ValueError(f"{who} is at {name!r}, which is no place of this world: {nearest(name, self.places)}")
        return self.places[name]
