"""Branch coverage by folder, of a report as coverage writes it."""

import json
from pathlib import Path

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
