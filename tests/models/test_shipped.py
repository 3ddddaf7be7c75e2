"""Files that ship, by kind and name, and those of somebody's own."""

import os
from pathlib import Path

import pytest

from models.fields import CellFileError
from models.shipped import FOLDERS, changed, find, is_file, names


@pytest.mark.parametrize("kind", FOLDERS)
def test_what_ships_is_found_by_its_name_in_alphabetical_order(kind: str) -> None:
    found = names(kind)
    assert found
    assert list(found) == sorted(found)
    for name in found:
        path = find(kind, name)
        assert path.is_file()
        assert path.parent == FOLDERS[kind]


@pytest.mark.parametrize("kind", FOLDERS)
def test_what_does_not_ship_is_told_with_all_that_does(kind: str) -> None:
    with pytest.raises(CellFileError) as caught:
        find(kind, "nowhere")
    assert str(caught.value) == (
        f"no {kind} 'nowhere'; shipped are {', '.join(names(kind))}, or give the path of a .yaml."
    )


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "a/b.yaml", Path("no ending"), Path("lfp-26650")])
def test_a_file_of_ones_own_is_where_it_says_whether_it_is_there_or_not(name: str | Path) -> None:
    assert find("cell", name) == Path(name)


def test_a_file_is_meant_by_its_ending_alone() -> None:
    assert [is_file(name) for name in ("a.yaml", "a.yml", "a.yaml.bak", "yaml", "a.YAML", "lfp-26650")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_a_file_that_is_changed_has_another_time_and_one_that_is_not_there_has_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert changed(path) == changed(str(path)) == 0
    path.touch()
    before = changed(path)
    assert before > 0
    os.utime(path, ns=(before + 1000, before + 1000))
    assert changed(str(path)) == before + 1000
    assert changed("lfp-26650") == 0
