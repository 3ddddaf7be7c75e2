"""Managers as processes over Modbus and OCPP, each against a stranger on the other end of the line."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedOK

from bench.managing.links import Link, open_link
from bench.managing.modbus import registers
from bench.verdicts import BenchFault
from managers.contract import ContractError
from managers.home import Home
from managers.wires import Told, names
from managers.wires.modbus import AGAIN, Box, Client, serve
from managers.wires.ocpp import Station
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


@pytest.mark.parametrize("address", ["", "box", "box:", ":502", "box:port", "box:-1", "box:²", "1502"])
def test_what_is_no_address_of_a_box_is_told(address: str) -> None:
    with pytest.raises(ContractError, match=f"--at {address!r}: give HOST:PORT"):
        serve(Asked({"power": 0}), Told(0, address, Home()))


@pytest.mark.parametrize("wire", names())
def test_a_car_that_there_is_no_model_of_ends_it_in_one_sentence(wire: str, tmp_path: Path) -> None:
    home = tmp_path / "home.json"
    home.write_text('{"model": "renault-6-class"}', encoding="utf-8")
    words = ["--over", wire, "--at", "127.0.0.1:9", "--home", str(home)]
    command = [sys.executable, "-m", "managers", "reference", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"managers: {home}: no car 'renault-6-class' (nearest: renault-5-class)")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


class Raises:
    """A manager that gives no decision."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def decide(self, _: Mapping[str, Any]) -> dict[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no road 'cuntry' (nearest: country)."), "no decision, no road 'cuntry' (nearest: country)."),
        (KeyError("power"), "no decision, the manager itself failed: KeyError: 'power'"),
        (ContractError("car.soc: 62; give 0 to 1."), "it rests, for what it tells cannot be: car.soc: 62; give 0 to 1"),
    ],
)
def test_a_decision_that_fails_in_a_central_system_is_told_once(
    error: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is decided in a task that nobody waits for; the station is silent and would be left without a word."""

    class Line:
        async def send(self, _: str) -> None:
            raise ConnectionClosedOK(None, None)

    station = Station("garage", Line(), Raises(error), Home())  # type: ignore[arg-type]
    station.on_transaction("Started", "CablePluggedIn", {"transaction_id": "1"})
    for _ in range(2):
        asyncio.run(station.after_needs({"v2x_charging_parameters": {"max_charge_power": 7400.0}}))
    lines = [each for each in capsys.readouterr().err.splitlines() if each.startswith("managers: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"managers: the station garage: {told}")


class Asked:
    """A manager that keeps what it was asked, and always answers the same, or refuses."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self.answer = answer
        self.requests: list[Mapping[str, Any]] = []

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        if self.answer is None:
            raise ContractError("car.soc: 62; give 0 to 1.")
        return self.answer


@pytest.mark.parametrize(
    ("asked", "plugged", "done"),
    [
        ({"power": 2500}, True, 2500), ({"power": -2500}, True, -2500), ({"power": 1e9}, True, 11000),
        ({"power": -1e9}, True, -9000), ({"power": 2500}, False, 0), (None, True, 0),
    ],
)  # fmt: skip
def test_a_box_is_asked_for_what_its_charger_can_and_a_manager_for_a_car_that_is_there(
    asked: dict[str, Any] | None, plugged: bool, done: float
) -> None:
    manager = Asked(asked)
    with served(power=0.0, plugged=plugged) as link:
        box = Box(link.address)
        assert Client(manager, Home()).attend(box) == AGAIN[1]
        assert link.follow(seen(power=0.0, plugged=plugged)).power == done
        box.hang_up()
    assert len(manager.requests) == plugged


@pytest.mark.parametrize(
    ("missing", "charge", "discharge"),
    [
        (("WChaRteMax",), 11000.0, 9000.0), (("WChaRteMax", "WDisChaRteMax"), 11000.0, 9000.0),
        (("WChaRteMax", "WDisChaRteMax", "WChaRteMaxRtg", "WDisChaRteMaxRtg"), 11000.0, 11000.0),
    ],
)  # fmt: skip
def test_a_box_that_leaves_out_what_it_may_is_as_strong_as_what_it_says_instead(
    missing: tuple[str, ...], charge: float, discharge: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SunSpec's model 702 demands neither, in watts each way: one that has them not is a box all the same."""
    shown = {name: show for name, show in registers.SHOWN[702].items() if name not in missing}
    monkeypatch.setattr(registers, "SHOWN", {**registers.SHOWN, 702: shown})
    manager = Asked({"power": 0})
    with served(power=0.0) as link:
        box = Box(link.address)
        Client(manager, Home()).attend(box)
        box.hang_up()
    told = manager.requests[0]["charger"]
    assert (told["charge"], told["discharge"]) == (charge, discharge)


def test_a_manager_is_told_what_the_box_shows_and_what_its_owner_says_and_asked_once_a_quarter() -> None:
    manager = Asked({"power": 0})
    client = Client(manager, Home({"model": "renault-5-class", "season": "oslo-january"}))
    with served(power=0.0) as link:
        box = Box(link.address)
        for _ in range(3):
            client.attend(box)
        box.hang_up()
        box.hang_up()
    (request,) = manager.requests
    assert request["reason"] == "tick"
    assert request["season"] == "oslo-january"
    assert request["car"] == {
        "plugged": True, "soc": pytest.approx(0.62, abs=0.005), "cells": 6.5, "energy": 52000.0, "charge": 7000.0,
        "discharge": 7100.0,
    }  # fmt: skip
    assert (request["charger"]["charge"], request["charger"]["discharge"]) == (11000.0, 9000.0)
