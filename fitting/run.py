"""From records to a cell: holds out, fits, writes, and measures what was written with the string that will use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fitting.estimate import Fit, Progress, silent
from fitting.measure import Comparison, Figures, by_temperature, compare, figures
from fitting.prior import several_temperatures
from fitting.records import Record, RecordError
from fitting.sweep import check_pulse, check_sweep
from fitting.warming import warmed
from fitting.writing import TAKEN_OVER, Origin, contents, text
from models.cell import CellParameters, available_cells, load_cell, written

LITHIUM_METAL = "Li-metal"
BLOCK, EVERY = 600.0, 5
"""Every fifth ten minutes of a record are held out: of all states of charge something, and nobody chose what."""


@dataclass(frozen=True, eq=False)
class Task:
    """What to fit: `records`, those that are `held_out` as a whole, the cell's `name`, and which one it is `like`.

    `assume` says that records of one temperature are enough: the change with temperature is then the other cell's, and
    `change` says what that is. `source` says where the records come from, `anode` is the set of its negative electrode
    as the cell's file names it: no record tells which one it is.
    """

    records: Sequence[Record]
    name: str
    like: str | Path
    source: str
    held_out: Sequence[Record] = ()
    assume: bool = False
    pairs: int = 3
    anode: str | None = None
    change: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """How far `cell` is from the records of its fit, if there was one, and from those that are held out as a whole."""

    cell: CellParameters
    comparisons: Sequence[Comparison]
    held_out: Sequence[Comparison] = field(default=())

    @property
    def by_temperature(self) -> list[Figures]:
        """Errors by the temperature of the test, then of all of them, then of the records that are held out."""
        every = [*by_temperature(self.comparisons), figures("all", self.comparisons)]
        return [*every, figures("held out", self.held_out)] if self.held_out else every


def nearest_cell(records: Sequence[Record]) -> str:
    """The shipped cell whose open-circuit voltage is nearest to the voltages of the records."""
    voltage = float(np.median(np.concatenate([record.voltage for record in records])))
    return min(available_cells(), key=lambda name: abs(float(np.median(load_cell(name).ocv)) - voltage))


def fit(task: Task, path: Path, progress: Progress = silent) -> Result:
    """Fit and write the cell of `task` to `path`; raises `RecordError` where the records do not allow it."""
    _check(task)
    records, like = [record.holding_out(BLOCK, EVERY) for record in task.records], load_cell(task.like)
    estimate = Fit([warmed(record, like).thinned() for record in records], like, pairs=task.pairs).solve(progress)
    ambient = [record.ambient for record in records]
    base, span = written(task.like), (min(ambient), max(ambient))

    def write(errors: Sequence[Figures]) -> None:
        origin = Origin(task.name, _sources(task, base, errors), *span, task.anode)
        path.write_text(text(contents(estimate, origin, base)), encoding="utf-8")

    write(())
    result = measure(load_cell(path), records, task.held_out)
    write(result.by_temperature)  # the errors of the file, as it is read
    return result


def measure(cell: CellParameters, records: Sequence[Record], held_out: Sequence[Record] = ()) -> Result:
    """How far `cell`, wherever it comes from, is from `records`."""
    return Result(cell, [compare(cell, each) for each in records], [compare(cell, each) for each in held_out])


def _check(task: Task) -> None:
    if not task.records:
        raise RecordError("no record is left to fit; hold out fewer.")
    ambient = [record.ambient for record in task.records]
    if not several_temperatures(task.records) and not task.assume:
        raise RecordError(
            f"all records are at one temperature ({np.mean(ambient):.0f} °C), which says nothing of others: add "
            "records at another, or name with --like the cell whose change with temperature is to be assumed."
        )
    if task.anode is not None and load_cell(task.like).chemistry == LITHIUM_METAL:
        raise RecordError(
            f"a cell like {task.like} has a negative electrode of lithium metal, on which every charge plates: leave "
            "out --anode, or say with --like which cell of graphite it resembles."
        )
    check_sweep(task.records)
    check_pulse(task.records)


def _sources(task: Task, base: Mapping[str, Any], errors: Sequence[Figures]) -> list[str]:
    """Where each value comes from: what was fitted with its errors, then what the other cell says of what is its."""
    fitted = ", ".join(["nominal_capacity, ocv, entropic, hysteresis", *(f"r{n}" for n in range(task.pairs + 1))])
    change = task.change or f"that of {task.like}"
    one = f" How they change with temperature is an assumption: {change}." if task.assume else ""
    return [
        f"{fitted} and their time constants: fitted to {task.source}.{one}",
        *(f"Measured on this file, {said(each)}" for each in errors),
        *([f"anode: {task.anode}, as whoever fitted this cell has said: no record tells it."] if task.anode else []),
        *(sentence for sentence in base["sources"] if sentence.startswith(TAKEN_OVER)),
    ]


def said(errors: Figures) -> str:
    """The errors in a line, without what was not measured."""
    known = (
        ("RMSE", errors.rmse, 1e3, ".1f", "mV"),
        ("worst", errors.worst, 1e3, ".0f", "mV"),
        ("held-out RMSE", errors.held_out_rmse, 1e3, ".1f", "mV"),
        ("capacity", errors.capacity, 100, "+.1f", "%"),
        ("10 s resistance", errors.resistance, 100, "+.1f", "%"),
    )
    told = [f"{what} {value * by:{form}} {unit}" for what, value, by, form, unit in known if value is not None]
    return f"{errors.name}: {', '.join(told)}."
