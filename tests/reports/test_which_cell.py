"""The cell or sensor behind an extreme, told from the columns that have them one by one."""

import numpy as np
import pytest

from reports import kpi
from reports.panels import panels_of
from reports.recording import Recording
from reports.which_cell import extreme_at, extreme_of
from tests.reports.worked import recording

LOW, HIGH = "Cell Voltage Min / V", "Cell Voltage Max / V"


def with_cells(run: Recording, who: str, **cells: float) -> Recording:
    """The run with the cells of an instrument, `c7=-0.1`: cell 7 lies that much (V) above the lowest."""
    low = run.column(LOW)
    names = [f"{who} Cell {name[1:]} / V" for name in cells]
    rows = np.column_stack([run.rows, *(low + above for above in cells.values())])
    return Recording(run.manifest, run.events, (*run.columns, *names), rows)


@pytest.fixture
def run() -> Recording:
    return recording()


def spread(run: Recording, row: int) -> float:
    return float(run.column(HIGH)[row] - run.column(LOW)[row])


def test_without_single_cells_nobody_is_named(run: Recording) -> None:
    assert extreme_of(run, LOW) == extreme_at(run, HIGH, 0) == ""


def test_a_cell_is_named_by_the_number_of_its_column(run: Recording) -> None:
    wide = spread(run, 3)
    cells = with_cells(run, "Bms", c1=wide / 2, c20=0.0, c3=wide)
    assert extreme_at(cells, LOW, 3) == "cell 20"
    assert extreme_at(cells, HIGH, 3) == "cell 3"


def test_who_has_read_something_else_than_the_extreme_names_nobody(run: Recording) -> None:
    assert extreme_at(with_cells(run, "Bms", c1=0.5, c2=0.6), LOW, 3) == ""


def test_a_cell_that_is_missing_makes_all_the_others_unsure(run: Recording) -> None:
    assert extreme_at(with_cells(run, "Bms", c1=0.0, c2=float("nan")), LOW, 3) == ""


def test_of_two_instruments_the_one_is_believed_that_the_extreme_comes_from(run: Recording) -> None:
    both = with_cells(with_cells(run, "Bms", c1=0.3, c2=0.4), "Emulator", c5=0.01, c6=0.0)
    assert extreme_at(both, LOW, 3) == "cell 6"


def test_the_legend_of_a_figure_names_it(run: Recording) -> None:
    labels = [trace.label for panel in panels_of(with_cells(run, "Bms", c7=0.0, c8=0.1)) for trace in panel.traces]
    assert "lowest cell (cell 7)" in labels
    assert "lowest cell" in [trace.label for panel in panels_of(run) for trace in panel.traces]


def test_the_spread_at_the_end_of_a_step_names_both(run: Recording) -> None:
    last = run.step("discharge").rows.stop - 1
    named = kpi.cell_spread(with_cells(run, "Bms", c7=0.0, c8=spread(run, last)), "discharge")
    assert "(cell 8 above cell 7)" in named.definition
    assert named.value == pytest.approx(kpi.cell_spread(run, "discharge").value)
    assert "above" not in kpi.cell_spread(run, "discharge").definition
