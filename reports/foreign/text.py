"""Delimited text: finds the line of headers, and reads the columns that are wanted, whatever stands around them."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from bench.verdicts import InputError
from models.texttable import another_width
from reports.foreign.head import Head, lines_of
from reports.foreign.units import is_unit

DELIMITERS = ("\t", ";", ",", "|")
LOOKED_AT = 6000
"""Lines among which the headers must be."""
MISSING = ("", "N/A", "n/a", "NA", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "-", "--")
_DIGITS = re.compile(r"^[-+]?[\d.,]+(?:[eE][-+]?\d+)?$")
_UNIT = re.compile(r"^[\[(][^\[\]()]{0,12}[\])]$")
_COMMA = re.compile(r"^[-+]?\d*,\d+(?:[eE][-+]?\d+)?$")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the records of a text begin, and how their fields are told apart."""

    line: int
    """Index of the line of headers."""
    delimiter: str
    header: tuple[str, ...]
    quoted_lines: bool = False
    """Whole lines stand between quotes: a spreadsheet took each for one cell."""
    blanks: bool = False
    """Fields are parted by blanks, however many; they are read as if by `delimiter`."""

    def plain(self, line: str) -> str:
        """A line as the delimiter cuts it."""
        if self.blanks:
            return self.delimiter.join(line.split())
        return line.replace('"', "") if self.quoted_lines else line


def layouts_of(head: Head) -> Sequence[Layout]:
    """Every line that could be one of headers, in order, as each delimiter cuts it; found once for all formats."""
    return _layouts(tuple(head.lines[:LOOKED_AT]))


@lru_cache(maxsize=2)
def _layouts(lines: tuple[str, ...]) -> tuple[Layout, ...]:
    return tuple(
        _with_units(layout, lines)
        for number, line in enumerate(lines)
        if _could_be(line)
        for layout in (*_cut(number, line), *_cut_by_blanks(number, lines))
    )


def _with_units(layout: Layout, lines: Sequence[str]) -> Layout:
    """With the line of units below the names, where there is one: `[V]` (Digatron) or `V` belongs to the name above."""
    below = lines[layout.line + 1] if layout.line + 1 < len(lines) else ""
    units = _cells(below, layout.delimiter)
    if any(map(_DIGITS.match, units)):
        return layout
    if sum(bool(_UNIT.match(cell)) for cell in units) < 2:
        if not _are_units(units):
            return layout
        units = [f"[{unit}]" if unit else "" for unit in units]
    units += [""] * (len(layout.header) - len(units))
    header = tuple(f"{name} {unit}".strip() for name, unit in zip(layout.header, units, strict=False))
    return replace(layout, line=layout.line + 1, header=header)


def _are_units(cells: Sequence[str]) -> bool:
    """Whether these cells, without brackets, are units and nothing else."""
    written = [cell for cell in cells if cell and cell != "-"]
    return len(written) > 1 and all(is_unit(cell) for cell in written)


def _could_be(line: str) -> bool:
    """Headers have letters; a record has mostly digits."""
    letters = sum(character.isalpha() for character in line)
    return letters > 0.3 * len(line.replace(" ", "")) > 0


def _cut(number: int, line: str) -> Iterator[Layout]:
    # Blanks tell fields apart only where a mark says that this is the line of headers (Basytec).
    for delimiter in (*DELIMITERS, " ") if line.startswith("~") else DELIMITERS:
        if delimiter not in line:
            continue
        cells = _cells(line, delimiter)
        inner = _cells(cells[0], delimiter) if len(cells) == 1 else []
        if max(len(cells), len(inner)) > 2:
            yield Layout(number, delimiter, tuple(inner if len(cells) == 1 else cells), len(cells) == 1)


def _cut_by_blanks(number: int, lines: Sequence[str]) -> Iterator[Layout]:
    """As a line of headers above one with as many numbers; prose has blanks as well, and no such line below."""
    header, below = lines[number].split(), lines[number + 1].split() if number + 1 < len(lines) else []
    marked = any(mark in lines[number] for mark in DELIMITERS)
    if 2 < len(header) == len(below) and not marked and all(map(_DIGITS.match, below)):
        yield Layout(number, "\t", tuple(header), blanks=True)


def is_followed_by_records(head: Head, layout: Layout, positions: Sequence[int]) -> bool:
    """Whether one of the lines below has numbers at these positions: a schedule may quote headers as well."""
    for line in head.lines[layout.line + 1 : layout.line + 5]:
        cells = _cells(layout.plain(line), layout.delimiter)
        if max(positions) < len(cells) and all(_DIGITS.match(cells[place].strip()) for place in positions):
            return True
    return False


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


@dataclass(frozen=True, slots=True)
class Records:
    """What was read of a text: arrow arrays by position, and how many lines were no records."""

    columns: Mapping[int, Any]
    rows: int
    skipped: int


