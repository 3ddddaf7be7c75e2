"""Where each parameter stands: each has one place, and a row reads its table between the points around it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitting.layout import KNOTS, Layout

LAYOUT = Layout(11, np.array([-10.0, 0.0, 25.0]), 3, 4)


@pytest.mark.parametrize("pairs", [2, 3])
@pytest.mark.parametrize("records", [1, 4])
def test_every_place_is_one_parameters_and_none_is_left_over(pairs: int, records: int) -> None:
    layout = Layout(11, np.array([0.0, 25.0]), pairs, records)
    places = np.arange(layout.count)
    taken = [
        *places[layout.ocv], *places[layout.entropic], *places[layout.hysteresis],
        *(place for which in range(pairs + 1) for place in places[layout.resistance(which)]),
        *(layout.tau(pair) for pair in range(1, pairs + 1)), *(layout.start(record) for record in range(records)),
    ]  # fmt: skip
    assert sorted(taken) == places.tolist()


inside = st.floats(0.0, 1.0)


@given(inside, st.floats(-10.0, 25.0))
def test_a_table_is_read_between_its_four_corners(soc: float, temperature: float) -> None:
    """A plane over charge and temperature is met everywhere."""
    plane = (2.0 * LAYOUT.temperature[:, np.newaxis] + 30.0 * KNOTS).ravel()
    places, weights = LAYOUT.box(np.array([soc]), np.array([temperature]))
    assert weights.min() >= -1e-12
    assert (plane[places] * weights).sum() == pytest.approx(2.0 * temperature + 30.0 * soc, abs=1e-9)


@pytest.mark.parametrize(
    ("soc", "temperature", "at"), [(-0.2, 5.0, (0.0, 5.0)), (1.3, 5.0, (1.0, 5.0)), (0.5, -40.0, (0.5, -10.0)),
                                   (0.5, 60.0, (0.5, 25.0)), (1.0, 25.0, (1.0, 25.0))],
)  # fmt: skip
def test_beyond_a_table_its_ends_hold(soc: float, temperature: float, at: tuple[float, float]) -> None:
    table = np.arange(3.0 * len(KNOTS))
    found, held = (
        (table[places] * weights).sum()
        for places, weights in (
            LAYOUT.box(np.array([charge]), np.array([degrees])) for charge, degrees in ((soc, temperature), at)
        )
    )
    assert found == pytest.approx(held)


@given(st.floats(-0.3, 1.3))
def test_the_open_circuit_voltage_goes_on_beyond_its_ends(soc: float) -> None:
    segment, share = LAYOUT.curve(np.array([soc]))
    volts = 3.0 + 1.2 * np.linspace(0.0, 1.0, LAYOUT.points)
    assert 0 <= segment[0] <= LAYOUT.points - 2
    found = volts[segment] * (1 - share) + volts[segment + 1] * share
    assert found[0] == pytest.approx(3.0 + 1.2 * soc, abs=1e-9)


def test_between_knots_a_curve_is_straight_and_its_ends_hold() -> None:
    knot, share = LAYOUT.knot(np.array([-1.0, 0.0, 0.25, 1.0, 2.0]))
    at = KNOTS[knot] * (1 - share) + KNOTS[knot + 1] * share
    assert at.tolist() == pytest.approx([0.0, 0.0, 0.25, 1.0, 1.0])
