"""What the README says has to be touched to add something, counted: everything stands in one place."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import roles
from bench.running.procedures import registry as procedures
from instruments import registry as drivers
from instruments.virtual import registry as simulators
from reports.kpi.registry import found

ROOT = Path(__file__).parents[1]
SHIPPED = ("bench", "instruments", "models", "reports", "packbench", "managers", "fitting")
GROUP = re.compile(r'"(packbench\.[a-z_]+)"')


def rows() -> Iterator[tuple[str, str, str]]:
    """What is added, where it stands, and the group: as the table of the README has it."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| to add |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        what, place, group = (cell.strip() for cell in line.strip("|").split("|"))
        yield what, place, group.strip("`")


def sources() -> list[Path]:
    return [path for folder in SHIPPED for path in (ROOT / folder).rglob("*.py")]


def test_every_entry_point_group_has_its_line_and_every_line_its_group() -> None:
    known = {group for path in sources() for group in GROUP.findall(path.read_text(encoding="utf-8"))}
    modules = {f"packbench.{path.stem}" for path in (ROOT / "packbench").glob("*.py")}
    assert {group for _, _, group in rows() if group.startswith("packbench.")} == known - modules


@pytest.mark.parametrize("place", [place for _, place, _ in rows() if "`" in place])
def test_every_place_of_the_table_exists(place: str) -> None:
    folder = re.sub(r"<\w+>\.py$", "", place.split("`")[1])
    assert (ROOT / folder).exists()


def _named_elsewhere(words: dict[str, Path]) -> dict[str, list[str]]:
    """Files of the product that name something which has a file of its own."""
    told: dict[str, list[str]] = {}
    for path in sources():
        text = path.read_text(encoding="utf-8")
        for word, home in words.items():
            if home not in (path, *path.parents) and re.search(rf'["\']{re.escape(word)}["\']', text):
                told.setdefault(word, []).append(path.relative_to(ROOT).as_posix())
    return told


def test_a_driver_stands_in_one_file() -> None:
    folder = ROOT / "instruments" / "drivers"
    homes = {name: folder / name.replace("-", "_") for name in drivers.driver_names()}
    homes = {name: home if home.is_dir() else home.with_suffix(".py") for name, home in homes.items()}
    assert all(home.exists() for home in homes.values())
    told = _named_elsewhere(homes)
    # A simulator is called like the family that it simulates.
    told = {name: [each for each in where if "virtual/simulators" not in each] for name, where in told.items()}
    assert not any(told.values()), told


def test_a_simulator_stands_in_one_file() -> None:
    folder = ROOT / "instruments" / "virtual" / "simulators"
    homes = {name: folder / name.replace("-", "_") for name in simulators.shipped()}
    homes = {name: home if home.is_dir() else home.with_suffix(".py") for name, home in homes.items()}
    assert all(home.exists() for home in homes.values())
    assert not _named_elsewhere(homes)


def test_a_kind_of_step_is_named_by_its_procedure_its_words_and_the_door_alone() -> None:
    kinds = {kind.__name__ for kind in procedures._own()}
    allowed = {"bench/scenario.py", "bench/road.py", "bench/grid/steps.py", "bench/asking.py", "packbench/__init__.py"}
    # Scenarios ready made are written as a test writes them.
    allowed |= {"packbench/roads.py", "packbench/mapping/scenario.py", "packbench/adversary/benching.py"}
    allowed |= {"campaign/road.py", "campaign/grid.py"}
    # What older recordings hold is read by the four kinds that they know; see decision 29 and 31.
    readers = {"reports/recording.py", "reports/kpi/charging.py", "reports/kpi/readings.py"}
    for path in sources():
        where = path.relative_to(ROOT).as_posix()
        if where in allowed | readers or where.startswith("bench/running/procedures/"):
            continue
        named = kinds & set(re.findall(r"\b[A-Z]\w+\b", _code(path)))
        assert named <= {"Soak", "Rest", "Step"}, (where, named)


