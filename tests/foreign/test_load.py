"""An independent load beside the independent supply: what a real one may say, and what it is found doing."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.foreign.rig import RigWithLoad, running
from tests.foreign.session import session

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"), pytest.mark.real_time(40)]

DISCHARGE = """
def test_discharge(bench):
    bench.run(Discharge(2.0, until=elapsed(seconds=2)))
"""


@pytest.fixture
def rig() -> Iterator[RigWithLoad]:
    with running(RigWithLoad) as made:
        yield made


def found_discharging(rig: RigWithLoad) -> None:
    """Somebody has left the input on, behind closed contactors."""
    rig.load.input, rig.load.level, rig.node.state = True, 3.0, 8


def test_a_load_that_prints_signed_exponents_and_a_switch_as_a_digit_discharges_and_ends_off(
    rig: RigWithLoad, tmp_path: Path
) -> None:
    rig.load.number, rig.load.words, rig.load.reply_end = "{:+.4E}", ("0", "1"), "\r\n"
    rig.load.errors.extend(['-222,"Data out of range"'] * 10)  # of whoever was here before
    found = session(rig, tmp_path, DISCHARGE)
    assert (found.status, found.verdict) == (0, "PASS"), found.said
    assert min(entry[1] for entry in rig.log) == pytest.approx(-2.0, abs=0.05)
    assert not rig.load.input


def test_an_input_found_on_is_off_although_the_load_answers_nothing(rig: RigWithLoad, tmp_path: Path) -> None:
    found_discharging(rig)
    rig.load.mute = True
    found = session(rig, tmp_path, DISCHARGE)
    assert found.status == 3, found.said
    assert found.cause["blame"] == "bench"
    assert not rig.load.input
    assert abs(rig.current) < 0.05


def test_a_load_that_is_cut_off_while_it_draws_ends_off(rig: RigWithLoad, tmp_path: Path) -> None:
    long = DISCHARGE.replace("seconds=2", "seconds=5")

    def hang_up(_process: object) -> None:
        assert rig.wait_until(lambda: rig.current < -1.5, 60)
        rig.load.hang_up()

    found = session(rig, tmp_path, long, hang_up)
    assert found.status == 0, found.said
    assert rig.load.connections > 1
    assert not rig.load.input
