"""What the guard doubts: readings that cannot be, heat that no current explains, currents that nobody asked for.

A limit believes one reading. Before it blames the pack for it, a limit on one of these quantities asks whether anybody
else has seen the same, and whether it is possible at all: the order of what a BMS says (a minimum below its maximum),
its rate (a charge that moves no faster than the current can move it), its range (cells that add up to their string),
and that it moves with what it belongs to. Each is a function of the newest row, 0 where there is nothing to doubt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile, at_temperature
from bench.safety.coolant import Plate
from bench.safety.formulas import Formula, Quantity, Row, unless
from bench.safety.guard import CONNECTED
from instruments.roles import BmsState

UNASKED_CURRENT = "Unasked Current / A"
UNCONFIRMED_HEAT = "Unconfirmed Excess Temperature / K"
AIR_HEAT = "Heat Of The Air / K"
OUTSIDE_HEAT = "Heat From Outside / K"
UNLIKELY_HEAT = "Heat Beyond The Expected / K"
OUTSIDE_COLD = "Cold From Outside / K"
PATH_OPEN = "Path Open / 1"
OPEN_YET_CARRYING = "BMS Open Yet Carrying / 1"
DISORDER = "BMS Disorder / 1"
CHARGE_LEAP = "BMS Charge Leap / 1"
FULLEST_LEAP = "BMS Charge Leap Of The Fullest / 1"
CELL_SUM_GAP = "BMS Cell Sum Gap / V"
FROZEN = "BMS Channel Frozen / 1"
FROZEN_TEMPERATURE = "BMS Temperature Frozen / 1"

FASTEST_CELL = 20.0
"""How much faster than the pack's rated capacity a cell may take charge: one that has a twentieth of it left."""
RISING, FALLING = 0.0005, 0.05
"""1/s by which a displayed state of charge may wander without a current: an estimator that corrects itself (3 % a
minute), and down, the lowest cell, as fast as a short inside drains it (180C)."""
CELL_TRAVEL, TEMPERATURE_TRAVEL, CHARGE_TRAVEL = 0.02, 5.0, 0.05
"""V per cell, K, and share of the rated capacity, by which others must have moved before one that stood still to its
last digit has frozen. No cell stands still to its last digit while that charge flows, not on an LFP plateau either."""
CARRYING = 0.5
"""Share of the current asked for that does not flow through an open contactor."""
LEAKING = 0.1
"""Share of the current asked for that may seem to flow through an open path: an ammeter's offset."""
STILL_PERIOD = 5.0
"""s between two looks at what stands still: it does so for longer. So long after a contactor has closed, which takes
3 s at most, the terminals show the string in every scan."""
ENDS_OF_SCALE = 0.01, 0.99
"""State of charge beyond which a display may stand still: it has no more to show."""
HEAT_CAPACITY = 3.2
"""J/K per Wh of rated energy, at least: 800 J/(kg K) (the lowest of LFP, NMC and NCA cells) at 250 Wh/kg."""
RESISTANCE = 2.0
"""How much more than the pack's 10 s resistance heats at most: slow polarisation and entropy."""
SLOW = 1000.0
"""s in which what a current has brought about comes to an end: cells that were loaded for long go on warming at rest,
while their diffusion relaxes and their cores warm the surfaces that the sensors are on."""
STEP_SHARE = 0.1
"""C-rate (1/h) of a step of the current from which on a resistance is measured."""
CARRIED = 0.01
"""C-rate (1/h) below which what is left of a current heats nothing."""
BEST_RESISTANCE, WORST_RESISTANCE = 1 / 3, 10.0
"""Shares of what its file allows between which a pack's measured resistance is believed to be."""
ENTROPY = 0.34e-3 * 300.0
"""V by which a cell's current heats it beside its resistance: 0.34 mV/K, the largest that LNMO cathodes have
(-32.4 J/(mol K); Batteries 2025, 11, 357), at 300 K."""

_TIME, _CURRENT, _SET_CURRENT = INDEX[columns.TEST_TIME], INDEX[columns.CURRENT], INDEX[columns.SET_CURRENT]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]
_VOLTAGE, _AIR = INDEX[columns.VOLTAGE], INDEX[columns.AMBIENT]
_SOC, _STATE = INDEX[columns.SOC], INDEX[columns.BMS_STATE]
_CHARGED, _DISCHARGED = INDEX[columns.CHARGE_AH], INDEX[columns.DISCHARGE_AH]


