"""Large tables: each column has a checksum of its own, so that who reads some of them need not read them all."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from bench.columns import DERIVED
from bench.recording import table
from bench.recording.manifest import RecordingError, read_manifest
from bench.recording.table import TableStore, parts_of, write_parquet
from tests.bench.cli_support import packbench_here, record, recorded_as

COLUMNS = ["Test Time / s", "Step Count / 1", "Voltage / V", "Current / A"]
ROWS = np.column_stack([np.arange(200_000.0), np.ones(200_000), np.linspace(3, 4, 200_000), np.full(200_000, -2.0)])


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(table, "LARGE", 0)
    write_parquet(tmp_path / "t.parquet", COLUMNS, ROWS)
    return tmp_path / "t.parquet"


def place_of(path: Path, column: str, group: int = 1) -> int:
    """Where in the file the bytes of a column's row group are."""
    found = pq.read_metadata(path).row_group(group).column(COLUMNS.index(column))
    return int(found.dictionary_page_offset or found.data_page_offset)


def damage(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def test_a_small_table_has_none(tmp_path: Path) -> None:
    write_parquet(tmp_path / "t.parquet", COLUMNS, ROWS[:10])
    assert parts_of(tmp_path / "t.parquet") == {}


def test_what_is_read_is_what_was_written(large: Path) -> None:
    store = TableStore(large, "not asked", **parts_of(large))
    assert np.array_equal(np.asarray(store.rows), ROWS)
    assert np.array_equal(store.rows[65_000:140_000, 2], ROWS[65_000:140_000, 2])
    assert store.rows[70_000][3] == -2.0


@pytest.mark.parametrize("offset", range(0, 40, 3))
def test_a_column_that_was_changed_anywhere_is_not_read_and_others_are(large: Path, offset: int) -> None:
    """Also in what a page says of itself, which its own checksum does not cover."""
    parts = parts_of(large)
    damage(large, place_of(large, "Voltage / V") + offset)
    store = TableStore(large, None, **parts)
    assert np.array_equal(store.rows[:, 0], ROWS[:, 0])
    with pytest.raises(RecordingError, match=r"t\.parquet is damaged: it does not fit the checksum"):
        store.rows[:, 2]


def test_what_says_where_columns_are_is_held_against_its_checksum_at_once(large: Path) -> None:
    parts = parts_of(large)
    damage(large, large.stat().st_size - 20)
    with pytest.raises(RecordingError, match="does not fit the checksum"):
        TableStore(large, None, **parts)


def test_a_run_that_ends_with_a_large_table_is_judged_by_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "LARGE", 0)
    folder = record(tmp_path, recorded_as(2.0))
    found = read_manifest(folder)["samples"]
    assert set(found["parts"]["columns"]) == set(DERIVED)
    assert packbench_here("judge", folder).status == 0
    path = folder / "samples.parquet"
    column = pq.read_metadata(path).row_group(0).column(DERIVED.index("Discharging Capacity / Ah"))
    damage(path, int(column.dictionary_page_offset or column.data_page_offset) + 30)
    answer = packbench_here("judge", folder)
    assert (answer.status, len(answer.err.splitlines())) == (2, 1)
    assert "is damaged" in answer.err


def test_a_value_is_found_wherever_it_stands(large: Path) -> None:
    rows = np.full((150_000, 2), np.nan)
    rows[:, 0] = 1.0
    rows[140_000, 1] = 5.0
    write_parquet(large, ["Step Count / 1", "x / V"], rows)
    assert TableStore(large).rows.holds_a_value(1)
    rows[140_000, 1] = np.nan
    write_parquet(large, ["Step Count / 1", "x / V"], rows)
    assert not TableStore(large).rows.holds_a_value(1)


@pytest.fixture
def forty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty row groups of a column without a value."""
    monkeypatch.setattr("bench.recording.rows.BATCH", 1000)
    write_parquet(tmp_path / "t.parquet", ["x / V"], np.full((40_000, 1), np.nan))
    return tmp_path / "t.parquet"


def test_groups_of_the_same_few_bytes_are_looked_at_once(forty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever nobody measured is in every row group of a long recording, and each KPI asks whether it is there."""
    looked_at: list[int] = []
    read = TableStore.read

    def counted(store: TableStore, start: int, stop: int, positions: Sequence[int]) -> NDArray[np.float64]:
        looked_at.append(start)
        return read(store, start, stop, positions)

    monkeypatch.setattr(TableStore, "read", counted)
    assert not TableStore(forty).holds_a_value(0)
    assert looked_at == [0]


def test_a_group_of_other_bytes_is_not_taken_for_the_same(forty: Path) -> None:
    found = pq.read_metadata(forty).row_group(30).column(0)
    damage(forty, int(found.dictionary_page_offset or found.data_page_offset) + found.total_compressed_size - 1)
    with pytest.raises(RecordingError, match=r"t\.parquet is damaged"):
        TableStore(forty).holds_a_value(0)


def test_what_stands_for_long_is_read_as_what_it_is_and_so_is_what_several_threads_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty row groups: one value, none, one that changes in the middle of a group, and what never repeats."""
    monkeypatch.setattr("bench.recording.rows.BATCH", 1000)
    row = np.arange(40_500)
    columns = (
        np.full(len(row), 80.0), np.full(len(row), np.nan), np.where(row < 20_500, 1.0, 2.0), row * 0.1,
        np.where(row == 30_200, 5.0, np.nan), row // 700 + 1.0,
    )  # fmt: skip
    rows = np.column_stack(columns)
    write_parquet(tmp_path / "t.parquet", [*"abcde", "Step Count / 1"], rows)
    assert pq.read_metadata(tmp_path / "t.parquet").num_row_groups == 41
    store = TableStore(tmp_path / "t.parquet")
    assert [store.holds_a_value(place) for place in range(rows.shape[1])] == [True, False, True, True, True, True]
    for start, stop in ((0, 40_500), (19_900, 20_600), (30_199, 30_201), (500, 36_123), (40_499, 40_500), (7, 7)):
        assert np.array_equal(store.read(start, stop, [0, 2, 5, 1, 3, 4]), rows[start:stop, [0, 2, 5, 1, 3, 4]], True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_child_reads_with_threads_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.recording.rows.BATCH", 1000)
    rows = np.arange(20_000.0).reshape(-1, 1)
    write_parquet(tmp_path / "t.parquet", ["a"], rows)
    assert np.array_equal(TableStore(tmp_path / "t.parquet").read(0, 20_000, [0]), rows)
    child = os.fork()
    if not child:
        signal.alarm(20)  # one that waits for ever is ended by it
        same = np.array_equal(TableStore(tmp_path / "t.parquet").read(0, 20_000, [0]), rows)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
