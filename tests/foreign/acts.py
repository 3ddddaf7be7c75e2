"""What is done to the rig, and how it is looked at."""

import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.foreign.rig import Rig
from tests.foreign.session import Session, session

CHARGE = """
def test_charge(bench):
    bench.run(Charge(2.0, until=elapsed(seconds=3)))
"""
LONG = """
def test_charge(bench):
    bench.run(Charge(2.0, until=elapsed(minutes=5)))
"""


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
