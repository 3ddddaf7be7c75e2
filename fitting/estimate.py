"""Fits a cell to records: least squares over everything at once, with a cell that is known as the prior.

Where records say nothing (a state of charge that was never visited, a temperature without a test), the prior's shape
stays: its change over temperature and state of charge, at the level that was measured nearby.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fitting.circuit import Path, path_of, predict
from fitting.layout import KNOTS, Indices, Layout
from fitting.prior import ANCHOR, columns_of, differences, penalties, prior
from fitting.records import Record
from fitting.sweep import APART, POINTS, SWEEP, find_sweep
from models.cell import CellParameters
from models.tables import Vector

RANGE = float(np.log(15.0))
"""In logarithms, up and down: what no record visits does not run away."""
STEEPEST = float(np.log(15.0))
"""In logarithms, what a resistance may be above that at half charge, at the same temperature.

At its end a discharge has used up what is near: seen as a resistance that is thousands of a cell's. A charge from there
meets none of it, and has the same table.
"""
TAU_RANGE = float(np.log(2.0))
"""In logarithms, up and down: the pairs stay apart, and none becomes a resistance or a capacitor."""
VOLT = 0.006
"""V that a row may be off: what is left when everything is fitted."""
AT_THE_END = 0.0027
"""V that the row may be off at which a full discharge ends: that row alone says what capacity a test would find."""
AT_REST = 0.001
"""V that the first row may be off where a record begins at rest: its state of charge is told by nothing else."""
CHARGE = 0.001
"""State of charge that a row may be off: on a steep end of the curve that is worth many millivolt."""
COUNTED = 0.0005
"""The same of a record that was counted to its end."""
INDEPENDENT = 200.0
"""Rows of a record that count as independent, however many it has: errors of a model are never white."""
THE_SWEEP = 1.5
"""How much more a row of the sweep weighs: what is off there is off in the open-circuit voltage of every other use."""
COMPARED = 1500
"""Rows of a record that are compared, about."""
BEYOND = 0.02
"""State of charge that a record may begin beyond full or empty, which are the ends of another one."""
LEAST_RISE = 2e-4
"""V from one point of the curve to the next: a file whose open-circuit voltage does not rise is refused."""
FALL = 5e-4
"""V by which it may fall short of that."""
STUCK = 1e6
"""Damping at which no step is left."""
ROUNDS = 40
SETTLED = 3e-4
"""Share by which the last round may still improve."""


Progress = Callable[[int, int], None]
"""Told of each round: its number, and how many there may be."""


def silent(_round: int, _most: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What came out: `values` in their `layout`, for a cell of `capacity` Ah."""

    layout: Layout
    values: Vector
    capacity: float
    span: float
    like: CellParameters

    def resistance(self, which: int) -> Vector:
        """Ohm with shape [temperature, knot]: r0 (0), or a pair's (from 1)."""
        table = self.values[self.layout.resistance(which)]
        return np.exp(table).reshape(len(self.layout.temperature), len(KNOTS))

    def tau(self, pair: int) -> float:
        """Time constant of a pair, from 1, s."""
        return float(np.exp(self.values[self.layout.tau(pair)]))


@dataclass(eq=False)
class _Equations:
    """Normal equations of a round, and half the sum of squares."""

    matrix: Vector
    gradient: Vector
    cost: float = 0.0

    def add(self, columns: Indices, jacobian: Vector, residual: Vector) -> None:
        self.matrix[np.ix_(columns, columns)] += jacobian.T @ jacobian
        self.gradient[columns] += jacobian.T @ residual
        self.cost += 0.5 * float(residual @ residual)


