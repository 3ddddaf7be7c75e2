"""How a test can end, with a real process, a real socket and a real signal: the output is off, seen from outside."""

import os
import signal
import sys
from datetime import datetime

import pytest

from bench.recording.runs import list_runs
from bench.safety.lease import BenchLease
from bench.verdicts import BenchInUse, ExitStatus
from tests.bench.rig import CHARGE, HANG, Listener, Rig, ended
from tests.bench.supervisor_support import wait_until_locked

pytestmark = pytest.mark.real_time(85)

# --- without a word -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_test_has_its_output_switched_off_by_the_supervisor(rig: Rig) -> None:
    process = rig.charging()
    process.kill()
    rig.outlet.wait_for("output OFF")
    ended(process)
    report = rig.supervisor()
    assert report["reason"] == "the test's process ended without a word"
    assert report["fault"] == "test-died"
    assert report["test"] == {"process": process.pid, "ended_by": "itself"}
    assert report["bench_verdict"]["safe"] is True
    assert report["outputs_off_after"] < 30
    assert (report["schema"], report["state"]) == (1, "done")
    heard, noticed, done = (datetime.fromisoformat(report[when]) for when in ("last_heard", "noticed", "ended"))
    assert heard <= noticed <= done
    assert rig.manifest()["state"] == "running"
    (run,) = list_runs(rig.folder / "runs")
    assert run.verdict is None
    assert "The supervisor then acted: outputs verified off." in (run.cause or "")


@pytest.mark.skipif(sys.platform == "win32", reason="waits in signal.pause")
def test_a_test_that_hangs_and_holds_the_only_connection_is_ended_first(rig: Rig) -> None:
    process = rig.charging(HANG, heartbeat=1.0)
    rig.outlet.wait_for("output OFF")
    status, output = ended(process)
    assert "hanging" in output
    assert status == -signal.SIGKILL
    report = rig.supervisor()
    assert report["reason"] == "the test was silent for more than 1.0 s"
    assert report["fault"] == "test-hung"
    assert report["test"]["ended_by"] == "supervisor"
    assert report["bench_verdict"]["safe"] is True


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGSTOP")
def test_a_test_that_was_stopped_is_as_dangerous_as_one_that_hangs(rig: Rig) -> None:
    process = rig.charging(heartbeat=1.0)
    process.send_signal(signal.SIGSTOP)
    rig.outlet.wait_for("output OFF")
    assert ended(process)[0] == -signal.SIGKILL
    assert rig.supervisor()["bench_verdict"]["safe"] is True


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGSTOP")
def test_an_instrument_that_falls_silent_is_told_before_the_test_counts_as_hung(rig: Rig) -> None:
    process = rig.charging(heartbeat=1.0)
    rig.outlet.process.send_signal(signal.SIGSTOP)
    status, output = ended(process)
    rig.outlet.process.send_signal(signal.SIGCONT)
    assert status == 3, output
    assert (rig.manifest()["state"], rig.manifest()["cause"]["fault"]) == ("ended", "instrument-fault")
    assert rig.reports() == []


def test_a_timeout_that_ends_the_process_leaves_the_output_to_the_supervisor(rig: Rig) -> None:
    process = rig.charging(CHARGE, "--timeout=3", "--timeout-method=thread")
    rig.outlet.wait_for("output OFF")
    ended(process)
    assert rig.supervisor()["bench_verdict"]["safe"] is True


