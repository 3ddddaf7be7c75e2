"""CAN on a served bench: the socketcand protocol by its letter, and python-can's own client as the referee."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import can
import pytest
from can.interfaces.socketcand.socketcand import (
    convert_ascii_message_to_can_message,
    convert_can_message_to_ascii_message,
)
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import WallClock
from instruments.drivers.foxbms import FoxBms
from instruments.roles import BmsMode, BmsState
from instruments.virtual import World, open_world, serve_world
from instruments.virtual.served.serving import Server
from instruments.virtual.served.socketcand import LONGEST, SocketcandClient, frame, parsed
from instruments.virtual.wires.exchange import CanChannel
from instruments.wires.context import LinkContext
from tests.instruments.drivers.foxbms_node import interface_of
from tests.instruments.virtual.conftest import CELL, LINKS, SIMULATORS
from tests.instruments.virtual.serving_bench import HandClock

pytestmark = pytest.mark.real_time

STATE = 0x220


class Client:
    """A client and everything that can be seen of it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.channel = CanChannel(lambda: 12.5, lambda _seconds: None)
        self.sent = list[bytes]()
        self.heard = list[can.Message]()
        self.node = SocketcandClient(
            {"can0": self.channel}, send=self.sent.append, heard=self.heard.append, now=self.clock
        )

    def say(self, text: str) -> str:
        return self.node.receive(text.encode()).decode()

    def join(self) -> None:
        assert self.say("< open can0 >") == "< ok >"
        assert self.say("< rawmode >") == "< ok >"
        self.clock.now += 1.0


MESSAGE = can.Message(arbitration_id=STATE, data=b"\x01\xff", is_extended_id=False, timestamp=3.25)

MESSAGES = st.builds(
    lambda extended, identifier, data: can.Message(
        arbitration_id=identifier & (0x1FFFFFFF if extended else 0x7FF), is_extended_id=extended, data=data
    ),
    st.booleans(),
    st.integers(0, 0x1FFFFFFF),
    st.binary(max_size=8),
)


# --- the protocol -------------------------------------------------------------------------------------------------


def test_a_client_in_raw_mode_gets_what_is_on_the_bus() -> None:
    client = Client()
    client.join()
    client.channel.send("somebody", MESSAGE)
    assert client.sent == [b"< frame 220 3.250000 01FF >"]


def test_a_client_puts_frames_on_the_bus_and_does_not_hear_itself() -> None:
    client, others = Client(), list[can.Message]()
    client.channel.members["somebody"] = others.append
    client.join()
    assert client.say("< send 210 8 2 0 0 0 0 0 0 ff >") == ""
    (received,) = others
    assert (received.arbitration_id, bytes(received.data)) == (0x210, b"\x02\0\0\0\0\0\0\xff")
    assert received.timestamp == 12.5
    assert client.heard == others
    assert not client.sent


def test_no_frame_follows_the_answer_that_a_client_takes_in_one_piece() -> None:
    client = Client()
    client.say("< open can0 >< rawmode >")
    client.channel.send("somebody", MESSAGE)
    assert not client.sent
    client.clock.now += 0.3
    client.channel.send("somebody", MESSAGE)
    assert client.sent


def test_a_client_that_hangs_up_leaves_the_bus() -> None:
    client = Client()
    client.join()
    client.node.close()
    client.node.close()
    assert not client.channel.members


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("< echo >", "< echo >"),
        ("< open can1 >", "< error could not open bus >"),
        ("< open can0 >< open can0 >", "< ok >< error could not open bus >"),
        ("< rawmode >", "< error open a bus first >"),
        ("< send 123 0 >", "< error unknown command >"),
        ("< statistics >", "< error unknown command >"),
        ("open can0 >", "< error write messages as < command > >"),
        (" \r\n< echo >\r\n< echo >", "< echo >< echo >"),
        ("<>", "< error unknown command >"),
        ("x" * (LONGEST + 1), f"< error a message has at most {LONGEST} bytes >"),
    ],
)
def test_what_is_answered_outside_raw_mode(said: str, answered: str) -> None:
    assert Client().say(said) == answered


