"""Who knows the truth of a virtual bench: an observer inside its world, with meters that are never wrong.

It sees what a row's meters saw, at the same instant, and adds up the exact integral of current and power over every
step of the physics.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.lifecycle import Setup
from bench.scenario import Step
from bench.station import StationFile, load_station
from bench.testing import TestBench
from instruments.virtual.simulator import Part
from reports.kpi import Kpi, evaluate
from reports.recording import Floats, Recording
from reports.uncertainty.meters import meters_of_run
from reports.uncertainty.moved import Moved

COUNTERS = (
    "Charging Capacity / Ah", "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh",
)  # fmt: skip


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
    def columns(self) -> dict[str, Floats]:
        """The true columns, a value per row of the recording."""
        found = {name: np.array(values) for name, values in self.rows.items()}
        return {**found, "Power / W": found["Voltage / V"] * found["Current / A"]}


@dataclass(frozen=True)
class Known(Moved):
    """A recording with the truth in the place of its readings; a step ends where the truth met its condition."""

    true: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def told(cls, base: Recording, true: Mapping[str, Floats]) -> "Known":
        """What was recorded, and what was true."""
        return cls(
            base.manifest, base.events, base.columns, base.rows, base.damage, base=base, meters=meters_of_run(base),
            true=true,
        )  # fmt: skip

    def _touches(self, column: str) -> bool:
        return column in self.true

    def _reading(self, name: str, rows: slice) -> Floats:
        return self.true[name][rows] if name in self.true else self._base.cut(name, rows)


@dataclass(frozen=True)
class Run:
    """One run whose truth is known."""

    recorded: Recording
    true: Recording

    def figures(self) -> list[tuple[Kpi, float]]:
        """Each figure of the run, and what it is in truth."""
        found = [(each, each.asked.again(self.true)) for each in evaluate(self.recorded).figures if each.asked]
        return [(each, true) for each, true in found if np.isfinite(true)]


def run(
    steps: Sequence[Step], folder: Path, *, station: str, pack: str = "", specimens: int = 0, exact: bool = False
) -> Run:
    """Run steps on a virtual bench whose instruments are drawn from a seed of their own, the pack from another.

    On an `exact` one only the displays round.
    """
    loaded, file = load_station(station)
    drawn = without_errors(loaded) if exact else drawn_from(loaded, specimens)
    identity = TestIdentity("truth", f"{station}-{specimens}", "truth")
    bench = TestBench(Setup(drawn, file, *load_pack(pack or loaded.packs[0])), folder, identity)
    bench.open()
    try:
        witness = Witness.of(bench)
        recorded = Recording(*bench.run(*steps))
        return Run(recorded, Known.told(recorded, witness.columns))
    finally:
        bench.conclude()


def drawn_from(station: StationFile, specimens: int) -> StationFile:
    """The same bench with other specimens of its instruments."""
    assert station.virtual is not None
    return station.model_copy(update={"virtual": station.virtual.model_copy(update={"specimens": specimens})})


def without_errors(station: StationFile) -> StationFile:
    """The same bench with meters that are not off, but for the last digit of their displays."""
    assert station.virtual is not None
    exact = {
        name: {key: value for key, value in settings.items() if key != "errors"} | {"accuracy": 0.0}
        for name, settings in station.virtual.simulators.items()
    }
    return station.model_copy(update={"virtual": station.virtual.model_copy(update={"simulators": exact})})
