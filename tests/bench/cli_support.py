"""What the tests of the command line share: a way to call it, and runs written by the recorder itself."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from bench import columns
from bench.columns import DERIVED, INDEX
from bench.pack import load_pack
from bench.recording.manifest import read_manifest, write_manifest
from bench.recording.run import Run, TestIdentity
from bench.running.setup import Setup, setup_manifest
from bench.station import load_station
from bench.verdicts import Cause, Measurement, Verdict
from packbench.cli import main

ROOT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any]], None]
WriteStation = Callable[[Change], Path]


@dataclass(frozen=True)
class Answer:
    """What a command did."""

    status: int
    out: str
    err: str


def packbench(*arguments: object, cwd: Path = ROOT) -> Answer:
    """Call the command line as a shell does."""
    command = [sys.executable, "-c", "from packbench.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=cwd, env=environment, timeout=120, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def packbench_in(folder: Path, *arguments: object) -> Answer:
    """The same as `packbench` in a folder, in this process."""
    with chdir(folder):
        return packbench_here(*arguments)


def packbench_here(*arguments: object) -> Answer:
    """Call the entry point in this process: the same sentences and statuses, without a second of imports."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["packbench", *map(str, arguments)]
    with patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main()
    return Answer(int(end.value.code or 0), out.getvalue(), err.getvalue())


DISCHARGE = "discharge"
AMPERES, SECONDS = 2.0, 3600


def discharge_rows(count: int = 61) -> list[list[float]]:
    """An hour of 2 A out of the pack, whose counters say 2 Ah; nobody asks the chamber for anything."""
    rows = []
    for time in np.linspace(0, SECONDS, count).tolist():
        row = [0.0] * len(DERIVED)
        values = {
            columns.TEST_TIME: time, columns.VOLTAGE: 80.0, columns.CURRENT: -AMPERES, columns.STEP: 1.0,
            columns.POWER: -160.0, columns.DISCHARGE_AH: AMPERES * time / 3600,
            columns.DISCHARGE_WH: 160 * time / 3600, columns.SET_TEMPERATURE: nan, columns.SOC: 1 - time / SECONDS,
        }  # fmt: skip
        for name, value in values.items():
            row[INDEX[name]] = value
        rows.append(row)
    return rows


CAPACITY = Measurement("discharge capacity", AMPERES, "Ah", at_least=1.9, step=DISCHARGE, requirement="PB-DIS-01")


def record(
    root: Path,
    *measurements: Measurement,
    name: str = "test_capacity[C/3-25]",
    verdict: Verdict | None = Verdict.PASS,
    cause: Cause | None = None,
) -> Path:
    """Leave a run of one discharge step below `root`; without a `verdict` its process died."""
    now = 0.0
    setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"))
    identity = TestIdentity(name=name, nodeid=f"test_cases/test_discharge.py::{name}", title=f"Title of {name}")
    run = Run(root, identity, setup_manifest(setup), now=lambda: now)
    run.begin(DERIVED, fsync=False)
    assert run.journal is not None
    run.event("step started", index=1, name=DISCHARGE, kind="Discharge", step_type="CC_DCH", set_points={}, until=[])
    for row in discharge_rows():
        now = row[0]
        run.journal.append(row)
    if verdict is None:
        return _killed(run)
    run.event("step ended", index=1, name=DISCHARGE, duration=now, ended_by="the floor", reached={}, verdict="PASS")
    for measurement in measurements:
        run.measured(measurement)
    run.cause = cause
    run.end(verdict, None)
    return run.folder


def _killed(run: Run) -> Path:
    """Close the files, and put back what lay on the disk before: that is all a killed process leaves."""
    assert run.journal is not None
    run.journal.flush()
    left = {path: path.read_bytes() for path in run.folder.iterdir()}
    run.end(Verdict.PASS, None)
    for path in run.folder.iterdir():
        path.unlink()
    for path, content in left.items():
        path.write_bytes(content)
    return run.folder


def edit(folder: Path, **changes: Any) -> None:
    """Change a manifest as its writer would: its checksum fits again."""
    write_manifest(folder, read_manifest(folder) | changes)


def recorded_as(value: float) -> Measurement:
    """The discharge capacity as a run may have recorded it, right (2 Ah) or wrong."""
    return replace(CAPACITY, value=value)
