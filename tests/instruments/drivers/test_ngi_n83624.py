"""The NGI N83624 as transcripts: lists, units and the order of a table upload."""

from collections.abc import Callable
from dataclasses import replace
from math import nan

import pytest

from instruments.drivers.ngi_n83624 import NgiN83624
from instruments.roles import (
    BatteryEmulator,
    CellTable,
    Channel,
    Instrument,
    InstrumentFault,
    Protections,
    Scanned,
    SetPointRejected,
)
from instruments.wires.context import InstrumentLink, LinkContext
from tests.instruments.scripted import RESOURCE, Exchange, FakeTime, Wire

# The example of the guide (7.3), turned round: it lists its steps from full to empty.
TABLE = CellTable(
    state_of_charge=(0.0, 0.5, 1.0),
    voltage=(3.0, 4.0, 5.0),
    resistance=(0.3e-3, 0.2e-3, 0.1e-3),
    capacity=1.2,
    initial=0.9,
)
SWITCH_ON: tuple[Exchange, ...] = (("OUTP:ONOFF 1(@1,2)", None), ("OUTP:ONOFF?(@1,2)", "1,1"))
UPLOAD: tuple[Exchange, ...] = (
    ("OUTP:ONOFF 0(@1,2)", None),
    ("OUTP:MODE 3(@1,2)", None),
    ("SOC:EDIT:LENG 3(@1,2)", None),
    ("SOC:EDIT:STEP 3(@1,2)", None),
    ("SOC:EDIT:Q 0(@1,2)", None),
    ("SOC:EDIT:VOLT 3(@1,2)", None),
    ("SOC:EDIT:OUTCURR 1000(@1,2)", None),
    ("SOC:EDIT:R 0.3(@1,2)", None),
    ("SOC:EDIT:STEP 2(@1,2)", None),
    ("SOC:EDIT:Q 600(@1,2)", None),
    ("SOC:EDIT:VOLT 4(@1,2)", None),
    ("SOC:EDIT:OUTCURR 1000(@1,2)", None),
    ("SOC:EDIT:R 0.2(@1,2)", None),
    ("SOC:EDIT:STEP 1(@1,2)", None),
    ("SOC:EDIT:Q 1200(@1,2)", None),
    ("SOC:EDIT:VOLT 5(@1,2)", None),
    ("SOC:EDIT:OUTCURR 1000(@1,2)", None),
    ("SOC:EDIT:R 0.1(@1,2)", None),
    ("SOC:EDIT:SVOL 4.8(@1,2)", None),
)

Open = Callable[..., NgiN83624]


@pytest.fixture
def open_emulator(wire: Wire, context: LinkContext) -> Open:
    def open_driver(**options: object) -> NgiN83624:
        link = InstrumentLink(RESOURCE, gap=0.0)
        return NgiN83624.open(link, context, "emulator", {"cells": 2, "limits": {"current": 1.0}} | options)

    return open_driver


def test_it_plays_its_roles(open_emulator: Open) -> None:
    for role in (Instrument, Scanned, BatteryEmulator):
        assert isinstance(open_emulator(), role)


def test_the_identity_of_the_guide(wire: Wire, open_emulator: Open) -> None:
    wire.expect(("*IDN?", "NGI,N83624,0,V1.00"))
    identity = open_emulator().identify()
    assert (identity.manufacturer, identity.model, identity.firmware) == ("NGI", "N83624", "V1.00")


def test_24_cells_are_one_query(wire: Wire, open_emulator: Open) -> None:
    query = "MEAS:VOLT?(@1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24)"
    wire.expect((query, ",".join(f"{3 + cell / 100:.4f}" for cell in range(24))))
    emulator = open_emulator(cells=24)
    emulator.request()
    assert emulator.collect() == pytest.approx([3 + cell / 100 for cell in range(24)])
    assert emulator.channels[::23] == (Channel("cell 1", "voltage", "V"), Channel("cell 24", "voltage", "V"))
    assert emulator.cell_count == 24


def test_a_missing_cell_is_a_fault(wire: Wire, open_emulator: Open) -> None:
    wire.expect(("MEAS:VOLT?(@1,2)", "3.3"))
    emulator = open_emulator()
    emulator.request()
    with pytest.raises(InstrumentFault, match="2 values were expected, 1 came"):
        emulator.collect()


def test_a_table_is_written_off_in_steps_from_full_to_empty_and_switched_on_last(
    wire: Wire, open_emulator: Open
) -> None:
    wire.expect(*UPLOAD, *SWITCH_ON)
    open_emulator().emulate([TABLE, TABLE])


