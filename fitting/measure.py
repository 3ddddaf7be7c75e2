"""How far a cell of `models.cell` is from a record: the shipped string goes through it, and is compared row by row.

Nothing here knows how a cell came about: a fitted one, a shipped one and somebody's own are measured alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fitting.records import SECONDS_PER_HOUR, Record
from models.cell import CellParameters
from models.string import NO_SPREAD, CellString
from models.tables import Vector

Mask = NDArray[np.bool_]

AS_MEASURED = 1e6
"""W/K: a cell that is coupled to its air like this has the temperature that the record says.

One whose own temperature nobody measured warms by its own heat, as it does everywhere else.
"""
FULL = 0.9
"""State of charge above which a cell that was left at rest comes from a charge, and is on the upper branch."""
PULSE = 10.0
"""s after the edge of a current at which its resistance is read."""
STEADY = 0.05
"""Share by which a constant current may vary."""
NOISY = 21
"""Rows of which the middle one is taken for the current, an odd number."""
TELLING = (0.10, 0.95)
"""State of charge between which a pulse tells a resistance."""
SWEEP = 0.5
"""Share of the nominal capacity that a discharge must take out to tell a capacity."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of the record and the same figure of the cell."""

    recorded: float
    simulated: float

    @property
    def error(self) -> float:
        """Of the cell, as a share of the record's."""
        return self.simulated / self.recorded - 1


@dataclass(frozen=True, eq=False)
class Comparison:
    """A record and the cell's voltage (V) at each of its rows; `compared` are the rows that count."""

    record: Record
    voltage: Vector
    compared: Mask
    capacity: Pair | None
    """Ah of the discharge, to the voltage at which the record ends it; None where there is none."""
    resistances: Sequence[Pair]
    """Ohm 10 s after each edge from rest."""

    @property
    def error(self) -> Vector:
        """V by which the cell is off, row by row."""
        return self.voltage - self.record.voltage

    @property
    def rmse(self) -> float:
        """V, of all rows that count; infinite where the cell's voltage is none."""
        found = float(np.sqrt(np.mean(self.error[self.compared] ** 2)))
        return found if isfinite(found) else inf


def compare(cell: CellParameters, record: Record) -> Comparison:
    """Take `cell` through `record`; it begins at rest with the record's first voltage, or full, or empty."""
    string = _string(cell, record)
    voltage = _through(string, record)
    return Comparison(
        record, voltage, ~record.at_an_edge, _capacity(cell, record, voltage, string),
        _resistances(record, voltage, charge_of(cell, record)),
    )  # fmt: skip


def charge_of(cell: CellParameters, record: Record) -> Vector:
    """State of charge of `cell` at each row of `record`."""
    return np.asarray(start_of(cell, record) + record.charge / capacity_of(cell, record))


def capacity_of(cell: CellParameters, record: Record) -> float:
    """Ah of the specimen that was recorded: of what it held at the first row where that was counted, or the cell's."""
    return record.to_empty / start_of(cell, record) if record.to_empty else cell.nominal_capacity


def start_of(cell: CellParameters, record: Record) -> float:
    """State of charge at the first row: where the cell at rest has the first voltage, on the branch that it came by.

    A record that begins under a current tells no such voltage: `Record.start_under_current` says where it begins.
    """
    if record.to_empty == 0:
        return 0.0
    if not record.rests:
        return record.start_under_current(cell.nominal_capacity)
    at_rest = cell.open_circuit_voltage(cell.soc, record.ambient)
    gap = np.zeros_like(at_rest) if cell.hysteresis is None else cell.hysteresis
    full, other = (
        float(np.interp(record.voltage[0], np.maximum.accumulate(at_rest + side * gap), cell.soc)) for side in (1, -1)
    )
    return full if full > FULL else other


def branch_of(start: float) -> float:
    """Hysteresis branch of a cell that was left at rest: it was filled when it is full, else it was discharged."""
    return 1.0 if start > FULL else -1.0


