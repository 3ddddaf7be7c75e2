"""Several recharges of one recording beside each other: the spread and the longest, and one that never got there."""

from math import isnan
from pathlib import Path

import pytest

from reports import kpi
from reports.recording import Recording
from tests.reports.conftest import CAPACITY, Module, RunWriter


def recharge(module: Module, rate: float, end: float = 0.85) -> None:
    """From 5 % on at a rate, to `end`."""
    module.soc = 0.05
    module.step("fast recharge", "FastRecharge", "CCCV_CHG", lambda m: m.soc >= end, rate * CAPACITY, 86.4)


def recorded(folder: Path, *recharges: tuple[float, float]) -> Recording:
    module = Module()
    for rate, end in recharges:
        recharge(module, rate, end)
    return Recording.load(RunWriter(folder).write(module, "test_several"))


def test_the_spread_is_the_ratio_of_the_times_of_all_of_that_name(tmp_path: Path) -> None:
    run = recorded(tmp_path, (1.0, 0.85), (0.5, 0.85), (0.8, 0.85))
    # 70 % at a constant current: half the current takes twice as long, to within a scan.
    assert kpi.charge_time_spread(run, 1).value == pytest.approx(2.0, rel=0.02)
    assert kpi.longest_charge_time(run, 1).value == pytest.approx(3600 * 0.7 / 0.5, rel=0.02)
    assert "of 3 recharges" in kpi.longest_charge_time(run, 1).definition


def test_two_have_a_spread_already(tmp_path: Path) -> None:
    run = recorded(tmp_path, (1.0, 0.85), (0.5, 0.85))
    assert kpi.charge_time_spread(run, 1).value == pytest.approx(2.0, rel=0.02)


def test_one_that_never_got_there_leaves_neither(tmp_path: Path) -> None:
    run = recorded(tmp_path, (1.0, 0.85), (1.0, 0.6))
    assert isnan(kpi.charge_time_spread(run, 1).value)
    assert isnan(kpi.longest_charge_time(run, 1).value)


def test_of_one_there_is_no_spread(tmp_path: Path) -> None:
    run = recorded(tmp_path, (1.0, 0.85))
    assert isnan(kpi.charge_time_spread(run, 1).value)
    assert kpi.longest_charge_time(run, 1).value == pytest.approx(3600 * 0.7, rel=0.02)
