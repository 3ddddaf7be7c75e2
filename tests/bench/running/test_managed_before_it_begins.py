"""A manager on a wire of its own before its step begins: nobody is there, or a car of which all is known."""

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.grid.steps import Manage
from bench.managing.modbus import link as modbus
from bench.managing.modbus.link import ModbusLink
from bench.managing.modbus.sunspec import symbol
from bench.recording.past import PastRun
from bench.running.procedures import manage
from bench.running.procedures.managed import line
from bench.testing import TestBench
from bench.verdicts import InputError
from models.grid.week import Outage
from tests.bench.managing.central import central
from tests.bench.managing.clients import seen, sunspec, until
from tests.bench.running.test_managed_over_modbus import column, decisions, hours, scale_of

On = Callable[..., TestBench]
Told = dict[str, Any]
KILLED = 1000.0
"""s of test time after which a process is killed."""


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The links that steps open, in their order."""
    found, real = list[Any](), line.open_link

    def opened(which: str, *, beside: bool) -> Any:
        found.append(real(which, beside=beside))
        return found[-1]

    monkeypatch.setattr(line, "open_link", opened)
    return found


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def is_let_in(link: ModbusLink) -> bool:
    host, _, port = link.address.rpartition(":")
    with suppress(ConnectionRefusedError), socket.create_connection((host, int(port)), timeout=10.0):
        return True
    return False


def order(device: Any, power: float) -> None:
    """So many W, in SunSpec's sign."""
    control = device.models[704][0]
    control.WSetMod.value, control.WSet.cvalue, control.WSetEna.value = 1, power, 1
    control.write()


def told_before_it_begins(bench: TestBench, links: list[Any], do: Callable[[Any], Told]) -> Told:
    """What a client finds and does as soon as it is let in, and whether the step had begun by then."""
    told: Told = {}

    def look(row: list[float]) -> None:
        if not told and links and is_let_in(links[-1]):
            columns = bench.run_log.record().columns
            told["begun"] = not np.isnan(row[columns.index("Set Grid Power / W")])
            told["soc"] = row[columns.index("SOC / 1")]
            told.update(do(links[-1]))

    bench.engine.sampler.observers.append(look)
    return told


def test_nobody_is_let_in_before_there_is_a_car_and_then_it_is_shown_at_once() -> None:
    """A client takes one that says nothing for a dead one, or for one whose models begin elsewhere."""
    link = ModbusLink("modbus://127.0.0.1:0", beside=True)
    try:
        assert not is_let_in(link)
        link.follow(seen(begun=False))
        with sunspec(link) as device:
            state = device.models[802][0]
            assert state.State.value == symbol(802, "State", "CONNECTED")
            assert state.SoC.cvalue == pytest.approx(62.0)
            order(device, -1500)
            assert link.follow(seen()).power == 1500
    finally:
        link.close()


def test_what_is_started_is_started_once_and_when_it_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[tuple[list[str], bool]]()
    monkeypatch.setattr(modbus, "start", lambda _, told, **__: started.append((told, is_let_in(link))))
    link = ModbusLink(f"modbus:{sys.executable} --at {{address}} --plain", beside=True)
    try:
        assert started == []
        link.follow(seen(begun=False))
        link.follow(seen())
        assert started == [([sys.executable, "--at", link.address, "--plain"], True)]
    finally:
        link.close()


def test_an_address_that_another_has_taken_by_then_is_told() -> None:
    link = ModbusLink("modbus://127.0.0.1:0", beside=True)
    host, _, port = link.address.rpartition(":")
    with socket.socket() as another:
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        another.bind((host, int(port)))
        another.listen()
        with pytest.raises(InputError, match=rf"nobody can be served at {link.address} \(Address already in use\)"):
            link.follow(seen())
    link.close()


