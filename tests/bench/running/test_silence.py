"""How long a test says that it will be silent, s of real time: whoever watches it takes a longer silence for its end.

As long as that the BMS hears its request as well.
"""

from collections.abc import Callable, Iterator
from math import nextafter
from typing import ClassVar

import pytest

from bench.running.engine import ANSWERS_TO_PROGRAM, SLOW
from bench.safety.bms_errors import LISTEN
from bench.safety.safestate import STEP_LIMIT
from bench.scenario import Charge, Rest, Step, elapsed
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.roles import BmsState
from tests.bench.conftest import OpenTestBench
from tests.bench.fakes import FakeBms, FakeSupply, Plant

HEARTBEAT, IDLE = 5.0, 600.0
"""s, as a station has them that says nothing of it."""
CHARGE = Charge(1.0, until=elapsed(seconds=2))

Told = list[str | float | tuple[str, float]]
"""What was called, what was said of the silence, and how long the BMS was to hear its request meanwhile."""


class AskingBms(FakeBms):
    """A node that goes on to hear its request."""

    told: ClassVar[Told]

    def keep_asking(self, silence: float) -> None:
        self.told.append(("ask", silence))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> Told:
    """What a bench that is opened from here on says and does, in order, once the list was emptied."""
    found: Told = []
    called = plant.called

    def call(what: str) -> None:
        found.append(what)
        called(what)

    monkeypatch.setattr(TestBench, "alive", lambda _self, silence=0.0: found.append(silence))
    monkeypatch.setattr(AskingBms, "told", found, raising=False)
    monkeypatch.setattr(plant, "called", call)
    return found


@pytest.fixture
def opened(new_bench: OpenTestBench, told: Told, station_text: str) -> Iterator[Callable[..., TestBench]]:
    """The little bench on a station with one section more; nothing was told yet."""
    benches: list[TestBench] = []

    def of(section: str = "") -> TestBench:
        station = station_text.replace("tests.bench.fakes:FakeBms", f"{__name__}:AskingBms")
        bench = new_bench(station=f"{station}{section}\n")
        bench.open()
        benches.append(bench)
        told.clear()
        return bench

    yield of
    for bench in benches:
        bench.conclude()


def scan(wait: float, longest: float = 0.0) -> Told:
    """The wait for a scan, and the scan."""
    return [wait, ("ask", wait), longest, 0.0]


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_each_wait_for_a_scan_is_told_in_real_time(opened: Callable[..., TestBench], told: Told, speed: float) -> None:
    bench = opened(f"virtual: {{speed: {speed}, simulators: {{}}}}")
    bench.run(CHARGE, Rest(until=elapsed(seconds=20)))
    fast, slow = scan(1.0 / speed), scan(10.0 / speed)
    assert told == [
        "request CHARGE", *fast, "charge", *fast, "charge", *fast, "sink_off", "source_off", *slow, *slow,
        ("ask", IDLE), IDLE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("patience", "longest"), [(HEARTBEAT - 0.5, 0.0), (HEARTBEAT, 0.5), (HEARTBEAT + 1.5, 2.0), (0.1, 0.0)]
)
def test_a_scan_may_take_as_long_as_the_most_patient_link_and_half_a_second(
    opened: Callable[..., TestBench], told: Told, monkeypatch: pytest.MonkeyPatch, patience: float, longest: float
) -> None:
    """What a heartbeat covers is no longer silence."""
    monkeypatch.setattr(FakeSupply, "patience", patience, raising=False)
    monkeypatch.setattr(FakeBms, "patience", 0.05, raising=False)
    bench = opened()
    bench.run(Rest(until=elapsed(seconds=10)))
    assert told == [*scan(10.0, longest), ("ask", IDLE), IDLE]


def test_a_scan_that_is_late_already_is_not_waited_for(
    opened: Callable[..., TestBench], told: Told, plant: Plant
) -> None:
    bench = opened()
    takes = iter([0.0, 0.0, 1.5, 1.0])  # s of the look at the bus, and of each scan
    plant.on_scan.append(lambda: bench.engine.clock.sleep(next(takes, 0.0)))
    bench.run(Charge(1.0, until=elapsed(seconds=5)))
    waits = [each[1] for each in told if isinstance(each, tuple)][:-1]
    assert waits == [1.0, 1.0, 0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(("slowest", "said"), [(SLOW, [ANSWERS_TO_PROGRAM * SLOW]), (nextafter(SLOW, 0.0), [])])
def test_answers_that_fit_into_a_heartbeat_are_nothing_to_be_told(
    opened: Callable[..., TestBench], told: Told, monkeypatch: pytest.MonkeyPatch, slowest: float, said: Told
) -> None:
    assert ANSWERS_TO_PROGRAM * SLOW < HEARTBEAT < ANSWERS_TO_PROGRAM * (SLOW + 0.3)
    monkeypatch.setattr(FakeSupply, "slowest_answer", slowest, raising=False)
    monkeypatch.setattr(FakeBms, "slowest_answer", 0.01, raising=False)
    bench = opened()
    bench.run(CHARGE)
    programmed = [*said, "charge"]
    assert told == [
        "request CHARGE", *scan(1.0), *programmed, *scan(1.0), *programmed, *scan(1.0), "sink_off", "source_off",
        ("ask", IDLE), IDLE,
    ]  # fmt: skip


def test_where_time_is_virtual_no_answer_takes_any(
    on: Callable[..., TestBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[float] = []
    bench = on("virtual-module")
    monkeypatch.setattr(type(bench.engine.bench.drivers["supply"]), "slowest_answer", 7.0)
    monkeypatch.setattr(bench.engine, "alive", said.append)
    bench.run(Charge("C/10", until=elapsed(seconds=3)))
    assert max(said) < 7.0


def lose_the_output(plant: Plant) -> None:
    plant.source_on = False
    plant.advance()


def give_up(plant: Plant) -> None:
    plant.bms_state, plant.bms_faults = BmsState.ERROR, ["MainFuseBlown"]


OFF: Told = ["sink_off", "source_off"]


@pytest.mark.parametrize(
    ("happens", "until_raised"),
    [
        # Off first; then it is listened why, for a moment in which nobody scans.
        (give_up, [*OFF, LISTEN]),
        (lose_the_output, ["source_is_off", *OFF, LISTEN]),
    ],
)
def test_whatever_ends_a_step_may_take_its_time_to_be_understood_and_to_switch_off(
    opened: Callable[..., TestBench], told: Told, plant: Plant, happens: Callable[[Plant], None], until_raised: Told
) -> None:
    bench = opened()
    plant.on_scan.append(lambda: happens(plant) if plant.now() > 1.5 else None)
    with pytest.raises((BenchFault, PackFailure)):
        bench.run(CHARGE)
    assert told[: told.index(IDLE)] == [
        "request CHARGE", *scan(1.0), "charge", *scan(1.0), *until_raised, 2 * STEP_LIMIT, *OFF, STEP_LIMIT,
    ]  # fmt: skip


@pytest.mark.parametrize("step", [CHARGE, Rest(until=elapsed(seconds=100))], ids=lambda each: each.kind)
def test_a_test_that_nobody_watches_any_more_switches_off_all_the_same_and_says_why_it_ended(
    opened: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    bench = opened()

    def unwatched(_silence: float) -> None:
        if plant.now() > 1.5:
            raise BenchFault("nobody watches any more", "supervisor-gone")

    monkeypatch.setattr(bench.engine, "alive", unwatched)
    with pytest.raises(BenchFault, match="nobody watches any more"):
        bench.run(step, Rest(until=elapsed(seconds=100)))
    assert not plant.source_on
