"""Holds: an excursion that may recover pauses cycling, is logged, and costs the step nothing but time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.columns import INDEX, TEST_TIME
from bench.pack import load_pack
from bench.recording.run import RunRecord, TestIdentity
from bench.running.procedures.base import Control, Stage
from bench.running.procedures.discharge import DischargeProcedure
from bench.running.sampling import Row
from bench.running.setup import Setup
from bench.scenario import Charge, Discharge, Pulse, Rest, Soak, Step, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from tests.bench.fakes import Plant

NewBench = Callable[..., TestBench]

SOAK_END = 600.0
"""s at which the fakes' soak has settled."""
OUT, BACK = SOAK_END + 100, SOAK_END + 400
SETTLE, DEBOUNCE = 600.0, 60.0


def events(bench: TestBench, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in bench.run_log.events if event["type"] in kinds]


def column(run: RunRecord, name: str) -> np.ndarray[Any, Any]:
    return run.rows[:, run.columns.index(name)]


def open_the_door(plant: Plant, begin: float = OUT, end: float = BACK, air: float = 30.0) -> None:
    """The air leaves its band between `begin` and `end`; the cells are too heavy to notice."""
    plant.on_scan.append(lambda: setattr(plant, "air", air if begin <= plant.now() < end else 25.0))


# --- pausing and resuming ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "output"), [(Charge, "source_on"), (Discharge, "sink_on")])
def test_cycling_pauses_while_the_air_is_out_of_its_band(
    little_bench: TestBench, plant: Plant, step: type[Step], output: str
) -> None:
    open_the_door(plant)
    on: dict[float, bool] = {}
    plant.on_scan.append(lambda: on.setdefault(plant.now(), bool(getattr(plant, output))))
    run = little_bench.run(Soak(25.0), step(1.0, elapsed(minutes=30)))  # type: ignore[call-arg]
    (started,) = events(little_bench, "hold started")
    (ended,) = events(little_bench, "hold ended")
    assert OUT + DEBOUNCE <= started["time"] <= OUT + DEBOUNCE + 2
    assert ended["time"] == pytest.approx(BACK + SETTLE, abs=20)
    assert ended["recovered"] is True
    assert ended["duration"] == pytest.approx(ended["time"] - started["time"])
    time, current = column(run, "Test Time / s"), column(run, "Current / A")
    held = (time > started["time"]) & (time <= ended["time"])
    assert held.sum() > 50
    assert (current[held] == 0).all()
    assert current[-1] != 0
    assert not any(state for moment, state in on.items() if started["time"] < moment <= ended["time"])


def test_a_held_step_lasts_as_long_as_it_should_without_the_hold(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    run = little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=30)))
    assert column(run, "Discharging Capacity / Ah")[-1] == pytest.approx(0.5, rel=0.01)
    (hold,) = events(little_bench, "hold ended")
    assert events(little_bench, "step ended")[-1]["duration"] == pytest.approx(1800 + hold["duration"], abs=5)


