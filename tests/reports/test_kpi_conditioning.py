"""What preconditioning took and where it came to, worked out by hand."""

import numpy as np
import pytest

from reports import kpi
from reports.recording import Recording

COLUMNS = [
    "Test Time / s", "Step Count / 1", "Coolant Supply Temperature / degC", "Coolant Return Temperature / degC",
    "Coolant Flow Rate / L/min", "Cell Temperature Min / degC", "Cell Temperature Max / degC",
]  # fmt: skip
ROWS = [
    [0.0, 1, 30.0, 20.0, 6.0, 5.0, 6.0],
    [60.0, 1, 30.0, 25.0, 6.0, 14.0, 17.0],
    [90.0, 1, np.nan, 25.0, 6.0, 15.0, 18.0],
    [120.0, 1, 24.0, 25.0, 6.0, 18.0, 22.0],
]


TARGET = {"target": 20.0}
CAR = {"expected arrival": 20.5, "heater and chiller": 310.0}


def conditioned(
    rows: list[list[float]] = ROWS, set_points: dict[str, float] = TARGET, by: str | None = "coolant"
) -> Recording:
    started = {
        "type": "step started", "time": 0.0, "index": 1, "name": "warm", "kind": "Precondition",
        "words": {"conditioned by": by} if by else {}, "set_points": set_points,
    }  # fmt: skip
    ended = {"type": "step ended", "time": 120.0, "index": 1, "ended_by": "time"}
    return Recording({"pack": {"capacity": 2.0}, "instruments": []}, [started, ended], COLUMNS, np.array(rows))


def test_heat_that_the_coolant_left_or_carried_away_counts_by_magnitude() -> None:
    """0.1 L/s at 3640 J/(L K): 10 K, 5 K and 1 K the other way, straight lines between what was read."""
    found = kpi.conditioning_energy(conditioned(), "warm")
    assert found.unit == "Wh"
    assert found.value == pytest.approx(364.0 * (60 * (10 + 5) / 2 + 60 * (5 + 1) / 2) / 3600, rel=1e-12)


def test_without_two_readings_nothing_is_known_of_it() -> None:
    assert np.isnan(kpi.conditioning_energy(conditioned([[*row[:2], np.nan, *row[3:]] for row in ROWS]), "warm").value)


def test_of_a_step_without_a_row_nothing_is_known() -> None:
    run = conditioned()
    set_points = {"target": 20.0, "expected arrival": 20.0}
    events = [{**run.events[0], "set_points": set_points}, run.events[1]]
    empty = Recording(run.manifest, events, run.columns, run.rows[:0])
    for each in (kpi.arrival_temperature_off, kpi.arrival_temperature, kpi.arrival_off_the_cars):
        assert np.isnan(each(empty, "warm").value)


def test_the_cell_that_is_furthest_off_counts() -> None:
    assert kpi.arrival_temperature_off(conditioned(), "warm").value == pytest.approx(-2.0)
    hotter = [*ROWS[:-1], [*ROWS[-1][:5], 19.0, 23.0]]
    assert kpi.arrival_temperature_off(conditioned(hotter), "warm").value == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("set_points", "by", "asked"),
    [
        (TARGET, "coolant", {"conditioning energy", "arrival temperature off the target"}),
        (CAR, "chamber", {
            "conditioning energy", "arrival temperature", "arrival temperature off the car's", "preconditioning energy",
        }),
        ({}, "coolant", {"conditioning energy"}),
        ({}, None, set()),
    ],
)  # fmt: skip
def test_a_step_is_asked_about_what_it_was_conditioned_for(
    set_points: dict[str, float], by: str | None, asked: set[str]
) -> None:
    found = {each.key for each in kpi.compute_all(conditioned(set_points=set_points, by=by))}
    assert {key for key in found if "arrival" in key or "conditioning" in key} == asked


def test_how_warm_a_cars_pack_would_have_come_is_told_beside_how_warm_this_one_did() -> None:
    run = conditioned(set_points=CAR, by="chamber")
    assert kpi.arrival_temperature(run, "warm").value == pytest.approx(20.0)
    assert kpi.preconditioning_energy(run, "warm").value == 310.0
    off = kpi.arrival_off_the_cars(run, "warm")
    assert off.value == pytest.approx(-2.5)
    assert "furthest from the 20.5 °C that cells of a whole car's pack" in off.definition
    assert off.definition.endswith("conditioned by the chamber.")
    target = kpi.arrival_temperature_off(conditioned(), "warm").definition
    assert "from the target of 20 °C at the end" in target
    assert target.endswith("conditioned by the coolant.")


def test_two_readings_are_enough_for_the_heat_between_them() -> None:
    unread = [[*row[:2], row[2] if row[0] <= 60 else np.nan, *row[3:]] for row in ROWS]
    assert kpi.conditioning_energy(conditioned(unread), "warm").value == pytest.approx(364.0 * 60 * 7.5 / 3600)
