"""What the guard doubts: readings that cannot be, heat that no current explains, currents that nobody asked for.

A limit believes one reading. Before it blames the pack for it, a limit on one of these quantities asks whether anybody
else has seen the same, and whether it is possible at all: the order of what a BMS says (a minimum below its maximum),
its rate (a charge that moves no faster than the current can move it), its range (cells that add up to their string),
and that it moves with what it belongs to. Each is a function of the newest row, 0 where there is nothing to doubt.
"""

from collections.abc import Sequence
from math import isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile, at_temperature
from bench.safety.guard import CONNECTED, Quantity

UNASKED_CURRENT = "Unasked Current / A"
UNCONFIRMED_HEAT = "Unconfirmed Excess Temperature / K"
OUTSIDE_HEAT = "Heat From Outside / K"
DISORDER = "BMS Disorder / 1"
CHARGE_LEAP = "BMS Charge Leap / 1"
CELL_SUM_GAP = "BMS Cell Sum Gap / V"
FROZEN = "BMS Channel Frozen / 1"

FASTEST_CELL = 20.0
"""How much faster than the pack's rated capacity a cell may take charge: one that has a twentieth of it left."""
RISING, FALLING = 0.0005, 0.05
"""1/s by which a displayed state of charge may wander without a current: an estimator that corrects itself (3 % a
minute), and down, the lowest cell, as fast as a short inside drains it (180C)."""
SETTLED = 3.0
"""s after a contactor has closed from which on the terminals show the string in every scan."""
CELL_TRAVEL, TEMPERATURE_TRAVEL, CHARGE_TRAVEL = 0.02, 5.0, 0.05
"""V per cell, K, and share of the rated capacity, by which others must have moved before one that stood still to its
last digit has frozen. A cell on an LFP plateau stands still for minutes, but then so does the string."""
ENDS_OF_SCALE = 0.01, 0.99
"""State of charge beyond which a display may stand still: it has no more to show."""
HEAT_CAPACITY = 3.2
"""J/K per Wh of rated energy, at least: 800 J/(kg K) (the lowest of LFP, NMC and NCA cells) at 250 Wh/kg."""
RESISTANCE = 2.0
"""How much more than the pack's 10 s resistance heats at most: slow polarisation and entropy."""
STEP_SHARE = 0.1
"""C-rate (1/h) of a step of the current from which on a resistance is measured."""
WORST_RESISTANCE = 10.0
"""How much more than its file allows a pack's measured resistance is believed to be."""

_TIME, _CURRENT, _SET_CURRENT = INDEX[columns.TEST_TIME], INDEX[columns.CURRENT], INDEX[columns.SET_CURRENT]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]
_VOLTAGE, _AIR, _SURFACE = INDEX[columns.VOLTAGE], INDEX[columns.AMBIENT], INDEX[columns.SURFACE]
_SOC, _STATE = INDEX[columns.SOC], INDEX[columns.BMS_STATE]
_CHARGED, _DISCHARGED = INDEX[columns.CHARGE_AH], INDEX[columns.DISCHARGE_AH]

Row = Sequence[float]


# --- what the BMS says ------------------------------------------------------------------------------------------------


def disorder(pairs: Sequence[tuple[int, int]]) -> Quantity:
    """How many minima lie above their maxima: no two values of one message of a healthy node do."""

    def count(row: Row) -> float:
        return float(sum([row[least] > row[most] for least, most in pairs]))

    return count


class ChargeLeap:
    """How far the displayed state of charge is from where the current can have brought it; 0 while none is asked for.

    A follower goes after the display, no faster than a current can move the weakest of cells. At rest a BMS may look up
    its cells' voltages and correct itself at once: then the follower goes along.
    """

    def __init__(self, capacity: float) -> None:
        self._per_ampere = FASTEST_CELL / (3600 * capacity)
        self._follower = self._time = nan

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        shown, follower, elapsed = row[_SOC], self._follower, row[_TIME] - self._time
        self._time = row[_TIME]
        if isnan(shown):
            return 0.0
        if isnan(row[_SET_CURRENT]) or isnan(follower):
            self._follower = shown
            return 0.0
        current = row[_CURRENT]
        moved = self._per_ampere * abs(current) if current == current else 0.0  # noqa: PLR0124 - nan
        highest, lowest = follower + (moved + RISING) * elapsed, follower - (moved + FALLING) * elapsed
        self._follower = follower = min(max(shown, lowest), highest)
        return abs(shown - follower)


def cell_sum_gap(lowest: int, highest: int, pack_voltage: int, series: int) -> Quantity:
    """V by which a string is below its cells at their lowest, or above them at their highest, all as the BMS says."""

    def gap(row: Row) -> float:
        voltage = row[pack_voltage]
        return max(series * row[lowest] - voltage, voltage - series * row[highest], 0.0)

    return gap


