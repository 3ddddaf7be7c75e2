"""What a run knows of its bench before the first step, as it stands on disk."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench.pack import PackFile
from bench.running.lifecycle import Setup, check_fit
from bench.station import load_station
from bench.testing import TestBench
from bench.verdicts import InputError
from tests.bench.fakes import Plant


def test_a_run_keeps_what_it_takes_to_have_it_again(little_bench: TestBench) -> None:
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert (manifest["seed"], manifest["defects"]) == (0, [])
    assert manifest["pack"]["series"] == 4
    assert manifest["pack"]["capacity"] == 2.0


def test_a_run_keeps_what_its_instruments_were_told_to_protect(little_bench: TestBench, plant: Plant) -> None:
    manifest = json.loads((little_bench.run_log.folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["clock"].keys() == {"kind", "epoch", "speed"}
    assert manifest["clock"]["speed"] == little_bench.station.speed
    told = [(kept["over_voltage"], kept["over_current"], kept["over_power"]) for kept in manifest["protections"]]
    # A sink protects from a voltage that is too low, which is no over-voltage.
    assert told == [plant.armed["source"], (None, *plant.armed["sink"][1:])]


@pytest.mark.parametrize(("clock", "refused"), [("wall", True), ("virtual", False)])
def test_defects_are_seeded_where_the_simulators_are_ones_own(four_cells: PackFile, clock: str, refused: bool) -> None:
    station, path = load_station("virtual-pack")
    setup = Setup(
        station.model_copy(update={"clock": clock}), path, four_cells, Path("four.yaml"), defects=("weak-cell:1:0.5",)
    )
    with pytest.raises(InputError, match="seeded defects need simulators of its own") if refused else nullcontext():
        check_fit(setup)


@pytest.mark.parametrize(("carried", "refused"), [(13.8, False), (13.7, True)])
def test_a_pack_may_have_the_voltage_that_the_wiring_carries_and_no_more(
    four_cells: PackFile, carried: float, refused: bool
) -> None:
    station, path = load_station("virtual-pack")
    wiring = station.wiring.model_copy(update={"voltage": carried})
    setup = Setup(station.model_copy(update={"wiring": wiring}), path, four_cells, Path("four.yaml"))
    with pytest.raises(InputError, match=r"reaches 13\.8 V, the wiring of station") if refused else nullcontext():
        check_fit(setup)
