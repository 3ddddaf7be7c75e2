"""Defects of the bench's own instruments: their panels, output stages, meters, sensors and the chamber."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, cast

from instruments.virtual.defects.grammar import Defect
from instruments.virtual.defects.of_bms import misread
from instruments.virtual.inhabitants import Inhabitants
from instruments.virtual.simulators.agilent_34970a import Feels
from instruments.virtual.simulators.chroma_63600 import Chroma63600
from instruments.virtual.simulators.dialect import Repair, over
from instruments.virtual.simulators.ea_psb10000 import EaPsb10000
from instruments.virtual.simulators.weiss_simserv import WeissSimServ
from instruments.virtual.terminals import LoadPort, StuckStage, StuckSupplyPort, SupplyPort

Effect = Callable[[Inhabitants, Defect], Repair | None]

SUSPICIOUS = -200
"""Number of the error that a full queue is full of."""
FAULTY_LEAD = 0.5
"""What a voltmeter shows through a sense lead that has come loose, of the true value."""


# ---- panel and dialect ----


def _named(act: Callable[[Any, Defect], Repair | None]) -> Effect:
    """A defect of the instrument that its first part names."""
    return lambda world, defect: act(world.devices[defect.word()], defect)


def _error_queue_full(device: Any, _defect: Defect) -> Repair:
    device.errors.fill(SUSPICIOUS)
    return cast("Repair", device.errors.clear)


def _panel_pressed(device: Any, _defect: Defect) -> Repair:
    device.press_local()
    return over


def _set_for_a_charge(verb: str) -> Effect:
    """Somebody has set an output for a charge of this pack, at so many A."""

    def begin(world: Inhabitants, defect: Defect) -> Repair:
        string = world.plant.string
        voltage = string.cell.voltage_max * string.series
        return cast("Repair", getattr(world.devices[defect.word()], verb)(voltage, defect.number(1)))

    return begin


# ---- output stages ----


def _output_stays_on(world: Inhabitants, defect: Defect) -> Repair:
    device = world.devices[defect.word()]
    if isinstance(device, EaPsb10000):
        return _stuck_supply(world, device)
    assert isinstance(device, Chroma63600)  # noqa: S101 - the form names no other
    return device.swap("switch", lambda healthy: lambda on: healthy(True) if on else None)


def _stuck_supply(world: Inhabitants, supply: EaPsb10000) -> Repair:
    healthy = supply.port
    supply.port = world.supply_port = StuckSupplyPort(**_set_points(healthy))

    def repair() -> None:
        supply.port = world.supply_port = SupplyPort(**_set_points(supply.port))

    return repair


def _set_points(port: SupplyPort) -> dict[str, Any]:
    return {each.name: getattr(port, each.name) for each in fields(SupplyPort)}


def _output_lies(world: Inhabitants, defect: Defect) -> Repair:
    device = world.devices[defect.word()]
    if isinstance(device, EaPsb10000):
        world.supply_port = cast("SupplyPort", StuckStage(device.port))
    else:
        assert isinstance(device, Chroma63600)  # noqa: S101 - the form names no other
        world.load_port = cast("LoadPort", StuckStage(device.port))

    def repair() -> None:
        if isinstance(device, EaPsb10000):
            world.supply_port = device.port
        elif isinstance(device, Chroma63600):
            world.load_port = device.port

    return repair


# ---- meters and sensors ----


def _meter_gain(device: Any, defect: Defect) -> Repair:
    quantity = str(defect.parts[2]) if len(defect.parts) > 2 else "current"
    return cast("Repair", device.miscalibrate(quantity, defect.number(1)))


def _meter_offset(device: Any, defect: Defect) -> Repair:
    return cast("Repair", device.miscalibrate("current", 1.0, defect.number(1)))


def _sensor(change: Callable[[Feels, Inhabitants, Defect], Feels | None]) -> Effect:
    """A defect of one thermocouple: what it feels instead; None where it is open."""

    def begin(world: Inhabitants, defect: Defect) -> Repair:
        assert world.logger is not None  # noqa: S101 - see NEEDS
        return world.logger.rewire(world.sensors[defect.index()], lambda feels: change(feels, world, defect))

    return begin


def _stuck(feels: Feels, _world: Inhabitants, _defect: Defect) -> Feels:
    now = feels()
    return lambda: now


def _reversed(feels: Feels, _world: Inhabitants, _defect: Defect) -> Feels:
    """A thermocouple with its wires swapped reads the other way round from its reference junction, here the start."""
    start = feels()
    return lambda: 2 * start - feels()


def _drifting(feels: Feels, world: Inhabitants, defect: Defect) -> Feels:
    start, rate, now = world.now(), defect.number(1) / 3600, world.now
    return lambda: feels() + rate * (now() - start)


def _sense_lead(world: Inhabitants, defect: Defect) -> Repair:
    """The emulator reads its channels back; without one the BMS is who measures cells."""
    if world.emulator is not None:
        return world.emulator.misread(defect.index(), FAULTY_LEAD)
    assert world.bms is not None  # noqa: S101 - see NEEDS
    return misread(world.bms, defect.index(), FAULTY_LEAD)


# ---- chamber ----


def _chamber(act: Callable[[WeissSimServ, Defect], Repair]) -> Effect:
    def begin(world: Inhabitants, defect: Defect) -> Repair:
        assert world.chamber is not None  # noqa: S101 - see NEEDS
        return act(world.chamber, defect)

    return begin


def _alarm(chamber: WeissSimServ, _defect: Defect) -> Repair:
    chamber.raise_alarm("Temperature sensor failure")
    return chamber.messages.clear


EFFECTS: Mapping[str, Effect] = {
    "wrong-identity": _named(lambda device, _defect: device.impersonate("X-9000")),
    "refuses-sets": _named(lambda device, _defect: device.refuse_sets()),
    "ignores-set": _named(lambda device, _defect: device.ignore_sets()),
    "error-queue-full": _named(_error_queue_full),
    "protection-latched": _named(lambda device, _defect: device.trip()),
    "local-mode": _named(lambda device, _defect: device.take_local()),
    "panel-pressed": _named(_panel_pressed),
    "panel-on": _set_for_a_charge("switch_by_hand"),
    "foreign-sets": _set_for_a_charge("set_by_hand"),
    "surge": _named(lambda device, defect: device.surge(defect.number(1))),
    "output-stays-on": _output_stays_on,
    "output-lies": _output_lies,
    "meter-gain": _named(_meter_gain),
    "meter-offset": _named(_meter_offset),
    "unit-changed": _named(lambda device, _defect: device.change_unit()),
    "open-sensor": _sensor(lambda _feels, _world, _defect: None),
    "sensor-stuck": _sensor(_stuck),
    "sensor-reversed": _sensor(_reversed),
    "sensor-drift": _sensor(_drifting),
    "sense-lead-loose": _sense_lead,
    "chamber-stuck": _chamber(lambda chamber, defect: chamber.stick(defect.number(0, chamber.air.temperature))),
    "chamber-alarm": _chamber(_alarm),
    "chamber-runaway": _chamber(lambda chamber, defect: chamber.run_away(defect.number(0) / 3600)),
    "chamber-off": _chamber(lambda chamber, _defect: chamber.switch_off()),
    "chamber-lies": _chamber(lambda chamber, defect: chamber.lie(defect.number(0) / 3600)),
}
_SENSORS = ("open-sensor", "sensor-stuck", "sensor-reversed", "sensor-drift")
_CHAMBER = ("chamber-stuck", "chamber-alarm", "chamber-runaway", "chamber-off", "chamber-lies")
NEEDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_SENSORS, ("logger",)),
    **dict.fromkeys(_CHAMBER, ("chamber",)),
    "sense-lead-loose": ("emulator", "bms"),
}
