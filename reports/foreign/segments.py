"""Steps found in the data: by the step column of the file where it has one, and by the direction of the current.

Neighbours of one direction are one step, as a charge with constant current and then constant voltage is one charge; a
time of both directions in quick change is a profile. How much of each way there is decides, never a name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reports.foreign import source as labels
from reports.foreign.pieces import changes, pieces, sampled
from reports.foreign.source import Floats, Source

Direction = Literal["charge", "discharge", "both", "none"]
ONE_WAY = 0.98
"""Part of the charge moved that makes a step one of its direction."""
PULSE = 65.0
"""s; a step of one direction that is not longer, among much longer ones, is a pulse."""
SMALL = 0.05
"""Part of the largest step's charge that a pulse stays below."""
QUICK, MANY = 120.0, 6
"""So many changes of direction in a row, none after more than so many s, are a profile."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows `start` to `stop` (exclusive), the direction of their current and the charge they move, Ah."""

    start: int
    stop: int
    direction: Direction
    charge: float
    seconds: float
    pulse: bool = False


def segments_of(source: Source, rest_below: float) -> list[Segment]:
    """All rows in steps, in order. `rest_below` is the current (A) that is none."""
    sign = _signs(source, rest_below)
    own = own_steps(source)
    cuts = own if own is not None else _changes(sign)
    bounds = [0, *cuts.tolist(), len(sign)]
    found = [_segment(source, sign, first, last) for first, last in pairwise(bounds) if last > first]
    if own is None:
        found = list(_with_profiles(found))
    joined = list(_joined(found))
    most = max((each.charge for each in joined), default=0.0)
    return [_as_pulse(each, most) for each in joined]


Signs = NDArray[np.int8]


def _signs(source: Source, rest_below: float) -> Signs:
    """Direction of each record: what the file says of it, else the sign of its current."""
    current, way = source.whole(labels.CURRENT), source.columns.get(labels.WAY)
    found = np.empty(len(current), dtype=np.int8)
    for each in pieces(len(current)):
        sign = (current[each] > rest_below).astype(np.int8) - (current[each] < -rest_below)
        found[each] = sign if way is None else np.where(np.isfinite(way[each]), way[each], sign)
    return found


def own_steps(source: Source) -> NDArray[np.intp] | None:
    """Rows with which a step begins that the file says; None where it does not say."""
    columns = [source.columns[label] for label in (labels.STEP, labels.STEP_ID, labels.CYCLE) if source.has(label)]
    steps = [column for column in columns[: 2 if source.has(labels.STEP) else 3] if len(np.unique(sampled(column))) > 1]
    if not steps or not any(source.has(label) for label in (labels.STEP, labels.STEP_ID)):
        return None
    return np.unique(np.concatenate([changes(column) for column in steps]))


def _changes(sign: Signs) -> NDArray[np.intp]:
    return np.flatnonzero(sign[1:] != sign[:-1]) + 1


def _segment(source: Source, sign: Signs, start: int, stop: int) -> Segment:
    time, into, out = source.whole(labels.TIME), 0.0, 0.0
    for each in pieces(stop - start):
        moved = _moved(source, start + each.start, start + each.stop)
        way = sign[start + each.start : start + each.stop]
        into, out = into + float(moved[way > 0].sum()), out + float(moved[way < 0].sum())
    return Segment(start, stop, _direction(into, out), into + out, float(abs(time[stop - 1] - time[start])))


def _moved(source: Source, start: int, stop: int) -> Floats:
    """Charge of each row, Ah, whichever way.

    The interval that leads to the first row counts as well: a step of one record has no other.
    """
    time, current = source.whole(labels.TIME), source.whole(labels.CURRENT)[start:stop]
    seconds = np.abs(np.diff(time[start:stop], prepend=time[max(start - 1, 0)]))
    return np.asarray(np.abs(current) * np.where(seconds > 0, seconds, 1e-9) / 3600)


def _direction(into: float, out: float) -> Direction:
    if into + out <= 0:
        return "none"
    if into >= ONE_WAY * (into + out):
        return "charge"
    return "discharge" if out >= ONE_WAY * (into + out) else "both"


def _joined(found: list[Segment]) -> Iterator[Segment]:
    for _, same in groupby(found, key=lambda each: each.direction):
        yield _together(list(same))


def _together(parts: list[Segment]) -> Segment:
    directions = {part.direction for part in parts}
    direction: Direction = parts[0].direction if len(directions) == 1 else "both"
    return replace(
        parts[0], stop=parts[-1].stop, direction=direction, charge=sum(part.charge for part in parts),
        seconds=sum(part.seconds for part in parts),
    )  # fmt: skip


def _with_profiles(found: list[Segment]) -> Iterator[Segment]:
    """Where direction changes quickly and often, the changes are no steps."""
    for quick, group in groupby(found, key=lambda each: each.seconds < QUICK):
        parts = list(group)
        ways = {part.direction for part in parts} & {"charge", "discharge"}
        if quick and len(parts) >= MANY and len(ways) == 2:
            yield _together(parts)
        else:
            yield from parts


def _as_pulse(segment: Segment, most: float) -> Segment:
    short = segment.seconds <= PULSE and segment.charge <= SMALL * most
    return replace(segment, pulse=short and segment.direction in ("charge", "discharge"))
