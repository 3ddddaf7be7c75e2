"""The engine on a bench of fakes: what a scenario does to a pack, and what is off once anything has gone wrong."""

import errno
import json
from collections.abc import Callable
from contextlib import suppress
from math import nan
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench import columns
from bench.columns import INDEX
from bench.recording.run import RunRecord
from bench.running.procedures.registry import procedure_for
from bench.running.resume import fingerprint
from bench.scenario import (
    Charge,
    Discharge,
    FastRecharge,
    Pulse,
    Rest,
    Soak,
    Step,
    cell_voltage_above,
    cell_voltage_below,
    current_below,
    elapsed,
    soc_above,
)
from bench.testing import TestBench
from bench.verdicts import BenchFault, InputError, PackFailure, TestError, Verdict
from instruments.roles import BmsState, InstrumentFault, Sink, Source
from tests.bench.fakes import FakeSupply, Plant

NewBench = Callable[..., TestBench]

LONG = elapsed(hours=1)


def column(run: RunRecord, name: str) -> np.ndarray[Any, Any]:
    return run.rows[:, run.columns.index(name)]


def events(bench: TestBench, kind: str) -> list[dict[str, Any]]:
    return [event for event in bench.run_log.events if event["type"] == kind]


def ended_by(bench: TestBench) -> list[str]:
    return [event["ended_by"] for event in events(bench, "step ended")]


# --- a scenario -------------------------------------------------------------------------------------------------------


def test_what_is_left_is_the_least_while_nobody_can_foresee_a_step(little_bench: TestBench) -> None:
    """A rest ends when its cells want it to: what is known behind it is still to come, and no hour is made up."""
    told: list[tuple[int, float, bool]] = []
    engine, sampler = little_bench.engine, little_bench.engine.sampler

    def look(row: Any) -> None:
        if engine.step is not None:
            told.append((sampler.step_index, *engine.left(row[0])))

    sampler.observers.append(look)
    little_bench.run(
        Rest(until=elapsed(minutes=10)), Rest(until=cell_voltage_above(3.06)), Rest(until=elapsed(minutes=5)),
        Rest(until=elapsed(minutes=1)),
    )  # fmt: skip
    left = {index: [(seconds, foreseen) for at, seconds, foreseen in told if at == index] for index in (1, 2, 3, 4)}
    assert {foreseen for _, foreseen in [*left[1], *left[2]]} == {False}
    assert {foreseen for _, foreseen in [*left[3], *left[4]]} == {True}
    assert left[1][-1][0] == pytest.approx(360, abs=15)
    assert {seconds for seconds, _ in left[2]} == {360.0}
    assert left[3][0][0] == pytest.approx(360, abs=15)
    [message] = [event["text"] for event in events(little_bench, "message") if "steps, expected" in event["text"]]
    assert "expected to take at least 0.3 h" in message


def test_steps_run_in_order_each_to_its_own_end(little_bench: TestBench) -> None:
    run = little_bench.run(
        Soak(40.0),
        Discharge("1C", until=elapsed(minutes=10)),
        Rest(until=elapsed(minutes=5)),
        Charge("1C", until=[soc_above(0.5), current_below("C/20")]),
    )
    steps = column(run, "Step Count / 1")
    assert list(dict.fromkeys(steps)) == [1, 2, 3, 4]
    assert (np.diff(column(run, "Test Time / s")) > 0).all()
    assert ended_by(little_bench) == [
        "air within 2 K, cells within 2 K and drifting less than 1 K/h",
        "Step Time at least 600 s", "Step Time at least 300 s", "SOC at least 0.5",
    ]  # fmt: skip
    durations = [event["duration"] for event in events(little_bench, "step ended")]
    assert durations[1:3] == pytest.approx([600, 300], abs=2.1)


def test_a_scenario_is_planned_with_every_step_before_the_first_begins_and_a_second_one_counts_on(
    little_bench: TestBench,
) -> None:
    timed, open_ended = Rest(until=elapsed(seconds=5), name="a while"), Rest(until=soc_above(0.1), name="who knows")
    little_bench.run(timed, open_ended)
    little_bench.run(timed)
    planned = events(little_bench, "scenario planned")
    assert [
        [(step["index"], step["name"], step["expected_duration"]) for step in event["steps"]] for event in planned
    ] == [[(1, "a while", 5.0), (2, "who knows", None)], [(3, "a while", 5.0)]]
    started = events(little_bench, "step started")
    assert [(step["index"], step["expected_duration"]) for step in started] == [(1, 5.0), (2, None), (3, 5.0)]
    assert [planned[0]["time"], planned[1]["time"]] == [started[0]["time"], started[2]["time"]]
    assert planned[0]["steps"][0]["until"] == started[0]["until"] == ["Step Time at least 5 s"]


