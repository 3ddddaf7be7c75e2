"""The supervisor piece by piece: when it takes the test for gone, how it reaches a bench, what it tells the test."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
from filelock import Timeout
from hypothesis import given
from hypothesis import strategies as st

from bench import testing
from bench.clock import VirtualClock, WallClock, monotonic
from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.running.setup import Setup
from bench.safety import heartbeat, lastlook, remains, rescue, safestate, supervisor
from bench.safety.heartbeat import LOG, Supervised
from bench.safety.plan import Plan
from bench.safety.rescue import instruments_that_matter
from bench.safety.supervisor import (
    ALL_IS_WELL,
    ANSWERS,
    CLOSED,
    REPORT,
    UNHEARD,
    Alarm,
    Answers,
    Closed,
    Word,
    act,
    stand_by,
    watch,
    whole_lines,
)
from bench.safety.timelimit import OutOfTime
from bench.scenario import Charge, Rest, Soak, elapsed
from bench.station import SHIPPED, Lease, StationFile, load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault
from instruments.roles import Identity, InstrumentFault
from tests.bench.fakes import FakeChamber, Plant
from tests.bench.supervisor_support import report_of, wait_until_locked

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(sys.platform == "win32", reason="nobody tells there that a process has ended")


# --- when the test is gone ----------------------------------------------------------------------------------------


def heard(*words: tuple[float, str | None]) -> "SimpleQueue[Word]":
    queue: SimpleQueue[Word] = SimpleQueue()
    for time, text in words:
        queue.put(Word(time, text))
    return queue


def watched(*words: tuple[float, str | None], patience: float = 10.0, until: float = 1e6) -> Alarm | None:
    """What is made of `words`, when nothing more comes until `until` s."""
    times = iter([0.0])
    return watch(heard(*words), patience, now=lambda: next(times, until))


def test_a_test_that_says_goodbye_is_let_go() -> None:
    assert watched((1.0, "5.0"), (2.0, ALL_IS_WELL)) is None


def test_a_bench_that_was_closed_is_no_alarm_and_its_process_is_watched_on() -> None:
    assert watched((1.0, "5.0"), (2.0, CLOSED)) == Closed(2.0)
    assert stand_by(heard((3.0, "noise"), (4.0, None)))
    assert not stand_by(heard((3.0, ALL_IS_WELL)))


def test_of_what_was_read_at_once_the_last_word_counts() -> None:
    assert watched((1.0, f"5.0\n{CLOSED}")) == Closed(1.0)
    assert watched((1.0, f"5.0\n{CLOSED}\n{ALL_IS_WELL}")) is None
    alarm = watched((1.0, "5.0 1.0\n7.0 2.0"))
    assert alarm is not None
    assert alarm.reason == "the test was silent for more than 7.0 s"


def test_only_whole_lines_are_words() -> None:
    here, there = os.pipe()
    lines = whole_lines(here)
    os.write(there, b"one\ntwo\nhal")
    assert next(lines) == "one\ntwo"
    os.write(there, b"f\n")
    assert next(lines) == "half"
    os.close(there)
    assert list(lines) == []
    os.close(here)


def test_a_closed_pipe_is_the_end_of_the_test() -> None:
    alarm = watched((1.0, "5.0"), (2.0, None))
    assert alarm == Alarm("the test's process ended without a word", last_heard=1.0, fault="test-died")


@pytest.mark.parametrize(
    ("said", "silence"), [([], "10.0"), ([(3.0, "5.0")], "5.0"), ([(3.0, "5"), (4.0, "65")], "65.0")]
)
def test_the_last_word_says_how_long_the_test_may_be_silent(said: list[tuple[float, str]], silence: str) -> None:
    alarm = watched(*said)
    assert alarm is not None
    assert alarm.reason == f"the test was silent for more than {silence} s"
    assert alarm.last_heard == (said[-1][0] if said else 0.0)


def test_a_word_that_came_in_time_counts_however_late_it_is_read() -> None:
    # The supervisor was importing for 100 s; the words came meanwhile, each in time.
    assert watched((1.0, "5.0"), (99.0, ALL_IS_WELL), until=100.0) is None


def test_noise_is_a_sign_of_life_and_nothing_more() -> None:
    alarm = watched((3.0, "5.0"), (6.0, "\x00garbage"))
    assert alarm == Alarm("the test was silent for more than 5.0 s", last_heard=6.0, fault="test-hung")


@given(st.dictionaries(st.text(), st.text()), st.lists(st.text()), st.text())
def test_a_plan_arrives_as_it_was_sent(station: dict[str, str], instruments: list[str], folder: str) -> None:
    plan = Plan(os.getpid(), folder, station, tuple(instruments), 600.0)
    line = plan.as_line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert Plan.from_line(line) == plan


def test_little_is_imported_before_it_watches() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'pyvisa', 'can', 'pydantic', 'yaml', 'pytest', 'instruments'}"
    code = f"import sys, bench.safety.supervisor; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


# --- what it makes safe -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_whatever_moves_current_comes_first_and_sensors_not_at_all(name: str) -> None:
    station, _ = load_station(name)
    names = instruments_that_matter(station)
    assert names[0] == (station.player("sink") or station.player("charger"))
    assert (station.player("source") or station.player("charger")) in names[:2]
    assert station.player("temperatures") not in names
    assert len(set(names)) == len(names)


@pytest.fixture
def station(station_text: str, write: Callable[[str, str], Path]) -> StationFile:
    return load_station(str(write("station.yaml", station_text)))[0]


def rescued(station: StationFile) -> list[rescue.Attempted]:
    dumped = station.model_dump(mode="json", by_alias=True)
    return list(rescue.attempts(dumped, instruments_that_matter(station), VirtualClock()))


def test_an_attempt_that_fails_as_nobody_has_thought_of_is_told_and_the_next_one_made(
    station: StationFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_arguments: object) -> rescue.Attempted:
        raise ValueError("12,5 is no number")

    monkeypatch.setattr(rescue, "_attempt", stumble)
    outcomes = rescued(station)
    assert [outcome.number for outcome in outcomes] == [1, 2, 3]
    assert "the attempt itself failed: ValueError: 12,5 is no number" in str(outcomes[-1].verdict)
    assert not outcomes[-1].verdict.safe
    assert [step.duration for outcome in outcomes for step in outcome.verdict.steps] == [0.0] * 3


def test_a_bench_that_obeys_is_safe_at_once(station: StationFile, plant: Plant) -> None:
    plant.source_on, plant.conditioning = True, True
    (outcome,) = rescued(station)
    assert outcome.verdict.safe
    assert outcome.commanded is not None
    assert not plant.source_on
    assert not plant.conditioning
    assert {"close supply", "close chamber", "close bms"} <= set(plant.calls)
    assert "open temperatures" not in plant.calls


@pytest.mark.parametrize("off", ["sink_off", "source_off"])
def test_outputs_are_off_before_the_rest_is_looked_at(station: StationFile, plant: Plant, off: str) -> None:
    rescued(station)
    for later in ("request STANDBY", "sink_is_off", "identify supply"):
        assert plant.calls.index(off) < plant.calls.index(later)


@pytest.mark.parametrize("broken", ["sink_off", "source_off"])
def test_an_output_that_fails_at_once_keeps_the_other_from_nothing(
    station: StationFile, plant: Plant, broken: str
) -> None:
    plant.fail[broken] = RuntimeError("a mistake in a driver")
    rescued(station)
    identified = plant.calls.index("identify supply")
    assert {"sink_off", "source_off"} <= set(plant.calls[:identified])


@pytest.mark.parametrize(("source", "sink"), [(True, False), (False, True), (True, True), (False, False)])
def test_an_instrument_is_found_on_where_either_of_its_outputs_is(
    station: StationFile, plant: Plant, source: bool, sink: bool
) -> None:
    plant.source_on, plant.sink_on = source, sink
    dumped = station.model_dump(mode="json", by_alias=True)
    found = rescue.found_on(dumped, instruments_that_matter(station), VirtualClock())
    assert found == {"supply": source or sink}
    assert (plant.source_on, plant.sink_on) == (source, sink), "it is asked, and told nothing"


@pytest.mark.parametrize("dead", ["open chamber", "open bms", "chamber_rest"])
def test_a_dead_instrument_keeps_no_other_from_being_switched_off(
    station: StationFile, plant: Plant, dead: str
) -> None:
    plant.source_on = True
    plant.fail[dead] = InstrumentFault("nobody answers")
    outcomes = rescued(station)
    assert len(outcomes) == 3
    assert not plant.source_on
    assert outcomes[0].commanded is not None
    bad = [step for step in outcomes[-1].verdict.steps if step.verified is False]
    assert all("nobody answers" in step.detail for step in bad)
    assert len(bad) == (5 if dead == "open bms" else 1), "of whom the BMS is the only witness is not verified either"


def test_an_instrument_that_fails_without_a_word_is_told_by_the_kind_of_its_failure(
    station: StationFile, plant: Plant
) -> None:
    plant.fail["open chamber"] = InstrumentFault()
    (bad,) = [step for step in rescued(station)[-1].verdict.steps if step.verified is False]
    assert (bad.name, bad.detail) == ("chamber to rest", "InstrumentFault")


def test_it_tries_again_with_sessions_of_its_own_until_the_bench_is_safe(station: StationFile, plant: Plant) -> None:
    plant.source_on = True
    plant.fail["open supply"] = InstrumentFault("the connection is still taken")
    outcomes = []
    for outcome in rescue.attempts(
        station.model_dump(mode="json", by_alias=True), instruments_that_matter(station), VirtualClock()
    ):
        outcomes.append(outcome)
        plant.fail.clear()
    assert [outcome.verdict.safe for outcome in outcomes] == [False, True]
    assert outcomes[0].commanded is None
    assert not plant.source_on


def test_preparing_opens_nothing(station: StationFile, plant: Plant) -> None:
    rescue.prepare(station.model_dump(mode="json", by_alias=True), instruments_that_matter(station))
    assert plant.calls == []


# --- from the pipe to the report ----------------------------------------------------------------------------------


@pytest.fixture
def plan(station: StationFile, tmp_path: Path) -> Plan:
    """Of a test whose process has ended, on the bench of fakes."""
    dumped = station.model_dump(mode="json", by_alias=True)
    folder = tmp_path / "runs" / "today" / "mine"
    folder.mkdir(parents=True)
    return Plan(0, str(folder), dumped, instruments_that_matter(station), 5.0, speed=1.0)


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """The supervisor in this process: what it is told comes through a pipe that a fork of the test still holds."""
    reading, writing = os.pipe()
    answers = os.open(os.devnull, os.O_WRONLY)
    monkeypatch.setattr(supervisor, "FROM_THE_TEST", reading)
    monkeypatch.setattr(supervisor, "TO_THE_TEST", answers)
    monkeypatch.setattr(remains.end_forks, "__defaults__", (reading,))
    monkeypatch.setattr(supervisor, "DEAF_TO", ())  # it is the tests' process, which has to hear them

    def told(plan: Plan, *lines: str) -> None:
        os.write(writing, plan.as_line() + "".join(f"{line}\n" for line in lines).encode())
        supervisor.main()

    yield told
    os.close(writing)
    for thread in [each for each in enumerate_threads() if each.name == "packbench-listen"]:
        thread.join(60)
    os.close(reading)
    os.close(answers)
    supervisor._let_go()


@posix
def test_the_end_of_a_test_is_noticed_though_its_pipe_is_held(
    supervise: Callable[..., None], plan: Plan, plant: Plant, tmp_path: Path
) -> None:
    plant.source_on = True
    supervise(plan)
    report = report_of(tmp_path)
    assert (report["fault"], report["bench_verdict"]["safe"]) == ("test-died", True)
    assert not plant.source_on


@posix
def test_whoever_makes_a_bench_safe_keeps_the_lease_of_the_test_that_died(
    supervise: Callable[..., None], plan: Plan, plant: Plant, tmp_path: Path
) -> None:
    life = tmp_path / "bench.mine.alive"
    supervise(replace(plan, life=str(life), lease=str(tmp_path / "bench.lock")))
    wait_until_locked(life)


@posix
@pytest.mark.parametrize("lease", ["bench.lock", ""])
def test_what_was_switched_on_after_the_bench_was_closed_is_switched_off(
    supervise: Callable[..., None], plan: Plan, plant: Plant, tmp_path: Path, lease: str
) -> None:
    plant.source_on = True
    supervise(replace(plan, lease=lease and str(tmp_path / lease)), CLOSED)
    report = report_of(tmp_path)
    assert (report["fault"], report["bench_verdict"]["safe"]) == ("switched-on-again", True)
    assert not plant.source_on


@posix
def test_a_preparation_that_never_ends_does_not_keep_it_from_standing_by(
    supervise: Callable[..., None], plan: Plan, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that hangs: it is given its time, and not more."""
    looked, ended = Event(), []
    monkeypatch.setattr(rescue, "prepare", lambda *_plan: ended.append(looked.wait(20)))
    monkeypatch.setattr(supervisor, "PREPARATION", 0.0)
    plant.source_on = True
    supervise(replace(plan, lease=str(tmp_path / "bench.lock")), CLOSED)
    assert ended == []
    assert not plant.source_on
    looked.set()
    for thread in [each for each in enumerate_threads() if each.name == "packbench-_prepare"]:
        thread.join(60)


