"""The three promises, on a bench that shares nothing with ours: what is true is read from the rig itself.

Every case does one thing to the rig or to the test's process while a current flows (or before anything is opened), and
then looks at the rig, at the exit status and at what the run has kept.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import packbench
from tests.foreign.rig import Rig, running
from tests.foreign.session import Session, session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

CHARGE = """
def test_charge(bench):
    bench.run(Charge(2.0, until=elapsed(seconds=3)))
"""
LONG = """
def test_charge(bench):
    bench.run(Charge(2.0, until=elapsed(minutes=5)))
"""


@pytest.fixture
def rig() -> Iterator[Rig]:
    with running() as made:
        yield made


def live(rig: Rig) -> None:
    """Somebody has left the output on, against closed contactors."""
    rig.supply.values |= {"VOLT": 90.0, "CURR": 2.0, "POW": 400.0}
    rig.supply.output = True
    rig.node.state = 9


def charging(rig: Rig) -> None:
    assert rig.wait_until(lambda: rig.current > 1.5, 80), "the charge never began"


def is_off(rig: Rig) -> bool:
    return not rig.supply.output and abs(rig.current) < 0.05


def opened_under_load(rig: Rig) -> bool:
    """Whether the contactor ever opened while a current flowed through it."""
    return any(before[3] and not after[3] and abs(before[1]) > 0.5 for before, after in pairwise(rig.log))


def during_charge(rig: Rig, folder: Path, act: Any, test: str = LONG, **station: Any) -> Session:
    """A session to which `act` is done once the current flows."""

    def wait_and_act(process: "subprocess.Popen[str]") -> None:
        charging(rig)
        act(process)

    return session(rig, folder, test, wait_and_act, **station)


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


# --- the bench as it is found ---------------------------------------------------------------------------------------


def test_an_output_found_on_is_off_although_the_chamber_does_not_answer(rig: Rig, tmp_path: Path) -> None:
    live(rig)
    rig.chamber.mute = True
    found = session(rig, tmp_path, CHARGE)
    assert found.status == 3
    assert is_off(rig)


def test_an_output_found_on_is_off_although_a_calibration_is_overdue(rig: Rig, tmp_path: Path) -> None:
    live(rig)
    instruments = rig.station()["instruments"]
    instruments["chamber"]["calibration_due"] = "2020-01-01"
    found = session(rig, tmp_path, CHARGE, instruments=instruments)
    assert found.status == 3
    assert "calibration" in found.cause["text"]
    assert is_off(rig)


def test_an_output_found_on_is_off_although_another_instrument_is_at_the_address(rig: Rig, tmp_path: Path) -> None:
    live(rig)
    rig.supply.identity = "EA Elektro-Automatik GmbH&Co.KG, PSB 10060-1000, 1, V1"
    found = session(rig, tmp_path, CHARGE)
    assert found.status == 3
    assert is_off(rig)


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("answers", [{}, {"SYST:NOM:VOLT": "?"}, {"OUTP": "?"}], ids=["none", "rating", "output"])
def test_an_output_found_on_is_off_although_nothing_sensible_is_answered(
    rig: Rig, tmp_path: Path, answers: dict[str, str]
) -> None:
    live(rig)
    rig.supply.mute, rig.supply.override = not answers, answers
    found = session(rig, tmp_path, CHARGE)
    assert found.status == 3, found.said
    assert found.cause["blame"] == "bench"
    assert is_off(rig)


def test_the_contactor_never_closes_onto_a_live_supply_and_what_was_found_is_told(rig: Rig, tmp_path: Path) -> None:
    rig.supply.values |= {"VOLT": 100.0, "CURR": 5.0, "POW": 400.0}
    rig.supply.output = True
    found = session(rig, tmp_path, CHARGE)
    first = next(entry for entry in rig.log if entry[3])
    assert not first[2], "the contactor closed onto a live supply"
    assert "found" in (found.said + (found.run / "events.jsonl").read_text(encoding="utf-8"))


def test_a_bench_that_somebody_else_holds_is_not_written_to(rig: Rig, tmp_path: Path) -> None:
    lease = {"lease": {"file": str(tmp_path / "bench.lock")}}

    def second(_process: "subprocess.Popen[str]") -> None:
        charging(rig)
        heard = len(rig.supply.heard)
        (tmp_path / "other").mkdir()
        other = session(rig, tmp_path / "other", CHARGE, **lease)
        assert other.status == 3
        # The first one goes on measuring; nobody says OFF.
        assert not [line for line in rig.supply.heard[heard:] if "OUTP OFF" in line]
        assert rig.supply.output
        _process.send_signal(signal.SIGINT)

    assert session(rig, tmp_path, LONG, second, **lease).status == 130
    assert is_off(rig)


# --- time -----------------------------------------------------------------------------------------------------------


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


# --- remote control -------------------------------------------------------------------------------------------------


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


# --- a closed bench is dead -----------------------------------------------------------------------------------------

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


# --- witnesses ------------------------------------------------------------------------------------------------------


def test_an_impostor_that_says_off_verifies_nothing(rig: Rig, tmp_path: Path) -> None:
    def replace(_process: "subprocess.Popen[str]") -> None:
        rig.supply.identity = "EA Elektro-Automatik GmbH&Co.KG, PSB 10200-420, 9999999999, V2.14"
        rig.supply.hang_up()

    found = during_charge(rig, tmp_path, replace)
    assert found.status == 3
    assert found.manifest["bench_verdict"]["safe"] is False, found.manifest["bench_verdict"]


def test_a_stage_that_conducts_whatever_it_is_told_is_not_safe(rig: Rig, tmp_path: Path) -> None:
    def weld(_process: "subprocess.Popen[str]") -> None:
        rig.supply.welded = True

    found = during_charge(rig, tmp_path, weld, CHARGE)
    assert found.status == 3
    assert "NOT VERIFIED SAFE" in found.said


def test_a_welded_contactor_is_seen_by_the_bus(rig: Rig, tmp_path: Path) -> None:
    def weld(_process: "subprocess.Popen[str]") -> None:
        rig.node.welded = True

    found = during_charge(rig, tmp_path, weld, CHARGE)
    assert found.status == 3
    assert is_off(rig)


def test_a_can_gateway_that_hangs_up_once_does_not_leave_the_contactor_closed(rig: Rig, tmp_path: Path) -> None:
    found = during_charge(rig, tmp_path, lambda _process: rig.node.hang_up())
    assert found.status == 3
    assert found.cause["blame"] == "bench"
    assert is_off(rig)
    assert not rig.node.closed
    assert not opened_under_load(rig)
    assert found.manifest["bench_verdict"]["safe"] is True, found.steps


# --- the PC, the supervisor -----------------------------------------------------------------------------------------


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


# --- blame ----------------------------------------------------------------------------------------------------------


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    "bits",
    [("EmergencyShutoff", "GeneralError"), ("InterlockState", "GeneralError"), ("CanTimingError", "GeneralError"), ()],
    ids=["emergency-stop", "interlock", "can-timing", "no-reason"],
)
def test_a_bms_that_gives_up_for_the_bench_does_not_fail_the_pack(
    rig: Rig, tmp_path: Path, bits: tuple[str, ...]
) -> None:
    found = during_charge(rig, tmp_path, lambda _process: rig.node.fail(*bits))
    assert found.verdict == "BENCH FAULT", found.cause
    assert found.cause["blame"] == "bench"
    assert is_off(rig)


def test_a_blown_fuse_fails_the_pack(rig: Rig, tmp_path: Path) -> None:
    found = during_charge(rig, tmp_path, lambda _process: rig.node.fail("MainFuseBlown", "GeneralError"))
    assert (found.status, found.verdict) == (1, "FAIL"), found.cause


def test_a_cell_beyond_its_limit_fails_the_pack_and_is_named(rig: Rig, tmp_path: Path) -> None:
    def charge_one_cell(_process: "subprocess.Popen[str]") -> None:
        rig.node.override |= {"MaximumCellVoltageCellIndex": 6}
        rig.cells.offsets[6] = 0.5

    found = during_charge(rig, tmp_path, charge_one_cell)
    assert (found.status, found.verdict) == (1, "FAIL"), found.cause
    assert "cell 7" in found.cause["text"], found.cause


def test_an_output_that_goes_on_by_itself_in_a_rest_is_the_benchs(rig: Rig, tmp_path: Path) -> None:
    test = """
