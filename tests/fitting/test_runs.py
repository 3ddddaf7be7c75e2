"""`packbench fit` of runs: their mean cell, from a folder, by id and as it was exported; one sentence for others."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench import columns
from bench.recording.table import digest_of, parts_of
from bench.verdicts import InputError
from models.cell import load_cell
from packbench.cli import app
from tests.fitting.conftest import CAPACITY, Truth, discharge, pulses, simulated

runner = CliRunner()
PARALLEL = 2
SPREAD = (0.004, -0.004)
"""V by which the two cells in series are off: their mean is the cell."""
SOAKED = 40


def a_run(folder: Path, record: pd.DataFrame, change: Mapping[str, Any] | None = None) -> Path:
    """A run of 2s2p of such cells on the disk; before it a soak, in which the cells had another temperature."""
    folder.mkdir(parents=True)
    time, volts, amperes, degrees = (record[name].to_numpy() for name in record.columns)
    moved = np.concatenate([[0.0], np.cumsum(amperes[1:] * np.diff(time))]) / 3600 * PARALLEL
    rows = SOAKED + len(record)
    table: dict[str, Any] = {name: np.full(rows, np.nan) for name in columns.DERIVED}
    for name, values, soak in (
        (columns.TEST_TIME, time + 10 * SOAKED, 10.0 * np.arange(SOAKED)), (columns.VOLTAGE, 2 * volts + 0.3, 0.0),
        (columns.CURRENT, PARALLEL * amperes, 0.0), (columns.STEP, 2.0, 1.0), (columns.SURFACE, degrees, 21.0),
        (columns.CHARGE_AH, np.maximum.accumulate(np.maximum(moved, 0)), 0.0),
        ("Bms Cell 1 / V", volts + SPREAD[0], volts[0]), ("Bms Cell 2 / V", volts + SPREAD[1], volts[0]),
        ("Emulator Cell 1 / V", 9.0, 9.0),
    ):  # fmt: skip
        table[name] = np.concatenate([np.full(SOAKED, soak) if np.ndim(soak) == 0 else soak, values + 0 * volts])
    table[columns.DISCHARGE_AH] = table[columns.CHARGE_AH] - np.concatenate([np.zeros(SOAKED), moved])
    path = folder / "samples.parquet"
    pq.write_table(pa.table(table), path, write_page_checksum=True)
    samples = {"file": path.name, "rows": rows, "sha256": digest_of(path), **parts_of(path)}
    manifest = {
        "schema": 2, "run_id": f"{folder.parent.name}/{folder.name}", "state": "ended", "verdict": "PASS",
        "cause": None, "measurements": [], "instruments": [], "kpis": [], "samples": samples, "defects": [],
        "pack": {"name": "p", "capacity": 8.0, "series": 2, "parallel": PARALLEL}, **(change or {}),
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    steps = (("Soak", "none", 0.0, 10.0 * SOAKED), ("Discharge", "discharge", 10.0 * SOAKED, float(time[-1]) + 400))
    lines = []
    for index, (kind, way, start, stop) in enumerate(steps, 1):
        common = {"index": index, "name": kind.lower()}
        lines.append({
            "time": start, "type": "step started", **common, "kind": kind, "step_type": "", "set_points": {},
            "until": [], "direction": way, "resumable": True,
        })  # fmt: skip
        lines.append({
            "time": stop, "type": "step ended", **common, "duration": stop - start, "ended_by": "its time",
            "reached": {}, "verdict": "PASS",
        })  # fmt: skip
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def slow(temperature: float = 25.0) -> pd.DataFrame:
    return simulated(Truth(), discharge(0.5), 10.0, temperature)


def measured(*records: object) -> Any:
    """How far a shipped cell is from the records, as the command says it."""
    found = runner.invoke(
        app, ["fit", *map(str, records), "--measure", "--cell", "nmc811-21700", "--json"], catch_exceptions=False
    )
    assert found.exit_code == 0
    return json.loads(found.stdout)["errors"]


def refusal(*arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        runner.invoke(app, ["fit", *map(str, arguments), "--cell", "mine"], catch_exceptions=False)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def same(found: Any, expected: Any) -> None:
    assert [each["name"] for each in found] == [each["name"] for each in expected]
    for one, other in zip(found, expected, strict=True):
        numbers = {key: value for key, value in other.items() if key != "name"}
        assert {key: one[key] for key in numbers} == pytest.approx(numbers, rel=1e-6, abs=1e-9)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return a_run(tmp_path / "runs" / "2026-01-01" / "120000-test_capacity", slow())


def test_a_run_is_a_record_of_its_mean_cell_behind_its_last_soak(run: Path, tmp_path: Path) -> None:
    slow().to_csv(tmp_path / "cell.csv", index=False)
    same(measured(run), measured(tmp_path / "cell.csv"))
    same(measured(run / "run.json"), measured(tmp_path / "cell.csv"))


def test_a_run_is_found_by_its_id(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_folder = measured(run)
    monkeypatch.chdir(tmp_path)
    same(measured("2026-01-01/120000-test_capacity"), by_folder)


def test_what_was_exported_is_the_run(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "moved" / "x.bdf.csv"
    table.parent.mkdir()
    found = runner.invoke(app, ["export", str(run), "--to", "bdf", "--output", str(table)], catch_exceptions=False)
    assert found.exit_code == 0
    by_folder = measured(run)
    shutil.rmtree(run)
    same(measured(table), by_folder)
    table.with_name(f"{table.name}.run").unlink()
    assert "are not one cell's; give V of one cell" in refusal(table)


def test_runs_are_fitted_like_records(tmp_path: Path) -> None:
    runs = []
    for temperature in (0.0, 25.0):
        runs.append(a_run(tmp_path / "runs" / "d" / f"slow{temperature:g}", slow(temperature)))
        pulsed = simulated(Truth(), pulses(), 1.0, temperature)
        runs.append(a_run(tmp_path / "runs" / "d" / f"pulses{temperature:g}", pulsed))
    out = tmp_path / "mine.yaml"
    arguments = ["fit", *map(str, runs), "--cell", "mine", "--output", str(out), "--like", "nmc811-21700", "--json"]
    found = json.loads(runner.invoke(app, arguments, catch_exceptions=False).stdout)
    by_name = {each["name"]: each for each in found["errors"]}
    assert list(by_name) == ["0 °C", "25 °C", "all"]
    assert by_name["all"]["rmse"] < 0.01
    assert abs(by_name["all"]["resistance"]) < 0.1
    assert abs(by_name["all"]["capacity"]) < 0.02
    assert load_cell(out).nominal_capacity == pytest.approx(0.97 * CAPACITY, rel=0.02)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"defects": ["weak-cell:7:0.7"]}, "has seeded defects"),
        ({"pack": {"name": "p", "capacity": 8.0}}, "does not say how many cells are in series"),
    ],
)
def test_a_run_that_is_of_no_known_or_no_healthy_pack_is_refused(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    assert told in refusal(a_run(tmp_path / "runs" / "d" / "t", slow(), change))


def test_what_is_no_run_is_refused(tmp_path: Path, run: Path) -> None:
    assert "is no run" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / "nowhere.csv")
    data = bytearray((run / "samples.parquet").read_bytes())
    data[100:130] = bytes(30)
    (run / "samples.parquet").write_bytes(data)
    assert "samples.parquet" in refusal(run)


def test_one_run_is_of_one_temperature(run: Path) -> None:
    assert refusal(run).startswith("all records are at one temperature (25 °C)")


def test_a_run_without_cell_voltages_is_refused(tmp_path: Path, run: Path) -> None:
    path = run / "samples.parquet"
    table = pq.read_table(path)
    kept = [name for name in table.column_names if " Cell " not in name]
    pq.write_table(table.select(kept), path, write_page_checksum=True)
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    manifest["samples"] |= {"sha256": digest_of(path), **parts_of(path)}
    (run / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert "no row has a time, a current, cell voltages and a temperature" in refusal(run)


def test_two_cells_in_one_file_are_refused(tmp_path: Path) -> None:
    both = pd.concat([slow().assign(**{"Cell ID": name}) for name in ("A-1", "B-2")])
    both["Test Time / s"] = 10.0 * np.arange(len(both))
    both.to_csv(tmp_path / "both.csv", index=False)
    assert "holds records of 2 cells (Cell ID: A-1, B-2)" in refusal(tmp_path / "both.csv")
    both.assign(**{"Cell ID": "A-1"}).to_csv(tmp_path / "one.csv", index=False)
    assert measured(tmp_path / "one.csv")
