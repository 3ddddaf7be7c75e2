"""The pack file: the datasheet of what is under test, and what it must reach to pass."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from bench import files
from bench.requirements import UNCONDITIONAL, ByTemperature, Requirements, at_temperature, source_of
from instruments.wording import nearest

__all__ = ["Limits", "PackFile", "at_temperature", "load_pack"]

SHIPPED = Path(__file__).parent / "packs"

RESISTANCE = "dc resistance 10 s"
"""Key of the one KPI that the bench itself asks for: by it a pack's own heat is told from heat from outside."""

Chemistry = Literal["LFP", "NMC811", "LNMO", "Li-metal"]


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
    resistance: ByTemperature | None = Field(
        default=None,
        description="Ohm after 10 s, by degC, that its heat is explained by; what is required of it when absent",
    )


class Construction(files.FileModel):
    """How cells are built into the pack, for the virtual bench and the emulator: see `models.construction`."""

    cell_capacity: float | None = Field(default=None, gt=0, description="Ah of a cell of this size and make")
    contact_resistance: float = Field(default=0.0, ge=0, description="Ohm of the joints of one group in series")
    path_resistance: float = Field(default=0.0, ge=0, description="Ohm of busbars, cables, fuse and contactors")
    heat_capacity: float | None = Field(default=None, gt=0, description="J/K of all cells together")
    coupling: float | None = Field(default=None, gt=0, description="W/K of all cells to the housing")
    housing_heat_capacity: float | None = Field(default=None, gt=0, description="J/K")
    loss: float | None = Field(default=None, gt=0, description="W/K of the housing to the air")
    coolant: float | None = Field(default=None, gt=0, description="W/K of the plate's wall to a coolant in it")

    @model_validator(mode="after")
    def _a_housing_is_whole(self) -> "Construction":
        from models.construction import Construction as Built

        Built(**self.model_dump())
        return self


class ChargeSteps(files.FileModel):
    """The table by which a BMS limits the charge: each step holds from its value on; see `models.steps`."""

    temperature: tuple[float, ...] = Field(description="degC from which on each row holds; nothing below the first")
    soc: tuple[float, ...] = Field(description="0 to 1, from which on each column holds")
    c_rate: tuple[tuple[float, ...], ...] = Field(description="1/h of the cell's nominal capacity, a row for each")

    @model_validator(mode="after")
    def _is_a_table(self) -> "ChargeSteps":
        from models.steps import StepTable

        StepTable(**self.model_dump())
        return self


class Management(files.FileModel):
    """What the pack's own BMS does, for the virtual bench and the twin."""

    charge_limit: ChargeSteps | None = Field(
        default=None, description="in steps; without it one that is made of the cell's own, in no point above that"
    )


class Datasheet(files.FileModel):
    """A pack of `series` groups of `parallel` cells, whatever is required of it."""

    schema_version: Literal[1, 2] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    serial_number: str = "unknown"
    chemistry: Chemistry
    cell: str = Field(description="cell parameters for the virtual bench and the battery emulator")
    series: int = Field(gt=0, le=400)
    parallel: int = Field(default=1, gt=0, le=200)
    rated_capacity: float = Field(gt=0, description="Ah of the whole pack")
    construction: Construction = Construction()
    bms: Management = Management()
    limits: Limits

    @property
    def voltage_min(self) -> float:
        """Lowest terminal voltage, V."""
        return self.series * self.limits.cell_voltage.min

    @property
    def voltage_max(self) -> float:
        """Highest terminal voltage, V."""
        return self.series * self.limits.cell_voltage.max

    @abstractmethod
    def renewed(self) -> "PackFile":
        """The same as it is written today."""


