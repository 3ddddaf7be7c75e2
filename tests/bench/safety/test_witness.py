"""Verified is what another instrument confirms, reported what none can, not verified what one contradicts or omits."""

from collections.abc import Callable
from contextlib import nullcontext
from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import roles
from bench.pack import load_pack
from bench.running.lifecycle import OpenBench
from bench.running.setup import Setup
from bench.safety import witness
from bench.safety.benchverdict import BenchVerdict, SafeStep
from bench.safety.witness import WITNESSES, Bounds, Fact, Meter, Reading, confirmers, meters
from bench.station import load_station
from bench.testing import TestBench
from instruments.roles import BmsMode, BmsState, InstrumentFault
from tests.bench.fakes import FakeBms, FakeSupply, Plant

ALL_STEPS = roles.safe_order(roles.own_names())
CONDITIONING = {"chamber to rest", "coolant to rest"}
STATES: dict[bool | None, str] = {True: "verified", None: "reported", False: "not verified"}


def step_of(verdict: BenchVerdict, name: str) -> SafeStep:
    return next(step for step in verdict.steps if step.name == name)


def opened(station: str, pack: str, defects: tuple[str, ...] = ()) -> OpenBench:
    return OpenBench(Setup(*load_station(station), *load_pack(pack), defects=defects))


# --- three states -------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(ALL_STEPS), st.sampled_from([True, None, False])), max_size=9))
def test_a_bench_is_as_its_worst_step_and_a_chamber_that_is_only_reported_makes_nobody_look(
    found: list[tuple[str, bool | None]],
) -> None:
    verdict = BenchVerdict(tuple(SafeStep(name, True, verified, "…", 0.0) for name, verified in found))
    with_energy = [verified for name, verified in found if name not in CONDITIONING]
    expected = (
        "not verified" if not found or False in dict(enumerate(v for _, v in found)).values()
        else "reported" if None in with_energy else "verified"
    )  # fmt: skip
    assert verdict.state == expected
    assert verdict.safe is (expected != "not verified")
    assert str(verdict).startswith("NOT VERIFIED SAFE (") is (expected == "not verified")
    assert BenchVerdict.from_dict(verdict.as_dict()) == verdict
    assert verdict.as_dict()["state"] == expected


def test_a_recording_from_before_there_were_witnesses_is_still_read() -> None:
    old = {"safe": True, "steps": [{"name": "sink off", "done": True, "verified": True, "detail": "", "duration": 0.0}]}
    assert BenchVerdict.from_dict(old).state == "verified"


def test_every_step_has_its_line_in_the_table() -> None:
    assert tuple(sorted(WITNESSES)) == tuple(sorted(ALL_STEPS))


# --- who confirms what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("station", "pack", "expected"),
    [
        ("virtual-module", "lfp-24s", {
            "sink off": ("bms", "supply"), "source off": ("bms", "load"), "current gone": ("bms",),
            "contactor open": ("supply", "load"), "bus discharged": ("load", "bms"), "emulator off": ("bms",),
            "chamber to rest": (),
        }),
        ("virtual-pack", "lfp-96s", {
            "sink off": ("bms",), "source off": ("bms",), "current gone": ("bms",), "contactor open": ("supply",),
            "bus discharged": ("bms",), "chamber to rest": (), "coolant to rest": (),
        }),
    ],
)  # fmt: skip
def test_nobody_confirms_what_he_did_himself(station: str, pack: str, expected: dict[str, tuple[str, ...]]) -> None:
    bench = opened(station, pack)
    present = meters(bench.station, bench.roles, lambda: 0.0)
    assert {step: confirmers(bench.station, present, step) for step in bench.station.safe_order} == expected
    verdict = bench.make_safe()
    bench.close()
    assert verdict.state == "verified", verdict
    for step in verdict.steps:
        assert set(step.witness.split(", ")) - {""} <= set(expected[step.name])
        assert STATES[step.verified] == ("verified" if expected[step.name] else "reported")


@pytest.fixture
def live(little_bench: TestBench, plant: Plant) -> TestBench:
    bench = little_bench.engine.bench
    bench.roles.bms.request_mode(BmsMode.CHARGE)
    bench.roles.source.charge(1.0, 14.0)
    plant.advance()
    return little_bench


def safe(bench: TestBench, **known: Any) -> BenchVerdict:
    return bench.engine.bench.make_safe(**known)


