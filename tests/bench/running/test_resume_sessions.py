"""`pytest --resume RUN`: which test it chooses, with what, and what it refuses in one sentence with exit status 2."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import resuming
from bench.verdicts import InputError
from tests.bench.cli_support import ROOT, packbench

TESTS = """
import pytest
from pathlib import Path

from bench.scenario import Charge, Rest, Soak, elapsed
from bench.verdicts import BenchFault

def fails_once(row):
    if row[2] > 0.1 and not Path("again").exists():
        Path("again").touch()
        raise BenchFault("The mains failed.")

@pytest.mark.parametrize("way", ["C/3", "C/2"])
def test_charge(bench, verify, temperature, way):
    bench.engine.sampler.observers.append(fails_once)
    run = bench.run(Soak(temperature + Path("warmer").exists()), Charge(way, until=elapsed(minutes=10)))
    verify("charged", run.rows[-1][8], at_least=0.05)

def test_another(bench):
    bench.run(Rest(until=elapsed(seconds=20)))
"""


@dataclass(frozen=True)
class Session:
    status: int
    output: str

    @property
    def sentence(self) -> str:
        """What a session that could not start says."""
        (line,) = {line.removeprefix("Exit: ") for line in self.output.splitlines() if line.startswith("Exit: ")}
        return line


RunSession = Callable[..., Session]

_number = count()


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunSession:
    """Run pytest in a folder with one test file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # One process imports a name once: every test gets a file of its own.
    (tmp_path / f"test_resumed_{next(_number)}.py").write_text(TESTS, encoding="utf-8")

    def run(*options: str) -> Session:
        capsys.readouterr()
        arguments = [
            "-p",
            "packbench.plugin",
            "-p",
            "bench.plugin",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
        ]
        status = pytest.main([*arguments, "--rootdir", str(tmp_path), *options])
        captured = capsys.readouterr()
        return Session(int(status), captured.out + captured.err)

    return run


def manifests(runs: Path) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in runs.glob("*/*/run.json")]
    return sorted(found, key=lambda manifest: manifest["started"])


@pytest.fixture
def failed(session: RunSession, tmp_path: Path) -> dict[str, Any]:
    """The manifest of a run that the bench ended in the middle of a charge."""
    ended = session("--station=virtual-pack", "--temperatures=-5,10", "--seed=3", "-k", "C/2 and 10C")
    assert ended.status == 3, ended.output
    (manifest,) = manifests(tmp_path / "runs")
    assert (manifest["verdict"], manifest["cause"]["step"]) == ("BENCH FAULT", "charge")
    return manifest


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("name", ["run_id", "folder", "last"])
def test_only_the_test_of_the_run_is_continued_with_what_it_ran_with(
    session: RunSession, tmp_path: Path, failed: dict[str, Any], name: str
) -> None:
    run_id = failed["run_id"]
    ended = session("--resume", {"run_id": run_id, "folder": str(tmp_path / "runs" / run_id), "last": "last"}[name])
    assert ended.status == 0, ended.output
    before, after = manifests(tmp_path / "runs")
    assert before == failed
    assert after["test"] == before["test"]
    for key in ("station", "pack", "seed", "limits"):
        assert after[key] == before[key], key
    assert (after["verdict"], after["resumed_from"]["run_id"]) == ("PASS", run_id)
    assert "The mains failed." in after["resumed_from"]["gaps"][0]["text"]


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume=nothing"], "'nothing' is no run"),
        (["--resume=last", "--station=virtual-module"], "the station was 'virtual-pack' and is 'virtual-module'"),
        (["--resume=last", "--pack=nmc811-96s"], "the pack was 'lfp-96s' and is 'nmc811-96s'"),
        (["--resume=last", "--runs=elsewhere"], "there are no runs in elsewhere"),
    ],
)
def test_what_cannot_be_resumed_is_one_sentence_and_nothing_is_opened(
    session: RunSession, tmp_path: Path, failed: dict[str, Any], options: list[str], words: str
) -> None:
    ended = session(*options)
    assert ended.status == 2, ended.output
    assert words in ended.sentence
    assert manifests(tmp_path / "runs") == [failed]


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("value", [None, 3, "x", {}, []])
def test_a_damaged_manifest_is_a_sentence_whatever_is_wrong_in_it(
    failed: dict[str, Any], tmp_path: Path, value: object
) -> None:
    path = tmp_path / "runs" / failed["run_id"] / "run.json"
    unsealed = {key: entry for key, entry in failed.items() if key != "checksum"}
    for key in unsealed:
        path.write_text(json.dumps({**unsealed, key: value}), encoding="utf-8")
        option = SimpleNamespace(resume="last", runs="runs", station=None, pack=None)
        with suppress(InputError):
            resuming.choose(SimpleNamespace(option=option, rootpath=tmp_path))  # type: ignore[arg-type]


