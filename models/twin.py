"""Many charges of one cell at once: candidates side by side, each with a schedule of its own.

Coarser than `models.string.CellString`, which it agrees with to about a per cent of the time: resistances heat as they
are, the pairs follow exactly, steps are a few seconds. It is there to search, not to judge.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.cell import CellParameters
from models.construction import BARE, Construction
from models.tables import Vector

STEP = 5.0
"""s."""
LONGEST = 6 * 3600.0
"""s after which a charge is given up."""

Rates = Callable[[Vector, Vector], Vector]
"""C-rates (1/h) that each candidate asks for at its state of charge (0 to 1) and temperature (degC)."""


@dataclass(frozen=True, eq=False)
class Charged:
    """What became of each candidate: time (s), infinite where it never got there, and the hottest it was, degC.

    `nearest` is the largest share of its cell file's own charge limit that it ever used.
    """

    time: Vector
    hottest: Vector
    nearest: Vector


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a charge begins and where it ends: states of charge from 0 to 1, temperatures of cells and air, degC."""

    soc: float = 0.1
    end: float = 0.8
    temperature: float = 25.0
    air: float = 25.0


class ChargeTwin:
    """Charges cells of a pack of `series` groups of `parallel`, built as it is, up to `voltage` V each."""

    def __init__(
        self, cell: CellParameters, series: int, parallel: int, voltage: float, construction: Construction = BARE
    ) -> None:
        self.cell = construction.built_in(cell, series, parallel)
        self._voltage = voltage
        count = series * parallel
        self._loss = 0.0 if construction.loss is None else construction.loss / count
        housing = construction.housing_heat_capacity
        self._housing = None if housing is None else housing / count

    def charge(self, rates: Rates, count: int, beginning: Beginning = Beginning(), step: float = STEP) -> Charged:
        """Charge `count` candidates at once."""
        cell, tables = self.cell, self.cell.look_up_tables(count)
        soc, temperature = np.full(count, beginning.soc), np.full(count, beginning.temperature)
        plate = np.full(count, beginning.temperature)
        pairs = np.zeros((cell.pairs, count))
        time, hottest, nearest = np.full(count, np.inf), temperature.copy(), np.zeros(count)
        now = 0.0
        while now < LONGEST and np.isinf(time).any():
            tables.look_up(soc, temperature)
            resistance, tau = tables.surface[: 1 + cell.pairs], tables.surface[1 + cell.pairs :]
            kept = np.exp(-step / tau)
            rest = tables.value[0] + tables.value[1] * (temperature - 25.0)
            grown = resistance[0] + (resistance[1:] * (1 - kept)).sum(axis=0)
            room = (self._voltage - rest - (pairs * kept).sum(axis=0)) / grown
            asked = rates(soc, temperature) * cell.nominal_capacity
            current = np.clip(np.minimum(asked, room), 0.0, None)
            limit = cell.charge_limit.c_rate_at(temperature, soc) * cell.nominal_capacity
            running = np.isinf(time)
            share = np.divide(current, limit, out=np.full(count, np.inf), where=limit > 0)
            nearest = np.where(running, np.maximum(nearest, np.where(current > 0, share, 0.0)), nearest)
            heat = current * (resistance[0] * current + pairs.sum(axis=0))
            pairs = pairs * kept + resistance[1:] * current * (1 - kept)
            moved = current * step / 3600 / cell.nominal_capacity
            arrived = running & (soc + moved >= beginning.end)
            part = np.divide(beginning.end - soc, moved, out=np.ones(count), where=moved > 0)
            time = np.where(arrived, now + part * step, time)
            soc = np.minimum(soc + moved, 1.0)
            temperature, plate = self._warmed(temperature, plate, heat, beginning.air, step)
            hottest = np.where(running, np.maximum(hottest, temperature), hottest)
            now += step
        return Charged(time, hottest, nearest)

    def _warmed(self, cells: Vector, plate: Vector, heat: Vector, air: float, step: float) -> tuple[Vector, Vector]:
        cell = self.cell
        around = plate if self._housing is not None else np.full_like(plate, air)
        settled = around + heat / cell.thermal_conductance
        warmed = settled + (cells - settled) * np.exp(-step * cell.thermal_conductance / cell.heat_capacity)
        if self._housing is None:
            return warmed, plate
        both = cell.thermal_conductance + self._loss
        towards = (cell.thermal_conductance * cells + self._loss * air) / both
        return warmed, towards + (plate - towards) * np.exp(-step * both / self._housing)
