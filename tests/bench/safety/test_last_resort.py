"""A current that does not go: OFF again for a stated time, and a contactor that opens under it only for a reason."""

import re
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clock import VirtualClock, WallClock
from bench.pack import PackFile, load_pack
from bench.players import position as position_of
from bench.safety import rescue, safestate
from bench.safety.benchverdict import BenchVerdict, SafeStep
from bench.safety.breaking import cell_danger, refusal
from bench.safety.rescue import instruments_that_matter
from bench.safety.timelimit import OutOfTime
from bench.scenario import Charge, elapsed
from bench.station import SafeState, load_station
from bench.testing import TestBench
from bench.verdicts import BenchFault, PackFailure
from instruments.roles import BmsMode, BmsState, InstrumentFault
from tests.bench.fakes import FakeBms, FakeSupply, Plant

BREAKING = "safe_state: {bus_meter: supply, breaking_current: 5}"


def contactor(verdict: BenchVerdict) -> SafeStep:
    return next(step for step in verdict.steps if step.name == "contactor open")


@pytest.fixture
def charging(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str
) -> Iterator[Callable[..., TestBench]]:
    """A bench with 1 A into the pack that nobody can switch off; `breaking` is the station's section."""
    benches: list[TestBench] = []

    def make(breaking: str = BREAKING, **changes: Any) -> TestBench:
        bench = new_bench(station=station_text.replace("safe_state: {bus_meter: supply}", breaking))
        bench.open()
        bench.engine.bench.roles.bms.request_mode(BmsMode.CHARGE)
        bench.engine.bench.roles.source.charge(1.0, 14.0)
        plant.advance()
        plant.switches_stuck = True
        for name, value in changes.items():
            setattr(plant, name, value)
        plant.calls.clear()
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        bench.conclude()


# --- off means off again ------------------------------------------------------------------------------------------


