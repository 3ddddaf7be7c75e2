"""A scenario is data: frozen steps, each with the conditions that end it. The engine gives them time and current.

Rates are written as a cell engineer writes them (`"C/3"`, `"1C"`, `"0.5C"`) or as amperes of the whole pack.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from bench.columns import CELL_VOLTAGE_MAX, CELL_VOLTAGE_MIN, CURRENT, SOC
from bench.pack import PackFile
from bench.profile import Interpolation, Quantity, Survey, survey
from bench.strategies import FollowLimit, Strategy
from instruments.wording import digits

Rate = str | float
ELAPSED = "Step Time / s"

_RATE = re.compile(r"^\s*(?:(?P<times>\d+(?:\.\d*)?|\.\d+)?\s*C\s*(?:/\s*(?P<hours>\d+(?:\.\d*)?|\.\d+))?)\s*$")


def c_rate(text: str) -> float:
    """C-rate in 1/h behind "C/3", "1C", "0.5C" or "2C/3"; raises `ValueError` on anything else."""
    match = _RATE.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no C-rate: write for example 'C/3', '1C' or '0.5C'.")
    times, hours = match["times"], match["hours"]
    divisor = float(hours) if hours else 1.0
    if divisor == 0:
        raise ValueError(f"{text!r} is no C-rate: it divides by zero.")
    return (float(times) if times else 1.0) / divisor


def amperes(rate: Rate, pack: PackFile) -> float:
    """Current of the whole pack, A, positive: a C-rate refers to the rated capacity."""
    return c_rate(rate) * pack.rated_capacity if isinstance(rate, str) else float(rate)


@dataclass(frozen=True, slots=True)
class Until:
    """A condition on a recorded column that ends a step once it has held for `hold` seconds.

    `value` is in the column's unit, or a C-rate for a current, which is compared by magnitude.
    """

    column: str
    comparison: Literal["<=", ">="]
    value: Rate
    hold: float = 0.0

    def resolve(self, pack: PackFile) -> float:
        """The threshold as a number in the column's unit."""
        return amperes(self.value, pack) if isinstance(self.value, str) else self.value

    def __str__(self) -> str:
        name, _, unit = self.column.partition(" / ")
        value = (
            self.value
            if isinstance(self.value, str)
            else f"{digits(self.value)} {unit.replace('degC', '°C')}".removesuffix(" 1")
        )
        word = {"<=": "at most", ">=": "at least"}[self.comparison]
        return f"{name} {word} {value}" + (f" for {self.hold:g} s" if self.hold else "")


def elapsed(*, seconds: float = 0.0, minutes: float = 0.0, hours: float = 0.0) -> Until:
    """The step has lasted this long."""
    return Until(ELAPSED, ">=", seconds + 60 * minutes + 3600 * hours)


def current_below(rate: Rate, hold: float = 10.0) -> Until:
    """The current has tapered to `rate`."""
    return Until(CURRENT, "<=", rate, hold)


def cell_voltage_above(voltage: float) -> Until:
    """The highest cell has reached `voltage` V."""
    return Until(CELL_VOLTAGE_MAX, ">=", voltage)


def cell_voltage_below(voltage: float) -> Until:
    """The lowest cell has fallen to `voltage` V."""
    return Until(CELL_VOLTAGE_MIN, "<=", voltage)


def soc_above(soc: float) -> Until:
    """The BMS shows at least this state of charge (0 to 1)."""
    return Until(SOC, ">=", soc)


def soc_below(soc: float) -> Until:
    """The BMS shows at most this state of charge (0 to 1)."""
    return Until(SOC, "<=", soc)


def _conditions(until: Until | Sequence[Until], step: str) -> tuple[Until, ...]:
    """Raises `ValueError`, one sentence, where nothing that was given could end the step."""
    conditions = tuple(until) if isinstance(until, list | tuple) else (until,)
    if not conditions:
        raise ValueError(f"step {step!r} has no end condition: give it an `until`.")
    wrong = [each for each in conditions if not isinstance(each, Until)]
    if wrong:
        raise ValueError(f"step {step!r} has the end condition {wrong[0]!r}: write for example elapsed(minutes=30).")
    return conditions


