"""Who lives in a world: what physics reaches, and by which names and lines a station knows it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from instruments.virtual.lasting import Lasting
from instruments.virtual.ports import Surroundings
from instruments.virtual.simulator import AnySimulator, Part
from instruments.virtual.wires.disturbance import Disturbance
from instruments.virtual.wires.exchange import Exchange


@dataclass(slots=True, kw_only=True)
class Inhabitants(Surroundings):
    """Everybody, and what their ports join; `now` is the world's time, s.

    `parts` are the simulators by the name of their instrument, `kinds` how each was registered, `addresses` where those
    on a line are plugged in.
    """

    now: Callable[[], float]
    exchange: Exchange
    parts: dict[str, Part] = field(default_factory=dict)
    kinds: dict[str, AnySimulator] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    disturbances: dict[str, Disturbance] = field(default_factory=dict)
    lasting: Lasting = field(default_factory=Lasting)
    """What is wrong with the pack and the lines; each part has its own."""
