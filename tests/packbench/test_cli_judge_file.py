"""`packbench judge FILE`: recordings of other programs, seen through exit statuses, tables and JSON."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.verdicts import Verdict
from packbench import InputError, load_recording, load_run
from tests.bench.cli_support import Answer, packbench_here, record, recorded_as
from tests.reports.foreign.makes import AMPERE_HOURS, arbin, bare, bdf, maccor, records

RECORDED = Path(__file__).parents[1] / "recordings" / "ended-9e90314"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cell.csv"
    path.write_text(bdf(records()), encoding="utf-8")
    return path


def refused(answer: Answer, *words: str) -> None:
    """One sentence, and nothing else."""
    assert (answer.status, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 1
    assert answer.err.startswith("packbench: ")
    assert all(word in answer.err for word in words), answer.err


# --- what it says -------------------------------------------------------------------------------------------------


def test_a_recording_is_judged_by_steps_that_were_found_in_it(file: Path) -> None:
    answer = packbench_here("judge", file, "--json")
    assert answer.status == 0
    found = json.loads(answer.out)
    capacities = {each["step"]: each["value"] for each in found["kpis"] if each["key"].endswith(" capacity")}
    assert capacities == {step: pytest.approx(AMPERE_HOURS) for step in ("discharge 1", "charge 1")}
    assert (found["format"], found["records"], found["verdict"]) == ("Battery Data Format", len(records()), None)
    assert [each["name"] for each in found["steps"]] == ["rest 1", "discharge 1", "rest 2", "charge 1", "rest 3"]


def test_the_table_for_people_says_what_was_found_and_that_nothing_was_required(file: Path) -> None:
    answer = packbench_here("judge", file)
    assert answer.status == 0
    assert "discharge capacity" in answer.out
    assert "nothing was required" in answer.out


def test_a_defect_is_shown_before_the_figures_and_ends_in_wrong_input_where_none_is_left(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text(bare([*records(), *records()]), encoding="utf-8")
    answer = packbench_here("judge", path)
    assert answer.status == 2
    assert "DEFECT" in answer.out.splitlines()[1]
    found = json.loads(packbench_here("judge", path, "--json").out)
    assert [each["check"] for each in found["findings"] if each["withholds"]] == ["time runs backwards"]
    assert not [each for each in found["kpis"] if each["unit"] in {"Ah", "Wh", "W", "Ω"}]


# --- limits -------------------------------------------------------------------------------------------------------


def limits(folder: Path, text: str) -> Path:
    path = folder / "limits.yaml"
    path.write_text(f"schema: 2\n{text}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "verdict", "status"),
    [
        ("requirements: {discharge capacity: 1.9}", "PASS", 0),
        ("requirements: {discharge capacity: 2.1}", "FAIL", 1),
        ("requirements: {temperature rise: 10}", "INCONCLUSIVE", 1),
        ("requirements: {discharge capacity: {C/3: 1.0, 1C: 1.0}}", "INCONCLUSIVE", 1),
        ("requirements: {rated capacity ratio: 101}\nrated_capacity: 2.0", "FAIL", 1),
        ("requirements: {rated capacity ratio: 99}\nrated_capacity: 2.0", "PASS", 0),
    ],
)
def test_limits_judge_a_recording(file: Path, text: str, verdict: str, status: int) -> None:
    answer = packbench_here("judge", file, "--limits", limits(file.parent, text), "--json")
    assert (answer.status, json.loads(answer.out)["verdict"]) == (status, verdict)
    (measurement, *_) = json.loads(answer.out)["measurements"]
    assert measurement["uncertainty"] is None
    assert bool(measurement["why"]) == (verdict == "INCONCLUSIVE")


@pytest.mark.parametrize("requirements", ["{}", "{discharge capacity: {0: 1.9, 25: null}}"])
def test_limits_of_which_none_is_for_what_was_found_judge_nothing(tmp_path: Path, requirements: str) -> None:
    path = tmp_path / "warm.csv"
    path.write_text(arbin(records()), encoding="utf-8")
    asked = limits(tmp_path, f"requirements: {requirements}")
    answer = packbench_here("judge", path, "--limits", asked)
    assert answer.status == 1
    assert "Verdict: INCONCLUSIVE." in answer.out
    assert "Nothing was judged: " in answer.out
    found = json.loads(packbench_here("judge", path, "--limits", asked, "--json").out)
    assert (found["verdict"], found["measurements"]) == ("INCONCLUSIVE", [])
    assert "Nothing was judged" in found["why"]


def test_a_limit_of_another_temperature_judges_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "warm.csv"
    path.write_text(arbin(records()), encoding="utf-8")
    asked = limits(tmp_path, "requirements: {discharge capacity: {-20: 1.9, 0: 1.9}}")
    answer = packbench_here("judge", path, "--limits", asked)
    assert answer.status == 1
    assert "it is required at -20 to 0 °C, and nobody says what at 25.1 °C." in answer.out


def test_newer_limits_of_which_none_is_for_a_run_leave_it_no_pass(tmp_path: Path) -> None:
    folder = record(tmp_path, replace(recorded_as(2.0), at_least=None, at_most=None), verdict=Verdict.PASS)
    asked = limits(tmp_path, "requirements: {}")
    answer = packbench_here("judge", folder, "--limits", asked)
    assert (answer.status, "Nothing was judged" in answer.out) == (1, True)
    assert packbench_here("judge", folder).status == 0, "by its own limits it is as it was recorded"


@pytest.mark.parametrize(
    ("requirement", "why"),
    [
        ("dc resistance 10 s: 0.1", "not measurable here: there is a sample each"),
        ("dc resistance 2 s: 0.1", "2 s after a current begins wants one each 1 s"),
        ("temperature rise: 10", "not measurable here: the recording has no 'Cell Temperature Max / degC'"),
    ],
)
def test_what_a_recording_cannot_show_has_a_reason_and_no_figure(file: Path, requirement: str, why: str) -> None:
    answer = packbench_here(
        "judge", file, "--limits", limits(file.parent, f"requirements: {{{requirement}}}"), "--json"
    )
    assert (answer.status, json.loads(answer.out)["verdict"]) == (1, "INCONCLUSIVE")
    measurements = json.loads(answer.out)["measurements"]
    assert {each["value"] for each in measurements} == {None}
    assert all(why in each["why"] for each in measurements)


def test_what_a_defect_withholds_is_never_a_pass(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text(bare([*records(), *records()]), encoding="utf-8")
    answer = packbench_here("judge", path, "--limits", limits(tmp_path, "requirements: {discharge capacity: 0.1}"))
    assert answer.status == 1
    assert "INCONCLUSIVE discharge capacity: Test time begins anew" in answer.out


def test_an_unknown_requirement_is_told_with_its_line_and_the_nearest(file: Path) -> None:
    path = limits(file.parent, "requirements:\n  discharge capacty: 1.9")
    refused(packbench_here("judge", file, "--limits", path), "line 3", "did you mean 'discharge capacity'")


def test_newer_limits_turn_the_verdict_of_a_run_and_keep_the_first_one_visible(tmp_path: Path) -> None:
    folder = record(tmp_path, recorded_as(2.0), verdict=Verdict.PASS)
    newer = limits(tmp_path, "requirements: {discharge capacity: 2.5}")
    answer = packbench_here("judge", folder, "--limits", newer, "--json")
    found = json.loads(answer.out)
    assert (found["recorded_verdict"], found["verdict"], answer.status) == ("PASS", "FAIL", 1)
    assert "Verdict: FAIL (recorded: PASS)" in packbench_here("judge", folder, "--limits", newer).out
    assert json.loads(packbench_here("judge", folder, "--json").out)["verdict"] == "PASS"


def test_pack_and_limits_are_one_question(file: Path) -> None:
    refused(packbench_here("judge", file, "--pack", "lfp-24s", "--limits", "lfp-24s"), "leave one out")


# --- from a run and back ------------------------------------------------------------------------------------------


@pytest.fixture(params=["recorder", "9e90314"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A run of today, and one that was recorded long ago."""
    if request.param == "recorder":
        return record(tmp_path / "runs", recorded_as(2.0))
    return Path(shutil.copytree(RECORDED, tmp_path / "day" / "run"))


