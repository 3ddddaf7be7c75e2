"""What source and sink are told from one scan to the next, as the instrument hears it."""

from collections.abc import Callable
from math import nan

import pytest

from bench import columns
from bench.columns import CELL_VOLTAGE_MAX, CHARGE_LIMIT, DERIVED, INDEX, VOLTAGE
from bench.running.flow import Flow
from bench.running.procedures import Stage, procedure_for
from bench.scenario import Charge, Discharge, FastRecharge, Step, elapsed, soc_above
from bench.strategies import strategy_named
from bench.testing import TestBench
from tests.bench.fakes import CELLS, Plant

LIMIT, HIGHEST, LOWEST = 3.45, 4 * 3.45, 4 * 3.05
"""V of a cell, and of the whole string, of the little pack."""


def begun(bench: TestBench, step: Step) -> Callable[..., None]:
    """A step's control law, which is told terminals and head-room (V) and, by column, what else a scan has."""
    engine = bench.engine
    procedure = procedure_for(step, engine.bench)
    flow = Flow(engine.bench.roles, procedure.envelope(), engine.sampler.ask, "charge")
    control = procedure.begin(Stage(engine.bench, flow, engine.sampler, engine.log))

    def scan(voltage: float, headroom: float, **more: float) -> None:
        row = [0.0] * len(DERIVED)
        row[INDEX[VOLTAGE]], row[INDEX[CELL_VOLTAGE_MAX]], row[INDEX[CHARGE_LIMIT]] = voltage, LIMIT - headroom, 4.0
        for name, value in more.items():
            row[INDEX[vars(columns)[name]]] = value
        control(row, 0.0)

    return scan


def told(bench: TestBench, plant: Plant, *scans: tuple[float, float]) -> float:
    """Voltage that the source is told to hold after rows with these terminals and this head-room, V."""
    scan = begun(bench, Charge("1C", elapsed(hours=1)))
    for voltage, headroom in scans:
        scan(voltage, headroom)
    return plant.set_voltage


@pytest.mark.parametrize("headroom", [0.08, 0.02, 0.0, -0.02])
def test_near_its_limit_the_highest_cell_comes_half_of_the_way_with_each_scan(
    little_bench: TestBench, plant: Plant, headroom: float
) -> None:
    """What the terminals gain, all cells share: half of it closes on the limit, more would pass it and swing."""
    gained = (told(little_bench, plant, (13.0, headroom)) - 13.0) / CELLS
    assert gained == pytest.approx(headroom / 2)


def test_far_from_its_limit_the_pack_s_highest_voltage_is_held(little_bench: TestBench, plant: Plant) -> None:
    assert told(little_bench, plant, (13.0, 0.2)) == pytest.approx(HIGHEST)


def test_no_cell_makes_the_source_hold_more_than_the_pack_s_highest_voltage(
    little_bench: TestBench, plant: Plant
) -> None:
    """A BMS that reads its highest cell too low, or a cable in which volts are lost."""
    assert told(little_bench, plant, (HIGHEST - 0.01, 0.08)) == pytest.approx(HIGHEST)


@pytest.mark.parametrize("lacking", [(nan, 0.02), (13.0, nan), (nan, nan)])
def test_a_scan_that_lacks_a_voltage_holds_what_was_held_before(
    little_bench: TestBench, plant: Plant, lacking: tuple[float, float]
) -> None:
    """For a second at the pack's highest voltage the highest cell of a string that is apart is beyond its own."""
    assert told(little_bench, plant, (13.0, 0.02), lacking) == pytest.approx(13.04)
    assert told(little_bench, plant, lacking) == pytest.approx(HIGHEST)
    assert told(little_bench, plant, (13.0, 0.02), lacking, (13.0, 0.04)) == pytest.approx(13.08)


@pytest.mark.parametrize("strategy", ["plating-aware", "2C<30-1C<80@25"])
@pytest.mark.parametrize("unknown", ["CELL_TEMPERATURE_MIN", "CELL_TEMPERATURE_MAX"])
def test_a_strategy_asks_for_what_it_did_where_a_scan_has_no_temperature(
    little_bench: TestBench, plant: Plant, strategy: str, unknown: str
) -> None:
    step = FastRecharge(until=soc_above(0.8), strategy=strategy_named(strategy))
    known = {"SOC": 0.5, "CELL_TEMPERATURE_MIN": 5.0, "CELL_TEMPERATURE_MAX": 6.0}
    scan = begun(little_bench, step)
    scan(13.0, 0.2, **{**known, unknown: nan})
    assert plant.set_current == 0.0  # nobody has ever known
    scan(13.0, 0.2, **known)
    asked = plant.set_current
    assert 0.0 < asked < 4.0
    scan(13.0, 0.2, **{**known, "SOC": 0.1, unknown: nan})
    assert plant.set_current == asked


def test_a_sink_stops_by_itself_a_little_below_the_pack_s_lowest_voltage(little_bench: TestBench, plant: Plant) -> None:
    """Behind the end condition, and before a pack that nobody watches is discharged to nothing."""
    little_bench.run(Discharge(1.0, until=elapsed(seconds=5)))
    assert plant.set_voltage == pytest.approx(0.9 * LOWEST)
