"""What comes back of what was put in, by power and temperature; and what it costs to be ready for it.

It needs a station with a charger at its AC side: source and sink that stand for one, or a box.
"""

import pytest

from packbench import FollowPower, PackFile, Require, RunScenario, Soak, Step, kpi, soc_above, soc_below
from test_cases.grid_support import to_soc

LOW, HIGH = 0.25, 0.75
"""Between which a round trip goes: those of the measured V2G car (Schram et al. 2020)."""
DEMAND = 60.0
"""s of half of the charger's power, each hour."""


def trip(power: float, pack: PackFile, name: str) -> FollowPower:
    """From one end to the other at that power (W at the AC side), in twice the time that it should take."""
    energy = (HIGH - LOW) * pack.rated_capacity * (pack.voltage_min + pack.voltage_max) / 2
    longest = 3 * 3600 * energy / abs(power) + 3600
    until = [soc_above(HIGH) if power > 0 else soc_below(LOW)]
    return FollowPower([(0.0, power), (longest, power)], until=until, name=name)


@pytest.mark.requirement("PB-V2G-05")
@pytest.mark.parametrize(
    ("airs", "shares"),
    [
        pytest.param((25.0,), (1.0, 0.5), id="25C-from half of the power on"),
        pytest.param((0.0, 25.0, 40.0), (1.0, 0.5, 0.25, 0.1), id="map", marks=pytest.mark.long),
    ],
)
def test_round_trip(
    run_scenario: RunScenario, require: Require, pack: PackFile, rated: float,
    airs: tuple[float, ...], shares: tuple[float, ...],
) -> None:  # fmt: skip
    """Round trips between 25 and 75 % by power and temperature, beside the 79 to 88 % of a measured car.

    Less than that is the pack's or the charger's failure where the pack file says so; more is told, and no fault.
    """
    trips = {(air, share): f"at {share:.0%}, {air:g} °C" for air in airs for share in shares}
    steps: list[Step] = [Soak(25.0), *to_soc(LOW)]
    for (air, share), name in trips.items():
        soak = [Soak(air)] if share == shares[0] else []
        steps += [*soak, trip(share * rated, pack, f"in {name}"), trip(-share * rated, pack, f"out {name}")]
    run = run_scenario(*steps)
    for (_, share), name in trips.items():
        figure = kpi.grid_round_trip(run, f"out {name}", f"in {name}")
        # Nobody has published what comes back of less.
        require(figure, at=f"{100 * share:g} % of the power" if share >= 0.5 else None)


@pytest.mark.requirement("PB-V2G-06")
@pytest.mark.parametrize("hours", [3, pytest.param(24, marks=pytest.mark.long)])
def test_standby(run_scenario: RunScenario, require: Require, rated: float, hours: int) -> None:
    """{hours} h in which nobody wants anything but a minute in each: what that takes, and whether it is there."""
    demands = [
        point
        for hour in range(1, hours)
        for point in ((3600.0 * hour, (-1) ** hour * rated / 2), (3600.0 * hour + DEMAND, 0.0))
    ]
    run = run_scenario(*to_soc(0.5), FollowPower([(0.0, 0.0), *demands, (3600.0 * hours, 0.0)], name="standby"))
    require(kpi.demands_met(run, "standby"), at_least=99.0)
    require(kpi.standby_power(run, "standby"), at=None)
