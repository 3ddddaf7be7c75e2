"""One bench, one user: the second one reads who holds it."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import monotonic, utc_now
from bench.safety import lease
from bench.safety.lease import BenchLease
from bench.verdicts import BenchFault, BenchInUse

ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from bench.safety.lease import BenchLease
held = BenchLease(Path(sys.argv[1]), "rig-1", **{options})
print("held", flush=True)
sys.stdin.readline()
{then}
"""


def hold(path: Path, then: str = "held.release()", **options: object) -> subprocess.Popen[str]:
    """Another process that holds the lease until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(then=then, options=options), str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_reads_who_holds_the_bench(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    other = hold(path)
    with pytest.raises(BenchInUse) as caught:
        BenchLease(path, "rig-1")
    other.communicate("\n")
    text = str(caught.value)
    assert text.startswith("Bench rig-1 is in use by ")
    assert f"(process {other.pid}) since 20" in text
    assert str(path) in text
    BenchLease(path, "rig-1").release()


def test_a_process_that_dies_gives_the_bench_back(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    hold(path, then="import os; os._exit(9)").communicate("\n")
    held = BenchLease(path, "rig-1")
    assert json.loads(path.with_suffix(".holder.json").read_text())["process"] == os.getpid()
    held.release()


def test_a_lease_may_be_released_again(tmp_path: Path) -> None:
    held = BenchLease(tmp_path / "deep" / "rig-1.lock", "rig-1")
    held.release()
    held.release()
    assert not list((tmp_path / "deep").glob("*.json"))


def test_a_bench_is_given_back_though_its_record_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rig-1.lock"
    held, unlink = BenchLease(path, "rig-1"), Path.unlink

    def refuse(file: Path, *, missing_ok: bool = False) -> None:
        if file.suffix == ".json":
            raise PermissionError(13, "Permission denied")
        unlink(file, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    held.release()
    BenchLease(path, "rig-1").release()


@pytest.mark.parametrize("left", ["", "{}", "[1]", "\x00", '{"user": "me"}'])
def test_a_holder_that_left_no_name_still_holds_it(tmp_path: Path, left: str) -> None:
    path = tmp_path / "rig-1.lock"
    other = hold(path)
    path.with_suffix(".holder.json").write_text(left)
    with pytest.raises(BenchInUse, match="in use by somebody who left no name"):
        BenchLease(path, "rig-1")
    other.communicate("\n")


def test_where_no_record_can_be_written_that_of_a_dead_holder_frees_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    hold(path, then="import os; os._exit(9)").communicate("\n")
    assert path.with_suffix(".holder.json").is_file()
    path.with_suffix(".holder.partial").mkdir()  # as on a disk that takes nothing
    held = BenchLease(path, "rig-1")
    with pytest.raises(BenchInUse, match="in use by somebody who left no name"):
        BenchLease(path, "rig-1")
    held.release()
    BenchLease(path, "rig-1").release()


def test_a_place_that_cannot_hold_a_lease_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchInUse, match=r"the lease .* cannot be taken"):
        BenchLease(tmp_path / "file" / "rig-1.lock", "rig-1")


def test_a_user_without_a_name_can_hold_a_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    held = BenchLease(tmp_path / "rig-1.lock", "rig-1")
    assert json.loads((tmp_path / "rig-1.holder.json").read_text())["user"]
    held.release()


# --- expiry, renewal and taking over ------------------------------------------------------------------------------


class Calendar:
    """The clocks that a lease goes by, ahead of the real ones by as much as a test says."""

    ahead = timedelta()
    leap = timedelta()
    """Of the civil clock alone: somebody has set it."""

    def civil(self) -> datetime:
        return utc_now() + self.ahead + self.leap

    def elapsed(self) -> float:
        return monotonic() + self.ahead.total_seconds()


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    calendar = Calendar()
    monkeypatch.setattr(lease, "utc_now", calendar.civil)
    monkeypatch.setattr(lease, "monotonic", calendar.elapsed)
    return calendar


def record(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".holder.json").read_text(encoding="utf-8"))
    return found


def test_who_since_when_until_when_and_for_which_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    monkeypatch.setenv("CI_JOB_URL", "https://ci.example/jobs/7")
    path = tmp_path / "rig-1.lock"
    other = hold(path, expiry=600.0)
    with pytest.raises(BenchInUse) as caught:
        BenchLease(path, "rig-1")
    held = record(path)
    other.communicate("\n")
    since, until = datetime.fromisoformat(held["since"]), datetime.fromisoformat(held["until"])
    assert timedelta(seconds=598) <= until - since <= timedelta(seconds=602)
    for part in (f"process {other.pid}, job https://ci.example/jobs/7", held["since"], held["until"], "--take-over"):
        assert part in str(caught.value)


JOBS = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_URL")
GITHUB = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "us/pack", "GITHUB_RUN_ID": "42"}


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        (GITHUB, "https://git.example/us/pack/actions/runs/42"),
        (GITHUB | {"CI_JOB_URL": "https://ci.example/7"}, "https://git.example/us/pack/actions/runs/42"),
        ({"GITHUB_RUN_ID": "42", "CI_JOB_URL": "https://ci.example/7"}, "https://ci.example/7"),
        *(({name: value for name, value in GITHUB.items() if name != left_out}, "") for left_out in GITHUB),
        ({"CI_JOB_URL": "https://ci.example/7", "BUILD_URL": "https://b.example/8"}, "https://ci.example/7"),
        ({"CI_JOB_URL": "", "BUILD_URL": "https://b.example/8"}, "https://b.example/8"),
        ({"BUILD_URL": ""}, ""),
        ({}, ""),
    ],
)
def test_the_job_of_each_ci_is_that_of_its_own_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], job: str
) -> None:
    for name in JOBS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "rig-1.lock"
    BenchLease(path, "rig-1", job="somebody's own").release()
    held = BenchLease(path, "rig-1")
    assert record(path)["job"] == job
    held.release()
    held = BenchLease(path, "rig-1", job="somebody's own")
    assert record(path)["job"] == "somebody's own"
    held.release()


def test_a_record_that_cannot_be_written_now_is_renewed_later(
    tmp_path: Path, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full for a moment, or a scanner of viruses that has it open, ends no run and frees no bench."""
    path = tmp_path / "rig-1.lock"
    held = BenchLease(path, "rig-1", expiry=600.0)
    before = record(path)["until"]

    def refuse(_file: Path, _to: object) -> None:
        raise PermissionError(13, "Permission denied")

    calendar.ahead = timedelta(seconds=60)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        held.renew()
    with pytest.raises(BenchInUse, match="somebody who left no name"):
        BenchLease(path, "rig-1")
    calendar.ahead = timedelta(seconds=119)
    held.renew()
    assert not path.with_suffix(".holder.json").exists(), "it costs no disk in every scan"
    calendar.ahead = timedelta(seconds=121)
    held.renew()
    assert datetime.fromisoformat(record(path)["until"]) > datetime.fromisoformat(before) + timedelta(seconds=110)
    held.release()


