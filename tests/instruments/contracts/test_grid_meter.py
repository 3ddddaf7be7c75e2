"""What every meter at a house's connection owes, whatever its dialect and its wire."""

from collections.abc import Callable

import pytest

from instruments.roles import GRID_METER_CHANNELS, GridMeter, Instrument, InstrumentFault, Scanned
from tests.instruments.contracts.stand import Case, Stand, on_both_wires

METER = {"simulator": "eastron-sdm630", "accuracy": 0.0, "line": 0.5, "house": 600, "sun": 1500, "unit": 3}
BOX = {"simulator": "quasar", "accuracy": 0.0, "charge": 3700, "discharge": 3700, "dead_time": 0.2, "ramp": 2000}
QUASAR = Case("quasar", BOX, "packbench://wallbox:502", options={"charge": 3700, "discharge": 3700, "least": 60.0})
EASTRON = Case("eastron-sdm630", METER, "packbench://meter", options={"unit": 3}, beside={"wallbox": QUASAR})

pytestmark = on_both_wires(EASTRON)


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, GridMeter):
        assert isinstance(stand.driver, role)
    identity = stand.driver.identify()
    assert identity.manufacturer
    assert identity.model
    assert stand.driver.phases in {1, 3}
    assert tuple(stand.driver.channels) == GRID_METER_CHANNELS


def test_it_sees_the_balance_of_house_roof_and_charger(stand: Stand) -> None:
    """600 W less 1500 W go into the grid, and what the wall box takes comes from it."""
    found = stand.scan()
    assert found["connection power"] == pytest.approx(-900.0, abs=0.01)
    assert found["mains frequency"] == pytest.approx(50.0, abs=1e-3)
    box = stand.others["wallbox"]
    box.set_grid_power(250.0)
    stand.until(lambda: stand.scan()["connection power"] == pytest.approx(-650.0, abs=2.0))
    box.set_grid_power(-250.0)
    stand.until(lambda: stand.scan()["connection power"] == pytest.approx(-1150.0, abs=2.0))


def test_what_flows_into_the_grid_lifts_the_voltage(stand: Stand) -> None:
    """-900 W over three phases are 300 W each: V (V - 230) = 0.5 * 300."""
    volts = stand.scan()["mains voltage"]
    assert volts * (volts - 230.0) == pytest.approx(0.5 * 300.0, abs=0.5)


@pytest.mark.parametrize("verb", [lambda meter: meter.identify(), lambda meter: meter.request()])
def test_closed_is_closed(stand: Stand, verb: Callable[[Scanned], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