# --- what the BMS says ------------------------------------------------------------------------------------------------


def disorder(pairs: Sequence[tuple[int, int]]) -> Quantity:
    """How many minima lie above their maxima: no two values of one message of a healthy node do."""

    def count(row: Row) -> float:
        found = 0.0
        for least, most in pairs:
            if row[least] > row[most]:
                found += 1.0
        return found

    usual = " and ".join(f"{{{number}}} <= {{{number + 1}}}" for number in range(0, 2 * len(pairs), 2))
    return unless(usual, count, *(position for pair in pairs for position in pair))


class ChargeLeap:
    """How far the displayed state of charge is from where the current can have brought it; 0 while none is asked for.

    A follower goes after the display, no faster than a current can move the weakest of cells. A display stands while
    its frame is on the way and between two of its digits, and then shows at once what has flowed since: that is owed to
    it from its last change on, also what flowed in the step before. At rest a BMS may look up its cells' voltages and
    correct itself at once: then the follower goes along. `shown` is the position of the display, `falling` (1/s) how
    fast it may fall by itself.
    """

    def __init__(self, capacity: float, shown: int = _SOC, falling: float = FALLING) -> None:
        self._per_ampere = FASTEST_CELL / (3600 * capacity)
        self._shown, self._falling = shown, falling
        self._follower = self._time = nan
        self._owed = self._flowed = 0.0

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        shown, follower, elapsed = row[self._shown], self._follower, row[_TIME] - self._time
        self._time = row[_TIME]
        if isnan(shown):
            return 0.0
        current = row[_CURRENT]
        flowed, self._flowed = self._flowed, abs(current) if current == current else 0.0  # noqa: PLR0124 - nan
        if elapsed > 0:  # the first row has none
            # A current that has been switched has flowed until then.
            self._owed += self._per_ampere * (flowed if flowed > self._flowed else self._flowed) * elapsed
        if shown == follower:
            return 0.0
        if isnan(row[_SET_CURRENT]) or isnan(follower):
            self._follower, self._owed = shown, 0.0
            return 0.0
        highest, lowest = follower + self._owed + RISING * elapsed, follower - self._owed - self._falling * elapsed
        self._follower, self._owed = min(max(shown, lowest), highest), 0.0
        return abs(shown - self._follower)


def cell_sum_gap(lowest: int, highest: int, pack_voltage: int, series: int) -> Quantity:
    """V by which a string is below its cells at their lowest, or above them at their highest, all as the BMS says."""

    def gap(row: Row) -> float:
        voltage = row[pack_voltage]
        return max(series * row[lowest] - voltage, voltage - series * row[highest], 0.0)

    usual = "{series} * {0} <= {2} <= {series} * {1}"
    return unless(usual, gap, lowest, highest, pack_voltage, series=series)


class Frozen:
    """How far others have moved, in shares of what is suspicious, while a channel of the BMS stood still.

    Each channel has two companions that different meters have seen, so that one of those that drifts does not accuse
    the BMS: both must have moved. A companion that is missing, or was, begins anew.

    The extreme of many cells is one cell, and others may move without it: a weak cell dives while the highest stands on
    a plateau, all climb while the emptiest lags on one. It is accused by others that have moved to where it cannot be
    the extreme any more (`beyond`), or once so much charge has flowed that no cell stands still.
    """

    def __init__(self, channels: Sequence["Still"], companions: Callable[[Row], Sequence[float]]) -> None:
        self._channels, self._companions = channels, companions
        self.due, self.found = -inf, 0.0

    def quantity(self) -> Formula:
        """As a guard has it: a look is called for only when it is due."""
        return Formula("{frozen}.found if {0} < {frozen}.due else {look}({row})", _TIME, frozen=self, look=self.look)

    def look(self, row: Row) -> float:
        """Look at a row, and not again for `STILL_PERIOD`."""
        self.due, self.found = row[_TIME] + STILL_PERIOD, self._worst(row)
        return self.found

    def _worst(self, row: Row) -> float:
        companions, worst = self._companions(row), 0.0
        for still in self._channels:
            value, first, second = row[still.position], companions[still.one], companions[still.other]
            # A nan compares unlike everything: written so that it ends up below.
            if value == still.value and abs(first - still.first) >= 0.0 <= abs(second - still.second):
                share = still.share(row, first, second)
                worst = worst if worst > share else share
            else:
                still.begin(row, value, first, second)
        return worst


