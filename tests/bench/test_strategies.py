"""Charge strategies: by name, as data, refused where they lead nowhere, cut where the BMS says so."""

import sys
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pack import load_pack
from bench.recording.run import RunRecord
from bench.scenario import FastRecharge, elapsed, soc_above
from bench.strategies import (
    ConstantCurrent,
    FollowLimit,
    MultiStage,
    Optimum,
    PlatingAware,
    Replayed,
    Scaled,
    Strategy,
    strategy_named,
)
from bench.testing import TestBench
from bench.verdicts import InputError, TestError
from models.cell import CellParameters, load_cell
from models.string import NO_SPREAD, CellString
from models.twin import Beginning
from tests.bench.conftest import Install
from tests.bench.fakes import Plant

CELL = load_cell("nmc811-21700")
TWENTY = elapsed(seconds=20)


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


@pytest.mark.parametrize(
    "strategy",
    [
        FollowLimit(), ConstantCurrent(1.5), PlatingAware(), Optimum(), PlatingAware(0.5),
        MultiStage(((0.3, 2.0), (0.8, 0.9))), MultiStage(((0.3, 2.0), (1.0, 0.9)), 25.0),
        Scaled(0.5, ConstantCurrent(2.0)), Scaled(1.25, PlatingAware(0.5)),
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
        ("0.5 of fast", "There is no strategy 'fast'"),
        ("20 of 1C", "strategy '20 of 1C': a share of 20 of a strategy is none: give more than 0 and at most 10"),
        ("1C<80@warm", "strategy '1C<80@warm': 'warm' is no temperature: write °C behind the @, as in '2C<80@25'"),
        ("1C<80@", "strategy '1C<80@': '' is no temperature"),
        ("1C<80@nan", "strategy '1C<80@nan': stages that hold at nan °C: give a temperature"),
        ("1C<80@inf", "strategy '1C<80@inf': stages that hold at inf °C"),
        ("1C<80@-273.15", "strategy '1C<80@-273.15': stages that hold at -273.15 °C"),
        ("plating-aware-900", "strategy 'plating-aware-900': a share of 9 of the charge limit is none"),
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
    stages = MultiStage(((0.3, 2.0), (0.6, 1.5), (0.8, 0.9)))
    asked = [stages.rate(soc, 25.0, 25.0, CELL) for soc in (0.0, 0.299, 0.3, 0.599, 0.6, 0.79, 0.8, nan)]
    assert asked == [2.0, 2.0, 1.5, 1.5, 0.9, 0.9, 0.0, 2.0]


def test_a_share_of_a_strategy_asks_for_that_share_of_it_everywhere() -> None:
    stages = MultiStage(((0.3, 2.0), (0.6, 1.5), (0.8, 0.9)), 25.0)
    for soc, temperature in ((0.1, 30.0), (0.4, 5.0), (0.9, 20.0)):
        whole = stages.rate(soc, temperature, temperature, CELL)
        assert Scaled(0.4, stages).rate(soc, temperature, temperature, CELL) == pytest.approx(0.4 * whole)
    assert not Scaled(0.4, FollowLimit()).asks
    assert Scaled(0.4, stages).asks
    assert Scaled(0.4, Optimum()).is_searched
    assert not Scaled(0.4, stages).is_searched


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


# --- searched on the twin ---------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_searched_schedule_keeps_its_margin_and_is_faster_than_one_current() -> None:
    """Tried again on the finer model of a string: no second above the cell's table, and no single current is faster."""
    pack, _ = load_pack("lfp-24s")
    beginning = Beginning(temperature=20.0, air=20.0)
    found = Optimum(stages=2).for_pack(pack, beginning)
    assert found is Optimum(stages=2).for_pack(pack, beginning)
    assert found.promised == found.time
    time, nearest = charged(found)
    assert time == pytest.approx(found.time, rel=0.03)
    assert nearest < 1.03
    alone = min(float(rate) for rate in CELL_LFP.charge_limit.c_rate_at(20.0, np.linspace(0.1, 0.8, 71)))
    slow, _ = charged(ConstantCurrent(alone * CELL_LFP.nominal_capacity / RATED_LFP))
    assert time < 0.9 * slow


CELL_LFP = load_cell("lfp-26650")
RATED_LFP = load_pack("lfp-24s")[0].rated_capacity
"""Ah, which rates are of on the bench."""


def charged(strategy: Strategy) -> tuple[float, float]:
    """Seconds from 10 to 80 %, and the largest share of the cell's charge limit, by the model behind the bench."""
    string = CellString(CELL_LFP, 1, spread=NO_SPREAD, soc=0.1, temperature=20.0)
    seconds, nearest = 0, 0.0
    while string.soc[0] < 0.8 and seconds < 36000:
        soc, warm = float(string.soc[0]), float(string.temperature[0])
        rate = strategy.rate(soc, warm, warm, CELL_LFP)
        source, resistance = string.thevenin(1.0)
        current = min(rate * RATED_LFP, (3.6 - source) / resistance)
        nearest = max(nearest, current / CELL_LFP.nominal_capacity / float(CELL_LFP.charge_limit.c_rate_at(warm, soc)))
        string.step(current, 1.0, 20.0)
        seconds += 1
    return float(seconds), nearest


def test_what_the_twin_promised_stands_with_the_step(little_bench: TestBench) -> None:
    promised = Replayed(MultiStage(((1.0, 0.5),)), time=1234.0, hottest=30.0)
    run = little_bench.run(FastRecharge(until=TWENTY, strategy=promised))
    started = next(event for event in run.events if event["type"] == "step started")
    assert started["set_points"]["promised time"] == 1234.0
    assert started["words"]["strategy"] == "optimum (0.5C<100)"


def test_where_nothing_gets_there_nothing_is_promised() -> None:
    pack, _ = load_pack("lfp-24s")
    with pytest.raises(
        InputError, match="lfp-24s is not to be charged at -35 degC, its charge_temperature is from -15"
    ):
        Optimum(stages=1).for_pack(pack, Beginning(temperature=-35.0, air=-35.0))


def test_without_scipy_the_search_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    pack, _ = load_pack("lfp-24s")
    with pytest.raises(InputError, match=r"needs SciPy, and it is not here: pip install 'packbench\[map\]'"):
        Optimum(stages=3).for_pack(pack, Beginning())


# --- one that a package brings, whatever it answers ------------------------------------------------------------------


@dataclass(frozen=True)
class Odd(Strategy):
    """Answers what it is told to, from a state of charge on."""

    answer: object
    since: float = 0.0

    @property
    def name(self) -> str:
        return "odd"

    @classmethod
    def named(cls, name: str) -> "Strategy | None":
        return name if name == "odd" else None  # type: ignore[return-value]

    def rate(self, soc: float, coldest: float, hottest: float, cell: CellParameters) -> float:
        return self.answer if soc >= self.since else 1.0  # type: ignore[return-value]


@pytest.mark.parametrize("answer", [None, nan, -1.0, "1C", True])
def test_an_answer_that_is_no_rate_is_refused_before_anything_is_switched_on(
    little_bench: TestBench, plant: Plant, answer: object
) -> None:
    plant.calls.clear()
    with pytest.raises(TestError, match=r"The strategy odd asks for .* C at 0 % and .* °C; it must be a number of 0"):
        little_bench.run(FastRecharge(until=soc_above(0.8), strategy=Odd(answer)))
    assert plant.calls == []


def test_an_answer_that_is_no_rate_in_the_middle_of_a_charge_is_a_mistake_in_its_code_and_all_is_off(
    little_bench: TestBench,
) -> None:
    with pytest.raises(TestError, match="The strategy odd asks for None C at ") as caught:
        little_bench.run(FastRecharge(until=TWENTY, strategy=Odd(None)))
    concluded = little_bench.conclude(caught.value)
    assert (concluded.verdict, concluded.bench is not None and concluded.bench.safe) == ("TEST ERROR", True)


def test_a_package_that_makes_no_strategy_of_its_name_is_told(install: Install) -> None:
    install("packbench.strategies", "odd", f"{__name__}:Odd")
    with pytest.raises(InputError, match=r"strategy 'odd': Odd.named\(\) made 'odd', which is no Strategy"):
        strategy_named("odd")
