"""What steps at the AC side declare before anything is switched on, of the little pack: worked out by hand."""

from typing import Any

import pytest

from bench.grid.steps import FollowFrequency, FollowPower, Manage, Supply, containment
from bench.pack import PackFile
from bench.scenario import Profile, Step
from bench.station import StationFile
from instruments.roles import BmsMode
from models.grid.frequency import synthetic_frequency
from tests.bench.running.declaring import FLOOR, FREQUENCY, HIGH, LOW, TOLD, declared, near, station
from tests.bench.running.test_managed_homes import hours

__all__ = ["station"]

SIGNAL = [(0.0, 8.0), (0.5, -12.0), (5.0, 0.0)]


def sinks(watts: float) -> dict[str, Any]:
    return {"sink current": [0.0, watts / LOW], "sink voltage": [FLOOR, HIGH], "sink power": [0.0, watts]}


def sources(watts: float) -> dict[str, Any]:
    return {"source current": [0.0, watts / LOW], "source voltage": [0.0, HIGH], "source power": [0.0, watts]}


@pytest.mark.parametrize(
    ("step", "direction", "charge", "discharge", "more"),
    [
        (FollowPower(SIGNAL), "both", 8.0, 12.0, {}), (FollowPower(SIGNAL, scale=-0.5), "both", 6.0, 4.0, {}),
        (FollowPower([(0.0, 8.0), (5.0, 0.0)]), "charge", 8.0, 0.0, {}),
        (FollowPower([(0.0, -8.0), (5.0, 0.0)]), "discharge", 0.0, 8.0, {}),
        # 0.09 of 0.19 Hz beyond the deadband, and all of it at 0.2 Hz; of the less of 20 and 15 W.
        (
            FollowFrequency(FREQUENCY), "both", 15.0, 15 * 9 / 19,
            {"nominal frequency": 50.0, "base": 0.0, "reserve": 15.0},
        ),
        (
            FollowFrequency(FREQUENCY, base=-5.0), "both", 5.0, 5 + 10 * 9 / 19,
            {"nominal frequency": 50.0, "base": -5.0, "reserve": 10.0},
        ),
        (
            FollowFrequency([(0.0, 50.2), (5.0, 50.0)], power=7.0, nominal=50.3), "both", 0.0, 7.0,
            {"nominal frequency": 50.3, "base": 0.0, "reserve": 7.0},
        ),
        (Supply([(0.0, 8.0), (5.0, 0.0)]), "discharge", 0.0, 8.0, {"minimum": 0.1, "restart": 10.0}),
        (Supply([(0.0, 99.0), (5.0, 0.0)]), "discharge", 0.0, 45.0, {"minimum": 0.1, "restart": 10.0}),
    ],
)  # fmt: skip
def test_what_a_step_at_the_ac_side_may_ask_for_and_what_is_recorded_of_it(
    four_cells: PackFile, station: StationFile, step: Step, direction: str, charge: float, discharge: float,
    more: dict[str, float],
) -> None:  # fmt: skip
    found, asks = declared(step, four_cells, station, "source", "sink")
    wanted = {**(sources(charge) if charge else {}), **(sinks(discharge) if discharge else {})}
    assert asks == near(wanted)
    assert (found.direction, found.mode) == (
        direction, BmsMode.CHARGE if direction == "charge" else BmsMode.DISCHARGE,
    )  # fmt: skip
    assert found.mean_current() == pytest.approx(max(charge, discharge) / 26.0)
    assert found.set_points() == near({**TOLD, **more})
    assert list(found.problems()) == []


@pytest.mark.parametrize(
    ("step", "period", "paces"),
    [
        (FollowPower(SIGNAL), 0.5, [0.5, 0.5]), (FollowPower([(0.0, 8.0), (5.0, 0.0)]), 1.0, [1.0, 1.0]),
        (FollowFrequency(FREQUENCY), 1.0, [1.0, 1.0]), (FollowFrequency(FREQUENCY, period=0.05), 0.05, [0.05, 0.05]),
        (Supply([(0.0, 8.0), (5.0, 0.0)]), 0.2, [0.2, 0.2]),
        (Supply([(0.0, 8.0), (5.0, 0.0)], period=2.5), 2.5, [2.5, 2.5]),
        (Profile([(0.0, 1.0), (0.3, 2.0), (1.0, 0.0)]), 0.3, [1.0, 1.0]),
    ],
)  # fmt: skip
def test_a_step_is_scanned_as_its_points_need(
    four_cells: PackFile, station: StationFile, step: Step, period: float, paces: list[float]
) -> None:
    found, _ = declared(step, four_cells, station)
    assert found.scan_period == pytest.approx(period)
    assert [found.pace(time) for time in (0.0, 0.25)] == pytest.approx(paces)
    assert found.steady_pace == (None if period == 0.3 else pytest.approx(period))


