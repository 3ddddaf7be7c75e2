"""What the guard derives from a row: rates, differences between meters, charge balance, the BMS's own fault bits.

Each is a function of the newest row that may remember earlier ones; none costs more than a microsecond. Nothing here
is recorded with the samples: everything but the fault bits can be computed from them again.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from operator import itemgetter

from bench import columns
from bench.columns import INDEX, bms_label, raw_label
from bench.pack import PackFile
from bench.safety import charger, coolant, events, plausibility
from bench.safety.formulas import Formula, Quantity, Row
from bench.station import StationFile
from instruments.roles import AMPERES, CONTRADICTIONS, DROPPED, VOLTS, BmsFault, InstrumentFault

CELL_SPREAD = "Cell Voltage Spread / V"
CHARGE_SPREAD = "Cell Charge Spread / 1"
TEMPERATURE_RATE = "Cell Temperature Rate / K/min"
TEMPERATURE_RISE = "Cell Temperature Rise / K"
CHAMBER_DEVIATION = "Chamber Deviation / K"
CHARGE_MOVED = "Charge Moved / Ah"
BMS_VOLTAGE_DIFFERENCE = "Voltage Difference BMS / V"
SINK_VOLTAGE_DIFFERENCE = "Voltage Difference Sink / V"
BMS_CURRENT_DIFFERENCE = "Current Difference BMS / A"
HIGHEST_CELL_DIFFERENCE = "Cell Voltage Max Difference BMS / V"
LOWEST_CELL_DIFFERENCE = "Cell Voltage Min Difference BMS / V"
HOTTEST_DIFFERENCE = "Cell Temperature Max Difference BMS / K"
COLDEST_DIFFERENCE = "Cell Temperature Min Difference BMS / K"
CHARGE_EXCESS = "Charge Current Excess / A"
DISCHARGE_EXCESS = "Discharge Current Excess / A"
CURRENT_SHORTFALL = "Current Shortfall / 1"
HOTTEST_JUMP = "Cell Temperature Max Jump / K"
COLDEST_JUMP = "Cell Temperature Min Jump / K"
SCANNER_FROZEN = "Scanner Sensor Frozen / 1"
BMS_UNCHANGED = "BMS Unchanged / s"
BMS_TEMPERATURE_SPREAD = "BMS Cell Temperature Spread / K"
BMS_FAULT_BITS = "BMS Fault Bits / 1"
BMS_LINK_BITS = "BMS Link Bits / 1"

RATE_WINDOW, RATE_SPACING = 60.0, 5.0
"""s over which a rate is told from the resolution of a sensor (0.17 K), and between the values kept for it."""
AT_THE_LIMIT = 0.01
"""V from a cell's limit at which the pack counts as full or empty."""
FAULT_BITS_PERIOD = 1.0
"""s of bench time between two looks at the fault bits: decoding them costs as much as all the rest."""
FRESH = 2.0
"""s up to which what a BMS sent last is held against what flows now: twice the cycle of the slowest of its messages."""
MOVING = 1 / 20
"""C-rate (1/h) from which on the displayed charge moves within minutes: by 0.1 % in 72 s."""
HEAT_METERS = ("cell temperature min", "cell temperature max", "pack voltage", "pack current")
MEASURED_BY_BMS = ("cell voltage min", "cell voltage max", "pack voltage", "pack current")

_TIME, _AIR, _SET_AIR = 0, INDEX[columns.AMBIENT], INDEX[columns.SET_TEMPERATURE]
_CHARGED, _DISCHARGED = INDEX[columns.CHARGE_AH], INDEX[columns.DISCHARGE_AH]
_LOWEST, _HIGHEST = INDEX[columns.CELL_VOLTAGE_MIN], INDEX[columns.CELL_VOLTAGE_MAX]
_VOLTAGE, _CURRENT = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT]
_SET_VOLTAGE, _SET_CURRENT = INDEX[columns.SET_VOLTAGE], INDEX[columns.SET_CURRENT]
_CHARGE_LIMIT, _DISCHARGE_LIMIT = INDEX[columns.CHARGE_LIMIT], INDEX[columns.DISCHARGE_LIMIT]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


