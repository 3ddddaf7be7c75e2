"""How near a charge came to plating lithium: the judge's own model, apart from the BMS's limit and a strategy's map.

The negative electrode of the pack's cell (`models.anode`) is carried through what was recorded, with its state. What
the manifest says nothing of is *not known*: never kept, never broken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np

from instruments.roles import BmsState
from models.anode import COARSE, FINE, AnodeParameters, Course, Pace, course, parameters_of
from reports.kpi.base import Explained, of_step
from reports.kpi.readings import BMS_STATE, CELL_COLD, CURRENT, SOC, TIME, charges
from reports.recording import Floats, Recording, Step

RESTED, RESTING = 1800.0, 0.02
"""s without a current after which an electrode is taken for rested, and the rate (1/h) below which there is none."""
BACK = 100_000
"""Rows before a step at most in which such a rest is looked for."""
TINY = np.finfo(float).tiny
"""V that no line over an interval is long: one that stays at 0 V is not below it."""
OPEN = (BmsState.STARTING, BmsState.STANDBY)
"""States in which the contactors are open: whatever a meter on the bench's side reads, the cells carry nothing."""

NOT_KNOWN = {
    "known": ": not known",
    "by": "not known, for the recording names no negative electrode: of lithium metal there is no model",
}


@dataclass(frozen=True, slots=True)
class _Judged:
    """The course of an electrode over a step alone, and in words what it rests on."""

    course: Course
    words: Mapping[str, object]


@of_step(
    "plating margin", name="plating margin{known}", symbol="Δφ_Li", unit="mV", sense="at_least",
    columns=(TIME, CURRENT, CELL_COLD, SOC), also=(BMS_STATE,), applies=charges, span=(-1000, 1000),
)  # fmt: skip
def plating_margin(run: Recording, step: Step) -> Explained:
    """Lowest potential of the negative electrode against lithium in the step, where it meets the separator; below 0
    lithium may plate: {by}.
    """
    judged = _judged(run, step)
    if judged is None:
        return Explained(nan, **NOT_KNOWN)
    return Explained(1e3 * float(judged.course.potential.min()), **judged.words)


@of_step(
    "plating time", name="plating time{known}", symbol="t_Li", unit="s", sense="at_most",
    columns=(TIME, CURRENT, CELL_COLD, SOC), also=(BMS_STATE,), applies=charges,
)  # fmt: skip
def plating_time(run: Recording, step: Step) -> Explained:
    """Time in the step with the negative electrode below 0 V against lithium, where it meets the separator: {by}."""
    judged = _judged(run, step)
    if judged is None:
        return Explained(nan, **NOT_KNOWN)
    return Explained(_below(judged.course), **judged.words)


def _below(found: Course) -> float:
    """Time below 0 V, s: each interval by the share of the straight line over it that is."""
    after = found.potential
    before = np.concatenate((after[:1], after[:-1]))
    duration = np.diff(found.time, prepend=found.start)
    below, above = np.maximum(-np.minimum(before, after), 0.0), np.maximum(before, after).clip(0.0)
    return float((below / np.maximum(below + above, TINY) * duration).sum())


def _judged(run: Recording, step: Step) -> _Judged | None:
    """What the model makes of a step, once for each recording: both figures are of the same course."""
    known: dict[int, _Judged | None] = vars(run).setdefault("_plating", {})
    if step.index not in known:
        known[step.index] = _carried(run, step, FINE) if run.origin is None else _differing(run, run.origin, step)
    return known[step.index]


def _differing(run: Recording, origin: Recording, step: Step) -> _Judged | None:
    """The course of a recording whose meters were off: the original's, and by how much coarse courses of both differ.

    So an uncertainty costs a tenth of what it would, and what is coarse about the courses is in neither.
    """
    judged = _judged(origin, origin.step(step.index))
    coarse: dict[int, _Judged | None] = vars(origin).setdefault("_coarse_plating", {})
    if step.index not in coarse:
        coarse[step.index] = _carried(origin, origin.step(step.index), COARSE)
    before, after = coarse[step.index], _carried(run, step, COARSE)
    if judged is None or before is None or after is None:
        return None
    own, time = judged.course, np.append(judged.course.time[:-1], after.course.time[-1])
    change = np.interp(time, after.course.time, after.course.potential)
    change -= np.interp(own.time, before.course.time, before.course.potential)
    return _Judged(Course(after.course.start, time, own.potential + change), judged.words)


def _carried(run: Recording, step: Step, pace: Pace) -> _Judged | None:
    """An electrode carried from the last rest to the end of a step."""
    anode = run.manifest["pack"].get("anode")
    if not anode or step.sample_count < 2:
        return None
    rows = slice(max(step.rows.start - BACK, 0), step.rows.stop)
    time, rate, cold, soc = _read(run, rows, float(anode["capacity"]))
    begin = _rested(time, rate, step.rows.start - rows.start)
    time, rate, cold, soc = (each[begin:] for each in (time, rate, cold, soc))
    shown = np.flatnonzero(np.isfinite(soc))
    if not (len(shown) and np.isfinite(cold).any()):
        return None
    moved = np.cumsum(rate * np.diff(time, prepend=time[0])) / 3600
    begun = float(soc[shown[0]] - moved[shown[0]])
    parameters = parameters_of(anode["parameters"])
    found = course(parameters, begun, time, rate, _without_gaps(cold), pace)
    return _Judged(_from(found, float(time[step.rows.start - rows.start - begin])), _words(parameters, begun))


def _read(run: Recording, rows: slice, capacity: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Time, rate (1/h), lowest cell temperature and displayed charge, of rows whose time and current were measured."""
    time, current, cold, soc = (run.cut(column, rows) for column in (TIME, CURRENT, CELL_COLD, SOC))
    if BMS_STATE in run.columns:
        current = np.where(np.isin(run.cut(BMS_STATE, rows), OPEN), 0.0, current)
    return time, np.nan_to_num(current) / capacity, cold, soc


def _rested(time: Floats, rate: Floats, first: int) -> int:
    """The last row up to `first` before which nothing had flowed for so long; the first of all where there is none."""
    flowing = np.flatnonzero(np.abs(rate[: first + 1]) > RESTING)
    since = np.concatenate(([-1], flowing)).astype(np.intp)
    latest = since[np.searchsorted(flowing, np.arange(first + 1), side="right")]
    idle = time[: first + 1] - time[np.maximum(latest, 0)]
    rested = np.flatnonzero((idle >= RESTED) & (np.abs(rate[: first + 1]) <= RESTING))
    return int(rested[-1]) if len(rested) else 0


def _without_gaps(values: Floats) -> Floats:
    """The values, with the nearest one before (or, at the beginning, after) where none was measured."""
    known = np.flatnonzero(np.isfinite(values))
    place = np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)
    filled: Floats = values[known[place]]
    return filled


def _from(whole: Course, start: float) -> Course:
    """The part of a course from `start` (s) on."""
    mine = whole.time >= start
    return Course(max(start, whole.start), whole.time[mine], whole.potential[mine])


def _words(parameters: AnodeParameters, begun: float) -> Mapping[str, object]:
    assumed = f"; assumed: {', '.join(parameters.assumed)}" if parameters.assumed else ""
    by = (
        f"the judge's own porous-electrode model with state, set {parameters.name}, by the current of a cell, the "
        f"coldest sensor and the charge displayed at the last rest ({begun:.3f}){assumed}"
    )
    return {"known": "", "by": by}
