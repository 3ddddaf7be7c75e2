"""Managed steps that are paused, or go on in another run: what is shown meanwhile, and that nothing counts twice."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.grid.steps import Manage
from bench.recording.past import PastRun
from bench.running.procedures.managed import line as line_of
from bench.safety.guard import Limit, Violation
from bench.testing import TestBench
from models.grid.week import Trip
from tests.bench.managing.central import central
from tests.bench.managing.clients import line, read, seen, served, sunspec, write
from tests.bench.managing.manager import manager
from tests.bench.running.test_managed_homes import Watches
from tests.bench.running.test_managed_over_modbus import hours

On = Callable[..., TestBench]
Events = list[dict[str, Any]]


def events(bench: TestBench, kind: str) -> Events:
    return [event for event in bench.run_log.events if event["type"] == kind]


def pause(bench: TestBench, *spans: tuple[float, float]) -> None:
    """Have the guard hold from one time of the test to another, s, as by a limit of somebody's own."""
    guard = bench.engine.sampler.guard
    limit = Limit("chamber-excursion", "Ambient Temperature / degC", "K", at_most=2.0)

    def look(row: Any) -> None:
        held = any(begins <= row[0] < ends for begins, ends in spans)
        guard.hold = Violation(limit, row[0], 9.0) if held else None

    bench.engine.sampler.observers.append(look)


def test_a_departure_is_one_however_often_a_step_pauses_on_the_way(on: On) -> None:
    """Told once more in the middle of the way, the car would have left with what it has there."""
    bench = on("virtual-module", soc=0.5)
    pause(bench, (1000.0, 1400.0), (2000.0, 2100.0))
    with manager(lambda _: {"power": -1000}) as (address, _):
        bench.run(Manage(address, hours(0.75, trips=(Trip(600.0, 1500.0, 30.0),))))
    assert len(events(bench, "hold ended")) == 2
    (departure,) = events(bench, "departure")
    assert departure["at"] == pytest.approx(600.0, abs=2)


def test_what_was_given_before_a_pause_is_given_still(on: On) -> None:
    given = []
    for held in (False, True):
        bench = on("virtual-module", soc=0.5)
        if held:
            pause(bench, (700.0, 800.0))
        with manager(lambda _: {"power": -2000}) as (address, _):
            bench.run(Manage(address, hours(0.5, trips=(Trip(1200.0, 1500.0, 30.0),))))
        given.append(events(bench, "departure")[0]["given"])
    assert given[0] > 1
    assert given[1] == pytest.approx(given[0], rel=0.05)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_a_car_that_is_paused_is_shown_to_take_and_to_give_nothing(on: On, monkeypatch: pytest.MonkeyPatch) -> None:
    found, bench = Watches(), on("virtual-module", soc=0.5)
    monkeypatch.setattr(line_of, "open_link", lambda _which, *, beside: found)
    pause(bench, (200.0, 230.0))
    bench.run(Manage("http://127.0.0.1:9", hours(0.25)))
    assert {(each.car.charge, each.car.discharge) for each in found.seen if each.held} == {(0.0, 0.0)}
    assert all(each.car.charge > 0 < each.car.discharge for each in found.seen if each.begun and not each.held)


def registers(told: list[tuple[str, Any]]) -> list[float]:
    """Wh into the car, each time that a station has told them."""
    return [
        each["value"] for action, event in told if action == "TransactionEvent"
        for each in event["meterValue"][0]["sampledValue"] if each["measurand"] == "Energy.Active.Import.Register"
    ]  # fmt: skip


class Killed(BaseException):
    """The process was killed."""


def killed(on: On, step: Manage, folder: Path, at: float) -> tuple[TestBench, TestBench]:
    """A run whose process died at a time of the test, s, as it was left; and the one that went on with it."""
    first, left = on("virtual-module", soc=0.5), folder / "left" / "2026-01-01" / "died"

    def observe(row: list[float]) -> None:
        if row[0] >= at:
            shutil.copytree(first.run_log.folder, left)
            raise Killed

    first.engine.sampler.observers.append(observe)
    with suppress(Killed):
        first.run(step)
    first.conclude()
    again = on("virtual-module", past=PastRun.load(left), soc=0.5)
    again.run(step)
    assert events(again, "step resumed")
    return first, again


