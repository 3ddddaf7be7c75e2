"""A drive on real sockets and the wall clock that somebody ends on the road: off, with what was driven on the disk."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.columns import COMMAND_POWER, DISCHARGE_AH, STEP
from bench.verdicts import ExitStatus
from campaign.served import served
from reports.recording import Recording
from tests.bench.cli_support import ROOT

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals"), pytest.mark.real_time]
ON_THE_ROAD = """
from packbench import Drive

def test_drive(bench):
    bench.run(Drive("urban", season="paris-summer"))
"""


def test_a_drive_that_somebody_ends_on_the_road_is_off_and_keeps_what_was_driven(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(ON_THE_ROAD, encoding="utf-8")
    plugins = ("-p", "bench.plugin", "-p", "reports.plugin", "-p", "no:cacheprovider")
    with served(tmp_path, speed=5, soc=0.6) as bench:
        command = [sys.executable, "-m", "pytest", *plugins, "--rootdir=.", f"--station={bench.station.name}"]
        with subprocess.Popen(
            [*command, "test_mine.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        ) as process:  # fmt: skip
            bench.wait_for("state", load=True)
            bench.wait_for("state", supply=True)  # it brakes: the second of the two is the one that is on
            process.send_signal(signal.SIGINT)
            bench.wait_for("state", supply=False, load=False, contactor=False)
            output, _ = process.communicate()
    assert process.returncode == ExitStatus.INTERRUPTED, output
    (folder,) = tmp_path.glob("runs/[0-9]*/*")
    record = Recording.load(folder)
    assert (record.manifest["verdict"], record.manifest["cause"]["blame"]) == ("ABORTED", "operator")
    assert record.manifest["bench_verdict"]["safe"] is True
    driven = record.column(STEP) == 1
    assert np.isfinite(record.column(COMMAND_POWER)[driven]).sum() > 1
    assert record.column(DISCHARGE_AH)[-1] > 0
