"""What a node shows of its cells when the station says that it measures and guesses."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.instruments.virtual.conftest import Bench
from tests.instruments.virtual.listening import Listen, charge

OpenBench = Callable[..., Bench]
ERRORS = {"soc": {"offset": 0.015, "reading": 0.015}, "cell": {"offset": 0.002}}


def opened(open_bench: OpenBench, errors: dict[str, Any], **settings: Any) -> Bench:
    return open_bench("supply", "bms", overrides={"bms": {"errors": errors}}, **settings)


def soc_off(bench: Bench, listen: Listen, seconds: float = 2.0) -> float:
    """By how much the displayed state of charge is off."""
    listener = listen(bench)
    listener.close_contactor()  # a foxBMS shows no charge of a string that is not connected
    shown: float = listener.signals(seconds)["MinimumSoc"] / 100
    return shown - float(bench.world.plant.soc.min())


def test_without_a_word_of_the_station_a_node_knows_its_cells(open_bench: OpenBench, listen: Listen) -> None:
    assert abs(soc_off(opened(open_bench, {}), listen)) <= 0.0005 + 1e-9


def test_every_node_is_off_by_a_few_per_cent_of_its_own(open_bench: OpenBench, listen: Listen) -> None:
    off = []
    for seed in range(8):
        bench = opened(open_bench, ERRORS, seed=seed)
        off.append(soc_off(bench, listen))
        bench.world.close()
    assert max(map(abs, off)) <= 0.015 + 0.015 * 0.5 + 0.001
    assert max(map(abs, off)) > 0.004
    assert len({round(each, 3) for each in off}) > 4


def test_the_display_drifts_with_what_is_charged(open_bench: OpenBench, listen: Listen) -> None:
    bench = opened(open_bench, {"soc": {"reading": 0.05}}, seed=3)
    before = soc_off(bench, listen)
    charge(bench, listen(bench))
    bench.world.advance(1800)
    assert abs(soc_off(bench, listen) - before) > 0.002


def test_the_display_jumps_after_a_rest_and_only_once(open_bench: OpenBench, listen: Listen) -> None:
    bench = opened(open_bench, {"soc": {"offset": 0.02}}, seed=2)
    seen = [soc_off(bench, listen, 600.0) for _ in range(8)]
    changes = [abs(later - before) > 0.001 for before, later in pairwise(seen)]
    assert changes.count(True) == 1


@pytest.mark.parametrize("soc", [0.0, 1.0])
def test_full_and_empty_are_known(open_bench: OpenBench, listen: Listen, soc: float) -> None:
    assert abs(soc_off(opened(open_bench, ERRORS, soc=soc), listen)) <= 0.0005 + 1e-9


def test_each_cell_is_measured_by_a_channel_of_its_own(open_bench: OpenBench, listen: Listen) -> None:
    """Cells that are all alike: the highest and the lowest are those of the worst channels."""
    signals = listen(opened(open_bench, {"cell": {"offset": 0.01}})).signals()
    spread = (signals["MaximumCellVoltage"] - signals["MinimumCellVoltage"]) / 1000
    assert 0.012 < spread <= 0.021
