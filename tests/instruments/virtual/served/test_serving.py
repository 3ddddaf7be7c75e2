"""A served bench as its clients find it: answers on real sockets, time, exclusiveness, and a log of what happened."""

import errno
import selectors
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import serial
from can import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.virtual import World, open_world, serve_world
from instruments.virtual.served.ends import TcpEnd
from instruments.virtual.served.log import ServeLog
from instruments.virtual.served.serving import MOST_UNFINISHED, MOST_UNSENT, SHARE, Wire
from instruments.virtual.wires.exchange import CanChannel
from instruments.wires.context import LinkContext
from instruments.wires.links import LinkProfile
from instruments.wires.session import Session
from tests.instruments.virtual.conftest import CELL, LINKS, SERIES, SIMULATORS
from tests.instruments.virtual.serving_bench import Served, lines, serve_by_hand

Serve = Callable[..., Served]
LOAD = "TCPIP::load.test::2101::SOCKET"
STATE, ESTIMATION = 0x220, 0x235


@pytest.fixture
def world() -> Iterator[World]:
    """A pack behind a supply and a load, with its BMS."""
    opened = open_world(
        {"simulators": {name: SIMULATORS[name] for name in ("supply", "load", "bms")}, "plant": "pack"},
        links=LINKS, cell=CELL, series=SERIES, parallel=1, serial_number="served", seed=1, defects=(),
        wait=lambda _seconds: None,
    )  # fmt: skip
    yield opened
    opened.close()


@pytest.fixture
def serve(world: World) -> Iterator[Serve]:
    """Serve supply and load; the test moves the clock."""
    opened: list[Served] = []

    def start(*, exclusive: bool = False, speed: float = 1.0, log: Path | None = None) -> Served:
        served = serve_by_hand(world, speed=speed, log=log)
        opened.append(served)
        for name in ("supply", "load"):
            line = world.exchange.connect(LINKS[name])
            assert line is not None
            served.server.offer_socket(name, line.device, "127.0.0.1", 0, exclusive=exclusive and name == "supply")
        return served

    yield start
    for served in opened:
        served.close()


ON = (b"SYST:LOCK ON\n", b"VOLT 100;CURR 4;POW 30kW\n", b"OUTP ON\n")


# --- answers ------------------------------------------------------------------------------------------------------


def test_an_instrument_answers_on_a_real_socket(serve: Serve) -> None:
    served = serve()
    assert served.ask(served.connect("supply"), b"*IDN?\n").startswith(b"EA Elektro-Automatik")
    assert served.ask(served.connect("load"), b"*IDN?\n").startswith(b"CHROMA")


def test_the_supply_closes_a_socket_that_was_silent_for_five_seconds(serve: Serve) -> None:
    """Of real time, whatever the speed of the bench; its manual says so on p9 and p14, and the load's does not."""
    served = serve(speed=10.0)
    supply, load = served.connect("supply"), served.connect("load")
    assert served.ask(load, b"*IDN?\n")
    for _ in range(3):
        served.let_pass(4.9)
        assert served.ask(supply, b"SYST:NOM:VOLT?\n") == b"200.00V\n"
    served.let_pass(5.1)
    assert served.read(supply) == b""
    assert [(event["instrument"], event["text"]) for event in served.logged("disconnected")] == [
        ("supply", "silent for 5 s")
    ]
    assert served.ask(load, b"*IDN?\n").startswith(b"CHROMA")
    assert served.ask(served.connect("supply"), b"SYST:NOM:VOLT?\n") == b"200.00V\n"


def test_a_message_in_pieces_is_one_message_and_two_in_a_packet_are_two(serve: Serve) -> None:
    served = serve()
    client = served.connect("supply")
    for piece in (b"SYST:NOM", b":VOLT", b"?"):
        client.sendall(piece)
        served.server.turn()
    assert served.ask(client, b"\n") == b"200.00V\n"
    client.sendall(b"SYST:NOM:VOLT?\nSYST:NOM:CURR?\n")
    assert served.read(client, b"A\n") == b"200.00V\n420.00A\n"


