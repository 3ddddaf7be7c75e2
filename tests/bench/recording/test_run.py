"""A run on disk: there from the first moment, whole at every moment, and nowhere but in its folder."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench.recording.life import is_alive
from bench.recording.manifest import SCHEMA
from bench.recording.run import Run, TestIdentity
from bench.testing import TestBench
from bench.verdicts import BenchFault, Cause, InputError, Measurement, Verdict
from instruments.roles import InstrumentFault
from tests.bench.fakes import Plant

NewBench = Callable[..., TestBench]
NewRun = Callable[..., Run]


def run_in(root: Path, name: str = "test_it", now: Callable[[], float] = lambda: 0.0) -> Run:
    return Run(root, TestIdentity(f"test_x.py::{name}", name, "Title", ("PB-1",), (("rate", "C/3"),)), {"seed": 0}, now)


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[NewRun]:
    """Begin a run in the test's folder; it is ended with the test."""
    runs: list[Run] = []

    def new(**arguments: Any) -> Run:
        runs.append(run_in(tmp_path, **arguments))
        return runs[-1]

    yield new
    for run in runs:
        run.end(Verdict.PASS, None)


def manifest_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def events_of(folder: Path) -> list[dict[str, Any]]:
    """As they lie on the disk, each without its checksum."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in event.items() if key != "crc"} for event in events]


# --- where ------------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=120))
@example("")
@example("..")
@example("../../../../etc/passwd")
@example("..\\..\\windows")
@example("/absolute")
@example("C:\\absolute")
@example("~root")
@example("a/b\0c\n")
@example("test_it[C/3-25]")
@example("x" * 500)
@example("\N{MATHEMATICAL BOLD CAPITAL A}" * 120)
@example("a" * 79 + ". b")
@example("con")
def test_nothing_of_a_tests_name_leaves_the_folder_of_runs(tmp_path: Path, name: str) -> None:
    root = tmp_path / "runs"
    run = run_in(root, name)
    run.end(Verdict.PASS, None)
    day, folder = run.folder.relative_to(root).parts
    assert run.folder.resolve().is_relative_to(root.resolve())
    assert manifest_of(run.folder)["run_id"] == f"{day}/{folder}"
    assert folder.isascii()
    assert not folder.endswith((".", " "))
    assert len(folder) < 100
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_two_runs_of_one_second_get_two_folders(new_run: NewRun) -> None:
    folders = {new_run().folder for _ in range(5)}
    assert len(folders) == 5


def test_a_place_that_cannot_hold_runs_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InputError, match=r"runs.*--runs"):
        run_in(tmp_path / "runs")


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_manifest_is_there_from_the_start_and_says_that_the_run_runs(new_run: NewRun) -> None:
    manifest = manifest_of(new_run().folder)
    assert (manifest["schema"], manifest["state"], manifest["verdict"]) == (SCHEMA, "running", None)
    assert manifest["test"] == {
        "nodeid": "test_x.py::test_it", "name": "test_it", "title": "Title", "requirements": ["PB-1"],
        "parameters": {"rate": "C/3"},
    }  # fmt: skip


def test_an_event_is_on_disk_as_soon_as_it_has_happened(new_run: NewRun) -> None:
    run = new_run(now=lambda: 12.3456789)
    run.event("message", level="info", text="Prüfling läuft", value=nan, bounds=[inf, 1.0])
    assert events_of(run.folder) == [
        {"time": 12.345679, "type": "message", "level": "info", "text": "Prüfling läuft", "value": None,
         "bounds": [None, 1.0]},
    ]  # fmt: skip


@pytest.mark.parametrize("fsync", [True, False])
def test_where_time_is_real_all_is_forced_to_the_disk_before_what_it_replaces_goes(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    run, forced = new_run(), list[str]()

    def force(file: int) -> None:
        path = next(path for path in run.folder.iterdir() if path.stat().st_ino == os.fstat(file).st_ino)
        forced.append(path.name)
        if path.name == "samples.partial":
            assert (run.folder / "samples.journal").exists()

    monkeypatch.setattr(os, "fsync", force)
    run.begin(("Test Time / s", "Voltage / V"), fsync=fsync)
    assert run.journal is not None
    forced.clear()
    run.event("message", level="info", text="hello")
    assert forced == ["events.jsonl"] * fsync
    run.journal.append([1.5, 3.0])
    run.end(Verdict.PASS, None)
    assert set(forced) == (
        {"events.jsonl", "samples.journal", "samples.partial", "run.json.partial"} if fsync else set()
    )
    assert not (run.folder / "run.alive").exists()


def test_where_time_is_real_an_event_says_when_by_the_civil_clock(new_run: NewRun) -> None:
    run = new_run()
    run.begin(("Test Time / s", "Voltage / V"), fsync=True)
    (started,) = events_of(run.folder)
    assert datetime.fromisoformat(started["utc"]).tzinfo is not None
    assert is_alive(run.folder)
    run.end(Verdict.PASS, None)
    assert not is_alive(run.folder)


def test_a_listener_hears_what_is_written(new_run: NewRun) -> None:
    run, heard = new_run(), []
    run.listeners.append(heard.append)
    run.event("message", level="info", text="hello")
    assert heard == events_of(run.folder)


def test_the_first_cause_is_kept_and_later_ones_are_logged(new_run: NewRun) -> None:
    run = new_run()
    run.fault(Cause("pack", "the cell was too hot", "charge", 9.0, "cell over-temperature"))
    run.fault(Cause("bench", "the supply went away"))
    run.end(Verdict.FAIL, None)
    assert manifest_of(run.folder)["cause"] == {
        "blame": "pack", "text": "the cell was too hot", "step": "charge", "time": 9.0,
        "limit": "cell over-temperature", "fault": None, "instrument": None, "instruments": [],
    }  # fmt: skip
    assert [cause["text"] for cause in manifest_of(run.folder)["causes"]] == texts_of(run)
    assert texts_of(run) == ["the cell was too hot", "the supply went away"]


def texts_of(run: Run) -> list[str]:
    """What was told of causes, in order."""
    return [event["text"] for event in events_of(run.folder) if event["type"] == "message"]


def test_a_cause_that_is_found_again_is_listed_once(new_run: NewRun) -> None:
    run = new_run()
    for time in (1.0, 2.0):
        run.fault(
            Cause("pack", f"too hot after {time:g} s", None, time, "cell over-temperature", "cell-over-temperature")
        )
    run.end(Verdict.FAIL, None)
    assert [cause["time"] for cause in manifest_of(run.folder)["causes"]] == [1.0]


def test_a_run_without_a_cause_lists_none(new_run: NewRun) -> None:
    run = new_run()
    run.end(Verdict.PASS, None)
    assert manifest_of(run.folder)["causes"] == []


def test_an_ended_run_has_a_table_and_no_journal(new_run: NewRun) -> None:
    run = new_run()
    run.begin(("Test Time / s", "Voltage / V"), fsync=False)
    assert run.journal is not None
    run.journal.append([0.0, 3.0])
    run.measured(Measurement("m", 1.0, "V", 0.5))
    run.transcript("supply")(">", "*IDN?")
    run.end(Verdict.PASS, {"safe": True, "steps": []})
    run.end(Verdict.FAIL, None)
    manifest = manifest_of(run.folder)
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "events.jsonl", "run.json", "samples.parquet", "transcript.log",
    ]  # fmt: skip
    assert (manifest["state"], manifest["verdict"]) == ("ended", "PASS")
    assert [measurement["name"] for measurement in manifest["measurements"]] == ["m"]
    assert [event["type"] for event in events_of(run.folder)] == [
        "run started", "measurement", "safe state", "run ended",
    ]  # fmt: skip
    assert "supply > *IDN?" in (run.folder / "transcript.log").read_text()


def test_a_table_that_the_disk_refuses_leaves_the_journal_and_says_so_in_the_manifest(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    run.begin(("Test Time / s", "Voltage / V"), fsync=False)

    def full(*_: object, **__: object) -> None:
        raise BenchFault("no space left")

    monkeypatch.setattr("bench.recording.run.write_parquet", full)
    with pytest.raises(BenchFault, match="no space left"):
        run.end(Verdict.PASS, None)
    manifest = manifest_of(run.folder)
    assert (run.folder / "samples.journal").exists()
    assert (manifest["state"], manifest["verdict"]) == ("ended", "BENCH FAULT")
    assert manifest["cause"]["text"] == "no space left"


def test_a_new_manifest_replaces_the_old_one_in_one_step(new_run: NewRun) -> None:
    run = new_run()
    (run.folder / "run.json.partial").mkdir()  # the disk refuses the new one
    with pytest.raises(BenchFault, match="cannot be recorded"):
        run.end(Verdict.PASS, None)
    assert manifest_of(run.folder)["state"] == "running"


# --- a run that could not start is still a run ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fails", "error", "blame", "verdict", "state"),
    [
        ("open supply", InstrumentFault("supply does not answer"), "bench", "BENCH FAULT", "not verified"),
        ("open bms", ValueError("bms has no option 'dbcc'"), "operator", "BENCH FAULT", "not verified"),
        ("identify chamber", InstrumentFault("chamber does not answer"), "bench", "BENCH FAULT", "not verified"),
        ("protect_source", InstrumentFault("supply kept its OVP"), "bench", "BENCH FAULT", "verified"),
    ],
)
def test_a_run_that_could_not_start_has_a_manifest_that_says_why(
    new_bench: NewBench, plant: Plant, fails: str, error: Exception, blame: str, verdict: str, state: str
) -> None:
    plant.fail[fails] = error
    bench = new_bench()
    with pytest.raises((InstrumentFault, InputError)):
        bench.open()
    manifest = manifest_of(bench.run_log.folder)
    assert (manifest["state"], manifest["verdict"]) == ("ended", verdict)
    assert manifest["bench_verdict"]["state"] == state
    assert manifest["cause"]["blame"] == blame
    assert str(error) in manifest["cause"]["text"]
    assert manifest["station"]["name"] == "little"
    assert manifest["pack"]["name"] == "four"
    assert not plant.source_on


def test_what_was_opened_is_closed_again_in_reverse_order_when_the_next_does_not_open(
    new_bench: NewBench, plant: Plant
) -> None:
    plant.fail["open supply"] = InstrumentFault("supply does not answer")
    plant.fail["close temperatures"] = InstrumentFault("temperatures does not answer")
    with pytest.raises(InstrumentFault):
        new_bench().open()
    opened_and_closed = [call for call in plant.calls if call.startswith(("open ", "close "))]
    assert opened_and_closed == [
        "open supply", "open bms", "open chamber", "open temperatures",
        "close temperatures", "close chamber", "close bms",
    ]  # fmt: skip


def test_an_instrument_with_another_identity_is_named_with_its_address(
    new_bench: NewBench, plant: Plant, station_text: str
) -> None:
    station = station_text.replace("roles: [source, sink]", "roles: [source, sink], expect: {model: PSB 10200-420}")
    bench = new_bench(station=station)
    with pytest.raises(BenchFault) as caught:
        bench.open()
    assert str(caught.value) == (
        "Instrument supply at plant is Fake FAKE 100 1: its model should be 'PSB 10200-420' and is 'FAKE 100'; "
        "check the address in the station file, or what is plugged in there."
    )
    assert "protect_source" not in plant.calls


@pytest.mark.parametrize(
    ("old", "new", "says", "verdict"),
    [
        (
            "fakes:FakeBms",
            "fakes:FakeBmss",
            "instrument bms: The driver 'tests.bench.fakes:FakeBmss' cannot be imported",
            "TEST ERROR",
        ),
        ("tests.bench.fakes:FakeBms", "foxbmss", "did you mean 'foxbms'?", "TEST ERROR"),
        # Known only behind an open link: the bench was switched off by then, and has no BMS that could confirm it.
        ("fakes:FakeBms", "fakes:FakeLogger", "cannot be the bms; it can be: temperatures", "BENCH FAULT"),
        (
            "voltage: 40",
            "voltage: 12",
            "Pack four reaches 13.8 V, the wiring of station little carries 12 V",
            "TEST ERROR",
        ),
    ],
)
def test_a_station_that_cannot_be_is_one_sentence(
    new_bench: NewBench, plant: Plant, station_text: str, old: str, new: str, says: str, verdict: str
) -> None:
    bench = new_bench(station=station_text.replace(old, new))
    with pytest.raises(InputError) as caught:
        bench.open()
    assert says in str(caught.value)
    assert manifest_of(bench.run_log.folder)["verdict"] == verdict
    assert "charge" not in plant.calls