def further(until: Until | Sequence[Until], step: str) -> tuple[Until, ...]:
    """What may end a step before it ends by itself, nothing too; raises `ValueError` for what is no end condition."""
    return () if until in (None, (), []) else _conditions(until, step)


def _slowest(conditions: Sequence[Until], pack: PackFile) -> float:
    """How long (s) a full charge takes at the lowest current that does not end it, as a BMS may allow; 0: none."""
    ends = [each for each in conditions if (each.column, each.comparison) == (CURRENT, "<=")]
    lowest = max((each.resolve(pack) for each in ends), default=0.0)
    return 3600 * pack.rated_capacity / lowest if lowest > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """What every step has: a name for the report, and the longest it may take before the bench is at fault.

    A step that carries a current or rests needs an `until`: one without is refused in one sentence by pre-flight.
    """

    step_type: ClassVar[str] = "REST"
    name: str = ""
    timeout: float | None = field(default=None)

    @property
    def kind(self) -> str:
        """The class name, as recorded."""
        return type(self).__name__

    @property
    def identity(self) -> str:
        """What tells it from every other step: a run is continued only with the same."""
        return repr(self)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """What ends the step; the first one to hold does."""
        return ()

    def expected_duration(self, pack: PackFile) -> float:
        """A rough guess in seconds, for the progress display and the default timeout."""
        times = [condition.resolve(pack) for condition in self.conditions if condition.column == ELAPSED]
        return min(times, default=3600.0)

    def foreseen_duration(self, pack: PackFile) -> float | None:
        """The same for people, s; None where neither a time nor the kind of step tells how long it takes."""
        told = type(self).expected_duration is not Step.expected_duration or _has_time(self.conditions)
        return self.expected_duration(pack) if told else None

    def slowest(self, pack: PackFile) -> float:
        """How long it may take, in s, where somebody else says how fast; 0 where the step says it itself."""
        return 0.0


@dataclass(frozen=True)
class Soak(Step):
    """Bring the chamber to `temperature` degC and wait until air and cells have settled there.

    Settled: air within the station's band, every cell within its cell band and drifting less than 1 K/h
    (IEC 62660-1 calls for 12 h or thermal equilibrium; ISO 12405-4 for thermal equilibration).
    """

    temperature: float
    ramp: float | None = None
    name: str = field(default="soak", kw_only=True)

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`."""
        return 2 * 3600.0


@dataclass(frozen=True)
class Rest(Step):
    """No current, outputs off, chamber as it is."""

    until: Until | Sequence[Until] = ()
    name: str = field(default="rest", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`."""
        return _conditions(self.until, self.name)


@dataclass(frozen=True)
class Charge(Step):
    """Constant current `rate`, then constant voltage held on the highest cell, within what the BMS allows."""

    step_type: ClassVar[str] = "CCCV_CHG"
    rate: Rate
    until: Until | Sequence[Until] = ()
    cell_voltage: float | None = None
    name: str = field(default="charge", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`."""
        return _conditions(self.until, self.name)

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`."""
        full = 3600 * pack.rated_capacity / max(amperes(self.rate, pack), 1e-6) + 1200
        return min(full, super().expected_duration(pack) if _has_time(self.conditions) else full)

    def slowest(self, pack: PackFile) -> float:
        """See `Step.slowest`."""
        return _slowest(self.conditions, pack)


@dataclass(frozen=True)
class Discharge(Step):
    """Constant current `rate` out of the pack."""

    step_type: ClassVar[str] = "CC_DCH"
    rate: Rate
    until: Until | Sequence[Until] = ()
    name: str = field(default="discharge", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`."""
        return _conditions(self.until, self.name)

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`."""
        full = 3600 * pack.rated_capacity / max(amperes(self.rate, pack), 1e-6)
        return min(full, super().expected_duration(pack) if _has_time(self.conditions) else full)


