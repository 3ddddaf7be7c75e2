"""Another of anything that a field depends on is another input; and nothing that it reads is forgotten."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bench.pack import SHIPPED as PACKS
from bench.station import SHIPPED as STATIONS
from bench.verdicts import InputError
from models import shipped
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest, files_of
from tests.bench.cli_support import ROOT
from tests.packbench.mapping.outcomes import HOP

ROOMS = ("models", "instruments", "bench", "reports", "packbench")
SHIPS = {
    "station": STATIONS / "virtual-module.yaml", "pack": PACKS / "lfp-24s.yaml",
    "cell": shipped.FOLDERS["cell"] / "lfp-26650.yaml", "anode": shipped.FOLDERS["anode"] / "graphite-prada2013.yaml",
    "car": shipped.FOLDERS["car"] / "renault-5-class.yaml", "place": shipped.FOLDERS["place"] / "oslo.yaml",
}  # fmt: skip
CHANGES: Mapping[str, tuple[str, str]] = {
    "station": ("soc: {offset: 0.02", "soc: {offset: 0.01"), "pack": ("charge_current: 4.5", "charge_current: 3.0"),
    "cell": ("heat_capacity: 86", "heat_capacity: 80"), "anode": ("porosity: 0.36", "porosity: 0.25"),
    "car": ("mass: 1540", "mass: 1640"), "place": ("january: [-6.8, -1.8]", "january: [-30, -25]"),
    "road": ("length: 1200", "length: 1300"),
}  # fmt: skip
"""What a file of each kind is changed in."""


@dataclass(frozen=True)
class Own:
    """A field of which every file is somebody's own."""

    folder: Path

    @property
    def field(self) -> Field:
        return Field(self.path("pack"), self.path("road"), f"{self.path('place')}-winter@7")

    @property
    def task(self) -> Task:
        return Task(self.path("station"), car=self.path("car"), version="0.1.0")

    @property
    def digest(self) -> str:
        return digest(self.field, self.task)

    def path(self, kind: str) -> str:
        return str(self.folder / f"{kind}.yaml")

    def change(self, kind: str, old: str, new: str) -> None:
        path = Path(self.path(kind))
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{kind}: {old}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Own:
    found = Own(tmp_path / "own")
    found.folder.mkdir()
    for kind, path in SHIPS.items():
        shutil.copyfile(path, found.path(kind))
    Path(found.path("road")).write_text(HOP, encoding="utf-8")
    found.change("pack", "cell: lfp-26650", f"cell: {found.path('cell')}")
    found.change("cell", "anode: graphite-prada2013", "anode: anode.yaml")
    return found


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CHANGES)
def test_another_file_of_any_kind_is_another_input(own: Own, kind: str) -> None:
    before = own.digest
    own.change(kind, *CHANGES[kind])
    assert own.digest != before


@pytest.mark.parametrize("kind", CHANGES)
def test_a_remark_in_a_file_is_none(own: Own, kind: str) -> None:
    before = own.digest
    Path(own.path(kind)).write_text(Path(own.path(kind)).read_text(encoding="utf-8") + "# seen\n", encoding="utf-8")
    assert own.digest == before


def test_every_kind_of_file_that_there_is_is_an_input(own: Own) -> None:
    """A new kind has a folder of what ships: who adds one is told here that fields may depend on it."""
    assert set(files_of(own.field, own.task)) == set(CHANGES) == {*shipped.FOLDERS, "pack", "station"}


MEASURED = f"""
import json, os, sys
reads = []
def look(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)) and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        reads.append(os.path.abspath(arguments[0]))
sys.addaudithook(look)
from pathlib import Path
from packbench.mapping.fields import Field, Task
from packbench.mapping.measuring import measure
field, task, runs = json.loads(sys.argv[1])
found = measure(Field(**field), Task(**task), Path(runs))
print(json.dumps([found.verdict, found.reason, sorted(set(reads))]))
"""  # noqa: E501, F541 - a program
DATA = {".yaml", ".yml", ".csv", ".tsv", ".txt", ".json", ".dbc", ".toml"}


