"""Plating margin and time: what they are computed from, what is not known, and the same offline."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import (
    Charge,
    Discharge,
    FastRecharge,
    Rest,
    Soak,
    Step,
    current_below,
    elapsed,
    soc_above,
    soc_below,
)
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import Verdict
from instruments.roles import BmsState
from models.anode import NegativeElectrode, course, load_anode, written
from models.cell import load_cell
from reports import kpi
from reports.judging import judged
from reports.kpi import plating
from reports.limits import LimitsFile
from reports.recording import Recording
from reports.uncertainty import budget, meters, moved, uncertainty
from tests.bench.cli_support import packbench
from tests.reports.worked import INSTRUMENTS

SET = "graphite-chen2020"
CAPACITY = 5.0
COLUMNS = [
    "Test Time / s", "Step Count / 1", "Current / A", "SOC / 1", "Cell Temperature Min / degC",
    "Cell Temperature Max / degC", "BMS State / 1", "Supply Current / A", "Bms Soc Min / 1",
    "Bms Cell Temperature Min / degC",
]  # fmt: skip
REST, CHARGE = 3600, 2400
ANODE = {"capacity": CAPACITY, "parameters": written(SET)}


def recorded(
    rate: float = 1.0,
    celsius: float = 25.0,
    *,
    scale: float = 1.0,
    anode: Mapping[str, Any] | None = ANODE,
    changed: Mapping[str, object] | None = None,
) -> Recording:
    """An hour of rest at 10 %, then a charge; a row each 5 s. `changed` are columns with other values."""
    time = np.arange(0.0, REST + CHARGE + 1.0, 5.0)
    charging = time > REST
    current = np.where(charging, rate * CAPACITY * scale, 0.0)
    soc = 0.1 + np.maximum(time - REST, 0.0) * rate / 3600
    state = np.where(charging, float(BmsState.CHARGE), float(BmsState.STANDBY))
    table = {
        "Test Time / s": time, "Step Count / 1": np.where(charging, 2.0, 1.0), "Current / A": current, "SOC / 1": soc,
        "Cell Temperature Min / degC": np.full(len(time), celsius),
        "Cell Temperature Max / degC": np.full(len(time), celsius + 8.0), "BMS State / 1": state,
        "Supply Current / A": current, "Bms Soc Min / 1": soc,
        "Bms Cell Temperature Min / degC": np.full(len(time), celsius),
    }  # fmt: skip
    table |= {name: value(table) if callable(value) else value for name, value in (changed or {}).items()}
    events = []
    steps = (("rest", "Rest", "none", 0, REST), ("charge", "Charge", "charge", REST, REST + CHARGE))
    for index, (name, kind, way, start, stop) in enumerate(steps, 1):
        events.append({"type": "step started", "time": float(start), "index": index, "name": name, "kind": kind,
                       "direction": way, "resumable": True})  # fmt: skip
        events.append({"type": "step ended", "time": float(stop), "index": index, "ended_by": "time 40 min"})
    pack = {"capacity": CAPACITY, "parallel": 1} | ({"anode": anode} if anode else {})
    return Recording(
        {"pack": pack, "instruments": INSTRUMENTS}, events, COLUMNS, np.column_stack([table[name] for name in COLUMNS])
    )


def by_hand(rate: float = 1.0, celsius: float = 25.0, soc: float = 0.1, seconds: int = CHARGE) -> np.ndarray[Any, Any]:
    """mV in steps of 5 s, of an electrode that was told the same in other words."""
    electrode = NegativeElectrode(load_anode(SET), soc)
    return np.array([1e3 * electrode.step(rate, 5.0, celsius) for _ in range(seconds // 5)])


def margin(**changes: Any) -> float:
    return kpi.plating_margin(recorded(**changes), "charge").value


# --- what they are ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "celsius"), [(1.0, 25.0), (1.0, 0.0), (0.4, 25.0)])
def test_the_margin_is_the_lowest_potential_of_the_step(rate: float, celsius: float) -> None:
    found = kpi.plating_margin(recorded(rate, celsius), "charge")
    assert found.value == pytest.approx(by_hand(rate, celsius).min(), abs=0.5)
    assert (found.name, found.unit, found.sense) == ("plating margin", "mV", "at_least")
    assert "the judge's own porous-electrode model with state, set graphite-chen2020" in found.definition
    assert "displayed at the last rest (0.100)" in found.definition
    assert "assumed: electrolyte away from 25 degC" in found.definition


@pytest.mark.parametrize(("rate", "celsius"), [(1.0, 25.0), (1.0, 0.0), (0.3, 40.0)])
def test_the_time_is_that_below_lithium(rate: float, celsius: float) -> None:
    below = 5.0 * np.count_nonzero(by_hand(rate, celsius) < 0.0)
    assert kpi.plating_time(recorded(rate, celsius), "charge").value == pytest.approx(below, abs=7)


def test_a_whole_pack_is_as_each_of_its_cells() -> None:
    """Three in parallel share a current of three times as much."""
    tripled = {"capacity": 3 * CAPACITY, "parameters": ANODE["parameters"]}
    assert margin(scale=3.0, anode=tripled) == pytest.approx(margin(), abs=1e-9)
    assert margin(scale=3.0) < margin() - 50


def test_the_coldest_sensor_counts_and_not_the_warmest() -> None:
    colder = {"Cell Temperature Min / degC": lambda table: table["Cell Temperature Min / degC"] - 10.0}
    assert margin(changed=colder) == pytest.approx(margin(celsius=15.0), abs=1e-9)
    hotter = {"Cell Temperature Max / degC": lambda table: table["Cell Temperature Max / degC"] + 10.0}
    assert margin(changed=hotter) == margin()


def test_what_flows_beside_open_contactors_is_none_of_the_cells() -> None:
    """A supply that is tried out before they close, and a meter that is off."""
    tried = {"Current / A": lambda table: np.where(table["Test Time / s"] < REST - 300, 4.0, table["Current / A"])}
    assert margin(changed=tried) == pytest.approx(margin(), abs=0.1)
    closed = {**tried, "BMS State / 1": np.full(int((REST + CHARGE) / 5) + 1, float(BmsState.CHARGE))}
    assert abs(margin(changed=closed) - margin()) > 5


def test_what_was_charged_before_is_remembered() -> None:
    """A charge that follows another at once, by the display of before both: the first one is carried through."""
    early = {"Current / A": lambda table: np.where(table["Test Time / s"] > REST - 600, CAPACITY, 0.0),
             "BMS State / 1": lambda table: np.full(len(table["Test Time / s"]), float(BmsState.CHARGE))}  # fmt: skip
    assert margin(changed=early) == pytest.approx(by_hand(seconds=CHARGE + 600).min(), abs=1.0)
    assert margin(changed=early) < margin() - 10


def test_a_rest_that_began_long_ago_is_looked_for_only_so_far_back(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, below = margin(), kpi.plating_time(recorded(), "charge").value
    monkeypatch.setattr(plating, "BACK", 400)
    assert margin() == pytest.approx(whole, abs=0.1)
    assert kpi.plating_time(recorded(), "charge").value == pytest.approx(below, abs=1e-6)


def test_a_display_that_shows_nothing_before_the_contactors_close_is_counted_back() -> None:
    late = {"SOC / 1": lambda table: np.where(table["Test Time / s"] > REST + 60, table["SOC / 1"], np.nan)}
    assert margin(changed=late) == pytest.approx(margin(), abs=0.2)


def test_a_sensor_that_says_nothing_for_a_while_is_bridged() -> None:
    silent = {"Cell Temperature Min / degC": lambda table: np.where(
        (table["Test Time / s"] < 100) | (abs(table["Test Time / s"] - REST - 600) < 60), np.nan, 25.0)}  # fmt: skip
    assert margin(changed=silent) == pytest.approx(margin(), abs=1e-9)


@pytest.mark.parametrize("silent", [(0, 0), (700, 721), (721, 740), (1000, 1201)])
def test_each_temperature_is_that_of_the_time_since_the_row_before(silent: tuple[int, int]) -> None:
    """Of cells that warm up all the time, by a sensor that may say nothing for some rows: the last one counts on."""
    celsius = 5.0 + 0.01 * np.arange(1201)
    told = celsius.copy()
    told[slice(*silent)] = np.nan
    celsius[slice(*silent)] = celsius[silent[0] - 1]
    run = recorded(1.5, changed={"Cell Temperature Min / degC": told})
    time, rate = run.rows[:, 0], run.rows[:, 2] / CAPACITY
    whole = course(load_anode(SET), 0.1, time[720:], rate[720:], celsius[720:])
    potential = whole.potential[whole.time > REST]
    assert kpi.plating_margin(run, "charge").value == pytest.approx(1e3 * potential.min(), abs=1e-9)
    points = zip(whole.time[whole.time > REST], potential, strict=True)
    below = sum(_share_below(before, after) * (end - begin) for (begin, before), (end, after) in pairwise(points))
    assert 0 < below < CHARGE
    assert kpi.plating_time(run, "charge").value == pytest.approx(below, abs=1e-6)


def _share_below(before: float, after: float) -> float:
    """Of a straight line that is below 0."""
    if before >= 0 and after >= 0:
        return 0.0
    return 1.0 if before <= 0 and after <= 0 else min(before, after) / -abs(after - before)


# --- what is not known --------------------------------------------------------------------------------------------


def test_without_a_negative_electrode_it_is_not_known_and_never_kept() -> None:
    found = recorded(anode=None)
    for figure in (kpi.plating_margin(found, "charge"), kpi.plating_time(found, "charge")):
        assert isnan(figure.value)
        assert figure.name == f"{figure.key}: not known"
        assert "not known, for the recording names no negative electrode" in figure.definition
    evaluation = kpi.evaluate(found)
    assert not {"plating margin", "plating time"} & {figure.key for figure in evaluation.figures}
    limits = LimitsFile.model_validate({"schema": 2, "requirements": {"plating margin": -500}})
    (verdict,) = judged(found, evaluation, limits)
    assert verdict.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("column", ["SOC / 1", "Cell Temperature Min / degC"])
def test_without_a_charge_or_a_temperature_there_is_no_figure(column: str) -> None:
    nothing = {column: lambda table: np.full(len(table[column]), np.nan)}
    assert isnan(margin(changed=nothing))
    assert "plating margin" not in {figure.key for figure in kpi.evaluate(recorded(changed=nothing)).figures}


@pytest.mark.parametrize(("samples", "known"), [(1, False), (2, True), (3, True)])
def test_of_two_samples_there_is_a_course(samples: int, known: bool) -> None:
    run = recorded()
    begun = Recording(run.manifest, run.events, run.columns, run.rows[: REST // 5 + 1 + samples])
    assert isfinite(kpi.plating_margin(begun, "charge").value) is known


def test_only_charges_are_asked() -> None:
    asked = {(figure.key, figure.step) for figure in kpi.compute_all(recorded())}
    assert {step for key, step in asked if key == "plating margin"} == {"charge"}


# --- how well it is known -----------------------------------------------------------------------------------------


def test_its_uncertainty_is_what_moving_its_meters_makes_of_it() -> None:
    """A display that is off by 3 % of charge, a uniform limit: what an electrode at that charge says."""
    found = kpi.plating_margin(recorded(0.5), "charge")
    by = {each.source: each.standard for each in budget(found).contributions}
    off = 0.03 / np.sqrt(3)
    ends = [by_hand(0.5, soc=0.1 + away).min() for away in (-off, off)]
    assert by["bms soc min, offset"] == pytest.approx(abs(ends[1] - ends[0]) / 2, rel=0.15)


def test_a_coarse_course_leaves_nothing_of_itself_in_what_was_not_moved() -> None:
    """The same recording as one whose meters were off by nothing: the same figure."""
    found = recorded(1.0)
    same = moved.Moved.by(moved.Move(), found, meters.meters_of_run(found), [2])
    for asked in (kpi.plating_margin(found, "charge"), kpi.plating_time(found, "charge")):
        assert asked.asked is not None
        assert asked.asked.again(same) == pytest.approx(asked.value, abs=1e-6)


# --- on a bench ---------------------------------------------------------------------------------------------------


FAST = (
    Discharge("C/3", until=soc_below(0.1), name="discharge to 10 %"), Soak(25.0),
    FastRecharge(until=[soc_above(0.8), current_below("C/20", hold=60)]), Rest(until=elapsed(minutes=30)),
)  # fmt: skip


def ran(steps: Sequence[Step], folder: Path, pack: str) -> Recording:
    """Steps on the virtual module."""
    station, file = load_station("virtual-module")
    bench = TestBench(Setup(station, file, *load_pack(pack)), folder, TestIdentity("tests", pack, "plating"))
    bench.open()
    try:
        return Recording(*bench.run(*steps))
    finally:
        bench.conclude()


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(("pack", "least", "most"), [("lfp-24s", -25.0, 15.0), ("nmc811-24s", -10.0, 30.0)])
def test_a_fast_recharge_on_the_virtual_module_is_judged_offline(
    tmp_path: Path, pack: str, least: float, most: float
) -> None:
    """The BMS's limit is three quarters of a map of 30 s pulses with 10 mV; a whole charge ends about there."""
    live = ran(FAST, tmp_path, pack)
    (manifest,) = tmp_path.rglob("run.json")
    kept = json.loads(manifest.read_text(encoding="utf-8"))["pack"]["anode"]
    assert kept["parameters"]["name"] == {"lfp-24s": "graphite-prada2013", "nmc811-24s": SET}[pack]
    answer = packbench("judge", manifest.parent, "--json")
    found = {(each["key"], each["step"]): each for each in json.loads(answer.out)["kpis"]}
    offline = found["plating margin", "fast recharge"]
    assert least < offline["value"] < most
    assert 0.5 < offline["uncertainty"] < 15
    assert offline["value"] == pytest.approx(kpi.plating_margin(live, "fast recharge").value, abs=1e-6)
    time = found["plating time", "fast recharge"]
    assert (time["value"] > 0) == (offline["value"] < 0)


