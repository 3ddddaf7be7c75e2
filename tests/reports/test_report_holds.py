"""A reviewer sees when cycling was paused and why, and no figure counts that time against the pack."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports import allure, figure, interactive, kpi
from reports.recording import Recording

STEP = "restoring charge"
TEXT = "chamber excursion: 5 K is above the allowed 2 K"


def paused(run: Recording, begin: float = 600.0, duration: float = 900.0, *, ends: bool = True) -> Recording:
    """The same run, whose step `STEP` says that it was held from `begin` s on."""
    start = run.step(STEP).start + begin
    at = [{"time": start, "type": "hold started", "limit": "chamber excursion", "step": STEP, "text": TEXT}]
    if ends:
        at.append(
            {"time": start + duration, "type": "hold ended", "limit": "chamber excursion", "step": STEP,
             "duration": duration, "recovered": True}
        )  # fmt: skip
    return replace(run, events=sorted([*run.events, *at], key=lambda event: event["time"]))


@pytest.fixture
def run(cycle_run: Path) -> Recording:
    return Recording.load(cycle_run)


def told(run: Recording) -> list[tuple[str, str]]:
    """Name and status of what is shown within the step."""
    (step,) = [step for step in allure.steps_of(run, start=0) if STEP in step.name]
    return [(inner.name, str(inner.status)) for inner in step.steps]


def test_a_hold_lasts_from_its_start_to_its_end(run: Recording) -> None:
    (hold,) = paused(run).holds
    assert (hold.limit, hold.step, hold.recovered) == ("chamber excursion", STEP, True)
    assert hold.stop - hold.start == 900


def test_a_hold_that_the_run_did_not_survive_lasts_to_its_last_sample(run: Recording) -> None:
    (hold,) = paused(run, ends=False).holds
    assert (hold.stop, hold.recovered) == (run.time[-1], False)


def test_only_the_part_of_a_hold_inside_the_time_counts(run: Recording) -> None:
    held = paused(run)
    (hold,) = held.holds
    assert held.held(0, hold.start) == 0
    assert held.held(hold.start - 50, hold.start + 100) == 100
    assert held.held(hold.stop - 100, hold.stop + 50) == 100
    assert held.held(0, 1e9) == 900


def test_the_time_of_a_step_is_told_without_its_holds(run: Recording) -> None:
    assert kpi.duration(paused(run), STEP).value == pytest.approx(kpi.duration(run, STEP).value - 900)


def test_a_charge_time_is_told_without_holds_between_its_ends_only(run: Recording) -> None:
    time, soc = run.values("Test Time / s", STEP), run.values("SOC / 1", STEP)
    start, stop = float(soc[0]) + 0.1, float(soc[0]) + 0.3
    begun = float(np.interp(start, soc, time)) - run.step(STEP).start
    plain = kpi.charge_time(run, STEP, start, stop).value
    assert kpi.charge_time(paused(run, begun + 10, 60), STEP, start, stop).value == pytest.approx(plain - 60)
    assert kpi.charge_time(paused(run, begun - 100, 60), STEP, start, stop).value == pytest.approx(plain)


def test_a_hold_is_told_in_its_step(run: Recording) -> None:
    assert told(paused(run)) == [
        (f"Hold: {TEXT}", "passed"),
        ("Hold ended after 15 min 00 s: chamber excursion recovered", "passed"),
    ]


def test_a_warning_is_told_in_its_step_and_fails_nothing(run: Recording) -> None:
    event = {"time": run.step(STEP).start + 5, "type": "warning", "step": STEP, "blame": "pack", "text": "cell spread"}
    assert told(replace(run, events=[*run.events, event])) == [("Warning: cell spread", "passed")]


@pytest.mark.parametrize("draw", [figure.png, interactive.html])
def test_a_hold_is_drawn(run: Recording, draw: Callable[[Recording], Any]) -> None:
    assert draw(paused(run)) != draw(run)


def test_the_interactive_figure_names_the_hold(run: Recording) -> None:
    assert '"name":"chamber excursion"' in interactive.html(paused(run))
