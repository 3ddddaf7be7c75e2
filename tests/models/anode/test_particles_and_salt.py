"""Diffusion in particles and in the electrolyte against analytic solutions and what must be conserved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.anode import load_anode
from models.anode.parameters import FARADAY
from models.anode.salt import IN_SEPARATOR, Salt
from models.anode.sphere import Spheres

ROOTS = np.array([4.493409458, 7.725251837, 10.904121659, 14.066193912, 17.220755272, 20.371302959, 23.519452499])
"""The first of tan x = x."""


def crank(time: float) -> float:
    """Content at the surface of a sphere, less at the beginning, over a constant flux (J. Crank, 1975, eq. 6.45)."""
    return float(3 * time + 0.2 - 2 * (np.exp(-(ROOTS**2) * time) / ROOTS**2).sum())


@pytest.mark.parametrize("time", [0.02, 0.05, 0.1, 0.3, 1.0])
def test_a_constant_flux_fills_a_sphere_as_crank_says(time: float) -> None:
    particles = Spheres(2, 0.3)
    without, by_flux = particles.ahead(time)
    assert without == pytest.approx([0.3, 0.3], abs=1e-12)
    assert by_flux == pytest.approx(crank(time), rel=0.01)


def test_short_times_go_by_the_root_of_time() -> None:
    """Before the curvature counts a surface is a plane: 2 sqrt(t/pi)."""
    _, by_flux = Spheres(1, 0.0).ahead(1e-3)
    assert by_flux == pytest.approx(2 * np.sqrt(1e-3 / np.pi), rel=0.05)


@given(
    times=st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=8),
    fluxes=st.lists(st.floats(-0.2, 0.2), min_size=8, max_size=8),
)
def test_a_particle_holds_what_has_flowed_into_it(times: list[float], fluxes: list[float]) -> None:
    particles, entered = Spheres(1, 0.5), 0.0
    for time, flux in zip(times, fluxes, strict=False):
        particles.ahead(time)
        particles.step(np.array([flux]))
        entered += 3 * flux * time  # the surface of a unit sphere over its volume
    assert particles.mean[0] - 0.5 == pytest.approx(entered, abs=1e-9)


def test_one_long_step_is_many_short_ones() -> None:
    once, often = Spheres(1, 0.5), Spheres(1, 0.5)
    once.ahead(0.3)
    once.step(np.array([0.1]))
    for _ in range(300):
        often.ahead(0.001)
        often.step(np.array([0.1]))
    assert often.contents == pytest.approx(once.contents, abs=1e-12)
    assert np.all(np.diff(once.contents[:, 0]) > 0)  # fuller towards the outside


def test_a_rest_makes_a_particle_the_same_everywhere() -> None:
    particles = Spheres(1, 0.5)
    for flux, time in ((0.1, 0.2), (0.0, 5.0)):
        particles.ahead(time)
        particles.step(np.array([flux]))
    assert np.ptp(particles.contents) < 1e-9
    assert particles.mean[0] == pytest.approx(0.56, abs=1e-9)


# --- salt ---------------------------------------------------------------------------------------------------------


def carried(salt: Salt, current: float, seconds: float, steps: int) -> None:
    """A uniform reaction along the electrode."""
    cells = salt.cells
    for _ in range(steps):
        without, by_reaction = salt.ahead(seconds, current)
        salt.concentration = without + by_reaction @ np.full(cells, current / 34e-6)


def test_a_steady_current_has_the_gradient_of_ficks_law_in_the_separator() -> None:
    """Prada2013, whose diffusivity is one number: (1 - t+) i / (F D) over what the pores leave of it."""
    of = load_anode("graphite-prada2013")
    salt = Salt(of, 10)
    carried(salt, 30.0, 60.0, 200)
    first, last = salt.concentration[10], salt.concentration[10 + IN_SEPARATOR - 1]
    slope = (1 - 0.36) * 30.0 / (FARADAY * 2e-10 * 0.45**1.5)
    assert last - first == pytest.approx(slope * 25e-6 * (IN_SEPARATOR - 1) / IN_SEPARATOR, rel=1e-6)
    assert salt.concentration[0] < 1200 < salt.concentration[-1]  # drawn down where it is taken in a charge


@given(current=st.floats(-60, 60), seconds=st.floats(0.1, 600), steps=st.integers(1, 20))
def test_the_salt_stays_what_it_was(current: float, seconds: float, steps: int) -> None:
    salt = Salt(load_anode("graphite-prada2013"), 10)
    before = salt.amount
    carried(salt, current, seconds, steps)
    assert salt.amount == pytest.approx(before, rel=1e-9)
