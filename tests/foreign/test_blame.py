"""A failed pack is never mixed with a failed bench, on a bench that shares nothing with ours.

Every case does one thing to the rig or to the test's process while a current flows (or before anything is opened), and
then looks at the rig, at the exit status and at what the run has kept.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.foreign.acts import CHARGE, during_charge, is_off
from tests.foreign.rig import Rig
from tests.foreign.session import session

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"), pytest.mark.real_time(55)]


# --- blame ------------------------------------------------------------------------------------------------------------


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


# --- what the BMS says ------------------------------------------------------------------------------------------------


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


# --- the manual's own traps -------------------------------------------------------------------------------------------


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
