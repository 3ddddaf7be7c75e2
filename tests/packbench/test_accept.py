"""A specimen against itself: what `packbench accept` keeps, and what later sessions make of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.accepted import SHIPPED, AcceptedFile, AcceptedValue, file_of, load, read, write
from bench.clock import utc_now
from bench.pack import load_pack
from bench.verdicts import InputError
from reports.tables import rows_of
from tests.bench.cli_support import Answer, packbench
from tests.bench.session_support import Project

pytestmark = pytest.mark.dear(90)

SERIAL = "VIRTUAL-LFP-24S-0001"
PLACE = ("discharge capacity", "C/3", 25.0)
FILE = f"accepted/lfp-24s.{SERIAL}.yaml"

CAPACITY = """
from packbench import Rest, Soak, full_discharge, kpi, standard_charge

def test_capacity(run_scenario, require, pack):
    run = run_scenario(standard_charge("fill"), Soak(25), full_discharge(pack, "C/3"))
    require(kpi.capacity(run, "discharge"), at="C/3")
"""
RESISTANCE = """
from packbench import Charge, Pulse, Soak, current_below, kpi, soc_above

def test_resistance(run_scenario, require):
    run = run_scenario(Charge("C/3", until=[soc_above(0.5), current_below("C/20")]), Soak(25), Pulse("1C", duration=18))
    require(kpi.dc_resistance(run, "pulse"))
"""


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository whose pack was measured while it was new."""
    project = Project(tmp_path_factory.mktemp("specimen"))
    project.write(CAPACITY, "test_capacity")
    project.write(RESISTANCE, "test_resistance")
    assert project.run("--accepted=nothing-yet").status == 0
    return project


@pytest.fixture
def accepted(healthy: Project) -> Iterator[Project]:
    """The same, accepted."""
    assert accept(healthy, *(manifest["run_id"] for manifest in healthy.manifests)).status == 0
    yield healthy
    (healthy.folder / FILE).unlink()


def accept(project: Project, *runs: str) -> Answer:
    return packbench("accept", *runs, cwd=project.folder)


def later(project: Project, *options: str) -> dict[str, Any]:
    """Measurements of one more session of the same pack, by name; and its status."""
    known = {manifest["run_id"] for manifest in project.manifests}
    ended = project.run(*options)
    news = [manifest for manifest in project.manifests if manifest["run_id"] not in known]
    found = {each["name"]: each for manifest in news for each in manifest["measurements"]}
    for manifest in news:  # the next test accepts what was there before
        (project.folder / "runs" / manifest["run_id"] / "run.json").unlink()
    return {"status": ended.status, **found}


def kept_of(project: Project) -> tuple[AcceptedValue, ...]:
    return load(project.folder / "accepted", load_pack("lfp-24s")[0]).values


def test_what_is_kept_is_what_was_measured_with_its_uncertainty(accepted: Project) -> None:
    kept = yaml.safe_load((accepted.folder / FILE).read_text(encoding="utf-8"))
    measured = {each["name"]: each for manifest in accepted.manifests for each in manifest["measurements"]}
    values = {value["kpi"]: value for value in kept["values"]}
    assert kept["pack"] == "lfp-24s"
    assert set(values) == {"discharge capacity", "dc resistance 10 s"}
    for name, value in values.items():
        told = measured[name]
        assert (value["value"], value["uncertainty"], value["unit"]) == (
            told["value"], told["uncertainty"], told["unit"],
        )  # fmt: skip
    assert values["discharge capacity"]["at"] == "C/3"
    assert values["dc resistance 10 s"]["temperature"] == 25.0


def test_a_specimen_that_stays_as_it_was_passes_both(accepted: Project) -> None:
    found = later(accepted)
    assert found["status"] == 0
    assert found["discharge capacity of this specimen"]["verdict"] == "PASS"
    assert found["dc resistance 10 s of this specimen"]["verdict"] == "PASS"


@pytest.mark.a_case_is_enough
@pytest.mark.parametrize(
    ("defect", "figure"),
    [("aged:0.95", "discharge capacity"), ("aged:1:1.5", "dc resistance 10 s")],
)
def test_one_that_has_aged_fails_against_itself_and_not_as_its_type(
    accepted: Project, defect: str, figure: str
) -> None:
    found = later(accepted, f"--defect={defect}")
    assert found["status"] == 1
    judged = found[f"{figure} of this specimen"]
    assert judged["verdict"] == "FAIL"
    assert judged["in_limit"] == found[figure]["uncertainty"] > 0, "it is known as well as the figure that it is"
    then = next(each for each in kept_of(accepted) if each.kpi == figure)
    assert judged["source"].startswith(f"accepted run {then.run}: {then.value:.4g} ± ")
    (row,) = [each for each in rows_of({"measurements": [judged]}) if each.verdict == "FAIL"]
    assert (row.uncertainty, row.source) == (judged["in_limit"], judged["source"])


@pytest.mark.long
def test_the_limit_leaves_room_for_both_uncertainties(accepted: Project) -> None:
    found = later(accepted)
    then = next(
        value for value in load(accepted.folder / "accepted", load_pack("lfp-24s")[0]).values
        if value.kpi == "discharge capacity"
    )  # fmt: skip
    now = found["discharge capacity"]
    room = (now["uncertainty"] ** 2 + then.uncertainty**2) ** 0.5
    assert found["discharge capacity of this specimen"]["at_least"] == pytest.approx(0.97 * then.value - room)