@dataclass(slots=True)
class Still:
    """One channel that should move when two companions (by number) do; `suspicious` is how far, in their unit."""

    position: int
    one: int
    other: int
    suspicious: float
    value: float = nan
    first: float = nan
    second: float = nan

    def begin(self, _row: Row, value: float, first: float, second: float) -> None:
        """Stand still from this row on."""
        self.value, self.first, self.second = value, first, second

    def share(self, _row: Row, first: float, second: float) -> float:
        """How far both companions have moved since, in shares of what is suspicious."""
        moved, beside = abs(first - self.first), abs(second - self.second)
        return (beside if beside < moved else moved) / self.suspicious


@dataclass(slots=True, kw_only=True)
class StillExtreme(Still):
    """The highest (`sign` 1) or lowest (-1) of `series` cells, whose companions are both the whole string.

    `capacity` (Ah) is the pack's rated one.
    """

    sign: float
    series: int
    capacity: float
    charge: float = nan

    def begin(self, row: Row, value: float, first: float, second: float) -> None:
        """Stand still from this row on."""
        self.value, self.first, self.second, self.charge = value, first, second, _net_charge(row)

    def share(self, row: Row, first: float, second: float) -> float:
        """How far the string has moved: beyond what its extreme allows, or at all where charge has flowed."""
        moves = (first, self.first), (second, self.second)
        travelled = min(abs(now - before) for now, before in moves)
        beyond = min(self.sign * (now - before) - self._room(before) for now, before in moves)
        charged = abs(_net_charge(row) - self.charge) / (CHARGE_TRAVEL * self.capacity)
        # A charge that is not known (nan) accuses nobody.
        explained = travelled / self.suspicious if charged >= 1.0 else 0.0
        return max(beyond / self.suspicious, explained, 0.0)

    def _room(self, string: float) -> float:
        """V by which the other cells together were short of their extreme."""
        return max(0.0, self.sign * (self.series * self.value - string))


def _net_charge(row: Row) -> float:
    return row[_CHARGED] - row[_DISCHARGED]


def frozen_voltages(cells: tuple[int, int], string: int, series: int, capacity: float) -> Quantity:
    """Extreme cells move with terminals and string (see `StillExtreme`), the string with terminals and cells.

    The state of charge moves with the charge that was counted: ammeters that disagree have a limit of their own.
    """
    lowest, highest = cells
    connected = False
    low, high = ENDS_OF_SCALE

    def companions(row: Row) -> Sequence[float]:
        nonlocal connected
        charge = _net_charge(row) if low < row[_SOC] < high else nan
        before, connected = connected, row[_STATE] in CONNECTED
        terminals = row[_VOLTAGE] if before and connected else nan
        return terminals, row[string], series * (row[lowest] + row[highest]) / 2, charge

    travel = series * CELL_TRAVEL
    channels = (
        StillExtreme(lowest, 0, 1, travel, sign=-1.0, series=series, capacity=capacity),
        StillExtreme(highest, 0, 1, travel, sign=1.0, series=series, capacity=capacity),
        Still(string, 0, 2, travel),
        Still(_SOC, 3, 3, CHARGE_TRAVEL * capacity),
    )  # fmt: skip
    return Frozen(channels, companions).quantity()


def frozen_temperatures(positions: Sequence[int]) -> Quantity:
    """Temperatures move with the air and with what lies between it and the sensors of the scanner: with all of them."""

    def companions(row: Row) -> Sequence[float]:
        air = row[_AIR]
        return air, sorted((row[_COLDEST], row[_HOTTEST], air))[1]

    return Frozen([Still(position, 0, 1, TEMPERATURE_TRAVEL) for position in positions], companions).quantity()


def frozen_sensors(of_the_bms: Sequence[int]) -> Quantity:
    """The scanner's extremes move with the BMS's hottest and coldest cell (positions): with both of them.

    Where all cells of a pack have moved, a sensor on one that has not is stuck, or is on none.
    """

    def companions(row: Row) -> Sequence[float]:
        return [row[position] for position in of_the_bms]

    return Frozen(
        [Still(position, 0, 1, TEMPERATURE_TRAVEL) for position in (_COLDEST, _HOTTEST)], companions
    ).quantity()


