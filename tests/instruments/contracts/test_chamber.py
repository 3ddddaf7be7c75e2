"""What every climatic chamber owes, whatever its dialect and its wire."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from instruments.roles import CHAMBER_AIR, ClimateChamber, Instrument, InstrumentFault, Scanned, SetPointRejected
from tests.instruments.contracts.stand import Case, Stand, on_both_wires

QUICK = {"accuracy": 0.0, "lag": 0.0, "max_heating": 60.0, "max_cooling": 60.0}

WEISS = Case("weiss-simserv", {"simulator": "weiss-simserv", **QUICK}, "TCPIP::chamber.test::2049::SOCKET")
ESPEC = Case(
    "espec-p300", {"simulator": "espec-p300", "address": 3, **QUICK}, "packbench://chamber", options={"address": 3}
)
BINDER = Case("binder-mb1", {"simulator": "binder-mb1", "unit": 7, **QUICK}, "packbench://chamber", options={"unit": 7})

pytestmark = on_both_wires(WEISS, ESPEC, BINDER)


def test_it_plays_its_role_and_says_what_it_is(stand: Stand) -> None:
    for role in (Instrument, Scanned, ClimateChamber):
        assert isinstance(stand.driver, role)
    identity = stand.driver.identify()
    assert identity.manufacturer
    assert identity.model
    assert set(stand.driver.channels) == set(CHAMBER_AIR)


def test_it_is_found_at_rest_without_an_alarm(stand: Stand) -> None:
    assert stand.driver.chamber_is_resting()
    assert stand.driver.alarm() == ""
    assert stand.scan()["air"] == pytest.approx(25.0, abs=0.2)


@pytest.mark.parametrize(("target", "moves"), [(45.0, 1.0), (-10.0, -1.0)])
def test_the_air_goes_where_it_is_sent_and_the_scan_says_where_that_is(
    stand: Stand, target: float, moves: float
) -> None:
    stand.driver.set_temperature(target)
    assert not stand.driver.chamber_is_resting()
    assert stand.scan()["set point"] == pytest.approx(target, abs=0.05)
    stand.until(lambda: (stand.scan()["air"] - 25.0) * moves > 2.0)
    assert not stand.driver.chamber_is_resting()


def test_a_new_set_point_takes_the_place_of_the_old_one(stand: Stand) -> None:
    stand.driver.set_temperature(45.0)
    stand.scan()
    stand.driver.set_temperature(26.0)
    assert stand.scan()["set point"] == pytest.approx(26.0, abs=0.05)
    stand.until(lambda: abs(stand.scan()["air"] - 26.0) < 0.2)


def test_rest_is_rest_also_as_the_first_word(stand: Stand) -> None:
    stand.driver.chamber_rest()
    assert stand.driver.chamber_is_resting()
    stand.driver.set_temperature(45.0)
    stand.driver.chamber_rest()
    assert stand.driver.chamber_is_resting()


def test_a_set_point_outside_its_range_changes_nothing(stand: Stand) -> None:
    low, high = stand.driver.temperature_range
    assert low < 0.0
    assert high > 45.0
    for beyond in (low - 1.0, high + 1.0):
        with pytest.raises(SetPointRejected, match="air temperature"):
            stand.driver.set_temperature(beyond)
    assert stand.driver.chamber_is_resting()
    assert stand.scan()["set point"] == pytest.approx(25.0, abs=0.05)


def test_a_ramp_is_followed_or_refused_and_never_left_out(stand: Stand) -> None:
    with suppress(SetPointRejected):
        stand.driver.set_temperature(45.0, ramp=2.0)
        began = stand.clock.now()
        stand.until(lambda: stand.clock.now() - began > 15.0)
        assert stand.scan()["air"] < 25.0 + 2.0 * (stand.clock.now() - began + 2.0) / 60.0
        return
    assert stand.driver.chamber_is_resting()


@pytest.mark.parametrize(
    "verb",
    [
        lambda chamber: chamber.identify(),
        lambda chamber: chamber.request(),
        lambda chamber: chamber.set_temperature(30.0),
        lambda chamber: chamber.chamber_rest(),
        lambda chamber: chamber.chamber_is_resting(),
        lambda chamber: chamber.alarm(),
    ],
    ids=["identify", "request", "set_temperature", "chamber_rest", "chamber_is_resting", "alarm"],
)
def test_closed_is_closed(stand: Stand, verb: Callable[[ClimateChamber], object]) -> None:
    stand.driver.close()
    stand.driver.close()
    with pytest.raises(InstrumentFault, match="was closed"):
        verb(stand.driver)
