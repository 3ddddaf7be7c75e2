"""Fits a cell to records: least squares over everything at once, with a cell that is known as the prior.

Where records say nothing (a state of charge that was never visited, a temperature without a test), the prior's shape
stays: its change over temperature and state of charge, at the level that was measured nearby.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting.circuit import Path, path_of, predict
from fitting.layout import KNOTS, Indices, Layout
from fitting.records import Record, RecordError
from models.cell import REFERENCE_TEMPERATURE, CellParameters
from models.tables import Vector

POINTS = 101
"""Of the open-circuit voltage: every 1 %, because LFP falls by 150 mV over the last two from full."""
TAUS = (3.0, 50.0, 2000.0)
"""s at the start of the fit: charge transfer, diffusion, and what equalises over hours."""
RANGE = float(np.log(15.0))
"""In logarithms, up and down: what no record visits does not run away."""
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
INDEPENDENT = 200.0
"""Rows of a record that count as independent, however many it has: errors of a model are never white."""
COMPARED = 1500
"""Rows of a record that are compared, about."""
APART = 4.0
"""K: tests that are nearer are tests at one temperature."""
ANCHOR = 3e-4
"""State of charge that the sweep may be off, which says what is full and what empty."""
FIXED = 1e-7
"""What the prior may depart by where the records cannot tell it."""
INNER = (0.1, 0.9)
"""State of charge between which both branches of the hysteresis are visited."""
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
        self.prior = _prior(self.layout, like, sweep)
        self._paths: list[Path] = []
        for number, record in enumerate(records):
            start = start_of(record, sweep.ocv)
            if number == sweep.number:
                start = 1 - float(record.charge.max()) / sweep.capacity
            self.prior[self.layout.start(number)] = start
            self._paths.append(path_of(record, self.capacity, self.span, branch_at(start), _seen(record)))
        self._shares = [_shares(record, path) for record, path in zip(records, self._paths, strict=True)]
        self._ends = [_end(record, path, self.capacity) for record, path in zip(records, self._paths, strict=True)]
        self._weights = [self._weight(path, number) for number, path in enumerate(self._paths)]
        self._penalty = _Equations(np.zeros((self.layout.count,) * 2), np.zeros(self.layout.count))
        anchor = np.array([self.layout.start(sweep.number)]), np.array([[1 / ANCHOR]])
        for columns, matrix in [*_penalties(self.layout, records), anchor]:
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
        lower[tables], upper[tables] = self.prior[tables] - RANGE, self.prior[tables] + RANGE
        lower[layout.start(0) :], upper[layout.start(0) :] = -BEYOND, 1 + BEYOND
        return lower, upper

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
        sums.add(_columns(self.layout.ocv), _differences(self.layout.points)[rows] / FALL, falls[rows])

    def _weight(self, path: Path, number: int) -> Vector:
        """1/V of each row that is seen: less where the curve is steep.

        As steep as the sweep is, and not the curve that is fitted: one that may choose its weights makes itself steep
        where it does not fit.
        """
        segment, _ = self.layout.curve(self.prior[self.layout.start(number)] + path.moved[path.seen])
        slope = np.diff(self.prior[self.layout.ocv])[segment] * (POINTS - 1)
        weight = np.asarray(np.sqrt(INDEPENDENT * self._shares[number]) / np.hypot(VOLT, CHARGE * slope))
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
    """The seen row at which a full discharge ends; none where there is none."""
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


def start_of(record: Record, ocv: Vector) -> float:
    """State of charge (0 to 1) at the first row: the one with its voltage at rest.

    A record that begins under a current tells no such voltage: it begins full when it discharges, else empty.
    """
    if not record.rests:
        return 1.0 if record.current[0] < 0 else 0.0
    rising = np.maximum.accumulate(ocv + 1e-9 * np.arange(len(ocv)))
    return float(np.interp(record.voltage[0], rising, np.linspace(0, 1, len(ocv))))


def temperatures(records: Sequence[Record], like: CellParameters) -> Vector:
    """Those of the tests (degC), near ones as one, and beyond them those of the prior, which says how it goes on."""
    tests = np.sort([record.ambient for record in records])
    groups = np.split(tests, np.flatnonzero(np.diff(tests) > APART) + 1)
    measured = [round(float(np.mean(group))) for group in groups]
    beyond = [t for t in like.temperature.tolist() if t <= measured[0] - APART or t >= measured[-1] + APART]
    return np.array(sorted([*measured, *beyond]), dtype=np.float64)


def _prior(layout: Layout, like: CellParameters, sweep: "Sweep") -> Vector:
    """All parameters as they are before anything is measured but the sweep."""
    values = np.zeros(layout.count)
    values[layout.ocv] = sweep.ocv
    if like.hysteresis is not None:
        values[layout.hysteresis] = np.interp(KNOTS, like.soc, like.hysteresis)
    if sweep.gap is not None:
        drop = sweep.current * like.resistances(KNOTS, REFERENCE_TEMPERATURE).sum(axis=0)
        values[layout.hysteresis] = np.maximum(sweep.gap / 2 - drop, 0)
    at_once, *others = like.resistances(KNOTS[np.newaxis, :], layout.temperature[:, np.newaxis])
    quick = np.sum(others[:2], axis=0)
    shares = {1: 0.4 * quick, 2: 0.6 * quick, 3: quick}
    values[layout.resistance(0)] = np.log(at_once).ravel()
    for pair in range(1, layout.pairs + 1):
        values[layout.resistance(pair)] = np.log(shares[pair]).ravel()
        values[layout.tau(pair)] = np.log(TAUS[pair - 1] if layout.pairs == 3 else TAUS[1:][pair - 1])
    return values


Penalty = tuple[Indices, Any]


def _penalties(layout: Layout, records: Sequence[Record]) -> list[Penalty]:
    """Linear equations on what departs from the prior: columns, and rows that should be 0 within 1."""
    knots, rows = len(KNOTS), len(layout.temperature)
    tests = [record.ambient for record in records]
    both_ways = any(record.current.min() < 0 < record.current.max() for record in records) or (
        min(r.current.min() for r in records) < 0 < max(r.current.max() for r in records)
    )
    entropic, hysteresis = 5e-5 if np.ptp(tests) > APART else FIXED, 0.1 if both_ways else FIXED
    found: list[Penalty] = [
        (_columns(layout.ocv), _second_differences(layout.points) / _bend(layout.points)),
        (_columns(layout.entropic), np.eye(knots) / entropic),
        (_columns(layout.entropic), _differences(knots) / entropic),
        (_columns(layout.hysteresis), np.eye(knots) / hysteresis),
        (_columns(layout.hysteresis), _differences(knots) / _may_change(hysteresis)[:, np.newaxis]),
        (np.arange(layout.tau(1), layout.start(0)), np.eye(layout.pairs) / 0.2),
        (np.arange(layout.start(0), layout.count), np.diag([1 / (0.02 if r.rests else ANCHOR) for r in records])),
    ]
    # Of a current that flows one way alone nobody can tell a resistance from a steep curve: it is smoother then.
    over_soc = np.kron(np.eye(rows), _differences(knots)) / (0.35 if both_ways else ONE_WAY)
    # Of tests at one temperature the change with it is assumed: a cell that warms in them tells nothing of it either.
    over_temperature = np.kron(_differences(rows), np.eye(knots)) / (0.5 if np.ptp(tests) > APART else ASSUMED)
    for which in range(layout.pairs + 1):
        columns = _columns(layout.resistance(which))
        found += [(columns, over_soc), (columns, np.eye(rows * knots) / 3), (columns, over_temperature)]
    return found


def _may_change(hysteresis: float) -> Vector:
    """V by which half the gap may change from knot to knot: not at the ends, where only one branch is visited.

    A cell comes to be full by a charge and empty by a discharge: a gap that were fitted there would let it be charged
    far beyond full before its voltage rises.
    """
    between = (KNOTS[1:] > INNER[0]) & (KNOTS[:-1] < INNER[1])
    return np.asarray(np.where(between, min(hysteresis, 0.02), FIXED))


def _bend(points: int) -> Vector:
    """V that the curve may bend from one point to the next, of the prior's own bend: little, but freely at its ends.

    With the distance of the points to the power of 1.5, so that a curve costs the same with any number of them.
    """
    middle = np.linspace(0, 1, points)[1:-1, np.newaxis]
    closer = float((50 / (points - 1)) ** 1.5)
    return np.asarray(closer * np.where((middle < 0.1) | (middle > 0.95), 0.1, 0.003))


def _columns(where: slice) -> Indices:
    return np.arange(where.start, where.stop)


def _differences(count: int) -> Vector:
    return np.diff(np.eye(count), axis=0)


def _second_differences(count: int) -> Vector:
    return np.diff(np.eye(count), 2, axis=0)


ASSUMED = 1e-3
"""In logarithms, what the change of a resistance with temperature may depart from that of the prior by then."""
ONE_WAY = 0.2
"""In logarithms, what a resistance may change by from knot to knot where all records go one way."""
RESERVE = 0.002
"""Share of the charge that any record moves that is left below the end of it: slower, a cell gives a little more.

