"""The electrical operating point: one battery, one supply and one load on the same two terminals.

Each of them is a characteristic, current over voltage; the point is where their currents sum to zero. Closed form, no
iteration and no time: what the battery does with the current is the plant's matter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf, sqrt
from typing import Any, Final, NamedTuple, Protocol, Self


class Regulation(Enum):
    """Which limit decides at the supply's terminals."""

    OFF = "off"
    VOLTAGE = "CV"
    CURRENT = "CC"
    POWER = "CP"


class LoadMode(Enum):
    """What an electronic load holds constant."""

    CURRENT = "CC"
    RESISTANCE = "CR"
    VOLTAGE = "CV"
    POWER = "CP"


@dataclass(slots=True)
class SupplyPort:
    """Set points of a bidirectional supply: V, and A and W each way, all positive."""

    on: bool = False
    voltage: float = 0.0
    source_current: float = 0.0
    source_power: float = inf
    sink_current: float = 0.0
    sink_power: float = inf


@dataclass(slots=True)
class LoadPort:
    """Set point of an electronic load: A, Ohm, V or W by mode, never more than `current_limit` A."""

    on: bool = False
    mode: LoadMode = LoadMode.CURRENT
    value: float = 0.0
    current_limit: float = inf


class StuckSupplyPort(SupplyPort):
    """A power stage that has been on once and cannot be switched off any more."""

    __slots__ = ("_stuck",)

    @property
    def on(self) -> bool:
        """Whether it conducts."""
        return self._stuck

    @on.setter
    def on(self, value: bool) -> None:
        self._stuck: bool = getattr(self, "_stuck", False) or value


class _Instrument(Protocol):
    """Who believes that a power stage does what it says; its set points are those of `port`."""

    @property
    def port(self) -> SupplyPort | LoadPort:
        """What it has said to its stage."""
        ...


class StuckStage:
    """A power stage that goes on conducting after its instrument believes it off; set points are the instrument's."""

    def __init__(self, instrument: _Instrument) -> None:
        self._instrument, self._stuck = instrument, instrument.port.on
        self._below: Any = instrument.port

    def lay(self, below: Any) -> Self:
        """Lie on another stage from now on, which is not seen while this one is there."""
        self._below = below
        return self

    @property
    def on(self) -> bool:
        """Whether it conducts: for good, once it was switched on."""
        self._stuck = self._stuck or self._instrument.port.on
        return self._stuck

    def __getattr__(self, name: str) -> object:
        """Read a set point."""
        return getattr(self._instrument.port, name)


class DeadStage:
    """A power stage that conducts nothing, whatever its instrument believes; set points are the instrument's."""

    def __init__(self, instrument: _Instrument) -> None:
        self._instrument, self._below = instrument, instrument.port

    def lay(self, below: Any) -> Self:
        """Lie on another stage from now on, which learns what it is told and is not seen otherwise."""
        self._below = below
        return self

    @property
    def on(self) -> bool:
        """Whether it conducts."""
        _ = self._below.on
        return False

    def __getattr__(self, name: str) -> object:
        """Read a set point."""
        return getattr(self._instrument.port, name)


@dataclass(slots=True)
class Battery:
    """Thevenin equivalent of what hangs on the terminals: `voltage` V, `resistance` Ohm; None while disconnected."""

    voltage: float
    resistance: float
    current_limit: float = inf


class OperatingPoint(NamedTuple):
    """Terminal voltage (V) and currents (A). `battery` charges it, `supply` is delivered (< 0: sinks), `load` drawn.

    `battery == supply - load`, to rounding.
    """

    voltage: float = 0.0
    battery: float = 0.0
    supply: float = 0.0
    load: float = 0.0
    regulation: Regulation = Regulation.OFF


OPEN: Final = OperatingPoint()


@dataclass(slots=True)
class Settling:
    """Says whether something was switched or set since the operating point was found, and has it found anew.

    Electronics settles in no time on a battery's scale: who measures calls `settle` first and never sees a stale point.
    """

    find: Callable[[], None] = lambda: None
    stale: bool = True

    def settle(self) -> None:
        """Find the operating point anew if anything has changed."""
        if self.stale:
            self.stale = False
            self.find()


def operating_point(battery: Battery | None, supply: SupplyPort, load: LoadPort) -> OperatingPoint:
    """Find the point at which the terminals settle.

    A limited supply sources `min(current, power / V)` below its voltage set point and sinks likewise above it.
    Of the two points that a constant-power load allows, the one at the higher voltage is taken; the other is
    unstable.
    """
    conductance = 1.0 / battery.resistance if battery is not None else 0.0
    short_circuit = battery.voltage * conductance if battery is not None else 0.0
    point = _settle(conductance, short_circuit, supply, load)
    if battery is not None and abs(point.battery) > battery.current_limit:
        return _limited_by_battery(battery, supply, load, charging=point.battery > 0)
    return point


