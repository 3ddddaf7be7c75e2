"""The pack file: the datasheet of what is under test, and what it must reach to pass."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bench import files

SHIPPED = Path(__file__).parent / "packs"

Chemistry = Literal["LFP", "NMC811", "LNMO", "Li-metal"]


def _ordered(table: dict[float, float]) -> dict[float, float]:
    if not table:
        raise ValueError("needs at least one temperature")
    return dict(sorted(table.items()))


ByTemperature = Annotated[dict[float, float], AfterValidator(_ordered)]
"""Value over temperature (degC): linear between the points, the nearest point outside them."""


def at_temperature(table: dict[float, float], temperature: float) -> float:
    """Read a `ByTemperature` table at `temperature` degC."""
    points = sorted(table.items())
    below = [point for point in points if point[0] <= temperature]
    above = [point for point in points if point[0] >= temperature]
    if not below:
        return above[0][1]
    if not above:
        return below[-1][1]
    (t0, v0), (t1, v1) = below[-1], above[0]
    return v0 if t1 == t0 else v0 + (v1 - v0) * (temperature - t0) / (t1 - t0)


class Span(files.FileModel):
    """A closed range."""

    min: float
    max: float

    @model_validator(mode="after")
    def _rising(self) -> "Span":
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} must lie below max {self.max:g}")
        return self


class Limits(files.FileModel):
    """What must never be exceeded, whatever the test: V per cell, degC, A of the whole pack."""

    cell_voltage: Span
    charge_temperature: Span
    discharge_temperature: Span
    charge_current: float = Field(gt=0, description="A")
    discharge_current: float = Field(gt=0, description="A")
    temperature_rise: float = Field(default=25.0, gt=0, description="K above the soak value")
    temperature_rate: float = Field(default=5.0, gt=0, description="K/min of a cell that is warmer than the air")
    power: float | None = Field(default=None, gt=0, description="W; current times highest voltage when absent")
    cell_spread: float | None = Field(default=None, gt=0, description="V; half the cell's span when absent")
    state_of_charge: Span = Span(min=0.0, max=1.0)
    insulation: float | None = Field(default=None, gt=0, description="Ohm; 500 Ohm/V when absent")


class Requirements(files.FileModel):
    """What the pack must reach to pass, by temperature; each becomes a limit of a measurement."""

    capacity_c3: ByTemperature = Field(description="least discharge capacity at C/3, fraction of rated")
    capacity_1c: ByTemperature = Field(description="least discharge capacity at 1C, fraction of rated")
    energy_efficiency: ByTemperature = Field(description="least energy round-trip efficiency")
    charge_time_c3: ByTemperature = Field(description="longest full charge at C/3, h")
    charge_time_1c: ByTemperature = Field(description="longest full charge at 1C, h")
    fast_recharge_time: ByTemperature = Field(description="longest recharge from 10 to 80 %, min")
    dc_resistance: ByTemperature = Field(description="largest 10 s resistance of the pack, Ohm")
    temperature_rise: float = Field(gt=0, description="largest rise above the soak value, K")
    cell_spread: float = Field(gt=0, description="largest spread between cells after a rest, V")


class PackFile(files.FileModel):
    """A pack of `series` groups of `parallel` cells."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    serial_number: str = "unknown"
    chemistry: Chemistry
    cell: str = Field(description="cell parameters for the virtual bench and the battery emulator")
    series: int = Field(gt=0, le=400)
    parallel: int = Field(default=1, gt=0, le=200)
    rated_capacity: float = Field(gt=0, description="Ah of the whole pack")
    limits: Limits
    requirements: Requirements

    @property
    def voltage_min(self) -> float:
        """Lowest terminal voltage, V."""
        return self.series * self.limits.cell_voltage.min

    @property
    def voltage_max(self) -> float:
        """Highest terminal voltage, V."""
        return self.series * self.limits.cell_voltage.max


def load_pack(name: str) -> tuple[PackFile, Path]:
    """The pack behind a path or a shipped name, and the file it was read from; raises `InputError`."""
    path = files.find(name, SHIPPED, "pack")
    return files.load(path, PackFile), path
