"""What somebody gets who installs the wheel: the repository of `packbench new`, and its README's own commands.

Minutes of installing, from the package registry that pip and uv are configured for; where there is none these tests are
skipped, but not in CI.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from packbench.nightlies import Ci
from reports.nights.store import FOLDER
from tests.packbench.ci import Machine, kind

ROOT = Path(__file__).parents[2]
BIN = "Scripts" if os.name == "nt" else "bin"

AGED = """
from packbench import Pulse, Soak, kpi

def test_resistance(run_scenario, require):
    require(kpi.dc_resistance(run_scenario(Soak(25), Pulse("1C", duration=18)), "pulse"), temperature=25.0)
"""

pytestmark = [pytest.mark.timeout(1200), pytest.mark.dear(90)]


@dataclass(frozen=True)
class Clone:
    """A clean clone of a repository that `packbench new` wrote, on a computer that has Python and nothing else."""

    folder: Path
    environment: dict[str, str]

    def shell(self, command: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment | changes, capture_output=True, text=True,
            encoding="utf-8", check=False,
        )  # fmt: skip

    def readme(self, environment: str) -> str:
        """The command that the README gives for an environment of tox."""
        text = (self.folder / "README.md").read_text(encoding="utf-8")
        (found,) = re.findall(rf"^python3 -m pip .*tox run -e {environment}$", text, flags=re.MULTILINE)
        return str(found)

    def installed(self, command: str, home: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
        """Run what tox has installed for the nightly, by somebody who has nothing in his home."""
        home.mkdir(exist_ok=True)
        path = os.pathsep.join([str(self.folder / ".tox" / "nightly" / BIN), self.environment["PATH"]])
        return self.shell(command, PATH=path, HOME=str(home), USERPROFILE=str(home), **changes)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    computer = tmp_path / "computer"
    computer.mkdir()
    tools, wheels = computer / "python", computer / "wheels"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TOX", "PYTHON"))}
    kept.pop("VIRTUAL_ENV", None)
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    build = [tools / BIN / "python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, ROOT]
    built = subprocess.run(build, env=kept, capture_output=True, text=True, check=False)
    if built.returncode and "CI" not in os.environ and "hatchling" in built.stderr:
        pytest.skip("There is no package registry to install from.")
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("packbench-*.whl")
    (computer / "constraints.txt").write_text(f"packbench @ {wheel.as_uri()}\n", encoding="utf-8")
    constraints = {
        "UV_CONSTRAINT": str(computer / "constraints.txt"),
        "PIP_CONSTRAINT": str(computer / "constraints.txt"),
    }
    path = os.pathsep.join([str(tools / BIN), kept["PATH"]])
    return Clone(_cloned(computer), kept | constraints | {"PATH": path, "PYTHONIOENCODING": "utf-8"})


def _cloned(computer: Path) -> Path:
    from packbench.new import write_repository

    written, clone = computer / "my-bench", computer / "clone" / "my-bench"
    write_repository(written)
    git = shutil.which("git")
    if git is None:
        return Path(shutil.copytree(written, clone))
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
    for command in (["init", "-q"], ["add", "--all"], [*who, "commit", "-q", "-m", "begin"]):
        subprocess.run([git, *command], cwd=written, check=True)
    subprocess.run([git, "clone", "-q", written, clone], check=True)
    return clone


def test_both_commands_of_its_readme_and_the_rest_from_an_empty_home(clone: Clone, tmp_path: Path) -> None:
    """One test, so that workers do not install it twice."""
    _first_command(clone)
    _second_command(clone)
    _by_somebody_new(clone, tmp_path / "home")


def _first_command(clone: Clone) -> None:
    done = clone.shell(clone.readme("tests"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ready: a test can start." in done.stdout
    assert "1 test: 1 passed" in done.stdout


def _second_command(clone: Clone) -> None:
    # One temperature: what costs is installing.
    done = clone.shell(f"{clone.readme('nightly')} -- --temperatures=25")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 test: 1 passed" in done.stdout
    page = (clone.folder / "allure-report" / "index.html").read_text(encoding="utf-8")
    assert "Charge at C/3 after a night at 25" in page
    assert list(clone.folder.glob("allure-results/*-attachment.html"))  # the plot, with the vendored library in it


def _by_somebody_new(clone: Clone, home: Path) -> None:
    if os.name != "nt":  # its commands are for a POSIX shell
        _a_night_of_its_workflow(clone, home)
    assert clone.installed("packbench --version", home).stdout.startswith("packbench ")
    taught = clone.installed("packbench", home, _PACKBENCH_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="packbench ju")
    assert "judge" in taught.stdout
    assert clone.installed("packbench new other", home).returncode == 0
    assert clone.installed("packbench check --scan --json", home).returncode == 0
    _finds_what_has_aged(clone, home)


def _a_night_of_its_workflow(clone: Clone, home: Path) -> None:
    """Every command of the file that the repository was made with, from the one that installs on."""
    # What tox has made has no pip; with one its installing finds everything there.
    given = clone.installed("python -m ensurepip", home)
    assert given.returncode == 0, given.stdout + given.stderr
    path = os.pathsep.join([str(clone.folder / ".tox" / "nightly" / BIN), clone.environment["PATH"]])
    environment = clone.environment | {"PATH": path, "HOME": str(home), "PYTEST_ADDOPTS": "--temperatures=0"}
    environment.pop("PIP_CONSTRAINT", None)  # to pip what is installed is not the wheel that it names
    repository = clone.folder.parents[1] / clone.folder.name
    machine = Machine(repository, home.parent / "ci", environment, installs=True)
    workflow = kind(Ci.GITHUB, (repository / Ci.GITHUB.place).read_text(encoding="utf-8"))
    night = workflow.carry_out(machine)
    assert not night.failed, night.output
    assert [command for command, _ in night.commands] == workflow.commands()
    assert "1 test: 1 passed" in night.output
    (shown,) = (machine.place / "artifacts").glob("nightly-my-bench-*")
    assert (shown / "allure-report" / "index.html").is_file()
    assert (shown / "junit.xml").is_file()
    # A clean checkout is a night that the next one is compared with.
    assert len(list(shown.glob(f"runs/{FOLDER}/*/*.json"))) == 1
    for ci in Ci:
        made = clone.installed(f"packbench new with-{ci} --ci {ci}", home)
        assert made.returncode == 0, made.stderr
        assert (clone.folder / f"with-{ci}" / ci.place).is_file(), "its file has come with the wheel"


def _finds_what_has_aged(clone: Clone, home: Path) -> None:
    """What a virtual pack is held against comes with the wheel: one that has aged meets its type, and is found."""
    (home / "test_aged.py").write_text(AGED, encoding="utf-8")
    session = f"pytest {home} --rootdir={home} --station=virtual-module --pack=lfp-24s --defect=aged:1:1.5"
    found = clone.installed(session, home)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "dc resistance 10 s of this specimen" in found.stdout
    # One of the campaign's own faults of that kind, judged by the installed campaign; no report: that needs Node.
    campaign = clone.installed("python -m campaign --faults=resistance-lfp", home)
    assert campaign.returncode == 0, campaign.stdout + campaign.stderr
    assert "not as expected 0" in " ".join(campaign.stdout.split())
