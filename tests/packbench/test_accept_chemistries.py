"""Every chemistry against itself: what has aged fails by its accepted figures, a healthy pack by no other meters."""

from typing import Any

import pytest
import yaml

from bench.accepted import SHIPPED as ACCEPTED
from bench.accepted import load
from bench.pack import load_pack
from bench.station import SHIPPED as STATIONS
from tests.bench.session_support import Project

PACKS = ("lfp-24s", "nmc811-24s", "lnmo-24s", "li-metal-24s")
TEMPERATURES = (-10.0, 0.0, 25.0, 45.0)
CASES = """
import pytest
from packbench import Charge, Pulse, Rest, Soak, current_below, full_discharge, kpi, soc_above, standard_charge

@pytest.mark.capacity
def test_capacity(run_scenario, require, pack):
    run = run_scenario(standard_charge("fill"), Soak(25), full_discharge(pack, "C/3"))
    require(kpi.capacity(run, "discharge"), at="C/3", temperature=25.0)

@pytest.mark.resistance
def test_resistance(run_scenario, require):
    run = run_scenario(
        Charge("C/3", until=[soc_above(0.5), current_below("C/20")], name="charge"), Soak(25), Pulse("1C", duration=18)
    )
    require(kpi.dc_resistance(run, "pulse"), temperature=25.0)
"""
OTHER_METERS = "other-meters.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository that asks for what a specimen has to keep, and a second bench of the same instruments."""
    project = Project(tmp_path_factory.mktemp("chemistries"))
    project.write(CASES)
    (project.folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    capacity\n    resistance\n", encoding="utf-8")
    station: dict[str, Any] = yaml.safe_load((STATIONS / "virtual-module.yaml").read_text(encoding="utf-8"))
    station["virtual"] = {**station.get("virtual", {}), "specimens": 7}
    (project.folder / OTHER_METERS).write_text(yaml.safe_dump(station), encoding="utf-8")
    return project


def judged(project: Project, pack: str, *options: str) -> dict[str, Any]:
    """Measurements of one session, by name."""
    known = {manifest["run_id"] for manifest in project.manifests}
    project.run(f"--pack={pack}", f"--accepted={ACCEPTED}", *options)
    news = [manifest for manifest in project.manifests if manifest["run_id"] not in known]
    return {each["name"]: each for manifest in news for each in manifest["measurements"]}


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(
    ("defect", "mark", "figure"),
    [("aged:1:1.5", "resistance", "dc resistance 10 s"), ("aged:0.95", "capacity", "discharge capacity")],
)
def test_what_has_aged_fails_against_itself_in_every_chemistry(
    project: Project, pack: str, defect: str, mark: str, figure: str
) -> None:
    measured = judged(project, pack, f"--defect={defect}", "-m", mark)
    assert measured[f"{figure} of this specimen"]["verdict"] == "FAIL"


@pytest.mark.long
@pytest.mark.parametrize("pack", PACKS)
def test_a_healthy_pack_passes_against_itself_whichever_meters_measure_it(project: Project, pack: str) -> None:
    measured = judged(project, pack, f"--station={OTHER_METERS}")
    itself = {name: each["verdict"] for name, each in measured.items() if name.endswith(" of this specimen")}
    assert itself == {
        "discharge capacity of this specimen": "PASS", "dc resistance 10 s of this specimen": "PASS"
    }  # fmt: skip


@pytest.mark.parametrize("pack", PACKS)
def test_the_accepted_figures_that_ship_are_all_that_a_nightly_measures_of_a_specimen(pack: str) -> None:
    """Lithium metal gives up in the pulse at -10 °C: nothing was measured of it there."""
    values = load(ACCEPTED, load_pack(pack)[0]).values
    capacities = {("discharge capacity", at, t) for at in ("C/3", "1C") for t in TEMPERATURES}
    resistances = {(f"dc resistance {at} s", "", t) for at in (2, 10) for t in TEMPERATURES}
    lost = {each for each in resistances if pack == "li-metal-24s" and each[2] == -10.0}
    assert {value.place for value in values} == capacities | resistances - lost
