"""Electric motors, by their own equations: what they lose at a torque and a speed, at the best of currents.

A wound-rotor synchronous motor has no magnets: its field comes from a current in the rotor, a third degree of freedom
beside the two of the stator. In the rotor's frame, with currents as amplitudes (Nguyen and Hofmann, ITEC 2014; the same
equations as in gym-electric-motor, MIT licence):

    flux_d = Ld id + Lm ie        flux_q = Lq iq        torque = 3/2 p (flux_d iq - flux_q id)

Lost are: copper of the stator, 3/2 Rs (id2 + iq2), and of the rotor, Re ie2; iron, by flux and frequency; friction and
windage; the inverter, by the stator's current, and the exciter's share. A permanent-magnet motor is the same with a
field that is always there.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, pi, sqrt

import numpy as np

from models.tables import Vector, bilinear

RPM = 2 * pi / 60


@dataclass(frozen=True, slots=True)
class Machine:
    """A synchronous motor, the field of its rotor, and its inverter.

    Resistances in Ohm, inductances in H; `excitation` (A) is the least and the most of the rotor's current, `magnet`
    (A) a field that is always there and costs nothing, as large as that of so many A. `current` (A) is the most of the
    stator, `voltage` (V) the battery's, `speed` (rad/s) the highest of the shaft. `iron` is in W per (V s)2 and
    (rad/s)^1.5, `friction` in W per (rad/s)2; `inverter` in W per A and per A2 of the stator, `exciter` the share of
    the rotor's power that its converter loses.
    """

    name: str
    excitation: tuple[float, float] = (0.0, 165.0)
    magnet: float = 0.0
    pole_pairs: int = 3
    stator_resistance: float = 15.55e-3
    rotor_resistance: float = 7.2e-3
    d_inductance: float = 1.66e-3
    q_inductance: float = 0.35e-3
    mutual_inductance: float = 1.589e-3
    current: float = 340.0
    voltage: float = 320.0
    speed: float = 12000 * RPM
    iron: float = 0.08
    friction: float = 3.9e-4
    inverter: tuple[float, float] = (1.0, 0.003)
    exciter: float = 0.1


WOUND_ROTOR = Machine("wound rotor")
"""Resistances, inductances, pole pairs and voltage of the machine in gym-electric-motor, with a little more excitation;
iron, friction, inverter and exciter are assumed."""


def rewound(turns: float, machine: Machine = WOUND_ROTOR) -> Machine:
    """The same machine with `turns` times the turns in its stator, each of as much more copper: fewer give more power.

    Resistance and inductances go with the square, the coupling to the rotor with the number, currents against it.
    """
    return replace(
        machine,
        stator_resistance=machine.stator_resistance * turns**2,
        d_inductance=machine.d_inductance * turns**2,
        q_inductance=machine.q_inductance * turns**2,
        mutual_inductance=machine.mutual_inductance * turns,
        current=machine.current / turns,
    )


def with_fixed_excitation(excitation: float, machine: Machine = WOUND_ROTOR) -> Machine:
    """The same machine with a rotor current (A) that never changes."""
    name = f"excitation fixed at {excitation:g} A"
    return replace(machine, name=name, excitation=(excitation, excitation))


def with_magnets(magnet: float, machine: Machine = WOUND_ROTOR) -> Machine:
    """The comparator: the same machine with magnets that have the field of so many A, and no winding in its rotor."""
    return replace(machine, name=f"magnets as strong as {magnet:g} A", excitation=(0.0, 0.0), magnet=magnet)


@dataclass(frozen=True, eq=False)
class LossMap:
    """What a machine and its inverter lose (W), shape [torque, speed], over torque (Nm) and speed of the shaft (rad/s).

    `excitation` (A) is the rotor's current there. `reached` tells where the torque can be had at all; beyond, what is
    lost goes on with the square of the torque. Generating costs what motoring costs.
    """

    machine: Machine
    torque: Vector
    speed: Vector
    loss: Vector
    excitation: Vector
    reached: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def losses(self, torque: Vector, speed: Vector) -> Vector:
        """W at these torques and speeds, of any sign."""
        return bilinear(self.loss, self.torque, self.speed, np.abs(torque), np.abs(speed))

    def can(self, torque: Vector, speed: Vector) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether the machine has that torque at that speed."""
        most = np.interp(np.abs(speed), self.speed, self.most)
        return np.asarray((np.abs(torque) <= most) & (np.abs(speed) <= self.speed[-1]))

    @property
    def most(self) -> Vector:
        """The largest torque (Nm) at each of the speeds."""
        return np.asarray(np.where(self.reached, self.torque[:, np.newaxis], 0.0).max(axis=0))


