"""What a power cut of the computer leaves on: said before the run, kept in it, and said of a run that nobody ended."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.pack import load_pack
from bench.recording.runs import list_runs
from bench.running.lifecycle import OpenBench
from bench.running.setup import Setup
from bench.safety import powercut
from bench.safety.supervisor import REPORT
from bench.station import StationFile, load_station
from instruments.drivers.foxbms import FoxBms
from tests.bench.cli_support import record

LOAD = {"instrument": "load", "what": "input", "stays_on_for": None}
SUPPLY = {"instrument": "supply", "what": "output", "stays_on_for": 8.0}
CONTACTOR = {"instrument": "bms", "what": "contactor", "stays_on_for": None}


@pytest.fixture
def module() -> Iterator[OpenBench]:
    """The module bench, whose drivers are those of hardware."""
    bench = OpenBench(Setup(*load_station("virtual-module"), *load_pack("lfp-24s")))
    yield bench
    bench.close()


def on_hardware(station: StationFile) -> StationFile:
    return station.model_copy(update={"clock": "wall"})


def test_what_has_a_watchdog_ends_by_itself_and_everything_else_stays_on_for_ever(module: OpenBench) -> None:
    left = {each["instrument"]: each for each in powercut.left_on(on_hardware(module.station), module.drivers)}
    assert left == {
        "supply": {**SUPPLY, "stays_on_for": 17.0}, "load": LOAD,
        "emulator": {"instrument": "emulator", "what": "channels", "stays_on_for": None},
        "chamber": {"instrument": "chamber", "what": "conditioning", "stays_on_for": None}, "bms": CONTACTOR,
    }  # fmt: skip


def test_a_bms_that_opens_when_nobody_asks_it_any_more_is_believed(
    module: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FoxBms, "opens_when_silent", lambda _self: 1.4)
    left = powercut.left_on(on_hardware(module.station), module.drivers)
    assert {**CONTACTOR, "stays_on_for": 1.4} in left
    assert "bms (contactor) after 1.4 s" in powercut.warning(left)


def test_a_contactor_that_opens_is_what_ends_the_current_and_is_not_advised_once_more() -> None:
    warning = powercut.warning([{**CONTACTOR, "stays_on_for": 5.0}, LOAD, SUPPLY])
    assert (
        "supply (output) after 8 s, bms (contactor) after 5 s: from then on no current flows through the pack."
        in warning
    )
    assert powercut.ADVICE_BEHIND_A_CONTACTOR in warning
    assert "a BMS that opens" not in warning


def test_what_ends_on_a_bench_that_is_faster_than_life_is_told_in_real_time(module: OpenBench) -> None:
    assert module.station.virtual is not None
    fast = module.station.virtual.model_copy(update={"speed": 10.0})
    station = on_hardware(module.station).model_copy(update={"virtual": fast})
    (supply,) = [each for each in powercut.left_on(station, module.drivers) if each["instrument"] == "supply"]
    silence = station.watchdog("supply")
    assert silence is not None
    assert supply["stays_on_for"] == silence / 10.0


def test_simulators_that_end_with_the_test_leave_nothing_on(module: OpenBench) -> None:
    assert module.manifest()["power_cut"] == []
    assert powercut.warning([]) == ""


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ([LOAD, CONTACTOR, SUPPLY], "load (input), bms (contactor) for ever; by itself ends supply (output) after 8"),
        ([SUPPLY], "nothing for ever; by itself ends supply (output) after 8"),
    ],
)  # fmt: skip
def test_the_warning_says_what_for_how_long_and_what_to_add(left: list[dict[str, Any]], said: str) -> None:
    warning = powercut.warning(left)
    assert warning.startswith(f"A power cut of this computer leaves on: {said}")
    assert (powercut.ADVICE in warning) is (LOAD in left)
    assert powercut.ISOLATED not in warning, "a contactor that stays closed isolates nothing"


# --- afterwards ---------------------------------------------------------------------------------------------------


def died(root: Path, power_cut: list[dict[str, Any]]) -> Path:
    folder = record(root, verdict=None)
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    manifest.pop("checksum")
    (folder / "run.json").write_text(json.dumps(manifest | {"power_cut": power_cut}), encoding="utf-8")
    return folder


def cause_of(root: Path) -> str:
    (run,) = list_runs(root)
    return run.cause or ""


def test_a_run_that_died_without_a_supervisor_says_what_may_still_be_on(tmp_path: Path) -> None:
    died(tmp_path, [LOAD, SUPPLY, CONTACTOR])
    assert (
        "No supervisor has acted, so what was on may be on still: load (input), bms (contactor). "
        "Look at the bench before anyone touches it."
    ) in cause_of(tmp_path)


def test_where_the_supervisor_acted_its_word_counts(tmp_path: Path) -> None:
    folder = died(tmp_path, [LOAD])
    (folder / REPORT).write_text(json.dumps({"state": "done", "text": "outputs verified off"}), encoding="utf-8")
    assert "The supervisor then acted: outputs verified off." in cause_of(tmp_path)
    assert "may be on still" not in cause_of(tmp_path)


@pytest.mark.parametrize("left", [[], [SUPPLY]])
def test_where_nothing_stays_on_nothing_is_said(tmp_path: Path, left: list[dict[str, Any]]) -> None:
    died(tmp_path, left)
    assert "may be on still" not in cause_of(tmp_path)
    assert powercut.afterwards(left) == ""
