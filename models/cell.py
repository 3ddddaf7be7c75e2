"""What a cell is: its parameters, where they come from, and the files that ship with them.

A `CellParameters` is data with the few look-ups that follow from it; it has no state. Cells that are charged,
age or differ from each other are a `models.string.CellString`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models import yamltext
from models.anode.reading import load_anode
from models.fields import POSITIVE, CellFileError, Fields, Span
from models.shipped import FOLDERS, find, is_file, names
from models.tables import LookUpTables, Vector, bilinear

__all__ = ["CHEMISTRIES", "CellFileError", "CellParameters", "ChargeLimit", "available_cells", "load_cell", "written"]

CHEMISTRIES = ("LFP", "NMC811", "LNMO", "Li-metal")

REFERENCE_TEMPERATURE = 25.0
"""degC at which open-circuit voltages are tabulated; the entropic coefficient acts on the distance to it."""

ABSOLUTE_ZERO = -273.15

HYSTERESIS_SPAN = 0.03
"""What `hysteresis_span` is where a file does not say: an assumption, LFP's minor loops close within a few per cent."""


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
        at, soc = np.asarray(temperature, dtype=np.float64), np.asarray(soc, dtype=np.float64)
        return bilinear(self.c_rate, self.temperature, self.soc, at, soc)


