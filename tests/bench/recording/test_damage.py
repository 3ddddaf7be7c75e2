"""One flipped bit, a lost sector, bytes too many: what is read is what was written, or the damage is told.

Never other values without a word, never a traceback; and recordings from before there were checksums read as before.
"""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench.columns import STEP, TEST_TIME
from bench.recording.eventlog import EventLog, read_events, sealed_line
from bench.recording.journal import Journal, JournalError, Layout, header_of
from bench.recording.manifest import CHECKSUM, RecordingError, read_manifest
from bench.recording.past import PastRun
from bench.recording.reading import read_run
from bench.recording.recorder import SampleJournal
from bench.recording.run import Run, TestIdentity
from bench.recording.runs import list_runs
from bench.recording.table import TableStore, write_parquet
from bench.verdicts import Cause, InputError, Verdict
from reports import kpi
from reports.recording import Recording
from tests.bench.cli_support import CAPACITY, DISCHARGE, discharge_rows, packbench_here, record

pytestmark = pytest.mark.dear(30)

OLD = Path(__file__).parents[2] / "recordings"
COLUMNS = (TEST_TIME, STEP, "Voltage / V")
FLIPS = 300


def flip(path: Path, place: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


# --- every file of a run, anywhere ------------------------------------------------------------------------------------


class Known(NamedTuple):
    """What is to be read of a run: its manifest, its events, its samples."""

    manifest: dict[str, Any]
    events: list[Any]
    samples: bytes


def known(folder: Path) -> tuple[Known, tuple[str, ...]]:
    run = read_run(folder)
    return Known(run.manifest, list(run.events), np.asarray(run.rows).tobytes()), run.damage


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cause = Cause("pack", "discharge capacity: 1.2 Ah", DISCHARGE, 3600.0, fault="requirement-missed")
    return record(tmp_path_factory.mktemp("ended"), CAPACITY, verdict=Verdict.FAIL, cause=cause)


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("died"), verdict=None)


@pytest.mark.parametrize(
    ("state", "file"),
    [
        ("ended", "run.json"), ("ended", "events.jsonl"), ("ended", "samples.parquet"),
        ("died", "run.json"), ("died", "events.jsonl"), ("died", "samples.journal"),
    ],
)  # fmt: skip
def test_a_flipped_bit_is_told_or_changes_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, state: str, file: str
) -> None:
    whole: Path = request.getfixturevalue(state)
    expected, damage = known(whole)
    assert damage == ()
    folder = Path(shutil.copytree(whole, tmp_path / "day" / "run"))
    data, chance, told = (whole / file).read_bytes(), random.Random(f"{state} {file}"), 0
    for part in range(FLIPS):  # everywhere in the file, from its first byte to its last
        place = min(len(data) - 1, int((part + chance.random()) * len(data) / FLIPS))
        (folder / file).write_bytes(data)
        flip(folder / file, place, chance.randrange(8))
        try:
            found, damage = known(folder)
        except RecordingError as error:
            found, damage = None, (str(error),)
        told += bool(damage)
        assert all(len(sentence.splitlines()) == 1 for sentence in damage)
        if found is not None:
            assert damage or same(found, expected), f"byte {place} of {file}: other values, and not a word"
            assert all(event in expected.events for event in found.events)
            assert_rows_of(folder, found, expected)
    assert told > FLIPS * 0.9


def same(found: Known, expected: Known) -> bool:
    # A key whose own name was hit stands beside what everybody reads.
    manifest = {key: found.manifest.get(key) for key in expected.manifest}
    return (manifest, found.events, found.samples) == (expected.manifest, expected.events, expected.samples)


def assert_rows_of(folder: Path, found: Known, expected: Known) -> None:
    width = len(read_run(folder).columns)
    rows, whole = (np.frombuffer(samples).reshape(-1, width) for samples in (found.samples, expected.samples))
    kept = np.isin(whole[:, 0], rows[:, 0])
    assert np.array_equal(rows, whole[kept], equal_nan=True)
    assert len(rows) >= len(whole) - 1


