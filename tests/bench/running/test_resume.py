"""A run that died is continued: what was done is not done again, and nothing flows before the pack was looked at.

The bench is one of fakes, whose pack outlives the test's process as a real one does. What a kill leaves is a copy of
the run's folder, taken in the middle of a scan.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import inf, nan, nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.columns import (
    CELL_VOLTAGE_MAX,
    CELL_VOLTAGE_MIN,
    CHARGE_AH,
    CURRENT,
    DERIVED,
    DISCHARGE_AH,
    INDEX,
    SET_CURRENT,
    SOC,
    STEP,
    SURFACE,
    TEST_TIME,
)  # fmt: skip
from bench.pack import PackFile, load_pack
from bench.recording import run as recording
from bench.recording import spare
from bench.recording.eventlog import sealed_line
from bench.recording.life import claim, release
from bench.recording.past import PastRun, PastStep
from bench.recording.run import RunRecord
from bench.recording.table import write_parquet
from bench.running.procedures.base import Procedure, Stage
from bench.running.resume import LONG_REST, REST, Resumption, check_unchanged, fingerprint, pack_state
from bench.running.setup import PackState, Setup
from bench.safety.quantities import CHARGE_MOVED
from bench.scenario import Charge, Discharge, Profile, Pulse, Rest, Soak, Step, elapsed
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, InputError, PackFailure
from tests.bench.cli_support import edit
from tests.bench.conftest import PACK, STATION, OpenTestBench, WriteFile
from tests.bench.fakes import Plant

SCENARIO: tuple[Step, ...] = (
    Soak(30.0),
    Charge(2.0, until=elapsed(minutes=10)),
    Rest(until=elapsed(minutes=5)),
    Discharge(1.0, until=elapsed(minutes=10)),
)


class Killed(BaseException):
    """The process was killed."""


Die = Callable[..., Path]


@pytest.fixture
def die(new_bench: OpenTestBench, tmp_path: Path) -> Die:
    """Run a scenario until `seconds` of a step have passed; returns what a kill leaves of the run."""

    def died(
        step: int, seconds: float, *scenarios: tuple[Step, ...], past: PastRun | None = None, run: str = "died"
    ) -> Path:
        bench, left = new_bench(past=past), tmp_path / "left" / "2026-01-01" / run
        bench.open()

        def observe(row: list[float]) -> None:
            if bench.engine.sampler.step_index == step and row[0] - bench.engine.step_started >= seconds:
                shutil.copytree(bench.run_log.folder, left)
                raise Killed

        bench.engine.sampler.observers.append(observe)
        with suppress(Killed):
            for steps in scenarios or (SCENARIO,):
                bench.run(*steps)
        bench.conclude()
        assert left.exists(), "the scenario never got there"
        return left

    return died


Resume = Callable[..., TestBench]


@pytest.fixture
def resume(new_bench: OpenTestBench, plant: Plant) -> Iterator[Resume]:
    """Open a bench that continues a run."""
    opened = []

    def resumed(folder: Path) -> TestBench:
        bench = new_bench(past=PastRun.load(folder))
        plant.calls.clear()
        bench.open()
        opened.append(bench)
        return bench

    yield resumed
    for bench in opened:
        bench.conclude()


def setup_of(write: WriteFile, station: str = STATION, pack: str = PACK) -> Setup:
    """What would be opened now."""
    files = str(write("station.yaml", station)), str(write("pack.yaml", pack))
    return Setup(*load_station(files[0]), *load_pack(files[1]))


def column(run: RunRecord, name: str) -> np.ndarray[Any, Any]:
    return run.rows[:, run.columns.index(name)]


def events(bench: TestBench, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in bench.run_log.events if event["type"] in kinds]


# --- what is done once, what goes on ----------------------------------------------------------------------------------


def test_a_step_that_was_interrupted_goes_on_with_its_time_and_its_counters(die: Die, resume: Resume) -> None:
    bench = resume(die(2, 240))
    run = bench.run(*SCENARIO)
    assert list(dict.fromkeys(column(run, STEP))) == [1, 2, 3, 4]
    assert (np.diff(column(run, TEST_TIME)) > 0).all()
    # 10 min at 2 A, then as long at 1 A; an interval is lost where the current begins and where it ended.
    assert column(run, CHARGE_AH)[-1] == pytest.approx(2 / 6, abs=0.002)
    assert column(run, DISCHARGE_AH)[-1] == pytest.approx(1 / 6, abs=0.002)
    (ended,) = [event for event in events(bench, "step ended") if event["index"] == 2]
    assert ended["ended_by"] == "Step Time at least 600 s"
    assert [event["index"] for event in events(bench, "step started")] == [1, 2, 3, 4]
    (went_on,), past = events(bench, "step resumed"), bench.run_log.manifest["resumed_from"]
    assert (went_on["index"], went_on["name"], went_on["elapsed"]) == (2, "charge", past["gaps"][0]["elapsed"])
    planned = [[step["index"] for step in event["steps"]] for event in events(bench, "scenario planned")]
    assert planned == [[1, 2, 3, 4], [2, 3, 4]]
    assert bench.conclude().verdict == "PASS"


def test_the_rows_before_the_gap_are_those_of_the_run_that_died_and_it_is_left_as_it_was(
    die: Die, resume: Resume
) -> None:
    left = die(4, 60)
    kept = {path: path.read_bytes() for path in left.iterdir()}
    before = PastRun.load(left).rows
    run = resume(left).run(*SCENARIO)
    assert np.array_equal(run.rows[: len(before)], before, equal_nan=True)
    assert {path: path.read_bytes() for path in left.iterdir()} == kept


def test_steps_that_were_finished_are_not_run_again_and_give_the_rows_they_had(
    die: Die, resume: Resume, plant: Plant
) -> None:
    first, second = SCENARIO[:2], SCENARIO[2:]
    bench = resume(die(4, 60, first, second))
    opened = len(plant.calls)
    run = bench.run(*first)
    before = PastRun.load(next(iter(bench.runs.parent.glob("left/*/*"))))
    assert np.array_equal(run.rows, before.rows[before.rows[:, before.columns.index(STEP)] < 3], equal_nan=True)
    assert plant.calls[opened:] == []
    assert set(column(run, STEP)) == {1, 2}
    assert [event["index"] for event in run.events if event["type"] in {"step started", "step ended"}] == [1, 1, 2, 2]
    assert run.events[-1]["type"] == "step ended"
    assert column(run, STEP)[-1] == 2
    assert column(run, CHARGE_AH)[-1] == pytest.approx(2 / 6, abs=0.002)
    bench.verify("charged", float(column(run, CHARGE_AH)[-1]), at_least=0.3)
    whole = bench.run(*second)
    assert "charge" not in plant.calls
    assert set(column(whole, STEP)) == {1, 2, 3, 4}
    assert bench.conclude().verdict == "PASS"


def between_two_steps(left: Path) -> Path:
    """A run that died in its third step, as if it had died a moment earlier."""
    past = PastRun.load(left)
    lines = (left / "events.jsonl").read_text().splitlines()
    (left / "events.jsonl").write_text("\n".join(line for line in lines if '"index": 3' not in line) + "\n")
    (left / "samples.journal").unlink()
    rows = past.rows[past.rows[:, past.columns.index(STEP)] < 3]
    write_parquet(left / "samples.parquet", list(past.columns), rows)
    return left


def test_a_run_that_died_behind_its_last_step_is_judged_and_nothing_is_switched_on(
    die: Die, resume: Resume, plant: Plant
) -> None:
    bench = resume(between_two_steps(die(3, 1)))
    bench.run(*SCENARIO[:2])
    assert bench.conclude().verdict == "PASS"
    assert {"charge", "discharge", "request CHARGE"}.isdisjoint(plant.calls)


def test_a_measurement_of_the_run_that_died_is_taken_again_and_not_kept_twice(die: Die, resume: Resume) -> None:
    left = die(4, 60)
    with (left / "events.jsonl").open("ab") as file:
        file.write(sealed_line({"time": 900.0, "type": "measurement", "name": "charged", "value": 1.0}))
    bench = resume(left)
    bench.run(*SCENARIO)
    bench.verify("charged", 1.0)
    assert [event["name"] for event in events(bench, "measurement")] == ["charged"]


def test_between_two_steps_the_rows_of_the_rest_belong_to_none(die: Die, resume: Resume) -> None:
    bench = resume(between_two_steps(die(3, 1)))
    run = bench.run(*SCENARIO)
    assert list(dict.fromkeys(column(run, STEP))) == [1, 2, 0, 3, 4]
    (gap,), (went_on,) = events(bench, "gap"), events(bench, "step resumed")
    assert (went_on["index"], went_on["name"], went_on["elapsed"]) == (3, "rest", 0.0)
    assert (gap["step"], gap["elapsed"]) == (None, 0)
    assert "had stopped between two steps" in gap["text"]


def test_what_goes_wrong_between_two_steps_went_wrong_in_none(die: Die, resume: Resume, plant: Plant) -> None:
    bench = resume(between_two_steps(die(3, 1)))
    plant.on_scan.append(lambda: setattr(plant, "sensors", [56.0, 56.0]))
    with pytest.raises((PackFailure, BenchFault)) as caught:
        bench.run(*SCENARIO)
    bench.conclude(caught.value)
    (trip,) = events(bench, "trip")
    assert (trip["step"], bench.run_log.manifest["cause"]["step"]) == (None, None)


def test_half_a_pulse_is_begun_anew(die: Die, resume: Resume) -> None:
    steps = (Soak(30.0), Pulse(2.0, duration=18.0))
    bench = resume(die(2, 9, steps))
    run = bench.run(*steps)
    mine = column(run, TEST_TIME)[column(run, STEP) == 2]
    assert mine[-1] - mine[0] == pytest.approx(18, abs=0.3)
    assert [event["index"] for event in events(bench, "step started")] == [1, 2]


def test_what_a_resumed_run_owns_for_its_end_is_given_back(
    die: Die, resume: Resume, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned: list[spare.Descriptors] = []

    def own(count: int) -> spare.Descriptors:
        owned.append(spare.Descriptors(count))
        return owned[-1]

    monkeypatch.setattr(recording, "Descriptors", own)
    bench = resume(die(2, 500))
    held = [each for each in owned if each.count]
    assert len(held) == 1
    bench.run(*SCENARIO)
    bench.conclude()
    assert sum(each.count for each in owned) == 0


def test_what_was_resumed_can_be_resumed_again(die: Die, resume: Resume) -> None:
    once = die(2, 240)
    twice = die(2, 500, past=PastRun.load(once), run="died-again")
    bench = resume(twice)
    run = bench.run(*SCENARIO)
    assert column(run, CHARGE_AH)[-1] == pytest.approx(2 / 6, abs=0.003)
    resumed_from = bench.run_log.manifest["resumed_from"]
    assert len(resumed_from["chain"]) == len(resumed_from["gaps"]) == len(events(bench, "gap")) == 2


@pytest.mark.parametrize(("step", "seconds"), [(1, 300), (3, 120), (4, 1)])
def test_every_kind_of_step_goes_on(die: Die, resume: Resume, step: int, seconds: float) -> None:
    bench = resume(die(step, seconds))
    run = bench.run(*SCENARIO)
    assert list(dict.fromkeys(column(run, STEP))) == [1, 2, 3, 4]
    assert column(run, CHARGE_AH)[-1] == pytest.approx(2 / 6, abs=0.002)
    assert column(run, DISCHARGE_AH)[-1] == pytest.approx(1 / 6, abs=0.002)
    paused = {step: sum(event["time"] for event in events(bench, "step resumed")) - events(bench, "gap")[0]["start"]}
    took = {event["index"]: event["duration"] - paused.get(event["index"], 0) for event in events(bench, "step ended")}
    assert [took[index] for index in (2, 3, 4)] == pytest.approx([600, 300, 600], abs=12)
    assert bench.conclude().verdict == "PASS"


def test_a_profile_that_was_killed_in_its_middle_goes_on_at_its_place(die: Die, resume: Resume) -> None:
    """Points off every grid, in both directions: the rest of it is asked for when it is due, and nothing again."""
    points = [(2.3 * number, (1 + number / 100) * (-1) ** number) for number in range(40)]
    steps = (Profile([*points, (92.0, 0.0)]),)
    bench = resume(die(1, 45, steps))
    run = bench.run(*steps)
    ((went_on, elapsed_before),) = ((event["time"], event["elapsed"]) for event in events(bench, "step resumed"))
    time, asked = column(run, TEST_TIME), column(run, SET_CURRENT)
    rows = np.flatnonzero((time > went_on) & ~np.isnan(asked))
    began = time[rows[0] - 1] - elapsed_before
    sent = [(time[row - 1] - began, asked[row]) for row in rows if asked[row] != asked[row - 1]]
    assert 43.7 < elapsed_before < 46.0
    expected = [(elapsed_before, points[19][1]), *points[20:]]
    assert sent == [pytest.approx(point, abs=1e-6) for point in expected]
    (ended,) = events(bench, "step ended")
    assert ended["ended_by"] == "Step Time at least 92 s"


def test_only_the_step_that_goes_on_is_told_what_it_has_had_before(
    die: Die, resume: Resume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the soak that only restores the temperature."""
    left, told = die(2, 240), list[tuple[str, float, list[float]]]()

    def tell(self: Procedure[Any], stage: Stage) -> None:
        told.append((self.step.name, stage.begins, [time for time, _ in stage.had()]))

    monkeypatch.setattr(Procedure, "prepare", tell)
    past = PastRun.load(left)
    resume(left).run(*SCENARIO)
    begun = next(step.started for step in past.steps if step.index == 2)
    rows = past.rows[past.rows[:, past.columns.index(STEP)] == 2]
    had = [float(time) for time in rows[:, past.columns.index(TEST_TIME)] - begun]
    assert len(had) > 200
    assert told == [("soak", 0.0, []), ("charge", past.elapsed, had), ("rest", 0.0, []), ("discharge", 0.0, [])]


