"""The circuit that is fitted against the string that is used, and its derivatives against small steps."""

import numpy as np
import pytest

from fitting.circuit import path_of, predict
from fitting.estimate import Fit
from fitting.layout import KNOTS
from fitting.measure import compare
from fitting.records import Record
from models.cell import CellParameters, load_cell


def record(temperature: float, start_voltage: float = 4.15) -> Record:
    time = np.arange(0.0, 3000.0, 5.0)
    current = np.where(time % 600 < 100, 0.0, np.where(time % 600 < 400, -5.0, 2.0))
    voltage = np.linspace(start_voltage, 3.0, len(time))
    return Record.of(f"{temperature:g}", time, current, voltage, temperature + 0.002 * time)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return Fit([record(5.0), record(25.0)], load_cell("nmc811-21700"))


def test_derivatives_are_what_a_small_step_of_each_parameter_does(fit: Fit) -> None:
    seen = np.arange(0, 600, 7)
    path = path_of(fit.records[0], fit.capacity, fit.span, 1.0, seen)
    there = predict(fit.records[0], path, fit.layout, fit.prior, 0)
    for place, column in enumerate(there.columns):
        step = np.zeros(fit.layout.count)
        step[column] = 1e-6
        ahead = predict(fit.records[0], path, fit.layout, fit.prior + step, 0).voltage
        behind = predict(fit.records[0], path, fit.layout, fit.prior - step, 0).voltage
        if column < fit.layout.start(0):  # the state of charge at the start moves everything: the fit takes its slope
            assert there.derivatives[:, place] == pytest.approx((ahead - behind) / 2e-6, abs=1e-5, rel=1e-3)


def test_the_fitted_circuit_and_the_string_give_the_same_voltage(fit: Fit) -> None:
    """Two programs for one circuit: parameters that come out of one are used by the other."""
    cell, layout = load_cell("nmc811-21700"), fit.layout
    values = fit.prior.copy()
    values[layout.ocv] = np.interp(np.linspace(0, 1, layout.points), cell.soc, cell.ocv)
    values[layout.hysteresis] = 0.004
    values[layout.entropic] = -1e-4
    made = _cell(fit, values)
    test = fit.records[1]
    found = compare(made, test)
    start = float(np.interp(test.voltage[0], made.ocv + 0.004, made.soc))
    values[layout.start(1)] = start
    path = path_of(test, made.nominal_capacity, made.hysteresis_span, 1.0, np.arange(len(test.time)))
    assert predict(test, path, layout, values, 1).voltage == pytest.approx(found.voltage, abs=1.5e-3)


def _cell(fit: Fit, values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> CellParameters:
    from dataclasses import replace

    layout, like = fit.layout, load_cell("nmc811-21700")
    soc = np.linspace(0, 1, layout.points)

    def table(which: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        rows = values[layout.resistance(which)].reshape(len(layout.temperature), len(KNOTS))
        return np.array([np.exp(np.interp(soc, KNOTS, row)) for row in rows])

    taus = [np.full(len(layout.temperature), np.exp(values[layout.tau(pair)])) for pair in (1, 2, 3)]
    return replace(
        like, nominal_capacity=1.3 * fit.capacity, soc=soc, ocv=values[layout.ocv], entropic=np.full_like(soc, -1e-4),
        hysteresis=np.full_like(soc, 0.004), temperature=layout.temperature, r0=table(0), r1=table(1), r2=table(2),
        r3=table(3), tau1=taus[0], tau2=taus[1], tau3=taus[2], coulombic_efficiency=1.0,
    )  # fmt: skip
