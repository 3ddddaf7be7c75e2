"""`packbench fit` of what cyclers write: read as `packbench judge` reads it, of cells of any size, or one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.verdicts import InputError
from fitting.measure import charge_of
from fitting.records import Record
from fitting.run import nearest_cell
from models.cell import load_cell
from packbench.cell_records import Temperatures
from tests.fitting.asking import fit, refusal
from tests.fitting.conftest import CAPACITY, Recorded, Truth, discharge, pulses, simulated

BITRODE = {"Test Time / s": "Time(s)", "Voltage / V": "Voltage(V)", "Current / A": "Current(A)"}
SIZE = 8


def exported(path: Path, rows: pd.DataFrame) -> Path:
    """As a cycler exports it: its own headers, hundredths of Ah, and no thermometer."""
    rows = rows.rename(columns=BITRODE)[list(BITRODE.values())]
    moved = (rows["Current(A)"] * rows["Time(s)"].diff().fillna(0)).cumsum() / 3600
    rows["Capacity(Ah)"] = moved.round(4)
    rows["Mode"] = np.select([rows["Current(A)"] > 0, rows["Current(A)"] < 0], ["CHRG", "DCHG"], "REST")
    rows.to_csv(path, index=False)
    return path


def test_a_cyclers_own_file_is_compared_as_the_same_record_in_the_common_format(
    recorded: Recorded, tmp_path: Path
) -> None:
    files = recorded((25.0,))
    theirs = [exported(tmp_path / f"cycler_{path.name}", pd.read_csv(path)) for path in files]
    (ours,) = [each for each in fit(*files, "--measure", "--cell", "nmc811-21700")["errors"] if each["name"] == "all"]
    found = fit(*theirs, "--measure", "--cell", "nmc811-21700", "--temperature", 25)
    (other,) = [each for each in found["errors"] if each["name"] == "all"]
    assert other["rows"] == ours["rows"]
    # Nobody measured this cell: it warms by its own heat, where the other one says that it did not.
    assert other["rmse"] == pytest.approx(ours["rmse"], rel=0.1)
    assert found["farthest"]["record"] in {path.name for path in theirs}


def test_who_measured_no_temperature_says_the_airs_of_all_or_of_one_file(tmp_path: Path, truth: Truth) -> None:
    rows = simulated(truth, pulses(), 1.0, 0.0)
    files = [exported(tmp_path / f"{name}.csv", rows) for name in ("cold", "warm")]
    sentence = refusal(*files, "--measure", "--cell", "nmc811-21700")
    assert sentence.endswith(
        "has no temperature that can be used; say the air's: --temperature 25, or for this file alone --temperature "
        "cold.csv=25."
    )
    found = fit(
        *files, "--measure", "--cell", "nmc811-21700", "--temperature", 25, "--temperature", "cold.csv=-10"
    )  # fmt: skip
    assert [each["name"] for each in found["errors"]] == ["-10 °C", "25 °C", "all"]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("warm", "give °C of the air from -60 to 100"),
        ("298.15", "give °C of the air from -60 to 100"),
        ("nan", "give °C of the air from -60 to 100"),
        ("cold.csv=", "give °C of the air from -60 to 100"),
        ("clod.csv=0", "no record is called 'clod.csv' (nearest: cold.csv)"),
        ("=25", "no record is called ''."),  # of a variable that is not set: not of all records
        ("101", "give °C of the air from -60 to 100"),
        ("a/cold.csv=0", "no record is called 'a/cold.csv' (nearest: cold.csv)"),
    ],
)
def test_a_temperature_that_is_none_is_one_sentence(told: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        Temperatures.parse([told], [Path("a/cold.csv")])
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"--temperature {told}: ")


@pytest.mark.parametrize(
    ("told", "warm", "cold"),
    [
        ([], None, None), (["25"], 25, 25), (["cold.csv=-10"], None, -10), (["25", "cold.csv=-10"], 25, -10),
        (["cold.csv=-10", "25"], 25, -10), (["-60", "cold.csv=100"], -60, 100), (["a=b.csv=5"], None, None),
    ],
)  # fmt: skip
def test_a_file_has_the_temperature_that_was_told_of_it_or_that_of_all(
    told: list[str], warm: float | None, cold: float | None
) -> None:
    found = Temperatures.parse(told, [Path("a/warm.csv"), Path("b/cold.csv"), Path("a=b.csv")])
    assert (found.of(Path("a/warm.csv")), found.of(Path("b/cold.csv"))) == (warm, cold)
    assert found.of(Path("a=b.csv")) == (5 if "a=b.csv=5" in told else warm)


def test_a_column_that_is_not_believed_is_not_fitted(tmp_path: Path, truth: Truth) -> None:
    rows = simulated(truth, pulses(), 1.0, 25.0)
    rows["Current / A"] = rows["Current / A"].abs()
    path = tmp_path / "one_sign.csv"
    rows.rename(columns=BITRODE)[list(BITRODE.values())].to_csv(path, index=False)
    sentence = refusal(path, "--measure", "--cell", "nmc811-21700", "--temperature", 25)
    assert sentence.startswith(f"{path}: ")
    assert "one sign" in sentence


def test_what_nobody_can_read_is_told_with_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("dear,diary\n1,2\n3,4\n", encoding="utf-8")
    assert "is no recording that packbench can read" in refusal(path, "--cell", "mine", "--output", tmp_path / "a.yaml")


def large(path: Path, truth: Truth, current: np.ndarray[Any, Any], period: float, temperature: float) -> Path:
    """A record of a cell of eight times the electrodes, of which somebody knows the air alone."""
    rows = simulated(truth, current, period, temperature)
    rows["Current / A"] *= SIZE
    rows.rename(columns={"Surface Temperature / degC": "Ambient Temperature / degC"}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def of_a_large_cell(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A slow discharge, a quick one that warms it, and pulses, at two temperatures."""
    folder, truth = tmp_path_factory.mktemp("large"), Truth()
    quick = np.concatenate([np.zeros(60), np.full(3000, -CAPACITY), np.zeros(600)])
    return [
        large(folder / f"{name}_{temperature:g}.csv", truth, current, period, temperature)
        for temperature in (10.0, 25.0)
        for name, current, period in (("slow", discharge(0.1), 10.0), ("quick", quick, 1.0), ("pulses", pulses(), 1.0))
    ]


