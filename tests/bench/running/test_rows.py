"""What a row says beside what was measured: its times, its step, what was asked for, and the counters."""

import csv
from contextlib import nullcontext
from math import isnan, nan, nextafter
from typing import Any

import numpy as np
import pytest

from bench import columns
from bench.columns import INDEX
from bench.recording.run import RunRecord
from bench.running.sampling import PRETRIGGER, Row, Sampler
from bench.scenario import Charge, Discharge, Rest, elapsed
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.roles import BmsState
from tests.bench.fakes import FakeSupply, Plant

COUNTERS = (columns.CHARGE_AH, columns.DISCHARGE_AH, columns.CHARGE_WH, columns.DISCHARGE_WH)
ASKED = (columns.SET_CURRENT, columns.SET_VOLTAGE, columns.SET_TEMPERATURE, columns.COMMAND_POWER)


def column(run: RunRecord, name: str) -> np.ndarray[Any, Any]:
    return run.rows[:, run.columns.index(name)]


def counted(row: Row) -> list[float]:
    return [row[INDEX[name]] for name in COUNTERS]


@pytest.fixture
def unguarded(little_bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> Sampler:
    """Takes rows whatever is in them."""
    sampler = little_bench.engine.sampler
    monkeypatch.setattr(sampler.guard, "check", lambda _row: ())
    monkeypatch.setattr(sampler.guard, "end_early", lambda _told, _at_once: None)
    return sampler


def test_a_row_has_the_time_of_its_answers_and_how_long_they_took(little_bench: TestBench, plant: Plant) -> None:
    clock, takes = little_bench.engine.clock, iter([0.25, 0.5])
    clock.sleep(3.0)
    plant.on_scan.append(lambda: clock.sleep(next(takes, 0.0)))
    run = little_bench.run(Rest(until=elapsed(seconds=21)))
    assert column(run, columns.TEST_TIME).tolist() == [13.25, 23.5, 33.0]
    assert column(run, columns.SCAN_DURATION).tolist() == [0.25, 0.5, 0.0]
    epoch = clock.epoch.timestamp()
    assert column(run, columns.UNIX_TIME).tolist() == [epoch + time for time in (13.25, 23.5, 33.0)]
    assert column(run, columns.STEP).tolist() == [1.0, 1.0, 1.0]


def test_charge_and_energy_are_trapezoids_and_across_a_change_of_what_is_asked_for_rectangles(
    little_bench: TestBench, unguarded: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What flows by a new set point flows at once. A reading that is missing is counted as no time at all."""
    clock = little_bench.engine.clock
    measured = [0.0, 0.0, 0.0]
    monkeypatch.setattr(FakeSupply, "collect", lambda _self: list(measured))
    expected = [0.0, 0.0, 0.0, 0.0]
    course: list[tuple[tuple[float, float] | None, float, float, float, list[float]]] = [
        # asked, A and V measured, s since the last row, and what that adds: As in, As out, Ws in, Ws out
        (None, 0.0, 10.0, 1.0, [0, 0, 0, 0]),  # the first one has none before it
        ((1.0, 14.0), 1.0, 10.0, 2.0, [2, 0, 20, 0]),
        (None, 1.0, 12.0, 2.0, [2, 0, 22, 0]),
        (None, 0.5, 12.0, 4.0, [3, 0, 36, 0]),
        ((1.0, 14.0), 0.7, 12.0, 1.0, [0.6, 0, 7.2, 0]),  # asked for the same again
        ((1.0, 13.0), 0.1, 12.0, 1.0, [0.1, 0, 1.2, 0]),  # the voltage is another one
        ((-1.0, 13.0), -1.0, 10.0, 3.0, [0, 3, 0, 30]),
        (None, -0.5, 10.0, 2.0, [0, 1.5, 0, 15]),
        (None, nan, 10.0, 2.0, [0, 0, 0, 0]),
        (None, -0.5, 10.0, 2.0, [0, 0, 0, 0]),  # the mean with one that is missing is missing
        (None, -0.5, 10.0, 2.0, [0, 1, 0, 10]),
        ((nan, nan), 0.0, 10.0, 5.0, [0, 0, 0, 0]),
        (None, 0.2, 10.0, 5.0, [0.5, 0, 5, 0]),
    ]
    for asked, current, volts, seconds, adds in course:
        if asked is not None:
            unguarded.ask(*asked)
        measured[:2] = volts, current
        clock.sleep(seconds)
        row = unguarded.take()
        expected = [before + each / 3600 for before, each in zip(expected, adds, strict=True)]
        assert counted(row) == pytest.approx(expected, abs=1e-12), (asked, current)


def test_what_is_asked_for_stands_in_each_row_from_then_on(little_bench: TestBench, plant: Plant) -> None:
    plant.sink_on = True
    sampler, clock = little_bench.engine.sampler, little_bench.engine.clock

    def row() -> list[float | None]:
        clock.sleep(1.0)
        taken = sampler.take()
        return [None if isnan(taken[INDEX[name]]) else taken[INDEX[name]] for name in ASKED]

    assert row() == [None, None, None, None]
    sampler.ask_temperature(30.0)
    assert row() == [None, None, 30.0, None]
    sampler.ask(-0.1, 11.0)
    sampler.command(-1.5)
    assert row() == [-0.1, 11.0, 30.0, -1.5]
    sampler.commands(lambda time: 100.0 + time)
    sampler.step_began = 1.5
    assert row() == [-0.1, 11.0, 30.0, 102.5]
    sampler.note(columns.BMS_AGE, 1.75)
    assert row() == [-0.1, 11.0, 30.0, 103.5]
    assert sampler.last is not None
    assert sampler.last[INDEX[columns.BMS_AGE]] == 1.75
    sampler.ask_nothing()
    assert row() == [None, None, 30.0, None]
    assert sampler.last[INDEX[columns.BMS_AGE]] == 0.1


def test_the_air_is_expected_to_stay_only_where_it_has_come_to_rest(little_bench: TestBench) -> None:
    sampler = little_bench.engine.sampler
    assert [
        sampler.guard.conditioned,
        sampler.settled() or sampler.guard.conditioned,
        sampler.ask_temperature(25.0) or sampler.guard.conditioned,
    ] == [False, True, False]


@pytest.mark.parametrize(
    ("read", "lost"), [(0.02, False), (nextafter(0.02, 0.0), True), (-0.02, False), (-nextafter(0.02, 0.0), True)]
)
@pytest.mark.parametrize("way", [Charge, Discharge])
def test_an_output_is_asked_whether_it_is_on_below_a_fiftieth_of_the_current_asked_for(
    unguarded: Sampler, plant: Plant, monkeypatch: pytest.MonkeyPatch, way: type[Charge | Discharge], read: float,
    lost: bool,
) -> None:  # fmt: skip
    """A current that tapers is no news."""
    monkeypatch.setattr(FakeSupply, "collect", lambda _self: [13.0, read, 13.0 * read])
    plant.calls.clear()
    unguarded.ask(1.0 if way is Charge else -1.0, 14.0)
    with pytest.raises(BenchFault) if lost else nullcontext():
        unguarded.take()
    looked = ["source_is_off" if way is Charge else "sink_is_off"]
    assert [call for call in plant.calls if call.endswith("is_off")] == looked * lost


@pytest.mark.parametrize(("age", "silent"), [(2.0, False), (nextafter(2.0, 3.0), True), (nan, False)])
def test_a_bms_that_was_not_heard_for_more_than_two_seconds_is_why_a_current_is_gone(
    unguarded: Sampler, plant: Plant, monkeypatch: pytest.MonkeyPatch, age: float, silent: bool
) -> None:
    plant.bms_age = age
    unguarded.ask(1.0, 14.0)
    with pytest.raises(BenchFault) as lost:
        unguarded.take()
    assert lost.value.fault == ("bms-silent" if silent else "output-lost")
    assert ("supply was asked for 1 A" in str(lost.value)) is True


def test_a_node_that_has_given_up_is_no_lost_output(
    unguarded: Sampler, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has opened its contactors, and the guard is about to say so."""
    plant.bms_state = BmsState.ERROR
    unguarded.ask(1.0, 14.0)
    assert unguarded.take()[INDEX[columns.BMS_STATE]] == BmsState.ERROR


def test_the_last_minute_before_a_violation_is_kept_with_what_the_guard_derived(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.on_scan.append(lambda: plant.now() > 95 and setattr(plant, "sensors", [90.0, 90.0]))
    with pytest.raises((PackFailure, BenchFault)):
        little_bench.run(Discharge(1.0, until=elapsed(hours=1)))
    guard = little_bench.engine.sampler.guard
    with (little_bench.run_log.folder / PRETRIGGER).open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    assert tuple(names) == tuple(guard.columns)
    assert len(names) > len(little_bench.engine.bench.scanner.columns)
    assert [[float(each) for each in row] for row in rows] == [
        pytest.approx(list(row), nan_ok=True) for row in guard.recent()
    ]
    assert float(rows[-1][0]) - float(rows[0][0]) == pytest.approx(60, abs=1.0)