It is less than the distance of two points of the curve, which goes down by 700 mV there: where the end lay between the
first two of them, all that follows was pulled down with it.
"""
SWEEP = 0.8
"""Share of the charge of the widest record that a sweep must cover to be one."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """The test from one end to the other that a capacity and a first open-circuit voltage come from."""

    number: int
    """Its place among the records."""
    capacity: float
    """Ah."""
    ocv: Vector
    """V at `POINTS` states of charge."""
    gap: Vector | None
    """V by which it lies higher while it fills, at `KNOTS`; None where it goes one way."""
    current: float
    """A, what flows on average while something flows."""


def find_sweep(records: Sequence[Record]) -> Sweep:
    """The slowest record, nearest to the reference temperature, that goes through the charge that any goes through."""
    widest = max(float(np.ptp(record.charge)) for record in records)
    sweeps = [number for number, record in enumerate(records) if float(np.ptp(record.charge)) > SWEEP * widest]
    away = {number: abs(records[number].ambient - REFERENCE_TEMPERATURE) for number in sweeps}
    at_hand = [number for number in sweeps if away[number] < min(away.values()) + APART]
    slowest = min(at_hand, key=lambda number: _rate(records[number]))
    record = records[slowest]
    capacity = widest * (1 + RESERVE)
    curve, gap = _curve(record, capacity)
    if record.rests:
        curve += _end_at_rest(record, curve)
    flowing = np.abs(record.current[record.current != 0])
    return Sweep(slowest, capacity, np.maximum.accumulate(curve), gap, float(np.mean(flowing)))


def _end_at_rest(record: Record, curve: Vector) -> Vector:
    """What brings the end at which the record begins to its voltage at rest there; it fades over a tenth."""
    soc = np.linspace(0, 1, POINTS)
    full = record.charge.min() < -0.5 * float(np.ptp(record.charge))
    away = 1 - soc if full else soc
    return np.asarray((record.voltage[0] - curve[-1 if full else 0]) * np.maximum(1 - 10 * away, 0))


def _rate(record: Record) -> float:
    return float(np.abs(np.median(record.current[np.abs(record.current) > 0.02 * np.abs(record.current).max()])))


def _curve(record: Record, capacity: float) -> tuple[Vector, Vector | None]:
    """Mean of the voltages while it fills and while it empties, at each state of charge, and the gap between them.

    Of the one way there is, where it goes one way. The record's highest charge is full.
    """
    soc = 1 + (record.charge - record.charge.max()) / capacity
    ways = [_one_way(soc, record.voltage, record.current * way > 0) for way in (-1, 1)]
    there = [curve for curve in ways if curve is not None]
    gap = np.interp(KNOTS, np.linspace(0, 1, POINTS), there[1] - there[0]) if len(there) == 2 else None
    return np.maximum.accumulate(np.mean(there, axis=0)), gap


def _one_way(soc: Vector, voltage: Vector, rows: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> Vector | None:
    """Voltage at `POINTS` states of charge by the `rows` of one direction; None where they do not go all the way."""
    if not rows.any() or np.ptp(soc[rows]) < SWEEP:
        return None
    order = np.argsort(soc[rows], kind="stable")
    return np.interp(np.linspace(0, 1, POINTS), soc[rows][order], voltage[rows][order])


def check_sweep(records: Sequence[Record]) -> None:
    """Raise `RecordError` where no record tells a capacity: one that goes from full to empty or back."""
    widest = max(records, key=lambda record: float(np.ptp(record.charge)))
    lowest, highest = (float(bound(record.voltage)) for record, bound in ((widest, np.min), (widest, np.max)))
    seen = (
        min(float(record.voltage.min()) for record in records),
        max(float(record.voltage.max()) for record in records),
    )
    if highest - lowest < 0.6 * (seen[1] - seen[0]):  # what is left are the drops of a cold cell
        raise RecordError(
            f"{widest.name} moves the most charge and spans {lowest:.3g} to {highest:.3g} V of {seen[0]:.3g} to "
            f"{seen[1]:.3g} V: no record goes from full to empty, so the capacity is not known; add one that does."
        )


def check_pulse(records: Sequence[Record]) -> None:
    """Raise `RecordError` where records cannot tell a resistance from an open-circuit voltage."""
    if not any(has_pulse(record) for record in records) and not _several_rates(records):
        raise RecordError(
            f"{', '.join(record.name for record in records[:3])}: no pulse is in them; without a change of the "
            "current, seen within 10 s, a resistance cannot be told from an open-circuit voltage: add a pulse test, or "
            "other rates."
        )


def has_pulse(record: Record) -> bool:
    """Whether the current changes by a tenth of its largest from one row to the next, and is seen within 10 s."""
    change = np.abs(np.diff(record.current)) > 0.1 * np.abs(record.current).max()
    quick = np.diff(record.time) < 10
    return bool((change & quick).any())


def _several_rates(records: Sequence[Record]) -> bool:
    rates = sorted(_rate(record) for record in records)
    return rates[-1] > 2 * rates[0]
