"""One bus and its users: what each hears, sends and repeats, and what one of them cannot do to the others."""

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import can
import pytest
from can.interfaces.virtual import VirtualBus

from instruments.roles import InstrumentFault
from instruments.wires import can as wire
from instruments.wires.can import CanSession, written
from instruments.wires.context import LinkContext
from tests.instruments.scripted import FakeTime, Transcript

SETTINGS = {"interface": "virtual", "channel": "shared"}


def frame(identifier: int, *data: int, extended: bool = False) -> can.Message:
    return can.Message(arbitration_id=identifier, data=bytes(data), is_extended_id=extended)


@pytest.fixture
def far() -> Iterator[can.BusABC]:
    """The other end of the bus."""
    with can.Bus(**SETTINGS) as bus:
        yield bus


@pytest.fixture
def join(context: LinkContext) -> Iterator[Callable[..., CanSession]]:
    """Join the bus under a name; whoever is still there at the end leaves."""
    sessions: list[CanSession] = []

    def open_one(name: str, context: LinkContext = context, **settings: object) -> CanSession:
        sessions.append(CanSession({**SETTINGS, **settings}, context, name=name))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close(lambda: None)


class Ear:
    """What a session has heard: payloads, in order."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def __call__(self, message: can.Message, _time: float) -> None:
        self.heard.append(bytes(message.data))


Join = Callable[..., CanSession]


def sent(far: can.BusABC) -> list[bytes]:
    """Payloads that have arrived at the other end."""
    found = []
    while (message := far.recv(0)) is not None:
        found.append(bytes(message.data))
    return found


# --- one bus ----------------------------------------------------------------------------------------------------------


def test_two_users_share_one_interface(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[VirtualBus] = []
    initialise = VirtualBus.__init__
    monkeypatch.setattr(VirtualBus, "__init__", lambda bus, *a, **k: (opened.append(bus), initialise(bus, *a, **k))[1])
    join("bms")
    join("emulator")
    assert len(opened) == 1


def test_each_hears_its_own_in_order_whoever_takes_them(far: can.BusABC, join: Join) -> None:
    one, other, bms, emulator = Ear(), Ear(), join("bms"), join("emulator")
    bms.subscribe(0x220, one)
    emulator.subscribe(0x300, other)
    for message in (frame(0x220, 1), frame(0x300, 2), frame(0x220, 3), frame(0x7A0, 4)):
        far.send(message)
    bms.take()
    assert (one.heard, other.heard) == ([b"\1", b"\3"], [])
    emulator.take()
    assert other.heard == [b"\2"]


def test_an_identifier_of_11_bits_is_none_of_29(far: can.BusABC, join: Join) -> None:
    short, long, session = Ear(), Ear(), join("bms")
    session.subscribe(0x220, short)
    session.subscribe(0x220, long, extended=True)
    far.send(frame(0x220, 1))
    far.send(frame(0x220, 2, extended=True))
    session.take()
    assert (short.heard, long.heard) == ([b"\1"], [b"\2"])


def test_frames_are_chosen_by_what_they_are(far: can.BusABC, join: Join) -> None:
    ear, session = Ear(), join("emulator")
    session.subscribe_where(lambda message: message.is_extended_id and message.arbitration_id & 0xFFFF == 3, ear)
    for identifier, extended in ((0x10010003, True), (0x10020003, True), (0x10010005, True), (0x003, False)):
        far.send(frame(identifier, identifier >> 16 & 0xFF, extended=extended))
    session.take()
    assert ear.heard == [b"\1", b"\2"]


def test_who_does_not_take_loses_the_oldest_and_is_told_how_many(
    far: can.BusABC, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_WAITING", 3)
    ear, idle, busy = Ear(), join("idle"), join("busy")
    idle.subscribe(0x220, ear)
    for number in range(5):
        far.send(frame(0x220, number))
        busy.take()
    idle.take()
    assert ear.heard == [b"\2", b"\3", b"\4"]
    assert (idle.dropped, busy.dropped) == (2, 0)


def test_a_frame_is_as_old_as_its_reception(context: LinkContext, clock: FakeTime, join: Join) -> None:
    times: list[float] = []
    session = join("bms")
    session.subscribe(0x220, lambda _message, time: times.append(time))
    with VirtualBus(str(SETTINGS["channel"]), preserve_timestamps=True) as far:
        message = frame(0x220, 1)
        message.timestamp = 5000.0
        far.send(message)
        session.take()
    clock.now += 3.0
    assert session.age(times[0]) == 3.0


@pytest.mark.parametrize(("passing", "pace"), [(None, 1.0), (lambda: 100.0, 1.0), (iter((5.0, 5.5)).__next__, 10.0)])
def test_a_bench_that_is_served_faster_tells_by_how_much(
    context: LinkContext, clock: FakeTime, join: Join, passing: Callable[[], float] | None, pace: float
) -> None:
    session = join("emulator", replace(context, passing=passing))
    clock.now += 5.0
    assert session.pace == pace


# --- coming and going -------------------------------------------------------------------------------------------------


def test_the_last_who_leaves_closes_the_bus_and_the_next_opens_it_anew(far: can.BusABC, join: Join) -> None:
    bms, emulator = join("bms"), join("emulator")
    bms.close(lambda: bms.send(frame(0x210, 0)))
    emulator.send(frame(0x300, 1))
    emulator.close(lambda: None)
    with pytest.raises(InstrumentFault, match="emulator was closed"):
        emulator.send(frame(0x300, 2))
    join("bms").send(frame(0x210, 3))
    assert sent(far) == [b"\0", b"\1", b"\3"]


def test_who_has_left_takes_nothing_and_is_forgotten(far: can.BusABC, join: Join) -> None:
    ear, bms, emulator = Ear(), join("bms"), join("emulator")
    bms.subscribe(0x220, ear)
    bms.subscribe_where(lambda _message: True, ear)
    bms.close(lambda: None)
    kept = weakref.ref(ear)
    del ear
    far.send(frame(0x220, 1))
    emulator.take()
    assert kept() is None
    with pytest.raises(InstrumentFault, match="bms was closed"):
        bms.take()


def test_benches_with_clocks_of_their_own_do_not_share(far: can.BusABC, join: Join, context: LinkContext) -> None:
    """Each must hear a frame, at its own pace, though they have given their buses one name."""
    one, other = Ear(), Ear()
    mine, theirs = join("bms"), join("bms", replace(context, now=lambda: 7.0))
    mine.subscribe(0x220, one)
    theirs.subscribe(0x220, other)
    far.send(frame(0x220, 1))
    mine.take()
    assert (one.heard, other.heard) == ([b"\1"], [])
    theirs.take()
    assert other.heard == [b"\1"]


def test_a_bus_that_another_opened_otherwise_is_refused(join: Join) -> None:
    join("bms", bitrate=500000)
    text = r"emulator: its CAN bus has bitrate 250000 here and 500000 for another instrument .*; give both the same\."
    with pytest.raises(ValueError, match=text):
        join("emulator", bitrate=250000)


def test_a_bus_that_cannot_be_opened_is_a_fault_and_can_be_tried_again(
    far: can.BusABC, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(**_settings: object) -> None:
        raise OSError("No such device")

    with monkeypatch.context() as unplugged:
        unplugged.setattr(can, "Bus", absent)
        with pytest.raises(InstrumentFault, match=r"bms \(interface virtual, .*\) cannot be opened: No such"):
            join("bms")
    join("bms").send(frame(0x210, 1))
    assert sent(far) == [b"\1"]


# --- one user's trouble -----------------------------------------------------------------------------------------------


def unplugged(*_: object, **__: object) -> None:
    raise can.CanOperationError("the adapter was unplugged")


def test_a_bus_that_cannot_be_read_is_told_to_everybody_once(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    bms, emulator = join("bms"), join("emulator")
    with monkeypatch.context() as broken:
        broken.setattr(VirtualBus, "recv", unplugged)
        with pytest.raises(InstrumentFault, match="bms cannot be heard: the adapter was unplugged"):
            bms.take()
    bms.surface()
    with pytest.raises(InstrumentFault, match="emulator cannot be heard: the adapter was unplugged"):
        emulator.surface()
    emulator.surface()


def test_off_is_sent_whatever_befell_the_others(far: can.BusABC, join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    bms, emulator = join("bms"), join("emulator")
    monkeypatch.setattr(VirtualBus, "recv", unplugged)
    with pytest.raises(InstrumentFault):
        bms.take()
    emulator.send(frame(0x1000A, 0, extended=True))
    emulator.close(lambda: emulator.send(frame(0x1000A, 1, extended=True)))
    monkeypatch.undo()
    assert sent(far) == [b"\0", b"\1"]


def test_a_frame_that_cannot_be_sent_is_a_sentence(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    session = join("bms")
    monkeypatch.setattr(VirtualBus, "send", unplugged)
    with pytest.raises(InstrumentFault, match=r"bms cannot be asked for a mode: the adapter .*; check wiring"):
        session.send(frame(0x210, 1), "asked for a mode")


def returned() -> None:
    for thread in threading.enumerate():
        if thread.name == "CAN gateway":
            thread.join(10)


def test_behind_a_gateway_that_hung_up_a_new_connection_is_sought_and_heard_and_spoken_over(
    far: can.BusABC, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contactor that was to open stayed closed: everything was said to the connection that was gone."""
    bms, heard = join("bms"), list[bytes]()
    bms.subscribe(0x220, lambda message, _time: heard.append(bytes(message.data)))

    def hung_up(*_: object, **__: object) -> None:
        raise BrokenPipeError("the gateway hung up")

    with monkeypatch.context() as lost:
        lost.setattr(VirtualBus, "send", hung_up)
        with pytest.raises(InstrumentFault, match="the gateway hung up"):
            bms.send(frame(0x210, 1))
        returned()
    bms.send(frame(0x210, 0))
    far.send(frame(0x220, 5))
    bms.take()
    assert sent(far) == [b"\0"]
    assert heard == [b"\5"]


