"""Thermal masses in air: the exponential, whatever the step."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.thermal import LumpedMasses


def test_a_mass_cools_towards_the_air_with_its_time_constant() -> None:
    masses = LumpedMasses(1, heat_capacity=100.0, conductance=0.5, temperature=45.0)
    masses.step(0.0, 5.0, 300.0)
    assert masses.temperature[0] == pytest.approx(5.0 + 40.0 * exp(-300 * 0.5 / 100))


def test_heat_lifts_a_mass_above_the_air() -> None:
    masses = LumpedMasses(1, heat_capacity=100.0, conductance=0.5, temperature=25.0)
    masses.step(2.0, 25.0, 1e6)
    assert masses.temperature[0] == pytest.approx(25.0 + 2.0 / 0.5)


def test_a_nearly_insulated_mass_keeps_its_energy() -> None:
    masses = LumpedMasses(1, heat_capacity=100.0, conductance=1e-9, temperature=25.0)
    for _ in range(1000):
        masses.step(5.0, -40.0, 1.0)
    assert masses.temperature[0] == pytest.approx(25.0 + 5000.0 / 100.0, abs=1e-4)


@given(
    durations=st.lists(st.floats(0.01, 1000.0), min_size=1, max_size=20),
    heat=st.floats(-5.0, 20.0),
    air=st.floats(-40.0, 80.0),
)
def test_step_sizes_do_not_matter(durations: list[float], heat: float, air: float) -> None:
    once, often = (LumpedMasses(1, heat_capacity=80.0, conductance=0.2, temperature=20.0) for _ in range(2))
    once.step(heat, air, sum(durations))
    for duration in durations:
        often.step(heat, air, duration)
    assert often.temperature[0] == pytest.approx(once.temperature[0], abs=1e-9)


def test_each_mass_has_its_own_data_heat_and_air() -> None:
    masses = LumpedMasses(3, heat_capacity=[100, 50, 100], conductance=[1, 1, 2], temperature=[10, 20, 30])
    masses.step(np.array([0.0, 1.0, 2.0]), np.array([0.0, 10.0, 20.0]), 40.0)
    expected = [
        10 * exp(-0.4),
        11 + (20 - 11) * exp(-0.8),
        21 + (30 - 21) * exp(-0.8),
    ]
    assert masses.temperature == pytest.approx(expected)


def test_the_temperature_vector_follows_and_cannot_be_written() -> None:
    masses = LumpedMasses(2, heat_capacity=100.0, conductance=1.0)
    view = masses.temperature
    masses.step(0.0, 0.0, 1e6)
    assert view == pytest.approx([0.0, 0.0])
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 25.0


@pytest.mark.parametrize(
    ("heat_capacity", "conductance", "sentence"),
    [
        (0.0, 1.0, "heat_capacity is 0 J/K"),
        (100.0, -1.0, "conductance is -1 W/K"),
        (100.0, float("nan"), "conductance is nan W/K"),
    ],
)
def test_a_mass_without_substance_is_refused(heat_capacity: float, conductance: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LumpedMasses(2, heat_capacity=heat_capacity, conductance=conductance)
