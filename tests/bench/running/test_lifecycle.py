"""What a run knows of its bench before the first step, as it stands on disk."""

import json

from bench.testing import TestBench
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
