"""`packbench fit` at its boundary: files in, a cell file and errors out, one sentence for what cannot be fitted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from models.anode import load_anode, written
from models.cell import load_cell
from packbench.cli import app
from tests.fitting.asking import fit, refusal
from tests.fitting.conftest import CAPACITY, Recorded, Truth, pulses, simulated

runner = CliRunner()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A cell fitted once, for all that look at it."""
    from tests.fitting.conftest import discharge, pulses

    folder, files = tmp_path_factory.mktemp("fit"), []
    for temperature in (0.0, 25.0):
        for name, current, period in (("slow", discharge(0.1), 10.0), ("pulses", pulses(), 1.0)):
            files.append(folder / f"{name}_{temperature:g}.csv")
            simulated(Truth(), current, period, temperature).to_csv(files[-1], index=False)
    path = folder / "mine.yaml"
    return path, fit(
        *files,
        "--cell",
        "mine",
        "--output",
        path,
        "--like",
        "nmc811-21700",
        "--source",
        "a made-up cell",
        "--anode",
        "graphite-chen2020",
    )


def test_the_file_is_a_cell_with_the_capacity_and_the_resistance_of_the_records(made: tuple[Path, Any]) -> None:
    cell, truth = load_cell(made[0]), Truth()
    assert cell.name == "mine"
    assert cell.nominal_capacity == pytest.approx(0.97 * CAPACITY, rel=0.015)
    for temperature in (0.0, 25.0):
        found = cell.resistance_after(10.0, np.array([0.3, 0.5, 0.7]), temperature)
        assert found == pytest.approx(truth.after(10.0, temperature), rel=0.05)


def test_its_open_circuit_voltage_is_that_of_the_records(made: tuple[Path, Any]) -> None:
    cell = load_cell(made[0])
    soc = np.linspace(0.15, 0.95, 9)
    taken = (1 - soc) * cell.nominal_capacity / CAPACITY
    # What a slow pair drops at C/10 and what the curve is, one slow discharge cannot tell apart: 0.4 A times 50 mOhm.
    assert cell.open_circuit_voltage(soc) == pytest.approx(Truth().ocv(1 - taken), abs=0.025)


def test_errors_are_told_by_temperature_with_the_held_out_part_apart(made: tuple[Path, Any]) -> None:
    by_name = {each["name"]: each for each in made[1]["errors"]}
    assert list(by_name) == ["0 °C", "25 °C", "all"]
    for each in by_name.values():
        assert 0 < each["rmse"] < 0.006
        assert 0 < each["held_out_rmse"] < 0.010
        assert each["rmse"] <= each["worst"]
        assert abs(each["capacity"]) < 0.01
        assert abs(each["resistance"]) < 0.05


def test_the_file_states_the_errors_of_the_file_itself(made: tuple[Path, Any]) -> None:
    told = " ".join(load_cell(made[0]).sources)
    assert "a made-up cell" in told
    for each in made[1]["errors"]:
        assert f"{each['name']}: RMSE {1e3 * each['rmse']:.1f} mV" in told


def test_what_no_record_tells_is_marked_as_assumed(made: tuple[Path, Any]) -> None:
    cell, like = load_cell(made[0]), load_cell("nmc811-21700")
    assert made[1]["assumed"] == list(cell.assumed)
    assert {"charge_limit", "heat_capacity", "resistance below 0 degC", "resistance above 25 degC"} <= set(cell.assumed)
    # Three quarters of the other cell's electrodes.
    size = cell.nominal_capacity / like.nominal_capacity
    assert cell.heat_capacity == pytest.approx(like.heat_capacity * size, rel=1e-3)
    assert not {"r0", "ocv", "nominal_capacity"} & set(cell.assumed)


def test_the_negative_electrode_is_the_one_that_was_told_and_its_plating_can_be_judged(made: tuple[Path, Any]) -> None:
    cell = load_cell(made[0])
    assert cell.anode == made[1]["anode"] == "graphite-chen2020"
    assert load_anode(cell.anode).name == "graphite-chen2020"
    assert any(each.startswith("anode: graphite-chen2020") for each in cell.sources)