def test_an_output_that_cannot_be_reached_is_told(rig: Rig) -> None:
    process = rig.charging()
    rig.outlet.process.kill()
    rig.outlet.process.wait()
    process.kill()
    ended(process)
    report = rig.supervisor()
    assert report["attempts"] == 3
    assert report["outputs_off_after"] is None
    assert "NOT VERIFIED SAFE (sink off: supply " in report["text"]
    assert "Switch the bench off by hand" in report["text"]
    (run,) = list_runs(rig.folder / "runs")
    assert "NOT VERIFIED SAFE" in (run.cause or "")


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_nobody_gets_the_bench_of_a_dead_test_before_it_is_safe(rig: Rig) -> None:
    process = rig.charging()
    rig.outlet.process.send_signal(signal.SIGSTOP)  # nothing can be made safe for the time being
    process.kill()
    ended(process)
    (life,) = rig.folder.glob("bench.*.alive")
    wait_until_locked(life)
    with pytest.raises(BenchInUse, match=f"process {process.pid}"):
        BenchLease(rig.folder / "bench.lock", "outlet")
    rig.outlet.process.send_signal(signal.SIGCONT)
    assert rig.supervisor()["bench_verdict"]["safe"] is True


# --- asked to end -------------------------------------------------------------------------------------------------

SIGNALS = [signal.SIGINT, signal.SIGTERM] + ([] if sys.platform == "win32" else [signal.SIGHUP])


@pytest.mark.a_case_is_enough
@pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_test_in_order_and_the_supervisor_does_nothing(rig: Rig, number: signal.Signals) -> None:
    process = rig.charging()
    # To the whole group, as a terminal does: the supervisor must not be in it.
    os.killpg(process.pid, number)
    rig.outlet.wait_for("output OFF")
    status, output = ended(process)
    assert status == ExitStatus.INTERRUPTED, output
    manifest = rig.manifest()
    assert (manifest["state"], manifest["verdict"], manifest["cause"]["blame"]) == ("ended", "ABORTED", "operator")
    assert manifest["bench_verdict"]["safe"] is True
    assert rig.reports() == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals")
@pytest.mark.parametrize("rig", [0.2], indirect=True)
def test_ctrl_c_with_an_answer_in_flight_says_safe_once_it_is(rig: Rig) -> None:
    process = rig.charging()
    rig.outlet.wait_for("measuring")
    process.send_signal(signal.SIGINT)
    rig.outlet.wait_for("output OFF")
    status, output = ended(process)
    assert status == ExitStatus.INTERRUPTED, output
    steps = {step["name"]: step["detail"] for step in rig.manifest()["bench_verdict"]["steps"]}
    assert rig.manifest()["bench_verdict"]["safe"] is True, steps


SLOW_CONTACTOR = """
from bench.scenario import Charge, elapsed
from instruments.roles import BmsMode, BmsState
from tests.bench.outlet import StillBms

asked = set()

def stays_closed(self):
    asked.add(self.mode)
    if BmsMode.CHARGE not in asked:
        return BmsState.STANDBY
    if self.mode is BmsMode.STANDBY:
        print("waiting for the contactor", flush=True)
    return BmsState.CHARGE

StillBms.state = stays_closed

def test_charge(bench):
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends no such signals")
def test_the_second_ctrl_c_switches_off_and_leaves_the_rest(rig: Rig) -> None:
    process = rig.charging(SLOW_CONTACTOR)
    process.send_signal(signal.SIGINT)
    said = Listener(process)
    said.wait_for("waiting for the contactor")
    process.send_signal(signal.SIGINT)
    assert said.ended() == ExitStatus.BENCH_FAULT  # not verified safe comes before anything else
    steps = {step["name"]: step for step in rig.manifest()["bench_verdict"]["steps"]}
    assert steps["source off"]["verified"]
    assert not steps["contactor open"]["verified"]
    assert (steps["chamber to rest"]["done"], steps["chamber to rest"]["detail"]) == (
        False,
        "left out, because the bench was asked again to end",
    )
    assert rig.reports() == []


def test_a_timeout_by_signal_is_the_bench_s_fault_and_ends_off(rig: Rig) -> None:
    process = rig.charging(CHARGE, "--timeout=3", "--timeout-method=signal")
    rig.outlet.wait_for("output OFF")
    status, output = ended(process)
    assert status == 3, output
    manifest = rig.manifest()
    assert (manifest["verdict"], manifest["bench_verdict"]["safe"]) == ("BENCH FAULT", True)
    assert manifest["cause"]["text"].startswith("The test hung and was stopped: Timeout")
    assert manifest["cause"]["fault"] == "test-hung"
    assert rig.reports() == []


# --- by itself ----------------------------------------------------------------------------------------------------

TWO = """
import pytest
from bench.scenario import Charge, elapsed
from bench.verdicts import BenchFault