def test_a_gateway_that_comes_back_after_the_last_has_left_is_let_go(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, may_open, shut = join("bms"), threading.Event(), list[object]()
    opened = wire._opened

    def slowly(name: str, settings: Mapping[str, Any]) -> can.BusABC:
        assert may_open.wait(10)
        return opened(name, settings)

    def hung_up(*_: object, **__: object) -> None:
        raise ConnectionResetError("the gateway hung up")

    monkeypatch.setattr(wire, "_opened", slowly)
    monkeypatch.setattr(VirtualBus, "send", hung_up)
    with pytest.raises(InstrumentFault):
        session.send(frame(0x210, 1))
    session.close(lambda: None)
    shutdown = VirtualBus.shutdown
    monkeypatch.setattr(VirtualBus, "shutdown", lambda bus: (shut.append(bus), shutdown(bus)))
    may_open.set()
    returned()
    assert len(shut) == 1


# --- the wheel --------------------------------------------------------------------------------------------------------


class Rounds:
    """The clock's calls back, made by the test."""

    def __init__(self) -> None:
        self.callbacks: list[tuple[float, Callable[[], None]]] = []

    def every(self, period: float, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append((period, callback))
        return lambda: self.callbacks.remove((period, callback))

    def __call__(self) -> None:
        for _, callback in self.callbacks:
            callback()

    @property
    def periods(self) -> list[float]:
        return [period for period, _ in self.callbacks]


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


def test_one_wheel_repeats_for_all(far: can.BusABC, join: Join, context: LinkContext, rounds: Rounds) -> None:
    turning = replace(context, every=rounds.every)
    bms, emulator, display = (join(name, turning) for name in ("bms", "emulator", "display"))
    bms.repeat(0.1, lambda: frame(0x210, 1))
    emulator.repeat(0.1, lambda: frame(0x300, 2))
    display.repeat(1.0, lambda: None)
    assert rounds.periods == [0.1, 1.0]
    rounds()
    assert sent(far) == [b"\1", b"\2"]
    bms.close(lambda: None)
    rounds()
    assert sent(far) == [b"\2"]
    emulator.close(lambda: None)
    assert rounds.periods == [1.0]


def test_a_turn_takes_what_has_come(far: can.BusABC, join: Join, context: LinkContext, rounds: Rounds) -> None:
    ear, bms = Ear(), join("bms", replace(context, every=rounds.every))
    bms.subscribe(0x220, ear)
    bms.repeat(0.1, lambda: None)
    far.send(frame(0x220, 1))
    rounds()
    assert ear.heard == [b"\1"]


@pytest.mark.parametrize("error", [ValueError("no more memory"), can.CanOperationError("no more memory")])
def test_what_goes_wrong_in_a_turn_is_told_by_the_next_call_and_stops_nobody_else(
    far: can.BusABC, join: Join, context: LinkContext, rounds: Rounds, error: Exception
) -> None:
    turning = replace(context, every=rounds.every)
    bms, emulator = join("bms", turning), join("emulator", turning)

    def fail() -> can.Message:
        raise error

    bms.repeat(0.1, fail)
    emulator.repeat(0.1, lambda: frame(0x300, 2))
    rounds()
    assert sent(far) == [b"\2"]
    emulator.surface()
    with pytest.raises(InstrumentFault, match=r"bms cannot be heard: .*no more memory.*; check the CAN interface"):
        bms.surface()
    bms.surface()


def test_a_turn_sends_for_everybody_before_it_reads_for_anybody(
    far: can.BusABC, join: Join, context: LinkContext, rounds: Rounds
) -> None:
    """A reader that takes its time would else have the next one send late, and by another time in each turn."""
    turning, seen = replace(context, every=rounds.every), list[list[bytes]]()
    bms, emulator = join("bms", turning), join("emulator", turning)
    bms.subscribe(0x220, lambda _message, _time: seen.append(sent(far)))
    bms.repeat(0.1, lambda: frame(0x210, 1))
    emulator.repeat(0.1, lambda: frame(0x300, 2))
    far.send(frame(0x220, 1))
    rounds()
    assert seen == [[b"\1", b"\2"]]


def test_a_turn_does_not_wait_for_who_reads(far: can.BusABC, join: Join, context: LinkContext, rounds: Rounds) -> None:
    bms = join("bms", replace(context, every=rounds.every))
    bms.repeat(0.1, lambda: frame(0x210, 1))
    turn = threading.Thread(target=rounds)
    with bms.lock:
        turn.start()
        message = far.recv(10)
        assert message is not None
    turn.join()
    assert bytes(message.data) == b"\1"


def test_who_sends_between_two_turns_has_the_next_a_whole_period_later(
    join: Join, context: LinkContext, rounds: Rounds
) -> None:
    bms = join("bms", replace(context, every=rounds.every))
    turns: list[int] = []
    begin_anew = bms.repeat(0.1, lambda: turns.append(1))  # type: ignore[func-returns-value]
    (stale,) = rounds.callbacks
    begin_anew()
    assert rounds.periods == [0.1]
    stale[1]()  # it was on its way already
    assert turns == []
    rounds()
    assert turns == [1]


def test_threads_let_go_of_each_other_sooner_while_something_is_repeated_in_real_time(
    join: Join, context: LinkContext, rounds: Rounds
) -> None:
    before = sys.getswitchinterval()
    bms, other = (join(name, replace(context, every=rounds.every, real_time=True)) for name in ("bms", "other"))
    bms.repeat(0.1, lambda: None)
    other.repeat(1.0, lambda: None)
    soon = pytest.approx(min(5e-4, before), abs=2e-6)  # Python cuts to whole microseconds
    assert sys.getswitchinterval() == soon
    bms.close(lambda: None)
    assert sys.getswitchinterval() == soon
    other.close(lambda: None)
    assert sys.getswitchinterval() == pytest.approx(before, abs=2e-6)


def test_a_clock_that_calls_nobody_back_repeats_nothing(join: Join) -> None:
    with pytest.raises(ValueError, match="bms: frames are repeated by a clock that calls back, and there is none"):
        join("bms").repeat(0.1, lambda: None)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_the_log_has_every_frame_and_the_transcript_what_is_written_down(
    far: can.BusABC, join: Join, context: LinkContext, heard: Transcript
) -> None:
    frames: list[str] = []
    session = join("bms", replace(context, frames=lambda message: frames.append(written(message))))
    request = frame(0x210, 0x12, 0xAB)
    session.write_down(request)
    session.send(request)
    far.send(frame(0x10010003, 1, extended=True))
    session.take()
    assert frames == ["210#12AB", "10010003#01"]
    assert heard == [(">", "210#12AB")]