def test_what_went_into_the_pack_before_the_gap_still_counts_for_the_guard(die: Die, resume: Resume) -> None:
    bench = resume(die(2, 480, SCENARIO[:2]))
    bench.run(*SCENARIO[:2])
    guard = bench.engine.sampler.guard
    assert guard.recent()[-1][guard.columns.index(CHARGE_MOVED)] == pytest.approx(2 / 6, abs=0.002)


# --- before a current flows -------------------------------------------------------------------------------------------


def test_the_temperature_is_restored_and_the_pack_rests_before_a_current_flows(
    die: Die, resume: Resume, plant: Plant
) -> None:
    bench = resume(die(2, 240))
    run = bench.run(*SCENARIO)
    asked = [call for call in plant.calls if call in {"set_temperature", "request CHARGE", "charge"}]
    assert list(dict.fromkeys(asked)) == ["set_temperature", "request CHARGE", "charge"]
    (gap,) = events(bench, "gap")
    (went_on,) = events(bench, "step resumed")
    time = column(run, TEST_TIME)
    resting = (time > gap["start"]) & (time <= went_on["time"])
    assert went_on["time"] - gap["time"] >= REST
    assert np.allclose(column(run, CURRENT)[resting], 0.0)
    counted = column(run, CHARGE_AH)[resting]
    assert (counted == counted[0]).all()


