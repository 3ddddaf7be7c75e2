"""What the cells made of a step: how warm they became, and how far apart."""

from math import nan

import numpy as np

from reports.kpi.base import Explained, of_step
from reports.kpi.readings import CELL_HIGH, CELL_HOT, CELL_LOW, before, cycles_the_pack, maximum
from reports.recording import Floats, Recording, Step
from reports.which_cell import extreme_at


@of_step("temperature rise", symbol="ΔT", unit="K", sense="at_most", columns=(CELL_HOT,), applies=cycles_the_pack)
def temperature_rise(run: Recording, step: Step) -> float:
    """Highest cell temperature in the step minus the highest cell temperature at the end of the last soak (without a
    soak: at the last sample before the step).
    """
    return maximum(run.values(CELL_HOT, step)) - _soaked(run, step)


@of_step(
    "cell spread at end", symbol="ΔU_end", unit="V", sense="at_most",
    columns=(CELL_LOW, CELL_HIGH), applies=cycles_the_pack,
)  # fmt: skip
def cell_spread(run: Recording, step: Step) -> Explained:
    """Highest minus lowest cell voltage in the last sample of the step{cells}."""
    end = step.rows.stop - 1
    spread = run.at(CELL_HIGH, end) - run.at(CELL_LOW, end) if step.sample_count else nan
    return Explained(spread, cells=_cells(run, step, step.sample_count - 1))


@of_step(
    "largest cell spread", symbol="ΔU_max", unit="V", sense="at_most",
    columns=(CELL_LOW, CELL_HIGH), applies=cycles_the_pack,
)  # fmt: skip
def largest_cell_spread(run: Recording, step: Step) -> Explained:
    """Largest difference between two cell voltages within one sample of the step{cells}."""
    spread = _spread(run, step)
    widest = int(np.nanargmax(spread)) if np.isfinite(spread).any() else -1
    return Explained(maximum(spread), cells=_cells(run, step, widest))


def _cells(run: Recording, step: Step, sample: int) -> str:
    """Which cells those are, in words that follow; nothing where nobody recorded them one by one.

    Nobody reads the words of a recording whose meters were off, of which there are hundreds for one figure.
    """
    if sample < 0 or run.origin is not None:
        return ""
    row = step.rows.start + sample
    high, low = (extreme_at(run, column, row) for column in (CELL_HIGH, CELL_LOW))
    return f" ({high} above {low})" if high and low else ""


def _soaked(run: Recording, step: Step) -> float:
    # By name: nothing else in a recording tells a soak from a rest.
    soaks = [other for other in run.steps if other.kind == "Soak" and other.index < step.index and other.sample_count]
    return run.at(CELL_HOT, soaks[-1].rows.stop - 1) if soaks else before(run, CELL_HOT, step)


def _spread(run: Recording, step: Step) -> Floats:
    return run.values(CELL_HIGH, step) - run.values(CELL_LOW, step)
