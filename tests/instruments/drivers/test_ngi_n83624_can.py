"""The N83624 on CAN as frames: the guide's own identifiers and units, and what the driver makes of what it hears."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf, nan

import can
import pytest

from instruments.drivers.ngi_n83624_can import MOST_CURRENT, NgiN83624Can
from instruments.roles import BatteryEmulator, CellTable, Instrument, InstrumentFault, Scanned, SetPointRejected
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.drivers.foxbms_node import Node
from tests.instruments.scripted import FakeTime

LINK = InstrumentLink(can={"interface": "virtual", "channel": "pack"})
TABLE = CellTable((0.0, 0.5, 1.0), (3.0, 3.5, 4.0), (0.1, 0.1, 0.1), capacity=2.0, initial=0.5)
CELLS = 3

Open = Callable[..., NgiN83624Can]


class Unit:
    """The unit at the other end: what it was told, and what it uploads. It obeys ON and OFF unless it is `deaf`."""

    def __init__(self, node: Node, cells: int = CELLS) -> None:
        self.node, self.cells = node, cells
        self.on = [False] * cells
        self.volts, self.amperes = [0.0] * cells, 0.0
        self.status_bits = 0
        self.deaf = self.silent = False

    def heard(self) -> list[tuple[int, bytes]]:
        """Identifier and payload of what was sent; ON and OFF are obeyed."""
        found = []
        while (message := self.node.recv(0)) is not None:
            assert message.is_extended_id
            found.append((message.arbitration_id, bytes(message.data)))
            self._act(message.arbitration_id, bytes(message.data))
        return found

    def _act(self, identifier: int, data: bytes) -> None:
        channel, register = ((identifier >> 16 & 0xFFF) - 1) % 24, identifier & 0xFFFF
        (value,) = struct.unpack("<I", data[:4])
        if register == 20:
            self.volts[channel] = value / 1e6
        elif register == 10 and not self.deaf:
            self.on[channel] = bool(value)

    def upload(self, _seconds: float = 0.0) -> None:
        """One cycle: status and measurement of every channel (6.1)."""
        self.heard()
        for number in range(0 if self.silent else self.cells):
            identifier = 1 << 28 | number + 1 << 16
            measured = struct.pack("<ii", round(self.volts[number] * 1e5), round(self.amperes * 1e8))
            self._send(identifier | 3, measured)
            self._send(identifier | 1, struct.pack("<II", self.on[number] | self.status_bits, 0))

    def _send(self, identifier: int, data: bytes) -> None:
        self.node.send(can.Message(arbitration_id=identifier, data=data, is_extended_id=True))


@pytest.fixture
def unit(node: Node) -> Unit:
    return Unit(node)


@pytest.fixture
def alive(context: LinkContext, clock: FakeTime, unit: Unit) -> LinkContext:
    """A clock on which the unit uploads while somebody waits."""

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        unit.upload()

    return replace(context, sleep=sleep)


@pytest.fixture
def open_unit(alive: LinkContext, unit: Unit) -> Iterator[Open]:
    opened: list[NgiN83624Can] = []

    def open_one(context: LinkContext = alive, **options: object) -> NgiN83624Can:
        opened.append(NgiN83624Can.open(LINK, context, "emulator", {"cells": CELLS} | options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def told(unit: Unit, register: int) -> list[tuple[int, bytes]]:
    return [(identifier, data) for identifier, data in unit.heard() if identifier & 0xFFFF == register]


# --- the guide --------------------------------------------------------------------------------------------------------


def test_it_plays_its_roles(open_unit: Open) -> None:
    for role in (Instrument, Scanned, BatteryEmulator):
        assert isinstance(open_unit(), role)


def test_the_upload_cycle_is_the_guides_example(open_unit: Open, alive: LinkContext, unit: Unit) -> None:
    """5: 0x00010071, E8 03 00 00 and four reserved bytes, for 1000 ms."""
    emulator = open_unit(replace(alive, sleep=lambda _seconds: None, now=lambda: 1e9), cycle=1.0)
    unit.silent = True
    with pytest.raises(InstrumentFault):
        _impatient(emulator).identify()
    assert unit.heard() == [(channel << 16 | 0x71, bytes.fromhex("E8 03 00 00 00 00 00 00")) for channel in (1, 2, 3)]


def _impatient(emulator: NgiN83624Can) -> NgiN83624Can:
    emulator._timeout = 0.0
    return emulator


def test_channels_of_a_second_unit_follow_those_of_the_first(open_unit: Open, unit: Unit) -> None:
    """3 and 4: the channels of start address N are 24 (N - 1) + 1 and on."""
    open_unit(unit=2).emulator_off()
    assert [identifier for identifier, _ in unit.heard()] == [0x0019000A, 0x001A000A, 0x001B000A]


def test_voltages_and_currents_are_read_in_the_guides_units(open_unit: Open, node: Node) -> None:
    """6.1.1: int32 of 0.00001 V and of 0.00001 mA, low byte first."""
    emulator = open_unit(cells=1)
    node.send(
        can.Message(arbitration_id=0x10010003, data=bytes.fromhex("30 DC 05 00 00 E1 F5 05"), is_extended_id=True)
    )
    assert emulator.collect() == [3.84048]


def test_a_table_is_begun_in_the_guides_units(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    """6.2: uint32 of 0.000001 mA, 0.000001 V, 0 or 1."""
    emulator = open_unit(cells=1, current_limit=2.0)
    unit.cells = 1
    sent: list[tuple[int, bytes]] = []
    act = unit._act

    def note(identifier: int, data: bytes) -> None:
        sent.append((identifier, data[:4]))
        act(identifier, data)

    unit._act = note  # type: ignore[method-assign]
    emulator.emulate([TABLE])
    assert [(hex(identifier), int.from_bytes(data, "little")) for identifier, data in sent] == [
        ("0x10071", 100), ("0x1000a", 0), ("0x10015", 2_000_000_000), ("0x10014", 3_500_000), ("0x1000a", 1),
    ]  # fmt: skip


# --- cells ------------------------------------------------------------------------------------------------------------


def test_a_cell_follows_its_table_with_every_scan(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    """2 Ah at half: an hour at 1 A empties it to its lower end; 0.1 Ohm takes 0.1 V more as long as 1 A flow."""
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    unit.amperes = 1.0
    for _ in range(40):
        clock.now += 45.0
        unit.upload()
        emulator.collect()
    unit.heard()
    assert unit.volts == pytest.approx([3.5 - 0.25 - 0.1] * CELLS, abs=1e-3)
    unit.amperes = 0.0
    for _ in range(40):
        unit.upload()
        emulator.collect()
    unit.heard()
    assert unit.volts == pytest.approx([3.25] * CELLS, abs=1e-3)


def test_all_cells_of_a_unit_are_read_and_set_anew_in_one_scan(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    """24 cells, each with a charge of its own: a scan leaves none with the voltage of the scan before."""
    unit.cells, unit.on, unit.volts = 24, [False] * 24, [0.0] * 24
    emulator = open_unit(cells=24)
    emulator.emulate([replace(TABLE, initial=0.3 + number / 100) for number in range(24)])
    unit.heard()
    unit.amperes = 1.0
    unit.upload()
    emulator.collect()  # from here on the current flows
    unit.heard()
    before = list(unit.volts)
    clock.now += 30.0
    unit.upload()
    emulator.request()
    assert emulator.collect() == pytest.approx(before, abs=1e-5)
    set_anew = told(unit, 20)
    assert [identifier >> 16 & 0xFFF for identifier, _ in set_anew] == list(range(1, 25))
    assert all(after < volts for after, volts in zip(unit.volts, before, strict=True))


def test_a_cell_stops_at_the_ends_of_its_table(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    emulator = open_unit()
    emulator.emulate([replace(TABLE, resistance=(0.0, 0.0, 0.0))] * CELLS)
    for amperes, volts in ((2.0, 3.0), (-2.0, 4.0)):
        unit.amperes = amperes
        unit.upload()
        emulator.collect()
        clock.now += 7200
        unit.upload()
        emulator.collect()
        unit.heard()
        assert unit.volts == pytest.approx([volts] * CELLS)


def scans(emulator: NgiN83624Can, unit: Unit, clock: FakeTime, count: int, amperes: Callable[[], float]) -> list[float]:
    """So many scans in front of what draws `amperes()`; V of the first cell after each."""
    found = []
    for _ in range(count):
        clock.now += 0.2
        unit.heard()
        unit.amperes = amperes()
        unit.upload()
        emulator.collect()
        unit.heard()
        found.append(unit.volts[0])
    return found


def test_a_drop_is_there_within_a_few_scans_where_the_current_does_not_answer(
    open_unit: Open, unit: Unit, clock: FakeTime
) -> None:
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    assert scans(emulator, unit, clock, 6, lambda: -2.0)[-1] == pytest.approx(3.5 + 0.2, abs=1e-3)


@pytest.mark.parametrize("leads", [0.006, 0.06, 0.6])
def test_a_charger_that_holds_a_voltage_meets_the_cells_resistance(
    open_unit: Open, unit: Unit, clock: FakeTime, leads: float
) -> None:
    """11.1 V and 0 to 4 A on three cells of 3.5 V and 0.1 Ohm: the current settles, and nothing is driven up."""
    emulator = open_unit()
    emulator.emulate([replace(TABLE, capacity=2000.0)] * CELLS)
    currents: list[float] = []

    def charged() -> float:
        currents.append(min(max((11.1 - sum(unit.volts)) / leads, 0.0), 4.0))
        return -currents[-1]

    scans(emulator, unit, clock, 40, charged)
    assert currents[20:] == pytest.approx([0.6 / (leads + 0.3)] * 20, rel=2e-2)


def test_what_has_not_answered_yet_is_not_set_anew(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    """Two scans between two uploads: the second knows no more than the first."""
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    unit.amperes = 1.0
    unit.upload()
    emulator.collect()
    assert len(told(unit, 20)) == CELLS
    clock.now += 0.02
    emulator.collect()
    assert told(unit, 20) == []


def test_another_temperature_is_another_resistance(open_unit: Open, unit: Unit) -> None:
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    emulator.update_resistance([0.3, 0.3, 0.3], rows=(0, 1))
    unit.amperes = 1.0
    for _ in range(60):
        unit.upload()
        emulator.collect()
    unit.heard()
    assert unit.volts == pytest.approx([3.2] * CELLS, abs=1e-3)
    with pytest.raises(SetPointRejected, match=r"emulator: 2 resistances for 3 rows; nothing was changed"):
        emulator.update_resistance([0.1, 0.1])


def test_nothing_is_sent_where_nothing_has_changed(open_unit: Open, unit: Unit) -> None:
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    unit.heard()
    unit.upload()
    emulator.collect()
    assert unit.heard() == []


def test_cells_that_were_switched_off_are_played_no_more(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    emulator.emulator_off()
    unit.amperes = 1.0
    clock.now += 1.0
    unit.upload()
    emulator.collect()
    assert told(unit, 20) == []


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ([TABLE] * 2, "2 tables for 3 cells"),
        ([TABLE, TABLE, replace(TABLE, voltage=(3.0, 4.0))], r"the table of cell 3 has \[2, 3\] rows"),
        ([replace(TABLE, voltage=(3.0, 3.5, 6.1))] * 3, r"cell 1 goes from 3 to 6\.1 V, a channel from 0 to 6 V"),
        ([replace(TABLE, voltage=(-0.1, 3.5, 4.0))] * 3, r"cell 1 goes from -0\.1 to 4 V"),
        ([TABLE, replace(TABLE, voltage=(3.0, nan, 4.0)), TABLE], "table of cell 2 is none, it has a value that is no"),
        ([replace(TABLE, voltage=(nan, 3.5, 4.0))] * 3, "table of cell 1 is none, it has a value that is no number"),
        ([replace(TABLE, state_of_charge=(0.0, 0.5, 0.5))] * 3, "table of cell 1 is none, its states of charge do not"),
        ([replace(TABLE, capacity=inf)] * 3, "table of cell 1 is none, it has a value that is no number"),
    ],
)
def test_an_unfit_table_is_refused_before_anything_is_sent(
    open_unit: Open, unit: Unit, tables: list[CellTable], text: str
) -> None:
    with pytest.raises(SetPointRejected, match=f"emulator: .*{text}.*nothing was sent"):
        open_unit().emulate(tables)
    assert unit.heard() == []


# --- on and off -------------------------------------------------------------------------------------------------------


def test_a_channel_that_stays_off_is_told_with_its_reason(open_unit: Open, unit: Unit) -> None:
    unit.deaf, unit.status_bits = True, 0b10
    with pytest.raises(InstrumentFault, match=r"left channels 1, 2, 3 off \(cell 1: over-voltage; .*\); check their"):
        open_unit().emulate([TABLE] * CELLS)


def test_off_is_read_back_from_frames_that_are_newer(open_unit: Open, unit: Unit) -> None:
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    unit.upload()  # says ON, and waits to be read
    emulator.emulator_off()
    assert emulator.emulator_is_off()
    assert unit.on == [False] * CELLS


def test_who_reads_on_is_told_again(open_unit: Open, unit: Unit) -> None:
    emulator = open_unit()
    emulator.emulate([TABLE] * CELLS)
    unit.deaf = True
    emulator.emulator_off()
    assert not emulator.emulator_is_off()
    unit.deaf = False
    assert emulator.emulator_is_off()


def test_what_was_never_told_anything_is_looked_at_and_left(open_unit: Open, unit: Unit) -> None:
    unit.on = [True, False, False]
    emulator = open_unit()
    assert not emulator.emulator_is_off()
    assert unit.on[0]


def test_every_channel_is_told_off_though_one_cannot_be(
    open_unit: Open, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = open_unit()
    send = type(emulator._can).send

    def stumble(session: object, message: can.Message, what: str) -> None:
        if message.arbitration_id == 0x1000A:
            raise InstrumentFault("emulator cannot be told what to do")
        send(session, message, what)  # type: ignore[arg-type]

    monkeypatch.setattr(type(emulator._can), "send", stumble)
    with pytest.raises(InstrumentFault, match="cannot be told"):
        emulator.emulator_off()
    assert [identifier for identifier, _ in unit.heard()] == [0x2000A, 0x3000A]


# --- silence ----------------------------------------------------------------------------------------------------------


def test_a_unit_that_is_not_there_is_a_sentence(open_unit: Open, unit: Unit) -> None:
    unit.silent = True
    with pytest.raises(InstrumentFault, match=r"emulator has not reported cell 1 for 2 s; check its supply, wiring"):
        open_unit().identify()


def test_old_values_are_no_values(open_unit: Open, unit: Unit, clock: FakeTime) -> None:
    emulator = open_unit()
    assert str(emulator.identify()) == "NGI N83624"
    clock.now += 1.9
    assert emulator.collect() == [0.0] * CELLS
    clock.now += 0.2
    with pytest.raises(InstrumentFault, match=r"emulator has not reported cell 1 for 2\.1 s"):
        emulator.collect()


def test_frames_of_others_are_left_out(open_unit: Open, node: Node, unit: Unit) -> None:
    emulator = open_unit()
    emulator.identify()
    for identifier, data in ((0x10040003, bytes(8)), (0x10010003, bytes(4)), (0x00010003, bytes(8))):
        node.send(can.Message(arbitration_id=identifier, data=data, is_extended_id=True))
    assert emulator.collect() == [0.0] * CELLS


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cells": 25}, "cells 25 is outside 1 to 24"),
        ({"cells": 2.5}, r"cells 2\.5 must be a whole number"),
        ({"unit": "1"}, "unit '1' must be a whole number"),
        ({"unit": 171}, "unit 171 is outside 1 to 170"),
        ({"cycle": 0.01}, r"cycle 0\.01 is outside 0\.06 to 60 s"),
        ({"current_limit": 5.0}, rf"current_limit 5\.0 is outside 0 to {MOST_CURRENT:g} A"),
        ({"cell": 3}, r"no option 'cell'; did you mean 'cells'\?"),
    ],
)
def test_a_wrong_option_is_refused(context: LinkContext, options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=f"emulator.*{text}"):
        NgiN83624Can.open(LINK, context, "emulator", options)


def test_an_emulator_without_a_bus_is_refused(context: LinkContext) -> None:
    with pytest.raises(ValueError, match="emulator has no CAN bus; give interface and channel"):
        NgiN83624Can.open(InstrumentLink("GPIB0::9::INSTR"), context, "emulator", {})
