"""What the guard doubts: heat that only one of two meters sees, and currents that nobody asked for.

A limit believes one reading. Before it blames the pack for it, a limit on one of these quantities asks whether anybody
else has seen the same. Each is a function of the newest row, 0 where there is nothing to doubt.
"""

from collections.abc import Sequence
from math import isnan

from bench import columns
from bench.columns import INDEX
from bench.safety.guard import Quantity

UNASKED_CURRENT = "Unasked Current / A"
UNCONFIRMED_HEAT = "Unconfirmed Excess Temperature / K"

_CURRENT, _SET_CURRENT = INDEX[columns.CURRENT], INDEX[columns.SET_CURRENT]
_HOTTEST = INDEX[columns.CELL_TEMPERATURE_MAX]

Row = Sequence[float]


def unasked_current(row: Row) -> float:
    """A that flow beyond what was asked for, or the other way; fewer are none, for the voltage may limit.

    A current that is missing (nan) has a limit of its own.
    """
    asked, flows = row[_SET_CURRENT], row[_CURRENT]
    if isnan(flows):
        return 0.0
    if isnan(asked) or asked * flows < 0:
        return abs(flows)
    return max(0.0, abs(flows) - abs(asked))


def unconfirmed_heat(bms_hottest: int, allowed: float, tolerance: float) -> Quantity:
    """K above `allowed` (degC) that the scanner reads while the BMS finds no cell within `tolerance` (K) of it.

    The BMS has sensors where the scanner may have none, never the other way round.
    """

    def excess(row: Row) -> float:
        hottest = row[_HOTTEST]
        return max(0.0, hottest - allowed) if hottest - row[bms_hottest] > tolerance else 0.0

    return excess
