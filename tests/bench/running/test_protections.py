"""What source and sink are told to protect by themselves: they act when nothing else does any more."""

from collections.abc import Callable, Iterator

import pytest

from bench.testing import TestBench
from instruments.roles import Ratings
from tests.bench.conftest import OpenTestBench
from tests.bench.fakes import FakeSupply, Plant

HIGHEST, LOWEST = 4 * 3.45, 4 * 3.05
"""V of the little pack; it takes 4 A and gives 5 A."""


Armed = dict[str, tuple[float, float, float]]


@pytest.fixture
def armed(new_bench: OpenTestBench, plant: Plant, station_text: str) -> Iterator[Callable[..., Armed]]:
    """What is armed on the little station with one thing in its file replaced by another."""
    benches: list[TestBench] = []

    def opened(old: str = "", new: str = "") -> Armed:
        bench = new_bench(station=station_text.replace(old, new) if old else station_text)
        bench.open()
        benches.append(bench)
        return plant.armed

    yield opened
    for bench in benches:
        bench.conclude()


@pytest.fixture
def weak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supply that is rated for less than pack and wiring allow, either way."""
    monkeypatch.setattr(FakeSupply, "source_ratings", Ratings(60.0, 8.0, 50.0))
    monkeypatch.setattr(FakeSupply, "sink_ratings", Ratings(60.0, 8.0, 45.0))


def test_each_way_is_protected_just_beyond_what_the_pack_allows(armed: Callable[..., Armed]) -> None:
    """A twentieth beyond the voltages, a fifth beyond the currents: the guard names the cause first."""
    voltage = 1.05 * HIGHEST
    told = armed()
    assert told["source"] == pytest.approx((voltage, 1.2 * 4, 1.2 * 4 * voltage))
    assert told["sink"] == pytest.approx((LOWEST / 1.05, 1.2 * 5, 1.2 * 5 * voltage))


def test_what_is_protected_is_what_the_run_tells(little_bench: TestBench) -> None:
    source, sink = little_bench.run_log.manifest["protections"]
    assert (source["instrument"], source["over_voltage"]) == ("supply", pytest.approx(1.05 * HIGHEST))
    assert (source["over_current"], sink["over_current"]) == (pytest.approx(4.8), pytest.approx(6.0))
    assert sink["instrument"] == "supply (sink)"


def test_no_voltage_is_let_through_that_the_wiring_does_not_carry(armed: Callable[..., Armed]) -> None:
    assert armed("voltage: 40", "voltage: 14")["source"] == pytest.approx((14.0, 4.8, 4.8 * 14.0))


def test_no_current_is_let_through_that_the_wiring_does_not_carry(armed: Callable[..., Armed]) -> None:
    currents = {name: current for name, (_, current, _) in armed("current: 6", "current: 3").items()}
    assert currents == pytest.approx({"source": 3.6, "sink": 3.6})


@pytest.mark.usefixtures("weak")
def test_no_more_power_is_protected_than_the_instrument_is_rated_for(armed: Callable[..., Armed]) -> None:
    """It refuses a protection beyond its rating, and the bench would not open."""
    assert {name: power for name, (_, _, power) in armed().items()} == {"source": 50.0, "sink": 45.0}