def quantities_for(
    pack: PackFile,
    station: StationFile,
    layout: Sequence[str],
    bms_faults: Callable[[], Sequence[BmsFault]],
    reconnections: Callable[[], float] = float,
) -> dict[str, Quantity]:
    """Everything that can be derived on `station`, by name; `layout` names the values of a row.

    `reconnections` counts, over all instruments, how often a link was opened anew.
    """
    index = {name: position for position, name in enumerate(layout)}
    plate = coolant.plate_of(station, index)
    quantities: dict[str, Quantity] = {
        # First, for others ask the plate what is around the cells.
        **coolant.quantities_for(index, plate),
        **charger.quantities_for(station, index),
        CELL_SPREAD: difference(_HIGHEST, _LOWEST),
        TEMPERATURE_RATE: SelfHeating(plate),
        TEMPERATURE_RISE: temperature_rise(plate),
        CHAMBER_DEVIATION: difference(_AIR, _SET_AIR),
        CHARGE_MOVED: ChargeBalance(pack.limits.cell_voltage.min, pack.limits.cell_voltage.max),
        CURRENT_SHORTFALL: current_shortfall,
        plausibility.UNASKED_CURRENT: _unasked(station, index),
        events.RECONNECTIONS: events.CountUnderLoad(reconnections),
    }
    bms = station.player("bms")
    if bms is not None:
        quantities |= _beside_the_bms(pack, station, index, bms, plate)
        quantities |= _of_the_bms(pack, index, bms, station.guard.voltage_disagreement * pack.voltage_max, bms_faults)
    first, *others = voltmeters(station) or ("",)
    if others:
        positions = [index[raw_label(name, VOLTS)] for name in others]
        quantities[SINK_VOLTAGE_DIFFERENCE] = furthest(index[raw_label(first, VOLTS)], positions)
    return quantities


def _unasked(station: StationFile, index: Mapping[str, int]) -> Quantity:
    """What flows unasked: where source and sink are several instruments, also what one reads while the other is asked.

    One that is asked more rarely than the bench is scanned may show what flowed before.
    """

    def ammeters(role: str, other: str) -> list[int]:
        alone = [name for name in station.players(role) if name not in station.players(other)]
        each_scan = [raw_label(name, AMPERES) for name in alone if station.instruments[name].scan_period is None]
        return [index[label] for label in each_scan if label in index]

    if station.player("charger") is not None:
        return charger.Unasked(index[columns.SET_GRID_POWER])
    sources, sinks = ammeters("source", "sink"), ammeters("sink", "source")
    return plausibility.unasked_of(sources, sinks) if sources or sinks else plausibility.unasked_current


def voltmeters(station: StationFile) -> tuple[str, ...]:
    """Sources and sinks, each once: what measures the voltage of the terminals, the one that is recorded first."""
    return tuple(dict.fromkeys((*station.players("source"), *station.players("sink"))))


def needs(column: str) -> frozenset[str]:
    """The columns, recorded ones, that must be measured for another to tell anything; its own name is among them."""
    if column in NEEDS:
        return NEEDS[column]
    return frozenset({column} if column in INDEX else {columns.BMS_STATE})


_TEMPERATURES = frozenset({columns.CELL_TEMPERATURE_MAX})
_BOTH_TEMPERATURES = _TEMPERATURES | {columns.BMS_STATE}
_HEAT = _BOTH_TEMPERATURES | {columns.AMBIENT}
NEEDS: Mapping[str, frozenset[str]] = {
    columns.SCAN_DURATION: frozenset(),
    columns.POWER: frozenset({columns.VOLTAGE, columns.CURRENT}),
    events.RECONNECTIONS: frozenset(),
    **coolant.NEEDS,
    **charger.NEEDS,
    CELL_SPREAD: frozenset({columns.CELL_VOLTAGE_MAX}),
    TEMPERATURE_RATE: _TEMPERATURES,
    TEMPERATURE_RISE: _TEMPERATURES | {columns.AMBIENT},
    CHAMBER_DEVIATION: frozenset({columns.AMBIENT}),
    CHARGE_MOVED: frozenset({columns.CURRENT, columns.CELL_VOLTAGE_MAX}),
    CURRENT_SHORTFALL: frozenset({columns.CURRENT}),
    plausibility.UNASKED_CURRENT: frozenset({columns.CURRENT}),
    SINK_VOLTAGE_DIFFERENCE: frozenset({columns.VOLTAGE}),
    BMS_VOLTAGE_DIFFERENCE: frozenset({columns.VOLTAGE, columns.BMS_STATE}),
    BMS_CURRENT_DIFFERENCE: frozenset({columns.CURRENT, columns.BMS_STATE}),
    **dict.fromkeys((CHARGE_EXCESS, DISCHARGE_EXCESS), frozenset({columns.CURRENT, columns.BMS_STATE})),
    **dict.fromkeys(
        (
            SCANNER_FROZEN, HOTTEST_JUMP, COLDEST_JUMP, HOTTEST_DIFFERENCE, COLDEST_DIFFERENCE,
            plausibility.UNCONFIRMED_HEAT,
        ),
        _BOTH_TEMPERATURES,
    ),
    **dict.fromkeys(
        (
            plausibility.AIR_HEAT, plausibility.OUTSIDE_HEAT, plausibility.UNLIKELY_HEAT, plausibility.OUTSIDE_COLD,
            plausibility.FROZEN_TEMPERATURE,
        ),
        _HEAT,
    ),
    **dict.fromkeys(
        (plausibility.PATH_OPEN, plausibility.OPEN_YET_CARRYING, events.INTERRUPTIONS, events.OPEN_UNDER_LOAD),
        frozenset({columns.VOLTAGE, columns.CURRENT, columns.BMS_STATE}),
    ),
}  # fmt: skip
"""What is not here and not recorded itself is a BMS's alone."""


