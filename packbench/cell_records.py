"""Records of one cell for `packbench fit`, whatever they stand in: runs of ours, exports of them, files of others.

A run is of a pack. Its cell is the mean one: the mean of what the cells show, the current of one of those side by side.
What the pack had not its temperature for is left out: of a run counts what follows its last soak.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import columns
from bench.recording.rows import Floats
from bench.verdicts import InputError
from models.fields import nearest
from packbench.commands.arguments import DEFAULT_RUNS

if TYPE_CHECKING:
    from fitting.records import Record
    from reports.foreign.opening import ForeignRecording
    from reports.recording import Recording

EACH_CELL = re.compile(r"^(?P<whose>.+) Cell \d+ / V$")
"""A column of one cell, as a BMS and an emulator have them, behind the name of the instrument."""
SOAK = "Soak"
COLDEST, WARMEST = -60.0, 100.0
"""degC in which nobody tests cells any more."""


def load_cell_records(
    paths: Sequence[Path], root: Path = DEFAULT_RUNS, told: "Temperatures | None" = None
) -> "list[Record]":
    """Every record; `told` has the air's temperature where a file has none.

    Raises `RecordError` or `InputError`, one sentence each, for what is none of one cell.
    """
    return [_load(path, root, told or Temperatures()) for path in paths]


@dataclass(frozen=True, slots=True)
class Temperatures:
    """degC of the air around cells where no file says it: of some by the names of their files, and of the rest."""

    by_name: Mapping[str, float] = field(default_factory=dict)
    rest: float | None = None

    @classmethod
    def parse(cls, told: Sequence[str], paths: Sequence[Path]) -> "Temperatures":
        """From texts such as `25` and `cold.csv=-10`; raises `InputError` for what is none, or of no such file."""
        names, by_name, rest = [path.name for path in paths], {}, None
        for text in told:
            name, of_one, value = text.rpartition("=")
            celsius = _celsius(text, value)
            if not of_one:
                rest = celsius
            elif name in names:
                by_name[name] = celsius
            else:
                raise InputError(f"--temperature {text}: no record is called {name!r}{nearest(name, names)}.")
        return cls(by_name, rest)

    def of(self, path: Path) -> float | None:
        """DegC of the air around the cell of a file; None where nobody says."""
        return self.by_name.get(path.name, self.rest)


def _celsius(text: str, value: str) -> float:
    try:
        celsius = float(value)
    except ValueError:
        celsius = float("nan")
    if not COLDEST <= celsius <= WARMEST:
        raise InputError(
            f"--temperature {text}: give °C of the air from {COLDEST:g} to {WARMEST:g}, for all (25) or for one file "
            "(cold.csv=-10)."
        )
    return celsius


def _load(path: Path, root: Path, told: Temperatures) -> "Record":
    from bench.recording.runs import find_run, is_foreign
    from fitting.records import READERS, OtherFormatError, load_record
    from reports.foreign.exported import read_back
    from reports.foreign.opening import open_recording
    from reports.recording import Recording

    if not is_foreign(str(path)) and (path.exists() or path.suffix.lower() not in READERS):
        return of_run(Recording.load(find_run(str(path), root)))
    exported = read_back(path) if path.is_file() else None
    if exported is not None:
        return of_run(exported)
    try:
        return load_record(path)
    except OtherFormatError:
        if not path.is_file():
            raise
    return of_others(open_recording(path), path, told)


def of_others(recording: "ForeignRecording", path: Path, told: Temperatures) -> "Record":
    """A cycler's file, read and examined as `packbench judge` does it.

    Raises `RecordError` where its time, voltage or current is not believed, or nobody says a temperature.
    """
    from fitting.records import Record, RecordError

    name = path.name
    for needed in (columns.TEST_TIME, columns.VOLTAGE, columns.CURRENT):
        if needed in recording.withheld:
            raise RecordError(f"{path}: {recording.withheld[needed]}")
    label = next((each for each in (columns.SURFACE, columns.AMBIENT) if recording.has(each)), None)
    celsius = told.of(path)
    if label is None and celsius is None:
        raise RecordError(
            f"{path}: has no temperature that can be used; say the air's: --temperature 25, or for this file alone "
            f"--temperature {name}=25."
        )
    found: dict[str, Any] = {
        "time": recording.time, "current": recording.column(columns.CURRENT),
        "voltage": recording.column(columns.VOLTAGE),
    }  # fmt: skip
    found["temperature"] = np.full(len(found["time"]), celsius) if label is None else recording.column(label)
    if all(recording.has(each) for each in (columns.CHARGE_AH, columns.DISCHARGE_AH)):
        found["charge"] = recording.column(columns.CHARGE_AH) - recording.column(columns.DISCHARGE_AH)
    if not np.isfinite(found.get("charge", np.nan)).all():
        found.pop("charge", None)  # of some steps nobody knows it: what flowed is integrated
    rows = np.flatnonzero(np.all([np.isfinite(each) for each in found.values()], axis=0))
    # Many cyclers end a step and begin the next in one moment.
    rows = rows[np.diff(np.maximum.accumulate(found["time"][rows]), prepend=-np.inf) > 0]
    return Record.of(name, **{what: values[rows] for what, values in found.items()}, of_air=label != columns.SURFACE)


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
