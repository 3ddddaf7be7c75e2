"""Who lives in a world: the simulators that physics reaches, and by which names and lines a station knows them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from instruments.virtual.plants import Plant
from instruments.virtual.simulators.agilent_34970a import Agilent34970A
from instruments.virtual.simulators.chroma_63600 import Chroma63600
from instruments.virtual.simulators.ea_psb10000 import EaPsb10000
from instruments.virtual.simulators.foxbms import FoxBms
from instruments.virtual.simulators.ngi_n83624 import NgiN83624
from instruments.virtual.simulators.weiss_simserv import WeissSimServ
from instruments.virtual.terminals import LoadPort, SupplyPort
from instruments.virtual.wires.disturbance import Disturbance
from instruments.virtual.wires.exchange import CanChannel

Simulator = EaPsb10000 | Chroma63600 | NgiN83624 | WeissSimServ | Agilent34970A
"""An instrument with a line of text."""


@dataclass(slots=True)
class Inhabitants:
    """The simulators that physics reaches; what a station does not have is None. `now` is the world's time, s.

    `supply_port` and `load_port` are what the terminals feel of a supply and a load: their own ports, unless a defect
    has come between.
    """

    plant: Plant
    now: Callable[[], float]
    supply: EaPsb10000 | None = None
    load: Chroma63600 | None = None
    chamber: WeissSimServ | None = None
    logger: Agilent34970A | None = None
    bms: FoxBms | None = None
    emulator: NgiN83624 | None = None
    supply_port: SupplyPort = field(default_factory=SupplyPort)
    load_port: LoadPort = field(default_factory=LoadPort)
    air_temperature: float = 25.0  # degC, where there is no chamber
    channel: CanChannel | None = None
    devices: dict[str, Simulator] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    disturbances: dict[str, Disturbance] = field(default_factory=dict)
    sensors: tuple[int, ...] = ()
    """Channels of the logger that are wired to cells, in the order in which defects count them."""
    closing: list[Callable[[], None]] = field(default_factory=list)