def test_a_bench_is_held_though_its_record_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rig-1.lock"

    def refuse(_file: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        held = BenchLease(path, "rig-1")
    with pytest.raises(BenchInUse, match="in use by somebody who left no name"):
        BenchLease(path, "rig-1")
    held.release()
    BenchLease(path, "rig-1").release()


def test_a_lease_that_expired_may_be_taken_and_its_holder_is_told(tmp_path: Path, calendar: Calendar) -> None:
    path = tmp_path / "rig-1.lock"
    first = BenchLease(path, "rig-1", expiry=600.0)
    calendar.ahead = timedelta(seconds=599)
    with pytest.raises(BenchInUse):
        BenchLease(path, "rig-1")
    calendar.ahead = timedelta(seconds=602)
    second = BenchLease(path, "rig-1")
    assert second.as_dict()["taken_over"].startswith("by ")
    with pytest.raises(BenchFault, match=r"was taken over by .* this run has lost it"):
        first.renew()
    second.release()
    first.release()


def test_a_lease_that_is_renewed_does_not_expire(tmp_path: Path, calendar: Calendar) -> None:
    path = tmp_path / "rig-1.lock"
    held = BenchLease(path, "rig-1", expiry=600.0)
    for minutes in range(0, 60, 5):
        calendar.ahead = timedelta(minutes=minutes)
        held.renew()
    with pytest.raises(BenchInUse):
        BenchLease(path, "rig-1")
    held.release()


@pytest.mark.parametrize("leap", [timedelta(hours=1), timedelta(days=-400)], ids=["on", "back"])
def test_a_leap_of_the_civil_clock_ends_no_lease_and_keeps_none_for_ever(
    tmp_path: Path, calendar: Calendar, leap: timedelta
) -> None:
    path = tmp_path / "rig-1.lock"
    first = BenchLease(path, "rig-1", expiry=600.0)
    calendar.leap = leap
    with pytest.raises(BenchInUse):
        BenchLease(path, "rig-1")
    calendar.ahead = timedelta(seconds=602)
    second = BenchLease(path, "rig-1")
    assert second.as_dict()["taken_over"].startswith("by ")
    assert "ends" not in second.as_dict()
    second.release()
    first.release()


@pytest.mark.parametrize("change", [{"host": "another"}, {"ends": None}], ids=["elsewhere", "of before"])
def test_where_only_the_civil_clock_tells_a_lease_expires_by_it(
    tmp_path: Path, calendar: Calendar, change: dict[str, Any]
) -> None:
    path = tmp_path / "rig-1.lock"
    first = BenchLease(path, "rig-1", expiry=600.0)
    kept = {key: value for key, value in (record(path) | change).items() if value is not None}
    path.with_suffix(".holder.json").write_text(json.dumps(kept), encoding="utf-8")
    calendar.leap = timedelta(seconds=590)
    with pytest.raises(BenchInUse):
        BenchLease(path, "rig-1")
    calendar.leap = timedelta(seconds=602)
    BenchLease(path, "rig-1").release()
    first.release()


def test_a_lease_outlives_its_last_renewal_by_a_quarter_of_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    monkeypatch.setattr(lease, "utc_now", lambda: now)
    held = BenchLease(tmp_path / "rig-1.lock", "rig-1")
    kept = {name: datetime.fromisoformat(record(tmp_path / "rig-1.lock")[name]) for name in ("since", "until")}
    assert kept["until"] - kept["since"] == timedelta(minutes=15)
    held.release()


@pytest.mark.parametrize(("seconds", "renewed"), [(59.0, False), (60.0, True)])
def test_a_lease_is_renewed_ten_times_before_it_would_expire(
    tmp_path: Path, calendar: Calendar, seconds: float, renewed: bool
) -> None:
    path = tmp_path / "rig-1.lock"
    held = BenchLease(path, "rig-1", expiry=600.0)
    before = record(path)
    calendar.ahead = timedelta(seconds=seconds)
    held.renew()
    assert (record(path) != before) is renewed
    held.release()


class Waiting:
    """A clock that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def elapsed(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    clock = Waiting()
    monkeypatch.setattr(lease, "monotonic", clock.elapsed)
    monkeypatch.setattr(lease, "pause", clock.pause)
    return clock


def test_a_record_that_is_busy_is_waited_for_five_seconds_and_a_tenth_of_one_in_a_scan(
    tmp_path: Path, waiting: Waiting
) -> None:
    path = tmp_path / "rig-1.lock"
    held = BenchLease(path, "rig-1", expiry=600.0)
    busy = FileLock(path)
    with busy:
        with pytest.raises(BenchInUse, match="was busy for 5 s"):
            BenchLease(path, "rig-1")
        assert waiting.now == pytest.approx(1005.0, abs=0.021)
        waiting.now = before = 1060.0
        held.renew()
        assert waiting.now == pytest.approx(before + 0.1, abs=0.021)
    held.release()


def test_the_last_look_of_a_supervisor_is_waited_for_ten_seconds(tmp_path: Path, waiting: Waiting) -> None:
    path = tmp_path / "rig-1.lock"
    looking = BenchLease(path, "rig-1", job=lease.LAST_LOOK)
    with pytest.raises(BenchInUse, match="last look"):
        BenchLease(path, "rig-1")
    assert waiting.now == pytest.approx(1010.0, abs=0.021)
    looking.release()


def test_a_scan_that_renews_nothing_costs_no_disk(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    held = BenchLease(path, "rig-1")
    path.with_suffix(".holder.json").unlink()
    held.renew()
    assert not path.with_suffix(".holder.json").exists()
    held.release()


def test_a_bench_can_be_taken_over_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    other = hold(path)
    mine = BenchLease(path, "rig-1", take_over=True)
    assert f"(process {other.pid}" in mine.as_dict()["taken_over"]
    # The one that lost it gives back what is no longer his: nothing.
    other.communicate("\n")
    assert record(path)["process"] == os.getpid()
    with pytest.raises(BenchInUse):
        BenchLease(path, "rig-1")
    mine.release()


def test_taking_over_a_free_bench_is_no_taking_over(tmp_path: Path) -> None:
    held = BenchLease(tmp_path / "rig-1.lock", "rig-1", take_over=True)
    assert held.as_dict()["taken_over"] is None
    held.release()


def test_only_one_of_many_gets_the_bench(tmp_path: Path) -> None:
    """A free bench that several processes reach for at once."""
    path = tmp_path / "rig-1.lock"
    code = HOLD.format(then="held.release()", options={})
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", code, str(path)]
    racers = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(6)]
    winners = []
    for racer in racers:
        assert racer.stdout is not None
        winners.append(racer.stdout.readline() == "held\n")
    for racer in racers:
        racer.communicate("\n")
    assert winners.count(True) == 1
    BenchLease(path, "rig-1").release()
    assert [file.name for file in tmp_path.glob("*.alive")] == []


@given(
    left=st.binary(max_size=200) | st.dictionaries(st.text(), st.text()).map(lambda found: json.dumps(found).encode())
)
def test_a_damaged_record_of_a_dead_process_hinders_nobody(
    tmp_path_factory: pytest.TempPathFactory, left: bytes
) -> None:
    path = tmp_path_factory.mktemp("lease") / "rig-1.lock"
    path.with_suffix(".holder.json").write_bytes(left)
    BenchLease(path, "rig-1").release()


def test_a_record_whose_token_cannot_be_one_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "rig-1.lock"
    held = BenchLease(path, "rig-1")
    record = json.loads(path.with_suffix(".holder.json").read_text(encoding="utf-8"))
    held.release()
    path.with_suffix(".holder.json").write_text(json.dumps(record | {"token": "../somebody"}), encoding="utf-8")
    BenchLease(path, "rig-1").release()