@pytest.mark.parametrize("command", [("judge",), ("export", "--to", "csv", "--force")])
@pytest.mark.parametrize("file", ["run.json", "events.jsonl", "samples.parquet"])
def test_a_command_tells_it_in_a_sentence_or_gives_what_it_gave(
    ended: Path, tmp_path: Path, command: tuple[str, ...], file: str
) -> None:
    folder = Path(shutil.copytree(ended, tmp_path / "day" / "run"))
    data, chance = (folder / file).read_bytes(), random.Random(file)
    for _ in range(25):
        (folder / file).write_bytes(data)
        flip(folder / file, chance.randrange(len(data)), chance.randrange(8))
        output = () if command[0] == "judge" else ("--output", tmp_path / "x.csv")
        answer = packbench_here(command[0], folder, *command[1:], *output, "--json")
        told = answer.err.splitlines()
        assert "Traceback" not in answer.err
        if answer.status == 2:
            assert len(told) == 1
            assert str(folder) in told[0]
        else:
            assert answer.status == (1 if command[0] == "judge" else 0)
            assert [line.removeprefix("packbench: DAMAGED: ") for line in told] == json.loads(answer.out)["damage"]


@pytest.mark.parametrize("recorded", ["ended", "died"])
@pytest.mark.parametrize("file", ["run.json", "events.jsonl", "samples.*"])
def test_a_run_without_checksums_is_never_a_traceback(tmp_path: Path, recorded: str, file: str) -> None:
    folder = Path(shutil.copytree(OLD / f"{recorded}-9e90314", tmp_path / "day" / "run"))
    (path,) = folder.glob(file)
    data, chance = path.read_bytes(), random.Random(file)
    for _ in range(40):
        path.write_bytes(data)
        flip(path, chance.randrange(len(data)), chance.randrange(8))
        answer = packbench_here("judge", folder)
        assert answer.status in (0, 1, 2, 3)
        assert answer.status != 2 or len(answer.err.splitlines()) == 1
        list_runs(tmp_path)


# --- what was recorded before -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "digest", "events", "verdict"),
    [
        ("ended-9e90314", 65, "58dbb625767e2aa9491c2b079552815db5e3041eaaac47a43c5be571d20b8de3", 11, "PASS"),
        ("died-9e90314", 32, "4e9c5a066962b1ec5dc7befad37ded7002c78b98c915b2a6e8338a37fd3f779c", 5, None),
    ],
)
def test_a_run_recorded_before_there_were_checksums_reads_as_it_did(
    name: str, rows: int, digest: str, events: int, verdict: str | None
) -> None:
    from hashlib import sha256

    run = Recording.load(OLD / name)
    assert (run.rows.shape, len(run.events), run.manifest["verdict"]) == ((rows, 79), events, verdict)
    assert sha256(np.asarray(run.rows).tobytes()).hexdigest() == digest
    assert run.damage == ()
    assert kpi.capacity(run, 1).value == pytest.approx(0.005397222)


def test_a_run_recorded_before_is_still_continued() -> None:
    past = PastRun.load(OLD / "died-9e90314")
    assert past.interrupted is not None
    assert (past.interrupted.index, len(past.rows), past.damage) == (2, 32, ())


# --- the journal ------------------------------------------------------------------------------------------------------