def _beside_the_bms(
    pack: PackFile, station: StationFile, index: Mapping[str, int], bms: str, plate: coolant.Plate | None
) -> dict[str, Quantity]:
    """What the BMS measures, beside what the bench measures of the same."""

    def of_bms(channel: str) -> int:
        return index[bms_label(bms, channel)]

    hottest = of_bms("cell temperature max")
    heat = plausibility.OutsideHeat(pack, [of_bms(channel) for channel in HEAT_METERS], plate)
    limits, tolerance = pack.limits, station.guard.temperature_disagreement
    allowed = max(limits.charge_temperature.max, limits.discharge_temperature.max)
    quantities: dict[str, Quantity] = {
        BMS_VOLTAGE_DIFFERENCE: while_fresh(INDEX[columns.VOLTAGE], of_bms("pack voltage")),
        BMS_CURRENT_DIFFERENCE: while_fresh(INDEX[columns.CURRENT], of_bms("pack current")),
        HOTTEST_DIFFERENCE: difference(_HOTTEST, of_bms("cell temperature max")),
        COLDEST_DIFFERENCE: difference(_COLDEST, of_bms("cell temperature min")),
        CHARGE_EXCESS: Excess(_CHARGE_LIMIT, 1.0),
        DISCHARGE_EXCESS: Excess(_DISCHARGE_LIMIT, -1.0),
        SCANNER_FROZEN: plausibility.frozen_sensors([hottest, of_bms("cell temperature min")]),
        HOTTEST_JUMP: Jump(_HOTTEST, of_bms("cell temperature max")),
        COLDEST_JUMP: Jump(_COLDEST, of_bms("cell temperature min")),
        BMS_UNCHANGED: Unchanged([INDEX[columns.SOC], *map(of_bms, MEASURED_BY_BMS)], MOVING * pack.rated_capacity),
        BMS_TEMPERATURE_SPREAD: difference(hottest, of_bms("cell temperature min")),
        plausibility.UNCONFIRMED_HEAT: plausibility.unconfirmed_heat(hottest, allowed, tolerance),
        plausibility.AIR_HEAT: plausibility.air_heat(hottest, allowed),
        plausibility.OUTSIDE_HEAT: heat.impossible,
        plausibility.UNLIKELY_HEAT: Formula("{heat}.doubtful", heat=heat),
        plausibility.OUTSIDE_COLD: Formula("{heat}.lack", heat=heat),
    }
    if station.player("emulator") is not None:
        # Elsewhere the cells are read from the BMS itself: there is nothing to compare.
        quantities[HIGHEST_CELL_DIFFERENCE] = difference(_HIGHEST, of_bms("cell voltage max"))
        quantities[LOWEST_CELL_DIFFERENCE] = difference(_LOWEST, of_bms("cell voltage min"))
    return quantities


