"""Counters of charge and energy as the makes keep them, joined to counters that only grow, and what stands in for them.

A counter is told by what it does: one that falls back to where it began is counted anew there (per step, per cycle, by
the schedule), and what it had counted stays counted. Invariant: a joined counter never falls, and grows in no interval
by more than the file's own counter did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.recording.rows import BATCH, Values
from reports.foreign import source as labels
from reports.foreign.pieces import all_finite, extremes, never_falls
from reports.foreign.source import Floats, Source

JITTER = 2e-4
"""Part of a counter's range by which it may fall and mean nothing: rounding, and meters that count their own noise."""
WAYS: Mapping[str, tuple[str, str, str]] = {
    "Ah": (labels.CHARGE_AH, labels.DISCHARGE_AH, labels.NET_AH),
    "Wh": (labels.CHARGE_WH, labels.DISCHARGE_WH, labels.NET_WH),
}
STEP = {"Ah": labels.STEP_AH, "Wh": labels.STEP_WH}


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter since the start, joined over what the file's own counter forgot."""

    total: Values
    resets: int
    falls: int
    """How often it fell and did not begin anew: what it says there has no meaning."""
    first_fall: int
    header: str
    anew: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp), repr=False)
    """Rows with which it begins anew: what flowed before them and after the row ahead it has not seen."""

    def grown(self, start: int, stop: int) -> float:
        """Growth over rows `start` to `stop` (exclusive), from the row before them."""
        return float(self.total[stop - 1] - self.total[max(start - 1, 0)]) if stop > start else 0.0


def counted(source: Source) -> dict[str, Counted]:
    """Every counter that can be made of what the file has, by our label; the most telling kind of it first."""
    found: dict[str, Counted] = {}
    for unit, (into, out, net) in WAYS.items():
        pair = {label: _growing(source, label) for label in (into, out) if source.has(label)}
        if not any(any(extremes(each.total)) for each in pair.values()):
            pair = {}  # columns of zeros are none: nobody has counted
        if len(pair) == 2 and not (source.has(net) and any(each.falls for each in pair.values())):
            found |= pair
        elif source.has(net):
            found |= _of_net(source, net, into, out)
        elif source.has(STEP[unit]):
            kind = _of_net if _goes_down_as_well(source, STEP[unit]) else _of_step
            found |= kind(source, STEP[unit], into, out)
        else:
            found |= pair
    return found


