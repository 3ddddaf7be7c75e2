"""Defects of the pack: its cells and its cooling.

What goes on inside a cell (a leak, heat of its own) is applied after each step of the plant, with the voltage and the
temperature at its end. A short's voltage drop over the cell's own resistance is left out: shorts that matter for
hours, not those that blow within a second.
"""

from collections.abc import Callable
from functools import partial

from instruments.virtual.defects.grammar import Begin, Defect, DefectKind, Repair
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.plants import Plant

Ailment = Callable[[Plant], tuple[float, float]]
"""What one cell gets beside the string's current: A and W."""

DOUBLING = 10.0
"""K by which the heat of decomposition doubles: van 't Hoff's rule of thumb."""
FIERCEST = 1000.0
"""How often the heat at onset a runaway comes to at most: then the cell has burnt out."""
STILL_AIR = 0.1
"""Share of the heat transfer that is left when a fan stops."""


def _weak_cell(plant: Plant, defect: Defect, world: Inhabitants) -> None:
    _factor("capacity", plant.string.set_capacity_factor, defect.index(), defect.number(1), world)


def _high_resistance(plant: Plant, defect: Defect, world: Inhabitants) -> Repair:
    """A joint that is loose, which may come and go, or a cell that has aged."""
    return _factor("resistance", plant.string.set_resistance_factor, defect.index(), defect.number(1), world)


def _aged(plant: Plant, defect: Defect, world: Inhabitants) -> None:
    """All cells have less capacity, and more resistance, than they were made with."""
    for cell in range(plant.string.series):
        _factor("capacity", plant.string.set_capacity_factor, cell, defect.number(0), world)
        _factor("resistance", plant.string.set_resistance_factor, cell, defect.number(1, 1.0), world)


def _factor(what: str, put: Callable[[int, float], None], cell: int, factor: float, world: Inhabitants) -> Repair:
    """A cell has so many times of something, beside what else is wrong with it: every factor multiplies the others."""

    def change(product: float) -> None:
        put(cell, product)
        _cells_changed(world)

    return world.lasting.thing((what, cell), lambda: 1.0, change, lambda others: others * factor)


def _cells_changed(world: Inhabitants) -> None:
    world.plant.refresh()
    for part in world.parts.values():
        part.refresh()


def _ailing(make: Callable[[Plant, Defect], Ailment]) -> Begin:
    """A defect inside one cell, applied after each step. How it is ended: one that comes and goes leaves nothing."""

    def begin(plant: Plant, defect: Defect, world: Inhabitants) -> Repair:
        cell, ailment = defect.index(), make(plant, defect)

        def ailing(healthy: Callable[[float, float, float], None]) -> Callable[[float, float, float], None]:
            def step(current: float, duration: float, air_temperature: float) -> None:
                healthy(current, duration, air_temperature)
                leak, heat = ailment(plant)
                plant.transfer(cell, -leak * duration, heat * duration)

            return step

        return world.lasting.method(plant, "step", ailing)

    return begin


def _runaway(plant: Plant, defect: Defect, world: Inhabitants) -> None:
    _ailing(_decomposing)(plant, defect, world)


def _short(_plant: Plant, defect: Defect) -> Ailment:
    cell, resistance = defect.index(), defect.number(1)

    def ailment(plant: Plant) -> tuple[float, float]:
        voltage = max(float(plant.voltage[cell]), 0.0)
        return voltage / resistance, voltage * voltage / resistance

    return ailment


def _leak(_plant: Plant, defect: Defect) -> Ailment:
    current = defect.number(1)
    return lambda _plant: (current, 0.0)


def _decomposing(plant: Plant, defect: Defect) -> Ailment:
    cell, onset = defect.index(), defect.number(1)
    start = float(plant.temperature[cell])

    def ailment(plant: Plant) -> tuple[float, float]:
        hotter = max(float(plant.temperature[cell]) - start, 0.0)
        return 0.0, onset * min(2.0 ** min(hotter / DOUBLING, 100.0), FIERCEST)

    return ailment


def _cooling_lost(plant: Plant, defect: Defect, _world: Inhabitants) -> Repair:
    # Each multiplies what is there, in whatever order: nothing of the others is undone by the end of one.
    share = defect.number(0, STILL_AIR)
    plant.cool_by(share)
    return partial(plant.cool_by, 1 / share)


OF_THE_PACK = (
    DefectKind("weak-cell:<cell from 1>:<capacity factor>", _weak_cell, for_good=True),
    DefectKind("aged:<capacity factor>[:<resistance factor>]", _aged, for_good=True),
    DefectKind("high-resistance:<cell from 1>:<resistance factor>", _high_resistance),
    DefectKind("internal-short:<cell from 1>:<Ohm>", _ailing(_short)),
    DefectKind("self-discharge:<cell from 1>:<A leaking>", _ailing(_leak)),
    DefectKind("thermal-runaway:<cell from 1>:<W>", _runaway, for_good=True),
    DefectKind("cooling-lost[:<share left>]", _cooling_lost),
)
