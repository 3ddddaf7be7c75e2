"""The judge's negative electrode against a full electrochemical model: the Doyle-Fuller-Newman model of PyBaMM.

Same charges, same parameters: of the sets that PyBaMM has too (Chen2020, Prada2013) its own numbers, so that a slip in
a file of ours shows; of the third one ours, with a counter electrode of NMC. PyBaMM (BSD-3-Clause) is no dependency of
the product: without it nothing is compared.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from models.anode import AnodeParameters, course, load_anode
from models.anode.parameters import POINTS
from models.tables import Vector
from truth.report import Row, markdown

TITLE = "Negative electrode: lowest potential against lithium in charges from 10 %, DFN and ours"
HEADER = ("set", "charge", "temperature", "DFN", "ours", "error", "rms over the charge", "goal", "reached")
GOAL, FASTEST, COLDEST = 0.010, 1.5, 10.0
"""V of the lowest potential, for charges up to this rate (1/h), from this temperature (degC) on."""
EMPTY = 0.10
BEHIND = 5.0
"""s from the start of a charge on that its course is compared: before, a mesh is what it shows."""
TEMPERATURES = (0.0, 10.0, 25.0, 40.0)
MESH = {"x_n": 20, "x_s": 10, "x_p": 20, "r_n": 40, "r_p": 40}


@dataclass(frozen=True, slots=True)
class Charge:
    """Stages of a charge from 10 %: each a rate (1/h) and the charge of the cell that it goes on to.

    `held` is a voltage that ends the only stage, and is then held for as many s.
    """

    name: str
    stages: tuple[tuple[float, float], ...]
    held: tuple[float, float] | None = None

    @property
    def fastest(self) -> float:
        """1/h."""
        return max(rate for rate, _ in self.stages)

    def durations(self) -> list[tuple[float, float]]:
        """Each stage's rate and how long it takes, s."""
        socs = [EMPTY, *(soc for _, soc in self.stages)]
        return [(rate, 3600.0 * (soc - socs[at]) / rate) for at, (rate, soc) in enumerate(self.stages)]


CHARGES = (
    Charge("0.5C", ((0.5, 0.8),)), Charge("1C", ((1.0, 0.8),)), Charge("1.5C", ((1.5, 0.8),)),
    Charge("2C", ((2.0, 0.8),)),
    Charge("2C to 30 %, 1.5C to 55 %, 0.9C", ((2.0, 0.3), (1.5, 0.55), (0.9, 0.8))),
    Charge("1.5C to 30 %, 1C to 55 %, 0.5C", ((1.5, 0.3), (1.0, 0.55), (0.5, 0.8))),
)  # fmt: skip
HELD = {"graphite-chen2020": Charge("1C to 4.2 V, held 30 min", ((1.0, 1.2),), (4.2, 1800.0)),
        "graphite-prada2013": Charge("1.5C to 3.6 V, held 10 min", ((1.5, 1.2),), (3.6, 600.0))}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """A set of ours as PyBaMM knows it: its name there, and the area (m2) of the cell; no name: numbers of ours."""

    anode: str
    pybamm: str
    area: float
    voltages: tuple[float, float] = (2.5, 4.2)


REFERENCES = (
    Reference("graphite-chen2020", "Chen2020", 0.065 * 1.58),
    Reference("graphite-prada2013", "Prada2013", 0.6 * 0.3, (2.0, 3.6)),
    Reference("graphite-schmitt2026", "", 0.05),
)


def main(_data: Path | None) -> bool:
    """Print the table; whether every goal is reached."""
    if find_spec("pybamm") is None:
        print("skipped: it needs PyBaMM, which is not installed here (tox run -e truth brings it)")
        return True
    found = list(rows())
    print(f"PyBaMM {import_module('pybamm').__version__}")
    print(markdown(TITLE, HEADER, found))
    return not any(row.reached is False for row in found)


def rows() -> Iterator[Row]:
    """A row for each set, charge and temperature."""
    for reference in REFERENCES:
        charges = [*CHARGES, *(charge for anode, charge in HELD.items() if anode == reference.anode)]
        for charge in charges:
            for temperature in TEMPERATURES:
                yield _row(reference, charge, temperature)


def _row(reference: Reference, charge: Charge, temperature: float) -> Row:
    time, rate, true = dfn(reference, charge, temperature)
    found = ours(reference.anode, time, rate, temperature)
    error, rms = found.min() - true.min(), float(np.sqrt(np.mean((found - true)[time >= BEHIND] ** 2)))
    asked = charge.fastest <= FASTEST and temperature >= COLDEST
    reached = bool(abs(error) <= GOAL) if asked else None
    cells = (
        reference.anode, charge.name, f"{temperature:.0f} °C", _mv(true.min()), _mv(found.min()),
        f"{1e3 * error:+.1f} mV", f"{1e3 * rms:.1f} mV", f"{1e3 * GOAL:.0f} mV" if asked else "",
        {None: "", True: "yes", False: "NO"}[reached],
    )  # fmt: skip
    return Row(cells, reached)


def _mv(volts: float) -> str:
    return f"{1e3 * volts:.1f} mV"


def ours(anode: str, time: Vector, rate: Vector, temperature: float) -> Vector:
    """Our potential, V, at each `time` (s) of a charge from 10 % at a rate (1/h)."""
    found = course(load_anode(anode), EMPTY, time, rate, np.full(len(time), temperature))
    first = load_anode(anode).open_circuit_potential(EMPTY)
    return np.asarray(np.interp(time, np.append(found.start, found.time), np.append(first, found.potential)))


