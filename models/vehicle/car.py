"""A car: what it needs at its wheels on a trace, and what reaches its pack through gear, motor and auxiliaries.

Backward-facing: the speed is kept wherever motor and brakes can, and the power follows from it. Losses of the motor are
those of its map; a car whose motor nobody knows has one efficiency.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from models import shipped
from models.fields import POSITIVE, Fields, Span
from models.tables import Vector
from models.vehicle import motor
from models.vehicle.air import REFERENCE_DENSITY, density
from models.vehicle.cabin import Cabin
from models.vehicle.heat import ThermalManagement
from models.vehicle.trace import Trace

GRAVITY = 9.81
"""m/s2."""
REFERENCE = 20.0
"""degC at which a road load is stated (UN GTR 15 corrects to it)."""
FADES = (5 / 3.6, 12 / 3.6)
"""m/s: below the first nothing is recovered, from the second on all that may be."""
CABIN, THERMAL = Cabin(), ThermalManagement()


@dataclass(frozen=True, slots=True)
class RoadLoad:
    """The force that a steady speed needs on the level at 20 degC: a (N) + b (N per m/s) + c (N per (m/s)2).

    `rolling_per_kelvin` is the share by which a and b grow for each K that it is colder; c goes with the air's density.
    """

    a: float
    b: float
    c: float
    rolling_per_kelvin: float = 0.007

    @classmethod
    def of(cls, mass: float, drag_area: float, rolling: float, rolling_per_kelvin: float) -> "RoadLoad":
        """Give that of a car of `mass` kg, a drag area of so many m2 and a coefficient of rolling resistance."""
        return cls(mass * GRAVITY * rolling, 0.0, REFERENCE_DENSITY * drag_area / 2, rolling_per_kelvin)

    def force(self, speed: Vector, temperature: float, altitude: float) -> Vector:
        """N at these speeds (m/s) in that weather, degC and m."""
        tyres = 1.0 + self.rolling_per_kelvin * (REFERENCE - temperature)
        air = density(temperature, altitude) / REFERENCE_DENSITY
        return np.asarray(tyres * (self.a + self.b * speed) + air * self.c * speed**2)


@dataclass(frozen=True, slots=True)
class Car:
    """A car and its drive. Masses in kg, powers in W.

    `rotating` is the share by which wheels and rotor make it heavier when it accelerates (UN GTR 15 takes 3 %); `ratio`
    is how far the motor turns per m of road (rad/m), `gear` the share of power that gets through the gear. `recovers`
    is the most power that the wheels give back, `recovers_from` the deceleration (m/s2) beyond which brakes help.
    `energy` (Wh) is what the pack gives from full to empty; `efficiency` replaces the motor's map where it is given.
    """

    name: str
    description: str
    mass: float
    load: RoadLoad
    ratio: float
    power: float
    energy: float
    machine: motor.Machine = motor.WOUND_ROTOR
    torque: float = 250.0
    gear: float = 0.97
    rotating: float = 0.03
    recovers: float = 60e3
    recovers_from: float = 3.0
    auxiliaries: float = 300.0
    efficiency: float | None = None
    cabin: Cabin = CABIN
    thermal: ThermalManagement = THERMAL
    sources: tuple[str, ...] = ()

    def with_machine(self, machine: motor.Machine) -> "Car":
        """The same car with another motor in it."""
        return replace(self, machine=machine)


@dataclass(frozen=True, eq=False)
class Driven:
    """What a car did on a trace: powers in W at each of its times, positive where the pack gives them.

    `wheel` is asked of the wheels, `friction` taken by the brakes, `motor_loss` lost in motor and inverter; `torque`
    (Nm) and `shaft` (rad/s) are the motor's. `lacking` is what the motor has not.
    """

    car: Car
    trace: Trace
    pack: Vector
    wheel: Vector
    friction: Vector
    motor_loss: Vector
    torque: Vector
    shaft: Vector
    lacking: Vector

    @cached_property
    def energy(self) -> float:
        """Out of the pack, net, Wh."""
        return _watt_hours(self.trace.time, self.pack)

    @property
    def consumption(self) -> float:
        """Out of the pack, kWh per 100 km."""
        return self.energy / 1000 / (self.trace.distance / 1e5)

    @property
    def lost_in_the_motor(self) -> float:
        """Of motor and inverter, Wh."""
        return _watt_hours(self.trace.time, self.motor_loss)

    @property
    def root_mean_square(self) -> float:
        """Of the pack's power, W."""
        steps = np.diff(self.trace.time)
        return float(np.sqrt((self.pack[:-1] ** 2 * steps).sum() / steps.sum()))


