"""Two benches of one station file at once in one process: each has a world of its own."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from bench.columns import CURRENT, SOC, VOLTAGE
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.lifecycle import OpenBench
from bench.running.setup import PackState, Setup
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench
from instruments.virtual.wires import exchange

SEEDS = (1, 2)


def setup(seed: int, soc: float = 0.3) -> Setup:
    return Setup(*load_station("virtual-module"), *load_pack("lfp-24s"), seed=seed, pack_state=PackState(soc, 25.0))


def charged(bench: TestBench) -> np.ndarray[Any, Any]:
    run = bench.run(Charge("C/3", until=elapsed(minutes=2)))
    bench.conclude()
    return run.rows[:, [run.columns.index(name) for name in (VOLTAGE, CURRENT, SOC)]]


def opened(folder: Path, seed: int) -> TestBench:
    bench = TestBench(setup(seed, 0.1 * seed), folder / str(seed), TestIdentity(f"two::{seed}", str(seed), str(seed)))
    bench.open()
    return bench


def test_two_benches_of_one_station_charge_at_once_and_neither_knows_of_the_other(tmp_path: Path) -> None:
    together = Barrier(len(SEEDS), timeout=60)

    def charge(seed: int) -> np.ndarray[Any, Any]:
        bench = opened(tmp_path / "at once", seed)
        together.wait()
        return charged(bench)

    with ThreadPoolExecutor(len(SEEDS)) as threads:
        at_once = list(threads.map(charge, SEEDS))
    alone = [charged(opened(tmp_path / "alone", seed)) for seed in SEEDS]
    for one, other in zip(at_once, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(*at_once)


def test_what_happens_to_one_bench_does_not_happen_to_the_other() -> None:
    first, second = OpenBench(setup(1)), OpenBench(setup(1))
    try:
        assert first.world is not None
        first.world.inject("wrong-identity:supply", "bms-silent")
        first.clock.sleep(5)
        assert first.drivers["supply"].identify().model == "X-9000"
        assert second.drivers["supply"].identify().model != "X-9000"
        first.close()
        second.clock.sleep(5)
        assert second.roles.bms.state_age() < 1.0
        assert second.roles.source.identify().manufacturer.startswith("EA")
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_world_that_is_closed_leaves_nothing_behind(ends: str) -> None:
    before = exchange.exchanges()
    if ends == "badly":
        with pytest.raises(Exception, match="X-9000"):
            OpenBench(Setup(*load_station("virtual-module"), *load_pack("lfp-24s"), defects=("wrong-identity:supply",)))
        assert exchange.exchanges() == before
        return
    bench = OpenBench(setup(1))
    world = weakref.ref(bench.world)
    assert len(exchange.exchanges()) == len(before) + 1
    bench.close()
    del bench
    gc.collect()
    assert world() is None
    assert exchange.exchanges() == before
