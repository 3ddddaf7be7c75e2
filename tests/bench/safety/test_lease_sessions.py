"""The lease as a session of tests meets it: what the manifest says of it, and what happens to whoever lost it."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import station
from bench.safety.lease import BenchLease

TEST = """
from bench.scenario import Discharge, elapsed

def test_one(bench):
    bench.run(Discharge("1C", until=elapsed(seconds=5)))
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lock of a virtual bench that has one, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bench.lock"
    shipped = (station.SHIPPED / "virtual-module.yaml").read_text(encoding="utf-8")
    (tmp_path / "leased.yaml").write_text(f"{shipped}\nlease: {{file: {path.as_posix()}}}\n", encoding="utf-8")
    return path


def run(folder: Path, name: str, tests: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit status and manifest of one test."""
    (folder / f"test_{name}.py").write_text(tests, encoding="utf-8")
    arguments = ["-p", "bench.plugin", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(folder)]
    status = pytest.main([*arguments, "--station=leased.yaml", *options, f"test_{name}.py"])
    (path,) = folder.glob("runs/*/*/run.json")
    return int(status), json.loads(path.read_text(encoding="utf-8"))


def test_the_manifest_says_who_held_the_bench(lock: Path, tmp_path: Path) -> None:
    status, manifest = run(tmp_path, "held", TEST)
    assert status == 0
    assert {"user", "host", "process", "job", "since", "until", "taken_over"} == set(manifest["lease"])
    assert manifest["lease"]["taken_over"] is None


def test_taking_over_is_recorded_and_the_other_does_not_give_it_back(lock: Path, tmp_path: Path) -> None:
    other = BenchLease(lock, "virtual-module")
    status, manifest = run(tmp_path, "taken", TEST, "--take-over")
    other.release()
    assert status == 0
    assert manifest["lease"]["taken_over"].startswith("by ")


def test_a_run_that_loses_its_bench_ends_as_a_bench_fault_and_safe(lock: Path, tmp_path: Path) -> None:
    tests = TEST.replace(
        "    bench.run(",
        "    from pathlib import Path\n"
        "    from bench.safety.lease import BenchLease\n"
        f"    thief = BenchLease(Path({lock.as_posix()!r}), 'x', take_over=True)\n"
        "    bench._lease._renewed -= 3600.0\n"
        "    bench.run(",
    )
    status, manifest = run(tmp_path, "lost", tests)
    assert status == 3
    assert manifest["verdict"] == "BENCH FAULT"
    assert "was taken over by" in manifest["cause"]["text"]
    assert manifest["cause"]["fault"] == "lease-lost"
    assert manifest["bench_verdict"]["safe"] is True
