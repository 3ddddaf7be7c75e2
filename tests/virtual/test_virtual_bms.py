"""The foxBMS node: frames bit by bit, state machine, limits and faults."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import can
import cantools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.drivers.foxbms import layout
from instruments.virtual.simulators.foxbms.charge_limit import ChargeLimit
from instruments.virtual.simulators.foxbms.node import field
from models.cell import load_cell

OpenBench = Callable[..., Any]
STANDBY, DISCHARGE, CHARGE = 0, 1, 2
STATES = {5: "STANDBY", 6: "PRECHARGE", 8: "DISCHARGE", 9: "CHARGE", 10: "ERROR"}


class Node:
    """The other end of the bus: requests modes, and decodes with the DBC that the driver uses, as a referee."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.bus = can.Bus(interface="packbench", channel="test")
        self.database = cantools.database.load_file(Path(layout.__file__).with_name("foxbms.dbc"))

    def request(self, mode: int, flags: int = 0) -> None:
        self.bus.send(can.Message(arbitration_id=0x210, data=[mode | flags] + [0] * 7, is_extended_id=False))

    def frames(self) -> dict[int, can.Message]:
        """The newest frame of each id."""
        return {message.arbitration_id: message for message in iter(lambda: self.bus.recv(timeout=0), None)}

    def signals(self) -> dict[str, Any]:
        decoded: dict[str, Any] = {}
        for identifier, message in sorted(self.frames().items()):
            values = self.database.decode_message(identifier, message.data, decode_choices=False)
            decoded |= {("Pack" + name if identifier == 0x234 else name): value for name, value in values.items()}
        return decoded

    def after(self, seconds: float) -> dict[str, Any]:
        self.frames()
        self.bench.world.advance(seconds)
        return self.signals()


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Node]]:
    nodes: list[Node] = []

    def make(bench: Any) -> Node:
        nodes.append(Node(bench))
        return nodes[-1]

    yield make
    for node in nodes:
        node.bus.shutdown()


Connect = Callable[[Any], Node]


def test_big_endian_fields_by_hand() -> None:
    """f_PackLimits: MaximumDischargeCurrent 7|12 fills byte 0 and the upper half of byte 1; charge 11|12 the rest."""
    frame = field(7, 12, 0.25)(0x123 * 0.25) | field(11, 12, 0.25)(0xABC * 0.25)
    assert frame.to_bytes(8, "big").hex(" ") == "12 3a bc 00 00 00 00 00"
    assert field(3, 4)(9).to_bytes(8, "big")[0] == 0x09
    assert field(40, 17, 0.01, signed=True)(-0.01).to_bytes(8, "big").hex(" ") == "00 00 00 00 00 01 ff ff"


def test_fields_saturate_and_do_not_wrap() -> None:
    assert field(7, 8)(300) == field(7, 8)(255)
    assert field(7, 8)(-1) == 0
    assert field(7, 8, signed=True)(-999) == field(7, 8, signed=True)(-128)


def test_pack_values_frame_by_hand(open_bench: OpenBench, connect: Connect) -> None:
    """0x233: battery voltage 7|15 x 0.1 V, bus 8|15, current 40|17 x 0.01 A with discharge positive."""
    bench = open_bench("supply", "bms", series=24)
    node = connect(bench)
    node.request(CHARGE)
    bench.world.advance(1)
    bench.source(voltage=110, current=5)
    bench.world.advance(1)
    data = int.from_bytes(node.frames()[0x233].data, "big")
    battery = data >> 49
    current = data & 0x1FFFF  # bit 40 is the lowest of byte 5: with bytes 6 and 7 the last 17 bits
    assert battery * 0.1 == pytest.approx(float(bench.world.plant.voltage.sum()), abs=0.06)
    assert current - (1 << 17) == -500


