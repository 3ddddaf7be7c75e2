"""What is to be opened: a station and a pack, with what of them a manifest knows before anything was opened."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import files
from bench.pack import PackFile
from bench.running.emulation import cell_of
from bench.station import StationFile
from bench.verdicts import InputError
from models.anode import written


@dataclass(frozen=True, slots=True)
class PackState:
    """Where a simulated or emulated pack is to begin: state of charge (0 to 1) and temperature, degC."""

    soc: float
    temperature: float


@dataclass(frozen=True, slots=True)
class Setup:
    """What to open: the station and the pack, and for virtual stations the seed and the seeded defects.

    `pack_state` is for a run that continues another one; without it a simulated pack is as the station file says.
    """

    station: StationFile
    station_file: Path
    pack: PackFile
    pack_file: Path
    seed: int = 0
    defects: tuple[str, ...] = ()
    pack_state: PackState | None = None


AS_SHIPPED = PackState(0.3, 25.0)
"""What an emulator stands in for where nobody says otherwise; 30 % is the most that may be shipped (UN 38.3)."""


def pack_state(setup: Setup) -> PackState:
    """Where the pack begins: as the run that is continued left it, else as the station file says."""
    virtual = setup.station.virtual
    if setup.pack_state is not None:
        return setup.pack_state
    return AS_SHIPPED if virtual is None else PackState(virtual.soc, virtual.temperature)


def check_fit(setup: Setup) -> None:
    """The pack must fit the wiring before anything is connected to it."""
    pack, station = setup.pack, setup.station
    if pack.voltage_max > station.wiring.voltage:
        raise InputError(
            f"Pack {pack.name} reaches {pack.voltage_max:.4g} V, the wiring of station {station.name} carries "
            f"{station.wiring.voltage:.4g} V: choose another pack or station."
        )
    if setup.defects and station.clock == "wall":
        raise InputError(
            f"Station {station.name} is on the wall clock: seeded defects need simulators of its own; where a "
            "station is served, give them to `packbench serve`."
        )


def setup_manifest(setup: Setup) -> dict[str, Any]:
    """What is known before anything is opened: a run that could not start is still a run."""
    station, pack = setup.station, setup.pack
    return {
        "station": {
            "name": station.name,
            "file": setup.station_file.as_posix(),
            "sha256": files.fingerprint(setup.station_file),
            "virtual": station.virtual is not None,
        },
        "pack": {
            "name": pack.name,
            "file": setup.pack_file.as_posix(),
            "sha256": files.fingerprint(setup.pack_file),
            "chemistry": pack.chemistry,
            "series": pack.series,
            "parallel": pack.parallel,
            "capacity": pack.rated_capacity,
            "serial_number": pack.serial_number,
            **_assumed(setup),
            **_anode(setup),
        },
        "instruments": [],
        "protections": [],
        "found": {},
        "power_cut": [],
        "limits": [],
        "safe_state": {**station.safe_state.model_dump(), "order": list(station.safe_order)},
        "clock": {"kind": station.clock, "epoch": None, "speed": station.speed},
        "seed": setup.seed,
        "defects": list(setup.defects),
    }


def _assumed(setup: Setup) -> dict[str, Any]:
    """Which parameters of the simulated cell nobody has measured; nothing of a bench where none is simulated."""
    emulated = any("emulator" in entry.roles for entry in setup.station.instruments.values())
    if setup.station.virtual is None and not emulated:
        return {}
    with suppress(InputError):  # the file is wrong: that is told when the bench is opened
        return {"cell": setup.pack.cell, "assumed": list(cell_of(setup.pack).assumed)}
    return {}


def _anode(setup: Setup) -> dict[str, Any]:
    """What the pack's negative electrode is, as far as somebody has said it: plating is judged by it, also offline.

    `capacity` is that of the whole pack by its cells, Ah.
    """
    with suppress(InputError):  # the file is wrong: that is told when the bench is opened
        cell = cell_of(setup.pack)
        if cell.anode is not None:
            capacity = cell.nominal_capacity * setup.pack.parallel
            return {"anode": {"capacity": capacity, "parameters": written(cell.anode)}}
    return {}
