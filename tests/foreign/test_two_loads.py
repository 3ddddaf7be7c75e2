"""Two independent loads in parallel: a current that they share, and one of them that fails while both draw."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.foreign.rig import RigWithTwoLoads, running
from tests.foreign.session import Session, session

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"), pytest.mark.real_time(50)]

DISCHARGE = """
def test_discharge(bench):
    bench.run(Discharge(3.0, until=elapsed(seconds=2)))
"""


@pytest.fixture
def rig() -> Iterator[RigWithTwoLoads]:
    with running(RigWithTwoLoads) as made:
        yield made


def during_discharge(rig: RigWithTwoLoads, folder: Path, act: Callable[[], None], seconds: int = 12) -> Session:
    """A longer session to which `act` is done once both loads have been seen to draw for a few scans."""

    def wait_and_act(_process: object) -> None:
        assert rig.wait_until(lambda: rig.current < -2.5, 80), "the discharge never began"
        so_far = len(rig.second.heard)
        assert rig.wait_until(lambda: sum("MEAS" in line for line in rig.second.heard[so_far:]) > 3)
        act()

    return session(rig, folder, DISCHARGE.replace("seconds=2", f"seconds={seconds}"), wait_and_act)


def none_draws(rig: RigWithTwoLoads) -> bool:
    return not rig.load.input and not rig.second.input and abs(rig.current) < 0.05


def test_they_share_the_current_and_end_off(rig: RigWithTwoLoads, tmp_path: Path) -> None:
    found = session(rig, tmp_path, DISCHARGE)
    assert (found.status, found.verdict) == (0, "PASS"), found.said
    assert min(entry[1] for entry in rig.log) == pytest.approx(-3.0, abs=0.05)
    assert rig.load.level == rig.second.level == pytest.approx(1.5, abs=0.01)
    assert none_draws(rig)


def test_one_that_is_silent_while_it_draws_is_the_bench_and_both_are_off(rig: RigWithTwoLoads, tmp_path: Path) -> None:
    def fall_silent() -> None:
        rig.second.mute = True

    found = during_discharge(rig, tmp_path, fall_silent)
    assert (found.status, found.cause["blame"]) == (3, "bench"), found.said
    assert "second" in found.cause["text"]
    assert none_draws(rig)


def test_one_that_its_own_alarm_switches_off_leaves_half_a_current_and_that_passes_for_none(
    rig: RigWithTwoLoads, tmp_path: Path
) -> None:
    over_temperature = 1 << 3

    def trip() -> None:
        rig.second.condition, rig.second.input = over_temperature, False

    found = during_discharge(rig, tmp_path, trip, seconds=25)
    assert (found.status, found.cause["blame"], found.cause["fault"]) == (3, "bench", "current-missing"), found.said
    assert "load or second" in found.cause["text"]
    assert none_draws(rig)
