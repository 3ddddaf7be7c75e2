"""Latching physical limits, checked inline in the thread that acquires: 35 µs from a sample to the output-off command.

A watchdog thread would be starved by any busy Python thread, so there is none. What is limited on a bench is
`bench.safety.limits`' to say, what a violation is called and who is to blame the fault catalogue's.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any, Literal

from bench import columns
from bench.safety import faults
from bench.safety.faults import Action
from bench.verdicts import Blame, Cause
from instruments.roles import BmsState

Quantity = Callable[[Sequence[float]], float]
"""Derives one value from a row (test time first); it may remember earlier rows and sees each row once."""

When = Literal["always", "connected", "charging", "conditioned"]
"""`connected`: the BMS holds its contactors closed; `charging`: a charge current flows; `conditioned`: a soak has
settled, and no other temperature has been asked for since."""

RECENT = 60.0
"""s of rows that are kept for whoever wants to know how a trip came about."""
CHARGING_CURRENT = 0.1
"""A above which the pack is being charged; clear of the offset of a 100 A meter."""
_CONNECTED = frozenset({BmsState.NORMAL, BmsState.DISCHARGE, BmsState.CHARGE})


@dataclass(frozen=True, slots=True)
class Recovery:
    """When a hold is over: the value has been inside its bounds by `hysteresis` for `settle` s."""

    hysteresis: float = 0.0
    settle: float = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A column must stay within bounds; `debounce` s of violation are forgiven.

    `fault` is an id of the fault catalogue, which says what follows and who is to blame. `label` tells apart limits
    that share a fault; `words` stand in for the numbers where these say nothing. `doubts` are the faults that are read
    off the same meters: while this limit is violated, even within its debounce, none of them can be told from it.
    """

    fault: str
    column: str
    unit: str
    at_least: float = -inf
    at_most: float = inf
    debounce: float = 0.0
    when: When = "always"
    recovery: Recovery = Recovery()
    label: str = ""
    words: str = ""
    doubts: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """As reports call it."""
        return self.label or faults.fault(self.fault).name

    @property
    def action(self) -> Action:
        """What a violation is answered with."""
        return faults.fault(self.fault).action

    @property
    def blame(self) -> Blame:
        """Whose fault a violation is."""
        return faults.fault(self.fault).blame

    def allows(self, value: float, margin: float = 0.0) -> bool:
        """Whether `value` is inside the bounds by `margin`; a missing one (nan) never is."""
        return self.at_least + margin <= value <= self.at_most - margin

    def as_dict(self) -> dict[str, Any]:
        """As stored in the manifest: null for no bound."""
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        return {
            "name": self.name, "column": self.column, "unit": self.unit, "debounce": self.debounce,
            "blame": self.blame, "action": self.action, "fault": self.fault, "when": self.when,
            **{key: value if abs(value) != inf else None for key, value in bounds.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that was violated for longer than its debounce: when (s of test time), and by which value."""

    limit: Limit
    time: float
    value: float

    @property
    def fault(self) -> str:
        """Id in the fault catalogue: a value that is missing is a fault of its own, whatever it should have been."""
        return "value-missing" if isnan(self.value) else self.limit.fault

    @property
    def action(self) -> Action:
        """What it is answered with."""
        return faults.fault(self.fault).action

    @property
    def blame(self) -> Blame:
        """Whose fault it is."""
        return faults.fault(self.fault).blame

    def as_event(self, step: str | None) -> dict[str, Any]:
        """As stored in the event log, but for its sentence."""
        limit = self.limit.as_dict()
        return {
            "limit": limit["name"], "column": limit["column"], "value": self.value, "unit": limit["unit"],
            "at_least": limit["at_least"], "at_most": limit["at_most"], "fault": self.fault, "action": self.action,
            "blame": self.blame, "step": step,
        }  # fmt: skip

    def cause(self, step: str | None, detail: str = "") -> Cause:
        """One sentence: what, where, how much was allowed."""
        where = f" in step {step!r}" if step else ""
        text = f"{self.limit.name}: {self._finding()}{detail}{where} after {self.time:.0f} s."
        return Cause(self.blame, text, step, self.time, self.limit.name, self.fault)

    def _finding(self) -> str:
        limit = self.limit
        if isnan(self.value):
            return f"{limit.column.partition(' / ')[0]} is missing from the scan"
        if limit.words:
            return limit.words
        above = self.value > limit.at_most
        bound, word = (limit.at_most, "above") if above else (limit.at_least, "below")
        return f"{self.value:.4g} {limit.unit} is {word} the allowed {bound:.4g} {limit.unit}"


@dataclass(slots=True)
class _Excursion:
    """What is known of a limit that is, or was a moment ago, violated."""

    since: float
    latched: Violation | None = None
    inside_since: float | None = None


_Place = tuple[int, bool]
"""Number of a limit, and whether its value is missing: that is debounced on its own."""


class Guard:
    """Checks each row; once tripped it stays tripped.

    `layout` names the values of a row, `quantities` what is derived from it; a limit may be on either. Raises
    `KeyError` for a limit on anything else: it would protect nobody.
    """

    def __init__(
        self, limits: Sequence[Limit], layout: Sequence[str], quantities: Mapping[str, Quantity] | None = None
    ) -> None:
        derived = quantities or {}
        self.limits = tuple(limits)
        self.columns = (*layout, *derived)
        self.trip: Violation | None = None
        self.hold: Violation | None = None
        """What cycling is paused for, until it has recovered."""
        self.conditioned = False
        """Whether the chamber has settled at the temperature it was asked for; set by whoever knows."""
        self._quantities = list(derived.values())
        index = {name: position for position, name in enumerate(self.columns)}
        self._positions = [index[limit.column] for limit in limits]
        self._state, self._current = index.get(columns.BMS_STATE), index.get(columns.CURRENT)
        self._bounds: dict[tuple[bool, bool, bool], list[tuple[int, int, float, float]]] = {}
        self._open: dict[_Place, _Excursion] = {}
        self._recent: deque[list[float]] = deque()

    def check(self, row: Sequence[float]) -> tuple[Violation, ...]:
        """What `row` (test time first) newly violates for longer than its debounce; after a trip, always the trip."""
        if self.trip is not None:
            return (self.trip,)
        values = [*row, *[quantity(row) for quantity in self._quantities]]
        self._remember(values)
        bounds = self._bounds_of(values)
        # Written so that a missing value (nan) violates too: a limit that cannot be seen protects nobody.
        bad = [number for number, position, low, high in bounds if not low <= values[position] <= high]
        if not bad and not self._open:
            return ()
        self._close(values, {number for number, *_ in bounds})
        found = self._latch(values, bad)
        holds = (excursion.latched for excursion in self._open.values())
        self.hold = next((latched for latched in holds if latched and latched.action == "hold"), None)
        return found

    def _doubted(self, limit: Limit, values: list[float], bad: list[int]) -> tuple[Limit, float] | None:
        """What is violated now that casts doubt on a violation of `limit`, and its value."""
        for number in bad:
            value = values[self._positions[number]]
            if limit.fault in self.limits[number].doubts and not isnan(value):
                return self.limits[number], value
        return None

    def recent(self) -> list[list[float]]:
        """The rows of the last minute, oldest first, each in the order of `columns`."""
        return list(self._recent)

    def _remember(self, values: list[float]) -> None:
        recent, oldest = self._recent, values[0] - RECENT
        recent.append(values)
        while recent[0][0] < oldest:
            recent.popleft()

    def _bounds_of(self, values: list[float]) -> list[tuple[int, int, float, float]]:
        """What to compare now: number, position, lower and upper bound of each limit that applies."""
        connected = self._state is not None and values[self._state] in _CONNECTED
        charging = self._current is not None and values[self._current] > CHARGING_CURRENT
        situation = (connected, charging, self.conditioned)
        bounds = self._bounds.get(situation)
        if bounds is None:
            applies = dict(zip(("connected", "charging", "conditioned"), situation, strict=True)) | {"always": True}
            bounds = self._bounds[situation] = [
                (number, position, limit.at_least, limit.at_most)
                for number, (limit, position) in enumerate(zip(self.limits, self._positions, strict=True))
                if applies[limit.when]
            ]
        return bounds

    def _close(self, values: list[float], applying: set[int]) -> None:
        """Forget what has recovered, or no longer applies; a warning is given once and so is never forgotten."""
        for place, excursion in list(self._open.items()):
            number, missing = place
            value = values[self._positions[number]]
            warned = excursion.latched is not None and excursion.latched.action == "warn"
            if number not in applying:
                over = not warned
            elif missing:
                over = not isnan(value)
            elif excursion.latched is None:
                over = self.limits[number].allows(value)
            else:
                over = not warned and _recovered(excursion, value, values[0])
            if over:
                del self._open[place]

    def _latch(self, values: list[float], bad: list[int]) -> tuple[Violation, ...]:
        """What has been violated for too long, in the order of the limits; the first trip is the cause."""
        time, found = values[0], []
        for number in bad:
            limit, value = self.limits[number], values[self._positions[number]]
            excursion = self._open.setdefault((number, isnan(value)), _Excursion(time))
            if excursion.latched is not None or time - excursion.since < limit.debounce:
                continue
            # Off at once, whoever is to blame; but a pack is not blamed by a meter that another one contradicts.
            limit, value = self._doubted(limit, values, bad) or (limit, value)
            excursion.latched = violation = Violation(limit, time, value)
            found.append(violation)
            if violation.action == "trip":
                self.trip = violation
                break
        return tuple(found)


def _recovered(excursion: _Excursion, value: float, time: float) -> bool:
    """Whether a hold is over."""
    assert excursion.latched is not None  # noqa: S101 - the caller asked
    limit = excursion.latched.limit
    if not limit.allows(value, limit.recovery.hysteresis):
        excursion.inside_since = None
        return False
    if excursion.inside_since is None:
        excursion.inside_since = time
    return time - excursion.inside_since >= limit.recovery.settle