class Frozen:
    """How far others have moved, in shares of what is suspicious, while one channel of the BMS stood still.

    Each channel has its companion, measured by another instrument: the voltage of the terminals for cells and string,
    the mean of the scanner for temperatures, the charge that was counted for the state of charge.
    """

    def __init__(self, voltages: Sequence[int], temperatures: Sequence[int], series: int, capacity: float) -> None:
        """`voltages` are positions of what is measured in V, `temperatures` in degC."""
        self._voltages = [_Still(position, series * CELL_TRAVEL) for position in voltages]
        self._temperatures = [_Still(position, TEMPERATURE_TRAVEL) for position in temperatures]
        self._charge = _Still(_SOC, CHARGE_TRAVEL * capacity)
        self._connected_since = nan

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        voltage, surface = self._terminals(row), row[_SURFACE]
        low, high = ENDS_OF_SCALE
        charge = row[_CHARGED] - row[_DISCHARGED] if low < row[_SOC] < high else nan
        worst = self._charge.moved(row, charge)
        for still in self._voltages:
            worst = max(worst, still.moved(row, voltage))
        for still in self._temperatures:
            worst = max(worst, still.moved(row, surface))
        return worst

    def _terminals(self, row: Row) -> float:
        """V; nan while the contactors are open, and until they have been closed for a while."""
        if row[_STATE] not in CONNECTED:
            self._connected_since = nan
            return nan
        if isnan(self._connected_since):
            self._connected_since = row[_TIME]
        return row[_VOLTAGE] if row[_TIME] - self._connected_since >= SETTLED else nan


class _Still:
    """One channel that should move when its companion does."""

    __slots__ = ("_position", "_start", "_suspicious", "_value")

    def __init__(self, position: int, suspicious: float) -> None:
        self._position, self._suspicious = position, suspicious
        self._value = self._start = nan

    def moved(self, row: Row, companion: float) -> float:
        """How far the companion is from where it was when this stopped, in shares of what is suspicious."""
        value, travel = row[self._position], abs(companion - self._start)
        # Written so that a companion that is missing, or was, begins anew.
        if value != self._value or not travel >= 0.0:
            self._value, self._start = value, companion
            return 0.0
        return travel / self._suspicious


# --- heat -------------------------------------------------------------------------------------------------------------


class OutsideHeat:
    """K of the coldest cell that neither the air, as the chamber reports it, nor the current can have brought about.

    A balance that lets the cells lose nothing: they may be as warm as the reported air, and warmer by all the heat that
    the current can make of the pack's resistance, allowed or measured, whichever is larger. What the coldest cell, of
    scanner and BMS, has beyond that comes from outside: the chamber heats and says that it does not. One cell that
    heats itself leaves the coldest alone.
    """

    def __init__(self, pack: PackFile, bms_coldest: int) -> None:
        mean_voltage = (pack.voltage_min + pack.voltage_max) / 2
        self._capacity = HEAT_CAPACITY * mean_voltage * pack.rated_capacity
        self._allowed, self._bms_coldest = pack.requirements.dc_resistance, bms_coldest
        self._step = STEP_SHARE * pack.rated_capacity
        self._measured, self._resistance, self._at = 0.0, 0.0, nan
        self._explained = nan
        self._before: Row | None = None

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        coldest, before, self._before = min(row[_COLDEST], row[self._bms_coldest]), self._before, row
        if isnan(coldest) or isnan(row[_CURRENT]):
            self._before = before
            return 0.0
        if before is None or isnan(self._explained):
            self._explained = coldest
            return 0.0
        explained, current = self._explained, row[_CURRENT]
        if current:
            power = current * current * RESISTANCE * self._ohms(before, row, coldest)
            explained += power * (row[_TIME] - before[_TIME]) / self._capacity
        # Colder than explained is what they are: from there on they are to be explained.
        self._explained = explained = min(max(explained, row[_AIR]), coldest)
        return coldest - explained

    def _ohms(self, before: Row, row: Row, temperature: float) -> float:
        """Resistance of the pack: the largest allowed at this temperature, or more where a step shows more."""
        if not abs(temperature - self._at) < 1.0:
            self._at, self._resistance = temperature, at_temperature(self._allowed, temperature)
        step = abs(row[_CURRENT] - before[_CURRENT])
        if step > self._step and row[_STATE] in CONNECTED and before[_STATE] in CONNECTED:
            found = abs(row[_VOLTAGE] - before[_VOLTAGE]) / step
            self._measured = max(self._measured, min(found, WORST_RESISTANCE * self._resistance))
        return max(self._resistance, self._measured)


# --- what was asked for, and who else has seen it ---------------------------------------------------------------------


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