def steps(charge: Charge, step: float = 1.0) -> tuple[Vector, Vector]:
    """Time (s) and rate (1/h) of a charge without a held voltage, in rows of `step` s."""
    ends = np.cumsum([0.0, *(duration for _, duration in charge.durations())])
    time = np.append(np.arange(0.0, ends[-1], step), ends[-1])
    stage = np.clip(np.searchsorted(ends, time, side="left") - 1, 0, len(charge.stages) - 1)
    rate = np.array([rate for rate, _ in charge.stages])[stage]
    return time, np.where(time > 0.0, rate, 0.0)


# --- PyBaMM -------------------------------------------------------------------------------------------------------


def dfn(reference: Reference, charge: Charge, temperature: float) -> tuple[Vector, Vector, Vector]:
    """Time (s), rate (1/h) and the potential (V) at the separator that the full model gives."""
    pybamm = import_module("pybamm")
    values = _values(reference)
    values["Ambient temperature [K]"] = values["Initial temperature [K]"] = 273.15 + temperature
    capacity = load_anode(reference.anode).capacity * reference.area
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.DFN(), parameter_values=values, var_pts=MESH,
        experiment=pybamm.Experiment(_orders(charge, capacity), period="5 seconds"),
        solver=pybamm.IDAKLUSolver(rtol=1e-6, atol=1e-8),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solution = simulation.solve(initial_soc=EMPTY)
    name = "Negative electrode surface potential difference at separator interface [V]"
    time, current, potential = (solution[each].entries for each in ("Time [s]", "Current [A]", name))
    kept = np.append(True, np.diff(time) > 0.0)
    return time[kept], -current[kept] / capacity, potential[kept]


def _orders(charge: Charge, capacity: float) -> list[str]:
    if charge.held is None:
        return [f"Charge at {rate * capacity} A for {duration} seconds" for rate, duration in charge.durations()]
    volts, seconds = charge.held
    return [f"Charge at {charge.fastest * capacity} A until {volts} V", f"Hold at {volts} V for {seconds} seconds"]


@cache
def _values(reference: Reference) -> Any:
    pybamm = import_module("pybamm")
    values = pybamm.ParameterValues(reference.pybamm or "Chen2020")
    if not reference.pybamm:
        values.update(_own(pybamm, load_anode(reference.anode), reference.area))
    empty, full = reference.voltages
    values.update({
        "Open-circuit voltage at 0% SOC [V]": empty, "Open-circuit voltage at 100% SOC [V]": full,
        "Upper voltage cut-off [V]": 6.0, "Lower voltage cut-off [V]": 1.0,
    })  # fmt: skip
    return values


def _own(pybamm: Any, of: AnodeParameters, area: float) -> dict[str, Any]:
    """Numbers of ours under PyBaMM's names."""
    grid = np.linspace(0.0, 1.0, POINTS)
    geometric = 3.0 * of.active / of.radius
    reference, gas = of.reference + 273.15, pybamm.constants.R

    def arrhenius(activation: float, kelvin: Any) -> Any:
        return pybamm.exp(activation / gas * (1.0 / reference - 1.0 / kelvin))

    def exchange(_salt: Any, surface: Any, most: Any, kelvin: Any) -> Any:
        table = pybamm.Interpolant(grid, of.exchange_current * of.surface_area / geometric, surface / most)
        return table * arrhenius(of.exchange_activation, kelvin)

    def powers(coefficients: Sequence[float], exponents: Sequence[float], salt: Any) -> Any:
        return sum(c * (salt / 1000.0) ** p for c, p in zip(coefficients, exponents, strict=True))

    liquid = of.electrolyte
    return {
        "Negative electrode thickness [m]": of.electrode.thickness,
        "Negative electrode porosity": of.electrode.porosity,
        "Negative electrode Bruggeman coefficient (electrolyte)": of.electrode.bruggeman,
        "Negative electrode Bruggeman coefficient (electrode)": 0.0,
        "Negative electrode conductivity [S.m-1]": of.conductivity,
        "Negative electrode active material volume fraction": of.active,
        "Negative particle radius [m]": of.radius,
        "Maximum concentration in negative electrode [mol.m-3]": of.saturation,
        "Negative particle diffusivity [m2.s-1]": lambda _sto, kelvin: (
            of.diffusivity * arrhenius(of.diffusivity_activation, kelvin)
        ),
        "Negative electrode OCP [V]": lambda sto: pybamm.Interpolant(grid, of.potential, sto),
        "Negative electrode exchange-current density [A.m-2]": exchange,
        "Separator thickness [m]": of.separator.thickness,
        "Separator porosity": of.separator.porosity,
        "Separator Bruggeman coefficient (electrolyte)": of.separator.bruggeman,
        "Positive electrode thickness [m]": of.counter.thickness,
        "Positive electrode porosity": of.counter.porosity,
        "Positive electrode Bruggeman coefficient (electrolyte)": of.counter.bruggeman,
        "Initial concentration in electrolyte [mol.m-3]": liquid.concentration,
        "Cation transference number": liquid.transference,
        "Thermodynamic factor": liquid.thermodynamic_factor,
        "Electrolyte diffusivity [m2.s-1]": lambda salt, _kelvin: powers(
            liquid.diffusivity.coefficients.tolist(), liquid.diffusivity.powers.tolist(), salt
        ),
        "Electrolyte conductivity [S.m-1]": lambda salt, _kelvin: powers(
            liquid.conductivity.coefficients.tolist(), liquid.conductivity.powers.tolist(), salt
        ),
        "Electrode height [m]": area, "Electrode width [m]": 1.0,
    }  # fmt: skip