def _watt_hours(time: Vector, power: Vector) -> float:
    """Power holds from each time to the next."""
    return float((power[:-1] * np.diff(time)).sum() / 3600)


def drive(car: Car, trace: Trace, temperature: float = REFERENCE, comfort: Vector | float = 0.0) -> Driven:
    """Have the car follow the trace in air of that temperature, degC; `comfort` is the power (W) of its cabin.

    Where the motor has not the torque, or the power, the speed is not reached: `lacking` (W at the wheels) says where.
    """
    speed = np.append((trace.speed[1:] + trace.speed[:-1]) / 2, trace.speed[-1])
    wheel = speed * _force(car, trace, speed, temperature)
    shaft = speed * car.ratio
    most = _most(car, shaft) * car.gear
    recovered = np.maximum(wheel, -_recoverable(car, trace, speed))
    by_the_motor = np.minimum(recovered, most)
    mechanical = np.where(by_the_motor > 0, by_the_motor / car.gear, by_the_motor * car.gear)
    torque = np.divide(mechanical, shaft, out=np.zeros_like(shaft), where=shaft > 0)
    loss = _motor_loss(car, mechanical, torque, shaft)
    return Driven(
        car, trace, pack=mechanical + loss + car.auxiliaries + comfort, wheel=wheel,
        friction=np.maximum(recovered - wheel, 0.0), motor_loss=loss, torque=torque, shaft=shaft,
        lacking=np.maximum(wheel - most, 0.0),
    )  # fmt: skip


def _force(car: Car, trace: Trace, speed: Vector, temperature: float) -> Vector:
    """N at the wheels; a car that stands needs none."""
    slope = np.sin(np.arctan(trace.grade))
    altitude = trace.altitude + float(trace.climb.mean())
    moving = car.load.force(speed, temperature, altitude) + car.mass * GRAVITY * slope
    return np.where(speed > 0.0, moving + car.mass * (1 + car.rotating) * trace.acceleration, 0.0)


def _most(car: Car, shaft: Vector) -> Vector:
    """W of the motor's shaft at these speeds (rad/s)."""
    if car.efficiency is not None:
        return np.full_like(shaft, car.power)
    lossy = motor.loss_map(car.machine, car.torque)
    return np.minimum(np.interp(shaft, lossy.speed, lossy.most, right=0.0) * shaft, car.power)


def _recoverable(car: Car, trace: Trace, speed: Vector) -> Vector:
    """W that the wheels may give back: not at a crawl, and not all of it when somebody brakes hard."""
    fade = np.interp(speed, FADES, (0.0, 1.0))
    gently = car.mass * car.recovers_from * speed
    return fade * np.minimum(gently, np.minimum(car.recovers, _most(car, speed * car.ratio)))


def _motor_loss(car: Car, mechanical: Vector, torque: Vector, shaft: Vector) -> Vector:
    if car.efficiency is not None:
        return np.abs(mechanical) * np.where(mechanical > 0, 1 / car.efficiency - 1, 1 - car.efficiency)
    loss = motor.loss_map(car.machine, car.torque).losses(torque, shaft)
    return np.where(shaft > 0.0, loss, 0.0)


# --- files ------------------------------------------------------------------------------------------------------------

