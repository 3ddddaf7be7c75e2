"""Latching physical limits, checked inline in the thread that acquires: 35 µs from a sample to the output-off command.

A watchdog thread would be starved by any busy Python thread, so there is none. What is limited on a bench is
`bench.safety.limits`' to say, how long a violation is forgiven `bench.safety.debounce`'s, what it is called and who is
to blame the fault catalogue's, and which meter a value comes from `bench.safety.evidence`'s.

A pack is blamed on evidence alone: not by a meter that is contradicted in that row, and not for what the bench has
brought about. The cause is then what stands behind the violation; the outputs are off all the same.
"""

from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan, nan
from struct import Struct
from typing import Any, Literal

from bench import columns
from bench.safety import faults
from bench.safety.debounce import Debounce
from bench.safety.faults import Action
from bench.safety.formulas import Bound, Quantity, Row, all_inside, laid_out
from bench.verdicts import Blame, Cause, InputError, in_words
from instruments.roles import BmsState
from instruments.wording import nearest

Meter = tuple[str, str]
"""Name of an instrument, and what it measures there."""

When = Literal["always", "connected", "open", "charging", "conditioned", "measured"]
"""`connected`: the BMS holds its contactors closed (`open`: it does not); `charging`: a charge current flows;
`conditioned`: a soak has settled, and no other temperature has been asked for since; `measured`: there is a value, as
of what can be measured only while something else is on. Everywhere else a value that is missing is a fault."""

