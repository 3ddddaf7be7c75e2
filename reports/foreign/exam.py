"""What the checks look at: a source with what is derived from it, each computed once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.recording.rows import Values
from reports.foreign import counters
from reports.foreign import source as labels
from reports.foreign.facts import MANY, Facts, Places, Survey
from reports.foreign.pieces import Differences, in_pieces, pieces, sampled
from reports.foreign.segments import Segment, own_steps, segments_of
from reports.foreign.source import Finding, Floats, Source

FINEST = 2e-3
"""A; what is coarser is no digit but a set point."""
SOME = 0.7
"""Part of the intervals that must be longer than 0 s, else time is told in whole minutes, or seconds."""
FEW = 200
"""Different values of a current among which the last digit shows."""
Check = Callable[["Exam"], Iterator[Finding]]
IN_TIME = frozenset({labels.TIME})
AMOUNTS = frozenset({*labels.COUNTERS_AH, *labels.COUNTERS_WH})


@dataclass
class Exam:
    """A recording under examination. `findings` grow as the checks are made, in the order of their names."""

    source: Source
    findings: list[Finding] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    """What was derived for one check and is of use to another."""

    @property
    def withheld(self) -> frozenset[str]:
        """Columns that are not believed so far."""
        return frozenset().union(*(finding.withholds for finding in self.findings))

    def believes(self, *columns: str) -> bool:
        """Whether the columns are there and no check so far has objected to them."""
        return all(self.source.has(column) for column in columns) and not self.withheld & set(columns)

    @cached_property
    def time(self) -> Floats:
        """Test time, s."""
        return self.source.whole(labels.TIME)

    @cached_property
    def current(self) -> Floats:
        """Current, A; positive charges."""
        return self.source.whole(labels.CURRENT)

    @cached_property
    def voltage(self) -> Values:
        """Voltage, V; no check needs all of it at once."""
        return self.source.columns[labels.VOLTAGE]

    @cached_property
    def intervals(self) -> Differences:
        """Time from each record to the next, s."""
        return Differences(self.time)

    @cached_property
    def of_intervals(self) -> Facts:
        """What is found out of all intervals at once."""
        return Survey.of(len(self.intervals), in_pieces(self.intervals))

    @cached_property
    def typical(self) -> float:
        """Interval between records while a current flows, s: that which nine of ten do not exceed."""
        flowing = self._flowing()
        return float(np.quantile(flowing, 0.9)) if len(flowing) else 0.0

    @cached_property
    def tick(self) -> float:
        """Last digit of the time, s, where several records have one time: a moment is known no better; else 0."""
        known = self.of_intervals.sampled
        passed = known[known > 0]
        return float(np.median(passed)) if len(passed) and len(passed) < SOME * len(known) else 0.0

    @cached_property
    def digits(self) -> float:
        """Last digit of the current, A, where it has so few different values that one can be seen; else 0."""
        different = np.unique(self.current[:: max(1, len(self.current) // 20000)])
        last = float(np.min(np.diff(different))) if 1 < len(different) <= FEW else 0.0
        return last if last <= FINEST else 0.0

    @cached_property
    def rest_below(self) -> float:
        """Current (A) that is none: 5e-4 of the largest that flows for long enough to be told from a spike."""
        return 5e-4 * float(np.quantile(np.abs(sampled(self.current)), 0.999)) if len(self.current) else 0.0

    @cached_property
    def segments(self) -> list[Segment]:
        """The steps of the recording, by its own step column and by the direction of its current."""
        return segments_of(self.source, self.rest_below)

    @cached_property
    def own_steps(self) -> Places:
        """Rows with which a step begins that the file itself says; none where it does not say."""
        found = own_steps(self.source)
        return np.empty(0, dtype=np.intp) if found is None else found

    @property
    def moving(self) -> list[Segment]:
        """Steps that move charge one way, and for long enough that an amount of it means something."""
        return [segment for segment in self.segments if segment.direction in ("charge", "discharge")]

    @cached_property
    def counted(self) -> dict[str, counters.Counted]:
        """What the file's own counters say, joined over their resets; by the label of the counter that they become."""
        return counters.counted(self.source)

    def charge(self) -> tuple[Floats, Floats]:
        """Charge (Ah) since the start by the trapezoidal rule, into and out of the battery."""
        return counters.integrated(self.time, self.current)

    def energy(self) -> tuple[Floats, Floats]:
        """Energy (Wh) since the start by the trapezoidal rule, into and out of the battery."""
        return counters.integrated(self.time, self.current * self.source.whole(labels.VOLTAGE))

    def row(self, position: int) -> str:
        """Where a record stands, for people: they count from one."""
        return f"record {position + 1:,}"

    @cached_property
    def flows(self) -> NDArray[np.bool_]:
        """Of each interval, whether a current flows at both of its ends, in the same direction."""
        found = np.empty(max(len(self.current) - 1, 0), dtype=bool)
        for each in pieces(len(found)):
            current = self.current[each.start : each.stop + 1]
            charging, discharging = current > self.rest_below, current < -self.rest_below
            found[each] = (charging[1:] & charging[:-1]) | (discharging[1:] & discharging[:-1])
        return found

    def _flowing(self) -> Floats:
        """Intervals in which a current flows, s; of many as many as tell their distribution."""
        flows, every = self.flows, max(1, len(self.intervals) // MANY)
        found = [seconds[flows[each] & (seconds > 0)][::every] for each, seconds in self._by_pieces()]
        return np.concatenate(found) if found else np.empty(0)

    def _by_pieces(self) -> Iterator[tuple[slice, Floats]]:
        return ((each, self.intervals[each]) for each in pieces(len(self.intervals)))
