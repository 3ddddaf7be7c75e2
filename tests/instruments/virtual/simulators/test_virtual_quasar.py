"""The wall box: its registers by another Modbus implementation, its quirks, its physics at the pack's terminals."""

import selectors
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymodbus.client import ModbusTcpClient

from instruments.virtual import serve_world
from tests.instruments.virtual.serving_bench import HandClock, serve_by_hand

OpenBench = Callable[..., Any]
CONTROL, AUTOSTART, BY_POWER, TIMEOUT, LOCK, ACTION, POWER, MOST = 81, 82, 83, 88, 256, 257, 260, 514
ACTUAL, STATE, CHARGE = 526, 537, 538
START, STOP = 1, 2
CHARGER = {"simulator": "quasar", "accuracy": 0.0, "dead_time": 4.0, "ramp": 100.0}


class Line:
    """A box at the end of its line in this process, and its world."""

    def __init__(self, bench: Any) -> None:
        self.world, self.number = bench.world, 0
        self.port = serial.serial_for_url(bench.world.reached("packbench://wallbox:502", None)[0], timeout=0.0)

    def raw(self, data: bytes) -> bytes:
        self.port.write(data)
        return bytes(self.port.read(self.port.in_waiting))

    def ask(self, pdu: str, unit: int = 1) -> str:
        """The answer of one message, whose header must repeat its own; nothing where there is none."""
        self.number += 1
        data = bytes.fromhex(pdu)
        reply = self.raw(struct.pack(">HHHB", self.number, 0, len(data) + 1, unit) + data)
        if reply:
            assert reply[:7] == struct.pack(">HHHB", self.number, 0, len(reply) - 6, unit)
        return reply[7:].hex(" ").upper()

    def get(self, address: int) -> int:
        answer = bytes.fromhex(self.ask(f"03 {address:04X} 0001"))
        assert answer[:2] == b"\x03\x02"
        return int.from_bytes(answer[2:], "big", signed=address in {POWER, ACTUAL})

    def put(self, address: int, value: int) -> None:
        message = f"06 {address:04X} {value & 0xFFFF:04X}"
        assert self.ask(message) == bytes.fromhex(message).hex(" ").upper()

    def take(self) -> None:
        for address, value in ((CONTROL, 1), (AUTOSTART, 0), (BY_POWER, 1)):
            self.put(address, value)

    def start(self, power: int) -> None:
        self.take()
        self.put(POWER, power)
        self.put(ACTION, START)


@pytest.fixture
def open_line(open_bench: OpenBench, kept: Callable[[Line], Line]) -> Callable[..., Line]:
    def open_one(*defects: str, soc: float = 0.5, beside: tuple[str, ...] = (), **chosen: object) -> Line:
        bench = open_bench(
            "wallbox", *beside, overrides={"wallbox": {**CHARGER, **chosen}}, defects=defects, soc=soc
        )  # fmt: skip
        return kept(Line(bench))

    return open_one


@pytest.fixture
def line(open_line: Callable[..., Line]) -> Line:
    return open_line()


# --- frames and exceptions --------------------------------------------------------------------------------------------


def test_a_whole_exchange_to_the_byte(line: Line) -> None:
    """Modbus Messaging on TCP/IP: transaction, protocol 0, length, unit, then function and data."""
    request = bytes.fromhex("12 34 00 00 00 06 01 03 02 19 00 01")
    assert line.raw(request) == bytes.fromhex("12 34 00 00 00 05 01 03 02 00 04")


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("05 00 51 FF 00", "85 01"),  # no coils
        ("2B 0E 01 00", "AB 01"),
        ("03 00 00 00 01", "83 02"),
        ("03 02 19 00 07", "83 02"),  # 537 to 543
        ("03 02 19 00 00", "83 03"),
        ("03 02 19 00 7E", "83 03"),
        ("03 02 19", "83 03"),
        ("06 02 0E 00 01", "86 02"),  # actual power is read only
        ("06 00 51 00 02", "86 03"),
        ("06 01 04 1C E9", "86 03"),  # 7401 W
        ("06 01 04 E3 17", "86 03"),  # -7401 W
        ("06 02 02 05 63", "86 03"),  # 1379 W
        ("10 01 04 00 01 02 00", "90 03"),
        ("10 01 04 00 00 00", "90 03"),
    ],
)
def test_exceptions_change_nothing(line: Line, message: str, answer: str) -> None:
    assert line.ask(message) == answer
    assert [line.get(address) for address in (CONTROL, POWER, MOST, STATE)] == [0, 0, 7400, 4]


