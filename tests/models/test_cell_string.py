"""The string of cells against analytic solutions, conservation laws and its own forecast."""

from collections.abc import Callable
from dataclasses import replace
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cell import CellParameters, available_cells, load_cell
from models.string import NO_SPREAD, CellString, Spread

AIR = 25.0

Single = Callable[..., CellString]


def test_a_relaxing_rc_pair_follows_the_exponential(flat_cell: CellParameters, single: Single) -> None:
    string = single(flat_cell, soc=0.5)
    string.step(1.0, 60.0, AIR)
    charge = 60.0 / 7200
    build_up = 0.020 * (1 - exp(-60 / 30)) + 0.005 * (1 - exp(-60 / 300))
    assert string.terminal_voltage == pytest.approx(3.25 + 0.5 * charge + 0.010 + build_up, abs=1e-12)

    string.step(0.0, 90.0, AIR)
    left = 0.020 * (1 - exp(-2)) * exp(-3) + 0.005 * (1 - exp(-0.2)) * exp(-0.3)
    assert string.terminal_voltage == pytest.approx(3.25 + 0.5 * charge + left, abs=1e-12)


def test_time_constants_follow_the_temperature_from_step_to_step(flat_cell: CellParameters, single: Single) -> None:
    string = single(replace(flat_cell, tau1=np.array([10.0, 1000.0])), soc=0.5, temperature=0.0)
    string.step(0.1, 3600.0, 50.0)  # built up cold, and warm at the end
    string.step(0.0, 3600.0, 50.0)
    assert string.terminal_voltage - string.open_circuit_voltage[0] == pytest.approx(0.002 * exp(-3.6), rel=0.01)


@pytest.mark.parametrize("current", [-2.0, 0.0, 0.6])
def test_one_long_step_equals_many_short_ones(flat_cell: CellParameters, single: Single, current: float) -> None:
    once, often = single(flat_cell, soc=0.9), single(flat_cell, soc=0.9)
    for string in (once, often):
        string.step(1.5, 100.0, AIR)  # RC pairs away from rest
    once.step(current, 3600.0, AIR)
    heat = []
    for _ in range(3600):
        often.step(current, 1.0, AIR)
        heat.append(often.heat)

    assert often.soc == pytest.approx(once.soc, abs=1e-12)
    assert often.voltage == pytest.approx(once.voltage, abs=1e-10)
    assert np.mean(heat) == pytest.approx(once.heat, rel=1e-9)


@pytest.mark.parametrize("current", [-1.0, 0.0, 0.5])
def test_temperature_does_not_drift_with_the_step_size(
    flat_cell: CellParameters, single: Single, current: float
) -> None:
    once, often = (single(flat_cell, soc=0.6, temperature=20.0) for _ in range(2))
    for string in (once, often):
        for _ in range(30):
            string.step(current, 100.0, 20.0)  # until the RC pairs, and with them the heat, are steady
    once.step(current, 500.0, AIR)
    for _ in range(5000):
        often.step(current, 0.1, AIR)
    assert often.temperature == pytest.approx(once.temperature, abs=1e-5)
    assert once.temperature[0] > 20.5


def test_temperature_settles_where_heat_and_cooling_balance(flat_cell: CellParameters, single: Single) -> None:
    string = single(flat_cell, soc=0.9)
    string.step(-1.0, 3000.0, AIR)  # the RC pairs are built up after this
    string.step(-1.0, 1000.0, AIR)
    heat = 0.035
    start = string.temperature[0]
    string.step(-1.0, 200.0, AIR)
    assert string.heat == pytest.approx(heat, rel=1e-3)
    settled = AIR + heat / 0.2
    assert string.temperature[0] == pytest.approx(settled + (start - settled) * exp(-200 * 0.2 / 80), abs=1e-4)


def test_charge_is_conserved(single: Single) -> None:
    string = single("nmc811-21700", soc=0.2)
    for current in (5.0, -2.5, 0.0, 1.0):
        string.step(current, 600.0, AIR)
    taken = (0.9995 * 5.0 - 2.5 + 0.9995 * 1.0) * 600 / 3600
    assert string.soc[0] - 0.2 == pytest.approx(taken / string.cell.nominal_capacity, abs=1e-12)


