"""What is said of how far a cell is from its records, and which tasks are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitting.measure import Comparison, Figures, Pair, by_temperature, figures
from fitting.records import Record, RecordError
from fitting.run import Result, Task, fit, measure, nearest_cell, said
from models.cell import available_cells, load_cell

CELL = load_cell("nmc811-21700")


def record(name: str = "a", celsius: float = 25.0) -> Record:
    time = np.arange(40.0)
    return Record.of(name, time, np.where(time < 5, 0.0, -1.8), np.full(40, 3.7), np.full(40, celsius))


def compared(
    off: float = 0.0, capacity: float | None = 0.0, resistances: tuple[float, ...] = (0.0,), *, name: str = "a",
    celsius: float = 25.0, held_out: bool = False,
) -> Comparison:  # fmt: skip
    """A record and a cell that is so many V, and so large shares of its capacity and resistances, off."""
    one = record(name, celsius)
    one = replace(one, held_out=np.full(40, held_out))
    return Comparison(
        one, one.voltage + off, np.full(40, True), None if capacity is None else Pair(4.0, 4.0 * (1 + capacity)),
        [Pair(0.03, 0.03 * (1 + share)) for share in resistances],
    )  # fmt: skip


def test_figures_are_of_the_rows_that_were_fitted_and_of_the_others_apart() -> None:
    found = figures("all", [compared(0.003), compared(-0.005, held_out=True)])
    assert (found.rows, found.rmse, found.held_out_rmse) == (80, pytest.approx(0.003), pytest.approx(0.005))
    assert (found.worst, found.held_out_worst) == (pytest.approx(0.003), pytest.approx(0.005))


def test_of_several_the_capacity_is_the_largest_error_with_its_sign_and_the_resistance_the_mean() -> None:
    found = figures("all", [compared(0, 0.02, (0.1, -0.3)), compared(0, -0.04, (0.05,)), compared(0, None, ())])
    assert found.capacity == pytest.approx(-0.04)
    assert found.resistance == pytest.approx(-0.05)
    assert found.resistance_worst == pytest.approx(-0.3)


def test_what_was_not_measured_is_none_and_is_not_said() -> None:
    found = figures("25 °C", [compared(0.0021, None, ())])
    assert found == Figures("25 °C", 40, pytest.approx(0.0021), pytest.approx(0.0021), None, None, None, None, None)
    assert said(found) == "25 °C: RMSE 2.1 mV, worst 2 mV."
    assert said(figures("all", [compared(0.002, -0.012, (0.031,))])) == (
        "all: RMSE 2.0 mV, worst 2 mV, capacity -1.2 %, 10 s resistance +3.1 %."
    )


def test_tests_whose_temperatures_are_near_each_other_are_one_and_the_coldest_come_first() -> None:
    degrees = [25.0, -10.0, 0.0, 27.0, 3.0, 31.5]
    found = by_temperature([compared(celsius=celsius) for celsius in degrees])
    assert [each.name for each in found] == ["-10 °C", "2 °C", "26 °C", "32 °C"]
    assert [each.rows for each in found] == [40, 80, 80, 40]


def test_of_a_cell_whose_voltage_is_none_the_error_is_infinite_and_it_is_the_farthest() -> None:
    lost = compared(name="lost")
    lost.voltage[7] = np.nan
    assert lost.rmse == np.inf
    assert Result(CELL, [compared(0.1), lost, compared(0.2)]).farthest == ("lost", np.inf)


def test_the_record_that_is_the_farthest_off_is_named() -> None:
    result = Result(CELL, [compared(0.001, name="near"), compared(-0.02, name="far")])
    assert result.farthest == ("far", pytest.approx(0.02))


def test_what_is_held_out_as_a_whole_is_told_behind_all_others() -> None:
    assert [each.name for each in Result(CELL, [compared()]).by_temperature] == ["25 °C", "all"]
    names = [each.name for each in Result(CELL, [compared()], [compared(0.5)]).by_temperature]
    assert names == ["25 °C", "all", "held out"]
    assert Result(CELL, [compared()], [compared(0.5)]).by_temperature[1].rmse == 0.0


@pytest.mark.parametrize(
    ("comparisons", "told"),
    [
        ([compared()], []),
        ([compared(0, 0.05), compared(0, -0.049)], []),
        ([compared(0, -0.06, name="old"), compared()], ["The capacity of old comes out -6.0 % off"]),
        ([compared(0, 0.0, ())], ["No record has a pulse from rest between 10 and 95 %"]),
        ([compared(0, None)], ["No record has a whole discharge"]),
        ([compared(0, None, ())], ["No record has a pulse", "No record has a whole discharge"]),
        ([compared(0, None, ()), compared()], []),
    ],
)
def test_what_no_record_tells_and_what_came_out_far_from_one_is_said(
    comparisons: list[Comparison], told: list[str]
) -> None:
    found = Result(CELL, comparisons).cautions
    assert len(found) == len(told)
    assert all(sentence.startswith(begins) for sentence, begins in zip(found, told, strict=True))
    assert all(sentence.endswith(".") for sentence in found)


def test_a_task_without_records_and_one_of_one_temperature_make_no_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    with pytest.raises(RecordError, match=r"^no record is left to fit; hold out fewer\.$"):
        fit(Task([], "mine", "nmc811-21700", "nowhere"), path)
    near = [record("a", 22.0), record("b", 25.5)]
    with pytest.raises(RecordError, match=r"^all records are at one temperature \(24 °C\)"):
        fit(Task(near, "mine", "nmc811-21700", "nowhere"), path)
    assert not list(tmp_path.iterdir())


def test_the_nearest_cell_is_the_one_whose_record_it_is() -> None:
    """Of those that somebody has measured: the others are nobody's to be like."""
    assert "resistance" in load_cell("li-metal").assumed
    for name in available_cells():
        cell = load_cell(name)
        soc = np.linspace(1.0, 0.0, 400)
        time = 3600.0 / 399 * np.arange(400)
        current = np.full(400, -cell.nominal_capacity)
        current[0] = 0.0
        one = Record.of(name, time, current, cell.open_circuit_voltage(soc), np.full(400, 25.0))
        assert (nearest_cell([one]) == name) is (name != "li-metal")


def test_a_cell_is_measured_against_records_and_those_that_are_held_out_apart() -> None:
    one, other = record("a"), record("b", 0.0)
    result = measure(CELL, [one], [other])
    assert [each.record.name for each in result.comparisons] == ["a"]
    assert [each.record.name for each in result.held_out] == ["b"]