def test_a_cell_of_another_size_has_the_heat_of_its_size_and_is_full_where_it_rests_full(
    of_a_large_cell: list[Path], tmp_path: Path
) -> None:
    """What no record tells is another cell's, and that one is a fifteenth of it: taken as it is, it would glow."""
    out, like, truth = tmp_path / "large.yaml", load_cell("lfp-26650"), Truth()
    found = fit(*of_a_large_cell, "--cell", "large", "--output", out, "--like", "lfp-26650")
    cell = load_cell(out)
    size = cell.nominal_capacity / like.nominal_capacity
    assert cell.nominal_capacity == pytest.approx(0.97 * SIZE * CAPACITY, rel=0.015)
    assert cell.heat_capacity == pytest.approx(like.heat_capacity * size, rel=1e-3)
    assert cell.thermal_conductance == pytest.approx(like.thermal_conductance * size, rel=1e-3)
    assert any(each.startswith("heat_capacity") and each.endswith(", as its capacity.") for each in cell.sources)
    assert cell.voltage_max == pytest.approx(4.1, abs=0.01)
    # Who made the records has a cell that does not warm, and the fit has one that does.
    assert cell.resistance_after(10.0, 0.5, 10.0) == pytest.approx(truth.after(10.0, 10.0) / SIZE, rel=0.3)
    assert found["farthest"]["rmse"] < 0.02


def test_records_of_which_one_counts_the_other_way_make_no_file(of_a_large_cell: list[Path], tmp_path: Path) -> None:
    slow, _, pulsed = (path for path in of_a_large_cell if "_25" in path.name)
    strange = pd.read_csv(pulsed)
    strange["Current / A"] *= -1
    strange.to_csv(tmp_path / "strange.csv", index=False)
    out = tmp_path / "mine.yaml"
    out.write_text("the one before", encoding="utf-8")
    asked = "--cell", "mine", "--output", out, "--like", "nmc811-21700", "--force"
    sentence = refusal(slow, tmp_path / "strange.csv", *asked)
    assert sentence.startswith("strange.csv: no cell gives this record beside the others, the nearest is ")
    assert "positive while it charges" in sentence
    assert out.read_text(encoding="utf-8") == "the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "strange.csv"]


def test_the_default_is_a_cell_that_somebody_has_measured() -> None:
    """Of lithium metal nobody has: its curve may be the nearest, and all else would be an assumption."""
    metal, time = load_cell("li-metal"), np.arange(0.0, 3600.0, 10.0)
    curve = np.interp(1 - time / time[-1], metal.soc, metal.ocv)
    slow = Record.of("slow", time, np.full(len(time), -3.0), curve, np.full(len(time), 25.0))
    assert nearest_cell([slow]) in {"nmc811-21700", "lnmo-1ah"}


@pytest.mark.parametrize("way", [1, -1])
def test_a_record_that_begins_under_a_current_begins_where_all_of_it_has_room(way: int) -> None:
    """Charged from somewhere near empty, then discharged to the very end: there it was empty, and not before."""
    cell, time = load_cell("nmc811-21700"), np.arange(0.0, 400.0, 1.0)
    current = way * np.where(time < 180, 1.0, -1.0) * cell.nominal_capacity
    record = Record.of("hppc", time, current, np.full(400, 3.7), np.full(400, 25.0))
    beyond = 40 / 3600  # of the capacity, by which it ends on the other side of where it began
    soc = charge_of(cell, record)
    assert soc[0] == pytest.approx(beyond if way > 0 else 1 - beyond, abs=1e-3)
    assert soc[-1] == pytest.approx(0.0 if way > 0 else 1.0, abs=1e-9)