def test_a_source_that_only_says_off_is_found_out_by_the_current_that_the_bms_measures(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.switches_stuck = True
    monkeypatch.setattr(FakeSupply, "source_is_off", lambda _self: True)
    monkeypatch.setattr(FakeSupply, "collect", lambda _self: [0.0, 0.0, 0.0])
    step = step_of(safe(live), "source off")
    assert (step.verified, step.detail) == (False, "bms: 1.00 A still flow into the pack")


def test_a_contactor_that_only_the_bms_calls_open_is_found_out_on_the_bus(live: TestBench, plant: Plant) -> None:
    plant.bus = 13.0
    step = step_of(safe(live), "contactor open")
    assert step.verified is False
    assert "supply: 13.0 V on the bus, as the pack has (13." in step.detail


@pytest.mark.parametrize(
    ("bus", "pack", "verified"),
    [
        (80.0, 80.0, False), (73.0, 80.0, False), (87.0, 80.0, False),  # two meters, and what a cable loses
        (71.0, 80.0, True), (89.0, 80.0, True), (0.0, 80.0, True),
        (12.5, 13.0, False), (0.5, 13.0, True),  # a pack that is safe to touch
        (0.5, 0.5, True), (80.0, nan, False), (0.5, nan, True),  # nobody knows of a pack: a dead bus has left it
    ],
)  # fmt: skip
def test_a_contactor_is_open_once_the_bus_has_another_voltage_than_the_pack(
    bus: float, pack: float, verified: bool
) -> None:
    assert told("virtual-pack", "contactor open", "bus voltage", Reading("supply", bus), pack) is verified


@pytest.mark.parametrize(("volts", "verified"), [(0.9, True), (1.1, False), (2.5, False)])
def test_an_emulator_is_off_once_no_cell_has_a_voltage_that_cells_have(volts: float, verified: bool) -> None:
    """An overdischarged cell has 2 V, and can drive a current as well."""
    assert told("virtual-module", "emulator off", "cell voltage", Reading("bms", volts)) is verified


@pytest.mark.parametrize(
    ("step", "amps", "verified"),
    [
        ("source off", 0.5, True), ("source off", 0.6, False), ("source off", -3.0, True),
        ("sink off", -0.5, True), ("sink off", -0.6, False), ("sink off", 3.0, True),
        ("current gone", 0.5, True), ("current gone", 0.6, False), ("current gone", -0.5, True),
        ("current gone", -0.6, False),
    ],
)  # fmt: skip
def test_a_current_counts_as_gone_up_to_what_a_bms_may_measure_where_none_flows(
    step: str, amps: float, verified: bool
) -> None:
    """Into the pack it is the source's, out of it the sink's."""
    assert told("virtual-module", step, "pack current", Reading("bms", amps)) is verified


def told(station: str, step: str, fact: Fact, reading: Reading, pack: float = nan) -> bool | None:
    """What one other meter makes of a step."""
    meter = Meter(reading.instrument, fact, lambda: reading.value)
    bounds = Bounds(0.5, 60.0, pack)
    found = witness.testimony(load_station(station)[0], step, [meter], {fact: [reading]}, bounds, frozenset())
    return found.verified


def test_a_bus_that_another_voltmeter_finds_live_is_not_discharged(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeBms, "bus_voltage", lambda _self: 412.0)
    step = step_of(safe(live), "bus discharged")
    assert (step.verified, step.detail) == (False, "bms: 412.0 V remain on the bus")


def test_where_nobody_else_measures_the_bus_it_is_reported(live: TestBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "BusVoltmeter", type("Nobody", (), {}))
    verdict = safe(live)
    step = step_of(verdict, "bus discharged")
    assert (step.verified, step.witness) == (None, "")
    assert step.detail == "only supply itself says so: no other meter of this station can tell"
    assert (verdict.state, verdict.safe) == ("reported", True)
    assert "bus discharged: only supply itself says so" in str(verdict)


def test_a_witness_that_exists_and_is_not_heard_confirms_nothing(live: TestBench, plant: Plant) -> None:
    """Its last word was that no current flows: from before the outputs were told OFF."""
    plant.bms_age, plant.source_on, plant.current = 30.0, False, 0.0
    verdict = safe(live)
    assert step_of(verdict, "source off").verified is False
    assert "bms: was not heard: its news is 30.0 s old" in step_of(verdict, "source off").detail
    assert verdict.state == "not verified"


@pytest.mark.parametrize("raised", ["supply (TCPIP0::a) was lost", "was lost"])
def test_a_meter_that_cannot_be_read_is_named_once_by_whoever_tells_of_it(raised: str) -> None:
    def read() -> float:
        raise InstrumentFault(raised)

    (reading,) = witness.read([Meter("supply", "bus voltage", read)], "bus voltage")
    assert reading.silent == raised.removeprefix("supply ")


@pytest.mark.parametrize(
    ("missing", "unconfirmed"),
    [("f_PackLimits", []), ("f_PackValuesP0", ["sink off", "source off", "current gone", "bus discharged"])],
)
def test_a_witness_is_heard_by_the_message_that_carries_the_fact(missing: str, unconfirmed: list[str]) -> None:
    """One that has lost its limits still measures the current; one that has lost its current does not."""
    bench = opened("virtual-pack", "nmc811-96s", (f"missing-message:{missing}@10",))
    for _ in range(60):
        bench.clock.sleep(0.5)
        bench.roles.bms_scan()
    verdict = bench.make_safe()
    bench.close()
    assert [step.name for step in verdict.steps if step.verified is False] == unconfirmed


@pytest.mark.parametrize("who", ["bms", "supply"])
def test_a_meter_that_was_contradicted_confirms_nothing(live: TestBench, who: str) -> None:
    steps = safe(live, discredited=frozenset({who})).steps
    unconfirmed = [step.name for step in steps if step.verified is False]
    assert unconfirmed == {
        "bms": ["sink off", "source off", "current gone", "bus discharged"], "supply": ["contactor open"],
    }[who]  # fmt: skip
    assert all("was contradicted in this run and confirms nothing" in s.detail for s in steps if s.verified is False)


def test_a_meter_that_was_contradicted_does_not_keep_another_from_confirming() -> None:
    bench = opened("virtual-module", "lfp-24s")
    verdict = bench.make_safe(discredited=frozenset({"bms"}))
    bench.close()
    assert [step.name for step in verdict.steps if step.verified is False] == ["current gone", "emulator off"]
    assert step_of(verdict, "source off").witness == "load"


def test_what_the_guard_found_contradicted_verifies_nothing_at_the_end(
    little_bench: TestBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = little_bench.engine.sampler.guard
    monkeypatch.setattr(type(guard), "discredited", frozenset({"bms"}))
    verdict = little_bench.conclude().bench
    assert verdict is not None
    assert step_of(verdict, "current gone").verified is False
    assert step_of(verdict, "contactor open").verified is True, "the supply, which nobody contradicted, confirms it"


# --- the emulator -------------------------------------------------------------------------------------------------


def test_an_emulator_that_says_off_and_holds_its_cells_up_is_found_out_by_the_bms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = opened("virtual-module", "lfp-24s")
    emulator = bench.roles.emulator
    assert emulator is not None
    monkeypatch.setattr(emulator, "emulator_off", lambda: None)
    monkeypatch.setattr(emulator, "emulator_is_off", lambda: True)
    step = step_of(bench.make_safe(), "emulator off")
    bench.close()
    assert step.verified is False
    assert "bms: a cell still has 3." in step.detail


# --- somebody else at the address ---------------------------------------------------------------------------------


def test_an_impostor_is_told_off_and_believed_nothing(
    new_bench: Callable[..., TestBench], plant: Plant, station_text: str
) -> None:
    """Opening ends at the wrong chamber; the supply was not identified yet and is another one as well."""
    plant.source_on, plant.model = True, "IMPOSTOR"
    station = station_text.replace("roles: [source, sink]}", "roles: [source, sink], expect: {model: FAKE}}")
    bench = new_bench(station=station)
    with pytest.raises(Exception, match="IMPOSTOR"):
        bench.open()
    assert not plant.source_on
    kept = BenchVerdict.from_dict(bench.run_log.manifest["bench_verdict"])
    for name in ("sink off", "source off", "current gone", "bus discharged"):
        assert step_of(kept, name).verified is False
        assert "model should be 'FAKE' and is 'IMPOSTOR'" in step_of(kept, name).detail
    assert plant.bms_state is None
    assert plant.state is BmsState.STANDBY


def test_what_is_not_powerful_at_all_proves_nothing_by_being_silent(
    new_bench: Callable[..., TestBench], plant: Plant
) -> None:
    plant.fail["identify temperatures"] = InstrumentFault("temperatures does not answer")
    bench = new_bench()
    with pytest.raises(InstrumentFault):
        bench.open()
    assert bench.run_log.manifest["bench_verdict"]["state"] == "verified"


@pytest.mark.parametrize(
    ("age", "silence", "believed"),
    [
        (0.1, 0.2, True),
        (0.2, 0.2, False),  # in the instant of the command: it may have been measured before
        (0.3, 0.2, False),
        (5.0, 9.0, True),
        (5.1, 9.0, False),  # said since, and too long ago to be true of now
    ],
)
def test_what_a_bms_said_before_it_could_know_or_long_ago_is_no_answer(
    live: TestBench, plant: Plant, age: float, silence: float, *, believed: bool
) -> None:
    plant.bms_age = age
    with nullcontext() if believed else pytest.raises(InstrumentFault, match=f"its news is {age:.1f} s old"):
        witness.heard(live.engine.bench.roles, "pack current", lambda: silence)