def _of_the_bms(
    pack: PackFile, index: Mapping[str, int], bms: str, apart: float, faults: Callable[[], Sequence[BmsFault]]
) -> dict[str, Quantity]:
    """Whether what the BMS says can be, and what it says and does now and then."""
    bits = FaultBits(faults)
    soc, cell, temperature = (
        (index[bms_label(bms, f"{what} min")], index[bms_label(bms, f"{what} max")])
        for what in ("soc", "cell voltage", "cell temperature")
    )
    string, current = index[bms_label(bms, "pack voltage")], index[bms_label(bms, "pack current")]
    return {
        plausibility.PATH_OPEN: plausibility.PathOpen(string, current, apart, events.LEAST_ASKED).quantity(),
        plausibility.OPEN_YET_CARRYING: plausibility.open_yet_carrying(current),
        plausibility.DISORDER: plausibility.disorder((soc, cell, temperature)),
        CHARGE_SPREAD: difference(soc[1], soc[0]),
        plausibility.CHARGE_LEAP: plausibility.ChargeLeap(pack.rated_capacity),
        # One cell may be drained by a short inside it; the fullest is another one then, and hardly less full.
        plausibility.FULLEST_LEAP: plausibility.ChargeLeap(pack.rated_capacity, soc[1], falling=plausibility.RISING),
        plausibility.CELL_SUM_GAP: plausibility.cell_sum_gap(*cell, string, pack.series),
        plausibility.FROZEN: plausibility.frozen_voltages(cell, string, pack.series, pack.rated_capacity),
        plausibility.FROZEN_TEMPERATURE: plausibility.frozen_temperatures(temperature),
        BMS_FAULT_BITS: bits.of_the_pack,
        BMS_LINK_BITS: Formula("{bits}.link", bits=bits),  # of the look that has just been taken
        **_events(index, bms, apart),
    }


def _events(index: Mapping[str, int], bms: str, apart: float) -> dict[str, Quantity]:
    """What is counted over the run. Not every BMS counts frames: what it does not count has no limit."""
    interrupted = events.interrupted(index[bms_label(bms, "pack voltage")], apart)
    changes = events.StateChanges()
    return {
        events.OPEN_UNDER_LOAD: events.OPEN_THOUGH_ASKED,
        events.OPENINGS: changes,
        events.RESTARTS: Formula("{changes}.restarts", changes=changes),
        events.INTERRUPTIONS: events.EventCount(interrupted),
        events.DROPPED: events.growth(index.get(raw_label(bms, DROPPED))),
        events.CONTRADICTIONS: events.growth(index.get(raw_label(bms, CONTRADICTIONS))),
    }


def temperature_rise(plate: coolant.Plate | None) -> Quantity:
    """K of the hottest sensor above what it has around it.

    What makes that warmer than it was asked to be is not the current.
    """
    if plate is None:
        # Not by `max`: called, it takes ten times as long as a comparison.
        return Formula("{0} - ({2} if {2} > {1} else {1})", _HOTTEST, _SET_AIR, _AIR)
    return Formula("{0} - max({1}, {plate}.above({2}))", _HOTTEST, _SET_AIR, _AIR, plate=plate)


def difference(first: int, second: int) -> Quantity:
    """How far two values of a row are apart, whichever is larger."""
    return Formula("abs({0} - {1})", first, second)


def while_fresh(first: int, of_the_bms: int) -> Quantity:
    """How far a value and what the BMS says of it are apart; 0 once that is too old to be of the same instant.

    That a BMS is not heard has a limit of its own, and whoever else measures is not doubted for it.
    """
    text = "0.0 if {2} > {fresh} else abs({0} - {1})"
    return Formula(text, first, of_the_bms, INDEX[columns.BMS_AGE], fresh=FRESH)


def furthest(first: int, others: Sequence[int]) -> Quantity:
    """How far the furthest of several values of a row is from the first."""
    if len(others) == 1:
        return difference(first, others[0])
    apart = ", ".join(f"abs({{0}} - {{{number}}})" for number in range(1, len(others) + 1))
    return Formula(f"max({apart})", first, *others)


class Excess:
    """A beyond what the BMS allows, now and in the row before: nobody can follow a limit before it is known.

    `sign` is that of the current that is meant.
    """

    def __init__(self, limit: int, sign: float) -> None:
        self._limit, self._sign, self._before = limit, sign, nan

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        now, before = row[self._limit], self._before
        self._before = now
        return self._sign * row[_CURRENT] - (before if before > now else now)


