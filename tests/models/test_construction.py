"""What a pack adds to its cells: size, joints, a path that no tap sees, and a housing."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from models.cell import CellParameters, load_cell
from models.construction import Construction, Housing, scaled
from models.string import NO_SPREAD, CellString

HOUSED = Construction(heat_capacity=40_000.0, coupling=200.0, housing_heat_capacity=20_000.0, loss=5.0)


def string(cell: CellParameters, construction: Construction, *, parallel: int = 1, soc: float = 0.5) -> CellString:
    return CellString(cell, 10, parallel, spread=NO_SPREAD, soc=soc, construction=construction)


def test_a_cell_twice_as_large_is_two_cells_side_by_side() -> None:
    cell = load_cell("nmc811-21700")
    large, two = (
        string(scaled(cell, 2 * cell.nominal_capacity), Construction()),
        string(cell, Construction(), parallel=2),
    )
    for _ in range(20):
        large.step(-6.0, 60.0, 25.0)
        two.step(-6.0, 60.0, 25.0)
    assert large.voltage == pytest.approx(two.voltage)
    assert large.temperature == pytest.approx(two.temperature)


@pytest.mark.parametrize("parallel", [1, 3])
def test_joints_are_seen_by_the_taps_and_the_path_only_at_the_ends(flat_cell: CellParameters, parallel: int) -> None:
    bare = string(flat_cell, Construction(), parallel=parallel)
    built = string(flat_cell, Construction(contact_resistance=0.002, path_resistance=0.05), parallel=parallel)
    assert built.thevenin(1.0)[1] - bare.thevenin(1.0)[1] == pytest.approx(10 * 0.002 + 0.05)
    for each in (bare, built):
        each.step(2.0, 1.0, 25.0)
    assert built.voltage - bare.voltage == pytest.approx(np.full(10, 2.0 * 0.002))
    assert built.terminal_voltage - bare.terminal_voltage == pytest.approx(2.0 * (10 * 0.002 + 0.05))


def test_the_forecast_holds_with_a_path(flat_cell: CellParameters) -> None:
    built = string(flat_cell, Construction(contact_resistance=0.002, path_resistance=0.05))
    electromotive, resistance = built.thevenin(60.0)
    built.step(-1.5, 60.0, 25.0)
    assert built.terminal_voltage == pytest.approx(electromotive - 1.5 * resistance, abs=1e-9)


def test_a_housed_pack_follows_its_air_over_hours_not_over_minutes(flat_cell: CellParameters) -> None:
    """60 kJ/K behind 5 W/K: the slow time constant is a little above 12000 s, whatever the cells alone would do."""
    pack = string(flat_cell, HOUSED)
    for _ in range(1200):
        pack.step(0.0, 10.0, 5.0)
    left = (float(pack.temperature.mean()) - 5.0) / 20.0
    assert 12000.0 / -log(left) == pytest.approx(60_000 / 5.0, rel=0.05)


def test_a_housing_goes_where_constant_neighbours_take_it_in_steps_of_any_size() -> None:
    once, often = (Housing(1000.0, 8.0, 2.0, 20.0) for _ in range(2))
    once.step(30.0, 10.0, 300.0)
    for _ in range(300):
        often.step(30.0, 10.0, 1.0)
    settled = (8 * 30 + 2 * 10) / 10
    assert once.temperature == pytest.approx(settled + (20 - settled) * exp(-3.0))
    assert often.temperature == pytest.approx(once.temperature)


def test_half_a_housing_is_refused() -> None:
    with pytest.raises(ValueError, match="a housing needs housing_heat_capacity, loss beside coupling"):
        Construction(coupling=3.0)


def test_a_third_pair_relaxes_like_the_others(flat_cell: CellParameters) -> None:
    third = replace(flat_cell, r3=0.1 * np.ones((2, 11)), tau3=np.array([3000.0, 3000.0]))
    one = CellString(third, 1, spread=NO_SPREAD, soc=0.5)
    electromotive, resistance = one.thevenin(600.0)
    one.step(1.0, 600.0, 25.0)
    built_up = 0.020 * (1 - exp(-20)) + 0.005 * (1 - exp(-2)) + 0.1 * (1 - exp(-0.2))
    assert one.terminal_voltage == pytest.approx(3.25 + 0.5 * 600 / 7200 + 0.010 + built_up)
    assert one.terminal_voltage == pytest.approx(electromotive + resistance)
    assert third.resistance_after(600.0, 0.5, 25.0) == pytest.approx(0.010 + built_up)
    one.step(0.0, 900.0, 25.0)
    assert one.terminal_voltage - one.open_circuit_voltage[0] == pytest.approx(
        0.005 * (1 - exp(-2)) * exp(-3) + 0.1 * (1 - exp(-0.2)) * exp(-0.3)
    )


@pytest.mark.parametrize("span", [0.01, 0.1])
def test_the_branch_crosses_over_within_the_span_of_the_cell(flat_cell: CellParameters, span: float) -> None:
    cell = replace(flat_cell, hysteresis=np.full(11, 0.02), hysteresis_span=span)
    one = CellString(cell, 1, spread=NO_SPREAD, soc=0.5, branch=-1.0)
    assert one.open_circuit_voltage[0] == pytest.approx(3.25 - 0.02)
    one.step(2.0, 3600 * span, 25.0)  # as much charge as the span is
    crossed = 0.02 * (1 - 2 * exp(-1))
    assert one.open_circuit_voltage[0] == pytest.approx(3.25 + 0.5 * span + crossed)
