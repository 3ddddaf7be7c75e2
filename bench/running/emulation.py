"""Gives a battery emulator the pack to stand in for: one table per cell, and resistances that follow the temperature.

An emulator has no temperature of its own. What the sensors in the chamber read decides the resistance of the emulated
cells, as it would that of real ones. Nor has it a memory: its tables know one resistance for all times. A cell opposes
less to a current that has only begun, so the rows that the cells run on are given what its model has come to by then.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import exp, isnan, nan
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.pack import PackFile
from bench.verdicts import InputError
from instruments.roles import BatteryEmulator, CellTable
from models.cell import CellFileError, CellParameters, load_cell
from models.construction import Construction

AT_ONCE = 0.1
"""s of a scan that may be spent on it."""
BUILT_UP = 60.0
"""s after which a current has met the resistance that is uploaded: an emulator's table has no other time."""
FULL = 0.01
"""V above the charging voltage at which the uploaded table ends: beyond its end an emulator stands still, and a charge
that has not reached its voltage there would never end. A real cell's voltage goes on rising."""
FOLLOW_STEP = 1.0
"""K of change after which the running tables get new resistances: under 5 % of R for any of our cells."""
CLOSE = 0.002
"""Share of a resistance that it may be off by until it is written anew."""
AROUND = 1
"""Rows to either side of where the cells are, on average, that are kept up to date: cells differ, and move on."""
RESTING = 0.01
"""C-rate below which a current is none, and by which it changes at an edge."""
PACE = 0.05
"""Part of the time since the last edge of the current after which resistances are looked at again: they go by its
logarithm, so that what is written is as far off a second behind the edge as an hour behind it, and a long charge costs
hardly a message."""


class _Memory:
    """What the cell's pairs of resistance and capacitance have come to, V: as if all cells were alike.

    `capacity` in Ah of the pack, whose `parallel` cells share a current; `soc` from 0 to 1.
    """

    def __init__(self, cell: CellParameters, capacity: float, parallel: int, soc: float) -> None:
        self._cell, self._capacity, self._parallel = cell, capacity, parallel
        self._rows = cell.soc.tolist()
        self.soc, self.row = soc, 0
        self._held = [0.0] * cell.pairs
        self._time, self._seconds = nan, nan
        self._kept: list[float] = [1.0] * cell.pairs
        self._resistances: list[list[float]] = []
        self._taus: list[float] = []
        self._built_up: list[float] = []

    def warm_to(self, temperature: float) -> None:
        """Take the resistances of a temperature, degC."""
        cell = self._cell
        taus = (cell.tau1, cell.tau2, *(() if cell.tau3 is None else (cell.tau3,)))
        self._resistances = cell.resistances(cell.soc, temperature).T.tolist()
        self._built_up = cell.resistance_after(BUILT_UP, cell.soc, temperature).tolist()
        self._taus = [float(np.interp(temperature, cell.temperature, tau)) for tau in taus]
        self._seconds = nan

    def share(self, current: float, time: float) -> float:
        """How much of what is uploaded a cell will oppose by the next look to what flows now (A, positive charges)."""
        seconds = time - self._time if time > self._time else 0.0
        self._time = time
        if seconds != self._seconds:
            self._seconds = seconds
            self._kept = [exp(-seconds / tau) for tau in self._taus]
        self.soc = min(max(self.soc + current * seconds / 3600 / self._capacity, 0.0), 1.0)
        self.row = max(bisect_right(self._rows, self.soc) - 1, 0)
        amperes, opposed = current / self._parallel, 0.0
        flows = abs(current) >= RESTING * self._capacity
        at_once, *pairs = self._resistances[self.row]
        for number, (resistance, kept) in enumerate(zip(pairs, self._kept, strict=True)):
            end = amperes * resistance
            held = end + (self._held[number] - end) * kept
            self._held[number] = held
            if flows:
                # What an earlier current has left the other way round is no resistance, and no table holds it.
                opposed += min(max((end + (held - end) * kept) / amperes, 0.0), resistance)
        return (at_once + opposed) / self._built_up[self.row]