def test_a_step_begins_and_ends_with_what_the_last_row_says(little_bench: TestBench) -> None:
    """Before the first row nobody knows anything; between two steps nothing is looked at."""
    run = little_bench.run(Charge(2.0, until=elapsed(seconds=30)), Rest(until=elapsed(seconds=10)))
    started, ended = (events(little_bench, kind) for kind in ("step started", "step ended"))
    steps = column(run, "Step Count / 1")
    told = (
        columns.VOLTAGE, columns.CURRENT, columns.CELL_VOLTAGE_MIN, columns.CELL_VOLTAGE_MAX, columns.AMBIENT,
        columns.SURFACE, columns.CELL_TEMPERATURE_MIN, columns.CELL_TEMPERATURE_MAX, columns.SOC, columns.CHARGE_AH,
        columns.DISCHARGE_AH, columns.CHARGE_WH, columns.DISCHARGE_WH,
    )  # fmt: skip
    for index, event in enumerate(ended, 1):
        row = run.rows[np.flatnonzero(steps == index)[-1]]
        values = [float(row[run.columns.index(name)]) for name in told]
        assert tuple(event["reached"]) == told
        assert list(event["reached"].values()) == pytest.approx(values, abs=1e-6)
    assert ended[0]["reached"]["Current / A"] == 2.0
    assert [event["reached"] for event in started] == [{}, ended[0]["reached"]]


def test_a_step_tells_all_of_itself_when_it_begins_and_what_it_came_to_when_it_ends(
    little_bench: TestBench, plant: Plant
) -> None:
    """Whoever reads the run knows nothing else of it. Numbers have six digits: of microseconds nobody makes more."""
    clock, step = little_bench.engine.clock, Charge("C/2", until=elapsed(seconds=3), name="in")
    clock.sleep(1 / 3)
    plant.on_scan.append(lambda: clock.sleep(1 / 7e3))  # one look at the bus, and three scans
    run = little_bench.run(step, Rest(until=elapsed(seconds=20)))
    (started, resting), (ended, rested) = (events(little_bench, kind) for kind in ("step started", "step ended"))
    del started["time"], ended["time"], ended["reached"]
    assert started == {
        "type": "step started", "index": 1, "name": "in", "kind": "Charge", "step_type": "CCCV_CHG",
        "direction": "charge", "resumable": True, "set_points": {"current": 1.0, "voltage": pytest.approx(13.8)},
        "words": {}, "until": ["Step Time at least 3 s"], "expected_duration": 3.0, "scan_period": 1.0,
        "fingerprint": fingerprint(step), "reached": {},
    }  # fmt: skip
    assert ended == {
        "type": "step ended", "index": 1, "name": "in", "duration": 4.000429, "ended_by": "Step Time at least 3 s",
        "verdict": "PASS",
    }  # fmt: skip
    assert (resting["index"], resting["scan_period"], resting["resumable"], rested["index"]) == (2, 10.0, True, 2)
    last = run.rows[np.flatnonzero(column(run, "Step Count / 1") == 1)[-1]]
    assert resting["reached"][columns.VOLTAGE] == round(float(last[run.columns.index(columns.VOLTAGE)]), 6)
    assert rested["duration"] == 20.000143


@pytest.mark.parametrize(
    ("steps", "hours", "energy"),
    [
        ([Rest(until=elapsed(hours=1))], "1.0", "0"), ([Charge("C/2", until=elapsed(minutes=90))], "1.5", "20"),
        ([Discharge("1C", until=elapsed(minutes=6)), Rest(until=elapsed(hours=2))], "2.1", "3"),
        ([Rest(until=elapsed(hours=1)), Rest(until=soc_above(0.1))], "at least 1.0", "0"),
    ],
)  # fmt: skip
def test_a_scenario_says_first_what_it_is_expected_to_take(
    little_bench: TestBench, steps: list[Step], hours: str, energy: str
) -> None:
    """13 V in the middle."""
    little_bench.engine.sampler.observers.append(enough)
    with pytest.raises(Enough):
        little_bench.run(*steps)
    assert events(little_bench, "message")[0]["text"] == (
        f"{len(steps)} steps, expected to take {hours} h and to move {energy} Wh."
    )


class Enough(BaseException):
    """All that was to be seen was seen."""


def enough(_row: list[float]) -> None:
    raise Enough