def rows_of(count: int) -> list[list[float]]:
    return [[float(number), 1.0, 3.0 + number / 100] for number in range(count)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    writing = SampleJournal(tmp_path / "samples.journal", COLUMNS, fsync=False)
    for row in rows_of(40):
        writing.append(row)
    writing.close()
    return writing.path


FRAME = Layout(len(header_of(COLUMNS)), len(COLUMNS))


def frame(number: int) -> int:
    """Where a frame of the journal begins."""
    return FRAME.start + number * FRAME.size


Change = Callable[[bytearray], None]


def overwrite(start: int, stop: int) -> Change:
    def change(data: bytearray) -> None:
        data[start:stop] = b"\xff" * (stop - start)

    return change


def cut_out(start: int, stop: int) -> Change:
    def change(data: bytearray) -> None:
        del data[start:stop]

    return change


def put_in(place: int, extra: bytes) -> Change:
    def change(data: bytearray) -> None:
        data[place:place] = extra

    return change


@pytest.mark.parametrize(
    ("change", "lost", "told"),
    [
        (overwrite(frame(7), frame(7) + 3), [7], "1 sample is damaged and left out, between 6.0 s and 8.0 s"),
        (
            overwrite(frame(7), frame(19) + 1),
            range(7, 20),
            "13 samples are damaged and left out, between 6.0 s and 20.0 s",
        ),
        (overwrite(frame(0), frame(1)), [0], "1 sample is damaged and left out, before 1.0 s"),
        (overwrite(frame(39), frame(39) + 9), [39], "1 sample is damaged and left out, after 38.0 s"),
        (overwrite(frame(30), frame(40)), range(30, 40), "10 samples are damaged and left out, after 29.0 s"),
        (
            cut_out(frame(5) + 3, frame(5) + 8),
            [5],
            "at least 1 sample is damaged and left out, between 4.0 s and 6.0 s",
        ),
        (
            cut_out(frame(5) + 3, frame(11) + 8),
            range(5, 12),
            "at least 1 sample is damaged and left out, between 4.0 s and 12.0 s",
        ),
        (put_in(frame(5) + 3, b"\r"), [5], "at least 1 sample is damaged and left out, between 4.0 s and 6.0 s"),
        (put_in(frame(5), b"x" * 1000), [], "damaged and left out, between 4.0 s and 5.0 s"),
        (put_in(frame(40), bytes(4096)), [], "damaged and left out, after 39.0 s"),
    ],
)
def test_frames_behind_damage_are_found_again_and_the_gap_is_told(
    journal: Path, change: Change, lost: range | list[int], told: str
) -> None:
    data = bytearray(journal.read_bytes())
    change(data)
    journal.write_bytes(data)
    found = Journal(journal)
    assert np.asarray(found.rows).tolist() == [row for number, row in enumerate(rows_of(40)) if number not in lost]
    (sentence,) = found.told()
    assert told in sentence
    assert found.lost >= max(1, len(lost)) or "at least" in sentence


def test_damage_in_many_places_is_counted_and_the_first_places_are_named(journal: Path) -> None:
    for number in (3, 9, 10, 20, 25, 39):
        flip(journal, frame(number) + 5, 3)
    found = Journal(journal)
    assert (found.lost, len(found.rows)) == (6, 34)
    (sentence,) = found.told()
    assert sentence == (
        "samples.journal: 6 samples are damaged and left out, between 2.0 s and 4.0 s and between 8.0 s and 11.0 s and "
        "between 19.0 s and 21.0 s and in 2 more places."
    )


@pytest.mark.parametrize("place", [0, 5, 30, FRAME.start - 2])
def test_damaged_column_names_are_taken_from_the_manifest(journal: Path, place: int) -> None:
    flip(journal, place, 2)
    with pytest.raises(JournalError):
        Journal(journal)
    found = Journal(journal, COLUMNS)
    assert np.asarray(found.rows).tolist() == rows_of(40)
    assert "taken from the manifest" in found.told()[0]


def test_the_torn_end_of_a_killed_process_is_no_damage(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[:-3])
    found = Journal(journal)
    assert (len(found.rows), found.told()) == (39, ())


def test_damage_of_an_open_journal_is_in_the_manifest_and_the_journal_stays(tmp_path: Path) -> None:
    run = Run(tmp_path, TestIdentity("t.py::test", "test", "Title"), {}, now=lambda: 0.0)
    run.begin(COLUMNS, fsync=False)
    assert run.journal is not None
    for row in rows_of(40):
        run.journal.append(row)
    run.journal.flush()
    flip(run.folder / "samples.journal", frame(7) + 8, 1)
    run.end(Verdict.PASS, None)
    assert (run.folder / "samples.journal").exists()
    read = read_run(run.folder)
    assert np.array_equal(read.rows, [row for row in rows_of(40) if row[0] != 7])
    assert read.damage == ("samples.journal: 1 sample is damaged and left out, between 6.0 s and 8.0 s.",)


# --- the table --------------------------------------------------------------------------------------------------------


def test_a_page_that_does_not_fit_its_checksum_is_never_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(5000, 3))
    path = tmp_path / "samples.parquet"
    write_parquet(path, COLUMNS, rows)
    column = pq.ParquetFile(path).metadata.row_group(0).column(2)
    flip(path, (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size // 2, 4)
    store = TableStore(path)  # without a manifest that knows the file
    assert np.array_equal(store.rows[:, 0], rows[:, 0])
    with pytest.raises(RecordingError, match="is damaged, nothing in it is believed"):
        store.rows[:, 2]


def test_a_table_that_is_not_the_one_of_the_manifest_is_refused_whole(tmp_path: Path) -> None:
    folder = record(tmp_path)
    write_parquet(folder / "samples.parquet", COLUMNS, np.array(rows_of(40)))
    with pytest.raises(RecordingError, match=r"samples\.parquet is damaged: it does not fit the checksum") as refused:
        read_run(folder)
    assert "Restore it from a copy" in str(refused.value)


def test_a_journal_beside_a_table_that_was_not_finished_counts(tmp_path: Path) -> None:
    folder = record(tmp_path, verdict=None)
    write_parquet(folder / "samples.parquet", COLUMNS, np.array(rows_of(4)))
    assert len(read_run(folder).rows) == len(discharge_rows())


# --- events -----------------------------------------------------------------------------------------------------------

EVENTS: list[dict[str, Any]] = [
    {"time": float(number), "type": "message", "text": f'Prüfling {number} \N{ROCKET} {{"crc": 1}}'}
    for number in range(5)
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    writing = EventLog(tmp_path / "events.jsonl")
    writing.append(EVENTS, fsync=False)
    writing.close()
    return tmp_path / "events.jsonl"


def test_an_intact_log_is_what_was_logged(log: Path) -> None:
    assert read_events(log) == (EVENTS, ())


@pytest.mark.parametrize(
    ("change", "kept", "damage"),
    [
        (lambda lines: [lines[0], b"\n", *lines[2:]], [0, 2, 3, 4], ("events.jsonl: line 2 is damaged and left out.",)),
        (lambda lines: [lines[0].replace(b"0.0", b"0.5"), *lines[1:]], [1, 2, 3, 4], ("line 1 is",)),
        (lambda lines: [line[:-9] + b"}\n" for line in lines[:2]] + lines[2:], [2, 3, 4], ("lines 1, 2 are",)),
        (lambda lines: [lines[0][:-1] + b"\x0b" + lines[1], *lines[2:]], [0, 1, 2, 3, 4], ("line 1 is",)),
        (lambda lines: [*lines[:4], lines[4][:20]], [0, 1, 2, 3], ()),
        (lambda lines: [line[:-1] + b"\r\n" for line in lines], [0, 1, 2, 3, 4], ()),
        (lambda lines: [*lines, b'{"time": 9.0, "type": "message"}\n'], [0, 1, 2, 3, 4], ("line 6 is",)),
    ],
    ids=["emptied", "another time", "no checksums", "merged", "torn", "copied by Windows", "added by hand"],
)
def test_a_damaged_line_costs_that_line_and_is_told(
    log: Path, change: Callable[[list[bytes]], list[bytes]], kept: list[int], damage: tuple[str, ...]
) -> None:
    log.write_bytes(b"".join(change(log.read_bytes().splitlines(keepends=True))))
    events, told = read_events(log)
    assert events == [EVENTS[number] for number in kept]
    assert len(told) == len(damage)
    assert all(words in sentence for words, sentence in zip(damage, told, strict=True))


def test_events_that_are_gone_from_a_run_that_ended_are_missed(tmp_path: Path) -> None:
    folder = record(tmp_path)
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines[:1] + lines[3:]))
    assert read_run(folder).damage == ("events.jsonl: 2 of the events that were logged are missing.",)


def test_a_line_says_of_itself_whether_it_is_intact() -> None:
    line = sealed_line({"time": 1.0, "type": "message"})
    assert {key: value for key, value in json.loads(line).items() if key != "crc"} == {"time": 1.0, "type": "message"}


# --- the manifest -----------------------------------------------------------------------------------------------------


def test_a_manifest_that_says_something_else_is_refused_and_how_to_believe_it_is_said(tmp_path: Path) -> None:
    folder = record(tmp_path, CAPACITY, verdict=Verdict.FAIL)
    path = folder / "run.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"at_least": 1.9', '"at_least": 0.9'), encoding="utf-8")
    answer = packbench_here("judge", folder)
    assert answer.status == 2
    assert "does not fit its checksum" in answer.err
    assert f"take its key {CHECKSUM!r} out" in answer.err
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != CHECKSUM}))
    assert packbench_here("judge", folder).status == 1


