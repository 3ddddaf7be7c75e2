"""How a BMS is brought to close its contactors: what it is asked, when, and from when on its word counts."""

import pytest

from bench.running.engine import CONTACTOR_TIMEOUT
from bench.scenario import Charge, Discharge, Rest, Step, elapsed
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.roles import BmsMode, BmsState
from tests.bench.fakes import Plant

LONG = elapsed(seconds=20)
CHARGE, DISCHARGE = Charge(1.0, until=LONG), Discharge(1.0, until=LONG)

Timed = list[tuple[float, str]]


@pytest.fixture
def asked(plant: Plant, little_bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> Timed:
    """What source, sink and BMS of the little bench are told from here on, and when (s); once where it is repeated."""
    found: Timed = []
    called, now = plant.called, little_bench.engine.clock.now

    def call(what: str) -> None:
        if what.startswith(("request", "charge", "discharge")) and (not found or found[-1][1] != what):
            found.append((now(), what))
        called(what)

    monkeypatch.setattr(plant, "called", call)
    return found


@pytest.mark.parametrize("step", [CHARGE, DISCHARGE], ids=lambda each: each.kind)
@pytest.mark.parametrize("closed", [None, BmsState.CLOSED])
def test_a_current_flows_once_the_bms_is_in_its_mode_or_just_closed(
    little_bench: TestBench, plant: Plant, asked: Timed, step: Step, closed: BmsState | None
) -> None:
    """A foxBMS 2 is in neither of the two ways in particular."""
    way = step.kind.lower()
    plant.bms_state = closed
    if closed is not None:
        plant.on_scan.append(lambda: setattr(plant, "bus", 4 * plant.cell))
    little_bench.run(step)
    assert asked == [(0.0, f"request {way.upper()}"), (1.0, way)]


@pytest.mark.parametrize(("first", "then"), [(CHARGE, DISCHARGE), (DISCHARGE, CHARGE)])
def test_a_node_that_stays_in_the_other_mode_for_two_seconds_is_led_by_way_of_standby(
    little_bench: TestBench, plant: Plant, asked: Timed, first: Step, then: Step
) -> None:
    """As a foxBMS is. One that is still on its way is let be, and the mode is asked for again only from standby."""
    little_bench.run(first)
    began, asked[:] = little_bench.engine.clock.now(), []
    stays = BmsState[first.kind.upper()]
    mode = BmsMode[then.kind.upper()]
    left = {"standby": 0}

    def change() -> None:
        if plant.bms_mode is BmsMode.STANDBY and stays:
            left["standby"] += 1
            plant.bms_state = stays if left["standby"] < 2 else BmsState.STANDBY
        elif left["standby"] == 0:
            plant.bms_state = stays
        else:
            plant.bms_state = None

    plant.bms_state = stays
    plant.on_scan.append(change)
    little_bench.run(then)
    way = then.kind.lower()
    assert asked == [
        (began, f"request {mode.name}"), (began + 3, "request STANDBY"), (began + 5, f"request {mode.name}"),
        (began + 6, way),
    ]  # fmt: skip


def test_a_node_that_is_in_neither_mode_is_not_led_anywhere(
    little_bench: TestBench, plant: Plant, asked: Timed
) -> None:
    plant.bms_state = BmsState.STANDBY
    plant.on_scan.append(lambda: plant.now() > 7.5 and setattr(plant, "bms_state", None))
    little_bench.run(CHARGE)
    assert asked == [(0.0, "request CHARGE"), (8.0, "charge")]


@pytest.mark.parametrize("state", [BmsState.STANDBY, BmsState.DISCHARGE])
def test_a_node_that_does_not_close_in_time_is_told_with_what_it_says(
    little_bench: TestBench, plant: Plant, asked: Timed, monkeypatch: pytest.MonkeyPatch, state: BmsState
) -> None:
    monkeypatch.setattr(Plant, "state", state)
    with pytest.raises(BenchFault) as fault:
        little_bench.run(CHARGE)
    assert str(fault.value).startswith(f"The BMS did not reach CHARGE within 15 s: it reports {state.name}; ")
    assert fault.value.fault == "contactor-not-closed"
    assert little_bench.engine.clock.now() == CONTACTOR_TIMEOUT + 1
    assert "charge" not in [what for _, what in asked]


@pytest.mark.parametrize(
    ("closes", "age", "kind", "from_then_on"),
    [
        (1.0, 0.0, "wall", 2.0), (1.0, 0.5, "wall", 2.0), (1.0, 1.0, "wall", 3.0), (1.0, 1.5, "wall", 3.0),
        (1.0, 2.5, "wall", 4.0), (10.0, 2.5, "wall", 13.0),
        # It is waited for as long as for the contactors, and no longer.
        (12.0, 2.5, "wall", CONTACTOR_TIMEOUT), (13.0, 2.5, "wall", CONTACTOR_TIMEOUT + 1),
        (14.0, 2.5, "wall", CONTACTOR_TIMEOUT + 1), (1.0, 2.5, "virtual", 1.0), (14.0, 2.5, "virtual", 14.0),
    ],
)  # fmt: skip
def test_a_current_flows_once_everything_that_the_bms_says_was_said_behind_its_contactors(
    little_bench: TestBench, plant: Plant, asked: Timed, monkeypatch: pytest.MonkeyPatch, closes: float, age: float,
    kind: str, from_then_on: float,
) -> None:  # fmt: skip
    """It is looked at each second; on a virtual clock a node has said everything by then."""
    monkeypatch.setattr(little_bench.engine.clock, "kind", kind)
    plant.bms_age, plant.bms_state = age, BmsState.STANDBY
    plant.on_scan.append(lambda: plant.now() >= closes and setattr(plant, "bms_state", None))
    little_bench.run(Charge(1.0, until=elapsed(seconds=3)))
    assert asked == [(0.0, "request CHARGE"), (from_then_on, "charge")]


@pytest.mark.parametrize(("when", "told"), [(0.0, True), (5.0, False)])
def test_a_bms_that_gives_up_while_it_is_asked_for_a_mode_is_told_with_that_mode(
    little_bench: TestBench, plant: Plant, when: float, told: bool
) -> None:
    plant.on_scan.append(lambda: plant.now() > when and setattr(plant, "bms_state", BmsState.ERROR))
    with pytest.raises((BenchFault, PackFailure)) as gave_up:
        little_bench.run(DISCHARGE, Rest(until=LONG))
    assert (" when asked for DISCHARGE" in str(gave_up.value)) is told
    little_bench.conclude(gave_up.value)
