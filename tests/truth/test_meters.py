"""What figures say of themselves beside what is so, on benches whose meters are drawn anew: the table, reduced.

What is true is found by `truth.instants`, which is tried here on quantities that are known by hand.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.procedures.grid import FollowPower
from bench.running.setup import PackState, Setup
from bench.scenario import Charge, current_below, elapsed
from bench.station import load_station
from bench.testing import TestBench
from instruments.accuracy import EXPANDED, Accuracy, range_for
from reports.recording import Floats, Recording
from reports.uncertainty.meters import meters_of_run
from truth.figures import Figure, counters_of, figures_of, truth_of
from truth.instants import Truth
from truth.suite import Suite, exact
from truth.tables.meters import COUNTER, LEAST, Table, collected, counters, coverage, told, wrong
from truth.witness import Witness

pytestmark = pytest.mark.dear(55)

SEEDS = range(4)
PACK = load_pack("lfp-24s")[0]
FEW = {"few": ("--temperatures=25", "-k", "test_dc_resistance or (test_fast_recharge and not other)")}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """A pulse and a fast recharge on several benches."""
    recorded = Suite("virtual-module", tmp_path_factory.mktemp("drawn"), FEW)
    recorded.record(SEEDS, lambda _text: None)
    return recorded


@pytest.fixture(scope="module")
def found(suite: Suite) -> Table:
    """Their figures."""
    return collected(
        each for seed in SEEDS for folder in suite.runs(seed) for each in figures_of(truth_of(folder), seed)
    )


def test_the_truth_lies_within_the_stated_uncertainty(found: Table) -> None:
    assert len(found) >= 20
    assert coverage(found) >= LEAST
    assert wrong(found) == []


def test_the_stated_uncertainty_is_about_as_large_as_the_errors(found: Table) -> None:
    """By so few benches a single figure's errors are not known well: in the middle of all of them they are."""
    ratios = [each.ratio for each in found.values() if np.isfinite(each.ratio)]
    assert 0.7 <= float(np.median(ratios)) <= 1.6


@pytest.mark.long
def test_no_kind_of_figure_is_far_from_what_its_errors_are(tmp_path: Path) -> None:
    """The table with twelve benches, which know the size of an error to a fifth; the whole of it is `python -m truth`.

    The largest spread on the way to a displayed half is left out: an emulator that is given new resistances is for one
    scan some mV further apart, and where that comes just behind the end nothing before it tells.
    """
    many = Suite("virtual-module", tmp_path, FEW)
    many.record(range(12), lambda _text: None)
    figures = [each for seed in range(12) for folder in many.runs(seed) for each in figures_of(truth_of(folder), seed)]
    kinds = collected(figures)
    assert coverage(kinds) >= LEAST
    ratios = {place: kind.ratio for place, kind in kinds.items() if np.isfinite(kind.ratio)}
    ratios.pop(("largest cell spread", "charge to 50 %"))
    assert {place: ratio for place, ratio in ratios.items() if not 0.55 <= ratio <= 2.0} == {}


def test_other_specimens_are_off_by_something_else(found: Table) -> None:
    errors = {round(each.error, 9) for each in found["charge capacity", "fast recharge"].figures}
    assert len(errors) == len(SEEDS)


def test_what_was_recorded_is_not_recorded_again(suite: Suite) -> None:
    said: list[str] = []
    suite.record(SEEDS, said.append)
    assert said == []


def test_a_session_that_died_is_recorded_anew_and_the_time_left_is_told(suite: Suite) -> None:
    before = suite.runs(0)
    (suite.folder / "virtual-module-0" / "few" / "recorded").unlink()
    assert suite.runs(0) == []
    said: list[str] = []
    suite.record(SEEDS, said.append)
    assert said == ["virtual-module: bench 0, few, 1 of 1; about 0 min left"]
    assert len(suite.runs(0)) == len(before)


def test_a_suite_that_cannot_run_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"bench 0 ended with 4: see .*session\.log"):
        Suite("virtual-module", tmp_path, {"none": ("--no-such-option",)}).record([0])