def test_a_manifest_may_be_written_in_another_way_that_says_the_same(tmp_path: Path) -> None:
    path = record(tmp_path) / "run.json"
    before = read_manifest(path.parent)
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text(encoding="utf-8")).items()))))
    assert read_manifest(path.parent) == before


def test_the_list_of_runs_says_why_and_what_the_events_still_know(tmp_path: Path) -> None:
    cause = Cause("pack", "cell under-voltage: 2.3 V.", DISCHARGE, 3000.0)
    flip(record(tmp_path, verdict=Verdict.FAIL, cause=cause) / "run.json", 900, 0)
    (run,) = list_runs(tmp_path)
    assert (run.state, run.verdict) == ("unreadable", None)
    assert "Its run.json cannot be read: " in str(run.cause)
    assert "Its events.jsonl says that it ended with FAIL: cell under-voltage: 2.3 V." in str(run.cause)


# --- who is told ------------------------------------------------------------------------------------------------------


@pytest.fixture
def gappy(tmp_path: Path) -> Path:
    """A run that died, of whose samples one is damaged."""
    folder = record(tmp_path, verdict=None)
    layout = Layout(len(header_of(read_run(folder).columns)), len(read_run(folder).columns))
    flip(folder / "samples.journal", layout.start + 10 * layout.size + 9, 6)
    return folder


