"""The linear programme of a day: when to charge and when to give back, at the least cost.

Amounts of energy (Wh) for each step, so that a step that has begun is only a smaller bound: what holds from decision to
decision is built once, and bounds and costs alone change. It always has a solution: what is wanted in the car is wanted
at a price, and 0 W is within every other limit.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from models.tables import Vector

INFINITE = highspy.kHighsInf
Row = Sequence[tuple[int, float]]
"""Columns and what stands in them."""
Indices = NDArray[np.int32]
MISSING = 0.01
"""Price of each Wh that is not in the car for a step: some thirty times that of electricity."""


@dataclass(frozen=True, eq=False)
class Case:
    """One decision's numbers; series have a value for each step.

    `hours` is how long a step is, h. `charge` and `discharge` are the most, W at the AC side; `house` less `sun` is
    `net` (W). `buy` and `sell` are prices of a kWh, `wear` that of each kWh out of the pack, `worth` that of a kWh that
    is in the car in the end. `floor` is what is wanted in the car at the end of each step, Wh.
    """

    hours: Vector
    charge: Vector
    discharge: Vector
    net: Vector
    imports: float
    exports: float
    buy: Vector
    sell: Vector
    floor: Vector
    stored: float
    energy: float
    wear: float
    worth: float


@dataclass(frozen=True, eq=False)
class Dispatch:
    """Power at the AC side (W), energy in the car (Wh) and what is missing in it (Wh), for each step; and its cost."""

    power: Vector
    stored: Vector
    missing: Vector
    cost: float


class Programme:
    """Of `count` steps, through a charger of one efficiency each way (0 to 1)."""

    def __init__(self, count: int, efficiency: float) -> None:
        self.count, self.efficiency = count, efficiency
        with _without_banner():
            self._highs = highspy.Highs()
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("threads", 1)
        self._columns = np.arange(6 * count, dtype=np.int32)
        self._rows = np.arange(3 * count, dtype=np.int32)
        self._build()

    def solve(self, case: Case) -> Dispatch:
        """Give the plan of least cost; raises `ArithmeticError` where none is found, which bounds do not allow."""
        self._bound(case)
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self._highs.clearSolver()  # what it began with led nowhere
            self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise ArithmeticError(f"no plan was found: {self._highs.modelStatusToString(self._highs.getModelStatus())}")
        charge, discharge, _, _, stored, missing = np.array(self._highs.getSolution().col_value).reshape(6, self.count)
        cost = self._highs.getInfo().objective_function_value
        return Dispatch((charge - discharge) / case.hours, stored, missing, float(cost))

    def _build(self) -> None:
        """Columns: charge, discharge, imported, exported, stored, missing. Rows: store, connection, what is wanted."""
        count, none = self.count, np.zeros(6 * self.count)
        begins, index, value = self._matrix()
        self._highs.addVars(6 * count, none, np.full(6 * count, INFINITE))
        rows = np.zeros(3 * count)
        self._highs.addRows(3 * count, rows, rows, len(index), begins, index, value)

    def _matrix(self) -> tuple[Indices, Indices, Vector]:
        """All rows by row: where each begins, its columns, its numbers."""
        steps = range(self.count)
        rows = [*map(self._store, steps), *map(self._connection, steps), *map(self._wanted, steps)]
        begins = np.cumsum([0, *map(len, rows)], dtype=np.int32)[:-1]
        index = np.array([column for row in rows for column, _ in row], dtype=np.int32)
        return begins, index, np.array([number for row in rows for _, number in row])

    def _store(self, step: int) -> Row:
        """What is stored is what was, with what came in and without what went out."""
        count = self.count
        row = [(step, -self.efficiency), (count + step, 1 / self.efficiency), (4 * count + step, 1.0)]
        return row if step == 0 else [*row, (4 * count + step - 1, -1.0)]

    def _connection(self, step: int) -> Row:
        """What comes from the grid and does not go into the car is used in the house."""
        return [(block * self.count + step, sign) for block, sign in enumerate((-1.0, 1.0, 1.0, -1.0))]

    def _wanted(self, step: int) -> Row:
        return [(4 * self.count + step, 1.0), (5 * self.count + step, 1.0)]

    def _bound(self, case: Case) -> None:
        highs, hours, count = self._highs, case.hours, self.count
        net, infinite = case.net * hours, np.full(count, INFINITE)
        # The house alone may take more than the connection carries: then it does, and the car does nothing about it.
        imports, exports = np.maximum(case.imports * hours, net), np.maximum(case.exports * hours, -net)
        full = np.full(count, max(case.energy, case.stored))
        upper = np.concatenate([case.charge * hours, case.discharge * hours, imports, exports, full, infinite])
        highs.changeColsBounds(len(upper), self._columns, np.zeros(len(upper)), upper)
        highs.changeColsCost(len(upper), self._columns, _costs(case, self.efficiency))
        first = np.zeros(count)
        first[0] = case.stored
        lower = np.concatenate([first, net, case.floor])
        highs.changeRowsBounds(len(lower), self._rows, lower, np.concatenate([first, net, infinite]))


def _costs(case: Case, efficiency: float) -> Vector:
    count = len(case.hours)
    worn, stored = np.full(count, case.wear / 1000 / efficiency), np.zeros(count)
    stored[-1] = -case.worth / 1000
    return np.concatenate([
        np.zeros(count), worn, case.buy / 1000, -case.sell / 1000, stored, np.full(count, MISSING)
    ])  # fmt: skip


@contextmanager
def _without_banner() -> Iterator[None]:
    """HiGHS writes its name to the process's standard output when it is made, where machines read."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
