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


def conditioned(rows: list[list[float]] = ROWS) -> Recording:
    started = {
        "type": "step started", "time": 0.0, "index": 1, "name": "warm", "kind": "Precondition",
        "words": {"conditioned by": "coolant"}, "set_points": {"target": 20.0},
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