def test_whoever_listens_passes_on_each_word_with_its_time_and_says_when_nobody_speaks_any_more() -> None:
    words: SimpleQueue[Word] = SimpleQueue()
    times, closed = iter([1.0, 2.0, 3.0]), Event()
    supervisor.listen(iter(["5.0", "5.0\n6.0"]), words, lambda: next(times), closed)
    assert [words.get_nowait() for _ in range(3)] == [Word(1.0, "5.0"), Word(2.0, "5.0\n6.0"), Word(3.0, None)]
    assert words.empty()
    assert closed.is_set()


@posix
@pytest.mark.parametrize(
    ("forks", "closed", "found"),
    [
        ([4711], False, "supply had been switched on again after the bench was closed, and was on when the test ended"),
        ([], False, ""),  # nobody holds it: it cannot be seen any more
        ([4711], True, ""),  # nor does anybody where the pipe is closed
    ],
)
def test_the_only_connection_of_an_instrument_may_be_a_fork_s_which_is_ended(
    plan: Plan, plant: Plant, monkeypatch: pytest.MonkeyPatch, forks: list[int], closed: bool, found: str
) -> None:
    plant.source_on, plant.fail["open supply"] = True, InstrumentFault("the connection is taken")
    asked = Event()

    def end_forks() -> list[int]:
        asked.set()
        plant.fail.clear()
        return forks

    monkeypatch.setattr(remains, "end_forks", end_forks)
    nobody = Event()
    if closed:
        nobody.set()
    assert lastlook.look(plan, VirtualClock(), nobody) == found
    assert asked.is_set() is not closed


