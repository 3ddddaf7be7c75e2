"""The supervisor and a whole served bench: every vendor's dialect, each supply with room for one connection only."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.served import ServedBench, served
from tests.bench.cli_support import ROOT, packbench
from tests.bench.supervisor_support import report_of

pytestmark = pytest.mark.real_time

CHARGE = """
from bench.scenario import Charge, elapsed

def test_charge(bench):
    bench.run(Charge("1C", until=elapsed(hours=1)))
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServedBench]:
    with served(tmp_path, "--exclusive", "supply", "--exclusive", "load", "--exclusive", "emulator") as running:
        yield running


def charging(bench: ServedBench) -> "subprocess.Popen[str]":
    """A test that charges on the served bench, once the current flows."""
    folder = bench.station.parent
    (folder / "test_mine.py").write_text(CHARGE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "bench.plugin", "-p", "no:cacheprovider", "--rootdir=."]
    process = subprocess.Popen(
        [*command, f"--station={bench.station.name}", "test_mine.py"], cwd=folder, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    bench.wait_for("state", supply=True, contactor=True)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_after_a_kill_everything_is_off_as_the_served_bench_itself_saw_it(bench: ServedBench) -> None:
    process = charging(bench)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    bench.wait_for("state", supply=False, load=False)
    bench.wait_for("state", supply=False, load=False, contactor=False, emulator=False)
    folder = bench.station.parent
    report = report_of(folder)
    assert report["bench_verdict"]["safe"] is True, report
    assert {step["name"] for step in report["bench_verdict"]["steps"]} == {
        "sink off", "source off", "current gone", "contactor open", "bus discharged", "emulator off", "chamber to rest",
    }  # fmt: skip
    listed = packbench("runs", folder / "runs", cwd=ROOT)
    assert "The supervisor then acted: outputs verified off." in listed.out
