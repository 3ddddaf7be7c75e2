"""What a meter at the house's connection tells: the grid, and what house and roof take or give without the charger."""

from math import inf, nan

import pytest

from bench import columns
from bench.managing.links import Mains
from bench.running.grid_meter import GridMeter

INDEX = {columns.MAINS_VOLTAGE: 2, columns.MAINS_FREQUENCY: 0, columns.CONNECTION_POWER: 1}


def meter(scale: float = 1.0) -> GridMeter:
    found = GridMeter.of(INDEX, scale)
    assert found is not None
    return found


def test_a_bench_without_one_has_none() -> None:
    others = {name: place for name, place in INDEX.items() if name != columns.CONNECTION_POWER}
    assert GridMeter.of(others, 1.0) is None


def test_the_grid_is_what_is_measured_of_it() -> None:
    assert meter().mains([49.9, 1000.0, 231.0]) == Mains(231.0, 49.9)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_what_the_connection_carries_without_the_charger_is_the_houses_or_the_roofs_in_their_own_size(
    scale: float,
) -> None:
    """A bench may be smaller than car and house. What is not measured at a scan is what it was; at first nothing."""
    found = meter(scale)
    course = [
        (nan, 0.0, (0.0, 0.0)), (700.0, 200.0, (500.0, 0.0)), (nan, 0.0, (500.0, 0.0)), (inf, 0.0, (500.0, 0.0)),
        (700.0, nan, (500.0, 0.0)), (-300.0, 100.0, (0.0, 400.0)), (nan, 0.0, (0.0, 400.0)), (50.0, 50.0, (0.0, 0.0)),
    ]  # fmt: skip
    for carried, charger, (house, sun) in course:
        assert found.site([50.0, carried, 230.0], charger) == (house / scale, sun / scale)
