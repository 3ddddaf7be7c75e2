"""The output is off at the end, on a bench that shares nothing with ours: what is true is read from the rig itself.

Every case does one thing to the rig or to the test's process while a current flows (or before anything is opened), and
then looks at the rig, at the exit status and at what the run has kept.
"""

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import packbench
from tests.foreign.acts import CHARGE, during_charge, is_off, opened_under_load
from tests.foreign.rig import Rig
from tests.foreign.session import Session, session

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"), pytest.mark.real_time(190)]


def test_a_healthy_charge_passes_and_ends_off(rig: Rig, tmp_path: Path) -> None:
    found = session(rig, tmp_path, CHARGE)
    assert (found.status, found.verdict) == (0, "PASS"), found.said
    assert is_off(rig)
    assert not rig.node.closed
    assert not opened_under_load(rig)


@pytest.mark.parametrize("sleepy", [("supply",), ("chamber", "scanner")])
def test_instruments_that_lose_the_first_message_of_each_connection_are_asked_once_more_at_opening(
    rig: Rig, tmp_path: Path, sleepy: tuple[str, ...]
) -> None:
    """As what stands behind a serial port that wakes up by it does."""
    for name in sleepy:
        getattr(rig, name).sleepy = True
    found = session(rig, tmp_path, CHARGE)
    assert (found.status, found.verdict) == (0, "PASS"), found.said
    assert is_off(rig)


def test_no_current_is_asked_for_before_the_bms_has_shown_a_charge(rig: Rig, tmp_path: Path) -> None:
    """A node shows none until a string is connected, and its display comes once a second."""
    found = session(rig, tmp_path, CHARGE)
    rows = packbench.load_run(found.run)
    flowing = rows[rows["Set Current / A"].notna()]
    assert len(flowing)
    assert flowing["SOC / 1"].notna().all()


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    "frozen",
    [
        "from freezegun import freeze_time\n    with freeze_time('2020-01-01'):\n        {run}",
        "import time_machine\n    with time_machine.travel('2020-01-01', tick=False):\n        {run}",
        "import time\n    then = time.monotonic()\n    monkeypatch.setattr(time, 'monotonic', lambda: then)\n    {run}",
        "import time\n    monkeypatch.setattr(time, 'sleep', lambda _s: None)\n    {run}",
    ],
    ids=["freezegun", "time-machine", "monotonic", "sleep"],
)
def test_a_test_that_stops_the_clock_stops_neither_guard_nor_step(rig: Rig, tmp_path: Path, frozen: str) -> None:
    run = "bench.run(Charge(2.0, until=elapsed(seconds=3)))"
    found = session(rig, tmp_path, f"def test_charge(bench, monkeypatch):\n    {frozen.format(run=run)}\n")
    assert found.verdict == "PASS", found.said
    assert is_off(rig)
    on = [entry for entry in rig.log if entry[2]]
    off = next(entry for entry in rig.log if entry[0] > on[-1][0])
    assert 2.5 < off[0] - on[0][0] < 6


def test_an_alarm_that_ends_the_output_is_named(rig: Rig, tmp_path: Path) -> None:
    def overheat(_process: "subprocess.Popen[str]") -> None:
        so_far = len(rig.supply.heard)
        assert rig.wait_until(lambda: rig.supply.heard[so_far:].count("MEAS:ARR?") > 2)  # it has switched on
        rig.supply.override["STAT:QUES:COND"] = str(1 << 3 | 1 << 10)
        rig.supply.output = False

    found = during_charge(rig, tmp_path, overheat)
    assert (found.status, found.cause["fault"], found.cause["blame"]) == (3, "output-lost", "bench"), found.said
    assert "its output is off, though no step switched it off; it reports over-temperature (OT)." in found.cause["text"]
    assert is_off(rig)


# --- remote control ---------------------------------------------------------------------------------------------------


def test_local_pressed_and_released_at_the_panel_ends_with_the_output_off(rig: Rig, tmp_path: Path) -> None:
    def press(_process: "subprocess.Popen[str]") -> None:
        rig.supply.press_local()
        rig.supply.release_local()

    found = during_charge(rig, tmp_path, press, CHARGE)
    assert is_off(rig), found.said
    assert not opened_under_load(rig)


def test_a_panel_that_keeps_control_leaves_the_contactor_closed_and_says_so_loudly(rig: Rig, tmp_path: Path) -> None:
    found = during_charge(rig, tmp_path, lambda _process: rig.supply.press_local(), CHARGE)
    assert found.status == 3
    assert not opened_under_load(rig)
    assert "NOT VERIFIED SAFE" in found.said
    assert "by hand" in found.said
    assert "left closed" in found.steps["contactor open"]["detail"]


