"""What an adversary leaves for the bench: a car as its week begins with it, and a file that says what was broken."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.station import load_station
from bench.testing import TestBench
from packbench.adversary import Trouble, Week, on_the_bench, replay
from packbench.adversary.benching import STATION
from packbench.adversary.replaying import written
from reports.recording import Recording

BREAKS = Week(
    days=2, soc=0.1, reserve=99, house=0.0, foreseen=0.9, price="evening",
    troubles=(Trouble("restart", begins=4, lasts=1),),
)  # fmt: skip
"""What `percent` breaks, found by a search."""


def test_the_charge_that_a_car_shows_as_its_week_begins_is_that_of_the_week(tmp_path: Path) -> None:
    """Its BMS guesses anew while it stands for its temperature, and was 2 % off by then: 8 km."""
    station, file = load_station(STATION)
    setup = Setup(station, file, *load_pack(station.packs[0]))
    bench = TestBench(setup, tmp_path, TestIdentity("tests", "benching", "charge"), supervised=False)
    bench.open()
    try:
        run = Recording(*bench.run(*on_the_bench(Week(soc=0.45), "reference")[:-1]))
    finally:
        bench.conclude()
    assert run.values("SOC / 1", run.steps[-1])[-1] == pytest.approx(0.45, abs=0.002)


@pytest.mark.parametrize(("manager", "status"), [("percent", 1), ("reference", 0)])
def test_the_file_of_a_breach_fails_with_its_sentence_and_passes_with_a_manager_that_keeps_it(
    manager: str, status: int, tmp_path: Path
) -> None:
    breach = replay(BREAKS, "percent")[0]
    path = tmp_path / "test_breach.py"
    path.write_text(written(BREAKS, manager, breach, file=path.name), encoding="utf-8")
    words = ["-q", "-p", "no:cacheprovider", "-k", "not on_the_bench", path.name]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == status, done.stdout
    told = f"ManagerFailure: discharged below the reserve while plugged in: {breach.text}"
    assert (told in done.stdout) == bool(status)
