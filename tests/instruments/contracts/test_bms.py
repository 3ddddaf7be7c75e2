"""What every battery-management node owes, whatever its messages and its wire."""

from collections.abc import Callable
from math import isnan

import pytest

from instruments.roles import BMS_CHANNELS, BatteryManagement, BmsMode, BmsState, Instrument, InstrumentFault, Scanned
from tests.instruments.contracts.stand import Case, Stand, on_both_wires

FOXBMS = Case("foxbms", {"simulator": "foxbms"}, channel="pack")

pytestmark = on_both_wires(FOXBMS)


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, BatteryManagement):
        assert isinstance(stand.driver, role)
    assert stand.driver.identify().model
    assert set(BMS_CHANNELS.values()) <= set(stand.driver.channels)


def test_a_mode_that_is_asked_for_is_reached_and_left(stand: Stand) -> None:
    stand.driver.identify()
    for mode, state in (
        (BmsMode.CHARGE, BmsState.CLOSED), (BmsMode.STANDBY, BmsState.STANDBY), (BmsMode.DISCHARGE, BmsState.CLOSED),
    ):  # fmt: skip
        stand.driver.request_mode(mode)
        stand.until(lambda state=state: stand.scan()["state"] == state)  # type: ignore[misc]
        assert stand.driver.state() is state
    assert stand.driver.faults() == ()


def test_what_it_tells_is_of_now_and_of_this_pack(stand: Stand) -> None:
    stand.driver.identify()
    stand.until(lambda: stand.scan()["age"] < 2.0)
    assert isnan(stand.scan()["soc min"])  # it shows the charge of what is connected, and nothing is
    stand.driver.request_mode(BmsMode.CHARGE)
    stand.until(lambda: not isnan(stand.scan()["soc min"]))
    found = stand.scan()
    assert 2.5 < found["cell voltage min"] <= found["cell voltage max"] < 4.3
    assert found["pack voltage"] == pytest.approx(24 * found["cell voltage min"], rel=0.02)
    assert found["soc min"] == pytest.approx(0.5, abs=0.02)
    assert found["cell temperature max"] == pytest.approx(25.0, abs=1.0)
    assert stand.driver.state_age() < 2.0


@pytest.mark.parametrize(
    "verb",
    [
        lambda bms: bms.identify(),
        lambda bms: bms.collect(),
        lambda bms: bms.request_mode(BmsMode.CHARGE),
        lambda bms: bms.state(),
        lambda bms: bms.faults(),
    ],
    ids=["identify", "collect", "request_mode", "state", "faults"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[BatteryManagement], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
