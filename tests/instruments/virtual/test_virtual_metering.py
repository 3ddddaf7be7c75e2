"""The errors of simulated meters: each specimen its own, within its data sheet, in the range that is measured in."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from instruments.virtual.metering import meter_of
from instruments.virtual.simulator import Limits, Specimen
from tests.instruments.virtual.conftest import Bench

OpenBench = Callable[..., Bench]
SEEDS = range(12)
FULL_LOAD = {"simulator": "chroma-63600", "voltage": 150, "current": 60, "power": 6000}


def errors_of(
    open_bench: OpenBench, name: str, message: str, true: Callable[[Bench], float], **settings: Any
) -> list[float]:
    """What specimens of one type are off by."""
    found = []
    for seed in SEEDS:
        bench = open_bench(seed=seed, overrides={name: settings | {"accuracy": None}})
        found.append(bench.numbers(name, message)[0] - true(bench))
        bench.world.close()
    return found


def test_a_supply_is_wrong_by_a_share_of_its_rating(open_bench: OpenBench) -> None:
    """0.05 % of 200 V, and half a digit of 0.01 V: that many are too wrong for 0.02 % of the reading."""
    errors = errors_of(open_bench, "supply", "MEAS:VOLT?", lambda bench: float(bench.world.plant.voltage.sum()))
    assert max(map(abs, errors)) <= 0.1 + 0.005
    assert max(map(abs, errors)) > 0.03
    assert len({round(error, 2) for error in errors}) > 6


def test_a_station_may_state_the_errors_of_a_quantity(open_bench: OpenBench) -> None:
    stated = {"voltage": {"reading": 0.0001, "offset": 0.001}}
    errors = errors_of(
        open_bench, "supply", "MEAS:VOLT?", lambda bench: float(bench.world.plant.voltage.sum()), errors=stated
    )
    assert max(map(abs, errors)) <= 0.0001 * 100 + 0.001 + 0.005


def test_a_load_is_less_wrong_in_a_smaller_range(open_bench: OpenBench) -> None:
    """At 0.5 A: 0.04 % of reading and of 0.6 A, 6 A or 60 A."""
    worst = {}
    for mode in ("CCL", "CCM", "CCH"):
        found = []
        for seed in SEEDS:
            bench = open_bench(seed=seed, overrides={"load": FULL_LOAD | {"accuracy": None}})
            bench.say("load", f"MODE {mode};:CURR:STAT:L1 0.5;:LOAD ON")
            bench.world.advance(1)
            found.append(abs(bench.numbers("load", "MEAS:CURR?")[0] - 0.5))
            bench.world.close()
        worst[mode] = max(found)
    assert worst["CCL"] <= 0.0004 * 1.1 + 1e-4
    assert worst["CCM"] <= 0.0004 * 6.5 + 1e-4
    assert worst["CCL"] < worst["CCM"] < worst["CCH"] <= 0.0004 * 60.5 + 1e-4


def test_every_channel_of_a_scanner_is_wrong_by_itself(open_bench: OpenBench) -> None:
    bench = open_bench("temperatures", overrides={"temperatures": {"accuracy": None}})
    bench.say("temperatures", "CONF:TEMP TC,K,(@101:108)", "ROUT:SCAN (@101:108)")
    readings = bench.numbers("temperatures", "READ?")
    assert len(set(readings)) == 8
    assert all(abs(reading - 25.0) <= 1.0 + 1.0 for reading in readings)  # the cells themselves differ as well


def test_the_specimens_may_be_drawn_anew_without_the_pack(open_bench: OpenBench) -> None:
    """Other instruments at the same pack: what a Monte-Carlo of the meters needs."""
    truths, readings = set(), set()
    for specimens in range(6):
        bench = open_bench(specimens=specimens, overrides={"supply": {"accuracy": None}})
        truths.add(float(bench.world.plant.voltage.sum()))
        readings.add(bench.ask("supply", "MEAS:VOLT?"))
        bench.world.close()
    assert len(truths) == 1
    assert len(readings) > 3


def test_errors_that_cannot_be_are_refused(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match=r"virtual.simulators.supply.errors.voltage.reading is 2"):
        open_bench(overrides={"supply": {"errors": {"voltage": {"reading": 2}}}})


def test_what_a_certificate_states_is_an_expanded_uncertainty_and_no_limit() -> None:
    """Of 0.1 % of 100 V at a coverage of 2, two thirds of the specimens are within half of it, and one in 22 beyond."""
    stated = {"voltage": Limits(reading=0.001, coverage=2)}
    meters = [
        meter_of(Specimen("a", "b", Random(seed), stated=stated), "voltage", Limits(), 100.0, 6) for seed in range(2000)
    ]
    errors = np.abs([meter.read(100.0) - 100.0 for meter in meters])
    assert float(np.mean(errors <= 0.05)) == pytest.approx(0.683, abs=0.03)
    assert float(np.mean(errors > 0.1)) == pytest.approx(0.0455, abs=0.015)


def test_a_certificate_without_a_coverage_that_can_be_is_refused(open_bench: OpenBench) -> None:
    with pytest.raises(ValueError, match=r"virtual.simulators.supply.errors.voltage.coverage is 0"):
        open_bench(overrides={"supply": {"errors": {"voltage": {"reading": 0.001, "coverage": 0}}}})
