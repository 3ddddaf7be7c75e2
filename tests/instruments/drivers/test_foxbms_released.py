"""The driver against a foxBMS 2 node as it is released, written from its C code: on one bus, in one time."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, pairwise
from math import isnan

import can
import pytest
from can.interfaces.virtual import VirtualBus

from instruments.drivers.foxbms import FoxBms
from instruments.roles import BmsMode, BmsState
from instruments.wires.context import LinkContext
from tests.instruments.drivers.foxbms_node import BUS
from truth.foxbms_c import IDLE, NORMAL, PRECHARGE, STANDBY, CNode

Every = Callable[[float, Callable[[], None]], Callable[[], None]]


class Together:
    """Bus, node and clock: time passes in ms while somebody sleeps, and the clock's calls back come on the way.

    `late` is what the next calls come too late, in ms, one after the other.
    """

    def __init__(self) -> None:
        self.node, self.bus = CNode(), VirtualBus(str(BUS["channel"]), preserve_timestamps=True)
        self.ms = 0
        self.late: list[int] = []
        self.requests: list[tuple[int, bytes]] = []
        self._due: list[tuple[int, int, int, Callable[[], None]]] = []
        self._order, self._gone = count(), set[int]()
        self._hears = True

    def now(self) -> float:
        return self.ms / 1000

    def sleep(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000)):
            self.ms += 1
            while self._due and self._due[0][0] <= self.ms:
                _, number, period, callback = heapq.heappop(self._due)
                if number in self._gone:
                    continue
                late = self.late.pop(0) if self.late else 0
                heapq.heappush(self._due, (self.ms + period + late, number, period, callback))
                callback()
            self._receive()
            for identifier, data in self.node.tick():
                message = can.Message(self.now(), identifier, is_extended_id=False, data=data)
                self.bus.send(message)

    def _receive(self) -> None:
        while (message := self.bus.recv(0)) is not None:
            if message.arbitration_id == 0x210:
                self.requests.append((self.ms, bytes(message.data)))
                self.node.receive(bytes(message.data))

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        number = next(self._order)
        heapq.heappush(self._due, (self.ms + round(1000 * period), number, round(1000 * period), callback))
        return lambda: self._gone.add(number)

    def until(self, true: Callable[[], bool], seconds: float) -> float:
        """Let time pass until something has come true; how long that took, s."""
        began = self.ms
        while not true():
            assert self.ms - began < 1000 * seconds, "it never came true"
            self.sleep(0.01)
        return (self.ms - began) / 1000


@pytest.fixture
def bench() -> Iterator[Together]:
    together = Together()
    yield together
    together.bus.shutdown()


@pytest.fixture
def clocked(context: LinkContext, bench: Together) -> LinkContext:
    return replace(context, now=bench.now, sleep=bench.sleep, every=bench.every, real_time=True)


@pytest.fixture
def bms(clocked: LinkContext) -> Iterator[FoxBms]:
    driver = FoxBms(BUS, clocked, name="bms", pack={"strings": 1, "cells": 18, "sensors": 8})
    yield driver
    driver.close()


def scan(bms: FoxBms) -> dict[str, float]:
    bms.keep_asking(10.0)
    bms.request()
    return dict(zip((channel.name for channel in bms.channels), bms.collect(), strict=True))


def reach(bench: Together, bms: FoxBms, mode: BmsMode, state: BmsState) -> dict[str, float]:
    bms.request_mode(mode)
    bench.until(lambda: scan(bms)["state"] == state, 15)
    return scan(bms)


def test_idle_is_left_and_closed_contactors_are_closed_for_either_way(bench: Together, bms: FoxBms) -> None:
    bench.sleep(0.3)
    assert bench.node.state == IDLE
    bms.identify()
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    assert (bench.node.state, bench.node.closed) == (NORMAL, True)
    reach(bench, bms, BmsMode.DISCHARGE, BmsState.CLOSED)
    assert bench.node.request == 1
    reach(bench, bms, BmsMode.STANDBY, BmsState.STANDBY)
    assert (bench.node.state, bench.node.closed) == (STANDBY, False)
    assert bms.left_mode().count == 0
    assert bms.faults() == ()


def test_a_mode_that_is_asked_for_of_a_node_that_is_idle_goes_by_way_of_standby(bench: Together, bms: FoxBms) -> None:
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    assert next(data[0] for _, data in bench.requests) == BmsMode.STANDBY


def test_a_node_that_was_reset_under_load_is_not_closed_again(bench: Together, bms: FoxBms) -> None:
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    asked = bench.node.timestamp, bench.node.previous_timestamp
    bench.node.__init__()  # type: ignore[misc]
    bench.node.ms, (bench.node.timestamp, bench.node.previous_timestamp) = bench.ms, asked
    for _ in range(30):
        bench.sleep(0.1)
        scan(bms)
    assert bench.node.state == IDLE
    assert bms.left_mode().count == 1


@pytest.mark.parametrize("alone", [0.5, 0.9, 0.99, 1.05, 1.15, 1.2, 1.3, 1.8, 2.5, 10.0])
def test_a_node_that_nobody_has_asked_is_led_out_of_its_error_however_far_it_has_come(
    bench: Together, bms: FoxBms, alone: float
) -> None:
    """It goes on to ERROR once it has begun to, and what it is asked by then is what it stays there for."""
    bench.sleep(alone)
    bms.identify()
    reach(bench, bms, BmsMode.DISCHARGE, BmsState.CLOSED)
    bench.sleep(1.0)
    assert bms.faults() == ()
    assert scan(bms)["state"] == BmsState.CLOSED


@pytest.mark.parametrize("alone", [0.5, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.15, 1.2, 1.3, 1.8, 2.5, 10.0])
def test_who_comes_after_another_finds_no_error_that_was_about_to_be_raised(
    bench: Together, bms: FoxBms, clocked: LinkContext, alone: float
) -> None:
    """Its requests are counted from the first one on: what is still to be raised then is not raised on the way."""
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.DISCHARGE, BmsState.CLOSED)
    reach(bench, bms, BmsMode.STANDBY, BmsState.STANDBY)
    bms.close()
    bench.sleep(alone)
    after = FoxBms(BUS, clocked, name="bms", pack={"strings": 1, "cells": 18, "sensors": 8})
    after.identify()
    after.request_mode(BmsMode.DISCHARGE)
    while scan(after)["state"] != BmsState.CLOSED:
        bench.sleep(0.05)
        assert (after.faults(), after.state() == BmsState.ERROR) == ((), False)
    after.close()


def test_requests_are_95_to_105_ms_apart_whatever_is_asked_for(bench: Together, bms: FoxBms) -> None:
    bench.sleep(0.137)
    bms.identify()
    modes = [BmsMode.CHARGE, BmsMode.DISCHARGE, BmsMode.STANDBY, BmsMode.CHARGE]
    for number, mode in enumerate(modes):
        bench.sleep(2.0 + 0.037 * number)
        scan(bms)
        bms.request_mode(mode)
    bench.sleep(2.0)
    times = [ms for ms, _ in bench.requests]
    # What is sent before a millisecond begins arrives in it.
    assert {later - earlier for earlier, later in pairwise(times)} <= {99, 100}
    assert bench.node.occurrence == 0


@pytest.mark.parametrize(("late", "fails"), [([4] * 100, False), ([30, 0] * 50, False), ([8] * 100, True)])
def test_what_a_busy_computer_does_to_the_rhythm_is_the_benchs_blame(
    bench: Together, bms: FoxBms, late: list[int], fails: bool
) -> None:
    """One late turn is one distance that is wrong, and not two: the next is a whole cycle behind it."""
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    bench.late += late
    for _ in range(40):
        bench.sleep(0.1)
        found = scan(bms)
    assert (found["state"] == BmsState.CLOSED) is not fails
    assert bms.error_blame().side == ("bench" if fails else "unknown")
    if fails:
        assert {"CanTimingError", "CAN_TIMING"} & set(bms.error_blame().signals)


def test_the_charge_is_unknown_until_it_is_shown_of_a_connected_string(bench: Together, bms: FoxBms) -> None:
    bench.node.soc = 63.0
    bench.sleep(1.2)
    bms.identify()
    bench.sleep(1.0)
    assert isnan(scan(bms)["soc min"])
    assert isnan(scan(bms)["soc max"])
    assert scan(bms)["string soc min 1"] == pytest.approx(0.63, abs=0.002)
    bms.request_mode(BmsMode.CHARGE)
    shown = set[float]()
    bench.until(lambda: bool(shown.add(scan(bms)["soc min"])) or scan(bms)["state"] == BmsState.CLOSED, 15)
    bench.sleep(1.1)
    assert scan(bms)["soc min"] == pytest.approx(0.63)
    assert {value for value in shown if not isnan(value)} <= {scan(bms)["soc min"]}
    reach(bench, bms, BmsMode.STANDBY, BmsState.STANDBY)
    assert isnan(scan(bms)["soc min"])


def test_a_pack_that_is_empty_and_connected_is_empty(bench: Together, bms: FoxBms) -> None:
    bench.node.soc = 0.0
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    bench.sleep(1.1)
    assert scan(bms)["soc min"] == 0.0


def test_a_limit_beyond_what_its_message_has_room_for_is_that_much(bench: Together, bms: FoxBms) -> None:
    bench.sleep(0.2)
    found = scan(bms)
    assert (found["charge current limit"], found["discharge current limit"]) == (1023.75, 1023.75)


@pytest.mark.parametrize(
    ("option", "expected"), [({}, (False, 0)), ({"balancing": True}, (True, 200)), ({"balancing": 0.01}, (True, 10))]
)
def test_balancing_is_what_the_station_says(
    bench: Together, clocked: LinkContext, option: dict[str, float], expected: tuple[bool, int]
) -> None:
    driver = FoxBms(BUS, clocked, name="bms", pack={"strings": 1}, **option)  # type: ignore[arg-type]
    bench.sleep(0.1)
    driver.identify()
    bench.sleep(0.3)
    assert (bench.node.balancing, bench.node.threshold_mV) == expected
    assert scan(driver)["string balancing 1"] == expected[0]
    driver.close()


def test_each_cell_sensor_and_string_is_told_of(bench: Together, bms: FoxBms) -> None:
    bench.node.sensors_degC = [-5, 3, 120, 7, 8, 9, 10, 11]
    bench.sleep(1.2)
    found = scan(bms)
    cells = [found[f"cell {number}"] for number in range(1, 19)]
    assert cells == pytest.approx([mv / 1000 for mv in bench.node.cells_mV])
    assert [found[f"sensor {number}"] for number in range(1, 9)] == bench.node.sensors_degC
    assert found["string voltage 1"] == pytest.approx(sum(bench.node.cells_mV) / 1000, abs=0.01)
    assert bms.system_state() == "RUNNING"


@pytest.mark.parametrize("cell", [0, 1, 15, 16, 17])
def test_the_lowest_cell_is_named_though_its_index_has_four_bits(bench: Together, bms: FoxBms, cell: int) -> None:
    bench.node.cells_mV[cell] = 2700
    bench.sleep(0.8)
    scan(bms)
    assert bms.where("cell voltage min") == f"cell {cell + 1}"


def test_a_cell_that_is_no_longer_told_of_has_no_value(bench: Together, bms: FoxBms) -> None:
    bench.sleep(1.0)
    bench.node._pack = lambda name: (0x7FF, b"") if name == "f_CellVoltages" else CNode._pack(bench.node, name)  # type: ignore[method-assign]
    bench.sleep(2.0)
    assert scan(bms)["cell 3"] == pytest.approx(3.302)
    bench.sleep(6.0)
    assert isnan(scan(bms)["cell 3"])
    assert scan(bms)["cell voltage min"] == pytest.approx(3.3)


def test_a_node_that_opens_under_load_says_so_while_it_waits_for_the_current_to_fall(
    bench: Together, bms: FoxBms
) -> None:
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    bench.node.current_mA = -5000
    bench.node.request = 3
    bench.node.receive = lambda _data: None  # type: ignore[method-assign]
    bench.until(lambda: scan(bms)["state"] == BmsState.OPENING, 1)
    bench.sleep(1.0)
    assert bench.node.closed
    bench.node.current_mA = 0
    bench.sleep(0.5)
    assert not bench.node.closed


def test_another_precharge_has_to_wait_and_is_waited_for(bench: Together, bms: FoxBms) -> None:
    bench.sleep(0.3)
    reach(bench, bms, BmsMode.CHARGE, BmsState.CLOSED)
    reach(bench, bms, BmsMode.STANDBY, BmsState.STANDBY)
    bms.request_mode(BmsMode.CHARGE)
    bench.sleep(3.0)
    assert bench.node.state == PRECHARGE
    assert bench.until(lambda: scan(bms)["state"] == BmsState.CLOSED, 15) > 3
