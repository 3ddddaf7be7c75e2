"""The recorder: what was flushed survives a torn tail, a killed process and a full disk."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.columns import STEP
from bench.recording.recorder import FLUSHES_PER_LOOK, JournalError, SampleJournal, read_journal, write_parquet
from bench.verdicts import BenchFault

COLUMNS = ("Test Time / s", "Voltage / V")


def journal_of(path: Path, *rows: list[float]) -> Path:
    journal = SampleJournal(path, COLUMNS, fsync=False)
    for row in rows:
        journal.append(row)
    journal.close()
    return path


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats()), max_size=20))
def test_what_is_appended_is_what_is_read(tmp_path: Path, rows: list[tuple[float, float]]) -> None:
    columns, read = read_journal(journal_of(tmp_path / "j", *[list(row) for row in rows]))
    assert tuple(columns) == COLUMNS
    assert read.tobytes() == np.asarray(rows, dtype="<f8").reshape(len(rows), 2).tobytes()


def test_a_journal_torn_at_any_byte_gives_every_whole_row_before_it(tmp_path: Path) -> None:
    whole = journal_of(tmp_path / "j", [0.0, 3.0], [1.0, 3.1], [2.0, 3.2])
    data = whole.read_bytes()
    frame = 2 * 8 + 4
    header = len(data) - 3 * frame
    torn = tmp_path / "torn"
    for length in range(len(data) + 1):
        torn.write_bytes(data[:length])
        if length < header:
            with pytest.raises(JournalError):
                read_journal(torn)
        else:
            assert read_journal(torn)[1][:, 0].tolist() == [0.0, 1.0, 2.0][: (length - header) // frame]


def test_a_damaged_row_is_not_believed_and_costs_no_other(tmp_path: Path) -> None:
    path = journal_of(tmp_path / "j", [0.0, 3.0], [1.0, 3.1], [2.0, 3.2])
    data = bytearray(path.read_bytes())
    data[-30] ^= 1  # inside the second of three rows
    path.write_bytes(data)
    assert read_journal(path)[1].tolist() == [[0.0, 3.0], [2.0, 3.2]]


@pytest.mark.parametrize("content", [b"", b"PBJ1", b"not a journal at all", b"PBJ1\xff\xff\xff\xff garbage"])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError, match="j"):
        read_journal(tmp_path / "j")


@given(content=st.binary(max_size=100))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(b"PBJ1" + content)
    try:
        read_journal(tmp_path / "j")
    except JournalError:
        return


def test_rows_reach_the_operating_system_once_a_second_of_bench_time(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path / "j", COLUMNS, fsync=True)
    seen = []
    for tenth in range(25):
        journal.append([tenth / 10, 3.0])
        seen.append(len(read_journal(journal.path)[1]))
    assert seen == [0] * 10 + [11] * 10 + [21] * 5
    journal.close()
    assert len(read_journal(journal.path)[1]) == 25


def test_a_journal_may_be_closed_again(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path / "j", COLUMNS, fsync=False)
    journal.append([0.0, 3.0])
    journal.close()
    journal.close()
    assert np.asarray(journal.rows).tolist() == [[0.0, 3.0]]


def test_an_empty_table_still_has_its_columns(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path / "j", COLUMNS, fsync=False)
    assert journal.rows.shape == (0, 2)
    write_parquet(tmp_path / "t.parquet", journal.columns, journal.rows)
    journal.close()
    assert pq.read_table(tmp_path / "t.parquet").column_names == list(COLUMNS)


def test_a_folder_that_is_not_there_is_a_bench_fault(tmp_path: Path) -> None:
    with pytest.raises(BenchFault, match=r"cannot be recorded.*--runs"):
        SampleJournal(tmp_path / "nowhere" / "j", COLUMNS, fsync=False)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_holds_the_same_numbers_and_whole_step_numbers(tmp_path: Path) -> None:
    rows = np.array([[0.0, 1.0, 3.25], [1.0, 2.0, np.nan]])
    write_parquet(tmp_path / "t.parquet", ("Test Time / s", STEP, "Voltage / V"), rows)
    table = pq.read_table(tmp_path / "t.parquet")
    assert [str(field.type) for field in table.schema] == ["double", "int32", "double"]
    assert table.column(STEP).to_pylist() == [1, 2]
    assert np.array_equal(table.column("Voltage / V").to_numpy(), [3.25, np.nan], equal_nan=True)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(5000, 2))
    for name in ("one", "two"):
        write_parquet(tmp_path / name, COLUMNS, rows)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    write_parquet(tmp_path / "three", COLUMNS, rows + 1e-12)
    assert (tmp_path / "three").read_bytes() != (tmp_path / "one").read_bytes()


def test_a_table_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(BenchFault, match="cannot be recorded"):
        write_parquet(tmp_path / "t.parquet", COLUMNS, np.zeros((1, 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


# --- processes that do not end well -----------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]

RECORD = """
import json, sys
from pathlib import Path
from bench.recording.recorder import FLUSHES_PER_LOOK, SampleJournal
from bench.verdicts import BenchFault

