"""Rows on the disk: indexed like the array that they are, read no further than asked, whatever becomes of the file."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.columns import DERIVED, STEP, TEST_TIME
from bench.recording import journal as journals
from bench.recording import rows as rows_module
from bench.recording.journal import Journal
from bench.recording.recorder import SampleJournal
from bench.recording.rows import Floats, Renumbered, Rows, batches_of
from bench.recording.run import Run, TestIdentity
from bench.recording.table import TableStore, write_parquet
from bench.verdicts import BenchFault, Verdict

ROOT = Path(__file__).parents[2]
COLUMNS = (TEST_TIME, STEP, "Voltage / V")
VALUES: Floats = np.array([[number, number // 4, np.sin(number)] for number in range(23)], dtype=float)


class Asked:
    """Rows in memory that remember what was read of them."""

    def __init__(self, values: Floats = VALUES) -> None:
        self.width, self._values = values.shape[1], values
        self.reads: list[tuple[int, int, tuple[int, ...]]] = []

    def __len__(self) -> int:
        return len(self._values)

    def read(self, start: int, stop: int, positions: Sequence[int]) -> Floats:
        self.reads.append((start, stop, tuple(positions)))
        return self._values[start:stop, list(positions)]


SPANS = st.slices(len(VALUES))
PLACES = st.integers(-len(VALUES), len(VALUES) - 1)
KEYS = st.one_of(
    PLACES, SPANS, st.tuples(PLACES, st.integers(-3, 2)), st.tuples(SPANS, st.integers(-3, 2)),
    st.tuples(SPANS, st.slices(3)), st.tuples(PLACES, st.slices(3)), st.tuples(SPANS, st.just([2, 0])),
    st.just(VALUES[:, 1] == 3), st.just([1, 5, 2]),
)  # fmt: skip


@given(KEYS)
def test_any_index_gives_what_it_gives_of_the_array(key: Any) -> None:
    assert np.array_equal(np.asarray(Rows(Asked())[key]), VALUES[key])


@given(SPANS.filter(lambda span: (span.step or 1) == 1), KEYS)
def test_a_part_of_the_rows_is_indexed_like_that_part_of_the_array(span: slice, key: Any) -> None:
    part = VALUES[span]
    try:
        expected = part[key]
    except IndexError:
        with pytest.raises(IndexError):
            Rows(Asked())[span][key]
    else:
        assert np.array_equal(np.asarray(Rows(Asked())[span][key]), expected)


@pytest.mark.parametrize(
    ("key", "reads"),
    [
        (slice(3, 9), []),
        ((slice(None), 2), [(0, 23, (2,))]),
        ((slice(4, 6), 1), [(4, 6, (1,))]),
        ((slice(4, 6), [2, 0]), [(4, 6, (2, 0))]),
        (-1, [(22, 23, (0, 1, 2))]),
        ((-1, 1), [(22, 23, (0, 1, 2))]),
    ],
)
def test_no_more_is_read_than_was_asked_for(key: Any, reads: list[Any]) -> None:
    store = Asked()
    Rows(store)[key]
    assert store.reads == reads


def test_all_rows_are_gone_through_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "BATCH", 10)
    store = Asked()
    assert np.array_equal(np.array(list(Rows(store))), VALUES)
    assert [(start, stop) for start, stop, _ in store.reads] == [(0, 10), (10, 20), (20, 23)]
    assert [len(batch) for batch in batches_of(VALUES)] == [10, 10, 3]


def test_a_renumbered_column_leaves_the_rows_themselves_alone() -> None:
    rows = Rows(Renumbered(VALUES, 1, old=2.0, new=0.0))
    assert set(rows[:, 1]) == {0.0, 1.0, 3.0, 4.0, 5.0}
    assert np.array_equal(rows[:, [2, 1]][:, 0], VALUES[:, 2])
    assert set(VALUES[:, 1]) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}


# --- on the disk ------------------------------------------------------------------------------------------------------


def journal_of(path: Path, values: Floats = VALUES) -> SampleJournal:
    journal = SampleJournal(path, COLUMNS, fsync=False)
    journal.extend(values)
    return journal


@pytest.mark.parametrize("block", [100, 2**22])
def test_a_journal_and_its_table_hold_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(journals, "_BLOCK", block)
    monkeypatch.setattr(rows_module, "BATCH", 10)
    journal_of(tmp_path / "samples.journal").close()
    journal = Journal(tmp_path / "samples.journal")
    write_parquet(tmp_path / "samples.parquet", COLUMNS, journal.rows)
    for rows in (journal.rows, TableStore(tmp_path / "samples.parquet").rows):
        assert np.array_equal(rows, VALUES)
        for key in (np.s_[7:15, 1], np.s_[9:21, [2, 0]], np.s_[:, 2], np.s_[-1], np.s_[11]):
            assert np.array_equal(rows[key], VALUES[key])


def test_what_a_test_was_given_stays_what_it_was_while_the_run_goes_on_and_ends(tmp_path: Path) -> None:
    run = Run(tmp_path, TestIdentity("t.py::test", "test", "Title"), {}, now=lambda: 0.0)
    run.begin(COLUMNS, fsync=False)
    assert run.journal is not None
    run.journal.extend(VALUES[:10])
    seen, unseen = run.record().rows, run.record().rows
    assert np.array_equal(seen, VALUES[:10])
    run.journal.extend(VALUES[10:])
    assert seen.shape == unseen.shape == (10, 3)
    run.end(Verdict.PASS, None)
    assert not (run.folder / "samples.journal").exists()
    for rows in (seen, unseen):
        assert np.array_equal(rows, VALUES[:10])


def test_a_row_is_there_at_once_for_whoever_asks_though_its_second_is_not_over(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path / "samples.journal", COLUMNS, fsync=False)
    journal.append([0.25, 1.0, 3.2])
    assert journal.rows[-1].tolist() == [0.25, 1.0, 3.2]
    journal.close()


def test_rows_that_the_disk_has_not_kept_are_a_bench_fault_and_not_other_numbers(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "samples.journal")
    rows = journal.rows
    data = bytearray((tmp_path / "samples.journal").read_bytes())
    data[-40] ^= 4
    (tmp_path / "samples.journal").write_bytes(data)
    with pytest.raises(BenchFault, match="has not kept what was recorded") as caught:
        rows[:, 2]
    assert caught.value.fault == "recording-failed"
    journal.close()


MEMORY = """
import resource, sys, tracemalloc
from pathlib import Path
import numpy as np
from bench.columns import DERIVED
from bench.recording.run import Run, TestIdentity
from bench.verdicts import Verdict