def test_what_is_left_is_the_rest_of_the_step_that_runs_and_all_behind_it(little_bench: TestBench) -> None:
    told: list[tuple[float, tuple[float, bool], tuple[float, bool]]] = []
    engine = little_bench.engine
    engine.sampler.observers.append(lambda row: told.append((row[0], engine.left(row[0]), engine.left(row[0] + 1e3))))
    assert engine.left(0.0) == (0, True)
    little_bench.run(*(Rest(until=elapsed(seconds=seconds)) for seconds in (30, 40, 20)))
    # A step that lasts longer than it should has nothing left, and takes nothing from those behind it.
    assert told == [
        *((time, (90 - time, True), (60, True)) for time in (10, 20, 30)),
        *((time, (90 - time, True), (20, True)) for time in (40, 50, 60, 70)),
        *((time, (90 - time, True), (0, True)) for time in (80, 90)),
    ]
    assert engine.left(90.0) == (0, True)


@pytest.mark.parametrize("missing", [None, "soc", "temperature"])
def test_an_adviser_is_told_what_the_pack_is_like_as_far_as_that_is_known(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    """Before anything was scanned, as the bench begins; then as it was read last, the coldest cell."""
    told: list[tuple[list[str], tuple[float, float]]] = []
    engine = little_bench.engine
    monkeypatch.setattr(
        engine, "adviser", lambda planned, state: told.append(([each.name for each in planned], state)) or []
    )
    plant.soc, plant.sensors = 0.7, [21.0, 23.0]
    little_bench.run(Rest(until=elapsed(seconds=5), name="one"), Rest(until=elapsed(seconds=5), name="two"))
    last = engine.sampler.last
    assert last is not None
    if missing is not None:
        last[INDEX[columns.SOC if missing == "soc" else columns.CELL_TEMPERATURE_MIN]] = nan
    little_bench.run(Rest(until=elapsed(seconds=5), name="three"))
    shipped = (0.3, 25.0)
    assert told == [(["one", "two"], shipped), (["three"], shipped if missing else (0.7, 21.0))]


def test_what_is_doubted_again_is_kept_again_and_refused_where_the_station_says_so(
    new_bench: NewBench, plant: Plant, station_text: str
) -> None:
    bench = new_bench(station=station_text + "undecidable: refuse\n")
    told = iter([["Too short.", "Too warm."], [], ["Too cold."]])
    bench.adviser = lambda *_: next(told)
    bench.open()
    plant.calls.clear()
    rest = Rest(until=elapsed(seconds=5))
    with pytest.raises(InputError, match=r"^Scenario refused before it started: Too short\. Too warm\.$"):
        bench.run(rest)
    assert bench.engine.sampler.last is None
    bench.run(rest)
    with pytest.raises(InputError, match=r"Too cold\."):
        bench.run(rest)
    assert bench.run_log.manifest["doubts"] == ["Too short.", "Too warm.", "Too cold."]
    bench.conclude()


def test_an_alarm_of_the_chamber_is_told_once_for_as_long_as_it_stands(little_bench: TestBench, plant: Plant) -> None:
    """It is looked at where a step begins and where it ends."""
    alarms = iter(["", "Door", "Door", "Door", "", "Door", "Fan", "Fan", "Fan", "Fan"])
    plant_alarm = property(lambda _plant: next(alarms))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Plant, "alarm", plant_alarm)
        for name in "abcde":
            little_bench.run(Rest(until=elapsed(seconds=10), name=name))
    assert [
        (each["time"], each["step"], each["fault"], each["action"], each["blame"], each["text"])
        for each in events(little_bench, "warning")
    ] == [
        (time, step, "chamber-alarm", "warn", "bench", f"chamber alarm: it reports {alarm!r} in step {step!r}.")
        for time, step, alarm in ((10.0, "a", "Door"), (30.0, "c", "Door"), (30.0, "d", "Fan"))
    ]


def test_an_adviser_that_fails_costs_a_warning_and_nothing_else(little_bench: TestBench) -> None:
    def clueless(*_: object) -> list[str]:
        raise ValueError("no idea")

    little_bench.engine.adviser = clueless
    little_bench.run(Rest(until=elapsed(seconds=5)))
    told = [(each["level"], each["text"]) for each in events(little_bench, "message")]
    assert told[0][0] == "info"
    assert told[1:] == [("warning", "Pre-flight could not foresee the scenario (ValueError: no idea).")]
    assert "doubts" not in little_bench.run_log.manifest
    assert little_bench.conclude().verdict is Verdict.PASS


def test_what_is_doubted_is_a_warning_and_kept_with_the_run(little_bench: TestBench) -> None:
    little_bench.engine.adviser = lambda *_: ["It is too short."]
    little_bench.run(Rest(until=elapsed(seconds=5)))
    told = [each["text"] for each in events(little_bench, "message") if each["level"] == "warning"]
    assert told == ["Pre-flight: It is too short."]
    assert little_bench.run_log.manifest["doubts"] == ["It is too short."]


