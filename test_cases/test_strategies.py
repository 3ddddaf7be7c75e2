"""Charge strategies on the bench: as the twin has compared them, and as it has promised."""

from math import isfinite

import pytest

from packbench import (
    Beginning,
    Discharge,
    FastRecharge,
    FollowLimit,
    MultiStage,
    Optimum,
    PackFile,
    Require,
    Rest,
    RunScenario,
    Soak,
    Step,
    Strategy,
    Verify,
    compare_strategies,
    current_below,
    elapsed,
    kpi,
    soc_above,
    soc_below,
)

AT = Beginning(soc=0.10, end=0.80, temperature=25.0, air=25.0)
STAGES = MultiStage(((0.3, 2.0), (0.6, 1.5), (1.0, 0.9)), 25.0)
"""An et al. (2019)."""
SPENT = 15.0
"""mV to plating that a charge may spend beyond another one that the twin has at the same margin: cells differ."""
SHARE = 0.75
"""Of the cell's table, that a schedule is searched within: a BMS limits in steps, some tenths below the table that the
twin searches in, and what it cuts is no promise broken."""
PROMISED = 0.15
"""Share of a promised time that a charge may take longer: a display is off by some per cent, and so are cells."""


def recharge(strategy: Strategy, name: str) -> tuple[Step, ...]:
    """From a rested pack at 10 % to 80 %."""
    until = [soc_above(0.80), current_below("C/20", hold=60)]
    return (
        Discharge("C/3", until=soc_below(0.10), name=f"discharge before {name}"),
        Soak(25.0),
        FastRecharge(until=until, strategy=strategy, name=name),
        Rest(until=elapsed(minutes=30)),
    )


@pytest.mark.requirement("PB-STR-01")
def test_multi_stage_at_equal_margin(
    run_scenario: RunScenario, require: Require, verify: Verify, pack: PackFile
) -> None:
    """Multi-stage charge against following the limit of the BMS, at equal margin to plating, 25 °C."""
    compared = compare_strategies(pack, [STAGES], AT)
    stages = compared.rows[1]
    if stages.equal is None:
        pytest.skip(f"{pack.name}, {stages.strategy.name}: {stages.why}.")
    run = run_scenario(*recharge(FollowLimit(), "follow-limit"), *recharge(stages.scaled, "multi-stage"))
    follower = kpi.plating_margin(run, "follow-limit")
    require(follower, at=None)  # what is held against it here is the other charge
    margin = kpi.plating_margin(run, "multi-stage")
    require(margin, at_least=follower.value - SPENT)
    times = [kpi.charge_time(run, name, 0.10, 0.80) for name in ("follow-limit", "multi-stage")]
    for time in times:
        require(time, at=None)
        require(kpi.plating_time(run, time.step), at=None)
    # Whatever it is, also none or a loss: on the bench, what of the margin went for it, and what the twin has at equal.
    verify("gain over following the limit", times[0].value - times[1].value, unit="s", step="multi-stage")
    verify("margin spent on it", follower.value - margin.value, unit="mV", step="multi-stage")
    verify("gain at equal margin, by the twin", compared.gain(stages), unit="s", step="multi-stage")
    require(kpi.charge_cut(run, "multi-stage"))


@pytest.mark.requirement("PB-STR-02")
def test_searched_optimum_against_its_promise(
    run_scenario: RunScenario, require: Require, verify: Verify, pack: PackFile
) -> None:
    """Searched optimum from 10 to 80 % against what the twin promised of it, 25 °C."""
    found = Optimum(stages=2, share=SHARE).for_pack(pack, AT)
    run = run_scenario(*recharge(found, "optimum"))
    require(kpi.time_off_the_promise(run, "optimum"), at_most=PROMISED * found.promised)
    require(kpi.charge_time(run, "optimum", 0.10, 0.80), at=None)
    require(kpi.charge_cut(run, "optimum"))
    compared = compare_strategies(pack, [found], AT)
    gain = compared.gain(compared.rows[1])
    if isfinite(gain):
        verify("gain at equal margin, by the twin", gain, unit="s", step="optimum")
    margin = kpi.plating_margin(run, "optimum")
    # Where nobody has a model it is not known, and stands so among the figures: that is no failure of a pack.
    if isfinite(margin.value):
        require(margin)
