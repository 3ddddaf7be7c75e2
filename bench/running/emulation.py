"""Gives a battery emulator the pack to stand in for: one table per cell, and resistances that follow the temperature.

An emulator has no temperature of its own. What the sensors in the chamber read decides the resistance of the emulated
cells, as it would that of real ones.
"""

from collections.abc import Callable, Sequence
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
        self._wanted: list[float] = []
        self._left: list[int] = []
        """Rows of the tables that still have the resistance of another temperature."""
        table = CellTable(
            state_of_charge=tuple(self._cell.soc.tolist()),
            voltage=(*self._cell.ocv[:-1].tolist(), max(float(self._cell.ocv[-1]), self._cell.voltage_max + FULL)),
            resistance=tuple(self._resistance(temperature).tolist()),
            capacity=self._cell.nominal_capacity * pack.parallel,
            initial=soc,
        )
        emulator.emulate([table] * pack.series)

    def follow(self, sensors: Sequence[float]) -> None:
        """Call with the temperatures of each scan, degC.

        Writes for `AT_ONCE` s at most, or one row: an emulator that needs a gap between two messages would keep the
        guard from looking for half a minute. Rows of two temperatures differ by less than what is not followed at all.
        """
        temperature = sum(sensors) / len(sensors)
        if abs(temperature - self._temperature) >= FOLLOW_STEP:
            self._temperature = temperature
            self._wanted = self._resistance(temperature).tolist()
            self._left = list(range(len(self._wanted)))
        if not self._left:
            return
        began = self._now()
        while self._left and self._now() - began <= AT_ONCE:
            row = self._left.pop(0)
            self._emulator.update_resistance(self._wanted, (row,))

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
