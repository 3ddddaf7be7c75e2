"""What other packages bring: found by name, loaded when it is asked for, its mistakes told with its package."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from instruments import extensions
from instruments.extensions import ExtensionError

GROUP = "packbench.tests"
Bring = Callable[..., None]


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bring]:
    """Have packages installed that bring (name, value, package)."""

    def install(*brought: tuple[str, str, str | None]) -> None:
        points: list[Any] = []
        for name, value, package in brought:
            point = EntryPoint(name, value, GROUP)
            vars(point)["dist"] = None if package is None else SimpleNamespace(name=package)
            points.append(point)
        monkeypatch.setattr(extensions, "entry_points", lambda group: points if group == GROUP else [])
        extensions.brought.cache_clear()

    extensions.brought.cache_clear()
    yield install
    monkeypatch.undo()
    extensions.brought.cache_clear()


def test_what_is_brought_is_found_by_its_name(bring: Bring) -> None:
    bring(("sum", "math:fsum", "acme"), ("root", "math:sqrt", "acme"))
    assert set(extensions.brought(GROUP)) == {"sum", "root"}
    assert extensions.load(GROUP, "root", "The function root") is __import__("math").sqrt
    assert extensions.brought("packbench.others") == {}


def test_nobody_changes_what_is_known(bring: Bring) -> None:
    bring(("sum", "math:fsum", "acme"))
    with pytest.raises(TypeError):
        extensions.brought(GROUP)["other"] = ()  # type: ignore[index]


def test_what_nobody_brings_is_not_there(bring: Bring) -> None:
    bring(("sum", "math:fsum", "acme"))
    with pytest.raises(KeyError):
        extensions.load(GROUP, "product", "The function product")


def test_what_several_bring_is_told_with_all_of_them_and_none_is_loaded(bring: Bring) -> None:
    bring(("sum", "no.such:thing", "zeta"), ("sum", "no.such:thing", "acme"), ("sum", "math:fsum", None))
    told = "^The sum is brought by several packages, acme and an unknown package and zeta: remove one of them\\.$"
    with pytest.raises(ExtensionError, match=told):
        extensions.load(GROUP, "sum", "The sum")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("", "AttributeError: module '.*' has no attribute 'thing'"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence_with_its_package(
    bring: Bring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str
) -> None:
    """Whatever a module does while it is imported, to end the process included."""
    name = f"acme_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(f"{source}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    bring(("sum", f"{name}:thing", "acme"))
    with pytest.raises(ExtensionError, match=rf"^The sum \({name}:thing, of acme\) cannot be imported: {told}$"):
        extensions.load(GROUP, "sum", "The sum")


def test_a_name_of_ours_is_nobody_else_s(bring: Bring) -> None:
    bring(("charge", "acme.charge:Charge", "acme"))
    extensions.refuse_ours(GROUP, "discharge", "The step Discharge")
    told = r"^The step Charge \(acme\.charge:Charge, of acme\) has a name that packbench's own has: give it another one"
    with pytest.raises(ExtensionError, match=told):
        extensions.refuse_ours(GROUP, "charge", "The step Charge")


def test_a_mistake_of_a_package_is_wrong_input() -> None:
    assert issubclass(ExtensionError, ValueError)
