"""A bench whose source and sink are two instruments: each measures the current, and both must say that it is gone."""

from collections.abc import Iterator
from math import nan

import pytest

from bench.safety.benchverdict import SafeStep
from bench.testing import TestBench
from instruments.roles import BmsMode
from tests.bench.conftest import OpenTestBench
from tests.bench.fakes import FakeSupply, Plant

ONE = '  supply: {driver: "tests.bench.fakes:FakeSupply", resource: plant, roles: [source, sink]}\n'
TWO = ONE.replace("source, sink", "source") + ONE.replace("source, sink", "sink").replace("supply:", "load:")


@pytest.fixture
def closed(new_bench: OpenTestBench, plant: Plant, station_text: str) -> Iterator[TestBench]:
    """An open bench with closed contactors and nothing on."""
    bench = new_bench(station=station_text.replace(ONE, TWO))
    bench.open()
    bench.engine.bench.roles.bms.request_mode(BmsMode.CHARGE)
    plant.calls.clear()
    yield bench
    bench.conclude()


def steps_with(bench: TestBench, monkeypatch: pytest.MonkeyPatch, meter: str, amps: float) -> dict[str, SafeStep]:
    """The steps of the safe state where one of the two meters reads `amps`, and nobody else finds a current."""
    collect = FakeSupply.collect

    def read(self: FakeSupply) -> list[float]:
        voltage, current, power = collect(self)
        return [voltage, amps if self.name == meter else current, power]

    with monkeypatch.context() as patch:
        patch.setattr(FakeSupply, "collect", read)
        return {step.name: step for step in bench.engine.bench.make_safe().steps}


@pytest.mark.parametrize("meter", ["supply", "load"])
@pytest.mark.parametrize(("amps", "words"), [(2.0, "2.00 A still flows"), (nan, "the current cannot be read")])
def test_a_current_is_gone_once_both_meters_say_so(
    closed: TestBench, monkeypatch: pytest.MonkeyPatch, meter: str, amps: float, words: str
) -> None:
    step = steps_with(closed, monkeypatch, meter, amps)["current gone"]
    assert (step.verified, step.detail) == (False, words)


@pytest.mark.parametrize("meter", ["supply", "load"])
def test_a_contactor_stays_closed_on_a_current_that_one_of_them_measures(
    closed: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, meter: str
) -> None:
    step = steps_with(closed, monkeypatch, meter, -2.0)["contactor open"]
    assert step.detail.startswith("left closed because 2.00 A still flow and no limit is violated")
    assert "request STANDBY" not in plant.calls


def test_a_contactor_opens_once_both_find_nothing(
    closed: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps_with(closed, monkeypatch, "load", 0.0)["contactor open"].verified
    assert "request STANDBY" in plant.calls
