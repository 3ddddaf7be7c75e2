"""A fitted cell as a file: it is read back as it was, and says what no record stands behind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fitting.estimate import LEAST_RISE, Estimate
from fitting.layout import KNOTS, Layout
from fitting.writing import TAKEN_OVER, Origin, assumed, contents, rising, text
from models.cell import CellParameters, load_cell, written
from models.tables import Vector

LIKE = "nmc811-21700"
ORIGIN = Origin("mine", ["all of it: a test"], 0.0, 25.0)


def estimate(temperature: tuple[float, ...] = (0.0, 25.0), pairs: int = 3, **curves: Vector | float) -> Estimate:
    """What a fit might have come to: resistances and time constants that are told apart, curves as they are given."""
    layout = Layout(101, np.array(temperature), pairs, 1)
    values = np.zeros(layout.count)
    values[layout.ocv] = np.linspace(3.0, 4.15, 101)
    for name, curve in curves.items():
        values[getattr(layout, name)] = curve
    for which in range(pairs + 1):
        table = np.log(0.01 * (1 + which)) + np.linspace(0.3, 0.0, len(temperature) * len(KNOTS))
        values[layout.resistance(which)] = table
    for pair in range(1, pairs + 1):
        values[layout.tau(pair)] = np.log(10.0**pair)
    return Estimate(layout, values, 3.95, 0.04, load_cell(LIKE))


def read_back(found: Estimate, tmp_path: Path, origin: Origin = ORIGIN) -> CellParameters:
    path = tmp_path / "mine.yaml"
    path.write_text(text(contents(found, origin, written(LIKE))), encoding="utf-8")
    return load_cell(path)


@pytest.mark.parametrize("pairs", [2, 3])
def test_what_was_fitted_is_what_the_file_says(tmp_path: Path, pairs: int) -> None:
    found = estimate(pairs=pairs, hysteresis=0.004, entropic=-1e-4)
    cell = read_back(found, tmp_path)
    assert (cell.name, cell.chemistry, cell.nominal_capacity, cell.pairs) == ("mine", "NMC811", 3.95, pairs)
    assert cell.ocv == pytest.approx(found.values[found.layout.ocv], abs=6e-5)
    assert cell.entropic == pytest.approx(np.full(101, -1e-4))
    assert cell.hysteresis == pytest.approx(np.full(101, 0.004))
    assert cell.hysteresis_span == 0.04
    assert cell.temperature.tolist() == [0.0, 25.0]
    taus = [cell.tau1, cell.tau2, cell.tau3][:pairs]
    assert taus == [pytest.approx([10.0**pair] * 2) for pair in range(1, pairs + 1)]
    at_knots = np.isin(cell.soc, KNOTS)
    for which, table in enumerate([cell.r0, cell.r1, cell.r2, cell.r3][: pairs + 1]):
        assert table is not None
        assert table[:, at_knots] == pytest.approx(found.resistance(which)[:, np.isin(KNOTS, cell.soc)], rel=1e-3)


def test_what_no_record_tells_is_the_other_cells(tmp_path: Path) -> None:
    content, base = contents(estimate(), ORIGIN, written(LIKE)), written(LIKE)
    assert {key: content[key] for key in TAKEN_OVER} == {key: base[key] for key in TAKEN_OVER}
    assert set(TAKEN_OVER) <= set(read_back(estimate(), tmp_path).assumed)


def test_a_curve_that_is_nothing_everywhere_is_none_and_what_is_not_measured_is_assumed(tmp_path: Path) -> None:
    cell = read_back(estimate(), tmp_path)
    assert (cell.entropic, cell.hysteresis) == (None, None)
    assert "entropic" in cell.assumed
    measured = read_back(estimate(entropic=-1e-4), tmp_path)
    assert "entropic" not in measured.assumed


@pytest.mark.parametrize(
    ("temperatures", "told"),
    [
        ((0.0, 25.0), []),
        ((-1.0, 26.0), []),
        ((-20.0, 0.0, 25.0), ["resistance below 0 degC"]),
        ((0.0, 25.0, 45.0), ["resistance above 25 degC"]),
        ((-20.0, 25.0, 45.0), ["resistance below 0 degC", "resistance above 25 degC"]),
    ],
)
def test_a_temperature_beyond_all_tests_has_an_assumed_resistance(
    temperatures: tuple[float, ...], told: list[str]
) -> None:
    found = assumed(estimate(temperatures, entropic=-1e-4), ORIGIN)
    assert [each for each in found if each.startswith("resistance")] == told


@pytest.mark.parametrize(
    ("lowest", "highest", "limits"),
    [
        (3.0, 4.15, (2.5, 4.2)),
        (2.49, 4.15, (2.5, 4.2)),
        (2.30, 4.15, (2.3, 4.2)),
        (3.0, 4.21, (2.5, 4.2)),
        (3.0, 4.35, (2.5, 4.35)),
    ],
)
def test_the_limits_of_voltage_are_the_other_cells_as_long_as_the_curve_keeps_to_them(
    lowest: float, highest: float, limits: tuple[float, float]
) -> None:
    base = written(LIKE) | {"voltage_min": 2.5, "voltage_max": 4.2}
    found = contents(estimate(ocv=np.linspace(lowest, highest, 101)), ORIGIN, base)
    assert (found["voltage_min"], found["voltage_max"]) == limits


def test_an_electrode_is_named_where_somebody_knows_it(tmp_path: Path) -> None:
    assert "anode" not in contents(estimate(), ORIGIN, written(LIKE))
    known = read_back(estimate(), tmp_path, replace(ORIGIN, anode="graphite-chen2020"))
    assert known.anode == "graphite-chen2020"


@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(2.0, 5.0)))
def test_a_curve_that_falls_somewhere_is_made_one_that_rises_and_no_further_than_it_has_to(curve: Vector) -> None:
    found = rising(curve)
    assert np.all(np.diff(found) >= LEAST_RISE - 1e-9)
    assert rising(found) == pytest.approx(found, abs=1e-9)
    # The nearest that there is lies half of the largest fall away, once the least rise is taken off.
    level = curve - LEAST_RISE * np.arange(len(curve))
    assert np.abs(found - curve).max() == pytest.approx((np.maximum.accumulate(level) - level).max() / 2, abs=1e-9)


def test_a_list_of_numbers_stands_on_a_line_and_sentences_on_lines_of_their_own() -> None:
    found = text({"ocv": [3.0, 3.5], "sources": ["one: 1 µV", "two"], "none": None})
    assert found == "ocv: [3.0, 3.5]\nsources:\n- 'one: 1 µV'\n- two\nnone: null\n"
    assert yaml.safe_load(found) == {"ocv": [3.0, 3.5], "sources": ["one: 1 µV", "two"], "none": None}