@pytest.mark.parametrize(
    "words",
    [
        *("", "123", "123 1", "123 2 0", "123 1 100", "123 9 0 0 0 0 0 0 0 0 0"),
        *("xyz 0", "-1 0", "800 0", "20000000 0", "1 1 +1"),
    ],
)
def test_what_is_no_frame_is_refused_and_does_not_reach_the_bus(words: str) -> None:
    client, others = Client(), list[can.Message]()
    client.channel.members["somebody"] = others.append
    client.join()
    assert client.say(f"< send {words} >").startswith("< error not a frame")
    assert not others


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_whatever_comes_is_answered_in_the_protocol(packets: list[bytes]) -> None:
    client = Client()
    client.join()
    answers = b"".join(client.node.receive(packet) for packet in packets)
    assert re.fullmatch(rb"(< (echo|ok|error [^\n]+?) >)*", answers)


@given(MESSAGES)
def test_frames_are_read_as_python_can_writes_them(message: can.Message) -> None:
    words = convert_can_message_to_ascii_message(message).strip("<> ").split()
    assert words[0] == "send"
    assert parsed(words[1:]).equals(message, timestamp_delta=None)


@given(MESSAGES, st.floats(0, 1e7))
def test_frames_are_written_as_python_can_reads_them(message: can.Message, timestamp: float) -> None:
    message.timestamp = timestamp
    read = convert_ascii_message_to_can_message(frame(message).decode())
    assert read.equals(message, timestamp_delta=1e-6, check_direction=False)


@given(MESSAGES, st.integers(1, 40))
def test_a_message_may_come_in_pieces(message: can.Message, cut: int) -> None:
    client = Client()
    client.join()
    text = convert_can_message_to_ascii_message(message).encode()
    client.node.receive(text[:cut])
    client.node.receive(text[cut:])
    assert client.heard[0].equals(message, timestamp_delta=None)


# --- python-can as the client -------------------------------------------------------------------------------------


IMPATIENCE = 3.0  # s: longer than a busy machine keeps a thread waiting, since a node that gave up stays in error


@pytest.fixture
def served() -> World:
    """A bench whose BMS wants to be asked."""
    return open_world(
        {"simulators": {"bms": SIMULATORS["bms"] | {"request_timeout": IMPATIENCE}}, "plant": "pack"},
        links=LINKS, cell=CELL, series=12, parallel=1, serial_number="x", seed=1, defects=(),
        wait=lambda _seconds: None,
    )  # fmt: skip