run = Run(Path(sys.argv[1]), TestIdentity("t.py::test", "test", "Title"), {}, now=lambda: 0.0)
run.begin(DERIVED, fsync=False)
tracemalloc.start()
for number in range(5000):
    run.journal.append([float(number)] * len(DERIVED))
    held = run.record().rows if number % 1000 == 0 else held
appended = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
block = np.random.default_rng(0).normal(size=(5000, len(DERIVED)))
for start in range(5000, int(sys.argv[2]), len(block)):
    block[:, 0] = np.arange(start, start + len(block))
    run.journal.extend(block)
assert len(run.record().rows[:, 2]) == int(sys.argv[2])
run.end(Verdict.PASS, None)
print(appended, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(os.name != "posix", reason="what a process has used at most cannot be asked here")
def test_memory_of_a_run_and_of_its_end_does_not_depend_on_its_length(tmp_path: Path) -> None:
    def used(count: int) -> tuple[int, int]:
        command = [sys.executable, "-c", MEMORY, str(tmp_path / str(count)), str(count)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=300).stdout
        appended, peak = map(int, answer.split())
        return appended, peak * 1024

    (appended, shorter), (_, longer) = used(100_000), used(400_000)
    row = 8 * len(DERIVED)
    assert appended < 5000 * row / 2
    # A column is 8 bytes a row while it is held; the rows themselves would be 60 MB more.
    assert longer - shorter < 300_000 * row / 3
