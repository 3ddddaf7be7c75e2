"""The cells that ship: their tables against the measured points, and what a bench would see of them."""

from collections.abc import Callable

import numpy as np
import pytest

from models.cell import CHEMISTRIES, ChargeLimit, available_cells, load_cell
from models.string import CellString

AIR = 25.0

# Measured open-circuit voltage at 10, 20 ... 90 % and 25 degC: mean of the C/30 charge and discharge (A123), the
# published mean of both ways (LG M50, Warwick), the C/20 discharge (LNMO), the published table (Li-metal).
MEASURED = {
    "lfp-26650": [3.178, 3.244, 3.279, 3.301, 3.308, 3.317, 3.330, 3.345, 3.352],
    "nmc811-21700": [3.324, 3.465, 3.569, 3.631, 3.694, 3.806, 3.907, 4.001, 4.085],
    "lnmo-1ah": [4.367, 4.474, 4.528, 4.555, 4.572, 4.602, 4.636, 4.651, 4.664],
    "li-metal": [3.650, 3.699, 3.727, 3.750, 3.775, 3.809, 3.854, 3.913, 3.984],
}
NEAR = {"lfp-26650": 0.015, "nmc811-21700": 0.07, "lnmo-1ah": 0.035, "li-metal": 0.0006}
"""V: what a resting voltage differs by from a mean of two ways (hysteresis, and which charge is called full).

A C/20 discharge of LNMO lies below the voltage at rest by its own drop: 24 mV at 10 % of charge.
"""

# Ah that were measured at 25 degC at the rates next to C/3, below and above it; of Li-metal nothing was.
CAPACITY = {"lfp-26650": (2.060, 2.060), "nmc811-21700": (4.842, 4.945), "lnmo-1ah": (1.007, 1.024)}

# Of LG M50 cells, Ohm 10 s after a pulse of 0.5C to 1.5C began: degC, at about 80 and 50 %.
PULSES = [
    (0, [0.0525, 0.0502]),
    (10, [0.0438, 0.0424]),
    (25, [0.0370, 0.0361]),
    (45, [0.0331, 0.0342]),
]


def test_every_chemistry_ships_once() -> None:
    assert sorted(load_cell(name).chemistry for name in available_cells()) == sorted(CHEMISTRIES)
    assert set(available_cells()) == set(MEASURED)


@pytest.mark.parametrize("name", available_cells())
def test_a_cell_is_named_like_its_file_and_says_where_it_comes_from(name: str) -> None:
    cell = load_cell(name)
    assert cell.name == name
    told = " ".join(cell.sources)
    for value in ("nominal_capacity", "ocv", "r0", "charge_limit", "heat_capacity", "thermal_conductance"):
        assert value in told


@pytest.mark.parametrize("name", MEASURED)
def test_open_circuit_voltage_passes_through_the_measured_points(name: str) -> None:
    found = load_cell(name).open_circuit_voltage(np.linspace(0.1, 0.9, 9))
    assert found == pytest.approx(MEASURED[name], abs=NEAR[name])


@pytest.mark.parametrize("name", available_cells())
def test_open_circuit_voltage_rises_all_the_way_and_beyond(name: str) -> None:
    voltage = load_cell(name).open_circuit_voltage(np.linspace(-0.1, 1.1, 601))
    assert np.all(np.diff(voltage) > 0)


@pytest.mark.parametrize(("temperature", "measured"), PULSES)
def test_nmc_resistance_after_10_s_is_that_of_the_measured_pulses(temperature: float, measured: list[float]) -> None:
    found = load_cell("nmc811-21700").resistance_after(10.0, [0.77, 0.46], temperature)
    assert found == pytest.approx(measured, rel=0.10)


def test_lfp_resistance_is_not_a_single_arrhenius_law() -> None:
    """The drive cycles of the A123 cell say so: it rises far more from -5 to -15 degC than from 35 to 25 degC."""
    cold, mild, warm, warmest = load_cell("lfp-26650").resistance_after(10.0, 0.5, [-15.0, -5.0, 25.0, 35.0])
    assert cold / mild > 1.4
    assert warm / warmest < 1.25


@pytest.mark.parametrize("name", available_cells())
def test_resistance_falls_with_temperature(name: str) -> None:
    found = load_cell(name).resistance_after(10.0, 0.5, [-20.0, -10.0, 0.0, 10.0, 25.0, 45.0])
    assert np.all(np.diff(found) < 0)


@pytest.mark.parametrize("name", available_cells())
def test_resistance_holds_outside_the_temperature_table(name: str) -> None:
    cell = load_cell(name)
    low, high = cell.temperature[[0, -1]]
    found = cell.resistances(0.5, [low - 30, low, high, high + 30])
    assert found[:, 0] == pytest.approx(found[:, 1])
    assert found[:, 3] == pytest.approx(found[:, 2])