def test_where_no_soak_restores_it_the_pack_rests_as_long_and_no_longer(die: Die, resume: Resume) -> None:
    steps = (Charge(1.0, elapsed(minutes=2)),)
    bench = resume(die(1, 30, steps))
    bench.run(*steps)
    (gap,), (went_on,) = events(bench, "gap"), events(bench, "step resumed")
    assert went_on["time"] - gap["time"] == REST


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plant: setattr(plant, "soc", plant.soc + 0.03), "its BMS shows"),
        (lambda plant: setattr(plant, "soc", plant.soc - 0.03), "its BMS shows"),
        (lambda plant: setattr(plant, "cell_offset", 0.12), "V at rest"),
    ],
)
def test_a_pack_that_is_not_as_it_was_left_is_refused_and_gets_no_current(
    die: Die, resume: Resume, plant: Plant, change: Callable[[Plant], None], words: str
) -> None:
    bench = resume(die(2, 240))
    change(plant)
    with pytest.raises(InputError, match=r"not as run .* left it") as refused:
        bench.run(*SCENARIO)
    assert words in str(refused.value)
    assert "charge" not in plant.calls
    concluded = bench.conclude(refused.value)
    assert concluded.verdict == "TEST ERROR"
    assert bench.run_log.cause is not None
    assert (bench.run_log.cause.fault, bench.run_log.cause.blame) == ("resume-mismatch", "operator")