def test_what_a_pack_of_cells_in_parallel_holds_is_recorded(tmp_path: Path) -> None:
    shipped = load_pack("lfp-24s")[1].read_text(encoding="utf-8")
    doubled = tmp_path / "doubled.yaml"
    doubled.write_text(shipped.replace("parallel: 1", "parallel: 2"), encoding="utf-8")
    live = ran([Rest(until=elapsed(minutes=1))], tmp_path, str(doubled))
    assert live.manifest["pack"]["anode"]["capacity"] == 2 * load_cell("lfp-26650").nominal_capacity


def test_lithium_metal_is_told_as_not_known_by_judge(tmp_path: Path) -> None:
    ran([Charge("C/3", until=elapsed(minutes=10), name="fill")], tmp_path, "li-metal-24s")
    (manifest,) = tmp_path.rglob("run.json")
    answer = packbench("judge", manifest.parent)
    assert "plating margin: not known of 'fill" in " ".join(answer.out.split())


RESOLUTION = {
    "s": 0.8, "Ah": 1e-5, "Wh": 1e-3, "V": 1e-4, "mV": 1e-2, "K": 1e-3, "%": 1e-2, "W": 1e-2, "Ω": 1e-7, "1": 1e-3,
}  # fmt: skip
"""What a figure is never known better than, by its unit: last digits of its meters; of a time where between two scans,
a second apart, it began and ended (twice T/√6)."""
STAMP = 5e-4
"""s, the same of a step's own duration: the bench ended it, and wrote down when."""


def test_no_figure_of_a_run_is_known_better_than_its_meters_can_show(tmp_path: Path) -> None:
    """Not that of a charge far from plating either, whose 0 s no meter's error moves."""
    live = ran(
        [Charge("C/3", until=elapsed(minutes=5), name="fill"), Rest(until=elapsed(minutes=1))], tmp_path, "lfp-24s"
    )
    figures = [each for each in (*kpi.evaluate(live).figures, kpi.duration(live, "fill")) if isfinite(each.value)]
    assert {"plating time", "duration", "charge capacity", "constant-voltage share"} <= {each.key for each in figures}
    least = {each: STAMP if each.key == "duration" else RESOLUTION[each.unit] for each in figures}
    assert not [(each.name, uncertainty(each)) for each in figures if not uncertainty(each) >= least[each]]
