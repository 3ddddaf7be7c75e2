"""What hangs on the terminals as the battery: a modelled pack, or an emulator with dummy cells beside it.

Both are the same individuals: spread and defects are drawn from the same seed, so that the emulated pack
behaves like the real one whose tables it plays.
"""

from collections.abc import Callable, Mapping
from math import nan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.cell import CellParameters
from models.construction import BARE, Construction
from models.coolant import Stream
from models.string import CellString, Spread
from models.thermal import LumpedMasses

Vector = NDArray[np.float64]


class Cells(Protocol):
    """What the sensors of a battery see: vectors over the cells in series, V, degC, 0 to 1 and Ah."""

    @property
    def voltage(self) -> Vector:
        """Terminal voltage of each cell, V."""
        ...

    @property
    def temperature(self) -> Vector:
        """Temperature of each cell, degC; the same array for good."""
        ...

    @property
    def soc(self) -> Vector:
        """State of charge of each cell, 0 to 1."""
        ...

    @property
    def capacity(self) -> Vector:
        """Capacity of each cell, Ah."""
        ...


class Emulated(Protocol):
    """Channels in series that play the cells of a pack, as an emulator port offers them."""

    soc_offset: Vector
    """Of each channel's table: by how much of its span its start differs from the one that was uploaded."""

    @property
    def connected(self) -> bool:
        """Whether the string conducts."""
        ...

    @property
    def switched_on(self) -> bool:
        """Whether any channel is on."""
        ...

    @property
    def current_limit(self) -> float:
        """Largest current the string carries, A."""
        ...

    def differ(self, capacity_factor: Vector, resistance_factor: Vector) -> None:
        """Let the emulated cells differ from their tables by these factors from now on."""
        ...

    def thevenin(self, duration: float) -> tuple[float, float]:
        """E (V) and R (Ohm) of the string for the end of a step of `duration` s."""
        ...

    def observe(self, current: float) -> bool:
        """Take note of the current (A, positive charges); True when a protection has switched a channel off."""
        ...

    def voltage(self) -> Vector:
        """V at the terminals of each channel."""
        ...

    def resistance(self) -> Vector:
        """Ohm of each channel."""
        ...

    def state_of_charge(self) -> Vector:
        """State of charge of each channel, 0 to 1."""
        ...

    def transfer(self, channel: int, charge: float) -> None:
        """Give a channel (from 0) a charge (A s) that did not come through its terminals."""
        ...

    def step(self, duration: float) -> None:
        """Let the present current flow for `duration` s."""
        ...


class Plant(Cells, Protocol):
    """A battery: electrically a Thevenin source, thermally a set of cells, which a BMS may measure."""

    string: CellString
    """The individuals that it consists of, or that it plays."""

    def refresh(self) -> None:
        """Take over what has become of the individuals' capacity and resistance."""
        ...

    def transfer(self, cell: int, charge: float, heat: float) -> None:
        """Give one cell (from 0) a charge (A s) and a heat (J) of its own."""
        ...

    def cool_by(self, factor: float) -> None:
        """Multiply the conductance of every cell to the air."""
        ...

    def cool_with(self, coolant: Stream) -> None:
        """Have a coolant in the plate under the cells; raises ValueError, one sentence, where there can be none."""
        ...

    @property
    def connected(self) -> bool:
        """Whether it conducts."""
        ...

    @property
    def current_limit(self) -> float:
        """Largest current it carries, A."""
        ...

    def thevenin(self, duration: float) -> tuple[float, float]:
        """E (V) and R (Ohm) for the end of a step of `duration` s at constant current."""
        ...

    def observe(self, current: float) -> bool:
        """Take note of the current (A, positive charges) that will flow; True when that disconnects the battery."""
        ...

    def step(self, current: float, duration: float, air_temperature: float) -> None:
        """Let the current flow for `duration` s in air of `air_temperature` degC."""
        ...


