"""What every battery emulator owes, whatever its dialect and its wire."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from instruments.roles import BatteryEmulator, CellTable, Instrument, InstrumentFault, Scanned, SetPointRejected
from tests.instruments.contracts.stand import SERIES, Case, Stand, on_both_wires

ACCURATE = {"accuracy": 0.0}
SCPI = Case("ngi-n83624", {"simulator": "ngi-n83624", **ACCURATE}, "TCPIP::emulator.test::7000::SOCKET")
CAN = Case("ngi-n83624-can", {"simulator": "ngi-n83624-can", **ACCURATE}, channel="cells", options={"unit": 1})

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
    stand.until(lambda: stand.scan()["cell 1"] > 3.0)
    found = stand.scan()
    assert found["cell 1"] == pytest.approx(3.5, abs=2e-3)
    assert found["cell 24"] == pytest.approx(3.75, abs=2e-3)


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