@pytest.mark.long
def test_a_file_of_one_s_own_is_found_from_where_the_cell_is(recorded: Recorded, tmp_path: Path) -> None:
    own, cell = tmp_path / "sets" / "own.yaml", tmp_path / "cells" / "mine.yaml"
    own.parent.mkdir()
    cell.parent.mkdir()
    own.write_text(yaml.safe_dump(written("graphite-prada2013") | {"name": "own"}), encoding="utf-8")
    fit(*recorded((0.0, 25.0)), "--cell", "mine", "--output", cell, "--anode", own)
    assert yaml.safe_load(cell.read_text(encoding="utf-8"))["anode"] == "../sets/own.yaml"
    assert load_anode(str(load_cell(cell).anode)).name == "own"


def test_without_one_it_is_said_that_no_plating_margin_is_known(recorded: Recorded) -> None:
    files = map(str, recorded((25.0,)))
    found = runner.invoke(app, ["fit", *files, "--measure", "--cell", "li-metal"])
    assert "Anode: none is known, so the plating margin of this cell is not either" in " ".join(found.stdout.split())
    assert (
        "Anode: graphite-prada2013."
        in runner.invoke(app, ["fit", *map(str, recorded((25.0,))), "--measure", "--cell", "lfp-26650"]).stdout
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--anode", "graphite-chen202"), "no anode 'graphite-chen202' (nearest: graphite-chen2020)"),
        (("--anode", "nowhere.yaml"), "nowhere.yaml"),
        (
            ("--anode", "graphite-chen2020", "--like", "li-metal"),
            "a cell like li-metal has a negative electrode of lithium",
        ),
        (("--anode", "graphite-chen2020", "--measure"), "--measure writes no cell"),
    ],
)
def test_a_set_that_cannot_be_is_refused_before_anything_is_fitted(
    recorded: Recorded, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    out = tmp_path / "mine.yaml"
    assert sentence in refusal(*recorded((25.0,)), "--cell", "mine", "--output", out, *arguments)
    assert not out.exists()


def test_a_picture_is_drawn_beside_it(made: tuple[Path, Any]) -> None:
    assert made[0].with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_people_get_a_table(recorded: Recorded, tmp_path: Path) -> None:
    found = runner.invoke(app, ["fit", *map(str, recorded((25.0,))), "--measure", "--cell", "nmc811-21700"])
    assert found.exit_code == 0
    assert "nmc811-21700 against its records" in found.stdout
    assert "25 °C" in found.stdout
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.long
def test_a_record_that_is_held_out_is_compared_and_not_fitted(recorded: Recorded, tmp_path: Path) -> None:
    files = recorded((0.0, 25.0))
    strange = pd.read_csv(files[-1])
    strange["Voltage / V"] += 0.2
    strange.to_csv(tmp_path / "strange.csv", index=False)
    found = fit(*files, "--cell", "mine", "--output", tmp_path / "mine.yaml", "--hold-out", tmp_path / "strange.csv")
    assert found["anode"] is None
    by_name = {each["name"]: each for each in found["errors"]}
    assert by_name["all"]["rmse"] < 0.006
    assert by_name["held out"]["rmse"] > 0.05


def test_one_temperature_is_refused_unless_another_cell_is_to_say_the_rest(recorded: Recorded, tmp_path: Path) -> None:
    files = recorded((25.0,))
    out = tmp_path / "mine.yaml"
    assert refusal(*files, "--cell", "mine", "--output", out).startswith("all records are at one temperature (25 °C)")
    assert not out.exists()
    fit(*files, "--cell", "mine", "--output", out, "--like", "nmc811-21700")
    cell = load_cell(out)
    assert {"resistance below 25 degC", "resistance above 25 degC", "entropic"} <= set(cell.assumed)
    assert "fitted to 2 records (slow_25.csv, pulses_25.csv)." in " ".join(cell.sources)
    assert "How they change with temperature is an assumption: that of nmc811-21700." in " ".join(cell.sources)
    tested = cell.temperature.tolist().index(25.0)
    like = load_cell("nmc811-21700")
    assumed = like.r0 / like.r0[like.temperature.tolist().index(25.0)]
    assert cell.temperature.tolist() == like.temperature.tolist()
    soc = np.array([20, 50, 80])  # per cent, of which one file has a point each, the other every second
    assert (cell.r0 / cell.r0[tested])[:, soc] == pytest.approx(assumed[:, soc // 2], rel=0.05)


@pytest.mark.long
def test_what_a_discharge_meets_at_its_end_is_no_resistance_of_a_charge(tmp_path: Path, truth: Truth) -> None:
    """Its voltage breaks down before it is empty, the earlier the colder: what was near has been used up."""
    files = []
    for temperature, gives in ((0.0, 0.91), (25.0, 0.95)):
        rows = simulated(truth, np.concatenate([np.zeros(6), np.full(3500, -0.4), np.zeros(60)]), 10.0, temperature)
        moved = -np.cumsum(rows["Current / A"]) * 10 / 3600 / CAPACITY
        rows["Voltage / V"] -= np.where(rows["Current / A"] < 0, np.exp((moved - gives) / 0.004), 0.0)
        files.append(tmp_path / f"slow_{temperature:g}.csv")
        rows[rows["Voltage / V"] > 2.5].to_csv(files[-1], index=False)
        files.append(tmp_path / f"pulses_{temperature:g}.csv")
        simulated(truth, pulses(), 1.0, temperature).to_csv(files[-1], index=False)
    out = tmp_path / "mine.yaml"
    fit(*files, "--cell", "mine", "--output", out)
    cell = load_cell(out)
    for soc in (0.0, 0.02, 0.05, 0.1):
        met = cell.resistance_after(10.0, soc, [0.0, 25.0])
        assert np.all(met < 25 * cell.resistance_after(10.0, 0.5, [0.0, 25.0]))  # 37 times where nothing bounds it


def test_records_without_a_pulse_are_refused(tmp_path: Path, truth: Truth) -> None:
    files = []
    for temperature in (0.0, 25.0):
        files.append(tmp_path / f"{temperature:g}.csv")
        simulated(truth, np.full(3500, -0.4), 10.0, temperature).to_csv(files[-1], index=False)
    assert "no pulse is in them" in refusal(*files, "--cell", "mine", "--output", tmp_path / "mine.yaml")


def test_the_edges_of_a_whole_charge_and_discharge_are_no_pulses(tmp_path: Path, truth: Truth) -> None:
    """Each begins and ends with an edge of its current: where it is full, and where it is empty."""
    down, up = tmp_path / "down.csv", tmp_path / "up.csv"
    for path, current, start in ((down, -4.0, 0.99), (up, 4.0, 0.01)):
        seconds = round(0.96 * CAPACITY / 4.0 * 1800)
        profile = np.concatenate([np.zeros(30), np.full(seconds, current), np.zeros(150)])
        simulated(truth, profile, 2.0, 25.0, start=start).to_csv(path, index=False)
    out = tmp_path / "mine.yaml"
    assert "no pulse is in them" in refusal(down, up, "--cell", "mine", "--like", "nmc811-21700", "--output", out)
    assert not out.exists()


def test_what_the_records_do_not_tell_of_a_cell_is_said(recorded: Recorded) -> None:
    """A cell of 5 Ah beside discharges of one of 4 Ah, that have no pulse."""
    answer = fit(*recorded(pulsed=False), "--cell", "nmc811-21700", "--measure")
    assert any("No record has a pulse from rest" in each for each in answer["cautions"])
    assert any("comes out" in each for each in answer["cautions"])


def test_records_that_go_nowhere_are_refused(recorded: Recorded, tmp_path: Path, truth: Truth) -> None:
    short = tmp_path / "short.csv"
    simulated(truth, np.concatenate([np.zeros(30), np.full(40, -4.0)]), 1.0, 25.0, start=0.5).to_csv(short, index=False)
    high = tmp_path / "high.csv"
    simulated(truth, np.concatenate([np.zeros(30), np.full(20, -4.0)]), 1.0, 0.0, start=1.0).to_csv(high, index=False)
    sentence = refusal(short, high, "--cell", "mine", "--output", tmp_path / "mine.yaml")
    assert "no record goes from full to empty" in sentence


def test_a_file_that_is_there_is_not_replaced(recorded: Recorded, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    out.write_text("mine", encoding="utf-8")
    assert "is there already" in refusal(*recorded(), "--cell", "mine", "--output", out)
    assert out.read_text(encoding="utf-8") == "mine"


def test_an_unknown_cell_to_be_like_names_the_nearest(recorded: Recorded, tmp_path: Path) -> None:
    sentence = refusal(*recorded(), "--cell", "mine", "--output", tmp_path / "mine.yaml", "--like", "lfp-26560")
    assert "nearest: lfp-26650" in sentence
