"""What every bidirectional charger owes, whatever its dialect and its wire: power each way, as seen from the grid."""

from collections.abc import Callable
from math import isnan, nan

import pytest

from instruments.roles import (
    CHARGER_CHANNELS,
    Charger,
    ChargerState,
    Instrument,
    InstrumentFault,
    Scanned,
    SetPointRejected,
)
from tests.instruments.contracts.outputs import EA
from tests.instruments.contracts.stand import Case, Stand, on_both_wires

BOX = {"simulator": "quasar", "accuracy": 0.0, "charge": 3700, "discharge": 3700, "dead_time": 1.0, "ramp": 200}
OPTIONS = {"charge": 3700, "discharge": 3700, "least": 60.0}
QUASAR = Case("quasar", BOX, "packbench://wallbox:502", options=OPTIONS, beside={"supply": EA})

pytestmark = on_both_wires(QUASAR)


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, Charger):
        assert isinstance(stand.driver, role)
    identity, ratings = stand.driver.identify(), stand.driver.charger_ratings
    assert identity.manufacturer
    assert identity.model
    assert min(ratings.charge, ratings.discharge, ratings.ramp) > 0
    assert 0 < ratings.efficiency <= 1
    assert set(CHARGER_CHANNELS) <= set(stand.driver.channels)


def test_it_is_found_off_and_may_be_told_so_first_of_all(stand: Stand) -> None:
    stand.driver.charger_off()
    assert stand.driver.charger_is_off()
    found = stand.scan()
    assert found["grid power"] == 0.0
    assert isnan(found["set grid power"])
    assert found["charger state"] == ChargerState.PAUSED


@pytest.mark.parametrize(
    ("power", "state"), [(250.0, ChargerState.CHARGING), (-250.0, ChargerState.DISCHARGING)], ids=["in", "out"]
)
def test_it_takes_and_gives_power_and_says_so_by_its_sign(stand: Stand, power: float, state: ChargerState) -> None:
    stand.driver.set_grid_power(power)
    stand.until(lambda: stand.scan()["grid power"] == pytest.approx(power, rel=0.01))
    found = stand.scan()
    assert found["set grid power"] == power
    assert found["charger state"] == state
    assert 0.4 < found["displayed state of charge"] < 0.6
    assert not stand.driver.charger_is_off()
    # It was asked whether it is off, and so told that it is to be.
    stand.until(stand.driver.charger_is_off)
    stand.until(lambda: stand.scan()["grid power"] == 0.0)
    assert isnan(stand.scan()["set grid power"])


def test_it_goes_from_one_way_to_the_other_and_to_rest(stand: Stand) -> None:
    for power in (300.0, -300.0, 150.0):
        stand.driver.set_grid_power(power)
        stand.until(lambda power=power: stand.scan()["grid power"] == pytest.approx(power, rel=0.01))  # type: ignore[misc]
    stand.driver.set_grid_power(0.0)
    stand.until(lambda: stand.scan()["grid power"] == 0.0)
    assert stand.scan()["set grid power"] == 0.0
    assert stand.driver.charger_is_off()


def test_what_flows_at_the_pack_is_less_than_it_takes_and_more_than_it_gives(stand: Stand) -> None:
    """Refereed by another instrument at the same terminals: the world's own voltmeter and the pack's current."""
    supply = stand.others["supply"]
    supply.identify()
    resting = _volts(supply)
    stand.driver.set_grid_power(300.0)
    stand.until(lambda: stand.scan()["grid power"] > 295)
    assert _volts(supply) > resting
    stand.driver.set_grid_power(-300.0)
    stand.until(lambda: stand.scan()["grid power"] < -295)
    assert _volts(supply) < resting


def _volts(supply: Scanned) -> float:
    supply.request()
    return float(supply.collect()[0])


def test_what_it_cannot_do_changes_nothing(stand: Stand) -> None:
    ratings = stand.driver.charger_ratings
    for power in (ratings.charge + 1, -ratings.discharge - 1, ratings.least / 2, -ratings.least / 2, nan, 40_000.0):
        with pytest.raises(SetPointRejected, match="nothing was sent"):
            stand.driver.set_grid_power(power)
    assert stand.driver.charger_is_off()
    assert isnan(stand.scan()["set grid power"])


@pytest.mark.parametrize(
    "verb",
    [
        lambda box: box.identify(),
        lambda box: box.request(),
        lambda box: box.set_grid_power(0.0),
        lambda box: box.charger_off(),
        lambda box: box.charger_is_off(),
    ],
    ids=["identify", "request", "set_grid_power", "charger_off", "charger_is_off"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[Charger], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
