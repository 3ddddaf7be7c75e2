"""Driving: what the bench asks of the pack on a road, and what is refused before anything is switched on."""

from math import nan
from pathlib import Path

import numpy as np
import pytest

from bench.pack import load_pack
from bench.recording.run import RunRecord
from bench.road import Drive, pack_energy
from bench.scenario import elapsed
from bench.testing import TestBench
from bench.verdicts import InputError
from models.shipped import FOLDERS
from models.vehicle.car import load_car
from tests.bench.fakes import Plant

HILL = "name: hill\ndescription: a hill\nsources: [a test]\nlegs:\n  - {length: 600, limit: 50, grade: 5}\n"
BACK = "  - {length: 600, limit: 50, grade: -9, stop: 5}\n"


def hill(folder: Path, more: str = BACK) -> Path:
    path = folder / "hill.yaml"
    path.write_text(HILL + more, encoding="utf-8")
    return path


def column(run: RunRecord, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[run.columns.index(name)] for row in run.rows])


def test_the_cars_power_is_scaled_by_the_energy_of_the_packs(little_bench: TestBench, tmp_path: Path) -> None:
    step = Drive(hill(tmp_path), season="oslo-july", hour=12.0)
    run = little_bench.run(step)
    command = column(run, "Command Power / W")
    command = command[~np.isnan(command)]
    scale = pack_energy(little_bench.engine.bench.pack) / load_car("renault-5-class").energy
    assert command == pytest.approx(-scale * step.journey.power[: len(command)], abs=1e-9)
    assert len(command) == step.journey.time[-1]
    assert command.max() > 0 > command.min()
    started = next(event for event in run.events if event["type"] == "step started")
    assert started["set_points"]["scale"] == pytest.approx(scale)
    assert started["set_points"]["distance"] == pytest.approx(1200, rel=1e-3)
    assert started["set_points"]["outside"] == pytest.approx(19.3, abs=1.0)
    assert started["resumable"]


def test_what_the_bms_does_not_take_back_is_left_to_the_brakes(
    little_bench: TestBench, plant: Plant, tmp_path: Path
) -> None:
    plant.charge_limit = 0.05
    run = little_bench.run(Drive(hill(tmp_path)))
    asked = column(run, "Set Current / A")
    assert np.nanmax(asked) == 0.05
    assert np.nanmax(column(run, "Command Power / W")) > 0.05 * 80


def test_every_second_has_its_sample(little_bench: TestBench, tmp_path: Path) -> None:
    run = little_bench.run(Drive(hill(tmp_path)))
    time = column(run, "Test Time / s")[~np.isnan(column(run, "Command Power / W"))]
    assert np.diff(time) == pytest.approx(1.0)


def test_ten_points_a_second_are_ten_samples_a_second(little_bench: TestBench, tmp_path: Path) -> None:
    run = little_bench.run(Drive(hill(tmp_path), period=0.1, until=elapsed(seconds=10)))
    time = column(run, "Test Time / s")[~np.isnan(column(run, "Command Power / W"))]
    assert np.diff(time) == pytest.approx(0.1)


def test_a_cycle_of_power_needs_no_car_to_be_known(little_bench: TestBench, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("time / s;power / kW\n0;10,0\n10;-5,0\n20;0\n", encoding="utf-8")
    run = little_bench.run(Drive(path, scale=0.005))
    command = column(run, "Command Power / W")
    assert set(command[~np.isnan(command)]) == {-50.0, 25.0}


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (Drive("motorway-120"), r"no road 'motorway-120' \(nearest: motorway-1"),
        (Drive("country", car="twingo"), "no car 'twingo'; shipped are renault-5-class"),
        (Drive("country", season="oslo-sommer"), r"no season 'sommer' \(nearest: summer\)"),
        (Drive("nowhere.csv"), r"nowhere.csv: cannot be read \(No such file"),
        (Drive("country", scale=0.0), "a scale of 0 leaves nothing"),
        (Drive("country", scale=nan), "a scale of nan leaves nothing"),
        (
            Drive("mountain-pass", scale=0.02),
            r"needs \d+\.?\d* A of this pack at km \d+\.\d of 36.5 on the road mountain-pass \(scale 0.02\), its "
            r"discharge_current allows 5 A, and \d+\.\d % of the time is beyond it",
        ),
    ],
)
def test_what_cannot_be_driven_is_told_before_anything_is_switched_on(
    little_bench: TestBench, plant: Plant, step: Drive, sentence: str
) -> None:
    before = list(plant.calls) if hasattr(plant, "calls") else []
    with pytest.raises(InputError, match=sentence):
        little_bench.run(step)
    assert not hasattr(plant, "calls") or plant.calls == before


def test_a_road_that_the_car_cannot_drive_says_where(little_bench: TestBench, tmp_path: Path) -> None:
    steep = hill(tmp_path, "  - {length: 2000, limit: 110, grade: 28}\n")
    with pytest.raises(
        InputError, match=r"renault-5-class cannot drive hill: it lacks .* kW at km 0\.\d of 2\.6 on the"
    ):
        little_bench.run(Drive(steep))


def test_another_season_is_another_step(tmp_path: Path) -> None:
    road = hill(tmp_path)
    assert Drive(road).identity == Drive(road).identity
    assert Drive(road).identity != Drive(road, season="winter").identity
    before = Drive(road).identity
    hill(tmp_path, "  - {length: 700, limit: 50, stop: 5}\n")
    assert Drive(road).identity != before


def test_a_file_that_is_another_by_now_is_read_again(tmp_path: Path) -> None:
    """Of a process that lives for long, as a worker of a cluster does."""
    place, cell, road = tmp_path / "here.yaml", tmp_path / "cell.yaml", hill(tmp_path)
    place.write_text((FOLDERS["place"] / "oslo.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    cell.write_text((FOLDERS["cell"] / "lfp-26650.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    pack = load_pack("lfp-vehicle")[0].model_copy(update={"cell": str(cell)})
    drive = Drive(road, season=f"{place}-winter", heat="car")
    found = [(drive.journey.outside, drive.on_the_way(pack).cells[-1].item())]
    for path, old, new in (
        (place, "[-6.8, -1.8]", "[-20, -15]"),
        (cell, "\nnominal_capacity: 2.0725", "\nnominal_capacity: 1.5"),
    ):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        found.append((drive.journey.outside, drive.on_the_way(pack).cells[-1].item()))
    assert found[0][0] != found[1][0] == found[2][0]
    assert len({cells for _, cells in found}) == 3