def test_each_client_gets_its_own_answers(serve: Serve) -> None:
    served = serve()
    one, other = served.connect("supply"), served.connect("supply")
    one.sendall(b"SYST:NOM:V")
    assert served.ask(other, b"SYST:NOM:CURR?\n") == b"420.00A\n"
    other.close()
    assert served.ask(one, b"OLT?\n") == b"200.00V\n"


def test_who_writes_much_at_once_keeps_nobody_waiting(serve: Serve) -> None:
    """The table of an emulator is 80 kB, and a BMS counts each 10 ms in which it has not heard its request."""
    served = serve()
    much, little = served.connect("supply"), served.connect("load")
    much.sendall(b"SYST:NOM:VOLT?\n" * 2000)
    little.sendall(b"*IDN?\n")
    for _ in range(4):
        served.server.turn()
    before = served.logged("command")
    assert "load" in {event["instrument"] for event in before}
    assert len(before) < 400
    served.turn_until(lambda: len(served.logged("command")) == 2001)  # and nothing of it is lost


class Loquacious:
    """Answers every byte with a thousand."""

    def __init__(self) -> None:
        self.asked = 0

    def receive(self, data: bytes) -> bytes:
        self.asked += len(data)
        return b"." * 1000 * len(data)

    def close(self) -> None:
        """Nothing to do."""


def test_who_does_not_read_is_not_listened_to_and_loses_nothing() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        selectors.DefaultSelector() as selector,
        socket.create_connection(listener.getsockname()) as client,
    ):
        talker = Loquacious()
        wire = Wire(TcpEnd(listener.accept()[0], "client"), selector, lambda _wire, _why: None)
        wire.conversation = talker
        listened, received = -1, 0
        while talker.asked > listened:  # until it has stopped reading
            listened = talker.asked
            client.sendall(b"?" * 1000)
            for key, events in selector.select(0.05):
                key.data(events)
        assert listened >= MOST_UNSENT / 1000
        client.setblocking(False)
        while received < 1000 * talker.asked:
            for key, events in selector.select(0):
                key.data(events)
            with suppress(BlockingIOError):
                received += len(client.recv(1 << 20))
        assert talker.asked > listened, "it must listen again once its answers are read"
        wire.close("done")


def babble(served: Served, client: socket.socket) -> None:
    """Send without end, as fast as it is taken."""
    with selectors.DefaultSelector() as ready:
        ready.register(client, selectors.EVENT_WRITE)
        for _ in range(2 * MOST_UNFINISHED // SHARE):
            if ready.select(0):
                client.send(b"x" * 60000)
            served.server.turn()
        client.send(b"x")


def test_a_message_without_end_ends_the_connection_and_nothing_else(serve: Serve) -> None:
    served = serve()
    babbler, other = served.connect("supply"), served.connect("supply")
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        babble(served, babbler)
    assert "65536 bytes" in served.logged("disconnected")[0]["text"]
    assert served.ask(other, b"SYST:NOM:VOLT?\n") == b"200.00V\n"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=10))
def test_garbage_takes_no_instrument_down(packets: list[bytes]) -> None:
    # Dummy cells have no plate: what comes to a coolant unit is tested with its simulator.
    everybody = {name: each for name, each in SIMULATORS.items() if name != "coolant"}
    with_all = open_world(
        {"simulators": everybody, "plant": "emulator"}, links=LINKS, cell=CELL, series=SERIES, parallel=1,
        serial_number="x", seed=1, defects=(), wait=lambda _seconds: None,
    )  # fmt: skip
    served = serve_by_hand(with_all)
    try:
        for name in everybody:
            line = with_all.exchange.connect(LINKS[name])
            if line is None:
                continue
            served.server.offer_socket(name, line.device, "127.0.0.1", 0, exclusive=False)
            client = served.connect(name)
            for packet in packets:
                client.sendall(packet)
                served.server.turn()
            client.sendall(with_all.part(name).ends_on)
            served.server.turn()
        assert not served.logged("disconnected")
    finally:
        served.close()


