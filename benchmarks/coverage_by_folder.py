"""Prints branch coverage by folder, and how much test there is beside the product (`tox run -e coverage`).

The coverage is that of the data which `coverage combine` has left.
"""

import ast
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
PRODUCT = ("bench", "campaign", "fitting", "instruments", "managers", "models", "packbench", "reports")
"""What is installed."""
TESTS = ("tests",)


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


def lines_of_code(*folders: str) -> int:
    """Lines of Python below folders of the checkout that are neither empty nor a comment nor of a docstring."""
    return sum(_lines(path.read_text(encoding="utf-8")) for name in folders for path in (ROOT / name).rglob("*.py"))


def _lines(source: str) -> int:
    documents = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    said: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documents) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            said.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    written = enumerate(map(str.strip, source.splitlines()), 1)
    return sum(bool(line) and not line.startswith("#") and number not in said for number, line in written)


def main() -> None:
    """Of the data file that `COVERAGE_FILE` names, or `.coverage`."""
    measured = coverage.Coverage()
    measured.load()
    report = Path(measured.get_data().data_filename()).with_suffix(".json")
    measured.json_report(outfile=str(report))
    console = Console(width=WIDTH)
    console.print(table_of(by_folder(report)))
    console.print(f"{lines_of_code(*TESTS):,} lines of tests, {lines_of_code(*PRODUCT):,} of the product.")


def _folder(file: str) -> str:
    path = PurePath(file)
    return (path.relative_to(ROOT) if path.is_absolute() else path).parent.as_posix()


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


if __name__ == "__main__":
    main()