@pytest.mark.long
def test_it_is_judged_again_from_its_data(accepted: Project) -> None:
    ended = accepted.run()
    assert ended.status == 0
    run = next(
        each for each in accepted.manifests
        if any(measured["name"].endswith("of this specimen") for measured in each["measurements"])
    )  # fmt: skip
    judged = json.loads(packbench("judge", run["run_id"], "--json", cwd=accepted.folder).out)
    against_itself = [each for each in judged["measurements"] if each["name"].endswith("of this specimen")]
    assert against_itself
    assert all(each["from_data"] for each in against_itself)
    for each in accepted.manifests:
        if any(measured["name"].endswith("of this specimen") for measured in each["measurements"]):
            (accepted.folder / "runs" / each["run_id"] / "run.json").unlink()


def test_a_second_acceptance_replaces_what_it_measures_and_tells_what_was_before(accepted: Project) -> None:
    file = accepted.folder / FILE
    kept = yaml.safe_load(file.read_text(encoding="utf-8"))
    for value in kept["values"]:
        value["value"] *= 2
    kept["values"].append({**kept["values"][0], "at": "2C"})
    file.write_text(yaml.safe_dump(kept), encoding="utf-8")
    answer = accept(accepted, accepted.manifests[0]["run_id"])
    assert answer.status == 0
    assert "(before: " in answer.out
    values = yaml.safe_load(file.read_text(encoding="utf-8"))["values"]
    assert len(values) == 3  # the other condition, and what the other run measured, are kept


# ---- what ships ------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_virtual_pack_is_held_against_what_ships_of_it_where_nobody_has_accepted_a_run(healthy: Project) -> None:
    found = later(healthy, "--defect=aged:0.95")
    shipped = next(value for value in load(SHIPPED, load_pack("lfp-24s")[0]).values if value.place == PLACE)
    limit = found["discharge capacity of this specimen"]["at_least"]
    assert found["discharge capacity of this specimen"]["verdict"] == "FAIL"
    assert 0.97 * shipped.value - 2 * shipped.uncertainty < limit < 0.97 * shipped.value


def test_what_was_accepted_here_counts_before_what_ships(accepted: Project) -> None:
    file = accepted.folder / FILE
    kept = yaml.safe_load(file.read_text(encoding="utf-8"))
    for value in kept["values"]:
        value["value"] *= 1.1 if value["kpi"] == "discharge capacity" else 1.0
    file.write_text(yaml.safe_dump(kept), encoding="utf-8")
    found = later(accepted)
    assert found["discharge capacity of this specimen"]["verdict"] == "FAIL"
    assert found["dc resistance 10 s of this specimen"]["verdict"] == "PASS"


@pytest.mark.long
def test_a_folder_that_is_named_counts_alone(healthy: Project) -> None:
    found = later(healthy, "--accepted=nothing-here", "--defect=aged:0.95")
    assert "discharge capacity" in found
    assert not [name for name in found if name.endswith(" of this specimen")]


# ---- what cannot be accepted -----------------------------------------------------------------------------------------


@pytest.fixture
def altered(healthy: Project) -> Iterator[Callable[..., str]]:
    """The first run with something else in its manifest; returns its id."""
    file = healthy.folder / "runs" / healthy.manifests[0]["run_id"] / "run.json"
    before = file.read_text(encoding="utf-8")

    def alter(**changed: object) -> str:
        manifest = json.loads(before)
        del manifest["checksum"]  # somebody has edited it, and knows what
        file.write_text(json.dumps({**manifest, **changed}), encoding="utf-8")
        return str(manifest["run_id"])

    yield alter
    file.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"verdict": "BENCH FAULT"}, "ended with BENCH FAULT: it says nothing of the pack"),
        ({"verdict": "ABORTED"}, "ended with ABORTED: it says nothing of the pack"),
        ({"defects": ["weak-cell:7:0.9"]}, "had seeded defects (weak-cell:7:0.9); accept one without."),
        ({"measurements": []}, "has no figure that a specimen has to keep; accept one that measures "),
        ({"pack": {"name": "mine", "serial_number": "unknown"}}, "Pack mine has no serial number: a specimen is "),
    ],
)
def test_a_run_that_says_nothing_of_the_specimen_is_refused(
    healthy: Project, altered: Callable[..., str], changed: dict[str, object], sentence: str
) -> None:
    answer = accept(healthy, altered(**changed))
    assert answer.status == 2
    assert sentence in answer.err
    assert not (healthy.folder / FILE).exists()


def test_runs_of_two_specimens_are_not_mixed(healthy: Project, altered: Callable[..., str]) -> None:
    first = altered(pack={"name": "lfp-24s", "serial_number": "another"})
    answer = accept(healthy, first, healthy.manifests[1]["run_id"])
    assert answer.status == 2
    assert "These runs are of several specimens (" in answer.err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda kept: {**kept, "pack": "other"}, "holds the accepted figures of other, "),
        (lambda kept: {**kept, "values": kept["values"] * 2}, "is there twice; keep one."),
        (lambda kept: {**kept, "valeus": []}, "key valeus: unknown key; did you mean 'values'?"),
    ],
)
def test_a_file_that_is_wrong_is_told_before_anything_is_switched_on(
    accepted: Project, change: Callable[[dict[str, Any]], dict[str, Any]], sentence: str
) -> None:
    file = accepted.folder / FILE
    kept = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(change(kept)), encoding="utf-8")
    found = accepted.run()
    assert found.status == 2
    assert sentence in found.output


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    file = file_of(tmp_path, "mine", "A/1 ö")
    assert file.parent == tmp_path
    write(file, AcceptedFile(schema=1, pack="mine", serial_number="A/1 ö", accepted=utc_now()))
    assert read(file, "mine", "A/1 ö").values == ()
    with pytest.raises(InputError, match="and not of mine, A/1 o"):
        read(file, "mine", "A/1 o")