@pytest.mark.parametrize("name", available_cells())
def test_a_full_cell_gives_at_c_3_what_such_a_cell_gave(
    name: str, single: Callable[..., CellString], charge_full: Callable[[CellString], int]
) -> None:
    string = single(name, soc=0.7)
    cell = string.cell
    charge_full(string)
    assert string.soc[0] == pytest.approx(1.0, abs=0.015)
    string.step(0.0, 1800.0, AIR)
    taken = 0.0
    while string.terminal_voltage > cell.voltage_min:
        string.step(-cell.nominal_capacity / 3, 5.0, AIR)
        taken += cell.nominal_capacity / 3 * 5 / 3600
    lowest, highest = CAPACITY.get(name, (cell.nominal_capacity, cell.nominal_capacity))
    assert 0.985 * lowest < taken < 1.015 * highest


@pytest.mark.parametrize("name", [name for name in available_cells() if name != "li-metal"])
def test_a_fitted_cell_states_its_error_and_what_is_assumed(name: str) -> None:
    cell = load_cell(name)
    assert "Measured on this file" in " ".join(cell.sources)
    assert not {"nominal_capacity", "ocv", "r0", "r1", "resistance"} & set(cell.assumed)


def test_what_nobody_has_measured_is_marked() -> None:
    """No public measurement of a lithium-metal cell exists: its resistances are assumed, its rest potential is not."""
    assumed = set(load_cell("li-metal").assumed)
    assert {"resistance", "nominal_capacity", "charge_limit"} <= assumed
    assert "ocv" not in assumed


def test_lnmo_charges_past_4_6_volt(
    single: Callable[..., CellString], charge_full: Callable[[CellString], int]
) -> None:
    string = single("lnmo-1ah", soc=0.5)
    charge_full(string)
    assert string.terminal_voltage == pytest.approx(4.9, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "at_least", "at_most"),
    [("lfp-26650", 18, 45), ("nmc811-21700", 20, 45), ("lnmo-1ah", 45, 75), ("li-metal", 70, 100)],
)
def test_fast_recharge_10_to_80_percent_takes_its_time(
    name: str, at_least: float, at_most: float, single: Callable[..., CellString]
) -> None:
    """At 25 degC along the charge limit, with the cell's voltage_max held."""
    string = single(name, soc=0.1)
    cell = string.cell
    minutes = 0.0
    while string.soc[0] < 0.8:
        limit = cell.charge_limit.c_rate_at(string.temperature[0], string.soc[0]) * cell.nominal_capacity
        electromotive, resistance = string.thevenin(5.0)
        string.step(min(float(limit), (cell.voltage_max - electromotive) / resistance), 5.0, AIR)
        minutes += 5 / 60
    assert at_least < minutes < at_most
    assert string.temperature[0] < cell.charge_temperature_max


@pytest.mark.parametrize("name", available_cells())
def test_the_charge_limit_is_cautious_where_lithium_plates(name: str) -> None:
    """Slower when colder and when fuller, and nothing outside the charge temperatures."""
    cell = load_cell(name)
    soc = np.linspace(0.0, 1.0, 101)
    table = cell.charge_limit.c_rate_at(np.linspace(-25.0, 55.0, 81)[:, np.newaxis], soc)
    assert table.shape == (81, 101)
    assert np.all(np.diff(table, axis=0) >= -1e-12)
    # The model it comes from is not perfectly monotone in state of charge: 2 % of a C-rate is its noise.
    assert np.all(np.diff(table[:, ::10], axis=1) <= 0.02)
    assert not cell.charge_limit.c_rate_at([cell.charge_temperature_min, cell.charge_temperature_max], 0.5).any()


@pytest.mark.parametrize(
    ("name", "temperature", "soc", "modelled"),
    [("lfp-26650", 25, 0.5, 2.984), ("lfp-26650", -10, 0.9, 0.25), ("nmc811-21700", 0, 0.3, 0.828)],
)
def test_the_charge_limit_stays_below_the_30_second_plating_limit(
    name: str, temperature: float, soc: float, modelled: float
) -> None:
    found = load_cell(name).charge_limit.c_rate_at(temperature, soc)
    assert found == pytest.approx(0.75 * modelled, rel=0.005)


def test_the_charge_limit_is_bilinear_and_holds_outside() -> None:
    limit = ChargeLimit(np.array([0.0, 20.0]), np.array([0.2, 0.8]), np.array([[1.0, 0.5], [3.0, 1.5]]))
    assert limit.c_rate_at(10.0, 0.5) == pytest.approx((1.0 + 0.5 + 3.0 + 1.5) / 4)
    assert limit.c_rate_at(5.0, 0.2) == pytest.approx(1.5)
    assert limit.c_rate_at([-40.0, 60.0, 60.0], [0.0, 0.0, 1.0]) == pytest.approx([1.0, 3.0, 1.5])