TORQUES, SPEEDS, EXCITATIONS, FIELD_CURRENTS = 61, 61, 56, 86
"""Points of the map, and of the search at each of them."""


@lru_cache(maxsize=16)
def loss_map(machine: Machine, torque: float = 250.0) -> LossMap:
    """Search the currents that lose least, at each torque up to `torque` (Nm) and each speed; kept once worked out."""
    torques, speeds = np.linspace(0.0, torque, TORQUES), np.linspace(0.0, machine.speed, SPEEDS)
    search = _Search(machine, torques)
    loss, excitation = np.empty((TORQUES, SPEEDS)), np.empty((TORQUES, SPEEDS))
    for number, speed in enumerate(speeds.tolist()):
        loss[:, number], excitation[:, number] = search.at(speed)
    reached = np.isfinite(loss)
    return LossMap(machine, torques, speeds, _continued(loss, torques), excitation, reached)


class _Search:
    """Every combination of currents for every torque: what does not depend on the speed is worked out once."""

    def __init__(self, machine: Machine, torques: Vector) -> None:
        self._machine = machine
        least, most = machine.excitation
        self._excitation = np.linspace(least, most, EXCITATIONS if most > least else 1)[np.newaxis, :, np.newaxis]
        # Most is lost by too strong a field: the half that weakens it is the larger one.
        d = np.linspace(-machine.current, machine.current / 2, FIELD_CURRENTS)
        self._d = np.append(d, 0.0)[np.newaxis, np.newaxis, :]
        field = machine.mutual_inductance * (self._excitation + machine.magnet)
        pull = 1.5 * machine.pole_pairs * (field + (machine.d_inductance - machine.q_inductance) * self._d)
        # No pull, no torque: such currents are out of the question, whatever they are called.
        able = pull > 1e-6
        q = np.where(able, torques[:, np.newaxis, np.newaxis] / np.where(able, pull, 1.0), 0.0)
        amplitude = np.sqrt(self._d**2 + q**2)
        self._flux_d = field + machine.d_inductance * self._d
        self._flux_q, self._q = machine.q_inductance * q, q
        self._flux = self._flux_d**2 + self._flux_q**2
        linear, square = machine.inverter
        copper = (1.5 * machine.stator_resistance + square) * amplitude**2 + linear * amplitude
        self._currents = copper + (1 + machine.exciter) * machine.rotor_resistance * self._excitation**2
        useless = ~able & (torques[:, np.newaxis, np.newaxis] > 0.0)
        self._currents[(amplitude > machine.current) | useless] = inf

    def at(self, speed: float) -> tuple[Vector, Vector]:
        """The least loss (W) at each torque, infinite where it cannot be had, and the excitation (A) that has it."""
        machine, electrical = self._machine, speed * self._machine.pole_pairs
        loss = self._currents + machine.iron * electrical**1.5 * self._flux + machine.friction * speed**2
        volts_d = machine.stator_resistance * self._d - electrical * self._flux_q
        volts_q = machine.stator_resistance * self._q + electrical * self._flux_d
        loss[volts_d**2 + volts_q**2 > (machine.voltage / sqrt(3)) ** 2] = inf
        flat = loss.reshape(len(loss), -1)
        best = flat.argmin(axis=1)
        excitation = self._excitation[0, best // self._d.shape[2], 0]
        return flat[np.arange(len(flat)), best], excitation


def _continued(loss: Vector, torques: Vector) -> Vector:
    """Fill what cannot be had with the last that can, by the square of the torque."""
    filled = loss.copy()
    for column in range(loss.shape[1]):
        known = np.flatnonzero(np.isfinite(loss[:, column]))
        last = int(known[-1]) if known.size else 0
        base = filled[last, column] if known.size else filled[last, column - 1]
        beyond = torques[last:] / max(torques[last], torques[1])
        filled[last:, column] = base * np.maximum(beyond, 1.0) ** 2
    return filled
