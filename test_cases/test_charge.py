"""Charge: constant current, then constant voltage on the highest cell, to the cut-off at C/20."""

import pytest

from packbench import Charge, PackFile, Require, Rest, RunScenario, Soak, current_below, elapsed, full_discharge, kpi

RATES = {"C/3": 1 / 3, "1C": 1.0}
"""C-rates, 1/h."""


@pytest.mark.requirement("PB-CHG-01")
@pytest.mark.parametrize("rate", RATES)
def test_charge(run_scenario: RunScenario, require: Require, pack: PackFile, temperature: float, rate: str) -> None:
    """Full charge at {rate}, {temperature} °C."""
    # GB/T 31486-2024, 6.2.4: with the maker's current, where that is less.
    most = pack.limits.charge_current
    taken = rate if RATES[rate] * pack.rated_capacity <= most else most
    run = run_scenario(
        full_discharge(pack, name="empty the pack"),
        Soak(temperature),
        Charge(taken, until=current_below("C/20")),
        Rest(until=elapsed(minutes=30)),
    )
    require(kpi.duration(run, "charge"), at=f"charge at {rate}")
    require(kpi.capacity(run, "charge"), at=f"charge at {rate}")
    require(kpi.energy(run, "charge"))
    require(kpi.constant_voltage_share(run, "charge"))
    require(kpi.temperature_rise(run, "charge"), at="charge")
    require(kpi.cell_spread(run, "rest"))
