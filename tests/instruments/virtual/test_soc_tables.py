"""Tables that channels follow, held against a plain interpolation that remembers nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.virtual.soc_tables import CHARGES, QUANTITIES, RESISTANCES, SocTables

CHANNELS = 3
VOLTAGES, LIMITS = QUANTITIES.index("VOLT"), QUANTITIES.index("OUTCURR")
VALUES = {VOLTAGES: st.floats(0.0, 5.0), LIMITS: st.floats(1.0, 5000.0), RESISTANCES: st.floats(0.0, 500.0)}
EVERYBODY = tuple(range(CHANNELS))


@dataclass
class Plain:
    """What each channel's table says, as it was uploaded, and what charge (mAh) each channel holds."""

    rows: list[dict[int, list[float]]]
    position: list[float]

    def rewrite(self, quantity: int, channels: tuple[int, ...], row: int, value: float) -> None:
        for channel in channels:
            self.rows[channel][quantity][row] = value

    def move(self, channel: int, charge: float) -> None:
        charges = self.rows[channel][CHARGES]
        self.position[channel] = min(max(self.position[channel] + charge, min(charges)), max(charges))

    def read(self, quantity: int, channel: int) -> float:
        rows = self.rows[channel]
        points = sorted(zip(rows[CHARGES], rows[quantity], strict=True))
        charges, values = ([point[which] for point in points] for which in (0, 1))
        return float(np.interp(self.position[channel], charges, values))


@st.composite
def uploads(draw: st.DrawFn) -> Plain:
    """A table for each channel, its rows in any order, and somewhere between its ends."""
    tables, positions = [], []
    for _ in EVERYBODY:
        charges = draw(st.lists(st.integers(0, 60), min_size=2, max_size=6, unique=True))
        count = len(charges)
        columns = {key: draw(st.lists(each, min_size=count, max_size=count)) for key, each in VALUES.items()}
        tables.append({CHARGES: [float(each) for each in charges], **columns})
        positions.append(draw(st.floats(min(charges), max(charges))))
    return Plain(tables, positions)


CHOSEN = st.one_of(st.just(EVERYBODY), st.sampled_from(EVERYBODY).map(lambda channel: (channel,)))
SHARES = st.tuples(*[st.floats(0.1, 1.0)] * CHANNELS)
FLOWS = st.tuples(st.just("flow"), st.floats(-20.0, 20.0), SHARES)
SHIFTS = st.tuples(st.just("shift"), st.sampled_from(EVERYBODY), st.floats(-20.0, 20.0))
WRITES = st.sampled_from(sorted(VALUES)).flatmap(
    lambda quantity: st.tuples(st.just("write"), st.just(quantity), CHOSEN, st.integers(0, 5), VALUES[quantity])
)


def uploaded(plain: Plain) -> SocTables:
    tables = SocTables(CHANNELS)
    for channel, columns in enumerate(plain.rows):
        tables.length[channel] = len(columns[CHARGES])
        for quantity, column in columns.items():
            for row, value in enumerate(column):
                tables.write(quantity, np.array([channel]), np.array([row]), value)
    tables.compile()
    tables.position[:] = plain.position
    tables.settle()
    return tables


def act(tables: SocTables, plain: Plain, action: tuple[Any, ...]) -> None:
    """The same to both."""
    match action:
        case ("flow", charge, shares):
            tables.move(charge * np.array(shares), charge * max(shares))
            for channel in EVERYBODY:
                plain.move(channel, charge * shares[channel])
        case ("shift", channel, charge):
            tables.shift(channel, charge)
            plain.move(channel, charge)
        case ("write", quantity, channels, row, value) if all(row < tables.length[each] for each in channels):
            tables.write(quantity, np.array(channels), np.full(len(channels), row), value)
            plain.rewrite(quantity, channels, row, value)


@settings(max_examples=60)
@given(uploads(), st.lists(st.one_of(FLOWS, SHIFTS, WRITES), max_size=25))
def test_channels_are_on_their_lines_whatever_flows_and_is_rewritten(
    plain: Plain, actions: list[tuple[Any, ...]]
) -> None:
    tables = uploaded(plain)
    for action in [("shift", 0, 0.0), *actions]:
        act(tables, plain, action)
        for channel in EVERYBODY:
            assert tables.position[channel] == pytest.approx(plain.position[channel], abs=1e-9)
            assert tables.open_voltage[channel] == pytest.approx(plain.read(VOLTAGES, channel), abs=1e-7)
            assert tables.resistance[channel] == pytest.approx(plain.read(RESISTANCES, channel) * 1e-3, abs=1e-7)