def test_an_order_of_one_who_came_before_the_step_acts_when_it_begins(
    on: On, links: list[Any], ends: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage.ManageProcedure, "on_the_wall", True)

    def come(link: ModbusLink) -> Told:
        device = ends.enter_context(sunspec(link))
        order(device, -1500)
        return {"charge": device.models[802][0].SoC.cvalue}

    bench = on("virtual-module", soc=0.6)
    told = told_before_it_begins(bench, links, come)
    run = bench.run(Manage("modbus://127.0.0.1:0", hours(0.25)))
    assert not told["begun"]
    assert told["charge"] == pytest.approx(100 * told["soc"], abs=0.01)
    assert (decisions(run)[0]["at"], decisions(run)[0]["power"], decisions(run)[0]["problem"]) == (0, 1500, "")
    asked = column(run, "Set Grid Power / W")
    assert asked[~np.isnan(asked)][0] == pytest.approx(1500 * scale_of(run))


def test_an_order_of_one_who_has_left_before_the_step_acts_never(
    on: On, links: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage.ManageProcedure, "on_the_wall", True)

    def come_and_go(link: ModbusLink) -> Told:
        with sunspec(link) as device:
            order(device, -1500)
        until(lambda: not link._server.clients)
        return {"ordered": link._orders.power}

    bench = on("virtual-module", soc=0.6)
    told = told_before_it_begins(bench, links, come_and_go)
    run = bench.run(Manage("modbus://127.0.0.1:0", hours(0.25)))
    assert (told["begun"], told["ordered"]) == (False, 1500)
    assert {each["power"] for each in decisions(run)} == {0}
    assert np.nanmax(column(run, "Set Grid Power / W")) == 0.0


def test_a_manager_that_is_begun_anew_is_shown_the_car_before_it_is_asked(on: On) -> None:
    """A bench that waits for its manager does not wait for one that nobody lets in."""
    days = hours(0.5, outages=(Outage("restart", 300.0, 600.0),))
    run = on("virtual-module", soc=0.6).run(Manage("modbus:reference", days))
    assert [(each["reason"], each["problem"], each["power"] > 0) for each in decisions(run)] == [
        ("start", "", True), ("tick", "no link", False), ("link", "", True), ("tick", "", True),
    ]  # fmt: skip


def test_a_step_that_goes_on_shows_its_own_time_before_it_does(on: On, links: list[Any], tmp_path: Path) -> None:
    step, left = Manage("modbus:reference", hours(0.5)), tmp_path / "left" / "2026-01-01" / "died"

    class Killed(BaseException):
        """The process was killed."""

    first = on("virtual-module", soc=0.5)

    def observe(row: list[float]) -> None:
        if row[0] >= KILLED:
            shutil.copytree(first.run_log.folder, left)
            raise Killed

    first.engine.sampler.observers.append(observe)
    with suppress(Killed):
        first.run(step)
    first.conclude()
    links.clear()

    def look(link: ModbusLink) -> Told:
        with sunspec(link) as device:
            at = device.models[64901][0].model_addr + 6
            return {"time": int.from_bytes(device.read(at, 2))}

    bench = on("virtual-module", past=PastRun.load(left), soc=0.5)
    told = told_before_it_begins(bench, links, look)
    bench.run(step)
    into = told["time"] - step.days.start.timestamp()
    assert not told["begun"]
    assert into == pytest.approx(KILLED, abs=10)


def test_a_station_is_there_and_its_car_plugged_in_before_the_step_begins(on: On) -> None:
    bench, told = on("virtual-module", soc=0.5), list[list[str]]()
    with central({"setpoint": 3000}) as system:

        def look(row: list[float]) -> None:
            if np.isnan(row[bench.run_log.record().columns.index("Set Grid Power / W")]):
                told.append([action for action, _ in system.told])

        bench.engine.sampler.observers.append(look)
        run = bench.run(Manage(system.address, hours(0.25)))
    assert told[-1] == ["BootNotification", "StatusNotification", "StatusNotification", "TransactionEvent"]
    assert [(each["power"], each["problem"]) for each in decisions(run)] == [(3000, "")]
