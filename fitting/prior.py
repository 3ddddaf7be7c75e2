"""What is known of a cell before it is fitted: the values of another one, and how far each may depart from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fitting.layout import KNOTS, Indices, Layout
from fitting.records import Record
from fitting.sweep import APART, Sweep
from models.cell import REFERENCE_TEMPERATURE, CellParameters
from models.tables import Vector

TAUS = (3.0, 50.0, 2000.0)
"""s at the start of the fit: charge transfer, diffusion, and what equalises over hours."""
ANCHOR = 3e-4
"""State of charge that the sweep may be off, which says what is full and what empty."""
FIXED = 1e-7
"""What the prior may depart by where the records cannot tell it."""
TIED, FREE = 0.03, 1e3
"""In logarithms, what a knot may be off the line between its neighbours where it is not used, and where it is."""
COUNTED = (0.01, 0.03)
"""State of charge of the knots that are only used where the end of a record was counted.

Elsewhere the last per cent is a guess of where empty is: a table that is fine there follows the guess.
"""
INNER = (0.1, 0.9)
"""State of charge between which both branches of the hysteresis are visited."""
ASSUMED = 1e-3
"""In logarithms, what the change of a resistance with temperature may depart from that of the prior by then."""


def prior(layout: Layout, like: CellParameters, sweep: Sweep) -> Vector:
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


def several_temperatures(records: Sequence[Record]) -> bool:
    """Whether the records tell anything of a change with temperature."""
    return float(np.ptp([record.ambient for record in records])) > APART


Penalty = tuple[Indices, Any]


def penalties(layout: Layout, records: Sequence[Record]) -> list[Penalty]:
    """Linear equations on what departs from the prior: columns, and rows that should be 0 within 1."""
    knots, rows = len(KNOTS), len(layout.temperature)
    several = several_temperatures(records)
    both_ways = any(record.current.min() < 0 < record.current.max() for record in records) or (
        min(r.current.min() for r in records) < 0 < max(r.current.max() for r in records)
    )
    entropic, hysteresis = 5e-5 if several else FIXED, 0.1 if both_ways else FIXED
    found: list[Penalty] = [
        (columns_of(layout.ocv), _second_differences(layout.points) / _bend(layout.points)),
        (columns_of(layout.entropic), np.eye(knots) / entropic),
        (columns_of(layout.entropic), differences(knots) / entropic),
        (columns_of(layout.hysteresis), np.eye(knots) / hysteresis),
        (columns_of(layout.hysteresis), differences(knots) / _may_change(hysteresis)[:, np.newaxis]),
        (np.arange(layout.tau(1), layout.start(0)), np.eye(layout.pairs) / 0.2),
        (np.arange(layout.start(0), layout.count), np.diag([1 / _start_may_be_off(r) for r in records])),
    ]
    over_soc = np.kron(np.eye(rows), differences(knots)) / 0.35
    # Of tests at one temperature the change with it is assumed: a cell that warms in them tells nothing of it either.
    over_temperature = np.kron(differences(rows), np.eye(knots)) / (0.5 if several else ASSUMED)
    counted = any(record.to_empty for record in records)
    tied = np.kron(np.eye(rows), _off_the_line()) / (FREE if counted else TIED)
    for which in range(layout.pairs + 1):
        columns = columns_of(layout.resistance(which))
        found += [(columns, over_soc), (columns, np.eye(rows * knots) / 3), (columns, over_temperature)]
        found.append((columns, tied))
    return found


def _off_the_line() -> Vector:
    """Takes a row of a table to how far each of the knots `COUNTED` is from the line between those beside it."""
    at = np.searchsorted(KNOTS, COUNTED)
    shares = (KNOTS[at] - KNOTS[at - 1]) / (KNOTS[at + 1] - KNOTS[at - 1])
    rows = np.eye(len(KNOTS))
    beside = (1 - shares)[:, np.newaxis] * rows[at - 1] + shares[:, np.newaxis] * rows[at + 1]
    return np.asarray(rows[at] - beside)


def _start_may_be_off(record: Record) -> float:
    """State of charge by which the first row may be off: little of a record that was counted to its end."""
    return 0.02 if record.rests and record.to_empty is None else ANCHOR


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


def columns_of(where: slice) -> Indices:
    """The places in the vector that is fitted."""
    return np.arange(where.start, where.stop)


def differences(count: int) -> Vector:
    """Takes `count` values to what each differs by from the one before."""
    return np.diff(np.eye(count), axis=0)


def _second_differences(count: int) -> Vector:
    return np.diff(np.eye(count), 2, axis=0)
