"""Strategies at equal margin: judged again by somebody else's steps, whatever they ask for, and as slow as they are."""

from math import isinf, isnan

import numpy as np
import pytest

from bench.pack import ChargeSteps, Management, PackFile, load_pack
from bench.strategies import ConstantCurrent, FollowLimit, MultiStage, Optimum, PlatingAware, Strategy
from bench.verdicts import InputError
from models.anode import NegativeElectrode, load_anode
from models.cell import load_cell
from models.string import NO_SPREAD, CellString
from models.twin import Beginning
from reports.comparing import compare_strategies

STAGES = MultiStage(((0.3, 2.0), (0.6, 1.5), (1.0, 0.9)))
WARM = Beginning(0.1, 0.8, 25.0, 25.0)


@pytest.fixture(scope="module")
def lfp() -> PackFile:
    return load_pack("lfp-24s")[0]


def judged_again(pack: PackFile, strategy: Strategy, share: float) -> tuple[float, float]:
    """Time (s) and least potential (mV) by steps of one second, without a BMS; the electrode goes along."""
    cell = load_cell(pack.cell)
    assert cell.anode is not None
    string = CellString(cell, 1, spread=NO_SPREAD, soc=0.1, temperature=25.0)
    electrode, seconds, least = NegativeElectrode(load_anode(cell.anode), 0.1), 0, np.inf
    while string.soc[0] < 0.8:
        warm = float(string.temperature[0])
        asked = share * strategy.rate(float(string.soc[0]), warm, warm, cell) * pack.rated_capacity
        source, resistance = string.thevenin(1.0)
        current = min(asked, (pack.limits.cell_voltage.max - source) / resistance, pack.limits.charge_current)
        string.step(current, 1.0, 25.0)
        least = min(least, electrode.step(current / cell.nominal_capacity, 1.0, warm))
        seconds += 1
    return float(seconds), 1e3 * least


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("strategy", [ConstantCurrent(1.0), STAGES, PlatingAware()])
def test_at_equal_margin_every_strategy_is_as_near_to_plating(lfp: PackFile, strategy: Strategy) -> None:
    found = compare_strategies(lfp, [strategy], WARM, margin=5.0)
    for row in found.rows:
        assert row.equal is not None
        assert row.equal.margin == pytest.approx(5.0, abs=0.1)
    row = found.rows[1]
    assert row.equal is not None
    time, margin = judged_again(lfp, strategy, row.share)
    assert time == pytest.approx(row.equal.time, rel=0.02)
    assert margin == pytest.approx(5.0, abs=1.0)


def test_what_a_strategy_asks_for_as_it_is_is_nothing_at_equal_margin(lfp: PackFile) -> None:
    """One current is one current, however it is called: the shape is compared, not the courage."""
    slow, fast = compare_strategies(lfp, [ConstantCurrent(0.5), ConstantCurrent(1.5)], WARM).rows[1:]
    assert slow.as_it_is.time > 1.5 * fast.as_it_is.time
    assert slow.as_it_is.margin > fast.as_it_is.margin
    assert slow.equal is not None
    assert fast.equal is not None
    assert slow.equal.time == pytest.approx(fast.equal.time, rel=0.003)
    assert slow.share == pytest.approx(3 * fast.share, rel=0.003)


def test_following_the_limit_comes_first_is_at_its_own_margin_and_gains_nothing(lfp: PackFile) -> None:
    found = compare_strategies(lfp, [ConstantCurrent(1.0), FollowLimit()], WARM)
    assert [row.strategy.name for row in found.rows] == ["follow-limit", "1C"]
    assert found.margin == found.rows[0].as_it_is.margin
    assert found.gain(found.rows[0]) == 0.0


def test_a_slower_shape_has_a_gain_below_zero(lfp: PackFile) -> None:
    """Most where the cell takes least: nobody would."""
    backwards = MultiStage(((0.5, 0.5), (1.0, 1.0)))
    found = compare_strategies(lfp, [backwards], WARM)
    assert found.gain(found.rows[1]) < -60.0


