"""Reading cell files: good ones come out as written, bad ones as one clear sentence."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.cell import CellFileError, available_cells, load_cell

Edit = dict[str, Any]

CELL: Edit = {
    "name": "test-cell",
    "chemistry": "NMC811",
    "sources": ["a test"],
    "nominal_capacity": 2.0,
    "voltage_min": 2.5,
    "voltage_max": 4.2,
    "ocv": [3.0, 3.5, 4.1],
    "temperature": [0, 25],
    "r0": [0.03, 0.01],
    "r1": [0.03, 0.01],
    "r2": [0.03, 0.01],
    "tau1": 10,
    "tau2": [200, 100],
    "coulombic_efficiency": 0.999,
    "heat_capacity": 80,
    "thermal_conductance": 0.2,
    "charge_limit": {"temperature": [0, 25], "soc": [0, 1], "c_rate": [[0, 0], [1, 0.5]]},
    "discharge_c_rate_max": 2,
    "charge_temperature_min": 0,
    "charge_temperature_max": 45,
    "discharge_temperature_min": -20,
    "discharge_temperature_max": 60,
}

LIMIT: Edit = CELL["charge_limit"]


@pytest.fixture
def cell_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the good cell with some keys changed, or left out with `...`."""

    def write(**changes: object) -> Path:
        content = {key: value for key, value in (CELL | changes).items() if value is not ...}
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(CellFileError) as caught:
        load_cell(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence.removeprefix(f"{path}: ")


def test_a_file_of_your_own_is_read_by_path_or_text(cell_file: Callable[..., Path]) -> None:
    path = cell_file()
    for where in (path, str(path)):
        cell = load_cell(where)
        assert cell.name == "test-cell"
        assert cell.soc == pytest.approx([0, 0.5, 1])
        assert cell.ocv == pytest.approx([3.0, 3.5, 4.1])
        assert cell.sources == ("a test",)


def test_resistances_spread_over_state_of_charge(cell_file: Callable[..., Path]) -> None:
    flat = load_cell(cell_file())
    assert flat.r0 == pytest.approx(np.array([[0.03] * 3, [0.01] * 3]))
    shaped = load_cell(cell_file(resistance_over_soc={"soc": [0, 0.25, 1], "factor": [2, 1, 1.5]}))
    assert shaped.r0[1] == pytest.approx([0.02, 0.01 * (1 + 0.5 / 3), 0.015])


def test_one_time_constant_holds_at_every_temperature(cell_file: Callable[..., Path]) -> None:
    cell = load_cell(cell_file())
    assert cell.tau1 == pytest.approx([10, 10])
    assert cell.tau2 == pytest.approx([200, 100])


def test_optional_curves_may_be_absent_null_one_number_or_a_list(cell_file: Callable[..., Path]) -> None:
    assert load_cell(cell_file()).entropic is None
    assert load_cell(cell_file(hysteresis=None)).hysteresis is None
    assert load_cell(cell_file(hysteresis=0.02)).hysteresis == pytest.approx([0.02] * 3)
    assert load_cell(cell_file(entropic=[-1e-4, 0.0, 1e-4])).entropic == pytest.approx([-1e-4, 0.0, 1e-4])


def test_shipped_cells_come_with_the_package() -> None:
    shipped = {Path(entry.name).stem for entry in (files("models") / "cells").iterdir()}
    assert set(available_cells()) == shipped == {"lfp-26650", "nmc811-21700", "lnmo-1ah", "li-metal"}


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(CellFileError, match=r"no cell 'lfp-26560' \(nearest: lfp-26650\); shipped are .*li-metal"):
        load_cell("lfp-26560")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.yaml").startswith("cannot be read")


def test_a_folder_is_not_a_cell(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("cannot be read")


def test_broken_yaml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: [\n", encoding="utf-8")
    assert "is not YAML" in refusal(path)
    assert "line 2" in refusal(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("heat_capacity: 90", "given twice; one of them would be lost"),
        ("charge_limit: {soc: [0, 1], soc: [0, 2]}", "given twice"),
        ("thermal_mass: !!bool maybe", "a value does not fit its type"),
        ("thermal_mass: 2024-99-99", "a value does not fit its type"),
    ],
)
def test_what_yaml_lets_pass_or_stumbles_over_is_one_sentence(
    cell_file: Callable[..., Path], line: str, says: str
) -> None:
    path = cell_file(charge_limit=...) if "charge_limit" in line else cell_file()
    path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
    with pytest.raises(CellFileError, match=says) as caught:
        load_cell(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_another_encoding_says_which_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: \xe9")
    assert refusal(path) == "byte 6 is not UTF-8; save the file as UTF-8 text."


def test_a_list_is_not_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n- 2\n", encoding="utf-8")
    assert refusal(path).startswith("found [1, 2] where a mapping with name, chemistry")


def test_an_unknown_key_names_the_nearest(cell_file: Callable[..., Path]) -> None:
    assert refusal(cell_file(voltage_mx=4.2)).startswith(
        "unknown key 'voltage_mx' (nearest: voltage_max); allowed are name, chemistry"
    )


def test_an_unknown_key_in_a_section_says_which_section(cell_file: Callable[..., Path]) -> None:
    sentence = refusal(cell_file(charge_limit=LIMIT | {"c_rates": [1]}))
    assert sentence.startswith("charge_limit: unknown key 'c_rates' (nearest: c_rate)")


@pytest.mark.parametrize("key", sorted(CELL))
def test_every_key_is_needed(key: str, cell_file: Callable[..., Path]) -> None:
    assert refusal(cell_file(**{key: ...})) == f"{key} is missing; add it."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"chemistry": "NMC"},
            "chemistry is 'NMC'; give one of LFP, NMC811, LNMO, Li-metal (nearest: NMC811).",
        ),
        ({"name": " "}, "name is ' '; give a text."),
        ({"sources": []}, "sources is []; give a list of texts, at least one."),
        ({"sources": [1]}, "sources is [1]; give a list of texts, at least one."),
        ({"nominal_capacity": 0}, "nominal_capacity is 0; give a number above 0."),
        ({"nominal_capacity": "2 Ah"}, "nominal_capacity is '2 Ah'; give a number above 0."),
        ({"nominal_capacity": True}, "nominal_capacity is True; give a number above 0."),
        ({"nominal_capacity": float("nan")}, "nominal_capacity is nan; give a number above 0."),
        ({"nominal_capacity": None}, "nominal_capacity is None; give a number above 0."),
        ({"heat_capacity": float("inf")}, "heat_capacity is inf; give a number above 0."),
        ({"coulombic_efficiency": 1.1}, "coulombic_efficiency is 1.1; give a number above 0 up to 1."),
        ({"voltage_min": 2500}, "voltage_min is 2500; give a number above 0 up to 4.1."),
        ({"voltage_max": 2.4}, "voltage_max is 2.4; give a number above 3."),
        ({"ocv": [3.0]}, "ocv is [3.0]; give a list of two or more numbers."),
        ({"ocv": [3.0, 3.4, 3.3]}, "ocv[2] is 3.3; give a number above 3.4: it rises."),
        ({"ocv": [3.0, "high", 4.1]}, "ocv[1] is 'high'; give a number."),
        ({"temperature": [25, 25]}, "temperature[1] is 25.0; give a number above 25: it rises."),
        ({"r0": [0.03]}, "r0 is [0.03]; give a list of 2 numbers above 0."),
        ({"r1": [0.03, -0.01]}, "r1[1] is -0.01; give a number above 0."),
        ({"tau1": 0}, "tau1 is 0; give a number above 0."),
        ({"tau2": [1, 2, 3]}, "tau2 is [1, 2, 3]; give a list of 2 numbers above 0."),
        ({"hysteresis": [0.1]}, "hysteresis is [0.1]; give a list of 3 numbers."),
        (
            {"charge_temperature_max": -5},
            "charge_temperature_max is -5; give a number above 0.",
        ),
        (
            {"discharge_temperature_min": -300},
            "discharge_temperature_min is -300; give a number above -273.15.",
        ),
        (
            {"resistance_over_soc": {"soc": [0, 1], "factor": [1, 0]}},
            "resistance_over_soc: factor[1] is 0; give a number above 0.",
        ),
        (
            {"charge_limit": 1},
            "charge_limit: found 1 where a mapping with temperature, soc, c_rate is needed.",
        ),
        (
            {"charge_limit": LIMIT | {"c_rate": [[0, 0]]}},
            "charge_limit: c_rate is [[0, 0]]; give a list of 2 rows of 2 numbers from 0 up.",
        ),
        (
            {"charge_limit": LIMIT | {"c_rate": [[0, 0], [1]]}},
            "charge_limit: c_rate[1] is [1]; give a list of 2 numbers from 0 up.",
        ),
        (
            {"charge_limit": LIMIT | {"c_rate": [[0, 0], [1, -1]]}},
            "charge_limit: c_rate[1][1] is -1; give a number from 0 up.",
        ),
    ],
)
def test_a_wrong_value_is_one_sentence(changes: Edit, sentence: str, cell_file: Callable[..., Path]) -> None:
    assert refusal(cell_file(**changes)) == sentence


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from([*sorted(CELL), "entropic", "hysteresis", "resistance_over_soc"]), value=anything)
def test_whatever_stands_at_a_key_is_read_or_refused(key: str, value: object, cell_file: Callable[..., Path]) -> None:
    """The sentence names a key: this one, or the one that no longer fits it (a list of another length)."""
    path = cell_file(**{key: value})
    problem = ""
    try:
        load_cell(path)
    except CellFileError as error:
        problem = str(error)
    assert not problem or any(f": {known}" in problem for known in (*CELL, key))
    assert "\n" not in problem


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8")))
def test_no_bytes_crash_the_reader(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "noise.yaml"
    path.write_bytes(content)
    assert refusal(path)


def test_resistances_may_be_tables_over_state_of_charge(cell_file: Callable[..., Path]) -> None:
    tables = {key: [[0.04, 0.01], [0.02, 0.02]] for key in ("r0", "r1", "r2", "r3")}
    cell = load_cell(cell_file(resistance_soc=[0, 1], tau3=3000, **tables))
    assert cell.pairs == 3
    assert cell.r0 == pytest.approx(np.array([[0.04, 0.02, 0.01], [0.02, 0.02, 0.02]]))  # linear in the logarithm
    assert load_cell(cell_file()).pairs == 2


def test_two_shapes_of_resistance_are_refused(cell_file: Callable[..., Path]) -> None:
    both = cell_file(resistance_soc=[0, 1], resistance_over_soc={"soc": [0, 1], "factor": [1, 1]})
    assert "one of the two shapes the resistances" in refusal(both)


def test_what_is_assumed_is_a_list_of_keys_with_a_range_where_that_is_all(cell_file: Callable[..., Path]) -> None:
    assert load_cell(cell_file()).assumed == ()
    said = ["heat_capacity", "resistance below 0 degC"]
    assert load_cell(cell_file(assumed=said)).assumed == tuple(said)
    assert refusal(cell_file(assumed=["heat_capacty"])).startswith("assumed[0] is 'heat_capacty'; give one of name,")
    assert "nearest: heat_capacity" in refusal(cell_file(assumed=["heat_capacty"]))
    assert refusal(cell_file(assumed="r0")).startswith("assumed is 'r0'; give a list")
