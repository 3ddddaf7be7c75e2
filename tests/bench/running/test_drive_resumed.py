"""A drive with a car's heat around the pack whose process was killed on the road: it goes on at that place of it."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from bench.columns import COMMAND_POWER, TEST_TIME
from bench.recording.past import PastRun
from bench.recording.run import RunRecord
from bench.road import Drive
from bench.running.procedures.drive import MOST_SHORT
from bench.running.procedures.leading import FINE
from bench.testing import TestBench
from reports import kpi
from reports.recording import Recording

OpenOn = Callable[..., TestBench]
BEGUN = {"temperature": 10.0, "soc": 0.5}
KILLED = 240.0
"""s of the road."""


class Killed(BaseException):
    """The process was killed."""


def road(**more: object) -> Drive:
    asked = {"season": "paris-spring", "heat": "car", "precondition": 25.0, "start": 10.0, **more}
    return Drive("short-hop", **asked)  # type: ignore[arg-type]


def killed(bench: TestBench, step: Drive, left: Path) -> PastRun:
    """What is left of a run that died on the road."""

    def observe(row: list[float]) -> None:
        if row[0] - bench.engine.step_started >= KILLED:
            shutil.copytree(bench.run_log.folder, left)
            raise Killed

    bench.engine.sampler.observers.append(observe)
    with suppress(Killed):
        bench.run(step)
    assert left.exists(), "it never got there"
    return PastRun.load(left)


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


@pytest.mark.parametrize("station", ["virtual-vehicle", "virtual-module"])
def test_it_goes_on_at_its_place_of_the_road_with_the_heat_of_that_place(
    on: OpenOn, tmp_path: Path, station: str
) -> None:
    step, first = road(), on(station, **BEGUN)
    past = killed(first, step, tmp_path / "left" / "2026-01-01" / "died")
    first.conclude()
    bench = on(station, past=past, **BEGUN)
    run = bench.run(step)
    events = bench.run_log.events
    (went_on,) = [event["time"] for event in events if event["type"] == "step resumed"]

    # What was left of the road is driven, each second at its own power, and nothing of it twice.
    time, command = column(run, TEST_TIME), column(run, COMMAND_POWER)
    asked = command[(time > went_on) & ~np.isnan(command)]
    way, place = step.on_the_way(bench.pack), int(KILLED)
    left = -step.scale_for(bench.pack) * (step.journey.power + way.power)[place:]
    assert len(asked) >= len(left) - 2
    assert asked == pytest.approx(left[: len(asked)], abs=1e-6)

    # Chamber and coolant are asked for what belongs there, and for nothing that belonged to the road's beginning.
    heat = [event for event in events if event["type"] == "set point" and event["time"] > went_on]
    first_asked = {event["instrument"]: event["value"] for event in reversed(heat)}
    if station == "virtual-vehicle":
        assert first_asked["chamber"] == pytest.approx(step.journey.outside)
        before = [event["value"] for event in events if event["type"] == "set point" and event["time"] < KILLED]
        assert first_asked["coolant"] == pytest.approx(before[-1], abs=MOST_SHORT)
    else:
        assert first_asked == {"chamber": pytest.approx(way.at(KILLED)[0], abs=FINE)}
    (ended,) = [event for event in events if event["type"] == "step ended"]
    assert ended["ended_by"] == f"Step Time at least {step.survey.duration:g} s"
    assert kpi.arrival_temperature(Recording(*run), 1).value > BEGUN["temperature"], "it was warmed on the way"
    assert bench.conclude().verdict == "PASS"
