"""Who watches the watcher, a wrong clock, forks, and what switches on after the end: real processes, real sockets."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench.recording.runs import list_runs
from bench.safety.lease import LAST_LOOK, BenchLease
from bench.verdicts import BenchInUse
from tests.bench.rig import Rig, ended
from tests.bench.supervisor_support import PATIENCE

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="stops and forks processes as POSIX does"),
    pytest.mark.real_time(40),
]

# --- a supervisor that does not watch -----------------------------------------------------------------------------

STOPPED = """
import os, signal
from bench.scenario import Charge, Rest, elapsed

def stop(bench):
    os.kill(bench._watch._process.pid, signal.SIGSTOP)

def test_it(bench):
    {body}
"""
WHILE_CHARGING = """
    bench.engine.sampler.observers.append(lambda row: stop(bench) if row[0] > 1 else None)
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""
IN_A_REST = """
    bench.engine.sampler.observers.append(lambda row: stop(bench))
    bench.run(Rest(until=elapsed(hours=1)), Charge(1.0, until=elapsed(hours=1)))
"""
BETWEEN_TWO_SCENARIOS = """
    bench.run(Rest(until=elapsed(seconds=0.2)))
    stop(bench)
    bench.engine.clock.sleep(1.5)
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""


@pytest.mark.parametrize(
    ("body", "charged"),
    [(WHILE_CHARGING, True), (IN_A_REST, False), (BETWEEN_TWO_SCENARIOS, False)],
    ids=["charging", "rest", "between"],
)
def test_a_test_whose_supervisor_was_stopped_does_not_go_on(rig: Rig, body: str, charged: bool) -> None:
    status, output = ended(rig.start(STOPPED.format(body=body), heartbeat=1.0))
    assert status == 3, output
    manifest = rig.manifest()
    assert manifest["cause"]["fault"] == "supervisor-lost"
    assert "has not answered for" in manifest["cause"]["text"]
    assert manifest["bench_verdict"]["safe"] is True
    assert rig.reports() == []
    heard = rig.outlet.said()
    assert ("output ON" in heard) is charged
    assert heard[-1] != "output ON"


# --- a clock that is wrong ----------------------------------------------------------------------------------------

WRONG = """
from bench.scenario import Charge, elapsed

def test_it(bench):
    clock = bench.engine.clock
    now, wrong = clock.now, {wrong}

    def go_wrong(row):
        # From the first scan of the charge on, however long the computer took to get there.
        if row[0] > 0 and clock.now == now:
            began = now()
            clock.now = lambda: began + wrong(now() - began)
            bench.engine.sampler._now = clock.now

    bench.engine.sampler.observers.append(go_wrong)
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("lambda time: min(time, 1.0)", "fell behind"),
        ("lambda time: 0.5 * time", "fell behind"),
        ("lambda time: 5 * time", "ran ahead of"),
    ],
    ids=["stands still", "slow", "fast"],
)
def test_a_test_whose_clock_is_wrong_is_ended_by_the_supervisor(rig: Rig, wrong: str, says: str) -> None:
    process = rig.charging(WRONG.format(wrong=wrong))
    rig.outlet.wait_for("output OFF")
    assert ended(process)[0] == -signal.SIGKILL
    report = rig.supervisor()
    assert report["fault"] == "test-clock-wrong"
    assert f"the test's clock {says} real time by" in report["reason"]
    assert report["bench_verdict"]["safe"] is True


# --- forks --------------------------------------------------------------------------------------------------------

FORKED = """
import os, signal
from bench.scenario import Charge, elapsed

def test_it(bench):
    def fork(row):
        if row[0] > 0.3 and not forks:
            forks.append(os.fork())
            if forks == [0]:
                print("forked", os.getpid(), flush=True)
                while True:
                    signal.pause()
    forks = []
    bench.engine.sampler.observers.append(fork)
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""


def test_the_death_of_a_test_is_noticed_though_a_fork_holds_its_pipe_and_its_only_connection(rig: Rig) -> None:
    process = rig.charging(FORKED)
    assert process.stdout is not None
    fork = next(int(line.split()[1]) for line in process.stdout if line.startswith("forked"))
    process.kill()
    rig.outlet.wait_for("output OFF")
    report = rig.supervisor()
    assert (report["fault"], report["test"]["ended_by"]) == ("test-died", "itself")
    assert report["test"]["forks_ended"] == [fork]
    assert report["bench_verdict"]["safe"] is True
    process.communicate()


# --- after the end ------------------------------------------------------------------------------------------------

AGAIN = """
import atexit, socket
from bench.scenario import Rest, elapsed

def switch_on(port):
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"OUTP ON\\n")

def test_it(bench):
    port = int(bench.station.instruments["supply"].resource.split("::")[2])
    bench.run(Rest(until=elapsed(seconds=0.2)))
    atexit.register(switch_on, port)
"""


def test_what_switched_on_again_after_the_bench_was_closed_is_off_when_its_process_has_ended(rig: Rig) -> None:
    status, output = ended(rig.start(AGAIN))
    assert status == 0, output
    rig.outlet.wait_for("output ON")
    rig.outlet.wait_for("output OFF")
    report = rig.supervisor()
    assert report["fault"] == "switched-on-again"
    assert report["reason"].startswith("supply had been switched on again after the bench was closed")
    (run,) = list_runs(rig.folder / "runs")
    assert run.verdict == "PASS"
    assert run.cause == f"{report['reason']}. The supervisor then acted: outputs verified off."
    assert report["bench_verdict"]["safe"] is True
    BenchLease(rig.folder / "bench.lock", "outlet").release()


def test_a_bench_that_somebody_else_has_by_then_is_left_alone(rig: Rig) -> None:
    tests = (
        AGAIN
        + """
    print("supervisor", bench._watch._process.pid, flush=True)

def wait():
    print("closed", flush=True)
    input()

atexit.register(wait)
"""
    )
    process = rig.start(tests, stdin=subprocess.PIPE)
    assert process.stdout is not None
    supervisor = next(psutil.Process(int(line.split()[1])) for line in process.stdout if line.startswith("supervisor"))
    next(line for line in process.stdout if line.startswith("closed"))
    theirs = BenchLease(rig.folder / "bench.lock", "outlet")
    process.communicate("\n", timeout=PATIENCE)
    supervisor.wait(PATIENCE)
    assert rig.outlet.said()[-1] == "output ON"
    assert rig.reports() == []
    theirs.release()


def test_whoever_comes_during_the_last_look_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = BenchLease(tmp_path / "bench.lock", "outlet", job=LAST_LOOK)
    monkeypatch.setattr("bench.safety.lease.pause", lambda _seconds: looking.release())
    BenchLease(tmp_path / "bench.lock", "outlet").release()


def test_a_last_look_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = BenchLease(tmp_path / "bench.lock", "outlet", job=LAST_LOOK)
    monkeypatch.setattr("bench.safety.lease.LOOK_LIMIT", 0.05)
    with pytest.raises(BenchInUse, match="last look"):
        BenchLease(tmp_path / "bench.lock", "outlet")
    looking.release()
