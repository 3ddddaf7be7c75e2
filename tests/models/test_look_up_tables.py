"""The fast tables against a plain interpolation of the same numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tables import LookUpTables

TEMPERATURE = np.array([-20.0, 0.0, 25.0, 45.0])
SOC = np.linspace(0.0, 1.0, 6)
CURVES = np.array([[3.0, 3.2, 3.3, 3.31, 3.4, 3.6], [0.0, 1.0, -1.0, 2.0, 0.0, 5.0]])
SURFACES = np.array(
    [
        [[90, 80, 80, 80, 80, 85], [40, 30, 30, 30, 30, 31], [15, 10, 10, 9, 10, 12], [9, 8, 7, 7, 7, 8]],
        [[5, 5, 5, 5, 5, 5], [4, 4, 4, 4, 4, 4], [3, 3, 3, 3, 3, 3], [2, 2, 2, 2, 2, 2]],
    ],
    dtype=float,
)

inside = st.floats(0.0, 1.0)
anywhere = st.floats(-0.5, 1.5)
degrees = st.floats(-60.0, 90.0)


def plain_surface(surface: np.ndarray, soc: float, temperature: float) -> float:
    rows = [np.interp(soc, SOC, np.log(row)) for row in surface]
    return float(np.exp(np.interp(temperature, TEMPERATURE, rows)))


@given(points=st.lists(st.tuples(inside, degrees), min_size=1, max_size=30))
def test_it_reads_what_a_plain_interpolation_reads(points: list[tuple[float, float]]) -> None:
    soc, temperature = (np.array(values) for values in zip(*points, strict=True))
    tables = LookUpTables(CURVES, SURFACES, TEMPERATURE, len(points))
    tables.look_up(soc, temperature)
    for value, curve in zip(tables.value, CURVES, strict=True):
        assert value == pytest.approx(np.interp(soc, SOC, curve), abs=1e-12)
    for found, surface in zip(tables.surface, SURFACES, strict=True):
        assert found == pytest.approx([plain_surface(surface, *point) for point in points])


@given(
    starts=st.lists(st.tuples(anywhere, degrees), min_size=2, max_size=2),
    moves=st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-40.0, 40.0)), min_size=1, max_size=12),
)
def test_what_was_read_before_leaves_no_trace(
    starts: list[tuple[float, float]], moves: list[tuple[float, float]]
) -> None:
    """One of two points wanders, over its segment and its row or within them: each time it reads like new tables."""
    soc, temperature = (np.array(values) for values in zip(*starts, strict=True))
    tables = LookUpTables(CURVES, SURFACES, TEMPERATURE, 2)
    for further, warmer in [(0.0, 0.0), *moves]:
        soc[1] += further
        temperature[1] += warmer
        tables.look_up(soc, temperature)
        anew = LookUpTables(CURVES, SURFACES, TEMPERATURE, 2)
        anew.look_up(soc, temperature)
        assert tables.value == pytest.approx(anew.value, rel=1e-12, abs=1e-12)
        assert (tables.slope == anew.slope).all()
        assert tables.surface == pytest.approx(anew.surface, rel=1e-12)


@given(soc=anywhere, temperature=degrees)
def test_the_slope_is_the_derivative_of_the_value(soc: float, temperature: float) -> None:
    tables = LookUpTables(CURVES, SURFACES, TEMPERATURE, 3)
    step = 1e-6
    tables.look_up(np.array([soc - step, soc, soc + step]), np.full(3, temperature))
    left, middle, right = tables.value[0]
    sides = sorted([(middle - left) / step, (right - middle) / step])
    assert sides[0] - 1e-6 <= tables.slope[0, 1] <= sides[1] + 1e-6


def test_the_ends_of_the_curves_go_on_in_a_straight_line() -> None:
    tables = LookUpTables(CURVES, SURFACES, TEMPERATURE, 2)
    tables.look_up(np.array([-0.5, 1.5]), np.array([25.0, 25.0]))
    assert tables.value[0] == pytest.approx([3.0 - 0.5, 3.6 + 0.5])
    assert np.all(tables.surface > 0)


def test_one_temperature_is_a_table_too() -> None:
    tables = LookUpTables(CURVES, SURFACES[:, :1], TEMPERATURE[:1], 2)
    tables.look_up(np.array([0.4, 0.4]), np.array([-40.0, 60.0]))
    assert tables.surface[0] == pytest.approx([80.0, 80.0])


@pytest.mark.parametrize("alike", [(), (1,), (0,), (0, 1)])
def test_surfaces_that_are_the_same_everywhere_are_there_from_the_beginning(alike: tuple[int, ...]) -> None:
    surfaces = SURFACES.copy()
    surfaces[list(alike)] = 7.0
    tables = LookUpTables(CURVES, surfaces, TEMPERATURE, 3)
    assert tables.surface[tables.varying :] == pytest.approx(np.full((2 - tables.varying, 3), 7.0))
    tables.look_up(np.array([0.1, 0.5, 0.9]), np.array([-30.0, 10.0, 60.0]))
    for found, surface in zip(tables.surface, surfaces, strict=True):
        expected = [plain_surface(surface, *point) for point in ((0.1, -30.0), (0.5, 10.0), (0.9, 60.0))]
        assert found == pytest.approx(expected)


def test_only_the_last_surfaces_are_left_alone() -> None:
    """One that is the same everywhere, before another that is not, is read like that one."""
    first, last = SURFACES.copy(), SURFACES.copy()
    first[0], last[1] = 7.0, 7.0
    assert [LookUpTables(CURVES, each, TEMPERATURE, 1).varying for each in (first, last, SURFACES)] == [2, 1, 2]


def test_geometric_between_close_points_is_linear_for_practical_purposes() -> None:
    """A resistance that changes by a fifth within one segment leaves the line by half a per cent."""
    tables = LookUpTables(np.array([[3.0, 4.0]]), np.array([[[1.0, 1.2]]]), TEMPERATURE[:1], 101)
    soc = np.linspace(0, 1, 101)
    tables.look_up(soc, np.full(101, 25.0))
    assert tables.surface[0] == pytest.approx(1.0 + 0.2 * soc, rel=0.005)
