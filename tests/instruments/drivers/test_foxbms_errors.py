"""Where an ERROR comes from, and that neither it nor a mode that was left passes unseen between two scans."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from instruments.bms_errors import origin_of
from instruments.drivers.foxbms import FoxBms
from instruments.drivers.foxbms.blame import BENCH, PRECHARGE, SUMMARY, fault_of
from instruments.drivers.foxbms.errors import DIAGNOSIS
from instruments.drivers.foxbms.layout import FAULTS
from instruments.drivers.foxbms.requests import CYCLE, PATIENCE
from instruments.roles import (
    BmsMode,
    BmsState,
    ExplainsErrors,
    InstrumentFault,
    KeepsAsking,
    Locating,
    OpensWhenSilent,
    WatchesItsMode,
)
from instruments.wires.context import LinkContext
from tests.instruments.drivers.foxbms_node import BUS, Node, interface_of, send, send_all
from tests.instruments.scripted import FakeTime

STANDBY, CHARGE, ERROR = "15 00 00 00 00 00 00 00", "19 00 00 00 00 00 00 32", "1A 0C 00 00 00 00 00 00"
"""ERROR with GeneralError and EmergencyShutoff: what a foxBMS raises beside whatever else there is."""
INTERLOCK, TIMING = "1A 04 40 00 00 00 00 00", "1A 04 00 01 00 00 00 00"


class Ticks:
    """The clock's calls back to the driver, made by the test; `periods` are those that are still asked for."""

    def __init__(self) -> None:
        self.periods: list[float] = []
        self.callbacks: list[Callable[[], None]] = []

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.periods.append(period)
        self.callbacks.append(callback)
        return self.periods.clear

    def __call__(self, times: int = 1) -> None:
        for _ in range(times):
            for callback in self.callbacks:
                callback()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def asking(context: LinkContext, node: Node, ticks: Ticks) -> Iterator[FoxBms]:
    """A driver on a clock that is real, so that it asks by itself."""
    driver = FoxBms(BUS, replace(context, every=ticks.every, real_time=True), name="bms")
    yield driver
    driver.close()


def state_of(bms: FoxBms) -> float:
    bms.request()
    return bms.collect()[0]


def requests(node: Node) -> list[int]:
    """Modes that were asked for since the last look."""
    return [message.data[0] for message in iter(lambda: node.recv(0), None) if message.arbitration_id == 0x210]


# --- whose error it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moments", "side", "signals"),
    [
        ([], "unknown", ()),
        ([["GeneralError", "EmergencyShutoff", "AlertFlag"]], "unknown", ()),
        ([["EmergencyShutoff", "InterlockState"]], "bench", ("InterlockState",)),
        ([["GeneralError"], ["CanTimingError"], ["MainFuseBlown"]], "bench", ("CanTimingError",)),
        ([["MainFuseBlown"], ["CanTimingError"]], "pack", ("MainFuseBlown",)),
        ([["InterlockState", "MainFuseBlown"]], "pack", ("MainFuseBlown",)),
        ([["PackOvercurrentChargeError", "MainFuseBlown"]], "bench", ("PackOvercurrentChargeError",)),
        ([["CELL_VOLTAGE_OVERVOLTAGE_MSL"]], "pack", ("CELL_VOLTAGE_OVERVOLTAGE_MSL",)),
        ([["something of another BMS"]], "pack", ("something of another BMS",)),
    ],
)
def test_what_came_first_and_tells_anything_decides(
    moments: list[list[str]], side: str, signals: tuple[str, ...]
) -> None:
    origin = origin_of([[fault_of(name) for name in moment] for moment in moments])
    assert (origin.side, origin.signals) == (side, signals)


def test_every_bit_has_a_side() -> None:
    """Bits of the bench are told by name: a spelling that no message has would excuse nobody."""
    from instruments.drivers.foxbms.layout import error_bits

    known = {*FAULTS, *DIAGNOSIS.values(), *(name for _, name in error_bits(0x240))}
    assert known >= BENCH | PRECHARGE | SUMMARY


