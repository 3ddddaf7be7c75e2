"""The nightlies of `docs/ci`: each is parsed, and their commands are run in a repository that `packbench new` made."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from reports.nights.store import FOLDER
from tests.bench.cli_support import ROOT, packbench
from tests.packbench.test_cli_gate import night

CI = ROOT / "docs" / "ci"
INSTALLS = "pip install"
PATIENCE = 600
PUT_AWAY = "rm -rf junit.xml allure-results allure-report runs/session.json"


def parsed(name: str) -> Mapping[Any, Any]:
    found: Mapping[Any, Any] = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    return found


def github() -> list[str]:
    return [step["run"] for step in parsed("github.yml")["jobs"]["nightly"]["steps"] if "run" in step]


def gitlab() -> list[str]:
    job = parsed("gitlab.yml")["nightly"]
    return [*job["before_script"], *job["script"], *job["after_script"]]


def jenkins() -> list[str]:
    """Jenkins has no parser outside of Jenkins: its braces must match, and its shell steps are what counts."""
    text = (CI / "Jenkinsfile").read_text(encoding="utf-8")
    bare = re.sub(r"//[^\n]*|'[^'\n]*'|\"[^\"\n]*\"", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("(") == bare.count(")")
    return re.findall(r"sh '([^'\n]*)'", text)


ALL = {"github": github, "gitlab": gitlab, "jenkins": jenkins}


def own(commands: list[str]) -> list[str]:
    """What is run once packbench is installed, without the way to where it was."""
    bare = [re.sub(r"^\. \.venv/bin/activate && |\.venv/bin/", "", each) for each in commands if INSTALLS not in each]
    return [each for each in bare if "venv" not in each]


@pytest.mark.parametrize("name", ALL)
def test_each_does_the_same_in_the_same_order(name: str) -> None:
    commands = ALL[name]()
    assert any(f'{INSTALLS} "packbench[report]"' in each for each in commands)
    assert own(commands) == own(github())
    assert own(commands) == [
        PUT_AWAY, "packbench check station.yaml", "pytest --junitxml=junit.xml || true", "packbench report || true",
        "packbench gate", "packbench prune --delete --keep-nights=30",
    ]  # fmt: skip


def test_one_bench_is_used_by_one_run_and_the_nights_before_are_carried_over() -> None:
    job, text = parsed("gitlab.yml")["nightly"], (CI / "Jenkinsfile").read_text(encoding="utf-8")
    assert job["resource_group"] == job["tags"][0] == parsed("github.yml")["concurrency"]["group"] == "bench-1"
    assert "disableConcurrentBuilds()" in text
    kept = [step["with"] for step in parsed("github.yml")["jobs"]["nightly"]["steps"] if "with" in step]
    kept = [each.get("path") for each in kept]
    assert kept.count(f"runs/{FOLDER}") == 2
    assert job["cache"]["paths"] == [f"runs/{FOLDER}"]
    assert job["artifacts"]["reports"]["junit"] == "junit.xml"


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
def test_where_pytest_cannot_begin_the_night_before_is_not_judged_as_this_one(tmp_path: Path) -> None:
    """In a workspace that stays from night to night, as that of Jenkins does."""
    night(tmp_path, "PASS", 2.3)
    (tmp_path / "junit.xml").write_text("<testsuites/>", encoding="utf-8")
    assert packbench("gate", cwd=tmp_path).status == 0, "the night before was good"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "--no-such-option"}
    done = None
    for command in own(jenkins()):
        if command.split()[1] in {"-rf", "--junitxml=junit.xml", "report", "gate"}:
            done = subprocess.run(
                ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=PATIENCE, check=False
            )
    assert done is not None
    assert done.returncode == 2, done.stdout
    assert not (tmp_path / "junit.xml").exists()
    assert list((tmp_path / "runs" / FOLDER).rglob("*.json")), "nights stay to be compared with"


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
def test_a_new_repository_reports_no_night_before_as_this_one_either(tmp_path: Path) -> None:
    assert packbench("new", "mine", cwd=tmp_path).status == 0
    folder, status = tmp_path / "mine", 0
    night(folder, "PASS", 2.3)
    assert packbench("report", cwd=folder).status == 0, "the night before was good"
    ini = ConfigParser()
    ini.read(folder / "tox.ini", encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "--no-such-option"}
    for line in ini["testenv:nightly"]["commands"].strip().splitlines():
        command = line.removeprefix("- ").replace("{posargs}", "")
        status = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, timeout=PATIENCE, check=False
        ).returncode
    assert status == 2


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize(
    ("defects", "status"),
    [("", 0), pytest.param("--defect=aged:0.5", 1, marks=pytest.mark.long)],
    ids=["healthy", "aged"],
)
def test_their_commands_make_a_night_of_a_new_repository(tmp_path: Path, defects: str, status: int) -> None:
    """Those of one of them: that they are the same in all is held above."""
    assert packbench("new", "mine", cwd=tmp_path).status == 0
    folder, statuses = tmp_path / "mine", dict[str, int]()
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "PYTEST_ADDOPTS": f"--temperatures=25 {defects}",
    }  # fmt: skip
    for command in own(github()):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        statuses[command.split()[1].strip("-")] = done.returncode
    assert statuses["gate"] == status, done.stdout
    assert {code for command, code in statuses.items() if command != "gate"} == {0}
    assert (folder / "allure-report" / "index.html").is_file()
    assert (folder / "junit.xml").is_file()
    # A night with seeded defects is none that others are compared with.
    assert len(list(folder.glob(f"runs/{FOLDER}/*/*.json"))) == (0 if defects else 1)