def open_yet_carrying(bms_current: int) -> Quantity:
    """1 while the BMS says that its contactors are open and reads the current through them that was asked for; else 0.

    Source or sink reads it as well. A second node with the same identifiers says such things; a contactor that opens
    does not. One that is opening may wait for the current to fall.
    """

    def found(row: Row) -> float:
        state, least = row[_STATE], CARRYING * abs(row[_SET_CURRENT])
        # nan: nothing is asked for. One that gives up may have its reasons to open late.
        if not least > 0 or isnan(state) or state in CONNECTED or state > BmsState.CHARGE or state == BmsState.OPENING:
            return 0.0
        return 1.0 if abs(row[_CURRENT]) > least < abs(row[bms_current]) else 0.0

    return unless("{0} in {connected}", found, _STATE, connected=CONNECTED)


class PathOpen:
    """1 while no ammeter sees any of the current asked for and the ends of its path differ by more than `apart` V.

    The BMS says that its contactors are closed, and one contactor, a fuse or a cable is not. Both voltmeters are right
    then: each sees its own end. But one that was wrong while a current flowed is wrong now. Fewer than `least` A nobody
    counts on.
    """

    def __init__(self, bms_voltage: int, bms_current: int, apart: float, least: float) -> None:
        self._voltage, self._current = bms_voltage, bms_current
        self._apart, self._least = apart, least
        self.agreed = True

    def quantity(self) -> Formula:
        """As a guard has it: while the ends agree, as they did, there is nothing to find and nothing to remember."""
        usual = "{path}.agreed and abs({0} - {1}) <= {apart}"
        return unless(usual, self, _VOLTAGE, self._voltage, path=self, apart=self._apart)

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        asked = abs(row[_SET_CURRENT])
        if not asked >= self._least:  # nan: nothing is asked for
            return 0.0
        most, apart = LEAKING * asked, abs(row[_VOLTAGE] - row[self._voltage]) > self._apart
        if abs(row[_CURRENT]) < most > abs(row[self._current]):
            return 1.0 if apart and self.agreed else 0.0
        self.agreed = not apart
        return 0.0


# --- heat -------------------------------------------------------------------------------------------------------------


def air_heat(bms_hottest: int, allowed: float) -> Quantity:
    """K above `allowed` (degC) of the hottest cell while it is no warmer than the air: then the air heats it."""

    def excess(row: Row) -> float:
        hottest = max(row[_HOTTEST], row[bms_hottest])
        return hottest - allowed if allowed < hottest <= row[_AIR] else 0.0

    return unless("{0} <= {allowed} >= {1}", excess, _HOTTEST, bms_hottest, allowed=allowed)