def test_as_it_is_a_strategy_is_cut_by_what_the_bms_allows(lfp: PackFile) -> None:
    steps = ChargeSteps(temperature=(0.0,), soc=(0.0,), c_rate=((0.3,),))
    strict = lfp.model_copy(update={"bms": Management(charge_limit=steps)})
    follower, single = compare_strategies(strict, [ConstantCurrent(0.5)], WARM).rows
    assert single.as_it_is == follower.as_it_is.__class__(
        follower.as_it_is.time, follower.as_it_is.margin, follower.as_it_is.hottest, single.as_it_is.cut
    )
    nominal = load_cell(lfp.cell).nominal_capacity
    assert single.as_it_is.cut == pytest.approx(1 - 0.3 * nominal / (0.5 * lfp.rated_capacity), abs=1e-6)
    assert follower.as_it_is.cut == 0.0
    assert follower.as_it_is.time == pytest.approx(0.7 / 0.3 * 3600, rel=0.01)


def test_of_lithium_metal_nothing_is_known() -> None:
    pack, _ = load_pack("li-metal-24s")
    found = compare_strategies(pack, [ConstantCurrent(0.3)], WARM)
    assert isnan(found.margin)
    for row in found.rows:
        assert isnan(row.as_it_is.margin)
        assert row.equal is None
        assert isnan(found.gain(row))
        assert row.why.startswith("not known")


@pytest.mark.parametrize(("margin", "says"), [(-300.0, "never so near: -"), (500.0, "never that far away: ")])
def test_a_margin_that_no_share_has_is_said(lfp: PackFile, margin: float, says: str) -> None:
    for row in compare_strategies(lfp, [ConstantCurrent(1.0)], WARM, margin).rows:
        assert row.equal is None
        assert row.why.startswith(says)


@pytest.mark.long
def test_a_charge_that_never_ends_is_no_time_and_no_margin_to_compare_at(lfp: PackFile) -> None:
    nothing = ChargeSteps(temperature=(0.0,), soc=(0.0, 0.5), c_rate=((0.3, 0.0),))
    strict = lfp.model_copy(update={"bms": Management(charge_limit=nothing)})
    with pytest.raises(InputError, match=r"the BMS of lfp-24s never lets it reach 80 % at 25 °C, .*: give one"):
        compare_strategies(strict, [ConstantCurrent(0.5)], WARM)
    follower, single = compare_strategies(strict, [ConstantCurrent(0.5)], WARM, margin=5.0).rows
    assert isinf(follower.as_it_is.time)
    assert isinf(single.as_it_is.time)
    assert follower.equal is None
    assert single.equal is not None
    assert np.isfinite(single.equal.time)


def test_what_leads_nowhere_is_refused_before_anything_is_searched(lfp: PackFile) -> None:
    asked: list[str] = []
    with pytest.raises(InputError, match=r"1C<60 asks for nothing from 60 % on and never reaches 80 %"):
        compare_strategies(lfp, [Optimum(), MultiStage(((0.6, 1.0),))], WARM, progress=asked.append)
    with pytest.raises(InputError, match="lfp-24s is not to be charged at -35 °C, its charge_temperature is from -15"):
        compare_strategies(lfp, [Optimum()], Beginning(0.1, 0.8, -35.0, -35.0), progress=asked.append)
    assert asked == []


@pytest.mark.long
def test_a_searched_schedule_is_compared_as_it_was_found(lfp: PackFile) -> None:
    asked: list[str] = []
    row = compare_strategies(lfp, [Optimum(stages=1)], WARM, progress=asked.append).rows[1]
    assert asked == ["follow-limit", "optimum"]
    assert row.strategy.name.startswith("optimum (")
    time, _ = judged_again(lfp, row.strategy, 1.0)
    assert time == pytest.approx(row.strategy.promised, rel=0.03)
    assert row.as_it_is.time >= 0.97 * row.strategy.promised
    assert row.equal is not None
