"""Managers as processes over Modbus and OCPP, each against a stranger on the other end of the line."""

import os
import signal
import subprocess
import sys

import pytest

from bench.managing.links import Link, open_link
from bench.verdicts import BenchFault
from managers.wires import names
from tests.bench.managing.clients import seen, served, until

REQUEST = {"time": "2026-01-12T18:00:00+01:00", "reason": "start", "trip": None}


def start(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "managers", "reference", *words], stdout=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> int:
    process.send_signal(signal.SIGTERM)
    status = process.wait(timeout=30)
    assert process.stdout is not None
    process.stdout.close()
    return status


def test_the_wires_are_those_of_the_folder() -> None:
    assert names() == ("http", "modbus", "ocpp")


def test_it_looks_after_a_box_whose_time_is_its_own() -> None:
    """A box in the street has no moments: it decides by itself, and again when it was started anew."""
    with served(beside=True, power=0.0) as box:
        for _ in range(2):
            process = start("--over", "modbus", "--at", box.address)
            until(lambda: box.follow(seen(power=0.0)).power > 0)
            assert box.follow(seen(power=0.0)).power == 11000
            assert ended(process) == 0
            until(lambda: not box._server.clients)
            assert box.follow(seen(time=90.0, power=0.0)).power == 0
            box.follow(seen())


def test_it_waits_for_a_box_that_is_not_there_yet() -> None:
    command = [sys.executable, "-m", "managers", "reference", "--over", "modbus", "--at", "127.0.0.1:9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("managers: the box at 127.0.0.1:9: ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_central_system_says_where_it_listens_and_ends_when_it_is_told_to() -> None:
    process = start("--over", "ocpp")
    assert process.stdout is not None
    address = process.stdout.readline().strip().removeprefix("listening on ")
    link = open_link(address)
    link.follow(seen(kept=5000.0))
    assert link.decide(REQUEST)["power"] > 5000  # nobody says when it leaves
    link.close()
    assert ended(process) == 0


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("wire", ["modbus", "ocpp"])
def test_a_process_that_somebody_killed_is_not_its_own_failure(wire: str) -> None:
    link: Link = open_link(f"{wire}:reference")
    link.follow(seen())
    link.decide(REQUEST)
    process = link._process.running  # type: ignore[attr-defined]
    process.kill()
    process.wait()
    with pytest.raises(BenchFault, match="killed by signal 9"):
        link.decide(REQUEST)
    link.close()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--over", "modbuss"), "nearest: modbus"), (("--over", "modbus"), "give HOST:PORT"),
        (("--over", "ocpp", "--home", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_told(words: tuple[str, ...], why: str) -> None:
    command = [sys.executable, "-m", "managers", "reference", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert why in done.stderr
