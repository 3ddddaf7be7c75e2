"""What a drive loses on a road with one motor and with another, at the same torques and speeds.

The comparators of a wound rotor whose excitation is free are the same machine with one that never changes, and with
magnets of three sizes instead (fluxes of 70, 115 and 150 A of excitation). Magnets cost no current and cannot be
weakened: which of them loses least goes by the road.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.vehicle.car import Driven
from models.vehicle.motor import Machine, loss_map, with_fixed_excitation, with_magnets

FIXED, MAGNETS = (80.0, 120.0, 165.0), (70.0, 115.0, 150.0)
"""A."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Of one machine with its inverter on a road: Wh, kWh per 100 km, and the share of the time that it is too weak."""

    machine: Machine
    energy: float
    per_way: float
    lacking: float


def comparators(machine: Machine) -> Iterator[Machine]:
    """The machine itself, with excitations that are fixed, and with magnets."""
    yield machine
    yield from (with_fixed_excitation(amperes, machine) for amperes in FIXED)
    yield from (with_magnets(amperes, machine) for amperes in MAGNETS)


def drive_losses(driven: Driven | None) -> tuple[Loss, ...]:
    """Of the car's own motor on the road that it drove, first, and of its comparators.

    None of a car without a map, nor where only a power is known (None).
    """
    if driven is None or driven.car.efficiency is not None:
        return ()
    return tuple(_lost(driven, machine) for machine in comparators(driven.car.machine))


def _lost(driven: Driven, machine: Machine) -> Loss:
    lossy, seconds = loss_map(machine, driven.car.torque), np.diff(driven.trace.time)
    moving = driven.shaft[:-1] > 0.0
    watts = np.where(moving, lossy.losses(driven.torque, driven.shaft)[:-1], 0.0)
    weak = moving & ~lossy.can(driven.torque, driven.shaft)[:-1]
    energy = float((watts * seconds).sum() / 3600)
    return Loss(
        machine, energy, energy / 1000 / (driven.trace.distance / 1e5), float((weak * seconds).sum() / seconds.sum())
    )