def test_a_run_that_passed_is_not_resumed(session: RunSession, failed: dict[str, Any]) -> None:
    assert session("--resume=last").status == 0
    again = session("--resume=last")
    assert again.status == 2
    assert "ended with PASS" in again.sentence


def test_a_test_that_is_not_there_any_more_is_one_sentence(
    session: RunSession, tmp_path: Path, failed: dict[str, Any]
) -> None:
    (file,) = tmp_path.glob("test_resumed_*.py")
    file.rename(tmp_path / "test_renamed.py")
    ended = session("--resume=last")
    assert ended.status == 2
    assert f"is of {file.name}, which is not in" in ended.sentence


def test_a_test_that_was_changed_is_refused_with_status_2(
    session: RunSession, tmp_path: Path, failed: dict[str, Any]
) -> None:
    (tmp_path / "warmer").touch()
    ended = session("--resume=last")
    assert ended.status == 2, ended.output
    assert "The test has changed" in ended.output


KILLED = """
import os
import signal
from pathlib import Path

from bench.scenario import Charge, Soak, elapsed

def killed_once(row):
    if row[2] > 0.1 and not Path("again").exists():
        Path("again").touch()
        os.kill(os.getpid(), signal.SIGKILL)

def test_charge(bench, verify):
    bench.engine.sampler.observers.append(killed_once)
    run = bench.run(Soak(25.0), Charge("C/2", until=elapsed(minutes=10)))
    verify("charged", run.rows[-1][8], at_least=0.05)

def test_never_reached(bench):
    bench.run(Soak(25.0))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_what_is_resumed_completes_the_report_of_the_session_that_was_killed(tmp_path: Path) -> None:
    # The runs lie elsewhere: the command that is told must be found by pytest from the project all the same.
    project, runs = tmp_path / "project", tmp_path / "elsewhere"
    (project / "test_cases").mkdir(parents=True)
    (project / "test_cases" / "test_mine.py").write_text(KILLED, encoding="utf-8")
    (project / "conftest.py").write_text('pytest_plugins = ["bench.plugin", "reports.plugin"]\n', encoding="utf-8")

    def run(*options: str) -> int:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, check=False).returncode

    assert run("test_cases", "--runs", str(runs)) == -signal.SIGKILL
    (listed,) = json.loads(packbench("runs", runs, "--json").out)
    # The resumed test passed; the session goes on with the record of the one that died, whose other test nobody judged.
    assert run(*shlex.split(listed["resume"])[1:]) == 1
    results = [json.loads(path.read_text(encoding="utf-8")) for path in project.glob("allure-results/*-result.json")]
    told = {result["name"]: result for result in results}
    assert {name: result["status"] for name, result in told.items()} == {
        "test_charge": "passed", "Never reached": "broken",
    }  # fmt: skip
    assert "NOT RUN" in told["Never reached"]["statusDetails"]["message"]
    assert "Resumed after a gap" in told["test_charge"]["descriptionHtml"]