def test_an_exported_run_has_the_very_figures_of_the_run(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "exported.bdf.csv"
    assert packbench_here("export", run, "--to", "bdf", "--output", table).status == 0
    here, there = (json.loads(packbench_here("judge", what, "--json").out) for what in (run, table))
    assert here["kpis"]
    assert json.dumps(there["kpis"]) == json.dumps(here["kpis"])
    assert json.dumps(there["measurements"]) == json.dumps(here["measurements"])
    assert (there["verdict"], there["run_id"]) == (here["verdict"], here["run_id"])


def test_the_exported_table_by_itself_has_the_same_amounts(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "exported.bdf.csv"
    packbench_here("export", run, "--to", "bdf", "--output", table)
    (tmp_path / "exported.bdf.csv.run").unlink()
    here, there = (json.loads(packbench_here("judge", what, "--json").out) for what in (run, table))
    amounts = [[each["value"] for each in found["kpis"] if each["unit"] in {"Ah", "Wh"}] for found in (here, there)]
    assert amounts[0] == amounts[1] != []


def test_a_table_that_was_changed_since_is_judged_as_it_stands(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "exported.bdf.csv"
    packbench_here("export", run, "--to", "bdf", "--output", table)
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(lines[: len(lines) // 2]) + "\n", encoding="utf-8")
    answer = packbench_here("judge", table, "--json")
    assert "has been changed since" in answer.err
    assert json.loads(answer.out)["format"] == "Battery Data Format"


@pytest.mark.parametrize("damage", [b"", b"PAR1 and nothing more", b"\0" * 100])
def test_a_damaged_companion_is_told_and_not_used(run: Path, tmp_path: Path, damage: bytes) -> None:
    table = tmp_path / "exported.bdf.csv"
    packbench_here("export", run, "--to", "bdf", "--output", table)
    (tmp_path / "exported.bdf.csv.run").write_bytes(damage)
    answer = packbench_here("judge", table, "--json")
    assert len(answer.err.splitlines()) == 1
    assert "is not used" in answer.err
    assert json.loads(answer.out)["format"] == "Battery Data Format"


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", ["is empty"]),
        ("blank.csv", b" \n\n", ["is empty"]),
        ("notes.txt", b"Dear all,\nthe cell was warm.\n", ["no recording that packbench can read"]),
        ("summary.csv", b"Cycle,Capacity\n1,2.0\n", ["a time, a voltage and a current"]),
        ("head.csv", b"Test Time / s,Voltage / V,Current / A\n", ["no records"]),
        ("cell.mpr", b"BIO-LOGIC MODULAR FILE\x1a" + b"\0" * 40, ["BioLogic .mpr", "export it as text"]),
        ("cell.res", b"\0\1\0\0Standard Jet DB\0" + b"\0" * 40, ["Arbin .res", "CSV or Excel"]),
        ("cell.mat", b"MATLAB 5.0 MAT-file, Platform" + b"\0" * 40, ["MATLAB"]),
        ("cell.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 40, ["HDF5"]),
        ("cell.csv.gz", b"\x1f\x8b\x08" + b"\0" * 40, ["unpack it first"]),
        ("cell.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", ["is damaged"]),
        ("cell.bin", bytes(range(256)), ["no binary format that is known"]),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    refused(packbench_here("judge", path), str(path), *words)


@pytest.mark.parametrize(
    ("name", "content", "module", "words"),
    [
        ("cell.nda", b"NEWARE2020" + b"\0" * 40, "fastnda", ["Neware's binary format", "from BTSDA as text"]),
        ("cell.ndax", b"PK\x03\x04" + b"\0" * 40, "fastnda", ["Neware's binary format", "from BTSDA as text"]),
        ("cell.xlsx", b"PK\x03\x04" + b"\0" * 40, "python_calamine", ["an Excel file", "as CSV"]),
    ],
)
def test_a_makes_own_file_without_its_reader_says_how_to_get_it(
    tmp_path: Path, name: str, content: bytes, module: str, words: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with patch.dict(sys.modules, {module: None}):
        refused(packbench_here("judge", path), "pip install 'packbench[cyclers]'", *words)


def test_a_table_of_something_else_in_parquet_is_refused_with_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"cycle": [1, 2], "fade": [0.1, 0.2]}), tmp_path / "fade.parquet")
    refused(packbench_here("judge", tmp_path / "fade.parquet"), "its columns are cycle, fade")


def test_a_byte_of_a_column_that_has_changed_is_refused(tmp_path: Path) -> None:
    found = records()
    columns = {
        "Test Time / s": [each.time for each in found], "Voltage / V": [each.voltage for each in found],
        "Current / A": [each.current for each in found],
    }  # fmt: skip
    path = tmp_path / "cell.parquet"
    pq.write_table(pa.table(columns), path, write_page_checksum=True, compression="NONE", use_dictionary=False)
    assert packbench_here("judge", path).status == 0
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 1
    path.write_bytes(data)
    refused(packbench_here("judge", path), "is damaged")


def test_a_file_of_a_run_is_the_run_and_any_other_beside_it_is_not(tmp_path: Path) -> None:
    folder = record(tmp_path, recorded_as(2.0))
    other = folder / "cell.txt"
    other.write_text(maccor(records(60.0)), encoding="utf-8")
    assert json.loads(packbench_here("judge", folder / "samples.parquet", "--json").out)["recorded_verdict"] == "PASS"
    assert json.loads(packbench_here("judge", other, "--json").out)["format"] == "Maccor text"


# --- as a frame ---------------------------------------------------------------------------------------------------


def test_a_recording_is_a_frame_with_units_findings_and_steps(tmp_path: Path) -> None:
    path = tmp_path / "cell.txt"
    path.write_text(maccor(records()), encoding="utf-8")
    frame = load_recording(path)
    assert frame.attrs["units"]["Voltage / V"] == "V"
    assert set(frame.attrs["units"]) == set(frame.columns)
    assert frame.attrs["format"] == "Maccor text"
    step = frame.attrs["steps"][1]
    discharge = frame.loc[step["first"] : step["last"]]
    assert (step["direction"], np.ptp(discharge["Discharging Capacity / Ah"])) == (
        "discharge",
        pytest.approx(2.0, abs=0.01),
    )
    assert (discharge["Current / A"] < 0).all()


def test_a_frame_says_what_of_it_is_not_to_be_believed(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text(bare([*records(), *records()]), encoding="utf-8")
    frame = load_recording(path)
    assert "begins anew" in frame.attrs["withheld"]["Test Time / s"]
    assert frame.attrs["withheld"]["Test Time / s"] in frame.attrs["findings"]


def test_a_run_is_a_frame_with_units() -> None:
    frame = load_run(RECORDED)
    assert frame.attrs["units"]["Test Time / s"] == "s"
    assert set(frame.attrs["units"]) == set(frame.columns)


def test_what_is_no_recording_is_no_frame(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_recording(tmp_path / "nothing.csv")