def test_a_step_that_goes_on_in_another_run_on_the_way_has_left_already(on: On, tmp_path: Path) -> None:
    days = hours(0.75, trips=(Trip(600.0, 1500.0, 30.0),))
    with manager(lambda _: {"power": 1000}) as (address, _):
        first, again = killed(on, Manage(address, days), tmp_path, 1000.0)
    assert len(events(first, "departure")) == 1
    (departure,) = events(again, "departure")  # the one that its first run has left it
    assert departure["at"] == pytest.approx(600.0, abs=2)


@pytest.mark.parametrize(
    "trip",
    [Trip(1200.0, 1500.0, 30.0), Trip(1200.0, 1500.0, 30.0, told=1700.0, known=800.0)],
    ids=["known from the beginning", "known before it died"],
)
def test_what_was_given_before_a_run_died_is_given_still(on: On, tmp_path: Path, trip: Trip) -> None:
    """Forgotten, a manager that gave away what lacks at the departure would have been excused by its warning."""
    whole, days = on("virtual-module", soc=0.5), hours(0.5, trips=(trip,))
    with manager(lambda _: {"power": -2000}) as (address, _):
        whole.run(Manage(address, days))
        _, again = killed(on, Manage(address, days), tmp_path, 1000.0)
    (expected,), (found,) = (events(each, "departure") for each in (whole, again))
    assert expected["given"] > 1
    assert found["given"] == pytest.approx(expected["given"], rel=0.05)


def test_a_car_that_gives_nothing_has_not_come_down_to_its_reserve_by_giving_with_a_gap_or_without(
    on: On, tmp_path: Path
) -> None:
    """It is below it, and the connection lets nothing out: whatever is asked for, nobody is asked about it."""
    days = hours(0.25, reserve=300.0)
    with manager(lambda _: {"power": -3000}) as (address, _):
        step = Manage(address, replace(days, sun=days.house + 100.0), exports=0.0)
        _, again = killed(on, step, tmp_path, 300.0)
    assert [event["reason"] for event in events(again, "manager")] == ["start", "start"]


def test_the_energy_register_of_a_station_goes_on_in_another_run(on: On, stack: ExitStack, tmp_path: Path) -> None:
    system = stack.enter_context(central({"setpoint": 3000}))
    killed(on, Manage(system.address, hours(0.5)), tmp_path, 1000.0)
    energies = registers(system.told)
    assert energies == sorted(energies)
    assert energies[-1] == pytest.approx(3000 * 1000 / 3600, rel=0.02)


# --- on the wire ------------------------------------------------------------------------------------------------------


def test_a_client_of_the_box_reads_that_it_is_paused_and_keeps_its_order_while_it_is_there() -> None:
    with served(beside=True) as link:
        with line(link) as ask, sunspec(link) as device:
            ask(write(81, 1, 1, 1))
            ask(write(257, 1))
            ask(write(260, 3000))
            assert link.follow(seen(time=2.0, power=3000.0)).power == 3000
            link.follow(seen(time=2.0, power=0.0, held=True))
            assert int.from_bytes(ask(read(537))[2:]) == 4  # paused, not waiting for the car
            for model in (701, 802):
                device.models[model][0].read()
            assert device.models[701][0].InvSt.value == 1  # sleeping
            assert device.models[802][0].State.value == 4  # standby
            assert link.follow(seen(time=3.0)).power == 3000
        link.follow(seen(time=3.0, power=0.0, held=True))
        while link._server.clients:
            link.follow(seen(time=3.0, power=0.0, held=True))
        link.follow(seen(time=3.0, power=0.0, held=True))
        assert link.follow(seen(time=4.0)).power == 0  # who left meanwhile is not obeyed


def test_a_held_step_is_shown_as_that_until_it_goes_on(on: On, stack: ExitStack) -> None:
    system = stack.enter_context(central({"setpoint": 3000}))
    bench = on("virtual-module", soc=0.5)
    pause(bench, (300.0, 600.0))
    bench.run(Manage(system.address, hours(0.25)))
    told = [
        (each["triggerReason"], each["transactionInfo"]["chargingState"])
        for action, each in system.told if action == "TransactionEvent"
    ]  # fmt: skip
    changes = [state for reason, state in told if reason == "ChargingStateChanged"]
    assert changes == ["SuspendedEVSE", "EVConnected"]
    energies = registers(system.told)
    assert energies == sorted(energies)
    assert energies[-1] > 100
