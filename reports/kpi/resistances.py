"""What the pack opposes to a current."""

from math import nan

import numpy as np

from reports.kpi.base import of_step
from reports.kpi.readings import CURRENT, TIME, VOLTAGE, before, moves
from reports.recording import Recording, Step


def _begins_with_a_current(run: Recording, step: Step) -> bool:
    return moves(run, step) or not step.resumable


@of_step(
    "dc resistance {at:g} s", symbol="R_{at:g}s", unit="Ω", sense="at_most",
    columns=(TIME, VOLTAGE, CURRENT), applies=_begins_with_a_current,
)  # fmt: skip
def dc_resistance(run: Recording, step: Step, at: float = 10.0) -> float:
    """(U({at:g} s) - U(before)) / (I({at:g} s) - I(before)) after the current change that begins the step; before is
    the last sample ahead of it (EN 18060: internal resistance; the time is part of its name).
    """
    step = run.beginning(step, at)
    time = run.values(TIME, step) - step.start
    if not len(time) or time[-1] < at:
        return nan
    voltage, current = (float(np.interp(at, time, run.values(column, step))) for column in (VOLTAGE, CURRENT))
    if run.held(step.start, step.start + at) > 0:  # outputs were off: the change is none of the pack's
        return nan
    rest = before(run, VOLTAGE, step)
    if rest < 0.5 * voltage:  # an open contactor: what the terminals showed was not the pack
        return nan
    change = current - before(run, CURRENT, step)
    return (voltage - rest) / change if abs(change) > 1e-6 else nan
