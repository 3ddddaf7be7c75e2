"""The folder of results as a whole: what is kept of it, what is found in it, and what its runs have in common."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reports import results
from reports.results import CollectedTest
from tests.packbench.test_cli_gate import manifest

TEST = CollectedTest("t.py::test_it", "It", "t#test_it", "abc", [("feature", "f")])
RESULT = {"uuid": "1", "name": "It", "labels": [{"name": "nodeid", "value": TEST.nodeid}], "attachments": []}


def leave(folder: Path, name: str = "1", **more: Any) -> Path:
    path = folder / f"{name}-result.json"
    path.write_text(json.dumps({**RESULT, "uuid": name, **more}), encoding="utf-8")
    return path


def shown(folder: Path, name: str, **more: Any) -> None:
    """A result with the manifest of its run."""
    (folder / f"{name}-attachment.json").write_text(json.dumps({**manifest(2.3, name), **more}), encoding="utf-8")
    leave(folder, name, attachments=[{"name": results.MANIFEST, "source": f"{name}-attachment.json"}])


def test_what_was_meant_to_run_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    results.remember_collected(folder, [TEST])
    results.remember_collected(folder, [TEST])
    (told,) = results.collected(folder)
    assert (told.nodeid, told.title, told.full_name, told.history_id) == ("t.py::test_it", "It", "t#test_it", "abc")
    assert [path.name for path in folder.iterdir()] == [results.SESSION], "nothing of it is left over"


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b'{"tests": 3}', b'{"tests": [{}]}', b'{"tests": ["x"]}', b"\xff\xfe"]
)
def test_what_nobody_can_read_was_meant_by_nobody(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / results.SESSION).write_bytes(content)
    assert results.collected(tmp_path) == []


def test_an_earlier_session_is_removed_and_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    results.remember_collected(tmp_path, [TEST])
    (tmp_path / "history").mkdir()
    for name in ("1-result.json", "2-attachment.png", "history/kept.json", f"{results.SESSION}.half"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    for _ in range(2):  # and again, when there is nothing any more
        results.clean(tmp_path)
        there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
        assert there == {results.SESSION, f"{results.SESSION}.half", "history/kept.json"}
    results.clean(tmp_path / "not there")


def test_results_of_other_sessions_are_seen_and_are_not_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder in (source, target):
        folder.mkdir()
    results.remember_collected(source, [TEST])
    (source / "p.png").write_bytes(b"picture")
    leave(source, attachments=[{"name": "Figure", "source": "p.png"}, {"name": "Gone", "source": "gone.png"}])
    assert results.are_all_of(source, {TEST.nodeid})
    leave(source, "2", labels=[{"name": "nodeid", "value": "t.py::test_other"}])
    (source / "3-result.json").write_text('{"uuid": "cut', encoding="utf-8")
    assert not results.are_all_of(source, {TEST.nodeid})
    results.copy(source, target, {TEST.nodeid})
    assert {path.name for path in target.iterdir()} == {"1-result.json", "p.png", results.SESSION}
    assert not results.are_all_of(tmp_path / "not there", {TEST.nodeid})


@pytest.mark.parametrize("source", ["../secret.txt", "/x/secret.txt", "folder/x", ".."])
def test_what_hangs_on_a_result_is_never_from_elsewhere(tmp_path: Path, source: str) -> None:
    folder, target = tmp_path / "results", tmp_path / "target"
    for made in (folder, folder / "folder", target):
        made.mkdir()
    for path in (tmp_path / "secret.txt", folder / "folder" / "x"):
        path.write_text("secret", encoding="utf-8")
    leave(folder, attachments=[{"name": "Figure", "source": source}])
    results.copy(folder, target, {TEST.nodeid})
    assert not any("secret" in path.read_text(encoding="utf-8") for path in target.iterdir() if path.is_file())


def test_of_several_attachments_of_a_name_the_first_that_is_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"")
    entries = [{"name": "Figure", "source": each} for each in ("a.png", "b.png")]
    assert results.attachment({"attachments": entries}, "Figure", tmp_path) == tmp_path / "b.png"
    assert results.attachment({"attachments": entries}, "Other", tmp_path) is None
    assert results.attachment({}, "Figure", tmp_path) is None
    assert results.manifest_of({"attachments": entries}, tmp_path) is None


def test_what_all_runs_have_in_common_is_said_once_and_what_they_have_not_beside_it(tmp_path: Path) -> None:
    shown(tmp_path, "1", seed=0, defects=["weak cell"])
    shown(tmp_path, "2", seed=0, station={"name": "bench\n2"}, versions={"git": "abc1234", "git_dirty": True})
    results.write_environment(tmp_path)
    lines = (tmp_path / "environment.properties").read_text(encoding="utf-8").splitlines()
    assert dict(line.split("=", 1) for line in lines) == {
        "Station": "bench-1, bench 2", "Pack": "lfp-24s", "Pack.Serial": "0001", "Clock": "wall", "Seed": "0",
        "Defects": "weak cell", "Revision": "abc1234, abc1234 with local changes",
    }  # fmt: skip
    executor = json.loads((tmp_path / "executor.json").read_text(encoding="utf-8"))
    assert executor["name"].startswith("packbench on bench-1 and bench")


def test_a_folder_without_a_run_has_an_environment_as_well(tmp_path: Path) -> None:
    leave(tmp_path)
    results.write_environment(tmp_path)
    assert (tmp_path / "environment.properties").read_text(encoding="utf-8") == "\n"
    assert json.loads((tmp_path / "executor.json").read_text(encoding="utf-8"))["name"] == "packbench"


MESSAGES = [
    ("broken", "ABORTED: Ctrl-C", "Aborted or not run"), ("broken", "NOT RUN: left out", "Aborted or not run"),
    ("broken", "TEST ERROR: no such step", "Test code wrong"), ("broken", "supply: no answer", "Bench failed"),
    ("failed", "MANAGER FAIL: late", "Energy manager failed"), ("failed", "CHARGER FAIL: more", "Charger failed"),
    ("failed", "FAIL: less", "Pack failed"), ("skipped", "Skipped: INCONCLUSIVE: open", "Inconclusive"),
    ("skipped", "Skipped: no such pack", None), ("passed", "", None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "category"), MESSAGES)
def test_every_end_has_the_category_that_says_whose_it_is(
    tmp_path: Path, status: str, message: str, category: str | None
) -> None:
    """The first one that fits a whole message, as Allure takes them."""
    results.write_environment(tmp_path)
    fitting = [
        rule["name"]
        for rule in json.loads((tmp_path / "categories.json").read_text(encoding="utf-8"))
        if status in rule["matchedStatuses"] and re.fullmatch(rule["messageRegex"], message)
    ]
    assert next(iter(fitting), None) == category


def test_a_result_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    shown(tmp_path, "1")
    assert len(list(results.read_results(tmp_path))) == 1
    (tmp_path / "1-attachment.json").write_text("[]", encoding="utf-8")
    assert list(results.read_results(tmp_path)) == []
