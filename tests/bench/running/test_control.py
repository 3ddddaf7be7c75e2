"""What source and sink are told from one scan to the next, as the instrument hears it."""

import pytest

from bench.columns import CELL_VOLTAGE_MAX, CHARGE_LIMIT, DERIVED, INDEX, VOLTAGE
from bench.running.flow import Flow
from bench.running.procedures import Stage, procedure_for
from bench.scenario import Charge, Discharge, elapsed
from bench.testing import TestBench
from tests.bench.fakes import CELLS, Plant

LIMIT, HIGHEST, LOWEST = 3.45, 4 * 3.45, 4 * 3.05
"""V of a cell, and of the whole string, of the little pack."""


def told(bench: TestBench, plant: Plant, voltage: float, headroom: float) -> float:
    """Voltage that the source is told to hold after a row with these terminals and this head-room, V."""
    row = [0.0] * len(DERIVED)
    row[INDEX[VOLTAGE]], row[INDEX[CELL_VOLTAGE_MAX]], row[INDEX[CHARGE_LIMIT]] = voltage, LIMIT - headroom, 4.0
    engine = bench.engine
    charge = procedure_for(Charge("1C", elapsed(hours=1)), engine.bench)
    flow = Flow(engine.bench.roles, charge.envelope(), engine.sampler.ask, "charge")
    charge.begin(Stage(engine.bench, flow, engine.sampler, engine.log))(row, 0.0)
    return plant.set_voltage


@pytest.mark.parametrize("headroom", [0.08, 0.02, 0.0, -0.02])
def test_near_its_limit_the_highest_cell_comes_half_of_the_way_with_each_scan(
    little_bench: TestBench, plant: Plant, headroom: float
) -> None:
    """What the terminals gain, all cells share: half of it closes on the limit, more would pass it and swing."""
    gained = (told(little_bench, plant, 13.0, headroom) - 13.0) / CELLS
    assert gained == pytest.approx(headroom / 2)


def test_far_from_its_limit_the_pack_s_highest_voltage_is_held(little_bench: TestBench, plant: Plant) -> None:
    assert told(little_bench, plant, 13.0, 0.2) == pytest.approx(HIGHEST)


def test_no_cell_makes_the_source_hold_more_than_the_pack_s_highest_voltage(
    little_bench: TestBench, plant: Plant
) -> None:
    """A BMS that reads its highest cell too low, or a cable in which volts are lost."""
    assert told(little_bench, plant, HIGHEST - 0.01, 0.08) == pytest.approx(HIGHEST)


def test_a_sink_stops_by_itself_a_little_below_the_pack_s_lowest_voltage(little_bench: TestBench, plant: Plant) -> None:
    """Behind the end condition, and before a pack that nobody watches is discharged to nothing."""
    little_bench.run(Discharge(1.0, until=elapsed(seconds=5)))
    assert plant.set_voltage == pytest.approx(0.9 * LOWEST)