def test_another_unit_is_not_answered(line: Line) -> None:
    assert line.ask("03 02 19 00 01", unit=2) == ""


@pytest.mark.parametrize(
    "broken", ["0001 0001 0006 01 03 0219 0001", "0001 0000 0001 01 03", "0001 0000 0FFF 01 03 0219"]
)
def test_what_is_no_header_costs_what_came_with_it_and_no_more(line: Line, broken: str) -> None:
    assert line.raw(bytes.fromhex(broken)) == b""
    assert line.get(STATE) == 4


def test_a_message_may_come_in_pieces_and_several_at_once(line: Line) -> None:
    request = bytes.fromhex("00 07 00 00 00 06 01 03 02 19 00 01")
    replies = [line.raw(bytes((byte,))) for byte in request]
    assert replies[:-1] == [b""] * 11
    assert line.raw(request * 3) == replies[-1] * 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=1, max_size=30).map(
    lambda pdu: struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu
)), max_size=30))  # fmt: skip
def test_a_flood_is_answered_by_whole_frames_and_switches_nothing_on(line: Line, data: list[bytes]) -> None:
    """Only a word to start in remote control can; none of these is followed by time."""
    for each in data:
        reply = line.raw(each)
        while reply:
            (length,) = struct.unpack(">H", reply[4:6])
            assert len(reply) >= 6 + length
            reply = reply[6 + length :]
    line.raw(b"\xff" * 7)  # what was left unfinished ends here
    assert line.world.point.battery == 0.0


# --- quirks -----------------------------------------------------------------------------------------------------------


def test_a_set_point_is_ignored_until_control_is_remote_and_a_power(line: Line) -> None:
    for address, value in ((BY_POWER, 1), (POWER, 2000), (ACTION, START)):
        line.put(address, value)
        assert line.get(address) == 0
    assert line.get(STATE) == 4
    line.put(CONTROL, 1)
    line.put(POWER, 2000)
    assert line.get(POWER) == 0  # its set point is a current still
    line.put(BY_POWER, 1)
    line.put(POWER, -2000)
    assert line.get(POWER) == -2000


def test_given_back_to_its_user_it_stops_and_will_start_by_itself(line: Line) -> None:
    line.start(300)
    line.world.advance(20)
    assert line.get(ACTUAL) == pytest.approx(300, abs=2)
    line.put(CONTROL, 0)
    assert [line.get(address) for address in (ACTUAL, STATE, AUTOSTART, POWER)] == [0, 4, 1, 0]


@pytest.mark.parametrize(("power", "state"), [(300, 1), (-300, 11)])
def test_its_dead_time_passes_then_it_goes_along_its_ramp(
    open_line: Callable[..., Line], power: int, state: int
) -> None:
    line = open_line()
    line.start(power)
    line.world.advance(3.9)
    assert (line.get(ACTUAL), line.get(STATE)) == (0, state)
    line.world.advance(1.1)
    assert abs(line.get(ACTUAL)) <= 100
    line.world.advance(5.0)
    assert line.get(ACTUAL) == pytest.approx(power, abs=2)
    line.put(ACTION, STOP)
    assert (line.get(ACTUAL), line.get(STATE)) == (0, 4)


@pytest.mark.parametrize("step", [0.1, 0.7, 1.0, 7.0])
def test_its_way_does_not_depend_on_how_time_passes(open_line: Callable[..., Line], step: float) -> None:
    line = open_line()
    line.start(300)
    passed = 0.0
    while passed < 6.0 - 1e-9:
        line.world.advance(min(step, 6.0 - passed))
        passed += min(step, 6.0 - passed)
    # 4 s of dead time, then 2 s of 100 W/s.
    assert line.get(ACTUAL) == pytest.approx(200, abs=2)


