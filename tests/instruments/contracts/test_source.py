"""What every source owes, whatever its dialect and its wire: it charges a pack."""

from collections.abc import Callable

import pytest

from instruments.roles import TERMINALS, Instrument, InstrumentFault, Scanned, SetPointRejected, Source
from tests.instruments.contracts.outputs import EA
from tests.instruments.contracts.stand import Stand, on_both_wires

pytestmark = on_both_wires(EA)


def test_it_plays_its_role_and_says_what_it_can(stand: Stand) -> None:
    for role in (Instrument, Scanned, Source):
        assert isinstance(stand.driver, role)
    identity, ratings = stand.driver.identify(), stand.driver.source_ratings
    assert identity.model
    assert min(ratings.voltage, ratings.current, ratings.power) > 0
    assert set(TERMINALS) <= set(stand.driver.channels)


def test_it_is_found_off_and_may_be_told_so_first_of_all(stand: Stand) -> None:
    stand.driver.source_off()
    assert stand.driver.source_is_off()


def test_it_charges_at_the_current_and_counts_it_as_positive(stand: Stand) -> None:
    stand.driver.identify()
    stand.driver.charge(2.0, 101.0)
    assert not stand.driver.source_is_off()
    stand.until(lambda: stand.scan()["current"] > 1.9)
    found = stand.scan()
    assert found["current"] == pytest.approx(2.0, abs=0.05)
    assert found["power"] == pytest.approx(found["voltage"] * found["current"], rel=0.02)
    stand.driver.source_off()
    assert stand.driver.source_is_off()
    stand.until(lambda: stand.scan()["current"] == pytest.approx(0.0, abs=0.05))


def test_it_holds_the_voltage_where_the_pack_has_come_to_it(stand: Stand) -> None:
    stand.driver.identify()
    at_rest = stand.scan()["voltage"]
    stand.driver.charge(20.0, at_rest + 0.5)
    stand.until(lambda: stand.scan()["current"] > 0.1)
    found = stand.scan()
    assert found["voltage"] == pytest.approx(at_rest + 0.5, abs=0.1)
    assert found["current"] < 19.0


def test_its_own_protection_is_read_back(stand: Stand) -> None:
    stand.driver.identify()
    armed = stand.driver.protect_source(110.0, 30.0, 3000.0)
    assert (armed.over_voltage, armed.over_current, armed.over_power) == pytest.approx((110.0, 30.0, 3000.0), rel=0.01)


def test_what_it_cannot_deliver_changes_nothing(stand: Stand) -> None:
    stand.driver.identify()
    ratings = stand.driver.source_ratings
    for current, voltage in ((ratings.current * 1.1, 50.0), (2.0, ratings.voltage * 1.1)):
        with pytest.raises(SetPointRejected):
            stand.driver.charge(current, voltage)
    assert stand.driver.source_is_off()


@pytest.mark.parametrize(
    "verb",
    [
        lambda source: source.identify(),
        lambda source: source.request(),
        lambda source: source.charge(2.0, 100.0),
        lambda source: source.source_off(),
        lambda source: source.source_is_off(),
    ],
    ids=["identify", "request", "charge", "source_off", "source_is_off"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[Source], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