def test_what_ends_a_run_between_its_steps_names_none(little_bench: TestBench, plant: Plant) -> None:
    """Before the first as behind it: a rest after a resume belongs to neither."""
    plant.sensors = [90.0, 90.0]
    engine = little_bench.engine

    def look() -> None:
        for _ in range(10):
            engine.clock.sleep(1.0)
            engine.sampler.take()

    with pytest.raises(PackFailure) as caught:
        look()
    little_bench.conclude(caught.value)
    assert [each["step"] for each in events(little_bench, "trip")] == [None]
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["cause"]["step"] is None
    assert "step" not in manifest["cause"]["text"]


def test_positive_current_charges_and_counts_as_charged(little_bench: TestBench) -> None:
    run = little_bench.run(Charge(2.0, until=elapsed(minutes=6)), Rest(until=elapsed(minutes=1)))
    assert column(run, "Current / A").max() == 2.0
    assert column(run, "Charging Capacity / Ah")[-1] == pytest.approx(0.2, rel=0.01)
    assert column(run, "Charging Energy / Wh")[-1] == pytest.approx(0.2 * 4 * 3.3, rel=0.02)
    assert column(run, "Discharging Capacity / Ah").max() == 0.0


def test_discharge_is_negative_and_counts_apart(little_bench: TestBench) -> None:
    run = little_bench.run(Discharge(2.0, until=elapsed(minutes=6)))
    assert column(run, "Current / A").min() == -2.0
    assert column(run, "Discharging Capacity / Ah")[-1] == pytest.approx(0.2, rel=0.01)
    assert (np.diff(column(run, "Discharging Energy / Wh")) >= 0).all()
    assert column(run, "Charging Capacity / Ah").max() == 0.0


@pytest.mark.parametrize("least", [-0.04, -0.041, -0.039])
def test_where_a_current_turns_between_two_rows_its_charge_and_its_energy_count_by_their_own_signs(
    little_bench: TestBench, plant: Plant, least: float
) -> None:
    """It flows in at 13 V and out at 12 V: about no charge has moved, and energy has gone in."""

    def turn() -> None:
        plant.leak, plant.bus = (least, 12.0) if plant.leak > 0 else (0.04, 13.0)
        plant.current = plant.leak

    plant.on_scan.append(turn)
    run = little_bench.run(Rest(until=elapsed(seconds=20)))
    moved = [column(run, name)[[0, -1]] @ [-1, 1] for name in (
        "Charging Capacity / Ah", "Discharging Capacity / Ah", "Charging Energy / Wh", "Discharging Energy / Wh",
    )]  # fmt: skip
    hours = np.ptp(column(run, "Test Time / s")) / 3600
    charge, energy = (0.04 + least) / 2 * hours, (0.04 * 13.0 + least * 12.0) / 2 * hours
    assert moved == pytest.approx([max(charge, 0.0), max(-charge, 0.0), energy, 0.0])


def test_set_points_are_recorded_only_while_they_are_asked_for(little_bench: TestBench) -> None:
    run = little_bench.run(Discharge(2.0, until=elapsed(seconds=10)), Rest(until=elapsed(seconds=30)))
    asked, steps = column(run, "Set Current / A"), column(run, "Step Count / 1")
    assert asked[steps == 1][-1] == -2.0
    assert np.isnan(asked[steps == 2]).all()


def test_outputs_are_off_after_every_step_that_moved_a_current(little_bench: TestBench, plant: Plant) -> None:
    little_bench.run(Charge(1.0, until=elapsed(seconds=5)))
    assert not plant.source_on
    little_bench.run(Discharge(1.0, until=elapsed(seconds=5)))
    assert not plant.sink_on


def test_the_contactors_are_closed_before_any_output_is_switched_on(little_bench: TestBench, plant: Plant) -> None:
    little_bench.run(Charge(1.0, until=elapsed(seconds=5)), Discharge(1.0, until=elapsed(seconds=5)))
    order = [call for call in plant.calls if call in {"request CHARGE", "request DISCHARGE", "charge", "discharge"}]
    assert list(dict.fromkeys(order)) == ["request CHARGE", "charge", "request DISCHARGE", "discharge"]


