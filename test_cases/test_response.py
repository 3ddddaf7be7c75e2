"""How fast and how truly the car answers a frequency: a fast reserve, and too high or too low a frequency.

Powers are shares of the charger's own, so that the same test is run at the scale of a module and of a car. It needs a
station with a charger at its AC side: source and sink that stand for one, or a box.
"""

import pytest

from packbench import FollowFrequency, Require, RunScenario, StationFile, containment, kpi, limited
from test_cases.grid_support import stairs, to_soc

AROUND = (0.010, 0.015, 0.020, 0.030, 0.050, 0.100, 0.150)
"""Hz off the nominal frequency, where the response begins and along its first slope."""
ROOM = 0.005
"""Hz beyond its 15 mHz, assumed: what begins so flatly a bench sees no sharper."""
SECOND = 1.0
"""Within which a fast reserve is there in full (Dynamic Containment, Great Britain)."""
AHEAD = 0.15
"""s of that second for the bench: it asks and measures 20 times a second."""
RAMP_TIME, HOLD = 30.0, 30.0
"""s from the nominal frequency to the extreme one, and at it."""
PERIOD = 0.2
"""s: CEI 0-21 judges storage by means of so long."""


def fast(station: StationFile, most: float) -> float:
    """What the charger can offer, W: what its ramp brings, by its data, in what dead time and bench leave of it."""
    charger = station.charger
    assert charger is not None, f"station {station.name} names no charger at its AC side"
    return min(0.5 * most, charger.ramp * (SECOND - AHEAD - charger.dead_time))


@pytest.mark.requirement("PB-V2G-03")
def test_fast_response(run_scenario: RunScenario, require: Require, station: StationFile, rated: float) -> None:
    """±0.2 Hz bring 5 % and ±0.5 Hz all of the power on offer within a second, ±15 mHz none; recorded at 20 Hz."""
    # About half of its power out of the car: a charger that loses more than 5 % of an offer at no power cannot give it.
    quiet = [(0.0, 50.0), (5.0, 50.015), (10.0, 49.985), (15.0, 50.0)]
    steps = [(20.0, 49.8), (30.0, 50.0), (40.0, 50.2), (50.0, 50.0), (60.0, 49.5), (90.0, 50.0), (100.0, 50.5)]
    # All of its power, though its ramp does not bring that in time: of less a bench does not see where it begins.
    around = FollowFrequency(stairs(AROUND), containment(), power=rated, base=-0.4 * rated, name="deadband")
    run = run_scenario(
        *to_soc(0.5),
        around,
        FollowFrequency(
            [*quiet, *steps, (130.0, 50.0), (140.0, 50.0)], containment(), power=fast(station, rated),
            base=-0.5 * rated, period=0.05, name="fast",
        ),
    )  # fmt: skip
    require(kpi.offered(run, "fast"), at=None)
    require(kpi.response_time(run, "fast"), at_most=SECOND)
    require(kpi.activation_time(run, "fast"), at_most=SECOND)
    require(kpi.response_error(run, "fast"), at_most=3.0)
    # Assumed: a fifth of each answer, so that of 5 % no 3 % are missing.
    require(kpi.answer_error(run, "fast"), at_most=20.0)
    require(kpi.insensitivity(run, "deadband"), at_most=0.015 + ROOM)
    require(kpi.sample_interval(run, "fast"), at_most=0.051)


def ramp(extreme: float, way: int) -> list[tuple[float, float]]:
    """From 50 Hz to the extreme one and back, as so many steps that no charger sees them."""
    count = round(RAMP_TIME / PERIOD)
    up = [(PERIOD * number, 50.0 + way * extreme * number / count) for number in range(count + 1)]
    back = RAMP_TIME + HOLD
    down = [(back + PERIOD * number, 50.0 + way * extreme * (1 - number / count)) for number in range(1, count + 1)]
    return [*up, *down, (back + RAMP_TIME + HOLD, 50.0)]


@pytest.mark.requirement("PB-V2G-04")
@pytest.mark.parametrize("way", ["over", "under"])
def test_limited_frequency_mode(run_scenario: RunScenario, require: Require, rated: float, way: str) -> None:
    """{way}-frequency mode from 100, 50 and 0 % of the power: 5 % droop beyond 0.2 Hz, no swing that lasts.

    Too high a frequency takes from what is given, too low a one from what is taken.
    """
    sign = 1 if way == "over" else -1
    names = {share: f"{way}-frequency from {100 * share:g} %" for share in (1.0, 0.5, 0.0)}
    steps = [
        FollowFrequency(ramp(1.5, sign), limited(), power=rated, base=-sign * share * rated, period=PERIOD, name=name)
        for share, name in names.items()
    ]
    run = run_scenario(*to_soc(0.5), *steps)
    for name in names.values():
        require(kpi.droop_error(run, name), at_most=10.0)
        require(kpi.decay_of_swings(run, name), at_most=0.95)
