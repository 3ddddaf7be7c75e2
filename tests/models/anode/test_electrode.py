"""A negative electrode under a current: what it must conserve, where it must end, and a full model's figures for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anode import FINE, NegativeElectrode, available_anodes, course, load_anode
from truth.tables.anode import CHARGES, ours, steps

SETS = available_anodes()


def lowest(anode: str, rate: float, temperature: float, *, soc: float = 0.1, to: float = 0.8) -> float:
    """V of a charge at one rate, in rows of 1 s."""
    time = np.arange(0.0, 3600.0 * (to - soc) / rate)
    same = np.ones(len(time))
    return float(course(load_anode(anode), soc, time, rate * same, temperature * same).potential.min())


def charged(anode: str, rate: float, seconds: float, steps_of: float, temperature: float = 25.0) -> NegativeElectrode:
    electrode = NegativeElectrode(load_anode(anode), 0.2)
    for _ in range(round(seconds / steps_of)):
        electrode.step(rate, steps_of, temperature)
    return electrode


# --- what must be so ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anode", SETS)
def test_a_rest_ends_at_the_open_circuit_potential_of_what_was_charged(anode: str) -> None:
    electrode = charged(anode, 1.0, 1200, 10)
    assert electrode.potential < electrode.parameters.open_circuit_potential(electrode.soc) - 0.003
    for _ in range(2000):
        electrode.step(0.0, 600.0, 25.0)
    assert electrode.potential == pytest.approx(electrode.parameters.open_circuit_potential(electrode.soc), abs=5e-4)


@pytest.mark.parametrize("anode", SETS)
def test_an_electrode_at_rest_stays_at_rest(anode: str) -> None:
    electrode = NegativeElectrode(load_anode(anode), 0.37)
    for temperature in (25.0, -10.0, 45.0):
        for duration in (0.1, 60.0, 86400.0):
            potential = electrode.step(0.0, duration, temperature)
            assert potential == pytest.approx(electrode.parameters.open_circuit_potential(0.37), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    anode=st.sampled_from(SETS), soc=st.floats(0.05, 0.6), temperature=st.floats(-20, 50),
    stages=st.lists(st.tuples(st.floats(-1.5, 2.0), st.floats(0.5, 200.0)), min_size=1, max_size=6),
)  # fmt: skip
def test_lithium_is_what_flowed_and_salt_what_it_was(
    anode: str, soc: float, temperature: float, stages: list[tuple[float, float]]
) -> None:
    electrode = NegativeElectrode(load_anode(anode), soc)
    salt = electrode.salt
    for rate, duration in stages:
        assert np.isfinite(electrode.step(rate, duration, temperature))
    charge = sum(rate * duration for rate, duration in stages) / 3600
    assert electrode.soc == pytest.approx(soc + charge, abs=1e-9)
    assert electrode.salt == pytest.approx(salt, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    anode=st.sampled_from(SETS), soc=st.floats(0.0, 1.0), temperature=st.floats(-30, 60), rate=st.floats(-6, 6),
    duration=st.floats(1.0, 120.0),
)  # fmt: skip
def test_no_current_is_too_large_for_an_answer(
    anode: str, soc: float, temperature: float, rate: float, duration: float
) -> None:
    """Beyond full, empty, and with the salt used up: a number."""
    assert np.isfinite(NegativeElectrode(load_anode(anode), soc).step(rate, duration, temperature))


@pytest.mark.parametrize("anode", SETS)
@pytest.mark.parametrize("rate", [0.5, 1.5])
def test_the_lowest_potential_does_not_depend_on_the_steps(anode: str, rate: float) -> None:
    found = [charged(anode, rate, 1080, size).potential for size in (1.0, 12.0, 60.0)]
    assert np.ptp(found) < 0.4e-3


def test_more_depths_say_the_same() -> None:
    of, time = load_anode("graphite-chen2020"), np.arange(0.0, 1680.0, 5.0)
    fast, warm = np.full(len(time), 1.5), np.full(len(time), 25.0)
    found = []
    for cells in (FINE.cells, 2 * FINE.cells):
        electrode = NegativeElectrode(of, 0.1, cells)
        found.append(min(electrode.step(*each) for each in zip(fast[1:], np.diff(time), warm[1:], strict=True)))
    assert found[0] == pytest.approx(found[1], abs=0.2e-3)


@settings(max_examples=15, deadline=None)
@given(
    anode=st.sampled_from(SETS), rate=st.floats(0.3, 1.4), faster=st.floats(0.1, 0.5), temperature=st.floats(-10, 40),
    warmer=st.floats(1, 10),
)  # fmt: skip
def test_a_faster_and_a_colder_charge_come_nearer_to_lithium(
    anode: str, rate: float, faster: float, temperature: float, warmer: float
) -> None:
    plain = lowest(anode, rate, temperature)
    assert lowest(anode, rate + faster, temperature) < plain
    assert lowest(anode, rate, temperature + warmer) > plain


def test_a_discharge_goes_away_from_lithium() -> None:
    electrode = NegativeElectrode(load_anode("graphite-chen2020"), 0.8)
    assert electrode.step(-1.0, 60.0, 25.0) > electrode.parameters.open_circuit_potential(0.8) + 0.01


def test_memory_a_charge_after_a_charge_is_nearer_than_after_a_rest() -> None:
    """What a map of pulses from rest cannot know."""
    sustained, rested = (
        charged("graphite-chen2020", 1.5, 600, 5),
        NegativeElectrode(load_anode("graphite-chen2020"), 0.45),
    )
    assert sustained.soc == pytest.approx(rested.soc)
    for electrode in (sustained, rested):
        for _ in range(30):
            electrode.step(1.5, 1.0, 25.0)
    assert sustained.potential < rested.potential - 0.01


def test_electrons_that_have_it_hard_let_the_reaction_go_to_the_collector() -> None:
    """Away from the separator, where it is nearest to lithium."""
    good = load_anode("graphite-chen2020")
    bad = replace(good, conductivity=0.1)
    found = [NegativeElectrode(of, 0.5).step(1.0, 10.0, 25.0) for of in (good, bad)]
    assert found[1] > found[0] + 0.002


def test_a_course_is_fine_behind_an_edge() -> None:
    """What a meter that scans each second would see of the first seconds, and of a stage that follows another."""
    time = np.arange(0.0, 200.0)
    rate = np.where(time > 20, np.where(time > 120, 0.5, 1.5), 0.0)
    found = course(load_anode("graphite-prada2013"), 0.3, time, rate, np.full(len(time), 25.0))
    electrode = NegativeElectrode(load_anode("graphite-prada2013"), 0.3)
    fine = np.array([electrode.potential, *(electrode.step(each, 1.0, 25.0) for each in rate[1:])])
    for second in (21, 22, 24, 28, 120, 121, 122, 124):
        assert np.interp(second, found.time, found.potential) == pytest.approx(fine[second], abs=1e-3), second


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan")])
def test_time_only_moves_forward(duration: float) -> None:
    with pytest.raises(ValueError, match="time only moves forward"):
        NegativeElectrode(load_anode("graphite-chen2020"), 0.5).step(1.0, duration, 25.0)


def test_a_charge_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="a state of charge of nan"):
        NegativeElectrode(load_anode("graphite-chen2020"), float("nan"))


@pytest.mark.parametrize(
    "rows", [([0.0], [1.0], [25.0]), ([0.0, 1.0], [1.0], [25.0, 25.0]), ([0.0, 1.0], [1.0, np.nan], [25.0, 25.0])]
)
def test_a_course_needs_rows_of_numbers(rows: tuple[list[float], ...]) -> None:
    time, rate, temperature = map(np.array, rows)
    with pytest.raises(ValueError, match="a course needs two rows or more"):
        course(load_anode("graphite-chen2020"), 0.5, time, rate, temperature)


# --- a full electrochemical model -----------------------------------------------------------------------------------

DFN = {
    ("graphite-chen2020", "0.5C", 0.0): -33.7,
    ("graphite-chen2020", "0.5C", 25.0): 17.0,
    ("graphite-chen2020", "1C", 0.0): -90.1,
    ("graphite-chen2020", "1C", 10.0): -70.1,
    ("graphite-chen2020", "1C", 25.0): -40.6,
    ("graphite-chen2020", "1C", 40.0): -13.1,
    ("graphite-chen2020", "1.5C", 0.0): -154.1,
    ("graphite-chen2020", "1.5C", 10.0): -136.3,
    ("graphite-chen2020", "1.5C", 25.0): -109.9,
    ("graphite-chen2020", "1.5C", 40.0): -84.1,
    ("graphite-chen2020", "2C to 30 %, 1.5C to 55 %, 0.9C", 0.0): -100.6,
    ("graphite-chen2020", "2C to 30 %, 1.5C to 55 %, 0.9C", 25.0): -52.7,
    ("graphite-chen2020", "1.5C to 30 %, 1C to 55 %, 0.5C", 0.0): -58.0,
    ("graphite-chen2020", "1.5C to 30 %, 1C to 55 %, 0.5C", 25.0): -9.6,
    ("graphite-prada2013", "0.5C", 0.0): 2.9,
    ("graphite-prada2013", "0.5C", 25.0): 50.7,
    ("graphite-prada2013", "1C", 0.0): -33.8,
    ("graphite-prada2013", "1C", 10.0): -12.3,
    ("graphite-prada2013", "1C", 25.0): 18.3,
    ("graphite-prada2013", "1C", 40.0): 44.0,
    ("graphite-prada2013", "1.5C", 0.0): -59.3,
    ("graphite-prada2013", "1.5C", 10.0): -38.5,
    ("graphite-prada2013", "1.5C", 25.0): -7.8,
    ("graphite-prada2013", "1.5C", 40.0): 20.7,
    ("graphite-prada2013", "2C", 0.0): -82.4,
    ("graphite-prada2013", "2C", 25.0): -32.3,
    ("graphite-prada2013", "2C to 30 %, 1.5C to 55 %, 0.9C", 0.0): -38.6,
    ("graphite-prada2013", "2C to 30 %, 1.5C to 55 %, 0.9C", 25.0): 13.4,
    ("graphite-prada2013", "1.5C to 30 %, 1C to 55 %, 0.5C", 0.0): -3.6,
    ("graphite-prada2013", "1.5C to 30 %, 1C to 55 %, 0.5C", 25.0): 48.4,
}
"""mV: lowest potential in a charge from rest at 10 % to 80 %, by set, charge and degC, of the Doyle-Fuller-Newman model
of PyBaMM 26.10.1.1 with its own parameter sets Chen2020 and Prada2013 (`truth/tables/anode.py`)."""

MAP = {
    ("graphite-chen2020", -10.0): {0.1: 1.859, 0.3: 0.609, 0.5: 0.406, 0.8: 0.156},
    ("graphite-chen2020", 10.0): {0.1: 2.344, 0.3: 1.078, 0.5: 0.828, 0.8: 0.375},
    ("graphite-chen2020", 25.0): {0.1: 2.734, 0.3: 1.484, 0.5: 1.25, 0.8: 0.641},
    ("graphite-prada2013", 10.0): {0.3: 2.078, 0.5: 1.719, 0.8: 0.703},
    ("graphite-prada2013", 25.0): {0.3: 3.141, 0.5: 2.984, 0.8: 1.297},
}  # fmt: skip
"""Rates (A over the sets' nominal 5.0 and 2.3 Ah) that leave 10 mV after 30 s from rest, by the same model."""
NOMINAL = {"graphite-chen2020": 5.0 / (0.065 * 1.58), "graphite-prada2013": 2.3 / (0.6 * 0.3)}
"""Ah/m2."""


@pytest.mark.parametrize(("anode", "charge", "temperature"), DFN)
def test_the_lowest_potential_is_that_of_a_full_model(anode: str, charge: str, temperature: float) -> None:
    time, rate = steps(next(each for each in CHARGES if each.name == charge))
    found = 1e3 * ours(anode, time, rate, temperature).min()
    assert found == pytest.approx(DFN[anode, charge, temperature], abs=2.0)


@pytest.mark.parametrize(("anode", "temperature"), MAP)
def test_the_map_of_pulses_is_that_of_a_full_model(anode: str, temperature: float) -> None:
    for soc, rate in MAP[anode, temperature].items():
        electrode = NegativeElectrode(load_anode(anode), soc)
        for _ in range(30):
            electrode.step(rate * NOMINAL[anode] / electrode.parameters.capacity, 1.0, temperature)
        assert electrode.potential == pytest.approx(0.010, abs=0.003), soc
