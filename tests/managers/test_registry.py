"""Managers by their names: ours and those that packages bring."""

from collections.abc import Callable
from pathlib import Path

import pytest

from managers.reference import Reference
from managers.registry import GROUP, UnknownManager, manager_named, own

Brings = Callable[[str], None]

MODULE = """
class Lazy:
    def decide(self, request):
        return {"power": 0}
"""


@pytest.fixture
def brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Brings:
    """Install a package that brings a manager of this name."""

    def installed(name: str) -> None:
        (tmp_path / "brought_manager.py").write_text(MODULE, encoding="utf-8")
        about = tmp_path / "brought-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n", encoding="utf-8")
        (about / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = brought_manager:Lazy\n", encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)

    return installed


def test_ours_are_those_of_the_folder() -> None:
    assert set(own()) == {"reference", "percent", "myopic", "stubborn"}


def test_a_name_gives_a_new_manager_each_time() -> None:
    one, other = manager_named("reference"), manager_named("reference")
    assert isinstance(one, Reference)
    assert one is not other


def test_a_package_brings_one_by_an_entry_point(brings: Brings) -> None:
    brings("lazy")
    assert manager_named("lazy").decide({}) == {"power": 0}
    with pytest.raises(UnknownManager, match=r"no manager 'lasy' \(nearest: lazy\); there are lazy, myopic, percent"):
        manager_named("lasy")


def test_nobody_takes_the_place_of_ours(brings: Brings) -> None:
    brings("reference")
    assert isinstance(manager_named("reference"), Reference)


def test_a_name_that_is_near_none_is_told_with_all_there_are() -> None:
    with pytest.raises(UnknownManager, match=r"^no manager 'x'; there are myopic, percent, reference, stubborn\.$"):
        manager_named("x")
