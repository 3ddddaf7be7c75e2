"""What a live page is told of a run: exactly what the run has written, as it is written."""

import json
from collections.abc import Callable, Iterator, Mapping
from math import inf, nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import columns as labels
from bench.recording.journal import NAME, Journal, JournalError, Tail, header_of
from bench.recording.recorder import SampleJournal
from packbench.live.telling import head, limits, scenario, state, thinned
from packbench.live.watching import KEPT, SHOWN, Watch

CELLS = [f"Emulator Cell {number} / V" for number in (1, 2, 3)]
COLUMNS = [*labels.DERIVED, *CELLS]
LIMITS = [
    {"name": "cell over-voltage", "column": labels.CELL_VOLTAGE_MAX, "at_most": 3.65, "at_least": None, "unit": "V"},
    {"name": "cell under-voltage", "column": labels.CELL_VOLTAGE_MIN, "at_most": None, "at_least": 2.5, "unit": "V"},
    {"name": "never known", "column": "Nobody Measures / V", "at_most": 1.0, "at_least": None, "unit": "V"},
]  # fmt: skip


def row(time: float, voltage: float = 3.3) -> list[float]:
    values = dict.fromkeys(COLUMNS, nan)
    values |= {labels.TEST_TIME: time, labels.CELL_VOLTAGE_MAX: voltage, labels.CELL_VOLTAGE_MIN: voltage - 0.01}
    values |= dict(zip(CELLS, (voltage, voltage - 0.005, voltage - 0.01), strict=True))
    return list(values.values())


