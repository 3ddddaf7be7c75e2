"""The health of a bench: from what a run has recorded, by instrument, and how it goes over nights."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.front.sections import bench_health as page_of_health
from reports.front.sections.bench_health import Reading
from reports.front.shown import Links, Shown
from reports.health.measures import BENCH, OF_THE_STATED, Health, health_of, joined
from reports.nights.changes import Changed
from reports.nights.night import Night
from reports.nights.section import Since
from reports.nights.store import History
from reports.outcome import Outcome
from reports.recording import Recording
from tests.reports.nights.nights import capacity, night, told

NOWHERE = Links(None, *[lambda _test: None] * 3)
COLUMNS = [
    "Test Time / s", "Step Count / 1", "Current / A", "BMS State / 1", "BMS Age / s", "Scan Duration / s",
    "Supply Voltage / V", "Supply Current / A", "Load Voltage / V", "Load Current / A",
    "Bms Pack Voltage / V", "Bms Pack Current / A", "Bms Dropped / 1",
]  # fmt: skip
DEVICES = [
    {"name": "supply", "roles": ["source"]}, {"name": "load", "roles": ["sink"]}, {"name": "bms", "roles": ["bms"]},
    {"name": "chamber", "roles": ["chamber"]},
]  # fmt: skip
CLOSED, OPEN = 7.0, 5.0


def row(time: float, step: int = 1, **values: float) -> list[float]:
    named = {"Test Time / s": time, "Step Count / 1": float(step), "BMS State / 1": CLOSED}
    given = {name.replace("_", " "): value for name, value in values.items()}
    return [named.get(column, float(given.get(column.lower().partition(" / ")[0], 0.0))) for column in COLUMNS]


def started(index: int = 1, kind: str = "Charge", **more: Any) -> dict[str, Any]:
    return {
        "time": 0.0, "type": "step started", "index": index, "name": f"step {index}", "kind": kind,
        "step_type": "CC_CHG", "set_points": {}, "until": [], **more,
    }  # fmt: skip


def ended(index: int, time: float) -> dict[str, Any]:
    return {
        "time": time, "type": "step ended", "index": index, "name": f"step {index}", "ended_by": "time", "reached": {},
        "verdict": "PASS", "duration": time,
    }  # fmt: skip


def recording(rows: list[list[float]], *events: dict[str, Any], **manifest: Any) -> Recording:
    return Recording({"instruments": DEVICES, **manifest}, events, COLUMNS, np.array(rows, dtype=float))


# --- one run -----------------------------------------------------------------


@pytest.mark.parametrize("pace", [{"scan_period": 1.0}, {}])
def test_samples_that_came_late_or_not_at_all_are_counted_and_the_others_vary(pace: dict[str, float]) -> None:
    """Also of a run from before the pace was recorded: then it is what most of the intervals are."""
    times = [1.0, 2.0, 3.1, 4.0, 5.0, 6.0, 9.0, 10.0, 11.0, 12.7]
    found = health_of(recording([row(time) for time in times], started(**pace)))[BENCH]
    assert found["late samples / 1"] == 2
    assert found["missing samples / 1"] == 2 + 1
    assert found["scan jitter / s"] == pytest.approx(np.sqrt((0.1**2 + 0.1**2) / 7), rel=1e-6)


def test_a_run_in_which_every_sample_came_late_has_no_jitter() -> None:
    found = health_of(recording([row(time) for time in (1.0, 3.0, 5.0)], started(scan_period=0.5)))[BENCH]
    assert found["late samples / 1"] == 2
    assert "scan jitter / s" not in found


def test_a_step_that_changes_its_pace_and_a_hold_are_not_taken_for_late() -> None:
    hold = (
        {"time": 3.0, "type": "hold started", "limit": "air", "step": "step 1", "text": ""},
        {"time": 23.0, "type": "hold ended", "limit": "air", "step": "step 1", "duration": 20.0, "recovered": True},
    )
    rows = [row(time) for time in (1.0, 2.0, 3.0, 13.0, 23.0, 24.0)] + [row(time, 2) for time in (30.0, 90.0, 95.0)]
    run = recording(rows, started(scan_period=1.0), *hold, ended(1, 24.0), started(2, scan_period=None))
    found = health_of(run)[BENCH]
    assert (found["late samples / 1"], found["missing samples / 1"]) == (0, 0)


def test_meters_are_held_against_the_bms_while_they_carry_the_current_and_its_contactors_are_closed() -> None:
    charging = [
        row(number, current=10, supply_current=10, supply_voltage=80.1, load_voltage=80, bms_pack_current=10.3,
            bms_pack_voltage=80)
        for number in range(1, 9)
    ]  # fmt: skip
    discharging = [
        row(10 + number, current=-5, load_current=-5, supply_voltage=80.1, load_voltage=80, bms_pack_current=-4.9,
            bms_pack_voltage=80)
        for number in range(8)
    ]  # fmt: skip
    off = [row(20.0 + number, bms_pack_voltage=80) for number in range(30)]
    for each in off:
        each[COLUMNS.index("BMS State / 1")] = OPEN
    found = health_of(recording([*charging, *discharging, *off], started()))
    assert found["supply"]["current of the BMS against it / %"] == pytest.approx(3.0)
    assert found["load"]["current of the BMS against it / %"] == pytest.approx(-2.0)
    assert found["supply"]["voltage against the BMS / V"] == pytest.approx(0.1)
    assert found["load"]["voltage against the BMS / V"] == 0.0


@pytest.mark.parametrize(
    ("shunt", "share", "note"),
    [(10.05, 80.0, ""), (10.355, 568.0, "beyond the stated uncertainty"), (9.645, 568.0, "beyond the stated")],
)
def test_meters_that_are_further_apart_than_they_state_are_marked_in_their_first_night(
    shunt: float, share: float, note: str
) -> None:
    stated = {"supply": {"current": [{"reading": 0.003, "divisor": 2.0}]},
              "bms": {"pack current": [{"offset": 0.04, "full_scale": 8.0, "divisor": 2.0},
                                       {"offset": 0.0547722557505166, "divisor": 2.0}]}}  # fmt: skip
    devices = [{**each, "accuracy": stated.get(each["name"], {})} for each in DEVICES]
    rows = [row(number, current=10, supply_current=10, bms_pack_current=shunt) for number in range(1, 9)]
    found = health_of(recording(rows, started(), instruments=devices))
    assert found["supply"][f"current of the BMS against it{OF_THE_STATED}"] == pytest.approx(share, rel=0.01)
    assert not [name for name in found["supply"] if name.startswith("voltage") and OF_THE_STATED in name]
    page = words(bench_health([outcome(found)], ()))
    told = page.partition("current of the BMS against it ")[2]
    assert note in told if note else "beyond" not in told
    assert "of the stated uncertainty /" not in page
    quieter = {"supply": {GAIN: 0.1, f"current of the BMS against it{OF_THE_STATED}": 20.0}}
    assert joined(iter([quieter, found]))["supply"].items() >= found["supply"].items(), "of several runs the worst"


def test_links_frames_soaks_and_watchdogs_are_told_by_instrument(tmp_path: Path) -> None:
    rows = [row(time, bms_dropped=time > 5, bms_age=0.1 * time) for time in (0.0, 10.0, 22.0)]
    run = recording(
        rows, started(kind="Soak", scan_period=10.0), ended(1, 22.0), links={"supply": {"timeouts": 2, "retries": 0}},
        protections=[{"instrument": "supply", "watchdog": 20.0}, {"instrument": "load", "watchdog": None}],
    )  # fmt: skip
    (tmp_path / "supervisor.json").write_text("{}", encoding="utf-8")
    found = health_of(run, tmp_path)
    told = {"timeouts / 1": 2.0, "retries / 1": 0.0, "watchdog time used / %": 60.0}
    assert found["supply"].items() >= told.items()
    assert "watchdog time used / %" not in found["load"]
    assert found["bms"]["dropped frames / 1"] == 1.0
    assert found["bms"]["oldest message / s"] == pytest.approx(2.2)
    assert found["chamber"] == {"longest soak / s": 22.0}
    assert found[BENCH]["supervisor had to act / 1"] == 1.0


def test_what_was_not_recorded_has_no_value() -> None:
    assert health_of(Recording({}, (), COLUMNS, np.empty((0, len(COLUMNS))))) == {}


def test_of_several_runs_counts_are_added_and_of_the_rest_the_largest_is_told() -> None:
    runs: list[Health] = [
        {"supply": {"timeouts / 1": 1.0, "voltage against the BMS / V": -0.2}},
        {"supply": {"timeouts / 1": 2.0, "voltage against the BMS / V": 0.1}, "load": {"retries / 1": 1.0}},
    ]
    assert joined(iter(runs)) == {
        "supply": {"timeouts / 1": 3.0, "voltage against the BMS / V": -0.2}, "load": {"retries / 1": 1.0},
    }  # fmt: skip


# --- over nights -----------------------------------------------------------------


def outcome(health: Any) -> Outcome:
    return Outcome("PASS", "It", "t.py::test_it", "1" * 32, "", (), {"run_id": "1", "health": health})


def bench_health(tests: list[Outcome], earlier: Sequence[Night]) -> str:
    return page_of_health.section(Shown(tests, NOWHERE, Since(Changed(recent=earlier))))


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", page)))


GAIN = "current of the BMS against it / %"


def nights(values: list[float]) -> list[Night]:
    """The newest first."""
    found = [replace(night(number), health={"supply": {GAIN: value}}) for number, value in enumerate(values)]
    return found[::-1]


@pytest.mark.parametrize(
    ("values", "tonight", "note"),
    [
        ([0.4, 0.41, 0.39, 0.4, 0.41, 0.4], 0.4, ""),
        ([0.4, 0.61, 0.79, 1.0, 1.21, 1.4], 1.6, "drifts"),
        ([0.4, 0.41, 0.39, 0.4, 0.41, 0.4, 3.5], 3.51, "stepped"),
        ([0.4, 0.41], 3.5, ""),
    ],
)
def test_a_meter_that_drifts_over_nights_is_marked_and_one_that_varies_is_not(
    values: list[float], tonight: float, note: str
) -> None:
    page = bench_health([outcome({"supply": {GAIN: tonight}})], nights(values))
    assert f"over {len(values) + 1} nights" in page
    row = words(page).partition("supply current of the BMS against it")[2]
    assert [each for each in ("drifts", "stepped") if each in row.split()] == ([note] if note else [])


def test_what_never_happened_is_one_line_and_what_did_is_a_row_and_a_near_miss_is_said() -> None:
    tonight = {
        "supply": {"timeouts / 1": 0.0, "retries / 1": 1.0, "watchdog time used / %": 61.0},
        "load": {"timeouts / 1": 0.0, "watchdog time used / %": 20.0},
    }
    page = words(bench_health([outcome(tonight)], ()))
    assert "None tonight, nor in the nights before: timeouts (load, supply)." in page
    assert re.search(r"supply retries 1 +happened", page)
    assert re.search(r"supply watchdog time used 61 % +near miss", page)
    assert page.count("near miss") == 1


def test_a_run_that_left_nothing_is_told_and_without_runs_there_is_no_section() -> None:
    assert "1 of 2 runs left nothing on it." in bench_health([outcome({"bms": {"x / s": 1.0}}), outcome(None)], ())
    assert bench_health([Outcome("NOT RUN", "It", "t", "1" * 32, "", ())], ()) == ""


@pytest.mark.parametrize("none", [nan, inf, -inf])
def test_what_is_no_number_is_not_known_and_draws_nothing(none: float) -> None:
    for name in ("scan jitter / s", "late samples / 1", "voltage against the BMS / V"):
        page = bench_health([outcome({"supply": {name: none}})], [])
        assert "not known" in page
        assert not re.search(r"\b(nan|inf)\b", words(page))
        earlier = replace(night(0), health={"supply": {name: none}})
        assert "nan" not in bench_health([outcome({"supply": {name: 1.0}})], [earlier])


def test_a_name_of_an_instrument_is_shown_and_never_obeyed() -> None:
    page = bench_health([outcome({"<script>x</script>": {"timeouts / 1": 1.0, "<b>y</b> / s": 2.0}})], ())
    assert "<script" not in page
    assert "<b>" not in page


def test_a_reading_that_is_counted_and_was_anywhere_before_is_not_quiet() -> None:
    assert Reading("supply", "timeouts / 1", 0.0).is_quiet
    assert not Reading("supply", "timeouts / 1", 0.0, (1.0,)).is_quiet
    assert not Reading("supply", "scan jitter / s", 0.0).is_quiet


# --- kept -----------------------------------------------------------------


def test_a_night_keeps_it_and_older_nights_are_read_without(tmp_path: Path) -> None:
    history = History(tmp_path, "virtual-module")
    tonight = replace(night(5, told("PASS", capacity(2.3))), health={"supply": {GAIN: 0.4}},
                      made_from={"pack lfp-24s": "ab"}, devices={"supply": ("PSB", "1", "2.0", "")})  # fmt: skip
    history.keep(tonight)
    history.keep(night(4))
    file = next(path for path in tmp_path.rglob("*.json") if path.stem == night(4).name)
    old = json.loads(file.read_text(encoding="utf-8"))
    for key in ("health", "made_from", "devices"):
        del old[key]
    file.write_text(json.dumps(old), encoding="utf-8")
    found = list(history.before(night(6)))
    assert [each.health for each in found] == [{"supply": {GAIN: 0.4}}, {}]
    assert (found[0].made_from, found[0].devices) == (tonight.made_from, tonight.devices)
    assert not history.unreadable


def test_a_night_with_no_number_in_it_is_kept_without_it(tmp_path: Path) -> None:
    history = History(tmp_path, "virtual-module")
    history.keep(replace(night(1), health={"supply": {GAIN: float("nan"), "x / s": 1.0}}))
    assert "NaN" not in next(tmp_path.rglob("*.json")).read_text(encoding="utf-8")
    assert next(history.before(night(2))).health == {"supply": {"x / s": 1.0}}