def test_the_charge_is_shown_while_power_flows_alone(open_line: Callable[..., Line]) -> None:
    line = open_line(soc=0.62)
    assert line.get(CHARGE) == 0
    line.start(300)
    line.world.advance(10)
    assert line.get(CHARGE) == 62
    always = open_line(soc=0.62, at_rest=True)
    assert always.get(CHARGE) == 62


def test_an_idle_line_stops_it_after_its_timeout_and_any_word_keeps_it(line: Line) -> None:
    line.take()
    line.put(TIMEOUT, 30)
    line.start(300)
    for _ in range(4):
        line.world.advance(20)
        assert line.get(STATE) == 1
    line.world.advance(31)
    assert (line.get(STATE), line.get(ACTUAL)) == (4, 0)


# --- physics ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [400, 150, -150, -400])
def test_what_is_lost_is_standby_a_share_and_one_of_the_square(open_line: Callable[..., Line], power: int) -> None:
    line = open_line(standby=20, proportional=0.05, quadratic=1e-5)
    line.start(power)
    line.world.advance(20)
    point = line.world.point
    lost = 20 + 0.05 * abs(power) + 1e-5 * power**2
    assert point.voltage * point.battery == pytest.approx(power - lost, abs=0.01)
    assert line.get(ACTUAL) == power


@pytest.mark.parametrize(("soc", "power", "end"), [(0.7, 300, "highest"), (0.3, -300, "lowest")])
def test_it_goes_to_its_voltage_limit_and_no_further(
    open_line: Callable[..., Line], soc: float, power: int, end: str
) -> None:
    limits = {"highest": 24 * 4.1, "lowest": 24 * 3.2}
    line = open_line(soc=soc, **limits)
    line.start(power)
    line.world.advance(3 * 3600)
    assert line.world.point.voltage == pytest.approx(limits[end], rel=0.002)
    assert abs(line.get(ACTUAL)) < 60


def test_behind_open_contactors_it_waits_and_begins_once_they_close(open_line: Callable[..., Line]) -> None:
    line = open_line(beside=("bms",))
    line.start(300)
    line.world.advance(30)
    assert (line.get(STATE), line.world.point.voltage) == (2, 0.0)
    bms = line.world.part("bms")
    bms.conducts = lambda _driven: True
    line.world.advance(30)
    assert line.get(STATE) == 1
    assert line.world.point.battery > 1.0
    bms.conducts = bool
    line.world.advance(2)
    assert (line.get(STATE), line.get(ACTUAL), line.world.point.voltage) == (2, 0, 0.0)


# --- what can be wrong with it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "state", "power"),
    [
        ("charger-error", 7, 0), ("charger-unplugged", 0, 0), ("charger-taken-over", 4, 0),
        ("output-dead:wallbox", 1, 0), ("charger-weak:0.5", 1, 150),
    ],
)  # fmt: skip
def test_what_it_shows_and_does_with_a_defect(line: Line, defect: str, state: int, power: int) -> None:
    line.start(300)
    line.world.advance(20)
    line.world.inject(defect)
    line.world.advance(5)
    assert line.get(STATE) == state
    assert line.get(ACTUAL) == pytest.approx(power, abs=20)


def test_one_that_holds_its_set_point_outlasts_its_own_timeout(open_line: Callable[..., Line]) -> None:
    line = open_line("charger-holds-set-point")
    line.take()
    line.put(TIMEOUT, 30)
    line.start(300)
    line.world.advance(600)
    assert line.get(STATE) == 1
    assert line.world.point.battery > 1.0


@pytest.mark.parametrize("defect", ["output-stays-on:wallbox", "output-lies:wallbox"])
def test_one_that_cannot_be_stopped_says_so_or_not(line: Line, defect: str) -> None:
    line.start(300)
    line.world.advance(20)
    line.world.inject(defect)
    line.put(ACTION, STOP)
    line.world.advance(5)
    assert line.get(STATE) == 4
    assert line.world.point.battery > 1.0
    assert line.get(ACTUAL) == (0 if "lies" in defect else pytest.approx(300, abs=5))