def test_only_what_differs_between_cells_is_sent_apart(wire: Wire, open_emulator: Open) -> None:
    weak = replace(TABLE, capacity=0.6)
    script = list(UPLOAD)
    for shared, apart in (
        ("SOC:EDIT:Q 600(@1,2)", ("SOC1:EDIT:Q 600", "SOC2:EDIT:Q 300")),
        ("SOC:EDIT:Q 1200(@1,2)", ("SOC1:EDIT:Q 1200", "SOC2:EDIT:Q 600")),
    ):
        at = script.index((shared, None))
        script[at : at + 1] = [(message, None) for message in apart]
    wire.expect(*script, *SWITCH_ON)
    open_emulator().emulate([TABLE, weak])


def test_without_lists_every_channel_gets_its_own_message(wire: Wire, open_emulator: Open) -> None:
    wire.expect(("OUTP1:ONOFF 0", None), ("OUTP2:ONOFF 0", None))
    open_emulator(lists=False).emulator_off()


@pytest.mark.parametrize(("initial", "voltage"), [(0.0, "3"), (0.25, "3.5"), (0.5, "4"), (1.0, "5")])
def test_the_start_voltage_lies_on_the_table(wire: Wire, open_emulator: Open, initial: float, voltage: str) -> None:
    wire.expect(*UPLOAD[:-1], (f"SOC:EDIT:SVOL {voltage}(@1,2)", None), *SWITCH_ON)
    open_emulator().emulate([replace(TABLE, initial=initial)] * 2)


def test_limits_are_written_in_the_instruments_units_and_read_back(wire: Wire, open_emulator: Open) -> None:
    wire.expect(
        *UPLOAD[:2],
        ("PRO:VOLT 4.5(@1,2)", None),
        ("PRO1:VOLT?", "4.5"),
        ("PRO:CURR 5000(@1,2)", None),
        ("PRO1:CURR?", "5000"),
        ("PRO:POWE 20000(@1,2)", None),
        ("PRO1:POWE?", "20000"),
        *UPLOAD[2:],
        *SWITCH_ON,
        ("PRO1:VOLT?", "4.5"),
        ("PRO1:CURR?", "5000"),
        ("PRO1:POWE?", "20000"),
    )
    limits = {"current": 1.0, "over_voltage": 4.5, "over_current": 5.0, "over_power": 20.0}
    emulator = open_emulator(limits=limits)
    emulator.emulate([TABLE, TABLE])
    assert emulator.protections() == Protections(4.5, 5.0, 20.0)


def test_a_limit_that_was_not_taken(wire: Wire, open_emulator: Open) -> None:
    wire.expect(*UPLOAD[:2], ("PRO:VOLT 4.5(@1,2)", None), ("PRO1:VOLT?", "0"), ("SYST:ERR?", '0,"No error"'))
    with pytest.raises(SetPointRejected, match=r"kept cell over-voltage threshold at 0 V when 4.5 V"):
        open_emulator(limits={"over_voltage": 4.5}).emulate([TABLE, TABLE])


def test_a_channel_that_stays_off_is_named_with_its_reason(wire: Wire, open_emulator: Open) -> None:
    wire.expect(
        *UPLOAD,
        SWITCH_ON[0],
        ("OUTP:ONOFF?(@1,2)", "1,0"),
        ("OUTP:STAT?(@1,2)", "1,65538"),
        ("SYST:ERR?", '0,"No error"'),
    )
    with pytest.raises(InstrumentFault, match=r"emulator left channels 2 off \(cell 2: over-voltage \(ovp\)\)"):
        open_emulator().emulate([TABLE, TABLE])


def test_another_temperature_rewrites_only_the_resistance(wire: Wire, open_emulator: Open) -> None:
    wire.expect(
        *UPLOAD,
        *SWITCH_ON,
        ("SOC:EDIT:STEP 3(@1,2);:SOC:EDIT:R 6(@1,2)", None),
        ("SOC:EDIT:STEP 2(@1,2);:SOC:EDIT:R 5(@1,2)", None),
        ("SOC:EDIT:STEP 1(@1,2);:SOC:EDIT:R 4(@1,2)", None),
    )
    emulator = open_emulator()
    emulator.emulate([TABLE, TABLE])
    emulator.update_resistance([6e-3, 5e-3, 4e-3])


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([TABLE], "1 tables for 2 cells"),
        ([TABLE, replace(TABLE, voltage=(3.0, 4.0))], r"tables have \[2, 3\] rows"),
        ([CellTable((0.5,), (4.0,), (1e-3,), 1.0, 0.5)] * 2, r"tables have \[1\] rows"),
        (
            [replace(TABLE, state_of_charge=(0.0, 0.5, 0.5))] * 2,
            "table of cell 1 is none, its states of charge do",
        ),
        (
            [TABLE, replace(TABLE, state_of_charge=(0.0, nan, 1.0))],
            "table of cell 2 is none, its states of charge do",
        ),
        (
            [TABLE, replace(TABLE, state_of_charge=(1.0, 0.5, 0.0))],
            "table of cell 2 is none, its states of charge do",
        ),
        ([replace(TABLE, voltage=(3.0, nan, 5.0))] * 2, "table of cell 1 is none, it has a value that is no number"),
        ([TABLE, replace(TABLE, resistance=(1e-3, -1e-3, 1e-3))], "table of cell 2 is none, it has a value"),
        ([TABLE, replace(TABLE, initial=nan)], "table of cell 2 is none, it has a value"),
        ([CellTable((0.5,) * 201, (4.0,) * 201, (1e-3,) * 201, 1.0, 0.5)] * 2, r"tables have \[201\] rows"),
    ],
)
def test_tables_that_do_not_fit_are_never_sent(open_emulator: Open, cells: list[CellTable], text: str) -> None:
    with pytest.raises(SetPointRejected, match=text):
        open_emulator().emulate(cells)


