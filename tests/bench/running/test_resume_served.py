"""A fast recharge on a served bench whose test process is killed, and what resuming it leaves: one run, with a gap."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import yaml

from bench.columns import CHARGE_AH, CURRENT, STEP, TEST_TIME, UNIX_TIME
from bench.recording.life import NAME as LIFE
from bench.recording.recorder import FLUSH_PERIOD
from campaign.served import ServedBench, served
from reports.forensics import wire
from reports.recording import Recording
from tests.bench.cli_support import ROOT, packbench
from tests.bench.supervisor_support import PATIENCE, report_of

SPEED = 12
MILLISECOND = 1e-3 * SPEED
"""Bench seconds within which the served bench's log tells the time."""
RECHARGE = """
from bench.scenario import FastRecharge, Rest, elapsed

def test_recharge(bench, verify):
    run = bench.run(Rest(until=elapsed(seconds=30)), FastRecharge(until=elapsed(minutes=4)))
    verify("charged", run.rows[-1][8], unit="Ah", at_least=0.1)
"""

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL"), pytest.mark.real_time]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedBench]:
    with served(tmp_path, shipped="served-pack", speed=SPEED) as running:
        content = yaml.safe_load(running.station.read_text(encoding="utf-8"))
        # A driver's patience is in bench seconds: at this speed a busy computer would be taken for a silent node.
        content["instruments"]["bms"]["timeout"] = 2.0 * SPEED
        content["guard"] = {"sample_age": 2.0 * SPEED}
        running.station.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        (tmp_path / "test_mine.py").write_text(RECHARGE, encoding="utf-8")
        yield running


def session(bench: ServedBench, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "reports.plugin", "-p", "no:cacheprovider"]
    return subprocess.Popen(
        [*command, "--rootdir=.", "--alluredir=results", *options], cwd=bench.station.parent, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file of a run, but for the lock that says whether its process lives."""
    return {path: path.read_bytes() for path in folder.iterdir() if path.name != LIFE}


def kill_when_charged(bench: ServedBench, process: "subprocess.Popen[str]", charge: float) -> Path:
    """Kill the test once its journal shows `charge` Ah; returns the run's folder."""
    bench.wait_for("state", supply=True, contactor=True)
    # What it says from now on is in its log as well; a pipe that nobody reads would make it stand still.
    assert bench.process.stdout is not None
    Thread(target=bench.process.stdout.read, daemon=True).start()
    (folder,) = bench.station.parent.glob("runs/[0-9]*/*")
    deadline = time.monotonic() + PATIENCE
    while Recording.load(folder).column(CHARGE_AH)[-1] < charge:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return folder


def allure_text(folder: Path) -> str:
    """Every Allure result of a folder, as text: what its report is made from."""
    return "".join(path.read_text(encoding="utf-8") for path in folder.glob("results/*-result.json"))


def last_whole_scan(bench: ServedBench, run: Recording) -> float:
    """Test time of the last scan but one that the run's process began, as the served bench itself saw it."""
    asked = [event for event in bench.logged("command") if event["instrument"] == "supply"]
    # A supply that was silent for a while is connected to anew: the run's connection is the one that switched it on.
    (on,) = [event for event in asked if event["message"] == "OUTP ON"]
    mine = [event for event in asked if event["peer"] == on["peer"] and event["message"] == "MEAS:ARR?"]
    last = mine[-2]
    epoch = datetime.fromisoformat(run.manifest["clock"]["epoch"])
    return (datetime.fromisoformat(last["utc"]) - epoch).total_seconds() * SPEED


@pytest.mark.long
def test_a_fast_recharge_that_was_killed_is_resumed_to_one_run_that_shows_the_gap(bench: ServedBench) -> None:
    folder = bench.station.parent
    process = session(bench, f"--station={bench.station.name}", "test_mine.py")
    died = kill_when_charged(bench, process, 0.2)
    assert report_of(folder)["bench_verdict"]["safe"] is True
    off = bench.logged("state")[-1]
    assert (off["supply"], off["contactor"]) == (False, False)
    before, left = Recording.load(died), contents(died)
    assert last_whole_scan(bench, before) - before.time[-1] < FLUSH_PERIOD + MILLISECOND
    said = wire.cut(died, before.time[-1] - 10.0, before.time[-1] + 60.0, ended=False)
    assert said.missing == ()
    assert float(said.lines[-1].split()[0]) > last_whole_scan(bench, before), "where time is real: of the last scan"
    (listed,) = json.loads(packbench("runs", folder / "runs", "--json", cwd=ROOT).out)
    assert (listed["state"], listed["resume"]) == (
        "died", f"pytest --resume={listed['run_id']} --runs={folder / 'runs'}",
    )  # fmt: skip

    resumed = session(bench, "--resume", listed["run_id"])
    output, _ = resumed.communicate()
    assert resumed.returncode == 0, output

    assert contents(died) == left, "the run that died was changed"
    (whole,) = [path for path in folder.glob("runs/[0-9]*/*") if path != died]
    assert (whole / "samples.parquet").exists()
    run = Recording.load(whole)
    assert np.array_equal(run.rows[: len(before.rows)], before.rows, equal_nan=True)
    assert (np.diff(run.column(TEST_TIME)) > 0).all()
    assert (np.diff(run.column(UNIX_TIME)) > 0).all()
    assert run.manifest["verdict"] == "PASS"
    (gap,) = run.gaps
    assert (gap.start, gap.step) == (before.time[-1], "fast recharge")
    rested = (run.time > gap.seen) & (run.time < gap.stop)
    assert rested.any()
    assert abs(run.column(CURRENT)[rested]).max() < 1.0, "a current flowed before the step went on"
    at = [int(np.searchsorted(run.time, time, side="right")) - 1 for time in (gap.start, gap.stop)]
    assert run.column(CHARGE_AH)[at[0]] == run.column(CHARGE_AH)[at[1]], "charge was counted over the gap"
    recharge = run.step("fast recharge")
    assert list(dict.fromkeys(run.column(STEP))) == [1, 2]
    assert recharge.duration - run.held(recharge.start, recharge.stop) == pytest.approx(240, abs=SPEED)
    assert "Resumed after a gap of" in allure_text(folder)
    listed = json.loads(packbench("runs", folder / "runs", "--json", cwd=ROOT).out)
    assert (listed[0]["resumed_by"], listed[0]["resume"]) == (listed[1]["run_id"], None)
