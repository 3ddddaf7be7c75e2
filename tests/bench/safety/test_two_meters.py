"""A bench whose source and sink are two instruments: each measures the current, and both must say that it is gone."""

from collections.abc import Iterator
from math import nan

import pytest

from bench.safety import safestate
from bench.safety.benchverdict import SafeStep
from bench.testing import TestBench
from instruments.roles import BmsMode
from tests.bench.conftest import OpenTestBench
from tests.bench.fakes import FakeSupply, Plant

ONE = '  supply: {driver: "tests.bench.fakes:FakeSupply", resource: plant, roles: [source, sink]}\n'
TWO = ONE.replace("source, sink", "source") + ONE.replace("source, sink", "sink").replace("supply:", "load:")


@pytest.fixture
def closed(
    new_bench: OpenTestBench, plant: Plant, station_text: str, request: pytest.FixtureRequest
) -> Iterator[TestBench]:
    """An open bench with closed contactors and nothing on; an indirect parameter is the current (A) that is none."""
    gone = f"safe_state: {{bus_meter: supply, current: {getattr(request, 'param', 0.5)}}}"
    bench = new_bench(station=station_text.replace(ONE, TWO).replace("safe_state: {bus_meter: supply}", gone))
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


@pytest.mark.parametrize("closed", [0.1], indirect=True)
def test_the_current_that_the_station_states_is_the_ammeters_and_a_bms_may_measure_more(
    closed: TestBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shunt for hundreds of amperes reads half of one where none flows; an ammeter of the bench does not."""
    step = steps_with(closed, monkeypatch, "load", 0.3)["contactor open"]
    assert step.detail.startswith("left closed because 0.30 A still flow")


def test_a_contactor_opens_once_both_find_nothing(
    closed: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps_with(closed, monkeypatch, "load", 0.0)["contactor open"].verified
    assert "request STANDBY" in plant.calls


@pytest.mark.parametrize(
    ("step", "roles", "longer"),
    [
        ("source off", ("source",), 1),
        ("source off", ("source", "source"), 2),
        ("source off", ("source", "source", "source"), 3),
        ("source off", ("source", "sink"), 1),
        ("sink off", ("source", "sink", "sink"), 2),
    ],
)
def test_a_step_may_take_longer_where_more_than_one_plays_its_role(
    closed: TestBench, step: str, roles: tuple[str, ...], longer: int
) -> None:
    """Each is told and read back in its turn; the supervisor is told to be as patient."""
    station = closed.station
    (entry,) = [each for name, each in station.instruments.items() if name == "supply"]
    others = {name: each for name, each in station.instruments.items() if not {"source", "sink"} & set(each.roles)}
    players = {f"psu {at}": entry.model_copy(update={"roles": (role,)}) for at, role in enumerate(roles)}
    many = station.model_copy(update={"instruments": others | players})
    insists = station.safe_state.insist
    assert safestate.longest(many, step) - insists == 5 * 5.0 * longer
