"""A real disk that is really full: verdict and first cause survive, the journal stays, and nothing blames the pack.

A small file system in memory is the disk, and another file fills it. Where that cannot be mounted the limit that the
operating system puts on a file takes its place, and the tests that need a whole full disk are skipped.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.recording.reading import read_run
from bench.recording.rewritten import RewrittenFile
from bench.recording.run import LAST_WORDS, Run, TestIdentity
from bench.recording.session_log import Session, SessionLog, last_session
from bench.verdicts import BenchFault, Cause, Verdict
from tests.bench.cli_support import packbench_here

ROOT = Path(__file__).parents[3]
COLUMNS = ("Test Time / s", "Step Count / 1", "Voltage / V")
SIZE = 2**21


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, timeout=30)


def fill(disk: Path) -> None:
    """Take every byte that is left."""
    with (disk / "somebody else").open("ab", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def begun(disk: Path) -> Run:
    run = Run(disk / "runs", TestIdentity("t.py::test", "test", "Title"), {"pack": {"capacity": 2.0}}, now=lambda: 99.0)
    run.begin(COLUMNS, fsync=True)
    return run


def append(run: Run, start: int, stop: int) -> None:
    assert run.journal is not None
    for number in range(start, stop):
        run.journal.append([float(number), 1.0, 3.0 + number / 1000])


def manifest_of(run: Run) -> dict[str, Any]:
    return json.loads((run.folder / "run.json").read_text(encoding="utf-8"))


# --- the end of a run -------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_while_recording_keeps_verdict_cause_events_and_rows(disk: Path) -> None:
    run = begun(disk)
    append(run, 0, 500)
    fill(disk)
    # A disk that is full takes what still fits into its last block.
    with pytest.raises(BenchFault, match="cannot be recorded") as refused:
        append(run, 500, 2000)
    run.fault(Cause("bench", str(refused.value), "charge", 500.0, fault=refused.value.fault))
    run.event("step ended", index=1, name="charge", duration=500.0, ended_by="a full disk", reached={})
    with suppress(BenchFault):  # the table may find room in what was reserved, or not
        run.end(Verdict.BENCH_FAULT, {"safe": True, "steps": [{"name": "sink off", "detail": "x" * 200}] * 8})
    manifest = manifest_of(run)
    assert (manifest["state"], manifest["verdict"], manifest["cause"]["step"]) == ("ended", "BENCH FAULT", "charge")
    assert len(manifest["bench_verdict"]["steps"]) == 8
    read = read_run(run.folder)
    assert read.damage == ()
    assert [event["type"] for event in read.events] == [
        "run started", "message", "step ended", "safe state", "run ended",
    ]  # fmt: skip
    assert np.array_equal(read.rows[:, 0], np.arange(len(read.rows)))
    assert len(read.rows) >= 501


@pytest.mark.skipif(sys.platform == "win32", reason="limits the descriptors of this process")
def test_a_process_that_may_open_no_more_files_concludes_its_run(tmp_path: Path) -> None:
    import resource

    run = begun(tmp_path)
    append(run, 0, 500)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    leaked: list[int] = []
    highest = max(int(each.name) for each in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 5, limits[1]))
    try:
        with suppress(OSError):
            while True:
                leaked.append(os.open(os.devnull, os.O_RDONLY))
        run.end(Verdict.PASS, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in leaked:
            os.close(descriptor)
    assert manifest_of(run)["verdict"] == "PASS"
    assert read_run(run.folder).damage == ()
    assert len(read_run(run.folder).rows) == 500
    assert (run.folder / "samples.parquet").exists()


def test_a_disk_that_is_full_when_the_run_ends_keeps_the_verdict_and_the_journal(disk: Path) -> None:
    run = begun(disk)
    append(run, 0, 12_000)
    fill(disk)
    with pytest.raises(BenchFault, match="cannot be recorded") as refused:
        _end_while_somebody_takes_what_is_given_back(run, disk)
    assert refused.value.fault == "recording-failed"
    manifest = manifest_of(run)
    assert (manifest["state"], manifest["verdict"]) == ("ended", "BENCH FAULT")
    assert manifest["cause"]["fault"] == "recording-failed"
    assert manifest["samples"]["file"] == "samples.journal"
    assert not list(run.folder.glob("*.partial"))
    read = read_run(run.folder)
    assert (len(read.rows), read.damage) == (12_000, ())


def _end_while_somebody_takes_what_is_given_back(run: Run, disk: Path) -> None:
    """End a run beside a process that takes every byte as soon as it is free: at the worst moments there are."""
    keep_verdict = run._keep_verdict

    def keep_and_lose() -> None:
        keep_verdict()
        fill(disk)

    run._keep_verdict = keep_and_lose  # type: ignore[method-assign]
    run.end(Verdict.PASS, None)


def test_what_went_wrong_before_the_disk_filled_up_stays_the_first_cause(disk: Path) -> None:
    run = begun(disk)
    append(run, 0, 100)
    run.fault(Cause("pack", "cell over-voltage: 3.9 V", "charge", 50.0, "cell over-voltage", "cell-over-voltage"))
    fill(disk)
    with pytest.raises(BenchFault):
        _end_while_somebody_takes_what_is_given_back(run, disk)
    manifest = manifest_of(run)
    assert manifest["cause"]["text"] == "cell over-voltage: 3.9 V"
    assert manifest["verdict"] == "BENCH FAULT"


def test_judging_a_run_whose_table_found_no_room_reads_its_journal(disk: Path) -> None:
    run = begun(disk)
    append(run, 0, 100)
    fill(disk)
    with pytest.raises(BenchFault):
        _end_while_somebody_takes_what_is_given_back(run, disk)
    answer = packbench_here("judge", run.folder, "--json")
    assert (answer.status, json.loads(answer.out)["verdict"]) == (3, "BENCH FAULT")
    assert answer.err == ""


# --- the start --------------------------------------------------------------------------------------------------------


def test_a_run_does_not_begin_where_its_end_would_find_no_room(disk: Path) -> None:
    fill(disk)
    with (disk / "somebody else").open("r+b") as file:
        file.truncate(SIZE - LAST_WORDS // 2)
    run = Run(disk / "runs", TestIdentity("t.py::test", "test", "Title"), {}, now=lambda: 0.0)
    with pytest.raises(BenchFault, match="cannot be recorded") as refused:
        run.begin(COLUMNS, fsync=True)
    assert refused.value.fault == "recording-failed"
    run.end(Verdict.BENCH_FAULT, None)
    assert manifest_of(run)["verdict"] == "BENCH FAULT"


def test_the_room_is_given_back_when_the_run_has_ended(disk: Path) -> None:
    run = begun(disk)
    assert sum(path.stat().st_size for path in run.folder.glob("*.reserve")) >= LAST_WORDS
    run.end(Verdict.PASS, None)
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "events.jsonl", "run.json", "samples.parquet", "transcript.log",
    ]  # fmt: skip


# --- one small file ---------------------------------------------------------------------------------------------------


def test_what_was_reserved_is_written_on_a_full_disk(disk: Path) -> None:
    file = RewrittenFile(disk / "run.json")
    file.write("old", fsync=True)
    file.reserve(200_000)
    fill(disk)
    file.write("n" * 200_000, fsync=True)
    assert (disk / "run.json").read_text() == "n" * 200_000


def test_the_reserve_is_never_given_back_before_it_is_written(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, write = RewrittenFile(disk / "run.json"), os.write
    file.reserve(200_000)

    def write_behind_somebody(descriptor: int, data: bytes) -> int:
        fill(disk)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", write_behind_somebody)
    file.write("n" * 200_000, fsync=True)
    assert (disk / "run.json").read_text() == "n" * 200_000


def test_what_was_not_reserved_leaves_the_old_text(disk: Path) -> None:
    file = RewrittenFile(disk / "run.json")
    file.write("old", fsync=True)
    fill(disk)
    with pytest.raises(OSError, match="No space left"):
        file.write("n" * 200_000, fsync=True)
    assert (disk / "run.json").read_text() == "old"
    assert sorted(path.name for path in disk.iterdir()) == ["run.json", "somebody else"]


def test_where_nothing_can_be_reserved_zeros_take_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    file = RewrittenFile(tmp_path / "run.json")
    file.reserve(100_000)
    assert (tmp_path / "run.json.reserve").stat().st_size == 100_000
    file.write("text", fsync=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_session_that_the_disk_refuses_leaves_no_older_one_to_speak_for_it(disk: Path) -> None:
    SessionLog(disk, Session.new({})).end(0)
    log = SessionLog(disk, Session.new({"pack": "p" * 10_000}))
    fill(disk)
    log.begin()
    assert last_session(disk) is None


def test_a_session_that_began_has_room_for_its_end(disk: Path) -> None:
    log = SessionLog(disk, Session.new({}))
    log.begin()
    fill(disk)
    log.end(1)
    told = last_session(disk)
    assert told is not None
    assert (told.state, told.exit_status) == ("ended", 1)


# --- a whole session --------------------------------------------------------------------------------------------------

SUITE = """
import os
from pathlib import Path
from bench.scenario import Charge, Rest, elapsed