current_shortfall = Formula(
    "0.0 if not abs({0}) >= {least} or not ({1} - {2} if {0} > 0 else {2} - {1}) > {share} * {1} else 1.0 - {3} / {0}",
    _SET_CURRENT, _SET_VOLTAGE, _VOLTAGE, _CURRENT, least=events.LEAST_ASKED, share=events.LIMITED_BY_VOLTAGE,
)  # fmt: skip
"""Share of the current asked for (nan: nothing is) that does not flow, though no voltage limit holds it down; else 0.

A current that is missing (nan) has a limit of its own, on the columns that it goes into.
"""


class Jump:
    """How far one value has jumped away from another since the row before; 0 where one is missing.

    Two meters that agree on a jump have seen one. Where only the other one has jumped, it may have seen a cell that
    this one has no sensor on.
    """

    def __init__(self, value: int, other: int) -> None:
        self._value, self._other, self._before = value, other, (nan, nan)

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        (value, other), self._before = self._before, (row[self._value], row[self._other])
        moved, beside = row[self._value] - value, row[self._other] - other
        return abs(moved - beside) if abs(moved) > abs(beside) else 0.0


class Unchanged:
    """For how long, s, several values have all stood still while at least `current` (A) flows; 0 while less does.

    What is measured while a current flows moves by its last digit at least, by noise if by nothing else.
    """

    def __init__(self, positions: Sequence[int], current: float) -> None:
        self._values_of: Callable[[Row], object] = itemgetter(*positions)
        self._current = current
        self._before: object = None
        self._since: float

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        values = self._values_of(row)
        if values != self._before or not abs(row[_CURRENT]) >= self._current:
            self._before, self._since = values, row[_TIME]
        return row[_TIME] - self._since


@dataclass(frozen=True, slots=True)
class _Reading:
    time: float
    temperature: float


class SelfHeating:
    """Rise of the hottest sensor over the last minute, K/min, while it is warmer than air and plate around it; else 0.

    Cells that a chamber heats are colder than its air: only heat of their own makes them rise above it.
    """

    def __init__(self, plate: coolant.Plate | None = None) -> None:
        self._history: deque[_Reading] = deque()
        self._plate = plate

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        time, hottest, history = row[_TIME], row[_HOTTEST], self._history
        if isnan(hottest):
            return hottest
        if not history or time - history[-1].time >= RATE_SPACING:
            history.append(_Reading(time, hottest))
        # The youngest of those that are a whole window old stays: the window is never shorter than that.
        while len(history) > 1 and time - history[1].time >= RATE_WINDOW:
            history.popleft()
        span = time - history[0].time
        around = row[_AIR] if self._plate is None else self._plate.above(row[_AIR])
        if span < RATE_WINDOW / 2 or hottest <= around:
            return 0.0
        return 60 * (hottest - history[0].temperature) / span


class ChargeBalance:
    """Ah that went one way since the pack was last empty (charging) or full (discharging), or since the start.

    A pack cannot take or give more than it holds. What it loses to coulombic efficiency adds up only over cycles
    that never touch a limit.
    """

    def __init__(self, empty: float, full: float) -> None:
        self._empty, self._full = empty + AT_THE_LIMIT, full - AT_THE_LIMIT
        self._least, self._most = inf, -inf

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        net = row[_CHARGED] - row[_DISCHARGED]
        if row[_LOWEST] <= self._empty or net < self._least:
            self._least = net
        if row[_HIGHEST] >= self._full or net > self._most:
            self._most = net
        risen, fallen = net - self._least, self._most - net
        return fallen if fallen > risen else risen


class FaultBits:
    """How many fault bits the BMS raises: of its own, and of those that the bench brings about."""

    def __init__(self, faults: Callable[[], Sequence[BmsFault]]) -> None:
        self._faults = faults
        self._due = -inf
        self._own = self.link = 0.0

    def of_the_pack(self, row: Row) -> float:
        """Count of the bits that tell of the pack; `link` is that of the bits that tell of the bench."""
        now = row[_TIME]
        if now >= self._due:
            self._due = now + FAULT_BITS_PERIOD - 1e-6
            self._look()
        return self._own

    def _look(self) -> None:
        try:
            sides = [fault.side for fault in self._faults()]
        except InstrumentFault:
            # A node that was never heard, or cannot be: its silence has a limit of its own.
            return
        if not sides:  # a healthy node's, nearly always
            self.link = self._own = 0.0
            return
        # What is raised beside whatever else there is goes with the rest.
        link = len(sides) if "bench" in sides and "pack" not in sides else sides.count("bench")
        self.link, self._own = float(link), float(len(sides) - link)