@dataclass(frozen=True)
class FastRecharge(Step):
    """Charge with the current limit that the BMS sends on CAN, scan by scan, up to the pack's own limit.

    A `strategy` (see `bench.strategies`) may ask for less; where it asks for more it is cut, and the cut is reported.
    With `condition` (degC) coolant, or the chamber where there is none, brings the cells there meanwhile, as a car does
    that is plugged in.
    """

    step_type: ClassVar[str] = "CCCV_CHG"
    until: Until | Sequence[Until] = ()
    strategy: Strategy = field(default=FollowLimit(), repr=False)
    condition: float | None = None
    name: str = field(default="fast recharge", kw_only=True)

    @property
    def identity(self) -> str:
        """See `Step.identity`."""
        return f"{self!r} {self.strategy.name}" if self.strategy.asks else repr(self)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`."""
        return _conditions(self.until, self.name)

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`."""
        full = 3600 * pack.rated_capacity / pack.limits.charge_current
        return min(full, super().expected_duration(pack) if _has_time(self.conditions) else full)

    def slowest(self, pack: PackFile) -> float:
        """See `Step.slowest`."""
        return _slowest(self.conditions, pack)


@dataclass(frozen=True)
class Pulse(Step):
    """A discharge pulse for the DC resistance, scanned ten times a second (ISO 12405-4, 7.3: 18 s)."""

    step_type: ClassVar[str] = "CC_DCH"
    rate: Rate
    duration: float = 18.0
    name: str = field(default="pulse", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`."""
        return (elapsed(seconds=self.duration),)


@dataclass(frozen=True)
class ConstantPower(Step):
    """Constant power `power` W at the terminals; positive charges, within what the BMS allows, negative discharges."""

    step_type: ClassVar[str] = "CP"
    power: float
    until: Until | Sequence[Until] = ()
    name: str = field(default="constant power", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`."""
        return _conditions(self.until, self.name)

    def expected_duration(self, pack: PackFile) -> float:
        """See `Step.expected_duration`."""
        energy = 3600 * pack.rated_capacity * (pack.voltage_min + pack.voltage_max) / 2
        full = energy / max(abs(self.power), 1e-6)
        return min(full, super().expected_duration(pack) if _has_time(self.conditions) else full)


@dataclass(frozen=True)
class Profile(Step):
    """A current (A) or power (W) over time; positive charges, negative discharges.

    `points` are (time in s, value) from the start of the step on, or a CSV file with such columns, of any length (see
    `bench.profile`). Every value is multiplied by `scale`. `interpolation` says what holds between two points: the one
    before (`previous`), or a straight line (`linear`). It ends with its last point, or when `until` holds before.
    """

    step_type: ClassVar[str] = "PROFILE"
    points: str | Path | Sequence[tuple[float, float]]
    quantity: Quantity = "current"
    scale: float = 1.0
    interpolation: Interpolation = "previous"
    until: Until | Sequence[Until] = ()
    name: str = field(default="profile", kw_only=True)

    @property
    def conditions(self) -> tuple[Until, ...]:
        """See `Step.conditions`; the last one is the end of the profile."""
        return (*further(self.until, self.name), elapsed(seconds=self.survey.duration))

    @property
    def survey(self) -> Survey:
        """What the profile holds; raises `InputError` for one that cannot be followed."""
        return survey(self.points, self.quantity)

    @property
    def identity(self) -> str:
        """See `Step.identity`: a file is what it holds."""
        return f"{self!r} {self.survey.digest}"


def _has_time(conditions: Sequence[Until]) -> bool:
    return any(condition.column == ELAPSED for condition in conditions)


def standard_charge(name: str = "standard charge") -> Charge:
    """C/3 to the highest cell's limit, then down to C/20: the charge that restores the initial state of charge."""
    return Charge("C/3", until=current_below("C/20"), name=name)


def full_discharge(pack: PackFile, rate: Rate = "C/3", name: str = "discharge") -> Discharge:
    """Down to the lowest cell's limit (ISO 12405-4, 7.2: the supplier's limit ends the discharge)."""
    return Discharge(rate, until=cell_voltage_below(pack.limits.cell_voltage.min), name=name)
