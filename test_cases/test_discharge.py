"""Discharge from full to the limit of the lowest cell: capacity, energy and what it costs to put it back."""

import pytest

from packbench import PackFile, Require, Rest, RunScenario, Soak, elapsed, full_discharge, kpi, standard_charge


@pytest.mark.requirement("PB-DIS-01")
def test_capacity_at_c3(run_scenario: RunScenario, require: Require, pack: PackFile, temperature: float) -> None:
    """Capacity and energy round-trip efficiency at C/3, {temperature} °C."""
    run = run_scenario(
        standard_charge("fill the pack"),
        Soak(temperature),
        full_discharge(pack, "C/3"),
        Rest(until=elapsed(minutes=30)),
        standard_charge(),
    )
    require(kpi.capacity(run, "discharge"), at="C/3")
    require(kpi.energy(run, "discharge"))
    require(kpi.energy_round_trip_efficiency(run, "discharge", "standard charge"))
    require(kpi.temperature_rise(run, "discharge"), at="discharge")


@pytest.mark.requirement("PB-DIS-02")
def test_capacity_at_1c(run_scenario: RunScenario, require: Require, pack: PackFile, temperature: float) -> None:
    """Capacity at 1C, {temperature} °C."""
    run = run_scenario(
        standard_charge("fill the pack"),
        Soak(temperature),
        full_discharge(pack, "1C"),
        Rest(until=elapsed(minutes=30)),
    )
    require(kpi.capacity(run, "discharge"), at="1C")
    require(kpi.energy(run, "discharge"))
    require(kpi.mean_power(run, "discharge"))
    require(kpi.temperature_rise(run, "discharge"), at="discharge")
