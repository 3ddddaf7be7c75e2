"""DC resistance from a discharge pulse at half charge (ISO 12405-4, 7.3: 18 s)."""

import pytest

from packbench import Charge, Pulse, Require, Rest, RunScenario, Soak, current_below, elapsed, kpi, soc_above


@pytest.mark.requirement("PB-RES-01")
def test_dc_resistance(run_scenario: RunScenario, require: Require, temperature: float) -> None:
    """DC resistance after 10 s of 1C at half charge, {temperature} °C."""
    run = run_scenario(
        Charge("C/3", until=[soc_above(0.50), current_below("C/20")], name="charge to 50 %"),
        Soak(temperature),
        Pulse("1C", duration=18),
        Rest(until=elapsed(minutes=10)),
    )
    require(kpi.dc_resistance(run, "pulse", at=2.0))
    require(kpi.dc_resistance(run, "pulse", at=10.0))
