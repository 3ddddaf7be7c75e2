"""What a cell is: its parameters, where they come from, and the files that ship with them.

A `CellParameters` is data with the few look-ups that follow from it; it has no state. Cells that are charged,
age or differ from each other are a `models.string.CellString`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from models.fields import POSITIVE, CellFileError, Fields, Span, nearest
from models.tables import LookUpTables, Vector

__all__ = ["CHEMISTRIES", "CellFileError", "CellParameters", "ChargeLimit", "available_cells", "load_cell"]

CHEMISTRIES = ("LFP", "NMC811", "LNMO", "Li-metal")

REFERENCE_TEMPERATURE = 25.0
"""degC at which open-circuit voltages are tabulated; the entropic coefficient acts on the distance to it."""

ABSOLUTE_ZERO = -273.15


@dataclass(frozen=True, eq=False)
class ChargeLimit:
    """The largest charge rate a cell tolerates: `c_rate` (1/h) with shape [temperature, soc].

    `temperature` is degC, `soc` goes from 0 to 1.
    """

    temperature: Vector
    soc: Vector
    c_rate: Vector

    def c_rate_at(self, temperature: ArrayLike, soc: ArrayLike) -> Vector:
        """Bilinear in `temperature` (degC) and `soc`, held constant outside the table.

        The arguments broadcast against each other; the result has their common shape.
        """
        row, above = _place(np.asarray(temperature, dtype=np.float64), self.temperature)
        column, right = _place(np.asarray(soc, dtype=np.float64), self.soc)
        lower = self.c_rate[row, column] * (1 - right) + self.c_rate[row, column + 1] * right
        upper = self.c_rate[row + 1, column] * (1 - right) + self.c_rate[row + 1, column + 1] * right
        return np.asarray(lower * (1 - above) + upper * above)


def _place(value: Vector, grid: Vector) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.intp]], Vector]:
    """Find the grid interval that `value` lies in, and how far into it (0 to 1)."""
    position = np.interp(value, grid, np.arange(len(grid)))
    interval = np.minimum(position.astype(np.intp), len(grid) - 2)
    return interval, position - interval


@dataclass(frozen=True, eq=False)
class CellParameters:
    """An equivalent circuit with two RC pairs, and what a bench must know to treat such a cell well.

    `soc` is the grid of all curves: 0 to 1 in equal steps. `nominal_capacity` (Ah) spans it, and C-rates
    refer to it. Resistances (Ohm) have shape [temperature, soc], time constants (s) [temperature].
    `heat_capacity` is J/K, `thermal_conductance` from cell to air W/K. Temperatures are degC. `sources`
    says where each value comes from, and what is an assumption.
    """

    name: str
    chemistry: str
    nominal_capacity: float
    voltage_min: float
    voltage_max: float
    soc: Vector
    ocv: Vector
    entropic: Vector | None
    """V/K over `soc`."""
    hysteresis: Vector | None
    """V over `soc`: half the gap between the charge and the discharge branch of the open-circuit voltage."""
    temperature: Vector
    r0: Vector
    r1: Vector
    r2: Vector
    tau1: Vector
    tau2: Vector
    coulombic_efficiency: float
    heat_capacity: float
    thermal_conductance: float
    charge_limit: ChargeLimit
    discharge_c_rate_max: float
    charge_temperature_min: float
    charge_temperature_max: float
    discharge_temperature_min: float
    discharge_temperature_max: float
    sources: tuple[str, ...]

    def look_up_tables(self, count: int) -> LookUpTables:
        """Lay out curves (OCV, entropic, hysteresis) and surfaces (r0 to r2, both taus) for `count` cells."""
        nothing = np.zeros_like(self.ocv)
        curves = np.array([self.ocv, _or(self.entropic, nothing), _or(self.hysteresis, nothing)])
        taus = [np.repeat(tau[:, np.newaxis], len(self.soc), axis=1) for tau in (self.tau1, self.tau2)]
        surfaces = np.array([self.r0, self.r1, self.r2, *taus])
        return LookUpTables(curves, surfaces, self.temperature, count)

    def open_circuit_voltage(self, soc: ArrayLike, temperature: ArrayLike = REFERENCE_TEMPERATURE) -> Vector:
        """Return V at rest, between the hysteresis branches; `soc` and `temperature` broadcast."""
        tables, shape, kelvin = self._read(soc, temperature)
        ocv, entropic, _ = tables.value
        return np.asarray(ocv + entropic * kelvin).reshape(shape)

    def resistances(self, soc: ArrayLike, temperature: ArrayLike) -> Vector:
        """Return r0, r1, r2 in Ohm with shape [3, ...]; `soc` and `temperature` (degC) broadcast.

        Their sum is what a long constant current meets.
        """
        tables, shape, _ = self._read(soc, temperature)
        return tables.surface[:3].reshape(3, *shape)

    def _read(self, soc: ArrayLike, temperature: ArrayLike) -> tuple[LookUpTables, tuple[int, ...], Vector]:
        at_soc, at_temperature = np.broadcast_arrays(
            np.asarray(soc, dtype=np.float64), np.asarray(temperature, dtype=np.float64)
        )
        tables = self.look_up_tables(at_soc.size)
        tables.look_up(at_soc.ravel(), at_temperature.ravel())
        return tables, at_soc.shape, at_temperature.ravel() - REFERENCE_TEMPERATURE


def _or(curve: Vector | None, otherwise: Vector) -> Vector:
    return otherwise if curve is None else curve


_SHIPPED = files("models") / "cells"


def available_cells() -> tuple[str, ...]:
    """List the cells that ship with the project, in alphabetical order."""
    return tuple(sorted(Path(entry.name).stem for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml")))


def load_cell(name_or_path: str | Path) -> CellParameters:
    """Read a cell by the name of a shipped file, or from a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError` when there is no such cell or its file is wrong.
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith((".yaml", ".yml")):
        return _read_cell(Path(name_or_path))
    return _shipped_cell(name_or_path)


@cache
def _shipped_cell(name: str) -> CellParameters:
    """Read a shipped file once: every bench that is opened asks for its cell more than once."""
    names = available_cells()
    if name not in names:
        hint = nearest(name, names)
        raise CellFileError(f"no cell {name!r}{hint}; shipped are {', '.join(names)}, or give the path of a .yaml.")
    with as_file(_SHIPPED / f"{name}.yaml") as path:
        return _read_cell(path)


_KEYS = (
    *("name", "chemistry", "sources", "nominal_capacity", "voltage_min", "voltage_max"),
    *(
        "ocv",
        "entropic",
        "hysteresis",
        "temperature",
        "r0",
        "r1",
        "r2",
        "tau1",
        "tau2",
        "resistance_over_soc",
    ),
    *("coulombic_efficiency", "heat_capacity", "thermal_conductance", "charge_limit", "discharge_c_rate_max"),
    *("charge_temperature_min", "charge_temperature_max"),
    *("discharge_temperature_min", "discharge_temperature_max"),
)


def _read_cell(path: Path) -> CellParameters:
    fields = Fields.read(path, _KEYS)
    ocv = fields.rising("ocv")
    soc = np.linspace(0.0, 1.0, len(ocv))
    temperature = fields.rising("temperature")
    voltage_min = fields.number("voltage_min", Span(above=0.0, at_most=ocv[-1].item()))
    resistances = _read_resistances(fields, temperature, soc)
    return CellParameters(
        name=fields.text("name"),
        chemistry=fields.choice("chemistry", CHEMISTRIES),
        nominal_capacity=fields.number("nominal_capacity", POSITIVE),
        voltage_min=voltage_min,
        voltage_max=fields.number("voltage_max", Span(above=max(voltage_min, ocv[0].item()))),
        soc=soc,
        ocv=ocv,
        entropic=fields.number_or_curve("entropic", len(soc)) if fields.has("entropic") else None,
        hysteresis=fields.number_or_curve("hysteresis", len(soc)) if fields.has("hysteresis") else None,
        temperature=temperature,
        r0=resistances[0],
        r1=resistances[1],
        r2=resistances[2],
        tau1=fields.number_or_curve("tau1", len(temperature), POSITIVE),
        tau2=fields.number_or_curve("tau2", len(temperature), POSITIVE),
        coulombic_efficiency=fields.number("coulombic_efficiency", Span(above=0.0, at_most=1.0)),
        heat_capacity=fields.number("heat_capacity", POSITIVE),
        thermal_conductance=fields.number("thermal_conductance", POSITIVE),
        charge_limit=_read_charge_limit(fields.section("charge_limit", ("temperature", "soc", "c_rate"))),
        discharge_c_rate_max=fields.number("discharge_c_rate_max", POSITIVE),
        **_read_temperature_limits(fields),
        sources=fields.texts("sources"),
    )


def _read_resistances(fields: Fields, temperature: Vector, soc: Vector) -> Sequence[Vector]:
    """r0, r1, r2 with shape [temperature, soc]: given over temperature, shaped by `resistance_over_soc`."""
    shape = np.ones_like(soc)
    if fields.has("resistance_over_soc"):
        section = fields.section("resistance_over_soc", ("soc", "factor"))
        knots = section.rising("soc")
        shape = np.interp(soc, knots, section.curve("factor", len(knots), POSITIVE))
    over_temperature = (fields.curve(key, len(temperature), POSITIVE) for key in ("r0", "r1", "r2"))
    return [np.outer(resistance, shape) for resistance in over_temperature]


def _read_charge_limit(section: Fields) -> ChargeLimit:
    temperature, soc = section.rising("temperature"), section.rising("soc")
    return ChargeLimit(temperature, soc, section.table("c_rate", len(temperature), len(soc), Span(at_least=0.0)))


def _read_temperature_limits(fields: Fields) -> dict[str, float]:
    limits: dict[str, float] = {}
    for use in ("charge", "discharge"):
        low = fields.number(f"{use}_temperature_min", Span(above=ABSOLUTE_ZERO))
        limits[f"{use}_temperature_min"] = low
        limits[f"{use}_temperature_max"] = fields.number(f"{use}_temperature_max", Span(above=low))
    return limits
