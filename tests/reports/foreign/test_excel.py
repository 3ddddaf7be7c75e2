"""Sheets of Excel: one recording may go on in several, and what is of another cell or another table is not joined.

The reader of the files themselves is another package's, and not everybody has it: what it hands over is written here.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from bench.verdicts import InputError
from reports import kpi
from reports.foreign import ForeignRecording, open_recording
from tests.reports.foreign.makes import AMPERE_HOURS, Record, arbin, records

Rows = list[list[Any]]
Open = Callable[..., ForeignRecording]
HEADER = ["Test_Time(s)", "Date_Time", "Step_Index", "Cycle_Index", "Current(A)", "Voltage(V)"]
FOUND = records(60.0)


def sheet(found: Sequence[Record] = FOUND, header: Sequence[str] = HEADER) -> Rows:
    """Records below their headers, as many cells in each row."""
    rows = [[each.time, each.moment, each.step, 1, each.current, each.voltage] for each in found]
    return [list(header), *rows]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a book of these sheets, by their names."""
    reader = ModuleType("python_calamine")

    class CalamineError(Exception):
        """As the package has it."""

    def opened(suffix: str = ".xlsx", damage: str = "", **sheets: Rows) -> ForeignRecording:
        def from_path(path: str) -> object:
            if damage:
                raise CalamineError(damage)
            read = {name: SimpleNamespace(to_python=lambda rows=rows: rows) for name, rows in sheets.items()}
            return SimpleNamespace(sheet_names=list(sheets), get_sheet_by_name=read.__getitem__)

        vars(reader).update(CalamineError=CalamineError, CalamineWorkbook=SimpleNamespace(from_path=from_path))
        monkeypatch.setitem(sys.modules, "python_calamine", reader)
        path = tmp_path / f"cell{suffix}"
        path.write_bytes(b"PK\x03\x04" + bytes(40))
        return open_recording(path)

    return opened


@pytest.mark.parametrize("suffix", [".xlsx", ".XLS", ".ods"])
def test_a_sheet_of_records_is_a_recording_of_its_make(opened: Open, suffix: str) -> None:
    recording = opened(suffix, Channel_1=sheet())
    assert recording.format == "Arbin (Excel)"
    assert not recording.defects
    assert kpi.capacity(recording, "discharge 1").value == pytest.approx(AMPERE_HOURS, rel=5e-4)


def test_what_stands_above_the_headers_and_in_other_sheets_is_passed_over(opened: Open) -> None:
    above: Rows = [["Test of a cell", "", "", "", "", ""], [""] * 6]
    statistics: Rows = [["Cycle", "Capacity"], [1, 2.0]]
    recording = opened(Info=[["", ""]], Channel_1=above + sheet(), Statistics=statistics)
    assert len(recording.rows) == len(FOUND)


def test_a_long_recording_goes_on_in_the_next_sheets(opened: Open) -> None:
    parts = {f"Channel_7_{n + 1}": sheet(FOUND[start : start + 60]) for n, start in enumerate(range(0, len(FOUND), 60))}
    recording = opened(**parts)
    assert len(parts) > 2
    assert recording.time.tolist() == [each.time for each in FOUND]
    assert kpi.capacity(recording, "charge 1").value == pytest.approx(AMPERE_HOURS, rel=5e-4)


def test_sheets_of_several_channels_are_refused_by_their_names(opened: Open) -> None:
    with pytest.raises(
        InputError, match=r"holds records of 4 cells \(sheets channel_1, channel_2, channel_3, …\); a rec"
    ):
        opened(**{f"Channel_{n}_1": sheet() for n in (1, 2, 3, 4)})


