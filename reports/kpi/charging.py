"""How long a charge takes, and how much of it is constant voltage."""

from math import isfinite, nan

import numpy as np

from reports.kpi.amounts import capacity
from reports.kpi.base import of_step, on_request
from reports.kpi.readings import CELL_HIGH, CHARGE_AH, SET_VOLTAGE, SOC, TIME, VOLTAGE, charges, percent
from reports.recording import Floats, Recording, Step

FOLLOWED_BACK, RISEN = 0.03, 0.02
"""How far above a level a display may start, and by how much it must have risen to tell how fast: shares of 1."""
CV_BAND = 0.001  # voltage accuracy that IEC 62660-2 asks of the measurement, relative


@of_step("duration", name="{step} time", symbol="t", unit="s", sense="at_most", columns=(TIME,), applies=on_request)
def duration(run: Recording, step: Step) -> float:
    """Bench time from the start of the step to its end condition, contactors included; holds and gaps do not count."""
    return step.duration - run.held(step.start, step.stop)


@of_step(
    "charge time {start:percent} to {stop:percent} %", symbol="t_{start:percent}-{stop:percent}", unit="s",
    sense="at_most", columns=(TIME, SOC), applies=charges,
)  # fmt: skip
def charge_time(run: Recording, step: Step, start: float = 0.1, stop: float = 0.8) -> float:
    """Time from the first {start:percent} % to the first {stop:percent} % of displayed SOC, interpolated between
    samples, and up to 3 % followed back where a display starts above; holds and gaps do not count.
    """
    time, soc = run.values(TIME, step), run.values(SOC, step)
    # A display that shows nothing yet, as before its contactors have closed, is no display of 0.
    shown = np.isfinite(soc)
    time, soc = time[shown], soc[shown]
    begun, reached = _crossing(time, soc, start), _crossing(time, soc, stop)
    return reached - begun - run.held(begun, reached)


@of_step(
    "charge time {start:percent} to {stop:percent} % by charge", symbol="t_{start:percent}-{stop:percent},Q", unit="s",
    sense="at_most", columns=(TIME, SOC, CHARGE_AH), applies=charges,
)  # fmt: skip
def charge_time_by_charge(run: Recording, step: Step, start: float = 0.1, stop: float = 0.8) -> float:
    """Time from the first {start:percent} % of displayed SOC until the charge between {start:percent} and
    {stop:percent} % of the rated capacity has been counted since, whatever the display says by then; holds and gaps do
    not count.
    """
    time, soc, counter = (run.values(column, step) for column in (TIME, SOC, CHARGE_AH))
    begun = _crossing(time, soc, start)
    if not isfinite(begun):
        return nan
    counted = counter - float(np.interp(begun, time, counter))
    reached = _crossing(time, counted / float(run.manifest["pack"]["capacity"]), stop - start)
    return reached - begun - run.held(begun, reached)


def _is_a_full_charge(_run: Recording, step: Step) -> bool:
    # By name: what a recording says of a fast recharge, which ends before its constant voltage, is the same.
    return step.kind == "Charge"


@of_step(
    "constant-voltage share", symbol="s_CV", unit="%", sense="at_most",
    columns=(VOLTAGE, CHARGE_AH, SET_VOLTAGE), also=(CELL_HIGH,), applies=_is_a_full_charge, span=(0, 100),
)  # fmt: skip
def constant_voltage_share(run: Recording, step: Step) -> float:
    """Ah from when what is held constant, the voltage of the highest cell (that of the pack where no cell is measured),
    is first within 0.1 % of what it is charged to, to the end of the step, over all Ah of the step.
    """
    reached, total = _held_from(run, step), capacity(run, step).value
    if not isfinite(total) or not np.isfinite(run.values(SET_VOLTAGE, step)).any():
        return nan
    grown = run.at(CHARGE_AH, step.rows.stop - 1) - reached
    return percent(grown, total) if isfinite(grown) else 0.0


def _held_from(run: Recording, step: Step) -> float:
    """The counter of charge at which the voltage is reached, between two samples; `nan` where it never is.

    The set voltage of the source says nothing of when: a source that holds the highest cell is led by what it reads.
    """
    counter, short = run.values(CHARGE_AH, step), _missing(run, step)
    held = np.flatnonzero(short <= 0.0)
    if not len(held):
        return nan
    first = int(held[0])
    if first == 0:
        return float(counter[0])
    return float(np.interp(0.0, -short[first - 1 : first + 1], counter[first - 1 : first + 1]))


def _missing(run: Recording, step: Step) -> Floats:
    """V that are missing to 0.1 % below what a step charges to."""
    asked, series = step.set_points.get("voltage"), (run.manifest.get("pack") or {}).get("series")
    if asked and series and run.has(CELL_HIGH):
        return np.asarray(asked / series * (1 - CV_BAND) - run.values(CELL_HIGH, step))
    return run.values(SET_VOLTAGE, step) * (1 - CV_BAND) - run.values(VOLTAGE, step)


def _crossing(time: Floats, soc: Floats, level: float) -> float:
    """Time at which a rising signal first reaches `level`; `nan` when it never gets there, or starts far above.

    Where it starts a little above, it is followed back: a display may have jumped in the rest before.
    """
    reached = np.flatnonzero(soc >= level)
    if not len(reached):
        return nan
    after = int(reached[0])
    if after == 0:
        return _before(time, soc, level)
    return float(np.interp(level, soc[after - 1 : after + 1], time[after - 1 : after + 1]))


def _before(time: Floats, soc: Floats, level: float) -> float:
    """When a signal that starts above `level` would have been there, at the rate at which it rises first."""
    above = float(soc[0]) - level
    rows = np.flatnonzero(soc >= soc[0] + RISEN)
    if not 0 <= above <= FOLLOWED_BACK or not len(rows):
        return float(time[0]) if 0 <= above < 0.005 else nan
    rate = float(soc[rows[0]] - soc[0]) / float(time[rows[0]] - time[0])
    return float(time[0]) - above / rate