@pytest.mark.parametrize("name", available_cells())
def test_terminal_energy_is_stored_or_turned_into_heat(name: str, single: Single) -> None:
    """Over a charge, a discharge and a rest; without entropy, whose heat comes from elsewhere."""
    string = single(replace(load_cell(name), entropic=None), soc=0.3)
    cell = string.cell
    energy = heat = stored = 0.0
    rate = cell.nominal_capacity / 2
    for current in [rate] * 1800 + [-rate] * 900 + [0.0] * 100:
        before, soc = string.terminal_voltage, string.soc[0]
        string.step(current, 1.0, AIR)
        energy += current * (before + string.terminal_voltage) / 2
        heat += string.heat
        middle = cell.open_circuit_voltage((soc + string.soc[0]) / 2)
        stored += float(middle) * (string.soc[0] - soc) * cell.nominal_capacity * 3600
    assert heat > 0
    # The first second of a current carries a jump that the trapezoid of the terminal energy halves.
    assert energy == pytest.approx(stored + heat, abs=0.01 * heat)


def test_a_resistive_cell_heats_on_the_whole_and_not_at_rest(flat_cell: CellParameters, single: Single) -> None:
    """Right after the current turns round its pairs feed it; what they give back they had taken, and never more."""
    string = single(flat_cell, soc=0.5)
    given = 0.0
    for current, duration in [(4.0, 300.0), (-0.2, 0.1), (-0.2, 10.0), (0.0, 1.0), (-4.0, 1.0), (3.0, 1000.0)]:
        string.step(current, duration, AIR)
        given += string.heat * duration
        assert given > 0
        assert current or string.heat == 0.0


def test_entropy_cools_one_way_and_warms_the_other(flat_cell: CellParameters, single: Single) -> None:
    cell = replace(flat_cell, entropic=np.full(11, -3e-4))
    charging, discharging = single(cell, soc=0.5), single(cell, soc=0.5)
    charging.step(1.0, 1.0, AIR)
    discharging.step(-1.0, 1.0, AIR)
    assert discharging.heat - charging.heat == pytest.approx(2 * 3e-4 * 298.15)


def test_entropy_shifts_the_voltage_with_temperature(flat_cell: CellParameters, single: Single) -> None:
    cell = replace(flat_cell, entropic=np.full(11, -3e-4))
    assert single(cell, soc=0.5, temperature=45).terminal_voltage == pytest.approx(3.25 - 20 * 3e-4)


def test_hysteresis_lies_half_the_gap_either_way(single: Single) -> None:
    lfp = load_cell("lfp-26650")
    string = single(replace(lfp, entropic=None, hysteresis=np.full_like(lfp.ocv, 0.012)), soc=0.4)
    cell, half_gap = string.cell, 0.012
    for current, side in ((1.0, 1), (-1.0, -1)):
        while abs(string.soc[0] - (0.4 if current > 0 else 0.7)) < 0.2:
            string.step(current, 10.0, AIR)
        assert string.open_circuit_voltage[0] - cell.open_circuit_voltage(string.soc[0]) == pytest.approx(
            side * half_gap, rel=0.01
        )
        string.step(current, 1800.0 if current > 0 else 1.0, AIR)


def test_a_rest_keeps_the_hysteresis_branch(single: Single) -> None:
    string = single(replace(load_cell("lfp-26650"), entropic=None), soc=0.4)
    string.step(2.0, 900.0, AIR)
    after_charge = string.open_circuit_voltage[0]
    string.step(0.0, 360000.0, AIR)
    assert string.open_circuit_voltage[0] == pytest.approx(after_charge, abs=1e-9)
    assert string.terminal_voltage == pytest.approx(after_charge, abs=1e-6)


