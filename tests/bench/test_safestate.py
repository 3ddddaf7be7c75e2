"""The safe state: the whole list in order, whatever fails on the way, and nothing believed that was not read back."""

from collections.abc import Callable

import pytest

from bench.safestate import BenchVerdict, SafeStep, outputs_off
from bench.scenario import Charge, elapsed
from bench.testing import TestBench
from instruments.roles import BmsMode, BmsState, InstrumentFault
from tests.bench.fakes import FakeSupply, Plant

ORDER = ["sink off", "source off", "current gone", "contactor open", "chamber to rest"]
ACTIONS = ["sink_off", "source_off", "request STANDBY", "chamber_rest"]
READ_BACKS = ["sink_is_off", "source_is_off", "chamber_is_resting"]


def make_safe(bench: TestBench) -> BenchVerdict:
    return bench.engine.bench.make_safe()


def unverified(verdict: BenchVerdict) -> list[str]:
    return [step.name for step in verdict.steps if not step.verified]


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
    assert [call for call in plant.calls if call in ACTIONS] == ACTIONS
    failed = next(step for step in verdict.steps if not step.done)
    assert failed.name in unverified(verdict)
    assert failed.detail not in {"", "verified"}
    assert not verdict.safe


def test_every_step_is_attempted_when_all_fail(live: TestBench, plant: Plant) -> None:
    plant.fail = {name: InstrumentFault("no answer") for name in (*ACTIONS, *READ_BACKS)}
    verdict = make_safe(live)
    assert [call for call in plant.calls if call in ACTIONS] == ACTIONS
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
    assert unverified(verdict) == ["source off", "current gone"]
    assert "output still reads on" in str(verdict)
    assert "1.00 A still flows" in str(verdict)


def test_a_current_that_flows_with_every_output_off_is_found_out(live: TestBench, plant: Plant) -> None:
    plant.leak = -3.0
    assert unverified(make_safe(live)) == ["current gone"]


def test_a_current_that_nobody_can_read_is_not_gone(
    live: TestBench, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSupply, "collect", lambda _self: [13.0, float("nan"), 0.0])
    assert unverified(make_safe(live)) == ["current gone"]


def test_a_contactor_that_stays_closed_is_found_out(live: TestBench, plant: Plant) -> None:
    plant.bms_state = BmsState.CHARGE
    verdict = make_safe(live)
    assert unverified(verdict) == ["contactor open"]
    assert "BMS reports CHARGE" in str(verdict)


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
    assert verdict.steps[3].duration == pytest.approx(1.0, abs=0.11)


def test_both_outputs_are_tried_before_the_first_failure_is_raised(live: TestBench, plant: Plant) -> None:
    plant.fail["sink_off"] = InstrumentFault("sink does not answer")
    plant.fail["source_off"] = InstrumentFault("source does not answer")
    with pytest.raises(InstrumentFault, match="sink does not answer"):
        outputs_off(live.engine.bench.roles)
    assert plant.calls == ["sink_off", "source_off"]


def test_a_verdict_is_stored_step_by_step() -> None:
    verdict = BenchVerdict((SafeStep("sink off", done=True, verified=False, detail="still on", duration=0.1),))
    assert verdict.as_dict() == {
        "safe": False,
        "steps": [{"name": "sink off", "done": True, "verified": False, "detail": "still on", "duration": 0.1}],
    }


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
