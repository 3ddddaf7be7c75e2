"""The picture of a motor's losses: one for each road that was driven, and a sentence where there can be none."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.pack import load_pack
from bench.recording.run import TestIdentity
from bench.road import Drive
from bench.running.setup import Setup
from bench.scenario import elapsed
from bench.station import load_station
from bench.testing import TestBench
from reports.loss_map import pictures
from reports.recording import Recording


def consumption(road: str, hour: float = 8.0) -> float:
    driven = Drive(road, season="spring", hour=hour).journey.driven
    assert driven is not None
    return 1000 * driven.consumption


def drove(*roads: str, **set_points: float) -> Recording:
    """A recording of nothing but that these roads were driven."""
    events: list[dict[str, Any]] = []
    for index, road in enumerate(roads, 1):
        points = {"hour": 8.0, "consumption": consumption(road)} | set_points if road else set_points
        words = {"road": road, "car": "renault-5-class", "season": "spring"}
        started = {"type": "step started", "time": 0.0, "index": index, "name": f"drive {index}", "kind": "Drive"}
        events += [
            {**started, "direction": "both", "resumable": True, "set_points": points, "words": words},
            {"type": "step ended", "time": 1.0, "index": index, "ended_by": "time"},
        ]
    return Recording({"pack": {"capacity": 2.0}}, events, ["Test Time / s", "Step Count / 1"], np.zeros((0, 2)))


def test_each_road_has_a_picture_of_its_own_and_only_one() -> None:
    found = list(pictures(drove("urban", "country", "urban")))
    assert [each.name for each in found] == ["Loss map of the motor, urban", "Loss map of the motor, country"]
    images = [Image.open(BytesIO(each.png)).convert("L") for each in found]
    assert all(image.width > 800 and image.height > 300 for image in images)
    town, country = (np.asarray(image, dtype=float) for image in images)
    assert np.abs(town - country).max() > 100


def test_a_road_that_has_changed_since_is_not_drawn() -> None:
    (drawn,) = pictures(drove("urban", consumption=1.1 * consumption("urban")))
    assert drawn.png == b""
    assert "another one now than when it was driven" in drawn.why


def test_a_road_that_is_gone_is_not_drawn(tmp_path: Path) -> None:
    run = drove("urban")
    run.events[0]["words"]["road"] = str(tmp_path / "gone.yaml")
    (drawn,) = pictures(run)
    assert drawn.png == b""
    assert "gone.yaml" in drawn.why


def test_a_cycle_of_power_says_nothing_of_a_motor(tmp_path: Path) -> None:
    path = tmp_path / "power.csv"
    path.write_text("time / s,power / W\n0,1000\n60,2000\n120,0\n", encoding="utf-8")
    run = drove("urban")
    run.events[0]["words"]["road"] = str(path)
    (drawn,) = pictures(run)
    assert "a cycle of power says nothing of a motor" in drawn.why


def test_what_never_drove_has_none() -> None:
    assert list(pictures(drove())) == []


@pytest.mark.parametrize("hour", [8.0, 15.0])
def test_a_drive_on_the_bench_leaves_what_its_picture_needs(tmp_path: Path, hour: float) -> None:
    setup = Setup(*load_station("virtual-module"), *load_pack("lfp-24s"))
    bench = TestBench(setup, tmp_path, TestIdentity("x", "x", "x"))
    bench.open()
    bench.run(Drive("urban", season="spring", hour=hour, until=elapsed(seconds=30)))
    bench.conclude()
    (drawn,) = pictures(Recording.load(bench.run_log.folder))
    assert drawn.why == ""
    assert drawn.name == "Loss map of the motor, urban"