def test_rest(bench):
    bench.run(Charge(2.0, until=elapsed(seconds=1)), Rest(until=elapsed(minutes=5)))
"""

    def somebody_switches_on(_process: "subprocess.Popen[str]") -> None:
        # In the rest, nobody says OFF any more.
        assert rig.wait_until(lambda: not rig.supply.output and rig.supply.heard[-3:] == ["MEAS:ARR?"] * 3)
        rig.supply.values |= {"VOLT": 120.0, "CURR": 4.4, "POW": 600.0}
        rig.supply.output = True

    found = during_charge(rig, tmp_path, somebody_switches_on, test)
    assert found.verdict == "BENCH FAULT", found.cause
    assert is_off(rig)


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("test", "word"),
    [
        ("def test_it(bench):\n    bench.run(Charge(2.0, until=elapsed(minute=1)))\n", "minute"),
        ("def test_it(bench):\n    bench.run(Charge(2.0, until=soc_above(80)))\n", "80"),
        ("def test_it(bench):\n    bench.run(Charge(2.0))\n", "until"),
        ("def test_it(bench):\n    bench.run(Charge(2.0, until=elapsed(seconds=1)))\n    1 / 0\n", "division"),
    ],
    ids=["argument", "range", "missing", "exception"],
)
def test_a_mistake_in_the_test_blames_neither_pack_nor_bench(rig: Rig, tmp_path: Path, test: str, word: str) -> None:
    found = session(rig, tmp_path, test)
    assert (found.status, found.verdict) == (2, "TEST ERROR"), found.said
    assert word in found.said
    assert is_off(rig)


# --- what the BMS says ----------------------------------------------------------------------------------------------


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("says", "from_another"),
    [
        pytest.param({"BmsState": 5, "Current": 0.0}, True, id="second-node"),
        pytest.param({"MinimumCellVoltage": 3500, "MaximumCellVoltage": 3200}, False, id="order"),
        pytest.param({"MinimumSoc": 95.0, "MaximumSoc": 95.0}, False, id="soc-jump"),
    ],
)
def test_a_bms_that_cannot_be_right_is_no_pass_and_no_pack_failure(
    rig: Rig, tmp_path: Path, says: dict[str, float], from_another: bool
) -> None:
    test = """