def test_a_bms_that_begins_to_open_under_load_has_given_up_and_everything_is_off_at_once(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.on_scan.append(lambda: setattr(plant, "bms_state", BmsState.OPENING) if plant.now() > 20 else None)
    error = fails(little_bench, Discharge(2.0, until=LONG))
    assert "the BMS opens its contactors under load: it gave up" in str(error)
    (trip,) = events(little_bench, "trip")
    assert trip["time"] < 23


def test_scans_stay_on_their_grid(little_bench: TestBench) -> None:
    run = little_bench.run(Discharge(1.0, until=elapsed(minutes=30)))
    times = column(run, "Test Time / s")
    assert times == pytest.approx(np.arange(1, len(times) + 1), abs=1e-6)


def test_a_pulse_is_scanned_ten_times_a_second(little_bench: TestBench) -> None:
    run = little_bench.run(Pulse(2.0, duration=3.0))
    assert np.diff(column(run, "Test Time / s"))[1:] == pytest.approx(0.1)


def test_a_condition_must_hold_for_as_long_as_it_says(little_bench: TestBench, plant: Plant) -> None:
    glitch = iter([10.0, 0.1, 10.0, *[0.1] * 50])
    plant.on_scan.append(lambda: setattr(plant, "charge_limit", next(glitch)))
    run = little_bench.run(Charge(4.0, until=current_below(0.2, hold=10.0)))
    below = column(run, "Current / A") <= 0.2
    assert below[-11:].all()
    assert events(little_bench, "step ended")[0]["duration"] >= 12


def test_a_step_without_a_reachable_end_is_the_benchs_fault(little_bench: TestBench, plant: Plant) -> None:
    with pytest.raises(
        BenchFault, match=r"Step 'charge' did not end within 6 min 00 s: none of its conditions.*SOC at least 1"
    ):
        little_bench.run(Charge(0.1, until=soc_above(1.0), timeout=360.0))
    assert not plant.source_on


# --- control ----------------------------------------------------------------------------------------------------------


def test_a_charge_ends_in_constant_voltage_on_the_highest_cell(little_bench: TestBench, plant: Plant) -> None:
    plant.cell_offset, plant.soc = 0.05, 0.7
    run = little_bench.run(Charge("1C", until=current_below("C/20")))
    highest = column(run, "Cell Voltage Max / V")
    assert highest.max() <= 3.45 + 0.005
    assert highest[-1] == pytest.approx(3.45, abs=0.01)
    assert column(run, "Current / A")[-1] <= 0.1


def test_a_charge_to_a_lower_voltage_stops_there(little_bench: TestBench) -> None:
    run = little_bench.run(Charge("1C", until=current_below("C/20"), cell_voltage=3.4))
    assert column(run, "Cell Voltage Max / V").max() == pytest.approx(3.4, abs=0.005)


def test_a_fast_recharge_follows_the_limit_of_the_bms_scan_by_scan(little_bench: TestBench, plant: Plant) -> None:
    # The first is there when the bus is looked at, before the contactors are asked to close.
    limits = iter([3.0, 3.0, 2.5, 0.0, 9.0, 1.0, *[1.0] * 600])
    plant.on_scan.append(lambda: setattr(plant, "charge_limit", next(limits)))
    run = little_bench.run(FastRecharge(until=elapsed(seconds=20)))
    # What was sent at one scan flows at the next; 9 A is bounded by the pack's 4 A.
    assert column(run, "Current / A")[1:6].tolist() == [3.0, 2.5, 0.0, 4.0, 1.0]


@pytest.mark.parametrize(
    ("step", "points"),
    [
        (Charge("C/2", until=LONG), {"current": 1.0, "voltage": pytest.approx(13.8)}),
        (Discharge("C/2", until=LONG), {"current": -1.0}),
        (Pulse(2.0, duration=3.0), {"current": -2.0}),
        (FastRecharge(until=LONG), {"current": 4.0, "voltage": pytest.approx(13.8)}),
        (Rest(until=LONG), {}),
    ],
    ids=lambda each: getattr(each, "kind", ""),
)
def test_a_step_begins_with_the_set_points_that_it_will_ask_for(
    little_bench: TestBench, step: Step, points: dict[str, float]
) -> None:
    assert procedure_for(step, little_bench.engine.bench).set_points() == points


def test_a_discharge_leaves_the_sink_alone_once_it_is_programmed(little_bench: TestBench, plant: Plant) -> None:
    little_bench.run(Discharge(1.0, until=elapsed(minutes=1)))
    assert plant.calls.count("discharge") == 1


# --- what goes wrong --------------------------------------------------------------------------------------------------


def ended(bench: TestBench, plant: Plant, verdict: str, blame: str) -> dict[str, Any]:
    """The outputs went off with the step; what the manifest says once the test has ended with `fault`."""
    assert not plant.source_on
    assert not plant.sink_on
    manifest: dict[str, Any] = json.loads((bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["verdict"], manifest["cause"]["blame"]) == (verdict, blame)
    return manifest


def assert_ended_safe(bench: TestBench, plant: Plant, verdict: str, blame: str) -> dict[str, Any]:
    """As `ended`, and verified safe."""
    manifest = ended(bench, plant, verdict, blame)
    assert manifest["bench_verdict"]["safe"] is True
    return manifest


def fails(bench: TestBench, *steps: Any) -> BaseException:
    """Run, conclude with what was raised as the plugin does, and return it."""
    with pytest.raises((PackFailure, BenchFault, InstrumentFault, KeyboardInterrupt)) as caught:
        bench.run(*steps)
    bench.conclude(caught.value)
    return caught.value


def test_a_pack_that_violates_a_limit_is_blamed_with_step_time_and_value(little_bench: TestBench, plant: Plant) -> None:
    plant.on_scan.append(lambda: setattr(plant, "sensors", [25.0 + plant.now() / 35] * 2))
    error = fails(little_bench, Discharge(2.0, until=LONG, name="hot discharge"))
    assert isinstance(error, PackFailure)
    manifest = assert_ended_safe(little_bench, plant, "FAIL", "pack")
    assert manifest["cause"]["step"] == "hot discharge"
    assert manifest["cause"]["limit"] == "cell over-temperature"
    (trip,) = events(little_bench, "trip")
    assert trip["value"] > trip["at_most"] == 50
    assert (trip["step"], trip["action"], trip["fault"], trip["text"]) == (
        "hot discharge", "trip", manifest["cause"]["fault"], manifest["cause"]["text"],
    )  # fmt: skip
    # The violation itself is on record: off, and then written.
    table = pq.read_table(little_bench.run_log.folder / "samples.parquet")
    assert table.column("Cell Temperature Max / degC")[-1].as_py() == trip["value"]


def test_the_outputs_go_off_before_anything_else_is_done_about_a_violation(
    little_bench: TestBench, plant: Plant
) -> None:
    off_when: list[tuple[bool, int]] = []
    little_bench.run_log.listeners.append(
        lambda event: off_when.append((plant.sink_on, 0)) if event["type"] == "trip" else None
    )
    plant.on_scan.append(lambda: setattr(plant, "sensors", [90.0, 90.0]))
    fails(little_bench, Discharge(2.0, until=LONG))
    assert off_when == [(False, 0)]


@pytest.mark.parametrize("error", [InstrumentFault("no answer"), OSError(), KeyError("x")])
def test_a_violation_is_told_even_when_the_output_does_not_switch_off(
    little_bench: TestBench, plant: Plant, error: Exception
) -> None:
    plant.fail["sink_off"] = error
    plant.on_scan.append(lambda: setattr(plant, "sensors", [90.0, 90.0]))
    assert isinstance(fails(little_bench, Discharge(2.0, until=LONG)), PackFailure)
    assert plant.calls.count("sink_off") >= 2
    assert little_bench.run_log.cause is not None
    assert little_bench.run_log.cause.limit == "cell over-temperature"


def test_a_bms_that_stops_sending_is_the_benchs_fault(little_bench: TestBench, plant: Plant) -> None:
    plant.on_scan.append(lambda: setattr(plant, "bms_age", max(0.1, plant.now() - 60)))
    error = fails(little_bench, Charge(1.0, until=LONG))
    assert "BMS silent" in str(error)
    manifest = ended(little_bench, plant, "BENCH FAULT", "bench")
    steps = manifest["bench_verdict"]["steps"]
    silent = ["sink off", "source off", "current gone", "contactor open", "bus discharged"]
    assert [step["name"] for step in steps if step["verified"] is False] == silent, "nobody else vouches for them"


def test_an_open_sensor_is_the_benchs_fault(little_bench: TestBench, plant: Plant) -> None:
    plant.on_scan.append(lambda: setattr(plant, "cell_offset", float("nan") if plant.now() > 30 else 0.0))
    error = fails(little_bench, Charge(1.0, until=LONG))
    assert "Cell Voltage Max is missing from the scan" in str(error)
    assert_ended_safe(little_bench, plant, "BENCH FAULT", "bench")


def test_an_instrument_that_goes_away_is_the_benchs_fault(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_self: object) -> list[float]:
        raise InstrumentFault("temperatures did not answer")

    plant.on_scan.append(
        lambda: monkeypatch.setattr("tests.bench.fakes.FakeLogger.collect", gone) if plant.now() > 30 else None
    )
    assert "temperatures did not answer" in str(fails(little_bench, Charge(1.0, until=LONG)))
    assert_ended_safe(little_bench, plant, "BENCH FAULT", "bench")


def test_an_interruption_switches_off_and_is_the_operators(little_bench: TestBench, plant: Plant) -> None:
    def interrupt() -> None:
        if plant.now() > 30:
            plant.on_scan.clear()
            raise KeyboardInterrupt

    plant.on_scan.append(interrupt)
    assert isinstance(fails(little_bench, Charge(1.0, until=LONG)), KeyboardInterrupt)
    assert_ended_safe(little_bench, plant, "ABORTED", "operator")


def test_a_contactor_that_does_not_close_is_the_benchs_fault_and_nothing_is_switched_on(
    little_bench: TestBench, plant: Plant
) -> None:
    plant.bms_state = BmsState.STANDBY
    error = fails(little_bench, Charge(1.0, until=LONG))
    assert "The BMS did not reach CHARGE within 15 s: it reports STANDBY; check the CAN wiring" in str(error)
    assert "charge" not in plant.calls
    assert_ended_safe(little_bench, plant, "BENCH FAULT", "bench")


def test_a_bms_in_error_is_the_packs_fault_and_its_bits_are_named(little_bench: TestBench, plant: Plant) -> None:
    plant.bms_state = BmsState.ERROR
    error = fails(little_bench, Charge(1.0, until=LONG))
    assert "gave up when asked for CHARGE for what it found in the pack: f_DeepDischarge" in str(error)
    assert "charge" not in plant.calls
    assert_ended_safe(little_bench, plant, "FAIL", "pack")


@pytest.mark.parametrize(
    ("asked", "fault", "verdict"), [(True, "bms-link", "BENCH FAULT"), (False, "bms-fault", "FAIL")]
)
def test_a_bus_that_does_not_follow_the_pack_is_the_benchs_doing_where_a_current_was_asked_for(
    little_bench: TestBench, plant: Plant, asked: bool, fault: str, verdict: str
) -> None:
    """Source or sink may have held it; with both off it was the pack alone."""

    plant.bms_state = None if asked else BmsState.STANDBY

    def complain() -> None:
        if plant.source_on if asked else "request CHARGE" in plant.calls:
            plant.bms_faults = ["PrechargeVoltageError"]

    plant.on_scan.append(complain)
    fails(little_bench, Charge(1.0, until=LONG))
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["cause"]["fault"], manifest["verdict"]) == (fault, verdict)


@pytest.mark.parametrize(("alarm", "hint"), [("", "check that it conditions"), ("Door open", "it reports 'Door open'")])
def test_a_chamber_that_never_settles_is_the_benchs_fault(
    little_bench: TestBench, plant: Plant, alarm: str, hint: str
) -> None:
    plant.air_stuck, plant.alarm = True, alarm
    error = fails(little_bench, Soak(40.0, timeout=3600.0))
    assert (
        "The chamber did not settle at 40 °C within 1 h 00 min: air is at 25.0 °C, cells between 25.0 and 25.0 °C"
        in str(error)
    )
    assert hint in str(error)
    assert_ended_safe(little_bench, plant, "BENCH FAULT", "bench")


def test_a_full_disk_is_the_benchs_fault_and_a_violation_at_that_moment_is_still_told(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = little_bench.run_log.journal
    assert journal is not None

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    class FullFile:
        closed = False
        write = full

        def close(self) -> None:
            type(self).closed = True

    def fill_the_disk() -> None:
        if plant.now() > 28:
            plant.sensors = [25.0, 90.0]  # forgiven for two seconds
        if plant.now() > 30:
            journal._file.close()
            journal._file = FullFile()  # type: ignore[assignment]

    plant.on_scan.append(fill_the_disk)
    fails(little_bench, Discharge(1.0, until=LONG))
    assert events(little_bench, "trip")[0]["limit"] == "cell over-temperature"
    assert not plant.sink_on


def test_the_first_cause_is_kept_through_everything_that_follows(little_bench: TestBench, plant: Plant) -> None:
    def too_hot_and_then_gone() -> None:
        plant.sensors = [90.0, 90.0]
        if little_bench.run_log.cause is not None:
            raise InstrumentFault("supply does not answer")

    plant.on_scan.append(too_hot_and_then_gone)
    fails(little_bench, Discharge(2.0, until=LONG))
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["cause"]["limit"] == "cell over-temperature"
    assert manifest["causes"][0] == manifest["cause"]
    assert manifest["verdict"] == "FAIL" if manifest["bench_verdict"]["safe"] else "BENCH FAULT"


# --- judging ----------------------------------------------------------------------------------------------------------


def test_every_measurement_is_recorded_and_the_test_goes_on(little_bench: TestBench) -> None:
    judged = [
        little_bench.verify("capacity", 1.0, unit="Ah", at_least=2.0),
        little_bench.verify("energy", 5.0, unit="Wh", at_least=5.05, uncertainty=0.1),
        little_bench.verify("rise", 3.0, unit="K", at_most=10.0),
    ]
    conclusion = little_bench.conclude()
    assert [*judged, conclusion.verdict] == ["FAIL", "INCONCLUSIVE", "PASS", "FAIL"]
    assert isinstance(conclusion.error, PackFailure)
    assert str(conclusion.error) == "capacity: 1 Ah (allowed: at least 2 Ah)"
    assert [event["name"] for event in events(little_bench, "measurement")] == ["capacity", "energy", "rise"]
    assert little_bench.run_log.cause is not None
    assert little_bench.run_log.cause.blame == "pack"


def test_a_measurement_that_was_never_taken_is_no_pass(little_bench: TestBench) -> None:
    little_bench.verify("capacity", float("nan"), unit="Ah", at_least=2.0)
    conclusion = little_bench.conclude()
    assert conclusion.verdict == "FAIL"
    assert "never measured" in str(conclusion.error)


def test_a_bench_that_was_concluded_runs_nothing_more(little_bench: TestBench) -> None:
    little_bench.conclude()
    with pytest.raises(TestError, match="The bench is not open"):
        little_bench.run(Rest(until=elapsed(seconds=1)))


def test_the_recording_on_disk_is_what_the_test_got(little_bench: TestBench) -> None:
    run = little_bench.run(Discharge(1.0, until=cell_voltage_below(3.2)), Charge(1.0, until=cell_voltage_above(3.2)))
    little_bench.conclude()
    table = pq.read_table(little_bench.run_log.folder / "samples.parquet")
    assert tuple(table.column_names) == run.columns
    assert np.array_equal(np.column_stack([c.to_numpy() for c in table.columns]), run.rows, equal_nan=True)


def test_the_same_scenario_gives_the_same_bytes(new_bench: NewBench, plant: Plant) -> None:
    def recorded() -> bytes:
        plant.__init__()  # type: ignore[misc]
        bench = new_bench()
        bench.open()
        bench.run(Soak(30.0), Charge("1C", until=current_below("C/3")), Rest(until=elapsed(minutes=1)))
        bench.conclude()
        return (bench.run_log.folder / "samples.parquet").read_bytes()

    assert recorded() == recorded()


def test_the_supply_fake_is_what_the_roles_ask_for() -> None:
    supply = FakeSupply(Plant(), "supply")
    assert isinstance(supply, Source)
    assert isinstance(supply, Sink)


@pytest.mark.parametrize(
    ("name", "value", "verdict"), [("cell_offset", 0.5, Verdict.FAIL), ("leak", 5.9, Verdict.BENCH_FAULT)]
)
def test_a_test_that_catches_what_ended_its_scenario_has_not_passed(
    little_bench: TestBench, plant: Plant, name: str, value: float, verdict: Verdict
) -> None:
    setattr(plant, name, value)
    with suppress(PackFailure, BenchFault):
        little_bench.run(Rest(until=elapsed(hours=1)) if name == "leak" else Charge(2.0, until=LONG))
    concluded = little_bench.conclude()
    assert little_bench.run_log.cause is not None
    assert (concluded.verdict, str(concluded.error)) == (verdict, little_bench.run_log.cause.text)


def test_a_bms_that_has_not_said_what_it_allows_gets_no_current_and_then_what_it_said_last(
    little_bench: TestBench, plant: Plant
) -> None:
    """A limit that is missing for a row is the last one, not none."""
    asked: list[float] = []
    plant.on_scan.append(lambda: asked.append(plant.set_current if plant.source_on else -1.0))
    limits = iter([nan, nan, 1.5, nan, 1.5, *[1.5] * 100])
    plant.on_scan.append(lambda: setattr(plant, "charge_limit", next(limits, 1.5)))
    with suppress(BenchFault):
        little_bench.run(Charge(2.0, until=elapsed(seconds=20)))
    on = [current for current in asked if current >= 0]
    assert on[0] == 0.0
    assert max(on) == 1.5


@pytest.mark.parametrize("before", [0.0, 60.0])
def test_a_state_that_was_reported_before_it_was_asked_for_is_not_believed(
    little_bench: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, before: float
) -> None:
    """A busy computer delivers late; however long the run has been going on, its news is waited for."""
    clock, called = little_bench.engine.clock, plant.called
    times: dict[str, float] = {}

    def timed(what: str) -> None:
        times.setdefault(what, clock.now())
        called(what)

    clock.sleep(before)
    plant.bms_age = 2.5
    monkeypatch.setattr(clock, "kind", "wall")
    monkeypatch.setattr(plant, "called", timed)
    little_bench.run(Charge(1.0, until=elapsed(seconds=5)))
    assert times["charge"] - times["request CHARGE"] >= 2.5
