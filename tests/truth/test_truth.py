"""The tables of truth at their boundary: what is printed, and the exit status."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.cell import load_cell
from models.string import NO_SPREAD, CellString
from truth.__main__ import known, main
from truth.sets import SETS, PublicSet, a123


def test_a_table_is_found_by_its_place() -> None:
    files = {path.stem for path in (Path(__file__).parents[2] / "truth" / "tables").glob("[a-z]*.py")}
    assert set(known()) == files
    assert all(callable(table.main) for table in known().values())


def test_without_data_it_says_what_it_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cells"]) == 0
    assert "skipped: it needs public files, and no --data was given" in capsys.readouterr().out


def test_sets_that_are_not_there_are_skipped_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "cells"]) == 0
    said = capsys.readouterr().out
    for cell, pattern in (
        ("lfp-26650", "A123_DYN"),
        ("nmc811-21700", "LGM50_5Ah_RateTest.mat"),
        ("lnmo-1ah", "TE_1473"),
    ):
        assert f"skipped: {cell}: no {pattern}" in said


def written(folder: Path, name: str, taken: float) -> None:
    """A test of 30 rows of the set that takes so many Ah out."""
    rows = {"Test_Time(s)": np.arange(30.0), "Current(A)": -0.1, "Voltage(V)": 3.3, "Charge_Capacity(Ah)": 0.0}
    pd.DataFrame(rows | {"Discharge_Capacity(Ah)": np.linspace(0, taken, 30)}).to_csv(folder / name, index=False)


def test_what_a_cell_held_is_what_it_gave_then_and_in_the_test_that_followed(tmp_path: Path) -> None:
    cycle = {"time": np.arange(30.0), "step": 1.0, "current": 1.0, "voltage": 3.3, "chgAh": 0.25}
    for name, given in (("A123_DYN_50_P25_s1.csv", 2.25), ("A123_DYN_50_P25_s2.csv", 0.5)):
        ends = {"chgAh": np.linspace(0, 0.25, 30), "disAh": np.linspace(0, given, 30)}
        pd.DataFrame(cycle | ends).to_csv(tmp_path / name, index=False)
    for name, taken in (("P25_S1", 2.0), ("P25_S2", 0.125), ("P25_S3", 1.0), ("P35_S1", 2.0)):
        written(tmp_path, f"A123_OCV_{name}.csv", taken)
    held = {record.name: record.to_empty for record in a123(tmp_path)}
    assert held == pytest.approx({
        "A123_DYN_50_P25_s1": 2.25, "A123_OCV_P25_S1": 2.125, "A123_OCV_P25_S3": 0.0, "A123_OCV_P35_S1": None,
    })  # fmt: skip


@pytest.mark.parametrize("public", SETS, ids=lambda public: public.cell)
def test_what_a_refit_departs_from_is_a_cell_of_the_same_chemistry(public: PublicSet) -> None:
    assert load_cell(public.prior or public.cell).chemistry == load_cell(public.cell).chemistry


def test_wrong_words_are_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cels"]) == 2
    assert main(["--data", str(tmp_path / "nowhere")]) == 2
    said = capsys.readouterr().err
    assert "There is no table 'cels'; there are anode, cells, " in said
    assert "is no folder" in said


@pytest.mark.parametrize(("away", "status", "told"), [(0.0, 0, "yes"), (0.05, 1, "NO")])
def test_a_goal_that_is_missed_is_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], away: float, status: int, told: str
) -> None:
    """Files like those of the set, made by the shipped cell itself, and by one that is 50 mV off."""
    current = np.concatenate([np.zeros(60), np.tile([0.0, 1.0, 4.0, -2.0, 3.0], 900)])
    string = CellString(load_cell("lfp-26650"), 1, spread=NO_SPREAD, soc=0.97, branch=1.0)
    voltage = [string.terminal_voltage]
    for ampere in current[1:]:
        string.step(-float(ampere), 1.0, 25.0)
        voltage.append(string.terminal_voltage)
    moved = np.concatenate([[0.0], np.cumsum(current[1:])]) / 3600
    rows = {
        "time": np.arange(len(current)) + 1.0, "step": 1.0, "current": current,
        "voltage": np.array(voltage) + np.where(np.arange(len(current)) > 60, away, 0.0), "chgAh": 0.0, "disAh": moved,
    }  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "A123_DYN_50_P25_s1.csv", index=False)
    slow = {"Test_Time(s)": np.arange(30.0), "Current(A)": 0.1, "Voltage(V)": 3.3, "Charge_Capacity(Ah)": 0.0}
    pd.DataFrame(slow | {"Discharge_Capacity(Ah)": 0.0}).to_csv(tmp_path / "A123_OCV_P35_S3.csv", index=False)
    assert main(["--data", str(tmp_path), "cells"]) == status
    line = next(each for each in capsys.readouterr().out.splitlines() if "A123_DYN_50_P25_s1" in each)
    assert line.endswith(f"| {told} |")
