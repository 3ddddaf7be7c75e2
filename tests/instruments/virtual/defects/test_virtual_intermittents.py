"""Defects that come and go by themselves: any that can end, for so long, every so often."""

import pytest

from instruments.virtual.defects.vocabulary import shipped_kinds
from tests.instruments.virtual.conftest import Bench, OpenBench
from tests.instruments.virtual.listening import Listen, charge


def test_a_defect_can_last_for_a_while(whole_bench: Bench) -> None:
    whole_bench.world.inject("wrong-identity:supply@10+5")
    found = []
    for _ in range(4):
        whole_bench.world.advance(4.9)
        found.append("X-9000" in whole_bench.ask("supply", "*IDN?"))
    assert found == [False, False, True, False]


def test_a_defect_can_come_and_go(whole_bench: Bench) -> None:
    whole_bench.world.advance(7)
    whole_bench.world.inject("wrong-identity:supply@+1/3")
    found = []
    for _ in range(9):
        found.append("X-9000" in whole_bench.ask("supply", "*IDN?"))
        whole_bench.world.advance(1)
    assert found == [True, False, False] * 3


def test_a_repair_ends_what_comes_and_goes_for_good(whole_bench: Bench) -> None:
    whole_bench.world.inject("wrong-identity:supply@+1/3")
    whole_bench.world.advance(2)
    whole_bench.world.repair("wrong-identity")
    for _ in range(6):
        whole_bench.world.advance(1)
        assert "X-9000" not in whole_bench.ask("supply", "*IDN?")


@pytest.mark.parametrize("chunk", [0.25, 1.0, 60.0])
def test_a_short_that_comes_and_goes_drains_for_as_long_as_it_is_there(open_bench: OpenBench, chunk: float) -> None:
    bench = open_bench("supply", "bms")
    plant, before = bench.world.plant, float(bench.world.plant.soc[2])
    bench.world.inject("internal-short:3:20@+0.5/2")
    for _ in range(round(600 / chunk)):
        bench.world.advance(chunk)
    leaked = 3.65 / 20 * 150 / 3600 / plant.capacity[2]  # about 0.18 A for a quarter of ten minutes
    assert before - plant.soc[2] == pytest.approx(leaked, rel=0.1)


def test_what_came_and_went_often_leaves_the_plant_as_it_was(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "bms")
    bench.world.inject("internal-short:3:20@+0.5/1")
    bench.world.advance(600)
    bench.world.repair("internal-short")
    settled = float(bench.world.plant.soc[2])
    bench.world.advance(600)
    assert bench.world.plant.soc[2] == settled


def test_a_contactor_can_chatter(whole_bench: Bench, listen: Listen) -> None:
    listener = listen(whole_bench)
    charge(whole_bench, listener)
    whole_bench.world.advance(0.7)  # to a whole second
    whole_bench.world.inject("contactor-stuck-open@+0.2/1")
    seen = []
    for _ in range(20):
        whole_bench.world.advance(0.1)
        seen.append(whole_bench.world.outputs().battery > 0)
    assert seen.count(False) == 4
    assert listener.signals(0.1)["BmsState"] == 7  # NORMAL: the node knows nothing of it


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("weak-cell:7:0.7@+1/5", "weak-cell is for good"),
        ("silent:supply@3+0", "a number above 0 is needed"),
        ("silent:supply@3+5/5", "a number above 5 is needed"),
        ("silent:supply@3+5/", "a number above 5 is needed"),
        ("silent:supply@", "a number of at least 0 is needed"),
    ],
)
def test_a_wrong_time_is_refused_in_one_sentence(whole_bench: Bench, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        whole_bench.world.inject(text)
    assert whole_bench.ask("supply", "*IDN?")


def test_what_is_for_good_is_what_nobody_can_mend() -> None:
    for_good = {name for name, kind in shipped_kinds().items() if kind.for_good}
    assert for_good == {"aged", "weak-cell", "thermal-runaway", "fuse-blown"}


def test_of_two_ailing_cells_one_can_recover(open_bench: OpenBench) -> None:
    bench = open_bench("supply", "bms")
    plant = bench.world.plant
    bench.world.inject("internal-short:3:20", "internal-short:5:20")
    bench.world.repair("internal-short:3:20")
    before = plant.soc.copy()
    bench.world.advance(600)
    assert plant.soc[2] == before[2]
    assert plant.soc[4] < before[4]
