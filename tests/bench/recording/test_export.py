"""`packbench export`: what other programs read is what was recorded, whole or not at all."""

import csv
import json
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import columns
from bench.columns import DERIVED
from bench.recording.export import BDF_LABELS, Format, destination, export
from bench.verdicts import InputError
from tests.bench.cli_support import discharge_rows, packbench_here, packbench_in, record

ROWS = np.array(discharge_rows())
RAW = "Supply Voltage / V"


def read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def test_bdf_has_the_formats_own_labels_only_required_ones_first(tmp_path: Path) -> None:
    path = tmp_path / "x.bdf.csv"
    export([*DERIVED, RAW], np.column_stack([ROWS, ROWS[:, 1]]), Format.BDF, path)
    header, rows = read_csv(path)
    assert header[:3] == ["Test Time / s", "Voltage / V", "Current / A"]
    assert header == list(BDF_LABELS)
    assert len(rows) == len(ROWS)
    assert path.read_text(encoding="utf-8").startswith("Test Time / s,Voltage / V,")


def test_discharge_is_negative_in_bdf(tmp_path: Path) -> None:
    export(DERIVED, ROWS, Format.BDF, tmp_path / "x.csv")
    header, rows = read_csv(tmp_path / "x.csv")
    assert {row[header.index(columns.CURRENT)] for row in rows} == {"-2"}


def test_csv_has_every_column_and_leaves_what_is_missing_empty(tmp_path: Path) -> None:
    export([*DERIVED, RAW], np.column_stack([ROWS, ROWS[:, 1]]), Format.CSV, tmp_path / "x.csv")
    header, rows = read_csv(tmp_path / "x.csv")
    assert header == [*DERIVED, RAW]
    assert {row[header.index(columns.SET_TEMPERATURE)] for row in rows} == {""}
    assert rows[-1][header.index(columns.STEP)] == "1"


def test_parquet_has_the_same_values(tmp_path: Path) -> None:
    export(DERIVED, ROWS, Format.PARQUET, tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.column_names == list(DERIVED)
    assert table[columns.DISCHARGE_AH].to_pylist() == ROWS[:, DERIVED.index(columns.DISCHARGE_AH)].tolist()


@settings(deadline=None)
@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20))
def test_every_number_survives_csv(values: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "survives.csv"
    export(
        ["a / V", "b / 1"], np.array([[value, 1.0] for value in values]).reshape(-1, 2), Format.CSV, path, force=True
    )
    _, rows = read_csv(path)
    read = [float(row[0]) if row[0] else nan for row in rows]
    assert [(value, isnan(value)) for value in read if not isnan(value)] == [
        (value, False) for value in values if not isnan(value)
    ]
    assert len(read) == len(values)


def test_infinity_is_not_missing(tmp_path: Path) -> None:
    export(["a / V"], np.array([[inf]]), Format.CSV, tmp_path / "x.csv")
    assert float(read_csv(tmp_path / "x.csv")[1][0][0]) == inf


# --- where to -----------------------------------------------------------------------------------------------------


def test_the_file_is_named_after_the_run(tmp_path: Path) -> None:
    assert destination(None, "2026-11-22/194501-test_a", Format.BDF) == Path("2026-11-22_194501-test_a.bdf.csv")
    assert destination(tmp_path, "day/run", Format.PARQUET) == tmp_path / "day_run.parquet"
    assert destination(tmp_path / "mine.csv", "day/run", Format.CSV) == tmp_path / "mine.csv"


def test_nothing_of_a_run_s_name_can_leave_the_folder_or_is_too_long_for_it(tmp_path: Path) -> None:
    """A manifest says what a run is called, and somebody may have sent it."""
    short = ("../../etc/passwd", "a\\b", "a\nb\x7f\x00", "\ud800", "\U0001f50b")
    for run_id in (*short, "x" * 999, "\u96fb" * 999, "a" + "\u96fb" * 99):
        for to in Format:
            path = destination(tmp_path, run_id, to)
            assert path.parent == tmp_path
            assert path.name.endswith(to.suffix)
            export(DERIVED, ROWS[:2], to, path, force=True)
            assert path.is_file()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(InputError, match=r"exists already.*--force"):
        export(DERIVED, ROWS, Format.CSV, path)
    assert path.read_text(encoding="utf-8") == "precious"
    export(DERIVED, ROWS, Format.CSV, path, force=True)
    assert len(read_csv(path)[1]) == len(ROWS)


@pytest.mark.parametrize("to", list(Format))
def test_a_place_that_cannot_be_written_is_wrong_input_and_leaves_nothing(tmp_path: Path, to: Format) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        export(DERIVED, ROWS, to, blocked / "x.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# --- the command --------------------------------------------------------------------------------------------------


def test_the_command_writes_here_and_says_how_much(tmp_path: Path) -> None:
    folder = record(tmp_path / "runs")
    run_id = folder.relative_to(tmp_path / "runs").as_posix()
    answer = packbench_in(tmp_path, "export", run_id, "--to", "bdf", "--json")
    assert answer.status == 0
    told = json.loads(answer.out)
    assert (told["rows"], told["format"]) == (len(ROWS), "bdf")
    assert (tmp_path / told["file"]).name == f"{run_id.replace('/', '_')}.bdf.csv"
    again = packbench_in(tmp_path, "export", run_id, "--to", "bdf")
    assert again.status == 2
    assert again.err.startswith("packbench: ")
    assert "--force" in again.err


def test_a_died_run_is_exported_up_to_its_last_whole_sample(tmp_path: Path) -> None:
    folder = record(tmp_path, verdict=None)
    journal = folder / "samples.journal"
    journal.write_bytes(journal.read_bytes()[:-5])
    answer = packbench_here("export", folder, "--to", "csv", "--output", tmp_path / "rest.csv")
    assert answer.status == 0, answer.err
    assert len(read_csv(tmp_path / "rest.csv")[1]) == len(ROWS) - 1


@pytest.mark.parametrize("damage", [b"", b"PBJ1", b"not a journal at all"])
def test_a_damaged_journal_is_one_sentence(tmp_path: Path, damage: bytes) -> None:
    folder = record(tmp_path, verdict=None)
    (folder / "samples.journal").write_bytes(damage)
    answer = packbench_here("export", folder, "--to", "csv", "--output", tmp_path)
    assert answer.status == 2
    assert "journal" in answer.err
    assert len(answer.err.splitlines()) == 1