class PackFile(Datasheet):
    """A pack, and what each KPI of it must reach: `requirements` are tables by the key of a KPI and a condition."""

    requirements: Requirements = Field(default_factory=dict)
    sources: dict[str, str] = Field(
        default_factory=dict,
        description="where limits come from, by `limits.<name>` or `requirements.<KPI>[.<condition>]`",
    )

    @model_validator(mode="after")
    def _sources_of_what_is_there(self) -> "PackFile":
        known = list(self.limits_by_place())
        for place in self.sources:
            if place not in known:
                raise files.WrongAt(("sources", place), place, f"is no limit of this file; {nearest(place, known)}")
        return self

    def limits_by_place(self) -> Iterator[str]:
        """What can have a source: each limit that the file gives, each requirement, and each of its conditions."""
        yield from (f"limits.{name}" for name in Limits.model_fields if name in self.limits.model_fields_set)
        for kpi, conditions in self.requirements.items():
            yield f"requirements.{kpi}"
            yield from (f"requirements.{kpi}.{condition}" for condition in conditions if condition != UNCONDITIONAL)

    def source_of(self, kpi: str, condition: str = UNCONDITIONAL) -> str:
        """Where what is required of a KPI under a condition comes from; empty where the file does not say it."""
        return source_of(self.sources, kpi, condition)

    @model_validator(mode="after")
    def _heat_can_be_explained(self) -> "PackFile":
        if not self.resistance:
            raise files.WrongAt(
                ("limits", "resistance"), None,
                "without it the pack's own heat cannot be told from heat from outside; give the largest resistance "
                f"after 10 s (Ohm, by temperature), or require {RESISTANCE!r}",
            )  # fmt: skip
        return self

    def renewed(self) -> "PackFile":
        """The same."""
        return self

    @property
    def resistance(self) -> Mapping[float, float]:
        """Largest resistance (Ohm) after 10 s, by temperature (degC); what is required of it where no limit is given.

        A requirement may be as wide as its source: the guard believes the more heat, the wider it is.
        """
        required = self.requirements.get(RESISTANCE, {}).get(UNCONDITIONAL, {})
        return self.limits.resistance or {at: limit for at, limit in required.items() if limit is not None}


class RequirementsOfSchema1(files.FileModel):
    """The nine requirements that there were before any KPI could be required, each in a unit of its own."""

    capacity_c3: ByTemperature = Field(description="least discharge capacity at C/3, fraction of rated")
    capacity_1c: ByTemperature = Field(description="least discharge capacity at 1C, fraction of rated")
    energy_efficiency: ByTemperature = Field(description="least energy round-trip efficiency")
    charge_time_c3: ByTemperature = Field(description="longest full charge at C/3, h")
    charge_time_1c: ByTemperature = Field(description="longest full charge at 1C, h")
    fast_recharge_time: ByTemperature = Field(description="longest recharge from 10 to 80 %, min")
    dc_resistance: ByTemperature = Field(description="largest 10 s resistance of the pack, Ohm")
    temperature_rise: float = Field(gt=0, description="largest rise above the soak value, K")
    cell_spread: float = Field(gt=0, description="largest spread between cells after a rest, V")

    def renewed(self, rated_capacity: float) -> dict[str, Any]:
        """The same as it is written today; `rated_capacity` in Ah."""
        return {
            "discharge capacity": {
                "C/3": _scaled(self.capacity_c3, rated_capacity), "1C": _scaled(self.capacity_1c, rated_capacity)
            },
            "energy round-trip efficiency": _scaled(self.energy_efficiency, 100),
            "duration": {
                "charge at C/3": _scaled(self.charge_time_c3, 3600), "charge at 1C": _scaled(self.charge_time_1c, 3600)
            },
            "charge time 10 to 80 %": _scaled(self.fast_recharge_time, 60),
            RESISTANCE: self.dc_resistance,
            "temperature rise": self.temperature_rise,
            "cell spread at end": self.cell_spread,
        }  # fmt: skip


class PackFileOfSchema1(Datasheet):
    """A pack file as it was before any KPI could be required."""

    requirements: RequirementsOfSchema1

    def renewed(self) -> PackFile:
        """The same pack as it is written today."""
        kept = self.model_dump(by_alias=True, exclude={"requirements"})
        return PackFile(**kept, requirements=self.requirements.renewed(self.rated_capacity))


def _scaled(table: Mapping[float, float], factor: float) -> dict[float, float]:
    return {temperature: value * factor for temperature, value in table.items()}


def load_pack(name: str) -> tuple[PackFile, Path]:
    """The pack behind a path or a shipped name, and the file it was read from; raises `InputError`."""
    path = files.find(name, SHIPPED, "pack")
    return files.load(path, PackFile, {1: PackFileOfSchema1}).renewed(), path