_KEYS = (
    *("name", "description", "sources", "mass", "road_load", "drag_area", "rolling", "rolling_per_kelvin", "rotating"),
    *("wheel_radius", "gear_ratio", "gear_efficiency", "power", "torque", "motor", "recovers", "auxiliaries", "energy"),
    *("efficiency", "cabin", "thermal"),
)
_CABIN = ("heat_capacity", "conductance", "comfort", "cooled", "heater", "compressor", "cooling", "heat_pump")
_THERMAL = {
    **dict.fromkeys(("heater", "chiller", "performance", "cool_above", "begins", "flow"), POSITIVE),
    "waste_heat": Span(at_least=0.0, at_most=1.0), "warm_below": Span(),
}  # fmt: skip
_MOTOR = ("turns", "iron", "friction", "inverter")
_SHARE = Span(above=0.0, at_most=1.0)
_OPTIONAL = {
    "torque": ("torque", POSITIVE), "gear_efficiency": ("gear", _SHARE), "rotating": ("rotating", Span(at_least=0.0)),
    "recovers": ("recovers", Span(at_least=0.0)), "efficiency": ("efficiency", _SHARE),
}  # fmt: skip
"""What a file may leave out: by its key, what it is called here, and what it may be."""


def available_cars() -> tuple[str, ...]:
    """List the cars that ship with the project, in alphabetical order."""
    return shipped.names("car")


def load_car(name_or_path: str | Path) -> Car:
    """Read a car by the name of a shipped file, or from a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError` when there is no such car or its file is wrong.
    """
    return _read(shipped.find("car", name_or_path))


def _read(path: Path) -> Car:
    fields = Fields.read(path, _KEYS)
    mass = fields.number("mass", POSITIVE)
    given = {name: fields.number(key, span) for key, (name, span) in _OPTIONAL.items() if fields.has(key)}
    car = Car(
        name=fields.text("name"),
        description=fields.text("description"),
        mass=mass,
        load=_read_load(fields, mass),
        ratio=fields.number("gear_ratio", POSITIVE) / fields.number("wheel_radius", POSITIVE),
        power=fields.number("power", POSITIVE),
        energy=fields.number("energy", POSITIVE),
        machine=_read_machine(fields.section("motor", _MOTOR)) if fields.has("motor") else motor.WOUND_ROTOR,
        auxiliaries=fields.number("auxiliaries", Span(at_least=0.0)),
        cabin=_read_cabin(fields.section("cabin", _CABIN)) if fields.has("cabin") else CABIN,
        thermal=_read_thermal(fields.section("thermal", tuple(_THERMAL))) if fields.has("thermal") else THERMAL,
        sources=fields.texts("sources"),
    )
    return replace(car, **given)  # type: ignore[arg-type]


def _read_load(fields: Fields, mass: float) -> RoadLoad:
    """The coefficients a, b, c where they are known, else those of a drag area and a rolling resistance."""
    colder = fields.number("rolling_per_kelvin", Span(at_least=0.0)) if fields.has("rolling_per_kelvin") else 0.007
    if fields.has("road_load"):
        section = fields.section("road_load", ("a", "b", "c"))
        return RoadLoad(section.number("a"), section.number("b"), section.number("c"), colder)
    return RoadLoad.of(mass, fields.number("drag_area", POSITIVE), fields.number("rolling", POSITIVE), colder)


def _read_machine(section: Fields) -> motor.Machine:
    """The wound-rotor machine with other turns, and what is lost beside its copper."""
    machine = motor.rewound(section.number("turns", POSITIVE) if section.has("turns") else 1.0)
    given = {key: section.number(key, Span(at_least=0.0)) for key in ("iron", "friction") if section.has(key)}
    if not section.has("inverter"):
        return replace(machine, **given)  # type: ignore[arg-type]
    linear, square = section.curve("inverter", 2, Span(at_least=0.0)).tolist()
    return replace(machine, **given, inverter=(linear, square))  # type: ignore[arg-type]


def _read_thermal(section: Fields) -> ThermalManagement:
    given = {key: section.number(key, span) for key, span in _THERMAL.items() if section.has(key)}
    return replace(THERMAL, **given)


def _read_cabin(section: Fields) -> Cabin:
    given = {key: section.number(key, POSITIVE) for key in _CABIN[:-1] if section.has(key)}
    cabin = replace(CABIN, **given)  # type: ignore[arg-type]
    if not section.has("heat_pump"):
        return cabin
    pump = section.section("heat_pump", ("temperature", "performance"))
    degrees = pump.rising("temperature")
    heat = pump.curve("performance", len(degrees), POSITIVE)
    return replace(cabin, heat_pump=tuple(zip(degrees.tolist(), heat.tolist(), strict=True)))