GAP = "samples.journal: 1 sample is damaged and left out, between 540.0 s and 660.0 s."


def test_judge_and_export_say_it_before_anything_else(gappy: Path, tmp_path: Path) -> None:
    judged = packbench_here("judge", gappy, "--json")
    assert judged.err.splitlines() == [f"packbench: DAMAGED: {GAP}"]
    assert json.loads(judged.out)["damage"] == [GAP]
    exported = packbench_here("export", gappy, "--to", "csv", "--output", tmp_path / "x.csv")
    assert exported.err.splitlines() == [f"packbench: DAMAGED: {GAP}"]
    assert len((tmp_path / "x.csv").read_text().splitlines()) == len(discharge_rows())


def test_a_continuation_is_told_and_a_table_that_cannot_be_believed_is_not_continued(
    gappy: Path, tmp_path: Path
) -> None:
    assert PastRun.load(gappy).damage == (GAP,)
    folder = record(tmp_path / "b", verdict=Verdict.ABORTED)
    flip(folder / "samples.parquet", 2000, 0)
    with pytest.raises(InputError, match=r"--resume: .*samples\.parquet is damaged"):
        PastRun.load(folder)


def test_a_recording_carries_it(gappy: Path) -> None:
    run = Recording.load(gappy)
    assert run.damage == (GAP,)
    assert replace(run, manifest={}).damage == (GAP,)