@dataclass(frozen=True, eq=False)
class CellParameters:
    """An equivalent circuit with two or three RC pairs, and what a bench must know to treat such a cell well.

    `soc` is the grid of all curves: 0 to 1 in equal steps. `nominal_capacity` (Ah) spans it, and C-rates
    refer to it. Resistances (Ohm) have shape [temperature, soc], time constants (s) [temperature].
    `heat_capacity` is J/K, `thermal_conductance` from cell to air W/K. Temperatures are degC. `sources`
    says where each value comes from; `assumed` names the keys whose values no measurement of such a cell stands
    behind, so that whoever judges by them can say so.
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
    hysteresis_span: float = HYSTERESIS_SPAN
    """State of charge over which the voltage crosses over (to 1/e) from one hysteresis branch to the other."""
    r3: Vector | None = None
    """Ohm of a third RC pair, for cells that relax over hours; None for none."""
    tau3: Vector | None = None
    assumed: tuple[str, ...] = ()
    anode: str | None = None
    """The set of the negative electrode (`models.anode`) by which plating is judged; None: nobody knows one."""

    @property
    def pairs(self) -> int:
        """Number of RC pairs."""
        return 2 if self.r3 is None else 3

    def look_up_tables(self, count: int) -> LookUpTables:
        """Lay out curves (OCV, entropic, hysteresis) and surfaces for `count` cells.

        Surfaces are r0 and those of the pairs, then the time constants.
        """
        nothing = np.zeros_like(self.ocv)
        curves = np.array([self.ocv, _or(self.entropic, nothing), _or(self.hysteresis, nothing)])
        pairs = [(self.r1, self.tau1), (self.r2, self.tau2)]
        if self.r3 is not None and self.tau3 is not None:
            pairs.append((self.r3, self.tau3))
        taus = [np.repeat(tau[:, np.newaxis], len(self.soc), axis=1) for _, tau in pairs]
        surfaces = np.array([self.r0, *(resistance for resistance, _ in pairs), *taus])
        return LookUpTables(curves, surfaces, self.temperature, count)

    def open_circuit_voltage(self, soc: ArrayLike, temperature: ArrayLike = REFERENCE_TEMPERATURE) -> Vector:
        """Return V at rest, between the hysteresis branches; `soc` and `temperature` broadcast."""
        tables, shape, kelvin = self._read(soc, temperature)
        ocv, entropic, _ = tables.value
        return np.asarray(ocv + entropic * kelvin).reshape(shape)

    def resistances(self, soc: ArrayLike, temperature: ArrayLike) -> Vector:
        """Return Ohm of r0 and of each RC pair with shape [1 + pairs, ...]; `soc` and `temperature` (degC) broadcast.

        Their sum is what a constant current meets in the end: with a pair of an hour, much later than a test takes.
        """
        tables, shape, _ = self._read(soc, temperature)
        return tables.surface[: 1 + self.pairs].reshape(1 + self.pairs, *shape)

    def resistance_after(self, duration: float, soc: ArrayLike, temperature: ArrayLike) -> Vector:
        """Return Ohm that a current has met `duration` s after it began; `soc` and `temperature` (degC) broadcast."""
        tables, shape, _ = self._read(soc, temperature)
        count = 1 + self.pairs
        built_up = 1.0 - np.exp(-duration / tables.surface[count:])
        return np.asarray(tables.surface[0] + (tables.surface[1:count] * built_up).sum(axis=0)).reshape(shape)

    def _read(self, soc: ArrayLike, temperature: ArrayLike) -> tuple[LookUpTables, tuple[int, ...], Vector]:
        at_soc, at_temperature = np.broadcast_arrays(
            np.asarray(soc, dtype=np.float64), np.asarray(temperature, dtype=np.float64)
        )
        tables = self.look_up_tables(at_soc.size)
        tables.look_up(at_soc.ravel(), at_temperature.ravel())
        return tables, at_soc.shape, at_temperature.ravel() - REFERENCE_TEMPERATURE


def _or(curve: Vector | None, otherwise: Vector) -> Vector:
    return otherwise if curve is None else curve


def available_cells() -> tuple[str, ...]:
    """List the cells that ship with the project, in alphabetical order."""
    return names("cell")


def load_cell(name_or_path: str | Path) -> CellParameters:
    """Read a cell by the name of a shipped file, or from a file of your own (`*.yaml`, or any `Path`).

    Raises `CellFileError` when there is no such cell or its file is wrong.
    """
    path = find("cell", name_or_path)
    return _shipped_cell(path) if path.parent == FOLDERS["cell"] else _read_cell(path)


def written(name_or_path: str | Path) -> dict[str, Any]:
    """Give the keys of a cell as they are written in its file; raises `CellFileError` like `load_cell`."""
    load_cell(name_or_path)  # says what is wrong with it
    return dict(yamltext.parse(find("cell", name_or_path).read_text(encoding="utf-8")))


@cache
def _shipped_cell(path: Path) -> CellParameters:
    """Read a shipped file once: every bench that is opened asks for its cell more than once."""
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
    *("resistance_soc", "r3", "tau3", "hysteresis_span", "assumed", "anode"),
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
    third = fields.has("r3")
    resistances = _read_resistances(fields, ("r0", "r1", "r2", *(("r3",) if third else ())), temperature, soc)
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
        hysteresis_span=fields.number("hysteresis_span", POSITIVE)
        if fields.has("hysteresis_span")
        else HYSTERESIS_SPAN,
        r3=resistances[3] if third else None,
        tau3=fields.number_or_curve("tau3", len(temperature), POSITIVE) if third else None,
        assumed=_read_assumed(fields) if fields.has("assumed") else (),
        anode=_read_anode(fields, path) if fields.has("anode") else None,
    )


def _read_anode(fields: Fields, path: Path) -> str:
    """The name of a shipped set, or the path of a file beside that of the cell: it is read, to refuse a wrong one."""
    name = fields.text("anode")
    where = (path.parent / name).as_posix() if is_file(name) else name
    try:
        load_anode(where)
    except CellFileError as error:
        raise CellFileError(f"{path}: anode: {error}") from error
    return where


def _read_assumed(fields: Fields) -> tuple[str, ...]:
    """Keys of the file, or `resistance` for all of its resistances, each with a range behind it where that is all."""
    return fields.choices("assumed", (*_KEYS, "resistance"))


def _read_resistances(fields: Fields, keys: Sequence[str], temperature: Vector, soc: Vector) -> Sequence[Vector]:
    """Resistances with shape [temperature, soc], as tables over `resistance_soc`, or as lists over temperature."""
    if fields.has("resistance_soc"):
        return _read_resistance_tables(fields, keys, temperature, soc)
    shape = np.ones_like(soc)
    if fields.has("resistance_over_soc"):
        section = fields.section("resistance_over_soc", ("soc", "factor"))
        knots = section.rising("soc")
        shape = np.interp(soc, knots, section.curve("factor", len(knots), POSITIVE))
    return [np.outer(fields.curve(key, len(temperature), POSITIVE), shape) for key in keys]


def _read_resistance_tables(fields: Fields, keys: Sequence[str], temperature: Vector, soc: Vector) -> Sequence[Vector]:
    """A row per temperature, linear in the logarithm between the states of charge that are given, as everywhere."""
    if fields.has("resistance_over_soc"):
        raise fields.wrong(
            "resistance_over_soc", "a section", "null, or no resistance_soc: one of the two shapes the resistances"
        )
    knots = fields.rising("resistance_soc")
    tables = (fields.table(key, len(temperature), len(knots), POSITIVE) for key in keys)
    return [np.array([np.exp(np.interp(soc, knots, np.log(row))) for row in table]) for table in tables]


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
