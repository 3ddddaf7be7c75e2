"""Branch coverage by folder, of a report as coverage writes it."""

import json
from pathlib import Path

import pytest

from benchmarks import coverage_by_folder


def summary(statements: int, run: int, branches: int, taken: int) -> dict[str, dict[str, int]]:
    counts = zip(coverage_by_folder.COUNTED, (statements, run, branches, taken), strict=True)
    return {"summary": dict(counts)}


def test_files_are_added_up_by_their_folder_and_all_of_them(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    files = {
        "bench/a.py": summary(10, 9, 4, 2),
        "bench/b.py": summary(10, 7, 0, 0),
        "bench/safety/c.py": summary(5, 5, 2, 2),
    }
    report.write_text(json.dumps({"files": files}), encoding="utf-8")
    folders = coverage_by_folder.by_folder(report)
    assert [(name, *counts.values()) for name, counts in folders.items()] == [
        ("bench", 20, 16, 4, 2),
        ("bench/safety", 5, 5, 2, 2),
        ("all", 25, 21, 6, 4),
    ]
    cells = [list(column.cells) for column in coverage_by_folder.table_of(folders).columns]
    assert [column[0] for column in cells] == ["bench", "20", "80.0 %", "4", "50.0 %", "75.0 %"]


def test_lines_of_code_are_those_that_say_something_to_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "one.py").write_text(
        '"""What it is.\n\nMore."""\n\n# why\nX = """\ntext\n"""\n\n\ndef f() -> None:\n    """Do."""\n    print(X)\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(coverage_by_folder, "ROOT", tmp_path)
    assert coverage_by_folder.lines_of_code("room") == 5


def test_there_is_more_test_than_product() -> None:
    tests, product = (
        coverage_by_folder.lines_of_code(*folders) for folders in (coverage_by_folder.TESTS, coverage_by_folder.PRODUCT)
    )
    assert tests > product
