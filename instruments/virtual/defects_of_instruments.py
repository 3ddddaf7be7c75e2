"""Defects of the bench's own instruments: their panels, output stages, meters, sensors and the chamber."""

from collections.abc import Callable, Mapping

from instruments.virtual.defects import Defect
from instruments.virtual.inhabitants import Inhabitants

Repair = Callable[[], None]


def _wrong_identity(world: Inhabitants, defect: Defect) -> Repair:
    device = world.devices[defect.word()]
    return device.impersonate("X-9000")


def _open_sensor(world: Inhabitants, defect: Defect) -> Repair:
    assert world.logger is not None  # noqa: S101 - see NEEDS
    return world.logger.rewire(world.sensors[defect.index()], lambda _feels: None)


def _chamber_stuck(world: Inhabitants, defect: Defect) -> Repair:
    assert world.chamber is not None  # noqa: S101 - see NEEDS
    return world.chamber.stick(defect.number(0, world.chamber.air.temperature))


def _chamber_alarm(world: Inhabitants, _defect: Defect) -> Repair:
    assert world.chamber is not None  # noqa: S101 - see NEEDS
    world.chamber.raise_alarm("Temperature sensor failure")
    return world.chamber.messages.clear


EFFECTS: Mapping[str, Callable[[Inhabitants, Defect], Repair | None]] = {
    "wrong-identity": _wrong_identity,
    "open-sensor": _open_sensor,
    "chamber-stuck": _chamber_stuck,
    "chamber-alarm": _chamber_alarm,
}
NEEDS = {"open-sensor": "logger", "chamber-stuck": "chamber", "chamber-alarm": "chamber"}
