"""A run of the campaign: by seed the same, and an expectation that is not met is its exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from campaign import outcome, virtual
from campaign.catalogue import Injection, campaign
from campaign.scenario import instant

ROOT = Path(__file__).parents[2]

CATALOGUE = """\
schema: 1
faults:
  leak:
    level: physics
    words: a cell leaks too little to be noticed
    dangerous: true
    station: virtual-pack
    defects: ["self-discharge:7:0.1"]
    phases: [discharge]
    expect: {expect}
    named: [cell-spread]
    blame: pack
    locates: cell 7
"""


def run_campaign(folder: Path, catalogue: str, *options: str) -> tuple[int, str]:
    (folder / "faults.yaml").write_text(catalogue, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", ROOT / "campaign", "-p", "no:cacheprovider", "--tb=short"]
    options = ("--catalogue=faults.yaml", "--outcomes=outcomes", "--runs=runs", *options)
    done = subprocess.run(
        [*map(str, command), *options], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture
def sensor() -> Injection:
    return campaign()["sensor-open"]


def test_a_dangerous_fault_that_nobody_notices_is_the_exit_status(tmp_path: Path) -> None:
    status, output = run_campaign(tmp_path, CATALOGUE.format(expect="ends"))
    assert status == 1, output
    assert "nobody noticed; it should be named cell-spread" in output
    (found,) = outcome.read(tmp_path / "outcomes")
    assert found.undetected
    assert found.verdict == "PASS"


def test_a_bench_that_does_not_open_proves_nothing(tmp_path: Path, sensor: Injection) -> None:
    broken = sensor.model_copy(update={"defects": (), "overdue": "load"})
    found = virtual.run("sensor-open", broken, "charge", 0, tmp_path)
    assert found.undetected
    assert found.problems[0].startswith("it was never injected: the run ended before")


def test_a_level_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    status, output = run_campaign(tmp_path, CATALOGUE.format(expect="ends"), "--levels=chemistry")
    assert status in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR)
    assert "'chemistry' is none of: transport, dialect" in output


def test_the_same_seed_gives_the_same_outcome_and_another_one_another_instant(
    tmp_path: Path, sensor: Injection
) -> None:
    one, two = (virtual.run("sensor-open", sensor, "charge", 3, tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert one.problems == ()
    assert one.injected is not None
    other = virtual.run("sensor-open", sensor, "charge", 4, tmp_path / "other")
    assert other.injected != one.injected
    assert other.problems == ()


def test_instants_differ_between_faults_and_phases_and_leave_half_of_the_phase() -> None:
    drawn = {instant(0, fault, phase) for fault in ("a", "b") for phase in ("charge", "discharge")}
    assert len(drawn) == 4
    assert all(60 <= each <= 300 for each in drawn)