def test_counters_are_the_exact_integral_of_what_meters_show(tmp_path: Path) -> None:
    """With meters that only round; 0.05 % on every step."""
    ideal = Suite("virtual-module", tmp_path, FEW, exact)
    ideal.record([0], lambda _text: None)
    off = counters(ideal.runs(0))
    assert len(off) == 4  # two steps that charge or discharge, in each of two runs
    assert {step: error for step, error in off.items() if abs(error) > COUNTER} == {}


def test_counters_are_the_exact_integral_where_a_voltage_is_led(tmp_path: Path) -> None:
    """A charge that is nearly all taper: each second the voltage is set anew, and the current follows at once."""
    content = yaml.safe_load(load_station("virtual-module")[1].read_text(encoding="utf-8"))
    exact(content, 0)
    (tmp_path / "exact.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    station, file = load_station(str(tmp_path / "exact.yaml"))
    setup = Setup(station, file, *load_pack("lfp-24s"), pack_state=PackState(0.98, 25.0))
    bench = TestBench(setup, tmp_path, TestIdentity("taper", "lfp-24s", "taper"))
    bench.open()
    try:
        witness = Witness.of(bench)
        recorded = Recording(*bench.run(Charge("1C", until=current_below("C/20"))))
    finally:
        bench.conclude()
    off = counters_of(Truth(recorded, witness.columns, PACK))
    assert abs(off["charge"]) <= COUNTER


STATIONS = ("virtual-home", "virtual-vehicle", "virtual-wallbox", "virtual-module", "virtual-pack")
MEASURED = (
    "Voltage / V", "Current / A", "Cell Voltage Min / V", "Cell Voltage Max / V", "Cell Temperature Min / degC",
    "Cell Temperature Max / degC", "SOC / 1",
)  # fmt: skip


def steady(name: str, folder: Path) -> Iterator[tuple[str, Floats, Accuracy, Floats]]:
    """What each meter was off in the last half minute of a charge, what is stated of it, and what was true."""
    station, file = load_station(name)
    setup = Setup(station, file, *load_pack(station.packs[0]), pack_state=PackState(0.5, 25.0))
    bench = TestBench(setup, folder, TestIdentity("meters", name, "meters"))
    bench.open()
    try:
        witness = Witness.of(bench)
        charger = any("charger" in each.roles for each in station.instruments.values())
        step = FollowPower([(0.0, 3e3), (120.0, 3e3)]) if charger else Charge("C/10", until=elapsed(minutes=2))
        recorded = Recording(*bench.run(step))
    finally:
        bench.conclude()
    meters = meters_of_run(recorded)
    for column in (each for each in MEASURED if recorded.has(each)):
        found, true = recorded.column(column)[-30:], np.array(witness.columns[column])[-30:]
        known = meters.meter(meters.derivation(column).columns[0])
        yield column, found - true, range_for(known.ranges, float(np.abs(found).max())), true


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("station", STATIONS)
def test_a_simulated_meter_is_wrong_and_by_no_more_than_is_stated_of_it(station: str, tmp_path: Path) -> None:
    """Of a limit never more; of a certificate no more than twice what it expands, which it is once in 16,000 times."""
    for column, off, stated, true in steady(station, tmp_path):
        widest = stated.reading * np.abs(true) + stated.constant
        allowed = widest * (2 if stated.divisor == EXPANDED else 1) + stated.resolution
        assert (np.abs(off) <= allowed).all(), column
        assert (np.abs(off) > 0.51 * stated.resolution).any(), column


# --- what is true, by hand ----------------------------------------------------------------------------------------


def recording(seconds: int, ended_by: str, **read: Floats) -> Recording:
    """One step of a row a second, that ended with the last one."""
    time = np.arange(seconds, dtype=float)
    zero = np.zeros(seconds)
    table = {
        "Test Time / s": time, "Step Count / 1": zero + 1, "Voltage / V": zero + 80, "Current / A": zero + 3.6,
        "Power / W": zero + 288, "Charging Capacity / Ah": time * 3.6 / 3600, "Discharging Capacity / Ah": zero,
        "Charging Energy / Wh": zero, "Discharging Energy / Wh": zero, **read,
    }  # fmt: skip
    events: list[dict[str, Any]] = [
        {"time": 0.0, "type": "step started", "index": 1, "name": "charge", "kind": "Charge", "direction": "charge"},
        {"time": seconds - 1.0, "type": "step ended", "index": 1, "ended_by": ended_by, "reached": {}},
    ]
    return Recording({"pack": {"name": "lfp-24s"}}, events, list(table), np.column_stack(list(table.values())))


def true_charge(run: Recording, **true: Floats) -> tuple[float, float]:
    """When the step ended in truth (s), and the charge that had been counted by then (Ah)."""
    columns: Mapping[str, Floats] = {name: run.column(name) for name in run.columns} | true
    told_so = Truth(run, columns, PACK).of(run.steps)
    return told_so.steps[0].stop, told_so.at("Charging Capacity / Ah", -1)


def test_a_step_that_ended_too_late_ends_where_the_truth_met_its_condition() -> None:
    """The display showed 80 % at 600 s; it was so at 500.5 s."""
    run = recording(601, "SOC at least 0.8", **{"SOC / 1": np.linspace(0.2, 0.8, 601)})
    stop, charge = true_charge(run, **{"SOC / 1": 0.8 + (np.arange(601) - 500.5) / 1000})
    assert stop == pytest.approx(500.5)
    assert charge == pytest.approx(3.6 * 500.5 / 3600)


def test_a_step_that_ended_too_early_is_continued() -> None:
    run = recording(601, "SOC at least 0.8", **{"SOC / 1": np.linspace(0.2, 0.8, 601)})
    stop, charge = true_charge(run, **{"SOC / 1": 0.8 + (np.arange(601) - 640.25) / 1000})
    assert stop == pytest.approx(640.25)
    assert charge == pytest.approx(3.6 * 640.25 / 3600)


def test_what_was_seen_behind_its_end_is_where_it_ends() -> None:
    """The display showed 80 % at 600 s; the last 40 s took twice the current, and it was so at 640.5 s."""
    run = recording(601, "SOC at least 0.8", **{"SOC / 1": np.linspace(0.2, 0.8, 601)})
    more = np.arange(601.0, 642.0)
    behind = {
        "Test Time / s": more, "SOC / 1": 0.8 + (more - 640.5) / 1000,
        "Charging Capacity / Ah": (600 * 3.6 + (more - 600) * 7.2) / 3600,
    }  # fmt: skip
    true: dict[str, Floats] = {name: run.column(name) for name in run.columns}
    true["SOC / 1"] = 0.8 + (np.arange(601) - 640.5) / 1000
    told_so = Truth(run, true, PACK, {1: behind}).of(run.steps)
    assert told_so.steps[0].stop == pytest.approx(640.5)
    assert told_so.at("Charging Capacity / Ah", -1) == pytest.approx((600 * 3.6 + 40.5 * 7.2) / 3600)


def test_a_condition_that_must_hold_ends_that_much_later() -> None:
    """C/20 of 2 Ah is 0.1 A, crossed in truth at 500 s, for 10 s."""
    falling = 0.1 + (500.0 - np.arange(601)) * 1e-3
    run = recording(601, "Current at most C/20 for 10 s")
    assert true_charge(run, **{"Current / A": falling})[0] == pytest.approx(510.0)


def test_a_step_that_its_time_ended_stays_as_it_was() -> None:
    run = recording(601, "Step Time at least 600 s")
    assert true_charge(run)[0] == 600.0


def test_what_comes_later_is_counted_on_from_the_true_end() -> None:
    run = recording(601, "SOC at least 0.8", **{"SOC / 1": np.linspace(0.2, 0.8, 601)})
    rows = np.vstack([np.asarray(run.rows), np.asarray(run.rows)[-1]])
    rows[-1, run.columns.index("Test Time / s")], rows[-1, run.columns.index("Step Count / 1")] = 601.0, 0.0
    longer = Recording(run.manifest, run.events, run.columns, rows)
    _, charge = true_charge(longer, **{"SOC / 1": 0.8 + (np.arange(602) - 500.0) / 1000})
    assert charge == pytest.approx(3.6 * 500 / 3600)


# --- what is told of it -------------------------------------------------------------------------------------------


def figure(value: float, true: float, stated: float, verdict: str = "", bench: int = 0, **limits: float) -> Figure:
    return Figure(
        "k", "a figure", "charge", "Ah", value, true, stated, "supply", "p", 25.0, bench, verdict=verdict, **limits
    )


def test_a_verdict_is_wrong_where_the_truth_lies_on_the_other_side_of_the_limit() -> None:
    assert figure(2.0, 1.8, 0.1, "PASS", at_least=1.9).wrong
    assert figure(2.0, 2.2, 0.1, "FAIL", at_least=2.1).wrong
    assert not figure(2.0, 1.95, 0.1, "PASS", at_least=1.9).wrong
    assert not figure(1.95, 1.85, 0.1, "INCONCLUSIVE", at_least=1.9).wrong


@pytest.mark.parametrize(
    ("stated", "off", "good"),
    [(1.0, 0.0, True), (0.2, 0.0, False), (5.0, 0.0, False), (1.0, 0.0006, False)],
    ids=["as it should be", "too small", "too large", "counters"],
)
def test_what_is_not_as_it_should_be_is_not_good(
    capsys: pytest.CaptureFixture[str], stated: float, off: float, good: bool
) -> None:
    errors = np.linspace(-0.9, 0.9, 20)
    figures = [figure(1.0 + error, 1.0, stated, bench=bench) for bench, error in enumerate(errors)]
    assert told(collected(figures), {"a step": off}) is good
    said = capsys.readouterr().out
    assert f"{off:+.4%}".replace("%", " %") in said
    assert ("| outside |" in said) is (stated != 1.0)


def test_few_benches_do_not_tell_what_lies_just_outside_and_many_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Stated 0.6 times what a Monte-Carlo finds; the figures of one bench are off alike, however many there are."""
    noise = np.random.default_rng(4)

    def kinds(benches: int, each: int) -> Table:
        errors = np.repeat(noise.normal(size=benches), each)
        return collected(figure(1 + error, 1.0, 1.2, bench=at // each) for at, error in enumerate(errors))

    few = kinds(6, 100)
    assert {kind.mark for kind in few.values()} == {"not told"}
    assert {kind.mark for kind in kinds(400, 1).values()} == {"outside"}
    assert told(few, {}) is False  # by its coverage: that is told of all figures at once
    said = capsys.readouterr().out
    assert "Not told by so many benches: a figure of charge." in said
    assert "By chance 0.1 of 1 kinds would be outside" in said


def test_a_ratio_lies_in_its_interval_as_often_as_it_says() -> None:
    """By 300 nights of 12 benches with four figures each, three quarters of whose error they share."""
    noise = np.random.default_rng(9)
    kept = 0
    for _ in range(300):
        common, own = noise.normal(size=(12, 1)), noise.normal(size=(12, 4))
        errors = np.sqrt(0.75) * common + np.sqrt(0.25) * own
        figures = [figure(1 + error, 1.0, 2.0, bench=at) for at, row in enumerate(errors) for error in row]
        low, high = collected(figures)["a figure", "charge"].ratio_between
        kept += low <= 1.0 <= high
    assert 0.88 <= kept / 300 <= 0.99


def test_how_many_verdicts_were_compared_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [
        figure(2.0, 1.8, 0.3, "PASS", at_least=1.9), figure(2.0, 2.0, 0.3, "PASS", at_least=1.5),
        figure(2.0, 2.0, 0.3, "INCONCLUSIVE", at_least=1.9),
    ]  # fmt: skip
    assert told(collected(figures), {}) is False
    assert "1 of 2 decided verdicts are wrong; 1 more were inconclusive." in capsys.readouterr().out
