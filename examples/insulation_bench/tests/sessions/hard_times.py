"""What a test meets besides a good pack: a leak, an output that stays on, a mistake of its own. See test_sessions."""

from typing import Any

import pytest
from packbench import InputError, Require, RunScenario, TestBench, kpi

from insulation_bench import InsulationTest

REFUSED = [
    (InsulationTest(501), "a test voltage of 501 V, the insulation tester takes 0 to 500 V"),
    (
        InsulationTest(86),
        "is less than the 86.4 V of the pack; ISO 6469-3 asks for at least its highest working voltage",
    ),
    (InsulationTest(float("nan")), "a test voltage of nan V"),
    (InsulationTest(-500), "a test voltage of -500 V"),
    (InsulationTest(500, dwell=9), "a dwell of 9 s; allowed: 10 to 3600 s"),
    (InsulationTest(500, dwell=float("inf")), "a dwell of inf s; allowed"),
    (InsulationTest("500"), "look at its values"),  # type: ignore[arg-type]
]


def test_refused(bench: TestBench) -> None:
    """Steps that cannot be are refused, each in one sentence, before anything is switched on."""
    for step, says in REFUSED:
        with pytest.raises(InputError) as refused:
            bench.run(step)
        assert "Scenario refused before it started" in str(refused.value), step
        assert says in str(refused.value), (step, str(refused.value))


def test_leaks_a_little(bench: TestBench, run_scenario: RunScenario, require: Require) -> None:
    """A pack that leaks more than a new one, and less than the standard allows."""
    _inject(bench, "leak:200000")
    run = run_scenario(InsulationTest(500))
    figure = kpi.insulation_per_volt(run, "insulation test")
    require(figure, at="ISO 6469-3")
    require(figure, at="as delivered")


def test_breaks_down(bench: TestBench) -> None:
    """A pack whose insulation breaks down under the test voltage."""
    _inject(bench, "leak:5000@20")
    bench.run(InsulationTest(500))


def test_stays_on(bench: TestBench) -> None:
    """A tester that does not take its test voltage off."""
    _inject(bench, "test-voltage-stays-on:tester")
    bench.run(InsulationTest(500))


def test_caught(bench: TestBench) -> None:
    """A test that goes on after its step has fallen over does so with the test voltage off."""
    _fall_over_at(bench, 400)
    with pytest.raises(ZeroDivisionError):
        bench.run(InsulationTest(500))
    bench.engine.bench.clock.sleep(1)
    assert _tester(bench).test_voltage_is_off()
    bench.engine.sampler.observers.clear()
    bench.run(InsulationTest(500, dwell=10))


def test_not_caught(bench: TestBench) -> None:
    """A test that falls over while the test voltage is on."""
    _fall_over_at(bench, 400)
    bench.run(InsulationTest(500))


def _inject(bench: TestBench, defect: str) -> None:
    assert bench.engine.bench.world is not None
    bench.engine.bench.world.inject(defect)


def _fall_over_at(bench: TestBench, volts: float) -> None:
    place = bench.engine.bench.index["Test Voltage / V"]

    def observe(row: list[float]) -> None:
        if row[place] > volts:
            raise ZeroDivisionError("a mistake in the test")

    bench.engine.sampler.observers.append(observe)


def _tester(bench: TestBench) -> Any:
    return bench.engine.bench.roles["insulation tester"]
