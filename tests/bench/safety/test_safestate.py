"""The safe state: the whole list in order, whatever fails on the way, and nothing believed that was not read back."""

from collections.abc import Callable
from itertools import pairwise
from threading import Event, current_thread, main_thread
from typing import Any, cast

import pytest

from bench.clock import VirtualClock, WallClock
from bench.pack import load_pack
from bench.players import Players
from bench.running.lifecycle import OpenBench
from bench.running.setup import Setup
from bench.safety import safestate, witness
from bench.safety.benchverdict import BenchVerdict, SafeStep
from bench.safety.safestate import LEFT_OUT, outputs_off, safe_state
from bench.scenario import Charge, elapsed
from bench.station import load_station
from bench.testing import TestBench
from instruments.roles import BmsMode, BmsState, InstrumentFault, Scanned
from tests.bench.fakes import FakeBms, FakeSupply, Plant

pytestmark = pytest.mark.real_time

ORDER = ["sink off", "source off", "current gone", "contactor open", "bus discharged", "chamber to rest"]
ACTIONS = ["sink_off", "source_off", "request STANDBY", "chamber_rest"]
READ_BACKS = ["sink_is_off", "source_is_off", "chamber_is_resting"]


def make_safe(bench: TestBench) -> BenchVerdict:
    return bench.engine.bench.make_safe()


def unverified(verdict: BenchVerdict) -> list[str]:
    return [step.name for step in verdict.steps if step.verified is False]


def said(plant: Plant) -> list[str]:
    """The commands in their order; one that is repeated counts once."""
    commands = [call for call in plant.calls if call in ACTIONS]
    return [command for before, command in pairwise(["", *commands]) if command != before]


@pytest.fixture
def live(little_bench: TestBench, plant: Plant) -> TestBench:
    """A bench with everything on: charging, contactors closed, chamber conditioning."""
    opened = little_bench.engine.bench
    opened.roles.bms.request_mode(BmsMode.CHARGE)
    opened.roles.chamber.set_temperature(40.0)
    opened.roles.source.charge(1.0, 14.0)
    plant.advance()
    plant.calls.clear()
    return little_bench


def test_everything_is_switched_off_in_order_and_read_back(live: TestBench, plant: Plant) -> None:
    verdict = make_safe(live)
    assert verdict.safe
    assert str(verdict) == "outputs verified off"
    assert [step.name for step in verdict.steps] == ORDER
    assert [call for call in plant.calls if call in ACTIONS] == ACTIONS
    assert set(READ_BACKS) <= set(plant.calls)
    assert not plant.source_on
    assert not plant.sink_on
    assert not plant.conditioning
    assert plant.state is BmsState.STANDBY


@pytest.mark.parametrize("broken", ACTIONS)
@pytest.mark.parametrize("error", [InstrumentFault("no answer"), OSError("unplugged"), TimeoutError(), KeyError("x")])
def test_every_other_step_is_attempted_when_one_fails(
    live: TestBench, plant: Plant, broken: str, error: Exception
) -> None:
    plant.fail[broken] = error
    verdict = make_safe(live)
    # A source that cannot be told OFF goes on charging: nobody opens the contactor under its current.
    left_out = {"request STANDBY"} if broken == "source_off" else set()
    assert list(dict.fromkeys(said(plant))) == [action for action in ACTIONS if action not in left_out]
    failed = next(step for step in verdict.steps if not step.done)
    assert failed.name in unverified(verdict)
    assert failed.detail not in {"", "verified"}
    assert not verdict.safe


def test_every_step_is_attempted_when_all_fail(live: TestBench, plant: Plant) -> None:
    """But for the contactor, which would open under the current that nobody could switch off."""
    plant.fail = {name: InstrumentFault("no answer") for name in (*ACTIONS, *READ_BACKS)}
    verdict = make_safe(live)
    assert list(dict.fromkeys(said(plant))) == ["sink_off", "source_off", "chamber_rest"]
    assert len(verdict.steps) == len(ORDER)
    assert not verdict.safe


@pytest.mark.parametrize(
    ("read_back", "step"), zip(READ_BACKS, ["sink off", "source off", "chamber to rest"], strict=True)
)
def test_what_cannot_be_read_back_is_not_verified(live: TestBench, plant: Plant, read_back: str, step: str) -> None:
    plant.fail[read_back] = TimeoutError()
    verdict = make_safe(live)
    assert unverified(verdict) == [step]
    assert step in str(verdict)
    assert "Switch the bench off by hand" in str(verdict)


