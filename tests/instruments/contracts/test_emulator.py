"""What every battery emulator owes, whatever its dialect and its wire."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from instruments.roles import BatteryEmulator, CellTable, Instrument, InstrumentFault, Scanned, SetPointRejected
from tests.instruments.contracts.outputs import EA
from tests.instruments.contracts.stand import SERIES, Case, Stand, on_both_wires

ACCURATE = {"accuracy": 0.0}
CHARGER = {"charger": EA}
SCPI = Case("ngi-n83624", {"simulator": "ngi-n83624", **ACCURATE}, "TCPIP::emulator.test::7000::SOCKET", beside=CHARGER)
CAN = Case("ngi-n83624-can", {"simulator": "ngi-n83624-can", **ACCURATE}, channel="cells", beside=CHARGER)

pytestmark = on_both_wires(SCPI, CAN)

TABLE = CellTable((0.0, 0.5, 1.0), (3.0, 3.5, 4.0), (0.01, 0.01, 0.01), capacity=2.0, initial=0.5)


def tables() -> list[CellTable]:
    """A table for each cell; the last begins fuller than the others."""
    return [TABLE] * (SERIES - 1) + [replace(TABLE, initial=0.75)]


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, BatteryEmulator):
        assert isinstance(stand.driver, role)
    assert stand.driver.identify().model == "N83624"
    assert stand.driver.cell_count == SERIES
    assert [channel.name for channel in stand.driver.channels] == [f"cell {number + 1}" for number in range(SERIES)]
    assert {(channel.quantity, channel.unit) for channel in stand.driver.channels} == {("voltage", "V")}


def test_it_is_found_off_and_may_be_told_so_first_of_all(stand: Stand) -> None:
    stand.driver.emulator_off()
    assert stand.driver.emulator_is_off()


def test_cells_have_the_voltage_that_their_tables_begin_with(stand: Stand) -> None:
    stand.driver.identify()
    stand.driver.emulate(tables())
    assert not stand.driver.emulator_is_off()
    stand.until(
        lambda: min(stand.scan()["cell 1"], stand.scan()["cell 24"]) > 3.0
    )  # a bus tells of one after the other
    found = stand.scan()
    assert found["cell 1"] == pytest.approx(3.5, abs=2e-3)
    assert found["cell 24"] == pytest.approx(3.75, abs=2e-3)


def test_it_is_charged_at_a_current_and_then_at_a_voltage(stand: Stand) -> None:
    """0.1 Ah, so that it takes a minute: 2 A raise a cell by 1 V in 180 s, and 24 cells take less and less at 90 V."""
    charger, steady = stand.others["charger"], [0]

    def charging() -> float:
        charger.request()
        return dict(zip((channel.name for channel in charger.channels), charger.collect(), strict=True))["current"]

    def holds() -> bool:
        """Whether the cells have been at their share of the voltage, and took little, ten scans in a row."""
        there = abs(stand.scan()["cell 1"] - 3.75) < 0.02 and charging() < 0.5
        steady[0] = steady[0] + 1 if there else 0
        return steady[0] == 10

    charger.identify()
    stand.driver.identify()
    stand.driver.emulate([replace(TABLE, capacity=0.1)] * SERIES)
    charger.charge(2.0, 90.0)
    stand.until(lambda: stand.scan()["cell 1"] > 3.6)
    assert charging() == pytest.approx(2.0, abs=0.05)
    stand.until(holds)
    charger.source_off()
    assert charger.source_is_off()


def test_off_is_off_and_on_may_follow(stand: Stand) -> None:
    stand.driver.identify()
    for _ in range(2):
        stand.driver.emulate(tables())
        stand.driver.emulator_off()
        assert stand.driver.emulator_is_off()
    stand.until(lambda: max(stand.scan().values()) < 0.01)


@pytest.mark.parametrize(
    "wrong",
    [tables()[:-1], [replace(TABLE, voltage=(3.0, 4.0))] * SERIES],
    ids=["one is missing", "columns of two lengths"],
)
def test_unfit_tables_change_nothing(stand: Stand, wrong: list[CellTable]) -> None:
    with pytest.raises(SetPointRejected, match="nothing was sent"):
        stand.driver.emulate(wrong)
    assert stand.driver.emulator_is_off()


def test_resistances_are_those_of_the_rows(stand: Stand) -> None:
    stand.driver.identify()
    stand.driver.emulate(tables())
    stand.driver.update_resistance([0.02, 0.02, 0.02], rows=(1,))
    with pytest.raises(SetPointRejected, match="2 resistances for 3 rows"):
        stand.driver.update_resistance([0.02, 0.02])


@pytest.mark.parametrize(
    "verb",
    [
        lambda emulator: emulator.identify(),
        lambda emulator: emulator.request(),
        lambda emulator: emulator.emulate(tables()),
        lambda emulator: emulator.emulator_off(),
        lambda emulator: emulator.emulator_is_off(),
    ],
    ids=["identify", "request", "emulate", "emulator_off", "emulator_is_off"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[BatteryEmulator], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
