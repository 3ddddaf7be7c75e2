"""What the README says has to be touched to add something, counted: everything stands in one place."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import roles
from bench.running.procedures import registry as procedures
from instruments import registry as drivers
from instruments.virtual import registry as simulators
from reports.kpi.registry import found

ROOT = Path(__file__).parents[1]
SHIPPED = ("bench", "instruments", "models", "reports", "packbench")
GROUP = re.compile(r'"(packbench\.[a-z]+)"')


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