SHORT = Charge(1.0, until=elapsed(seconds=0.3))

def test_one(bench):
    bench.run(SHORT)
    {error}

def test_two(bench):
    bench.run(SHORT)
"""


def test_a_test_that_ends_well_leaves_no_supervisor_and_no_trace_of_one(rig: Rig) -> None:
    status, output = ended(rig.start(TWO.format(error="pass")))
    assert status == 0, output
    assert [path.name for path in rig.folder.glob("runs/*/*/supervisor*")] == []


def test_a_session_says_once_what_a_power_cut_of_the_computer_would_leave_on(rig: Rig) -> None:
    status, output = ended(rig.start(TWO.format(error="pass")))
    assert status == 0, output
    said = [line for line in output.splitlines() if "POWER CUT: A power cut of this computer leaves on: " in line]
    assert len(said) == 1, output
    assert "supply (output), chamber (conditioning), bms (contactor) for ever" in said[0]


def test_once_the_bench_is_broken_no_other_test_uses_it(rig: Rig) -> None:
    status, output = ended(rig.start(TWO.format(error="raise BenchFault('The relay is welded.')")))
    assert status == 3, output
    assert "NOT RUN: the bench is broken: The relay is welded. (first seen in test_mine.py::test_one)" in output
    assert len(list(rig.folder.glob("runs/*/*/run.json"))) == 1


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("error", ["assert 1 == 2", "{}['nothing']", "pytest.skip('not today')"])
def test_a_pack_or_a_test_that_fails_does_not_break_the_bench(rig: Rig, error: str) -> None:
    _, output = ended(rig.start(TWO.format(error=error)))
    assert "PASSED test_mine.py::test_two" in output
    assert len(list(rig.folder.glob("runs/*/*/run.json"))) == 2


def test_a_test_whose_supervisor_is_gone_does_not_go_on(rig: Rig) -> None:
    tests = """
from bench.scenario import Charge, elapsed

def test_charge(bench):
    bench._watch._process.kill()
    bench._watch._process.wait()
    bench.run(Charge(1.0, until=elapsed(hours=1)))
"""
    status, output = ended(rig.start(tests))
    assert status == 3, output
    manifest = rig.manifest()
    assert manifest["cause"]["text"].startswith("The supervisor process does not hear the test any more")
    assert manifest["cause"]["fault"] == "supervisor-lost"
    assert manifest["bench_verdict"]["safe"] is True


HOOK = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_{when}(item):
    {before}
    yield
    {after}
"""


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    "hook",
    [
        HOOK.format(when="call", before="raise RuntimeError('hook broke')", after=""),
        HOOK.format(when="call", before="", after="raise RuntimeError('hook broke')"),
        HOOK.format(when="setup", before="", after="raise RuntimeError('hook broke')"),
        HOOK.format(when="teardown", before="raise RuntimeError('hook broke')", after=""),
        "def pytest_packbench_run_started(item, folder):\n    raise RuntimeError('hook broke')\n",
        "def pytest_packbench_run_ended(item, folder):\n    raise RuntimeError('hook broke')\n",
        "def pytest_packbench_event(item, event):\n    raise RuntimeError('hook broke')\n",
    ],
    ids=["before the call", "after the call", "after setup", "before teardown", "started", "ended", "event"],
)
def test_a_hook_of_another_plugin_that_fails_leaves_the_bench_safe(rig: Rig, hook: str) -> None:
    (rig.folder / "conftest.py").write_text(hook)
    _, output = ended(rig.start(TWO.format(error="pass"), "-k", "test_one"))
    manifest = rig.manifest()
    assert manifest["state"] == "ended", output
    assert manifest["bench_verdict"] is None or manifest["bench_verdict"]["safe"] is True
    assert rig.reports() == []
