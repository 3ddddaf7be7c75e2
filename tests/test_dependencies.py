"""What the shipped packages import is declared, and what is declared is used: a clean environment has nothing else."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
SHIPPED = [*WHEEL["packages"], *(Path(name).stem for name in WHEEL["force-include"] if name.endswith(".py"))]
BY_NAME = {"pyvisa-py"}
"""Found by pyvisa under the name that a station file gives, `@py`, which is what hardware has by default."""


def normal(name: str) -> str:
    """The name of a distribution as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]) for requirement in requirements}


DECLARED = names(PROJECT["project"]["dependencies"])
EXTRAS = {extra: names(wanted) for extra, wanted in PROJECT["project"]["optional-dependencies"].items()}


def sources() -> Iterator[Path]:
    for name in SHIPPED:
        yield from (ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / f"{name}.py"]


def imported(source: str) -> Iterator[str]:
    """Top-level names of whatever a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.partition(".")[0]


def foreign() -> dict[str, set[str]]:
    """Distributions of others, and who imports each: a module of unknown origin counts under its own name."""
    owners, found = packages_distributions(), dict[str, set[str]]()
    for path in sources():
        for name in set(imported(path.read_text(encoding="utf-8"))) - set(SHIPPED) - sys.stdlib_module_names:
            for owner in owners.get(name, [name]):
                found.setdefault(normal(owner), set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_what_is_imported_is_declared() -> None:
    known = DECLARED.union(*EXTRAS.values())
    assert {name: sorted(users) for name, users in foreign().items() if name not in known} == {}


def test_what_is_declared_is_used() -> None:
    assert DECLARED.union(*EXTRAS.values()) - foreign().keys() - BY_NAME == set()


def test_what_has_no_import_is_still_asked_for_by_its_name() -> None:
    stations = (ROOT / "bench" / "station.py").read_text(encoding="utf-8")
    assert 'visa_library: str = "@py"' in stations


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy.linalg as la", {"numpy"}),
        ("def f():\n    from can.interfaces import BACKENDS", {"can"}),
        ("from . import near", set()),
        ("try:\n    import uvloop\nexcept ImportError:\n    pass", {"uvloop"}),
    ],
)
def test_an_import_is_seen_wherever_it_stands(source: str, found: set[str]) -> None:
    assert set(imported(source)) == found


def test_every_shipped_package_is_looked_at() -> None:
    assert {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in sources()} == set(SHIPPED)


def test_whatever_is_no_code_is_shipped_as_well() -> None:
    """hatchling takes what git does not ignore: nothing that a package needs may be ignored."""
    ignored = {".pyc", ".pyo"}
    data = {path.suffix for name in WHEEL["packages"] for path in (ROOT / name).rglob("*") if path.is_file()} - ignored
    assert data >= {".py", ".yaml", ".dbc", ".html", ".js", ".css", ".json", ".template", ".typed"}