def read_records(head: Head, layout: Layout, numbers: Iterable[int], texts: Iterable[int]) -> Records:
    """Read columns by their position: `numbers` as float64 where all of them are some, everything else as text.

    Raises `InputError` for a file without records.
    """
    numbers, texts = list(numbers), list(texts)
    body = _body(head, layout)
    sample = list(_sample(body, head, layout))
    if not sample:
        raise InputError(f"{head.path} has headers and no records.")
    _refuse_decimal_commas(head, layout, sample)
    width = max(len(layout.header), *(len(cells) for cells in sample))
    comma = layout.delimiter != "," and any(
        _COMMA.match(cells[n].strip()) for cells in sample for n in numbers if n < len(cells)
    )
    wanted = _Wanted(len(layout.header), width, numbers, texts, "," if comma else ".", layout.delimiter, head.encoding)
    return _read(head.path, body, wanted, frozenset(numbers))


def _refuse_decimal_commas(head: Head, layout: Layout, sample: Sequence[Sequence[str]]) -> None:
    """Raise `InputError` where commas part the fields and the numbers as well: each field would be read as another."""
    wider = [cells for cells in sample if _is_wider(cells, len(layout.header), layout.delimiter)]
    if 2 * len(wider) > len(sample):
        problem = another_width(",".join(wider[0]), len(wider[0]), len(layout.header), layout.delimiter)
        raise InputError(f"{head.path}, below its headers in line {layout.line + 1}: {problem}")


def _is_wider(cells: Sequence[str], headed: int, delimiter: str) -> bool:
    """Whether there is more in a row than its header has names for; what else parts fields is in no number."""
    return delimiter == "," and any(cell.strip() for cell in cells[headed:])


@dataclass(frozen=True, slots=True)
class _Wanted:
    headed: int
    """Fields that have a name."""
    width: int
    numbers: Sequence[int]
    texts: Sequence[int]
    decimal: str
    delimiter: str
    encoding: str

    @property
    def names(self) -> list[str]:
        return [str(place) for place in range(self.width)]


def _body(head: Head, layout: Layout) -> Callable[[], IO[bytes]]:
    """Opens the file behind its headers."""
    without_ends = b"\n" not in head.start  # as an old Macintosh wrote it
    if head.encoding.startswith("utf-16") or layout.quoted_lines or layout.blanks or without_ends:
        text = head.path.read_bytes().decode(head.encoding, errors="replace")
        rest = "\n".join(map(layout.plain, lines_of(text)[layout.line + 1 :])).encode("utf-8")
        return lambda: io.BytesIO(rest)

    def opened() -> IO[bytes]:
        file = head.path.open("rb")
        for _ in range(layout.line + 1):
            file.readline()
        return file

    return opened


def _sample(body: Callable[[], IO[bytes]], head: Head, layout: Layout) -> Iterator[list[str]]:
    encoding = "utf-8" if head.encoding.startswith("utf-16") else head.encoding
    with body() as file:
        lines = (file.readline().decode(encoding, errors="replace") for _ in range(60))
        for line in lines:
            if line.strip().strip(layout.delimiter):
                yield _cells(line, layout.delimiter)


def _read(path: Path, body: Callable[[], IO[bytes]], wanted: _Wanted, as_numbers: frozenset[int]) -> Records:
    """Read with arrow; what is no number makes its column text, and a text that is no table is read line by line."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    skipped = [0]

    def not_a_record(row: Any) -> str:
        skipped[0] += 1
        return "skip"

    types = {
        str(place): pa.float64() if place in as_numbers else pa.string() for place in (*wanted.numbers, *wanted.texts)
    }
    try:
        with body() as file:
            table = arrow.read_csv(
                file,
                arrow.ReadOptions(
                    column_names=wanted.names, encoding="utf8" if "16" in wanted.encoding or "utf" in wanted.encoding
                    else wanted.encoding, block_size=2**24,
                ),
                arrow.ParseOptions(delimiter=wanted.delimiter, invalid_row_handler=not_a_record),
                arrow.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=list(MISSING),
                    strings_can_be_null=True, decimal_point=wanted.decimal,
                ),
            )  # fmt: skip
    except pa.ArrowInvalid as error:
        column = re.search(r"column #(\d+)", str(error))
        if column and int(column[1]) in as_numbers:
            return _read(path, body, wanted, as_numbers - {int(column[1])})
        return _line_by_line(path, body, wanted)
    if skipped[0] > 0.001 * max(len(table), 1):
        return _line_by_line(path, body, wanted)
    return Records({int(name): table.column(name) for name in table.column_names}, len(table), skipped[0])


def _line_by_line(path: Path, body: Callable[[], IO[bytes]], wanted: _Wanted) -> Records:
    """Rows of any length: fields that a row does not have are missing."""
    import pyarrow as pa

    encoding = "utf-8" if "16" in wanted.encoding else wanted.encoding
    places = [*wanted.numbers, *wanted.texts]
    columns: dict[int, list[str | None]] = {place: [] for place in places}
    least, skipped = min(len(places), 3), 0
    with body() as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as file:
        for cells in csv.reader((line.replace("\0", "") for line in file), delimiter=wanted.delimiter):
            if not any(map(str.strip, cells)):
                continue
            if len(cells) < least or _is_wider(cells, wanted.headed, wanted.delimiter):
                skipped += 1
                continue
            for place in places:
                cell = cells[place].strip() if place < len(cells) else ""
                columns[place].append(None if cell in MISSING else cell)
    rows = len(columns[places[0]]) if places else 0
    if not rows:
        raise InputError(f"{path} has headers and no records.")
    return Records(
        {place: pa.chunked_array([pa.array(held, pa.string())]) for place, held in columns.items()}, rows, skipped
    )