@pytest.mark.parametrize(("step", "relaxes"), [(2, -1), (4, +1)])
def test_a_cell_may_have_relaxed_only_the_way_its_current_had_moved_it(
    die: Die, four_cells: PackFile, step: int, relaxes: int
) -> None:
    past = PastRun.load(die(step, 400))
    # Of the rest before the discharge half an hour is not over: only the last current is to count here.
    past = replace(past, rows=past.rows[past.rows[:, past.columns.index(STEP)] == step])

    Resumption(past, four_cells, 60.0).check_pack(rested(past, 0.2 * relaxes))
    with pytest.raises(InputError, match="V at rest"):
        Resumption(past, four_cells, 60.0).check_pack(rested(past, -0.05 * relaxes))


def rested(past: PastRun, by: float) -> list[float]:
    """A row of the pack as it was left, but that each cell has `by` V more."""
    row = [0.0] * len(DERIVED)
    for name in (CELL_VOLTAGE_MIN, CELL_VOLTAGE_MAX, SOC):
        row[INDEX[name]] = past.last(name) + (by if name != SOC else 0)
    return row


def test_a_cell_may_have_relaxed_by_its_share_of_what_the_resistance_of_the_pack_explains(
    die: Die, four_cells: PackFile
) -> None:
    past = PastRun.load(die(2, 400))
    # Twice the 1 Ohm that the pack may have, of which a cell of four has a quarter; and 20 mV that meters differ.
    relaxed = 2 * 1.0 / 4 * past.rows[:, past.columns.index(CURRENT)].max() + 0.02
    Resumption(past, four_cells, 60.0).check_pack(rested(past, 0.01 - relaxed))
    with pytest.raises(InputError, match="V at rest"):
        Resumption(past, four_cells, 60.0).check_pack(rested(past, -0.01 - relaxed))


