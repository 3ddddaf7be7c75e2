"""What a run was made from: its files are kept as they were, and git is asked whether it has the test."""

import errno
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from bench.recording import sources
from bench.recording.sources import about_test
from bench.testing import TestBench


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    (root / ".gitignore").write_text("ignored.py\n", encoding="utf-8")
    (root / "test_it.py").write_text("one\n", encoding="utf-8")
    git(root, "add", ".")
    git(root, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "first")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "content", "committed"),
    [
        ("test_it.py", None, True),
        ("test_it.py", "two\n", False),
        ("test_new.py", "one\n", False),
        ("ignored.py", "one\n", False),
    ],
)
def test_git_says_whether_it_has_the_test_as_it_was_run(
    repository: Path, name: str, content: str | None, committed: bool
) -> None:
    if content is not None:
        (repository / name).write_text(content, encoding="utf-8")
    about = about_test(repository / name, repository)
    digest = sha256((repository / name).read_bytes()).hexdigest()
    assert about == {"file": name, "sha256": digest, "committed": committed}


def test_outside_a_repository_nobody_says(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("one\n", encoding="utf-8")
    assert about_test(tmp_path / "test_it.py", tmp_path)["committed"] is None
    assert about_test(tmp_path / "gone.py", tmp_path) == {}


def test_each_content_is_kept_once_and_a_folder_that_refuses_it_costs_nothing_else(tmp_path: Path) -> None:
    runs, file = tmp_path / "runs", tmp_path / "pack.yaml"
    for content in ("a: 1\n", "a: 1\n", "a: 2\n"):
        file.write_text(content, encoding="utf-8")
        sources.keep(runs, file)
    found = [path.read_text(encoding="utf-8") for path in (runs / sources.FOLDER).iterdir()]
    assert sorted(found) == ["a: 1\n", "a: 2\n"]
    assert sources.kept(runs, sha256(b"a: 2\n").hexdigest()).read_text(encoding="utf-8") == "a: 2\n"
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder", encoding="utf-8")
    sources.keep(blocked, file)
    sources.keep(runs, tmp_path / "gone.yaml")


def test_a_run_keeps_the_files_that_its_manifest_has_the_hashes_of(little_bench: TestBench) -> None:
    little_bench.conclude()
    manifest = little_bench.run_log.manifest
    told = (manifest["station"]["sha256"], manifest["pack"]["sha256"])
    files = (little_bench.setup.station_file, little_bench.setup.pack_file)
    for digest, file in zip(told, files, strict=True):
        assert sources.kept(little_bench.runs, digest).read_bytes() == Path(file).read_bytes()


def test_a_disk_that_refuses_a_copy_keeps_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = tmp_path / "station.yaml"
    station.write_text("schema: 1\n", encoding="utf-8")
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        write(self, content[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    sources.keep(tmp_path / "runs", station)
    assert list((tmp_path / "runs" / sources.FOLDER).iterdir()) == []
