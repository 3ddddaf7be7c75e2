"""Defects of the BMS and its bus: its silence, its errors, its contactors, its measurements, its frames."""

from collections.abc import Callable, Mapping

from instruments.virtual.defects import Defect
from instruments.virtual.foxbms import FoxBms
from instruments.virtual.inhabitants import Inhabitants

Repair = Callable[[], None]


def _of_node(act: Callable[[FoxBms, Defect], Repair | None]) -> Callable[[Inhabitants, Defect], Repair | None]:
    """A defect of the node itself."""

    def begin(world: Inhabitants, defect: Defect) -> Repair | None:
        assert world.bms is not None  # noqa: S101 - see NEEDS
        return act(world.bms, defect)

    return begin


def _silent(bms: FoxBms, _defect: Defect) -> Repair:
    bms.silent = True

    def repair() -> None:
        bms.silent = False

    return repair


def _insulation(bms: FoxBms, defect: Defect) -> Repair:
    healthy, bms.insulation = bms.insulation, defect.number(0)

    def repair() -> None:
        bms.insulation = healthy

    return repair


EFFECTS: Mapping[str, Callable[[Inhabitants, Defect], Repair | None]] = {
    "bms-silent": _of_node(_silent),
    "insulation": _of_node(_insulation),
}
NEEDS = dict.fromkeys(EFFECTS, "bms")
