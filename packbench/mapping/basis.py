"""What each figure of a map rests on: what was measured, and which of the models behind it are fitted or assumed.

A bench measures time, temperature and power, of hardware or of a model. A margin to plating is worked out by the
judge's model of a negative electrode on hardware as well, and what a road costs by that of a car.
"""

from dataclasses import dataclass

from bench.pack import PackFile
from bench.verdicts import InputError
from models.anode import load_anode
from models.cell import CellFileError, load_cell
from models.construction import Construction
from models.vehicle.car import load_car
from packbench.mapping.outcome import ASSUMED, CONDITIONING, CONSUMPTION, FITTED, MARGIN, MEASURED, OFF

OF_THE_ROAD = (CONSUMPTION, CONDITIONING, OFF)
ASSUMPTION = "assumed"
"""Stands in a source of a car's file where it is none."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What everything that a bench measures rests on, which `figures` rest on something else, and what is `assumed`."""

    bench: str
    figures: dict[str, str]
    assumed: tuple[str, ...]


def of(pack: PackFile, car: str, *, modelled: bool) -> Basis:
    """What a pack's figures rest on; `modelled`: the bench has a model of it. Raises `InputError` for no such car."""
    bench = _pack(pack) if modelled else ()
    electrode, road = _electrode(pack), _car(car)
    own = (ASSUMED if bench else FITTED) if modelled else MEASURED
    figures = {MARGIN: ASSUMED if bench or electrode else FITTED}
    figures |= dict.fromkeys(OF_THE_ROAD, ASSUMED if bench or road else FITTED)
    return Basis(own, figures, (*bench, *electrode, *road))


def _pack(pack: PackFile) -> tuple[str, ...]:
    """Of the model of a pack: keys of its cell, and its construction, which nobody has fitted."""
    cells = tuple(f"cell: {key}" for key in load_cell(pack.cell).assumed)
    built = Construction(**pack.construction.model_dump()) != Construction()
    return (*cells, *(("construction of the pack",) if built else ()))


def _electrode(pack: PackFile) -> tuple[str, ...]:
    name = load_cell(pack.cell).anode
    return tuple(f"negative electrode: {key}" for key in load_anode(name).assumed) if name else ()


def _car(name: str) -> tuple[str, ...]:
    try:
        return tuple(f"car: {source}" for source in load_car(name).sources if ASSUMPTION in source)
    except CellFileError as error:
        raise InputError(str(error)) from error