def test_small_packets_are_not_held_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        end = TcpEnd(accepted, "client")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        end.close()


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_the_bench_keeps_up_with_the_clock_at_its_speed(serve: Serve, speed: float) -> None:
    served = serve(speed=speed)
    served.let_pass(2.0)
    assert served.world.time == pytest.approx(2.0 * speed)


def test_a_process_that_was_suspended_catches_up(serve: Serve) -> None:
    served = serve()
    served.clock.now += 3600.0
    served.server.turn()
    assert served.world.time == pytest.approx(3600.0)


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_the_bms_sends_each_message_in_its_cycle(serve: Serve, speed: float) -> None:
    served, stamps = serve(speed=speed), {STATE: list[float](), ESTIMATION: list[float]()}
    channel = served.world.exchange.channel("test")
    assert channel is not None
    channel.members["listener"] = lambda frame: stamps.get(frame.arbitration_id, []).append(frame.timestamp)
    served.let_pass(3.0 / speed, tick=0.05 / speed)
    assert stamps[STATE] == pytest.approx([0.05, *(0.1 * count for count in range(1, 31))])
    assert stamps[ESTIMATION] == pytest.approx([0.05, 1.0, 2.0, 3.0])


def close_contactor(served: Served, channel: CanChannel) -> None:
    """Ask each 100 ms of real time, for STANDBY and then for CHARGE."""
    for mode in [0] * 12 + [2] * 18:
        channel.send("test", Message(arbitration_id=0x210, data=[mode, *[0] * 7], is_extended_id=False))
        served.let_pass(0.1)


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_a_bms_waits_for_requests_in_real_time_at_any_speed(serve: Serve, world: World, speed: float) -> None:
    bms, channel = world.part("bms"), world.exchange.channel("test")
    assert bms is not None
    assert channel is not None
    bms.request_timeout = 5.0
    served = serve(speed=speed)
    close_contactor(served, channel)
    assert bms.connected
    served.let_pass(4.5)
    assert bms.connected
    served.let_pass(1.5)
    assert not bms.connected


def test_a_command_acts_when_it_comes_and_not_at_the_next_tick(serve: Serve) -> None:
    served = serve()
    client = served.connect("supply")
    served.let_pass(1.0)
    served.clock.now += 0.02  # less than a tick
    served.say(client, b"SYST:LOCK ON\n")
    assert served.logged("command")[-1]["bench"] == pytest.approx(1.02)


def test_the_charge_that_flows_is_current_times_time(serve: Serve, world: World) -> None:
    served = serve(speed=60.0)
    closed = world.exchange.channel("test")
    assert closed is not None
    close_contactor(served, closed)
    client, before = served.connect("supply"), float(world.plant.soc[0])
    served.say(client, *ON)
    served.let_pass(1.0)
    charged = (float(world.plant.soc[0]) - before) * float(world.plant.capacity[0])
    assert charged == pytest.approx(4.0 * 60 / 3600, rel=0.02)


# --- what is logged -----------------------------------------------------------------------------------------------


def test_every_command_is_logged_as_it_came(serve: Serve, tmp_path: Path) -> None:
    served = serve(log=tmp_path / "served.jsonl")
    client = served.connect("supply")
    served.let_pass(1.5)
    served.ask(client, b"*IDN?\n")
    served.say(client, b"NONSENSE \xff\n")
    address = "{}:{}".format(*client.getsockname())
    commands = [event for event in lines(tmp_path / "served.jsonl") if event["type"] == "command"]
    assert [(event["instrument"], event["peer"], event["message"]) for event in commands] == [
        ("supply", address, "*IDN?"),
        ("supply", address, "NONSENSE \xff"),
    ]
    assert commands[0]["monotonic"] == 1001.5
    assert commands[0]["bench"] == pytest.approx(1.5)
    assert commands[0]["utc"].endswith("Z")