RECENT = 60.0
"""s of rows that are kept for whoever wants to know how a trip came about."""
CHARGING_CURRENT = 0.1
"""A above which the pack is being charged; clear of the offset of a 100 A meter."""
CONNECTED = frozenset({BmsState.CLOSED, BmsState.DISCHARGE, BmsState.CHARGE})
"""States in which a BMS holds its contactors closed."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """When a hold is over: the value has been inside its bounds by `hysteresis` for `settle` s."""

    hysteresis: float = 0.0
    settle: float = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A column must stay within bounds; `debounce` s of violation are forgiven (see `bench.safety.debounce`).

    `fault` is an id of the fault catalogue, which says what follows and who is to blame. `label` tells apart limits
    that share a fault; `words` stand in for the numbers where these say nothing. `instrument` is whom a violation is
    about, where that does not depend on the row.

    `contradiction`: a violation tells of the meters that the column is read from, not of what they measure. Nobody is
    blamed on their word while it lasts. `explains` are the faults that this one brings about: until its time has leaked
    away they are its consequence. `advisory`: it is told and ends nothing, whatever the fault's action, and told again
    whenever the value has risen. `suspicion`: it ends nothing by itself and is not told until something trips that it
    explains.
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
    instrument: str = ""
    contradiction: bool = False
    explains: frozenset[str] = frozenset()
    advisory: bool = False
    suspicion: bool = False

    @property
    def name(self) -> str:
        """As reports call it."""
        return self.label or faults.fault(self.fault).name

    @property
    def action(self) -> Action:
        """What a violation is answered with."""
        return "warn" if self.advisory else faults.fault(self.fault).action

    @property
    def trips(self) -> bool:
        """Whether a violation ends the run by itself."""
        return self.action == "trip" and not self.suspicion

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
            "blame": self.blame, "action": "none" if self.suspicion else self.action, "fault": self.fault,
            "when": self.when,
            "instrument": self.instrument or None,
            **{key: value if abs(value) != inf else None for key, value in bounds.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the values of a row come from and whom they speak of, by column.

    `meters` read it; `suspects` names the instruments that a row speaks against, where that depends on the row (none:
    nobody); `places` names the cell or the sensor that it is about. Columns that are in none speak of nobody.
    """

    meters: Mapping[str, tuple[Meter, ...]] = field(default_factory=dict)
    suspects: Mapping[str, Callable[[Sequence[float]], tuple[str, ...]]] = field(default_factory=dict)
    places: Mapping[str, Callable[[Sequence[float]], str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that was violated for longer than its debounce: when (s of test time), and by which value.

    `since` is its first bad row, `instruments` are those that it speaks against, `place` is the cell or the sensor;
    `doubted` names what it cannot be told from.
    """

    limit: Limit
    time: float
    value: float
    since: float = nan
    instruments: tuple[str, ...] = ()
    place: str = ""
    doubted: str = ""

    @property
    def fault(self) -> str:
        """Id in the fault catalogue: a value that is missing is a fault of its own, whatever it should have been."""
        return "value-missing" if isnan(self.value) else self.limit.fault

    @property
    def action(self) -> Action:
        """What it is answered with."""
        return faults.fault(self.fault).action if isnan(self.value) else self.limit.action

    @property
    def blame(self) -> Blame:
        """Whose fault it is; no pack's, where something of the bench stands behind it."""
        return "bench" if self.doubted else faults.fault(self.fault).blame

    @property
    def meant(self) -> tuple[str, ...]:
        """The instrument that is meant, or those that it may be; none where it is the pack or nobody."""
        return self.instruments if self.blame == "bench" else ()

    @property
    def instrument(self) -> str | None:
        """The same in words."""
        return in_words(self.meant)

    def as_event(self, step: str | None) -> dict[str, Any]:
        """As stored in the event log, but for its sentence."""
        limit = self.limit.as_dict()
        return {
            "limit": limit["name"], "column": limit["column"], "value": self.value, "unit": limit["unit"],
            "at_least": limit["at_least"], "at_most": limit["at_most"], "fault": self.fault, "action": self.action,
            "blame": self.blame, "instrument": self.instrument, "instruments": list(self.meant),
            "place": self.place or None, "step": step,
        }  # fmt: skip

    def cause(self, step: str | None, detail: str = "") -> Cause:
        """What, where, how much was allowed; in a second sentence what to do next, where the catalogue knows."""
        where = f" in step {step!r}" if step else ""
        text = f"{self.limit.name}: {self._finding()}{self._whose()}{detail}{where} after {self.time:.0f} s."
        advice = "" if self.doubted else faults.fault(self.fault).advice
        return Cause(self.blame, f"{text} {advice}".rstrip(), step, self.time, self.limit.name, self.fault, self.meant)

    def _whose(self) -> str:
        """The cell or sensor, and the instrument, as the end of a clause."""
        place = f" at {self.place}" if self.place else ""
        if self.doubted:
            return f"{place} (not believed because of {self.doubted})"
        if self.instrument is None:
            return place
        wrong = " is wrong" if self.limit.contradiction and not isnan(self.value) else ""
        return f"{place} ({self.instrument}{wrong})"

    def _finding(self) -> str:
        limit = self.limit
        if isnan(self.value):
            return f"{limit.column.partition(' / ')[0]} is missing from the scan"
        if limit.words:
            return limit.words
        above = self.value > limit.at_most
        bound, word = (limit.at_most, "above") if above else (limit.at_least, "below")
        unit = f" {limit.unit}" if limit.unit else ""
        return f"{self.value:.4g}{unit} is {word} the allowed {bound:.4g}{unit}"


@dataclass(slots=True)
class _Excursion:
    """What is known of a limit that is, or was a moment ago, violated; `value` is the newest bad one."""

    debounce: Debounce
    value: float
    latched: Violation | None = None
    inside_since: float | None = None

    @property
    def warned(self) -> bool:
        """Whether it was told and will end nothing: that is not told again."""
        return self.latched is not None and self.latched.action == "warn"


class _Bounds:
    """The limits of one situation; `hold` tells whether a row is inside all of them, as nearly every one is."""

    def __init__(self, bounds: Sequence[Bound], if_measured: Container[int] = ()) -> None:
        self._bounds, self._if_measured = bounds, if_measured
        self.numbers = frozenset(number for number, *_ in bounds)
        always = [bound for bound in bounds if bound[0] not in if_measured]
        self.hold = all_inside(always, [bound for bound in bounds if bound[0] in if_measured])

    def violated_by(self, values: Row) -> list[int]:
        """Numbers of those that a row is outside of."""
        # Written so that a missing value (nan) violates too: a limit that cannot be seen protects nobody.
        return [
            number
            for number, position, low, high in self._bounds
            if not low <= values[position] <= high
            and not (isnan(values[position]) and number in self._if_measured)
        ]  # fmt: skip


_Place = tuple[int, bool]
"""Number of a limit, and whether its value is missing: that is debounced on its own."""


class Guard:
    """Checks each row; once tripped it stays tripped, and goes on noting what else there is.

    `layout` names the values of a row, `quantities` what is derived from it; a limit may be on either. Raises
    `KeyError` for a limit on anything else: it would protect nobody. `always_connected`: nothing on this bench has
    contactors that could be open.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        layout: Sequence[str],
        quantities: Mapping[str, Quantity] | None = None,
        evidence: Evidence | None = None,
        *,
        always_connected: bool = False,
    ) -> None:
        self._always_connected = always_connected
        derived = quantities or {}
        self.limits = tuple(limits)
        self.columns = (*layout, *derived)
        self.trip: Violation | None = None
        self.causes: tuple[Violation, ...] = ()
        """Everything that ends the run by itself: what it tripped on first, then what was found with it or after it."""
        self.hold: Violation | None = None
        """What cycling is paused for, until it has recovered."""
        self.conditioned = False
        """Whether the chamber has settled at the temperature it was asked for; set by whoever knows."""
        self.located: dict[str, tuple[float, str]] = {}
        """The newest value of each column that was beyond a limit, and the cell or sensor that it was of then."""
        self._evidence = evidence or Evidence()
        self._derive = laid_out(derived.values())
        index = {name: position for position, name in enumerate(self.columns)}
        blind = next((limit for limit in limits if limit.column not in index), None)
        if blind is not None:
            raise InputError(
                f"The limit {blind.name!r} guards {blind.column!r}, which nobody on this bench measures; "
                f"{nearest(blind.column, self.columns)}."
            )
        self._positions = [index[limit.column] for limit in limits]
        self._state, self._current = index.get(columns.BMS_STATE), index.get(columns.CURRENT)
        self._if_measured = frozenset(number for number, limit in enumerate(limits) if limit.when == "measured")
        self._bounds: dict[tuple[bool, bool, bool], _Bounds] = {}
        self._open: dict[_Place, _Excursion] = {}
        self._values: list[float] = []
        self._bad: list[int] = []
        self._convicted: set[str] = set()
        self._pack, self._unpack = (of := Struct(f"{len(self.columns)}d")).pack, of.unpack
        self._recent: deque[tuple[float, bytes]] = deque()
        """Time of each row of the last minute, and its values; see `_remember`."""

    def check(self, row: Sequence[float]) -> tuple[Violation, ...]:
        """What `row` (test time first) newly violates for longer than its debounce; after a trip, first the trip."""
        self._values = values = self._derive(row)
        if self.trip is None:
            self._remember(values)
        bounds = self._bounds_of(values)
        if bounds.hold(values):
            self._bad = []
            if not self._open:
                return ()
        else:
            self._bad = bounds.violated_by(values)
        self._close(values, bounds.numbers)
        found = self._latch(values)
        holds = (excursion.latched for excursion in self._open.values())
        self.hold = next((latched for latched in holds if latched and latched.action == "hold"), None)
        if self.trip is None:
            return found
        return (*(each for each in found if each.action != "trip"), *self.causes) if found else (self.trip,)

    @property
    def discredited(self) -> frozenset[str]:
        """Instruments that the guard has found contradicted in this run: on their word nothing is verified.

        One that is contradicted in a row, and forgiven, is not found out yet: a fuse that blows parts two good meters.
        """
        return frozenset(self._convicted)

    @property
    def distrusted(self) -> frozenset[str]:
        """Columns that come from a meter which is contradicted in the newest row, forgiven or not.

        What they say ends no step.
        """
        if not self._bad:
            return frozenset()
        meters = {meter for number in self._contradictions() for meter in self._suspected(number)}
        read = self._evidence.meters.items()
        return frozenset(column for column, of in read if not meters.isdisjoint(of)) if meters else frozenset()

    def pending(self) -> tuple[Violation, ...]:
        """What was violated in the newest row and would end the run, but is still forgiven; the oldest first."""
        found = [
            self._violation(number, excursion)
            for (number, _), excursion in self._open.items()
            if excursion.debounce.bad and excursion.latched is None and self.limits[number].trips
        ]
        return tuple(sorted(found, key=_age))

    def end_early(self, told: str | None, at_once: Container[str]) -> None:
        """Trip on what is still forgiven, because the run ends in this row anyway: on what would have tripped first.

        That is what was violated before this row, or in this row already where the fault is one of `at_once`: meters
        may part for a row when a current stops. `told` is a fault that somebody has named since the row was taken.
        Nothing happens where nothing else is violated.
        """
        time = self._values[0]
        named = next((number for number, limit in enumerate(self.limits) if limit.fault == told), None)
        if named is not None and (named, False) not in self._open:
            self._open[named, False] = _Excursion(Debounce(self.limits[named].debounce, time), 1.0)
        found = {
            number: excursion.debounce.since + self.limits[number].debounce
            for (number, missing), excursion in self._open.items()
            if excursion.debounce.bad and not missing and self.limits[number].trips
            and (excursion.debounce.since < time or self.limits[number].fault in at_once)
        }  # fmt: skip
        if self.trip is None and found:
            number = min(found, key=lambda each: (found[each], each))
            self._end_for(number, self._violation(number, self._open[number, False]))

    def explanation(self, fault: str) -> Violation | None:
        """What is violated now, or was a moment ago, and brings `fault` about: the oldest, or None."""
        found = [
            self._violation(number, excursion)
            for (number, missing), excursion in self._open.items()
            if not missing and fault in (limit := self.limits[number]).explains
            and (excursion.debounce.bad if limit.suspicion else excursion.debounce.lasting)
        ]  # fmt: skip
        return min(found, key=_age, default=None)

    def recent(self) -> list[list[float]]:
        """The rows of the last minute, oldest first, each in the order of `columns`."""
        return [list(self._unpack(packed)) for _, packed in self._recent]

    # --- rows and situations ------------------------------------------------------------------------------------------

    def _remember(self, values: list[float]) -> None:
        """Packed, because numbers that live for a minute are no longer in any cache when their memory is used again.

        As lists of them the rows cost 5 us more in each scan (measured on a busy machine).
        """
        time, recent = values[0], self._recent
        recent.append((time, self._pack(*values)))
        while recent[0][0] < time - RECENT:
            recent.popleft()

    def _bounds_of(self, values: list[float]) -> "_Bounds":
        """What to compare now: the limits that apply."""
        state, current = self._state, self._current
        connected = self._always_connected or (state is not None and values[state] in CONNECTED)
        charging = current is not None and values[current] > CHARGING_CURRENT
        situation = (connected, charging, self.conditioned)
        bounds = self._bounds.get(situation)
        if bounds is None:
            applies = dict(zip(("connected", "charging", "conditioned"), situation, strict=True))
            applies |= {"always": True, "open": not connected, "measured": True}
            bounds = self._bounds[situation] = _Bounds([
                (number, position, limit.at_least, limit.at_most)
                for number, (limit, position) in enumerate(zip(self.limits, self._positions, strict=True))
                if applies[limit.when]
            ], self._if_measured)  # fmt: skip
        return bounds

    # --- excursions ---------------------------------------------------------------------------------------------------

    def _close(self, values: list[float], applying: frozenset[int]) -> None:
        """Let the time of what is not violated leak away, and forget what is over.

        A reading that is lost neither adds to a violation nor forgives it; one that there is not to be is none.
        """
        time, bad = values[0], set(self._bad)
        for place, excursion in list(self._open.items()):
            number, missing = place
            value = values[self._positions[number]]
            lost = isnan(value) and not missing and number not in self._if_measured
            if number in applying and ((number in bad and isnan(value) == missing) or lost):
                continue
            gone = excursion.debounce.passed(time)
            if excursion.latched is None or missing:
                over = gone
            else:
                over = not excursion.warned and (number not in applying or _recovered(excursion, value, time))
            if over:
                del self._open[place]

    def _latch(self, values: list[float]) -> tuple[Violation, ...]:
        """What has been violated for too long, in the order of the limits, and the trip that comes of it."""
        time, found = values[0], list[tuple[int, Violation]]()
        for number in self._bad:
            limit, value = self.limits[number], values[self._positions[number]]
            place = number, isnan(value)
            excursion = self._open.get(place)
            if excursion is None:
                excursion = self._open[place] = _Excursion(Debounce(limit.debounce, time), value)
            excursion.value = value
            if where := self._evidence.places.get(limit.column):
                self.located[limit.column] = value, where(values)
            told = excursion.latched
            news = not limit.suspicion and (told is None or (limit.advisory and value > told.value))
            if excursion.debounce.violated(time) and news:
                excursion.latched = violation = self._violation(number, excursion)
                found.append((number, violation))
                # What something else has brought about speaks against no meter.
                if limit.contradiction and not isnan(value) and self._behind(number) == number:
                    self._convicted.update(violation.instruments)
        trips = sorted((each for each in found if each[1].action == "trip"), key=lambda each: _age(each[1]))
        for number, violation in trips:
            self._end_for(number, violation)
        return tuple(violation for _, violation in found)

    def _end_for(self, number: int, violation: Violation) -> None:
        """Trip, or note what there is beside the trip; first what stands behind a violation, then the violation."""
        behind = number if isnan(violation.value) else self._behind(number)
        causes = [violation]
        if behind != number:
            leading = self._violation(behind, self._open[behind, False])
            causes = [leading, replace(violation, doubted=leading.limit.name)]
            if leading.limit.contradiction:
                self._convicted.update(leading.instruments)
        known = {cause.limit.name for cause in self.causes}
        self.causes += tuple(cause for cause in causes if cause.limit.name not in known)
        self.trip = self.trip or self.causes[0]

    def _violation(self, number: int, excursion: _Excursion) -> Violation:
        limit, values = self.limits[number], self._values
        missing = isnan(excursion.value)
        if missing:
            instruments = tuple(dict.fromkeys(name for name, _ in self._evidence.meters.get(limit.column, ())))
        elif limit.instrument:
            instruments = (limit.instrument,)
        else:
            instruments = tuple(dict.fromkeys(name for name, _ in self._suspected(number)))
        where = None if missing else self._evidence.places.get(limit.column)
        place = where(values) if where else ""
        return Violation(limit, values[0], excursion.value, excursion.debounce.since, instruments, place)

    # --- evidence -----------------------------------------------------------------------------------------------------

    def _contradictions(self) -> Iterator[int]:
        """Limits violated in the newest row that speak against a meter."""
        for number in self._bad:
            if self.limits[number].contradiction and not isnan(self._values[self._positions[number]]):
                yield number

    def _suspected(self, number: int) -> tuple[Meter, ...]:
        """The meters that a violation of this limit speaks against: all of its column, unless a row says more."""
        column = self.limits[number].column
        meters, suspects = self._evidence.meters.get(column, ()), self._evidence.suspects.get(column)
        if suspects is None:
            return meters
        names = suspects(self._values)
        return tuple(meter for meter in meters if meter[0] in names)

    def _behind(self, number: int) -> int:
        """The violation that stands behind this one: the oldest that explains or contradicts it, and so on."""
        seen = {number}
        while True:
            others = [other for other in self._explanations(number) if other not in seen]
            if not others:
                return number
            number = min(others, key=lambda other: (self._open[other, False].debounce.since, other))
            seen.add(number)

    def _explanations(self, number: int) -> Iterator[int]:
        """What has brought this violation about, or is about the meters that it is read from."""
        limit = self.limits[number]
        read = set(self._evidence.meters.get(limit.column, ())) if limit.blame == "pack" else set()
        for (other, missing), excursion in self._open.items():
            why = self.limits[other]
            if missing or why.advisory:
                continue
            stands = excursion.debounce.bad if why.suspicion else excursion.debounce.lasting
            explained = limit.fault in why.explains and stands
            if explained or (why.contradiction and excursion.debounce.bad and read & set(self._suspected(other))):
                yield other


def _age(violation: Violation) -> float:
    """Sorts by the first bad row; sorting keeps the order of the limits where that is the same."""
    return violation.since


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
