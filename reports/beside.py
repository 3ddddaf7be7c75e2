"""What a figure shows on demand beside its traces: every cell or sensor, and the same test of the last night.

Both are thinned more than the traces: a picture of 96 cells has no more pixels than one of two.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import coding
from reports.panels import Panel, decimate
from reports.recording import STEP, Floats, Recording, Step
from reports.which_cell import EXTREMES, each_of

BUCKETS = 120
"""Of each a handful of rows."""
FINEST = {"V": 0.0002, "°C": 0.02}
"""Finest step that single cells are told in: what is beneath is noise of their meters, and would not deflate."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows of a run that a figure draws, and the positions before which a missing sample was put."""

    run: Recording
    rows: NDArray[np.intp]
    at: NDArray[np.intp]

    def thinned(self, columns: tuple[str, ...]) -> NDArray[np.intp]:
        """Some of them, as positions in `rows`, that keep the extremes of these columns."""
        return decimate([self.run.column(name)[self.rows] for name in columns], BUCKETS)

    def places(self, chosen: NDArray[np.intp]) -> str:
        """Where they are among all that is drawn, for the page."""
        return coding.whole_numbers(chosen + np.searchsorted(self.at, chosen, side="right"))


def cells_of(drawn: Drawn, panel: Panel) -> dict[str, Any] | None:
    """Every cell or sensor behind the extremes of a panel; None where nobody recorded them one by one.

    They are told as how far they are above the lowest of them, which changes little from row to row.
    """
    extremes = tuple(name for name in panel.columns if name in EXTREMES)
    names = each_of(drawn.run, extremes[0]) if extremes else {}
    if len(names) < 2:
        return None
    chosen = drawn.thinned(extremes)
    table = np.array([drawn.run.column(name)[drawn.rows[chosen]] for name in names.values()])
    known = np.isfinite(table)
    lowest = np.where(known.any(axis=0), np.where(known, table, np.inf).min(axis=0), np.nan)
    return {
        "names": list(names),
        "rows": drawn.places(chosen),
        "lowest": coding.column(lowest),
        "above": coding.column(table - lowest, FINEST.get(panel.unit, 0.0)),
    }


def before_of(drawn: Drawn, panels: list[Panel], before: Recording, called: str) -> dict[str, Any]:
    """What an earlier run of the same test showed at the same time of the same step."""
    wanted = [trace.column for panel in panels for trace in panel.traces if not trace.dashed]
    shared = tuple(name for name in dict.fromkeys(wanted) if before.has(name))
    chosen = drawn.thinned(shared)
    rows = drawn.rows[chosen]
    columns = {name: coding.column(_at_the_same_time(drawn.run, rows, before, name)) for name in shared}
    return {"label": called, "rows": drawn.places(chosen), "columns": columns}


def _at_the_same_time(run: Recording, rows: NDArray[np.intp], before: Recording, column: str) -> Floats:
    """Its values, step by step; missing where its step was over, or where it had none."""
    earlier = {(step.index, step.name): step for step in before.steps if step.sample_count}
    found, indices = np.full(len(rows), np.nan), run.column(STEP)[rows]
    for step in run.steps:
        then = earlier.get((step.index, step.name))
        here = np.flatnonzero(indices == step.index)
        if then is not None and len(here):
            found[here] = _of_step(run.time[rows[here]] - step.start, before, then, column)
    return found


def _of_step(since: Floats, before: Recording, step: Step, column: str) -> Floats:
    time, values = before.time[step.rows] - step.start, before.column(column)[step.rows]
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(since), np.nan)
    return np.interp(since, time[known], values[known], left=np.nan, right=np.nan)