@pytest.mark.parametrize(
    ("frames", "side", "signals"),
    [
        ([(0x220, ERROR)], "unknown", ()),
        ([(0x220, INTERLOCK)], "bench", ("InterlockState",)),
        ([(0x220, "1A 0C 20 00 00 00 00 00")], "pack", ("MainFuseBlown",)),
        ([(0x220, "1A 0C 00 40 00 00 00 00")], "bench", ("Clamp30cError",)),
        ([(0x220, ERROR), (0x222, "11 00 00 00 00 00 00 00")], "pack", ("CELL_VOLTAGE_OVERVOLTAGE_MSL",)),
        ([(0x222, "35 00 00 00 00 00 00 00"), (0x220, ERROR)], "bench", ("INTERLOCK_FEEDBACK",)),
        ([(0x222, "63 00 00 00 00 00 00 00")], "unknown", ()),  # 99 is no id of foxBMS 2
        ([(0x220, ERROR), (0x240, "10 40 00 00 00 00 00 00")], "pack", ("OvervoltageMslError",)),
        ([(0x240, "11 40 00 00 00 00 00 00"), (0x240, "10 00 00 00 00 00 00 00")], "pack", ("OvervoltageMslError",)),
        ([(0x240, "10 10 00 00 00 00 00 00")], "bench", ("CellOvercurrentChargeMslError",)),
        ([(0x240, "10 00 FF FF 00 00 00 00")], "unknown", ()),  # warnings
    ],
)  # fmt: skip
def test_three_messages_tell_the_reason(
    node: Node, bms: FoxBms, frames: list[tuple[int, str]], side: str, signals: tuple[str, ...]
) -> None:
    send_all(node)
    for identifier, data in frames:
        send(node, identifier, data)
    assert isinstance(bms, ExplainsErrors)
    origin = bms.error_blame()
    assert origin.side == side
    assert sorted(origin.signals) == sorted(signals)


def test_the_first_error_is_the_reason_whatever_follows_it(node: Node, bms: FoxBms, clock: FakeTime) -> None:
    """Also between two scans, and also when it is over before the node gives up."""
    send_all(node)
    for frame in (INTERLOCK, ERROR, "1A 0C 20 00 00 00 00 00"):  # the interlock is closed again, then the fuse
        clock.now += 0.5
        send(node, 0x220, frame)
    assert bms.error_blame().side == "bench"
    clock.now += 30.0
    send(node, 0x220, "1A 0C 20 00 00 00 00 00")
    assert bms.error_blame().signals == ("MainFuseBlown",)  # of the other nobody speaks any more


def test_errors_that_are_told_with_different_messages_are_of_one_moment(
    node: Node, bms: FoxBms, clock: FakeTime
) -> None:
    send_all(node)
    send(node, 0x240, "10 40 00 00 00 00 00 00")  # a cell is above its voltage
    clock.now += 0.1
    send(node, 0x220, "1A 0C 00 02 00 00 00 00")  # for too much current flows
    assert bms.error_blame().side == "bench"


def test_a_fatal_error_that_is_not_repeated_any_more_is_over(node: Node, bms: FoxBms, clock: FakeTime) -> None:
    send_all(node)
    send(node, 0x222, "11 00 00 00 00 00 00 00")
    assert [fault.signal for fault in bms.faults()] == ["CELL_VOLTAGE_OVERVOLTAGE_MSL"]
    clock.now += 1.0
    send(node, 0x220, STANDBY)
    assert bms.faults() == ()


def test_each_string_has_errors_of_its_own(node: Node, bms: FoxBms) -> None:
    send_all(node)
    send(node, 0x240, "11 40 00 00 00 00 00 00")
    send(node, 0x240, "10 00 00 00 00 00 00 00")
    assert [fault.signal for fault in bms.faults()] == ["OvervoltageMslError"]


def test_a_node_that_was_never_heard_blames_nobody(bms: FoxBms) -> None:
    assert bms.error_blame().side == "unknown"


@pytest.mark.parametrize(
    ("channel", "place"),
    [
        ("cell voltage max", "cell 7 of module 3"),
        ("cell voltage min", "cell 12 of module 1"),
        ("cell temperature max", ""),
    ],
)
def test_the_node_says_which_cell_it_is(node: Node, bms: FoxBms, channel: str, place: str) -> None:
    send(node, 0x231, "00 B6 02 00 0E 42 0C 80")
    bms.collect()
    assert isinstance(bms, Locating)
    assert bms.where(channel) == place