def test_an_output_is_logged_with_the_command_that_switched_it(serve: Serve) -> None:
    served = serve()
    served.server.turn()
    served.say(served.connect("supply"), *ON)
    kinds = [(event["type"], event.get("message"), event.get("supply")) for event in served.events]
    switched = kinds.index(("command", "OUTP ON", None))
    assert kinds[switched + 1] == ("state", None, True)
    state = served.events[switched + 1]
    assert state["load"] is False
    assert state["contactor"] is False
    assert state["emulator"] is None
    assert state["voltage"] == pytest.approx(100.0, abs=0.1)


def test_nothing_is_logged_while_nothing_changes(serve: Serve) -> None:
    served = serve()
    served.let_pass(5.0)
    assert len(served.logged("state")) == 1


def test_an_output_outlives_the_client_that_switched_it_on(serve: Serve) -> None:
    served = serve()
    client = served.connect("supply")
    served.say(client, *ON)
    client.close()
    served.turn_until(lambda: bool(served.logged("disconnected")))
    served.let_pass(10.0)
    assert served.world.outputs().supply is True
    assert served.logged("state")[-1]["supply"] is True
    assert served.logged("disconnected")[0]["text"] == "closed by the peer"


def test_a_log_that_the_disk_refuses_does_not_end_the_bench(serve: Serve) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    served = serve(log=Path("/dev/full"))
    client = served.connect("supply")
    assert served.ask(client, b"SYST:NOM:VOLT?\n") == b"200.00V\n"
    assert [event["text"] for event in served.logged("log lost")] == [
        "the log cannot be written any more: No space left on device"
    ]
    assert served.logged("command")


def test_a_watcher_that_has_gone_does_not_end_the_bench(tmp_path: Path) -> None:
    def gone(_event: dict[str, Any]) -> None:
        raise BrokenPipeError

    log = ServeLog(tmp_path / "log.jsonl", gone)
    log.write("first")
    log.write("second")
    assert len(lines(tmp_path / "log.jsonl")) == 2
    log.close()


def test_a_log_line_is_on_disk_before_the_next_thing_happens(tmp_path: Path) -> None:
    log = ServeLog(tmp_path / "log.jsonl")
    log.write("first", value=1.5)
    assert [event["type"] for event in lines(tmp_path / "log.jsonl")] == ["first"]
    log.close()
    log.close()


# --- one connection at a time -------------------------------------------------------------------------------------


