"""What is tested: the insulation of a pack, when it comes in and after it was charged."""

import pytest
from packbench import Charge, Require, RunScenario, elapsed, kpi

from insulation_bench import InsulationTest

VOLTS = 500.0


@pytest.mark.requirement("ISO-01")
def test_insulation_as_delivered(run_scenario: RunScenario, require: Require) -> None:
    """Insulation resistance of the pack as delivered."""
    run = run_scenario(InsulationTest(VOLTS, dwell=60))
    figure = kpi.insulation_per_volt(run, "insulation test")
    require(figure, at="ISO 6469-3")
    require(figure, at="as delivered")


@pytest.mark.requirement("ISO-02")
def test_insulation_after_a_charge(run_scenario: RunScenario, require: Require) -> None:
    """Insulation resistance of the pack after a charge, whose contactors are opened for it, and again after another."""
    run = run_scenario(
        Charge("C/3", until=elapsed(minutes=5), name="first charge"),
        InsulationTest(VOLTS, dwell=60, name="between two charges"),
        Charge("C/3", until=elapsed(minutes=5), name="second charge"),
        InsulationTest(VOLTS, dwell=60, name="at the end"),
    )
    for step in ("between two charges", "at the end"):
        require(kpi.insulation_per_volt(run, step), at="ISO 6469-3")