@posix
def test_a_bench_that_is_off_is_looked_at_once_and_nobody_is_ended(
    plan: Plan, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remains, "end_forks", lambda: pytest.fail("everybody answers"))
    assert lastlook.look(plan, VirtualClock(), Event()) == ""
    assert plant.calls.count("open supply") == 1


@posix
def test_a_bench_without_a_lease_that_somebody_else_has_by_then_is_left_alone(
    supervise: Callable[..., None], plan: Plan, plant: Plant
) -> None:
    plant.source_on = True
    theirs = lastlook.mark_open(plan)
    supervise(plan, CLOSED)
    theirs.release()
    assert plant.source_on
    assert not (Path(plan.folder) / REPORT).exists()


def test_a_bench_that_was_marked_in_one_thread_is_given_free_in_another(plan: Plan) -> None:
    """The one that waits for the end of the test is not the one that acts then."""
    taken: list[Any] = []
    thread = Thread(target=lambda: taken.append(lastlook.mark_open(plan)))
    thread.start()
    thread.join()
    with pytest.raises(Timeout):
        lastlook.mark_open(plan)
    taken[0].release()
    lastlook.mark_open(plan).release()


# --- its other end ------------------------------------------------------------------------------------------------


@pytest.fixture
def supervised(station: StationFile, tmp_path: Path) -> Iterator[Supervised]:
    """A supervisor process that watches this one; it must never have to act."""
    watch = Supervised(station, tmp_path)
    watch.confirm()
    yield watch
    watch.relieve()


