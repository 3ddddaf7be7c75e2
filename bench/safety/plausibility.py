"""What the guard doubts: readings that only one of two meters has, and currents that nobody asked for.

A limit believes one reading. Before it blames the pack for it, a limit on one of these quantities asks whether anybody
else has seen the same. Each is a function of the newest row, 0 where there is nothing to doubt.
"""

from collections.abc import Sequence
from math import isnan

from bench import columns
from bench.columns import INDEX
from bench.safety.guard import Quantity

CURRENT_DEVIATION = "Current Deviation / A"
CURRENT_MISSING = "Current Missing / A"
UNCONFIRMED_HEAT = "Unconfirmed Excess Temperature / K"
UNCONFIRMED_CELL = "Unconfirmed Excess Cell Voltage / V"
BMS_TEMPERATURE_SPREAD = "BMS Cell Temperature Spread / K"
BMS_UNCHANGED = "BMS Values Unchanged / s"

NEAR_THE_VOLTAGE = 0.02
"""Share of the set voltage by which the terminals may be away from it while it is the voltage that limits."""
NO_CURRENT = 0.01
"""Share of the current asked for below which none flows."""

_TIME, _VOLTAGE, _CURRENT = INDEX[columns.TEST_TIME], INDEX[columns.VOLTAGE], INDEX[columns.CURRENT]
_SET_CURRENT, _SET_VOLTAGE = INDEX[columns.SET_CURRENT], INDEX[columns.SET_VOLTAGE]
_HOTTEST = INDEX[columns.CELL_TEMPERATURE_MAX]
_LOWEST, _HIGHEST = INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]

Row = Sequence[float]


def current_deviation(row: Row) -> float:
    """A that flow beyond what was asked for, or the other way; less is no deviation, for the voltage may limit."""
    asked, flows = row[_SET_CURRENT], row[_CURRENT]
    if isnan(asked) or asked * flows < 0:
        return abs(flows)
    return max(0.0, abs(flows) - abs(asked)) if not isnan(flows) else flows


def current_missing(row: Row) -> float:
    """A that were asked for while none flow, though the terminals are far from the voltage that would stop them."""
    asked, flows, voltage, limit = row[_SET_CURRENT], row[_CURRENT], row[_VOLTAGE], row[_SET_VOLTAGE]
    if isnan(asked) or abs(flows) > NO_CURRENT * abs(asked):
        return 0.0
    return abs(asked) if abs(voltage - limit) > NEAR_THE_VOLTAGE * limit else 0.0


def unconfirmed_heat(bms_hottest: int, allowed: float, tolerance: float) -> Quantity:
    """K above `allowed` (degC) that the scanner reads while the BMS finds no cell within `tolerance` (K) of it.

    The BMS has sensors where the scanner may have none, never the other way round.
    """

    def excess(row: Row) -> float:
        hottest = row[_HOTTEST]
        return max(0.0, hottest - allowed) if hottest - row[bms_hottest] > tolerance else 0.0

    return excess


def unconfirmed_cell(bms_lowest: int, bms_highest: int, allowed: tuple[float, float], tolerance: float) -> Quantity:
    """V beyond `allowed` that the emulator reads of a cell while the BMS reads another voltage by `tolerance` (V)."""
    low, high = allowed

    def excess(row: Row) -> float:
        lowest, highest = row[_LOWEST], row[_HIGHEST]
        below = low - lowest if abs(lowest - row[bms_lowest]) > tolerance else 0.0
        above = highest - high if abs(highest - row[bms_highest]) > tolerance else 0.0
        return max(0.0, below, above)

    return excess


class Unchanged:
    """s for which none of some values has changed while more than `least` A flow: a controller that repeats itself."""

    def __init__(self, positions: Sequence[int], least: float) -> None:
        self._positions, self._least = tuple(positions), least
        self._last: list[float] = []
        self._since = 0.0

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        values = [row[position] for position in self._positions]
        if values != self._last or not abs(row[_CURRENT]) > self._least:
            self._last, self._since = values, row[_TIME]
        return row[_TIME] - self._since
