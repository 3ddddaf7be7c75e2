"""Gives a battery emulator the pack to stand in for: one table per cell, and resistances that follow the temperature.

An emulator has no temperature of its own. What the sensors in the chamber read decides the resistance of the emulated
cells, as it would that of real ones. Nor has it a memory: its tables know one resistance for all times. A cell opposes
less to a current that has only begun, so the rows that the cells run on are given what its model has come to by then.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import exp, isnan, nan

import numpy as np
import numpy.typing as npt

from bench.pack import PackFile
from bench.verdicts import InputError
from instruments.roles import BatteryEmulator, CellTable
from models.cell import CellFileError, CellParameters, load_cell
from models.construction import Construction
from models.steps import StepTable, steps_of

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
RESTING = 0.01
"""C-rate below which a current is none, and by which it changes at an edge."""
PACE = 0.1
"""Part of the time since the last edge of the current after which resistances are looked at again: they go by its
logarithm, so that what is written is as far off a second behind the edge as an hour behind it, and a long charge costs
hardly a message."""


class _Memory:
    """What the cell's pairs of resistance and capacitance have come to, V: as if all cells were alike.

    `capacity` in Ah of the pack, whose `parallel` cells share a current; `soc` from 0 to 1. What flows is added up, and
    the pairs follow when somebody wants to know: by its mean, which is the current itself between two edges.
    """

    row: int
    """Where the cells are in their table."""
    ends: tuple[float, float]
    """Between which charges, A s, they stay there."""
    _since: float
    """The charge, A s, up to which the pairs have followed."""

    def __init__(self, cell: CellParameters, capacity: float, parallel: int, soc: float, temperature: float) -> None:
        self._cell, self._capacity, self._parallel = cell, 3600 * capacity, parallel
        self._rows: list[float] = [self._capacity * each for each in cell.soc.tolist()]
        self._charge, self._least = self._capacity * soc, RESTING * capacity
        self._held, self._seconds = [0.0] * cell.pairs, 0.0
        self.warm_to(temperature)
        self.catch_up()

    def warm_to(self, temperature: float) -> None:
        """Take the resistances of a temperature, degC."""
        cell = self._cell
        taus = (cell.tau1, cell.tau2, *(() if cell.tau3 is None else (cell.tau3,)))
        self._resistances: list[list[float]] = cell.resistances(cell.soc, temperature).T.tolist()
        self._built_up: list[float] = cell.resistance_after(BUILT_UP, cell.soc, temperature).tolist()
        self._taus = [float(np.interp(temperature, cell.temperature, tau)) for tau in taus]

    def flow(self, current: float, seconds: float) -> bool:
        """Let a current (A, positive charges) flow; whether the cells are still in the row where they were."""
        self._seconds += seconds
        self._charge += current * seconds
        low, high = self.ends
        return low <= self._charge < high

    def catch_up(self) -> None:
        """Let the pairs follow what has flowed since the last time."""
        if self._seconds:
            amperes = (self._charge - self._since) / self._seconds / self._parallel
            pairs = zip(self._resistances[self.row][1:], self._taus, strict=True)
            for number, (resistance, tau) in enumerate(pairs):
                end = amperes * resistance
                self._held[number] = end + (self._held[number] - end) * exp(-self._seconds / tau)
        self._charge = min(max(self._charge, 0.0), self._capacity)
        self._seconds, self._since = 0.0, self._charge
        self.row = min(max(bisect_right(self._rows, self._charge) - 1, 0), len(self._rows) - 2)
        self.ends = self._rows[self.row], self._rows[self.row + 1]

    @property
    def upper(self) -> bool:
        """Whether the cells are nearer to the end of their row than to its beginning."""
        return self._charge > sum(self.ends) / 2

    def share(self, current: float, ahead: float, begun: float) -> float:
        """How much of what is uploaded a cell will oppose in `ahead` s to what flows now (A, positive charges).

        It has flowed this way for `begun` s, and opposes no more than a cell at rest would have by then: what is left
        of an earlier current is none of this one's, and would be too much for the next, if it changes in every scan.
        """
        at_once, *pairs = self._resistances[self.row]
        amperes, opposed = current / self._parallel, 0.0
        if abs(current) >= self._least:
            for resistance, held, tau in zip(pairs, self._held, self._taus, strict=True):
                end = amperes * resistance
                most = resistance * (1.0 - exp(-(begun + ahead) / tau))
                opposed += min(max((end + (held - end) * exp(-ahead / tau)) / amperes, 0.0), most)
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
        self._memory = _Memory(self._cell, capacity, pack.parallel, soc, temperature)
        self._total: list[float] = self._resistance(temperature).tolist()
        self._wanted, self._written = list(self._total), list(self._total)
        self._edge = RESTING * capacity
        self._current = self._time = self._edge_at = self._begun_at = self._due = nan
        """nan: nobody has told a current yet."""
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
            self._due = time  # the rows that the cells run on are those of another temperature
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
        seconds = time - self._time if time > self._time else 0.0
        before, self._current, self._time = self._current, current, time
        edge = not abs(current - before) <= self._edge  # nan: the first one
        if edge:
            self._memory.catch_up()
            self._edge_at = time
            if not before * current > self._edge * self._edge:  # from rest, or the other way round
                self._begun_at = time - seconds
        if self._memory.flow(current, seconds) and not edge and time < self._due:
            return
        self._memory.catch_up()
        pause = max(PACE * (time - self._edge_at), seconds)
        self._due = time + pause
        # What is written now is met from the next scan on until the next look: it is right in the middle.
        self._write_around(self._memory.row, self._memory.share(current, (seconds + pause) / 2, time - self._begun_at))

    def _write_around(self, here: int, share: float) -> None:
        """Have the rows written anew that the cells run on, or will next: those that are not close enough."""
        first = here if self._memory.upper else here - 1
        for row in range(max(first, 0), min(first + 3, len(self._total))):
            wanted = share * self._total[row]
            if abs(wanted - self._written[row]) > CLOSE * self._total[row]:
                self._wanted[row] = wanted
                if row not in self._left:
                    self._left.insert(0, row)

    def _resistance(self, temperature: float) -> npt.NDArray[np.float64]:
        built_up = self._cell.resistance_after(BUILT_UP, self._cell.soc, temperature)
        return np.asarray(built_up / self._parallel)


def cell_of(pack: PackFile) -> CellParameters:
    """Parameters of the pack's cell; raises `InputError` when there are none by that name, or of another chemistry."""
    try:
        cell = load_cell(pack.cell)
    except CellFileError as error:
        raise InputError(f"pack {pack.name}, key cell: {error}") from error
    if cell.chemistry != pack.chemistry:
        raise InputError(
            f"pack {pack.name}, key cell: {cell.name} is a cell of {cell.chemistry}, and the pack one of "
            f"{pack.chemistry}: name a cell of its own chemistry, or correct that."
        )
    return Construction(**pack.construction.model_dump()).built_in(cell, pack.series, pack.parallel)


def charge_steps_of(pack: PackFile) -> StepTable:
    """What the pack's BMS lets it be charged with: its file's table, or one made of the cell's; raises as `cell_of`."""
    given = pack.bms.charge_limit
    return steps_of(cell_of(pack)) if given is None else StepTable(**given.model_dump())
