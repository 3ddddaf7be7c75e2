"""Sheets of Excel, of any make: read by python-calamine (MIT; the extra `cyclers`).

A long recording goes on in sheets with the same headers (Arbin: `Channel_11_1`, `Channel_11_2`); sheets of different
channels are recordings of different cells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bench.verdicts import InputError
from reports.foreign.head import Head
from reports.foreign.registry import by_headers
from reports.foreign.source import Source
from reports.foreign.tables import Place, TableFormat, cell_columns, reader_of, refuse_several_cells

OLE, ZIP = b"\xd0\xcf\x11\xe0", b"PK"
SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
LOOKED_AT = 60
"""Rows of a sheet among which the headers must be."""
_CHANNEL = re.compile(r"^(channel[_-]?\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    form: TableFormat
    places: dict[str, Place]
    header: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    @property
    def read(self) -> tuple[dict[str, Place], list[int]]:
        """Which of its columns are read, and where they stand: others may differ from sheet to sheet."""
        return self.places, cell_columns(self.header, self.places)

    @property
    def channel(self) -> str:
        found = _CHANNEL.match(self.name)
        return found[1].lower() if found else ""


class Excel:
    """See `reports.foreign.tables.Format`."""

    title = "Excel"

    def recognises(self, head: Head) -> int:
        """By its first bytes and its name: an archive may be anything."""
        return 150 if head.start.startswith((OLE, ZIP)) and head.suffix in SUFFIXES else 0

    def read(self, head: Head) -> Source:
        """Raises `InputError` without the extra, for a damaged file, and for sheets of several cells."""
        with reader_of(head, "an Excel file", "save the sheet of records as CSV"):
            import python_calamine as calamine
        try:
            book = calamine.CalamineWorkbook.from_path(str(head.path))
            sheets = list(
                _with_records(head, ((name, book.get_sheet_by_name(name).to_python()) for name in book.sheet_names))
            )
        except calamine.CalamineError as error:
            raise InputError(f"{head.path} cannot be read as an Excel file: {' '.join(str(error).split())}.") from error
        if not sheets:
            raise InputError(f"{head.path} has no sheet with headers that name a time, a voltage and a current.")
        return _source(head, _of_one_cell(head, sheets))


def _with_records(head: Head, sheets: Iterator[tuple[str, list[list[Any]]]]) -> Iterator[_Sheet]:
    for name, rows in sheets:
        for number, row in enumerate(rows[:LOOKED_AT]):
            header = tuple(str(cell).strip() for cell in row)
            try:
                form, places = by_headers(head, header, "sheet")
            except InputError:
                continue
            yield _Sheet(name, form, places, header, rows[number + 1 :])
            break


def _of_one_cell(head: Head, sheets: list[_Sheet]) -> list[_Sheet]:
    """The sheets with most columns, which are one recording.

    Raises `InputError` where they are of several channels, or the columns of one stand elsewhere than those of another.
    """
    most = max(len(sheet.places) for sheet in sheets)
    best = [sheet for sheet in sheets if len(sheet.places) == most]
    channels = sorted({sheet.channel or sheet.name for sheet in best})
    if len(channels) > 1:
        raise InputError(
            f"{head.path} holds records of {len(channels)} cells (sheets {', '.join(channels[:3])}"
            f"{', …' if len(channels) > 3 else ''}); a recording is of one: put each into a file of its own."
        )
    other = next((sheet for sheet in best if sheet.read != best[0].read), None)
    if other is not None:
        raise InputError(
            f"{head.path} goes on in sheet {other.name!r} with other headers than those of {best[0].name!r}: put the "
            "records of both below one line of headers."
        )
    return best


def _source(head: Head, sheets: list[_Sheet]) -> Source:
    first = sheets[0]
    first.form.refuse_twins(head, first.header, first.places)
    whose = cell_columns(first.header, first.places)
    cells = {
        position: _column([row[position] for sheet in sheets for row in sheet.rows])
        for position in (*whose, *(each.position for each in first.places.values()))
    }
    for position in whose:
        refuse_several_cells(head, first.header[position], cells[position])
    source = first.form.made_of(head, first.places, cells)
    source.format = f"{first.form.title.removesuffix(' text')} (Excel)"
    return source


def _column(cells: list[Any]) -> Any:
    """Numbers where all of them are, else words; a moment is a word as well."""
    import pyarrow as pa

    if all(cell == "" or isinstance(cell, int | float) for cell in cells):
        return pa.chunked_array([pa.array([None if cell == "" else float(cell) for cell in cells], pa.float64())])
    return pa.chunked_array([pa.array([_word(cell) for cell in cells], pa.string())])


def _word(cell: Any) -> str | None:
    if cell == "":
        return None
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(cell, timedelta):
        return str(cell.total_seconds())
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


FORMAT = Excel()