def refused_while_a_limit_is_violated(rig: Rig, folder: Path, breaking_current: float) -> Session:
    """The panel keeps control of a supply that is on, and the cells grow too hot."""

    def press_and_heat(_process: "subprocess.Popen[str]") -> None:
        rig.supply.press_local()
        rig.heat = 20.0

    safe_state = {"bus_meter": "supply", "breaking_current": breaking_current}
    return during_charge(rig, folder, press_and_heat, safe_state=safe_state)


def test_a_violated_limit_opens_the_contactor_under_a_current_that_it_may_break(rig: Rig, tmp_path: Path) -> None:
    found = refused_while_a_limit_is_violated(rig, tmp_path, breaking_current=50)
    assert found.status == 3
    assert abs(rig.current) < 0.05
    assert opened_under_load(rig)
    assert "under" in found.steps["contactor open"]["detail"]


def test_a_contactor_is_never_opened_above_what_it_may_break(rig: Rig, tmp_path: Path) -> None:
    found = refused_while_a_limit_is_violated(rig, tmp_path, breaking_current=1)
    assert found.status == 3
    assert not opened_under_load(rig)


# --- a closed bench is dead -------------------------------------------------------------------------------------------


KEPT = """
kept = []

def test_charge(bench):
    bench.run(Charge(2.0, until=elapsed(seconds=2)))
    kept.append(bench.engine.bench.drivers["supply"])

def test_later():
    {later}
"""


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    "later",
    [
        "kept[0].charge(2.0, 85.0)",
        "import threading\n    t = threading.Thread(target=lambda: kept[0].charge(2.0, 85.0)); t.start(); t.join()",
        "import os\n    pid = os.fork()\n    if pid == 0:\n        try:\n            kept[0].charge(2.0, 85.0)\n"
        "        finally:\n            os._exit(0)\n    os.waitpid(pid, 0)",
    ],
    ids=["fixture", "thread", "fork"],
)
def test_a_driver_that_was_kept_switches_nothing_on_again(rig: Rig, tmp_path: Path, later: str) -> None:
    found = session(rig, tmp_path, KEPT.format(later=later), None, "-W", "ignore")
    assert is_off(rig)
    on = [entry[2] for entry in rig.log]
    assert sum(after and not before for before, after in pairwise(on)) == 1, found.said


def test_a_child_forked_while_the_bench_was_open_switches_nothing_on_after_the_end(rig: Rig, tmp_path: Path) -> None:
    test = """
def test_charge(bench):
    import os, time
    supply = bench.engine.bench.drivers["supply"]
    if os.fork() == 0:
        for _ in range(40):
            time.sleep(0.2)
            try:
                supply.charge(2.0, 85.0)
            except BaseException:
                pass
        os._exit(0)
    bench.run(Charge(2.0, until=elapsed(seconds=2)))
"""
    found = session(rig, tmp_path, test)
    assert rig.wait_until(lambda: not rig.supply.output, 5)
    assert not rig.wait_until(lambda: rig.supply.output, 5), found.said


# --- the PC, the supervisor -------------------------------------------------------------------------------------------


def test_a_killed_test_leaves_everything_off(rig: Rig, tmp_path: Path) -> None:
    found = during_charge(rig, tmp_path, lambda process: process.kill())
    assert found.status == -signal.SIGKILL
    assert rig.wait_until(lambda: is_off(rig) and not rig.node.closed, 20)
    assert not opened_under_load(rig)


def test_a_stopped_supervisor_is_missed_within_its_heartbeat(rig: Rig, tmp_path: Path) -> None:
    def stop(process: "subprocess.Popen[str]") -> None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        for child in children:
            os.kill(int(child), signal.SIGSTOP)

    found = during_charge(rig, tmp_path, stop)
    assert found.status == 3
    assert found.cause["fault"] == "supervisor-lost"
    assert is_off(rig)


def test_ctrl_c_with_an_answer_on_its_way_ends_safe_and_says_so(rig: Rig, tmp_path: Path) -> None:
    rig.supply.delay = 0.2
    found = during_charge(rig, tmp_path, lambda process: process.send_signal(signal.SIGINT))
    assert found.status == 130, found.said
    assert is_off(rig)
    assert found.manifest["bench_verdict"]["safe"] is True, found.manifest["bench_verdict"]