class Fit:
    """Records of one cell and what is known of such cells, ready to be solved.

    `like` is the prior; `pairs` is 2 or 3; `temperature` (degC, rising) are those at which resistances are fitted.
    """

    def __init__(
        self, records: Sequence[Record], like: CellParameters, *, pairs: int = 3, span: float | None = None
    ) -> None:
        sweep = find_sweep(records)
        self.records, self.like, self.capacity, self.span = records, like, sweep.capacity, span or like.hysteresis_span
        self.layout = Layout(POINTS, temperatures(records, like), pairs, len(records))
        self.prior = prior(self.layout, like, sweep)
        self._paths: list[Path] = []
        for number, record in enumerate(records):
            start = start_of(record, sweep.ocv, sweep.capacity)
            if number == sweep.number and not record.to_empty:
                start = 1 - float(record.charge.max()) / sweep.capacity
            self.prior[self.layout.start(number)] = start
            capacity = record.to_empty / start if record.to_empty else self.capacity
            self._paths.append(path_of(record, capacity, self.span, branch_at(start), _seen(record)))
        self._shares = [_shares(record, path) for record, path in zip(records, self._paths, strict=True)]
        self._ends = [_end(record, path, self.capacity) for record, path in zip(records, self._paths, strict=True)]
        self._weights = [self._weight(path, number) for number, path in enumerate(self._paths)]
        self._weights[sweep.number] *= THE_SWEEP
        self._penalty = _Equations(np.zeros((self.layout.count,) * 2), np.zeros(self.layout.count))
        anchor = np.array([self.layout.start(sweep.number)]), np.array([[1 / ANCHOR]])
        for columns, matrix in [*penalties(self.layout, records), anchor]:
            self._penalty.add(columns, matrix, np.zeros(len(matrix)))

    def solve(self, progress: Progress = silent) -> Estimate:
        """Levenberg and Marquardt's way down, between bounds, until a round gains nothing; `progress` hears of each."""
        values, damping = np.clip(self.prior, *self._bounds), 1e-3
        now = self._equations(values)
        for number in range(1, ROUNDS + 1):
            progress(number, ROUNDS)
            trial, then = values, now
            while damping < STUCK:
                trial = np.clip(values + self._step(now, values, damping), *self._bounds)
                then = self._equations(trial)
                if then.cost < now.cost:
                    break
                damping *= 8
            gained = 1 - then.cost / now.cost
            if gained <= 0:
                break
            values, now, damping = trial, then, damping / 8
            if gained < SETTLED:
                break
        return Estimate(self.layout, values, self.capacity, self.span, self.like)

    def _step(self, now: "_Equations", values: Vector, damping: float) -> Vector:
        """The damped step of what is free: what is driven against its bound stays there."""
        lower, upper = self._bounds
        held = ((values <= lower) & (now.gradient > 0)) | ((values >= upper) & (now.gradient < 0))
        free = np.flatnonzero(~held)
        matrix = now.matrix[np.ix_(free, free)]
        matrix[np.diag_indices_from(matrix)] *= 1 + damping
        step = np.zeros(len(values))
        step[free] = np.clip(np.linalg.solve(matrix, -now.gradient[free]), -1.0, 1.0)
        return step

    @property
    def _bounds(self) -> tuple[Vector, Vector]:
        """A charge does not run below a discharge, pairs stay apart, no record begins overfull or less than empty."""
        layout = self.layout
        lower, upper = np.full(layout.count, -np.inf), np.full(layout.count, np.inf)
        lower[layout.hysteresis] = 0.0
        for pair in range(1, layout.pairs + 1):
            at = layout.tau(pair)
            lower[at], upper[at] = self.prior[at] - TAU_RANGE, self.prior[at] + TAU_RANGE
        tables = slice(layout.resistance(0).start, layout.resistance(layout.pairs).stop)
        lower[tables] = self.prior[tables] - RANGE
        upper[tables] = np.minimum(self.prior[tables] + RANGE, self._half_full() + STEEPEST)
        lower[layout.start(0) :], upper[layout.start(0) :] = -BEYOND, 1 + BEYOND
        return lower, upper

    def _half_full(self) -> Vector:
        """Of each value of the resistances' tables, the one of its row at half charge, by the prior."""
        layout, half = self.layout, int(np.searchsorted(KNOTS, 0.5))
        rows = (1 + layout.pairs) * len(layout.temperature)
        table = self.prior[layout.resistance(0).start : layout.resistance(layout.pairs).stop].reshape(rows, len(KNOTS))
        return np.repeat(table[:, half], len(KNOTS))

    def _equations(self, values: Vector) -> _Equations:
        away = values - self.prior
        pull = self._penalty.matrix @ away
        sums = _Equations(self._penalty.matrix.copy(), pull, 0.5 * float(away @ pull))
        for number, (record, path) in enumerate(zip(self.records, self._paths, strict=True)):
            found = predict(record, path, self.layout, values, number)
            weight = self._weights[number]
            residual = (found.voltage - record.voltage[path.seen]) * weight
            sums.add(found.columns, found.derivatives * weight[:, np.newaxis], residual)
        self._keep_rising(values, sums)
        return sums

    def _keep_rising(self, values: Vector, sums: _Equations) -> None:
        """A curve that falls is no cell's: where it does, it is driven up again, here and not behind the fit's back."""
        falls = np.minimum(np.diff(values[self.layout.ocv]) - LEAST_RISE, 0) / FALL
        rows = np.flatnonzero(falls)
        sums.add(columns_of(self.layout.ocv), differences(self.layout.points)[rows] / FALL, falls[rows])

    def _weight(self, path: Path, number: int) -> Vector:
        """1/V of each row that is seen: less where the curve is steep.

        As steep as the sweep is, and not the curve that is fitted: one that may choose its weights makes itself steep
        where it does not fit.
        """
        segment, _ = self.layout.curve(self.prior[self.layout.start(number)] + path.moved[path.seen])
        slope = np.diff(self.prior[self.layout.ocv])[segment] * (POINTS - 1)
        charge = CHARGE if self.records[number].to_empty is None else COUNTED
        weight = np.asarray(np.sqrt(INDEPENDENT * self._shares[number]) / np.hypot(VOLT, charge * slope))
        weight[self._ends[number]] = 1 / AT_THE_END
        if self.records[number].rests:
            weight[0] = 1 / AT_REST
        return weight


