"""Defects of the pack: its cells, its cooling, its fuse, its insulation."""

from collections.abc import Callable, Mapping

from instruments.virtual.defects import Defect
from instruments.virtual.inhabitants import Inhabitants

Repair = Callable[[], None]


def _weak_cell(world: Inhabitants, defect: Defect) -> None:
    world.plant.string.set_capacity_factor(defect.index(), defect.number(1))
    _cells_changed(world)


def _high_resistance(world: Inhabitants, defect: Defect) -> None:
    world.plant.string.set_resistance_factor(defect.index(), defect.number(1))
    _cells_changed(world)


def _cells_changed(world: Inhabitants) -> None:
    world.plant.refresh()
    if world.bms is not None:
        world.bms.refresh()


EFFECTS: Mapping[str, Callable[[Inhabitants, Defect], Repair | None]] = {
    "weak-cell": _weak_cell,
    "high-resistance": _high_resistance,
}
NEEDS: Mapping[str, str] = {}