DISK = Path(os.environ["DISK"])


def fill():
    with (DISK / "somebody else").open("ab", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def test_fills_the_disk(bench):
    run = bench.run(Charge("C/3", until=elapsed(minutes=1)))
    fill()
    bench.run(Charge("C/3", until=elapsed(minutes=5)))


def test_after_it(bench):
    bench.run(Rest(until=elapsed(minutes=1)))
"""


def test_a_session_on_a_full_disk_ends_as_a_bench_fault_and_never_as_an_error_of_pytest(
    disk: Path, tmp_path: Path
) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_full.py").write_text(SUITE)
    (suite / "conftest.py").write_text('pytest_plugins = ["bench.plugin", "reports.plugin"]\n')
    command = [
        sys.executable,
        "-m",
        "pytest",
        "test_full.py",
        "-p",
        "no:cacheprovider",
        f"--alluredir={disk / 'results'}",
    ]
    ended = subprocess.run(
        [*command, f"--runs={disk / 'runs'}"], capture_output=True, text=True, cwd=suite, timeout=300, check=False,
        env={**os.environ, "DISK": str(disk), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    told = ended.stdout + ended.stderr
    assert "INTERNALERROR" not in told
    assert "Samples cannot be recorded" in told
    assert "The report will lack" in told
    assert ended.returncode == 3, told
    first, *_ = sorted((disk / "runs").glob("*/*test_fills_the_disk"))
    read = read_run(first)
    assert (read.manifest["state"], read.manifest["verdict"]) == ("ended", "BENCH FAULT")
    assert read.manifest["cause"]["fault"] == "recording-failed"
    assert read.manifest["bench_verdict"]["safe"]
    assert len(read.rows) > 60
    assert read.damage == ()


@pytest.mark.skipif(os.name == "nt", reason="no bits that say who may execute a file")
def test_what_is_written_into_reserved_blocks_is_no_program(tmp_path: Path) -> None:
    file = RewrittenFile(tmp_path / "run.json")
    file.reserve(10)
    file.write("text", fsync=False)
    assert (tmp_path / "run.json").stat().st_mode & 0o111 == 0
