"""Counts over a run what must not happen even once in a while: what is too rare and too short for any debounce.

A contactor that opens for a second every ten minutes is good in nearly every row. So each opening is an event of its
own: told when it happens, and the end of the run once there were more than a run may have.
"""

from collections import deque
from collections.abc import Callable
from math import isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.safety.formulas import Quantity, Row, unless
from bench.safety.guard import CONNECTED
from instruments.roles import BmsState

OPENINGS = "Contactor Openings / 1"
OPEN_UNDER_LOAD = "Contactor Open Under Load / 1"
RESTARTS = "BMS Restarts / 1"
INTERRUPTIONS = "Current Interruptions / 1"
RECONNECTIONS = "Reconnections / 1"
DROPPED = "BMS Frames Dropped / 1"
CONTRADICTIONS = "BMS Contradictions / 1"

LINKS_PERIOD = 5.0
"""s between two looks at how often links were made anew: nothing that is counted is missed in between."""
WINDOW = 60.0
"""s over which the growth of a count is looked at."""
FLOWED, GONE = 0.5, 0.02
"""Shares of the current asked for: it flowed, and it is gone."""
LEAST_ASKED = 0.2
"""A below which nobody counts on a current: clear of the offset of a 100 A meter."""
LIMITED_BY_VOLTAGE = 0.01
"""Share of the set voltage within which the voltage limit may be what holds the current down."""
OPENING = 2.0
"""Of `open_under_load`: a foxBMS 2 opens by itself for an error alone, and waits up to 3 s for the current to fall."""
_UP = frozenset(BmsState) - {BmsState.STARTING}

_TIME, _STATE = INDEX[columns.TEST_TIME], INDEX[columns.BMS_STATE]
_CURRENT, _SET_CURRENT = INDEX[columns.CURRENT], INDEX[columns.SET_CURRENT]
_VOLTAGE, _SET_VOLTAGE = INDEX[columns.VOLTAGE], INDEX[columns.SET_VOLTAGE]

Happened = Callable[[Row, Row], bool]
"""Whether something has happened from one row to the next."""


class EventCount:
    """How often something has happened in the run so far."""

    def __init__(self, happened: Happened) -> None:
        self._happened = happened
        self._before: Row | None = None
        self._count = 0.0

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        before, self._before = self._before, row
        if before is not None and self._happened(before, row):
            self._count += 1.0
        return self._count


def open_under_load(row: Row) -> float:
    """1 while the BMS says that its contactors are open though a current is asked for, `OPENING` while they open; or 0.

    What gave up has said so.
    """
    state = row[_STATE]
    # Asked for first: at rest nothing else is looked at. An unknown state has limits of its own.
    if isnan(row[_SET_CURRENT]) or state in CONNECTED or isnan(state) or state > BmsState.CHARGE:
        return 0.0
    return OPENING if state == BmsState.OPENING else 1.0


OPEN_THOUGH_ASKED = unless(
    "{0} in {connected} or {1} != {1}", open_under_load, _STATE, _SET_CURRENT, connected=CONNECTED
)
"""`open_under_load`, of which nearly nothing is left."""


class StateChanges:
    """How often a node has opened its contactors by itself in the run so far, and started anew (`restarts`).

    Nearly always its state is the one before, and neither has happened: one comparison instead of two calls.
    """

    def __init__(self) -> None:
        self._before: Row | None = None
        self._openings = self.restarts = 0.0

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        before, self._before = self._before, row
        if before is not None and row[_STATE] != before[_STATE]:
            self._openings += opened_by_itself(before, row)
            self.restarts += restarted(before, row)
        return self._openings


def opened_by_itself(before: Row, row: Row) -> bool:
    """A contactor has opened under load, and nobody has asked for it: a mode is only changed while nothing is asked."""
    return row[_STATE] != before[_STATE] in CONNECTED and open_under_load(row) > 0 and not isnan(before[_SET_CURRENT])


def restarted(before: Row, row: Row) -> bool:
    """A node that was up is starting."""
    return row[_STATE] != before[_STATE] in _UP and row[_STATE] == BmsState.STARTING


def interrupted(string: int, apart: float) -> Happened:
    """Whether a current that flowed is gone from one row to the next, though as much is asked for as before.

    A taper ends gently, and an output that is switched is asked for another current. Where the terminals have come to
    the set voltage and are still within `apart` (V) of the `string` (position of its voltage as the BMS reads it), that
    limit holds the current down: a charge near its end may be cut short by it in one scan.
    """

    def happened(before: Row, row: Row) -> bool:
        wanted, before_that = abs(row[_SET_CURRENT]), abs(before[_SET_CURRENT])
        if not abs(row[_CURRENT]) < GONE * wanted:
            return False
        if wanted < LEAST_ASKED or wanted < before_that or not abs(before[_CURRENT]) > FLOWED * before_that:
            return False
        limit, voltage = row[_SET_VOLTAGE], row[_VOLTAGE]
        limited = abs(voltage - limit) <= LIMITED_BY_VOLTAGE * limit
        return not (limited and abs(voltage - row[string]) <= apart)

    return happened


class CountUnderLoad:
    """How far a count that somebody else keeps has risen while a current was asked for.

    A link that is idle in a rest may be closed by its instrument and opened again as a matter of course.
    """

    def __init__(self, total: Callable[[], float]) -> None:
        self._total, self._count = total, 0.0
        self._before = self._due = nan

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        if isnan(row[_SET_CURRENT]):
            self._before = self._due = nan
            return self._count
        if row[_TIME] < self._due:
            return self._count
        self._due = row[_TIME] + LINKS_PERIOD
        before, self._before = self._before, self._total()
        if self._before > before:
            self._count += self._before - before
        return self._count


class Growth:
    """By how much a cumulative count has risen within the last minute; 0 where it is missing."""

    def __init__(self, position: int) -> None:
        self._position = position
        self._rises: deque[tuple[float, float]] = deque()
        self._before, self._sum = nan, 0.0

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        value, before = row[self._position], self._before
        self._before = value
        if value > before:
            self._rises.append((row[_TIME], value - before))
            self._sum += value - before
        rises = self._rises
        while rises and rises[0][0] <= row[_TIME] - WINDOW:
            self._sum -= rises.popleft()[1]
        return self._sum


def growth(position: int | None) -> Quantity:
    """`Growth` of a column, or of nothing: not every BMS counts."""
    return _none if position is None else Growth(position)


def _none(_row: Row) -> float:
    return 0.0
