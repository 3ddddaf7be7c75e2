"""Fast recharge from 10 to 80 %, at the current limit that the BMS sends on CAN."""

import pytest

from packbench import (
    Discharge,
    FastRecharge,
    PackFile,
    Require,
    Rest,
    RunScenario,
    Soak,
    current_below,
    elapsed,
    kpi,
    soc_above,
    soc_below,
)


@pytest.mark.requirement("PB-FST-01")
def test_fast_recharge(run_scenario: RunScenario, require: Require, temperature: float) -> None:
    """Fast recharge from 10 to 80 %, {temperature} °C."""
    recharge_from_10_to_80(run_scenario, require, temperature)


@pytest.mark.other_packs
@pytest.mark.requirement("PB-FST-02")
def test_fast_recharge_of_other_chemistries(run_scenario: RunScenario, require: Require, pack: PackFile) -> None:
    """Fast recharge of {pack} from 10 to 80 %, 25 °C."""
    recharge_from_10_to_80(run_scenario, require, 25.0)


def recharge_from_10_to_80(run_scenario: RunScenario, require: Require, temperature: float) -> None:
    """The scenario and its limits, whatever the pack."""
    run = run_scenario(
        Discharge("C/3", until=soc_below(0.10), name="discharge to 10 %"),
        Soak(temperature),
        # A pack that takes no more before 80 % has not reached it: the charge time is then never measured, and fails.
        FastRecharge(until=[soc_above(0.80), current_below("C/20", hold=60)]),
        Rest(until=elapsed(minutes=30)),
    )
    require(kpi.charge_time(run, "fast recharge", 0.10, 0.80), temperature=temperature)
    require(kpi.mean_power(run, "fast recharge"))
    require(kpi.energy(run, "fast recharge"))
    require(kpi.temperature_rise(run, "fast recharge"), at="charge")
    require(kpi.largest_cell_spread(run, "fast recharge"))
    require(kpi.cell_spread(run, "rest"))
