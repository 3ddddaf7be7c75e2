"""The table of a battery-management system: in steps, and never above the finer one that it is made from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cell import ChargeLimit, available_cells, load_cell
from models.steps import StepTable, steps_of

TABLE = StepTable((0.0, 10.0, 45.0), (0.0, 0.5), ((0.2, 0.1), (1.0, 0.5), (0.3, 0.3)))


@pytest.mark.parametrize(
    ("coldest", "hottest", "soc", "rate"),
    [
        (-0.1, 20.0, 0.2, 0.0),
        (0.0, 0.0, 0.2, 0.2), (9.99, 9.99, 0.2, 0.2), (10.0, 10.0, 0.2, 1.0), (44.9, 44.9, 0.49, 1.0),
        (10.0, 10.0, 0.5, 0.5), (10.0, 10.0, 1.2, 0.5), (10.0, 10.0, -0.1, 1.0),
        (20.0, 45.0, 0.2, 0.3), (5.0, 20.0, 0.2, 0.2), (99.0, 99.0, 0.2, 0.3),
    ],
)  # fmt: skip
def test_a_step_holds_from_where_it_begins_and_the_worse_temperature_counts(
    coldest: float, hottest: float, soc: float, rate: float
) -> None:
    assert TABLE.rate(coldest, hottest, soc) == rate


def test_nothing_known_of_the_charge_is_taken_for_full() -> None:
    assert TABLE.rate(20.0, 20.0, float("nan")) == 0.5


@pytest.mark.parametrize("name", available_cells())
@given(st.floats(-60.0, 90.0), st.floats(-0.1, 1.1))
def test_in_no_point_is_it_above_the_cells_own_table(name: str, temperature: float, soc: float) -> None:
    cell = load_cell(name)
    steps = _known.setdefault(name, steps_of(cell))
    fine = float(cell.charge_limit.c_rate_at(temperature, soc))
    assert 0.0 <= steps.rate(temperature, temperature, soc) <= fine + 1e-9


_known: dict[str, StepTable] = {}


@pytest.mark.parametrize("name", available_cells())
def test_it_is_coarse_and_yet_charges(name: str) -> None:
    """At 25 degC between a half and all of the finer table, and the same over a whole step."""
    cell = load_cell(name)
    steps = steps_of(cell)
    soc = np.linspace(0.1, 0.8, 71)
    share = [steps.rate(25.0, 25.0, each) / float(cell.charge_limit.c_rate_at(25.0, each)) for each in soc]
    assert 0.5 < min(share) <= max(share) <= 1.0
    assert len({steps.rate(at, at, each) for at in (23.0, 25.0, 27.0) for each in (0.36, 0.4, 0.44)}) == 1


@given(st.lists(st.lists(st.floats(0.0, 3.0), min_size=4, max_size=4), min_size=4, max_size=4))
def test_a_table_with_dips_is_not_missed_between_the_edges_of_a_step(rates: list[list[float]]) -> None:
    """Its least value may lie where it has a point of its own, in the middle of a step."""
    limit = ChargeLimit(np.array([-10.0, 1.0, 2.0, 30.0]), np.array([0.0, 0.4, 0.41, 1.0]), np.array(rates))
    steps = steps_of(replace(load_cell("lfp-26650"), charge_limit=limit))
    for temperature in (-10.0, 0.9, 1.0, 1.5, 2.0, 2.4, 29.0, 40.0):
        for soc in (0.0, 0.36, 0.4, 0.41, 0.44, 0.9, 1.0):
            fine = float(limit.c_rate_at(temperature, soc))
            assert steps.rate(temperature, temperature, soc) <= fine + 1e-9


@pytest.mark.parametrize(
    ("temperature", "soc", "c_rate", "says"),
    [
        ((10.0, 0.0), (0.0,), ((1.0,), (1.0,)), r"temperature \[10.0, 0.0\] does not rise"),
        ((), (0.0,), (), r"temperature \[\] does not rise"),
        ((0.0, float("nan")), (0.0,), ((1.0,), (1.0,)), "does not rise"),
        ((0.0,), (0.0, 1.5), ((1.0, 1.0),), r"soc \[0.0, 1.5\] is not of 0 to 1"),
        ((0.0,), (0.0, 0.5), ((1.0,),), "c_rate is not a row of 2 rates for each of 1 temperatures"),
        ((0.0, 5.0), (0.0,), ((1.0,),), "c_rate is not a row of 1 rates for each of 2 temperatures"),
        ((0.0,), (0.0,), ((-1.0,),), "c_rate has a rate below 0"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_one_sentence(
    temperature: tuple[float, ...], soc: tuple[float, ...], c_rate: tuple[tuple[float, ...], ...], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        StepTable(temperature, soc, c_rate)