# --- between two scans ------------------------------------------------------------------------------------------------


def test_an_error_of_a_single_frame_is_in_the_next_sample(node: Node, bms: FoxBms) -> None:
    send_all(node)
    assert state_of(bms) == BmsState.CHARGE
    send(node, 0x220, ERROR)
    send(node, 0x220, CHARGE)
    assert bms.state() is BmsState.CHARGE
    assert state_of(bms) == BmsState.ERROR
    assert state_of(bms) == BmsState.CHARGE  # told once


def test_a_contactor_that_chatters_is_counted_and_seen_in_every_scan(node: Node, bms: FoxBms, clock: FakeTime) -> None:
    bms.request_mode(BmsMode.CHARGE)
    send_all(node)
    assert state_of(bms) == BmsState.CHARGE
    for _ in range(137):
        for state in (STANDBY, CHARGE):
            clock.now += 0.2
            send(node, 0x220, state)
        assert state_of(bms) == BmsState.STANDBY
    assert isinstance(bms, WatchesItsMode)
    losses = bms.left_mode()
    assert (losses.count, losses.restarts) == (137, 0)
    assert losses.text == "it went from CHARGE to STANDBY by itself"


def test_a_node_that_restarts_under_load_is_told(node: Node, bms: FoxBms) -> None:
    bms.request_mode(BmsMode.CHARGE)
    send_all(node)
    for state in ("10", "11", "13", "15", "16", "19"):
        send(node, 0x220, f"{state} 00 00 00 00 00 00 00")
    assert state_of(bms) == BmsState.STARTING
    losses = bms.left_mode()
    assert (losses.count, losses.restarts) == (1, 1)
    assert "it restarted" in losses.text


def test_what_was_asked_for_is_no_loss(node: Node, bms: FoxBms) -> None:
    send(node, 0x220, CHARGE)  # as it is found: nobody has asked for it
    send(node, 0x220, STANDBY)
    bms.request_mode(BmsMode.CHARGE)
    for state in ("15", "16", "17", "19"):  # on the way there
        send(node, 0x220, f"{state} 00 00 00 00 00 00 00")
    bms.request_mode(BmsMode.DISCHARGE)
    for state in ("14", "15", "16", "18"):
        send(node, 0x220, f"{state} 00 00 00 00 00 00 00")
    bms.request_mode(BmsMode.STANDBY)
    send(node, 0x220, STANDBY)
    assert state_of(bms) == BmsState.STANDBY
    assert bms.left_mode().count == 0


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_is_repeated_every_100_ms_and_the_bus_is_read_where_time_is_real(
    node: Node, asking: FoxBms, ticks: Ticks
) -> None:
    assert ticks.periods == [CYCLE]
    send_all(node)
    ticks(3)
    assert requests(node) == []  # nothing was asked for
    asking.request_mode(BmsMode.CHARGE)
    ticks(3)
    asking.request()  # a scan adds none
    assert requests(node) == [BmsMode.CHARGE] * 4
    asking.request_mode(BmsMode.STANDBY)
    ticks()
    assert requests(node) == [BmsMode.STANDBY] * 2


def test_what_came_between_two_scans_is_taken_then(node: Node, asking: FoxBms, ticks: Ticks, clock: FakeTime) -> None:
    """A kernel keeps some 300 frames for a socket and drops the newest: a rest of 10 s brings 1,000."""
    send_all(node)
    ticks()
    node.recv = interface_of(asking).recv  # type: ignore[method-assign]
    assert node.recv(0) is None
    clock.now += 10
    assert asking.collect()[0] == BmsState.CHARGE


def test_requests_end_with_who_meant_them(node: Node, asking: FoxBms, ticks: Ticks) -> None:
    """A test that hangs promises no further scan; its node then hears nothing, and opens."""
    asking.request_mode(BmsMode.CHARGE)
    assert isinstance(asking, KeepsAsking)
    asking.keep_asking(10.0)
    requests(node)
    ticks(1000)
    assert len(requests(node)) == round((10.0 + PATIENCE) / CYCLE)
    asking.keep_asking(0.0)
    ticks(1000)
    assert len(requests(node)) == round(PATIENCE / CYCLE)


