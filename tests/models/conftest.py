"""Cells and strings that the physics tests share."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models.cell import CellParameters, load_cell
from models.string import NO_SPREAD, CellString


@pytest.fixture
def flat_cell() -> CellParameters:
    """A cell with an analytic solution: constant resistances, a straight open-circuit voltage."""
    soc = np.linspace(0.0, 1.0, 11)
    temperature = np.array([0.0, 50.0])
    constant = np.ones((2, 11))
    return replace(
        load_cell("lfp-26650"),
        nominal_capacity=2.0,
        soc=soc,
        ocv=3.0 + 0.5 * soc,
        entropic=None,
        hysteresis=None,
        temperature=temperature,
        r0=0.010 * constant,
        r1=0.020 * constant,
        r2=0.005 * constant,
        tau1=np.array([30.0, 30.0]),
        tau2=np.array([300.0, 300.0]),
        r3=None,
        tau3=None,
        coulombic_efficiency=1.0,
        heat_capacity=80.0,
        thermal_conductance=0.2,
    )


@pytest.fixture
def charge_full() -> Callable[[CellString], int]:
    """CC-CV at C/3 to the cell's voltage_max, until C/20; returns the seconds it took."""

    def charge(string: CellString) -> int:
        capacity = string.cell.nominal_capacity * string.parallel
        limit = string.cell.voltage_max * string.series
        for second in range(1, 10 * 3600):
            electromotive, resistance = string.thevenin(1.0)
            current = min(capacity / 3, (limit - electromotive) / resistance)
            string.step(current, 1.0, 25.0)
            if current < capacity / 20:
                return second
        raise AssertionError(f"not full after 10 h: {string.soc}, {string.terminal_voltage} V")

    return charge


@pytest.fixture
def single() -> Callable[..., CellString]:
    """One cell without spread."""

    def make(cell: CellParameters | str, **settings: float) -> CellString:
        parameters = load_cell(cell) if isinstance(cell, str) else cell
        return CellString(parameters, 1, spread=NO_SPREAD, **settings)

    return make