@posix
def test_while_it_watches_a_bench_without_a_lease_is_marked_as_open(supervised: Supervised, plan: Plan) -> None:
    """By another process than this one: what the last look of every other supervisor goes by."""
    wait_until_locked(lastlook.mark_of(plan))


@pytest.mark.parametrize(
    ("clock", "speed", "leased"), [("wall", 1.0, False), ("wall", 1.0, True), ("virtual", 0.0, True)]
)
def test_its_process_is_told_all_that_an_emergency_needs(
    station: StationFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str, speed: float, leased: bool
) -> None:
    """How fast its clock runs is held against real time only where there is one."""
    told: list[Plan] = []

    def handed_over(**all_of_it: Any) -> Plan:
        told.append(Plan(**all_of_it))
        return told[-1]

    monkeypatch.setattr(heartbeat, "Plan", handed_over)
    lease = Lease(file=tmp_path / "bench.lock") if leased else None
    watched = station.model_copy(update={"clock": clock, "lease": lease})
    life = tmp_path / "life" if leased else None
    watch = Supervised(watched, tmp_path, life, {"supply": Identity("FAKE", "Model", "17", "1.0")})
    watch.relieve()
    assert told == [
        Plan(
            process=os.getpid(), folder=str(tmp_path), station=watched.model_dump(mode="json", by_alias=True),
            instruments=instruments_that_matter(station), patience=station.supervisor.idle,
            life=str(life) if life else "", identities={"supply": ("Model", "17")},
            lease=str(tmp_path / "bench.lock") if leased else "", heartbeat=5.0, speed=speed,
        )
    ]  # fmt: skip