@pytest.mark.parametrize(("before", "relaxing"), [(1700.0, True), (1900.0, False)])
def test_a_cell_relaxes_for_half_an_hour_after_its_current(
    die: Die, four_cells: PackFile, before: float, relaxing: bool
) -> None:
    past = PastRun.load(die(2, 400))
    rows, flowing = past.rows.copy(), past.rows[:, past.columns.index(STEP)] == 2
    # The current ended so long before the run did: what came last was a rest.
    last = rows[-1].copy()
    rows[:, past.columns.index(TEST_TIME)] -= before
    last[past.columns.index(CURRENT)] = 0.0
    past = replace(past, rows=np.vstack([rows[flowing], last]))
    checking = Resumption(past, four_cells, 60.0)
    with nullcontext() if relaxing else pytest.raises(InputError, match="V at rest"):
        checking.check_pack(rested(past, -0.2))


def test_a_meter_that_fell_silent_at_the_end_is_taken_at_its_last_word(die: Die) -> None:
    past = PastRun.load(die(2, 240))
    past = replace(past, rows=past.rows.copy())
    soc = past.last(SOC)
    past.rows[-3:, past.columns.index(SOC)] = np.nan
    assert past.last(SOC) == pytest.approx(soc, abs=0.01)
    past.rows[:, past.columns.index(SOC)] = np.nan
    assert pack_state(past) is None


def a_past(*rows: dict[str, float], steps: tuple[PastStep, ...] = (), **manifest: Any) -> PastRun:
    """A run of the little pack that stopped at rest at 1000 s, half full, its cells at 3.25 V and 25 degC."""
    names = [TEST_TIME, CURRENT, CELL_VOLTAGE_MIN, CELL_VOLTAGE_MAX, SOC, SURFACE, STEP]
    usual = {CELL_VOLTAGE_MIN: 3.25, CELL_VOLTAGE_MAX: 3.25, SOC: 0.5, SURFACE: 25.0, CURRENT: 0.0, TEST_TIME: 1000.0}
    table = np.array([[(usual | row).get(name, 0.0) for name in names] for row in (*rows, {})])
    return PastRun({"run_id": "2026-01-01/it"} | manifest, [], names, table, steps, "")


def a_pack(low: float = 3.25, high: float = 3.25, soc: float = 0.5) -> list[float]:
    """A row of it as it is found."""
    row = [0.0] * len(DERIVED)
    row[INDEX[CELL_VOLTAGE_MIN]], row[INDEX[CELL_VOLTAGE_MAX]], row[INDEX[SOC]] = low, high, soc
    return row


TENTHS = 0.02 + 2.0 * 1.0 / 4
"""V that a cell may have relaxed behind 1 A: a tolerance, and twice its quarter of the 1 Ohm that the pack may have."""


@pytest.mark.parametrize(
    ("flowed", "allowed"),
    [
        ([], (3.23, 3.27)),
        # The pack is charged, so its cells are left too high, and come down; and the other way round.
        ([(1000.0, 1.0)], (3.25 - TENTHS, 3.27)), ([(1000.0, -1.0)], (3.23, 3.25 + TENTHS)),
        ([(0.0, 1.0), (1.0, -0.5)], (3.25 - TENTHS, 3.27 + 0.25)), ([(0.0, 1.0), (1.0, nan)], (3.25 - TENTHS, 3.27)),
        ([(-800.0, 1.0)], (3.25 - TENTHS, 3.27)), ([(-800.001, 1.0)], (3.23, 3.27)),
        ([(-900.0, 2.0), (-800.0, 1.0)], (3.25 - TENTHS, 3.27)),
    ],
)  # fmt: skip
def test_cells_at_rest_are_where_what_flowed_in_the_last_half_hour_can_have_left_them(
    four_cells: PackFile, flowed: list[tuple[float, float]], allowed: tuple[float, float]
) -> None:
    past = a_past(*({TEST_TIME: time, CURRENT: current} for time, current in flowed))
    low, high = allowed
    for found, fine in ((low + 1e-9, True), (low - 1e-9, False), (high - 1e-9, True), (high + 1e-9, False)):
        checking = Resumption(past, four_cells, 60.0)
        assert checking.pending
        # The mean of the lowest and the highest counts.
        with nullcontext() if fine else pytest.raises(InputError) as refused:
            checking.check_pack(a_pack(found - 0.125, found + 0.125))
        assert not checking.pending
        if refused is not None:
            assert str(refused.value) == (
                f"The pack is not as run 2026-01-01/it left it: a cell has {found:.3f} V at rest, 3.250 V then allow "
                f"{low:.3f} to {high:.3f} V. It was used or exchanged since: run the test anew."
            )
            assert refused.value.fault == "resume-mismatch"


