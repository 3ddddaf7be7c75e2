"""The world behind the addresses of a virtual station: found by name, opened for one bench, unknown to every driver."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import EntryPoint
from typing import Any, Protocol, cast

from bench.grid.charger import at_the_grid
from bench.pack import PackFile
from bench.running.emulation import cell_of
from bench.running.setup import Setup, pack_state
from bench.station import StationFile, Virtual
from bench.verdicts import InputError
from instruments import extensions
from instruments.wording import nearest

NO_WORLD = (ImportError, LookupError, TypeError, AttributeError, FileNotFoundError, SystemExit)
"""What a world of somebody else's raises that is not there, does not know what it is told, or wants to end it all."""


class World(Protocol):
    """What stands behind the addresses of a virtual station.

    `visa_library` reaches its VISA resources and no other world's: the same station may be open several times.
    """

    @property
    def visa_library(self) -> str:
        """The VISA library of this world."""
        ...

    def reached(self, resource: str, can: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any] | None]:
        """A link of the station file, resource or CAN bus, as it is reached in this world and no other."""
        ...

    def advance(self, seconds: float) -> None:
        """Let physical time pass."""
        ...

    def inject(self, *texts: str) -> None:
        """Let seeded defects take effect; raises ValueError, one sentence, for a wrong text."""
        ...

    def repair(self, *names: str) -> None:
        """End seeded defects that can end; raises ValueError, one sentence, for others."""
        ...

    def close(self) -> None:
        """Give the addresses back."""
        ...


def _construction(pack: PackFile) -> dict[str, Any]:
    """What the pack adds to its cells; nothing where it adds nothing: not every world knows of a construction."""
    given = pack.construction.model_dump(exclude_defaults=True)
    return {"construction": given} if given else {}


def _management(pack: PackFile) -> dict[str, Any]:
    """What the pack's BMS allows, where the pack's file says so; its lowest voltage where that is not its cell's."""
    given, lowest = pack.bms.charge_limit, pack.limits.cell_voltage.min
    steps = {} if given is None else {"charge_steps": given.model_dump()}
    return steps if lowest == cell_of(pack).voltage_min else {**steps, "lowest_voltage": lowest}


def world_maker(station: StationFile) -> EntryPoint:
    """The entry point behind `virtual.world`; raises `InputError` when the station has no simulators or that name."""
    virtual = station.virtual
    if virtual is None:
        raise InputError(
            f"Station {station.name} has no virtual section: it is hardware, there is nothing to simulate."
        )
    worlds = extensions.brought("packbench.worlds")
    if virtual.world not in worlds:
        hint = nearest(virtual.world, worlds)
        raise InputError(f"station {station.name}, key virtual.world: found {virtual.world!r}; {hint}.")
    return worlds[virtual.world][0]


def open_world(setup: Setup, wait: Callable[[float], None], links: Mapping[str, str] | None = None) -> World:
    """Open the simulators of a station, plugged in at `links` or its addresses.

    Raises `InputError` for wrong settings, and as `cell_of`.
    """
    station, pack = setup.station, setup.pack
    maker, virtual = world_maker(station), cast("Virtual", station.virtual)
    own = {**_construction(pack), **_management(pack)}  # what is wrong with the pack is no mistake of the station
    try:
        world: World = maker.load()(
            virtual.model_dump(exclude={"world", "speed", *([] if virtual.specimens is not None else ["specimens"])})
            | asdict(pack_state(setup)),
            links=links or {name: entry.address for name, entry in station.instruments.items()},
            cell=pack.cell,
            series=pack.series,
            parallel=pack.parallel,
            serial_number=pack.serial_number,
            seed=setup.seed,
            defects=setup.defects,
            wait=wait,
            **own,
            **at_the_grid(station.charger),
        )
    except ValueError as error:
        raise InputError(f"station {station.name}, virtual section: {error}") from error
    except NO_WORLD as error:
        where = extensions.where(maker, f"the world {virtual.world!r}")
        raise InputError(
            f"station {station.name}, virtual section: {where} cannot be opened: {type(error).__name__}: {error}"
        ) from error
    return world
