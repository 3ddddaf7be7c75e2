"""Charge strategies: by name, as data, refused where they lead nowhere, cut where the BMS says so."""

from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recording.run import RunRecord
from bench.scenario import FastRecharge, elapsed, soc_above
from bench.strategies import ConstantCurrent, FollowLimit, MultiStage, PlatingAware, Strategy, strategy_named
from bench.testing import TestBench
from bench.verdicts import InputError
from models.cell import CellParameters, load_cell
from tests.bench.conftest import Install
from tests.bench.fakes import Plant

CELL = load_cell("nmc811-21700")
TWENTY = elapsed(seconds=20)


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


@pytest.mark.parametrize(
    "strategy",
    [
        FollowLimit(), ConstantCurrent(1.5), PlatingAware(), PlatingAware(0.5), MultiStage(((0.3, 2.0), (0.8, 0.9))),
        MultiStage(((0.3, 2.0), (1.0, 0.9)), 25.0),
    ],
)  # fmt: skip
def test_a_strategy_is_found_by_the_name_that_it_shows(strategy: Strategy) -> None:
    assert strategy_named(strategy.name) == strategy


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("follow-limits", r"There is no strategy 'follow-limits'; did you mean 'follow-limit'\?"),
        ("0C", "strategy '0C': a constant current of 0C is none: give more than 0"),
        ("2C<60-1C<30", "strategy '2C<60-1C<30': stages end at .*: give rising states of charge"),
        ("2C<30-fast", "There is no strategy '2C<30-fast'"),
        ("plating-aware-900", "strategy 'plating-aware-900': a share of 9 of the plating limit is none"),
        ("", "There is no strategy ''"),
    ],
)
def test_a_name_that_is_of_none_is_one_sentence(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        strategy_named(name)


@given(st.floats(0.0, 0.999), st.floats(-20.0, 50.0))
def test_nothing_asks_for_more_when_it_is_colder(soc: float, temperature: float) -> None:
    for strategy in (PlatingAware(), MultiStage(((0.3, 2.0), (0.6, 1.5), (1.0, 0.9)), 25.0)):
        colder = strategy.rate(soc, temperature - 5.0, temperature, CELL)
        assert 0.0 <= colder <= strategy.rate(soc, temperature, temperature, CELL) + 1e-12


def test_stages_change_where_they_say() -> None:
    stages = MultiStage.of([(0.3, 2.0), (0.6, 1.5), (0.8, 0.9)])
    asked = [stages.rate(soc, 25.0, 25.0, CELL) for soc in (0.0, 0.299, 0.3, 0.599, 0.6, 0.79, 0.8, nan)]
    assert asked == [2.0, 2.0, 1.5, 1.5, 0.9, 0.9, 0.0, 2.0]


def test_the_plating_map_is_the_cells_own() -> None:
    assert PlatingAware(0.5).rate(0.4, 10.0, 30.0, CELL) == pytest.approx(
        0.5 * float(CELL.charge_limit.c_rate_at(10.0, 0.4))
    )
    assert PlatingAware().rate(nan, 10.0, 30.0, CELL) == PlatingAware().rate(1.0, 10.0, 30.0, CELL)
    assert FollowLimit().rate(0.4, 10.0, 30.0, CELL) == inf


def test_the_bench_asks_for_what_the_strategy_says(little_bench: TestBench, plant: Plant) -> None:
    run = little_bench.run(FastRecharge(until=TWENTY, strategy=ConstantCurrent(0.5)))
    asked = column(run, "Set Current / A")
    assert set(asked[~np.isnan(asked)]) == {1.0}
    started = next(event for event in run.events if event["type"] == "step started")
    assert started["words"] == {"strategy": "0.5C"}
    assert started["kind"] == "FastRecharge"


def test_the_bms_stays_in_charge_and_what_it_cut_is_on_record(little_bench: TestBench, plant: Plant) -> None:
    plant.charge_limit = 0.6
    run = little_bench.run(FastRecharge(until=TWENTY, strategy=ConstantCurrent(0.5)))
    asked, wish = column(run, "Set Current / A"), column(run, "Command Power / W")
    assert np.nanmax(asked) == 0.6
    flowing = ~np.isnan(wish)
    assert wish[flowing] == pytest.approx(column(run, "Voltage / V")[flowing], rel=0.02)


def test_following_the_limit_asks_for_nothing_of_its_own(little_bench: TestBench) -> None:
    run = little_bench.run(FastRecharge(until=TWENTY))
    assert np.isnan(column(run, "Command Power / W")).all()
    assert FastRecharge(until=TWENTY).identity == repr(FastRecharge(until=TWENTY))
    assert FastRecharge(until=TWENTY).identity != FastRecharge(until=TWENTY, strategy=PlatingAware()).identity


def test_a_strategy_that_never_gets_there_is_told_before_anything_is_switched_on(little_bench: TestBench) -> None:
    short = MultiStage(((0.6, 0.5),))
    says = "the strategy 0.5C<60 asks for nothing from 60 % on and never reaches 80 %"
    with pytest.raises(InputError, match=says):
        little_bench.run(FastRecharge(until=soc_above(0.8), strategy=short))


@dataclass(frozen=True)
class Timid(Strategy):
    """Somebody else's."""

    @property
    def name(self) -> str:
        return "timid"

    @classmethod
    def named(cls, name: str) -> "Timid | None":
        return cls() if name == "timid" else None

    def rate(self, _soc: float, _coldest: float, _hottest: float, _cell: CellParameters) -> float:
        return 0.1


def test_a_strategy_may_come_from_another_package(install: Install) -> None:
    install("packbench.strategies", "timid", "tests.bench.test_strategies:Timid")
    assert strategy_named("timid").rate(0.5, 20.0, 20.0, CELL) == 0.1


def test_what_is_no_strategy_is_refused(install: Install) -> None:
    install("packbench.strategies", "timid", "tests.bench.test_strategies:TWENTY")
    with pytest.raises(InputError, match="is no Strategy: derive it from packbench's Strategy"):
        strategy_named("timid")
