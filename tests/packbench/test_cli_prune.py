"""`packbench prune`: what goes from a folder of recordings, and above all what never does."""

import errno
import json
import os
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.recording.life import claim
from bench.recording.owner import Owner, beginning_of
from bench.recording.session_log import Session, SessionLog, TestEnd
from packbench import pruning
from reports.nights.night import Night, Told
from reports.nights.store import History
from tests.bench.cli_support import Answer, packbench_here

STATION = "virtual-module"


def run(runs: Path, number: int, verdict: str | None = "PASS", test: str = "t.py::test_it", **more: Any) -> str:
    """Leave a run of a day of January; returns its id."""
    name = f"2026-01-{number:02d}/020000-test_it"
    (runs / name).mkdir(parents=True)
    started = f"2026-01-{number:02d}T02:00:00Z"
    manifest = {
        "schema": 2, "run_id": name, "state": "ended", "verdict": verdict, "started": started, "duration": 1.0,
        "test": {"nodeid": test, "name": test}, "station": {"name": STATION}, "pack": {"name": "lfp-24s"},
        "bench_verdict": {"safe": True, "steps": []}, "safe_state": {"order": []}, "cause": None, **more,
    }  # fmt: skip
    (runs / name / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    (runs / name / "samples.parquet").write_bytes(bytes(1000))
    return name


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def prune(runs: Path, *arguments: str) -> Answer:
    return packbench_here("prune", runs, *arguments)


def left(runs: Path) -> set[str]:
    return {path.parent.relative_to(runs).as_posix() for path in runs.glob("*/*/run.json")}


def test_the_last_ones_of_each_test_stay_and_older_ones_go(runs: Path) -> None:
    several = [run(runs, number) for number in range(1, 6)]
    other = run(runs, 10, test="t.py::test_other")
    answer = prune(runs, "--keep-last=2", "--delete")
    assert answer.status == 0, answer.err
    assert left(runs) == {*several[-2:], other}
    assert "Deleted 3 of 6 runs" in answer.out
    assert not (runs / "2026-01-01").exists(), "a day without runs is not left"


def test_without_being_told_to_nothing_is_deleted(runs: Path) -> None:
    several = {run(runs, number) for number in range(1, 6)}
    answer = prune(runs, "--keep-last=1")
    assert left(runs) == several
    assert "Could go: 4 of 5 runs" in answer.out
    assert "--delete" in answer.out
    assert len(json.loads(prune(runs, "--keep-last=1", "--json").out)["goes"]) == 4


def test_a_run_that_the_disk_does_not_let_go_of_is_named_and_stays_a_run(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (run(runs, number) for number in range(1, 4))
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path == runs / second / "samples.parquet":
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    answer = prune(runs, "--keep-last=0", "--delete")
    assert (answer.status, left(runs)) == (2, {second, third})
    why = "(Operation not permitted); 1 of 3 runs are gone, the others stay."
    assert f"packbench: {runs / second} cannot be deleted {why}" in answer.err
    assert first not in left(runs)


def test_a_run_that_somebody_else_was_faster_to_delete_is_no_trouble(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [run(runs, number) for number in range(1, 4)]
    planned = pruning.plan

    def planned_late(*arguments: Any, **options: Any) -> pruning.Pruning:
        made = planned(*arguments, **options)
        shutil.rmtree(runs / several[1])
        return made

    monkeypatch.setattr(pruning, "plan", planned_late)
    assert prune(runs, "--keep-last=0", "--delete").status == 0
    assert left(runs) == set()


@pytest.mark.skipif(sys.platform == "win32", reason="nobody says when a process began")
@pytest.mark.parametrize("lives", [True, False])
def test_what_a_session_still_writes_stays_also_on_a_virtual_clock(runs: Path, lives: bool) -> None:
    written = run(runs, 1, None, state="running")
    number = os.getppid()
    owner = Owner(socket.gethostname(), number, beginning_of(number) if lives else "another")
    log = SessionLog(runs, replace(Session.new({}), process=owner))
    log.begin()
    prune(runs, "--keep-last=0", "--failures", "--delete")
    assert left(runs) == ({written} if lives else set())


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("verdict", ["FAIL", "BENCH FAULT", "INCONCLUSIVE", "ABORTED", None])
def test_what_did_not_pass_stays_unless_somebody_says_otherwise(runs: Path, verdict: str | None) -> None:
    failed, _good = run(runs, 1, verdict), run(runs, 2)
    prune(runs, "--keep-last=0", "--delete")
    assert left(runs) == {failed}
    prune(runs, "--keep-last=0", "--failures", "--delete")
    assert left(runs) == set()


def test_what_is_still_running_stays_whatever_is_asked(runs: Path) -> None:
    alive = run(runs, 1, None, state="running")
    lock = claim(runs / alive)
    try:
        prune(runs, "--keep-last=0", "--failures", "--delete")
        assert left(runs) == {alive}
    finally:
        lock.release()


def test_a_bench_that_nobody_has_looked_at_stays_known(runs: Path) -> None:
    step = {"name": "source off", "done": True, "verified": False, "detail": "reads on", "duration": 0.0}
    unsafe = run(runs, 1, bench_verdict={"safe": False, "steps": [step]}, instruments=[])
    prune(runs, "--keep-last=0", "--failures", "--delete")
    assert left(runs) == {unsafe}


def test_what_history_and_baselines_refer_to_stays(runs: Path) -> None:
    baseline, long_ago, recent, unknown = (run(runs, number) for number in (1, 2, 3, 4))
    history = History(runs, STATION)

    def night(day: int, of: str) -> Night:
        return Night(f"2026-{day:04d}", "2026-01-01T02:00:00Z", STATION, tests=(Told("t", "PASS", run=of),))

    history.keep_as("release", night(1, baseline))
    history.keep(night(2, long_ago))
    for day in range(3, 33):  # a month of others
        history.keep(night(day, recent))
    prune(runs, "--keep-last=0", "--delete")
    assert left(runs) == {baseline, long_ago, recent}
    assert unknown not in left(runs)
    prune(runs, "--keep-last=0", "--keep-nights=30", "--delete")
    assert left(runs) == {baseline, recent}


def test_a_carried_folder_keeps_the_runs_of_the_last_night_alone(runs: Path) -> None:
    """What one night hands to the next: what a figure is laid over, and no month of recordings."""
    baseline, older, failed, newest = run(runs, 1), run(runs, 2), run(runs, 3, "FAIL"), run(runs, 4)
    history = History(runs, STATION)

    def night(day: int, of: str) -> Night:
        return Night(f"2026-{day:04d}", "2026-01-01T02:00:00Z", STATION, tests=(Told("t", "PASS", run=of),))

    history.keep_as("release", night(1, baseline))
    for day, of in ((2, older), (3, failed), (4, newest)):
        history.keep(night(day, of))
    prune(runs, "--keep-last=0", "--keep-nights=1", "--failures", "--delete")
    assert left(runs) == {baseline, newest}


def test_the_last_session_and_a_run_that_was_gone_on_with_stay(runs: Path) -> None:
    first = run(runs, 1)
    second = run(runs, 2, resumed_from={"run_id": first, "gaps": [], "chain": [first]})
    run(runs, 3, test="t.py::test_other")
    log = SessionLog(runs, Session.new({}))
    log.session.note(TestEnd("t.py::test_it", "PASS", run=second))
    log.begin()
    log.end(0)
    prune(runs, "--keep-last=0", "--delete")
    assert left(runs) == {first, second}


def test_more_than_there_ever_were_may_stay(runs: Path) -> None:
    run(runs, 1)
    assert packbench_here("prune", runs, "--keep-last", str(10**20)).status == 0


def test_a_folder_that_is_none_of_runs_is_one_sentence(tmp_path: Path) -> None:
    answer = packbench_here("prune", tmp_path / "nowhere")
    assert answer.status == 2
    assert "there is no such folder of runs" in answer.err


def test_files_of_somebody_else_are_left_alone(runs: Path) -> None:
    run(runs, 1)
    (runs / "2026-01-01" / "notes.txt").write_text("mine", encoding="utf-8")
    prune(runs, "--keep-last=0", "--delete")
    assert (runs / "2026-01-01" / "notes.txt").read_text(encoding="utf-8") == "mine"
