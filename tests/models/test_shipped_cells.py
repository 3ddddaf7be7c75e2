"""The cells that ship: their tables against the measured points, and what a bench would see of them."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from models.cell import CHEMISTRIES, ChargeLimit, available_cells, load_cell
from models.string import CellString

AIR = 25.0

# Measured open-circuit voltage at 0, 10 ... 100 % and 25 degC.
MEASURED = {
    "lfp-26650": [2.291, 3.178, 3.244, 3.279, 3.301, 3.308, 3.317, 3.330, 3.345, 3.352, 3.610],
    "nmc811-21700": [2.714, 3.321, 3.479, 3.577, 3.642, 3.717, 3.820, 3.913, 4.014, 4.092, 4.185],
    "lnmo-1ah": [3.499, 4.367, 4.474, 4.528, 4.555, 4.572, 4.602, 4.636, 4.651, 4.664, 4.854],
    "li-metal": [3.500, 3.650, 3.699, 3.727, 3.750, 3.775, 3.809, 3.854, 3.913, 3.984, 4.068],
}

# Fitted to the drive cycle of a real A123 26650: degC, R0 and R1 in Ohm, tau1 in s.
FITTED = [
    (-25, 0.145, 0.150, 40),
    (-15, 0.0663, 0.065, 40),
    (-5, 0.0316, 0.038, 40),
    (5, 0.0189, 0.026, 40),
    (15, 0.0129, 0.013, 20),
    (25, 0.0103, 0.0105, 20),
    (35, 0.0090, 0.0088, 20),
    (45, 0.0081, 0.0073, 20),
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
    found = load_cell(name).open_circuit_voltage(np.linspace(0, 1, 11))
    assert found == pytest.approx(MEASURED[name], abs=0.6e-3)


@pytest.mark.parametrize("name", available_cells())
def test_open_circuit_voltage_rises_all_the_way_and_beyond(name: str) -> None:
    voltage = load_cell(name).open_circuit_voltage(np.linspace(-0.1, 1.1, 601))
    assert np.all(np.diff(voltage) > 0)


@pytest.mark.parametrize(("temperature", "r0", "r1", "tau1"), FITTED)
def test_lfp_resistance_is_the_fit(temperature: float, r0: float, r1: float, tau1: float) -> None:
    cell = load_cell("lfp-26650")
    for soc in (0.1, 0.5, 0.9):
        assert cell.resistances(soc, temperature)[:2] == pytest.approx([r0, r1])
    assert cell.tau1[cell.temperature == temperature] == tau1


def test_lfp_resistance_between_the_fitted_temperatures_is_their_geometric_mean() -> None:
    cell = load_cell("lfp-26650")
    for cold, warm in pairwise(FITTED):
        middle = (cold[0] + warm[0]) / 2
        assert cell.resistances(0.5, middle)[0] == pytest.approx((cold[1] * warm[1]) ** 0.5)


def test_lfp_resistance_is_not_a_single_arrhenius_law() -> None:
    """The fit's ratios: 6.4 from 25 down to -15 degC, 1.8 down to 5 degC."""
    r0 = load_cell("lfp-26650").resistances(0.5, [-15, 5, 25])[0]
    assert r0[0] / r0[2] == pytest.approx(6.4, abs=0.1)
    assert r0[1] / r0[2] == pytest.approx(1.8, abs=0.1)


def test_nmc_resistance_is_the_measured_step_response() -> None:
    """LG M50 at 0 degC, 0.5 A: 97 mOhm at once, 134 at 4.8 s, 154 at 41 s."""
    cell = load_cell("nmc811-21700")
    string = CellString(cell, 1, soc=0.5, temperature=0.0)
    cell_share = string.resistance_factor[0] * 0.5
    responses = {}
    elapsed = 0.0
    start = string.terminal_voltage
    for second in (0.06, 4.8, 41.0):
        string.step(-0.5, second - elapsed, 0.0)
        elapsed = second
        responses[second] = (start - string.terminal_voltage) / cell_share
    assert responses[0.06] == pytest.approx(0.097, abs=0.003)
    assert responses[4.8] == pytest.approx(0.134, abs=0.005)
    assert responses[41.0] == pytest.approx(0.154, abs=0.006)


@pytest.mark.parametrize("name", available_cells())
def test_resistance_falls_with_temperature(name: str) -> None:
    found = load_cell(name).resistances(0.5, np.linspace(-20, 45, 66))
    assert np.all(np.diff(found, axis=1) < 0)


@pytest.mark.parametrize("name", available_cells())
def test_resistance_holds_outside_the_temperature_table(name: str) -> None:
    cell = load_cell(name)
    low, high = cell.temperature[[0, -1]]
    found = cell.resistances(0.5, [low - 30, low, high, high + 30])
    assert found[:, 0] == pytest.approx(found[:, 1])
    assert found[:, 3] == pytest.approx(found[:, 2])


@pytest.mark.parametrize("name", available_cells())
def test_a_full_cell_gives_its_nominal_capacity_at_c_3(
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
    assert taken == pytest.approx(cell.nominal_capacity, rel=0.015)


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
