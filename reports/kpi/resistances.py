"""What the pack opposes to a current."""

from collections.abc import Mapping
from math import isfinite, nan

import numpy as np

from reports.kpi.base import Explained, of_step
from reports.kpi.needs import dynamics_before, samples_before
from reports.kpi.readings import CURRENT, SCAN_DURATION, TIME, VOLTAGE, moves
from reports.recording import Floats, Recording, Step

EDGE = 0.09
"""Part of a change of the current that is its edge: far from noise, and no round part. A limit that a BMS raises step
by step passes through a tenth exactly, and a meter's last digit would say in which sample the current has begun."""
LEAST_RATE = 0.01
"""C-rate by which a current must change for a resistance."""
APART = 0.6
"""Part of the time asked for by which samples may be apart: half of it (`samples_before`), and a late one."""
ALIKE = 0.02
"""Part of its change by which a voltage between two samples may differ from one of them, however far they are apart."""
TABLES = 0.04
"""Part by which an emulated pack may be off what its cells would oppose, either way, with about 95 %: its tables have
no hysteresis and follow the cells' pairs to 1 % (`python -m truth definitions`: 3.0 % of LFP, 1.6 % of the others)."""
REST_AHEAD = 1
"""Samples ahead of a step that still belong to it: what flowed before."""


def _begins_with_a_current(run: Recording, step: Step) -> bool:
    return moves(run, step) or not step.resumable


@of_step(
    "dc resistance {at:g} s", symbol="R_{at:g}s", unit="Ω", sense="at_most",
    columns=(TIME, VOLTAGE, CURRENT), also=(SCAN_DURATION,), applies=_begins_with_a_current, specimen=0.2,
    needs=(samples_before("at"), dynamics_before("at")),
)  # fmt: skip
def dc_resistance(run: Recording, step: Step, at: float = 10.0) -> Explained:
    """(U({at:g} s) - U(before)) / (I({at:g} s) - I(before)), the time counted from the edge of the current and not from
    the start of the step; before is the last sample ahead of the edge (EN 18060: internal resistance; the time is part
    of its name).
    """
    found = _opposed(run, run.beginning(step, 4 * at), at)  # of a long one nothing else is read
    return Explained(found, _by_tables(run, found))


def _by_tables(run: Recording, resistance: float) -> Mapping[str, float]:
    """What else than meters it rests on, Ohm: where an instrument stands in for cells and follows them, its tables."""
    standing_in = [str(each["name"]) for each in run.manifest.get("instruments") or () if "follows" in each]
    return {f"{name} tables": TABLES * abs(resistance) for name in standing_in if isfinite(resistance)}


def _opposed(run: Recording, step: Step, at: float) -> float:
    """The resistance (Ohm) `at` s behind the edge of a current; nan where the recording does not show it."""
    rows = slice(max(step.rows.start - REST_AHEAD, 0), step.rows.stop)
    time, current, voltage = (run.cut(column, rows) for column in (TIME, CURRENT, VOLTAGE))
    edge = _edge(current, time, at, _least_change(run))
    if edge is None:
        return nan
    # What is asked for flows at once: the edge lies right behind the last sample that does not show it.
    begun = float(time[edge]) + run.late * _unknown(run, rows.start + edge, time[edge : edge + 3])
    if not run.has(SCAN_DURATION) and time[edge] < step.start <= time[edge + 1]:
        begun = step.start  # the recording itself says when, also where the sample before is long ago
    rest = float(voltage[edge])
    if time[-1] < begun + at or run.held(begun, begun + at) > 0:  # too short, or outputs were off meanwhile
        return nan
    then = float(np.interp(begun + at, time, voltage))
    change = float(np.interp(begun + at, time, current)) - float(current[edge])
    if rest < 0.5 * then or abs(change) <= 1e-6:  # an open contactor: what the terminals showed was not the pack
        return nan
    if not run.has(SCAN_DURATION) and not (
        time[edge + 1] - begun <= APART * at and _is_seen(time, voltage, begun + at, then, abs(then - rest), APART * at)
    ):
        return nan
    return (then - rest) / change


def _is_seen(time: Floats, voltage: Floats, when: float, then: float, change: float, apart: float) -> bool:
    """Whether a voltage between two samples is known: they are near each other, or one of them shows nearly the same.

    Our own bench is asked that beforehand (`samples_before`); who else has recorded may have looked once a minute.
    """
    after = min(int(np.searchsorted(time, when)), len(time) - 1)
    beside = slice(max(after - 1, 0), after + 1)
    near = float(np.ptp(time[beside])) <= apart
    return near or float(np.abs(voltage[beside] - then).min()) <= ALIKE * change


def _unknown(run: Recording, row: int, time: Floats) -> float:
    """For how long (s) behind a row it is not known whether the current has begun.

    Our own bench asks for it as soon as the row is there: no longer than a scan takes. Elsewhere until the next sample.
    """
    if run.has(SCAN_DURATION):
        return run.at(SCAN_DURATION, row)
    return float(np.diff(time).min())


def _least_change(run: Recording) -> float:
    """A that a current must change by: less than C/100 is a display that counts, and no current that has begun."""
    capacity = float((run.manifest.get("pack") or {}).get("capacity") or nan)
    return max(LEAST_RATE * capacity, 1e-6) if isfinite(capacity) else 1e-6


def _edge(current: Floats, time: Floats, at: float, least: float) -> int | None:
    """The last sample ahead of the first change by `EDGE` of what the current changes by; None: there is no edge."""
    if len(current) < 2:
        return None
    change = np.abs(current - current[0])
    within = change[: int(np.searchsorted(time, time[min(REST_AHEAD, len(time) - 1)] + 2 * at)) + 1]
    most = float(np.nanmax(within)) if np.isfinite(within).any() else 0.0
    if most <= least:
        return None
    return int(np.flatnonzero(within >= EDGE * most)[0]) - 1
