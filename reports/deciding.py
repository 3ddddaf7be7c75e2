"""Which cell or sensor decided a figure that was missed, and when: it is what somebody has to look at.

What is amiss with a capacity is the cell that ended the discharge, with a rise of temperature the sensor that was the
hottest, with a spread both cells of it. That is read from the columns that a KPI says it reads, and from the direction
of its step; no KPI is named here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, isnan
from typing import Any

import numpy as np

from bench.accepted import figure_named
from bench.verdicts import Verdict
from reports.kpi import Kpi
from reports.kpi.readings import CELL_COLD, CELL_HIGH, CELL_HOT, CELL_LOW
from reports.recording import Floats, Recording, Step
from reports.tables import measurement_of, quantity
from reports.which_cell import EXTREMES, extreme_at

WORDS = {CELL_HOT: "hottest", CELL_COLD: "coldest", CELL_LOW: "lowest", CELL_HIGH: "highest"}


@dataclass(frozen=True, slots=True)
class Decided:
    """What decided the figure `name` of `step`: in words, and the moment, s of test time."""

    name: str
    step: str
    text: str
    time: float

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest."""
        return asdict(self)


def decided(run: Recording, figures: Iterable[Kpi]) -> list[Decided]:
    """One for each measurement that did not pass, and for each limit that the pack violated, where a cell is known."""
    read = {(each.name, each.step): each.asked.columns for each in figures if each.asked is not None}
    return [*_missed(run, read), *_tripped(run)]


def _missed(run: Recording, read: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[Decided]:
    steps = {step.name: step for step in run.steps if step.sample_count}
    for kept in run.manifest.get("measurements", ()):
        measured = measurement_of(kept)
        step = steps.get(measured.step or "")
        passed = measured.verdict == Verdict.PASS and not isnan(measured.value)
        if passed or step is None or step.direction == "none":
            continue
        found = _of_step(run, step, read.get((figure_named(measured.name), step.name), ()), measured.value)
        if found:
            yield Decided(measured.name, step.name, *found)


def _of_step(run: Recording, step: Step, columns: Sequence[str], value: float) -> tuple[str, float] | None:
    """The cells or sensors that a figure of these columns hangs on, and when."""
    if {CELL_LOW, CELL_HIGH} <= set(columns):
        spread = run.values(CELL_HIGH, step) - run.values(CELL_LOW, step)
        row = _extreme(abs(spread - value), highest=False)
        names: tuple[str, ...] = (CELL_HIGH, CELL_LOW)
    else:
        names = tuple(name for name in (CELL_HOT, CELL_COLD) if name in columns)[:1] or (_ending(step),)
        row = _at_the_end(run, step, names[0]) if names[0] in (CELL_LOW, CELL_HIGH) else _most(run, step, names[0])
    told = [] if row is None else [_told(run, name, step.rows.start + row) for name in names if run.has(name)]
    if row is None or not told:
        return None
    return "; ".join(told), run.at("Test Time / s", step.rows.start + row)


def _ending(step: Step) -> str:
    """The voltage that ends a step: of a charge the highest cell's, of anything else the lowest's."""
    return CELL_HIGH if step.direction == "charge" else CELL_LOW


def _at_the_end(run: Recording, step: Step, column: str) -> int | None:
    """The last sample; where current flew both ways, the lowest of all."""
    if not run.has(column):
        return None
    return _most(run, step, column) if step.direction == "both" else step.sample_count - 1


def _most(run: Recording, step: Step, column: str) -> int | None:
    return _extreme(run.values(column, step), highest=EXTREMES[column][1]) if run.has(column) else None


def _extreme(values: Floats, *, highest: bool) -> int | None:
    if not np.isfinite(values).any():
        return None
    return int(np.nanargmax(values) if highest else np.nanargmin(values))


def _told(run: Recording, column: str, row: int, known: str = "") -> str:
    """`cell 7 is the lowest, 2.512 V`; `known` is what somebody has called it already."""
    name = known or extreme_at(run, column, row) or ("a sensor" if "Temperature" in column else "a cell")
    unit = "°C" if column.endswith("degC") else "V"
    return f"{name} is the {WORDS[column]}, {quantity(run.at(column, row), unit)}"


def _tripped(run: Recording) -> Iterator[Decided]:
    """Limits that the pack violated by an extreme of its cells."""
    for event in run.of_type("trip"):
        time, column = float(event["time"]), str(event["column"])
        if event.get("blame") != "pack" or column not in WORDS or not run.has(column) or not isfinite(time):
            continue
        row = min(int(np.searchsorted(run.time, time)), len(run.time) - 1)
        told = _told(run, column, row, str(event.get("place") or ""))
        yield Decided(str(event["limit"]), str(event.get("step") or ""), told, time)