def test_its_process_finds_what_can_be_imported_here(
    station: StationFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver of one's own may be on the path of the tests alone."""
    beside = tmp_path / "mine"
    beside.mkdir()
    (beside / "sitecustomize.py").write_text(f"open({str(tmp_path / 'found')!r}, 'w').close()", encoding="utf-8")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.syspath_prepend(beside)
    watch = Supervised(station, tmp_path)
    watch.confirm()
    watch.relieve()
    assert (tmp_path / "found").exists()


def process_of(watch: Supervised) -> "subprocess.Popen[bytes]":
    return watch._process


def test_one_that_is_relieved_has_gone_and_leaves_nothing(supervised: Supervised, tmp_path: Path) -> None:
    supervised.alive(1.0)
    supervised.dismiss()
    supervised.dismiss()
    assert process_of(supervised).poll() is None
    supervised.relieve()
    supervised.relieve()
    assert process_of(supervised).returncode == 0
    assert not (tmp_path / REPORT).exists()
    assert not (tmp_path / LOG).exists()


@posix
@pytest.mark.parametrize("life", [None, "bench.mine.alive"])
def test_it_is_told_by_its_absolute_path_which_lease_to_keep_when_the_test_dies(
    station: StationFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, life: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    listener = tmp_path / "listener"
    listener.write_text("#!/bin/sh\nread -r plan\nprintf '%s' \"$plan\" >told\necho ready\nread -r closed\n")
    listener.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(listener))
    watch = Supervised(station, tmp_path, life and Path(life))
    watch.confirm()
    watch.relieve()
    assert Plan.from_line((tmp_path / "told").read_text()).life == (str(tmp_path / life) if life else "")


def test_its_word_is_how_long_it_may_be_silent_and_the_time_of_the_bench_where_that_is_open(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as heard_there:
        with os.fdopen(writing, "wb", 0) as pipe, monkeypatch.context() as patched:
            patched.setattr(supervised, "_stdin", pipe)
            supervised.alive(1.0)
            supervised.alive(1.0, 12.5)
        closed, opened = (list(map(float, line.split())) for line in heard_there)
    assert opened == [*closed, 12.5]
    assert closed[0] > 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="has no process groups of this kind")
def test_it_is_in_no_group_that_a_terminal_or_a_job_could_end(supervised: Supervised) -> None:
    process = process_of(supervised).pid
    assert os.getpgid(process) == process != os.getpgid(0)
    assert os.getsid(process) != os.getsid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_is_deaf_to_signals(supervised: Supervised, name: str) -> None:
    process_of(supervised).send_signal(getattr(signal, name))
    supervised.alive(60.0)
    supervised.relieve()
    assert process_of(supervised).returncode == 0


def test_the_test_is_told_when_nobody_watches_any_more(supervised: Supervised) -> None:
    process_of(supervised).kill()
    process_of(supervised).wait()
    with pytest.raises(BenchFault, match="does not hear the test any more"):
        supervised.alive(1.0)


def test_an_answer_that_is_due_is_looked_for_and_one_that_is_not_there_yet_ends_nothing(
    supervised: Supervised,
) -> None:
    supervised._answered -= supervised._limit / ANSWERS
    supervised.alive(1.0)
    supervised.relieve()
    assert process_of(supervised).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGSTOP")
def test_one_that_does_not_answer_is_ended_at_once_and_never_stands_by(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the farewell of one that is known not to watch."""
    process_of(supervised).send_signal(signal.SIGSTOP)
    monkeypatch.setattr(heartbeat, "_read", lambda _pipe, _patience: b"")
    supervised._answered -= 2 * supervised._limit
    with pytest.raises(BenchFault, match="has not answered for"):
        supervised.alive(1.0)
    monkeypatch.setattr(heartbeat, "pause", lambda _seconds: pytest.fail("it was waited for"))
    supervised.dismiss()
    assert supervised not in heartbeat._standing_by.values()
    assert process_of(supervised).returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGSTOP")
def test_one_that_does_not_read_does_not_make_the_test_hang(supervised: Supervised) -> None:
    process_of(supervised).send_signal(signal.SIGSTOP)

    def beat_for_hours() -> None:
        for _ in range(100_000):
            supervised.alive(1.0)

    with pytest.raises(BenchFault, match="does not hear the test any more"):
        beat_for_hours()
    process_of(supervised).kill()


def test_one_that_does_not_start_is_told_before_anything_is_on(
    station: StationFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    watch = Supervised(station, tmp_path)
    with pytest.raises(BenchFault, match=r"did not start.*supervisor\.log says why"):
        watch.confirm()
    watch.dismiss()
    assert watch not in heartbeat._standing_by.values()
    assert (tmp_path / LOG).read_text()


def test_a_fork_of_the_test_neither_vouches_for_it_nor_says_that_its_bench_is_closed(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as as_a_fork_sees_it:
        as_a_fork_sees_it.setattr(os, "getpid", lambda: 1)
        with pytest.raises(BenchFault, match="A fork of the test cannot use its bench"):
            supervised.alive(1.0)
        supervised.dismiss()
    assert supervised not in heartbeat._standing_by.values()
    supervised.alive(1.0)


def test_the_next_bench_s_supervisor_relieves_the_one_before(
    supervised: Supervised, station: StationFile, tmp_path: Path
) -> None:
    supervised.dismiss()
    (tmp_path / "next").mkdir()
    other = Supervised(station, tmp_path / "next")
    other.confirm()
    assert process_of(supervised).returncode == 0
    assert process_of(other).poll() is None
    other.relieve()


def test_one_whose_answer_comes_in_the_rest_of_the_heartbeat_is_forgiven(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def late(_pipe: int, patience: float) -> bytes:
        waited.append(patience)
        return b"%.3f\n" % monotonic() if patience else b""

    monkeypatch.setattr(heartbeat, "_read", late)
    supervised._answered = monotonic() - 1.01 * heartbeat.STALE * supervised._limit
    supervised.alive(1.0)
    at_once, rest = waited
    assert at_once == 0.0
    assert 0.0 < rest <= (1 - heartbeat.STALE) * supervised._limit


def test_one_that_takes_longer_than_twenty_seconds_to_start_is_told(
    station: StationFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_action: object, limit: float) -> bytes:
        raise OutOfTime(f"did not come back within {limit:g} s")

    monkeypatch.setattr(heartbeat, "in_time", never)
    with ExitStack() as stack:
        watch = Supervised(station, tmp_path)
        stack.callback(watch.relieve)
        with pytest.raises(BenchFault, match="process did not come back within 20 s; without it no output is switched"):
            watch.confirm()


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGSTOP")
def test_one_that_does_not_go_is_ended_after_ten_seconds(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_of(supervised).send_signal(signal.SIGSTOP)
    now = [100.0]
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now[0])
    monkeypatch.setattr(heartbeat, "pause", lambda seconds: now.__setitem__(0, now[0] + seconds))
    supervised.relieve()
    assert now[0] == pytest.approx(110.0, abs=0.021)
    assert process_of(supervised).returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("silent", "looks"),
    [(0.25, 0), (0.2500001, 1), (0.75, 1), (0.7500001, 2)],
)
def test_an_answer_is_looked_for_from_a_quarter_of_a_heartbeat_on_and_waited_for_from_three(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch, silent: float, looks: int
) -> None:
    waited: list[float] = []
    now = [0.0]

    def late(_pipe: int, patience: float) -> bytes:
        waited.append(patience)
        return b"%.3f\n" % now[0] if patience else b""

    monkeypatch.setattr(heartbeat, "_read", late)
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now[0])
    supervised._answered, heart = 0.0, supervised._limit
    now[0] = silent * heart
    supervised.alive(1.0)
    assert waited == pytest.approx([0.0, heart - now[0]][:looks])


@pytest.mark.parametrize("said", [b"a driver says hello\n", b"\n", b"12"])
def test_what_is_no_time_is_no_answer_and_ends_nothing_by_itself(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """A driver may print something where it is imported, and an answer may have come only in part."""
    heard = [said, b"", b"\n%.3f\n" % monotonic()]
    monkeypatch.setattr(heartbeat, "_read", lambda _pipe, _patience: heard.pop(0))
    supervised._answered = monotonic() - 1.01 * heartbeat.STALE * supervised._limit
    with pytest.raises(BenchFault, match="has not answered for"):
        supervised.alive(1.0)
    supervised.alive(1.0)
    assert not heard


def test_it_answers_twice_in_its_period_and_no_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 100.9, 101.0, 101.5])
    monkeypatch.setattr(supervisor, "monotonic", lambda: next(times))
    said: list[bytes] = []
    answers = Answers(2.0 * ANSWERS, said.append)
    for _ in range(4):
        answers.give()
    assert said == [b"100.000\n", b"101.000\n"]


def test_answers_that_nobody_seems_to_read_are_kept() -> None:
    said: list[bytes] = []
    answers = Answers(0.0, said.append)
    for _ in range(2 * UNHEARD):
        answers.give()
    assert len(said) == UNHEARD == 100
    answers.heard()
    answers.give()
    assert len(said) == UNHEARD + 1


def test_a_test_that_has_ended_is_no_reason_not_to_watch_on() -> None:
    def closed(_line: bytes) -> None:
        raise BrokenPipeError

    Answers(1.0, closed).give()


# --- the heartbeat ------------------------------------------------------------------------------------------------


class Heartbeats:
    """Takes the place of a supervisor and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.dismissed = 0

    def confirm(self) -> None: ...

    def alive(self, silence: float, _bench_time: float | None = None) -> None:
        self.told.append(silence)

    def dismiss(self) -> None:
        self.dismissed += 1


@pytest.fixture
def heartbeats(little_bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> Heartbeats:
    heart = Heartbeats()
    monkeypatch.setattr(little_bench, "_watch", heart)
    return heart


@pytest.mark.parametrize(
    ("step", "period"), [(Charge(1.0, elapsed(seconds=5)), 1.0), (Rest(elapsed(seconds=30)), 10.0), (Soak(25.0), 10.0)]
)
def test_every_scan_announces_the_next_how_long_its_answers_may_take_and_that_they_have_come(
    little_bench: TestBench, heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch, step: Any, period: float
) -> None:
    monkeypatch.setattr(little_bench.engine.sampler, "_longest_answer", 7.0)
    little_bench.run(step)
    scans = len(little_bench.run_log.record().rows)
    *beats, idle = heartbeats.told
    assert beats == [period, 7.0, 0.0] * scans
    assert idle == little_bench.station.supervisor.idle


def test_a_test_that_does_not_scan_does_not_beat(little_bench: TestBench, heartbeats: Heartbeats) -> None:
    little_bench.engine.clock.sleep(1000.0)
    assert heartbeats.told == []


def test_the_safe_state_beats_step_by_step_and_the_watch_ends_after_it(
    little_bench: TestBench, heartbeats: Heartbeats
) -> None:
    safe = little_bench.conclude().bench
    assert safe is not None
    assert len(heartbeats.told) == len(safe.steps) + 1
    assert heartbeats.dismissed == 1


def test_what_ends_a_step_is_given_the_time_that_outputs_may_take_to_go_off(
    little_bench: TestBench, heartbeats: Heartbeats, plant: Plant
) -> None:
    def stumble(_row: Any) -> None:
        raise RuntimeError("somebody else's observer")

    little_bench.engine.sampler.observers.append(stumble)
    with pytest.raises(RuntimeError, match="observer"):
        little_bench.run(Charge(1.0, elapsed(minutes=1)))
    ended = heartbeats.told.index(2 * safestate.STEP_LIMIT)
    assert heartbeats.told[ended : ended + 2] == [2 * safestate.STEP_LIMIT, safestate.STEP_LIMIT]
    assert not plant.source_on


def test_a_heart_that_nobody_hears_does_not_keep_the_bench_from_being_made_safe(
    little_bench: TestBench, heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unheard(_silence: float, _bench_time: float | None) -> None:
        raise BenchFault("gone")

    monkeypatch.setattr(heartbeats, "alive", unheard)
    safe = little_bench.conclude().bench
    assert safe is not None
    assert safe.safe


@pytest.mark.parametrize(("asked", "watched"), [(None, 0), (True, 1)])
def test_a_virtual_bench_is_watched_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool | None, watched: int
) -> None:
    hearts: list[Heartbeats] = []

    def start(*_arguments: object) -> Heartbeats:
        hearts.append(Heartbeats())
        return hearts[-1]

    monkeypatch.setattr(testing, "Supervised", start)
    setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path, TestIdentity("x", "x", "x"), supervised=asked)
    bench.open()
    bench.conclude()
    assert len(hearts) == watched
    assert [heart.dismissed for heart in hearts] == [1] * watched


def test_simulators_that_died_with_the_test_are_not_looked_for(tmp_path: Path) -> None:
    station, _ = load_station("virtual-module")
    plan = Plan(0, str(tmp_path), station.model_dump(mode="json", by_alias=True), instruments_that_matter(station), 1.0)
    act(plan, Alarm("the test's process ended without a word", 0.0, "test-died"), WallClock(), closed=Event())
    report = json.loads((tmp_path / REPORT).read_text())
    assert report["state"] == "done"
    assert report["bench_verdict"] is None
    assert report["text"] == "the simulators ended with the test, there was nothing to switch off"


@pytest.mark.parametrize(("patience", "announced"), [(2.0, 0.0), (5.0, 0.5), (9.0, 4.5)])
def test_a_scan_may_be_silent_only_as_much_longer_than_a_heartbeat_as_its_most_patient_link_needs(
    new_bench: Callable[..., TestBench], monkeypatch: pytest.MonkeyPatch, patience: float, announced: float
) -> None:
    """The bench of fakes has a heartbeat of 5 s; half a second more is left to tell who did not answer."""
    monkeypatch.setattr(FakeChamber, "patience", patience, raising=False)
    bench = new_bench()
    bench.open()
    heart = Heartbeats()
    monkeypatch.setattr(bench, "_watch", heart)
    bench.run(Rest(elapsed(seconds=10)))
    assert heart.told[1::3][0] == announced
    bench.conclude()