class Pack:
    """A string of modelled cells in the chamber air."""

    connected = True
    current_limit = float("inf")

    def __init__(self, string: CellString) -> None:
        self.string = string
        self.voltage, self.temperature, self.soc, self.capacity = (
            string.voltage,
            string.temperature,
            string.soc,
            string.capacity,
        )
        self.thevenin: Callable[[float], tuple[float, float]] = string.thevenin
        self.step: Callable[[float, float, float], None] = string.step
        self.transfer, self.cool_by, self.cool_with = string.transfer, string.cool_by, string.cool_with

    def refresh(self) -> None:
        """The string is the battery."""

    def observe(self, current: float) -> bool:
        """Nothing in a bare pack switches it off: that is the BMS's job."""
        return False


class EmulatedPack:
    """An emulator as the battery, and dummy cells in the chamber that the emulated losses heat.

    `string` is the pack that is being emulated: it is only asked how its cells differ. Losses are I^2 R of the uploaded
    resistance, in masses with the named cell's heat capacity and cooling.
    """

    def __init__(self, emulator: Emulated, string: CellString, soc: float, temperature: float) -> None:
        cell = string.cell
        self.string, self._emulator = string, emulator
        self.refresh()
        emulator.soc_offset = string.soc - soc
        self._air_offset = string.temperature - temperature
        self._air_at, self._air = nan, self._air_offset
        """Of the chamber, and at each cell, degC: once it has settled they are the same in every step."""
        self._masses = LumpedMasses(
            string.series,
            heat_capacity=cell.heat_capacity * string.parallel,
            conductance=cell.thermal_conductance * string.parallel,
            temperature=string.temperature,
        )
        self.temperature = self._masses.temperature
        self.capacity = string.capacity
        self.thevenin = emulator.thevenin
        self.observe = emulator.observe
        self.cool_by = self._masses.cool_by

    def refresh(self) -> None:
        """Have the emulator play the individuals as they are now."""
        nominal = self.string.cell.nominal_capacity * self.string.parallel
        self._emulator.differ(self.string.capacity / nominal, self.string.resistance_factor.copy())

    @property
    def connected(self) -> bool:
        """Whether the emulator's channels are on."""
        return self._emulator.connected

    @property
    def current_limit(self) -> float:
        """What the emulator carries, A."""
        return self._emulator.current_limit

    @property
    def voltage(self) -> Vector:
        """V of each emulated cell."""
        return self._emulator.voltage()

    @property
    def soc(self) -> Vector:
        """State of charge of each emulated cell."""
        return self._emulator.state_of_charge()

    def cool_with(self, coolant: Stream) -> None:
        """Refuse: dummy cells stand in the air."""
        raise ValueError("dummy cells beside an emulator have no plate for a coolant: leave its unit out, use a pack")

    def transfer(self, cell: int, charge: float, heat: float) -> None:
        """Move one channel along its table, and heat its dummy cell."""
        self._emulator.transfer(cell, charge)
        self._masses.warm(cell, heat)

    def step(self, current: float, duration: float, air_temperature: float) -> None:
        """Move the emulator along its tables and heat the dummy cells."""
        heat = self._emulator.resistance() * (current * current)
        self._emulator.step(duration)
        if air_temperature != self._air_at:
            self._air_at, self._air = air_temperature, self._air_offset + air_temperature
        self._masses.step(heat, self._air, duration)


def cell_string(
    cell: CellParameters,
    series: int,
    parallel: int,
    settings: Mapping[str, float],
    *,
    seed: int,
    soc: float,
    temperature: float,
    construction: Construction = BARE,
) -> CellString:
    """Draw the individuals of a pack; `settings` overrides standard deviations of `models.string.Spread` by name."""
    return CellString(
        cell, series, parallel, spread=Spread(**settings), seed=seed, soc=soc, temperature=temperature,
        construction=construction,
    )  # fmt: skip