@pytest.mark.parametrize(("defect", "shown"), [("charger-charge-unknown", 0), ("charger-charge-jumps:-0.02", 48)])
def test_the_charge_may_be_missing_or_jump(open_line: Callable[..., Line], defect: str, shown: int) -> None:
    assert open_line(defect, at_rest=True).get(CHARGE) == shown


def test_sets_can_be_refused_or_ignored(open_line: Callable[..., Line]) -> None:
    line = open_line("refuses-sets:wallbox")
    assert line.ask("06 00 51 00 01") == "86 03"
    line = open_line("ignores-set:wallbox")
    line.take()
    line.put(POWER, 2000)
    assert (line.get(CONTROL), line.get(POWER)) == (1, 0)


# --- a real socket ----------------------------------------------------------------------------------------------------


class Waiting(selectors.DefaultSelector):
    """Lets the time pass on `clock` that it would wait for, once nothing has come."""

    clock: HandClock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0.0)
        if not found:
            self.clock.now += timeout or 0.0
        return found


@pytest.mark.parametrize("into_tick", [0.0, 0.01, 0.03, 0.045])
def test_a_served_box_begins_its_ramp_with_its_set_point_wherever_in_a_tick_that_comes(
    open_bench: OpenBench, monkeypatch: pytest.MonkeyPatch, into_tick: float
) -> None:
    """What comes with a ramp came up to a tick late, 50 ms; a whole scan of a quick bench is 100."""
    monkeypatch.setattr("instruments.virtual.served.serving.selectors.DefaultSelector", Waiting)
    link = {"wallbox": "packbench://wallbox:502"}
    chosen = {**CHARGER, "dead_time": 0.0, "ramp": 1e6}
    with closing(serve_by_hand(open_bench("wallbox", overrides={"wallbox": chosen}, links=link).world)) as served:
        Waiting.clock = served.clock
        line = served.world.exchange.connect(link["wallbox"])
        served.server.offer_socket("wallbox", line.device, "127.0.0.1", 0, exclusive=False)
        client = served.connect("wallbox")

        def put(address: int, value: int) -> float:
            count = len(served.logged("command")) + 1
            client.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, address, value))
            served.turn_until(lambda: len(served.logged("command")) >= count)
            return float(served.logged("command")[-1]["monotonic"])

        def flows(watts: float) -> float:
            served.turn_until(lambda: abs(power(served.logged("state")[-1]) - watts) < 0.15 * watts)
            return float(served.logged("state")[-1]["monotonic"])

        for address, value in ((CONTROL, 1), (BY_POWER, 1), (POWER, 500), (ACTION, START)):
            put(address, value)
        flows(500)
        served.let_pass(1.0)
        served.clock.now += into_tick
        assert -put(POWER, 900) + flows(900) < 0.005


def power(state: Mapping[str, Any]) -> float:
    return float(state["voltage"]) * float(state["battery"])


def test_another_implementations_client_drives_it_over_tcp(open_bench: OpenBench) -> None:
    link = {"wallbox": "packbench://wallbox:502"}
    bench = open_bench("wallbox", overrides={"wallbox": {**CHARGER, "at_rest": True}}, links=link)
    server = serve_world(bench.world, links=link, ports={}, host="127.0.0.1", speed=10.0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _, host, port, _ = server.addresses["wallbox"]["resource"].split("::")
        with ModbusTcpClient(host, port=int(port)) as client:
            assert client.read_holding_registers(STATE, count=2, device_id=1).registers == [4, 50]
            for address, value in ((CONTROL, 1), (BY_POWER, 1), (POWER, 300), (ACTION, START)):
                assert not client.write_register(address, value, device_id=1).isError()
            while client.read_holding_registers(ACTUAL, device_id=1).registers[0] < 290:
                pass
            assert client.read_holding_registers(STATE, device_id=1).registers == [1]
            assert client.read_holding_registers(600, device_id=1).exception_code == 2
            assert client.read_coils(81, device_id=1).exception_code == 1
    finally:
        server.stop("the test is over")
        thread.join()
        server.close()