def _shares(record: Record, path: Path) -> Vector:
    """What each seen row counts: half of it as a row, half by the time that it stands for."""
    time = record.time[path.seen]
    lasts = np.gradient(time)
    return np.asarray(0.5 / len(time) + 0.5 * lasts / lasts.sum())


def _end(record: Record, path: Path, capacity: float) -> Indices:
    """The seen row at which a full discharge ends; none where there is none, or what was left was counted."""
    if record.to_empty is not None:
        return np.zeros(0, dtype=np.intp)
    lowest = int(np.argmin(np.where(record.current < 0, record.charge, np.inf)))
    full = np.ptp(record.charge[: lowest + 1]) > SWEEP * capacity
    return np.flatnonzero(path.seen == lowest) if full else np.zeros(0, dtype=np.intp)


def _seen(record: Record) -> Indices:
    """Rows to compare: none that is held out, and of a long record a part, with its end."""
    fitted = np.flatnonzero(~record.held_out & ~record.at_an_edge)
    lowest = int(np.argmin(np.where(record.current < 0, record.charge, np.inf)))
    return np.union1d(fitted[:: max(1, len(fitted) // COMPARED)], [lowest])


def branch_at(start: float) -> float:
    """Hysteresis branch of a cell that was left at rest: it was filled when it is full, else it was discharged."""
    return 1.0 if start > 0.9 else -1.0


def start_of(record: Record, ocv: Vector, capacity: float) -> float:
    """State of charge (0 to 1) at the first row: the one with its voltage at rest, or where it must begin."""
    if record.to_empty == 0:
        return 0.0
    if not record.rests:
        return record.start_under_current(capacity)
    rising = np.maximum.accumulate(ocv + 1e-9 * np.arange(len(ocv)))
    return float(np.interp(record.voltage[0], rising, np.linspace(0, 1, len(ocv))))


def temperatures(records: Sequence[Record], like: CellParameters) -> Vector:
    """Those of the tests (degC), near ones as one, and beyond them those of the prior, which says how it goes on."""
    tests = np.sort([record.ambient for record in records])
    groups = np.split(tests, np.flatnonzero(np.diff(tests) > APART) + 1)
    measured = [round(float(np.mean(group))) for group in groups]
    beyond = [t for t in like.temperature.tolist() if t <= measured[0] - APART or t >= measured[-1] + APART]
    return np.array(sorted([*measured, *beyond]), dtype=np.float64)