def test_every_file_that_is_read_while_a_field_is_measured_is_an_input(own: Own, tmp_path: Path) -> None:
    """As the operating system sees it: whatever is opened is somebody's file that counts, or belongs to the code."""
    field, task, runs = own.field, own.task, tmp_path / "runs"
    asked = json.dumps([
        {"pack": field.pack, "road": field.road, "season": field.season},
        {"station": task.station, "car": task.car, "version": task.version, "arrival": 0.75}, str(runs),
    ])  # fmt: skip
    verdict, reason, reads = json.loads(run(MEASURED, asked))
    assert verdict in {"PASS", "FAIL"}, reason  # who arrives with so much is never charged from 10 %
    opened = {Path(each) for each in reads if Path(each).suffix in DATA}
    code = (*(ROOT / room for room in ROOMS), Path(sys.prefix), Path(sys.base_prefix), runs)
    counted = {path.resolve() for path in files_of(field, task).values()}
    assert counted <= {path.resolve() for path in opened}
    assert {
        path for path in opened if path.resolve() not in counted and not any(map(path.is_relative_to, code))
    } == set()


def test_a_cycle_is_an_input(own: Own, tmp_path: Path) -> None:
    cycle = tmp_path / "mine.csv"
    cycle.write_text("time / s,speed / km/h\n0,0\n10,20\n20,0\n", encoding="utf-8")
    field = replace(own.field, road=str(cycle))
    before = digest(field, own.task)
    cycle.write_text("time / s,speed / km/h\n0,0\n10,21\n20,0\n", encoding="utf-8")
    assert digest(field, own.task) != before


def test_every_other_question_is_another_input(own: Own) -> None:
    """Whatever a field or a task has, also what it gets one day, is in it."""
    field, task = own.field, own.task
    others = [replace(task, **{name: value}) for name, value in (
        ("arrival", 0.2), ("end", 0.7), ("target", 20.0), ("seed", 1), ("version", "0.2.0"),
    )]  # fmt: skip
    questions = [replace(field, strategy="1C"), replace(field, conditioned=True)]
    found = [digest(field, each) for each in others] + [digest(each, task) for each in questions]
    assert len({own.digest, *found}) == 1 + len(found)


@pytest.mark.parametrize("kind", ["road", "car", "place", "station", "pack"])
def test_a_file_that_is_not_there_is_said_in_a_sentence(own: Own, kind: str) -> None:
    Path(own.path(kind)).unlink()
    with pytest.raises(InputError, match=kind):
        _ = own.digest


# --- code -------------------------------------------------------------------------------------------------------------


def run(program: str, *arguments: str, path: Path = ROOT) -> str:
    """What a program prints in a process of its own, which has the code below `path`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{program}", *arguments],
        capture_output=True, encoding="utf-8", cwd=path, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


ASKED = """
from packbench.mapping.fields import Field, Task
from packbench.mapping.inputs import digest
print(digest(Field("lfp-24s", "urban", "paris-spring@8"), Task("virtual-module", version="0.1.0")))
"""


def copy(folder: Path) -> Path:
    """The code that measures, to be changed."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_other_code_of_the_same_version_is_another_input(tmp_path: Path) -> None:
    house = copy(tmp_path / "house")
    found = [run(ASKED, path=house), run(ASKED, path=house)]
    assert found[0] == found.pop()
    for each in ("models/vehicle/heat.py", "models/vehicle/roads/country.yaml"):
        append(house / each, "\n# another\n")
        found.append(run(ASKED, path=house))
    assert len(set(found)) == len(found)


def test_another_package_that_brings_something_is_another_input(tmp_path: Path) -> None:
    """By its version, and by its code: a strategy of somebody's is worked on while it is measured."""
    module, facts = tmp_path / "mine_strategies.py", tmp_path / "mine_strategies-1.0.dist-info"
    program = f"sys.path.append({str(tmp_path)!r})\n{ASKED}"
    found = [run(program)]
    facts.mkdir()
    module.write_text("class Mine: ...\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("[packbench.strategies]\nmine = mine_strategies:Mine\n", encoding="utf-8")
    for version in ("1.0", "1.1"):
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mine-strategies\nVersion: {version}\n")
        found.append(run(program))
    append(module, "# another\n")
    found.append(run(program))
    assert len(set(found)) == len(found) == 4
