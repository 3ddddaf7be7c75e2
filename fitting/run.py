"""From records to a cell: holds out, fits, writes, and measures what was written with the string that will use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fitting.estimate import Fit, Progress, silent
from fitting.measure import Comparison, Figures, by_temperature, compare, figures
from fitting.prior import several_temperatures
from fitting.records import CELL_VOLTAGE, Record, RecordError
from fitting.sweep import POINTS, check_pulse, check_sweep, find_sweep
from fitting.warming import warmed
from fitting.writing import TAKEN_OVER, Origin, contents, text
from models.cell import CellParameters, available_cells, load_cell, written
from models.construction import scaled

LITHIUM_METAL = "Li-metal"
BLOCK, EVERY = 600.0, 5
"""Every fifth ten minutes of a record are held out: of all states of charge something, and nobody chose what."""
ALIKE = 1.25
"""How many times as large as another a cell may be, and still be taken for as large."""
NO_CELL = 0.2
"""V of RMSE over a record that no cell's model is off: then a record is not of this cell, or not as it says."""
CAPACITY_TOLD, NO_CAPACITY = 0.05, 0.2
"""Shares by which the capacity of a record may be missed: until it is said apart, and until there is no file."""


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
    def farthest(self) -> tuple[str, float]:
        """The record that the cell is the farthest off, and by how much, V of RMSE."""
        worst = max(self.comparisons, key=lambda each: each.rmse)
        return worst.record.name, worst.rmse

    @property
    def cautions(self) -> list[str]:
        """What no record tells, and what came out far from one, a sentence each; none where all is as it should be."""
        away = {each.record.name: each.capacity.error for each in self.comparisons if each.capacity is not None}
        found = [
            f"The capacity of {name} comes out {100 * error:+.1f} % off: see whether its cell began full and was as "
            "old as the others."
            for name, error in away.items()
            if abs(error) > CAPACITY_TOLD
        ]
        if not any(each.resistances for each in self.comparisons):
            found.append(
                "No record has a pulse from rest between 10 and 95 % of charge: how far the resistance is off, nothing "
                "tells; add a pulse test."
            )
        if not away:
            found.append("No record has a whole discharge: how far the capacity is off, nothing tells; add one.")
        return found

    @property
    def by_temperature(self) -> list[Figures]:
        """Errors by the temperature of the test, then of all of them, then of the records that are held out."""
        every = [*by_temperature(self.comparisons), figures("all", self.comparisons)]
        return [*every, figures("held out", self.held_out)] if self.held_out else every


def nearest_cell(records: Sequence[Record]) -> str:
    """The shipped cell, of those that were measured, whose open-circuit voltage is nearest to that of the records."""
    check_sweep(records)
    soc, curve = np.linspace(0, 1, POINTS), find_sweep(records).ocv

    def away(name: str) -> float:
        return float(np.mean(np.abs(load_cell(name).open_circuit_voltage(soc) - curve)))

    return min((name for name in available_cells() if "resistance" not in load_cell(name).assumed), key=away)


def fit(task: Task, path: Path, progress: Progress = silent) -> Result:
    """Fit and write the cell of `task` to `path`; raises `RecordError` where the records do not allow it."""
    _check(task)
    records = [record.holding_out(BLOCK, EVERY) for record in task.records]
    like = _of_its_size(load_cell(task.like), find_sweep(records).capacity)
    estimate = Fit([warmed(record, like).thinned() for record in records], like, pairs=task.pairs).solve(progress)
    ambient = [record.ambient for record in records]
    base, span = _base(task, like), (min(ambient), max(ambient))
    draft = path.with_name(f".{path.stem}.draft.yaml")

    def write(errors: Sequence[Figures]) -> None:
        origin = Origin(task.name, _sources(task, base, errors), *span, task.anode)
        draft.write_text(text(contents(estimate, origin, base)), encoding="utf-8")

    try:
        write(())
        result = measure(load_cell(draft), records, task.held_out)
        _check_it_is_one(result)
        write(result.by_temperature)  # the errors of the file, as it is read
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return result


def _of_its_size(like: CellParameters, capacity: float) -> CellParameters:
    """The cell that it is like, as it would be with a capacity in Ah: of more of the same electrodes, or of less."""
    return like if 1 / ALIKE < capacity / like.nominal_capacity < ALIKE else scaled(like, capacity)


def _base(task: Task, like: CellParameters) -> dict[str, Any]:
    """The keys of the cell that it is like, as large as this one."""
    base = written(task.like)
    if like.nominal_capacity != base["nominal_capacity"]:
        size = like.nominal_capacity / base["nominal_capacity"]
        grown = {key: float(f"{base[key] * size:.4g}") for key in ("heat_capacity", "thermal_conductance")}
        told = [f"{each} Times {size:.3g}, as its capacity." if each.startswith(tuple(grown)) else each
                for each in base["sources"]]  # fmt: skip
        base |= grown | {"sources": told}
    return base


def _check_it_is_one(result: Result) -> None:
    """Raise `RecordError` where what came out is no model of any cell, with the record that is the farthest off."""
    name, away = result.farthest
    if not away < NO_CELL:
        off = f"{1e3 * away:.0f} mV" if away < CELL_VOLTAGE else "more than a cell has"
        ambient = next(each.record.ambient for each in result.comparisons if each.record.name == name)
        raise RecordError(
            f"{name}: no cell gives this record beside the others, the nearest is {off} off (RMSE): see whether it is "
            f"of the same cell, at {ambient:.0f} °C from its beginning to its end, and positive while it charges; or "
            "leave it out."
        )
    for each in result.comparisons:
        if each.capacity is not None and not abs(each.capacity.error) < NO_CAPACITY:
            raise RecordError(
                f"{each.record.name}: of its {each.capacity.recorded:.4g} Ah the cell that is nearest to all records "
                f"gives {each.capacity.simulated:.4g} ({100 * each.capacity.error:+.0f} %, allowed "
                f"{100 * NO_CAPACITY:.0f}): see whether all are of one cell at one age; or leave it out."
            )


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