def test_every_message_at_its_cycle(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("bms")
    node = connect(bench)
    seen: dict[int, int] = {}
    for _ in range(30):
        bench.world.advance(0.1)
        for identifier in node.frames():
            seen[identifier] = seen.get(identifier, 0) + 1
    assert seen == dict.fromkeys([0x220, *range(0x230, 0x235)], 30) | {0x235: 4}  # at once, then every second


def test_after_a_long_step_only_the_newest_frame_is_sent(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("bms")
    node = connect(bench)
    bench.world.advance(60)
    received = list(iter(lambda: node.bus.recv(timeout=0), None))
    assert sorted(message.arbitration_id for message in received) == [0x220, *range(0x230, 0x236)]
    assert {message.timestamp for message in received} == {60.0}


def test_requests_close_and_open_the_contactor(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("supply", "bms")
    node = connect(bench)
    bench.source(voltage=110, current=5)
    assert STATES[node.after(1)["BmsState"]] == "STANDBY"
    assert bench.world.point.battery == 0.0
    node.request(CHARGE)
    assert STATES[node.after(0.1)["BmsState"]] == "PRECHARGE"
    assert bench.world.point.battery == 0.0
    signals = node.after(1)
    assert (STATES[signals["BmsState"]], signals["NumberOfConnectedStrings"]) == ("CHARGE", 1)
    bench.world.advance(1)
    assert bench.world.point.battery == 5.0
    node.request(DISCHARGE)
    assert STATES[node.after(1)["BmsState"]] == "DISCHARGE"
    node.request(STANDBY)
    assert bench.numbers("supply", "MEAS:CURR?") == [0.0]
    assert STATES[node.after(1)["BmsState"]] == "STANDBY"
    assert bench.world.point.battery == 0.0


def test_what_it_reports_is_what_the_cells_are(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("supply", "bms", spread={}, temperature=18.0)
    node = connect(bench)
    node.request(CHARGE)
    bench.world.advance(1)
    bench.source(voltage=110, current=4)
    signals = node.after(5)
    plant = bench.world.plant
    assert signals["MinimumCellVoltage"] == round(plant.voltage.min() * 1000)
    assert signals["MaximumCellVoltage"] == round(plant.voltage.max() * 1000)
    highest = signals["MaximumCellVoltageModuleIndex"] * 12 + signals["MaximumCellVoltageCellIndex"]
    assert highest == plant.voltage.argmax()
    assert signals["MinimumCellTemperature"] == round(plant.temperature.min())
    assert signals["MaximumSoc"] == pytest.approx(plant.soc.max() * 100, abs=0.06)
    assert signals["MinimumSoc"] == pytest.approx(plant.soc.min() * 100, abs=0.06)
    assert signals["Current"] == -4.0
    assert signals["PackInsulationResistance"] == pytest.approx(20000, abs=4)


@pytest.mark.parametrize(
    ("cell", "highest_allowed", "defects"),
    [
        ("nmc811-21700", 4.2, ["weak-cell:7:0.7", "high-resistance:3:2.0"]),
        ("lnmo-1ah", 4.9, []),
        ("lfp-26650", 3.6, ["weak-cell:7:0.7"]),
    ],
)
def test_a_follower_of_the_charge_limit_never_overshoots_a_cell(
    open_bench: OpenBench, connect: Connect, cell: str, highest_allowed: float, defects: list[str]
) -> None:
    """5 mV is what the node leaves to the charger's own constant voltage."""
    bench = open_bench("supply", "bms", soc=0.8, spread={}, defects=defects, cell=cell)
    node = connect(bench)
    node.request(CHARGE)
    node.after(1)
    bench.source(voltage=24 * (highest_allowed + 0.2), current=0)
    highest = 0.0
    for _ in range(5000):
        signals = node.after(1)
        highest = max(highest, float(bench.world.plant.voltage.max()))
        if signals["ChargingComplete"]:
            break
        bench.say("supply", f"CURR {signals['MaximumChargeCurrent']}")
    assert signals["ChargingComplete"]
    assert highest_allowed - 0.01 < highest <= highest_allowed + 0.005
    assert float(bench.world.plant.soc.max()) > 0.95


@pytest.mark.parametrize("period", [0.1, 0.3, 1.0])
def test_a_step_of_the_current_is_not_taken_for_a_rise_however_often_it_is_followed(
    open_bench: OpenBench, connect: Connect, period: float
) -> None:
    """A step raises the voltage at once, by resistance alone; seen as a rise per time it would forbid any current."""
    bench = open_bench("supply", "bms", soc=0.3, spread={}, cell="lfp-26650")
    node = connect(bench)
    node.request(CHARGE)
    node.after(1)
    bench.source(voltage=24 * 3.6, current=0)
    followed = []
    for _ in range(round(20 / period)):
        followed.append(node.after(period).get("MaximumChargeCurrent", followed[-1] if followed else 0.0))
        bench.say("supply", f"CURR {followed[-1]}")
    assert followed[-1] > 2.0
    assert all(later >= 0.9 * earlier for earlier, later in itertools.pairwise(followed))


@given(coldest=st.floats(-40.0, 80.0), warmer=st.floats(0.0, 30.0), soc=st.floats(-0.1, 1.1))
def test_the_charge_limit_is_the_lower_of_its_two_temperatures(coldest: float, warmer: float, soc: float) -> None:
    cell = load_cell("lfp-26650")
    of_each = cell.charge_limit.c_rate_at([coldest, coldest + warmer], [soc, soc])
    assert ChargeLimit(cell)(coldest, coldest + warmer, soc) == pytest.approx(of_each.min(), abs=1e-12)


def test_the_charge_limit_falls_with_cold(open_bench: OpenBench, connect: Connect) -> None:
    limits = []
    for temperature in (25.0, 0.0, -25.0):
        bench = open_bench("bms", temperature=temperature)
        limits.append(connect(bench).after(1)["MaximumChargeCurrent"])
        bench.world.close()
    assert limits[0] > limits[1] > limits[2] == 0.0


def test_the_discharge_limit_falls_near_empty(open_bench: OpenBench, connect: Connect) -> None:
    full, empty = (open_bench("bms", soc=0.9), None)
    high = connect(full).after(1)["MaximumDischargeCurrent"]
    full.world.close()
    empty = open_bench("bms", soc=0.0)
    assert connect(empty).after(1)["MaximumDischargeCurrent"] < high / 2


def test_over_voltage_opens_the_contactor_until_flags_are_reset(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("supply", "bms", soc=0.9)
    node = connect(bench)
    node.request(CHARGE)
    node.after(1)
    bench.source(voltage=140, current=5)
    bench.world.advance(1200)
    signals = node.after(1)
    assert (STATES[signals["BmsState"]], signals["GeneralError"], signals["EmergencyShutoff"]) == ("ERROR", 1, 1)
    assert bench.world.point.battery == 0.0
    node.request(CHARGE)
    assert STATES[node.after(1)["BmsState"]] == "ERROR"
    bench.say("supply", "OUTP OFF")
    bench.world.advance(600)
    node.request(STANDBY, flags=0x04)
    signals = node.after(1)
    assert (STATES[signals["BmsState"]], signals["EmergencyShutoff"]) == ("STANDBY", 0)


def test_over_current_is_told_by_direction(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("load", "bms", soc=0.9)
    node = connect(bench)
    node.request(DISCHARGE)
    node.after(1)
    bench.say("load", "CURR:STAT:L1 55", "LOAD ON")
    signals = node.after(3)
    assert (signals["PackOvercurrentDischargeError"], signals["PackOvercurrentChargeError"]) == (1, 0)


def test_low_insulation_is_an_error_flag(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("bms", defects=["insulation:50000"])
    signals = connect(bench).after(2)
    assert signals["InsulationError"] == 1
    assert signals["PackInsulationResistance"] == 49


def test_an_error_is_named_by_its_diagnosis_id_and_again_every_100_ms(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("bms")
    node = connect(bench)
    assert 0x222 not in node.frames()
    node.after(0.1)
    bench.world.part("bms").fail("over-voltage")
    for _ in range(2):
        assert node.after(0.1)["FatalErrorCode"] == 17  # DIAG_ID_CELL_VOLTAGE_OVERVOLTAGE_MSL
    bench.world.part("bms").recover()
    assert "FatalErrorCode" not in node.after(0.1)


@pytest.mark.parametrize(
    ("fault", "signal", "code"),
    [("interlock", "InterlockState", 53), ("clamp 30c", "Clamp30cError", 83), ("can timing", "CanTimingError", 5)],
)
def test_what_the_bench_does_wrong_has_a_bit_and_an_id(
    open_bench: OpenBench, connect: Connect, fault: str, signal: str, code: int
) -> None:
    bench = open_bench("bms")
    node = connect(bench)
    bench.world.part("bms").fail(fault)
    signals = node.after(0.1)
    assert (STATES[signals["BmsState"]], signals[signal], signals["FatalErrorCode"]) == ("ERROR", 1, code)


def test_a_node_that_hears_no_request_any_more_opens_its_contactor(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("supply", "bms", overrides={"bms": {"request_timeout": 1.4}})
    node = connect(bench)
    assert STATES[node.after(10)["BmsState"]] == "STANDBY"  # nobody has asked for anything yet
    for _ in range(30):
        node.request(CHARGE)
        node.after(0.1)
    bench.source(voltage=110, current=4)
    node.request(CHARGE)
    assert STATES[node.after(1.3)["BmsState"]] == "CHARGE"
    signals = node.after(0.2)
    assert (STATES[signals["BmsState"]], signals["CanTimingError"]) == ("ERROR", 1)
    assert bench.world.outputs().battery == 0.0
    # Requests that come again are not enough at once, nor is another than STANDBY.
    for mode, state in ((STANDBY, "ERROR"), (CHARGE, "ERROR"), (STANDBY, "STANDBY")):
        for _ in range(6):
            node.request(mode)
            signals = node.after(0.1)
        assert STATES[signals["BmsState"]] == state


@pytest.mark.parametrize("value", [0, -1.0, "soon"])
def test_a_request_timeout_is_a_time(open_bench: OpenBench, value: object) -> None:
    with pytest.raises(ValueError, match=r"virtual\.simulators\.bms\.request_timeout is .*: input should be"):
        open_bench("bms", overrides={"bms": {"request_timeout": value}})


def test_a_silent_node_sends_nothing_more(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("bms", defects=["bms-silent:5"])
    node = connect(bench)
    assert node.after(4)
    assert node.after(10) == {}


def test_frames_with_another_id_or_no_data_are_ignored(open_bench: OpenBench, connect: Connect) -> None:
    bench = open_bench("bms")
    node = connect(bench)
    node.bus.send(can.Message(arbitration_id=0x211, data=[2], is_extended_id=False))
    node.bus.send(can.Message(arbitration_id=0x210, data=[], is_extended_id=False))
    assert STATES[node.after(2)["BmsState"]] == "STANDBY"