@pytest.mark.parametrize("name", available_cells())
@settings(max_examples=30, deadline=None)
@given(
    soc=st.floats(0.05, 0.95),
    rate=st.floats(-1.0, 1.0),
    before=st.floats(-1.0, 1.0),
    temperature=st.floats(-10.0, 45.0),
    duration=st.sampled_from([0.1, 1.0]),
)
def test_thevenin_foretells_the_step(
    name: str, soc: float, rate: float, before: float, temperature: float, duration: float
) -> None:
    cell = load_cell(name)
    string = CellString(cell, 4, soc=soc, temperature=temperature)
    string.step(before * cell.nominal_capacity, 5.0, temperature)
    electromotive, resistance = string.thevenin(duration)
    current = rate * cell.nominal_capacity
    string.step(current, duration, temperature)
    assert resistance > 0
    # What the forecast cannot know: the circuit itself changes as the cells warm and fill within the step.
    tolerance = 4 * 1e-3 + 0.03 * resistance * abs(current)
    assert string.terminal_voltage == pytest.approx(electromotive + resistance * current, abs=tolerance)


@pytest.mark.parametrize("duration", [0.1, 1.0, 60.0, 1800.0])
def test_thevenin_is_exact_where_the_circuit_is_constant(
    flat_cell: CellParameters, single: Single, duration: float
) -> None:
    for current in (1.0, -0.3, 0.0):
        string = single(flat_cell, soc=0.5)
        string.step(-2.0, 100.0, AIR)
        electromotive, resistance = string.thevenin(duration)
        string.step(current, duration, AIR)
        assert string.terminal_voltage == pytest.approx(electromotive + resistance * current, abs=1e-12)


def test_thevenin_does_not_change_what_a_step_does(single: Single) -> None:
    asked, plain = single("lfp-26650"), single("lfp-26650")
    for current in (2.0, -1.0, 0.0, 0.5):
        for duration in (10.0, 1.0, 0.1):
            asked.thevenin(duration)
        asked.step(current, 1.0, AIR)
        plain.step(current, 1.0, AIR)
    assert asked.terminal_voltage == plain.terminal_voltage
    assert asked.heat == plain.heat


@pytest.mark.parametrize("name", available_cells())
@pytest.mark.parametrize("duration", [1.0, 10.0])
def test_a_held_voltage_stays_held(name: str, duration: float, single: Single) -> None:
    string = single(name, soc=0.9)
    held = string.terminal_voltage + 0.03
    currents = []
    for _ in range(int(1200 / duration)):
        electromotive, resistance = string.thevenin(duration)
        currents.append((held - electromotive) / resistance)
        string.step(currents[-1], duration, AIR)
        assert string.terminal_voltage == pytest.approx(held, abs=2e-3)
    assert 0 < currents[-1] < currents[0], "the current dies down, it does not ring"


def test_parallel_cells_share_the_current(flat_cell: CellParameters) -> None:
    one = CellString(flat_cell, 3, 1, spread=NO_SPREAD)
    four = CellString(flat_cell, 3, 4, spread=NO_SPREAD)
    for _ in range(50):
        one.step(1.5, 10.0, AIR)
        four.step(6.0, 10.0, AIR)
    assert four.voltage == pytest.approx(one.voltage)
    assert four.temperature == pytest.approx(one.temperature)
    assert four.capacity == pytest.approx(4 * one.capacity)
    assert four.heat == pytest.approx(4 * one.heat)


def test_the_string_is_the_sum_of_its_cells() -> None:
    string = CellString(load_cell("nmc811-21700"), 96, seed=3)
    string.step(5.0, 10.0, AIR)
    assert string.terminal_voltage == pytest.approx(string.voltage.sum())
    assert string.heat == pytest.approx(string.cell_heat.sum())


def test_same_seed_same_bytes() -> None:
    def state(seed: int) -> bytes:
        string = CellString(load_cell("lfp-26650"), 24, seed=seed)
        for second in range(100):
            string.thevenin(1.0)
            string.step(2.0 if second % 3 else -1.0, 1.0, AIR)
        return b"".join(vector.tobytes() for vector in (string.voltage, string.soc, string.temperature))

    assert state(7) == state(7)
    assert state(7) != state(8)


