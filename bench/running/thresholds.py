"""What an end condition may compare with: a threshold that its column never reaches ends no step, or ends it at once.

The ranges are the pack's and the station's own. A number outside of them is a mistake in the test, most often one of
units: pre-flight tells it before anything is switched on. The ranges of set points are `bench.running.preflight`'s.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from math import inf, isfinite

from bench import columns, roles
from bench.pack import PackFile
from bench.safety import limits
from bench.scenario import ELAPSED, Step, Until
from bench.station import StationFile
from instruments.wording import digits, nearest

ABSOLUTE_ZERO = -273.15
"""degC"""
LONGEST_STEP = 30 * 86400.0
"""s; a step that is longer is a storage test, or a time in another unit."""
CYCLES = 10_000
"""Times the rated capacity that a run may move one way: a life's worth."""
ROUNDING = 1e-9
"""Share of a bound by which a threshold may lie outside: 24 times 3.6 V is not what somebody writes down as 86.4."""


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest value that a column can have in its unit."""

    low: float
    high: float
    unit: str

    def __contains__(self, value: float) -> bool:
        return self.low - ROUNDING * abs(self.low) <= value <= self.high + ROUNDING * abs(self.high)

    def __str__(self) -> str:
        unit = self.unit.replace("degC", "°C")
        return f"{digits(self.low, 4)} to {digits(self.high, 4)} {unit}".removesuffix(" 1")


def problems(step: Step, pack: PackFile, station: StationFile) -> Iterable[str]:
    """One sentence for each condition of `step` that cannot be meant; raises `ValueError` where it has none."""
    allowed = ranges(pack, station)
    measured = limits.measured_on(station) | _COMPUTED
    for condition in step.conditions:
        problem = (
            _problem(condition, allowed, pack)
            if _known(condition.column, measured)
            else _unknown(condition.column, measured, station)
        )
        if problem:
            yield f"Step {step.name!r}: {problem}"
    if step.timeout is not None and not 0 < step.timeout < inf:
        yield f"Step {step.name!r}: a timeout of {step.timeout:g} s is none: give more than 0 s, or leave it out."


def ranges(pack: PackFile, station: StationFile) -> dict[str, Range]:
    """The range of each column that has one, on this station with this pack."""
    cell, allowed = pack.limits.cell_voltage, pack.limits
    temperatures = allowed.charge_temperature, allowed.discharge_temperature
    coldest, hottest = min(span.min for span in temperatures), max(span.max for span in temperatures)
    current = min(max(allowed.charge_current, allowed.discharge_current), station.wiring.current)
    volts = Range(cell.min, cell.max, "V")
    degrees = Range(coldest, hottest, "degC")
    ampere_hours = Range(0.0, CYCLES * pack.rated_capacity, "Ah")
    watt_hours = Range(0.0, CYCLES * pack.rated_capacity * pack.voltage_max, "Wh")
    return {
        ELAPSED: Range(0.0, LONGEST_STEP, "s"),
        columns.SOC: Range(0.0, 1.0, "1"),
        columns.CURRENT: Range(0.0, current, "A"),
        columns.VOLTAGE: Range(pack.voltage_min, pack.voltage_max, "V"),
        columns.POWER: Range(-current * pack.voltage_max, current * pack.voltage_max, "W"),
        columns.CELL_VOLTAGE_MIN: volts, columns.CELL_VOLTAGE_MAX: volts,
        columns.AMBIENT: degrees, columns.SURFACE: degrees,
        columns.CELL_TEMPERATURE_MIN: degrees, columns.CELL_TEMPERATURE_MAX: degrees,
        columns.CHARGE_AH: ampere_hours, columns.DISCHARGE_AH: ampere_hours,
        columns.CHARGE_WH: watt_hours, columns.DISCHARGE_WH: watt_hours,
    }  # fmt: skip


def meant(value: float, unit: str, low: float, high: float) -> str:
    """A question after what was likely meant by a `value` outside of `low` to `high`; empty where nothing is near."""
    for change in _MISTAKES.get(unit, ()):
        likely = change(value)
        if low <= likely <= high and likely != value:
            return f" Did you mean {digits(likely, 4)}?"
    return ""


_MISTAKES: dict[str, tuple[Callable[[float], float], ...]] = {
    "1": (lambda percent: percent / 100,),
    "degC": (lambda kelvin: kelvin + ABSOLUTE_ZERO, lambda fahrenheit: (fahrenheit - 32) / 1.8),
    "V": (lambda millivolts: millivolts / 1000, abs),
    "A": (abs, lambda milliamperes: milliamperes / 1000),
    "s": (abs, lambda milliseconds: milliseconds / 1000),
    "Ah": (abs,), "Wh": (abs,),
}  # fmt: skip
"""What people do to a number, by its unit: the first one that brings it into its range was likely it."""


_OF_ROLES = frozenset(column.name for name in roles.own_names() for column in roles.role(name).columns)
"""Columns that one of our roles fills in, whether or not anybody plays it on a station."""
_COMPUTED = frozenset(columns.DERIVED) - _OF_ROLES
"""Columns that every bench has, whoever measures what."""


def _known(column: str, measured: Container[str]) -> bool:
    return column == ELAPSED or column in measured


def _unknown(column: str, measured: Iterable[str], station: StationFile) -> str:
    if column in _OF_ROLES:
        return f"nobody measures {column!r} on station {station.name}; {roles.who_measures(column)}."
    return f"no column {column!r}; {nearest(column, (*measured, ELAPSED))}."


def _problem(condition: Until, allowed: dict[str, Range], pack: PackFile) -> str:
    """What is wrong with one condition, as a sentence; empty for nothing."""
    column = condition.column
    try:
        value = float(condition.resolve(pack))
    except (TypeError, ValueError) as error:
        return f"an end condition on {column!r} compares with no number: {error}"
    if not isfinite(value):
        return f"an end condition on {column!r} compares with {value:g} and would never end it."
    if not 0 <= condition.hold < inf:
        return f"an end condition on {column!r} must hold for {condition.hold:g} s: give 0 s or more."
    if column == ELAPSED and value <= 0:
        return f"a time of {value:g} s is none: give elapsed() more than 0, in seconds, minutes or hours.{_time(value)}"
    return _outside(condition, value, allowed.get(column))


def _outside(condition: Until, value: float, allowed: Range | None) -> str:
    if allowed is None or value in allowed:
        return ""
    likely = meant(value, allowed.unit, allowed.low, allowed.high)
    return f"the end condition {condition} lies outside of what can be, {allowed}.{likely}"


def _time(value: float) -> str:
    return meant(value, "s", 0.0, LONGEST_STEP) if value < 0 else ""