@pytest.mark.parametrize(
    ("left", "found", "fine"),
    [
        (0.0, 0.02, True), (0.0, nextafter(0.02, 1.0), False), (0.02, 0.0, True), (0.5, 0.481, True),
        (0.5, 0.479, False), (0.5, 0.521, False), (0.5, nan, True),
    ],
)  # fmt: skip
def test_a_charge_that_is_shown_may_differ_by_two_hundredths_and_where_none_is_shown_the_voltage_tells(
    four_cells: PackFile, left: float, found: float, fine: bool
) -> None:
    past = replace(a_past(), rows=a_past().rows.copy())
    past.rows[:, list(past.columns).index(SOC)] = left
    checking = Resumption(past, four_cells, 60.0)
    says = rf"left it: its BMS shows {100 * found:.1f} % where it showed {100 * left:.1f} % \(± 2 %\)\. It was used"
    with nullcontext() if fine else pytest.raises(InputError, match=says):
        checking.check_pack(a_pack(soc=found))


def test_all_that_is_wrong_with_a_pack_is_told_at_once(four_cells: PackFile) -> None:
    with pytest.raises(InputError, match=r"its BMS shows 90\.0 % .*; a cell has 3\.400 V at rest"):
        Resumption(a_past(), four_cells, 60.0).check_pack(a_pack(3.4, 3.4, 0.9))


@pytest.mark.parametrize(("gap", "rest"), [(0.0, REST), (3600.0, REST), (nextafter(3600.0, inf), LONG_REST)])
def test_an_hour_is_no_long_gap_yet(four_cells: PackFile, gap: float, rest: float) -> None:
    assert Resumption(a_past(), four_cells, gap).rest == rest
    assert (REST, LONG_REST) == (300.0, 1800.0)


@pytest.mark.parametrize(
    ("soc", "temperature", "state"), [(0.5, 20.0, PackState(0.5, 20.0)), (nan, 20.0, None), (0.5, nan, None)]
)
def test_a_pack_goes_on_where_it_was_left_as_far_as_that_is_known(
    soc: float, temperature: float, state: PackState | None
) -> None:
    past = a_past({SOC: nan, SURFACE: nan})
    past.rows[:, list(past.columns).index(SOC)] = soc
    past.rows[:, list(past.columns).index(SURFACE)] = temperature
    assert pack_state(past) == state


def steps_of(*steps: Step, ended: int | None = None) -> tuple[PastStep, ...]:
    """As they were recorded; the last one is the one in which the run stopped, unless as many have `ended`."""
    count = len(steps) - 1 if ended is None else ended
    return tuple(
        PastStep(index, step.name, fingerprint(step), 10.0 * index, 10.0 * index + 9 if index <= count else None)
        for index, step in enumerate(steps, 1)
    )


A, B, C, D = Soak(30.0), Rest(until=elapsed(minutes=1), name="b"), Soak(10.0, name="c"), Charge(1.0, elapsed(minutes=1))
OTHER = Rest(until=elapsed(minutes=2), name="b")


@pytest.mark.parametrize(
    ("past", "asked", "skipped", "soak", "left"),
    [
        (steps_of(A, B, C, D), (A, B, C, D), 3, C, ("charge",)), (steps_of(A, B, D), (A, B, D), 2, A, ("charge",)),
        (steps_of(A, B, D, ended=3), (A, B, D), 3, A, ()), (steps_of(A, B, D, ended=3), (A, B, D, C), 3, A, ()),
        (steps_of(A, B, D), (A,), 1, A, ("b", "charge")), (steps_of(B), (B, A), 0, None, ("b",)),
        (steps_of(B, D), (B, D), 1, None, ("charge",)), (steps_of(A, B, D, ended=3), (A, B), 2, A, ("charge",)),
    ],
)  # fmt: skip
def test_steps_that_were_finished_are_skipped_in_their_order_and_the_last_soak_is_restored(
    four_cells: PackFile, past: tuple[PastStep, ...], asked: tuple[Step, ...], skipped: int, soak: Soak | None,
    left: tuple[str, ...],
) -> None:  # fmt: skip
    resumption = Resumption(a_past(steps=past), four_cells, 60.0)
    assert resumption.skip(asked) == skipped
    assert (resumption.index, resumption.soak) == (skipped, soak)
    interrupted = past[-1] if past[-1].ended is None else None
    assert resumption.interrupted_in() == interrupted
    assert tuple(each.name for each in resumption.left) == left
    # The one in which the run stopped is waited for until the pack was looked at.
    resumption.check_pack(a_pack())
    assert resumption.interrupted_in() is None
    assert tuple(each.name for each in resumption.left) == (left if interrupted is None else left[:-1])
    assert resumption.skip(asked) == 0