def _string(cell: CellParameters, record: Record) -> CellString:
    start = start_of(cell, record)
    in_its_air = cell if record.of_air else replace(cell, thermal_conductance=AS_MEASURED)
    string = CellString(in_its_air, 1, spread=NO_SPREAD, soc=start, temperature=record.ambient, branch=branch_of(start))
    string.set_capacity_factor(0, capacity_of(cell, record) / cell.nominal_capacity)
    return string


def _through(string: CellString, record: Record) -> Vector:
    """V at each row. What the counter says beyond the current that was written down is given to the cell as well."""
    voltage = np.empty(len(record.time))
    at_once = float(string.cell.resistances(string.soc[0], record.ambient)[0])
    voltage[0] = string.terminal_voltage + at_once * record.current[0]
    steps = np.diff(record.time)
    beyond = SECONDS_PER_HOUR * np.diff(record.charge) - record.current[1:] * steps
    counted = bool(np.abs(beyond).max() > 1e-6)
    rows = zip(record.current[1:], steps, record.temperature[1:], beyond, strict=True)
    for row, (current, duration, temperature, more) in enumerate(rows, start=1):
        string.step(current, duration, temperature)
        if counted:
            string.transfer(0, more, 0.0)
        voltage[row] = string.voltage[0]
    return voltage


def _capacity(cell: CellParameters, record: Record, voltage: Vector, string: CellString) -> Pair | None:
    """Ah of the first long discharge at constant current, to the voltage at which the record ends it."""
    run = _discharge(record)
    if run is None or record.charge[run[0]] - record.charge[run[-1]] < SWEEP * cell.nominal_capacity:
        return None
    end = float(record.voltage[run].min())
    taken = record.charge[run[0]] - record.charge[run]
    below = np.flatnonzero(voltage[run] < end)
    if below.size:
        return Pair(float(taken[-1]), _crossing(taken, voltage[run], int(below[0]), end))
    return Pair(float(taken[-1]), float(taken[-1]) + _further(cell, record, run, end))


def _crossing(taken: Vector, voltage: Vector, row: int, end: float) -> float:
    """Ah at which the voltage reaches `end`, between `row` and the one before."""
    if row == 0:
        return float(taken[0])
    return float(np.interp(-end, -voltage[row - 1 : row + 1], taken[row - 1 : row + 1]))


def _further(cell: CellParameters, record: Record, run: "NDArray[np.intp]", end: float) -> float:
    """Ah that the cell gives beyond the record's last row at the same current, until it is at `end`."""
    string = _string(cell, record)
    up_to = record.rows(np.arange(run[-1] + 1))
    _through(string, up_to)
    current, duration, hours = float(record.current[run[-1]]), 5.0, 0.0
    while string.voltage[0] > end and hours * abs(current) < 0.2 * cell.nominal_capacity:
        string.step(current, duration, float(record.temperature[run[-1]]))
        hours += duration / SECONDS_PER_HOUR
    return hours * abs(current)