class OutsideHeat:
    """K of the coldest cell that neither the air, as the chamber reports it, nor the current has brought about.

    A balance that lets the cells lose nothing: they may be as warm as the reported air, and warmer by the heat of the
    current. What the coldest cell, of scanner and BMS, has beyond that comes from outside: the chamber heats and says
    that it does not. One cell that heats itself leaves the coldest alone.

    Once a current has fallen, its heat goes on coming for `SLOW`.

    `impossible` is beyond what any such pack can heat itself: by the largest resistance that its file allows or that
    was measured, and by `ENTROPY`. `doubtful` is beyond what this one does, by its measured resistance: enough to doubt
    that a pack which is too hot has heated itself. Resistance is measured by the BMS, which sees current and string at
    once, contactors open or closed: terminals come to the string's voltage only after a contactor has closed.

    The other way round cells become no colder than they were, or than the reported air: `lack` is what even the hottest
    of them lacks, beyond what a current takes from them by `ENTROPY`. A `plate` under them counts as the air does.
    `of_the_bms` are the positions of its coldest and hottest cell, of its voltage and its current.
    """

    def __init__(self, pack: PackFile, of_the_bms: Sequence[int], plate: Plate | None = None) -> None:
        mean_voltage = (pack.voltage_min + pack.voltage_max) / 2
        self._capacity = HEAT_CAPACITY * mean_voltage * pack.rated_capacity
        self._allowed = pack.resistance
        self._bms_coldest, self._bms_hottest, self._bms_voltage, self._bms_current = of_the_bms
        self._step, self._reversible = STEP_SHARE * pack.rated_capacity, ENTROPY * pack.series
        self._measured, self._resistance, self._at = 0.0, 0.0, nan
        self._slow, self._little = 0.0, CARRIED * pack.rated_capacity
        self._explained = self._expected = self._floor = nan
        self.doubtful = self.lack = 0.0
        self._before: Row | None = None
        self._plate = plate

    def impossible(self, row: Row) -> float:
        """Take the next row; `doubtful` and `lack` are of it then, too."""
        # Written without min and max: four of each would cost a twentieth of a whole scan of the guard.
        scanned, told = row[_COLDEST], row[self._bms_coldest]
        coldest = told if told < scanned else scanned
        scanned, told = row[_HOTTEST], row[self._bms_hottest]
        hottest = told if told > scanned else scanned
        before, current, air = self._before, row[_CURRENT], row[_AIR]
        cold, air = (air, air) if self._plate is None else (self._plate.below(air), self._plate.above(air))
        self.doubtful = self.lack = 0.0
        if isnan(coldest + hottest + current):
            return 0.0
        self._before = row
        if before is None:
            self._explained = self._expected = coldest
            self._floor = hottest
            return 0.0
        explained, expected, floor = self._explained, self._expected, self._floor
        elapsed, flows, slow = row[_TIME] - before[_TIME], abs(current), self._slow
        self._slow = slow = slow + (flows - slow) * (elapsed / SLOW if elapsed < SLOW else 1.0)
        if flows or slow > self._little:
            own, most = self._ohms(before, row, coldest)
            per_watt, square = elapsed / self._capacity, RESISTANCE * (flows * flows if flows > slow else slow * slow)
            reversible = flows * self._reversible * per_watt
            explained += square * most * per_watt + reversible
            expected += square * own * per_watt
            floor -= reversible
        # As warm as the air at most. Colder than explained is what they are: from there on they are to be explained.
        explained = air if air > explained else explained
        expected = air if air > expected else expected
        self._explained = explained = coldest if coldest < explained else explained
        self._expected = expected = coldest if coldest < expected else expected
        # And the other way round.
        floor = cold if cold < floor else floor
        self._floor = floor = hottest if hottest > floor else floor
        self.doubtful, self.lack = coldest - expected, floor - hottest
        return coldest - explained

    def _ohms(self, before: Row, row: Row, temperature: float) -> tuple[float, float]:
        """Resistance of the pack: as measured, and the largest allowed at this temperature or more where it has more.

        A voltmeter that is slower than its ammeter measures next to none: then it is what good cells have.
        """
        if not abs(temperature - self._at) < 1.0:
            self._at, self._resistance = temperature, at_temperature(self._allowed, temperature)
        allowed, ammeter, voltmeter = self._resistance, self._bms_current, self._bms_voltage
        step = abs(row[ammeter] - before[ammeter])
        if step > self._step:
            found = abs(row[voltmeter] - before[voltmeter]) / step
            # As a share of what is allowed at this temperature: a pack has many times as much in the cold.
            self._measured = max(self._measured, min(found / allowed, WORST_RESISTANCE))
        measured = self._measured
        own = (measured if measured > BEST_RESISTANCE else BEST_RESISTANCE) if measured else 1.0
        return own * allowed, (measured if measured > 1.0 else 1.0) * allowed


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
    beyond = abs(flows) - abs(asked)
    return beyond if beyond > 0.0 else 0.0


def unasked_of(sources: Sequence[int], sinks: Sequence[int]) -> Quantity:
    """As `unasked_current`, or A of one instrument while another is asked, if that is more.

    What one of two has left on the other may take up, so that their sum looks like what was asked for. The positions
    are of the ammeters of those that only charge, and of those that only discharge.
    """

    def found(row: Row) -> float:
        asked, most = row[_SET_CURRENT], unasked_current(row)
        for position in sources if asked < 0 else sinks if asked > 0 else ():
            idle = abs(row[position])
            most = idle if idle > most else most  # nan: a value that is missing has a limit of its own
        return most

    return found


def unconfirmed_heat(bms_hottest: int, allowed: float, tolerance: float) -> Quantity:
    """K above `allowed` (degC) that the scanner reads while the BMS finds no cell within `tolerance` (K) of it.

    The BMS has sensors where the scanner may have none, never the other way round.
    """

    def excess(row: Row) -> float:
        hottest = row[_HOTTEST]
        return max(0.0, hottest - allowed) if hottest - row[bms_hottest] > tolerance else 0.0

    return unless("{0} - {1} <= {tolerance}", excess, _HOTTEST, bms_hottest, tolerance=tolerance)