def refused(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_an_exclusive_instrument_resets_a_second_client(serve: Serve) -> None:
    served = serve(exclusive=True)
    first = served.connect("supply")
    assert served.ask(first, b"SYST:NOM:VOLT?\n") == b"200.00V\n"
    second = served.connect("supply")
    served.turn_until(partial(refused, second))
    assert served.logged("refused")[0]["peer"] == "{}:{}".format(*second.getsockname())
    assert served.ask(first, b"SYST:NOM:CURR?\n") == b"420.00A\n"


def test_an_exclusive_instrument_is_free_as_soon_as_its_client_hangs_up(serve: Serve) -> None:
    served = serve(exclusive=True)
    first = served.connect("supply")
    served.ask(first, b"*IDN?\n")
    served.server.turn()  # so that the next turn hears of the second client first, and then that the other has gone
    second = served.connect("supply")
    first.sendall(b"SYST:LOCK ON\n")
    first.close()
    assert served.ask(second, b"SYST:NOM:VOLT?\n") == b"200.00V\n"
    assert not served.logged("refused")


def test_only_what_is_exclusive_is(serve: Serve) -> None:
    served = serve(exclusive=True)
    for client in (served.connect("load"), served.connect("load")):
        assert served.ask(client, b"*IDN?\n").startswith(b"CHROMA")


# --- offering -----------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"load cannot be served on 127.0.0.1 port {port}: ") as caught:
            serve_world(world, links={"load": LOAD}, ports={"load": port}, host="127.0.0.1", speed=1.0)
    assert caught.value.errno == errno.EADDRINUSE
    assert world.exchange.connect(LOAD) is None, "the world must not be left open"


def test_every_simulator_gets_the_wire_of_its_link(world: World) -> None:
    heard: list[dict[str, Any]] = []
    server = serve_world(
        world, links={**LINKS, "supply": LINKS["supply"]}, ports={}, host="127.0.0.1", speed=1.0, listener=heard.append
    )
    assert set(server.addresses) == {"supply", "load", "bms"}, "what has no simulator is not served"
    assert server.addresses["bms"]["can"]["channel"] == "test"
    assert server.addresses["supply"]["resource"].startswith("TCPIP0::127.0.0.1::")
    server.close()
    assert heard[-1]["type"] == "ended"


def test_clients_see_the_end_of_the_bench(serve: Serve) -> None:
    served = serve()
    client = served.connect("supply")
    served.ask(client, b"*IDN?\n")
    served.server.close()
    assert client.recv(1) == b""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_serial_instrument_is_a_terminal_that_clients_may_leave_and_open_again(serve: Serve) -> None:
    served = serve()
    line = served.world.exchange.connect(LINKS["supply"])
    assert line is not None
    served.server.offer_serial("serial supply", line.device)
    path = served.server.addresses["serial supply"]["resource"].removeprefix("ASRL").removesuffix("::INSTR")
    for _ in range(2):
        with serial.Serial(path, timeout=0) as port:
            port.write(b"SYST:NOM:VOLT?\n")
            received = bytearray()
            served.turn_until(lambda port=port, received=received: received.extend(port.read(100)) or bool(received))
            assert bytes(received) == b"200.00V\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_session_opens_the_terminal_by_the_address_that_was_announced(serve: Serve) -> None:
    served = serve()
    line = served.world.exchange.connect(LINKS["supply"])
    assert line is not None
    served.server.offer_serial("serial supply", line.device)
    context = LinkContext("@py", now=served.clock, sleep=lambda _seconds: None)
    session = Session(served.server.addresses["serial supply"]["resource"], context, LinkProfile(), name="supply")
    session.request("SYST:NOM:VOLT?")
    served.turn_until(lambda: bool(served.logged("command")))
    assert session.collect() == "200.00V"
    session.close()


# --- defects of served lines --------------------------------------------------------------------------------------


def test_a_served_line_can_die_and_be_opened_again(serve: Serve, world: World) -> None:
    served = serve()
    client = served.connect("supply")
    served.ask(client, b"*IDN?\n")
    world.inject("reconnect:supply")
    assert served.ask(client, b"*IDN?\n") == b""
    assert served.ask(served.connect("supply"), b"*IDN?\n").startswith(b"EA Elektro-Automatik")


def test_a_served_line_can_die_for_good(serve: Serve, world: World) -> None:
    served = serve()
    world.inject("disconnect:supply")
    assert served.ask(served.connect("supply"), b"*IDN?\n") == b""
    world.repair("disconnect")
    assert served.ask(served.connect("supply"), b"*IDN?\n").startswith(b"EA Elektro-Automatik")


def test_replies_on_a_served_line_can_be_disturbed(serve: Serve, world: World) -> None:
    served = serve()
    client = served.connect("supply")
    world.inject("duplicate-reply:supply")
    assert served.ask(client, b"SYST:NOM:VOLT?\n") == b"200.00V\n200.00V\n"
    assert served.ask(client, b"SYST:NOM:VOLT?\n") == b"200.00V\n"
