"""Tables in text files that people write or export: a header that names the columns, then a row in each line.

Whoever reads one reads it through here, so that what a spreadsheet makes of a table is refused in each of them: a row
with more cells than there are names is one whose numbers have decimal commas, and would be read as other numbers.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DELIMITERS = "\t;"
"""What stands between cells where the header has it; else a comma, which may stand in front of a unit as well."""
SHOWN = 40
"""Characters of a row that a sentence quotes, at most."""


class TableError(ValueError):
    """A text is no table; `line` is where, None where it is about all of it."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True)
class TextTable:
    """Names of the columns, and every row with the line that it stands in: as many cells as names, all stripped."""

    names: tuple[str, ...]
    line: int
    rows: Sequence[tuple[int, tuple[str, ...]]]
    delimiter: str


def read_text(path: Path) -> str:
    """The text of a file, without a byte-order mark; raises `TableError` for one that is not there, or no UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TableError(f"cannot be read ({error.strerror or error}); check the path.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"byte {error.start} is not UTF-8; save the file as UTF-8 text.") from error


def parse(text: str) -> TextTable | None:
    """Take a text apart; empty lines and those that begin with # are none of it. None for a text without a header.

    Raises `TableError` for a line that is no CSV, or that has another number of cells than the header has names.
    Separators behind the last cell say nothing.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip(" \t,;") and not line.startswith("#")
    ]
    if not lines:
        return None
    (first, header), *others = lines
    delimiter = next((mark for mark in DELIMITERS if mark in header), ",")
    names = _trimmed(_cells(first, header, delimiter), 0)
    rows = [(number, _row(number, line, delimiter, len(names))) for number, line in others]
    return TextTable(tuple(names), first, rows, delimiter)


def _row(number: int, line: str, delimiter: str, width: int) -> tuple[str, ...]:
    cells = _trimmed(_cells(number, line, delimiter), width)
    if len(cells) != width:
        raise TableError(another_width(line, len(cells), width, delimiter), number)
    return tuple(cells)


def another_width(line: str, found: int, width: int, delimiter: str) -> str:
    """Say of a row that it has another number of cells than the header, and what that mostly is."""
    hint = "give each row a cell for each name"
    if found > width and delimiter == ",":
        hint = "are there decimal commas in it? Write points, or semicolons between the cells"
    return f"{line.strip()[:SHOWN]!r} has {found} cell{'s' * (found != 1)}, the header {width}; {hint}."


def _cells(number: int, line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise TableError(f"is no CSV ({error}); correct it there.", number) from error


def _trimmed(cells: list[str], width: int) -> list[str]:
    """Without the empty ones at its end, as far as they are beyond that many."""
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return cells