def test_spread_has_the_deviations_asked_for() -> None:
    spread = Spread(capacity=0.02, resistance=0.05, soc=0.004, temperature=0.5)
    string = CellString(load_cell("lfp-26650"), 4000, spread=spread, soc=0.5, temperature=20)
    for vector, middle, deviation in [
        (string.capacity / load_cell("lfp-26650").nominal_capacity, 1.0, 0.02),
        (string.resistance_factor, 1.0, 0.05),
        (string.soc, 0.5, 0.004),
        (string.temperature, 20.0, 0.5),
    ]:
        assert vector.mean() == pytest.approx(middle, abs=deviation / 15)
        assert vector.std() == pytest.approx(deviation, rel=0.05)
        assert np.abs(vector - middle).max() <= 3 * deviation * (1 + 1e-9)
    assert abs(np.corrcoef(string.capacity, string.resistance_factor)[0, 1]) < 0.1


def test_without_spread_every_cell_is_alike() -> None:
    string = CellString(load_cell("lnmo-1ah"), 24, spread=NO_SPREAD)
    string.step(1.0, 600.0, 10.0)
    for vector in (string.voltage, string.soc, string.temperature, string.capacity):
        assert np.ptp(vector) == 0


def test_a_string_at_rest_in_its_air_stays_as_it_is() -> None:
    """Temperature spread is the air's, not a start value: a soaked module neither drifts nor evens out."""
    string = CellString(load_cell("lfp-26650"), 24, temperature=-10.0)
    before = string.temperature.copy()
    string.step(0.0, 36000.0, -10.0)
    assert string.temperature == pytest.approx(before, abs=1e-9)
    assert np.ptp(before) > 0.1


def test_a_weak_cell_meets_both_limits_first() -> None:
    cell = load_cell("nmc811-21700")
    string = CellString(cell, 24, seed=1, soc=0.5)
    string.set_capacity_factor(7, 0.7)
    while string.voltage.max() < cell.voltage_max:
        string.step(2.5, 10.0, AIR)
    assert string.voltage.argmax() == 7
    while string.voltage.min() > cell.voltage_min:
        string.step(-2.5, 10.0, AIR)
    assert string.voltage.argmin() == 7


def test_a_resistive_cell_drops_and_heats_most() -> None:
    string = CellString(load_cell("lfp-26650"), 24, seed=1, soc=0.5)
    string.set_resistance_factor(3, 2.0)
    string.step(-4.0, 60.0, AIR)
    assert string.voltage.argmin() == 3
    assert string.cell_heat.argmax() == 3


def test_a_defect_is_relative_to_the_cell_as_made() -> None:
    string = CellString(load_cell("lfp-26650"), 24, seed=1)
    made, resistance = string.capacity[7], string.resistance_factor[7]
    string.set_capacity_factor(7, 0.5)
    string.set_capacity_factor(7, 0.7)
    string.set_resistance_factor(7, 3.0)
    assert string.capacity[7] == pytest.approx(0.7 * made)
    assert string.resistance_factor[7] == pytest.approx(3.0 * resistance)


def test_nobody_writes_into_the_state() -> None:
    string = CellString(load_cell("lfp-26650"), 2)
    for vector in (string.soc, string.voltage, string.temperature, string.capacity, string.resistance_factor):
        with pytest.raises(ValueError, match="read-only"):
            vector[0] = 1.0


@pytest.mark.parametrize("duration", [0.0, -1.0])
def test_time_only_moves_forward(duration: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        CellString(load_cell("lfp-26650"), 2).step(1.0, duration, AIR)


@pytest.mark.parametrize(("series", "parallel"), [(0, 1), (1, 0), (-3, 1)])
def test_an_empty_string_is_refused(series: int, parallel: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        CellString(load_cell("lfp-26650"), series, parallel)


def test_a_defect_outside_the_string_is_refused() -> None:
    string = CellString(load_cell("lfp-26650"), 24)
    with pytest.raises(ValueError, match="no cell 24 in a string of 24; give 0 to 23"):
        string.set_capacity_factor(24, 0.7)
    with pytest.raises(ValueError, match="no cell -1"):
        string.set_resistance_factor(-1, 2.0)
    with pytest.raises(ValueError, match="factor 0 for cell 3"):
        string.set_capacity_factor(3, 0.0)


@pytest.mark.parametrize("name", ["capacity", "resistance"])
def test_a_spread_that_could_leave_no_cell_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} spread 0.5"):
        Spread(**{name: 0.5})
