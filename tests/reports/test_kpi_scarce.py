"""Recordings that hold too little for a figure: it is missing then, and no KPI fails for it.

A run that was ended in its first scans, a set point that never changes, an instrument that was silent throughout: each
shipped KPI is computed on all of these, made of recordings that have figures.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from reports import kpi
from reports.kpi.evaluation import evaluate
from reports.recording import Recording
from tests.reports import test_kpi_grid as grid
from tests.reports.test_kpi_managing import managed
from tests.reports.worked import LOSSLESS, NAN, recorded, recording, sampled_quickly

AXES = ("Test Time / s", "Step Count / 1")
WHOLE: dict[str, Callable[[], Recording]] = {
    "charge and discharge": recording,
    "a quick discharge": sampled_quickly,
    "set points": lambda: grid.STEP,
    "a frequency that jumps": lambda: grid.swinging(0.8),
    "a frequency on a ramp": lambda: grid.answered(grid.RAMP, grid.answers(5.0), grid.answers(5.0)),
    "a load": lambda: recorded(
        "Supply",
        {"Set Grid Power / W": [-100.0, -100, -2000, -100], "Power / W": [-100.0, -100, 0, -100],
         "Voltage / V": [100.0, 100, 100, 98], "Supply State / 1": [1.0, 1, -1, 1], "SOC / 1": [0.5, 0.5, 0.5, 0.49]},
        {**LOSSLESS, "minimum": 0.1, "restart": 3.0},
    ),
    "a manager": lambda: managed(
        [-36.0, -36, -36, 36], [5, -0.5, -3, -4], [1, 1, 1, 1],
        {"type": "manager", "time": 1.0, "problem": "no link", "warned": [], "power": 0.0},
        {"type": "departure", "time": 2.0, "short": 5.0, "leaves": 100.0},
    ),
}  # fmt: skip


def scarce(run: Recording) -> Iterator[tuple[str, Recording]]:
    """What a recording becomes that ends early, whose columns stand still at 0, or that some are missing of."""

    def of(rows: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Recording:
        return Recording(run.manifest, run.events, run.columns, rows)

    for count in (1, 2):
        yield f"{count} rows", of(np.array(run.rows[:count]))
    for position, column in enumerate(run.columns):
        for words, where, value in (("0", slice(None), 0.0), ("nan", slice(None), NAN), ("nan at last", -1, NAN)):
            if column not in AXES:
                rows = np.array(run.rows)
                rows[where, position] = value
                yield f"{column} {words}", of(rows)


@pytest.mark.parametrize("name", WHOLE)
def test_no_kpi_fails_for_what_a_recording_does_not_hold(name: str) -> None:
    run = WHOLE[name]()
    assert evaluate(run).figures
    problems = {why: evaluate(less).problems for why, less in scarce(run)}
    assert {why: told for why, told in problems.items() if told} == {}


@pytest.mark.parametrize("figure", [kpi.settling_time, kpi.dead_time])
def test_a_set_point_that_never_changes_has_no_times(figure: Callable[[Recording, str], kpi.Kpi]) -> None:
    """Not 0 s, which every limit allows."""
    assert np.isnan(figure(grid.followed([500.0] * 8, [500.0] * 8), "it").value)


def test_a_frequency_that_never_changes_has_no_response_time() -> None:
    still = grid.answered([50.5] * 8, [400.0] * 8, [400.0] * 8)
    assert np.isnan(kpi.response_time(still, "it").value)