@pytest.mark.parametrize(
    "verb",
    [FoxBms.request, FoxBms.collect, FoxBms.state, FoxBms.faults, lambda bms: bms.request_mode(BmsMode.CHARGE)],
)
def test_a_closed_driver_says_and_hears_nothing_any_more(
    node: Node, bms: FoxBms, verb: Callable[[FoxBms], object]
) -> None:
    send_all(node)
    bms.request_mode(BmsMode.CHARGE)
    bms.close()
    requests(node)
    with pytest.raises(InstrumentFault, match="bms was closed"):
        verb(bms)
    assert requests(node) == []


def test_nothing_is_asked_for_behind_the_end(node: Node, asking: FoxBms, ticks: Ticks) -> None:
    asking.request_mode(BmsMode.CHARGE)
    asking.close()
    assert ticks.periods == []
    requests(node)
    ticks(10)  # one that was on its way already
    assert requests(node) == []


@pytest.mark.parametrize("error", [OSError("the adapter was unplugged"), ValueError("the adapter was unplugged")])
def test_a_link_that_is_lost_between_two_scans_is_told_by_the_next(
    asking: FoxBms, ticks: Ticks, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def lost(_timeout: float) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(interface_of(asking), "recv", lost)
        ticks()
    with pytest.raises(InstrumentFault, match=r"bms cannot be heard: .*the adapter was unplugged"):
        asking.collect()
    asking.collect()


def gets_over(told: str, node: Node, asking: FoxBms, ticks: Ticks, clock: FakeTime) -> None:
    """Have a node tell this state for a second in which it is asked, and STANDBY from then on."""
    send(node, 0x220, told)
    sleep = asking._context.sleep

    def wait(seconds: float) -> None:
        sleep(seconds)
        ticks()
        send(node, 0x220, STANDBY if clock.now > 101 else told)

    asking._context = replace(asking._context, sleep=wait)


def test_a_node_in_error_for_want_of_requests_is_asked_for_standby_and_waited_for(
    node: Node, asking: FoxBms, ticks: Ticks, clock: FakeTime
) -> None:
    """A foxBMS that hears nothing is in ERROR, and leaves it when it was asked for STANDBY for a second."""
    gets_over(TIMING, node, asking, ticks, clock)
    asking.identify()
    assert asking.state() is BmsState.STANDBY
    assert set(requests(node)) == {BmsMode.STANDBY}
    send_all(node)
    send(node, 0x220, STANDBY)
    assert state_of(asking) == BmsState.STANDBY  # that ERROR is no news


def test_one_that_was_asked_to_open_before_is_waited_for_as_well(
    node: Node, asking: FoxBms, ticks: Ticks, clock: FakeTime
) -> None:
    """Who finds a contactor closed asks for STANDBY before he asks who is there; the error stands for a second more."""
    gets_over("15 00 00 01 00 00 00 00", node, asking, ticks, clock)
    asking.request_mode(BmsMode.STANDBY)
    asking.identify()
    assert asking.faults() == ()
    assert clock.now > 101


@pytest.mark.parametrize("state", ["16", "17", "18", "19"])
def test_a_contactor_that_is_closed_already_is_not_opened_by_looking(node: Node, asking: FoxBms, state: str) -> None:
    send(node, 0x220, f"{state} 00 00 00 00 00 00 00")
    asking.identify()
    asking.close()
    assert requests(node) == []


def test_a_node_in_error_for_another_reason_is_not_waited_for(node: Node, asking: FoxBms, clock: FakeTime) -> None:
    send(node, 0x220, INTERLOCK)
    asking.identify()
    assert clock.slept == []


@pytest.mark.parametrize("silence", [None, 1.4])
def test_whether_it_opens_when_nobody_asks_is_for_its_owner_to_say(
    context: LinkContext, node: Node, silence: float | None
) -> None:
    bms = FoxBms(BUS, context, name="bms", opens_when_silent=silence)
    assert isinstance(bms, OpensWhenSilent)
    assert bms.opens_when_silent() == silence
    bms.close()