@pytest.mark.parametrize(
    ("past", "asked", "says"),
    [
        (steps_of(A, B, D), (A, D), "its step 2 was 'b' and is now 'charge'. Run it anew."),
        (steps_of(A, B, D), (A, OTHER), "its step 2 was 'b' and is now 'b' with other settings. Run it anew."),
        (steps_of(A, D), (A, B), "its step 2 was 'charge' and is now 'b'. Run it anew."),
    ],
)  # fmt: skip
def test_another_step_than_was_finished_or_begun_is_told_with_its_number(
    four_cells: PackFile, past: tuple[PastStep, ...], asked: tuple[Step, ...], says: str
) -> None:
    with pytest.raises(InputError, match=r"^The test has changed since run 2026-01-01/it: ") as refused:
        Resumption(a_past(steps=past), four_cells, 60.0).skip(asked)
    assert says in str(refused.value)
    assert refused.value.fault == "resume-mismatch"


def test_a_fingerprint_is_the_same_in_every_release() -> None:
    """By it a run that an earlier one has recorded goes on."""
    assert fingerprint(A) == sha256(A.identity.encode()).hexdigest()[:16]
    assert len({fingerprint(step) for step in (A, B, C, D, Soak(30.5))}) == 5


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((Soak(25.0), *SCENARIO[1:]), "its step 1 was 'soak' and is now 'soak' with other settings"),
        ((SCENARIO[0], Rest(until=elapsed(minutes=1)), *SCENARIO[2:]), "its step 2 was 'charge' and is now 'rest'"),
    ],
)
def test_a_test_that_asks_for_other_steps_is_refused(
    die: Die, resume: Resume, plant: Plant, steps: tuple[Step, ...], words: str
) -> None:
    bench = resume(die(2, 240))
    with pytest.raises(InputError, match="has changed since") as refused:
        bench.run(*steps)
    assert words in str(refused.value)
    assert "charge" not in plant.calls


@pytest.mark.parametrize("step", [3, 4])
def test_a_test_that_asks_for_less_than_was_begun_has_not_passed(die: Die, resume: Resume, step: int) -> None:
    bench = resume(die(step, 60))
    bench.run(*SCENARIO[:2])
    concluded = bench.conclude()
    assert concluded.verdict == "TEST ERROR"
    assert "without step 3, 'rest'" in str(concluded.error)


@pytest.mark.parametrize(
    ("station", "pack", "words"),
    [
        (STATION.replace("name: little", "name: other"), PACK, "the station was 'little' and is 'other'"),
        (STATION + "description: moved\n", PACK, "the station file"),
        (STATION, PACK + "serial_number: B\n", "the pack's serial number was 'unknown' and is 'B'"),
        (STATION, PACK.replace("charge_current: 4", "charge_current: 3"), "the guard's limits have changed"),
    ],
    ids=["station", "file", "serial", "limit"],
)
def test_another_station_pack_or_limit_is_refused(
    die: Die, write: WriteFile, station: str, pack: str, words: str
) -> None:
    past = PastRun.load(die(2, 240))
    check_unchanged(past, setup_of(write))
    with pytest.raises(InputError) as refused:
        check_unchanged(past, setup_of(write, station, pack))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"state": "ended", "verdict": "PASS"}, "ended with PASS"),
        ({"state": "ended", "verdict": "FAIL"}, "ended with FAIL"),
        ({"schema": 7}, "schema 7"),
    ],
)
def test_a_run_that_needs_no_continuation_is_refused(die: Die, manifest: dict[str, Any], words: str) -> None:
    left = die(2, 240)
    edit(left, **manifest)
    with pytest.raises(InputError, match=words):
        PastRun.load(left)


def test_rows_of_other_columns_are_not_continued_in_one_table(die: Die, new_bench: OpenTestBench) -> None:
    past = PastRun.load(die(2, 240))
    bench = new_bench(past=replace(past, columns=[*past.columns[:-1], "Another / 1"]))
    with pytest.raises(InputError, match="recorded with other columns"):
        bench.open()
    assert bench.run_log.manifest["verdict"] == "TEST ERROR"