def _code(path: Path) -> str:
    """A file without its comments, docstrings and strings."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'"""(.|\n)*?"""', "", text)
    return re.sub(r"#.*|[\"'].*?[\"']", "", text)


def test_a_figure_is_named_by_nobody_but_its_own_module() -> None:
    keys = {kpi.key for kpi in found().kpis}
    homes = {key: ROOT / "reports" / "kpi" for key in keys if "{" not in key and " " in key}
    told = {where for each in _named_elsewhere(homes).values() for where in each}
    # Pack files of the first schema had nine requirements with names of their own.
    assert told <= {"bench/pack.py"}


def test_a_role_is_named_where_the_bench_speaks_of_it_and_nowhere_that_iterates() -> None:
    iterating = (
        "bench/checkup.py", "bench/drivers.py", "bench/running/lifecycle.py", "bench/running/preflight.py",
        "bench/running/scan.py", "bench/safety/powercut.py", "bench/safety/rescue.py", "bench/station.py",
    )  # fmt: skip
    for where in iterating:
        text = (ROOT / where).read_text(encoding="utf-8")
        named = [name for name in roles.own_names() if re.search(rf'["\']{name}["\']', text)]
        # Emulated cells are loaded when the bench opens; contactors are the BMS's; a bus has a source or a sink.
        assert set(named) <= {"emulator", "bms", "source", "sink"}, (where, named)


A_ROLE = """
from typing import Protocol, runtime_checkable

from bench.roles.record import Column, Power, Range, Role, SafeStep
from instruments.roles import Channel


@runtime_checkable
class Lamp(Protocol):
    def shine(self, lumens: float) -> None: ...
    def lamp_off(self) -> None: ...
    def lamp_is_off(self) -> bool: ...


ROLE = Role(
    name="lamp", protocol=Lamp, channels=(Channel("light", "luminous flux", "lm"),),
    asks={"shine": ("flux",)}, ranges={"flux": Range("flux_range", "lm", "the lamp shines with")},
    power=Power("lamp", "still shines", "lamp_is_off", "lamp_off"),
    steps=(SafeStep("lamp off", rank=60),), columns=(Column("Light / lm", "light"),),
)
"""
A_STEP = """
from dataclasses import dataclass

from bench.running.procedures.base import Control, Envelope, Extremes, Procedure, Stage
from bench.scenario import Step, elapsed


@dataclass(frozen=True)
class Shine(Step):
    lumens: float = 800.0
    name: str = "shine"

    @property
    def conditions(self):
        return (elapsed(seconds=30),)


class ShineProcedure(Procedure[Shine]):
    kind = Shine

    def envelope(self) -> Envelope:
        return {("lamp", "flux"): Extremes(0.0, self.step.lumens)}

    def begin(self, stage: Stage) -> Control:
        return lambda _row, _time: stage.place.roles["lamp"].shine(self.step.lumens)
"""
TRIED = """
from pathlib import Path

from bench.clock import VirtualClock
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running import lifecycle
from bench.running.procedures.shine import Shine
from bench.running.setup import Setup
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import InputError
from instruments.roles import Channel
from tests.bench.conftest import PACK, STATION
from tests.bench.fakes import Fake, Plant


class FakeLamp(Fake):
    channels = (Channel("light", "luminous flux", "lm"),)
    flux_range = (0.0, 1000.0)
    lumens = 0.0

    def shine(self, lumens):
        self.lumens = lumens

    def lamp_off(self):
        self.lumens = 0.0

    def lamp_is_off(self):
        return not self.lumens

    def collect(self):
        return [self.lumens]


lifecycle.WallClock = lambda _speed, start: VirtualClock(start=start)
Fake.plants["plant"] = Plant()
lamp = "  lamp: {driver: 'tried:FakeLamp', resource: plant, roles: [lamp]}"
Path("station.yaml").write_text(STATION.replace("wiring:", lamp + chr(10) + "wiring:"))
Path("pack.yaml").write_text(PACK)
bench = TestBench(
    Setup(*load_station("station.yaml"), *load_pack("pack.yaml")), Path("runs"), TestIdentity("x", "x", "x"),
    supervised=False,
)
bench.open()
try:
    bench.run(Shine(lumens=1200.0))
except InputError as refused:
    print(refused)
run = bench.run(Shine())
print(run.rows[-1][run.columns.index("Light / lm")])
print([step.done for step in bench.conclude().bench.steps if step.name == "lamp off"])
"""


def test_a_role_and_a_kind_of_step_of_ours_are_one_file_each(tmp_path: Path) -> None:
    """In a copy of the tree where nothing else differs both are found: opened, bounded, asked, recorded, made safe."""
    for room in ("bench", "instruments", "models"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bench" / "roles" / "lamp.py").write_text(A_ROLE, encoding="utf-8")
    (tmp_path / "bench" / "running" / "procedures" / "shine.py").write_text(A_STEP, encoding="utf-8")
    (tmp_path / "tried.py").write_text(TRIED + "\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", "import tried, bench; print(bench.__file__)"], cwd=tmp_path, capture_output=True,
        text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )  # fmt: skip
    refused, *found = ran.stdout.splitlines()
    assert refused.endswith("Step 'shine': 1200 lm, the lamp shines with 0 to 1000 lm."), ran.stderr
    assert found == ["800.0", "[True]", str(tmp_path / "bench" / "__init__.py")]