def test_an_output_that_obeys_at_the_third_word_is_off(
    charging: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = charging()
    called = plant.called

    def heard(what: str) -> None:
        called(what)
        plant.switches_stuck = plant.calls.count("source_off") < 3

    monkeypatch.setattr(plant, "called", heard)
    verdict = bench.engine.bench.make_safe()
    assert plant.calls.count("source_off") == 3
    assert verdict.state == "verified"


@pytest.mark.parametrize(("insist", "words"), [(0, 1), (1, 12), (5, 52)])
def test_off_is_said_again_for_as_long_as_the_station_states(
    charging: Callable[..., TestBench], plant: Plant, insist: int, words: int
) -> None:
    bench = charging(f"safe_state: {{bus_meter: supply, insist: {insist}}}")
    bench.engine.bench.make_safe()
    assert plant.calls.count("source_off") == pytest.approx(words, abs=1)


# --- the contactor ------------------------------------------------------------------------------------------------


def test_without_a_reason_the_contactor_stays_closed_and_it_is_told(
    charging: Callable[..., TestBench], plant: Plant
) -> None:
    bench = charging()
    step = contactor(bench.engine.bench.make_safe())
    assert (step.done, step.verified) == (False, False)
    assert step.detail == "left closed because 1.00 A still flow and no limit is violated; switch off by hand"
    assert "request STANDBY" not in plant.calls
    assert plant.state is BmsState.CHARGE


def test_a_limit_that_is_violated_opens_it_under_the_current_and_the_run_says_so(
    charging: Callable[..., TestBench], plant: Plant
) -> None:
    bench = charging()
    plant.on_scan.append(lambda: setattr(plant, "sensors", [min(60.0, 25.0 + plant.now())] * 2))
    with pytest.raises((PackFailure, BenchFault)):
        bench.run(Charge(1.0, elapsed(minutes=1)))
    conclusion = bench.conclude()
    assert conclusion.bench is not None
    step = contactor(conclusion.bench)
    assert step.done
    trip = bench.run_log.manifest["cause"]["limit"]
    assert step.detail.endswith(f"opened under 1.00 A, because {trip} was violated")
    assert plant.calls.index("request STANDBY") > plant.calls.index("source_is_off")
    (event,) = [event for event in bench.run_log.events if event["type"] == "safe state"]
    assert "opened under 1.00 A" in str(event["steps"])


def test_a_cell_beyond_its_limit_is_a_reason_though_no_guard_watches_any_more(
    charging: Callable[..., TestBench], plant: Plant
) -> None:
    step = contactor(charging(cell_offset=0.4).engine.bench.make_safe())
    assert "opened under 1.00 A, because cell voltage max 3.6" in step.detail
    assert plant.state is BmsState.STANDBY


def test_behind_a_contactor_that_was_left_closed_nobody_waits_for_the_bus(charging: Callable[..., TestBench]) -> None:
    """The chamber goes to rest at once, and whoever is to switch off by hand is told so much earlier."""
    verdict = charging(bus=400.0).engine.bench.make_safe()
    (step,) = [step for step in verdict.steps if step.name == "bus discharged"]
    assert (step.verified, step.duration) == (False, 0.0), "s of the bench"


@pytest.mark.parametrize(
    ("breaking", "why"),
    [
        ("safe_state: {bus_meter: supply}", "the station file states no safe_state.breaking_current"),
        ("safe_state: {bus_meter: supply, breaking_current: 0.9}", "the contactor may break 0.9 A"),
    ],
)
def test_it_is_never_opened_beyond_its_rating(
    charging: Callable[..., TestBench], plant: Plant, breaking: str, why: str
) -> None:
    step = contactor(charging(breaking, cell_offset=0.4).engine.bench.make_safe())
    assert step.detail == f"left closed because 1.00 A still flow and {why}; switch off by hand"
    assert "request STANDBY" not in plant.calls


def test_a_contactor_that_the_bms_calls_open_is_asked_to_stay_so_whatever_flows(
    charging: Callable[..., TestBench], plant: Plant
) -> None:
    step = contactor(charging(bms_state=BmsState.STANDBY).engine.bench.make_safe())
    assert "request STANDBY" in plant.calls
    assert step.done


def test_a_contactor_of_which_nobody_knows_whether_it_is_open_stays_closed(
    charging: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = charging()

    def stumble(_self: FakeBms) -> BmsState:
        raise ValueError("10 is not a valid BmsState")

    with monkeypatch.context() as patch:
        patch.setattr(FakeBms, "state", stumble)
        step = contactor(bench.engine.bench.make_safe())
    assert (step.done, step.verified) == (False, False)
    assert "left closed because 1.00 A still flow" in step.detail
    assert "request STANDBY" not in plant.calls


def test_closing_the_bench_leaves_a_contactor_alone_that_was_left_closed(
    charging: Callable[..., TestBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = charging()
    told: list[str] = []
    bms = bench.engine.bench.roles.bms
    monkeypatch.setattr(bms, "stay_as_it_is", lambda: told.append("stay"), raising=False)
    bench.engine.bench.make_safe()
    assert told == ["stay"]


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("found", "violated", "says"),
    [
        ({}, "", "left closed because 1.00 A still flow and no limit is violated"),
        ({}, "a limit was violated", "opened under 1.00 A, because a limit was violated"),
        ({"bms_state": BmsState.STANDBY}, "", ""),
        ({"switches_stuck": False}, "", "verified"),
    ],
    ids=["no reason", "a reason", "open already", "no current"],
)
def test_where_time_is_real_the_safe_state_finds_and_says_the_same(
    charging: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any],
    violated: str, says: str,
) -> None:  # fmt: skip
    """Each look has a limit of its own there, and what has not come back is as good as not said."""
    monkeypatch.setattr(safestate, "FEEDBACK", 0.1)
    times = "settle: 0.1, discharge: 0.1, insist: 0.3"
    told = []
    for clock in (VirtualClock(), WallClock()):
        plant.switches_stuck, plant.source_on, plant.bms_state, plant.bms_mode = False, False, None, BmsMode.STANDBY
        bench = charging(f"safe_state: {{bus_meter: supply, breaking_current: 5, {times}}}", bms_age=0.0, **found)
        roles, station = bench.engine.bench.roles, bench.station
        steps = safestate.safe_state(roles, clock, station, violated=lambda: violated).steps
        told.append([
            (each.name, each.done, each.verified, re.sub(r"told OFF \d+ times", "told OFF", each.detail))
            for each in steps
        ])  # fmt: skip
        assert says in contactor(BenchVerdict(steps)).detail
    virtual, real = told
    assert real == virtual


@given(
    amps=st.floats(0, 1000) | st.just(float("nan")),
    rated=st.none() | st.floats(0.1, 1000),
    reason=st.sampled_from(["", "cell over-voltage was violated"]),
)
def test_it_opens_only_for_a_reason_and_within_its_rating(amps: float, rated: float | None, reason: str) -> None:
    opens = bool(reason) and rated is not None and amps <= rated
    assert (refusal(amps, SafeState(breaking_current=rated), reason) == "") is opens


@pytest.mark.parametrize(
    ("channel", "value", "danger"),
    [
        ("cell voltage max", 3.46, ""), ("cell voltage max", 3.48, "above"), ("cell voltage min", 2.91, ""),
        ("cell voltage min", 2.89, "below"), ("cell temperature max", 50.0, ""),
        ("cell temperature max", 51.0, "above"), ("cell voltage max", float("nan"), ""),
    ],
)  # fmt: skip
def test_the_limits_of_a_cell_are_those_of_the_guard(
    four_cells: PackFile, channel: str, value: float, danger: str
) -> None:
    healthy = {"cell voltage max": 3.3, "cell voltage min": 3.2, "cell temperature max": 25.0}
    assert danger in cell_danger(four_cells, healthy | {channel: value})
    assert bool(danger) is bool(cell_danger(four_cells, healthy | {channel: value}))


@pytest.mark.parametrize(
    ("channel", "value", "said"),
    [
        ("cell voltage max", 3.6, "cell voltage max 3.6 V is above the allowed 3.47 V"),
        ("cell voltage min", 2.8, "cell voltage min 2.8 V is below the allowed 2.9 V"),
        ("cell temperature max", 51.0, "cell temperature max 51 °C is above the allowed 50 °C"),
    ],
)
def test_what_a_cell_has_and_may_have_is_told_in_its_unit(
    four_cells: PackFile, channel: str, value: float, said: str
) -> None:
    healthy = {"cell voltage max": 3.3, "cell voltage min": 3.2, "cell temperature max": 25.0}
    assert cell_danger(four_cells, healthy | {channel: value}) == said


@pytest.mark.parametrize(("charge", "discharge"), [(45, 60), (60, 45)])
def test_a_cell_is_too_hot_for_the_safe_state_where_it_is_for_the_guard(
    write: Callable[..., Any], pack_text: str, charge: int, discharge: int
) -> None:
    """No current is asked for any more: what a cell may have in either direction is no reason to break one."""
    text = pack_text.replace("{min: -10, max: 50}", f"{{min: -10, max: {charge}}}")
    pack = load_pack(str(write("hot.yaml", text.replace("{min: -20, max: 50}", f"{{min: -20, max: {discharge}}}"))))[0]
    heard = {"cell voltage max": 3.3, "cell voltage min": 3.2}
    assert cell_danger(pack, heard | {"cell temperature max": 59.0}) == ""
    assert "above" in cell_danger(pack, heard | {"cell temperature max": 61.0})


# --- the supervisor -----------------------------------------------------------------------------------------------


def rescued(station_text: str, write: Callable[..., Any], **identities: tuple[str, str]) -> list[rescue.Attempted]:
    station = load_station(str(write("station.yaml", station_text)))[0]
    dumped = station.model_dump(mode="json", by_alias=True)
    return list(rescue.attempts(dumped, instruments_that_matter(station), VirtualClock(), identities))


def test_the_supervisor_is_the_last_resort(station_text: str, write: Callable[..., Any], plant: Plant) -> None:
    plant.bms_mode, plant.source_on, plant.switches_stuck = BmsMode.CHARGE, True, True
    plant.set_current, plant.set_voltage = 1.0, 14.0
    station = station_text.replace("safe_state: {bus_meter: supply}", BREAKING)
    step = contactor(rescued(station, write)[0].verdict)
    assert step.detail.endswith("opened under 1.00 A, because the supervisor acts as the last resort")
    assert plant.state is BmsState.STANDBY


def test_the_supervisor_does_not_believe_an_impostor(
    station_text: str, write: Callable[..., Any], plant: Plant
) -> None:
    plant.source_on = True
    outcomes = rescued(station_text, write, supply=("FAKE 100", "4711"), bms=("FAKE 100", "1"))
    assert not plant.source_on, "to switch it off needs no identity"
    bad = {step.name: step.detail for step in outcomes[-1].verdict.steps if step.verified is False}
    assert "supply is Fake FAKE 100 1 now: its serial number should be '4711' and is '1'" in bad["source off"]
    assert outcomes[-1].verdict.state == "not verified"


def test_whoever_answers_at_an_address_is_told_all_that_leads_to_safety(
    station_text: str, write: Callable[..., Any], plant: Plant
) -> None:
    """Outputs go off and a chamber goes to rest, though none is who he should be; no word of theirs counts."""
    plant.conditioning = plant.source_on = True
    strangers = dict.fromkeys(("supply", "chamber", "bms"), ("FAKE 100", "4711"))
    outcomes = rescued(station_text, write, **strangers)
    assert not plant.conditioning
    assert plant.calls.count("source_off") > len(outcomes), "once when it is reached, and again in the safe state"
    assert not any(step.verified for step in outcomes[-1].verdict.steps)
    read_back = {"source_is_off", "sink_is_off", "chamber_is_resting"} & set(plant.calls)
    assert not read_back, "what proves nothing is not asked"


def test_the_supervisor_believes_whom_the_test_had_identified(
    station_text: str, write: Callable[..., Any], plant: Plant
) -> None:
    (outcome,) = rescued(station_text, write, supply=("FAKE 100", "1"), bms=("FAKE 100", "1"))
    assert outcome.verdict.state == "verified"


def told_to_stay(bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(bench.engine.bench.roles.bms, "stay_as_it_is", lambda: told.append("stay"), raising=False)
    return told


def test_closing_leaves_a_contactor_alone_that_nobody_came_to_any_more(
    charging: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request to end comes while an output refuses OFF: the contactor's step is left out."""
    bench, hurry = charging(), Event()
    told = told_to_stay(bench, monkeypatch)
    hurry.set()
    bench.engine.bench.make_safe(hurry=hurry)
    assert told == ["stay"]
    assert "request STANDBY" not in plant.calls


def test_an_ammeter_that_never_answers_leaves_the_contactor_closed(
    charging: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = charging()
    told = told_to_stay(bench, monkeypatch)
    monkeypatch.setattr(safestate._Pass, "_amps_now", lambda _self: (_ for _ in ()).throw(OutOfTime("did not answer")))
    step = contactor(bench.engine.bench.make_safe())
    assert step.detail.startswith("left closed because nobody can read the current")
    assert told == ["stay"]
    assert "request STANDBY" not in plant.calls


def test_a_bms_that_was_contradicted_does_not_say_alone_that_no_current_flows(
    charging: Callable[..., TestBench], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = charging()

    def mute(_self: FakeSupply) -> list[float]:
        raise InstrumentFault("supply does not answer")

    monkeypatch.setattr(FakeSupply, "collect", mute)
    monkeypatch.setattr(FakeBms, "collect", says_no_current(FakeBms.collect))
    step = contactor(bench.engine.bench.make_safe(discredited=frozenset({"bms"})))
    assert step.detail.startswith("left closed because nobody can read the current")
    assert "request STANDBY" not in plant.calls


def says_no_current(collect: Callable[[FakeBms], list[float]]) -> Callable[[FakeBms], list[float]]:
    def lie(self: FakeBms) -> list[float]:
        values = collect(self)
        values[position_of(FakeBms.channels, "pack current")] = 0.0
        return values

    return lie