{prepare}
journal = SampleJournal(Path(sys.argv[1]), ("Test Time / s", "Voltage / V"), fsync=False)
time = 0.0
try:
    while time < 100_000:
        journal.append([time, 3.0])
        if time == 1234.5:
            print(json.dumps(time), flush=True)
            {at_1234}
        time += 0.5
except BenchFault as fault:
    print(json.dumps([time, str(fault)]), flush=True)
    try:
        journal.close()
    except BenchFault:
        print(json.dumps("closed"), flush=True)
"""


def record(path: Path, prepare: str = "", at_1234: str = "pass") -> subprocess.Popen[str]:
    """Record rows half a second of bench time apart, in a process of its own."""
    script = RECORD.format(prepare=prepare, at_1234=at_1234)
    return subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process cannot be killed like that here")
def test_a_killed_process_loses_at_most_the_last_second(tmp_path: Path) -> None:
    process = record(tmp_path / "j", at_1234="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    last = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == -signal.SIGKILL
    _, rows = read_journal(tmp_path / "j")
    assert rows[-1, 0] >= last - 1.0
    assert rows[:, 0].tolist() == [i / 2 for i in range(len(rows))]


@pytest.mark.skipif(os.name != "posix", reason="file sizes cannot be limited here")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is open")
def test_a_journal_that_somebody_removes_is_noticed_within_its_second(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path / "j", COLUMNS, fsync=True)
    journal.append([0.0, 3.0])
    (tmp_path / "j").unlink()
    journal.append([0.5, 3.0])
    with pytest.raises(BenchFault, match="was removed by somebody") as caught:
        journal.append([1.0, 3.0])
    assert caught.value.fault == "recording-failed"
    with pytest.raises(BenchFault, match="was removed by somebody"):
        journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is open")
def test_where_time_is_not_real_it_is_noticed_within_a_few_flushes_and_at_the_end(tmp_path: Path) -> None:
    journal = SampleJournal(tmp_path / "j", COLUMNS, fsync=False)
    (tmp_path / "j").unlink()
    until_it_looks = FLUSHES_PER_LOOK - 1  # it has looked when it wrote the header
    for second in range(1, until_it_looks + 1):
        journal.append([float(second), 3.0])
    with pytest.raises(BenchFault, match="was removed by somebody"):
        journal.append([FLUSHES_PER_LOOK, 3.0])
    with pytest.raises(BenchFault, match="was removed by somebody"):
        journal.close()


def test_a_full_disk_is_one_bench_fault_and_everything_before_it_is_kept(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))"
    process = record(tmp_path / "j", prepare=limit)
    (time, sentence), closed = map(json.loads, process.communicate(timeout=60)[0].splitlines())
    assert sentence.startswith("Samples cannot be recorded: ")
    assert "--runs" in sentence
    assert closed == "closed"
    _, rows = read_journal(tmp_path / "j")
    assert len(rows) == pytest.approx(10_000 / 20, abs=10)
    assert rows[:, 0].tolist() == [i / 2 for i in range(len(rows))]
    assert rows[-1, 0] >= time - 2.0