class Run:
    """A run that a test writes as a bench does."""

    def __init__(self, runs: Path, name: str = "2026-01-01/020000-test_it", **more: Any) -> None:
        self.folder = runs / name
        self.folder.mkdir(parents=True)
        self.manifest = {
            "run_id": name, "state": "running", "verdict": None, "test": {"name": "test_it", "title": "It"},
            "station": {"name": "s"}, "pack": {"name": "p", "serial_number": "1"}, "limits": LIMITS, **more,
        }  # fmt: skip
        self.write()
        self.recorder = SampleJournal(self.folder / NAME, tuple(COLUMNS), fsync=False)

    def write(self) -> None:
        (self.folder / "run.json").write_text(json.dumps(self.manifest), encoding="utf-8")

    def rows(self, *times: float, voltage: float = 3.3) -> None:
        for time in times:
            self.recorder.append(row(time, voltage))
        self.recorder.flush()

    def row(self, time: float, values: Mapping[str, float]) -> None:
        values = {**dict.fromkeys(COLUMNS, nan), labels.TEST_TIME: time, **values}
        self.recorder.append([values[name] for name in COLUMNS])
        self.recorder.flush()

    def event(self, **event: Any) -> None:
        with (self.folder / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def end(self, verdict: str = "PASS") -> None:
        self.recorder.close()
        (self.folder / NAME).unlink()
        self.manifest |= {"state": "ended", "verdict": verdict, "cause": None}
        self.write()


Begin = Callable[..., Run]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begin a run below the folder of this test; its journal is closed behind it."""
    begun: list[Run] = []

    def begin_one(*name: str) -> Run:
        begun.append(Run(tmp_path, *name))
        return begun[-1]

    yield begin_one
    for run in begun:
        run.recorder.close()


def test_rows_come_once_each_as_they_are_written(tmp_path: Path, begin: Begin) -> None:
    run, watch = begin(), Watch(tmp_path)
    run.rows(1.0, 2.0)
    assert watch.look()
    assert watch.run is not None
    assert [each[0] for each in watch.run.rows] == [1.0, 2.0]
    assert not watch.look(), "there is nothing new"
    run.rows(3.0)
    assert watch.look()
    assert [each[0] for each in watch.run.rows] == [1.0, 2.0, 3.0]
    assert watch.run.latest[CELLS[0]] == 3.3


def test_half_a_row_and_half_an_event_are_waited_for(tmp_path: Path, begin: Begin) -> None:
    run, watch = begin(), Watch(tmp_path)
    run.rows(1.0)
    run.event(time=0.0, type="step started", index=1, name="charge")
    watch.look()
    journal, events = run.folder / NAME, run.folder / "events.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[-100:-50])
    with events.open("a", encoding="utf-8") as file:
        file.write('{"time": 2.0, "type": "ste')
    watch.look()
    assert watch.run is not None
    assert (watch.run.number, len(watch.run.steps)) == (1, 1)
    with events.open("a", encoding="utf-8") as file:
        file.write('p ended", "duration": 2.0}\n')
    watch.look()
    assert watch.run.steps[-1]["ended"] == 2.0


@given(st.lists(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2), max_size=40), st.data())
def test_whatever_pieces_a_journal_comes_in_its_tail_tells_what_the_journal_does(
    rows: list[list[float]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        whole, grown = Path(folder) / "whole", Path(folder) / "grown"
        recorder = SampleJournal(whole, ("a", "b"), fsync=False)
        for each in rows:
            recorder.append(each)
        recorder.close()
        content = whole.read_bytes()
        start = len(header_of(["a", "b"]))
        cuts = sorted(data.draw(st.lists(st.integers(start, len(content)), max_size=5)))
        grown.write_bytes(content[:start])
        tail, found = Tail(grown), list[list[float]]()
        for cut in (*cuts, len(content)):
            grown.write_bytes(content[:cut])
            found += tail.rows().tolist()
        assert found == Journal(whole).rows.copy().tolist() == rows


def test_a_damaged_row_costs_that_row(tmp_path: Path, begin: Begin) -> None:
    run = begin()
    run.rows(1.0, 2.0, 3.0)
    path = run.folder / NAME
    content = bytearray(path.read_bytes())
    content[-len(content) // 20 - 300] ^= 0xFF
    path.write_bytes(content)
    assert len(Tail(path).rows()) == 2


def test_a_journal_without_column_names_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(header_of(["a"])[:-2])
    with pytest.raises(JournalError):
        Tail(tmp_path / "j")


def test_the_step_says_how_long_it_is_and_what_is_left_of_it(tmp_path: Path, begin: Begin) -> None:
    run, watch = begin(), Watch(tmp_path)
    run.event(
        time=1.0, type="step started", index=1, name="rest", until=["Step Time at least 60 s"], expected_duration=60
    )
    run.rows(1.0, 21.0)
    watch.look()
    assert watch.run is not None
    told = state(watch.run)
    assert (told["step"]["name"], told["step"]["since"], told["left"]) == ("rest", 20.0, 40.0)
    run.event(time=61.0, type="step ended", duration=60.0)
    watch.look()
    assert state(watch.run)["left"] is None


PLAN = [
    {"index": 1, "name": "soak", "until": ["settled"], "expected_duration": 7200.0},
    {"index": 2, "name": "operator", "until": [], "expected_duration": None},
    {"index": 3, "name": "charge", "until": ["time"], "expected_duration": 3600.0},
]


def told_of(run: Run, runs: Path) -> dict[str, Any]:
    """What a page is told by who begins to look now."""
    watch = Watch(runs)
    watch.look()
    assert watch.run is not None
    return {**state(watch.run), "scenario": scenario(watch.run)}


def test_every_step_of_the_scenario_is_told_before_it_begins_and_the_time_that_nobody_knows_is_said(
    tmp_path: Path, begin: Begin
) -> None:
    run = begin()
    run.event(time=0.0, type="scenario planned", steps=PLAN)
    run.rows(0.5)
    told = told_of(run, tmp_path)
    assert [(step["index"], step["name"], step["begun"]) for step in told["scenario"]] == [
        (1, "soak", False), (2, "operator", False), (3, "charge", False),
    ]  # fmt: skip
    assert (told["left"], told["scenario_left"], told["unknown"]) == (None, 10800.0, 1)
    run.event(time=1.0, type="step started", **PLAN[0])
    run.rows(1.0, 201.0)
    told = told_of(run, tmp_path)
    assert (told["left"], told["scenario_left"], told["unknown"]) == (7000.0, 10600.0, 1)
    assert [step["now"] for step in told["scenario"]] == [True, False, False]
    run.event(time=5001.0, type="step ended", index=1, duration=5000.0, verdict="PASS")
    run.event(time=5001.0, type="step started", **PLAN[1])
    run.rows(5002.0)
    told = told_of(run, tmp_path)
    assert (told["left"], told["scenario_left"], told["unknown"]) == (None, 3600.0, 1)
    assert [(step["took"], step["now"], step["stopped"]) for step in told["scenario"]] == [
        (5000.0, False, False), (None, True, False), (None, False, False),
    ]  # fmt: skip
    run.event(time=5003.0, type="step ended", index=2, duration=2.0, verdict="ABORTED")
    run.end("ABORTED")
    told = told_of(run, tmp_path)
    assert (told["left"], told["scenario_left"], told["unknown"]) == (None, None, 0)
    assert told["scenario"][1]["stopped"]


def test_a_second_scenario_of_a_test_and_one_that_goes_on_after_a_gap_are_told_behind_and_from_there(
    tmp_path: Path, begin: Begin
) -> None:
    run = begin()
    run.event(time=0.0, type="scenario planned", steps=PLAN[:1])
    run.event(time=0.0, type="step started", **PLAN[0])
    run.event(time=900.0, type="scenario planned", steps=[*PLAN[:1], PLAN[2]])
    run.event(time=1000.0, type="step resumed", index=1, elapsed=200.0)
    run.rows(1100.0)
    told = told_of(run, tmp_path)
    assert (told["left"], told["scenario_left"]) == (6900.0, 10500.0)


def test_a_recording_that_planned_nothing_shows_the_steps_that_it_has(tmp_path: Path, begin: Begin) -> None:
    run = begin()
    run.event(time=0.0, type="scenario planned")
    run.event(time=0.0, type="scenario planned", steps=[7, {"index": "x"}])
    run.event(time=0.0, type="step started", name="without a number")
    run.event(time=1.0, type="step started", **PLAN[2])
    run.rows(2.0)
    told = told_of(run, tmp_path)
    assert [step["name"] for step in told["scenario"]] == ["charge"]
    assert told["scenario_left"] is None


def test_the_bench_is_told_as_it_is_asked_and_off_as_soon_as_something_has_switched_it_off(
    tmp_path: Path, begin: Begin
) -> None:
    run = begin()
    asked = {
        labels.SET_CURRENT: 2.3, labels.SET_VOLTAGE: 87.6, labels.SET_TEMPERATURE: 25.0, labels.BMS_STATE: 9.0,
        labels.AMBIENT: 24.5, labels.CURRENT: 2.29,
    }  # fmt: skip
    run.event(time=0.5, type="set point", instrument="chamber", quantity="temperature", value=20.0, unit="°C")
    run.event(time=0.9, type="set point", instrument="chamber", quantity="temperature", value=25.0, unit="°C")
    run.row(1.0, asked)
    now = told_of(run, tmp_path)["now"]
    assert (now["outputs"], now["current"], now["bms"], now["contactors"]) == (True, 2.29, "CHARGE", "closed")
    assert [(each["name"], each["value"], each["unit"]) for each in now["asked"]] == [
        ("Current", 2.3, "A"), ("Voltage", 87.6, "V"),
    ]  # fmt: skip
    assert [(each["name"], each["value"]) for each in now["kept"]] == [("Temperature", 25.0)]
    assert [(each["value"], each["time"]) for each in now["set_points"]] == [(25.0, 0.9)]
    for switched_off in ("step ended", "hold started", "trip"):
        run.event(time=1.0, type=switched_off, text="why")
        now = told_of(run, tmp_path)["now"]
        assert (now["outputs"], now["asked"], len(now["kept"])) == (False, [], 1), "its row is older"
    run.row(2.0, asked | {labels.BMS_STATE: 5.0})
    now = told_of(run, tmp_path)["now"]
    assert (now["outputs"], now["bms"], now["contactors"]) == (True, "STANDBY", "open")
    run.row(3.0, {})
    now = told_of(run, tmp_path)["now"]
    assert (now["outputs"], now["bms"], now["contactors"], now["end"]) == (False, "", "nobody tells", [])
    run.row(4.0, asked)
    run.manifest["bench_verdict"] = {"state": "verified", "steps": [{"name": "contactor open", "detail": "verified"}]}
    run.end()
    now = told_of(run, tmp_path)["now"]
    assert (now["outputs"], now["end"]) == (False, [{"name": "contactor open", "detail": "verified"}])


def test_what_the_test_is_doing_is_said_in_words(tmp_path: Path, begin: Begin) -> None:
    run = begin()
    run.rows(1.0)
    assert told_of(run, tmp_path)["doing"] == "running"
    run.event(time=1.0, type="operator asked", step=1, text="Plug", answers=["done"])
    assert told_of(run, tmp_path)["doing"] == "waiting for the operator"
    run.event(time=2.0, type="operator answered", step=1)
    run.event(time=3.0, type="hold started", text="too warm")
    assert told_of(run, tmp_path)["doing"] == "on hold: too warm"
    run.event(time=4.0, type="hold ended")
    assert told_of(run, tmp_path)["doing"] == "running"
    run.event(time=5.0, type="trip", text="far too warm")
    assert told_of(run, tmp_path)["doing"] == "making the bench safe: far too warm"
    run.end("FAIL")
    assert told_of(run, tmp_path)["doing"] == ""


def test_an_event_with_what_is_no_number_costs_no_browser_its_message(tmp_path: Path, begin: Begin) -> None:
    run, watch = begin(), Watch(tmp_path)
    run.event(time=1.0, type="step started", index=1, name="rest", reached={"SOC / 1": nan, "more": [inf, 1.0]})
    watch.look()
    assert watch.run is not None
    assert watch.run.events[0]["reached"] == {"SOC / 1": None, "more": [None, 1.0]}
    json.dumps(list(watch.run.events), allow_nan=False)


def test_every_cell_is_there_and_the_limits_are_those_with_the_least_room_first(tmp_path: Path, begin: Begin) -> None:
    run, watch = begin(), Watch(tmp_path)
    run.rows(1.0, voltage=3.6)
    watch.look()
    assert watch.run is not None
    told = state(watch.run)
    assert [(each["who"], each["cell"], each["voltage"]) for each in told["cells"]] == [
        ("Emulator", 1, 3.6), ("Emulator", 2, 3.595), ("Emulator", 3, 3.59),
    ]  # fmt: skip
    assert [each["name"] for each in limits(watch.run)] == ["cell over-voltage", "cell under-voltage"]
    assert told["limits"][0]["room"] == pytest.approx(0.05)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_a_run_that_is_over_says_how_and_the_next_one_is_gone_over_to(tmp_path: Path, begin: Begin) -> None:
    run, watch = begin(), Watch(tmp_path)
    run.rows(1.0)
    watch.look()
    run.end("FAIL")
    assert watch.look()
    assert watch.run is not None
    assert (state(watch.run)["verdict"], state(watch.run)["over"]) == ("FAIL", True)
    assert not watch.look()
    following = begin("2026-01-01/030000-test_next")
    following.rows(1.0)
    assert watch.look()
    assert head(watch.run)["run"] == "2026-01-01/030000-test_next"
    assert watch.run.number == 1


def test_a_run_of_hours_has_room_and_an_empty_folder_is_waited_at(tmp_path: Path, begin: Begin) -> None:
    watch = Watch(tmp_path / "nowhere")
    assert not watch.look()
    assert watch.run is None
    run, watch = begin(), Watch(tmp_path)
    run.rows(*np.arange(3.0 * KEPT).tolist())
    watch.look()
    assert watch.run is not None
    assert (len(watch.run.rows), watch.run.number) == (KEPT, 3 * KEPT)
    assert watch.run.rows[-1][0] > 2.9 * KEPT


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_manifest_that_is_none_is_waited_for(tmp_path: Path, begin: Begin, text: str) -> None:
    run, watch = begin(), Watch(tmp_path)
    (run.folder / "run.json").write_text(text, encoding="utf-8")
    assert not watch.look()
    run.write()
    watch.look()
    assert watch.run is not None


def test_what_is_no_number_is_nothing_and_no_more_rows_are_sent_than_asked() -> None:
    assert thinned([[nan, inf, 1.0]], 5) == [[None, None, 1.0]]
    assert thinned([], 5) == []
    found = thinned([[float(number)] for number in range(100)], 10)
    assert len(found) == 10
    assert (found[0], found[-1]) == ([0.0], [99.0])
    assert SHOWN[0] == labels.TEST_TIME