def integrated(time: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Integral of a rate (A, W) over time (s) since the start, Ah or Wh, by the trapezoidal rule: into and out of."""
    into, out = np.zeros(len(time)), np.zeros(len(time))
    for start in range(1, len(time), BATCH):  # in pieces: what does not stay needs no memory
        now, before = slice(start, start + BATCH), slice(start - 1, min(start + BATCH, len(time)) - 1)
        each = (rate[now] + rate[before]) * (time[now] - time[before]) / (2 * 3600)
        np.maximum(each, 0.0, out=into[now])
        np.maximum(-each, 0.0, out=out[now])
    return np.cumsum(into, out=into), np.cumsum(out, out=out)


def _growing(source: Source, label: str) -> Counted:
    """A counter of one direction."""
    column, header = source.columns[label], source.names.get(label, label)
    if all_finite(column) and never_falls(column) and not _is_negative(column):
        return Counted(column, 0, 0, -1, header)  # as it is: of a long file it is not even read
    values = _held(np.abs(source.whole(label)) if _is_negative(column) else source.whole(label))
    if never_falls(values):
        return Counted(values, 0, 0, -1, header)
    change = np.diff(values, prepend=values[:1])
    span = float(np.ptp(values))
    fell = change < -max(JITTER * span, 1e-12)
    # Where it begins anew it stands near zero; what it shows there it has counted since.
    anew = fell & (values <= 0.05 * span + np.minimum.accumulate(values))
    falls = np.flatnonzero(fell & ~anew)
    growth = np.where(fell, np.where(anew, np.maximum(values, 0.0), 0.0), np.maximum(change, 0.0))
    first = int(falls[0]) if len(falls) else -1
    return Counted(np.cumsum(growth), int(anew.sum()), len(falls), first, header, np.flatnonzero(anew))


def _is_negative(values: Values) -> bool:
    """Some count what is taken out as a negative number."""
    lowest, highest = extremes(values)
    return lowest < 0 and highest <= 0


def _of_step(source: Source, label: str, into: str, out: str) -> dict[str, Counted]:
    """A counter without direction: its growth belongs to the direction of the current."""
    values = _held(np.abs(source.whole(label)))
    current = source.whole(labels.CURRENT)
    change = np.diff(values, prepend=values[:1])
    can, begins = _can_have_flowed(source, label), _begins(source)
    falls = change < -max(JITTER * float(np.ptp(values)), 1e-12)
    # Some count back what a pulse has taken before they count on: little by little, where a reset is a leap to no more
    # than what can have flowed since.
    back = falls & (-change <= can) & ~(begins & (values <= can))
    # A new step counts from zero, also where it soon shows more than the step before it did at its end.
    anew = (falls & ~back) | ((change > can) & begins) | _restarted(source, values)
    growth = np.where(anew, values, np.where(back, -change, np.maximum(change, 0.0)))
    way = np.sign(current)
    # A record at the end of a step may show no current any more: it belongs to the one before it.
    way = np.where((way == 0) & (growth > 0), np.concatenate((way[:1], way[:-1])), way)
    header, places = source.names.get(label, label), np.flatnonzero(anew)
    return {
        into: Counted(np.cumsum(np.where(way > 0, growth, 0.0)), len(places), 0, -1, header, places),
        out: Counted(np.cumsum(np.where(way < 0, growth, 0.0)), len(places), 0, -1, header, places),
    }


def _goes_down_as_well(source: Source, label: str) -> bool:
    """Whether what is called a capacity is the net one: it falls by small amounts as it grows by small amounts."""
    values = _held(source.whole(label))
    change = np.diff(values, prepend=values[:1])
    # Where a step begins, a small fall is the reset of a small step.
    small = (np.abs(change) <= _can_have_flowed(source, label)) & ~_begins(source)
    falling, growing = float(-change[small & (change < 0)].sum()), float(change[small & (change > 0)].sum())
    # A counter that is negative in discharge falls there, and begins at zero: its magnitude only grows.
    shrinking = np.diff(np.abs(values), prepend=np.abs(values[:1]))
    # A net one goes up while it is charged; one that only counts back what a pulse took goes up in discharge as well.
    with_current = float((change * np.sign(source.whole(labels.CURRENT)))[small].sum()) > 0
    back = float(-shrinking[small & (shrinking < 0)].sum())
    return with_current and falling > 0.05 * growing and back > 0.05 * falling


def _restarted(source: Source, values: Floats) -> NDArray[np.bool_]:
    """Of each record, whether the time of its step has begun anew, and what the counter shows can have flowed since."""
    if labels.STEP_TIME not in source.columns:
        return np.zeros(len(values), dtype=bool)
    within, rate = source.whole(labels.STEP_TIME), np.abs(source.whole(labels.CURRENT))
    can, flown = 3 * rate * (np.abs(within) + 1) / 3600, rate * np.abs(within) / 3600
    change = np.diff(values, prepend=values[:1])
    # One that goes on from where a rest has left it has grown by as much as the step has moved so far.
    fits = np.abs(values - flown) <= np.abs(change - flown)
    return np.asarray((np.diff(within, prepend=within[:1]) < 0) & (values <= can) & fits)


def _of_net(source: Source, label: str, into: str, out: str) -> dict[str, Counted]:
    """A signed counter: up is charge, down is discharge; a leap that no current can have made is a new beginning."""
    values = _held(source.whole(label))
    change = np.diff(values, prepend=values[:1])
    anew = (np.abs(change) > _can_have_flowed(source, label)) & (np.abs(values) < 0.05 * float(np.ptp(values)) + 1e-12)
    growth = np.where(anew, 0.0, change)
    header, places = source.names.get(label, label), np.flatnonzero(anew)
    return {
        into: Counted(np.cumsum(np.maximum(growth, 0.0)), len(places), 0, -1, header, places),
        out: Counted(np.cumsum(np.maximum(-growth, 0.0)), len(places), 0, -1, header, places),
    }


def _can_have_flowed(source: Source, label: str) -> Floats:
    """The most that can have flowed since the record before, generously: three times the larger current of the two."""
    time, rate = source.whole(labels.TIME), np.abs(source.whole(labels.CURRENT))
    if label.endswith("Wh"):
        rate = rate * np.abs(source.whole(labels.VOLTAGE))
    larger = np.maximum(rate, np.concatenate((rate[:1], rate[:-1])))
    seconds = np.abs(np.diff(time, prepend=time[:1]))
    resolution = 1e-3 * float(np.nanmax(np.abs(source.whole(label)), initial=0.0))
    return np.asarray(3 * larger * (seconds + 1) / 3600 + resolution)


def _begins(source: Source) -> NDArray[np.bool_]:
    """Of each record, whether the file says that a step, or a direction, begins with it."""
    sign = np.sign(source.whole(labels.CURRENT))
    begun = np.diff(sign, prepend=sign[:1]) != 0
    for label in (labels.STEP, labels.STEP_ID, labels.CYCLE):
        if label in source.columns:
            column = source.whole(label)
            begun = begun | (np.diff(column, prepend=column[:1]) != 0)
    return np.asarray(begun, dtype=bool)


def _held(values: Floats) -> Floats:
    """A counter that a record does not have stands where it stood."""
    if all_finite(values):
        return values
    known = np.isfinite(values)
    places = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(places >= 0, values[np.maximum(places, 0)], 0.0)
