"""Records of one cell for `packbench fit`, whatever they stand in: runs of ours, exports of them, files of others.

A run is of a pack. Its cell is the mean one: the mean of what the cells show, the current of one of those side by side.
What the pack had not its temperature for is left out: of a run counts what follows its last soak.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import columns
from bench.recording.rows import Floats
from packbench.commands.arguments import DEFAULT_RUNS

if TYPE_CHECKING:
    from fitting.records import Record
    from reports.recording import Recording

EACH_CELL = re.compile(r"^(?P<whose>.+) Cell \d+ / V$")
"""A column of one cell, as a BMS and an emulator have them, behind the name of the instrument."""
SOAK = "Soak"


def load_cell_records(paths: Sequence[Path], root: Path = DEFAULT_RUNS) -> "list[Record]":
    """Every record; raises `RecordError` or `InputError`, one sentence each, for what is none of one cell."""
    return [_load(path, root) for path in paths]


def _load(path: Path, root: Path) -> "Record":
    from bench.recording.runs import find_run, is_foreign
    from fitting.records import READERS, load_record
    from reports.foreign.exported import read_back
    from reports.recording import Recording

    if not is_foreign(str(path)) and (path.exists() or path.suffix.lower() not in READERS):
        return of_run(Recording.load(find_run(str(path), root)))
    exported = read_back(path) if path.is_file() else None
    return load_record(path) if exported is None else of_run(exported)


def of_run(run: "Recording") -> "Record":
    """The mean cell of a run's pack, from the end of its last soak on.

    Raises `RecordError` where the run does not say how its pack is made up, has no cell voltages, or shows nothing that
    a fit could use.
    """
    from fitting.records import Record, RecordError

    name, pack = str(run.manifest["run_id"]), run.manifest["pack"]
    if run.manifest.get("defects"):
        raise RecordError(f"{name}: has seeded defects; a fit needs a healthy pack: run it without.")
    series, parallel = (_count(name, pack, key) for key in ("series", "parallel"))
    start = _start(run)
    found: dict[str, Any] = {
        "time": run.time, "current": run.column(columns.CURRENT) / parallel, "voltage": _cell_voltage(run, series),
        "temperature": _temperature(run),
        "charge": (run.column(columns.CHARGE_AH) - run.column(columns.DISCHARGE_AH)) / parallel,
    }  # fmt: skip
    rows = np.flatnonzero(np.all([np.isfinite(each) for each in found.values()], axis=0))
    rows = rows[rows >= start]
    if not len(rows):
        raise RecordError(f"{name}: no row has a time, a current, cell voltages and a temperature; record them all.")
    return Record.of(name, **{what: values[rows] for what, values in found.items()})


def _count(name: str, pack: Mapping[str, Any], key: str) -> int:
    from fitting.records import RecordError

    if not isinstance(pack.get(key), int):
        raise RecordError(f"{name}: its manifest does not say how many cells are in {key}; fit a run of a pack file.")
    return int(pack[key])


def _start(run: "Recording") -> int:
    """The first row behind the last soak."""
    return max((step.rows.stop for step in run.steps if step.kind == SOAK), default=0)


def _cell_voltage(run: "Recording", series: int) -> Floats:
    """The mean of all cells where one instrument tells of each of them, else between the lowest and the highest."""
    told: dict[str, list[str]] = {}
    for column in run.columns:
        if match := EACH_CELL.match(column):
            told.setdefault(match["whose"], []).append(column)
    for names in told.values():
        if len(names) == series and all(run.has(name) for name in names):
            return np.asarray(np.mean([run.column(name) for name in names], axis=0))
    return np.asarray((run.column(columns.CELL_VOLTAGE_MIN) + run.column(columns.CELL_VOLTAGE_MAX)) / 2)


def _temperature(run: "Recording") -> Floats:
    """The mean of the sensors on the cells, else between the coldest and the warmest cell."""
    if run.has(columns.SURFACE):
        return run.column(columns.SURFACE)
    return np.asarray((run.column(columns.CELL_TEMPERATURE_MIN) + run.column(columns.CELL_TEMPERATURE_MAX)) / 2)
