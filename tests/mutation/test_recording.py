"""A record that is kept between runs: what has changed since is recorded anew, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mutation import __main__ as driver
from mutation import recording
from mutation.recording import Record

SOURCE = "def f(a):\n    b = a + 1\n    return b\n"


def of(now: str, lines: dict[int, str]) -> dict[int, str]:
    """The tests of each line of `now`, one letter each, where those of `SOURCE` are known."""
    known = {line: frozenset(tests) for line, tests in lines.items()}
    fitted = Record({}, {"a.py": known}, {"a.py": SOURCE}).fitted({"a.py": now})
    return {line: "".join(sorted(tests)) for line, tests in fitted.lines["a.py"].items()}


def test_a_line_that_has_moved_is_known_by_its_text() -> None:
    assert of('"""Says what."""\n\n\n' + SOURCE, {2: "x", 3: "y"}) == {5: "x", 6: "y"}


def test_an_edited_line_has_the_tests_of_what_it_replaces_and_a_new_one_those_around_it() -> None:
    assert of(SOURCE.replace("+ 1", "+ 2"), {2: "x", 3: "y"}) == {2: "x", 3: "y"}
    assert of(SOURCE.replace("    return", "    b += 1\n    return"), {2: "x", 3: "y"}) == {2: "x", 3: "xy", 4: "y"}
    assert of("def f(a):\n    return b\n", {2: "x", 3: "y"}) == {2: "y"}


def test_a_file_that_is_gone_has_no_lines_any_more() -> None:
    assert Record({}, {"a.py": {1: frozenset("x")}}, {"a.py": SOURCE}).fitted({}).lines == {}


class Project:
    """A tree with a source and two test files, whose recording is only noted: every test runs line 2."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.recorded: list[list[str]] = []
        for name in ("house/a.py", "tests/test_one.py", "tests/test_two.py", "tests/helper.py"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(SOURCE, encoding="utf-8")

    def record(self, tests: Sequence[str], _sources: Sequence[str], _workers: int, root: Path) -> Record:
        self.recorded.append(list(tests))
        names = [f"{file}::test" for file in recording.files_of(tests, root)]
        text = (root / "house/a.py").read_text(encoding="utf-8")
        lines = {"house/a.py": {2: frozenset(names)}}
        return Record(dict.fromkeys(names, 0.1), lines, {"house/a.py": text}, recording.files_of(tests, root))

    def seen(self, *options: str) -> list[str]:
        """The test files that a run records, in order."""
        self.recorded.clear()
        driver.record_of(driver.options_of(options))
        return [file for files in self.recorded for file in files]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The driver mutates it and asks its tests."""
    found = Project(tmp_path)
    monkeypatch.setattr(driver, "ROOT", tmp_path)
    monkeypatch.setattr(driver, "MUTATED", ("house",))
    monkeypatch.setattr(driver, "TESTS", ("tests",))
    monkeypatch.setattr(driver, "RECORD", tmp_path / "kept" / "record.json")
    monkeypatch.setattr(recording, "record", found.record)
    return found


ONE, TWO = "tests/test_one.py", "tests/test_two.py"


def test_only_the_test_files_that_are_new_or_other_than_they_were_are_recorded_anew(project: Project) -> None:
    assert project.seen() == [ONE, TWO]
    assert project.seen() == []
    (project.root / TWO).write_text("def test(): pass\n", encoding="utf-8")
    (project.root / "tests/test_new.py").write_text("", encoding="utf-8")
    assert project.seen() == ["tests/test_new.py", TWO]
    assert project.seen() == []
    assert project.seen("--record", ONE) == [ONE]
    assert project.seen("--record") == ["tests/test_new.py", ONE, TWO]


def test_the_tests_of_a_file_that_is_gone_are_asked_no_more(project: Project) -> None:
    project.seen()
    (project.root / ONE).unlink()
    assert project.seen() == []
    assert set(recording.load(driver.RECORD).seconds) == {f"{TWO}::test"}


def test_an_edited_source_keeps_its_record(project: Project) -> None:
    project.seen()
    (project.root / "house/a.py").write_text('"""Says what."""\n' + SOURCE, encoding="utf-8")
    assert project.seen() == []
    assert set(recording.load(driver.RECORD).lines["house/a.py"]) == {3}


def test_a_record_of_before_texts_were_kept_is_made_anew(project: Project) -> None:
    recording.save(Record({f"{ONE}::test": 0.1}, {"house/a.py": {2: frozenset({f"{ONE}::test"})}}), driver.RECORD)
    assert project.seen() == [ONE, TWO]
