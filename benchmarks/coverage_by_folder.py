"""Prints branch coverage by folder, of the data that `coverage combine` has left (`tox run -e coverage`)."""

import json
from collections import Counter
from pathlib import Path, PurePath

import coverage
from rich.console import Console
from rich.table import Table

COUNTED = ("num_statements", "covered_lines", "num_branches", "covered_branches")
"""As coverage's JSON report calls them."""
ROOT = Path(__file__).parents[1]
WIDTH = 120


def by_folder(report: Path) -> dict[str, Counter[str]]:
    """Statements and branches, and how many of them ran, by folder of a JSON report of coverage; `all` comes last."""
    folders: dict[str, Counter[str]] = {}
    everything: Counter[str] = Counter()
    for file, found in json.loads(report.read_text(encoding="utf-8"))["files"].items():
        counts = {name: found["summary"][name] for name in COUNTED}
        folders.setdefault(_folder(file), Counter()).update(counts)
        everything.update(counts)
    return {name: folders[name] for name in sorted(folders)} | {"all": everything}


def table_of(folders: dict[str, Counter[str]]) -> Table:
    """A line for each folder; shares in %."""
    table = Table("folder", "statements", "run", "branches", "taken", "of both")
    for name, counts in folders.items():
        statements, lines, branches, taken = (counts[each] for each in COUNTED)
        both = _share(lines + taken, statements + branches)
        table.add_row(name, str(statements), _share(lines, statements), str(branches), _share(taken, branches), both)
    return table


def main() -> None:
    """Of the data file that `COVERAGE_FILE` names, or `.coverage`."""
    measured = coverage.Coverage()
    measured.load()
    report = Path(measured.get_data().data_filename()).with_suffix(".json")
    measured.json_report(outfile=str(report))
    Console(width=WIDTH).print(table_of(by_folder(report)))


def _folder(file: str) -> str:
    path = PurePath(file)
    return (path.relative_to(ROOT) if path.is_absolute() else path).parent.as_posix()


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


if __name__ == "__main__":
    main()