def test_a_run_that_is_still_written_is_refused(die: Die) -> None:
    left = die(2, 240)
    life = claim(left)
    try:
        with pytest.raises(InputError, match="still running"):
            PastRun.load(left)
    finally:
        release(life)
    assert PastRun.load(left).steps


def test_a_run_that_never_began_is_refused(new_bench: OpenTestBench, plant: Plant) -> None:
    plant.fail["identify source"] = plant.fail["open supply"] = OSError("no")
    bench = new_bench()
    with pytest.raises(OSError, match="no"):
        bench.open()
    with pytest.raises(InputError, match="never got to a first sample"):
        PastRun.load(bench.run_log.folder)


# --- what a crash may leave -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 7, 100])
@pytest.mark.parametrize("file", ["events.jsonl", "samples.journal"])
def test_a_torn_tail_of_any_file_costs_that_tail_only(die: Die, resume: Resume, file: str, cut: int) -> None:
    left = die(2, 240)
    whole = (left / file).read_bytes()
    (left / file).write_bytes(whole[:-cut])
    bench = resume(left)
    bench.run(*SCENARIO)
    assert bench.conclude().verdict == "PASS"


def test_a_damaged_sample_is_told_in_the_run_that_goes_on(die: Die, resume: Resume) -> None:
    left = die(2, 240)
    journal = bytearray((left / "samples.journal").read_bytes())
    journal[len(journal) // 2] ^= 1
    (left / "samples.journal").write_bytes(journal)
    bench = resume(left)
    bench.run(*SCENARIO)
    assert bench.conclude().verdict == "PASS"
    told = [event["text"] for event in events(bench, "message") if event["level"] == "warning"]
    assert any("samples.journal: 1 sample is damaged and left out" in text for text in told)


# --- the gap ----------------------------------------------------------------------------------------------------------


def told_at(past: PastRun, utc: datetime, speed: float = 1.0) -> PastRun:
    """The same run on a wall clock, whose last event came at the time of its last row."""
    past.events[-1]["utc"] = utc.isoformat()  # type: ignore[index]
    past.events[-1]["time"] = past.stopped  # type: ignore[index]
    past.manifest["clock"]["speed"] = speed
    return past


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_test_time_goes_on_through_the_gap_at_the_speed_of_the_bench(die: Die, speed: float) -> None:
    died_at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    past = told_at(PastRun.load(die(2, 240)), died_at, speed)
    now = died_at + timedelta(hours=2)
    assert past.silence(now) == pytest.approx(7200)
    assert past.resumes_at(now) == pytest.approx(past.stopped + 7200 * speed)


def test_a_computer_whose_clock_was_set_back_makes_no_time_run_backwards(die: Die) -> None:
    died_at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    past = told_at(PastRun.load(die(2, 240)), died_at)
    assert past.silence(died_at - timedelta(days=1)) == 0
    assert past.resumes_at(died_at - timedelta(days=1)) >= past.stopped


def test_after_a_long_gap_the_pack_rests_longer(die: Die, four_cells: PackFile) -> None:
    past, pack = PastRun.load(die(2, 240)), four_cells
    assert [Resumption(past, pack, gap).rest for gap in (60.0, 7200.0)] == [REST, LONG_REST]


def test_the_gap_says_where_and_why_and_how_long(die: Die, resume: Resume) -> None:
    bench = resume(die(2, 240))
    bench.run(*SCENARIO)
    (gap,) = events(bench, "gap")
    assert gap["step"] == "charge"
    assert gap["elapsed"] == pytest.approx(240, abs=2)
    assert "had stopped in step 'charge' after 4 min" in gap["text"]
    assert "its process died" in gap["text"]
    assert bench.run_log.manifest["resumed_from"]["gaps"] == [
        {key: value for key, value in gap.items() if key not in ("time", "type")}
    ]


def test_a_hold_in_which_the_run_died_is_over_and_was_no_time_of_the_step(die: Die) -> None:
    left = die(2, 240)
    stopped = PastRun.load(left).stopped
    with (left / "events.jsonl").open("ab") as file:
        hold = {"time": stopped - 100, "type": "hold started", "limit": "chamber excursion", "step": "charge"}
        file.write(sealed_line(hold))
    past = PastRun.load(left)
    assert past.elapsed == pytest.approx(140, abs=2)
    assert past.events[-1]["type"] == "hold ended"
    assert past.events[-1]["duration"] == pytest.approx(100)
