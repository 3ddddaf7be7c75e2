"""A recording as it would be if a meter had been off by something: what a KPI is computed from again.

Only raw readings are moved. What the bench derived from them follows: sums, extremes, powers, the counters of charge
and energy, and the moment at which a step ended, where that was for a reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from bench import columns
from reports.recording import Floats, Recording, Step
from reports.uncertainty.endings import ending_of
from reports.uncertainty.meters import Derivation, Meters
from reports.uncertainty.move import Move, Off

_COUNTERS: Mapping[str, tuple[str, float]] = {
    columns.CHARGE_AH: (columns.CURRENT, 1.0), columns.DISCHARGE_AH: (columns.CURRENT, -1.0),
    columns.CHARGE_WH: (columns.POWER, 1.0), columns.DISCHARGE_WH: (columns.POWER, -1.0),
}  # fmt: skip
"""What each counter adds up, and of which sign of the current."""
_RUNS_WITH_THE_CLOCK = frozenset({columns.TEST_TIME, *_COUNTERS})


@dataclass(frozen=True)
class Moved(Recording):
    """A recording, moved: its `readings` and the ends of the steps `of` these indices, or one of the two."""

    base: Recording | None = None
    meters: Meters | None = None
    move: Move = field(default_factory=Move)
    of: frozenset[int] | None = None
    readings: bool = True

    @classmethod
    def by(cls, move: Move, base: Recording, meters: Meters, of: Iterable[int], *, readings: bool = True) -> Self:
        """`base` with a move, that also moves the ends of the steps `of` these indices."""
        return cls(
            base.manifest, base.events, base.columns, base.rows, base.damage,
            base=base, meters=meters, move=move, of=frozenset(of), readings=readings,
        )  # fmt: skip

    @property
    def late(self) -> float:
        """See `Recording`."""
        return self.move.late

    @property
    def origin(self) -> Recording | None:
        """See `Recording`."""
        return self.base

    def has(self, column: str) -> bool:
        """See `Recording`."""
        return self._base.has(column)

    def column(self, name: str) -> Floats:
        """See `Recording`."""
        return self.cut(name, slice(0, len(self.rows)))

    def cut(self, column: str, rows: slice) -> Floats:
        """See `Recording`; what was moved once is kept."""
        key = column, rows.start, rows.stop
        if key not in self._made:
            self._made[key] = self._make(column, rows)
        return self._made[key]

    def held(self, start: float, stop: float) -> float:
        """See `Recording`."""
        pace = 1.0 + self.move.clock
        return pace * self._base.held(start / pace, stop / pace)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """See `Recording`; a step ends where its condition would have been met."""
        pace, steps = 1.0 + self.move.clock, self._base.steps
        if pace != 1.0:
            steps = tuple(replace(each, start=each.start * pace, stop=each.stop * pace) for each in steps)
        moved = {each.index: later for each in self._base.steps if (later := self._later(each))}
        return tuple(
            replace(each, stop=each.stop + moved[each.index] * pace) if each.index in moved else each for each in steps
        )

    @cached_property
    def _made(self) -> dict[tuple[str, int, int], Floats]:
        return {}

    @property
    def _base(self) -> Recording:
        assert self.base is not None  # noqa: S101 - `of` gave it
        return self.base

    @property
    def _meters(self) -> Meters:
        assert self.meters is not None  # noqa: S101 - `of` gave it
        return self.meters

    # ---- the ends of steps ----

    @cached_property
    def _ends_later(self) -> dict[int, float]:
        return {}

    def _later(self, step: Step) -> float:
        """By how many s a step ends later."""
        if step.index not in self._ends_later:
            mine = (self.of is None or step.index in self.of) and step.sample_count > 1
            self._ends_later[step.index] = self._end_of(step) if mine else 0.0
        return self._ends_later[step.index]

    def _end_of(self, step: Step) -> float:
        ending, last = ending_of(self._base, step, self._meters), step.rows.stop - 1
        if ending is None and step.ended_by:
            return 0.0  # its time was over, and nobody reads that from a meter
        time = self._base.cut(columns.TEST_TIME, slice(last - 1, last + 1))
        late = -self.move.late * float(time[1] - time[0])
        if ending is not None and self._touches(ending.column):
            late += ending.later(float(self._reading(ending.column, slice(ending.row, ending.row + 1))[0]))
        return late

    def _touches(self, column: str) -> bool:
        raw = self._meters.derivation(column).columns
        return column in self.move.extremes or any(each in self.move.channels for each in raw)

    def _move_ends(self, name: str, values: Floats, rows: slice) -> Floats:
        """Cut each step where it would have ended, or continue it from its last sample."""
        moved = values
        for step in self._moved_steps if name not in _NO_READING else ():
            begin, stop = max(self._first_moved(step), rows.start), min(step.rows.stop, rows.stop)
            if begin < stop:
                moved = moved.copy() if moved is values else moved
                moved[begin - rows.start : stop - rows.start] = self._at_its_end(name, step)
        return moved

    @cached_property
    def _moved_steps(self) -> tuple[Step, ...]:
        return tuple(step for step in self._base.steps if self._later(step))

    def _times(self, step: Step) -> Floats:
        times: Floats = self._base.column(columns.TEST_TIME)[step.rows]
        return times

    def _first_moved(self, step: Step) -> int:
        """The first row of a step that lies at or behind its moved end; the last one of a step that is continued."""
        times = self._times(step)
        first = int(np.searchsorted(times, times[-1] + min(self._later(step), 0.0)))
        return int(step.rows.start) + first

    def _at_its_end(self, name: str, step: Step) -> float:
        """What a column reads when a step ends: what it read then, or as far behind its last sample as it was ahead.

        By as much as it changed before, over as long a time: over a few samples a display that rounds tells nothing.
        How far that may miss, the last half of the step shows: wherever in it straight on is tried, what came is known.
        """
        later, ending = self._later(step), ending_of(self._base, step, self._meters)
        if ending is not None and name == ending.column and self._touches(name):
            return ending.reading  # which is why it ends there
        before = self._between(name, step, float(self._times(step)[-1]) - abs(later))
        if later < 0:
            return before
        now = float(self._plain(name, slice(step.rows.stop - 1, step.rows.stop))[0])
        return now + (now - before) + self._missed(name, step, later)

    def _missed(self, name: str, step: Step, later: float) -> float:
        """By how much straight on for `later` s would have missed what came, at the place of the move."""
        times, place = self._times(step), self.move.missed
        then = float(times[-1]) - LAST_PART * (place or 0.0) * float(times[-1] - times[0])
        if place is None or then - 2 * later < times[0]:
            return 0.0
        first, second, came = (self._between(name, step, then - ahead * later) for ahead in (2, 1, 0))
        return came - (second + (second - first))

    def _between(self, name: str, step: Step, time: float) -> float:
        """What a column reads at a time (s) of a step, between two samples of it."""
        times = self._times(step)
        after = min(max(int(np.searchsorted(times, time)), 1), len(times) - 1)
        low, high = step.rows.start + after - 1, step.rows.start + after
        share = max((time - float(times[after - 1])) / max(float(times[after] - times[after - 1]), TINY), 0.0)
        first, second = self._plain(name, slice(low, high + 1))
        return float(first + share * (second - first)) if share else float(first)

    # ---- readings ----

    def _make(self, name: str, rows: slice) -> Floats:
        return self._move_ends(name, self._plain(name, rows), rows)

    def _plain(self, name: str, rows: slice) -> Floats:
        """What a column reads, its steps as long as they were."""
        base = self._base.cut(name, rows)
        values = self._reading(name, rows) if self.readings else base
        return values + self.move.clock * base if self.move.clock and name in _RUNS_WITH_THE_CLOCK else values

    def _reading(self, name: str, rows: slice) -> Floats:
        """What the column reads, its meters moved."""
        if name in _COUNTERS:
            counted = self._base.cut(name, rows)
            return counted + self._counted(name, rows) if self._counts(name) else counted
        if name == columns.POWER and (self._touches(columns.VOLTAGE) or self._touches(columns.CURRENT)):
            volts, amperes = self._base.cut(columns.VOLTAGE, rows), self._base.cut(columns.CURRENT, rows)
            power = self._base.cut(name, rows)
            moved = self._reading(columns.VOLTAGE, rows) * self._reading(columns.CURRENT, rows)
            return power + (moved - volts * amperes)
        values = self._base.cut(name, rows)
        if not self._touches(name):
            return values
        if name in self.move.extremes:
            return values + self.move.extremes[name].by(values)
        return values + self._added(name, self._meters.derivation(name), rows)

    def _added(self, name: str, made: Derivation, rows: slice) -> Floats:
        """What is to be added to a derived column; of extremes, how far those of the moved channels lie off."""
        if made.combine in {"lowest", "highest"} and len(made.columns) > 1:
            read = self._meters.together(made.columns, rows)
            offs = [self.move.channels.get(column, Off()) for column in made.columns]
            gains, offsets = np.array([(off.gain, off.offset) for off in offs]).T
            moved = self._meters.off_by(read, gains, offsets)
            extreme = moved.min(axis=0) if made.combine == "lowest" else moved.max(axis=0)
            return np.asarray(extreme - self._meters.extreme(read, made.combine), dtype=np.float64)
        used = made.columns[:1] if made.combine == "first" else made.columns
        added = np.zeros(1)
        for each in (each for each in used if each in self.move.channels):
            added = added + self.move.channels[each].by(self._base.cut(each, rows))
        return added / len(used) if made.combine == "mean" else added

    def _counts(self, name: str) -> bool:
        """Whether a counter adds up what is moved."""
        flowing, _ = _COUNTERS[name]
        return self._touches(columns.CURRENT) or (flowing == columns.POWER and self._touches(columns.VOLTAGE))

    def _counted(self, name: str, rows: slice) -> Floats:
        """What a counter has counted too much by each row, since the first of the steps that are looked at."""
        unit, share = self._in_units
        sums = self._sum(name) if unit is None else self._meters.sum_of(name, unit, self._span, self._sum_by)
        begin, end = self._span.start, self._span.stop
        if begin <= rows.start and rows.stop <= end:
            counted = sums[rows.start - begin : rows.stop - begin]
        else:
            counted = sums[np.clip(np.arange(rows.start, rows.stop), begin, end - 1) - begin]
        return counted * share

    @cached_property
    def _in_units(self) -> tuple[Move | None, float]:
        """A move by 1 of which this is a share: what a counter makes of it is summed up once for all of its size.

        Charge is linear in the errors of the current, and energy in those of one meter.
        """
        if len(self.move.channels) == 1 and not self.move.extremes:
            ((column, off),) = self.move.channels.items()
            share = off.gain or off.offset
            if share and not off.rounding and not (off.gain and off.offset):
                unit = Off(gain=1.0, zero=off.zero) if off.gain else Off(offset=1.0, zero=off.zero)
                return Move({column: unit}), share
        return None, 1.0

    def _sum_by(self, name: str, unit: Move) -> Floats:
        return Moved.by(unit, self._base, self._meters, self.of or ())._sum(name)

    def _sum(self, name: str) -> Floats:
        if name not in self._sums:
            self._sums[name] = self._added_up(name, self._span)
        return self._sums[name]

    def _added_up(self, name: str, rows: slice) -> Floats:
        flowing, sign = _COUNTERS[name]
        current, time = self._base.cut(columns.CURRENT, rows), self._base.cut(columns.TEST_TIME, rows)
        more = self._reading(flowing, rows) - self._base.cut(flowing, rows)
        more *= np.where(current > 0.0 if sign > 0 else current < 0.0, sign / 3600, 0.0)
        more[1:] *= np.diff(time)
        more[:1] = 0.0
        return np.cumsum(np.nan_to_num(more, copy=False), out=more)

    @cached_property
    def _sums(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _span(self) -> slice:
        """The rows of the steps that are looked at, and the one before them."""
        looked_at = [step.rows for step in self._base.steps if self.of is None or step.index in self.of]
        filled = [rows for rows in looked_at if rows.stop > rows.start] or [slice(0, len(self.rows))]
        return slice(max(min(rows.start for rows in filled) - 1, 0), max(rows.stop for rows in filled))


LAST_PART = 0.5
"""Of a step, that tells how far straight on misses what comes."""
_NO_READING = frozenset({columns.STEP, columns.SET_CURRENT, columns.SET_VOLTAGE, columns.SET_TEMPERATURE})
TINY = 1e-12
"""s that no two samples are apart."""
