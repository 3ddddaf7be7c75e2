"""The test from one end to the other that a fit begins with, and whether records have what a fit needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fitting.layout import KNOTS
from fitting.records import Record, RecordError
from models.cell import REFERENCE_TEMPERATURE
from models.tables import Vector

POINTS = 101
"""Of the open-circuit voltage: every 1 %, because LFP falls by 150 mV over the last two from full."""
APART = 4.0
"""K: tests that are nearer are tests at one temperature."""
RESERVE = 0.002
"""Share of the charge that any record moves that is left below the end of it: slower, a cell gives a little more.

It is less than the distance of two points of the curve, which goes down by 700 mV there: where the end lay between the
first two of them, all that follows was pulled down with it.
"""
AT_AN_END = 0.05
"""Share of the charge of the widest record from its ends within which an edge is that of a whole charge."""
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
    """The slowest record, nearest to the reference temperature, that goes through the charge that any goes through.

    One whose charge was counted to the end is taken before others.
    """
    widest = max(float(np.ptp(record.charge)) for record in records)
    sweeps = [number for number, record in enumerate(records) if float(np.ptp(record.charge)) > SWEEP * widest]
    away = {number: abs(records[number].ambient - REFERENCE_TEMPERATURE) for number in sweeps}
    at_hand = [number for number in sweeps if away[number] < min(away.values()) + APART]
    slowest = min(at_hand, key=lambda number: (not records[number].to_empty, _rate(records[number])))
    record = records[slowest]
    capacity = record.to_empty or widest * (1 + RESERVE)
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
    widest = max(float(np.ptp(record.charge)) for record in records)
    if not any(has_pulse(record, widest) for record in records) and not _several_rates(records):
        raise RecordError(
            f"{', '.join(record.name for record in records[:3])}: no pulse is in them; without a change of the "
            "current on the way, seen within 10 s, a resistance cannot be told from an open-circuit voltage: add a "
            "pulse test, or other rates."
        )


def has_pulse(record: Record, widest: float = 0.0) -> bool:
    """Whether the current changes by a tenth of its largest from one row to the next, and is seen within 10 s.

    Where a record goes through more than half of `widest` (Ah), the edges at both of its ends are none: there the curve
    is so steep that what the voltage does behind one says nothing of a resistance, and every discharge has them.
    """
    change = np.abs(np.diff(record.current)) > 0.1 * np.abs(record.current).max()
    found = change & (np.diff(record.time) < 10)
    if np.ptp(record.charge) > 0.5 * widest > 0:
        low, high = float(record.charge.min()) + AT_AN_END * widest, float(record.charge.max()) - AT_AN_END * widest
        found &= (record.charge[:-1] > low) & (record.charge[:-1] < high)
    return bool(found.any())


def _several_rates(records: Sequence[Record]) -> bool:
    rates = sorted(_rate(record) for record in records)
    return rates[-1] > 2 * rates[0]
