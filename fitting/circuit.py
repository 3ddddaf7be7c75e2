"""The circuit of a cell with its sensitivities: the voltage of a record, and how each parameter moves it.

The same equations as `models.string`, written a second time for another use: there one state of many cells goes
forward, here all parameters of one cell are asked at once. What is printed as the error of a fitted cell comes from the
string (`fitting.measure`), never from here.
"""

from dataclasses import dataclass

import numpy as np

from fitting.layout import Indices, Layout
from fitting.records import Record
from models.cell import REFERENCE_TEMPERATURE
from models.tables import Vector


@dataclass(frozen=True, eq=False)
class Part:
    """Some volts of a record, one per row, and their derivatives [row, column] by the parameters at `columns`."""

    voltage: Vector
    columns: Indices
    derivatives: Vector


@dataclass(frozen=True, eq=False)
class Path:
    """What of a record does not depend on what is fitted: charge since its start, and the hysteresis branch."""

    moved: Vector
    """State of charge gained since the first row."""
    branch: Vector
    """-1 after a discharge, 1 after a charge."""
    seen: Indices
    """Rows at which the voltage is compared."""


def path_of(record: Record, capacity: float, span: float, branch: float, seen: Indices) -> Path:
    """Follow the charge of `record` through a cell of `capacity` Ah, from the hysteresis `branch` on.

    `span` is the state of charge over which the branches cross over.
    """
    moved = record.charge / capacity
    branches = np.empty(len(moved))
    now = branches[0] = branch
    steps = np.diff(moved)
    for row, (towards, left) in enumerate(zip(np.sign(steps), np.exp(-np.abs(steps) / span), strict=True), start=1):
        now = branches[row] = towards + (now - towards) * left if towards else now
    return Path(moved, branches, seen)


def predict(record: Record, path: Path, layout: Layout, values: Vector, which: int) -> Part:
    """The voltage of `record`, the `which`-th of the fit, by the parameters `values` in their `layout`.

    At the rows that are `seen`; between them the pairs go on through all rows.
    """
    soc = values[layout.start(which)] + path.moved
    parts = [_at_rest(record, path, layout, values, soc[path.seen], which)]
    parts += _resistive(record, path.seen, layout, values, soc)
    return Part(
        np.sum([part.voltage for part in parts], axis=0),
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.derivatives for part in parts], axis=1),
    )


def _at_rest(record: Record, path: Path, layout: Layout, values: Vector, soc: Vector, which: int) -> Part:
    """Open-circuit voltage, entropy and hysteresis: linear in their parameters, but for the charge at the start."""
    kelvin = record.temperature[path.seen] - REFERENCE_TEMPERATURE
    segment, right = layout.curve(soc)
    knot, share = layout.knot(soc)
    spread = _spread(knot, share, layout.hysteresis.stop - layout.hysteresis.start)
    branch = path.branch[path.seen]
    linear = [_spread(segment, right, layout.points), spread * kelvin[:, np.newaxis], spread * branch[:, np.newaxis]]
    derivatives = np.concatenate(linear, axis=1)
    voltage = derivatives @ values[: layout.hysteresis.stop]
    slope = np.diff(values[layout.ocv])[segment] * (layout.points - 1)
    columns = np.append(np.arange(layout.hysteresis.stop), layout.start(which))
    return Part(voltage, columns, np.column_stack([derivatives, slope]))


def _spread(interval: Indices, share: Vector, count: int) -> Vector:
    """Weights of `count` points at each row: two of them are not 0."""
    rows, weights = np.arange(len(interval)), np.zeros((len(interval), count))
    weights[rows, interval], weights[rows, interval + 1] = 1 - share, share
    return weights


def _resistive(record: Record, seen: Indices, layout: Layout, values: Vector, soc: Vector) -> list[Part]:
    """What the current makes of the voltage: at once, and through each pair."""
    active, share = _shares(layout, soc, record.temperature)
    parts = []
    for number in range(layout.pairs + 1):
        columns = layout.resistance(number).start + active
        ohm = np.exp(share @ values[columns])
        if number:
            pair = _pair(record.current, record.time, ohm, share, (columns, layout.tau(number)), values)
            parts.append(Part(pair.voltage[seen], pair.columns, pair.derivatives[seen]))
        else:
            volts = (ohm * record.current)[seen]
            parts.append(Part(volts, columns, share[seen] * volts[:, np.newaxis]))
    return parts


def _shares(layout: Layout, soc: Vector, temperature: Vector) -> tuple[Indices, Vector]:
    """Which values of a resistance's table the record meets, and the weight of each at each row."""
    places, weights = layout.box(soc, temperature)
    active, inverse = np.unique(places, return_inverse=True)
    share, rows = np.zeros((len(soc), len(active))), np.arange(len(soc))
    for corner, weight in zip(inverse.reshape(places.shape).T, weights.T, strict=True):
        share[rows, corner] += weight
    return active, share


def _pair(
    current: Vector, time: Vector, ohm: Vector, share: Vector, where: tuple[Indices, int], values: Vector
) -> Part:
    """One RC pair, with its derivatives by the logarithms of its resistance and of its time constant.

    As in the string, a step goes by the resistance at its start. All derivatives obey the equation of the pair itself,
    with other inputs: they are carried along as further columns of its state.
    """
    columns, tau_at = where
    duration, tau = np.diff(time), float(np.exp(values[tau_at]))
    decay = np.exp(-duration / tau)
    settled = ohm[:-1] * current[1:]
    charged = (1 - decay) * settled
    voltage = _recursion(decay, charged[:, np.newaxis])
    inputs = np.empty((len(duration), share.shape[1] + 1))
    np.multiply(charged[:, np.newaxis], share[:-1], out=inputs[:, :-1])
    inputs[:, -1] = decay * duration / tau * (voltage[:-1, 0] - settled)
    return Part(voltage[:, 0], np.append(columns, tau_at), _recursion(decay, inputs))


def _recursion(decay: Vector, inputs: Vector) -> Vector:
    """s[n] = decay[n] s[n-1] + inputs[n] from 0, for each column."""
    states = np.zeros((len(inputs) + 1, inputs.shape[1]))
    state = states[0]
    for left, given, after in zip(decay.tolist(), inputs, states[1:], strict=True):
        state = np.multiply(state, left, out=after)
        state += given
    return states
