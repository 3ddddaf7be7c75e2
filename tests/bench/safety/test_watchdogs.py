"""The instruments' own watchdogs: armed and read back before an output is on, fed by a healthy test, able to act."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import columns
from bench.columns import INDEX
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, Rest, Soak, elapsed
from bench.station import SHIPPED, StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import InputError
from campaign.served import ServedBench, served
from tests.bench.cli_support import ROOT, Change, WriteStation, packbench_here

pytestmark = pytest.mark.real_time


def with_watchdog(seconds: float, instrument: str = "supply", **keys: Any) -> Change:
    def change(station: dict[str, Any]) -> None:
        station["instruments"][instrument]["watchdog"] = seconds
        station |= keys

    return change


# --- the file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "silence"),
    [({}, 12), ({"rest_scan_period": 60}, 62), ({"scan_period": 30}, 32), ({"guard": {"sample_age": 20}}, 30)],
)
def test_a_watchdog_that_a_healthy_test_would_starve_is_refused(
    write_station: WriteStation, keys: dict[str, Any], silence: int
) -> None:
    with pytest.raises(InputError) as refused:
        load_station(str(write_station(with_watchdog(silence, **keys))))
    assert f"key instruments.supply.watchdog: found {silence}.0, it would end healthy tests" in str(refused.value)
    assert f"silent for up to {silence} s" in str(refused.value)
    load_station(str(write_station(with_watchdog(silence + 1, **keys))))


def station_with(**keys: Any) -> StationFile:
    content = yaml.safe_load((SHIPPED / "served-module.yaml").read_text(encoding="utf-8"))
    content["virtual"]["speed"] = keys.pop("speed", 1)
    return StationFile.model_validate(content | keys)


def test_on_a_wall_clock_a_watchdog_is_as_patient_as_the_supervisor_without_a_word() -> None:
    assert station_with().watchdog("supply") == 1 + 2 + 5
    assert station_with(rest_scan_period=10, supervisor={"heartbeat": 3}).watchdog("supply") == 10 + 2 + 3
    assert station_with(speed=60).watchdog("supply") == 1 + 2 + 5 * 60


def test_an_instrument_that_is_asked_rarely_is_waited_for_longer() -> None:
    """It is asked in the first scan behind its period."""
    content = yaml.safe_load((SHIPPED / "served-module.yaml").read_text(encoding="utf-8"))
    content["instruments"]["supply"]["scan_period"] = 30
    assert StationFile.model_validate(content).watchdog("supply") == 30 + 1 + 2 + 5
    content["instruments"]["supply"]["watchdog"] = 33
    with pytest.raises(ValueError, match="it would end healthy tests, which are silent for up to 33 s"):
        StationFile.model_validate(content)


def test_an_instrument_that_has_none_cannot_be_given_one(write_station: WriteStation) -> None:
    answer = packbench_here("check", write_station(with_watchdog(30, "load")))
    assert answer.status == 2
    assert "instrument load: driver chroma-63600 has no communication watchdog to arm" in answer.err


def test_what_is_armed_is_shown_as_read_back_and_who_has_none_is_named(write_station: WriteStation) -> None:
    answer = packbench_here("check", write_station(with_watchdog(14.5)))
    assert answer.status == 0, answer.err
    supply = [line for line in answer.out.splitlines() if line.strip().startswith("supply")]
    assert "15 s" in supply[0]
    assert supply[1].split()[-1] == "15"
    assert "Without a communication watchdog: load, emulator, chamber." in answer.out


# --- a healthy test -----------------------------------------------------------------------------------------------


@pytest.fixture
def watched(write_station: WriteStation, tmp_path: Path) -> Iterator[TestBench]:
    """The module bench with the shortest watchdog that its scan periods allow."""
    setup = Setup(*load_station(str(write_station(with_watchdog(13)))), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path / "runs", TestIdentity("x", "x", "x"), supervised=False)
    bench.open()
    yield bench
    bench.conclude()


def charged(bench: TestBench) -> float:
    """Ah that a minute at 1C puts in."""
    record = bench.run(Charge("1C", until=elapsed(minutes=1), name=f"charge at {bench.engine.clock.now():g} s"))
    step, counter = INDEX[columns.STEP], INDEX[columns.CHARGE_AH]
    counted = [row[counter] for row in record.rows if row[step] == record.rows[-1][step]]
    return float(counted[-1] - counted[0])


def test_soaks_rests_and_charges_keep_it_fed(watched: TestBench) -> None:
    watched.run(Soak(25.0), Charge("1C", until=elapsed(minutes=1)), Rest(until=elapsed(hours=1)))
    owner = watched.engine.bench.drivers["supply"]._session.query("SYST:LOCK:OWN?")  # type: ignore[attr-defined]
    assert owner == "REMOTE"
    assert watched.run_log.manifest["protections"][0]["watchdog"] == 13.0


def test_a_long_silence_with_the_outputs_off_costs_remote_control_and_nothing_else(watched: TestBench) -> None:
    first = charged(watched)
    watched.engine.clock.sleep(600.0)
    owner = watched.engine.bench.drivers["supply"]._session.query("SYST:LOCK:OWN?")  # type: ignore[attr-defined]
    assert owner == "NONE"
    assert charged(watched) == pytest.approx(first, rel=0.02)


# --- the computer dies --------------------------------------------------------------------------------------------

UNSUPERVISED = """
import sys
from pathlib import Path
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench

setup = Setup(*load_station(sys.argv[1]), *load_pack("lfp-24s"))
bench = TestBench(setup, Path("runs"), TestIdentity("x", "x", "x"), supervised=False)
bench.open()
bench.run(Charge("1C", until=elapsed(hours=1)))
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedBench]:
    with served(tmp_path) as running:
        yield running


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_with_test_and_supervisor_gone_the_supply_switches_itself_off(bench: ServedBench) -> None:
    station = yaml.safe_load(bench.station.read_text(encoding="utf-8"))
    with_watchdog(4)(station)
    bench.station.write_text(yaml.safe_dump(station, sort_keys=False), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", UNSUPERVISED, bench.station.name], cwd=bench.station.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    bench.wait_for("state", supply=True, contactor=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    bench.wait_for("state", supply=False)
    said = [event["message"] for event in bench.logged("command") if event["instrument"] == "supply"]
    assert said.index("SYST:COMM:MON:TIM?") < said.index("OUTP ON")
    assert "OUTP OFF" not in said[said.index("OUTP ON") :], "nobody but the supply itself switched off"