def test_the_answer_to_a_frequency_is_recorded_in_words(four_cells: PackFile, station: StationFile) -> None:
    words = declared(FollowFrequency(FREQUENCY, containment()), four_cells, station)[0].words()
    assert words == {
        "response": "-0.5 Hz -100 %, -0.2 Hz -5 %, -0.015 Hz +0 %, +0.015 Hz +0 %, +0.2 Hz +5 %, +0.5 Hz +100 %"
    }
    made = synthetic_frequency(60, seed=3)
    assert declared(FollowFrequency(made), four_cells, station)[0].words()["frequency"] == made.source


def test_a_box_is_asked_for_powers_at_its_own_side_and_its_losses_are_as_it_is_rated(
    four_cells: PackFile, station: StationFile
) -> None:
    found, asks = declared(FollowPower(SIGNAL), four_cells, station, "charger")
    assert asks == {"charger power": [-12.0, 8.0]}
    assert found.set_points() == near(
        {
            "charger charge": 20.0, "charger discharge": 15.0, "charger standby": 0.0, "charger proportional": 0.1,
            "charger quadratic": 0.0, "charger idle": 0.0, "charger dead time": 4.0, "charger ramp": 50.0,
        }
    )  # fmt: skip


NO_CHARGER = (
    "it needs a charger at the AC side, and station little names none: give it the section `charger:`, for which "
    "its source and sink stand, or an instrument that plays the role charger."
)


@pytest.mark.parametrize(
    ("step", "roles", "charger", "says"),
    [
        (FollowPower([(0.0, 20.0), (1.0, -15.0), (2.0, 0.0)]), (), True, []),
        (
            FollowPower([(0.0, 20.1), (1.0, -15.1), (2.0, 0.0)]), (), True,
            [
                "it asks to charge with 20.1 W, the charger allows 20 W.",
                "it asks to discharge with 15.1 W, the charger allows 15 W.",
            ],
        ),
        # A sum that is a little more than it should be is no more than that.
        (FollowPower([(0.0, 20.0 * (1 + 1e-7)), (2.0, 0.0)]), (), True, []),
        (
            FollowPower([(0.0, 20.0 * (1 + 1e-5)), (2.0, 0.0)]), (), True,
            ["it asks to charge with 20.0002 W, the charger allows 20 W."],
        ),
        (FollowPower([(0.0, 20.1), (2.0, 0.0)]), (), False, [NO_CHARGER]),
        (FollowFrequency(FREQUENCY), (), False, [NO_CHARGER]),
        (Manage("nobody", hours(1)), (), False, [NO_CHARGER]),
        (Manage("nobody", hours(1)), (), True, []),
        (Supply([(0.0, 45.0), (5.0, 0.0)]), (), True, []),
        (
            Supply([(0.0, 9.0), (5.0, 0.0)]), ("charger",), False,
            ["a box at a grid carries no load of its own: use a station whose source and sink are the charger."],
        ),
    ],
)  # fmt: skip
def test_what_a_charger_cannot_do_is_told(
    four_cells: PackFile, station: StationFile, step: Step, roles: tuple[str, ...], charger: bool, says: list[str]
) -> None:
    assert list(declared(step, four_cells, station, *roles, charger=charger)[0].problems()) == says


@pytest.mark.parametrize(
    ("given", "power"),
    [
        ({"nominal": 50.3}, [-15.0, 0.0]), ({"nominal": 49.7}, [0.0, 15.0]),
        ({"power": 2.0, "base": 5.0}, [0.0, 7.0]), ({"power": 2.0, "base": -5.0}, [-5 - 18 / 19, 0.0]),
    ],
)  # fmt: skip
def test_a_box_may_always_be_asked_to_rest(
    four_cells: PackFile, station: StationFile, given: dict[str, float], power: list[float]
) -> None:
    """Though the frequency never lets it: at the end of a step it is stopped."""
    _, asks = declared(FollowFrequency(FREQUENCY, **given), four_cells, station, "charger")
    assert asks == near({"charger power": power})