def test_an_output_that_stays_on_is_found_out(live: TestBench, plant: Plant) -> None:
    plant.switches_stuck = True
    verdict = make_safe(live)
    assert unverified(verdict) == ["source off", "current gone", "contactor open"]
    assert "output still reads on; told OFF 52 times, while up to 1.00 A flowed through the pack" in str(verdict)
    assert "1.00 A still flows" in str(verdict)


def test_a_current_that_flows_with_every_output_off_is_found_out(live: TestBench, plant: Plant) -> None:
    """Out of the pack it may be the sink's, which says that it is off; the source's it cannot be."""
    plant.leak = -3.0
    assert unverified(make_safe(live)) == ["sink off", "current gone", "contactor open"]


def test_an_output_that_says_off_and_reads_nothing_is_found_out_by_the_bms(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.leak = -3.0
    monkeypatch.setattr(FakeSupply, "collect", lambda _self: [13.0, 0.0, 0.0])
    verdict = make_safe(live)
    assert unverified(verdict) == ["sink off", "current gone", "contactor open"]
    assert "3.00 A still flows through the pack, as its BMS measures it" in str(verdict)


@pytest.mark.parametrize("read_back", ["sink_is_off", "source_is_off", "chamber_is_resting"])
def test_one_answer_that_is_lost_is_asked_for_again(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, read_back: str
) -> None:
    called = plant.called

    def lost_once(what: str) -> None:
        called(what)
        if plant.calls.count(read_back) == 1 and what == read_back:
            raise InstrumentFault("no answer")

    monkeypatch.setattr(plant, "called", lost_once)
    assert make_safe(live).safe
    assert plant.calls.count(read_back) == 2


def test_a_current_that_nobody_can_read_is_not_gone(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSupply, "collect", lambda _self: [0.0, float("nan"), 0.0])
    assert unverified(make_safe(live)) == ["current gone"]


def test_a_contactor_that_stays_closed_is_found_out(live: TestBench, plant: Plant) -> None:
    plant.bms_state = BmsState.CHARGE
    verdict = make_safe(live)
    assert unverified(verdict) == ["contactor open"]
    assert "BMS reports CHARGE" in str(verdict)


OPEN = {BmsState.STANDBY, BmsState.OPENING, BmsState.ERROR}


@pytest.mark.parametrize("state", BmsState)
def test_only_a_state_without_a_closed_contactor_counts_as_open(live: TestBench, plant: Plant, state: BmsState) -> None:
    """A precharge has one contactor closed and the next about to; a node that starts has not looked yet."""
    plant.bms_state = state
    (step,) = [step for step in make_safe(live).steps if step.name == "contactor open"]
    assert (step.verified, step.detail) == (
        (True, "verified") if state in OPEN else (False, f"BMS reports {state.name}")
    )


def test_a_contactor_of_which_nothing_is_heard_any_more_is_told_with_the_age_of_the_news(
    live: TestBench, plant: Plant
) -> None:
    plant.bms_state, plant.bms_age = BmsState.CHARGE, 8.0
    assert "contactor open: BMS reported CHARGE 8 s ago and no state since" in str(make_safe(live))


def test_a_contactor_that_was_open_when_the_bms_fell_silent_is_not_verified(live: TestBench, plant: Plant) -> None:
    plant.bms_state, plant.bms_age = BmsState.STANDBY, 8.0
    assert "contactor open" in unverified(make_safe(live))


def test_a_contactor_may_take_its_time(live: TestBench, plant: Plant) -> None:
    plant.bms_state = BmsState.CHARGE
    ticks = 0

    def open_after_a_second() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 10:
            plant.bms_state = BmsState.STANDBY

    live.engine.clock.every(0.1, open_after_a_second)
    verdict = make_safe(live)
    assert verdict.safe
    assert sum(step.duration for step in verdict.steps[:4]) == pytest.approx(1.0 + 0.5, abs=0.11)


@pytest.mark.parametrize("signal", ["PositiveContactorError", "STRING_MINUS_CONTACTOR_FEEDBACK"])
@pytest.mark.parametrize("after", [0, 3])
def test_a_contactor_that_did_not_follow_is_told_though_the_bms_shows_standby(
    live: TestBench, plant: Plant, after: int, signal: str
) -> None:
    """The other pole opens the circuit, so that no meter of the bench tells; the BMS finds out a moment later."""
    looks = 0

    def find_out() -> None:
        nonlocal looks
        if plant.bms_mode is BmsMode.STANDBY:
            looks += 1
            if looks > after:
                plant.bms_faults = [signal]

    live.engine.clock.every(0.1, find_out)
    verdict = make_safe(live)
    assert unverified(verdict) == ["contactor open"]
    assert f"BMS reports a contactor that did not open ({signal})" in str(verdict)


def test_another_error_of_a_bms_with_open_contactors_is_not_one_of_its_contactors(
    live: TestBench, plant: Plant
) -> None:
    plant.bms_faults = ["MainFuseBlown"]
    assert make_safe(live).safe


def test_a_bus_that_stays_live_is_found_out(live: TestBench, plant: Plant) -> None:
    plant.bus = 61.5
    verdict = make_safe(live)
    assert unverified(verdict) == ["bus discharged"]
    assert "61.5 V remain on the bus, less than 60 V is safe to touch" in str(verdict)
    assert verdict.steps[-1].done


def test_a_bus_may_take_its_time_to_discharge(live: TestBench, plant: Plant) -> None:
    plant.bus = 80.0

    def discharge() -> None:
        plant.bus = (plant.bus or 0.0) - 5.0

    live.engine.clock.every(1.0, discharge)
    verdict = make_safe(live)
    assert verdict.safe
    assert verdict.steps[4].duration == pytest.approx(5.0, abs=1.1)


def test_a_bus_voltage_that_nobody_can_read_is_not_gone(live: TestBench, plant: Plant) -> None:
    plant.bus = float("nan")
    verdict = make_safe(live)
    assert unverified(verdict) == ["contactor open", "bus discharged"]
    assert "the bus voltage cannot be read" in str(verdict)


def test_where_nobody_at_all_measures_the_bus_the_verdict_names_nobody(
    new_bench: Callable[..., TestBench], station_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "BusVoltmeter", type("Nobody", (), {}))
    bench = new_bench(station=station_text.replace("safe_state: {bus_meter: supply}", ""))
    bench.open()
    (step,) = [step for step in make_safe(bench).steps if step.name == "bus discharged"]
    assert (step.verified, step.detail) == (None, safestate.NOT_MEASURABLE)
    bench.conclude()


def test_where_the_bus_cannot_be_measured_the_verdict_says_so(
    new_bench: Callable[..., TestBench], station_text: str
) -> None:
    bench = new_bench(station=station_text.replace("safe_state: {bus_meter: supply}", ""))
    bench.open()
    verdict = make_safe(bench)
    (step,) = [step for step in verdict.steps if step.name == "bus discharged"]
    assert (step.done, step.verified, step.detail) == (
        False, None, f"{safestate.NOT_MEASURABLE}; bms alone finds it dead"
    )  # fmt: skip
    assert (verdict.safe, verdict.state) == (True, "reported")
    assert str(verdict).startswith("outputs off, as the instruments themselves report (")
    assert "bus discharged: not measurable here: " in str(verdict)
    assert verdict.as_dict()["steps"][4]["verified"] is None
    bench.conclude()


WRITTEN = "safe_state: {bus_meter: supply, current: 2, order: [source off, sink off, current gone, contactor open, chamber to rest, bus discharged]}"  # noqa: E501


def test_the_order_is_the_station_s(new_bench: Callable[..., TestBench], station_text: str, plant: Plant) -> None:
    bench = new_bench(station=station_text.replace("safe_state: {bus_meter: supply}", WRITTEN))
    bench.open()
    plant.calls.clear()
    verdict = make_safe(bench)
    assert [step.name for step in verdict.steps] == list(bench.station.safe_order)
    assert [call for call in plant.calls if call in ACTIONS] == [
        "source_off", "sink_off", "request STANDBY", "chamber_rest",
    ]  # fmt: skip
    assert bench.run_log.manifest["safe_state"] == {
        "order": list(bench.station.safe_order), "current": 2.0, "bus_voltage": 60.0, "bus_meter": "supply",
        "settle": 2.0, "discharge": 10.0, "confirm": (), "insist": 5.0, "breaking_current": None,
    }  # fmt: skip
    bench.conclude()


def test_the_contactor_waits_for_the_current_that_the_station_states(
    new_bench: Callable[..., TestBench], station_text: str, plant: Plant
) -> None:
    bench = new_bench(station=station_text.replace("safe_state: {bus_meter: supply}", WRITTEN))
    bench.open()
    plant.leak = -1.9
    assert make_safe(bench).safe
    plant.leak = -2.1
    assert unverified(make_safe(bench)) == ["sink off", "current gone"]
    plant.leak = 0.0
    bench.conclude()


def test_both_outputs_are_tried_before_the_first_failure_is_raised(live: TestBench, plant: Plant) -> None:
    plant.fail["sink_off"] = InstrumentFault("sink does not answer")
    plant.fail["source_off"] = InstrumentFault("source does not answer")
    with pytest.raises(InstrumentFault, match="sink does not answer"):
        outputs_off(live.engine.bench.roles)
    assert plant.calls == ["sink_off", "source_off"]


def test_a_bench_that_only_looks_is_verified_and_one_whose_steps_are_lost_is_not() -> None:
    station = load_station("virtual-module")[0]
    looking = station.model_copy(update={"instruments": {"temperatures": station.instruments["temperatures"]}})
    only_looks = safe_state(Players({}), VirtualClock(), looking)
    assert (only_looks.state, only_looks.safe) == ("verified", True)
    assert str(only_looks) == "no instrument of this bench has anything to switch off"
    lost = BenchVerdict.from_dict({"safe": True, "state": "verified", "steps": []})
    assert (lost.state, lost.safe) == ("not verified", False)
    assert str(lost).startswith("NOT VERIFIED SAFE (safe state: what became of its steps is lost)")
    assert BenchVerdict.from_dict(only_looks.as_dict()) == only_looks


def test_a_verdict_is_stored_step_by_step() -> None:
    verdict = BenchVerdict((SafeStep("sink off", done=True, verified=False, detail="still on", duration=0.1),))
    assert verdict.as_dict() == {
        "safe": False, "state": "not verified",
        "steps": [
            {"name": "sink off", "done": True, "verified": False, "detail": "still on", "duration": 0.1, "witness": ""}
        ],
    }  # fmt: skip


def test_a_test_that_passed_on_a_bench_that_is_not_safe_is_a_bench_fault(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    bench = new_bench()
    bench.open()
    bench.run(Charge(1.0, elapsed(seconds=5)))
    bench.verify("everything", 1.0, at_least=0.0)
    plant.fail["source_is_off"] = InstrumentFault("source does not answer")
    conclusion = bench.conclude()
    assert conclusion.verdict == "BENCH FAULT"
    assert "source off: source does not answer" in str(conclusion.error)
    assert bench.run_log.manifest["cause"]["blame"] == "bench"
    assert bench.run_log.manifest["bench_verdict"]["safe"] is False


@pytest.mark.parametrize(("name", "pack"), [("virtual-module", "lfp-24s"), ("virtual-pack", "lfp-96s")])
def test_the_bus_meter_of_a_virtual_station_is_where_its_file_says(name: str, pack: str) -> None:
    opened = OpenBench(Setup(*load_station(name), *load_pack(pack)))
    meter = cast("Scanned", opened.roles.source)

    def voltage() -> float:
        meter.request()
        return meter.collect()[0]

    opened.roles.bms.request_mode(BmsMode.CHARGE)
    for _ in range(100):
        opened.clock.sleep(0.1)
        opened.roles.bms_scan()
    assert opened.roles.bms.state() is BmsState.CLOSED
    assert voltage() > opened.station.safe_state.bus_voltage
    assert opened.make_safe().safe
    assert voltage() < 1.0
    opened.close()


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What does not come back, on a bench whose patience is short."""
    monkeypatch.setattr(safestate, "STEP_LIMIT", 0.2)
    released = Event()
    yield released
    released.set()


HANGING = [("sink_off", "sink off"), ("source_off", "source off"), ("source_is_off", "source off"),
           ("chamber_rest", "chamber to rest"), ("request_mode", "contactor open")]  # fmt: skip


@pytest.mark.parametrize(("verb", "step"), HANGING)
def test_a_step_that_hangs_keeps_no_other_from_being_tried(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, never: Event, verb: str, step: str
) -> None:
    roles = live.engine.bench.roles
    player = {"chamber_rest": roles.chamber, "request_mode": roles.bms}.get(verb, roles.source)
    with monkeypatch.context() as patch:
        patch.setattr(player, verb, lambda *_arguments: never.wait(), raising=True)
        verdict = safe_state(roles, WallClock(), live.station)
    assert step in unverified(verdict)
    (hung,) = [entry for entry in verdict.steps if entry.name == step]
    assert hung.detail == "did not come back within 0.2 s"
    others = {"sink_off", "source_off", "chamber_rest"} - {verb}
    assert others <= set(plant.calls)


def test_on_a_virtual_clock_everything_stays_in_one_thread(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    monkeypatch.setattr(live.engine.bench.roles.source, "source_is_off", lambda: threads.add(current_thread()) or True)
    assert make_safe(live).safe
    assert threads == {main_thread()}


def test_what_a_step_raises_in_its_thread_is_told_as_ever(live: TestBench, plant: Plant) -> None:
    plant.fail["source_is_off"] = InstrumentFault("source does not answer")
    verdict = safe_state(live.engine.bench.roles, WallClock(), live.station)
    assert [step.detail.partition(";")[0] for step in verdict.steps if step.verified is False] == [
        "source does not answer"
    ]


# --- hurry --------------------------------------------------------------------------------------------------------


def test_in_a_hurry_the_outputs_go_off_and_nothing_else_is_done(live: TestBench, plant: Plant) -> None:
    hurry = Event()
    hurry.set()
    verdict = safe_state(live.engine.bench.roles, live.engine.clock, live.station, hurry=hurry)
    assert plant.calls == ["sink_off", "source_off"]
    assert {step.detail for step in verdict.steps} == {LEFT_OUT}
    assert not verdict.safe


@pytest.mark.parametrize("wall", [True, False])
def test_in_a_hurry_an_output_that_hangs_on_a_wall_clock_holds_nobody_up(
    live: TestBench, monkeypatch: pytest.MonkeyPatch, *, wall: bool
) -> None:
    """On a virtual one everything stays in one thread."""
    threads = set()
    hurry = Event()
    hurry.set()
    for verb in ("source_off", "sink_off"):
        monkeypatch.setattr(live.engine.bench.roles.source, verb, lambda: threads.add(current_thread()))
    safe_state(live.engine.bench.roles, WallClock() if wall else live.engine.clock, live.station, hurry=hurry)
    assert (main_thread() in threads) is not wall
    assert len(threads) == (2 if wall else 1)


@pytest.mark.parametrize("wall", [True, False])
def test_a_hurry_on_the_way_leaves_out_what_was_not_reached(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, *, wall: bool
) -> None:
    hurry = Event()
    plant.bms_state = BmsState.CHARGE
    bms = live.engine.bench.roles.bms
    monkeypatch.setattr(bms, "request_mode", lambda _mode: hurry.set())
    clock = WallClock() if wall else live.engine.clock
    verdict = safe_state(live.engine.bench.roles, clock, live.station, hurry=hurry)
    assert [step.name for step in verdict.steps if step.verified] == ["sink off", "source off", "current gone"]
    assert plant.calls[-2:] == ["sink_off", "source_off"]
    assert "chamber_rest" not in plant.calls


def test_somebody_is_told_before_each_step_how_long_it_may_take(live: TestBench) -> None:
    told: list[float] = []
    safe_state(live.engine.bench.roles, live.engine.clock, live.station, alive=told.append)
    # A command and a read-back, which is asked again where an answer is lost.
    commands, safe = 5 * 5.0, live.station.safe_state
    waits = {
        "sink off": safe.insist, "source off": safe.insist, "current gone": 2 * safe.settle,
        "contactor open": 2 * safe.settle, "bus discharged": 2 * safe.discharge,
    }  # fmt: skip
    assert told == [commands + waits.get(step, 0.0) for step in ORDER]


def test_a_bms_that_was_connected_to_a_moment_ago_is_waited_for(
    live: TestBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([InstrumentFault("was never heard"), InstrumentFault("was never heard"), BmsState.STANDBY])

    def state() -> BmsState:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(live.engine.bench.roles.bms, "state", state)
    assert make_safe(live).safe


def test_a_bench_that_could_not_be_opened_to_the_end_is_made_safe_too(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.source_on = True
    plant.fail["protect_sink"] = InstrumentFault("no answer")
    with pytest.raises(InstrumentFault) as caught:
        new_bench().open()
    assert not plant.source_on
    assert caught.value.__notes__ == ["The bench was not opened; its safe state: outputs verified off"]


@pytest.mark.parametrize(("in_a_hurry", "stays"), [(True, True), (False, False)])
def test_a_contactor_that_nobody_had_the_time_to_open_is_left_as_it_is_when_the_links_close(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch, *, in_a_hurry: bool, stays: bool
) -> None:
    stay = lambda bms: bms.plant.called("stay as it is")  # noqa: E731
    monkeypatch.setattr(FakeBms, "stay_as_it_is", stay, raising=False)
    hurry = Event()
    if in_a_hurry:
        hurry.set()
    safe_state(live.engine.bench.roles, live.engine.clock, live.station, hurry=hurry)
    assert ("stay as it is" in plant.calls) is stays
