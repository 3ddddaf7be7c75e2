"""Files that are written whole: what was there stays until the new one is, and what is no file is never replaced."""

import os
import stat
from pathlib import Path

import pytest

from bench.verdicts import InputError
from bench.whole import replacing


def write(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def test_what_was_there_stays_where_the_new_one_does_not_come_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "kept.yaml"
    write(path, "first")

    def break_off() -> None:
        with replacing(path) as partial:
            partial.write_text("sec", encoding="utf-8")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        break_off()
    assert path.read_text(encoding="utf-8") == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["kept.yaml"]


def test_a_folder_stays_what_it_is_and_the_option_that_named_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--output .*: is a folder, and no file that can be replaced; name another"):
        write(tmp_path, "x")
    with pytest.raises(InputError, match=r"^--accepted .*: is a folder"), replacing(tmp_path, "--accepted"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_yet_is_made_and_what_was_left_of_a_killed_process_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    (tmp_path / "new.yaml.partial").write_text("half", encoding="utf-8")
    write(path, "whole")
    assert path.read_text(encoding="utf-8") == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["new.yaml"]


def test_a_block_that_writes_nothing_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept.yaml"
    write(path, "first")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text(encoding="utf-8") == "first"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name")
def test_a_pipe_or_a_device_stays_what_it_is(tmp_path: Path) -> None:
    """Renamed over, the null device of a machine would be a table."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match="is a device or a pipe, and no file that can be replaced"):
        write(path, "x")
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    path = tmp_path / "link"
    path.symlink_to(tmp_path / "there" / "file")
    write(path, "x")
    assert path.is_symlink()
    assert (tmp_path / "there" / "file").read_text(encoding="utf-8") == "x"