class EmulatedPack:
    """Loads `pack` into `emulator` and keeps its resistance at the temperature of the sensors."""

    def __init__(
        self,
        emulator: BatteryEmulator,
        pack: PackFile,
        soc: float,
        temperature: float,
        now: Callable[[], float] = float,
    ) -> None:
        if emulator.cell_count != pack.series:
            raise InputError(
                f"pack {pack.name} has {pack.series} cells in series, the emulator {emulator.cell_count}: "
                "choose a pack that fits this station with --pack, or a station without an emulator."
            )
        self._emulator = emulator
        self._cell = cell_of(pack)
        self._parallel = pack.parallel
        self._temperature, self._now = temperature, now
        capacity = self._cell.nominal_capacity * pack.parallel
        self._memory = _Memory(self._cell, capacity, pack.parallel, soc)
        self._memory.warm_to(temperature)
        self._total: list[float] = self._resistance(temperature).tolist()
        self._wanted, self._written = list(self._total), list(self._total)
        self._here, self._share = -1, 1.0
        self._current, self._edge = nan, RESTING * capacity
        self._edge_at = self._due = 0.0
        self._left: list[int] = []
        """Rows of the tables that still have the resistance of another temperature."""
        table = CellTable(
            state_of_charge=tuple(self._cell.soc.tolist()),
            voltage=(*self._cell.ocv[:-1].tolist(), max(float(self._cell.ocv[-1]), self._cell.voltage_max + FULL)),
            resistance=tuple(self._total),
            capacity=capacity,
            initial=soc,
        )
        emulator.emulate([table] * pack.series)

    def follow(self, sensors: Sequence[float], current: float = nan, time: float = nan) -> None:
        """Call with the temperatures of each scan, degC, the current (A, positive charges) and the test time, s.

        Writes for `AT_ONCE` s at most, or one row: an emulator that needs a gap between two messages would keep the
        guard from looking for half a minute. Rows of two temperatures differ by less than what is not followed at all.
        """
        temperature = sum(sensors) / len(sensors)
        if abs(temperature - self._temperature) >= FOLLOW_STEP:
            self._temperature = temperature
            self._total = self._resistance(temperature).tolist()
            self._memory.warm_to(temperature)
            self._wanted = list(self._total)
            self._left = list(range(len(self._wanted)))
            self._here = -1
        if not isnan(current):
            self._remember(current, time)
        if not self._left:
            return
        began = self._now()
        while self._left and self._now() - began <= AT_ONCE:
            row = self._left.pop(0)
            self._emulator.update_resistance(self._wanted, (row,))
            self._written[row] = self._wanted[row]

    def _remember(self, current: float, time: float) -> None:
        """Have the rows that the cells run on oppose what a cell would by now."""
        share, here = self._memory.share(current, time), self._memory.row
        if not abs(current - self._current) <= self._edge:  # nan: the first one
            self._edge_at = self._due = time
        self._current = current
        if here == self._here and (time < self._due or abs(share - self._share) < CLOSE / 2):
            return
        self._here, self._share = here, share
        self._due = time + PACE * (time - self._edge_at)
        for row in range(max(here - AROUND, 0), min(here + AROUND + 2, len(self._total))):
            wanted = share * self._total[row]
            if abs(wanted - self._written[row]) > CLOSE * self._total[row]:
                self._wanted[row] = wanted
                if row not in self._left:
                    self._left.insert(0, row)

    def _resistance(self, temperature: float) -> npt.NDArray[np.float64]:
        built_up = self._cell.resistance_after(BUILT_UP, self._cell.soc, temperature)
        return np.asarray(built_up / self._parallel)


def cell_of(pack: PackFile) -> CellParameters:
    """Parameters of the pack's cell; raises `InputError` when there are none by that name."""
    try:
        cell = load_cell(Path(pack.cell) if pack.cell.endswith((".yaml", ".yml")) else pack.cell)
    except CellFileError as error:
        raise InputError(f"pack {pack.name}, key cell: {error}") from error
    return Construction(**pack.construction.model_dump()).built_in(cell, pack.series, pack.parallel)