def test_a_control_law_is_told_the_time_of_its_step_which_stands_still_in_a_hold(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins anew behind the hold, at the time that it had then, and goes on as if nothing had been."""
    open_the_door(plant)
    sampler, told, begun = little_bench.engine.sampler, list[float](), list[int]()
    begin = DischargeProcedure.begin

    def watched(self: DischargeProcedure, stage: Stage) -> Control:
        control = begin(self, stage)
        begun.append(len(told))

        def law(row: Row, time: float) -> None:
            told.append(time)
            if len(told) - 1 not in begun:  # when it begins the step's time has not begun to count yet
                assert time == row[INDEX[TEST_TIME]] - sampler.step_began
            control(row, time)

        return law

    monkeypatch.setattr(DischargeProcedure, "begin", watched)
    little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=30)))
    # The contactors closed a second behind the soak; at 760 s it is held, and at 1600 s no more.
    assert told == [float(second) for second in range(1800)]
    assert begun == [0, 159]


def test_a_hold_does_not_use_up_the_time_that_a_step_may_take(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=10), timeout=700.0))
    assert events(little_bench, "hold ended")[0]["duration"] > 700
    assert events(little_bench, "step ended")[-1]["ended_by"] == "Step Time at least 600 s"


def test_the_contactors_stay_as_they_are_during_a_hold(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=20)))
    requests = [call for call in plant.calls if call.startswith("request")]
    assert set(requests) == {"request DISCHARGE"}


def test_scans_go_on_during_a_hold_and_time_never_stands_still(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    run = little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=20)))
    gaps = np.diff(column(run, "Test Time / s"))
    assert gaps.min() > 0
    assert gaps.max() <= 10.0 + 1e-6


def test_nothing_is_asked_for_during_a_hold(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    run = little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=20)))
    (started,), (ended,) = events(little_bench, "hold started"), events(little_bench, "hold ended")
    time, asked = column(run, "Test Time / s"), column(run, "Set Current / A")
    assert np.isnan(asked[(time > started["time"]) & (time <= ended["time"])]).all()
    assert asked[-1] == -1.0


def test_a_hold_says_what_it_waits_for(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=20)))
    (started,) = events(little_bench, "hold started")
    assert (started["limit"], started["fault"], started["blame"]) == (
        "chamber excursion", "chamber-excursion", "bench",
    )  # fmt: skip
    assert started["text"].startswith("chamber excursion: 5 K is above the allowed 2 K (chamber) in step 'discharge'")
    assert little_bench.conclude().verdict == "PASS"


def test_a_hold_tells_all_of_itself_when_it_begins_and_when_it_ends(little_bench: TestBench, plant: Plant) -> None:
    """Numbers have six digits: of microseconds nobody makes more."""
    open_the_door(plant)
    clock = little_bench.engine.clock
    plant.on_scan.append(lambda: clock.sleep(1 / 7e3 if plant.now() > BACK + 300 else 0.0))
    little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=30), name="out"))
    (started,), (ended,), (warned,) = (events(little_bench, kind) for kind in ("hold started", "hold ended", "warning"))
    assert ended == {
        "time": 1600.000143, "type": "hold ended", "limit": "chamber excursion", "step": "out",
        "duration": 840.000143, "recovered": True,
    }  # fmt: skip
    # What the guard has said of the excursion, and once more that it is why the outputs are off.
    assert started == {**warned, "type": "hold started"}
    assert (started["time"], started["step"], started["at_most"]) == (760.0, "out", 2.0)
    assert events(little_bench, "step ended")[-1]["duration"] == pytest.approx(1802 + 840, abs=0.001)


def test_a_short_excursion_pauses_nothing(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant, end=OUT + DEBOUNCE - 5)
    little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(minutes=20)))
    assert events(little_bench, "hold started", "warning") == []


def test_air_that_swings_about_the_edge_of_its_band_is_one_hold(little_bench: TestBench, plant: Plant) -> None:
    plant.on_scan.append(
        lambda: (
            setattr(plant, "air", 25.0 + (0 if plant.now() < OUT else 2.2 if plant.now() % 200 < 100 else 1.8))
            if plant.now() < OUT + 2000
            else setattr(plant, "air", 25.0)
        )
    )
    little_bench.run(Soak(25.0), Discharge(0.5, until=elapsed(minutes=20)))
    assert len(events(little_bench, "hold started")) == 1


# --- where it does not apply ------------------------------------------------------------------------------------------


def test_before_any_soak_the_air_may_be_anywhere(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant, begin=0.0, end=1e9)
    little_bench.run(Discharge(1.0, until=elapsed(minutes=10)))
    assert events(little_bench, "hold started") == []


def test_while_the_next_soak_drives_the_air_elsewhere_nothing_is_an_excursion(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.on_scan.append(lambda: setattr(plant, "air", 40.0 if plant.now() > SOAK_END + 900 else plant.air))
    little_bench.run(Soak(25.0), Rest(until=elapsed(minutes=5)), Soak(40.0), Discharge(1.0, until=elapsed(minutes=5)))
    assert events(little_bench, "hold started", "warning") == []


def test_a_pulse_is_not_interrupted_and_the_rest_after_it_waits(little_bench: TestBench, plant: Plant) -> None:
    little_bench.run(Soak(25.0))
    open_the_door(plant, begin=plant.now() + 1, end=plant.now() + 200)
    run = little_bench.run(Pulse(1.0, duration=120.0), Rest(until=elapsed(minutes=5)))
    (hold,) = events(little_bench, "hold started")
    assert hold["step"] == "rest"
    pulse, rest = events(little_bench, "step ended")[-2:]
    assert pulse["duration"] == pytest.approx(121, abs=2)
    assert rest["duration"] == pytest.approx(300 + events(little_bench, "hold ended")[0]["duration"], abs=15)
    assert column(run, "Discharging Capacity / Ah")[-1] == pytest.approx(120 / 3600, rel=0.02)


# --- what goes wrong in a hold ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("alarm", "hint"), [("", "check the chamber, its door"), ("Door open", "reports 'Door open'")])
def test_a_hold_that_lasts_too_long_is_the_benchs_fault(
    new_bench: NewBench, plant: Plant, station_text: str, alarm: str, hint: str
) -> None:
    bench = new_bench(station=station_text + "guard: {longest_hold: 0.5}\n")
    bench.open()
    open_the_door(plant, end=1e9)
    plant.alarm = alarm
    with pytest.raises(
        BenchFault, match=r"paused for chamber excursion and has not recovered within 30 min 00 s"
    ) as caught:
        bench.run(Soak(25.0), Discharge(1.0, until=elapsed(hours=1)))
    assert hint in str(caught.value)
    assert bench.conclude(caught.value).verdict == "BENCH FAULT"
    assert bench.run_log.cause is not None
    assert (bench.run_log.cause.fault, bench.run_log.cause.blame) == ("hold-too-long", "bench")
    (ended,) = events(bench, "hold ended")
    assert ended["recovered"] is False
    assert ended["duration"] == 1810, "half an hour is allowed, and it is looked at each ten seconds"
    assert not plant.sink_on


def test_a_limit_that_is_violated_in_a_hold_ends_the_run_with_that_cause(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    plant.on_scan.append(lambda: setattr(plant, "insulation", 100.0) if plant.now() > OUT + 200 else None)
    with pytest.raises(PackFailure, match="insulation"):
        little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(hours=1)))
    assert events(little_bench, "hold ended")[0]["recovered"] is False


def test_outputs_that_do_not_switch_off_for_a_hold_are_no_hold(little_bench: TestBench, plant: Plant) -> None:
    open_the_door(plant)
    plant.on_scan.append(lambda: plant.fail.setdefault("sink_off", OSError("no route")) if plant.now() > OUT else None)
    with pytest.raises(OSError, match="no route"):
        little_bench.run(Soak(25.0), Discharge(1.0, until=elapsed(hours=1)))
    plant.fail.clear()
    assert events(little_bench, "hold started") == []


@pytest.fixture
def virtual_module(tmp_path: Path) -> Iterator[Callable[..., TestBench]]:
    """Open the virtual module, with seeded defects."""
    benches: list[TestBench] = []

    def opened(*defects: str) -> TestBench:
        setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"), defects=defects)
        bench = TestBench(setup, tmp_path / "runs", TestIdentity("test_x.py::test_it", "test_it", "A title"))
        bench.open()
        benches.append(bench)
        return bench

    yield opened
    for bench in benches:
        bench.conclude()


def test_somebody_who_turns_the_chambers_knob_only_costs_time(virtual_module: Callable[..., TestBench]) -> None:
    bench = virtual_module()
    bench.run(Soak(25.0))
    chamber, settled = bench.engine.bench.roles.chamber, bench.engine.clock.now()
    turns = [(settled + 100, 31.0), (settled + 1500, 25.0)]

    def turn(row: list[float]) -> None:
        if turns and row[0] >= turns[0][0]:
            chamber.set_temperature(turns.pop(0)[1])

    bench.engine.sampler.observers.append(turn)
    run = bench.run(Discharge("C/3", until=elapsed(minutes=20)))
    (ended,) = events(bench, "hold ended")
    assert ended["recovered"] is True
    assert ended["duration"] > 1400
    assert column(run, "Discharging Capacity / Ah")[-1] == pytest.approx(2 / 9, rel=0.01)
    assert bench.conclude().verdict == "PASS"


def test_an_alarm_of_the_chamber_is_told_in_its_step_though_it_is_the_last_and_once(
    virtual_module: Callable[..., TestBench],
) -> None:
    bench = virtual_module("chamber-alarm:100")
    bench.run(*[Rest(until=elapsed(minutes=1), name=f"rest {number}") for number in range(2)])
    (warning,) = events(bench, "warning")
    assert (warning["fault"], warning["step"], warning["blame"]) == ("chamber-alarm", "rest 1", "bench")
    assert "Temperature sensor failure" in warning["text"]
