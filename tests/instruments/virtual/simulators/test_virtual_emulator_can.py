"""NGI N83624 on CAN: the guide's frames to the byte, and being the battery."""

from collections.abc import Callable, Iterator
from typing import Any

import can
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.cell import load_cell
from tests.instruments.virtual.conftest import CELL

OpenBench = Callable[..., Any]
CAPACITY = load_cell(CELL).nominal_capacity
"""Ah of a cell of the pack."""


class Bus:
    """A node on the emulator's bus, and the world behind it."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.world = bench, bench.world
        self.node = can.Bus(interface="packbench", channel="cells")

    def say(self, identifier: int, data: str, *, extended: bool = True) -> None:
        self.node.send(can.Message(arbitration_id=identifier, data=bytes.fromhex(data), is_extended_id=extended))

    def to_all(self, register: int, value: int) -> None:
        for channel in range(1, 25):
            self.say(channel << 16 | register, value.to_bytes(4, "little").hex() + "00000000")

    def heard(self) -> dict[int, str]:
        """The newest payload of each identifier that has come."""
        found = {}
        while (message := self.node.recv(0)) is not None:
            assert message.is_extended_id
            found[message.arbitration_id] = message.data.hex(" ").upper()
        return found


@pytest.fixture
def open_bus(open_bench: OpenBench) -> Iterator[Callable[..., Bus]]:
    buses: list[Bus] = []

    def open_one(defects: tuple[str, ...] = (), **chosen: object) -> Bus:
        overrides = {"emulator": {"simulator": "ngi-n83624-can", "current": 5.0, **chosen}}
        bench = open_bench(
            "supply", "emulator", overrides=overrides, links={"emulator": "packbench:cells"}, defects=defects
        )
        buses.append(Bus(bench))
        return buses[-1]

    yield open_one
    for bus in buses:
        bus.node.shutdown()


@pytest.fixture
def bus(open_bus: Callable[..., Bus]) -> Bus:
    return open_bus()


def test_the_guides_example_starts_the_upload(bus: Bus) -> None:
    """5: 0x00010071 with E8 03 00 00 30 20 00 00 is a cycle of 1000 ms; the rest is reserved."""
    bus.world.advance(5.0)
    assert bus.heard() == {}
    bus.say(0x00010071, "E8 03 00 00 30 20 00 00")
    bus.world.advance(0.1)
    assert set(bus.heard()) == {0x10010001, 0x10010003, 0x10010005}
    bus.world.advance(0.5)
    assert bus.heard() == {}
    bus.world.advance(0.5)
    assert set(bus.heard()) == {0x10010001, 0x10010003, 0x10010005}
    bus.say(0x00010071, "00 00 00 00 00 00 00 00")
    bus.world.advance(5.0)
    assert bus.heard() == {}


def test_a_voltage_is_set_and_read_back_in_the_guides_units(bus: Bus) -> None:
    """6.2.2: 3.6 V is 3 600 000; 6.1.1: 360 000 of 0.00001 V; 6.1.3: bit 0 is on."""
    bus.say(0x00010014, "80 EE 36 00 00 00 00 00")
    bus.say(0x0001000A, "01 00 00 00 00 00 00 00")
    bus.say(0x00010071, "64 00 00 00 00 00 00 00")
    bus.world.advance(0.1)
    heard = bus.heard()
    assert heard[0x10010003] == "40 7E 05 00 00 00 00 00"
    assert heard[0x10010001] == "01 00 00 00 00 00 00 00"
    bus.say(0x0001000A, "00 00 00 00 00 00 00 00")
    bus.world.advance(0.1)
    heard = bus.heard()
    assert (heard[0x10010001], heard[0x10010003]) == ("00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 00")


def begin(bus: Bus) -> None:
    bus.to_all(20, 3_600_000)
    bus.to_all(21, 4_000_000_000)
    bus.to_all(10, 1)
    bus.to_all(113, 100)


def test_it_is_the_battery_and_reports_its_current_as_positive_out_of_it(bus: Bus) -> None:
    begin(bus)
    bus.bench.source(100.0, 2.0)
    bus.world.advance(36.0)
    heard = bus.heard()
    # -2 A into it is -200 000 000 of 0.00001 mA; 2 mOhm of leads raise 3.6 V to 3.604 V.
    assert heard[0x10010003] == (360_400).to_bytes(4, "little").hex(" ").upper() + " 00 3E 14 F4"
    assert bus.bench.numbers("supply", "MEAS:ARR?")[:2] == pytest.approx([24 * 3.604, 2.0], abs=0.01)


def test_its_cells_hold_what_has_flowed_since_they_were_switched_on(bus: Bus) -> None:
    """A BMS that counts charge must not take the drop across a resistance for it."""
    begin(bus)
    emulator = bus.world.part("emulator")
    began = emulator.state_of_charge()
    bus.bench.source(100.0, 2.0)
    bus.world.advance(360.0)
    bus.to_all(20, 3_700_000)
    assert emulator.state_of_charge() - began == pytest.approx(0.2 / CAPACITY, rel=0.01)


def test_a_channel_carries_what_it_was_set_to(bus: Bus) -> None:
    begin(bus)
    bus.say(0x00070015, "00 CA 9A 3B 00 00 00 00")  # 1 A
    bus.bench.source(100.0, 2.0)
    bus.world.advance(1.0)
    assert bus.bench.numbers("supply", "MEAS:CURR?") == pytest.approx([1.0], abs=0.01)


def test_one_channel_that_is_off_parts_the_string(bus: Bus) -> None:
    begin(bus)
    bus.say(0x0018000A, "00 00 00 00 00 00 00 00")
    bus.bench.source(100.0, 2.0)
    bus.world.advance(1.0)
    assert bus.bench.numbers("supply", "MEAS:CURR?") == [0.0]


@pytest.mark.parametrize(
    ("identifier", "data", "extended"),
    [
        (0x00010014, "81 8D 5B 00 00 00 00 00", True),  # 6.000001 V
        (0x00010014, "80 EE 36", True),
        (0x00010014 & 0x7FF, "00 00 00 00 00 00 00 00", False),
        (0x00190014, "00 00 00 00 00 00 00 00", True),  # a channel of the next unit
        (0x10010014, "00 00 00 00 00 00 00 00", True),  # another unit's upload
        (0x0001000A, "02 00 00 00 00 00 00 00", True),
        (0x00010099, "00 00 00 00 00 00 00 00", True),
    ],
)
def test_what_it_cannot_take_it_leaves_without_a_word(bus: Bus, identifier: int, data: str, extended: bool) -> None:
    begin(bus)
    bus.world.advance(0.1)
    before = bus.heard()
    bus.say(identifier, data, extended=extended)
    bus.world.advance(0.1)
    assert bus.heard() == before


def test_a_cycle_that_is_too_short_is_none(bus: Bus) -> None:
    bus.say(0x00010071, "3B 00 00 00 00 00 00 00")  # 59 ms
    bus.world.advance(1.0)
    assert bus.heard() == {}


def test_a_second_unit_has_the_channels_after_the_first(open_bus: Callable[..., Bus]) -> None:
    bus = open_bus(unit=2)
    bus.say(0x00190071, "64 00 00 00 00 00 00 00")
    bus.world.advance(0.1)
    assert set(bus.heard()) == {0x10190001, 0x10190003, 0x10190005}


def test_a_latched_protection_is_told_until_on_is_said_again(open_bus: Callable[..., Bus]) -> None:
    bus = open_bus(defects=("protection-latched:emulator",))
    bus.say(0x00010071, "64 00 00 00 00 00 00 00")
    bus.world.advance(0.1)
    assert bus.heard()[0x10010001] == "02 00 00 00 02 00 00 00"
    bus.say(0x0001000A, "01 00 00 00 00 00 00 00")
    bus.world.advance(0.1)
    assert bus.heard()[0x10010001] == "01 00 00 00 00 00 00 00"


def test_a_sense_lead_can_be_loose(open_bus: Callable[..., Bus]) -> None:
    bus = open_bus(defects=("sense-lead-loose:1",))
    begin(bus)
    bus.world.advance(0.1)
    heard = bus.heard()
    assert heard[0x10010003].startswith("20 BF 02 00")
    assert heard[0x10020003].startswith("40 7E 05 00")


def test_somebody_at_its_panel_can_have_switched_it_on(open_bus: Callable[..., Bus]) -> None:
    bus = open_bus(defects=("panel-on:emulator:2",))
    bus.to_all(113, 100)
    bus.world.advance(0.1)
    assert bus.heard()[0x10010001].startswith("01")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    identifier=st.integers(0, (1 << 29) - 1), data=st.binary(max_size=8), register=st.sampled_from([10, 20, 21, 113])
)
def test_no_frame_disturbs_it(bus: Bus, identifier: int, data: bytes, register: int) -> None:
    for each in (identifier, identifier & 0x1F0000 | register):
        bus.node.send(can.Message(arbitration_id=each, data=data, is_extended_id=True))
    bus.world.advance(0.1)
    assert all(len(payload.split()) == 8 for payload in bus.heard().values())