@settings(max_examples=60)
@given(uploads(), st.lists(st.one_of(FLOWS, WRITES), max_size=15))
def test_the_string_carries_what_the_weakest_of_the_present_rows_does(
    plain: Plain, actions: list[tuple[Any, ...]]
) -> None:
    """At the very end of a row either of both may be the present one: what a table states there is not tried."""
    tables = uploaded(plain)
    for action in [("shift", 0, 0.0), *actions]:
        act(tables, plain, action)
        limits = []
        for columns, position in zip(plain.rows, plain.position, strict=True):
            if any(abs(position - charge) < 1e-6 for charge in columns[CHARGES]):
                return
            below = max(charge for charge in columns[CHARGES] if charge < position)
            limits.append(columns[LIMITS][columns[CHARGES].index(below)])
        assert tables.current_limit == pytest.approx(min(limits) / 1000)


@given(uploads(), st.integers(0, 4), st.integers(61, 90))
def test_a_charge_that_is_rewritten_counts_once_the_rows_are_sorted_anew(plain: Plain, row: int, charge: int) -> None:
    tables = uploaded(plain)
    assert not tables.dirty
    channels = tuple(each for each in EVERYBODY if row < tables.length[each])
    tables.write(CHARGES, np.array(channels or EVERYBODY), np.full(len(channels or EVERYBODY), row), float(charge))
    assert tables.dirty
    plain.rewrite(CHARGES, channels, row, float(charge))
    tables.compile()
    tables.settle()
    for channel in EVERYBODY:
        plain.move(channel, 0.0)
        assert tables.position[channel] == pytest.approx(plain.position[channel], abs=1e-9)
        assert tables.open_voltage[channel] == pytest.approx(plain.read(VOLTAGES, channel), abs=1e-7)


@pytest.mark.parametrize(("start", "charge"), [(3.0, 0.0), (3.5, 500.0), (3.9, 950.0), (2.0, 0.0), (5.0, 1000.0)])
def test_a_channel_is_put_where_its_table_has_the_start_voltage(start: float, charge: float) -> None:
    columns = {CHARGES: [1000.0, 0.0, 900.0], VOLTAGES: [4.0, 3.0, 3.8], LIMITS: [1e3] * 3, RESISTANCES: [1.0] * 3}
    if start == 3.5:
        columns[VOLTAGES][2] = 3.9  # the line from 3.0 V goes through 3.5 V half way to there
    tables = uploaded(Plain([columns] * CHANNELS, [0.0] * CHANNELS))
    tables.place(1, start)
    assert tables.position == pytest.approx([0.0, charge, 0.0])


def test_rows_at_one_charge_are_a_table_too() -> None:
    columns = {CHARGES: [500.0, 500.0], VOLTAGES: [3.5, 3.5], LIMITS: [1e3] * 2, RESISTANCES: [20.0, 20.0]}
    tables = uploaded(Plain([columns] * CHANNELS, [500.0] * CHANNELS))
    tables.move(np.full(CHANNELS, -5.0), -5.0)
    assert tables.position == pytest.approx([500.0] * CHANNELS)
    assert tables.open_voltage == pytest.approx([3.5] * CHANNELS)
    assert tables.resistance == pytest.approx([0.02] * CHANNELS)


def test_a_table_of_one_row_is_flat_also_when_it_is_rewritten() -> None:
    columns = {CHARGES: [500.0], VOLTAGES: [3.5], LIMITS: [1e3], RESISTANCES: [20.0]}
    tables = uploaded(Plain([columns] * CHANNELS, [500.0] * CHANNELS))
    tables.write(VOLTAGES, np.arange(CHANNELS), np.zeros(CHANNELS, dtype=np.intp), 3.7)
    assert tables.open_voltage == pytest.approx([3.7] * CHANNELS)
    assert tables.slope == pytest.approx([0.0] * CHANNELS)