def test_a_resistance_for_tables_that_are_not_loaded(open_emulator: Open) -> None:
    with pytest.raises(SetPointRejected, match="3 resistances for 0 rows"):
        open_emulator().update_resistance([1.0, 1.0, 1.0])


def test_off_means_every_channel(wire: Wire, open_emulator: Open) -> None:
    wire.expect(("OUTP:ONOFF 0(@1,2)", None), ("OUTP:ONOFF?(@1,2)", "0,0"))
    emulator = open_emulator()
    emulator.emulator_off()
    assert emulator.emulator_is_off()


@pytest.mark.parametrize(("then", "off"), [("0,0", True), ("0,1", False)])
def test_a_channel_that_reads_on_is_told_again_by_itself(wire: Wire, open_emulator: Open, then: str, off: bool) -> None:
    states = "OUTP:ONOFF?(@1,2)"
    wire.expect(("OUTP:ONOFF 0(@1,2)", None), (states, "0,1"), ("OUTP2:ONOFF 0", None), (states, then))
    emulator = open_emulator()
    emulator.emulator_off()
    assert emulator.emulator_is_off() is off


def test_reading_channels_on_switches_nothing_off_that_nobody_told_off(wire: Wire, open_emulator: Open) -> None:
    wire.expect(("OUTP:ONOFF?(@1,2)", "1,1"))
    assert not open_emulator().emulator_is_off()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cells": 25}, "emulator: cells 25 is outside 1 to 24"),
        ({"limits": {"overvoltage": 4.5}}, "did you mean 'over_voltage'"),
        ({"limits": {"current": -5.0}}, r"emulator: limits\.current -5\.0 must be a number above 0"),
        ({"limits": {"current": None}}, r"emulator: limits\.current None must be a number above 0"),
        ({"limits": {"over_voltage": nan}}, r"emulator: limits\.over_voltage nan must be a number above 0"),
        ({"limits": {"over_power": "30"}}, r"emulator: limits\.over_power '30' must be a number above 0"),
        ({"limits": 5}, "emulator: limits 5 must name each limit; allowed: current, over_voltage"),
        ({"cells": 2.0}, r"emulator: cells 2\.0 must be a whole number"),
        ({"cells": "2"}, "emulator: cells '2' must be a whole number"),
        ({"cells": 0}, "emulator: cells 0 is outside 1 to 24"),
        ({"cell": 2}, "did you mean 'cells'"),
    ],
)
def test_wrong_options(open_emulator: Open, options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        open_emulator(**options)


def test_its_own_pace_is_slow(wire: Wire, context: LinkContext, clock: FakeTime) -> None:
    wire.expect(("OUTP:ONOFF 0(@1,2)", None), ("OUTP:ONOFF?(@1,2)", "0,0"))
    emulator = NgiN83624(RESOURCE, context, name="emulator", cells=2)
    emulator.emulator_off()
    emulator.emulator_is_off()
    assert clock.slept == pytest.approx([0.3])


@pytest.mark.parametrize("state", ["9.9E37", "nan", "0.5"])
def test_a_state_that_is_no_whole_number_proves_nothing_off(wire: Wire, open_emulator: Open, state: str) -> None:
    wire.expect(("OUTP:ONOFF?(@1,2)", f"0,{state}"))
    with pytest.raises(InstrumentFault, match="a whole number was expected"):
        open_emulator().emulator_is_off()


def test_alarms_are_told_by_cell_and_a_channel_that_is_only_on_has_none(wire: Wire, open_emulator: Open) -> None:
    wire.expect(("OUTP:STAT?(@1,2)", "1,19"), ("OUTP:STAT?(@1,2)", "1,9.9E37"))
    emulator = open_emulator()
    assert emulator.alarms() == ("cell 2: over-voltage (ovp)", "cell 2: over-temperature (otp)")
    with pytest.raises(InstrumentFault, match="a whole number was expected"):
        emulator.alarms()


def test_a_limit_without_a_value_leaves_what_is_set(wire: Wire, open_emulator: Open) -> None:
    wire.expect(*UPLOAD, *SWITCH_ON)
    open_emulator(limits={"current": 1.0, "over_voltage": None}).emulate([TABLE, TABLE])