def _discharge(record: Record) -> "NDArray[np.intp] | None":
    """Rows of the first stretch at constant discharge current that lasts; None where there is none."""
    current, quiet = record.current, _without_noise(record.current)
    for first in np.flatnonzero((current[1:] < 0) & (np.abs(np.diff(current)) > STEADY * np.abs(current[1:]))) + 1:
        settled = min(int(first) + NOISY // 2, len(quiet) - 1)
        away = np.flatnonzero(np.abs(quiet[settled:] - quiet[settled]) > STEADY * abs(quiet[settled]))
        last = settled + away[0] if away.size else len(current)
        if last - first > 20:
            return np.arange(first, last)
    steady = np.abs(quiet - np.median(quiet)) <= STEADY * abs(float(np.median(quiet)))
    return np.arange(len(current)) if current[0] < 0 and steady.all() else None


def _without_noise(current: Vector) -> Vector:
    """The median of some rows around each: it keeps edges, and a cycler's noise is several per cent of a C/10."""
    around = np.pad(current, NOISY // 2, mode="edge")
    return np.asarray(np.median(sliding_window_view(around, NOISY), axis=1))


def _resistances(record: Record, voltage: Vector, soc: Vector) -> list[Pair]:
    """Of every edge from rest behind which the current stays for 10 s and is seen at their end.

    Between 10 and 95 % of charge: at the ends a pulse shows how steep the curve is, or what is left of the current
    before it. An A123 that rests full falls by 54 mV in 10 s of C/2, of which 37 mV are the end of its curve.
    """
    biggest = np.abs(record.current).max()
    jumps = np.abs(np.diff(record.current)) > 0.1 * biggest
    inside = (soc[:-1] > TELLING[0]) & (soc[:-1] < TELLING[1])
    edges = np.flatnonzero(jumps & (np.abs(record.current[:-1]) < 0.01 * biggest) & inside)
    found = (_resistance(record, voltage, int(edge)) for edge in edges)
    return [pair for pair in found if pair is not None]


def _resistance(record: Record, voltage: Vector, edge: int) -> Pair | None:
    """The row `edge` is the last one at rest."""
    began = record.time[edge + 1] if record.time[edge + 1] - record.time[edge] > 1 else record.time[edge]
    behind = np.arange(edge + 1, np.searchsorted(record.time, began + PULSE + 0.05, side="right"))
    if len(behind) < 3 or record.time[behind[-1]] < began + PULSE - 0.5:
        return None
    current = record.current[behind]
    middle = float(np.median(current))
    if np.abs(current - middle)[1:-1].max() > STEADY * abs(middle):
        return None
    recorded, simulated = (
        float(np.interp(began + PULSE, record.time[behind[:-1]], values[behind[:-1]]) - values[edge]) / middle
        for values in (record.voltage, voltage)
    )
    return Pair(recorded, simulated) if recorded > 0 else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Errors over some records: V, shares of the record's capacity and resistance; None where nothing was measured."""

    name: str
    rows: int
    rmse: float | None
    worst: float | None
    held_out_rmse: float | None
    held_out_worst: float | None
    capacity: float | None
    """The largest, with its sign."""
    resistance: float | None
    """The mean."""
    resistance_worst: float | None


def figures(name: str, comparisons: Sequence[Comparison]) -> Figures:
    """Put the errors of `comparisons` together."""
    fitted = np.concatenate([each.error[each.compared & ~each.record.held_out] for each in comparisons])
    held = np.concatenate([each.error[each.compared & each.record.held_out] for each in comparisons])
    capacities = [each.capacity.error for each in comparisons if each.capacity is not None]
    resistances = [pair.error for each in comparisons for pair in each.resistances]
    return Figures(
        name, len(fitted) + len(held), _rmse(fitted), _worst(fitted), _rmse(held), _worst(held),
        max(capacities, key=abs, default=None),
        float(np.mean(resistances)) if resistances else None,
        max(resistances, key=abs, default=None),
    )  # fmt: skip


def by_temperature(comparisons: Sequence[Comparison], apart: float = 4.0) -> list[Figures]:
    """Figures by the temperature of the test (degC); tests less than `apart` K from each other are of one."""
    ordered = sorted(comparisons, key=lambda each: each.record.ambient)
    ambient = np.array([each.record.ambient for each in ordered])
    bounds = [0, *(np.flatnonzero(np.diff(ambient) > apart) + 1).tolist(), len(ordered)]
    groups = [(ordered[a:b], ambient[a:b]) for a, b in pairwise(bounds)]
    return [figures(f"{round(float(np.mean(at)))} °C", group) for group, at in groups]


def _rmse(errors: Vector) -> float | None:
    return float(np.sqrt(np.mean(errors**2))) if errors.size else None


def _worst(errors: Vector) -> float | None:
    return float(np.abs(errors).max()) if errors.size else None
