"""What the guard makes of a coolant unit: what it brings to the cells, and when it does not do what it was asked for.

A pack's plate remembers its coolant: for an hour after the pump has stopped, what it was warmed or cooled to may still
come out of it. Heat limits that ask what is around the cells ask that as well.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from math import exp, inf, isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.pack import PackFile
from bench.safety.formulas import Formula, Quantity, Row
from bench.safety.guard import Limit
from bench.station import StationFile
from instruments.roles import CoolantAlarm

WARMEST = "Warmest Around The Cells / degC"
SUPPLY = "Coolant Supply While It Flows / degC"
DEVIATION = "Coolant Deviation / K"
SHORTFALL = "Coolant Flow Shortfall / 1"
EMPTY = "Coolant Level Low While Asked / 1"
HOT = "Coolant Unit Too Hot While Asked / 1"
SWITCHED_OFF = "Coolant Unit Switched Off While Asked / 1"
GAP = "Coolant Return Gap / K"

MARGIN = 5.0
"""K that coolant may be beyond what the pack may see: a unit overshoots, the cells follow it slowly."""
BAND = 3.0
"""K of the set point inside which the supply has arrived, and which it may leave as it overshoots."""
PROGRESS, PATIENCE = 0.5, 600.0
"""K by which the supply must come nearer to its set point within so many s, until it has arrived."""
LOST = 0.5
"""Share of the flow asked for that may be missing: a filter clogs slowly, a pump stops at once."""
FILLED = 60.0
"""s of flow after which what comes back has been in the plate: hoses are full of what was in them before."""
IMPOSSIBLE = 6.0
"""K by which what comes back may be warmer or colder than all that it has touched: three sensors, each of 2 K."""
PLATE = 3600.0
"""s in which a plate without flow comes to the air around it, at the latest by a factor e."""
OF_COOLANT = frozenset({
    "cell-over-temperature", "cell-under-temperature", "cell-temperature-rate", "cell-temperature-rise",
    "charging-too-cold", "bms-charge-limit", "outside-heat", "outside-cold",
})  # fmt: skip
"""What coolant brings about that is hotter or colder than anybody has asked for."""
NEEDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((WARMEST, SUPPLY, DEVIATION), frozenset({columns.COOLANT_SUPPLY})),
    SHORTFALL: frozenset({columns.COOLANT_FLOW}),
    **dict.fromkeys((EMPTY, HOT, SWITCHED_OFF, columns.COOLANT_ALARM), frozenset({columns.COOLANT_ALARM})),
    GAP: frozenset({columns.COOLANT_RETURN, columns.CELL_TEMPERATURE_MAX, columns.AMBIENT}),
}

_TIME, _AIR = INDEX[columns.TEST_TIME], INDEX[columns.AMBIENT]
_COLDEST, _HOTTEST = INDEX[columns.CELL_TEMPERATURE_MIN], INDEX[columns.CELL_TEMPERATURE_MAX]


class Plate:
    """The warmest and the coldest (degC) that the coolant can have left in the plate; nan where there was never any."""

    def __init__(self, supply: int, flow: int) -> None:
        self._supply, self._flow = supply, flow
        self.warmest = self.coldest = nan
        self._time = nan

    def __call__(self, row: Row) -> float:
        """Take the next row; the warmest."""
        elapsed, self._time = row[_TIME] - self._time, row[_TIME]
        supply, air = row[self._supply], row[_AIR]
        if row[self._flow] > 0 and not isnan(supply):
            self.warmest, self.coldest = supply, supply
        elif elapsed > 0 and not isnan(self.warmest + air):
            share = exp(-elapsed / PLATE)
            self.warmest, self.coldest = (air + (each - air) * share for each in (self.warmest, self.coldest))
        return self.warmest

    def above(self, air: float) -> float:
        """The warmer of the air and the plate, degC."""
        return self.warmest if self.warmest > air else air

    def below(self, air: float) -> float:
        """The colder of the air and the plate, degC."""
        return self.coldest if self.coldest < air else air


class Deviation:
    """K by which the supply is away from what it was asked for, though it had the time to come there; else 0.

    It has that time as long as it comes nearer, and none any more once it has been there.
    """

    def __init__(self, supply: int, asked: int, flow: int) -> None:
        self._supply, self._asked, self._flow = supply, asked, flow
        self._goal, self._nearest, self._since = nan, inf, 0.0

    def __call__(self, row: Row) -> float:
        """Take the next row."""
        goal, away = row[self._asked], abs(row[self._supply] - row[self._asked])
        if isnan(goal) or not row[self._flow] > 0:
            self._goal = nan
            return 0.0
        if goal != self._goal:
            self._goal, self._nearest, self._since = goal, inf, row[_TIME]
        if away < self._nearest - PROGRESS or away <= BAND:
            self._nearest, self._since = min(away, self._nearest), row[_TIME]
        arrived = self._nearest <= BAND
        return away if arrived or row[_TIME] - self._since > PATIENCE else 0.0


class Gap:
    """K by which what comes back is warmer or colder than all that it has touched: supply, cells and air; else 0."""

    def __init__(self, supply: int, back: int, flow: int) -> None:
        self._supply, self._back, self._flow = supply, back, flow
        self._since = nan

    def __call__(self, row: Row) -> float:
        """Take the next row; one without a sensor in the return tells nothing."""
        back, supply = row[self._back], row[self._supply]
        if not row[self._flow] > 0 or isnan(back):
            self._since = nan
            return 0.0
        if isnan(self._since):
            self._since = row[_TIME]
        if row[_TIME] - self._since < FILLED:
            return 0.0
        return max(back - max(supply, row[_HOTTEST], row[_AIR]), min(supply, row[_COLDEST], row[_AIR]) - back, 0.0)


def quantities_for(index: Mapping[str, int], plate: Plate | None) -> dict[str, Quantity]:
    """What is derived where somebody plays the coolant, and so there is a plate; nothing elsewhere."""
    if plate is None:
        return {}
    supply, back = index[columns.COOLANT_SUPPLY], index[columns.COOLANT_RETURN]
    flow, asked = index[columns.COOLANT_FLOW], index[columns.SET_COOLANT_TEMPERATURE]
    wanted, alarm = index[columns.SET_COOLANT_FLOW], index[columns.COOLANT_ALARM]
    return {
        WARMEST: plate,
        SUPPLY: Formula("{0} if {1} > 0.0 else {nan}", supply, flow, nan=nan),
        DEVIATION: Deviation(supply, asked, wanted),
        SHORTFALL: Formula("1.0 - {0} / {1} if {1} > 0.0 else 0.0", flow, wanted),
        EMPTY: _alarm_while_asked(CoolantAlarm.LOW_LEVEL, alarm, wanted),
        HOT: _alarm_while_asked(CoolantAlarm.TOO_HOT, alarm, wanted),
        SWITCHED_OFF: _alarm_while_asked(CoolantAlarm.SWITCHED_OFF, alarm, wanted),
        GAP: Gap(supply, back, flow),
    }


def _alarm_while_asked(which: CoolantAlarm, alarm: int, wanted: int) -> Formula:
    return Formula("1.0 if {0} == {which} and {1} > 0.0 else 0.0", alarm, wanted, which=float(which))


def plate_of(station: StationFile, index: Mapping[str, int]) -> Plate | None:
    """What a coolant has left in the plate; None where there is none."""
    if station.player("coolant") is None:
        return None
    return Plate(index[columns.COOLANT_SUPPLY], index[columns.COOLANT_FLOW])


def limits_for(pack: PackFile, station: StationFile) -> Iterator[Limit]:
    """What a coolant unit may do and must not leave undone; those that say why come before those that say what."""
    unit = station.whoever_is("coolant")
    charge, discharge = pack.limits.charge_temperature, pack.limits.discharge_temperature
    of = partial(Limit, instrument=unit)
    yield of(
        "coolant-empty", EMPTY, "", at_most=0.0, explains=frozenset({"coolant-flow-lost"}),
        words="there is too little coolant in it, and it has stopped; fill it and look for the leak",
    )  # fmt: skip
    yield of(
        "coolant-alarm", HOT, "", at_most=0.0, label="coolant alarm (over-temperature)", explains=OF_COOLANT,
        words="its own over-temperature protection has acted; look at its panel",
    )  # fmt: skip
    yield of(
        "coolant-flow-lost", SWITCHED_OFF, "", at_most=0.0, label="coolant switched off",
        words="it stands by, though it was asked to pump: somebody has switched it off at its panel",
    )  # fmt: skip
    yield of(
        "coolant-alarm", columns.COOLANT_ALARM, "", at_most=0.0, debounce=5.0, advisory=True,
        words="it reports an alarm; look at its panel",
    )  # fmt: skip
    yield of(
        "coolant-flow-lost", SHORTFALL, "", at_most=LOST, debounce=10.0,
        words="it was asked to pump and next to nothing flows; look at its pump, its valves and its hoses",
    )  # fmt: skip
    yield of(
        "coolant-implausible", GAP, "K", at_most=IMPOSSIBLE, debounce=30.0, contradiction=True, explains=OF_COOLANT,
        words=(
            "what comes back is warmer or colder than all that it has touched; look at the sensors of supply and "
            "return, and whether the hoses are exchanged"
        ),
    )  # fmt: skip
    yield of(
        "coolant-over-temperature", SUPPLY, "°C", debounce=10.0, when="measured", explains=OF_COOLANT,
        at_least=min(charge.min, discharge.min) - MARGIN, at_most=max(charge.max, discharge.max) + MARGIN,
    )  # fmt: skip
    yield of("coolant-diverges", DEVIATION, "K", at_most=2 * BAND, debounce=60.0, explains=OF_COOLANT)