def test_charge(bench):
    bench.run(Charge(2.0, until=[soc_above(0.9), elapsed(seconds=30)]))
"""

    def say(_process: "subprocess.Popen[str]") -> None:
        if from_another:
            rig.node.seconds.append(says)
        else:
            rig.node.override |= says

    found = during_charge(rig, tmp_path, say, test)
    assert found.verdict == "BENCH FAULT", (found.verdict, found.cause)
    assert is_off(rig)


def test_a_contactor_that_chatters_under_load_is_no_pass(rig: Rig, tmp_path: Path) -> None:
    test = """
def test_charge(bench):
    bench.run(Charge(2.0, until=elapsed(seconds=20)))
"""

    def chatter(process: "subprocess.Popen[str]") -> None:
        while process.poll() is None:
            rig.node.state = 5 if rig.node.state == 9 else 9
            rig.wait_until(lambda: process.poll() is not None, 0.3)

    found = during_charge(rig, tmp_path, chatter, test)
    assert found.verdict in {"BENCH FAULT", "FAIL"}, (found.verdict, found.cause)
    assert is_off(rig)


def test_an_error_behind_a_backlog_of_frames_is_seen_at_once(rig: Rig, tmp_path: Path) -> None:
    def flood(_process: "subprocess.Popen[str]") -> None:
        rig.node.flood = 20_000
        assert rig.wait_until(lambda: rig.node.flood == 0, 30)
        rig.node.fail("MainFuseBlown", "GeneralError")

    found = during_charge(rig, tmp_path, flood)
    assert found.verdict == "FAIL", found.cause
    assert is_off(rig)


# --- the manual's own traps -----------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_supply_that_takes_a_second_for_each_answer_is_no_test_that_hangs(rig: Rig, tmp_path: Path) -> None:
    """Its five set points take longer than a heartbeat: the run was killed, and nobody said why."""
    rig.supply.delay = 1.0
    found = session(rig, tmp_path, CHARGE)
    assert (found.status, found.verdict) == (0, "PASS"), found.said
    assert is_off(rig)


@pytest.mark.long
def test_a_supply_that_closes_idle_connections_does_not_end_a_rest(rig: Rig, tmp_path: Path) -> None:
    test = """
def test_rest(bench):
    bench.run(Charge(2.0, until=elapsed(seconds=1)), Rest(until=elapsed(seconds=18)))
"""
    rig.supply.idle = 2.0
    found = session(rig, tmp_path, test, rest_scan_period=6.0)
    assert (found.status, found.verdict) == (0, "PASS"), found.said
    assert rig.supply.connections > 1
    assert is_off(rig)