@pytest.mark.parametrize(
    "header",
    [
        ["Test_Time(s)", "Date_Time", "Step_Index", "Cycle_Index", "Voltage(V)", "Current(A)"],
        ["Test_Time(s)", "Date_Time", "Step_Index", "Cycle_Index", "Current(mA)", "Voltage(V)"],
    ],
    ids=["another order", "another unit"],
)
def test_a_sheet_with_other_headers_is_not_read_as_if_it_had_those_of_the_first(
    opened: Open, header: list[str]
) -> None:
    """Its voltages would have been told as currents."""
    with pytest.raises(
        InputError, match=r"goes on in sheet 'Channel_1_2' with other headers than those of 'Channel_1_1'"
    ):
        opened(Channel_1_1=sheet(FOUND[:99]), Channel_1_2=sheet(FOUND[99:], header))


def test_a_sheet_may_have_another_column_that_nobody_reads(opened: Open) -> None:
    first, second = sheet(FOUND[:99]), sheet(FOUND[99:])
    joined = opened(
        Channel_1_1=[[*row, "Remark" if number == 0 else ""] for number, row in enumerate(first)],
        Channel_1_2=[[*row, "Note" if number == 0 else "x"] for number, row in enumerate(second)],
    )
    assert joined.time.tolist() == opened(Channel_1_1=sheet(FOUND)).time.tolist()


def test_records_of_several_cells_in_one_sheet_are_refused_by_their_names(opened: Open) -> None:
    rows = [[*row, f"cell {number % 2}"] for number, row in enumerate(sheet()[1:])]
    with pytest.raises(
        InputError, match=r"holds records of 2 cells \(Cell ID: cell 0, cell 1\); a recording is of one"
    ):
        opened(Channel_1=[[*HEADER, "Cell ID"], *rows])


def test_a_duration_of_more_than_a_day_is_as_long_as_it_is(opened: Open) -> None:
    rows = sheet()
    for row, each in zip(rows[1:], FOUND, strict=True):
        row[0] = timedelta(days=3, seconds=each.time)
    assert opened(Channel_1=rows).time.tolist() == [3 * 86400.0 + each.time for each in FOUND]


def test_a_text_that_is_called_a_book_is_read_as_the_text_that_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cell.xlsx"
    path.write_text(arbin(FOUND), encoding="utf-8")
    assert open_recording(path).format == "Arbin text"


@pytest.mark.parametrize(
    "write",
    [
        lambda seconds: timedelta(seconds=seconds),
        lambda seconds: (datetime(2024, 1, 1) + timedelta(seconds=seconds)).time(),  # noqa: DTZ001
        lambda seconds: f"{seconds:.1f}",
        lambda seconds: f"{seconds:.1f}".replace(".", ","),
    ],
    ids=["a duration", "a time of day", "a word", "a word with a comma"],
)
def test_a_time_may_be_a_cell_of_any_kind(opened: Open, write: Callable[[float], object]) -> None:
    rows = sheet()
    for row, each in zip(rows[1:], FOUND, strict=True):
        row[0] = write(each.time)
    recording = opened(Channel_1=rows)
    assert recording.time.tolist() == [each.time for each in FOUND]


def test_moments_are_civil_time_and_cells_without_a_value_are_missing(opened: Open) -> None:
    rows = sheet()
    rows[3][5] = rows[4][5] = ""
    recording = opened(Channel_1=[*rows, [""] * 6])
    assert len(recording.rows) == len(FOUND) - 2
    assert "3 records without a voltage or a current are left out." in {each.text for each in recording.findings}
    wall = recording.column("Unix Time / s")
    assert wall[-1] - wall[0] == FOUND[-1].time


def test_a_damaged_book_and_one_without_records_are_refused_in_a_sentence(opened: Open) -> None:
    with pytest.raises(InputError, match=r"cell\.xlsx cannot be read as an Excel file: no central directory\.$"):
        opened(damage="no central\n directory")
    with pytest.raises(
        InputError, match=r"cell\.xlsx has no sheet with headers that name a time, a voltage and a current"
    ):
        opened(Info=[["nothing"]])


def test_an_archive_by_another_name_is_no_book(opened: Open) -> None:
    with pytest.raises(InputError, match=r"cell\.zip is an archive, which packbench cannot read: unpack it first\.$"):
        opened(".zip", Channel_1=sheet())