@pytest.fixture
def bus(served: World) -> Iterator[dict[str, Any]]:
    """The CAN bus of that bench as a thread serves it, as python-can's arguments."""
    server = serve_world(served, links={"bms": LINKS["bms"]}, ports={}, host="127.0.0.1", speed=1.0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.addresses["bms"]["can"]
    _end(server, thread)


def _end(server: Server, thread: threading.Thread) -> None:
    server.stop("the test is over")
    thread.join()
    server.close()


@pytest.fixture
def node(bus: dict[str, Any]) -> Iterator[Callable[[], can.BusABC]]:
    """Opens further nodes on the bus."""
    opened: list[can.BusABC] = []

    def join() -> can.BusABC:
        opened.append(can.Bus(**bus))
        return opened[-1]

    yield join
    for each in opened:
        each.shutdown()


def test_python_can_joins_and_hears_the_bms(node: Callable[[], can.BusABC]) -> None:
    listener = node()
    stamps = [message.timestamp for message in _received(listener, STATE, 5)]
    assert stamps == sorted(set(stamps))


def test_nodes_hear_each_other(node: Callable[[], can.BusABC]) -> None:
    one, other = node(), node()
    next(_received(other, STATE, 1))  # it is on the bus
    one.send(MESSAGE_OF_OURS)
    (heard,) = _received(other, MESSAGE_OF_OURS.arbitration_id, 1)
    assert bytes(heard.data) == bytes(MESSAGE_OF_OURS.data)


MESSAGE_OF_OURS = can.Message(arbitration_id=0x7A0, data=b"hello", is_extended_id=False)


def _received(bus: can.BusABC, identifier: int, count: int) -> Iterator[can.Message]:
    """The next frames with an identifier; a bus that stays silent for 10 s fails."""
    found = 0
    while found < count:
        message = bus.recv(10)
        if message is None:
            continue
        if message.arbitration_id == identifier:
            found += 1
            yield message


def test_the_driver_closes_the_contactor_of_a_served_bms(bus: dict[str, Any]) -> None:
    clock = WallClock()
    context = LinkContext("@py", now=clock.now, sleep=clock.sleep, every=clock.every, real_time=True)
    driver = FoxBms(bus, context, name="bms")
    driver.identify()
    driver.request_mode(BmsMode.CHARGE)
    while driver.state() is not BmsState.CLOSED:
        assert driver.state() is not BmsState.ERROR
    driver.close()
    clock.close()


def test_an_error_behind_8_000_frames_on_a_real_socket_is_found(
    served: World, bus: dict[str, Any], node: Callable[[], can.BusABC], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads while the bus is busy; then every frame is read at once, and the newest counts."""
    served.part("bms").timing.limit = None  # a node that does not look at requests
    other, clock, foreign = node(), WallClock(), list[can.Message]()
    driver = FoxBms(bus, LinkContext("@py", now=clock.now, sleep=clock.sleep), name="bms")
    driver.identify()
    receive = interface_of(driver).recv

    def received(timeout: float | None) -> can.Message | None:
        message = receive(timeout)
        if message is not None and message.arbitration_id != STATE:
            foreign.append(message)
        return message

    monkeypatch.setattr(interface_of(driver), "recv", received)
    found, heard = served.part("bms"), list[can.Message]()
    assert found is not None
    found.channel.members["witness"] = heard.append
    for _ in range(8_000):
        other.send(MESSAGE_OF_OURS)
    wait_until(lambda: sum(message.arbitration_id == MESSAGE_OF_OURS.arbitration_id for message in heard) == 8_000)
    found.fail("interlock")
    wait_until(lambda: driver.collect()[0] == BmsState.ERROR)
    assert sum(message.arbitration_id == MESSAGE_OF_OURS.arbitration_id for message in foreign) == 8_000
    wait_until(lambda: set(driver.error_blame().signals) == {"InterlockState", "INTERLOCK_FEEDBACK"})
    driver.close()


def test_requests_and_frames_go_on_between_two_scans_where_time_is_real(bus: dict[str, Any]) -> None:
    """As on hardware: the clock of the bench asks and listens, and a node that wants to be asked stays closed."""
    clock = WallClock()
    context = LinkContext("@py", now=clock.now, sleep=clock.sleep, every=clock.every, real_time=True)
    driver = FoxBms(bus, context, name="bms")
    driver.identify()
    driver.keep_asking(60.0)
    driver.request_mode(BmsMode.CHARGE)
    wait_until(lambda: driver._inbox.frames[STATE][0] & 0x0F == BmsState.CLOSED)  # taken by the clock alone
    began = clock.now()
    wait_until(lambda: clock.now() - began > 2 * IMPATIENCE)
    assert driver.state() is BmsState.CLOSED
    driver.keep_asking(0.0)  # the test hangs from here on: nobody is asked for another scan
    wait_until(lambda: driver._inbox.frames[STATE][0] & 0x0F == BmsState.ERROR)
    assert set(driver.error_blame().signals) <= {"CanTimingError", "CAN_TIMING"}
    driver.close()
    clock.close()


def wait_until(true: Callable[[], bool]) -> None:
    """Let real time pass until something has come true; a minute is for ever, however busy the machine."""
    ready = threading.Event()
    deadline = WallClock()
    while not true():
        assert deadline.now() < 60.0
        ready.wait(0.01)
