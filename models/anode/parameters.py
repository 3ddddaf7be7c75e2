"""What a negative electrode is: its parameters, and the few look-ups that follow from them.

How such a set is read from a file is `models.anode.reading`, what a charge makes of it `models.anode.electrode`.
"""

from dataclasses import dataclass
from functools import cached_property
from math import exp

import numpy as np

from models.tables import Vector

FARADAY, GAS = 96485.33212, 8.314462618
"""C/mol and J/(mol K), CODATA 2018."""
KELVIN = 273.15
"""Of 0 degC."""
POINTS = 2001
"""Of stoichiometry, at which curves are laid out: between them a published function is followed within 0.05 mV."""
SALT = (1.0, 4000.0)
"""mol/m3 within which a property of the electrolyte is looked up: published polynomials run away outside."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A porous layer: `thickness` (m), `porosity`, and the exponent by which its pores hinder transport."""

    thickness: float
    porosity: float
    bruggeman: float

    @property
    def transport(self) -> float:
        """What is left of a property of the free electrolyte."""
        return float(self.porosity**self.bruggeman)


@dataclass(frozen=True, eq=False)
class Powers:
    """A property of the electrolyte as a sum of powers of its concentration in mol/l."""

    powers: Vector
    coefficients: Vector

    def at(self, concentration: Vector) -> Vector:
        """The sum at `concentration` (mol/m3), shape [point]."""
        molar = np.clip(concentration, *SALT)[:, np.newaxis] / 1000.0
        return np.asarray(molar**self.powers @ self.coefficients)


@dataclass(frozen=True, eq=False)
class Electrolyte:
    """A salt in a solvent: `concentration` at rest (mol/m3), `diffusivity` (m2/s) and `conductivity` (S/m) of it."""

    concentration: float
    transference: float
    thermodynamic_factor: float
    diffusivity: Powers
    conductivity: Powers


@dataclass(frozen=True, eq=False)
class AnodeParameters:
    """A porous negative electrode of spherical particles, the separator before it and the electrolyte in both.

    `active` is the volume of particles in that of the electrode, `radius` is m, `saturation` mol/m3 of particle,
    `diffusivity` in them m2/s, `surface_area` m2 of reaction per m3 of electrode, `conductivity` S/m of the electrode
    as it is. `empty` and `full` are the stoichiometries at 0 and 1 of the cell's charge. `potential` (V against
    lithium) and `exchange_current` (A/m2 of surface, at `reference` degC and the concentration at rest, by whose
    `order`-th power it goes) lie at `POINTS` stoichiometries from 0 to 1. Activation energies are J/mol. `counter` is
    the positive electrode, of which only the electrolyte takes part. `sources` and `assumed` are as in a cell's file.
    """

    name: str
    electrode: Layer
    separator: Layer
    counter: Layer
    electrolyte: Electrolyte
    active: float
    conductivity: float
    empty: float
    full: float
    radius: float
    saturation: float
    diffusivity: float
    diffusivity_activation: float
    surface_area: float
    potential: Vector
    exchange_current: Vector
    exchange_activation: float
    order: float
    reference: float
    sources: tuple[str, ...]
    assumed: tuple[str, ...] = ()

    @cached_property
    def curves(self) -> Vector:
        """Potential and logarithm of the exchange current, shape [2, stoichiometry]."""
        return np.array([self.potential, np.log(self.exchange_current)])

    @cached_property
    def slopes(self) -> Vector:
        """How much each of the curves rises to its next point."""
        return np.diff(self.curves, axis=1)

    @cached_property
    def capacity(self) -> float:
        """Ah/m2 between empty and full."""
        held = self.active * self.saturation * self.electrode.thickness * (self.full - self.empty)
        return FARADAY * held / 3600.0

    def stoichiometry(self, soc: float) -> float:
        """Share of the sites that are taken, at `soc` (0 to 1) of the cell."""
        return self.empty + soc * (self.full - self.empty)

    def open_circuit_potential(self, soc: float) -> float:
        """V against lithium at rest, at `soc` (0 to 1) of the cell."""
        return float(np.interp(self.stoichiometry(soc), np.linspace(0.0, 1.0, POINTS), self.potential))

    def faster(self, activation: float, temperature: float) -> float:
        """How many times as fast as at the reference something with this activation is at `temperature` (degC)."""
        return exp(activation / GAS * (1.0 / (self.reference + KELVIN) - 1.0 / (temperature + KELVIN)))
