"""The example is a package like anybody's: its wheel beside ours, in an environment that has nothing else.

A minute or two of installing, from the package registry that pip is configured for; where there is none these tests are
skipped, but not in CI.
"""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "insulation_bench"
BIN = "Scripts" if os.name == "nt" else "bin"
TOOLS = ("pytest-timeout", "pytest-xdist")

pytestmark = [pytest.mark.timeout(1200), pytest.mark.xdist_group("installed"), pytest.mark.dear(80)]


@dataclass(frozen=True)
class Computer:
    """Somebody's computer with both wheels installed: nothing in the home, no checkout of ours on any path."""

    python: Path
    folder: Path
    environment: dict[str, str]
    before: dict[str, str]
    """What was in our packages before the example was installed: file by file."""

    def run(self, *command: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(word) for word in (self.python, *command)], cwd=folder or self.folder, env=self.environment, text=True,
            encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip


def kept_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TOX", "PYTHON"))}
    kept.pop("VIRTUAL_ENV", None)
    return kept | {"PYTHONIOENCODING": "utf-8"}


def wheel_of(project: Path, pip: Sequence[object], folder: Path, environment: dict[str, str]) -> Path:
    # A copy, because a build leaves things beside what it builds.
    source = shutil.copytree(
        project,
        folder / f"source-{project.name}",
        ignore=shutil.ignore_patterns(".*", "runs", "*results", "tests"),
    )
    command = [*pip, "wheel", "-q", "--no-deps", "-w", folder / project.name, source]
    built = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    if built.returncode and "CI" not in os.environ and "hatchling" in built.stderr:
        pytest.skip("There is no package registry to install from.")
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / project.name).glob("*.whl")
    return wheel


def contents(python: Path) -> dict[str, str]:
    """Every file of ours that is installed, and what is in it."""
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    written = [
        python,
        "-c",
        "from importlib.metadata import files; print(*{str(each) for each in files('packbench')}, sep='\\n')",
    ]
    ours = subprocess.run(written, capture_output=True, text=True, check=True).stdout.splitlines()
    # Whole rooms: what somebody else puts into one is found as well.
    tops = {site / each.partition("/")[0] for each in ours if not each.startswith(("..", "__pycache__"))}
    assert {top.name for top in tops} >= {"managers", "fitting", "pyvisa_packbench.py"}
    inside = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    files = [path for path in inside if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(site).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def computer(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    folder = tmp_path_factory.mktemp("computer")
    home = folder / "home"
    home.mkdir()
    environment = kept_environment() | {"HOME": str(home), "USERPROFILE": str(home)}
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    python = folder / "python" / BIN / "python"
    pip = [python, "-m", "pip"]
    ours, theirs = (wheel_of(project, pip, folder, environment) for project in (ROOT, EXAMPLE))
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python]
    subprocess.run([*install, ours, *TOOLS], env=environment, check=True)
    before = contents(python)
    subprocess.run([*install, "--no-deps", theirs], env=environment, check=True)
    for name in ("tests", "test_cases", "pyproject.toml"):
        source, copy = EXAMPLE / name, folder / "work" / name
        copy.parent.mkdir(exist_ok=True)
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    return Computer(python, folder / "work", environment, before)


def test_its_own_tests_and_its_campaign_pass_beside_our_wheel(computer: Computer) -> None:
    done = computer.run("-m", "pytest", "-q", "-n", "2", "--timeout", "600")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_the_packbench_that_it_runs_on_is_the_one_that_was_installed_without_it(computer: Computer) -> None:
    where = computer.run("-c", "import bench, campaign, insulation_bench as it; print(bench.__file__, it.__file__)")
    assert where.returncode == 0, where.stdout
    assert str(ROOT) not in where.stdout
    assert len(computer.before) > 200
    assert contents(computer.python) == computer.before


def test_it_imports_nothing_of_ours_but_the_public_doors() -> None:
    doors = {"packbench", "packbench.simulation"}
    rooms = {"bench", "campaign", "fitting", "instruments", "managers", "models", "packbench", "reports"}
    for path in EXAMPLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                found = [node.module or ""]
            assert not [name for name in found if name.partition(".")[0] in rooms and name not in doors], path


def test_every_file_is_in_its_readme_and_says_where_it_is_declared() -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {
        (value.partition(":")[0].partition(".")[2], group)
        for group, entries in project["entry-points"].items()
        for value in entries.values()
    }
    assert len(declared) == 7
    for module, group in declared:
        path = EXAMPLE / "src" / "insulation_bench" / f"{module}.py"
        assert f"`{group}`" in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""), path
        assert f"`{group}`" in readme
    for path in (EXAMPLE / "src" / "insulation_bench").glob("[!_]*.py"):
        assert f"`{path.name}`" in readme