def _settle(conductance: float, short_circuit: float, supply: SupplyPort, load: LoadPort) -> OperatingPoint:
    if not supply.on:
        if conductance == 0.0:
            return OPEN
        voltage, drawn = _balance(conductance, short_circuit, load)
        return OperatingPoint(voltage, -drawn, 0.0, drawn, Regulation.OFF)
    voltage = supply.voltage
    drawn = _drawn(load, voltage)
    needed = voltage * conductance - short_circuit + drawn
    if needed >= 0.0:
        current, power = supply.source_current, supply.source_power
    else:
        current, power = -supply.sink_current, -supply.sink_power
    if abs(needed) <= abs(current) and abs(needed) * voltage <= abs(power):
        return OperatingPoint(voltage, needed - drawn, needed, drawn, Regulation.VOLTAGE)
    voltage, drawn = _balance(conductance, short_circuit + current, load)
    if voltage * abs(current) <= abs(power):
        return OperatingPoint(voltage, current - drawn, current, drawn, Regulation.CURRENT)
    voltage, drawn = _balance(conductance, short_circuit, load, power)
    given = power / voltage if voltage else 0.0
    if abs(given) > abs(current):
        # Below the voltage at which the power limit holds, the load wants more than the current limit: collapse.
        drawn = max(short_circuit + current, 0.0)
        return OperatingPoint(0.0, current - drawn, current, drawn, Regulation.CURRENT)
    return OperatingPoint(voltage, given - drawn, given, drawn, Regulation.POWER)


def _balance(conductance: float, current: float, load: LoadPort, power: float = 0.0) -> tuple[float, float]:
    """Voltage and load current where a load meets a Norton source (S, A) helped by a constant power (W)."""
    if not load.on:
        return _voltage(conductance, current, power), 0.0
    if load.mode is LoadMode.RESISTANCE:
        voltage = _voltage(conductance + 1.0 / load.value, current, power)
    elif load.mode is LoadMode.POWER:
        voltage = _voltage(conductance, current, power - load.value)
    elif load.mode is LoadMode.VOLTAGE:
        voltage = min(_voltage(conductance, current, power), load.value)
        surplus = current - voltage * conductance + (power / voltage if voltage else 0.0)
        if surplus <= load.current_limit:
            return voltage, max(surplus, 0.0)
        voltage = 0.0
    else:
        level = min(load.value, load.current_limit)
        voltage = _voltage(conductance, current - level, power)
        if voltage > 0.0:
            return voltage, level
    drawn = _drawn(load, voltage)
    if voltage > 0.0 and drawn < load.current_limit:
        return voltage, drawn
    # The load takes all it can: either it is at its own limit, or the source has collapsed into a short circuit.
    voltage = _voltage(conductance, current - load.current_limit, power)
    return (voltage, load.current_limit) if voltage > 0.0 else (0.0, max(current, 0.0))


def _voltage(conductance: float, current: float, power: float) -> float:
    """The upper root of `conductance * V**2 - current * V - power = 0`; 0 when the source collapses."""
    if conductance == 0.0:
        return max(-power / current, 0.0) if current else 0.0
    if power == 0.0:
        voltage = current / conductance
        return voltage if voltage > 0.0 else 0.0
    discriminant = current * current + 4.0 * conductance * power
    return max((current + sqrt(discriminant)) / (2.0 * conductance), 0.0) if discriminant > 0.0 else 0.0


def _drawn(load: LoadPort, voltage: float) -> float:
    """Current a load draws at a voltage that somebody else holds."""
    if not load.on or voltage <= 0.0:
        return 0.0
    if load.mode is LoadMode.CURRENT:
        return min(load.value, load.current_limit)
    if load.mode is LoadMode.RESISTANCE:
        return min(voltage / load.value, load.current_limit)
    if load.mode is LoadMode.POWER:
        return min(load.value / voltage, load.current_limit)
    return load.current_limit if voltage > load.value else 0.0


def _limited_by_battery(battery: Battery, supply: SupplyPort, load: LoadPort, *, charging: bool) -> OperatingPoint:
    """A battery that takes or gives no more (an emulator at its current limit): the other side moves the voltage."""
    current = battery.current_limit if charging else -battery.current_limit
    tiny = 1e-9  # S: a current source, made solvable
    point = _settle(tiny, -current, supply, load)
    return OperatingPoint(point.voltage, current, point.supply, point.supply - current, point.regulation)
