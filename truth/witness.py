"""Who knows the truth of a virtual bench: an observer inside its world, with meters that are never wrong.

It sees what a row's meters saw, at the same instant, and adds up the exact integral of current and power over every
step of the physics.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.testing import TestBench
from instruments.virtual.simulator import Part
from reports.recording import Floats

COUNTERS = (
    "Charging Capacity / Ah", "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh",
)  # fmt: skip

POWER = "Power / W"


class Integrator(Part):
    """Adds up what flows at the terminals: Ah and Wh in and out, over every step of the physics."""

    def __init__(self, world: Any) -> None:
        self._clock = world._clock
        self._last, self._volts = self._clock.now, world.point.voltage
        self.counted = [0.0, 0.0, 0.0, 0.0]

    def sample(self, current: float, voltage: float) -> None:
        """See `Part`: A that have flowed since the last look, and V at its end."""
        hours = (self._clock.now - self._last) / 3600
        self._last = self._clock.now
        way, mean = (0 if current >= 0 else 1), (voltage + self._volts) / 2
        self._volts = voltage
        self.counted[way] += abs(current) * hours
        self.counted[2 + way] += abs(current) * mean * hours


@dataclass
class Witness:
    """Notes the truth of every row of a bench."""

    world: Any
    integrator: Integrator
    rows: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, bench: TestBench) -> "Witness":
        """Watch an open virtual bench."""
        world: Any = bench.engine.bench.world
        integrator = Integrator(world)
        world._sampling = (*world._sampling, integrator)
        witness = cls(world, integrator)
        # With the scan itself: behind it an emulator is given new resistances, and the truth is another one.
        sampler: Any = bench.engine.sampler
        sampler._scan = witness.beside(sampler._scan)
        return witness

    def beside(self, scan: Callable[[], list[float]]) -> Callable[[], list[float]]:
        """A scan that is watched."""

        def watched() -> list[float]:
            row = scan()
            self.note()
            return row

        return watched

    def note(self) -> None:
        """Note what is true now."""
        outputs, plant = self.world.outputs(), self.world._in.plant
        # Where the sensors are: that another cell may be hotter still is no error of a meter.
        degrees = [sensor._healthy[channel]() for sensor, channel in self.world._in.sensors]
        volts = plant.voltage
        found = {
            "Voltage / V": outputs.voltage, "Current / A": outputs.battery,
            "Cell Voltage Min / V": volts.min(), "Cell Voltage Max / V": volts.max(),
            "Cell Temperature Min / degC": min(degrees), "Cell Temperature Max / degC": max(degrees),
            "SOC / 1": plant.soc.min(), **dict(zip(COUNTERS, self.integrator.counted, strict=True)),
        }  # fmt: skip
        for column, value in found.items():
            self.rows.setdefault(column, []).append(float(value))

    @property
    def now(self) -> dict[str, float]:
        """What was true in the last row, by column."""
        found = {name: values[-1] for name, values in self.rows.items()}
        return {**found, POWER: found["Voltage / V"] * found["Current / A"]}

    @property
    def columns(self) -> dict[str, Floats]:
        """The true columns, a value per row of the recording."""
        found = {name: np.array(values) for name, values in self.rows.items()}
        return {**found, POWER: found["Voltage / V"] * found["Current / A"]}
