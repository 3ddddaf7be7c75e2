"""What every sink owes, whatever its dialect and its wire: it discharges a pack."""

from collections.abc import Callable

import pytest

from instruments.roles import TERMINALS, Instrument, InstrumentFault, Scanned, SetPointRejected, Sink
from tests.instruments.contracts.outputs import CHROMA, EA
from tests.instruments.contracts.stand import Stand, on_both_wires

pytestmark = on_both_wires(CHROMA, EA)


def test_it_plays_its_role_and_says_what_it_can(stand: Stand) -> None:
    for role in (Instrument, Scanned, Sink):
        assert isinstance(stand.driver, role)
    identity, ratings = stand.driver.identify(), stand.driver.sink_ratings
    assert identity.model
    assert min(ratings.voltage, ratings.current, ratings.power) > 0
    assert set(TERMINALS) <= set(stand.driver.channels)


def test_it_is_found_off_and_may_be_told_so_first_of_all(stand: Stand) -> None:
    stand.driver.sink_off()
    assert stand.driver.sink_is_off()


def test_it_discharges_at_the_current_and_counts_it_as_negative(stand: Stand) -> None:
    stand.driver.identify()
    stand.driver.discharge(2.0, 60.0)
    assert not stand.driver.sink_is_off()
    stand.until(lambda: stand.scan()["current"] < -1.9)
    found = stand.scan()
    assert found["current"] == pytest.approx(-2.0, abs=0.05)
    assert found["power"] == pytest.approx(found["voltage"] * found["current"], rel=0.02)
    stand.driver.sink_off()
    assert stand.driver.sink_is_off()
    stand.until(lambda: stand.scan()["current"] == pytest.approx(0.0, abs=0.05))


def test_what_it_has_of_protections_is_read_back(stand: Stand) -> None:
    stand.driver.identify()
    armed = stand.driver.protect_sink(60.0, 30.0, 3000.0)
    assert armed.over_current is None or armed.over_current == pytest.approx(30.0, rel=0.01)
    assert armed.over_power is None or armed.over_power == pytest.approx(3000.0, rel=0.01)


def test_what_it_cannot_absorb_changes_nothing(stand: Stand) -> None:
    stand.driver.identify()
    with pytest.raises(SetPointRejected):
        stand.driver.discharge(stand.driver.sink_ratings.current * 1.1, 60.0)
    assert stand.driver.sink_is_off()


@pytest.mark.parametrize(
    "verb",
    [
        lambda sink: sink.identify(),
        lambda sink: sink.request(),
        lambda sink: sink.discharge(2.0, 60.0),
        lambda sink: sink.sink_off(),
        lambda sink: sink.sink_is_off(),
    ],
    ids=["identify", "request", "discharge", "sink_off", "sink_is_off"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[Sink], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
