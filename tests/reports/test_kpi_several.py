"""Several recharges of one recording beside each other: the spread and the longest, and one that never got there."""

from math import inf, isnan, nan, nextafter
from pathlib import Path

import pytest

from bench.road import CAR_SCALE
from bench.verdicts import Measurement
from reports import kpi
from reports.kpi import several
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


def test_a_figure_of_several_is_computed_from_all_of_them(tmp_path: Path) -> None:
    """So a meter's error moves each of them, also where only the first was asked for."""
    run = recorded(tmp_path, (1.0, 0.85), (0.5, 0.85), (0.8, 0.85))
    for figure in (kpi.charge_time_spread(run, 1), kpi.longest_charge_time(run, 2)):
        assert figure.asked is not None
        assert sorted(step.index for step in figure.asked.read) == [1, 2, 3]


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


# --- behind a road ----------------------------------------------------------------------------------------------------


def drive(module: Module, off: float, scale: float) -> None:
    """A minute on the road, at whose end the coldest and the hottest cell are `off` K off those of a car's, or less."""
    module.step("drive", "Drive", "PROFILE", lambda m: m.time > 60 * m.index)
    started = next(each for each in reversed(module.events) if each["type"] == "step started")
    end = module.cell_temperature + (0.9 if off > 0 else -0.6)
    started["set_points"] = {"scale": scale, "distance": 1000.0, "expected arrival": end - off}
    started["words"] = {"conditioned by": "chamber"}


def after_roads(folder: Path, *offs: float, scale: float = 0.005) -> Recording:
    module = Module()
    for off in offs:
        drive(module, off, scale)
        recharge(module, 1.0)
    return Recording.load(RunWriter(folder).write(module, "test_several"))


@pytest.mark.parametrize("asked", [kpi.charge_time_spread, kpi.longest_charge_time])
def test_a_pack_that_is_not_as_warm_as_a_cars_gives_no_figure(tmp_path: Path, asked: kpi.KpiFunction[...]) -> None:
    figure = asked(after_roads(tmp_path, 0.5, -4.0), 2)
    assert isnan(figure.value)
    assert figure.unmeasurable.startswith(
        "not comparable, cells arrived -4.0 K off those of a car's pack behind step 3 (drive, by the chamber)"
    )
    judged = Measurement(figure.name, figure.value, figure.unit, at_most=1.5, unmeasurable=figure.unmeasurable)
    assert judged.verdict == "INCONCLUSIVE"


def test_one_that_is_as_warm_and_one_as_large_give_one(tmp_path: Path) -> None:
    for number, run in enumerate((
        after_roads(tmp_path / "warm", 1.5, -1.5), after_roads(tmp_path / "large", 0.5, -4.0, scale=0.97)
    )):  # fmt: skip
        assert kpi.charge_time_spread(run, 2).value == pytest.approx(1.0, rel=0.05), number


@pytest.mark.parametrize(
    ("way", "apart"),
    [
        ((0.5, None, None), False),
        ((-4.0, 0.5, None), False),  # only the last one ahead of it
        ((None, -4.0), False),  # one behind it is no way to it
        ((0.5, -4.0, None), True),
        ((-4.0, None, None), True),
    ],
)
def test_only_the_drive_that_a_recharge_comes_from_counts(
    tmp_path: Path, way: tuple[float | None, ...], apart: bool
) -> None:
    """Drives, by how far their cells arrived off a car's, and recharges."""
    module = Module()
    for off in way:
        if off is None:
            recharge(module, 1.0)
        else:
            drive(module, off, 0.005)
    run = Recording.load(RunWriter(tmp_path).write(module, "test_several"))
    figure = kpi.longest_charge_time(run, way.index(None) + 1)
    assert bool(figure.unmeasurable) is apart
    assert isnan(figure.value) is apart
    assert f"of {way.count(None)} recharges" in figure.definition


@pytest.mark.parametrize(
    ("scale", "off", "comparable"),
    [
        (0.005, 2.0, True), (0.005, -2.0, True), (0.005, nextafter(2.0, inf), False), (-0.005, 3.0, False),
        (0.005, nan, False), (CAR_SCALE, 9.0, True), (-CAR_SCALE, -9.0, True), (nextafter(CAR_SCALE, 0.0), 9.0, False),
        (CAR_SCALE, nan, True), (nan, 0.0, True), (nan, 9.0, False),
    ],
)  # fmt: skip
def test_a_pack_is_a_car_s_by_its_size_or_by_its_warmth(scale: float, off: float, comparable: bool) -> None:
    assert several.comparable(scale, off) is comparable
