"""What the guard makes of a charger: that it does what it was asked for, and that nothing flows where it was not.

How much of its set point it reaches is no matter of safety: a pack that is nearly full takes less. That is judged by
the steps that ask it.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from math import isnan

from bench import columns
from bench.columns import INDEX
from bench.safety import plausibility
from bench.safety.formulas import Formula, Quantity, Row
from bench.safety.guard import Limit
from bench.station import StationFile
from instruments.roles import ChargerState

ERROR = "Charger In Error While Asked / 1"
UNPLUGGED = "Charger Without Car While Asked / 1"
STOPPED = "Charger Stopped While Asked / 1"
WAITS = "Charger Waiting While Asked / 1"
EXCESS = "Grid Power Excess / W"

BEGINS = 20.0
"""s that a charger may need until it has begun: four times what one of 2020 needs."""
TURNS = 15.0
"""s that its ramp may need from one way to the other."""
BEYOND = 500.0
"""W beyond the set point: more than its regulation and its meter are wrong by."""
NEEDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((ERROR, UNPLUGGED, STOPPED, WAITS), frozenset({columns.CHARGER_STATE})),
    EXCESS: frozenset({columns.GRID_POWER}),
}
_STANDS_STILL = (ChargerState.PAUSED, ChargerState.USER, ChargerState.ENDED)
_NO_CAR = (ChargerState.NO_CAR, ChargerState.LOCKED)
_SET_CURRENT = INDEX[columns.SET_CURRENT]


class Unasked:
    """A that flow while nothing is asked of the charger, nor of a source or a sink beside it; see `plausibility`."""

    def __init__(self, asked: int) -> None:
        self._asked = asked

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        asked = row[self._asked]
        # How many A a power is, depends on the pack: that it is no more than was asked for, the charger's meter tells.
        return plausibility.unasked_current(row) if isnan(asked) or asked == 0.0 else 0.0


def excess(power: int, asked: int) -> Quantity:
    """W beyond what was asked for, or the other way; 0 while nothing is."""

    def found(row: Row) -> float:
        flows, wanted = row[power], row[asked]
        if isnan(wanted) or isnan(flows):
            return 0.0
        if wanted * flows < 0:
            return abs(flows)
        return max(abs(flows) - abs(wanted), 0.0)

    return found


def quantities_for(station: StationFile, index: Mapping[str, int]) -> dict[str, Quantity]:
    """What is derived where somebody plays the charger; nothing elsewhere."""
    if station.player("charger") is None:
        return {}
    state, asked, power = (index[name] for name in (columns.CHARGER_STATE, columns.SET_GRID_POWER, columns.GRID_POWER))
    return {
        ERROR: Formula("1.0 if {0} == {error} and {1} == {1} else 0.0", state, asked, error=float(ChargerState.ERROR)),
        UNPLUGGED: _while_asked(state, asked, _NO_CAR),
        STOPPED: _while_asked(state, asked, _STANDS_STILL),
        WAITS: _while_asked(state, asked, (ChargerState.WAITING,)),
        EXCESS: excess(power, asked),
    }


def _while_asked(state: int, asked: int, states: tuple[ChargerState, ...]) -> Formula:
    """1 in one of these states though power is asked for; nan is neither above nor below 0."""
    found = tuple(map(float, states))
    return Formula("1.0 if {0} in {found} and ({1} > 0.0 or {1} < 0.0) else 0.0", state, asked, found=found)


def limits_for(station: StationFile) -> Iterator[Limit]:
    """What a charger must do and must not leave undone."""
    of = partial(Limit, instrument=station.whoever_is("charger"))
    yield of("charger-error", ERROR, "", at_most=0.0, words="it says that it is in error; look at its display")
    yield of(
        "charger-unplugged", UNPLUGGED, "", at_most=0.0,
        words="it says that no car is plugged in, though it was asked for power; look at plug and cable",
    )  # fmt: skip
    yield of(
        "charger-stopped", STOPPED, "", at_most=0.0, debounce=BEGINS,
        words="it rests though it was asked for power; look whether its user has taken control of it in its app",
    )  # fmt: skip
    # No meter of the bench sees such a path from both ends: that its own is open, the box tells by waiting for a car.
    yield of(
        "path-open", WAITS, "", at_most=0.0, debounce=BEGINS,
        words="it waits for the car though the BMS says that the contactors are closed; look at contactors and fuse",
    )  # fmt: skip
    yield of("charger-excess", EXCESS, "W", at_most=BEYOND, debounce=TURNS)
